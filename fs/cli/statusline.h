/* okstrafs statusline: Claude Code's JSON on stdin, one line for its status line on stdout. */
#ifndef OKSTRAFS_FS_CLI_STATUSLINE_H
#define OKSTRAFS_FS_CLI_STATUSLINE_H

#include "cli/options.h"

/* An exit code: 0, but for an input that is no JSON, and for an output that cannot be written. */
int statusline_run(const struct options *options);

#endif
