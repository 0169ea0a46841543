/* Stage 1 in AVX2 (with BMI and carry-less multiplication); see scan_stage1_kernel.h. Built with -mavx2. */
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef __m256i bytes;

static inline bytes bytes_load(const char *s)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)s);
}

static inline bytes bytes_fill(int c)
{
    return _mm256_set1_epi8((char)c);
}

/* The table, once for each part of a vector that a shuffle treats alone. */
static inline bytes bytes_of(const uint8_t table[16])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

static inline bytes bytes_table(const uint8_t table[16], bytes index)
{
    return _mm256_shuffle_epi8(bytes_of(table), index);
}

static inline bytes bytes_low_nibble(bytes x)
{
    return _mm256_and_si256(x, bytes_fill(0x0f));
}

static inline bytes bytes_high_nibble(bytes x)
{
    return _mm256_and_si256(_mm256_srli_epi16(x, 4), bytes_fill(0x0f));
}

static inline bytes bytes_and(bytes a, bytes b)
{
    return _mm256_and_si256(a, b);
}

static inline bytes bytes_or(bytes a, bytes b)
{
    return _mm256_or_si256(a, b);
}

static inline bytes bytes_xor(bytes a, bytes b)
{
    return _mm256_xor_si256(a, b);
}

static inline bytes bytes_minus(bytes x, int n)
{
    return _mm256_subs_epu8(x, bytes_fill(n));
}

#include "scan/scan_stage1_utf8.h"

typedef struct {
    __m256i a, b;
} block;

static inline block block_load(const char *s)
{
    return (block){bytes_load(s), bytes_load(s + 32)};
}

static inline uint64_t mask_of(__m256i a, __m256i b)
{
    return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

/* Setting bit 5 makes { } of [ ], and * of a newline; the table then holds the one operator with each lower
 * nibble. */
static const uint8_t operator_of[16] = {[0x0a] = '*', [0x0b] = '{', [0x0d] = '}'};

/* What may stand between entries, by the lower nibble. */
static const uint8_t gap_of[16] = {[0x0] = ' ', [0x9] = '\t', [0xa] = ':', [0xc] = ',', [0xd] = '\r'};

/* The same for the bytes that often follow a backslash, but for the quote. */
static const uint8_t escape_of[16] = {
    [0x2] = 'r', [0x4] = 't', [0x6] = 'f', [0xc] = '\\', [0xe] = 'n', [0xf] = '/',
};

struct constants {
    __m256i quote, backslash, space, control, operators, gaps, escapes;
};

/* The same value, of which the compiler no longer knows how to make it. */
static inline __m256i keep(__m256i x)
{
    __asm__("" : "+x"(x));
    return x;
}

static inline struct constants constants(void)
{
    return (struct constants){
        .quote = keep(bytes_fill('"')),
        .backslash = keep(bytes_fill('\\')),
        .space = keep(bytes_fill(' ')),
        .control = keep(bytes_fill(0x1f)),
        .operators = keep(bytes_of(operator_of)),
        .gaps = keep(bytes_of(gap_of)),
        .escapes = keep(bytes_of(escape_of)),
    };
}

static inline uint64_t equal(block x, __m256i c)
{
    return mask_of(_mm256_cmpeq_epi8(x.a, c), _mm256_cmpeq_epi8(x.b, c));
}

static inline uint64_t block_quote(const struct constants *k, block x)
{
    return equal(x, k->quote);
}

static inline uint64_t block_backslash(const struct constants *k, block x)
{
    return equal(x, k->backslash);
}

/* Half by half: putting the halves together in a register takes longer. */
static inline void put_equal(block x, __m256i c, uint64_t *to)
{
    uint32_t low = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x.a, c));
    uint32_t high = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x.b, c));

    memcpy(to, &low, sizeof(low));
    memcpy((uint32_t *)to + 1, &high, sizeof(high));
}

static inline void put_masks(const struct constants *k, block x, uint64_t *quote, uint64_t *backslash)
{
    put_equal(x, k->quote, quote);
    put_equal(x, k->backslash, backslash);
}

static inline uint64_t block_gap(const struct constants *k, block x)
{
    return mask_of(_mm256_cmpeq_epi8(_mm256_shuffle_epi8(k->gaps, x.a), x.a),
                   _mm256_cmpeq_epi8(_mm256_shuffle_epi8(k->gaps, x.b), x.b));
}

static inline uint64_t block_high(block x)
{
    return mask_of(x.a, x.b);
}

static inline __m256i is_control(const struct constants *k, __m256i x)
{
    return _mm256_cmpeq_epi8(_mm256_min_epu8(x, k->control), x);
}

static inline uint64_t block_control(const struct constants *k, block x)
{
    return mask_of(is_control(k, x.a), is_control(k, x.b));
}

/* Both are below 0x20 as signed numbers. */
static inline uint32_t block_special(const struct constants *k, block x)
{
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpgt_epi8(k->space, _mm256_min_epi8(x.a, x.b)));
}

static inline __m256i is_operator(const struct constants *k, __m256i x)
{
    return _mm256_cmpeq_epi8(_mm256_shuffle_epi8(k->operators, x), _mm256_or_si256(x, k->space));
}

static inline uint64_t block_operator(const struct constants *k, block x)
{
    return mask_of(is_operator(k, x.a), is_operator(k, x.b));
}

static inline uint64_t block_odd_escape(const struct constants *k, block x, uint64_t escaped)
{
    return escaped & ~mask_of(_mm256_cmpeq_epi8(_mm256_shuffle_epi8(k->escapes, x.a), x.a),
                              _mm256_cmpeq_epi8(_mm256_shuffle_epi8(k->escapes, x.b), x.b));
}

static inline uint64_t block_bad_utf8(const char *s, block x)
{
    const __m256i zero = _mm256_setzero_si256();

    return ~mask_of(_mm256_cmpeq_epi8(bytes_bad_utf8(s, x.a), zero),
                    _mm256_cmpeq_epi8(bytes_bad_utf8(s + 32, x.b), zero));
}

static inline bool block_any_bad_utf8(const char *s, block x)
{
    __m256i bad = _mm256_or_si256(bytes_bad_utf8(s, x.a), bytes_bad_utf8(s + 32, x.b));

    return !_mm256_testz_si256(bad, bad);
}

static inline uint64_t prefix_xor(uint64_t mask)
{
    const __m128i ones = _mm_set1_epi8((char)0xff);

    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)mask), ones, 0));
}

/* As __builtin_ctzll(), but not 0: gcc clears the target before, for the sake of CPUs long gone. */
static inline uint32_t lowest_bit(uint64_t bits)
{
    uint64_t n;

    __asm__("tzcnt %1, %0" : "=r"(n) : "r"(bits) : "cc");
    return (uint32_t)n;
}

/* Eight at a time, whether they are there or not: cheaper than a branch for each. */
static inline uint32_t *put_entries(uint32_t *out, uint32_t at, uint64_t bits)
{
    uint32_t *end = out + __builtin_popcountll(bits);

    do {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            out[i] = at + lowest_bit(bits);
            bits = _blsr_u64(bits);
        }
        out += 8;
    } while (__builtin_expect(bits != 0, 0));
    return end;
}

#define STAGE1_WORDS
#define STAGE1 oks_stage1_avx2
#include "scan/scan_stage1_kernel.h"
