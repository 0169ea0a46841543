/*
 * What was used today, this week, this month: rows of by-day.json, by-week.json and by-month.json.
 *
 * Those are running sums. A window of the same span would measure each session that it cuts.
 */
#ifndef OKSTRAFS_FS_REPORT_PRESENT_H
#define OKSTRAFS_FS_REPORT_PRESENT_H

#include "report/rows.h"

struct oks_zone;

enum report_span { SPAN_TODAY, SPAN_YESTERDAY, SPAN_WEEK, SPAN_MONTH, SPAN_ALL };

/*
 * Calls fn with the row; NULL: nothing was used. For all of time it is the total. 0; -ENOENT: the source has
 * no such rows; another negative errno.
 */
int report_present(const struct report_source *source, enum report_span span, const struct oks_zone *zone,
                   int64_t now_ms, void (*fn)(void *ctx, const struct value *usage), void *ctx);

/* Where that row is: a kind, its key ("": none), and among how many of the kind's last
 * rows: behind it are those of a wrong clock, and what has no time. */
enum { REPORT_PRESENT_BYTES = 16, REPORT_PRESENT_ROWS = 8 };
const struct report_kind *report_present_kind(enum report_span span);
void report_present_key(enum report_span span, const struct oks_zone *zone, int64_t now_ms,
                        char out[REPORT_PRESENT_BYTES]);

#endif
