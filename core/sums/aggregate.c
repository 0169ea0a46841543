/*
 * Running sums from which a part can be subtracted.
 *
 * Counts have 128 bits and never saturate, so subtracting a part is exact. The earliest and latest time, and
 * the name that all parts share, cannot be subtracted. They are kept as long as a change provably leaves them
 * the same, or widens them. Otherwise the sum becomes stale, and its owner adds all parts again. Transcripts
 * only grow, so that is rare.
 *
 * Invariant: unless stale, the sum equals the sum of all parts.
 */
#include "sums/aggregate.h"

#include <string.h>

void measure_start(struct measure *sum)
{
    *sum = (struct measure){.totals = OKS_TOTALS_NONE};
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

void measure_add(struct measure *sum, const struct measure *part)
{
    if (sum->sessions == 0) {
        *sum = *part;
        return;
    }
    oks_totals_add(&sum->totals, &part->totals);
    sum->duration_ms = (int64_t)oks_tokens_add((uint64_t)sum->duration_ms, (uint64_t)part->duration_ms);
    sum->sessions += part->sessions;
    sum->unknown += part->unknown;
    if (!same_text(sum->agent_name, part->agent_name))
        sum->agent_name = NULL;
    if (!same_text(sum->model, part->model))
        sum->model = NULL;
    if (part->mtime_ns > sum->mtime_ns)
        sum->mtime_ns = part->mtime_ns;
}

void aggregate_reset(struct aggregate *sum)
{
    *sum = (struct aggregate){.first = OKS_STAMP_NONE, .last = OKS_STAMP_NONE};
}

/* A text stamp borrows bytes that may be freed by the next change, so no sum keeps one. */
static bool keeps(const struct measure *m)
{
    return m->totals.first.key != OKS_STAMP_KEY_TEXT && m->totals.last.key != OKS_STAMP_KEY_TEXT;
}

static bool same_stamp(struct oks_stamp a, struct oks_stamp b)
{
    return a.key == b.key;
}

static void agree(struct agreement *a, const char *value, size_t parts_before)
{
    if (parts_before == 0)
        *a = (struct agreement){value, 1};
    else if (a->value == value)
        a->holders++;
}

/* False: the other parts may agree on another name, which the sum cannot show. */
static bool disagree(struct agreement *a, const char *value, size_t parts_after)
{
    if (a->value == value)
        a->holders--;
    return parts_after == 0 || a->holders > 0;
}

static void take_out(struct aggregate *sum, const struct measure *m)
{
    for (int i = 0; i < OKS_COLUMNS; i++)
        sum->count[i] -= m->totals.count[i];
    sum->duration_ms -= (uint64_t)m->duration_ms;
    sum->events -= m->totals.events;
    sum->stamped -= m->totals.stamped;
    sum->parts--;
    sum->unknown -= m->unknown;
    sum->stale |= !disagree(&sum->agent, m->agent_name, sum->parts);
    sum->stale |= !disagree(&sum->model, m->model, sum->parts);
}

static void put_in(struct aggregate *sum, const struct measure *m)
{
    for (int i = 0; i < OKS_COLUMNS; i++)
        sum->count[i] += m->totals.count[i];
    sum->duration_ms += (uint64_t)m->duration_ms;
    sum->events += m->totals.events;
    sum->stamped += m->totals.stamped;
    agree(&sum->agent, m->agent_name, sum->parts);
    agree(&sum->model, m->model, sum->parts);
    sum->parts++;
    sum->unknown += m->unknown;
    if (m->mtime_ns > sum->mtime_ns)
        sum->mtime_ns = m->mtime_ns;
    if (oks_stamp_is_none(m->totals.first))
        return;
    if (oks_stamp_is_none(sum->first) || oks_stamp_cmp(m->totals.first, sum->first) < 0)
        sum->first = m->totals.first;
    if (oks_stamp_is_none(sum->last) || oks_stamp_cmp(m->totals.last, sum->last) > 0)
        sum->last = m->totals.last;
}

/* Whether `before` set a bound of the sum that `after` does not set. */
static bool narrows(const struct aggregate *sum, const struct measure *before, const struct measure *after)
{
    const struct oks_totals *b = &before->totals, *a = after ? &after->totals : NULL;

    if (before->mtime_ns == sum->mtime_ns && (!after || after->mtime_ns < before->mtime_ns))
        return true;
    if (oks_stamp_is_none(b->first))
        return false;
    if (same_stamp(b->first, sum->first) &&
        (!a || oks_stamp_is_none(a->first) || a->first.key > b->first.key))
        return true;
    return same_stamp(b->last, sum->last) && (!a || oks_stamp_is_none(a->last) || a->last.key < b->last.key);
}

void aggregate_replace(struct aggregate *sum, const struct measure *before, const struct measure *after)
{
    if ((before && !keeps(before)) || (after && !keeps(after)))
        sum->stale = true;
    if (sum->stale)
        return;
    if (before)
        sum->stale = narrows(sum, before, after);
    if (before)
        take_out(sum, before);
    if (after)
        put_in(sum, after);
}

static uint64_t saturated(unsigned __int128 n)
{
    return n > OKS_TOKENS_MAX ? OKS_TOKENS_MAX : (uint64_t)n;
}

void aggregate_show(const struct aggregate *sum, struct measure *out)
{
    measure_start(out);
    for (int i = 0; i < OKS_COLUMNS; i++)
        out->totals.count[i] = saturated(sum->count[i]);
    out->totals.events = sum->events;
    out->totals.stamped = sum->stamped;
    out->totals.first = sum->first;
    out->totals.last = sum->last;
    out->duration_ms = (int64_t)saturated(sum->duration_ms);
    out->sessions = sum->parts;
    out->unknown = sum->unknown;
    out->agent_name = sum->agent.holders == sum->parts ? sum->agent.value : NULL;
    out->model = sum->model.holders == sum->parts ? sum->model.value : NULL;
    out->mtime_ns = sum->mtime_ns;
}
