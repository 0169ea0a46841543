/*
 * Sums over requests, by kind of token, cost and count; and bags: such sums by model. Exact: nothing
 * saturates before it is shown, so a part can be subtracted again.
 */
#ifndef OKSTRAFS_BILLING_BILLED_H
#define OKSTRAFS_BILLING_BILLED_H

#include <stddef.h>

#include "history/requests.h"

struct billed_sum {
    unsigned __int128 input, output, cache_5m, cache_1h, cache_read;
    unsigned __int128 cost;    /* picodollars, of what could be priced */
    unsigned __int128 missing; /* picodollars, of what has no price, at the dearest prices */
    uint64_t requests;
    uint64_t web_searches;
    uint64_t tool_uses;
    uint64_t unsettled;   /* requests that are a lower bound: their output, or their numbers contradict */
    uint64_t unpriced;    /* requests of which at least a part has no price */
    uint64_t retained;    /* requests that are in no file any more */
    uint64_t second_hand; /* responses known from a parent's progress lines alone: in none of the above */
};

void billed_add(struct billed_sum *to, const struct billed_sum *part);
void billed_take(struct billed_sum *from, const struct billed_sum *part);
/* It has requests, or tokens that were logged apart from them (OKS_PART_REST). */
bool billed_is_used(const struct billed_sum *sum);
bool billed_is_zero(const struct billed_sum *sum);
bool billed_is_lower_bound(const struct billed_sum *sum);
/* Nothing that was used has a price: the cost is not known, rather than 0. */
bool billed_cost_is_unknown(const struct billed_sum *sum);

/* Sums by model. Zeroed: empty. Names are interned and compared by address; "" is unknown. */
struct billed_bag {
    struct billed_item {
        const char *model;
        struct billed_sum sum;
    } * items; /* also those whose sum is zero */
    size_t len;
};

/* The model's sum, added if the bag has none; NULL on ENOMEM. */
struct billed_sum *billed_bag_at(struct billed_bag *bag, const char *model);
int billed_bag_add(struct billed_bag *to, const struct billed_bag *part);     /* 0 or -ENOMEM */
void billed_bag_take(struct billed_bag *from, const struct billed_bag *part); /* a part that was added */
void billed_bag_total(const struct billed_bag *bag, struct billed_sum *out);
bool billed_bag_is_zero(const struct billed_bag *bag);
/* Whether it has a response of a progress line: the time of such a one is not that of an event. */
bool billed_bag_has_second_hand(const struct billed_bag *bag);
void billed_bag_forget_costs(struct billed_bag *bag); /* the prices changed */
void billed_bag_clear(struct billed_bag *bag);

#endif
