/*
 * Postings: adding a request to the sums of its part and of all parts, and subtracting it.
 *
 * A row that counts with its own values has its bit in `counted`. A request whose cost a row of another part
 * gives is a substitute, found by its key.
 *
 * Invariant: what is subtracted is exactly what was added, to the picodollar. So the prices of all rows of a
 * transcript change at once (repricing.c).
 */
#include "billing/parts.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum {
    PRICED_MAX = 256,    /* models whose price is cached */
    STAMP_TEXT_MAX = 64, /* bytes of a stamp of another form; a longer one counts as none */
};

/* --- sums --- */

/* A cache of the prices in force, by the address of the model's name. */
static struct oks_model_price price_of(struct billing *b, const char *model)
{
    struct oks_model_price price;

    for (size_t i = 0; i < b->n_priced; i++)
        if (b->priced[i].model == model)
            return b->priced[i].price;
    price = oks_prices_find(b->prices, oks_slice_of(model));
    if (b->n_priced < PRICED_MAX && OKS_GROW(b->priced, b->n_priced, b->priced_room))
        b->priced[b->n_priced++] = (struct priced_model){model, price};
    return price;
}

/* The cost of the request alone, in a sum of nothing else. */
void billing_cost_of(struct billing *b, const struct oks_request *r, const char *model,
                     struct billed_sum *out)
{
    struct oks_cost cost;

    if (r->second_hand || r->alias || r->free)
        return;
    if (oks_price_cost(price_of(b, model), &r->spend, r->stamp, &cost) != OKS_PRICED)
        out->unpriced = 1;
    out->cost = (unsigned __int128)cost.known;
    out->missing = (unsigned __int128)cost.missing;
}

static void tokens_of(const struct oks_request *r, struct billed_sum *out)
{
    const struct oks_spend *s = &r->spend;

    *out = (struct billed_sum){0};
    if (r->alias)
        return;
    if (r->second_hand) {
        out->second_hand = 1;
        return;
    }
    if (r->part == OKS_PART_SEARCH) {
        out->web_searches = r->free ? 0 : s->web_searches;
        return;
    }
    out->requests = r->part != OKS_PART_REST;
    out->input = s->input;
    out->output = s->output;
    out->cache_5m = s->cache_5m;
    out->cache_1h = s->cache_1h;
    out->cache_read = s->cache_read;
    out->web_searches = s->web_searches;
    out->tool_uses = r->tool_uses;
    out->unsettled = !r->settled || r->doubtful;
}

void billing_sum_of(struct billing *b, const struct oks_request *r, const char *model, struct billed_sum *out)
{
    tokens_of(r, out);
    billing_cost_of(b, r, model, out);
}

void billing_mark_retained(const struct billing_part *part, struct billed_sum *sum)
{
    sum->retained = part->retained ? sum->requests : 0;
}

/* What a row of the part has added to the sums, or would add now. */
void billing_row_sum(struct billing *b, const struct billing_part *part, const struct request_row *row,
                     struct billed_sum *out)
{
    billing_sum_of(b, &row->request, part->models[row->model], out);
    billing_mark_retained(part, out);
}

/* Adds to the sums of the part and of all parts, and reports it. */
static int put_in(struct billing *b, struct billing_part *part, const char *model,
                  const struct billed_sum *sum)
{
    struct billed_sum *own = billed_bag_at(&part->share, model), *all = billed_bag_at(&b->all, model);
    int rc = own && all ? b->events->posted(b->ctx, part->owner, model, sum, true) : -ENOMEM;

    if (rc < 0)
        return rc;
    billed_add(own, sum);
    billed_add(all, sum);
    return 0;
}

int billing_post(struct billing *b, struct billing_part *part, size_t i, struct oks_stamp stamp,
                 const char *model, const struct billed_sum *sum)
{
    int rc = put_in(b, part, model, sum);

    if (rc == 0)
        b->events->timed(b->ctx, part->owner, i, stamp, model, sum, true);
    return rc;
}

static const struct billed_sum nothing;

struct making {
    struct billing *b;
    struct billing_part *part;
    const char *last; /* most rows have the model of the row before */
};

static int make_sum(void *ctx, size_t i, const struct request_row *row)
{
    struct making *m = ctx;
    const char *model = m->part->models[row->model];
    bool made = model == m->last;

    (void)i;
    m->last = model;
    return made ? 0 : put_in(m->b, m->part, model, &nothing);
}

int billing_make_sums(struct billing *b, struct billing_part *part, const struct oks_requests *rows,
                      size_t from)
{
    struct making m = {b, part, NULL};
    int rc = 0;

    if (from > 0)
        return requests_each(rows, from, requests_len(rows), make_sum, &m);
    for (size_t i = 0; rc == 0 && i < part->n_models; i++)
        rc = put_in(b, part, part->models[i], &nothing);
    return rc;
}

int billing_post_bag(struct billing *b, struct billing_part *part, const struct billed_bag *batch)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < batch->len; i++)
        rc = put_in(b, part, batch->items[i].model, &batch->items[i].sum);
    return rc;
}

/* Subtracts what was posted: the sums of its model exist. */
void billing_unpost(struct billing *b, struct billing_part *part, size_t i, struct oks_stamp stamp,
                    const char *model, const struct billed_sum *sum)
{
    billed_take(billed_bag_at(&part->share, model), sum);
    billed_take(billed_bag_at(&b->all, model), sum);
    b->events->posted(b->ctx, part->owner, model, sum, false);
    b->events->timed(b->ctx, part->owner, i, stamp, model, sum, false);
}

/* --- rows that count with their own values --- */

bool billing_is_counted(const struct billing_part *part, size_t i)
{
    return part->counted[i / 64] >> i % 64 & 1;
}

void billing_set_counted(struct billing_part *part, size_t i, bool counted)
{
    uint64_t bit = UINT64_C(1) << i % 64;

    part->counted[i / 64] = counted ? part->counted[i / 64] | bit : part->counted[i / 64] & ~bit;
}

/* The sums include the row now. */
static void counts_now(struct billing_part *part, size_t i, const struct request_row *row,
                       const struct billed_sum *sum)
{
    billing_set_counted(part, i, true);
    if (part->tree)
        billed_tree_add(part->tree, i, row->request.stamp, row->model, sum);
}

int billing_count_row_in(struct billing *b, struct billing_part *part, size_t i,
                         const struct request_row *row, struct billed_bag *batch)
{
    const char *model = part->models[row->model];
    struct billed_sum sum, *to = billed_bag_at(batch, model);

    if (!to)
        return -ENOMEM;
    billing_row_sum(b, part, row, &sum);
    billed_add(to, &sum);
    b->events->timed(b->ctx, part->owner, i, row->request.stamp, model, &sum, true);
    counts_now(part, i, row, &sum);
    return 0;
}

int billing_count_row(struct billing *b, struct billing_part *part, size_t i, const struct request_row *row)
{
    const char *model = part->models[row->model];
    struct billed_sum sum;
    int rc;

    billing_row_sum(b, part, row, &sum);
    rc = billing_post(b, part, i, row->request.stamp, model, &sum);
    if (rc < 0)
        return rc;
    counts_now(part, i, row, &sum);
    return 0;
}

void billing_uncount_row(struct billing *b, struct billing_part *part, size_t i)
{
    struct request_row row;
    struct billed_sum sum;

    if (!billing_is_counted(part, i))
        return;
    requests_get(part->rows, i, &row);
    billing_row_sum(b, part, &row, &sum);
    billing_unpost(b, part, i, row.request.stamp, part->models[row.model], &sum);
    billing_set_counted(part, i, false);
    if (part->tree)
        billed_tree_take(part->tree, i, row.model, &sum);
}

/* --- substitute rows --- */

static int by_key(const void *a, const void *b)
{
    const struct substitute *x = a, *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

struct substitute *billing_substitute_of(const struct billing *b, uint64_t key)
{
    struct substitute wanted = {.key = key},
                      **found = b->substitutes ? tfind(&wanted, &b->substitutes, by_key) : NULL;

    return found ? *found : NULL;
}

void billing_substitute_end(struct billing *b, struct substitute *substitute)
{
    tdelete(substitute, &b->substitutes, by_key);
    LIST_REMOVE(substitute, of_owner);
    free(substitute);
}

int billing_substitute(struct billing *b, struct billing_part *owner, uint64_t key,
                       const struct billing_part *from, const struct request_row *row)
{
    const char *model = from->models[row->model];
    struct oks_stamp stamp = row->request.stamp;
    size_t text = stamp.key == OKS_STAMP_KEY_TEXT && stamp.len <= STAMP_TEXT_MAX ? stamp.len : 0;
    struct substitute *substitute = calloc(1, sizeof(*substitute) + text);
    int rc;

    if (!substitute)
        return -ENOMEM;
    substitute->key = key;
    substitute->owner = owner;
    substitute->model = model;
    substitute->request = row->request;
    /* A stamp of another form points into the other part's rows, which may leave. */
    if (stamp.key == OKS_STAMP_KEY_TEXT)
        substitute->request.stamp =
            oks_stamp_of((struct oks_slice){memcpy(substitute->stamp_text, stamp.text, text), text});
    billing_sum_of(b, &substitute->request, model, &substitute->sum); /* as repricing does */
    billing_mark_retained(owner, &substitute->sum);
    rc = tsearch(substitute, &b->substitutes, by_key) ? 0 : -ENOMEM;
    if (rc == 0) {
        LIST_INSERT_HEAD(&owner->substitutes, substitute, of_owner);
        rc = billing_post(b, owner, SIZE_MAX, substitute->request.stamp, model, &substitute->sum);
        if (rc < 0)
            billing_substitute_end(b, substitute);
        return rc;
    }
    free(substitute);
    return rc;
}
