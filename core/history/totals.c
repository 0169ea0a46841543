/* Sums of counts and spans; everything saturates, so that no hostile transcript makes a total wrap. */
#include "history/totals.h"

static void widen(struct oks_totals *to, const struct oks_totals *from)
{
    if (!oks_stamp_is_none(from->first) &&
        (oks_stamp_is_none(to->first) || oks_stamp_cmp(from->first, to->first) < 0))
        to->first = from->first;
    if (!oks_stamp_is_none(from->last) &&
        (oks_stamp_is_none(to->last) || oks_stamp_cmp(from->last, to->last) > 0))
        to->last = from->last;
}

void oks_totals_add(struct oks_totals *to, const struct oks_totals *from)
{
    for (int i = 0; i < OKS_COLUMNS; i++)
        to->count[i] = oks_tokens_add(to->count[i], from->count[i]);
    to->events = oks_tokens_add(to->events, from->events);
    to->stamped = oks_tokens_add(to->stamped, from->stamped);
    widen(to, from);
}

uint64_t oks_totals_tokens(const struct oks_totals *totals)
{
    uint64_t sum = oks_tokens_add(totals->count[OKS_INPUT], totals->count[OKS_OUTPUT]);

    return oks_tokens_add(sum, totals->count[OKS_CACHE_CREATION]);
}
