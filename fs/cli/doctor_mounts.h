/* The part of doctor that checks the mounts of this user, and their daemons. */
#ifndef OKSTRAFS_FS_CLI_DOCTOR_MOUNTS_H
#define OKSTRAFS_FS_CLI_DOCTOR_MOUNTS_H

#include "cli/options.h"

void doctor_check_mounts(const struct options *options);

#endif
