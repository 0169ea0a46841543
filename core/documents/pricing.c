/*
 * pricing.json: the prices in force.
 *
 * "models" has LiteLLM's format, with the origin, the source and the dates of each entry, so that an entry
 * can be copied into the user's file and changed. Numbers are written from integers.
 */
#include <inttypes.h>
#include <stdio.h>

#include "documents/document.h"
#include "prices/prices_private.h"
#include "time/calendar.h"

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

/* "2026-08-21"; null: not known */
static void put_day(struct json *j, const char *key, int64_t day)
{
    char text[16];

    if (day < CALENDAR_FIRST_DAY || day > CALENDAR_LAST_DAY) {
        json_put_null(j, key);
        return;
    }
    *date_put(text, date_of_days(day)) = '\0';
    json_put_text(j, key, text);
}

static void put_price(struct json *j, const char *name, const struct oks_price *price)
{
    json_open_object(j, name);
    json_put_text(j, "origin", price->inside ? "inside" : "user");
    json_put_text(j, "source", price->source);
    put_day(j, "valid_from", price->from_day);
    put_day(j, "valid_until", price->until_day);
    if (price->max_input)
        json_put_count(j, "max_input_tokens", price->max_input);
    put_rates(j, price);
    if (price->fast || price->us || price->regional) {
        json_open_object(j, "provider_specific_entry");
        put_multiplier(j, "fast", price->fast);
        put_multiplier(j, "us", price->us);
        put_multiplier(j, "bedrock_regional", price->regional);
        json_close_object(j);
    }
    if (name && price->n_earlier) {
        json_open_array(j, "earlier");
        for (size_t i = 1; i <= price->n_earlier; i++)
            put_price(j, NULL, price - i);
        json_close_array(j);
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
        if (i + 1 == prices->n_entries || prices->entries[i + 1].n_earlier == 0)
            put_price(j, prices->entries[i].name, &prices->entries[i]);
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
