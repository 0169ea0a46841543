/*
 * Label sets: what was billed by project, agent, team and source together, for the counters of metrics.prom.
 * Under the model's lock.
 *
 * Nobody bounds the number of label sets but this file. Those with the earliest activity are shown up to the
 * bound, and all others are one. A new set is the latest one, so it changes none that is shown.
 *
 * Nothing is kept until they are first asked for. Then a bill is added to the set of its session as well, and
 * a session whose labels may have changed is marked, and gets into its set before the next document.
 *
 *     if (label_sets_complete(sums, most) == 0)
 *         for (size_t i = 0; i < sums->label_sets.n_shown; i++)
 *             ...
 */
#ifndef OKSTRAFS_SUMS_LABEL_SETS_H
#define OKSTRAFS_SUMS_LABEL_SETS_H

#include <sys/queue.h>

#include "billing/billed.h"
#include "sums/aggregate.h"

struct session;
struct session_sums;
struct sums;

enum { LABEL_SET_TEXTS = 3 }; /* of documents/: a set is in so many places of one */

struct label_set {
    const char *project, *agent, *source, *team; /* interned; NULL: none is known. team: "" is none */
    struct billed_bag billed;                    /* of its sessions, by model */
    struct billed_sum total;                     /* when it was complete last, as what follows */
    size_t models;                               /* with a bill */
    struct oks_stamp first;                      /* of its sessions; none: not known */
    bool placed;                                 /* in by_age, by this stamp */
    bool shown;
    struct row_text text[LABEL_SET_TEXTS];
    LIST_HEAD(, session_sums) sessions;
    bool changed;     /* in label_sets.changed */
    bool first_stale; /* a session may have left that was the first */
    LIST_ENTRY(label_set) of_changed;
};

/* Zeroed: nothing is kept. */
struct label_sets {
    void *tree; /* tsearch tree by the addresses of the labels */
    struct label_set **by_age;
    size_t n, room;
    size_t models;                 /* of all */
    size_t most;                   /* the bound of those that are shown */
    struct label_set **shown;      /* ascending by their labels */
    size_t n_shown;                /* these are the first ones of by_age */
    size_t shown_models;           /* their models: at most the bound */
    struct billed_sum shown_total; /* what they were billed */
    bool kept;
    bool order_stale;               /* by_age is not sorted */
    bool choice_stale;              /* others may have to be shown */
    LIST_HEAD(, session_sums) due;  /* sessions whose labels or whose first stamp may have changed */
    LIST_HEAD(, label_set) changed; /* sets to be looked at */
};

/* The session's labels or its share may have changed. */
void label_sets_due(struct sums *sums, struct session *s);
/* The session leaves the sums. */
void label_sets_leave(struct sums *sums, struct session *s);
/* The bag of the session's set, to be changed; NULL: it is in none. */
struct billed_bag *label_sets_bag(struct sums *sums, struct session *s);
/* Completes the sets, and chooses those that are shown: so many models at most. 0 or -ENOMEM */
int label_sets_complete(struct sums *sums, size_t most);
void label_sets_forget_costs(struct sums *sums); /* the prices changed */
void label_sets_free(struct sums *sums);

#endif
