/*
 * Money as integers, and as text.
 *
 * A double cannot hold 0.1, and prices are a few millionths of a dollar: sums of doubles drift. So amounts
 * are counted in picodollars, and text is read digit by digit, never through strtod.
 */
#include "base/money.h"

#include <ctype.h>
#include <errno.h>

#include "base/decimal.h"

enum { MONEY_DIGITS = 12, EXPONENT_MAX = 9999 };

oks_money oks_money_add(oks_money a, oks_money b)
{
    oks_money sum;

    return __builtin_add_overflow(a, b, &sum) ? OKS_MONEY_MAX : sum;
}

size_t oks_money_text(oks_money amount, char out[OKS_MONEY_TEXT])
{
    uint64_t value = amount < 0 ? 0 - (uint64_t)amount : (uint64_t)amount;
    char *end = out;

    if (amount < 0)
        *end++ = '-';
    end = decimal_put(end, value / OKS_USD, 1);
    if (value % OKS_USD) {
        *end++ = '.';
        end = decimal_put(end, value % OKS_USD, MONEY_DIGITS);
        while (end[-1] == '0')
            end--;
    }
    *end = '\0';
    return (size_t)(end - out);
}

/* A JSON number as digits and a power of ten: value = digits * 10^exponent. */
struct decimal {
    struct oks_slice whole, fraction;
    int exponent;
};

static size_t count_digits(struct oks_slice s)
{
    size_t n = 0;

    while (n < s.len && isdigit((unsigned char)s.ptr[n]))
        n++;
    return n;
}

static struct oks_slice take_digits(struct oks_slice *s)
{
    struct oks_slice digits = {s->ptr, count_digits(*s)};

    s->ptr += digits.len;
    s->len -= digits.len;
    return digits;
}

static bool take_exponent(struct oks_slice *s, int *exponent)
{
    struct oks_slice digits;
    bool negative;
    int value = 0;

    if (s->len == 0 || (*s->ptr != 'e' && *s->ptr != 'E'))
        return true;
    s->ptr++;
    s->len--;
    negative = s->len && *s->ptr == '-';
    if (s->len && (*s->ptr == '-' || *s->ptr == '+')) {
        s->ptr++;
        s->len--;
    }
    digits = take_digits(s);
    for (size_t i = 0; i < digits.len; i++) /* beyond a bound it is all the same */
        value = value > EXPONENT_MAX ? value : value * 10 + (digits.ptr[i] - '0');
    *exponent = negative ? -value : value;
    return digits.len > 0;
}

static bool split(struct oks_slice s, struct decimal *out)
{
    struct decimal d = {0};

    d.whole = take_digits(&s);
    if (d.whole.len == 0 || (d.whole.len > 1 && *d.whole.ptr == '0'))
        return false;
    if (s.len && *s.ptr == '.') {
        s.ptr++;
        s.len--;
        d.fraction = take_digits(&s);
        if (d.fraction.len == 0)
            return false;
    }
    if (!take_exponent(&s, &d.exponent) || s.len > 0)
        return false;
    *out = d;
    return true;
}

static int digit_at(const struct decimal *d, int64_t i)
{
    if (i < 0 || i >= (int64_t)(d->whole.len + d->fraction.len))
        return 0;
    return (i < (int64_t)d->whole.len ? d->whole.ptr[i] : d->fraction.ptr[i - (int64_t)d->whole.len]) - '0';
}

int oks_money_parse(struct oks_slice text, oks_money *out)
{
    struct decimal d;
    oks_money value = 0;
    int64_t kept, n;
    bool inexact = false;

    if (!text.ptr || text.len > OKS_MONEY_PARSE_MAX || !split(text, &d))
        return -EINVAL;
    n = (int64_t)(d.whole.len + d.fraction.len);
    kept = (int64_t)d.whole.len + d.exponent + MONEY_DIGITS; /* digits that are whole picodollars */
    for (int64_t i = 0; i < kept; i++) {
        if (i >= n && value == 0)
            break;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit_at(&d, i), &value))
            return -ERANGE;
    }
    for (int64_t i = kept > 0 ? kept : 0; i < n; i++)
        inexact |= digit_at(&d, i) != 0;
    if (digit_at(&d, kept) >= 5 && __builtin_add_overflow(value, 1, &value))
        return -ERANGE;
    *out = value;
    return inexact;
}
