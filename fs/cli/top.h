/* okstrafs top: a live view of a mount. Returns an exit code. */
#ifndef OKSTRAFS_FS_CLI_TOP_H
#define OKSTRAFS_FS_CLI_TOP_H

#include "cli/options.h"

int top_run(const struct options *options);

#endif
