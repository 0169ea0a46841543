/*
 * Who owns a request that several files log, and which of their lines tells what it cost.
 *
 * An election undoes all that its key has put into any sum, and puts in what the candidates come to now, so
 * it may be held at any time, and again.
 */
#include "billing/billing_private.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "engine/engine_private.h"

struct candidate {
    struct transcript *t;
    size_t i;
    struct request_row row;
};

static int stamps_cmp(struct oks_stamp a, struct oks_stamp b)
{
    bool none_a = oks_stamp_is_none(a), none_b = oks_stamp_is_none(b);

    return none_a || none_b ? none_a - none_b : oks_stamp_cmp(a, b);
}

/* Whether a's line is to be believed rather than b's. */
static bool tells_better(const struct candidate *a, const struct candidate *b)
{
    int d = request_rank(&a->row.request, &b->row.request);

    if (d == 0)
        d = stamps_cmp(a->row.request.stamp, b->row.request.stamp);
    return d ? d > 0 : strcmp(a->t->path, b->t->path) < 0;
}

static bool owns_rather(const struct candidate *a, const struct candidate *b)
{
    const struct oks_request *x = &a->row.request, *y = &b->row.request;
    int d;

    if (x->second_hand != y->second_hand)
        return y->second_hand;
    if (x->sidechain != y->sidechain)
        return y->sidechain;
    d = stamps_cmp(x->stamp, y->stamp);
    return d ? d < 0 : strcmp(a->t->path, b->t->path) < 0;
}

struct transcript *billing_at(const struct billing *b, struct billing_place place)
{
    return b->by_id[place.transcript];
}

/* Who owned a request, and what it came to: what a stream may have told of it. */
struct verdict {
    struct transcript *t; /* NULL: nobody */
    size_t i;
    const char *model;
    struct oks_stamp stamp;
    struct oks_spend spend;
};

bool billing_same_telling(const struct oks_request *a, const struct oks_request *b)
{
    const struct oks_spend *x = &a->spend, *y = &b->spend;

    return a->stamp.key == b->stamp.key && x->input == y->input && x->output == y->output &&
           x->cache_5m == y->cache_5m && x->cache_1h == y->cache_1h && x->cache_read == y->cache_read;
}

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
    return a->t == b->t && a->i == b->i && a->model == b->model &&
           billing_same_telling(&(struct oks_request){.stamp = a->stamp, .spend = a->spend},
                                &(struct oks_request){.stamp = b->stamp, .spend = b->spend});
}

static struct verdict verdict_of(struct transcript *t, size_t i, const char *model,
                                 const struct oks_request *r)
{
    return (struct verdict){t, i, model, r->stamp, r->spend};
}

/* Undoes what the key has put into any sum, and says what that was. */
static struct verdict undo(struct oks_engine *e, uint64_t key)
{
    struct loan *loan = billing_loan_of(&e->billing, key);
    struct verdict before = {0};
    struct billing_place place;

    for (size_t at = 0; billing_map_next(&e->billing.map, key, &at, &place);) {
        struct transcript *t = billing_at(&e->billing, place);
        struct request_row row;

        if (!billing_is_counted(&t->billed, place.row))
            continue;
        requests_get(t->state.requests, place.row, &row);
        before = verdict_of(t, place.row, t->billed.models[row.model], &row.request);
        billing_uncount_row(e, t, place.row);
    }
    if (!loan)
        return before;
    before = verdict_of(loan->owner, billing_own_row(e, loan->owner, key), loan->model, &loan->request);
    billing_take_out(e, loan->owner, loan->request.stamp, loan->model, &loan->sum);
    billing_loan_end(e, loan);
    return before;
}

static int elect(struct oks_engine *e, uint64_t key)
{
    struct candidate best = {0}, owner = {0}, c;
    struct verdict before = undo(e, key), after;
    struct billing_place place;

    for (size_t at = 0; billing_map_next(&e->billing.map, key, &at, &place);) {
        c.t = billing_at(&e->billing, place);
        c.i = place.row;
        requests_get(c.t->state.requests, c.i, &c.row);
        if (!best.t || tells_better(&c, &best))
            best = c;
        if (!owner.t || owns_rather(&c, &owner))
            owner = c;
    }
    if (!best.t)
        return 0;
    after = verdict_of(owner.t, owner.i, best.t->billed.models[best.row.model], &best.row.request);
    if (!same_verdict(&before, &after)) {
        if (before.t)
            stream_changed(e, before.t, before.i);
        stream_changed(e, after.t, after.i);
    }
    if (best.t == owner.t)
        return billing_count_row(e, owner.t, owner.i, &owner.row);
    return billing_lend(e, owner.t, best.t, &best.row);
}

int billing_pend(struct billing *b, uint64_t key)
{
    if (b->n_pending && b->pending[b->n_pending - 1] == key)
        return 0;
    if (b->n_pending == b->pending_room) {
        size_t room = b->pending_room * 2 + 16;
        uint64_t *pending = reallocarray(b->pending, room, sizeof(*pending));

        if (!pending)
            return -ENOMEM;
        b->pending = pending;
        b->pending_room = room;
    }
    b->pending[b->n_pending++] = key;
    return 0;
}

int billing_decide(struct oks_engine *e)
{
    struct billing *b = &e->billing;
    int rc = 0;

    /* Out of memory: the caller scans all of it again. */
    for (size_t i = 0; rc == 0 && i < b->n_pending; i++)
        rc = elect(e, b->pending[i]);
    b->n_pending = 0;
    return rc;
}

int billing_ruling(struct oks_engine *e, const struct transcript *t, uint64_t key, struct billing_ruling *out)
{
    struct candidate best = {0}, owner = {0}, c;
    struct billing_place place;

    *out = (struct billing_ruling){0};
    for (size_t at = 0; billing_map_next(&e->billing.map, key, &at, &place);) {
        c.t = billing_at(&e->billing, place);
        c.i = place.row;
        requests_get(c.t->state.requests, c.i, &c.row);
        if (c.t == t)
            out->own_line = c.row.line;
        if (!best.t || tells_better(&c, &best))
            best = c;
        if (!owner.t || owns_rather(&c, &owner))
            owner = c;
        out->files++;
    }
    if (!best.t)
        return -ENOENT;
    out->owner = owner.t;
    out->teller = best.t;
    out->line = best.row.line;
    out->second_hand = best.row.request.second_hand;
    return 0;
}
