/*
 * What each request puts into the sums: its transcript's, its session's, its project's and that of all.
 *
 * A row that counts for itself has its bit in `counted`; a request whose owner's own line is not the one that
 * tells what it cost is a loan, and kept by its key.
 *
 * Invariant: what is taken out is what was put in, to the picodollar; so prices change for all rows of a
 * transcript at once (billing_prices.c).
 */
#include "billing/billing_private.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "engine/engine_private.h"

enum { PRICED_MAX = 256 }; /* models whose price is remembered */

/* --- sums --- */

/* Of the prices in force: looked up once, and then found by the address of the name. */
static const struct oks_price *price_of(struct oks_engine *e, const char *model)
{
    struct billing *b = &e->billing;
    const struct oks_price *price;
    struct priced_model *priced;

    for (size_t i = 0; i < b->n_priced; i++)
        if (b->priced[i].model == model)
            return b->priced[i].price;
    price = oks_prices_find(settings_prices(e), oks_slice_of(model));
    priced = b->n_priced < PRICED_MAX ? reallocarray(b->priced, b->n_priced + 1, sizeof(*priced)) : NULL;
    if (priced) {
        priced[b->n_priced++] = (struct priced_model){model, price};
        b->priced = priced;
    }
    return price;
}

/* What it costs alone, in a sum of nothing else. */
void billing_cost_of(struct oks_engine *e, const struct oks_request *r, const char *model,
                     struct billed_sum *out)
{
    oks_money cost = 0;

    if (r->second_hand)
        return;
    if (oks_price_cost(price_of(e, model), &r->spend, &cost) != OKS_PRICED)
        out->unpriced = 1;
    out->cost = (unsigned __int128)cost;
}

static void tokens_of(const struct oks_request *r, struct billed_sum *out)
{
    const struct oks_spend *s = &r->spend;

    *out = (struct billed_sum){0};
    if (r->second_hand) {
        out->second_hand = 1;
        return;
    }
    out->requests = 1;
    out->input = s->input;
    out->output = s->output;
    out->cache_5m = s->cache_5m;
    out->cache_1h = s->cache_1h;
    out->cache_read = s->cache_read;
    out->web_searches = s->web_searches;
    out->tool_uses = r->tool_uses;
    out->unsettled = !r->settled;
}

void billing_sum_of(struct oks_engine *e, const struct oks_request *r, const char *model,
                    struct billed_sum *out)
{
    tokens_of(r, out);
    billing_cost_of(e, r, model, out);
}

/* What a row of the transcript has put into the sums, or would now. */
void billing_row_sum(struct oks_engine *e, const struct transcript *t, const struct request_row *row,
                     struct billed_sum *out)
{
    billing_sum_of(e, &row->request, t->billed.models[row->model], out);
}

void billing_touch(struct oks_engine *e, struct session *s)
{
    if (s->billed_touched)
        return;
    s->billed_touched = true;
    LIST_INSERT_HEAD(&e->billing.touched, s, of_touched);
}

/* The sums that a transcript's requests are in: its own, its groups', its project's, that of all. */
int billing_bags_of(struct oks_engine *e, struct transcript *t, struct billed_bag *bags[BILLING_BAGS])
{
    int n = 0;

    bags[n++] = &t->billed.share;
    bags[n++] = &e->billing.all;
    if (t->session->project)
        bags[n++] = &t->session->project->billed;
    for (int i = 0; i < GROUP_KINDS; i++)
        if (t->session->groups[i].group)
            bags[n++] = &t->session->groups[i].group->billed;
    return n;
}

static int put_in(struct oks_engine *e, struct transcript *t, const char *model, const struct billed_sum *sum)
{
    struct billed_bag *bags[BILLING_BAGS];
    struct billed_sum *to[BILLING_BAGS];
    int n = billing_bags_of(e, t, bags);

    for (int i = 0; i < n; i++) {
        to[i] = billed_bag_at(bags[i], model);
        if (!to[i])
            return -ENOMEM;
    }
    for (int i = 0; i < n; i++)
        billed_add(to[i], sum);
    billing_touch(e, t->session);
    return 0;
}

int billing_put_in(struct oks_engine *e, struct transcript *t, struct oks_stamp stamp, const char *model,
                   const struct billed_sum *sum)
{
    int rc = put_in(e, t, model, sum);

    if (rc == 0)
        times_request(e, t, stamp, model, sum, true);
    return rc;
}

int billing_make_places(struct oks_engine *e, struct transcript *t)
{
    static const struct billed_sum nothing;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < t->billed.n_models; i++)
        rc = put_in(e, t, t->billed.models[i], &nothing);
    return rc;
}

int billing_put_bag(struct oks_engine *e, struct transcript *t, const struct billed_bag *batch)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < batch->len; i++)
        rc = put_in(e, t, batch->items[i].model, &batch->items[i].sum);
    return rc;
}

/* Of what was put in: its places are there. */
void billing_take_out(struct oks_engine *e, struct transcript *t, struct oks_stamp stamp, const char *model,
                      const struct billed_sum *sum)
{
    struct billed_bag *bags[BILLING_BAGS];
    int n = billing_bags_of(e, t, bags);

    for (int i = 0; i < n; i++)
        billed_take(billed_bag_at(bags[i], model), sum);
    times_request(e, t, stamp, model, sum, false);
    billing_touch(e, t->session);
}

/* --- rows that count for themselves --- */

bool billing_is_counted(const struct billing_part *part, size_t i)
{
    return part->counted[i / 64] >> i % 64 & 1;
}

void billing_set_counted(struct billing_part *part, size_t i, bool counted)
{
    uint64_t bit = UINT64_C(1) << i % 64;

    part->counted[i / 64] = counted ? part->counted[i / 64] | bit : part->counted[i / 64] & ~bit;
}

/* The sums have it. */
static void counts_now(struct transcript *t, size_t i, const struct request_row *row,
                       const struct billed_sum *sum)
{
    billing_set_counted(&t->billed, i, true);
    if (t->billed.tree)
        billed_tree_add(t->billed.tree, i, row->request.stamp, row->model, sum);
}

int billing_count_row_in(struct oks_engine *e, struct transcript *t, size_t i, const struct request_row *row,
                         struct billed_bag *batch)
{
    const char *model = t->billed.models[row->model];
    struct billed_sum sum, *to = billed_bag_at(batch, model);

    if (!to)
        return -ENOMEM;
    billing_row_sum(e, t, row, &sum);
    billed_add(to, &sum);
    times_request(e, t, row->request.stamp, model, &sum, true);
    counts_now(t, i, row, &sum);
    return 0;
}

int billing_count_row(struct oks_engine *e, struct transcript *t, size_t i, const struct request_row *row)
{
    const char *model = t->billed.models[row->model];
    struct billed_sum sum;
    int rc;

    billing_row_sum(e, t, row, &sum);
    rc = billing_put_in(e, t, row->request.stamp, model, &sum);
    if (rc < 0)
        return rc;
    counts_now(t, i, row, &sum);
    return 0;
}

void billing_uncount_row(struct oks_engine *e, struct transcript *t, size_t i)
{
    struct request_row row;
    struct billed_sum sum;

    if (!billing_is_counted(&t->billed, i))
        return;
    requests_get(t->state.requests, i, &row);
    billing_row_sum(e, t, &row, &sum);
    billing_take_out(e, t, row.request.stamp, t->billed.models[row.model], &sum);
    billing_set_counted(&t->billed, i, false);
    if (t->billed.tree)
        billed_tree_take(t->billed.tree, i, row.model, &sum);
}

/* --- loans --- */

static int by_key(const void *a, const void *b)
{
    const struct loan *x = a, *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

struct loan *billing_loan_of(struct billing *b, uint64_t key)
{
    struct loan wanted = {.key = key}, **found = b->loans ? tfind(&wanted, &b->loans, by_key) : NULL;

    return found ? *found : NULL;
}

void billing_loan_end(struct oks_engine *e, struct loan *loan)
{
    tdelete(loan, &e->billing.loans, by_key);
    LIST_REMOVE(loan, of_owner);
    free(loan);
}

int billing_lend(struct oks_engine *e, struct transcript *owner, const struct transcript *lender,
                 const struct request_row *row)
{
    const char *model = lender->billed.models[row->model];
    struct loan *loan = calloc(1, sizeof(*loan));
    int rc;

    if (!loan)
        return -ENOMEM;
    loan->key = row->request.key;
    loan->owner = owner;
    loan->model = model;
    loan->request = row->request;
    /* An uncommon time lies in the lender's rows, which may go. */
    if (loan->request.stamp.key == OKS_STAMP_KEY_TEXT)
        loan->request.stamp = OKS_STAMP_NONE;
    billing_sum_of(e, &row->request, model, &loan->sum);
    rc = tsearch(loan, &e->billing.loans, by_key) ? 0 : -ENOMEM;
    if (rc == 0) {
        LIST_INSERT_HEAD(&owner->billed.loans, loan, of_owner);
        rc = billing_put_in(e, owner, loan->request.stamp, model, &loan->sum);
        if (rc < 0)
            billing_loan_end(e, loan);
        return rc;
    }
    free(loan);
    return rc;
}
