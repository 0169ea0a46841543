/*
 * JSON values as the cells of a table: thousands grouped, dollars to the cent, times local.
 *
 * The marks of cells that need an explanation are collected, so that a line below the table can give it.
 */
#ifndef OKSTRAFS_FS_REPORT_CELLS_H
#define OKSTRAFS_FS_REPORT_CELLS_H

#include "report/values.h"
#include "report/kinds.h"
#include "report/table.h"

struct cell_marks {
    bool at_least; /* ">": the real figure may be higher */
    bool unknown;  /* "?": nothing that was used has a price */
};

/*
 * The text of a value. Each returns `out`, or a text that the value has itself: valid as long as both. A
 * value that is null or absent has no text: "".
 */
enum { CELL_BYTES = 64 };
const char *cell_count(const struct value *v, char out[CELL_BYTES]);
/* `in` is the object with the value; its "lowerBound" counts. An amount that is null is "?". */
const char *cell_usd(const struct value *v, const struct value *in, struct cell_marks *marks,
                     char out[CELL_BYTES]);
/* "2026-06-10 14:05"; what is no time stamp is shown as it is. */
const char *cell_time(const struct value *v, const struct oks_zone *zone, char out[CELL_BYTES]);
const char *cell_percent(const struct value *v, char out[CELL_BYTES]);
const char *cell_name(const struct value *v);

/* One of `whole` in thousandths; and a ratio, which is one of 1. */
unsigned cell_share(const struct value *part, const struct value *whole);
unsigned cell_ratio(const struct value *ratio);

/*
 * The same of numbers as the engine has them (internal/rows.h). An amount or a ratio is a decimal number; ""
 * is one that is not known.
 */
const char *cell_count_of(uint64_t count, char out[CELL_BYTES]);
char *cell_count_before(uint64_t count, char *end); /* its begin; no NUL. There is room for CELL_BYTES */
const char *cell_usd_of(const char *cost, bool at_least, struct cell_marks *marks, char out[CELL_BYTES]);
const char *cell_time_of(const char *stamp, const struct oks_zone *zone, char out[CELL_BYTES]);
const char *cell_percent_of(const char *ratio, char out[CELL_BYTES]);
unsigned cell_share_of(const char *part, const char *whole);
/* The same of many parts of one whole, which is cell_number() of its text. */
unsigned cell_share_of_number(const char *part, double whole);
double cell_number(const char *text); /* "": 0 */
unsigned cell_share_of_counts(uint64_t part, uint64_t whole);
unsigned cell_ratio_of(const char *ratio);

/* The columns of a table, and the cells of a row in them. `key` is the first cell; `total` (may be NULL) is
 * what shares are of. */
void cells_columns(struct table *t, const struct report_kind *kind);
void cells_row(struct table *t, const struct report_kind *kind, const char *key, const struct value *row,
               const struct value *total, const struct report_style *style, struct cell_marks *marks);

/* A row of nothing: each count and amount is zero. */
void cells_nothing(struct table *t, const struct report_kind *kind, const char *key);

/* The lines that explain the marks; none where there are none. */
void cells_explain(const struct cell_marks *marks, const struct report_style *style);

#endif
