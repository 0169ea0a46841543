/*
 * The words of JSON, as both readers of a line (json_scalar.h and json_walk.h) need them.
 *
 * Everything here leans on one promise of the scanner: a line is followed by '\n', and OKS_PAD bytes before
 * and behind the buffer may be read. No token contains a newline, so no loop here needs a bound, and words of
 * eight bytes may be loaded anywhere in a line. What such a load sees beyond the newline never decides.
 */
#ifndef OKSTRAFS_SCAN_JSON_LEX_H
#define OKSTRAFS_SCAN_JSON_LEX_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

enum { OKS_PAD = 128, OKS_KEY_PAD = 32 };

enum json_kind {
    JSON_NULL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_INT,
    JSON_FLOAT, /* with a fraction or an exponent; NaN and the infinities too */
    JSON_STRING,
    JSON_OBJECT,
    JSON_ARRAY,
};

/* Classes of bytes, for the one-byte questions. */
enum {
    LEX_SPACE = 1,   /* white space of JSON */
    LEX_STRIP = 2,   /* white space that is stripped at both ends of a line, newline left out */
    LEX_END = 4,     /* may follow a number or literal */
    LEX_ESCAPE = 8,  /* may follow a backslash */
    LEX_NUMBER = 16, /* may begin a number, but for NaN and Infinity */
    LEX_WORD = 32,   /* letters and what stands between them in names of kinds of things */
};
extern const uint8_t oks_lex_class[256];

static inline bool lex_is(const char *s, unsigned class)
{
    return oks_lex_class[(unsigned char)*s] & class;
}

#define LEX_ONES UINT64_C(0x0101010101010101)
#define LEX_HIGH UINT64_C(0x8080808080808080)

/* Eight bytes, the first one lowest, whatever the CPU's order. */
static inline uint64_t lex_load(const char *s)
{
    uint64_t w;

    memcpy(&w, s, sizeof(w));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

#ifdef __SSE2__
/* One bit for each of the 16 bytes that is equal. */
static inline uint64_t lex_same16(__m128i a, const char *b)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(a, _mm_loadu_si128((const __m128i *)(const void *)b)));
}

static inline uint64_t lex_backslashes32(const char *s)
{
#ifdef __AVX2__
    __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)s);

    return (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_set1_epi8('\\')));
#else
    const __m128i c = _mm_set1_epi8('\\');

    return lex_same16(c, s) | lex_same16(c, s + 16) << 16;
#endif
}
#endif

bool oks_lex_has_backslash(const char *s, size_t len);

/* All of the bytes that there may be at once, so that most lengths take the same way: see lex_short_int() for
 * why. */
static inline bool lex_has_backslash(const char *s, size_t len)
{
#ifdef __SSE2__
    if (__builtin_expect(len < 64, 1))
        return ((lex_backslashes32(s) | lex_backslashes32(s + 32) << 32) & ~(~UINT64_C(0) << len)) != 0;
#endif
    return oks_lex_has_backslash(s, len);
}

/* The same for what is nearly always shorter than 32 bytes: keys. */
static inline bool lex_key_has_backslash(const char *s, size_t len)
{
#ifdef __SSE2__
    if (__builtin_expect(len < 32, 1))
        return (lex_backslashes32(s) & ~(~UINT64_C(0) << len)) != 0;
#endif
    return oks_lex_has_backslash(s, len);
}

/* Whether two keys of that length, less than OKS_KEY_PAD, are the same; so many bytes of both are readable.
 */
static inline bool lex_same_key(const char *a, const char *b, size_t len)
{
#ifdef __SSE2__
    uint64_t same = lex_same16(_mm_loadu_si128((const __m128i *)(const void *)a), b) |
                    lex_same16(_mm_loadu_si128((const __m128i *)(const void *)(a + 16)), b + 16) << 16;

    return (~same & ~(~UINT64_C(0) << len)) == 0;
#else
    return memcmp(a, b, len) == 0;
#endif
}

/*
 * The length of the integer literal at s where it has no sign and at most seven digits; 0 for everything
 * else.
 *
 * No loop over the digits: where it ends cannot be foretold, and such a branch also spoils what the processor
 * has learned of the branches around it, which follow the same few orders of keys in millions of lines.
 */
static inline unsigned lex_short_int(const char *s)
{
    uint64_t w = lex_load(s) ^ LEX_ONES * '0';
    uint64_t other = ((w + LEX_ONES * (0x80 - 10)) | w) & LEX_HIGH;
    unsigned n = other ? (unsigned)__builtin_ctzll(other) >> 3 : 0;

    return s[0] == '0' && n > 1 ? 0 : n;
}

/* Behind the digits at s. */
static inline const char *lex_digits(const char *s)
{
    uint64_t w, other;

    for (;; s += sizeof(w)) {
        w = lex_load(s) ^ LEX_ONES * '0';
        other = ((w + LEX_ONES * (0x80 - 10)) | w) & LEX_HIGH;
        if (other)
            return s + (__builtin_ctzll(other) >> 3);
    }
}

enum { LEX_DIGITS = 16 };

/* How many digits stand at s, LEX_DIGITS at most. */
static inline unsigned lex_count_digits(const char *s)
{
#ifdef __SSE2__
    const __m128i zero = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9);
    __m128i digits = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)s), zero);
    unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(digits, nine), digits));

    return (unsigned)__builtin_ctz(~same);
#else
    unsigned n = 0;

    while (n < LEX_DIGITS && s[n] >= '0' && s[n] <= '9')
        n++;
    return n;
#endif
}

static inline bool lex_eight_digits(const char *s)
{
    uint64_t w = lex_load(s) ^ LEX_ONES * '0';

    return (((w + LEX_ONES * (0x80 - 10)) | w) & LEX_HIGH) == 0;
}

/* The value of one to eight digits. */
static inline uint64_t lex_short_value(const char *s, size_t len)
{
    uint64_t w = (lex_load(s) ^ LEX_ONES * '0') << (64 - 8 * len);

    /* Pairs of digits, then of pairs, then of those. */
    w = (w * 10 + (w >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    w = (w * 100 + (w >> 16)) & UINT64_C(0x0000ffff0000ffff);
    return (w * 10000 + (w >> 32)) & 0xffffffff;
}

/* The value of one to sixteen digits. */
static inline uint64_t lex_value(const char *s, size_t len)
{
    return len <= 8 ? lex_short_value(s, len)
                    : lex_short_value(s, len - 8) * 100000000 + lex_short_value(s + len - 8, 8);
}

/* Length of the strict UTF-8 sequence of two to four bytes at s (RFC 3629), or 0. */
static inline unsigned lex_utf8(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned low = 0x80, high = 0xbf;

    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    if (s[0] < 0xe0)
        return (s[1] & 0xc0) == 0x80 ? 2 : 0;
    if (s[0] == 0xe0)
        low = 0xa0; /* else overlong */
    else if (s[0] == 0xed)
        high = 0x9f; /* else a surrogate */
    else if (s[0] == 0xf0)
        low = 0x90; /* else overlong */
    else if (s[0] == 0xf4)
        high = 0x8f; /* else beyond U+10FFFF */
    if (s[1] < low || s[1] > high || (s[2] & 0xc0) != 0x80)
        return 0;
    if (s[0] < 0xf0)
        return 3;
    return (s[3] & 0xc0) == 0x80 ? 4 : 0;
}

static inline bool lex_hex4(const char *s)
{
    for (int i = 0; i < 4; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'f')))
            return false;
    return true;
}

/* Length of the escape sequence that begins at the backslash s, or 0. */
static inline unsigned lex_escape(const char *s)
{
    if (!lex_is(s + 1, LEX_ESCAPE))
        return 0;
    if (s[1] != 'u')
        return 2;
    return lex_hex4(s + 2) ? 6 : 0;
}

/* The closing quote of the string whose first byte is at s, or NULL. */
const char *oks_lex_string(const char *s, bool *escaped);

/* The end of the number or literal at s, or NULL. What follows is not looked at. */
const char *oks_lex_atom(const char *s, enum json_kind *kind);

/* Undoes the escapes of a valid string; out has room for len bytes. A lone surrogate becomes U+FFFD. */
size_t oks_lex_unescape(const char *raw, size_t len, char *out);

/* The value of an integer literal where it is 0 ... 2^63-1; else false. */
bool oks_lex_count(const char *s, size_t len, uint64_t *out);

#endif
