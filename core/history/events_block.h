/* A sealed block: 64 events of one run, packed column by column. Private to the core. */
#ifndef OKSTRAFS_HISTORY_EVENTS_BLOCK_H
#define OKSTRAFS_HISTORY_EVENTS_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "history/totals.h"

enum { BLOCK_EVENTS = 64 };

/* An event inside a run. What `key` means (a stamp's number, a place in the texts, nothing) the run knows. */
struct row {
    uint64_t key;
    uint64_t count[OKS_COLUMNS];
};

/* Exact sums: 2^64 events of 2^64 tokens fit, so differences of sums are exact too. Saturation comes last. */
struct sums {
    unsigned __int128 count[OKS_COLUMNS];
};

struct block;

/* The block of rows[0 ... BLOCK_EVENTS-1]; `before` are the sums over all earlier blocks of the run. NULL: no
 * memory. Freed by free(). */
struct block *block_pack(const struct row rows[BLOCK_EVENTS], const struct sums *before);
size_t block_bytes(const struct block *block);

uint64_t block_key(const struct block *block, size_t i);
void block_row(const struct block *block, size_t i, struct row *out);

/* *out = the sums over all earlier blocks and the first n events of this one */
void block_sums(const struct block *block, size_t n, struct sums *out);

void sums_add_row(struct sums *sums, const struct row *row);

#endif
