/*
 * Five-hour blocks, as ccusage cuts time into them (private to the core).
 *
 * A block starts at the full hour (UTC) of its first entry and lasts five hours. An entry more than five
 * hours behind the block's start, or behind the entry before it, starts the next block; one that is exactly
 * five hours behind still belongs. Where two entries are more than five hours apart, the time from five hours
 * after the former to the latter is a gap. Times are milliseconds since 1970-01-01T00:00Z and come in rising
 * order.
 */
#ifndef OKSTRAFS_TIME_BLOCKS_H
#define OKSTRAFS_TIME_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#define BLOCK_MS INT64_C(18000000)

/* Zeroed: none yet. */
struct block {
    int64_t start; /* a full hour */
    int64_t first, last;
    uint64_t entries; /* 0: none yet */
};

static inline int64_t block_end(const struct block *block)
{
    return block->start + BLOCK_MS;
}

/*
 * Adds an entry. True where it starts another block: then *block is that one, with the entry in it, and
 * whoever wants the one before has kept a copy. The first entry of all starts one too.
 */
bool block_add(struct block *block, int64_t time);

/* The gap between the block and the entry that comes behind it; false: there is none. */
bool block_gap(const struct block *block, int64_t next, int64_t *start, int64_t *end);

/* Whether the block is going on at `now`: it has not ended, and its last entry is less than five hours old.
 */
bool block_is_active(const struct block *block, int64_t now);

#endif
