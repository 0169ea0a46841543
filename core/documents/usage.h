/* Pieces that the documents share (private to the engine). json-c objects are new references, NULL on ENOMEM.
 */
#ifndef OKSTRAFS_DOCUMENTS_USAGE_H
#define OKSTRAFS_DOCUMENTS_USAGE_H

#include <json-c/json.h>

#include "engine/engine_private.h"

enum { document_style = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE };

/* Adds a member and takes over the value; false where value is NULL (out of memory). */
bool put(json_object *object, const char *key, json_object *value);
json_object *text_object(const char *text); /* invalid UTF-8 becomes U+FFFD; NULL: no memory */
bool put_text(json_object *object, const char *key, const char *text); /* NULL text: null */
/* Dollars as a decimal number, from integers; any number in 10^-12 too. */
json_object *money_object(oks_money amount);
bool put_count(json_object *object, const char *key, uint64_t count);
/* Nobody can know what these sessions used: their token counts are null. */
bool measure_is_unknown(const struct measure *m);
/* The thirteen keys, in their order. */
bool put_measure(json_object *object, const struct measure *m);
/* "window": {"since": ..., "until": ...}; empty bounds are null */
bool put_window(json_object *object, const char *since, const char *until);

/* document_billed.c: "billed": what the bag holds */
bool put_billed(json_object *object, const struct billed_bag *bag);
/* Picodollars as a number of dollars. */
bool put_cost(json_object *object, const char *key, unsigned __int128 cost);
bool billed_is_lower_bound(const struct billed_sum *sum);

bool put_measure_window(json_object *object, const struct measure_window *w);

/* The text of a document; takes over `object` (NULL: -ENOMEM). */
int document_finish(json_object *object, int64_t mtime_ns, uint64_t version, struct oks_document *out);

/* Calls fn under the lock. What it returns; *out is only set where that is 0. */
int document_locked(struct oks_engine *e, int (*fn)(void *ctx, struct oks_document *out), void *ctx,
                    struct oks_document *out);

/* --- stats/: document_stats.c, document_times.c, document_blocks.c --- */

struct rescan;

/* A document of rows and a total. */
struct stats {
    struct oks_engine *e;
    enum oks_stats by;
    const struct oks_window *window; /* NULL: all of time */
    struct measure_window w;
    int64_t now_ms;
    bool wanting;
    struct measure total;
    struct billed_bag total_billed;
    json_object *rows;
    struct rescan *rescan; /* what transcripts that the window cuts say of models */
    bool ok;
};

enum { STATS_ROW_LEVEL = 2 }; /* containers around a row */

/* A row, and the same with members of its own before the counts (takes over `row`); NULL on ENOMEM. */
json_object *stats_row(const char *key, const struct measure *m, const struct billed_bag *billed);
bool put_row(json_object *row, const struct measure *m, const struct billed_bag *billed);
void stats_add(struct stats *s, json_object *row); /* takes over; NULL: !s->ok */
/* Adds a row for what is in the total and in no row yet, if that is anything: without times and names. */
void stats_add_rest(struct stats *s, const char *key, const struct measure *rows,
                    const struct billed_bag *rows_billed);

/* What a row of time comes to in the window; *billed may be the row's own or `room`. False: nothing. */
bool times_row_in_window(struct stats *s, struct time_row *row, struct measure *m,
                         const struct billed_bag **billed, struct billed_bag *room);
void stats_times(struct stats *s, enum time_kind kind);
void stats_blocks(struct stats *s);

/* remembered.c: whether the text is still that of this version, window and depth of nesting */
bool remembered_is(const struct remembered *r, uint64_t version, const struct measure_window *w, int level);
/* Keeps the text of `part` where that is possible, and gives the part back (NULL of NULL). */
json_object *remembered_keep(struct remembered *r, json_object *part, uint64_t version,
                             const struct measure_window *w, int level);
/* A value that is written as that text; document_finish() must come before the lock is given up. */
json_object *remembered_part(const struct remembered *r);
/* What json-c wrote, with those texts in it, and room for so many bytes more; malloc'ed. NULL on ENOMEM. */
char *remembered_write(const char *text, size_t len, size_t more, size_t *out_len);

/* The team's document, as of that run (NULL: it has none); NULL on ENOMEM. */
json_object *team_document(struct oks_engine *e, struct team *team, const struct run *run,
                           const struct measure_window *w, int64_t *mtime_ns);

/* These two also add what was billed to *bag; NULL: it is not asked for. -ENOMEM; -ENOENT: nobody is that
 * member. */
int team_measure(struct oks_engine *e, const struct team *team, const struct run *run,
                 const struct measure_window *w, struct measure *out, struct billed_bag *bag);
int member_measure(struct oks_engine *e, const struct team *team, const char *member,
                   const struct measure_window *w, struct measure *out, struct billed_bag *bag);

#endif
