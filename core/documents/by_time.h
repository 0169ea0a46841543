/* Documents of stats/ with rows of days, weeks, months or hours (private to the core). */
#ifndef OKSTRAFS_DOCUMENTS_BY_TIME_H
#define OKSTRAFS_DOCUMENTS_BY_TIME_H

#include "documents/stats_rows.h"

void stats_put_by_time(struct stats *s, enum time_kind kind);

#endif
