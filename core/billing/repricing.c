/*
 * Other prices.
 *
 * A request's price depends on its whole prompt, so a sum of tokens cannot be priced again: when prices
 * change, all sums give up their costs at once, and every transcript puts its own in again when its rows are
 * at hand. Rows that were dropped are asked back a few transcripts at a time.
 */
#include "billing/billing_private.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "engine/engine_private.h"

static void forget_costs(struct billed_bag *bag)
{
    for (size_t i = 0; i < bag->len; i++) {
        bag->items[i].sum.cost = 0;
        bag->items[i].sum.unpriced = 0;
    }
}

static void unprice(struct oks_engine *e, struct transcript *t)
{
    billing_dropped(t); /* the tree */
    forget_costs(&t->billed.share);
    if (t->billed.id && !t->billed.unpriced) {
        t->billed.unpriced = true;
        e->billing.n_unpriced++;
    }
}

static void forget_session(const void *node, VISIT visit, void *ctx)
{
    struct session *s = *(struct session *const *)node;
    struct transcript *t;

    if (visit != postorder && visit != leaf)
        return;
    LIST_FOREACH(t, &s->transcripts, of_session)
        unprice(ctx, t);
}

static void forget_project(const void *node, VISIT visit, void *ctx)
{
    struct project *p = *(struct project *const *)node;

    if (visit == postorder || visit == leaf)
        forget_costs(&p->billed);
}

static void forget_group(void *ctx, struct group *group)
{
    (void)ctx;
    forget_costs(&group->billed);
}

static void price_loan(const void *node, VISIT visit, void *ctx)
{
    struct loan *loan = *(struct loan *const *)node;
    struct billed_sum cost = {0};

    if (visit != postorder && visit != leaf)
        return;
    billing_cost_of(ctx, &loan->request, loan->model, &cost);
    loan->sum.cost = cost.cost;
    loan->sum.unpriced = cost.unpriced;
    billing_put_in(ctx, loan->owner, loan->request.stamp, loan->model, &cost); /* its place is there */
}

void billing_prices(struct oks_engine *e)
{
    struct billing *b = &e->billing;

    if (b->prices_version == e->prices_version)
        return;
    b->prices_version = e->prices_version;
    b->n_priced = 0;
    forget_costs(&b->all);
    twalk_r(e->projects, forget_project, NULL);
    for (int kind = 0; kind < GROUP_KINDS; kind++)
        groups_each(e, (enum group_kind)kind, forget_group, NULL);
    times_reset(e); /* rows of time are made anew from sums with costs */
    twalk_r(e->sessions, forget_session, e);
    twalk_r(b->loans, price_loan, e);
}

static int price_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct entering *in = ctx;
    const char *model = in->t->billed.models[row->model];
    struct billed_sum cost = {0};

    if (!billing_is_counted(&in->t->billed, i))
        return 0;
    billing_cost_of(in->e, &row->request, model, &cost);
    return billing_put_in(in->e, in->t, row->request.stamp, model, &cost);
}

enum { REPRICED_AT_ONCE = 64 }; /* transcripts whose rows are asked back together */

struct repricing {
    struct oks_engine *e;
    int64_t rc; /* how many are left, or -ENOMEM */
};

static void reprice_one(const void *node, VISIT visit, void *ctx)
{
    struct transcript *t = *(struct transcript *const *)node;
    struct repricing *r = ctx;
    struct entering in = {.e = r->e, .t = t};

    if ((visit != postorder && visit != leaf) || !t->billed.unpriced || r->rc < 0)
        return;
    if (requests_dropped(t->state.requests)) {
        if (r->rc++ < REPRICED_AT_ONCE)
            billing_want(r->e, t);
        return;
    }
    t->billed.unpriced = false;
    r->e->billing.n_unpriced--;
    if (requests_each(t->state.requests, 0, t->billed.rows, price_row, &in) < 0)
        r->rc = -ENOMEM;
}

/* Puts the costs in that a change of prices took out of all sums. */
int64_t billing_reprice(struct oks_engine *e)
{
    struct repricing r = {.e = e};

    twalk_r(e->transcripts, reprice_one, &r);
    return r.rc;
}

uint64_t billing_prices_mark(const struct oks_engine *e)
{
    uint64_t mark;
    char *text;
    size_t len;

    if (oks_prices_document(settings_prices(e), &text, &len) < 0)
        return 0;
    mark = request_key_of_id((struct oks_slice){text, len});
    free(text);
    return mark ? mark : 1;
}

int billing_settle(struct oks_engine *e)
{
    int64_t left = e->billing.n_pending ? billing_decide(e, true) : 0;

    if (left == 0 && e->billing.n_unpriced)
        left = billing_reprice(e);
    return left < 0 ? (int)left : left > 0;
}
