#ifndef OKSTRAFS_FS_CLI_FORGET_H
#define OKSTRAFS_FS_CLI_FORGET_H

#include "cli/options.h"

/* okstrafs forget SESSION...|--all: an exit code. */
int forget_run(const struct options *options);

#endif
