/*
 * pricing.json: the prices in force.
 *
 * "models" is LiteLLM's format again, with where each entry comes from, so that an entry can be copied into
 * the user's file and changed. Numbers are written from integers.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "documents/usage.h"
#include "prices/prices_private.h"

static json_object *number_object(const char *text)
{
    return json_object_new_double_s(strtod(text, NULL), text); /* written as the text */
}

json_object *money_object(oks_money amount)
{
    char text[OKS_MONEY_TEXT];

    oks_money_text(amount, text);
    return number_object(text);
}

static json_object *multiplier_object(uint32_t millionths)
{
    return money_object(millionths * (OKS_USD / PRICE_MULTIPLIER));
}

static bool put_rate(json_object *o, const struct rate *rate)
{
    for (int kind = 0; kind < PRICE_KINDS; kind++) {
        char threshold[32] = "", key[128];

        if (rate->price[kind] == PRICE_NONE)
            continue;
        if (rate->threshold_k)
            snprintf(threshold, sizeof(threshold), "_above_%" PRIu32 "k_tokens", rate->threshold_k);
        snprintf(key, sizeof(key), "%s%s%s", price_kind_keys[kind], threshold,
                 price_tier_suffixes[rate->tier]);
        if (json_object_object_add(o, key, money_object(rate->price[kind])) < 0)
            return false;
    }
    return true;
}

/* From the lowest tier up: the way they are read. */
static bool put_rates(json_object *o, const struct oks_price *price)
{
    for (size_t begin = 0, end; begin < price->n_rates; begin = end) {
        for (end = begin; end < price->n_rates && price->rates[end].tier == price->rates[begin].tier;)
            end++;
        for (size_t i = end; i-- > begin;)
            if (!put_rate(o, &price->rates[i]))
                return false;
    }
    return true;
}

static bool put_multipliers(json_object *o, const struct oks_price *price)
{
    json_object *m;

    if (!price->fast && !price->us)
        return true;
    m = json_object_new_object();
    if (m && (!price->fast || put(m, "fast", multiplier_object(price->fast))) &&
        (!price->us || put(m, "us", multiplier_object(price->us))))
        return put(o, "provider_specific_entry", m);
    json_object_put(m);
    return false;
}

static json_object *price_object(const struct oks_price *price)
{
    json_object *o = json_object_new_object();

    if (o && put_text(o, "origin", price->inside ? "inside" : "user") &&
        (!price->max_input || put_count(o, "max_input_tokens", price->max_input)) && put_rates(o, price) &&
        put_multipliers(o, price))
        return o;
    json_object_put(o);
    return NULL;
}

static json_object *models_object(const struct oks_prices *prices)
{
    json_object *models = json_object_new_object();

    for (size_t i = 0; models && i < prices->n_entries; i++) {
        json_object *price = price_object(&prices->entries[i]);

        if (!price || json_object_object_add(models, prices->entries[i].name, price) < 0) {
            json_object_put(price);
            json_object_put(models);
            return NULL;
        }
    }
    return models;
}

int oks_prices_document(const struct oks_prices *prices, char **out, size_t *len)
{
    json_object *o = json_object_new_object();
    struct oks_document document;
    int rc = -ENOMEM;

    if (o && put_text(o, "date", prices->date) && put_text(o, "unit", "USD per token") &&
        put_count(o, "userEntries", prices->n_user) &&
        put(o, "webSearchCost", money_object(OKS_USD / PRICE_WEB_SEARCHES_PER_USD)) &&
        put(o, "models", models_object(prices)))
        rc = document_finish(o, 0, 0, &document);
    else
        json_object_put(o);
    if (rc == 0) {
        *out = document.bytes;
        *len = document.len;
    }
    return rc;
}
