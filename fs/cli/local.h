/* okstrafs cat and okstrafs ls: the tree without FUSE. Each returns an exit code. */
#ifndef OKSTRAFS_FS_CLI_LOCAL_H
#define OKSTRAFS_FS_CLI_LOCAL_H

#include "cli/options.h"

int cat_run(const struct options *options);
int ls_run(const struct options *options);

#endif
