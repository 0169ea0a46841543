/* Numbers as decimal digits: what printf does, at a tenth of its price. Private to the core. */
#ifndef OKSTRAFS_BASE_DECIMAL_H
#define OKSTRAFS_BASE_DECIMAL_H

#include <stdint.h>

enum { DECIMAL_MAX = 20 }; /* digits of a uint64_t */

/* Writes at least `width` <= DECIMAL_MAX digits, zeros in front. Returns the end, where no NUL is. */
static inline char *decimal_put(char *to, uint64_t value, unsigned width)
{
    unsigned n = 1;
    char *end;

    for (uint64_t least = 10; n < DECIMAL_MAX && value >= least; least *= 10)
        n++;
    end = to + (n > width ? n : width);
    for (char *at = end; at > to; value /= 10)
        *--at = (char)('0' + value % 10);
    return end;
}

#endif
