/* UTF-8: every character, every pair of bytes, and what is cut short. */
#include <string.h>

#include "base/decimal.h"
#include "base/text_end.h"
#include "base/utf8.h"
#include "tap.h"

/* Check notes down each assertion, which is too slow for a million. */
#define REQUIRE(condition)            \
    do {                              \
        if (!(condition))             \
            ck_abort_msg(#condition); \
    } while (0)

START_TEST(every_character_comes_back)
{
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        char out[UTF8_MAX];
        size_t want = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4, len;
        uint32_t found;

        if (code == 0xd800)
            code = 0xe000;
        REQUIRE(utf8_put(code, out) == want);
        REQUIRE(utf8_next(out, want, &found, &len) && found == code && len == want);
        if (want > 1) /* cut short: one invalid part */
            REQUIRE(!utf8_next(out, want - 1, &found, &len) && found == UTF8_REPLACEMENT && len == want - 1);
    }
}
END_TEST

static void invalid(const char *bytes, size_t n, size_t part)
{
    uint32_t code;
    size_t len;

    ck_assert(!utf8_next(bytes, n, &code, &len));
    ck_assert_uint_eq(code, UTF8_REPLACEMENT);
    ck_assert_msg(len == part, "%02x %02x: %zu", bytes[0] & 255u, bytes[1] & 255u, len);
}

START_TEST(bounds_of_the_second_byte)
{
    static const unsigned char bounds[][3] = {
        {0xc2, 0x80, 0xbf}, {0xdf, 0x80, 0xbf}, {0xe0, 0xa0, 0xbf}, {0xe1, 0x80, 0xbf},
        {0xec, 0x80, 0xbf}, {0xed, 0x80, 0x9f}, {0xee, 0x80, 0xbf}, {0xef, 0x80, 0xbf},
        {0xf0, 0x90, 0xbf}, {0xf1, 0x80, 0xbf}, {0xf3, 0x80, 0xbf}, {0xf4, 0x80, 0x8f},
    };

    for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++)
        for (unsigned second = 0; second < 256; second++) {
            char bytes[4] = {(char)bounds[i][0], (char)second, (char)0x80, (char)0x80};
            uint32_t code;
            size_t len;
            bool good = second >= bounds[i][1] && second <= bounds[i][2];

            ck_assert_int_eq(utf8_next(bytes, 4, &code, &len), good);
            if (!good)
                invalid(bytes, 4, 1);
        }
}
END_TEST

START_TEST(bytes_that_begin_nothing)
{
    for (unsigned c = 0x80; c < 256; c++)
        if (c < 0xc2 || c > 0xf4)
            invalid((char[]){(char)c, (char)0x80, (char)0x80, (char)0x80}, 4, 1);
    invalid("\xe2\x82\x41", 3, 2);
    invalid("\xe2\x82\xc0", 3, 2);
    invalid("\xf0\x9f\x9a\x7f", 4, 3);
    invalid("\xf0\x9f\xff\x80", 4, 2);
}
END_TEST

START_TEST(decimal_digits)
{
    static const struct {
        uint64_t value;
        unsigned width;
        const char *text;
    } cases[] = {
        {0, 0, "0"},
        {0, 1, "0"},
        {0, 3, "000"},
        {9, 1, "9"},
        {10, 1, "10"},
        {10, 4, "0010"},
        {999, 3, "999"},
        {1000, 2, "1000"},
        {UINT64_MAX, 1, "18446744073709551615"},
        {UINT64_C(10000000000000000000), 20, "10000000000000000000"},
        {5, 20, "00000000000000000005"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char out[DECIMAL_MAX + 1];

        memset(out, 'x', sizeof(out));
        *decimal_put(out, cases[i].value, cases[i].width) = '\0';
        ck_assert_str_eq(out, cases[i].text);
    }
}
END_TEST

START_TEST(ends_of_texts)
{
    ck_assert(text_ends_with("a.json", ".json"));
    ck_assert(text_ends_with(".json", ".json"));
    ck_assert(text_ends_with("", ""));
    ck_assert(text_ends_with("a", ""));
    ck_assert(!text_ends_with("json", ".json"));
    ck_assert(!text_ends_with("a.jsonl", ".json"));
    ck_assert(!text_ends_with("", "a"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("utf8");

    TEST(suite, every_character_comes_back);
    TEST(suite, bounds_of_the_second_byte);
    TEST(suite, bytes_that_begin_nothing);
    TEST(suite, decimal_digits);
    TEST(suite, ends_of_texts);
    return tap_run(suite);
}
