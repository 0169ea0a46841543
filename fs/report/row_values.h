/* Rows as numbers, with the members of the documents that they are from. */
#ifndef OKSTRAFS_FS_REPORT_ROW_VALUES_H
#define OKSTRAFS_FS_REPORT_ROW_VALUES_H

#include "internal/rows.h"
#include "report/values.h"

/*
 * A row of a document of stats/: "key" and "billed"; of a tool "calls" and "sessions"; of a block also
 * "endTime", "isActive", "burnRate" and "projection". No other members. 0 or -ENOMEM
 */
int row_values(struct values *out, const struct oks_row *row);

#endif
