/*
 * A table for people: aligned columns of text, cut to a width.
 *
 *     static const struct table_title titles[] = {{"Day", TABLE_LEFT, 0}, {"Tokens", TABLE_RIGHT, 1}, {0}};
 *     struct table *t = table_new(titles);
 *
 *     table_cell(t, "2026-06-10");
 *     table_cell(t, "1,234");
 *     rc = table_print(t, &style);
 *     table_free(t);
 *
 * The cells of a row follow each other; a row is complete when each column has a cell. The first error
 * sticks, and table_print() returns it. Not thread safe.
 */
#ifndef OKSTRAFS_FS_REPORT_TABLE_H
#define OKSTRAFS_FS_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oks_zone;

enum emphasis { EMPHASIS_NONE, EMPHASIS_HEADING, EMPHASIS_TOTAL, EMPHASIS_ALARM, EMPHASIS_FAINT };

/* How text is shown, and where its lines go. */
struct report_style {
    size_t width; /* columns of the terminal */
    bool unicode; /* bars and cuts may be shown by characters that are not ASCII */
    const struct oks_zone *zone;
    int64_t now_ms; /* for what is of today */
    void (*line)(void *ctx, enum emphasis emphasis, const char *line);
    void *ctx;
};

enum table_align { TABLE_LEFT, TABLE_RIGHT };

struct table;

/*
 * A column. Where the width is too small the one with the least `keep` is left out first; the first column
 * always stays, and is cut. A column without a text in any cell is left out too.
 */
struct table_title {
    const char *text; /* borrowed; NULL: the end of the list */
    enum table_align align;
    unsigned keep;
};

struct table *table_new(const struct table_title *titles); /* NULL: none yet. NULL on ENOMEM */
void table_free(struct table *t);

/* One more column. */
void table_column(struct table *t, const char *title, enum table_align align, unsigned keep);
/* Hidden characters in the text are shown as '?'. NULL: none. */
void table_cell(struct table *t, const char *text);
/* The same with a bar behind the text: of a full one so many thousandths. */
void table_bar(struct table *t, const char *text, unsigned thousandths);
/* Of the row whose cells come next. The first row of totals gets a rule above. */
void table_emphasis(struct table *t, enum emphasis emphasis);

size_t table_rows(const struct table *t);

/* Titles, then rows. 0 or -ENOMEM. */
int table_print(const struct table *t, const struct report_style *style);
/* A line about the columns for which the width is too small, if there are any and it fits. 0 or -ENOMEM. */
int table_print_left_out(const struct table *t, const struct report_style *style);

#endif
