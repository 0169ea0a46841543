/*
 * The parts of report.html (private to fs/report).
 *
 * A document that does not exist, because nothing is configured or nothing runs, leaves its section out. Each
 * function that returns an int returns 0 or a negative errno.
 */
#ifndef OKSTRAFS_FS_REPORT_PAGE_PARTS_H
#define OKSTRAFS_FS_REPORT_PAGE_PARTS_H

#include "report/cells.h"
#include "report/kept.h"
#include "report/page.h"

/* Rows that are shown more than once. Short keys only: those of time. */
enum { PAGE_ROWS_MAX = 30, PAGE_KEY_BYTES = 64 };
struct page_rows {
    struct page_kept_row {
        struct oks_row row;
        char key[PAGE_KEY_BYTES];
    } items[PAGE_ROWS_MAX];
    size_t n;
    struct oks_rows_total total;
};

struct page {
    struct markup *m;
    const struct report_source *source;
    const struct page_time *time;
    struct cell_marks marks; /* of all sections, to be explained at the end */
    struct kept *kept;       /* NULL: nothing is kept */
    double whole;            /* what shares are of, in the table that is being written */
    struct oks_bill total;   /* the one that was written last ... */
    size_t total_at;         /* ... where, in the markup ... */
    size_t total_len;        /* ... and how long its cells are; 0: none yet */
    struct page_rows *days;  /* the last ones */
};

/* --- page_parts.c: the frame, and tables --- */

int page_begin(const struct page *p);
void page_end(const struct page *p);

/* `id` is unique in the page. */
void page_begin_section(const struct page *p, const char *id, const char *title);
void page_end_section(const struct page *p);

/* A table may be wider than a phone: then it can be scrolled, with the keyboard too. The caption is unique in
 * the page. page_head() comes next. */
void page_begin_table(const struct page *p, const char *caption);
void page_end_table(const struct page *p);

struct page_column {
    const char *title; /* NULL: the end of the list */
    bool is_text;      /* aligned to the left */
};

/* The titles, and the beginning of the body. */
void page_head(const struct page *p, const struct page_column *columns);
/* The first cell of a row, and the others; "</tr>" is the caller's. */
void page_row_name(const struct page *p, const char *name);
void page_cell(const struct page *p, const char *text, bool is_text);
/* A number, or nothing. */
void page_count(const struct page *p, bool is_known, uint64_t count);
/* A part of a whole in thousandths, rounded; and a ratio, a decimal number, which is cut, so that it is below
 * 100 % until the limit is reached, and may be above. Both with a bar. */
void page_share(const struct page *p, unsigned thousandths);
void page_ratio(const struct page *p, const char *ratio);

/* --- page_rows.c: rows of kinds --- */

/* Today (of p->days), this week, this month, all of time. */
int page_cards(struct page *p);
/* The rows of a kind that cost most, as a section; none if there are fewer than `least`. */
int page_kind(struct page *p, const char *kind, const char *title, size_t least);
/* The running block, and the last ones. */
int page_blocks(struct page *p);
/* For a source's rows(), with a struct page_rows that is empty. */
int page_take_row(void *page_rows, const struct oks_row *row);
/* A table of rows and their total. */
void page_put_rows(struct page *p, const struct report_kind *kind, const struct page_rows *rows,
                   const char *caption);

/* --- page_days.c --- */

/* The last days. -ENOENT: the source has none. */
int page_read_days(const struct report_source *source, struct page_rows *out);
/* Charts of p->days, and the rows. */
void page_days(struct page *p);

#endif
