/*
 * Stage 1 in SSE2, which every x86-64 has; see scan_stage1_kernel.h. There is no byte shuffle: tables become
 * comparisons, and UTF-8 is validated character by character where there is any.
 */
#include <emmintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include "scan/json_lex.h"

typedef struct {
    __m128i v[4];
} block;

#define EACH(i) for (int i = 0; i < 4; i++)

static inline __m128i fill(int c)
{
    return _mm_set1_epi8((char)c);
}

static inline block block_load(const char *s)
{
    block x;

    EACH(i)
    x.v[i] = _mm_loadu_si128((const __m128i *)(const void *)(s + 16 * i));
    return x;
}

static inline uint64_t block_high(block x)
{
    uint64_t mask = 0;

    EACH(i)
    mask |= (uint64_t)(unsigned)_mm_movemask_epi8(x.v[i]) << 16 * i;
    return mask;
}

static inline uint64_t block_equal(block x, char c)
{
    EACH(i)
    x.v[i] = _mm_cmpeq_epi8(x.v[i], fill(c));
    return block_high(x);
}

/* A load from memory is all that a constant costs here. */
struct constants {
    char unused;
};

static inline struct constants constants(void)
{
    return (struct constants){0};
}

static inline uint64_t block_quote(const struct constants *k, block x)
{
    return block_equal(x, '"');
}

static inline uint64_t block_backslash(const struct constants *k, block x)
{
    return block_equal(x, '\\');
}

static inline void put_masks(const struct constants *k, block x, uint64_t *quote, uint64_t *backslash)
{
    *quote = block_quote(k, x);
    *backslash = block_backslash(k, x);
}

static inline uint64_t block_gap(const struct constants *k, block x)
{
    EACH(i)
    {
        __m128i space = _mm_or_si128(_mm_cmpeq_epi8(x.v[i], fill(' ')), _mm_cmpeq_epi8(x.v[i], fill('\t')));
        __m128i mark = _mm_or_si128(_mm_cmpeq_epi8(x.v[i], fill(':')), _mm_cmpeq_epi8(x.v[i], fill(',')));

        x.v[i] = _mm_or_si128(_mm_or_si128(space, mark), _mm_cmpeq_epi8(x.v[i], fill('\r')));
    }
    return block_high(x);
}

static inline uint64_t block_control(const struct constants *k, block x)
{
    EACH(i)
    x.v[i] = _mm_cmpeq_epi8(_mm_min_epu8(x.v[i], fill(0x1f)), x.v[i]);
    return block_high(x);
}

/* Both are below 0x20 as signed numbers. */
static inline uint32_t block_special(const struct constants *k, block x)
{
    EACH(i)
    x.v[i] = _mm_cmplt_epi8(x.v[i], fill(0x20));
    return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(x.v[0], x.v[1]), _mm_or_si128(x.v[2], x.v[3]))) != 0;
}

/* Setting bit 5 makes { } of [ ]. */
static inline uint64_t block_operator(const struct constants *k, block x)
{
    EACH(i)
    {
        __m128i bracket = _mm_or_si128(x.v[i], fill(0x20));

        x.v[i] = _mm_or_si128(
            _mm_cmpeq_epi8(x.v[i], fill('\n')),
            _mm_or_si128(_mm_cmpeq_epi8(bracket, fill('{')), _mm_cmpeq_epi8(bracket, fill('}'))));
    }
    return block_high(x);
}

/* Without a table, only the two that come most often. */
static inline uint64_t block_odd_escape(const struct constants *k, block x, uint64_t escaped)
{
    if (escaped)
        escaped &= ~(block_equal(x, 'n') | block_equal(x, '\\'));
    return escaped;
}

/*
 * A character belongs to the block in which it begins. So the block first skips what may be the rest of one
 * from before, back to whose lead byte (at most three bytes) is looked: whatever that cannot explain is
 * wrong. Each entry is at the first byte of what is wrong, which is never ASCII.
 */
static inline uint64_t block_bad_utf8(const char *s, block x)
{
    uint64_t high = block_high(x), bad = 0;
    unsigned n;
    int i = 0;

    for (int back = 1; back <= 3; back++) {
        if ((s[-back] & 0xc0) != 0x80) {
            n = lex_utf8(s - back);
            i = n > (unsigned)back ? (int)n - back : 0;
            break;
        }
    }
    while (i < 64 && (high >> i)) {
        i += __builtin_ctzll(high >> i);
        n = lex_utf8(s + i);
        if (!n)
            bad |= UINT64_C(1) << i;
        i += n ? (int)n : 1;
    }
    return bad;
}

static inline bool block_any_bad_utf8(const char *s, block x)
{
    return block_high(x) && block_bad_utf8(s, x);
}

static inline uint64_t prefix_xor(uint64_t mask)
{
    for (int shift = 1; shift < 64; shift *= 2)
        mask ^= mask << shift;
    return mask;
}

static inline uint32_t *put_entries(uint32_t *out, uint32_t at, uint64_t bits)
{
    for (; bits; bits &= bits - 1)
        *out++ = at + (uint32_t)__builtin_ctzll(bits);
    return out;
}

#define STAGE1 oks_stage1_sse2
#include "scan/scan_stage1_kernel.h"
