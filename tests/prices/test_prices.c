/*
 * Prices: every cost here is worked out by hand, in dollars, from the table's figures.
 */
#include <errno.h>
#include <string.h>

#include "documents/documents.h"
#include "prices/prices.h"
#include "tap.h"

/* Picodollars from dollars that are written as micro-dollars: 1 USD = 1000000. */
#define MICRO(n) ((oks_money)(n)*1000000)

static struct oks_prices *with(const char *user)
{
    struct oks_prices *prices;
    char error[256];

    ck_assert_msg(oks_prices_new(&prices, user, user ? strlen(user) : 0, error) == 0, "%s", error);
    return prices;
}

static int price_at(const struct oks_prices *prices, const char *model, struct oks_spend spend,
                    const char *when, struct oks_cost *cost)
{
    return oks_price_cost(oks_prices_find(prices, oks_slice_of(model)), &spend,
                          when ? oks_stamp_of(oks_slice_of(when)) : OKS_STAMP_NONE, cost);
}

/* What the request costs; it must be priced. */
static oks_money cost_at(const struct oks_prices *prices, const char *model, struct oks_spend spend,
                         const char *when)
{
    struct oks_cost cost = {-1, -1};

    ck_assert_msg(price_at(prices, model, spend, when, &cost) == OKS_PRICED, "%s has no price", model);
    ck_assert_int_eq(cost.missing, 0);
    return cost.known;
}

static oks_money cost_in(const struct oks_prices *prices, const char *model, struct oks_spend spend)
{
    return cost_at(prices, model, spend, NULL);
}

static oks_money cost(const char *model, struct oks_spend spend)
{
    struct oks_prices *prices = with(NULL);
    oks_money found = cost_in(prices, model, spend);

    oks_prices_free(prices);
    return found;
}

/* The lower bound of what cannot be priced. */
static oks_money unpriced_in(const struct oks_prices *prices, const char *model, struct oks_spend spend)
{
    struct oks_cost cost = {-1, -1};

    ck_assert_msg(price_at(prices, model, spend, NULL, &cost) == OKS_UNPRICED, "%s has a price", model);
    ck_assert_int_gt(cost.missing, 0);
    return cost.known;
}

static oks_money unpriced(const char *model, struct oks_spend spend)
{
    struct oks_prices *prices = with(NULL);
    oks_money found = unpriced_in(prices, model, spend);

    oks_prices_free(prices);
    return found;
}

#define COST(model, ...)     cost(model, (struct oks_spend){__VA_ARGS__})
#define UNPRICED(model, ...) unpriced(model, (struct oks_spend){__VA_ARGS__})

/* --- costs --- */

START_TEST(opus_with_all_kinds_of_tokens)
{
    /* 10 x 5 + 20 x 25 + 1000 x 6.25 + 2000 x 10 + 4000 x 0.5 = 50 + 500 + 6250 + 20000 + 2000 USD per
     * million */
    ck_assert_int_eq(COST("claude-opus-4-5", .input = 10, .output = 20, .cache_5m = 1000, .cache_1h = 2000,
                          .cache_read = 4000),
                     MICRO(28800));
}
END_TEST

START_TEST(one_token_of_the_cheapest_model_is_a_whole_number)
{
    ck_assert_int_eq(COST("gemini-2.5-flash-lite", .cache_read = 1), 10000); /* 0.01 USD per million */
    ck_assert_int_eq(COST("gpt-5.6-luna", .cache_read = 1), 20000);
}
END_TEST

START_TEST(sonnet_45_at_the_threshold)
{
    /* at 200,000 the prompt does not exceed it yet: 200000 x 3 + 1000 x 15 */
    ck_assert_int_eq(COST("claude-sonnet-4-5", .input = 199999, .output = 1000), MICRO(614997));
    ck_assert_int_eq(COST("claude-sonnet-4-5", .input = 200000, .output = 1000), MICRO(615000));
    /* one more and all of it is dearer: 200001 x 6 + 1000 x 22.5 */
    ck_assert_int_eq(COST("claude-sonnet-4-5", .input = 200001, .output = 1000), MICRO(1222506));
}
END_TEST

START_TEST(cache_tokens_reach_the_threshold_too)
{
    /* 1 x 6 + 100000 x 7.5 + 50000 x 12 + 50000 x 0.6 + 10 x 22.5 */
    ck_assert_int_eq(COST("claude-sonnet-4-5", .input = 1, .output = 10, .cache_5m = 100000,
                          .cache_1h = 50000, .cache_read = 50000),
                     MICRO(6 + 750000 + 600000 + 30000 + 225));
    /* output does not count: 100000 x 3 + 150000 x 15 */
    ck_assert_int_eq(COST("claude-sonnet-4-5", .input = 100000, .output = 150000), MICRO(300000 + 2250000));
}
END_TEST

START_TEST(sonnet_46_has_no_tier)
{
    ck_assert_int_eq(COST("claude-sonnet-4-6", .input = 900000), MICRO(2700000));
}
END_TEST

START_TEST(fast_and_us_multiply)
{
    struct oks_spend spend = {.input = 1000, .output = 100, .cache_read = 10000, .speed = OKS_SPEED_FAST};

    /* 5000 + 2500 + 5000 = 12500; fast is 6 times for 4-6 and twice for 4-8 */
    ck_assert_int_eq(cost("claude-opus-4-6", spend), MICRO(75000));
    ck_assert_int_eq(cost("claude-opus-4-8", spend), MICRO(25000));
    spend.geo = OKS_GEO_US; /* 75000 x 1.1 */
    ck_assert_int_eq(cost("claude-opus-4-6", spend), MICRO(82500));
    spend.speed = OKS_SPEED_STANDARD;
    ck_assert_int_eq(cost("claude-opus-4-6", spend), MICRO(13750));
}
END_TEST

/* All Claude models from Opus 4.6 and Sonnet 4.6 on. */
START_TEST(inference_in_the_us_multiplies)
{
    static const struct {
        const char *id;
        int micros; /* of 100 tokens of input */
    } at[] = {{"claude-sonnet-4-6", 330}, {"claude-sonnet-5", 220},    {"claude-fable-5", 1100},
              {"claude-opus-5-5", 440},   {"claude-fable-5-1", 1100},  {"claude-mythos-5", 1100},
              {"claude-opus-4-5", 500},   {"claude-sonnet-4-5", 300},  {"claude-haiku-4-5", 100},
              {"claude-opus-4-7", 550},   {"claude-mythos-5-1", 1100}, {"gpt-5.5", 500}};

    for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++)
        ck_assert_msg(cost(at[i].id, (struct oks_spend){.input = 100, .geo = OKS_GEO_US}) ==
                          MICRO(at[i].micros),
                      "%s", at[i].id);
}
END_TEST

/* --- dates --- */

START_TEST(a_request_pays_the_price_of_its_time)
{
    static const struct {
        const char *model, *when;
        int micros; /* of 1000 tokens of input */
    } at[] = {
        {"gpt-5.6", "2026-08-20T23:59:59.999Z", 5000},
        {"gpt-5.6", "2026-08-21T00:00:00.000Z", 4000},
        {"gpt-5.6-sol-high", "2026-08-21T00:00:00Z", 4000},
        {"gpt-5.6-sol", "2026-08-21T08:59:59+09:00", 5000},
        {"gpt-5.6-sol", "2026-08-20T20:00:00.000000-04:00", 4000},
        {"gpt-5.6-sol", "2026-08-20", 5000},
        {"gpt-5.6-sol", "1969-12-31T23:59:59.999Z", 5000},
        {"gpt-5.6-sol", "yesterday", 4000}, /* not a time: the newest */
        {"gpt-5.6-sol", NULL, 4000},
        {"gpt-5.6-terra", "2026-07-29T12:00:00.000Z", 2500},
        {"gpt-5.6-terra", "2026-07-30T12:00:00.000Z", 2000},
        {"gpt-5.6-luna", "2026-07-29T12:00:00.000Z", 1000},
        {"gpt-5.6-luna", "2026-11-30T12:00:00.000Z", 200},
        {"gemini-3.6-flash", "2026-06-10T12:00:00.000Z", 750},
        {"gemini-3.8-flash", "2026-12-31T23:59:59.999Z", 750},
        {"claude-opus-5", "2031-01-01T00:00:00.000Z", 5000},
    };
    struct oks_prices *prices = with(NULL);
    struct oks_cost cost;

    for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++)
        ck_assert_msg(cost_at(prices, at[i].model, (struct oks_spend){.input = 1000}, at[i].when) ==
                          MICRO(at[i].micros),
                      "%s at %s", at[i].model, at[i].when ? at[i].when : "no time");
    /* 300000 x 8 + 1000 x 30; before, 300000 x 10 + 1000 x 45 */
    ck_assert_int_eq(cost_at(prices, "gpt-5.6", (struct oks_spend){.input = 300000, .output = 1000},
                             "2026-09-01T00:00:00.000Z"),
                     MICRO(2430000));
    ck_assert_int_eq(cost_at(prices, "gpt-5.6", (struct oks_spend){.input = 300000, .output = 1000},
                             "2026-08-01T00:00:00.000Z"),
                     MICRO(3045000));
    /* Behind the last day that is known, nothing is. */
    ck_assert_int_eq(price_at(prices, "gemini-3.7-flash", (struct oks_spend){.input = 9},
                              "2027-01-01T00:00:00.000Z", &cost),
                     OKS_UNPRICED);
    ck_assert_int_eq(cost.known, 0);
    ck_assert_int_gt(cost.missing, 0);
    oks_prices_free(prices);
}
END_TEST

START_TEST(a_users_prices_may_have_dates)
{
    static const char user[] =
        "{\"m\": {\"input_cost_per_token\": 3e-06, \"valid_from\": \"2026-03-01\", \"valid_until\": null,"
        " \"earlier\": [{\"input_cost_per_token\": 2e-06, \"valid_from\": \"2026-01-01\","
        " \"valid_until\": \"2026-01-31\", \"source\": \"a page\"},"
        " {\"input_cost_per_token\": 1e-06, \"valid_until\": \"2025-12-31\"}]},"
        " \"gpt-5.6\": {\"input_cost_per_token\": 9e-06}}";
    static const struct {
        const char *when;
        int micros; /* 0: no price */
    } at[] = {{"2025-12-31T23:59:59Z", 1}, {"2026-01-01T00:00:00Z", 2}, {"2026-01-31T23:59:59Z", 2},
              {"2026-02-01T00:00:00Z", 0}, {"2026-02-28T23:59:59Z", 0}, {"2026-03-01T00:00:00Z", 3},
              {"9999-12-31T00:00:00Z", 3}};
    struct oks_prices *prices = with(user);

    for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
        struct oks_cost cost;

        ck_assert_int_eq(price_at(prices, "m", (struct oks_spend){.input = 1}, at[i].when, &cost),
                         at[i].micros ? OKS_PRICED : OKS_UNPRICED);
        ck_assert_int_eq(cost.known, MICRO(at[i].micros));
    }
    /* A user's entry replaces those inside at all times. */
    ck_assert_int_eq(cost_at(prices, "gpt-5.6", (struct oks_spend){.input = 1}, "2026-01-01T00:00:00Z"),
                     MICRO(9));
    oks_prices_free(prices);
}
END_TEST

/* --- what has no price --- */

START_TEST(missing_prices_are_estimated_from_above)
{
    static const char *const dear[] = {"gpt-5.5-pro", "claude-opus-4-1", "claude-mythos-5-1", "gpt-6-astra",
                                       "o3-deep-research"};
    struct oks_spend spend = {.input = 300000, .output = 7, .cache_read = 5, .geo = OKS_GEO_US};
    struct oks_prices *prices = with("{\"half\": {\"input_cost_per_token\": 1},"
                                     " \"free\": {\"input_cost_per_token\": 0}}");
    struct oks_cost none, one;

    ck_assert_int_eq(price_at(prices, "mystery", spend, NULL, &none), OKS_UNPRICED);
    ck_assert_int_eq(none.known, 0);
    for (size_t i = 0; i < sizeof(dear) / sizeof(*dear); i++)
        ck_assert_int_le(cost_in(prices, dear[i], spend), none.missing);
    /* Cached input is not dearer than input: 1000 x 2 */
    ck_assert_int_eq(price_at(prices, "gpt-6-sol", (struct oks_spend){.cache_read = 1000}, NULL, &one),
                     OKS_UNPRICED);
    ck_assert_int_eq(one.missing, MICRO(2000));
    /* Only what has no price: a user's own prices are no estimate. */
    ck_assert_int_eq(price_at(prices, "half", spend, NULL, &one), OKS_UNPRICED);
    ck_assert_int_eq(one.known, 300000 * OKS_USD);
    ck_assert_int_gt(one.missing, 0);
    ck_assert_int_lt(one.missing, none.missing);
    /* The speed alone has no price. */
    ck_assert_int_eq(price_at(prices, "claude-haiku-4-5",
                              (struct oks_spend){.input = 1000, .speed = OKS_SPEED_FAST}, NULL, &one),
                     OKS_UNPRICED);
    ck_assert_int_ge(one.missing, MICRO(1000));
    ck_assert_int_eq(cost_in(prices, "free", (struct oks_spend){.input = 9, .speed = OKS_SPEED_FAST}), 0);
    oks_prices_free(prices);
}
END_TEST

START_TEST(cached_input_without_a_price_is_a_lower_bound)
{
    /* 1000 x 2 + 100 x 10; above 272,000 x 4 and x 15 */
    ck_assert_int_eq(COST("gpt-6-sol", .input = 1000, .output = 100), MICRO(3000));
    ck_assert_int_eq(UNPRICED("gpt-6-sol", .input = 1000, .output = 100, .cache_read = 50), MICRO(3000));
    ck_assert_int_eq(COST("gpt-6-luna", .input = 300000, .output = 100), MICRO(60075));
}
END_TEST

START_TEST(a_region_without_a_multiplier_costs_nothing_extra)
{
    ck_assert_int_eq(COST("claude-haiku-4-5", .input = 1000, .geo = OKS_GEO_US), MICRO(1000));
}
END_TEST

START_TEST(fast_without_a_multiplier_has_no_price)
{
    ck_assert_int_eq(UNPRICED("claude-haiku-4-5", .input = 1000, .speed = OKS_SPEED_FAST), MICRO(1000));
}
END_TEST

START_TEST(web_searches_cost_a_cent_and_are_not_multiplied)
{
    ck_assert_int_eq(COST("claude-opus-4-6", .input = 1000, .web_searches = 3, .geo = OKS_GEO_US),
                     MICRO(5500 + 30000));
}
END_TEST

START_TEST(gpt_with_cached_input)
{
    /* 1000 x 1.25 + 8000 x 0.125 + 500 x 10 */
    ck_assert_int_eq(COST("gpt-5-codex", .input = 1000, .cache_read = 8000, .output = 500), MICRO(7250));
    /* 272000 x 2.5 + 100 x 15; then 272001 x 5 + 100 x 22.5 */
    ck_assert_int_eq(COST("gpt-5.4", .input = 200000, .cache_read = 72000, .output = 100),
                     MICRO(500000 + 18000 + 1500));
    ck_assert_int_eq(COST("gpt-5.4", .input = 200001, .cache_read = 72000, .output = 100),
                     MICRO(1000005 + 36000 + 2250));
    /* 5.6 has a price for cache writes: 300000 x 10 */
    ck_assert_int_eq(COST("gpt-5.6-sol", .cache_5m = 300000), MICRO(3000000));
}
END_TEST

START_TEST(gemini_tier)
{
    ck_assert_int_eq(COST("gemini-2.5-pro", .input = 150000, .cache_read = 50000, .output = 1000),
                     MICRO(187500 + 6250 + 10000));
    ck_assert_int_eq(COST("gemini-2.5-pro", .input = 150001, .cache_read = 50000, .output = 1000),
                     MICRO(375002) + 500000 + MICRO(12500 + 15000));
}
END_TEST

START_TEST(writes_for_an_hour_default_to_twice_the_input)
{
    /* 3-5-haiku has no price for them: 0.8 x 2 */
    ck_assert_int_eq(COST("claude-3-5-haiku-20241022", .cache_1h = 1000), MICRO(1600));
}
END_TEST

START_TEST(defaults_are_anthropics_only)
{
    static const char user[] =
        "{\"claude-x\": {\"input_cost_per_token\": 1e-05},"
        " \"x\": {\"input_cost_per_token\": 1e-05, \"litellm_provider\": \"anthropic\"},"
        " \"y\": {\"input_cost_per_token\": 1e-05}}";
    struct oks_prices *prices = with(user);
    struct oks_spend spend = {.input = 1, .cache_5m = 100, .cache_1h = 100, .cache_read = 100};

    /* 10 + 1250 + 2000 + 100 */
    ck_assert_int_eq(cost_in(prices, "claude-x", spend), MICRO(3360));
    ck_assert_int_eq(cost_in(prices, "x", spend), MICRO(3360));
    ck_assert_int_eq(unpriced_in(prices, "y", spend), MICRO(10));
    oks_prices_free(prices);
    ck_assert_int_eq(UNPRICED("gpt-5", .input = 8, .cache_5m = 1), MICRO(10));
}
END_TEST

START_TEST(service_tiers_where_they_have_a_price)
{
    static const char user[] =
        "{\"m\": {\"input_cost_per_token\": 1e-06, \"input_cost_per_token_priority\": 2e-06,"
        " \"input_cost_per_token_flex\": 5e-07, \"input_cost_per_token_batches\": 2.5e-07,"
        " \"input_cost_per_token_above_272k_tokens\": 3e-06,"
        " \"input_cost_per_token_above_272k_tokens_priority\": 7e-06, \"output_cost_per_token\": 4e-06}}";
    struct oks_prices *prices = with(user);
    struct oks_spend spend = {.input = 1000};

    ck_assert_int_eq(cost_in(prices, "m", spend), MICRO(1000));
    spend.tier = OKS_TIER_PRIORITY;
    ck_assert_int_eq(cost_in(prices, "m", spend), MICRO(2000));
    spend.tier = OKS_TIER_FLEX;
    ck_assert_int_eq(cost_in(prices, "m", spend), MICRO(500));
    spend.tier = OKS_TIER_BATCH;
    ck_assert_int_eq(cost_in(prices, "m", spend), MICRO(250));
    spend.output = 10; /* no price of its own: the standard one */
    ck_assert_int_eq(cost_in(prices, "m", spend), MICRO(290));
    spend = (struct oks_spend){.input = 272001, .tier = OKS_TIER_PRIORITY};
    ck_assert_int_eq(cost_in(prices, "m", spend), MICRO(272001 * 7));
    oks_prices_free(prices);
}
END_TEST

START_TEST(every_threshold_of_a_model)
{
    static const char user[] = "{\"m\": {\"input_cost_per_token_above_512k_tokens\": 5e-06,"
                               " \"input_cost_per_token\": 1e-06,"
                               " \"input_cost_per_token_above_128k_tokens\": 2e-06,"
                               " \"input_cost_per_token_above_256k_tokens\": 3e-06}}";
    struct oks_prices *prices = with(user);
    static const struct {
        uint64_t tokens;
        int price;
    } at[] = {{128000, 1}, {128001, 2}, {256000, 2}, {256001, 3}, {512000, 3}, {512001, 5}};

    for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++)
        ck_assert_int_eq(cost_in(prices, "m", (struct oks_spend){.input = at[i].tokens}),
                         MICRO(at[i].tokens * (uint64_t)at[i].price));
    oks_prices_free(prices);
}
END_TEST

START_TEST(unknown_models_are_never_free)
{
    ck_assert_int_eq(UNPRICED("mystery", .input = 1000000), 0);
    ck_assert_int_eq(UNPRICED("mystery", .output = 1, .web_searches = 2), MICRO(20000));
    ck_assert_int_eq(COST("mystery", .input = 0), 0); /* there is nothing to price */
    ck_assert_int_eq(unpriced("", (struct oks_spend){.input = 1}), 0);
}
END_TEST

START_TEST(costs_saturate)
{
    ck_assert_int_eq(COST("claude-opus-4-6", .input = INT64_MAX, .output = INT64_MAX, .cache_5m = INT64_MAX,
                          .cache_1h = INT64_MAX, .cache_read = INT64_MAX, .web_searches = INT64_MAX,
                          .speed = OKS_SPEED_FAST, .geo = OKS_GEO_US),
                     OKS_MONEY_MAX);
    ck_assert_int_eq(COST("claude-opus-4-6", .input = UINT64_MAX, .cache_read = UINT64_MAX), OKS_MONEY_MAX);
    ck_assert_int_eq(oks_money_add(OKS_MONEY_MAX - 1, 1), OKS_MONEY_MAX);
    ck_assert_int_eq(oks_money_add(OKS_MONEY_MAX - 1, 2), OKS_MONEY_MAX);
    ck_assert_int_eq(oks_money_add(1, 2), 3);
}
END_TEST

START_TEST(a_million_requests_add_up)
{
    oks_money sum = 0, one = COST("gemini-2.5-flash", .input = 1, .output = 1, .cache_read = 1);

    for (int i = 0; i < 1000000; i++)
        sum = oks_money_add(sum, one);
    ck_assert_int_eq(sum, 2830000 * INT64_C(1000000)); /* 0.3 + 2.5 + 0.03 USD */
}
END_TEST

/* --- ids --- */

START_TEST(one_model_has_many_ids)
{
    static const char *const ids[] = {
        "claude-sonnet-4-5",
        "claude-sonnet-4-5-20250929",
        "claude-sonnet-4-5[1m]",
        "claude-sonnet-4-5-20250929[1m]",
        "claude-sonnet-4-5@20250929",
        "anthropic/claude-sonnet-4-5",
        "openrouter/anthropic/claude-sonnet-4.5",
        "vertex_ai/claude-sonnet-4-5@20250929",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "bedrock/converse/anthropic.claude-sonnet-4-5-20250929-v1:0[1m]",
        "publishers/anthropic/models/claude-sonnet-4-5@default",
        "Claude-Sonnet-4-5",
        "claude-sonnet-4-5-thinking",
        "claude-sonnet-4-5-latest",
    };

    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
        ck_assert_msg(cost(ids[i], (struct oks_spend){.input = 1000}) == MICRO(3000), "%s", ids[i]);
    ck_assert_int_eq(COST("gpt-5-2025-08-07", .input = 1000), MICRO(1250));
    ck_assert_int_eq(COST("gpt-5-chat-latest", .input = 1000), MICRO(1250));
    ck_assert_int_eq(COST("gemini-2.5-pro-preview-05-06", .input = 1000), MICRO(1250));
    ck_assert_int_eq(COST("gemini-2.5-flash-001", .input = 1000), MICRO(300));
    ck_assert_int_eq(COST("claude-opus-4-20250514", .input = 1000), MICRO(15000));
    ck_assert_int_eq(COST("claude-opus-4-1-20250805", .input = 1000), MICRO(15000));
    ck_assert_int_eq(COST("claude-opus-4-0", .input = 1000), MICRO(15000));
}
END_TEST

START_TEST(the_longest_name_wins)
{
    ck_assert_int_eq(COST("gpt-5.4-mini", .input = 1000), MICRO(750));
    ck_assert_int_eq(COST("gpt-5.4-mini-2026-03-05", .input = 1000), MICRO(750));
    ck_assert_int_eq(COST("gpt-5-mini", .input = 1000), MICRO(250));
    ck_assert_int_eq(COST("gemini-2.5-flash-lite", .input = 1000), MICRO(100));
    ck_assert_int_eq(COST("gpt-5.1-codex-max", .input = 1000), MICRO(1250));
}
END_TEST

START_TEST(a_namesake_is_not_the_model)
{
    static const char *const ids[] = {
        "gpt-5.9",
        "gpt-5.9-mini",
        "gpt-50",
        "gpt-5-tiny",
        "gpt-5.3-pro",
        "claude-opus-4-9",
        "claude-opus-44",
        "claude-opus-6",
        "gpt-5.2-codex-mini",
        "gpt",
        "claude",
        "gemini-2.5",
        "gpt-5.4-",
        "-gpt-5",
        "[1m]",
        "claude-opus-5.6",
        "anthropic/",
        "/",
        "-20250929",
        "@",
        "gemini-2.5-flash-image",
    };

    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
        unpriced(ids[i], (struct oks_spend){.input = 1});
}
END_TEST

/* Words that change no price may follow, in any number. */
START_TEST(words_that_are_known_to_be_harmless)
{
    static const char *const ids[] = {
        "only-5-thinking",
        "only-5-high",
        "only-5-xhigh",
        "only-5-none",
        "only-5-minimal-latest",
        "only-5:thinking",
        "only-5-20260610",
        "only-5-2026-06-10",
        "only-5@20260610",
        "only-5-0610",
        "only-5-260610",
        "only-5-001",
        "only-5-preview",
        "only-5-preview-06-10",
        "only-5-preview-06-2026",
        "only-5-20260610-high",
        "only-5-20260610-v1:0",
        "only-5-1m",
        "any/thing/only-5-low",
        "ONLY-5-LATEST",
        "only-5[1m]",
        "only-5-thinking-medium",
        "only-5-2026-06-10-low",
        "only-5@default",
    };
    struct oks_prices *prices = with("{\"only-5\": {\"input_cost_per_token\": 1e-06}}");

    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
        ck_assert_msg(cost_in(prices, ids[i], (struct oks_spend){.input = 1}) == MICRO(1), "%s", ids[i]);
    ck_assert_int_eq(cost_in(prices, "claude-opus-5-max", (struct oks_spend){.input = 1}), MICRO(5));
    oks_prices_free(prices);
}
END_TEST

/* Any other word may name another model, with another price. */
START_TEST(words_that_are_not_known_have_no_price)
{
    static const char *const ids[] = {
        "only-5-fast",        "only-5-next",       "only-5-max",         "only-5-high-fast",
        "only-5-fast-high",   "only-5-preview-2",  "only-5-mini-latest", "only-5:free",
        "only-5@eu",          "only-5-20261310",   "only-5-2026-06",     "only-5-2026-13-10",
        "only-5-06-10",       "only-5-0",          "only-5-100",         "only-5-1310",
        "only-5-thinkingly",  "only-5-high-",      "only-5--high",       "only-5.high",
        "only-5_high",        "only-5[fast]",      "only-5-202606101",   "only-5-v1000",
        "uk.only-5",          "only-5-20260610-x", "only-5-lite",        "only-5-preview-fast",
        "claude-opus-5-fast", "claude-opus-5-pro", "claude-sonnet-5-neo"};
    struct oks_prices *prices = with("{\"only-5\": {\"input_cost_per_token\": 1e-06}}");

    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
        unpriced_in(prices, ids[i], (struct oks_spend){.input = 1});
    oks_prices_free(prices);
}
END_TEST

/* Profiles of Bedrock that keep a request in a region cost 1.1 times as much, since Claude 4.5. */
START_TEST(regional_profiles_multiply)
{
    static const struct {
        const char *id;
        int micros; /* of 100 tokens of input */
    } at[] = {
        {"us.anthropic.claude-sonnet-5", 220},
        {"eu.anthropic.claude-sonnet-5", 220},
        {"au.anthropic.claude-sonnet-5-v1:0", 220},
        {"apac.anthropic.claude-sonnet-5", 220},
        {"bedrock/converse/jp.anthropic.claude-sonnet-4-5-20250929-v1:0", 330},
        {"arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0", 110},
        {"us.anthropic.claude-opus-4-5-20251101-v1:0[1m]", 550},
        {"global.anthropic.claude-sonnet-5", 200},
        {"anthropic.claude-sonnet-5", 200},
        {"us.anthropic.claude-opus-4-1-20250805-v1:0", 1500}, /* it has no regional prices */
    };
    struct oks_prices *prices = with("{\"us.anthropic.claude-opus-5\": {\"input_cost_per_token\": 7e-06}}");

    for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++)
        ck_assert_msg(cost_in(prices, at[i].id, (struct oks_spend){.input = 100}) == MICRO(at[i].micros),
                      "%s", at[i].id);
    /* Once, whatever else names a region. */
    ck_assert_int_eq(
        cost_in(prices, "us.anthropic.claude-sonnet-5", (struct oks_spend){.input = 100, .geo = OKS_GEO_US}),
        MICRO(220));
    /* A price of the profile itself is not multiplied again. */
    ck_assert_int_eq(cost_in(prices, "us.anthropic.claude-opus-5-v1:0", (struct oks_spend){.input = 1}),
                     MICRO(7));
    ck_assert_int_eq(cost_in(prices, "eu.anthropic.claude-opus-5", (struct oks_spend){.input = 10}),
                     MICRO(55));
    unpriced_in(prices, "us-gov.anthropic.claude-sonnet-5", (struct oks_spend){.input = 1});
    unpriced_in(prices, "us.claude-sonnet-5", (struct oks_spend){.input = 1});
    oks_prices_free(prices);
}
END_TEST

START_TEST(gpt_5_never_prices_gpt_5_4_mini)
{
    struct oks_prices *prices = with("{\"only-5\": {\"input_cost_per_token\": 1e-06}}");

    unpriced_in(prices, "only-5.4-mini", (struct oks_spend){.input = 1});
    unpriced_in(prices, "only-5-mini", (struct oks_spend){.input = 1});
    ck_assert_int_eq(cost_in(prices, "only-5-high", (struct oks_spend){.input = 1}), MICRO(1));
    oks_prices_free(prices);
}
END_TEST

START_TEST(contexts)
{
    struct oks_prices *prices = with(NULL);
    uint64_t tokens;

    ck_assert_int_eq(oks_prices_context(prices, oks_slice_of("claude-opus-4-6"), &tokens), OKS_PRICED);
    ck_assert_uint_eq(tokens, 1000000);
    ck_assert_int_eq(oks_prices_context(prices, oks_slice_of("claude-sonnet-4-5-20250929"), &tokens),
                     OKS_PRICED);
    ck_assert_uint_eq(tokens, 200000);
    ck_assert_int_eq(oks_prices_context(prices, oks_slice_of("claude-sonnet-4-5[1m]"), &tokens), OKS_PRICED);
    ck_assert_uint_eq(tokens, 1000000);
    ck_assert_int_eq(oks_prices_context(prices, oks_slice_of("mystery"), &tokens), OKS_UNPRICED);
    ck_assert_uint_eq(tokens, 32000);
    ck_assert_int_eq(oks_prices_context(prices, (struct oks_slice){0}, &tokens), OKS_UNPRICED);
    oks_prices_free(prices);
}
END_TEST

START_TEST(larger_contexts_of_the_family)
{
    static const struct {
        const char *model;
        uint64_t occupied, tokens; /* 0: none */
    } at[] = {{"claude-sonnet-4-5", 200001, 1000000},
              {"claude-whatever", 1, 200000},
              {"us.anthropic.claude-haiku-4-5-20251001-v1:0", 200001, 1000000},
              {"openrouter/anthropic/Claude-Opus-4.5", 1000000, 1000000},
              {"claude-opus-5", 1000001, 0},
              {"ruby-2", 10, 20000},
              {"ruby-2", 20001, 0},
              {"rubynia", 10, 0},
              {"rub", 10, 0},
              {"", 1, 0},
              {"5", 1, 0}};
    struct oks_prices *prices =
        with("{\"ruby\": {\"max_input_tokens\": 20000}, \"ruby-1\": {\"max_input_tokens\": 30000},"
             " \"ruby-1\": {}, \"5-x\": {\"max_input_tokens\": 9}}");

    for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
        uint64_t tokens = 0;

        ck_assert_int_eq(oks_prices_context_above(prices, oks_slice_of(at[i].model), at[i].occupied, &tokens),
                         at[i].tokens ? OKS_PRICED : OKS_UNPRICED);
        ck_assert_uint_eq(tokens, at[i].tokens);
    }
    oks_prices_free(prices);
}
END_TEST

/* --- the user's file --- */

START_TEST(a_users_entry_replaces_the_one_inside)
{
    static const char user[] =
        "{\"claude-opus-4-5\": {\"input_cost_per_token\": 0.000001},"
        " \"sample_spec\": {\"input_cost_per_token\": \"what it costs\"},"
        " \"mystery\": {\"input_cost_per_token\": 1e-6, \"output_cost_per_token\": null}}";
    struct oks_prices *prices = with(user);

    ck_assert_int_eq(cost_in(prices, "claude-opus-4-5-20251101", (struct oks_spend){.input = 7}), MICRO(7));
    /* the whole entry: its output has no price any more */
    ck_assert_int_eq(unpriced_in(prices, "claude-opus-4-5", (struct oks_spend){.input = 7, .output = 1}),
                     MICRO(7));
    ck_assert_int_eq(cost_in(prices, "mystery", (struct oks_spend){.input = 3}), MICRO(3));
    unpriced_in(prices, "mystery", (struct oks_spend){.output = 3});
    /* the others stay */
    ck_assert_int_eq(cost_in(prices, "claude-opus-4-6", (struct oks_spend){.input = 1}), MICRO(5));
    oks_prices_free(prices);
}
END_TEST

/* LiteLLM's own file does not name all multipliers. */
START_TEST(a_users_entry_keeps_the_multipliers_inside)
{
    static const char user[] = "{\"claude-sonnet-4-6\": {\"input_cost_per_token\": 4e-06},"
                               " \"claude-sonnet-4-6-20260217\": {\"input_cost_per_token\": 5e-06},"
                               " \"claude-haiku-4-5-20251001\": {\"input_cost_per_token\": 2e-06},"
                               " \"claude-haiku-4-5-fast\": {\"input_cost_per_token\": 2e-06},"
                               " \"claude-opus-4-6\": {\"input_cost_per_token\": 1e-06,"
                               " \"provider_specific_entry\": {\"us\": 1, \"fast\": 3}}}";
    struct oks_prices *prices = with(user);
    struct oks_spend spend = {.input = 100, .geo = OKS_GEO_US};

    ck_assert_int_eq(cost_in(prices, "claude-sonnet-4-6", spend), MICRO(440));
    ck_assert_int_eq(cost_in(prices, "eu.anthropic.claude-sonnet-4-6", spend), MICRO(440));
    /* Entries of dated names are the same models. */
    ck_assert_int_eq(cost_in(prices, "claude-sonnet-4-6-20260217", spend), MICRO(550));
    ck_assert_int_eq(cost_in(prices, "us.anthropic.claude-haiku-4-5-20251001-v1:0", spend), MICRO(220));
    ck_assert_int_eq(cost_in(prices, "us.anthropic.claude-haiku-4-5-fast", spend), MICRO(200));
    spend.speed = OKS_SPEED_FAST;
    ck_assert_int_eq(cost_in(prices, "claude-opus-4-6", spend), MICRO(300));
    oks_prices_free(prices);
}
END_TEST

START_TEST(numbers_are_exact)
{
    static const char user[] = "{\"m\": {\"input_cost_per_token\": 0.1, \"output_cost_per_token\": 3,"
                               " \"cache_read_input_token_cost\": \"2.5e-07\"}}";
    struct oks_prices *prices = with(user);

    ck_assert_int_eq(cost_in(prices, "m", (struct oks_spend){.input = 3}), 3 * OKS_USD / 10);
    ck_assert_int_eq(cost_in(prices, "m", (struct oks_spend){.output = 2}), 6 * OKS_USD);
    ck_assert_int_eq(cost_in(prices, "m", (struct oks_spend){.cache_read = 4}), MICRO(1));
    oks_prices_free(prices);
}
END_TEST

static void refused(const char *user, const char *why)
{
    struct oks_prices *prices;
    char error[256];

    ck_assert_msg(oks_prices_new(&prices, user, strlen(user), error) == -EINVAL, "taken: %s", user);
    ck_assert_str_eq(error, why);
    ck_assert_int_eq(oks_prices_new(&prices, user, strlen(user), NULL), -EINVAL);
}

START_TEST(wrong_files_say_where)
{
    refused("", "line 1: the file ends in the middle: it is empty (delete it, or write {} into it)");
    refused("{\n \"m\": {\n", "line 3: the file ends in the middle");
    refused("[]", "line 1: the file is no JSON object: it begins with {");
    refused("{}\n{}", "line 2: more text behind the end at {, column 1");
    refused("{\n\"m\": 1}", "line 2: \"m\" is no object");
    refused("{\"a\": {},\n\"m\": {\n\"x\": [1, {\"y\": \"}\"}],\n\"input_cost_per_token\": true}}",
            "line 4: \"input_cost_per_token\" of \"m\" is no price");
    refused("{\"m\": {\"output_cost_per_token\": -1}}",
            "line 1: \"output_cost_per_token\" of \"m\" is no price");
    refused("{\"m\": {\"output_cost_per_token\": 1e300}}",
            "line 1: \"output_cost_per_token\" of \"m\" is no price");
    refused("{\"m\":\n {\"provider_specific_entry\":\n {\"fast\":\n 0}}}",
            "line 4: \"fast\" of \"m\" is no multiplier from 0.000001 to 1000");
    refused("{\"m\":\n {\"valid_from\":\n \"2026-02-30\"}}",
            "line 3: \"valid_from\" of \"m\" is no date like 2026-08-21");
    refused("{\"m\": {\"valid_until\": 20260230}}",
            "line 1: \"valid_until\" of \"m\" is no date like 2026-08-21");
    refused("{\"m\": {\"valid_until\": \"2026-02-03T00:00:00Z\"}}",
            "line 1: \"valid_until\" of \"m\" is no date like 2026-08-21");
    refused("{\"m\": {\"earlier\": {}}}", "line 1: \"earlier\" of \"m\" is no list");
    refused("{\"m\": {\"earlier\": [1]}}", "line 1: \"m\" is no object");
    refused("{\"m\": {\"earlier\": [{\"valid_until\": \"2026-08-20\"}]}}",
            "line 1: the times of the prices of \"m\" overlap");
    refused("{\"m\": {\"valid_from\": \"2026-08-20\","
            " \"earlier\": [{\"valid_until\": \"2026-08-20\"}]}}",
            "line 1: the times of the prices of \"m\" overlap");
    refused("{\"m\": {\"valid_from\": \"2026-08-20\", \"valid_until\": \"2026-08-19\"}}",
            "line 1: the times of the prices of \"m\" overlap");
}
END_TEST

START_TEST(what_is_no_price_is_passed_over)
{
    static const char user[] =
        "{\"m\": {\"input_cost_per_token\": 1e-06, \"input_cost_per_token_above_k_tokens\": 1,"
        " \"input_cost_per_token_above_0k_tokens\": 1, \"input_cost_per_token_above_9999999k_tokens\": 1,"
        " \"input_cost_per_token_above_128k_tokens_gold\": \"x\", \"input_cost_per_token_sometimes\": \"x\","
        " \"max_input_tokens\": \"many\", \"provider_specific_entry\": 3, \"mode\": [[]]}}";
    struct oks_prices *prices = with(user);
    uint64_t tokens;

    ck_assert_int_eq(cost_in(prices, "m", (struct oks_spend){.input = 9000000}), MICRO(9000000));
    ck_assert_int_eq(oks_prices_context(prices, oks_slice_of("m"), &tokens), OKS_UNPRICED);
    oks_prices_free(prices);
}
END_TEST

START_TEST(too_many_tiers_are_refused)
{
    char user[4096], error[256];
    size_t n = (size_t)snprintf(user, sizeof(user), "{\"m\": {\"mode\": 1");
    struct oks_prices *prices;

    for (int i = 1; i <= 33; i++)
        n +=
            (size_t)snprintf(user + n, sizeof(user) - n, ", \"input_cost_per_token_above_%dk_tokens\": 1", i);
    snprintf(user + n, sizeof(user) - n, "}}");
    ck_assert_int_eq(oks_prices_new(&prices, user, strlen(user), error), -EINVAL);
    ck_assert_str_eq(error, "line 1: \"m\" has too many prices");
}
END_TEST

START_TEST(the_document_is_a_users_file_again)
{
    struct oks_prices *prices =
                          with("{\"m\": {\"input_cost_per_token\": 1.5e-05, \"litellm_provider\": \"x\","
                               " \"output_cost_per_token_above_9k_tokens_flex\": 2}}"),
                      *again;
    char *text, *models, error[256];
    size_t len;

    ck_assert_int_eq(document_pricing_text(prices, &text, &len), 0);
    ck_assert_uint_eq(strlen(text), len);
    ck_assert_ptr_nonnull(strstr(text, "\"date\": \"20"));
    ck_assert_ptr_nonnull(strstr(text, "\"userEntries\": 1,"));
    ck_assert_ptr_nonnull(strstr(text, "\"webSearchCost\": 0.01,"));
    ck_assert_ptr_nonnull(strstr(text, "\"input_cost_per_token\": 0.000015,"));
    ck_assert_ptr_nonnull(strstr(text, "\"output_cost_per_token_above_9k_tokens_flex\": 2\n"));
    ck_assert_ptr_nonnull(strstr(text, "\"origin\": \"user\","));
    ck_assert_ptr_nonnull(strstr(text, "\"origin\": \"inside\","));
    ck_assert_ptr_nonnull(strstr(text, "\"valid_from\": \"2026-08-21\",\n      \"valid_until\": null,"));
    models = strstr(text, "\"models\": ") + strlen("\"models\": ");
    text[len - 2] = '\0'; /* the brace around it */
    ck_assert_msg(oks_prices_new(&again, models, strlen(models), error) == 0, "%s", error);
    ck_assert_int_eq(cost_in(again, "claude-sonnet-4-5", (struct oks_spend){.cache_1h = 200001}),
                     MICRO(200001 * 12));
    ck_assert_int_eq(cost_in(again, "claude-opus-4-6",
                             (struct oks_spend){.input = 1, .geo = OKS_GEO_US, .speed = OKS_SPEED_FAST}),
                     MICRO(33));
    ck_assert_int_eq(cost_at(again, "gpt-5.6", (struct oks_spend){.input = 1}, "2026-08-20T00:00:00.000Z"),
                     MICRO(5));
    ck_assert_int_eq(cost_at(again, "gpt-5.6", (struct oks_spend){.input = 1}, "2026-08-21T00:00:00.000Z"),
                     MICRO(4));
    ck_assert_int_eq(cost_in(again, "jp.anthropic.claude-haiku-4-5", (struct oks_spend){.input = 10}),
                     MICRO(11));
    oks_prices_free(again);
    oks_prices_free(prices);
    free(text);
}
END_TEST

/* A misspelt key once took the model's price away. */
START_TEST(an_entry_without_prices_replaces_none)
{
    static const char text[] =
        "{\"claude-opus-4-7\": {\"input_cost\": 3e-6, \"max_input_tokens\": 12345,"
        " \"provider_specific_entry\": {\"us\": 3}}, \"gpt-5\": {\"mode\": \"chat\", \"earlier\": []}}";
    struct oks_prices *prices = with(text);
    uint64_t tokens;

    ck_assert_int_eq(cost_in(prices, "claude-opus-4-7", (struct oks_spend){.input = 1}), MICRO(5));
    ck_assert_int_eq(cost_in(prices, "claude-opus-4-7", (struct oks_spend){.output = 1}), MICRO(25));
    ck_assert_int_eq(cost_in(prices, "gpt-5", (struct oks_spend){.output = 1}), MICRO(10));
    ck_assert_int_eq(oks_prices_context(prices, oks_slice_of("claude-opus-4-7"), &tokens), OKS_PRICED);
    ck_assert_uint_eq(tokens, 12345); /* what it does say counts */
    oks_prices_free(prices);
}
END_TEST

START_TEST(what_is_most_likely_a_mistake)
{
    static const struct {
        const char *user, *doubt;
    } cases[] = {
        {"{\"claude-opus-4-7\": {\"input_cost\": 3e-6}}",
         "\"input_cost\" of \"claude-opus-4-7\" is no price that"},
        {"{\"m\": {\"outputPrice\": 3e-6}}",
         "\"outputPrice\" of \"m\" is no price that is known, such as output_cost_per_token"},
        {"{\"m\": {\"input_cost_per_token\": 1, \"output_cost_per_tokens\": 1}}",
         "\"output_cost_per_tokens\""},
        {"{\"m\": {\"input_cost_per_1M_tokens\": 3}}", "\"input_cost_per_1M_tokens\""},
        {"{\"m\": {\"cache_read_cost\": 3}}", "\"cache_read_cost\""},
        {"{\"claude-opus-4-7\": {\"inptu\": 3}}",
         "\"claude-opus-4-7\" has no price of a token, such as input_cost_per_token"},
        {"{\"claude-opus-4-7\": {\"input_cost_per_token\": 3e-6}}",
         "\"claude-opus-4-7\" has no output_cost_per_token: it replaces"},
        {"{\"gpt-5\": {\"input_cost_per_token\": 3e-6, \"output_cost_per_token\": 3e-6}}",
         "\"gpt-5\" has no cache_read_input_token_cost: it replaces"},
    };
    /* What is in LiteLLM's file, and own models. */
    static const char *const good[] = {
        "{}",
        "{\"m\": {\"input_cost_per_token\": 1e-6, \"output_cost_per_token\": 1e-6}}",
        "{\"m\": {\"input_cost_per_image\": 1, \"input_cost_per_audio_token\": 1, "
        "\"output_cost_per_second\": 1}}",
        "{\"m\": {\"cache_creation_input_audio_token_cost\": 1, \"search_context_cost_per_query\": {\"a\": "
        "1}}}",
        "{\"m\": {\"input_cost_per_token_cache_hit\": 1, \"ocr_cost_per_page\": 1, \"tiered_pricing\": []}}",
        "{\"dall-e\": {\"mode\": \"image_generation\", \"input_cost_per_pixel\": 1}}",
        "{\"claude-opus-4-7\": {\"max_input_tokens\": 5}}",
        "{\"claude-opus-4-7\": {\"input_cost_per_token\": 1, \"output_cost_per_token\": 1}}",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct oks_prices *prices = with(cases[i].user);
        const char *doubt = oks_prices_doubt(prices);

        ck_assert_msg(doubt && strncmp(doubt, cases[i].doubt, strlen(cases[i].doubt)) == 0, "%s: %s",
                      cases[i].user, doubt ? doubt : "nothing");
        oks_prices_free(prices);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        struct oks_prices *prices = with(good[i]);

        ck_assert_msg(!oks_prices_doubt(prices), "%s: %s", good[i], oks_prices_doubt(prices));
        oks_prices_free(prices);
    }
}
END_TEST

START_TEST(every_entry_inside_names_its_source)
{
    struct oks_prices *prices = with(NULL);
    char *text;
    size_t len;

    ck_assert_int_eq(document_pricing_text(prices, &text, &len), 0);
    ck_assert_ptr_null(strstr(text, "\"source\": null"));
    ck_assert_ptr_null(strstr(text, "\"source\": \"\""));
    oks_prices_free(prices);
    free(text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prices");

    TEST(s, opus_with_all_kinds_of_tokens);
    TEST(s, an_entry_without_prices_replaces_none);
    TEST(s, what_is_most_likely_a_mistake);
    TEST(s, one_token_of_the_cheapest_model_is_a_whole_number);
    TEST(s, sonnet_45_at_the_threshold);
    TEST(s, cache_tokens_reach_the_threshold_too);
    TEST(s, sonnet_46_has_no_tier);
    TEST(s, fast_and_us_multiply);
    TEST(s, inference_in_the_us_multiplies);
    TEST(s, a_request_pays_the_price_of_its_time);
    TEST(s, a_users_prices_may_have_dates);
    TEST(s, missing_prices_are_estimated_from_above);
    TEST(s, cached_input_without_a_price_is_a_lower_bound);
    TEST(s, a_region_without_a_multiplier_costs_nothing_extra);
    TEST(s, fast_without_a_multiplier_has_no_price);
    TEST(s, web_searches_cost_a_cent_and_are_not_multiplied);
    TEST(s, gpt_with_cached_input);
    TEST(s, gemini_tier);
    TEST(s, writes_for_an_hour_default_to_twice_the_input);
    TEST(s, defaults_are_anthropics_only);
    TEST(s, service_tiers_where_they_have_a_price);
    TEST(s, every_threshold_of_a_model);
    TEST(s, unknown_models_are_never_free);
    TEST(s, costs_saturate);
    TEST(s, a_million_requests_add_up);
    TEST(s, one_model_has_many_ids);
    TEST(s, the_longest_name_wins);
    TEST(s, a_namesake_is_not_the_model);
    TEST(s, words_that_are_known_to_be_harmless);
    TEST(s, words_that_are_not_known_have_no_price);
    TEST(s, regional_profiles_multiply);
    TEST(s, gpt_5_never_prices_gpt_5_4_mini);
    TEST(s, contexts);
    TEST(s, larger_contexts_of_the_family);
    TEST(s, a_users_entry_replaces_the_one_inside);
    TEST(s, a_users_entry_keeps_the_multipliers_inside);
    TEST(s, numbers_are_exact);
    TEST(s, wrong_files_say_where);
    TEST(s, what_is_no_price_is_passed_over);
    TEST(s, too_many_tiers_are_refused);
    TEST(s, the_document_is_a_users_file_again);
    TEST(s, every_entry_inside_names_its_source);
    return tap_run(s);
}
