/* okstrafs report: tables of usage and cost. Returns an exit code. */
#ifndef OKSTRAFS_FS_CLI_REPORT_H
#define OKSTRAFS_FS_CLI_REPORT_H

#include "cli/options.h"

int report_run(const struct options *options);

#endif
