/* Rows of a document of stats/ (private to the core). */
#ifndef OKSTRAFS_DOCUMENTS_STATS_ROWS_H
#define OKSTRAFS_DOCUMENTS_STATS_ROWS_H

#include "documents/json.h"
#include "documents/documents.h"

struct rescan;

/* A document of rows and a total. */
struct stats {
    struct model *model;
    enum oks_stats by;
    const struct oks_window *window; /* NULL: all of time */
    struct measure_window w;
    int64_t now_ms;
    struct measure total;
    struct billed_bag total_billed;
    struct json *j;
    struct rescan *rescan; /* what transcripts that the window cuts say of models */
};

/* What each row ends with: the thirteen keys and "billed". */
void stats_put_counts(struct stats *s, const struct measure *m, const struct billed_bag *billed);
void stats_put_row(struct stats *s, const char *key, const struct measure *m,
                   const struct billed_bag *billed);
/* A row for what is in the total and in no row yet, if that is anything: without times and names. */
void stats_put_rest(struct stats *s, const char *key, const struct measure *rows,
                    const struct billed_bag *rows_billed);

#endif
