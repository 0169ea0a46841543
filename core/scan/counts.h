/*
 * The token counts of a record, as columns, and their saturating sum.
 *
 * A count is 0 ... OKS_TOKENS_MAX. Sums saturate there and never wrap.
 */
#ifndef OKSTRAFS_SCAN_COUNTS_H
#define OKSTRAFS_SCAN_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

enum oks_column {
    OKS_INPUT = 0,
    OKS_OUTPUT,
    OKS_CACHE_CREATION,
    OKS_CACHE_CREATION_5M,
    OKS_CACHE_CREATION_1H,
    OKS_CACHE_READ,
    OKS_TOOL_USES,
    OKS_COLUMNS,
};

#define OKS_TOKENS_MAX ((uint64_t)INT64_MAX)

/* min(a + b, OKS_TOKENS_MAX) for a, b <= OKS_TOKENS_MAX */
static inline uint64_t oks_tokens_add(uint64_t a, uint64_t b)
{
    uint64_t sum = a + b;

    return sum > OKS_TOKENS_MAX ? OKS_TOKENS_MAX : sum;
}

static inline bool oks_counts_any(const uint64_t count[OKS_COLUMNS])
{
    uint64_t any = 0;

    for (unsigned c = 0; c < OKS_COLUMNS; c++)
        any |= count[c];
    return any != 0;
}

#endif
