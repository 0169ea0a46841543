/*
 * A packed block: up to 64 events of one run, column by column, as bytes that are the same on every machine.
 * Private to the core.
 */
#ifndef OKSTRAFS_HISTORY_EVENTS_BLOCK_H
#define OKSTRAFS_HISTORY_EVENTS_BLOCK_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "history/events.h"

enum {
    BLOCK_EVENTS = 64,
    BLOCK_FIELDS = 1 + OKS_COLUMNS, /* the key, then the counts */
    BLOCK_SPARE = 8,                /* bytes behind a block that must be readable; their value is not used */
};

/* An event inside a run. What `key` means (a stamp's number, a place in the texts, nothing) the run knows. */
struct row {
    uint64_t key;
    uint64_t count[OKS_COLUMNS];
    uint8_t place[OKS_LABELS]; /* kept only if there is a count */
};

/* Exact sums: 2^64 events of 2^64 tokens fit, so differences of sums are exact too. Saturation comes last. */
struct sums {
    unsigned __int128 count[OKS_COLUMNS];
};

/* Without alignment: blocks stand one behind the other. Numbers are little-endian. */
struct block {
    uint8_t n;                   /* events */
    uint8_t sum_bytes;           /* of each sum */
    uint8_t width[BLOCK_FIELDS]; /* of a column's values, in bits */
    uint8_t base[8];             /* the smallest key */
    uint8_t counted[8];          /* bit i: event i has a count that is not 0 */
    struct block_label {
        uint8_t min;   /* the smallest place */
        uint8_t width; /* 0: all have this place */
    } label[OKS_LABELS];
    uint8_t bytes[]; /* the sums over all earlier blocks, then the columns */
};

enum {
    BLOCK_BYTES_MAX = sizeof(struct block) + sizeof(struct sums) + BLOCK_FIELDS * BLOCK_EVENTS * 8 +
                      OKS_LABELS * BLOCK_EVENTS
};

/*
 * Packs rows[0 ... n-1], n <= BLOCK_EVENTS; `before` are the sums over all earlier blocks of the run. Returns
 * how many bytes it took. `out` has room for BLOCK_BYTES_MAX and BLOCK_SPARE behind.
 */
size_t block_pack(const struct row *rows, size_t n, const struct sums *before, struct block *out);
/* The length of the block at the start of `bytes`; 0: there is none whose reading stays inside. */
size_t block_check(const uint8_t *bytes, size_t len);

uint64_t block_key(const struct block *block, size_t i);
void block_row(const struct block *block, size_t i, struct row *out);

/* Of the events [from, to): how many have a count, and, if any, the first and the last of these. */
size_t block_counted(const struct block *block, size_t from, size_t to, size_t *first, size_t *last);

/* *out = the sums over the events [from, to) of this block */
void block_range(const struct block *block, size_t from, size_t to, struct sums *out);
/* *out = the sums over all earlier blocks and the first n events of this one */
void block_sums(const struct block *block, size_t n, struct sums *out);

static inline bool row_has_count(const struct row *row)
{
    return oks_counts_any(row->count);
}

void sums_add_row(struct sums *sums, const struct row *row);

/* A number in packed bytes, at any address. */
static inline uint64_t packed_get(const void *p)
{
    uint64_t value;

    memcpy(&value, p, sizeof(value));
    return le64toh(value);
}

static inline void packed_put(void *p, uint64_t value)
{
    value = htole64(value);
    memcpy(p, &value, sizeof(value));
}

#endif
