/* okstrafs export: the tree as regular files. Returns an exit code. */
#ifndef OKSTRAFS_FS_CLI_EXPORT_H
#define OKSTRAFS_FS_CLI_EXPORT_H

#include "cli/options.h"

int export_run(const struct options *options);

#endif
