/*
 * The token counts of a set of events, and how sets add up.
 *
 * Counts are tokens, 0 ... INT64_MAX; sums saturate there and never wrap. An aggregate's startedAt and
 * endedAt are the smallest and largest of its parts.
 */
#ifndef OKSTRAFS_TOTALS_H
#define OKSTRAFS_TOTALS_H

#include <stdint.h>

#include "okstrafs/stamp.h"
#include "scan/counts.h"

struct oks_totals {
    uint64_t count[OKS_COLUMNS];
    uint64_t events;        /* in the window, those without a stamp included */
    uint64_t stamped;       /* of these: with a stamp */
    struct oks_stamp first; /* borrowed from the events that were summed; none where no event has a stamp */
    struct oks_stamp last;
};

#define OKS_TOTALS_NONE ((struct oks_totals){.first = OKS_STAMP_NONE, .last = OKS_STAMP_NONE})

/* to += from, column by column, with the wider of both spans. */
void oks_totals_add(struct oks_totals *to, const struct oks_totals *from);

/* input + output + cache creation (cache reads excluded), saturating: the collector's totalTokens. */
uint64_t oks_totals_tokens(const struct oks_totals *totals);

#endif
