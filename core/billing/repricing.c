/*
 * Repricing: the cost of every request again, after a change of prices.
 *
 * A request's price depends on its whole prompt, so the cost cannot be computed from sums of tokens. All sums
 * lose their costs, and every request posts its own again.
 */
#include "billing/parts.h"

#include <stdlib.h>

#include "base/tree.h"

static void price_substitute(void *ctx, void *item)
{
    struct substitute *substitute = item;
    struct billed_sum cost = {0};

    billing_cost_of(ctx, &substitute->request, substitute->model, &cost);
    substitute->sum.cost = cost.cost;
    substitute->sum.missing = cost.missing;
    substitute->sum.unpriced = cost.unpriced;
    /* the sums of its model exist */
    billing_post(ctx, substitute->owner, SIZE_MAX, substitute->request.stamp, substitute->model, &cost);
}

struct pricing {
    struct billing *b;
    struct billing_part *part;
};

static int price_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct pricing *p = ctx;
    const char *model = p->part->models[row->model];
    struct billed_sum cost = {0};

    if (!billing_is_counted(p->part, i))
        return 0;
    billing_cost_of(p->b, &row->request, model, &cost);
    return billing_post(p->b, p->part, i, row->request.stamp, model, &cost); /* the sums of its model exist */
}

void billing_reprice_begin(struct billing *b, const struct oks_prices *prices)
{
    b->prices = prices;
    b->n_priced = 0;
    billed_bag_forget_costs(&b->all);
    for (size_t id = 1; id <= b->n_ids; id++) {
        struct billing_part *part = b->by_id[id];

        if (!part)
            continue;
        billed_bag_forget_costs(&part->share);
        billed_tree_free(part->tree);
        part->tree = NULL;
    }
}

void billing_reprice(struct billing *b)
{
    for (size_t id = 1; id <= b->n_ids; id++) {
        struct pricing p = {b, b->by_id[id]};

        if (p.part)
            requests_each(p.part->rows, 0, p.part->n_rows, price_row, &p);
    }
    oks_tree_each(b->substitutes, price_substitute, b);
}
