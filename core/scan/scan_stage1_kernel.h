/*
 * The loop of stage 1, over blocks of 64 bytes. Included once per instruction set, after these are defined
 * (a mask has one bit per byte, the first one lowest):
 *
 *   STAGE1                        the name of the function
 *   block, block_load(s)          64 bytes in registers
 *   struct constants, constants() what the following compare with, made once per call (k below): left alone,
 *                                 gcc makes each constant anew in every round of the loop
 *   block_quote(k, x), block_backslash(k, x)
 *   put_masks(k, x, quote, backslash)  the same two, into memory
 *   block_special(k, x)           not 0 where there are bytes < 0x20 or >= 0x80
 *   block_operator(k, x)          { } [ ] and newline (and maybe '*': it is wrong anyway)
 *   block_gap(k, x)               space : , tab and carriage return
 *   block_control(k, x)           bytes < 0x20
 *   block_high(x)                 bytes >= 0x80
 *   block_odd_escape(k, x, mask)  of the bytes of mask, escaped ones but no quotes, those that may be wrong;
 *                                 seldom any that are not
 *   block_bad_utf8(s, x)          bytes that do not continue what stands before them; x is the block at s
 *   block_any_bad_utf8(s, x)      whether there are any
 *   prefix_xor(mask)              bit i: whether the number of bits 0 ... i that are set is odd
 *   put_entries(out, at, bits)    appends at + i for each bit i; may write up to 64 entries more than that
 *
 * What a block holds is as good as random: half of them have a backslash, a third a quote that is escaped or
 * not, a quarter something outside strings, an eighth other characters than ASCII. A branch that asks for any
 * of these is foretold wrongly so often that it costs more than the work it saves. So a batch of blocks is
 * gone through without asking: quotes and backslashes make the strings of every block, and lists that are
 * made by addition say which blocks have something outside strings, which have odd characters, and which have
 * escapes. Only those are looked at for that, list by list.
 *
 * That is the quick way. It knows two things about mistakes: that there are some, or that there are none. A
 * newline inside a string is one as well, so without mistakes newlines change nothing about strings. A batch
 * that has mistakes is done again by the careful way (scan_stage1_careful.h), which says where they are.
 */
#include <stdbool.h>
#include <string.h>

#include "scan/json_lex.h"
#include "scan/scan_stage1_block.h"
#include "scan/scan_stage1_careful.h"

/* The bytes of each block, and one bit for each block that ... */
struct strings {
    uint64_t quote[BATCH_BLOCKS] __attribute__((aligned(32))); /* at first escaped ones too */
    uint64_t backslash[BATCH_BLOCKS] __attribute__((aligned(32)));
    uint64_t string[BATCH_BLOCKS] __attribute__((aligned(32))); /* inside strings, with the opening quote */
    uint64_t letters[BATCH_BLOCKS]
        __attribute__((aligned(32))); /* escaped ones that are neither quote nor backslash */
    uint32_t odd[BATCH_BLOCKS]
        __attribute__((aligned(32))); /* not 0: some are control characters or not ASCII */
    uint64_t outside;                 /* ... is not inside a string as a whole, or begins one */
    uint64_t special;                 /* ... has control characters, or others than ASCII */
    uint64_t escapes;                 /* ... has such letters */
};

#ifdef STAGE1_WORDS
#include "scan/scan_stage1_words.h"
#else
static inline bool strings_of_masks(struct strings *s, size_t n, struct stage1 *st)
{
    s->outside = s->escapes = s->special = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t quotes = s->quote[i], escaped = escaped_bytes(s->backslash[i], &st->escape);

        s->quote[i] = quotes & ~escaped;
        s->string[i] = prefix_xor(s->quote[i]) ^ st->string;
        s->letters[i] = escaped & ~(quotes | s->backslash[i]);
        st->string = (uint64_t)((int64_t)s->string[i] >> 63);
        s->outside |= (uint64_t)((s->string[i] & ~s->quote[i]) != ~UINT64_C(0)) << i;
        s->escapes |= (uint64_t)(s->letters[i] != 0) << i;
        s->special |= (uint64_t)(s->odd[i] != 0) << i;
    }
    return true;
}
#endif

static inline uint64_t lowest(size_t n)
{
    return n < 64 ? (UINT64_C(1) << n) - 1 : ~UINT64_C(0);
}

/* False: it cannot tell. */
static inline bool find_strings(const struct constants *k, const char *buf, size_t n, struct stage1 *st,
                                struct strings *s)
{
#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++) {
        block x = block_load(buf + 64 * i);

        put_masks(k, x, &s->quote[i], &s->backslash[i]);
        s->odd[i] = block_special(k, x);
    }
    for (size_t i = n; i % 8; i++) {
        s->quote[i] = s->backslash[i] = 0;
        s->odd[i] = 0;
    }
    if (!strings_of_masks(s, n, st))
        return false;
    s->outside &= lowest(n);
    s->escapes &= lowest(n);
    return true;
}

/* Whether a control character in a string or bad UTF-8 is among the special blocks. */
static inline bool bad_specials(const struct constants *k, const char *buf, const struct strings *found)
{
    uint64_t bad = 0;

    for (uint64_t list = found->special; list; list &= list - 1) {
        size_t i = (size_t)__builtin_ctzll(list);
        const char *s = buf + 64 * i;
        block x = block_load(s);

        bad |= block_control(k, x) & found->string[i];
        bad |= block_any_bad_utf8(s, x);
        bad |= cut_by_ascii(s);
    }
    return bad != 0;
}

static __attribute__((noinline)) bool bad_escape(const char *s, uint64_t odd)
{
    for (; odd; odd &= odd - 1)
        if (!lex_escape(s + __builtin_ctzll(odd) - 1))
            return true;
    return false;
}

static inline bool bad_escapes(const struct constants *k, const char *buf, const struct strings *found)
{
    for (uint64_t list = found->escapes; list; list &= list - 1) {
        size_t i = (size_t)__builtin_ctzll(list);
        uint64_t odd = block_odd_escape(k, block_load(buf + 64 * i), found->letters[i]);

        if (__builtin_expect(odd != 0, 0) && bad_escape(buf + 64 * i, odd))
            return true;
    }
    return false;
}

static inline uint32_t *put_outside(const struct constants *k, const char *buf, size_t at,
                                    const struct strings *found, uint64_t *scalar, uint32_t *out)
{
    uint64_t run = *scalar;
    size_t next = 0;

    for (uint64_t list = found->outside; list; list &= list - 1) {
        size_t i = (size_t)__builtin_ctzll(list);
        uint64_t bits;

        run = i == next ? run : 0;
        bits = tokens(k, block_load(buf + at + 64 * i), found->string[i], found->quote[i], &run);
        out = put_entries(out, (uint32_t)(at + 64 * i), bits);
        next = i + 1;
    }
    *scalar = next == BATCH_BLOCKS ? run : 0;
    return out;
}

/* The quick way through the batch at buf + at; NULL where it has mistakes, and then *st is as before. */
static inline uint32_t *quick(const struct constants *k, const char *buf, size_t at, size_t n,
                              struct stage1 *st, uint32_t *out)
{
    struct stage1 after = *st;
    struct strings found;

    if (__builtin_expect(!find_strings(k, buf + at, n, &after, &found) || bad_specials(k, buf + at, &found) ||
                             bad_escapes(k, buf + at, &found),
                         0))
        return NULL;
    out = put_outside(k, buf, at, &found, &after.scalar, out);
    *st = after;
    return out;
}

void STAGE1(const char *buf, size_t from, size_t to, struct oks_index *index)
{
    const struct constants made = constants(), *k = &made;
    struct stage1 st = {0};
    uint32_t *out = index->entries, *after;
    uint32_t *const out_full = out + index->cap - OKS_ENTRIES_PER_BATCH;

    for (size_t at = from; at < to && out <= out_full; at += OKS_BATCH_BYTES) {
        size_t n = to - at > OKS_BATCH_BYTES ? BATCH_BLOCKS : (to - at + 63) / 64;

        after = quick(k, buf, at, n, &st, out);
        out = after ? after : careful(k, buf, at, n, &st, out);
    }
    /* The last block may have looked beyond the end. */
    while (out > index->entries && out[-1] >= to)
        out--;
    index->n = (size_t)(out - index->entries);
    *out = (uint32_t)to - 1;
}
