/* Numbers as decimal digits: what printf does, at a tenth of its price. Private to the core. */
#ifndef OKSTRAFS_BASE_DECIMAL_H
#define OKSTRAFS_BASE_DECIMAL_H

#include <stdint.h>
#include <string.h>

enum { DECIMAL_MAX = 20 }; /* digits of a uint64_t */

/* Writes at least `width` <= DECIMAL_MAX digits, zeros in front. Returns the end, where no NUL is. */
static inline char *decimal_put(char *to, uint64_t value, unsigned width)
{
    char digits[DECIMAL_MAX];
    unsigned n = 0;

    do
        digits[DECIMAL_MAX - ++n] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    while (n < width)
        digits[DECIMAL_MAX - ++n] = '0';
    return (char *)memcpy(to, digits + DECIMAL_MAX - n, n) + n;
}

#endif
