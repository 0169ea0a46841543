/*
 * How many events and requests stay in memory.
 *
 * All that is usually asked of a session (its totals, its days, its teams) is kept for every transcript; the
 * events and requests themselves are needed only for a window that cuts through them. Beyond a budget those
 * that were used least recently are given up, once their cache file holds them, and a query that needs them
 * asks the scanner to bring them back.
 *
 * What must be kept of every request (billing.c) counts against the budget too: among millions of them
 * the daemon shall not be as much larger. An eighth is left for events in any case, and the transcript that
 * was used last stays as long as it fits the whole budget, since it is likely to be asked again.
 *
 * Invariants: a transcript is dropped only while it is not busy and its cache file is as new as its state (or
 * caching is off: then the transcript itself is read again); nothing is dropped while a query waits for
 * events.
 */
#include <stdlib.h>

#include "engine/engine_private.h"

enum { MUCH = 16 << 20 }; /* bytes */

static void account(struct oks_engine *e, struct transcript *t, size_t bytes)
{
    e->events_bytes += bytes;
    e->events_bytes -= t->bytes_counted;
    t->bytes_counted = bytes;
}

void residence_changed(struct oks_engine *e, struct transcript *t)
{
    account(e, t, transcript_bytes(t));
    if (t->resident)
        TAILQ_REMOVE(&e->resident, t, used);
    TAILQ_INSERT_TAIL(&e->resident, t, used);
    t->resident = true;
}

void residence_leave(struct oks_engine *e, struct transcript *t)
{
    if (!t->resident)
        return;
    TAILQ_REMOVE(&e->resident, t, used);
    t->resident = false;
    account(e, t, 0);
}

size_t residence_max(const struct oks_engine *e)
{
    size_t kept = billing_bytes(e), least = e->memory_max / 8;

    return e->memory_max > kept + least ? e->memory_max - kept : least;
}

bool oks_engine_gave_up(struct oks_engine *e)
{
    size_t bytes = atomic_load(&e->given_up);

    return bytes >= MUCH && atomic_compare_exchange_strong(&e->given_up, &bytes, 0);
}

static bool drop(struct oks_engine *e, struct transcript *t)
{
    if (t->busy || t->unsaved || t->dirty || oks_events_len(t->state.events) == 0 ||
        !transcript_drop_events(t))
        return false;
    atomic_fetch_add(&e->given_up, t->bytes_counted);
    residence_leave(e, t);
    return true;
}

void residence_visit_ends(struct oks_engine *e, struct transcript *t)
{
    if (t->visits && e->pins <= 1)
        drop(e, t);
    t->visits = false;
}

/* The last one used is likely to be asked again. */
static bool may_go(const struct oks_engine *e, struct transcript *t)
{
    return TAILQ_NEXT(t, used) || t->bytes_counted > e->memory_max;
}

static void drop_while_over(struct oks_engine *e)
{
    struct transcript *t, *next;

    for (t = TAILQ_FIRST(&e->resident); t && e->events_bytes > residence_max(e); t = next) {
        next = TAILQ_NEXT(t, used);
        if (may_go(e, t))
            drop(e, t);
    }
}

void residence_trim(struct oks_engine *e)
{
    size_t max = residence_max(e);

    if (e->pins || e->events_bytes <= max)
        return;
    drop_while_over(e);
    /* A first scan can be faster than the saver: then who scans also saves. */
    while (!e->pins && e->events_bytes > max + max / 4) {
        struct transcript *t;

        TAILQ_FOREACH(t, &e->unsaved, saved)
            if (!t->busy && t->resident && may_go(e, t))
                break;
        if (!t || saver_save_one(e, t) < 0)
            return;
        drop_while_over(e);
    }
}
