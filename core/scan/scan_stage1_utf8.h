/*
 * UTF-8 by table, for instruction sets with a byte shuffle: included by those before the kernel, after
 *
 *   bytes              a vector
 *   bytes_load(s), bytes_table(table, index), bytes_low(x), bytes_high_nibble(x), bytes_and, bytes_or,
 * bytes_xor, bytes_minus(x, n)  saturating at 0
 *
 * The method is that of Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2021):
 * three nibbles, the two of the byte before and the upper one of the byte itself, each say by a bit set which
 * mistakes they allow for; a mistake is one that all three agree upon. Two continuation bytes in a row are
 * such a "mistake" just where a sequence of three or four bytes does not ask for them, which is found by
 * subtraction.
 */
enum {
    U8_SHORT = 1 << 0,      /* a lead byte, then no continuation */
    U8_LONG = 1 << 1,       /* a continuation without a lead byte */
    U8_OVERLONG_3 = 1 << 2, /* e0 80..9f */
    U8_LARGE = 1 << 3,      /* f4 90..bf, f5..ff 90..bf */
    U8_SURROGATE = 1 << 4,  /* ed a0..bf */
    U8_OVERLONG_2 = 1 << 5, /* c0..c1 */
    U8_EDGE_4 = 1 << 6,     /* f0 80..8f is overlong, f5..ff 80..8f too large */
    U8_TWO = 1 << 7,        /* two continuations */
    U8_ANY = U8_SHORT | U8_LONG | U8_TWO,
};

#define TIMES4(v) v, v, v, v
static const uint8_t utf8_before_high[16] = {
    TIMES4(U8_LONG),
    TIMES4(U8_LONG),
    TIMES4(U8_TWO),
    U8_SHORT | U8_OVERLONG_2,
    U8_SHORT,
    U8_SHORT | U8_OVERLONG_3 | U8_SURROGATE,
    U8_SHORT | U8_LARGE | U8_EDGE_4,
};
static const uint8_t utf8_before_low[16] = {
    U8_ANY | U8_OVERLONG_2 | U8_OVERLONG_3 | U8_EDGE_4,
    U8_ANY | U8_OVERLONG_2,
    U8_ANY,
    U8_ANY,
    U8_ANY | U8_LARGE,
    TIMES4(U8_ANY | U8_LARGE | U8_EDGE_4),
    TIMES4(U8_ANY | U8_LARGE | U8_EDGE_4),
    U8_ANY | U8_LARGE | U8_EDGE_4 | U8_SURROGATE,
    U8_ANY | U8_LARGE | U8_EDGE_4,
    U8_ANY | U8_LARGE | U8_EDGE_4,
};
#define CONTINUES (U8_LONG | U8_OVERLONG_2 | U8_TWO)
static const uint8_t utf8_high[16] = {
    TIMES4(U8_SHORT),
    TIMES4(U8_SHORT),
    CONTINUES | U8_OVERLONG_3 | U8_EDGE_4,
    CONTINUES | U8_OVERLONG_3 | U8_LARGE,
    CONTINUES | U8_SURROGATE | U8_LARGE,
    CONTINUES | U8_SURROGATE | U8_LARGE,
    TIMES4(U8_SHORT),
};
#undef CONTINUES
#undef TIMES4

/* Not 0 in each byte at which the vector x at s is wrong; what stands before s is read from memory. */
static inline bytes bytes_bad_utf8(const char *s, bytes x)
{
    bytes before = bytes_load(s - 1);
    bytes mistake = bytes_and(bytes_and(bytes_table(utf8_before_high, bytes_high_nibble(before)),
                                        bytes_table(utf8_before_low, bytes_low_nibble(before))),
                              bytes_table(utf8_high, bytes_high_nibble(x)));
    bytes third = bytes_minus(bytes_load(s - 2), 0xe0 - 0x80);
    bytes fourth = bytes_minus(bytes_load(s - 3), 0xf0 - 0x80);

    return bytes_xor(mistake, bytes_and(bytes_or(third, fourth), bytes_fill(0x80)));
}
