/*
 * The documents of a mount: the source of reports (report/rows.h) that reads its files.
 */
#ifndef OKSTRAFS_FS_CLI_MOUNTED_H
#define OKSTRAFS_FS_CLI_MOUNTED_H

#include "report/rows.h"

/* `folder` is a descriptor of the mountpoint, borrowed through a pointer to it. */
struct report_source mounted_source(int *folder);

#endif
