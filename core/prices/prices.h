/*
 * What requests cost.
 *
 * Prices are read from LiteLLM's model_prices_and_context_window.json format: a dated table inside, a user's
 * file on top of it, entry by entry. Costs are exact: integers of picodollars (base/money.h).
 *
 * A table is immutable once loaded: any number of threads may ask it. Rules: SPEC section 3, "Prices".
 */
#ifndef OKSTRAFS_PRICES_PRICES_H
#define OKSTRAFS_PRICES_PRICES_H

#include <stddef.h>
#include <stdint.h>

#include "base/money.h"
#include "scan/request.h"

enum {
    OKS_PRICES_BYTES_MAX = 16 << 20, /* of a user's file */
    OKS_PRICES_ENTRIES_MAX = 65536,  /* models in a user's file */
    OKS_CONTEXT_UNKNOWN = 32000,     /* context limit of a model that no table knows */
};

/* OKS_UNPRICED is an expected outcome, never a cost of 0. */
enum { OKS_PRICED = 0, OKS_UNPRICED = 1 };

struct oks_prices;
struct oks_price; /* of one model */

/*
 * The table inside with `user` (JSON, `len` bytes; NULL: none) on top. -EINVAL where `user` is not such a
 * file, and then `error` (may be NULL) says what is wrong and where, in one line; -ENOMEM.
 */
int oks_prices_new(struct oks_prices **out, const char *user, size_t len, char error[256]);
void oks_prices_free(struct oks_prices *prices);

/*
 * What a model id is priced by, or NULL: the id itself; then without the provider's prefix ("anthropic/",
 * "us.anthropic."), "[1m]", ":0", "-v1", "@..." and dates; then the longest entry that the id goes on from
 * with a word of its own ("claude-opus-4-5-thinking"). What goes on with a number is another version, and
 * what names another size (mini, nano, pro ...) another model: neither is ever priced by its namesake.
 * Borrowed from `prices`; finding it once for many requests saves time.
 */
const struct oks_price *oks_prices_find(const struct oks_prices *prices, struct oks_slice model);

/* As oks_prices_cost, for what oks_prices_find gave. */
int oks_price_cost(const struct oks_price *price, const struct oks_spend *spend, oks_money *cost);

/*
 * The price of a whole request at the tier that its prompt reaches. OKS_UNPRICED where the model, or a price
 * that this request needs, is not known; *cost then holds what could be priced: a lower bound. Saturates.
 *
 * A request above a threshold pays the tier's price for all of its tokens. A service tier without a price of
 * its own pays the standard one. Anthropic's cache prices follow from the input's where they are missing
 * (write 1.25 and 2 times, read a tenth). The speed "fast" needs its multiplier; a region without one costs
 * nothing extra. Web searches cost 0.01 USD each, whatever multiplies the tokens.
 */
int oks_prices_cost(const struct oks_prices *prices, struct oks_slice model, const struct oks_spend *spend,
                    oks_money *cost);

/* Tokens that fit into the model's context; OKS_UNPRICED and OKS_CONTEXT_UNKNOWN where no table knows it. */
int oks_prices_context(const struct oks_prices *prices, struct oks_slice model, uint64_t *tokens);

#endif
