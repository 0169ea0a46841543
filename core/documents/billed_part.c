/*
 * The part of a usage document that says what was really asked of models: `billed`.
 *
 * The keys stand in the order of the thirteen, and are sums over requests where those are sums over lines.
 * What is not known is said: `lowerBound` where an output is only what was logged while it still streamed,
 * where a model has no price, or where a sub-agent's responses are known from its parent alone.
 */
#include <stdlib.h>

#include "documents/usage.h"

static uint64_t shown(unsigned __int128 n)
{
    return n > OKS_TOKENS_MAX ? OKS_TOKENS_MAX : (uint64_t)n;
}

static int by_model(const void *a, const void *b)
{
    return strcmp(((const struct billed_item *)a)->model, ((const struct billed_item *)b)->model);
}

static bool unpriced(const struct billed_item *item)
{
    return item->sum.unpriced > 0;
}

static bool asked(const struct billed_item *item)
{
    return item->sum.requests > 0;
}

/* The names of the models that `chosen` picks, ascending; NULL on ENOMEM. */
static json_object *model_names(const struct billed_bag *bag, bool (*chosen)(const struct billed_item *item))
{
    struct billed_item *sorted = reallocarray(NULL, bag->len + 1, sizeof(*sorted));
    json_object *list = sorted ? json_object_new_array() : NULL;

    if (sorted && bag->len)
        memcpy(sorted, bag->items, bag->len * sizeof(*sorted));
    if (sorted)
        qsort(sorted, bag->len, sizeof(*sorted), by_model);
    for (size_t i = 0; list && i < bag->len; i++) {
        json_object *name;

        if (!chosen(&sorted[i]))
            continue;
        name = text_object(*sorted[i].model ? sorted[i].model : "unknown");
        if (name && json_object_array_add(list, name) == 0)
            continue;
        json_object_put(name);
        json_object_put(list);
        list = NULL;
    }
    free(sorted);
    return list;
}

static bool put_tokens(json_object *o, const struct billed_sum *sum)
{
    unsigned __int128 creation = sum->cache_5m + sum->cache_1h;

    return put_count(o, "totalTokens", shown(sum->input + sum->output + creation)) &&
           put_count(o, "inputTokens", shown(sum->input)) &&
           put_count(o, "outputTokens", shown(sum->output)) &&
           put_count(o, "cacheCreationTokens", shown(creation)) &&
           put_count(o, "cacheCreation5mTokens", shown(sum->cache_5m)) &&
           put_count(o, "cacheCreation1hTokens", shown(sum->cache_1h)) &&
           put_count(o, "cacheReadTokens", shown(sum->cache_read));
}

bool billed_is_lower_bound(const struct billed_sum *sum)
{
    return sum->unsettled > 0 || sum->unpriced > 0 || sum->second_hand > 0;
}

bool put_cost(json_object *o, const char *key, unsigned __int128 cost)
{
    char text[OKS_MONEY_TEXT];

    oks_money_text(cost < OKS_MONEY_MAX ? (oks_money)cost : OKS_MONEY_MAX, text);
    /* The text is the value: a double would round it. */
    return put(o, key, json_object_new_double_s(strtod(text, NULL), text));
}

bool put_billed(json_object *object, const struct billed_bag *bag)
{
    json_object *o = json_object_new_object();
    struct billed_sum sum;

    billed_bag_total(bag, &sum);
    if (o && put_count(o, "requests", sum.requests) && put_tokens(o, &sum) &&
        put_cost(o, "costUSD", sum.cost) && put(o, "models", model_names(bag, asked)) &&
        put(o, "unpriced", model_names(bag, unpriced)) &&
        put(o, "lowerBound", json_object_new_boolean(billed_is_lower_bound(&sum))))
        return put(object, "billed", o);
    json_object_put(o);
    return false;
}
