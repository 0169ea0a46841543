/*
 * Money: integers of picodollars (10^-12 USD), and decimal text. One token of the cheapest model is still a
 * whole number, and a million requests add up exactly.
 */
#ifndef OKSTRAFS_BASE_MONEY_H
#define OKSTRAFS_BASE_MONEY_H

#include <stddef.h>
#include <stdint.h>

#include "okstrafs/slice.h"

typedef int64_t oks_money; /* picodollars; INT64_MAX (9.2 million USD) is where sums saturate */

#define OKS_MONEY_MAX INT64_MAX
#define OKS_USD       INT64_C(1000000000000)

enum {
    OKS_MONEY_TEXT = 32,       /* bytes that hold any amount as text */
    OKS_MONEY_PARSE_MAX = 400, /* bytes of a number that is read as money */
};

/* a + b for a, b >= 0, saturating */
oks_money oks_money_add(oks_money a, oks_money b);

/* Dollars as a decimal number without exponent or trailing zeros: 0, 1.5, 0.000003. Returns its length. */
size_t oks_money_text(oks_money amount, char out[OKS_MONEY_TEXT]);
/*
 * The reverse, exact, of a JSON number that is not negative: "1.5", "5e-06". 1 where it is finer than a
 * picodollar: it is rounded half up then. -EINVAL: no such number, or over OKS_MONEY_PARSE_MAX bytes;
 * -ERANGE.
 */
int oks_money_parse(struct oks_slice text, oks_money *out);

#endif
