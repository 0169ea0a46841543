/* Stage 1 in AVX-512 (F and BW, with BMI and carry-less multiplication): a block is one register. See
 * scan_stage1_kernel.h. Built with -mavx512f -mavx512bw. */
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

static inline bytes bytes_table(const uint8_t table[16], bytes index)
{
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)table)),
                               index);
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

#include "scan_stage1_utf8.h"

static inline block block_load(const char *s)
{
    return bytes_load(s);
}

static inline uint64_t block_equal(block x, char c)
{
    return _mm512_cmpeq_epi8_mask(x, bytes_fill(c));
}

static inline uint64_t block_control(block x)
{
    return _mm512_cmplt_epu8_mask(x, bytes_fill(0x20));
}

static inline uint64_t block_high(block x)
{
    return _mm512_movepi8_mask(x);
}

/* Flipping bit 1 puts the quote directly behind the control characters (and the space away from there). As
 * signed numbers, bytes >= 0x80 come before them all. */
static inline bool block_calm(block x)
{
    return (_mm512_cmple_epi8_mask(_mm512_xor_si512(x, bytes_fill(2)), bytes_fill(0x20)) |
            block_equal(x, '\\')) == 0;
}

/* Setting bit 5 makes { } of [ ]; the table then holds the one operator with each lower nibble. */
static const uint8_t operator_of[16] = {[0x0a] = ':', [0x0b] = '{', [0x0c] = ',', [0x0d] = '}'};

static inline uint64_t block_operator(block x)
{
    return _mm512_cmpeq_epi8_mask(bytes_table(operator_of, x), _mm512_or_si512(x, bytes_fill(0x20)));
}

/* " / \ b f n r t u: a bit for each upper nibble 2, 5, 6, 7, and for each lower one the nibbles it goes with.
 */
static const uint8_t escape_high[16] = {[2] = 1, [5] = 2, [6] = 4, [7] = 8};
static const uint8_t escape_low[16] = {
    [0x2] = 1 | 4 | 8, [0x4] = 8, [0x5] = 8, [0x6] = 4, [0xc] = 2, [0xe] = 4, [0xf] = 1,
};

static inline uint64_t block_no_escape(block x)
{
    return _mm512_testn_epi8_mask(bytes_table(escape_high, bytes_high_nibble(x)),
                                  bytes_table(escape_low, bytes_low_nibble(x)));
}

static inline uint64_t block_bad_utf8(const char *s, block x)
{
    block bad = bytes_bad_utf8(s, x);

    return _mm512_test_epi8_mask(bad, bad);
}

static inline uint64_t prefix_xor(uint64_t mask)
{
    const __m128i ones = _mm_set1_epi8((char)0xff);

    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)mask), ones, 0));
}

#define STAGE1 oks_stage1_avx512
#include "scan_stage1_kernel.h"
