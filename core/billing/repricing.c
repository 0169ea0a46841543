/*
 * Other prices: the cost of every request anew.
 *
 * A request's price depends on its whole prompt, so a sum of tokens cannot be priced again: all sums give up
 * their costs, and every request puts its own in.
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

static void forget_transcript(const void *node, VISIT visit, void *ctx)
{
    struct transcript *t = *(struct transcript *const *)node;

    (void)ctx;
    if (visit != postorder && visit != leaf)
        return;
    billed_tree_free(t->billed.tree);
    t->billed.tree = NULL;
    forget_costs(&t->billed.share);
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

static int price_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct entering *in = ctx;
    const char *model = in->t->billed.models[row->model];
    struct billed_sum cost = {0};

    if (!billing_is_counted(&in->t->billed, i))
        return 0;
    billing_cost_of(in->e, &row->request, model, &cost);
    return billing_put_in(in->e, in->t, row->request.stamp, model, &cost); /* its places are there */
}

static void price_transcript(const void *node, VISIT visit, void *ctx)
{
    struct transcript *t = *(struct transcript *const *)node;
    struct entering in = {.e = ctx, .t = t};

    if (visit == postorder || visit == leaf)
        requests_each(t->state.requests, 0, t->billed.rows, price_row, &in);
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
    twalk_r(e->transcripts, forget_transcript, NULL);
    twalk_r(e->transcripts, price_transcript, e);
    twalk_r(b->loans, price_loan, e);
}
