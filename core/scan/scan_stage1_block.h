/*
 * One block of stage 1: its escaped bytes and its entries. The quick way (scan_stage1_kernel.h, which says
 * what has to be defined before) and the careful way (scan_stage1_careful.h) both use it.
 */
#ifndef OKSTRAFS_SCAN_SCAN_STAGE1_BLOCK_H
#define OKSTRAFS_SCAN_SCAN_STAGE1_BLOCK_H

#include <stdbool.h>

#include "scan/scan_stage1.h"

enum { BATCH_BLOCKS = OKS_BATCH_BYTES / 64 };

/* What a block must know of the bytes before it. */
struct stage1 {
    uint64_t string; /* all ones: it begins inside a string */
    uint64_t escape; /* 1: its first byte is escaped */
    uint64_t scalar; /* 1: the byte before belongs to a run outside strings */
};

/*
 * The bytes that stand behind an odd number of backslashes. Within a run, every other backslash escapes what
 * follows it, the first one to begin with. Subtracting the run from itself moved up by one leaves a bit at
 * its start and a borrow that ends behind it; the odd places, filled in before and flipped after, turn that
 * into every other byte of the run (a method of simdjson's).
 */
static inline uint64_t escaped_bytes(uint64_t backslash, uint64_t *escape)
{
    const uint64_t odd = UINT64_C(0xaaaaaaaaaaaaaaaa);
    uint64_t first = *escape, free = backslash & ~first, alternate;

    alternate = ((free << 1 | odd) - free) ^ odd;
    *escape = (alternate & backslash) >> 63;
    return alternate ^ (backslash | first);
}

/*
 * Whether the last character of the block at s is cut off by an ASCII byte behind the block. Bad UTF-8 shows
 * in the block in which the next character begins, and a block that is all ASCII is not looked at.
 */
static inline bool cut_by_ascii(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;

    return __builtin_expect(u[63] & ~u[64] & 0x80, 0) && (u[63] >= 0xc0 || u[62] >= 0xe0 || u[61] >= 0xf0);
}

/* The entries outside strings, and where strings begin; *scalar as in struct stage1. */
static inline uint64_t tokens(const struct constants *k, block x, uint64_t string, uint64_t quote,
                              uint64_t *scalar)
{
    uint64_t operators = block_operator(k, x);
    uint64_t other = ~(string | quote | operators | block_gap(k, x));
    uint64_t first = other & ~(other << 1 | *scalar);

    *scalar = other >> 63;
    return (operators & ~string) | first | (quote & string);
}

#endif
