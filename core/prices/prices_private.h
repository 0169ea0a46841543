/* A table of prices (private to prices*.c). */
#ifndef OKSTRAFS_PRICES_PRICES_PRIVATE_H
#define OKSTRAFS_PRICES_PRICES_PRIVATE_H

#include "prices/prices.h"

enum price_kind { PRICE_INPUT, PRICE_OUTPUT, PRICE_WRITE_5M, PRICE_WRITE_1H, PRICE_READ, PRICE_KINDS };

enum {
    PRICE_RATES_MAX = 32,          /* of one model: tiers times service tiers */
    PRICE_MULTIPLIER = 1000000,    /* 1 */
    PRICE_MULTIPLIER_MAX = 1000,   /* times */
    PRICE_THRESHOLD_MAX = 1000000, /* thousands of tokens */
    PRICE_WEB_SEARCHES_PER_USD = 100,
    PRICE_NONE = -1,
};

/* Prices of one token for a prompt over the threshold, in one service tier. */
struct rate {
    uint32_t threshold_k; /* thousands of tokens; 0: from the start */
    enum oks_tier tier;
    oks_money price[PRICE_KINDS]; /* PRICE_NONE: not known */
};

/*
 * Prices of a model in one period. The periods of a model are neighbours in the table, ascending by time, and
 * do not overlap.
 */
struct oks_price {
    char *name;
    char *source;                /* where it was read; NULL: not said */
    bool inside;                 /* of the table inside; else of the user's file */
    bool anthropic;              /* cache prices follow from the input's */
    uint32_t fast, us, regional; /* multipliers in millionths; 0: none */
    uint64_t max_input;
    int64_t from_day, until_day; /* first and last day (UTC) on which it holds, since 1970; see below */
    size_t n_earlier;            /* periods of the same model before this one in the table */
    struct rate *rates;          /* ascending by service tier, then falling by threshold */
    size_t n_rates;
};

#define PRICE_DAY_FIRST INT64_MIN /* no first day is known */
#define PRICE_DAY_LAST  INT64_MAX /* no last day is known */

struct oks_prices {
    struct oks_price *entries; /* ascending by name, then by time */
    size_t n_entries, room;
    size_t n_user;   /* models of the user's file */
    char doubt[256]; /* the first thing in it that is most likely a mistake; "": none */
    size_t n_doubts;
    char date[11]; /* of the table inside */
    /* The highest of the table inside: an estimate, from above, for what has no price. */
    oks_money dearest[PRICE_KINDS];
    uint32_t dearest_fast, dearest_region;
};

/* LiteLLM's names: input_cost_per_token and so on. */
extern const char *const price_kind_keys[PRICE_KINDS];
extern const char *const price_tier_suffixes[];

/* The newest entry of exactly that name, or NULL. */
const struct oks_price *prices_exact(const struct oks_prices *prices, struct oks_slice name);
/* The entry of a shorter name that is the same model ("claude-haiku-4-5" of a dated name), or NULL. */
const struct oks_price *prices_base(const struct oks_prices *prices, struct oks_slice name);

#endif
