/* okstrafs scan: reads all transcripts and fills the caches. Returns an exit code. */
#ifndef OKSTRAFS_FS_CLI_SCAN_H
#define OKSTRAFS_FS_CLI_SCAN_H

#include "cli/options.h"

int scan_run(const struct options *options);

#endif
