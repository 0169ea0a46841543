/*
 * report.html, by-day.svg and a session's report.svg: pages for a browser, made from the mount's documents.
 *
 * A page holds all that it needs, asks for nothing and runs nothing: its Content-Security-Policy allows one
 * style element, by its hash. It is made for light and dark, for a phone, and for a screen reader: each chart
 * has its numbers as a table too.
 */
#ifndef OKSTRAFS_FS_REPORT_PAGE_H
#define OKSTRAFS_FS_REPORT_PAGE_H

#include "report/markup.h"

#include "report/rows.h"

struct oks_zone;

struct page_time {
    const struct oks_zone *zone; /* of days and times; NULL: UTC */
    int64_t now_ms;
};

/* Each returns 0 or a negative errno of the source; errors of `f` are the caller's. */
int page_print(struct markup *m, const struct report_source *source, const struct page_time *time);
/* Drops what is kept of the last page: the next one is written as a whole. To be called before a zone goes,
 * if there will be pages in another one. */
void page_forget(void);
/* Spend by day of the last 30 days. */
int page_print_days(struct markup *m, const struct report_source *source, const struct page_time *time);
/* What a session cost and used, and how full its context is. -ENOENT: no such session. */
int page_print_session(struct markup *m, const struct report_source *source, const char *id);

#endif
