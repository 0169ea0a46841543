/*
 * Bit packing of up to 64 events: about 7 bytes each instead of 64, and any of them readable by itself.
 *
 * Each column takes as many bits per value as its largest value needs; keys are stored as the distance from
 * the block's smallest. Many records carry a time and no count: counts are stored only of the events in the
 * bitmap `counted`, and the place of an event among them is the number of bits before its own. The two cache
 * creation splits nearly always add up to the creation: then one of them is derived and takes nothing. Places
 * of labels are stored of the same events as counts, as the distance from the smallest; where all are equal
 * they take nothing.
 *
 * A value is read with one load of 8 bytes, a shift and a mask; hence the spare bytes behind the last block,
 * and no width between 58 and 63.
 *
 * Invariant: the sums before a block + its columns' values are exact, so that the sum of any range of a run
 * is a difference of two prefix sums plus at most two partial blocks.
 */
#include "history/events_block.h"

enum {
    WIDTH_MAX = 57, /* with a shift of up to 7 it is still inside 8 bytes; wider values take 64 */
    DERIVED = 65,   /* in the place of a width: cache creation minus the other split */
    PLACE_WIDTH_MAX = 8,
};

static size_t column_bytes(size_t n, unsigned width)
{
    return width == DERIVED ? 0 : (n * width + 7) / 8;
}

static unsigned split_beside(unsigned column)
{
    return column == OKS_CACHE_CREATION_5M ? OKS_CACHE_CREATION_1H : OKS_CACHE_CREATION_5M;
}

/* Of the first n events, those with a count. */
static size_t counted_before(const struct block *block, size_t n)
{
    uint64_t bits = packed_get(block->counted);

    return (size_t)__builtin_popcountll(n < BLOCK_EVENTS ? bits & ((UINT64_C(1) << n) - 1) : bits);
}

/* --- packing --- */

static unsigned width_of(uint64_t bits)
{
    unsigned width = bits ? 64 - (unsigned)__builtin_clzll(bits) : 0;

    return width > WIDTH_MAX ? 64 : width;
}

static unsigned counts_width(const struct row *rows, size_t n, unsigned column)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < n; i++)
        bits |= rows[i].count[column];
    return width_of(bits);
}

static bool splits_add_up(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint64_t *count = rows[i].count;

        if (count[OKS_CACHE_CREATION_5M] > count[OKS_CACHE_CREATION] ||
            count[OKS_CACHE_CREATION] - count[OKS_CACHE_CREATION_5M] != count[OKS_CACHE_CREATION_1H])
            return false;
    }
    return true;
}

static void choose_widths(const struct row *rows, size_t n, uint64_t base, uint8_t width[BLOCK_FIELDS])
{
    uint8_t *counts = width + 1;
    uint64_t bits = 0;

    for (size_t i = 0; i < n; i++)
        bits |= rows[i].key - base;
    width[0] = (uint8_t)width_of(bits);
    for (unsigned c = 0; c < OKS_COLUMNS; c++)
        counts[c] = (uint8_t)counts_width(rows, n, c);
    if (splits_add_up(rows, n))
        counts[counts[OKS_CACHE_CREATION_5M] < counts[OKS_CACHE_CREATION_1H] ? OKS_CACHE_CREATION_1H
                                                                             : OKS_CACHE_CREATION_5M] =
            DERIVED;
}

static uint64_t smallest_key(const struct row *rows, size_t n)
{
    uint64_t min = UINT64_MAX;

    for (size_t i = 0; i < n; i++)
        min = rows[i].key < min ? rows[i].key : min;
    return min;
}

static uint64_t counted_bits(const struct row *rows, size_t n)
{
    uint64_t counted = 0;

    for (size_t i = 0; i < n; i++)
        counted |= (uint64_t)row_has_count(&rows[i]) << i;
    return counted;
}

/* Those with a count, in out[]; returns how many. */
static size_t counted_rows(const struct row *rows, size_t n, uint64_t counted,
                           const struct row *out[BLOCK_EVENTS])
{
    size_t n_counted = 0;

    for (size_t i = 0; i < n; i++) {
        out[n_counted] = &rows[i];
        n_counted += counted >> i & 1;
    }
    return n_counted;
}

static struct block_label choose_label(const struct row *const *rows, size_t n, unsigned l)
{
    uint8_t min = UINT8_MAX, max = 0;

    for (size_t i = 0; i < n; i++) {
        min = rows[i]->place[l] < min ? rows[i]->place[l] : min;
        max = rows[i]->place[l] > max ? rows[i]->place[l] : max;
    }
    return n ? (struct block_label){min, (uint8_t)width_of(max - min)} : (struct block_label){0};
}

static size_t sum_bytes(const struct sums *sums)
{
    unsigned __int128 bits = 0;
    size_t n = 0;

    for (unsigned c = 0; c < OKS_COLUMNS; c++)
        bits |= sums->count[c];
    for (; bits; bits >>= 8)
        n++;
    return n;
}

/* All sums have as many bytes as the largest. Returns the place behind them. */
static uint8_t *put_sums(uint8_t *p, const struct sums *sums, size_t bytes)
{
    for (unsigned c = 0; c < OKS_COLUMNS; c++)
        for (size_t i = 0; i < bytes; i++)
            *p++ = (uint8_t)(sums->count[c] >> (8 * i));
    return p;
}

/* A column that is being written: whole words are stored, and the bits of the next one are held. */
struct column {
    uint8_t *at;
    uint64_t held;
    unsigned n; /* bits held, below 64 */
};

static inline void put_value(struct column *to, unsigned width, uint64_t value)
{
    to->held |= value << to->n;
    to->n += width;
    if (to->n < 64)
        return;
    packed_put(to->at, to->held);
    to->at += sizeof(to->held);
    to->n -= 64;
    to->held = to->n ? value >> (width - to->n) : 0;
}

/* The spare bits are 0; the next column takes the spare bytes. */
static void end_column(const struct column *to)
{
    packed_put(to->at, to->held);
}

size_t block_pack(const struct row *rows, size_t n, const struct sums *before, struct block *out)
{
    uint64_t base = smallest_key(rows, n), counted = counted_bits(rows, n);
    const struct row *with[BLOCK_EVENTS];
    size_t n_counted = counted_rows(rows, n, counted, with);
    struct column to = {0};
    uint8_t *p;

    *out = (struct block){0};
    out->n = (uint8_t)n;
    out->sum_bytes = (uint8_t)sum_bytes(before);
    choose_widths(rows, n, base, out->width);
    packed_put(out->base, base);
    packed_put(out->counted, counted);
    for (unsigned l = 0; l < OKS_LABELS; l++)
        out->label[l] = choose_label(with, n_counted, l);
    p = put_sums(out->bytes, before, out->sum_bytes);
    to.at = p;
    for (size_t i = 0; i < n; i++)
        put_value(&to, out->width[0], rows[i].key - base);
    end_column(&to);
    p += column_bytes(n, out->width[0]);
    for (unsigned l = 0; l < OKS_LABELS; l++) {
        const struct block_label *label = &out->label[l];

        to = (struct column){.at = p};
        for (size_t i = 0; i < n_counted && label->width; i++)
            put_value(&to, label->width, (uint64_t)(with[i]->place[l] - label->min));
        end_column(&to);
        p += column_bytes(n_counted, label->width);
    }
    for (unsigned c = 0; c < OKS_COLUMNS; c++) {
        unsigned width = out->width[1 + c];

        to = (struct column){.at = p};
        for (size_t i = 0; i < n_counted && width != DERIVED; i++)
            put_value(&to, width, with[i]->count[c]);
        end_column(&to);
        p += column_bytes(n_counted, width);
    }
    return (size_t)(p - (uint8_t *)out);
}

/* --- reading --- */

static uint64_t load(const uint8_t *column, unsigned width, size_t i)
{
    size_t bit = i * width;

    return width == 0 ? 0 : packed_get(column + bit / 8) >> bit % 8 & UINT64_MAX >> (64 - width);
}

static const uint8_t *keys(const struct block *block)
{
    return block->bytes + (size_t)block->sum_bytes * OKS_COLUMNS;
}

static const uint8_t *places(const struct block *block)
{
    return keys(block) + column_bytes(block->n, block->width[0]);
}

static const uint8_t *counts(const struct block *block)
{
    size_t counted = counted_before(block, BLOCK_EVENTS);
    const uint8_t *p = places(block);

    for (unsigned l = 0; l < OKS_LABELS; l++)
        p += column_bytes(counted, block->label[l].width);
    return p;
}

static bool widths_are_valid(const struct block *block)
{
    const uint8_t *width = block->width + 1;

    if (block->width[0] > WIDTH_MAX && block->width[0] != 64)
        return false;
    for (unsigned l = 0; l < OKS_LABELS; l++)
        if (block->label[l].width > PLACE_WIDTH_MAX)
            return false;
    for (unsigned c = 0; c < OKS_COLUMNS; c++)
        if (width[c] > WIDTH_MAX && width[c] != 64 &&
            !(width[c] == DERIVED && (c == OKS_CACHE_CREATION_5M || c == OKS_CACHE_CREATION_1H) &&
              width[split_beside(c)] != DERIVED))
            return false;
    return true;
}

size_t block_check(const uint8_t *bytes, size_t len)
{
    const struct block *block = (const void *)bytes;
    size_t n = sizeof(*block), counted;

    if (len < n || block->n == 0 || block->n > BLOCK_EVENTS ||
        block->sum_bytes > sizeof(block->bytes[0]) * 16 || !widths_are_valid(block))
        return 0;
    counted = counted_before(block, BLOCK_EVENTS);
    if (counted != counted_before(block, block->n))
        return 0;
    n += (size_t)block->sum_bytes * OKS_COLUMNS + column_bytes(block->n, block->width[0]);
    for (unsigned l = 0; l < OKS_LABELS; l++)
        n += column_bytes(counted, block->label[l].width);
    for (unsigned c = 0; c < OKS_COLUMNS; c++)
        n += column_bytes(counted, block->width[1 + c]);
    return n <= len ? n : 0;
}

uint64_t block_key(const struct block *block, size_t i)
{
    return packed_get(block->base) + load(keys(block), block->width[0], i);
}

static void derive_split(const struct block *block, uint64_t count[OKS_COLUMNS])
{
    for (unsigned c = OKS_CACHE_CREATION_5M; c <= OKS_CACHE_CREATION_1H; c++)
        if (block->width[1 + c] == DERIVED)
            count[c] = count[OKS_CACHE_CREATION] - count[split_beside(c)];
}

void block_row(const struct block *block, size_t i, struct row *out)
{
    size_t counted = counted_before(block, BLOCK_EVENTS), at = counted_before(block, i);
    const uint8_t *column = places(block);

    memset(out, 0, sizeof(*out));
    out->key = block_key(block, i);
    if (!(packed_get(block->counted) >> i & 1))
        return;
    for (unsigned l = 0; l < OKS_LABELS; l++) {
        out->place[l] = (uint8_t)(block->label[l].min + load(column, block->label[l].width, at));
        column += column_bytes(counted, block->label[l].width);
    }
    for (unsigned c = 0; c < OKS_COLUMNS; c++) {
        unsigned width = block->width[1 + c];

        if (width == DERIVED)
            continue;
        out->count[c] = load(column, width, at);
        column += column_bytes(counted, width);
    }
    derive_split(block, out->count);
}

size_t block_counted(const struct block *block, size_t from, size_t to, size_t *first, size_t *last)
{
    uint64_t bits = packed_get(block->counted);

    bits &= UINT64_MAX << from;
    bits &= to < BLOCK_EVENTS ? (UINT64_C(1) << to) - 1 : UINT64_MAX;
    if (!bits)
        return 0;
    *first = (size_t)__builtin_ctzll(bits);
    *last = BLOCK_EVENTS - 1 - (size_t)__builtin_clzll(bits);
    return (size_t)__builtin_popcountll(bits);
}

/* Up to 64 values of 57 bits: their sum is below 2^64. */
static uint64_t narrow_sum(const uint8_t *column, unsigned width, size_t from, size_t to)
{
    uint64_t mask = UINT64_MAX >> (64 - width), sum = 0;

    for (size_t bit = from * width, end = to * width; bit < end; bit += width)
        sum += packed_get(column + bit / 8) >> bit % 8 & mask;
    return sum;
}

static unsigned __int128 column_sum(const uint8_t *column, unsigned width, size_t from, size_t to)
{
    unsigned __int128 sum = 0;

    if (width == 0)
        return 0;
    if (width <= WIDTH_MAX)
        return narrow_sum(column, width, from, to);
    for (size_t i = from; i < to; i++)
        sum += load(column, width, i);
    return sum;
}

static unsigned __int128 sum_before(const struct block *block, unsigned column)
{
    const uint8_t *p = block->bytes + (size_t)block->sum_bytes * column;
    unsigned __int128 sum = 0;

    for (size_t i = block->sum_bytes; i-- > 0;)
        sum = sum << 8 | p[i];
    return sum;
}

void block_range(const struct block *block, size_t from, size_t to, struct sums *out)
{
    size_t counted = counted_before(block, BLOCK_EVENTS);
    const uint8_t *column = counts(block);

    *out = (struct sums){{0}};
    from = counted_before(block, from);
    to = counted_before(block, to);
    for (unsigned c = 0; c < OKS_COLUMNS && from < to; c++) {
        unsigned width = block->width[1 + c];

        if (width == DERIVED)
            continue;
        out->count[c] = column_sum(column, width, from, to);
        column += column_bytes(counted, width);
    }
    for (unsigned c = OKS_CACHE_CREATION_5M; c <= OKS_CACHE_CREATION_1H; c++)
        if (block->width[1 + c] == DERIVED)
            out->count[c] = out->count[OKS_CACHE_CREATION] - out->count[split_beside(c)];
}

void block_sums(const struct block *block, size_t n, struct sums *out)
{
    block_range(block, 0, n, out);
    for (unsigned c = 0; c < OKS_COLUMNS; c++)
        out->count[c] += sum_before(block, c);
}

void sums_add_row(struct sums *sums, const struct row *row)
{
    for (unsigned c = 0; c < OKS_COLUMNS; c++)
        sums->count[c] += row->count[c];
}
