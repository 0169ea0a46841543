/*
 * The careful way of stage 1: batches that have mistakes, or newlines inside of what looks like a string, and
 * an entry for each mistake. Part of scan_stage1_kernel.h.
 */
#include "scan/scan_stage1_block.h"

/* A string ends at a newline at the latest: what follows it in the block is the other way round. */
static inline uint64_t end_strings(uint64_t string, uint64_t newline)
{
    uint64_t cut;

    while ((cut = string & newline))
        string ^= ~UINT64_C(0) << __builtin_ctzll(cut);
    return string;
}

/* The backslashes of bad escapes; `odd` are the bytes behind them that need a look, all inside strings. */
static void mark_escapes(const char *s, uint64_t odd, uint64_t *entries)
{
    uint64_t bad = 0;

    for (; odd; odd &= odd - 1)
        if (!lex_escape(s + __builtin_ctzll(odd) - 1))
            bad |= odd & -odd;
    entries[0] |= bad >> 1;
    entries[-1] |= bad << 63;
}

/* Bytes at which bad UTF-8 shows, here or just before. They are >= 0x80: a newline is no entry twice. */
static void mark_utf8(const char *s, block x, uint64_t *entries)
{
    uint64_t bad = block_bad_utf8(s, x);

    entries[0] |= (bad | bad >> 1) & block_high(x);
    if (s[-1] & 0x80)
        entries[-1] |= bad << 63;
}

/* The entries of the block at s; entries[-1] are those of the block before. */
static void careful_block(const struct constants *k, const char *s, struct stage1 *st, uint64_t *entries)
{
    block x = block_load(s);
    uint64_t quotes = block_quote(k, x), control = block_control(k, x);
    uint64_t escaped = escaped_bytes(block_backslash(k, x), &st->escape);
    uint64_t quote = quotes & ~escaped;
    uint64_t string = end_strings(prefix_xor(quote) ^ st->string, control & block_operator(k, x));

    st->string = (uint64_t)((int64_t)string >> 63);
    entries[0] = tokens(k, x, string, quote, &st->scalar) | (control & string);
    mark_escapes(s, block_odd_escape(k, x, escaped & ~quotes) & string, entries);
    mark_utf8(s, x, entries);
}

static __attribute__((noinline)) uint32_t *careful(const struct constants *k, const char *buf, size_t at,
                                                   size_t n, struct stage1 *st, uint32_t *out)
{
    uint64_t entries[1 + BATCH_BLOCKS] = {0};

    for (size_t i = 0; i < n; i++)
        careful_block(k, buf + at + 64 * i, st, &entries[1 + i]);
    entries[n] |= (uint64_t)cut_by_ascii(buf + at + 64 * (n - 1)) << 63;
    /* The first ones belong to the block before this batch. */
    for (size_t i = 0; i <= n; i++)
        if (entries[i])
            out = put_entries(out, (uint32_t)(at + 64 * i) - 64, entries[i]);
    return out;
}
