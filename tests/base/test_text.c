/* Byte strings that grow, and the escapes of text in JSON, there and back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tap.h"

static void escaped(struct oks_slice from, void (*put)(struct oks_bytes *, struct oks_slice),
                    const char *want)
{
    struct oks_bytes bytes = {0};

    put(&bytes, from);
    ck_assert_int_eq(bytes.error, 0);
    ck_assert_uint_eq(bytes.len, strlen(want));
    ck_assert_mem_eq(bytes.len ? bytes.ptr : "", want, bytes.len);
    free(bytes.ptr);
}

START_TEST(bytes_grow)
{
    struct oks_bytes bytes = {0};
    char piece[1000];

    memset(piece, 'p', sizeof(piece));
    oks_bytes_put(&bytes, piece, 0);
    ck_assert_ptr_null(bytes.ptr);
    oks_bytes_text(&bytes, "begin ");
    ck_assert_uint_ge(bytes.room, bytes.len);
    for (size_t i = 0; i < 30; i++) {
        oks_bytes_put(&bytes, piece, sizeof(piece) - i);
        ck_assert_uint_ge(bytes.room, bytes.len);
    }
    ck_assert_uint_eq(bytes.len, 6 + 30 * sizeof(piece) - 435);
    ck_assert_mem_eq(bytes.ptr, "begin pppp", 10);
    ck_assert_int_eq(bytes.ptr[bytes.len - 1], 'p');
    ck_assert_int_eq(bytes.error, 0);
    free(bytes.ptr);
}
END_TEST

START_TEST(errors_stick)
{
    struct oks_bytes bytes = {0};

    oks_bytes_text(&bytes, "ab");
    oks_bytes_put(&bytes, "x", OKS_BYTES_MAX - 1);
    ck_assert_int_eq(bytes.error, -EFBIG);
    ck_assert_uint_eq(bytes.len, 2);
    bytes.len = bytes.room;
    oks_bytes_text(&bytes, "c");
    ck_assert_int_eq(bytes.error, -EFBIG);
    ck_assert_uint_eq(bytes.len, bytes.room);
    free(bytes.ptr);
    bytes = (struct oks_bytes){.error = -ENOMEM};
    oks_bytes_text(&bytes, "c");
    ck_assert_ptr_null(bytes.ptr);
    /* As long as allowed, and one more. */
    bytes = (struct oks_bytes){.len = OKS_BYTES_MAX, .room = OKS_BYTES_MAX};
    oks_bytes_put(&bytes, "", 0);
    ck_assert_int_eq(bytes.error, 0);
    oks_bytes_put(&bytes, "c", 1);
    ck_assert_int_eq(bytes.error, -EFBIG);
}
END_TEST

START_TEST(numbers)
{
    static const struct {
        uint64_t value;
        const char *text;
    } cases[] = {{0, "0"},   {1, "1"},     {9, "9"},
                 {10, "10"}, {109, "109"}, {UINT64_MAX, "18446744073709551615"}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct oks_bytes bytes = {0};

        oks_bytes_number(&bytes, cases[i].value);
        ck_assert_uint_eq(bytes.len, strlen(cases[i].text));
        ck_assert_mem_eq(bytes.ptr, cases[i].text, bytes.len);
        free(bytes.ptr);
    }
}
END_TEST

START_TEST(json_is_escaped_as_python_does)
{
    escaped(OKS_SLICE(""), oks_bytes_json, "");
    escaped(OKS_SLICE("plain ~!#"), oks_bytes_json, "plain ~!#");
    escaped(OKS_SLICE("a\"b\\c/d%e\x7f"), oks_bytes_json, "a\\\"b\\\\c/d%e\x7f");
    escaped(OKS_SLICE("\b\t\n\f\r"), oks_bytes_json, "\\b\\t\\n\\f\\r");
    escaped(OKS_SLICE("\0\x01\x09\x0b\x0e\x0f\x10\x1a\x1f\x20"), oks_bytes_json,
            "\\u0000\\u0001\\t\\u000b\\u000e\\u000f\\u0010\\u001a\\u001f ");
    escaped(OKS_SLICE("\xc3\xa9\xf0\x9f\x9a\x80"), oks_bytes_json, "\xc3\xa9\xf0\x9f\x9a\x80");
    escaped(OKS_SLICE("\xff_\xe2\x82_\xed\xa0\x80"), oks_bytes_json,
            "\xef\xbf\xbd_\xef\xbf\xbd_\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}
END_TEST

START_TEST(raw_keeps_every_byte)
{
    escaped(OKS_SLICE("100%"), oks_bytes_raw, "100%25");
    escaped(OKS_SLICE("\xff_\xe2\x82\"\n"), oks_bytes_raw, "%FF_%E2%82\\\"\\n");
    escaped(OKS_SLICE("\xc3\xa9"), oks_bytes_raw, "\xc3\xa9");
}
END_TEST

START_TEST(raw_and_back)
{
    static const char json_only[] = "\"\\";
    char text[3], back[16];

    for (unsigned a = 0x20; a < 256; a++)
        for (unsigned b = 0x20; b < 256; b++) {
            struct oks_bytes bytes = {0};
            size_t len;

            text[0] = (char)a;
            text[1] = (char)b;
            if (strchr(json_only, text[0]) || strchr(json_only, text[1]))
                continue; /* a reader of JSON undoes these */
            oks_bytes_raw(&bytes, (struct oks_slice){text, 2});
            len = bytes.len;
            memcpy(back, bytes.ptr, len);
            free(bytes.ptr);
            ck_assert(oks_utf8_valid((struct oks_slice){back, len}));
            ck_assert_int_eq(oks_unraw(back, &len), 0);
            ck_assert_uint_eq(len, 2);
            ck_assert_mem_eq(back, text, 2);
        }
}
END_TEST

START_TEST(what_is_no_raw_text)
{
    static const char *const texts[] = {"%",   "%4",  "%4g", "%g4", "%fF", "%Ff",
                                        "%/0", "%:0", "%@0", "%G0", "a%",  "%%41"};
    char text[16];
    size_t len;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        snprintf(text, sizeof(text), "%s", texts[i]);
        len = strlen(text);
        ck_assert_msg(oks_unraw(text, &len) == -EINVAL, "%s", texts[i]);
    }
    snprintf(text, sizeof(text), "%s", "%41%009%F9x");
    len = strlen(text);
    ck_assert_int_eq(oks_unraw(text, &len), 0);
    ck_assert_uint_eq(len, 5);
    ck_assert_mem_eq(text, "A\0009\xf9x", 5);
    /* Digits behind the end are none. */
    len = 2;
    ck_assert_int_eq(oks_unraw(strcpy(text, "%41"), &len), -EINVAL);
}
END_TEST

START_TEST(valid_utf8)
{
    ck_assert(oks_utf8_valid(OKS_SLICE("")));
    ck_assert(oks_utf8_valid(OKS_SLICE("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x80")));
    ck_assert(!oks_utf8_valid(OKS_SLICE("a\xc3")));
    ck_assert(!oks_utf8_valid(OKS_SLICE("\xff")));
    ck_assert(!oks_utf8_valid(OKS_SLICE("\xc3\xa9\x80z")));
}
END_TEST

static void digits(const char *text, size_t n, uint64_t max, size_t used, uint64_t value)
{
    uint64_t out = 77;

    ck_assert_msg(oks_digits(text, n, max, &out) == used, "%s", text);
    ck_assert_msg(out == (used ? value : 77), "%s is %llu", text, (unsigned long long)out);
}

START_TEST(digits_up_to_a_limit)
{
    digits("0", 1, 9, 1, 0);
    digits("0x", 2, 9, 1, 0);
    digits("", 0, 9, 0, 0);
    digits("x", 1, 9, 0, 0);
    digits("-1", 2, 9, 0, 0);
    digits("00", 2, 9, 0, 0);
    digits("01", 2, 9, 0, 0);
    digits("123", 2, 99, 2, 12);
    digits("9:/", 3, 9, 1, 9);
    digits("1/", 2, 9, 1, 1);
    digits("255", 3, 255, 3, 255);
    digits("256", 3, 255, 0, 0);
    digits("260", 3, 255, 0, 0);
    digits("10", 2, 9, 0, 0);
    digits("18446744073709551615", 20, UINT64_MAX, 20, UINT64_MAX);
    digits("18446744073709551616", 20, UINT64_MAX, 0, 0);
    digits("28446744073709551615", 20, UINT64_MAX, 0, 0);
    digits("9223372036854775807", 19, INT64_MAX, 19, INT64_MAX);
    digits("9223372036854775808", 19, INT64_MAX, 0, 0);
}
END_TEST

START_TEST(hex_and_back)
{
    uint8_t out[4] = {1, 2, 3, 4};

    ck_assert(oks_unhex("00ff9a0b", out, 4));
    ck_assert_mem_eq(out, "\x00\xff\x9a\x0b", 4);
    ck_assert(oks_unhex("", out, 0));
    ck_assert(!oks_unhex("0g", out, 1));
    ck_assert(!oks_unhex("g0", out, 1));
    ck_assert(!oks_unhex("`0", out, 1));
    ck_assert(!oks_unhex("A0", out, 1));
    ck_assert(!oks_unhex("0F", out, 1));
    ck_assert(!oks_unhex("00:0", out, 2));
    ck_assert(!oks_unhex("000/", out, 2));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");

    TEST(suite, bytes_grow);
    TEST(suite, errors_stick);
    TEST(suite, numbers);
    TEST(suite, json_is_escaped_as_python_does);
    TEST(suite, raw_keeps_every_byte);
    TEST(suite, raw_and_back);
    TEST(suite, what_is_no_raw_text);
    TEST(suite, valid_utf8);
    TEST(suite, digits_up_to_a_limit);
    TEST(suite, hex_and_back);
    return tap_run(suite);
}
