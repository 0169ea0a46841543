/*
 * pricing.json: the prices in force.
 *
 * "models" has LiteLLM's format, with the origin of each entry, so that an entry can be copied into the
 * user's file and changed. Numbers are written from integers.
 */
#include <inttypes.h>
#include <stdio.h>

#include "documents/document.h"
#include "prices/prices_private.h"

static void put_multiplier(struct json *j, const char *key, uint32_t millionths)
{
    if (millionths)
        json_put_money(j, key, (unsigned __int128)millionths * (OKS_USD / PRICE_MULTIPLIER));
}

static void put_rate(struct json *j, const struct rate *rate)
{
    for (int kind = 0; kind < PRICE_KINDS; kind++) {
        char threshold[32] = "", key[128];

        if (rate->price[kind] == PRICE_NONE)
            continue;
        if (rate->threshold_k)
            snprintf(threshold, sizeof(threshold), "_above_%" PRIu32 "k_tokens", rate->threshold_k);
        snprintf(key, sizeof(key), "%s%s%s", price_kind_keys[kind], threshold,
                 price_tier_suffixes[rate->tier]);
        json_put_money(j, key, (unsigned __int128)rate->price[kind]);
    }
}

/* The tiers in ascending order. */
static void put_rates(struct json *j, const struct oks_price *price)
{
    for (size_t begin = 0, end; begin < price->n_rates; begin = end) {
        for (end = begin; end < price->n_rates && price->rates[end].tier == price->rates[begin].tier;)
            end++;
        for (size_t i = end; i-- > begin;)
            put_rate(j, &price->rates[i]);
    }
}

static void put_price(struct json *j, const struct oks_price *price)
{
    json_open_object(j, price->name);
    json_put_text(j, "origin", price->inside ? "inside" : "user");
    if (price->max_input)
        json_put_count(j, "max_input_tokens", price->max_input);
    put_rates(j, price);
    if (price->fast || price->us) {
        json_open_object(j, "provider_specific_entry");
        put_multiplier(j, "fast", price->fast);
        put_multiplier(j, "us", price->us);
        json_close_object(j);
    }
    json_close_object(j);
}

static void put_prices(struct json *j, const struct oks_prices *prices)
{
    json_open_object(j, NULL);
    json_put_text(j, "date", prices->date);
    json_put_text(j, "unit", "USD per token");
    json_put_count(j, "userEntries", prices->n_user);
    json_put_money(j, "webSearchCost", OKS_USD / PRICE_WEB_SEARCHES_PER_USD);
    json_open_object(j, "models");
    for (size_t i = 0; i < prices->n_entries; i++)
        put_price(j, &prices->entries[i]);
    json_close_object(j);
    json_close_object(j);
}

int document_pricing_text(const struct oks_prices *prices, char **out, size_t *len)
{
    struct json j = {0};

    put_prices(&j, prices);
    return json_finish(&j, out, len);
}

static int pricing_document(void *ctx, struct json *j, struct oks_document *out)
{
    struct model *model = ctx;

    put_prices(j, settings_prices(model->settings));
    out->mtime_ns = settings_state(model->settings, PRICES_FILE).mtime_ns;
    out->version = model->versions.all;
    return 0;
}

int document_pricing(struct model *model, struct oks_document *out)
{
    return document_locked(model, pricing_document, model, out);
}
