/*
 * The loop of stage 1, over blocks of 64 bytes. Included once per instruction set, after these are defined:
 *
 *   STAGE1                      the name of the function
 *   block                       64 bytes in registers
 *   block_load(s)
 *   block_calm(x)               no quote, backslash, control character or byte >= 0x80 in it
 *   block_equal(x, c)           one bit per byte, the first one lowest; so for all that follow
 *   block_control(x)            bytes < 0x20
 *   block_high(x)               bytes >= 0x80
 *   block_operator(x)           { } [ ] : , (and maybe control characters: they are wrong anyway)
 *   block_no_escape(x)          bytes that may not follow a backslash
 *   block_bad_utf8(s, x)        bytes that do not continue what stands before them; x is the block at s
 *   prefix_xor(mask)            bit i: whether the number of bits 0 ... i that are set is odd
 *
 * Most bytes of a transcript lie deep inside strings, many of them between escapes: so a calm block inside a
 * string costs a handful of instructions, and one without a quote that counts is not looked at for operators.
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
static inline uint64_t bad_escapes(const char *s, block x, uint64_t escaped, uint32_t **out, uint32_t at)
{
    uint64_t bad = escaped & block_no_escape(x);
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

static inline uint32_t *put_entries(uint32_t *out, uint32_t at, uint64_t bits)
{
#ifdef __BMI__
    /* Four at a time, whether they are there or not: cheaper than a branch for each. */
    uint32_t *end = out + __builtin_popcountll(bits);

    while (bits) {
        for (int i = 0; i < 4; i++) {
            out[i] = at + (uint32_t)_tzcnt_u64(bits);
            bits = _blsr_u64(bits);
        }
        out += 4;
    }
    return end;
#else
    for (; bits; bits &= bits - 1)
        *out++ = at + (uint32_t)__builtin_ctzll(bits);
    return out;
#endif
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
static inline uint64_t tokens(block x, struct stage1 *st, uint64_t string, uint64_t quote, uint64_t control,
                              uint64_t newline)
{
    uint64_t space = block_equal(x, ' ') | newline;
    uint64_t operators = block_operator(x) & ~string;
    uint64_t other, first;

    if (control != newline)
        space |= block_equal(x, '\t') | block_equal(x, '\r');
    other = ~(string | quote | operators | space);
    first = other & ~(other << 1 | st->scalar);
    st->scalar = other >> 63;
    return operators | first | (quote & string);
}

void STAGE1(const char *buf, size_t from, size_t to, struct oks_index *index)
{
    struct stage1 st = {0};
    uint32_t *out = index->entries, *teams = index->teams;
    uint32_t *const out_full = out + index->cap - OKS_ENTRIES_PER_BLOCK;
    uint32_t *const teams_full = teams + index->teams_cap - OKS_TEAMS_PER_BLOCK;

    for (size_t at = from; at < to && out <= out_full && teams <= teams_full; at += 64) {
        const char *s = buf + at;
        block x = block_load(s);
        uint64_t quotes, escaped, quote, string, control, newline = 0, high, bits;

        if (st.string && !(st.escape | st.high) && block_calm(x)) {
            st.quotes = 0;
            continue;
        }
        quotes = block_equal(x, '"');
        teams = put_teams(teams, s, (uint32_t)at, quotes, st.quotes);
        st.quotes = quotes;

        escaped = escaped_bytes(block_equal(x, '\\'), &st.escape);
        quote = quotes & ~escaped;
        string = prefix_xor(quote) ^ st.string;
        control = block_control(x);
        if (control) {
            newline = block_equal(x, '\n');
            string = end_strings(string, newline);
        }
        st.string = (uint64_t)((int64_t)string >> 63);

        bits = newline | (control & string);
        if (escaped & string)
            bits |= bad_escapes(s, x, escaped & string, &out, (uint32_t)at);
        high = block_high(x);
        if (high | st.high)
            bits |= bad_utf8(s, x, high, &out, (uint32_t)at);
        st.high = high >> 61;

        if (~string | quote)
            bits |= tokens(x, &st, string, quote, control, newline);
        else
            st.scalar = 0;
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
