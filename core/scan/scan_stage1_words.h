/*
 * Strings out of masks, four blocks at a time, for instruction sets that include AVX2: see struct strings in
 * scan_stage1_kernel.h.
 *
 * A mask is a word of 64 bits, and what is done with it is the same in every block but for what the block
 * before left: whether its last byte escapes the next one, and whether it ended inside a string. The first
 * depends on the block alone, unless all of it is backslashes, which counts as a mistake; the second is made
 * up for afterwards, by a table that knows which of four blocks to turn round.
 */
static inline __m256i words_odd_places(__m256i x)
{
    const __m256i odd = _mm256_set1_epi8((char)0xaa);

    return _mm256_xor_si256(_mm256_sub_epi64(_mm256_or_si256(_mm256_add_epi64(x, x), odd), x), odd);
}

static inline __m256i words_prefix_xor(__m256i x)
{
    x = _mm256_xor_si256(x, _mm256_slli_epi64(x, 1));
    x = _mm256_xor_si256(x, _mm256_slli_epi64(x, 2));
    x = _mm256_xor_si256(x, _mm256_slli_epi64(x, 4));
    x = _mm256_xor_si256(x, _mm256_slli_epi64(x, 8));
    x = _mm256_xor_si256(x, _mm256_slli_epi64(x, 16));
    return _mm256_xor_si256(x, _mm256_slli_epi64(x, 32));
}

/* One bit for each word that is equal in both. */
static inline uint64_t words_equal(__m256i a, __m256i b)
{
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(a, b)));
}

/* By whether the first block begins inside a string (16) and which blocks have an odd number of quotes. */
#define TURN(i, upto) -(int64_t)(__builtin_popcount((i)&upto) & 1)
#define TURN1(i)                                                   \
    {                                                              \
        TURN(i, 0x10), TURN(i, 0x11), TURN(i, 0x13), TURN(i, 0x17) \
    }
#define TURN4(i) TURN1(i), TURN1(i + 1), TURN1(i + 2), TURN1(i + 3)
static const int64_t words_turn[32][4] __attribute__((aligned(32))) = {
    TURN4(0), TURN4(4), TURN4(8), TURN4(12), TURN4(16), TURN4(20), TURN4(24), TURN4(28),
};
#undef TURN
#undef TURN1
#undef TURN4

static inline __m256i words_load(const uint64_t *words)
{
    return _mm256_load_si256((const __m256i *)(const void *)words);
}

static inline void words_store(uint64_t *words, __m256i x)
{
    _mm256_store_si256((__m256i *)(void *)words, x);
}

/* Bits for eight blocks that are not plain ASCII text. */
static inline uint64_t words_special(const uint32_t *odd)
{
    __m256i none =
        _mm256_cmpeq_epi32(_mm256_load_si256((const __m256i *)(const void *)odd), _mm256_setzero_si256());

    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(none)) ^ 0xffu;
}

static inline bool strings_of_masks(struct strings *s, size_t n, struct stage1 *st)
{
    const __m256i ones = _mm256_set1_epi8((char)0xff), zero = _mm256_setzero_si256();
    __m256i before = _mm256_set1_epi64x((long long)st->escape), full = zero;
    uint64_t inside = 0, plain = 0, turned = st->string & 16;

    for (size_t i = 0; i < n; i += 4) {
        __m256i backslash = words_load(s->backslash + i), quotes = words_load(s->quote + i);
        __m256i last = _mm256_srli_epi64(_mm256_and_si256(words_odd_places(backslash), backslash), 63);
        __m256i moved = _mm256_permute4x64_epi64(last, _MM_SHUFFLE(2, 1, 0, 3));
        __m256i first = _mm256_blend_epi32(moved, before, 0x03);
        __m256i escaped = _mm256_xor_si256(words_odd_places(_mm256_andnot_si256(first, backslash)),
                                           _mm256_or_si256(backslash, first));
        __m256i quote = _mm256_andnot_si256(escaped, quotes), string = words_prefix_xor(quote);
        __m256i letters = _mm256_andnot_si256(_mm256_or_si256(quotes, backslash), escaped);
        unsigned odd = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(string));

        string = _mm256_xor_si256(string, words_load((const uint64_t *)words_turn[turned + odd]));
        turned ^= (uint64_t)(0x6996 >> odd & 1) << 4;
        before = moved;
        full = _mm256_or_si256(full, _mm256_cmpeq_epi64(backslash, ones));
        words_store(s->string + i, string);
        words_store(s->quote + i, quote);
        words_store(s->letters + i, letters);
        inside |= words_equal(_mm256_andnot_si256(quote, string), ones) << i;
        plain |= words_equal(letters, zero) << i;
    }
    s->special = 0;
    for (size_t i = 0; i < n; i += 8)
        s->special |= words_special(s->odd + i) << i;
    st->escape = (uint64_t)_mm256_cvtsi256_si32(before);
    st->string = -(turned >> 4);
    s->outside = ~inside;
    s->escapes = ~plain;
    return _mm256_testz_si256(full, full);
}
