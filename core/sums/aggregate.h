/*
 * An aggregate: a running sum of measures. A change subtracts the old measure and adds the new one, so its
 * cost does not depend on the number of parts.
 *
 *     aggregate_reset(&sum);
 *     aggregate_replace(&sum, &before, &after);
 *     if (sum.stale) ...                           reset it and add every part again
 *     aggregate_show(&sum, &measure);
 */
#ifndef OKSTRAFS_SUMS_AGGREGATE_H
#define OKSTRAFS_SUMS_AGGREGATE_H

#include <stdbool.h>
#include <stdlib.h>

#include "history/totals.h"

/* Totals of a window, and what else a document shows of them. Names are interned or borrowed. */
struct measure {
    struct oks_totals totals;
    int64_t duration_ms; /* the sum of the sessions' durations */
    size_t sessions;
    size_t unknown;         /* sessions whose usage is unknown, which is not the same as zero */
    const char *agent_name; /* if all agree, else NULL */
    const char *model;
    int64_t mtime_ns; /* newest transcript */
};

void measure_start(struct measure *sum);
void measure_add(struct measure *sum, const struct measure *part);

struct agreement {
    const char *value; /* interned: compared by address; NULL is a value too */
    size_t holders;    /* parts with this value */
};

struct aggregate {
    unsigned __int128 count[OKS_COLUMNS]; /* exact: saturated only when shown */
    unsigned __int128 duration_ms;
    uint64_t events, stamped;
    size_t parts;
    size_t unknown;
    struct agreement agent, model;
    struct oks_stamp first, last;
    int64_t mtime_ns;
    bool stale; /* a bound was removed: add all parts again */
};

/*
 * What a row of a document was last written as, and what it came to. Usually one row of many has changed
 * since, and writing the others costs more than all the rest of a document. Whoever changes the row calls
 * row_text_changed(); the document sets the others.
 */
struct row_text {
    char *ptr;            /* malloc'ed, an exact fit */
    size_t len;           /* 0: changed since */
    struct kept_sum *sum; /* of documents/, malloc'ed; NULL: it was never needed */
    bool has_sum;         /* false: changed since */
};

static inline void row_text_changed(struct row_text *text)
{
    text->len = 0;
    text->has_sum = false;
}

static inline void row_text_clear(struct row_text *text)
{
    free(text->ptr);
    free(text->sum);
    *text = (struct row_text){0};
}

/*
 * Subtracts `before` and adds `after`; NULL: none. Names must be interned. Sets `stale` if the result cannot
 * be computed from the sum alone; then reset it and add every part.
 */
void aggregate_replace(struct aggregate *sum, const struct measure *before, const struct measure *after);
void aggregate_reset(struct aggregate *sum);
void aggregate_show(const struct aggregate *sum, struct measure *out);

#endif
