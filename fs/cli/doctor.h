/* okstrafs doctor: checks of the set-up, each with its fix. Returns an exit code: 0 if all pass. */
#ifndef OKSTRAFS_FS_CLI_DOCTOR_H
#define OKSTRAFS_FS_CLI_DOCTOR_H

#include "cli/options.h"

int doctor_run(const struct options *options);

#endif
