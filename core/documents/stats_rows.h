/* The rows of a document of stats/. */
#ifndef OKSTRAFS_DOCUMENTS_STATS_ROWS_H
#define OKSTRAFS_DOCUMENTS_STATS_ROWS_H

#include "documents/json.h"
#include "documents/documents.h"
#include "documents/picked.h"

/* A document in progress; or, instead of one, its rows that say most. */
struct stats {
    struct model *model;
    enum oks_stats by;
    const struct oks_window *window; /* NULL: all of time */
    struct measure_window w;
    int64_t now_ms;
    struct measure total;
    struct billed_bag total_billed;
    struct billed_sum sum; /* of total_billed */
    struct json *j;        /* with `picked` only its error */
    struct picked *picked; /* NULL: a document is written */
};

/* The end of each row: the thirteen keys and "billed". */
void stats_put_counts(struct stats *s, const struct measure *m, const struct billed_bag *billed);
void stats_put_row(struct stats *s, const char *key, const struct measure *m,
                   const struct billed_bag *billed);
/* Writes or picks the row as it last was; false if it has changed since, or never was. */
bool stats_put_kept(struct stats *s, const struct row_text *kept);
/* What the row comes to, and its key, always the same. On ENOMEM it is only not kept. */
void stats_keep_sum(struct row_text *kept, const char *key, const struct measure *m,
                    const struct billed_bag *billed);
/* stats_put_row(), and keeps the text, or what it comes to. On ENOMEM it is only not kept. */
void stats_put_and_keep(struct stats *s, struct row_text *kept, const char *key, const struct measure *m,
                        const struct billed_bag *billed);
/* Keeps the text of the row that begins at `start`, without the comma and the indent in front. */
void stats_keep(const struct stats *s, struct row_text *kept, size_t start);
/* A row for what is in the total and in no row, if there is anything: without times and names. */
void stats_put_rest(struct stats *s, const char *key, const struct measure *rows,
                    const struct billed_bag *rows_billed);

#endif
