/*
 * A running sum of measures: what changes is taken out and put in again, so that its price does not depend on
 * how many parts there are. Private to the engine.
 */
#ifndef OKSTRAFS_SUMS_AGGREGATE_H
#define OKSTRAFS_SUMS_AGGREGATE_H

#include <stdbool.h>

#include "history/totals.h"

/* Totals of a window with what else an aggregate shows. Names are interned or borrowed; see who fills it. */
struct measure {
    struct oks_totals totals;
    int64_t duration_ms; /* the sum of the sessions' */
    size_t sessions;
    size_t unknown;         /* of these: what they used is not known, which is not the same as nothing */
    const char *agent_name; /* where all agree, else NULL */
    const char *model;
    int64_t mtime_ns; /* newest transcript */
};

void measure_start(struct measure *sum);
void measure_add(struct measure *sum, const struct measure *part);

struct agreement {
    const char *value; /* interned: compared by address; NULL is a value like any other */
    size_t holders;    /* parts that have it */
};

struct aggregate {
    unsigned __int128
        count[OKS_COLUMNS]; /* exact, saturated only when shown: a part can be taken out again */
    unsigned __int128 duration_ms;
    uint64_t events, stamped;
    size_t parts;
    size_t unknown;
    struct agreement agent, model;
    struct oks_stamp first, last;
    int64_t mtime_ns;
    bool stale; /* a bound was taken away: sum all parts anew */
};

/*
 * Takes `before` out and puts `after` in; NULL: none. Names must be interned. Sets `stale` where the rest
 * cannot be known from the sum alone; then aggregate_reset and putting in every part makes it right.
 */
void aggregate_replace(struct aggregate *sum, const struct measure *before, const struct measure *after);
void aggregate_reset(struct aggregate *sum);
void aggregate_show(const struct aggregate *sum, struct measure *out);

#endif
