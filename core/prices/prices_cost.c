/*
 * What a request costs: finding the model's entry, then integer arithmetic.
 *
 * The provider bills the whole request at the higher rate once its prompt exceeds a threshold. Some tools
 * split each count at the threshold instead; invoices do not.
 *
 * Invariant: no step rounds but the last one, and that only where a user's prices are finer than picodollars
 * once multiplied.
 */
#include <ctype.h>
#include <string.h>

#include "prices/prices_private.h"

typedef unsigned __int128 wide;

enum { ID_MAX = 256, TOKENS_PER_K = 1000, CONTEXT_1M = 1000000 };

#define SUM_MAX ((wide)1 << 66) /* saturated long before: this times any multipliers still fits */

/* --- ids --- */

static bool ends_in_digits(struct oks_slice s, size_t n)
{
    if (s.len < n)
        return false;
    for (size_t i = s.len - n; i < s.len; i++)
        if (!isdigit((unsigned char)s.ptr[i]))
            return false;
    return true;
}

/* A date behind a dash: -20260610, -2026-06-10; or a provider's counter: -001. Its length, or 0. */
static size_t date_suffix(struct oks_slice s)
{
    static const size_t lengths[] = {8, 3};
    struct oks_slice rest = s;

    for (size_t i = 0; i < 2; i++)
        if (s.len > lengths[i] && ends_in_digits(s, lengths[i]) && s.ptr[s.len - lengths[i] - 1] == '-')
            return lengths[i] + 1;
    for (size_t i = 0; i < 2; i++) {
        if (rest.len < 3 || !ends_in_digits(rest, 2) || rest.ptr[rest.len - 3] != '-')
            return 0;
        rest.len -= 3;
    }
    return rest.len > 5 && ends_in_digits(rest, 4) && rest.ptr[rest.len - 5] == '-' ? s.len - rest.len + 5
                                                                                    : 0;
}

/* -v1 */
static size_t version_suffix(struct oks_slice s)
{
    size_t n = 0;

    while (n < s.len && isdigit((unsigned char)s.ptr[s.len - 1 - n]))
        n++;
    return n > 0 && s.len > n + 2 && s.ptr[s.len - n - 1] == 'v' && s.ptr[s.len - n - 2] == '-' ? n + 2 : 0;
}

/* Takes off what says where and when, not what: "[1m]", ":0", "@20260610". */
static bool strip_suffix(struct oks_slice *s)
{
    static const char marks[] = "@:";
    size_t n = date_suffix(*s);
    const char *mark = NULL;

    if (n == 0)
        n = version_suffix(*s);
    if (s->len && s->ptr[s->len - 1] == ']')
        mark = memrchr(s->ptr, '[', s->len);
    for (const char *c = marks; *c && !mark && n == 0; c++)
        mark = memrchr(s->ptr, *c, s->len);
    if (mark)
        n = s->len - (size_t)(mark - s->ptr);
    if (n == 0 || n >= s->len)
        return false;
    s->len -= n;
    return true;
}

/* "bedrock/us-east-1/", "us.anthropic.", "anthropic." */
static struct oks_slice strip_prefix(struct oks_slice s)
{
    static const char vendor[] = "anthropic.";
    const char *slash = memrchr(s.ptr, '/', s.len), *found;

    if (slash) {
        s.len -= (size_t)(slash + 1 - s.ptr);
        s.ptr = slash + 1;
    }
    found = memmem(s.ptr, s.len, vendor, sizeof(vendor) - 1);
    if (found && (found == s.ptr || found[-1] == '.')) {
        found += sizeof(vendor) - 1;
        s.len -= (size_t)(found - s.ptr);
        s.ptr = found;
    }
    return s;
}

/* Words that make another model, with other prices, of the one before them. */
static bool names_another(struct oks_slice rest)
{
    static const char *const words[] = {"mini",  "nano",  "lite", "pro",  "max",   "flash", "small",
                                        "large", "image", "tts",  "live", "audio", "spark", "realtime"};

    while (rest.len > 0) {
        size_t n = 0;

        while (n < rest.len && !strchr("-.@", rest.ptr[n]))
            n++;
        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
            if (oks_slice_eq((struct oks_slice){rest.ptr, n}, oks_slice_of(words[i])))
                return true;
        n += n < rest.len;
        rest.ptr += n;
        rest.len -= n;
    }
    return false;
}

static const struct oks_price *find_beginning(const struct oks_prices *prices, struct oks_slice id)
{
    for (size_t n = id.len; n-- > 1;) {
        struct oks_slice rest = {id.ptr + n + 1, id.len - n - 1};
        const struct oks_price *price;

        if (id.ptr[n] != '-' && id.ptr[n] != '.' && id.ptr[n] != '@')
            continue;
        if (rest.len == 0 || isdigit((unsigned char)*rest.ptr) || names_another(rest))
            continue;
        price = prices_exact(prices, (struct oks_slice){id.ptr, n});
        if (price)
            return price;
    }
    return NULL;
}

/* Gateways write claude-sonnet-4.5 for what Anthropic calls claude-sonnet-4-5. */
static void undot_claude(char *id, size_t len)
{
    if (len < 6 || memcmp(id, "claude", 6) != 0)
        return;
    for (size_t i = 0; i < len; i++)
        if (id[i] == '.')
            id[i] = '-';
}

const struct oks_price *oks_prices_find(const struct oks_prices *prices, struct oks_slice model)
{
    const struct oks_price *price;
    struct oks_slice id;
    char buf[ID_MAX];

    if (!model.ptr || model.len == 0 || model.len > sizeof(buf) || memchr(model.ptr, 0, model.len))
        return NULL;
    price = prices_exact(prices, model);
    if (price)
        return price;
    id = strip_prefix(model);
    for (size_t i = 0; i < id.len; i++)
        buf[i] = (char)tolower((unsigned char)id.ptr[i]);
    id.ptr = buf;
    undot_claude(buf, id.len);
    do {
        price = prices_exact(prices, id);
        if (price)
            return price;
    } while (strip_suffix(&id));
    return find_beginning(prices, id);
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

static uint64_t prompt_of(const struct oks_spend *spend)
{
    const uint64_t parts[] = {spend->cache_5m, spend->cache_1h, spend->cache_read};
    uint64_t sum = spend->input;

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (__builtin_add_overflow(sum, parts[i], &sum))
            return UINT64_MAX;
    return sum;
}

/* In millionths of millionths, so that both multiply exactly. */
static wide multiplier(const struct oks_price *price, const struct oks_spend *spend, bool *known)
{
    wide fast = PRICE_MULTIPLIER, us = PRICE_MULTIPLIER;

    if (spend->speed == OKS_SPEED_FAST) {
        *known &= price->fast != 0;
        fast = price->fast ? price->fast : fast;
    }
    if (spend->geo == OKS_GEO_US && price->us)
        us = price->us;
    return fast * us;
}

int oks_price_cost(const struct oks_price *price, const struct oks_spend *spend, oks_money *cost)
{
    const wide one = (wide)PRICE_MULTIPLIER * PRICE_MULTIPLIER;
    const uint64_t counts[PRICE_KINDS] = {spend->input, spend->output, spend->cache_5m, spend->cache_1h,
                                          spend->cache_read};
    wide sum = 0, searches = times(OKS_USD / PRICE_WEB_SEARCHES_PER_USD, spend->web_searches);
    uint64_t prompt = prompt_of(spend);
    bool known = true, tokens = false;

    for (int kind = 0; kind < PRICE_KINDS; kind++) {
        oks_money each;

        if (counts[kind] == 0)
            continue;
        tokens = true;
        each = price ? price_of(price, spend, prompt, (enum price_kind)kind) : PRICE_NONE;
        if (each == PRICE_NONE)
            known = false;
        else
            sum = plus(sum, times(each, counts[kind]));
    }
    if (price && tokens)
        sum = (sum * multiplier(price, spend, &known) + one / 2) / one;
    *cost = clamp(plus(sum, searches));
    return known ? OKS_PRICED : OKS_UNPRICED;
}

int oks_prices_cost(const struct oks_prices *prices, struct oks_slice model, const struct oks_spend *spend,
                    oks_money *cost)
{
    return oks_price_cost(oks_prices_find(prices, model), spend, cost);
}

int oks_prices_context(const struct oks_prices *prices, struct oks_slice model, uint64_t *tokens)
{
    static const char wide_context[] = "[1m]";
    const struct oks_price *price = oks_prices_find(prices, model);
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
