/* stats/by-day.json and stats/by-hour.json (private to the core). */
#ifndef OKSTRAFS_DOCUMENTS_BY_TIME_H
#define OKSTRAFS_DOCUMENTS_BY_TIME_H

#include "documents/stats_rows.h"

void stats_put_by_time(struct stats *s, enum time_kind kind);

#endif
