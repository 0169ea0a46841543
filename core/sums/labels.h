/*
 * Running sums by what lines say of themselves: the git branch, the reasoning effort, the tools that they
 * call. Under the model's lock.
 *
 * Nothing is kept until a document needs a kind. Then each session is added once; a session that has changed
 * since is marked, and added anew before the next document.
 *
 *     labels_want(sums, LABEL_TOOL);
 *     while ((rc = labels_complete_some(sums, billing)) > 0)
 *         ...                                       others get the lock
 *     oks_tree_each(labels_tree(sums, LABEL_TOOL), fn, ctx);
 */
#ifndef OKSTRAFS_SUMS_LABELS_H
#define OKSTRAFS_SUMS_LABELS_H

#include "billing/billed.h"
#include "sums/aggregate.h"
#include "sums/measure.h"
#include "sums/row_ranks.h"

struct billing;
struct sums;

enum label_kind {
    LABEL_BRANCH, /* of a project */
    LABEL_EFFORT,
    LABEL_TOOL,
    LABEL_KINDS
};

struct label_share;

struct label_row {
    struct ranked_row shown; /* the first member */
    const char *project;     /* interned; NULL: rows are not by project */
    char *name;              /* "": not known */
    struct aggregate sum;
    struct billed_bag billed;
    unsigned __int128 calls; /* of a tool, instead of sums and bills */
    size_t sessions;
    LIST_HEAD(, label_share) shares;
    /* Of the session that is being added: */
    const struct session *of;
    size_t at;
    struct label_share *before;
};

/* What a session has added to a row. */
struct label_share {
    struct label_row *row;
    uint64_t calls;
    struct label_bill {
        struct measure measure; /* .sessions 0: there are no events, only requests */
        struct billed_bag billed;
    } * bill; /* NULL: of a tool */
    LIST_ENTRY(label_share) of_row;
};

struct label_shares {
    struct label_share *items;
    size_t n;
};

/* Zeroed: nothing is kept. */
struct label_sums {
    void *rows[LABEL_KINDS]; /* tsearch trees by project and name */
    struct row_ranks ranks[LABEL_KINDS];
    bool kept[LABEL_KINDS];
    LIST_HEAD(, session_sums) due; /* sessions that have changed */
};

/* From now on the kind is kept. */
void labels_want(struct sums *sums, enum label_kind kind);
/* Adds sessions that have changed, some hundreds at most: 1 if there are more; 0; -ENOMEM. */
int labels_complete_some(struct sums *sums, struct billing *b);
/* The tree of each struct label_row (base/tree.h). Complete the sums first. */
const void *labels_tree(const struct sums *sums, enum label_kind kind);
void label_row_measure(struct label_row *row, struct measure *out);

/* The session has changed, or moved. */
void labels_due(struct sums *sums, struct session *s);
/* Takes back what it has added. */
void labels_leave(struct sums *sums, struct session *s);
/* Prices have changed: all of it is made anew. */
void labels_forget(struct sums *sums);
void labels_free(struct sums *sums);
void label_shares_free(struct label_shares *shares);

/* --- one session, in any window --- */

struct label_part {
    const char *project;
    struct oks_slice name;
    const struct measure *measure; /* NULL: none */
    uint64_t calls;
    const struct billed_bag *billed; /* NULL: none */
};

/* Calls fn with the session's parts, several of a row. 0, -ENOMEM, or the first non-zero value of fn. */
int labels_of_session(struct sums *sums, struct billing *b, enum label_kind kind, const struct session *s,
                      const struct measure_window *w, int (*fn)(void *ctx, const struct label_part *part),
                      void *ctx);

#endif
