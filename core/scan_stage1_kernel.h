/*
 * The loop of stage 1, over blocks of 64 bytes. Included once per instruction set, after these are defined:
 *
 *   STAGE1                      the name of the function
 *   block, block_load(s)        64 bytes in registers
 *   struct constants, constants()   what the following compare with, made once per call (k below): left
 * alone, gcc makes each constant anew in every round of the loop block_uneasy(k, x)          quotes, bytes <
 * 0x20, bytes >= 0x80; as a mask: one bit per byte, the first one lowest; so for all that follow
 *   block_quote(k, x), block_backslash(k, x), block_space(k, x)
 *   block_equal(x, c)           for the rare ones
 *   block_high(x)               bytes >= 0x80
 *   block_operator(k, x)        { } [ ] : , (and maybe control characters: they are wrong anyway)
 *   block_no_escape(k, x)       bytes that may not follow a backslash
 *   block_bad_utf8(s, x)        bytes that do not continue what stands before them; x is the block at s
 *   prefix_xor(mask)            bit i: whether the number of bits 0 ... i that are set is odd
 *   put_entries(out, at, bits)  appends at + i for each bit i; may write up to 16 entries more than it
 * returns
 *
 * Most bytes of a transcript lie deep inside strings, many of them between escapes: so a block inside a
 * string, without a quote and all ASCII, costs little more than two comparisons.
 */
#include <stdbool.h>
#include <string.h>

#include "json_lex.h"
#include "scan_stage1.h"

#define EVEN UINT64_C(0x5555555555555555)

/* What a block must know of the bytes before it. */
struct stage1 {
    uint64_t string; /* all ones: it begins inside a string */
    uint64_t escape; /* 1: its first byte is escaped */
    uint64_t scalar; /* 1: the byte before belongs to a run outside strings */
    uint64_t high;   /* not 0: some of the three bytes before are >= 0x80 */
    uint64_t quotes; /* the quotes of the block before, escaped or not */
};

/*
 * The bytes that stand behind an odd number of backslashes. Adding a run's first bit to the run carries to
 * the byte behind it; that one is escaped where run's start and end differ in parity. Runs that start at even
 * and at odd places are added apart, so that one cannot disturb the other.
 */
static inline uint64_t escaped_bytes(uint64_t backslash, uint64_t *escape)
{
    uint64_t first = *escape, starts, even, odd, ends_even, ends_odd;

    if (!(backslash | first))
        return 0;
    backslash &= ~first;
    starts = backslash & ~(backslash << 1);
    even = starts & EVEN;
    odd = starts & ~EVEN;
    ends_even = (backslash + even) & ~backslash & ~EVEN;
    *escape = __builtin_add_overflow(backslash, odd, &ends_odd);
    ends_odd &= ~backslash & EVEN;
    return ends_even | ends_odd | first;
}

/* A string ends at a newline at the latest: what follows it in the block is the other way round. */
static inline uint64_t end_strings(uint64_t string, uint64_t newline)
{
    uint64_t cut;

    while ((cut = string & newline))
        string ^= ~UINT64_C(0) << __builtin_ctzll(cut);
    return string;
}

/* The backslashes of bad escapes; `escaped` are the bytes behind them, all inside strings. */
static inline uint64_t bad_escapes(const struct constants *k, const char *s, block x, uint64_t escaped,
                                   uint32_t **out, uint32_t at)
{
    uint64_t bad = escaped & block_no_escape(k, x);
    uint64_t hex = escaped & block_equal(x, 'u');

    for (; __builtin_expect(hex != 0, 0); hex &= hex - 1)
        if (!lex_hex4(s + __builtin_ctzll(hex) + 1))
            bad |= hex & -hex;
    if (__builtin_expect(bad & 1, 0))
        *(*out)++ = at - 1; /* in the block before */
    return bad >> 1;
}

/* The bytes at which bad UTF-8 shows, here or just before. They are >= 0x80: a newline is no entry twice. */
static inline uint64_t bad_utf8(const char *s, block x, uint64_t high, uint32_t **out, uint32_t at)
{
    uint64_t bad = block_bad_utf8(s, x);

    if (__builtin_expect(bad == 0, 1))
        return 0;
    if ((bad & 1) && s[-1] & 0x80)
        *(*out)++ = at - 1;
    return (bad | bad >> 1) & high;
}

/* Keys of eight letters with a string value, by their quotes; the few there are get compared. */
static inline uint32_t *put_teams(uint32_t *out, const char *s, uint32_t at, uint64_t quotes, uint64_t before)
{
    uint64_t last = quotes & (quotes << 2 | before >> 62) & (quotes << 11 | before >> 53);

    for (; __builtin_expect(last != 0, 0); last &= last - 1) {
        int i = __builtin_ctzll(last);
        uint64_t name, key;

        memcpy(&name, s + i - 10, 8);
        memcpy(&key, "teamname", 8);
        if ((name | UINT64_C(0x2020202020202020)) == key && s[i - 1] == ':')
            *out++ = at + (uint32_t)i + 1;
    }
    return out;
}

/* The entries outside strings, and where strings begin. */
static inline uint64_t tokens(const struct constants *k, block x, struct stage1 *st, uint64_t string,
                              uint64_t quote, uint64_t control, uint64_t newline)
{
    uint64_t space = block_space(k, x) | newline;
    uint64_t operators = block_operator(k, x) & ~string;
    uint64_t other, first;

    if (__builtin_expect(control != newline, 0))
        space |= block_equal(x, '\t') | block_equal(x, '\r');
    other = ~(string | quote | operators | space);
    first = other & ~(other << 1 | st->scalar);
    st->scalar = other >> 63;
    return operators | first | (quote & string);
}

/* A block that may be anything. Returns its entries, but for those that go to *out at once. */
static inline uint64_t any_block(const struct constants *k, const char *s, block x, struct stage1 *st,
                                 uint64_t uneasy, uint64_t quotes, uint64_t backslash, uint32_t **out,
                                 uint32_t at)
{
    uint64_t escaped = escaped_bytes(backslash, &st->escape);
    uint64_t quote = quotes & ~escaped, high = block_high(x);
    uint64_t control = uneasy & ~(quotes | high), newline = 0, bits;
    uint64_t string = prefix_xor(quote) ^ st->string;

    if (control) {
        newline = block_equal(x, '\n');
        string = end_strings(string, newline);
    }
    st->string = (uint64_t)((int64_t)string >> 63);
    bits = newline | (control & string);
    if (escaped & string)
        bits |= bad_escapes(k, s, x, escaped & string, out, at);
    if (high | st->high)
        bits |= bad_utf8(s, x, high, out, at);
    st->high = high >> 61;
    return bits | tokens(k, x, st, string, quote, control, newline);
}

void STAGE1(const char *buf, size_t from, size_t to, struct oks_index *index)
{
    const struct constants made = constants(), *k = &made;
    struct stage1 st = {0};
    uint32_t *out = index->entries, *teams = index->teams;
    uint32_t *const out_full = out + index->cap - OKS_ENTRIES_PER_BLOCK;
    uint32_t *const teams_full = teams + index->teams_cap - OKS_TEAMS_PER_BLOCK;

    for (size_t at = from; at < to && out <= out_full && teams <= teams_full; at += 64) {
        const char *s = buf + at;
        block x = block_load(s);
        uint64_t uneasy = block_uneasy(k, x), backslash = block_backslash(k, x), quotes, bits;

        if ((uneasy | st.high | ~st.string) == 0) {
            uint64_t escaped = escaped_bytes(backslash, &st.escape);

            st.quotes = 0;
            st.scalar = 0;
            if (!escaped)
                continue;
            bits = bad_escapes(k, s, x, escaped, &out, (uint32_t)at);
            if (__builtin_expect(bits == 0, 1))
                continue;
        } else {
            quotes = block_quote(k, x);
            teams = put_teams(teams, s, (uint32_t)at, quotes, st.quotes);
            st.quotes = quotes;
            bits = any_block(k, s, x, &st, uneasy, quotes, backslash, &out, (uint32_t)at);
        }
        out = put_entries(out, (uint32_t)at, bits);
    }
    /* The last block may have looked beyond the end. */
    while (out > index->entries && out[-1] >= to)
        out--;
    while (teams > index->teams && teams[-1] > to)
        teams--;
    index->n = (size_t)(out - index->entries);
    index->n_teams = (size_t)(teams - index->teams);
}

#undef EVEN
