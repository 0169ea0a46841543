/*
 * Which lines count: each rule of JSON, UTF-8 and white space, on every instruction set and at every place of
 * a block.
 */
#include "scan_text.h"

enum verdict { OBJECT, BAD, EMPTY };

static void expect(struct oks_scanner *s, const char *bytes, size_t len, enum verdict want)
{
    struct oks_scan_result r;
    struct oks_sink sink = {.ctx = NULL, .record = NULL, .team = NULL};
    char *line = malloc(len + 1);

    memcpy(line, bytes, len);
    line[len] = '\n';
    ck_assert_int_eq(oks_scanner_scan_bytes(s, line, len + 1, 0, &sink, &r), 0);
    ck_assert_msg(r.cursor == len + 1 && r.lines == (want != EMPTY) && r.bad == (want == BAD),
                  "%s: %.*s: lines %d bad %d, wanted %d", oks_isa_name(oks_scanner_isa(s)),
                  (int)(len < 200 ? len : 200), bytes, (int)r.lines, (int)r.bad, want);
    free(line);
}

#define LINE(verdict, text)             \
    {                                   \
        verdict, text, sizeof(text) - 1 \
    }
static const struct {
    enum verdict verdict;
    const char *text;
    size_t len;
} lines[] = {
    LINE(EMPTY, ""),
    LINE(EMPTY, " \t\r\v\f "),
    LINE(OBJECT, "{}"),
    LINE(OBJECT, " \v\f{ }\r\v\t\f "),
    LINE(BAD, "[]"),
    LINE(BAD, "1"),
    LINE(BAD, "null"),
    LINE(BAD, "\"a\""),
    LINE(BAD, "{}{}"),
    LINE(BAD, "{} x"),
    LINE(BAD, "{}\0"),
    LINE(BAD, "\0{}"),
    LINE(BAD, "{}\v{}"),
    LINE(BAD, "{\v}"),
    LINE(BAD, "{\"a\":\f1}"),
    LINE(OBJECT, "{\"a\"\r:\t1\r,\"b\" : 2 }"),
    LINE(BAD, "\xef\xbb\xbf{}"),
    LINE(OBJECT, "{\"a\":\"\xef\xbb\xbf\"}"),
    LINE(BAD, "\xc2\xa0{}"),
    LINE(BAD, "{\"a\":\xc3\xa9}"),
    /* grammar */
    LINE(BAD, "{"),
    LINE(BAD, "}"),
    LINE(BAD, "{]"),
    LINE(BAD, "{\"a\"}"),
    LINE(BAD, "{\"a\":}"),
    LINE(BAD, "{\"a\":1,}"),
    LINE(BAD, "{,}"),
    LINE(BAD, "{\"a\":1 \"b\":2}"),
    LINE(BAD, "{\"a\"1}"),
    LINE(BAD, "{\"a\"::1}"),
    LINE(BAD, "{a:1}"),
    LINE(BAD, "{1:2}"),
    LINE(BAD, "{'a':1}"),
    LINE(BAD, "{\"a\":[1,]}"),
    LINE(BAD, "{\"a\":[,]}"),
    LINE(BAD, "{\"a\":[1 2]}"),
    LINE(BAD, "{\"a\":[1}"),
    LINE(BAD, "{\"a\":{]}"),
    LINE(BAD, "{\"a\":[}]"),
    LINE(BAD, "{\"a\":\"b\"c}"),
    LINE(BAD, "{\"a\"b:1}"),
    LINE(BAD, "{\"a\":1\"b\"}"),
    LINE(BAD, "{\"a\":\"b\":1}"),
    LINE(OBJECT, "{\"a\":[[],{},[{\"b\":[]}]]}"),
    LINE(BAD, "{\"a\":1"),
    LINE(BAD, "{\"a\":\"b"),
    LINE(BAD, "{\"a\":\"b\\"),
    LINE(BAD, "{\"a\":1}\\"),
    LINE(BAD, "{\"a\":1}]"),
    LINE(OBJECT, "{\"\":\"\"}"),
    /* words and numbers */
    LINE(OBJECT, "{\"a\":[true,false,null,NaN,Infinity,-Infinity]}"),
    LINE(BAD, "{\"a\":-NaN}"),
    LINE(BAD, "{\"a\":+Infinity}"),
    LINE(BAD, "{\"a\":tru}"),
    LINE(BAD, "{\"a\":truex}"),
    LINE(BAD, "{\"a\":True}"),
    LINE(BAD, "{\"a\":nullnull}"),
    LINE(BAD, "{\"a\":Inf}"),
    LINE(BAD, "{\"a\":nan}"),
    LINE(OBJECT, "{\"a\":[0,-0,1,-1,10,0.5,-0.0,1e5,1E+5,1e-05,0e0,1.25e+300,1e999]}"),
    LINE(BAD, "{\"a\":01}"),
    LINE(BAD, "{\"a\":-01}"),
    LINE(BAD, "{\"a\":00}"),
    LINE(BAD, "{\"a\":1.}"),
    LINE(BAD, "{\"a\":.5}"),
    LINE(BAD, "{\"a\":1.e5}"),
    LINE(BAD, "{\"a\":1e}"),
    LINE(BAD, "{\"a\":1e+}"),
    LINE(BAD, "{\"a\":-}"),
    LINE(BAD, "{\"a\":+1}"),
    LINE(BAD, "{\"a\":0x1}"),
    LINE(BAD, "{\"a\":1_0}"),
    LINE(BAD, "{\"a\":1.5.5}"),
    LINE(BAD, "{\"a\":1-1}"),
    LINE(BAD, "{\"a\":--1}"),
    /* strings */
    LINE(OBJECT, "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uABCD\"}"),
    LINE(BAD, "{\"a\":\"\\x\"}"),
    LINE(BAD, "{\"a\":\"\\'\"}"),
    LINE(BAD, "{\"a\":\"\\u12\"}"),
    LINE(BAD, "{\"a\":\"\\u12g4\"}"),
    LINE(BAD, "{\"a\":\"\\U0000\"}"),
    LINE(BAD, "{\"a\":\"\\u 123\"}"),
    LINE(BAD, "{\"a\":\"\\\x01\"}"),
    LINE(BAD, "{\"a\":\"\\,\"}"),
    LINE(BAD, "{\"a\":\"\\}\"}"),
    LINE(BAD, "{\"a\":\"\\\xc3\xa9\"}"),
    LINE(BAD, "{\"a\":\"\t\"}"),
    LINE(BAD, "{\"a\":\"\r\"}"),
    LINE(BAD, "{\"a\":\"\0\"}"),
    LINE(BAD, "{\"a\":\"\x1f\"}"),
    LINE(OBJECT, "{\"a\":\"\x7f\"}"),
    LINE(BAD, "{\"a\x01\":1}"),
    LINE(BAD, "{\"a\\x\":1}"),
    LINE(BAD, "{\"a\xff\":1}"),
    LINE(OBJECT, "{\"a\":\"\\ud800\"}"),
    LINE(OBJECT, "{\"a\":\"\\udc00\\ud800\"}"),
    LINE(BAD, "{\"a\":\"\xed\xa0\x80\"}"),
};

START_TEST(judges_lines_as_json_loads_does)
{
    EACH_ISA(s)
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        expect(s, lines[i].text, lines[i].len, lines[i].verdict);
}
END_TEST

static char *nested(char open, char close, size_t depth, size_t *len)
{
    char *text = malloc(2 * depth + 8), *o = text;

    o = stpcpy(o, "{\"a\":");
    for (size_t i = 1; i < depth; i++)
        *o++ = open;
    for (size_t i = 1; i < depth; i++)
        *o++ = close;
    *o++ = '}';
    *len = (size_t)(o - text);
    return text;
}

START_TEST(bounds_depth_and_digits)
{
    char big[OKS_INT_DIGITS_MAX + 32];
    size_t len;

    EACH_ISA(s)
    {
        for (size_t depth = OKS_DEPTH_MAX - 1; depth <= OKS_DEPTH_MAX + 1; depth++) {
            char *text = nested('[', ']', depth, &len);

            expect(s, text, len, depth <= OKS_DEPTH_MAX ? OBJECT : BAD);
            free(text);
        }
        for (int digits = OKS_INT_DIGITS_MAX - 1; digits <= OKS_INT_DIGITS_MAX + 1; digits++) {
            int n = snprintf(big, sizeof(big), "{\"a\":-%0*d}", digits, 0);

            memset(strchr(big, '-') + 1, '7', (size_t)digits);
            expect(s, big, (size_t)n, digits <= OKS_INT_DIGITS_MAX ? OBJECT : BAD);
            n = snprintf(big, sizeof(big), "{\"a\":%0*d.5}", digits, 0);
            memset(strchr(big, ':') + 1, '7', (size_t)digits);
            expect(s, big, (size_t)n, OBJECT);
        }
    }
}
END_TEST

/* Compares with a decoder that works the other way round: by code points. */
static bool is_character(const unsigned char *s, int n)
{
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned c = s[0] - lead[n];

    if (s[0] < lead[n] || c >= 1u << (7 - n))
        return false;
    for (int i = 1; i < n; i++) {
        if (s[i] < 0x80 || s[i] > 0xbf)
            return false;
        c = c << 6 | (s[i] & 0x3f);
    }
    return c >= least[n] && c <= 0x10ffff && (c & 0x1ff800) != 0xd800;
}

static void expect_bytes(struct oks_scanner *s, const unsigned char *bytes, int n, int pad)
{
    char line[128];
    char *o = stpcpy(line, "{\"a\":\"");

    memset(o, 'x', (size_t)pad);
    o += pad;
    memcpy(o, bytes, (size_t)n);
    o = stpcpy(o + n, "\"}");
    expect(s, line, (size_t)(o - line), is_character(bytes, n) ? OBJECT : BAD);
}

START_TEST(validates_utf8_at_block_borders)
{
    static const unsigned char second[] = {0x7e, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2};
    unsigned char c[4];

    EACH_ISA(s)
    {
        for (int lead = 0x80; lead < 0x100; lead++) {
            for (size_t i = 0; i < sizeof(second); i++) {
                /* The character begins at 54 ... 59 + 6: before, on and behind the border at 64. */
                for (int pad = 54; pad < 60; pad++) {
                    c[0] = (unsigned char)lead;
                    c[1] = second[i];
                    if (lead < 0xe0)
                        expect_bytes(s, c, 2, pad);
                    for (int end = 0x7e; end <= 0xc2; end += 0x22) {
                        c[2] = c[3] = (unsigned char)(end == 0xa0 ? 0x80 : end);
                        if (lead >= 0xe0)
                            expect_bytes(s, c, lead < 0xf0 ? 3 : 4, pad);
                        c[2] = 0xbf;
                        if (lead >= 0xf0)
                            expect_bytes(s, c, 4, pad);
                    }
                }
            }
        }
    }
}
END_TEST

START_TEST(follows_runs_of_backslashes)
{
    char line[512];

    EACH_ISA(s)
    {
        for (int pad = 0; pad < 70; pad++) {
            for (int run = 0; run < 140; run += run < 6 ? 1 : 19) {
                char *o = line + sprintf(line, "{\"%*s", pad, "");

                memset(o, '\\', (size_t)run);
                strcpy(o + run, "\":1}");
                expect(s, line, strlen(line), run % 2 ? BAD : OBJECT);
                strcpy(o + run, "\"\":1}");
                expect(s, line, strlen(line), run % 2 ? OBJECT : BAD);
                strcpy(o + run, "n\":1}");
                expect(s, line, strlen(line), OBJECT);
                strcpy(o + run, "x\":1}");
                expect(s, line, strlen(line), run % 2 ? BAD : OBJECT);
                strcpy(o + run, "\x01\":1}");
                expect(s, line, strlen(line), BAD);
            }
        }
    }
}
END_TEST

START_TEST(puts_every_piece_on_every_place_of_a_block)
{
    static const struct {
        const char *text;
        enum verdict verdict;
    } pieces[] = {
        {"\\n", OBJECT},
        {"\\u00e9", OBJECT},
        {"\\u00g9", BAD},
        {"\\u00e", BAD},
        {"\x01", BAD},
        {"\\x", BAD},
        {"\",\"b\":\"", OBJECT},
        {"\",\"b\":\"\",", BAD},
        {"\"", BAD},
        {"\xe2\x82\xac", OBJECT},
        {"\xe2\x82", BAD},
        {"\xf0\x9f\x98\x80", OBJECT},
        {"\xf0\x9f\x98", BAD},
        {"\xa9", BAD},
        {"\",\"b\":-12.5e+3,\"c\":\"", OBJECT},
        {"\",\"b\":-12.5e+,\"c\":\"", BAD},
        {"\",\"b\":true,\"c\":\"", OBJECT},
        {"\",\"b\":trus,\"c\":\"", BAD},
    };
    char line[512];

    EACH_ISA(s)
    {
        for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
            for (int pad = 0; pad < 132; pad++) {
                sprintf(line, "{\"a\":\"%*s%s\"}", pad, "", pieces[i].text);
                expect(s, line, strlen(line), pieces[i].verdict);
                sprintf(line, "{\"a\":\"%*s%s%70s\"}", pad, "", pieces[i].text, "");
                expect(s, line, strlen(line), pieces[i].verdict);
            }
        }
    }
}
END_TEST

START_TEST(one_bad_line_does_not_spoil_the_next)
{
    static const char *const wrong[] = {"{\"a\":\"b", "{\"a\":\"b\\",          "{\"a\":1}\\",
                                        "\"",         "{\"a\":\"\xf0\x9f\x98", "\xe2",
                                        "tru",        "{\"a\":\"\x01"};
    struct oks_scan_result r;
    char text[1024];

    EACH_ISA(s)
    {
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            for (int pad = 0; pad < 66; pad++) {
                struct oks_sink none = {.ctx = NULL, .record = NULL, .team = NULL};
                int n =
                    sprintf(text, "%*s%s\n{\"x\":\"y\"}\n%s\n\n{\"x\":\"y\"}\n", pad, "", wrong[i], wrong[i]);

                ck_assert_int_eq(oks_scanner_scan_bytes(s, text, (size_t)n, 0, &none, &r), 0);
                ck_assert_uint_eq(r.lines, 4);
                ck_assert_uint_eq(r.bad, 2);
            }
        }
    }
}
END_TEST

/* Every order of a few pieces of JSON, right or wrong, as a line: what stands in each gap is what the quick
 * readers must not overlook. */
static const char *const pieces[] = {"{", "}", "[", "]", ":", ",", "\"", "\\\"", " ", "1", "\"a\"", "\x01"};

enum { PIECES = sizeof(pieces) / sizeof(pieces[0]), PIECES_PER_LINE = 4 };

static size_t put_orders(char *out, const char *before, const char *behind)
{
    size_t len = 0, orders = 1;

    for (int i = 0; i < PIECES_PER_LINE; i++)
        orders *= PIECES;
    for (size_t order = 0; order < orders; order++) {
        size_t rest = order;

        len += strlen(strcpy(out + len, before));
        for (int i = 0; i < PIECES_PER_LINE; i++, rest /= PIECES)
            len += strlen(strcpy(out + len, pieces[rest % PIECES]));
        len += strlen(strcpy(out + len, behind));
        out[len++] = '\n';
    }
    return len;
}

struct accepted {
    uint64_t n, digest;
};

static int add_accepted(void *ctx, const struct oks_record *record, bool complete)
{
    struct accepted *accepted = ctx;

    accepted->n++;
    accepted->digest = (accepted->digest ^ record->offset) * UINT64_C(0x9e3779b97f4a7c15);
    return 0;
}

START_TEST(agrees_on_every_order_of_pieces)
{
    static const char *const around[][2] = {
        {"{", "}"},        {"{\"a\":", "}"}, {"{\"a\":[", "]}"}, {"{\"type\":\"", "}"},
        {"", "{\"a\":1}"}, {"{\"a\":1", ""},
    };
    char *text = malloc((size_t)2 << 20);

    for (size_t a = 0; a < sizeof(around) / sizeof(around[0]); a++) {
        size_t len = put_orders(text, around[a][0], around[a][1]);
        struct accepted first = {0};

        for (size_t i = 0; i < sizeof(text_isas) / sizeof(text_isas[0]); i++) {
            struct oks_scanner *s = text_scanner(text_isas[i]);
            struct accepted found = {0};
            struct oks_sink sink = {.ctx = &found, .record = add_accepted};
            struct oks_scan_result result;

            if (!s)
                continue;
            ck_assert_int_eq(oks_scanner_scan_bytes(s, text, len, 0, &sink, &result), 0);
            ck_assert_uint_gt(found.n, 0);
            if (i == 0)
                first = found;
            ck_assert_uint_eq(found.n, first.n);
            ck_assert_uint_eq(found.digest, first.digest);
            oks_scanner_free(s);
        }
    }
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scanner");

    TEST(suite, judges_lines_as_json_loads_does);
    TEST(suite, bounds_depth_and_digits);
    TEST(suite, validates_utf8_at_block_borders);
    TEST(suite, follows_runs_of_backslashes);
    TEST(suite, puts_every_piece_on_every_place_of_a_block);
    TEST(suite, one_bad_line_does_not_spoil_the_next);
    TEST(suite, agrees_on_every_order_of_pieces);
    return tap_run(suite);
}
