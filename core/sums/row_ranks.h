/*
 * Which rows of a kind say most, kept while rows change: a page shows a few of thousands. Under the model's
 * lock.
 *
 * The owner of the rows tells what changes. documents/ranked.h puts the changed ones where they belong now,
 * when somebody asks.
 *
 *     ranked_row_start(&row->shown, &ranks);     the row is new
 *     ranked_row_changed(&row->shown);           what it comes to is another
 *     ranked_row_clear(&row->shown);             it leaves
 */
#ifndef OKSTRAFS_SUMS_ROW_RANKS_H
#define OKSTRAFS_SUMS_ROW_RANKS_H

#include <sys/queue.h>

#include "sums/aggregate.h"

enum { RANKED_MAX = 64 };

/* How a row is shown, and its place among the others. The first member of a row, so that a tree of rows is
 * one of these. */
struct ranked_row {
    struct row_text text;
    struct row_ranks *ranks;
    bool queued;  /* in ranks->changed */
    bool placed;  /* in ranks->items */
    bool counted; /* in ranks->n_all */
    LIST_ENTRY(ranked_row) of_changed;
};

/* Zeroed: not known yet. */
struct row_ranks {
    struct ranked_row *items[RANKED_MAX]; /* the dearest first: those of `n_all` rows that say most */
    size_t n;
    size_t n_all; /* rows that are shown at all */
    bool known;   /* but for `changed` */
    LIST_HEAD(, ranked_row) changed;
};

/* A row without anything else: zeroed before. */
void ranked_row_start(struct ranked_row *row, struct row_ranks *ranks);
void ranked_row_changed(struct ranked_row *row);
/* Takes it out of `items`, and does not count it. */
void ranked_row_take(struct ranked_row *row);
/* Takes it out of everything, and frees its text. */
void ranked_row_clear(struct ranked_row *row);

#endif
