/*
 * Sums over requests, in 128 bits. 2^64 requests of 2^63 tokens still fit, so subtracting a part is exact,
 * and a running sum never has to be computed again.
 *
 * Invariant: a bag has one item for each model. An item whose sum is zero stays, because it will be used
 * again.
 */
#include "billing/billed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void billed_add(struct billed_sum *to, const struct billed_sum *part)
{
    to->input += part->input;
    to->output += part->output;
    to->cache_5m += part->cache_5m;
    to->cache_1h += part->cache_1h;
    to->cache_read += part->cache_read;
    to->cost += part->cost;
    to->missing += part->missing;
    to->requests += part->requests;
    to->web_searches += part->web_searches;
    to->tool_uses += part->tool_uses;
    to->unsettled += part->unsettled;
    to->unpriced += part->unpriced;
    to->retained += part->retained;
    to->second_hand += part->second_hand;
}

void billed_take(struct billed_sum *from, const struct billed_sum *part)
{
    from->input -= part->input;
    from->output -= part->output;
    from->cache_5m -= part->cache_5m;
    from->cache_1h -= part->cache_1h;
    from->cache_read -= part->cache_read;
    from->cost -= part->cost;
    from->missing -= part->missing;
    from->requests -= part->requests;
    from->web_searches -= part->web_searches;
    from->tool_uses -= part->tool_uses;
    from->unsettled -= part->unsettled;
    from->unpriced -= part->unpriced;
    from->retained -= part->retained;
    from->second_hand -= part->second_hand;
}

bool billed_is_used(const struct billed_sum *sum)
{
    return sum->requests || (sum->input | sum->output | sum->cache_5m | sum->cache_1h | sum->cache_read) != 0;
}

bool billed_is_zero(const struct billed_sum *sum)
{
    return !billed_is_used(sum) && (sum->second_hand | sum->unsettled | sum->web_searches) == 0;
}

bool billed_is_lower_bound(const struct billed_sum *sum)
{
    return sum->unsettled > 0 || sum->unpriced > 0 || sum->second_hand > 0;
}

bool billed_cost_is_unknown(const struct billed_sum *sum)
{
    return sum->cost == 0 && sum->unpriced > 0;
}

struct billed_sum *billed_bag_at(struct billed_bag *bag, const char *model)
{
    struct billed_item *items;

    for (size_t i = 0; i < bag->len; i++)
        if (bag->items[i].model == model)
            return &bag->items[i].sum;
    /* An exact fit: there is a bag for each transcript, and few models in it. */
    items = reallocarray(bag->items, bag->len + 1, sizeof(*items));
    if (!items)
        return NULL;
    bag->items = items;
    items[bag->len] = (struct billed_item){.model = model};
    return &items[bag->len++].sum;
}

int billed_bag_add(struct billed_bag *to, const struct billed_bag *part)
{
    for (size_t i = 0; i < part->len; i++)
        if (!billed_bag_at(to, part->items[i].model))
            return -ENOMEM;
    for (size_t i = 0; i < part->len; i++)
        billed_add(billed_bag_at(to, part->items[i].model), &part->items[i].sum);
    return 0;
}

void billed_bag_take(struct billed_bag *from, const struct billed_bag *part)
{
    for (size_t i = 0; i < part->len; i++)
        if (!billed_is_zero(&part->items[i].sum))
            billed_take(billed_bag_at(from, part->items[i].model), &part->items[i].sum);
}

void billed_bag_total(const struct billed_bag *bag, struct billed_sum *out)
{
    *out = (struct billed_sum){0};
    for (size_t i = 0; i < bag->len; i++)
        billed_add(out, &bag->items[i].sum);
}

bool billed_bag_has_second_hand(const struct billed_bag *bag)
{
    for (size_t i = 0; i < bag->len; i++)
        if (bag->items[i].sum.second_hand)
            return true;
    return false;
}

bool billed_bag_is_zero(const struct billed_bag *bag)
{
    struct billed_sum sum;

    billed_bag_total(bag, &sum);
    return billed_is_zero(&sum);
}

void billed_bag_clear(struct billed_bag *bag)
{
    free(bag->items);
    *bag = (struct billed_bag){0};
}

void billed_bag_forget_costs(struct billed_bag *bag)
{
    for (size_t i = 0; i < bag->len; i++)
        bag->items[i].sum.cost = bag->items[i].sum.missing = bag->items[i].sum.unpriced = 0;
}
