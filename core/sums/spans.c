/*
 * Spans of sessions.
 *
 * Invariant: a session whose share is summed is in the array, or due, or both; any other one is in neither.
 * What makes a span wrong is a change of the share, or of what the session was billed: a request may have
 * another time than all events (billed_session_may_exceed()).
 */
#include "sums/spans.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/tree.h"
#include "sums/billed_session.h"
#include "sums/shares.h"

enum { ROWS_MAX = 1 << 13 }; /* of a session whose requests are looked at */

static void not_due(struct session_sums *own)
{
    if (own->span_due)
        LIST_REMOVE(own, of_span_due);
    own->span_due = false;
}

static void put_due(struct spans *spans, struct session_sums *own)
{
    if (own->span_due || !own->summed)
        return;
    own->span_due = true;
    LIST_INSERT_HEAD(&spans->due, own, of_span_due);
}

void spans_due(struct sums *sums, struct session *s)
{
    if (sums->spans.kept)
        put_due(&sums->spans, s->sums);
}

/* The last one gets its place. */
void spans_leave(struct sums *sums, struct session *s)
{
    struct spans *spans = &sums->spans;
    struct session_sums *own = s->sums;

    not_due(own);
    if (!own->has_span)
        return;
    own->has_span = false;
    spans->items[own->span] = spans->items[--spans->n];
    if (own->span < spans->n)
        spans->items[own->span].session->sums->span = own->span;
}

/* Ends with 1 at a request whose stamp has another form. */
static int widen(void *ctx, const struct billing_visit *visit)
{
    struct session_span *span = ctx;
    uint64_t key = visit->stamp.key;

    span->first = key < span->first ? key : span->first;
    span->last = key > span->last ? key : span->last;
    return key >= OKS_STAMP_KEY_TEXT;
}

/* Adds all requests. False: they have no span, or are too many to look at after each change. */
static bool widen_by_requests(struct billing *b, const struct session *s, struct session_span *span)
{
    const struct transcript *t;
    size_t rows = 0;
    int rc = 0;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        rows += billing_part_rows(t->billed);
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (rc == 0 && rows <= ROWS_MAX)
            rc = billing_each(b, t->billed, 0, SIZE_MAX, widen, span);
    return rc == 0 && rows <= ROWS_MAX;
}

static struct session_span span_of(struct billing *b, struct session *s)
{
    const struct oks_totals *all = &s->sums->share.totals;
    struct session_span span = {all->first.key, all->last.key, s};
    bool known = all->events == all->stamped && all->first.key < OKS_STAMP_KEY_TEXT &&
                 all->last.key < OKS_STAMP_KEY_TEXT;

    if (known && billed_session_may_exceed(s))
        known = widen_by_requests(b, s, &span);
    return known ? span : (struct session_span){0, UINT64_MAX, s};
}

static void visit_due(void *ctx, void *item)
{
    put_due(ctx, ((struct session *)item)->sums);
}

int spans_complete(struct sums *sums, struct billing *b)
{
    struct spans *spans = &sums->spans;
    struct session_sums *own;

    if (!spans->kept)
        oks_tree_each(sums->catalog->sessions, visit_due, spans);
    spans->kept = true;
    while ((own = LIST_FIRST(&spans->due))) {
        if (!own->has_span && !OKS_GROW(spans->items, spans->n, spans->room))
            return -ENOMEM;
        own->span = own->has_span ? own->span : spans->n++;
        own->has_span = true;
        spans->items[own->span] = span_of(b, own->session);
        not_due(own);
    }
    return 0;
}

bool spans_are_of_all(const struct sums *sums)
{
    return sums->spans.n == sums->catalog->n_sessions;
}

/* A bound of another form includes all spans on its side. */
bool span_reaches(const struct session_span *span, const struct measure_window *w)
{
    return (w->since.key >= OKS_STAMP_KEY_TEXT || span->last >= w->since.key) &&
           (w->until.key >= OKS_STAMP_KEY_TEXT || span->first <= w->until.key);
}

bool spans_reach(const struct sums *sums, const struct session *s, const struct measure_window *w)
{
    const struct session_sums *own = s->sums;

    return !own || !own->has_span || own->span_due || span_reaches(&sums->spans.items[own->span], w);
}

void spans_clear(struct sums *sums)
{
    free(sums->spans.items);
    sums->spans = (struct spans){0};
}
