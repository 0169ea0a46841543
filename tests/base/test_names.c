/* File names out of any bytes, and the folding of team names. */
#include <stdlib.h>
#include <string.h>

#include "base/fold.h"
#include "internal/hidden.h"
#include "okstrafs/names.h"
#include "tap.h"

static const char *escape(struct oks_slice raw)
{
    static char out[8][OKS_NAME_MAX + 1];
    static unsigned turn;
    char *buf = out[turn++ % 8];
    size_t len;

    memset(buf, 'x', OKS_NAME_MAX + 1);
    len = oks_name_escape(raw, buf);
    ck_assert_uint_le(len, OKS_NAME_MAX);
    ck_assert_uint_eq(strlen(buf), len);
    return buf;
}

static const char *escape_text(const char *raw)
{
    return escape(oks_slice_of(raw));
}

START_TEST(plain_names_stay)
{
    static const char *const plain[] = {"a",
                                        "team-1_x",
                                        "with space",
                                        "a.b",
                                        "a..",
                                        "~",
                                        "-",
                                        "\\",
                                        "\xc3\xa9t\xc3\xa9",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x98\x80",
                                        "\xc2\xa1",
                                        "a:b*c?\"<>|"};

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        ck_assert_str_eq(escape_text(plain[i]), plain[i]);
}
END_TEST

START_TEST(what_is_no_name_is_escaped)
{
    static const char *const cases[][2] = {
        {"", "%"},
        {"a/b", "a%2Fb"},
        {"/", "%2F"},
        {"%", "%25"},
        {"%2F", "%252F"},
        {".", "%2E"},
        {"..", "%2E."},
        {".x", "%2Ex"},
        {"...", "%2E.."},
        {"a\nb\tc\x7f\x1f", "a%0Ab%09c%7F%1F"},
        {"a\xc2\x80"
         "b\xc2\x9f",
         "a%C2%80b%C2%9F"}, /* C1 */
        {"\xe2\x80\xae"
         "x",
         "%E2%80%AEx"}, /* from right to left */
        {"\xe2\x81\xa6\xe2\x81\xa9\xd8\x9c", "%E2%81%A6%E2%81%A9%D8%9C"},
        {"\xe2\x80\xa8\xe2\x80\xa9", "%E2%80%A8%E2%80%A9"}, /* separators */
        {"a\xe2\x80\x8b"
         "b\xef\xbb\xbf",
         "a%E2%80%8Bb%EF%BB%BF"}, /* of no width */
        {"\xff", "%FF"},
        {"a\xc3", "a%C3"},
        {"\xe2\x82", "%E2%82"},
        {"\xe2\x82x", "%E2%82x"},
        {"\xc0\x80", "%C0%80"},
        {"\xed\xa0\x80", "%ED%A0%80"},
        {"\xf4\x90\x80\x80", "%F4%90%80%80"},
        {"\xc3\xa9\xc3", "\xc3\xa9%C3"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_str_eq(escape_text(cases[i][0]), cases[i][1]);
    ck_assert_str_eq(escape(OKS_SLICE("a\0b")), "a%00b");
    ck_assert_str_eq(escape(OKS_SLICE("\0")), "%00");
}
END_TEST

START_TEST(hidden_characters_are_shown)
{
    char text[] = "a\x1b[2J\xc2\x9b"
                  "b\xe2\x80\xae"
                  "c\xff\xc3\xa9\n";

    oks_text_show_hidden(text);
    ck_assert_str_eq(text, "a?[2J?b?c?\xc3\xa9?");
}
END_TEST

START_TEST(long_names_are_cut_and_marked)
{
    char raw[600];

    memset(raw, 'n', sizeof(raw));
    ck_assert_uint_eq(strlen(escape((struct oks_slice){raw, 255})), 255);
    ck_assert(memcmp(escape((struct oks_slice){raw, 255}), raw, 255) == 0);
    /* SHA-256 of 256 times 'n' begins with these */
    ck_assert_str_eq(escape((struct oks_slice){raw, 256}) + 238, "~342aaaf5a0fcb18c");
    ck_assert(strcmp(escape((struct oks_slice){raw, 256}), escape((struct oks_slice){raw, 257})) != 0);
}
END_TEST

START_TEST(a_cut_never_goes_through_a_character)
{
    for (size_t before = 230; before < 245; before++) {
        char raw[400] = {0};
        const char *got;
        size_t keep;

        memset(raw, 'n', sizeof(raw) - 1);
        memcpy(raw + before, "\xf0\x9f\x98\x80", 4);
        got = escape_text(raw);
        keep = before < 238 && before + 4 > 238 ? before : 238;
        ck_assert_uint_eq(strlen(got), keep + 17);
        ck_assert_int_eq(got[keep], '~');
        raw[before] = '\xff'; /* four escapes of three bytes: cut between two of them */
        got = escape_text(raw);
        keep = before >= 238 ? 238 : before + 12 <= 238 ? 238 : 238 - (238 - before) % 3;
        ck_assert_uint_eq(strlen(got), keep + 17);
        ck_assert_int_eq(got[keep], '~');
    }
}
END_TEST

/* A raw name that spells the shortened form of another gets a hash of its own. */
START_TEST(nobody_poses_as_a_shortened_name)
{
    char raw[300], posing[OKS_NAME_MAX + 1];

    memset(raw, 'n', sizeof(raw));
    strcpy(posing, escape((struct oks_slice){raw, sizeof(raw)}));
    ck_assert(strcmp(escape_text(posing), posing) != 0);
    ck_assert_uint_le(strlen(escape_text(posing)), OKS_NAME_MAX);
    posing[254] = 'g'; /* no hexadecimal digit: it looks like nothing but itself */
    ck_assert_str_eq(escape_text(posing), posing);
    ck_assert_str_eq(escape_text("short~0123456789abcdef"), "short~0123456789abcdef");
}
END_TEST

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All raw names of up to three bytes of an awkward alphabet: distinct, and fit for a directory. */
START_TEST(escaping_is_injective)
{
    static const char alphabet[] = "\0./%25E\x7f\xc3\xa9\xe2\x82\xac\xff"
                                   "a~";
    enum {
        LETTERS = sizeof(alphabet) - 1,
        NAMES = 1 + LETTERS + LETTERS * LETTERS + LETTERS * LETTERS * LETTERS
    };
    char **names = malloc(NAMES * sizeof(*names));
    size_t n = 0;

    for (size_t len = 0, count = 1; len <= 3; len++, count *= LETTERS)
        for (size_t number = 0; number < count; number++) {
            char raw[3];

            for (size_t i = 0, rest = number; i < len; i++, rest /= LETTERS)
                raw[i] = alphabet[rest % LETTERS];
            names[n++] = strdup(escape((struct oks_slice){raw, len}));
            ck_assert(names[n - 1][0] != '.' && names[n - 1][0] != '\0' && !strchr(names[n - 1], '/'));
        }
    ck_assert_uint_eq(n, NAMES);
    qsort(names, n, sizeof(*names), compare_names);
    for (size_t i = 1; i < n; i++)
        ck_assert_str_ne(names[i - 1], names[i]);
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}
END_TEST

/* What Python 3.11's raw.decode("utf-8", "replace").lower() gives. */
static const char *const folded[][2] = {
    {"", ""},
    {"Team", "team"},
    {"ALPHA-Beta_9", "alpha-beta_9"},
    {"\xc3\x84\xc3\x96\xc3\x9c", "\xc3\xa4\xc3\xb6\xc3\xbc"},
    {"\xce\x91\xce\xa3", "\xce\xb1\xcf\x82"},
    {"\xce\x91\xce\xa3 ", "\xce\xb1\xcf\x82 "},
    {"\xce\x91\xce\xa3\xce\x91", "\xce\xb1\xcf\x83\xce\xb1"},
    {"\xce\xa3", "\xcf\x83"},
    {"\xce\x91\xce\xa3.", "\xce\xb1\xcf\x82."},
    {"\xce\x91\xce\xa3.\xce\x92", "\xce\xb1\xcf\x83.\xce\xb2"},
    {"\xce\x91.\xce\xa3", "\xce\xb1.\xcf\x82"},
    {"\xce\xa3\xce\xa3", "\xcf\x83\xcf\x82"},
    {"1\xce\xa3", "1\xcf\x83"},
    {"\xce\x91\xce\xa3\xcc\x87", "\xce\xb1\xcf\x82\xcc\x87"},
    {"\xce\x91\xce\xa3\xcc\x87\xce\x92", "\xce\xb1\xcf\x83\xcc\x87\xce\xb2"},
    {"\xc4\xb0STANBUL", "i\xcc\x87stanbul"},
    {"\xc4\xb0\xce\xa3", "i\xcc\x87\xcf\x82"},
    {"\xc7\x85", "\xc7\x86"},
    {"\xc8\xba", "\xe2\xb1\xa5"},
    {"\xe1\xba\x9e", "\xc3\x9f"},
    {"\xce\xa9", "\xcf\x89"},
    {"\xf0\x90\x90\x80\xf0\x90\x90\x81", "\xf0\x90\x90\xa8\xf0\x90\x90\xa9"},
    {"\xef\xbc\xa1", "\xef\xbd\x81"},
    {"\xe1\x8f\xa3", "\xea\xae\xb3"},
    {"\xe1\x8f\xb8", "\xe1\x8f\xb8"},
    {"\xd4\xb1", "\xd5\xa1"},
    {"\xe1\xb2\x90", "\xe1\x83\x90"},
    {"\xe2\x92\xb6", "\xe2\x93\x90"},
    {"K", "k"},
    {"\xc3\x85", "\xc3\xa5"},
    {"\xca\xb0\xce\xa3", "\xca\xb0\xcf\x83"},
    {"\xc2\xaa\xce\xa3", "\xc2\xaa\xcf\x82"},
    {"\xef\xac\x81\xce\xa3", "\xef\xac\x81\xcf\x82"},
    {"a\xc2\xad\xce\xa3", "a\xc2\xad\xcf\x82"},
    {"a\xcb\x90\xce\xa3", "a\xcb\x90\xcf\x82"},
    {"\xe4\xb8\xad\xce\xa3", "\xe4\xb8\xad\xcf\x83"},
    {"\xc5\x89\xce\xa3", "\xc5\x89\xcf\x82"},
    {"\"teamName\":\"\xce\x9f\xce\x94\xce\x9f\xce\xa3\"",
     "\"teamname\":\"\xce\xbf\xce\xb4\xce\xbf\xcf\x82\""},
    {"A\xff", "a\xef\xbf\xbd"},
    {"\xc3", "\xef\xbf\xbd"},
    {"\xc3"
     "A",
     "\xef\xbf\xbd"
     "a"},
    {"\xe2\x82", "\xef\xbf\xbd"},
    {"\xe2\x82"
     "A",
     "\xef\xbf\xbd"
     "a"},
    {"\xe2"
     "A",
     "\xef\xbf\xbd"
     "a"},
    {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xf0\x90\x80", "\xef\xbf\xbd"},
    {"\xf0\x80\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xf5\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xce\x91\xce\xa3\xff", "\xce\xb1\xcf\x82\xef\xbf\xbd"},
    {"\xce\x91\xff\xce\xa3", "\xce\xb1\xef\xbf\xbd\xcf\x83"},
    {"\xef\xbf\xbd"
     "A",
     "\xef\xbf\xbd"
     "a"},
};

START_TEST(folding_is_pythons)
{
    for (size_t i = 0; i < sizeof(folded) / sizeof(folded[0]); i++) {
        size_t len = 0;
        char *got = oks_name_fold(oks_slice_of(folded[i][0]), &len);

        ck_assert_ptr_nonnull(got);
        ck_assert_msg(strcmp(got, folded[i][1]) == 0, "%s: %s", folded[i][0], got);
        ck_assert_uint_eq(len, strlen(folded[i][1]));
        free(got);
    }
}
END_TEST

START_TEST(folding_keeps_nuls)
{
    size_t len = 0;
    char *got = oks_name_fold(OKS_SLICE("A\0B"), &len);

    ck_assert_uint_eq(len, 3);
    ck_assert_mem_eq(got, "a\0b", 4);
    free(got);
    got = oks_name_fold((struct oks_slice){NULL, 0}, &len);
    ck_assert_uint_eq(len, 0);
    ck_assert_str_eq(got, "");
    free(got);
}
END_TEST

/* FNV-1a over the folding of every character by itself; the figure is Python's over the same (Unicode 14). */
START_TEST(folding_of_every_character)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (uint32_t code = 1; code < 0x110000; code++) {
        char raw[5] = {0};
        size_t len;
        char *got;

        if (code >= 0xd800 && code <= 0xdfff)
            continue;
        if (code < 0x80) {
            raw[0] = (char)code;
        } else if (code < 0x800) {
            raw[0] = (char)(0xc0 | code >> 6);
            raw[1] = (char)(0x80 | (code & 63));
        } else if (code < 0x10000) {
            raw[0] = (char)(0xe0 | code >> 12);
            raw[1] = (char)(0x80 | (code >> 6 & 63));
            raw[2] = (char)(0x80 | (code & 63));
        } else {
            raw[0] = (char)(0xf0 | code >> 18);
            raw[1] = (char)(0x80 | (code >> 12 & 63));
            raw[2] = (char)(0x80 | (code >> 6 & 63));
            raw[3] = (char)(0x80 | (code & 63));
        }
        got = oks_name_fold(oks_slice_of(raw), &len);
        for (size_t i = 0; i < len; i++)
            hash = (hash ^ (unsigned char)got[i]) * UINT64_C(0x100000001b3);
        free(got);
    }
    ck_assert_uint_eq(hash, UINT64_C(0x3a2b9fe75831d46c));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("names");

    TEST(suite, plain_names_stay);
    TEST(suite, what_is_no_name_is_escaped);
    TEST(suite, hidden_characters_are_shown);
    TEST(suite, long_names_are_cut_and_marked);
    TEST(suite, a_cut_never_goes_through_a_character);
    TEST(suite, nobody_poses_as_a_shortened_name);
    TEST(suite, escaping_is_injective);
    TEST(suite, folding_is_pythons);
    TEST(suite, folding_keeps_nuls);
    TEST(suite, folding_of_every_character);
    return tap_run(suite);
}
