/*
 * Stage 1 in AVX-512 (F, BW and VBMI2, with carry-less multiplication): a block is one register. See
 * scan_stage1_kernel.h. The first processors with AVX-512 lack VBMI2, and are as well served by AVX2.
 */
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

typedef __m512i bytes;
typedef __m512i block;

static inline bytes bytes_load(const char *s)
{
    return _mm512_loadu_si512(s);
}

static inline bytes bytes_fill(int c)
{
    return _mm512_set1_epi8((char)c);
}

/* The table, once for each part of a vector that a shuffle treats alone. */
static inline bytes bytes_of(const uint8_t table[16])
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)table));
}

static inline bytes bytes_table(const uint8_t table[16], bytes index)
{
    return _mm512_shuffle_epi8(bytes_of(table), index);
}

static inline bytes bytes_low_nibble(bytes x)
{
    return _mm512_and_si512(x, bytes_fill(0x0f));
}

static inline bytes bytes_high_nibble(bytes x)
{
    return _mm512_and_si512(_mm512_srli_epi16(x, 4), bytes_fill(0x0f));
}

static inline bytes bytes_and(bytes a, bytes b)
{
    return _mm512_and_si512(a, b);
}

static inline bytes bytes_or(bytes a, bytes b)
{
    return _mm512_or_si512(a, b);
}

static inline bytes bytes_xor(bytes a, bytes b)
{
    return _mm512_xor_si512(a, b);
}

static inline bytes bytes_minus(bytes x, int n)
{
    return _mm512_subs_epu8(x, bytes_fill(n));
}

#include "scan/scan_stage1_utf8.h"

static inline block block_load(const char *s)
{
    return bytes_load(s);
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
    __m512i quote, backslash, space, operators, gaps, escapes;
};

/* The same value, of which the compiler no longer knows how to make it. */
static inline __m512i keep(__m512i x)
{
    __asm__("" : "+v"(x));
    return x;
}

static inline struct constants constants(void)
{
    return (struct constants){
        .quote = keep(bytes_fill('"')),
        .backslash = keep(bytes_fill('\\')),
        .space = keep(bytes_fill(' ')),
        .operators = keep(bytes_of(operator_of)),
        .gaps = keep(bytes_of(gap_of)),
        .escapes = keep(bytes_of(escape_of)),
    };
}

static inline uint64_t block_quote(const struct constants *k, block x)
{
    return _mm512_cmpeq_epi8_mask(x, k->quote);
}

static inline uint64_t block_backslash(const struct constants *k, block x)
{
    return _mm512_cmpeq_epi8_mask(x, k->backslash);
}

static inline void put_masks(const struct constants *k, block x, uint64_t *quote, uint64_t *backslash)
{
    *quote = block_quote(k, x);
    *backslash = block_backslash(k, x);
}

static inline uint64_t block_gap(const struct constants *k, block x)
{
    return _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(k->gaps, x), x);
}

static inline uint64_t block_high(block x)
{
    return _mm512_movepi8_mask(x);
}

static inline uint64_t block_control(const struct constants *k, block x)
{
    return _mm512_cmplt_epu8_mask(x, k->space);
}

/* Both are below 0x20 as signed numbers. */
static inline uint32_t block_special(const struct constants *k, block x)
{
    return _mm512_cmplt_epi8_mask(x, k->space) != 0;
}

static inline uint64_t block_operator(const struct constants *k, block x)
{
    return _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(k->operators, x), _mm512_or_si512(x, k->space));
}

static inline uint64_t block_odd_escape(const struct constants *k, block x, uint64_t escaped)
{
    return escaped & ~_mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(k->escapes, x), x);
}

static inline uint64_t block_bad_utf8(const char *s, block x)
{
    block bad = bytes_bad_utf8(s, x);

    return _mm512_test_epi8_mask(bad, bad);
}

static inline bool block_any_bad_utf8(const char *s, block x)
{
    return block_bad_utf8(s, x) != 0;
}

static inline uint64_t prefix_xor(uint64_t mask)
{
    const __m128i ones = _mm_set1_epi8((char)0xff);

    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)mask), ones, 0));
}

/* The places of the bits, packed to the front as bytes, then widened by sixteen. */
static inline uint32_t *put_entries(uint32_t *out, uint32_t at, uint64_t bits)
{
    static const uint8_t places[64] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
    };
    __m512i packed = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(places));
    __m512i base = _mm512_set1_epi32((int)at);
    int n = __builtin_popcountll(bits);

    _mm512_storeu_si512(out, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed))));
    if (__builtin_expect(n > 16, 0)) {
        _mm512_storeu_si512(
            out + 16, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 1))));
        _mm512_storeu_si512(
            out + 32, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 2))));
        _mm512_storeu_si512(
            out + 48, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 3))));
    }
    return out + n;
}

#define STAGE1_WORDS
#define STAGE1 oks_stage1_avx512
#include "scan/scan_stage1_kernel.h"
