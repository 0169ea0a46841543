/*
 * What requests cost.
 *
 * Prices are read from LiteLLM's model_prices_and_context_window.json format: a dated table inside, a user's
 * file on top of it, entry by entry. A price may hold between two dates; a request is billed by its time.
 * Costs are exact: integers of picodollars (base/money.h).
 *
 * A table is immutable once loaded: any number of threads may ask it. Rules: SPEC section 3, "Prices".
 */
#ifndef OKSTRAFS_PRICES_PRICES_H
#define OKSTRAFS_PRICES_PRICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/money.h"
#include "okstrafs/stamp.h"
#include "scan/request.h"

enum {
    OKS_PRICES_BYTES_MAX = 16 << 20, /* of a user's file */
    OKS_PRICES_ENTRIES_MAX = 65536,  /* models in a user's file */
    OKS_CONTEXT_UNKNOWN = 32000,     /* context limit of a model that no table knows */
};

/* OKS_UNPRICED is an expected outcome, never a cost of 0. */
enum { OKS_PRICED = 0, OKS_UNPRICED = 1 };

struct oks_prices;
struct oks_price; /* of one model, in one period */

/* What a model id is priced by. Borrowed from the table. */
struct oks_model_price {
    const struct oks_prices *prices;
    const struct oks_price *price; /* the newest one; NULL: the model has no price */
    bool regional;                 /* the id is a regional profile of Bedrock */
};

/* The cost of a request. */
struct oks_cost {
    oks_money known;   /* what could be priced: of OKS_UNPRICED a lower bound */
    oks_money missing; /* what the rest costs at the dearest prices of the table inside; 0 of OKS_PRICED */
};

/*
 * The table inside with `user` (JSON, `len` bytes; NULL: none) on top. -EINVAL where `user` is not such a
 * file, and then `error` (may be NULL) says what is wrong and where, in one line; -ENOMEM.
 */
int oks_prices_new(struct oks_prices **out, const char *user, size_t len, char error[256]);
void oks_prices_free(struct oks_prices *prices);

/*
 * What is most likely a mistake in the user's file, though it is valid: a key that looks like a price and is
 * none, an entry without any price. In one line; NULL: nothing. Borrowed from the table.
 */
const char *oks_prices_doubt(const struct oks_prices *prices);

/*
 * What a model id is priced by: the id itself; then without a provider's prefix ("anthropic/",
 * "us.anthropic."); then the longest entry from which the id goes on with nothing but words that change no
 * price: "thinking", "latest", "high", dates, "[1m]" and the like. Any other word may name another model, so
 * an id with such a word has no price. Finding it once for many requests saves time.
 */
struct oks_model_price oks_prices_find(const struct oks_prices *prices, struct oks_slice model);

/*
 * The price of a whole request, at the tier that its prompt reaches, and at the prices that held at the
 * time. OKS_UNPRICED if the model, or a price that this request needs, is not known. Saturates.
 *
 * A request above a threshold pays the tier's price for all of its tokens. A service tier without a price of
 * its own pays the standard one. Anthropic's cache prices follow from the input's where they are missing
 * (write 1.25 and 2 times, read a tenth). The speed "fast" needs its multiplier; a region without one costs
 * nothing extra. Web searches cost 0.01 USD each, whatever multiplies the tokens. A request without a time
 * pays the newest price.
 */
int oks_price_cost(struct oks_model_price of, const struct oks_spend *spend, struct oks_stamp when,
                   struct oks_cost *cost);

/* Tokens that fit into the model's context; OKS_UNPRICED and OKS_CONTEXT_UNKNOWN where no table knows it. */
int oks_prices_context(const struct oks_prices *prices, struct oks_slice model, uint64_t *tokens);
/*
 * The smallest context limit into which `occupied` tokens fit, of all models of the family: those whose names
 * begin with the same letters ("claude", "gpt"). OKS_UNPRICED: none is that large.
 */
int oks_prices_context_above(const struct oks_prices *prices, struct oks_slice model, uint64_t occupied,
                             uint64_t *tokens);

#endif
