/*
 * Bills by tag.
 *
 * A request has the tag of the owner's own row, also where a row of another transcript gives its cost. So the
 * bills of a transcript's tags add up to its share.
 */
#include "sums/tag_bills.h"

#include <errno.h>
#include <stdlib.h>

#include "base/tree.h"
#include "sums/billed_session.h"
#include "sums/shares.h"

enum { SOME = 1 << 14 }; /* requests that are looked at before others get the lock */

void tag_bills_clear(struct tag_bills *bills)
{
    for (size_t i = 0; i < bills->n; i++)
        billed_bag_clear(&bills->bags[i]);
    free(bills->bags);
    *bills = (struct tag_bills){0};
}

void tag_bills_changed(struct transcript *t)
{
    t->sums->bills.valid = false;
}

/* The bag of the tag of row i; NULL: its tag is a new one, or its row is not known. */
static struct billed_bag *bag_of_row(struct transcript *t, size_t i)
{
    struct tag_bills *bills = &t->sums->bills;
    struct request_row row;

    if (i >= requests_len(t->state.requests))
        return NULL;
    requests_get(t->state.requests, i, &row);
    return row.tag < bills->n ? &bills->bags[row.tag] : NULL;
}

void tag_bills_request(struct transcript *t, size_t i, const char *model, const struct billed_sum *sum,
                       bool comes)
{
    struct billed_bag *bag = t->sums->bills.valid ? bag_of_row(t, i) : NULL;
    struct billed_sum *of_model = bag ? billed_bag_at(bag, model) : NULL;

    if (!of_model)
        t->sums->bills.valid = false;
    else if (comes)
        billed_add(of_model, sum);
    else
        billed_take(of_model, sum);
}

static void forget(void *ctx, void *item)
{
    (void)ctx;
    tag_bills_changed(item);
}

void tag_bills_forget(struct catalog *c)
{
    oks_tree_each(c->transcripts, forget, NULL);
}

static size_t tags_of(const struct transcript *t)
{
    return requests_tag_names(t->state.requests)->len;
}

struct adding {
    struct oks_stamp since, until;
    struct tag_bills *to;
};

static int add_request(void *ctx, const struct billing_visit *visit)
{
    const struct adding *a = ctx;
    struct billed_sum *sum;

    if (!oks_stamp_within(visit->stamp, a->since, a->until))
        return 0;
    sum = billed_bag_at(&a->to->bags[visit->row->tag < a->to->n ? visit->row->tag : 0], visit->model);
    if (!sum)
        return -ENOMEM;
    billed_add(sum, visit->sum);
    return 0;
}

/* *out is to be cleared, also on failure. */
static int add_up(struct billing *b, const struct transcript *t, struct oks_stamp since,
                  struct oks_stamp until, struct tag_bills *out)
{
    struct adding adding = {since, until, out};
    int rc;

    *out = (struct tag_bills){.n = tags_of(t)};
    out->bags = calloc(out->n + !out->n, sizeof(*out->bags));
    if (!out->bags) {
        out->n = 0;
        return -ENOMEM;
    }
    rc = billing_each_owned(b, t->billed, 0, SIZE_MAX, add_request, &adding);
    out->valid = rc == 0;
    return rc;
}

/* Over all time, of a transcript with several tags. */
static int bills_made(struct billing *b, const struct transcript *t)
{
    struct tag_bills *bills = &t->sums->bills;

    if (bills->valid)
        return 0;
    tag_bills_clear(bills);
    return add_up(b, t, OKS_STAMP_NONE, OKS_STAMP_NONE, bills);
}

struct completing {
    struct billing *b;
    size_t rows;
};

enum { ENOUGH = 1 };

static int complete(void *ctx, void *item)
{
    struct completing *c = ctx;
    const struct transcript *t = item;

    if (tags_of(t) <= 1 || t->sums->bills.valid)
        return 0;
    if (c->rows >= SOME)
        return ENOUGH;
    c->rows += requests_len(t->state.requests);
    return bills_made(c->b, t);
}

int tag_bills_complete_some(struct billing *b, struct catalog *c)
{
    struct completing completing = {b, 0};

    return oks_tree_until(c->transcripts, complete, &completing);
}

static int each_bag(const struct transcript *t, const struct tag_bills *bills,
                    int (*fn)(void *ctx, struct oks_slice tag, const struct billed_bag *bag), void *ctx)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < bills->n; i++)
        if (!billed_bag_is_zero(&bills->bags[i]))
            rc = fn(ctx, requests_tag(t->state.requests, (unsigned)i), &bills->bags[i]);
    return rc;
}

static int of_whole(struct billing *b, const struct transcript *t,
                    int (*fn)(void *ctx, struct oks_slice tag, const struct billed_bag *bag), void *ctx)
{
    const struct billed_bag *share = billing_share(t->billed);
    int rc;

    if (tags_of(t) <= 1)
        return billed_bag_is_zero(share) ? 0 : fn(ctx, requests_tag(t->state.requests, 0), share);
    rc = bills_made(b, t);
    return rc < 0 ? rc : each_bag(t, &t->sums->bills, fn, ctx);
}

static int of_window(struct billing *b, const struct transcript *t, const struct measure_window *w,
                     int (*fn)(void *ctx, struct oks_slice tag, const struct billed_bag *bag), void *ctx)
{
    struct tag_bills bills = {0};
    struct billed_bag bag = {0};
    int rc;

    if (tags_of(t) > 1) {
        rc = add_up(b, t, w->since, w->until, &bills);
        if (rc == 0)
            rc = each_bag(t, &bills, fn, ctx);
        tag_bills_clear(&bills);
        return rc;
    }
    rc = billing_window(b, t->billed, w->since, w->until, &bag);
    if (rc == 0 && !billed_bag_is_zero(&bag))
        rc = fn(ctx, requests_tag(t->state.requests, 0), &bag);
    billed_bag_clear(&bag);
    return rc;
}

int tag_bills_session(struct billing *b, const struct session *s, const struct measure_window *w,
                      int (*fn)(void *ctx, struct oks_slice tag, const struct billed_bag *bag), void *ctx)
{
    enum billed_overlap overlap = billed_session_overlap(s, w);
    const struct transcript *t;
    int rc = 0;

    if (overlap == BILLED_NOTHING)
        return 0;
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (rc == 0)
            rc = overlap == BILLED_ALL ? of_whole(b, t, fn, ctx) : of_window(b, t, w, fn, ctx);
    return rc;
}
