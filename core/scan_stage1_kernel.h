/*
 * The loop of stage 1, over blocks of 64 bytes. Included once per instruction set, after these are defined
 * (a mask has one bit per byte, the first one lowest):
 *
 *   STAGE1                        the name of the function
 *   block, block_load(s)          64 bytes in registers
 *   struct constants, constants() what the following compare with, made once per call (k below): left alone,
 *                                 gcc makes each constant anew in every round of the loop
 *   block_quote(k, x), block_backslash(k, x)
 *   block_operator(k, x)          { } [ ] (and maybe control characters: they are wrong anyway)
 *   block_gap(k, x)               space : , and maybe tab and carriage return
 *   block_control(k, x)           bytes < 0x20
 *   block_has_control(k, x)       whether there are any
 *   block_odd_escape(k, x, mask)  of the bytes of mask, escaped ones but no quotes, those that may be wrong;
 *                                 seldom any that are not
 *   block_equal(x, c)             for the rare ones
 *   block_high(x)                 bytes >= 0x80
 *   block_foreign(s, x)           whether there are any here or in the three bytes before; x is the block at
 * s block_bad_utf8(s, x)          bytes that do not continue what stands before them prefix_xor(mask) bit i:
 * whether the number of bits 0 ... i that are set is odd put_entries(out, at, bits)    appends at + i for
 * each bit i; may write up to 64 entries more than that
 *
 * What a block holds is as good as random: half of them have a backslash, a third a quote that is escaped or
 * not, a quarter something outside strings, an eighth other characters than ASCII. A branch that asks for any
 * of these is foretold wrongly so often that it costs more than the work it saves. So every block gets the
 * same forty or so vector instructions, and branches are left for what hardly ever happens: newlines (one
 * block in fifty), odd escapes, mistakes.
 */
#include <stdbool.h>
#include <string.h>

#include "json_lex.h"
#include "scan_stage1.h"

enum { BATCH_BLOCKS = OKS_BATCH_BYTES / 64 };

/* What a block must know of the bytes before it. */
struct stage1 {
    uint64_t string; /* all ones: it begins inside a string */
    uint64_t escape; /* 1: its first byte is escaped */
    uint64_t scalar; /* 1: the byte before belongs to a run outside strings */
};

/*
 * A batch of blocks. Which blocks have entries, and which are not ASCII, cannot be foretold: a branch that
 * asks while they are indexed costs more than a list of them that is made without one.
 */
struct batch {
    uint64_t entries[1 + BATCH_BLOCKS]; /* of each block; before them, those of the batch before */
    uint8_t list[1 + BATCH_BLOCKS];     /* blocks to look at again */
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

/* A string ends at a newline at the latest: what follows it in the block is the other way round. */
static inline uint64_t end_strings(uint64_t string, uint64_t newline)
{
    uint64_t cut;

    while ((cut = string & newline))
        string ^= ~UINT64_C(0) << __builtin_ctzll(cut);
    return string;
}

/* The backslashes of bad escapes; `odd` are the bytes behind them that need a look, all inside strings. */
static __attribute__((noinline)) void bad_escapes(const char *s, uint64_t odd, uint64_t *entries)
{
    uint64_t bad = 0;

    for (; odd; odd &= odd - 1)
        if (!lex_escape(s + __builtin_ctzll(odd) - 1))
            bad |= odd & -odd;
    entries[0] |= bad >> 1;
    entries[-1] |= bad << 63;
}

/* The entries outside strings, and where strings begin. */
static inline uint64_t tokens(const struct constants *k, block x, struct stage1 *st, uint64_t string,
                              uint64_t quote, uint64_t gap)
{
    uint64_t operators = block_operator(k, x) & ~string;
    uint64_t other = ~(string | quote | operators | gap);
    uint64_t first = other & ~(other << 1 | st->scalar);

    st->scalar = other >> 63;
    return operators | first | (quote & string);
}

/* What control characters change: the end of a line, white space, errors. Returns their entries. */
static inline uint64_t end_lines(const struct constants *k, block x, uint64_t *string, uint64_t *gap)
{
    uint64_t newline = block_equal(x, '\n'), control = block_control(k, x);

    *string = end_strings(*string, newline);
    *gap |= newline;
    if (__builtin_expect(control != newline, 0))
        *gap |= block_equal(x, '\t') | block_equal(x, '\r');
    return newline | (control & *string);
}

/* The entries of the block at s, but for those of bad UTF-8. */
static inline void index_block(const struct constants *k, const char *s, struct stage1 *st, uint64_t *entries)
{
    block x = block_load(s);
    uint64_t quotes = block_quote(k, x), gap = block_gap(k, x), lines = 0;
    uint64_t escaped = escaped_bytes(block_backslash(k, x), &st->escape);
    uint64_t quote = quotes & ~escaped, string = prefix_xor(quote) ^ st->string, odd;

    if (__builtin_expect(block_has_control(k, x), 0))
        lines = end_lines(k, x, &string, &gap);
    st->string = (uint64_t)((int64_t)string >> 63);
    *entries = lines | tokens(k, x, st, string, quote, gap);
    odd = block_odd_escape(k, x, escaped & ~quotes) & string;
    if (__builtin_expect(odd != 0, 0))
        bad_escapes(s, odd, entries);
}

/* Bytes at which bad UTF-8 shows, here or just before. They are >= 0x80: a newline is no entry twice. */
static inline void check_utf8(const char *buf, struct batch *batch, size_t n)
{
    size_t listed = 0;

    for (size_t i = 0; i < n; i++) {
        batch->list[listed] = (uint8_t)i;
        listed += block_foreign(buf + 64 * i, block_load(buf + 64 * i));
    }
    for (size_t i = 0; i < listed; i++) {
        const char *s = buf + 64 * (size_t)batch->list[i];
        block x = block_load(s);
        uint64_t bad = block_bad_utf8(s, x), *entries = &batch->entries[1 + batch->list[i]];

        if (__builtin_expect(bad == 0, 1))
            continue;
        entries[0] |= (bad | bad >> 1) & block_high(x);
        if (s[-1] & 0x80)
            entries[-1] |= bad << 63;
    }
}

static inline uint32_t *put_batch(uint32_t *out, uint32_t at, struct batch *batch, size_t n)
{
    size_t listed = 0;

    at -= 64;
    for (size_t i = 0; i <= n; i++) {
        batch->list[listed] = (uint8_t)i;
        listed += batch->entries[i] != 0;
    }
    for (size_t i = 0; i < listed; i++)
        out = put_entries(out, at + 64 * (uint32_t)batch->list[i], batch->entries[batch->list[i]]);
    return out;
}

static inline struct stage1 index_batch(const struct constants *k, const char *buf, size_t n,
                                        struct stage1 st, struct batch *batch)
{
    batch->entries[0] = 0;
    for (size_t i = 0; i < n; i++)
        index_block(k, buf + 64 * i, &st, &batch->entries[1 + i]);
    return st;
}

void STAGE1(const char *buf, size_t from, size_t to, struct oks_index *index)
{
    const struct constants made = constants(), *k = &made;
    struct stage1 st = {0};
    struct batch batch;
    uint32_t *out = index->entries;
    uint32_t *const out_full = out + index->cap - OKS_ENTRIES_PER_BATCH;

    for (size_t at = from; at < to && out <= out_full; at += OKS_BATCH_BYTES) {
        size_t n = to - at > OKS_BATCH_BYTES ? BATCH_BLOCKS : (to - at + 63) / 64;

        st = index_batch(k, buf + at, n, st, &batch);
        check_utf8(buf + at, &batch, n);
        out = put_batch(out, (uint32_t)at, &batch, n);
    }
    /* The last block may have looked beyond the end. */
    while (out > index->entries && out[-1] >= to)
        out--;
    index->n = (size_t)(out - index->entries);
    *out = (uint32_t)to - 1;
}
