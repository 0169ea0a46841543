/*
 * What a request costs: integer arithmetic on the prices of one entry.
 *
 * The provider bills the whole request at the higher rate once its prompt exceeds a threshold. Some tools
 * split each count at the threshold instead; invoices do not.
 *
 * Invariant: no step rounds but the last one, and that only where a user's prices are finer than picodollars
 * once multiplied.
 */
#include <string.h>

#include "prices/prices_private.h"

typedef unsigned __int128 wide;

enum { TOKENS_PER_K = 1000, CONTEXT_1M = 1000000 };

#define DAY_MICROS INT64_C(86400000000)

#define SUM_MAX ((wide)1 << 66) /* saturated long before: this times any multipliers still fits */

/* The entry that holds at the time, or NULL. */
static const struct oks_price *in_force(const struct oks_price *newest, struct oks_stamp when)
{
    int64_t micros, day;
    bool aware;

    if (!newest || (newest->from_day == PRICE_DAY_FIRST && newest->until_day == PRICE_DAY_LAST))
        return newest;
    if (oks_stamp_is_none(when) || oks_stamp_micros(when, &micros, &aware) < 0)
        return newest;
    day = micros / DAY_MICROS - (micros % DAY_MICROS < 0);
    for (size_t i = 0; i <= newest->n_earlier; i++)
        if (day >= newest[-(ptrdiff_t)i].from_day)
            return day <= newest[-(ptrdiff_t)i].until_day ? newest - i : NULL;
    return NULL;
}

/* --- amounts --- */

static wide times(oks_money price, uint64_t count)
{
    wide product = (wide)(uint64_t)price * count;

    return product < SUM_MAX ? product : SUM_MAX;
}

static wide plus(wide a, wide b)
{
    return a + b < SUM_MAX ? a + b : SUM_MAX;
}

static oks_money clamp(wide amount)
{
    return amount < (wide)OKS_MONEY_MAX ? (oks_money)amount : OKS_MONEY_MAX;
}

/* numerator / denominator of a price, half up */
static oks_money share(oks_money price, unsigned numerator, unsigned denominator)
{
    return clamp(((wide)(uint64_t)price * numerator + denominator / 2) / denominator);
}

/* The price of a kind in one rate, said or following from the input's. */
static oks_money rate_price(const struct oks_price *price, const struct rate *rate, enum price_kind kind)
{
    oks_money input = rate->price[PRICE_INPUT];

    if (rate->price[kind] != PRICE_NONE || !price->anthropic || input == PRICE_NONE)
        return rate->price[kind];
    switch (kind) {
    case PRICE_WRITE_5M:
        return share(input, 5, 4);
    case PRICE_WRITE_1H:
        return share(input, 2, 1);
    case PRICE_READ:
        return share(input, 1, 10);
    default:
        return PRICE_NONE;
    }
}

/* The highest tier that the prompt exceeds and that has the price; PRICE_NONE: none has. */
static oks_money price_in(const struct oks_price *price, enum oks_tier tier, uint64_t prompt,
                          enum price_kind kind)
{
    for (size_t i = 0; i < price->n_rates; i++) {
        const struct rate *rate = &price->rates[i];
        oks_money found;

        if (rate->tier != tier || (rate->threshold_k && prompt <= (uint64_t)rate->threshold_k * TOKENS_PER_K))
            continue;
        found = rate_price(price, rate, kind);
        if (found != PRICE_NONE)
            return found;
    }
    return PRICE_NONE;
}

static oks_money price_of(const struct oks_price *price, const struct oks_spend *spend, uint64_t prompt,
                          enum price_kind kind)
{
    oks_money found = price_in(price, spend->tier, prompt, kind);

    return found == PRICE_NONE ? price_in(price, OKS_TIER_STANDARD, prompt, kind) : found;
}

/* Of a response of several passes that of the last one: no pass has read their sum. One that is not known is
 * taken for a short one. */
static uint64_t prompt_of(const struct oks_spend *spend)
{
    const uint64_t parts[] = {spend->cache_5m, spend->cache_1h, spend->cache_read};
    uint64_t sum = spend->input;

    if (spend->context)
        return spend->context == OKS_PROMPT_UNKNOWN ? 0 : spend->context;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (__builtin_add_overflow(sum, parts[i], &sum))
            return UINT64_MAX;
    return sum;
}

/* In millionths of millionths, so that both multiply exactly. */
static wide multiplier(const struct oks_price *price, const struct oks_spend *spend, bool regional)
{
    uint32_t region = regional ? price->regional : spend->geo == OKS_GEO_US ? price->us : 0;
    bool fast = spend->speed == OKS_SPEED_FAST && price->fast;

    return (wide)(fast ? price->fast : PRICE_MULTIPLIER) * (region ? region : PRICE_MULTIPLIER);
}

/* An estimate, from above, for a kind of tokens that has no price. Cached input is never dearer than input.
 */
static oks_money dearest_of(const struct oks_prices *prices, const struct oks_price *price,
                            const struct oks_spend *spend, enum price_kind kind)
{
    oks_money dearest = prices->dearest[kind], input = PRICE_NONE;

    if (price && kind == PRICE_READ)
        input = price_of(price, spend, prompt_of(spend), PRICE_INPUT);
    return input != PRICE_NONE && input < dearest ? input : dearest;
}

static wide dearest_multiplier(struct oks_model_price of, const struct oks_spend *spend)
{
    bool region = of.regional || spend->geo == OKS_GEO_US;

    return (wide)(spend->speed == OKS_SPEED_FAST ? of.prices->dearest_fast : PRICE_MULTIPLIER) *
           (region ? of.prices->dearest_region : PRICE_MULTIPLIER);
}

static wide multiplied(wide sum, wide by)
{
    const wide one = (wide)PRICE_MULTIPLIER * PRICE_MULTIPLIER;

    return by == one || sum == 0 ? sum : (sum * by + one / 2) / one;
}

int oks_price_cost(struct oks_model_price of, const struct oks_spend *spend, struct oks_stamp when,
                   struct oks_cost *cost)
{
    const struct oks_price *price = in_force(of.price, when);
    const uint64_t counts[PRICE_KINDS] = {spend->input, spend->output, spend->cache_5m, spend->cache_1h,
                                          spend->cache_read};
    wide sum = 0, missing = 0;
    wide searches = times(OKS_USD / PRICE_WEB_SEARCHES_PER_USD, spend->web_searches);
    uint64_t prompt = prompt_of(spend);
    bool known = true;

    for (enum price_kind kind = 0; kind < PRICE_KINDS; kind++) {
        oks_money each;

        if (counts[kind] == 0)
            continue;
        each = price ? price_of(price, spend, prompt, kind) : PRICE_NONE;
        if (each != PRICE_NONE) {
            sum = plus(sum, times(each, counts[kind]));
            continue;
        }
        known = false;
        missing = plus(missing, times(dearest_of(of.prices, price, spend, kind), counts[kind]));
    }
    if (price && spend->speed == OKS_SPEED_FAST && !price->fast) {
        known &= sum == 0;
        missing = plus(missing, sum);
    }
    if (price)
        sum = multiplied(sum, multiplier(price, spend, of.regional));
    cost->known = clamp(plus(sum, searches));
    cost->missing = clamp(multiplied(missing, dearest_multiplier(of, spend)));
    return known ? OKS_PRICED : OKS_UNPRICED;
}

int oks_prices_context(const struct oks_prices *prices, struct oks_slice model, uint64_t *tokens)
{
    static const char wide_context[] = "[1m]";
    const struct oks_price *price = oks_prices_find(prices, model).price;
    size_t n = sizeof(wide_context) - 1;

    if (model.ptr && model.len > n && strncasecmp(model.ptr + model.len - n, wide_context, n) == 0) {
        *tokens = CONTEXT_1M;
        return OKS_PRICED;
    }
    if (!price || !price->max_input) {
        *tokens = OKS_CONTEXT_UNKNOWN;
        return OKS_UNPRICED;
    }
    *tokens = price->max_input;
    return OKS_PRICED;
}
