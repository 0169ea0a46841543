/*
 * The packing of 64 events: about 14 bytes each instead of 64, and any of them readable by itself.
 *
 * Each column takes as many bytes per value as its largest value needs, 0 to 8; keys are stored as the
 * distance from the block's smallest. The two cache creation splits are nearly always 0 or equal to their
 * sum, so a column may also say "same as cache creation" and then takes nothing. Values are little-endian and
 * are read with one load of 8 bytes and a mask; hence the 8 spare bytes behind the last column.
 *
 * Invariant: `before` + the columns' values is exact, so that the sum of any range of a run is a difference
 * of two prefix sums plus at most two partial blocks.
 */
#include "history/events_block.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIELDS = 1 + OKS_COLUMNS, /* the key, then the counts */
    SAME_AS_CREATION = 9,     /* in the place of a width */
    SPARE = 8,
};

struct block {
    struct sums before;
    uint64_t base;
    uint8_t width[FIELDS];
    uint8_t bytes[];
};

static unsigned stored_width(unsigned width)
{
    return width == SAME_AS_CREATION ? 0 : width;
}

static uint64_t field(const struct row *row, unsigned f)
{
    return f == 0 ? row->key : row->count[f - 1];
}

static unsigned bytes_for(uint64_t bits)
{
    return bits ? (71 - (unsigned)__builtin_clzll(bits)) / 8 : 0;
}

static bool same_as_creation(const struct row *rows, unsigned column)
{
    if (column != OKS_CACHE_CREATION_5M && column != OKS_CACHE_CREATION_1H)
        return false;
    for (size_t i = 0; i < BLOCK_EVENTS; i++)
        if (rows[i].count[column] != rows[i].count[OKS_CACHE_CREATION])
            return false;
    return true;
}

static unsigned width_of(const struct row *rows, unsigned f, uint64_t base)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < BLOCK_EVENTS; i++)
        bits |= field(&rows[i], f) - base;
    if (bits && f > 0 && same_as_creation(rows, f - 1))
        return SAME_AS_CREATION;
    return bytes_for(bits);
}

static uint64_t smallest_key(const struct row *rows)
{
    uint64_t min = rows[0].key;

    for (size_t i = 1; i < BLOCK_EVENTS; i++)
        min = rows[i].key < min ? rows[i].key : min;
    return min;
}

static size_t packed_bytes(const uint8_t width[FIELDS])
{
    size_t n = 0;

    for (unsigned f = 0; f < FIELDS; f++)
        n += stored_width(width[f]);
    return n * BLOCK_EVENTS;
}

struct block *block_pack(const struct row rows[BLOCK_EVENTS], const struct sums *before)
{
    uint64_t base = smallest_key(rows);
    uint8_t width[FIELDS];
    struct block *block;
    uint8_t *p;

    for (unsigned f = 0; f < FIELDS; f++)
        width[f] = (uint8_t)width_of(rows, f, f == 0 ? base : 0);
    block = calloc(1, sizeof(*block) + packed_bytes(width) + SPARE);
    if (!block)
        return NULL;
    block->before = *before;
    block->base = base;
    memcpy(block->width, width, sizeof(width));
    p = block->bytes;
    for (unsigned f = 0; f < FIELDS; f++) {
        for (size_t i = 0; i < BLOCK_EVENTS; i++, p += stored_width(width[f])) {
            uint64_t value = htole64(field(&rows[i], f) - (f == 0 ? base : 0));

            memcpy(p, &value, stored_width(width[f]));
        }
    }
    return block;
}

size_t block_bytes(const struct block *block)
{
    return sizeof(*block) + packed_bytes(block->width) + SPARE;
}

static uint64_t load(const uint8_t *column, unsigned width, size_t i)
{
    uint64_t value;

    if (width == 0)
        return 0;
    memcpy(&value, column + i * width, sizeof(value));
    return le64toh(value) & (UINT64_MAX >> (64 - 8 * width));
}

uint64_t block_key(const struct block *block, size_t i)
{
    return block->base + load(block->bytes, block->width[0], i);
}

void block_row(const struct block *block, size_t i, struct row *out)
{
    const uint8_t *column = block->bytes + (size_t)block->width[0] * BLOCK_EVENTS;

    out->key = block_key(block, i);
    for (unsigned c = 0; c < OKS_COLUMNS; c++) {
        unsigned width = block->width[1 + c];

        if (width == SAME_AS_CREATION) {
            out->count[c] = out->count[OKS_CACHE_CREATION];
            continue;
        }
        out->count[c] = load(column, width, i);
        column += (size_t)width * BLOCK_EVENTS;
    }
}

void block_sums(const struct block *block, size_t n, struct sums *out)
{
    const uint8_t *column = block->bytes + (size_t)block->width[0] * BLOCK_EVENTS;
    unsigned __int128 here[OKS_COLUMNS] = {0};

    for (unsigned c = 0; c < OKS_COLUMNS; c++) {
        unsigned width = block->width[1 + c];

        if (width == SAME_AS_CREATION) {
            here[c] = here[OKS_CACHE_CREATION];
            continue;
        }
        for (size_t i = 0; width && i < n; i++)
            here[c] += load(column, width, i);
        column += (size_t)width * BLOCK_EVENTS;
    }
    for (unsigned c = 0; c < OKS_COLUMNS; c++)
        out->count[c] = block->before.count[c] + here[c];
}

void sums_add_row(struct sums *sums, const struct row *row)
{
    for (unsigned c = 0; c < OKS_COLUMNS; c++)
        sums->count[c] += row->count[c];
}
