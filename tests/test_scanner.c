/*
 * What a line means: which lines count, and what is taken from them, the same on every instruction set.
 */
#include "scan_text.h"

enum verdict { OBJECT, BAD, EMPTY };

static void expect(struct oks_scanner *s, const char *bytes, size_t len, enum verdict want)
{
    struct oks_scan_result r;
    struct oks_sink sink = {NULL, NULL, NULL};
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
                struct oks_sink none = {NULL, NULL, NULL};
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

/* One line in, the text of its record out (but for offset and length). */
static void expect_record(const char *line, const char *want)
{
    struct oks_scan_result r;
    char *with_end, *whole, *text;

    ck_assert_int_gt(asprintf(&with_end, "%s\n", line), 0);
    ck_assert_int_gt(asprintf(&whole, "0+%zu %s\n", strlen(line), want), 0);
    EACH_ISA(s)
    {
        text = text_of(s, with_end, strlen(with_end), &r);
        ck_assert_str_eq(text, whole);
        ck_assert_uint_eq(r.bad, 0);
        free(text);
    }
    free(whole);
    free(with_end);
}

#define WHOLE_USAGE(n)                                                                          \
    "{\"input_tokens\":1" n ",\"output_tokens\":2" n ",\"cache_creation_input_tokens\":3" n     \
    ",\"cache_read_input_tokens\":4" n ",\"cache_creation\":{\"ephemeral_5m_input_tokens\":5" n \
    ",\"ephemeral_1h_input_tokens\":6" n "},\"server_tool_use\":{\"web_search_requests\":7" n   \
    "},\"speed\":\"fast\",\"inference_geo\":\"us\",\"service_tier\":\"batch\""
#define WHOLE_USAGE_TEXT(n)                                                   \
    " usage{ i=1" n " o=2" n " c=3" n " c5=5" n " c1=6" n " r=4" n " web=7" n \
    " speed=<fast> geo=<us> tier=<batch> }"

#define WHOLE                                                                                                \
    "{\"type\":\"assistant\",\"timestamp\":\"2026\",\"agentName\":\"w\",\"sessionId\":\"s\",\"uuid\":\"u\"," \
    "\"requestId\":\"q\",\"agentId\":\"a\",\"cwd\":\"/c\",\"version\":\"2\",\"subtype\":\"st\","             \
    "\"isSidechain\":true,\"isApiErrorMessage\":true,\"isCompactSummary\":true,\"message\":{\"id\":\"m\","   \
    "\"model\":\"x\",\"stop_reason\":\"e\",\"content\":[{\"type\":\"tool_use\",\"input\":{\"type\":\"no\"}}" \
    ","                                                                                                      \
    "{\"type\":\"text\"},\"tool_use\",{\"x\":[{\"type\":\"tool_use\"}],\"type\":\"tool_use\"}],"             \
    "\"usage\":" WHOLE_USAGE(                                                                                \
        "1") ",\"iterations\":[{\"type\":\"message\",\"input_tokens\":9},{\"model\":\"adv\","                \
             "\"type\":\"advisor_message\",\"input_tokens\":8,\"cache_creation_input_tokens\":3}]}}}"
#define WHOLE_TEXT                                                                                \
    "type=1 t=<2026> agent=<w> session=<s> uuid=<u> request=<q> agentid=<a> cwd=</c> version=<2>" \
    " subtype=<st> side error summary id=<m> model=<x> stop=<e>" WHOLE_USAGE_TEXT(                \
        "1") " tools=2"                                                                           \
             " advisor model=<adv> usage{ i=8 c=3 c5=3 }"

START_TEST(takes_every_field)
{
    expect_record(WHOLE, WHOLE_TEXT);
    expect_record("{}", "type=0");
    expect_record(
        "{\"type\":\"progress\",\"data\":{\"type\":\"agent_progress\",\"message\":{\"uuid\":\"u\","
        "\"requestId\":\"q\","
        "\"timestamp\":\"t\",\"message\":{\"id\":\"i\",\"model\":\"m\",\"stop_reason\":\"s\","
        "\"usage\":" WHOLE_USAGE("2") "}}}}}",
        "type=4 nested{ uuid=<u> request=<q> t=<t> id=<i> model=<m> stop=<s>" WHOLE_USAGE_TEXT("2") " }");
    expect_record("{\"type\":\"system\",\"compactMetadata\":{\"trigger\":\"auto\",\"preTokens\":5}}",
                  "type=3 trigger=<auto> pre=5");
    expect_record("{\"type\":\"system\",\"microcompactMetadata\":{\"trigger\":\"manual\",\"preTokens\":6}}",
                  "type=3 trigger=<manual> pre=6");
    expect_record("{\"type\":\"user\"}", "type=2");
    expect_record("{\"type\":\"attachment\"}", "type=5");
    expect_record("{\"type\":\"summary\"}", "type=6");
    expect_record("{\"type\":\"mode\"}", "type=0");
}
END_TEST

/* The same line with the first letter of each key, or of each string, written as an escape. */
static char *disguise(const char *line, bool values)
{
    char *out = malloc(6 * strlen(line) + 1), *o = out;
    bool open = false;

    for (const char *s = line; *s; s++) {
        const char *end = *s == '"' && !open ? strchr(s + 1, '"') : NULL;

        *o++ = *s;
        if (*s == '"')
            open = !open;
        if (end && end > s + 1 && (end[1] != ':') == values)
            o += sprintf(o, "\\u%04X", (unsigned)*++s);
    }
    *o = '\0';
    return out;
}

START_TEST(reads_escaped_keys_and_values)
{
    char *keys = disguise(WHOLE, false), *values = disguise(WHOLE, true), *both = disguise(keys, true);

    ck_assert_ptr_nonnull(strstr(keys, "\\u0074imestamp"));
    ck_assert_ptr_nonnull(strstr(values, "\"type\":\"\\u0061ssistant\""));
    expect_record(keys, WHOLE_TEXT);
    expect_record(values, WHOLE_TEXT);
    expect_record(both, WHOLE_TEXT);
    free(keys);
    free(values);
    free(both);
}
END_TEST

START_TEST(unescapes)
{
    expect_record("{\"cwd\":\"a\\n\\t\\\"\\\\\\/\\b\\f\\r\\u0000\\u0041\"}",
                  "type=0 cwd=<a%0a%09\"\\/%08%0c%0d%00A>");
    expect_record("{\"cwd\":\"\\u00e9\\u20ac\\ud83d\\ude00\"}", "type=0 cwd=<%c3%a9%e2%82%ac%f0%9f%98%80>");
    expect_record("{\"cwd\":\"\\ud83d\\u0041\\ude00\\ud83d\"}", "type=0 cwd=<%ef%bf%bdA%ef%bf%bd%ef%bf%bd>");
    expect_record("{\"cwd\":\"\\ud83d\\ud83d\\ude00\"}", "type=0 cwd=<%ef%bf%bd%f0%9f%98%80>");
    expect_record("{\"cwd\":\"\\uD83D\\uDE00\",\"uuid\":\"\\u0031\"}", "type=0 uuid=<1> cwd=<%f0%9f%98%80>");
}
END_TEST

#define USAGE(text) "{\"message\":{\"usage\":" text "}}"

START_TEST(counts_what_is_a_count)
{
    static const struct {
        const char *value, *want;
    } values[] = {
        {"0", ""},
        {"-0", ""},
        {"null", ""},
        {"1", " i=1"},
        {"9223372036854775807", " i=9223372036854775807"},
        {"9223372036854775808", "odd"},
        {"18446744073709551617", "odd"},
        {"100000000000000000000", "odd"},
        {"-1", "odd"},
        {"1.0", "odd"},
        {"1e2", "odd"},
        {"-0.0", "odd"},
        {"NaN", "odd"},
        {"\"1\"", "odd"},
        {"true", "odd"},
        {"false", "odd"},
        {"[]", "odd"},
        {"{}", "odd"},
        {"{\"input_tokens\":5}", "odd"},
        {"[5]", "odd"},
    };
    char line[256], want[256];

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        bool odd = strcmp(values[i].want, "odd") == 0;

        sprintf(line, USAGE("{\"input_tokens\":%s}"), values[i].value);
        sprintf(want, "type=0 usage{%s }%s", odd ? "" : values[i].want, odd ? " odd=1" : "");
        expect_record(line, want);
    }
}
END_TEST

START_TEST(splits_cache_creation)
{
    expect_record(USAGE("{\"cache_creation_input_tokens\":9}"), "type=0 usage{ c=9 c5=9 }");
    expect_record(USAGE("{\"cache_creation_input_tokens\":9,\"cache_creation\":{}}"),
                  "type=0 usage{ c=9 c5=9 }");
    expect_record(USAGE("{\"cache_creation_input_tokens\":9,\"cache_creation\":null}"),
                  "type=0 usage{ c=9 c5=9 }");
    expect_record(
        USAGE("{\"cache_creation\":{\"ephemeral_5m_input_tokens\":null,\"ephemeral_1h_input_tokens\":null},"
              "\"cache_creation_input_tokens\":9}"),
        "type=0 usage{ c=9 c5=9 }");
    expect_record(
        USAGE("{\"cache_creation\":{\"ephemeral_1h_input_tokens\":4},\"cache_creation_input_tokens\":9}"),
        "type=0 usage{ c=9 c1=4 }");
    expect_record(
        USAGE("{\"cache_creation_input_tokens\":9,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0}}"),
        "type=0 usage{ c=9 }");
    expect_record(
        USAGE("{\"cache_creation_input_tokens\":9,\"cache_creation\":{\"ephemeral_5m_input_tokens\":\"x\"}}"),
        "type=0 usage{ c=9 } odd=1");
}
END_TEST

START_TEST(lets_the_last_of_repeated_keys_win)
{
    expect_record("{\"type\":\"user\",\"type\":\"assistant\",\"uuid\":\"a\",\"uuid\":1}", "type=1");
    expect_record("{\"message\":{\"id\":\"a\",\"model\":\"b\",\"usage\":{\"input_tokens\":\"x\"},"
                  "\"timestamp\":\"t\"},\"message\":{\"id\":\"c\"}}",
                  "type=0 id=<c>");
    expect_record("{\"message\":{\"id\":\"a\",\"content\":[{\"type\":\"tool_use\"}]},\"message\":null}",
                  "type=0");
    expect_record(USAGE("{\"input_tokens\":\"x\",\"input_tokens\":3}"), "type=0 usage{ i=3 }");
    expect_record(USAGE("{\"input_tokens\":3,\"input_tokens\":\"x\"}"), "type=0 usage{ } odd=1");
    expect_record(USAGE("{\"input_tokens\":3},\"usage\":{\"output_tokens\":4}"), "type=0 usage{ o=4 }");
    expect_record(USAGE("{\"input_tokens\":3},\"usage\":[1]"), "type=0");
    expect_record(USAGE("{\"cache_creation\":{\"ephemeral_5m_input_tokens\":1},\"cache_creation\":{"
                        "\"ephemeral_1h_input_tokens\":2}}"),
                  "type=0 usage{ c1=2 }");
    expect_record(
        USAGE("{\"iterations\":[{\"type\":\"advisor_message\",\"input_tokens\":-1}],\"iterations\":{}}"),
        "type=0 usage{ }");
    expect_record("{\"message\":{\"content\":[{\"type\":\"tool_use\"}],\"content\":[{\"type\":\"tool_use\","
                  "\"type\":\"x\"},{\"type\":\"tool_use\"}]}}",
                  "type=0 tools=1");
    expect_record("{\"type\":\"progress\",\"data\":{\"type\":\"agent_progress\",\"message\":{\"uuid\":\"u\"}}"
                  ",\"data\":{\"type\":\"agent_progress\"}}",
                  "type=4");
}
END_TEST

START_TEST(ignores_values_of_other_types)
{
    expect_record("{\"timestamp\":\"\",\"message\":{\"timestamp\":\"m\"}}", "type=0 t=<m>");
    expect_record("{\"message\":{\"timestamp\":\"m\"},\"timestamp\":\"top\"}", "type=0 t=<top>");
    expect_record("{\"timestamp\":5,\"message\":{\"timestamp\":\"\"}}", "type=0");
    expect_record(
        "{\"message\":[{\"id\":\"x\"}],\"cwd\":\"\",\"isSidechain\":1,\"isApiErrorMessage\":\"true\"}",
        "type=0");
    expect_record(
        "{\"message\":{\"id\":\"\",\"model\":null,\"content\":{\"type\":\"tool_use\"},\"usage\":null}}",
        "type=0 id=<>");
    expect_record("{\"type\":\"user\",\"data\":{\"type\":\"agent_progress\",\"message\":{\"uuid\":\"u\"}}}",
                  "type=2");
    expect_record(
        "{\"data\":{\"message\":{\"uuid\":\"u\"},\"type\":\"agent_progress\"},\"type\":\"progress\"}",
        "type=4 nested{ uuid=<u> }");
    expect_record(
        "{\"type\":\"progress\",\"data\":{\"type\":\"bash_progress\",\"message\":{\"uuid\":\"u\"}}}",
        "type=4");
    expect_record("{\"type\":\"user\",\"compactMetadata\":{\"trigger\":\"auto\",\"preTokens\":5}}", "type=2");
    expect_record("{\"x\":{\"type\":\"user\",\"message\":{\"id\":\"no\"}},\"y\":[{\"uuid\":\"no\"}]}",
                  "type=0");
}
END_TEST

START_TEST(keeps_so_many_advisors)
{
    char line[4096] = "{\"message\":{\"usage\":{\"iterations\":[0", want[4096] = "type=0 usage{ }";

    for (int i = 0; i < OKS_ADVISORS_MAX + 3; i++) {
        sprintf(line + strlen(line), ",{\"type\":\"advisor_message\",\"model\":\"m%d\",\"output_tokens\":%s}",
                i, i ? "2" : "-2");
        if (i < OKS_ADVISORS_MAX)
            sprintf(want + strlen(want), " advisor model=<m%d> usage{%s }", i, i ? " o=2" : "");
    }
    strcat(line, "]}}}");
    strcat(want, " dropped=3 odd=1");
    expect_record(line, want);
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
    TEST(suite, takes_every_field);
    TEST(suite, reads_escaped_keys_and_values);
    TEST(suite, unescapes);
    TEST(suite, counts_what_is_a_count);
    TEST(suite, splits_cache_creation);
    TEST(suite, lets_the_last_of_repeated_keys_win);
    TEST(suite, ignores_values_of_other_types);
    TEST(suite, keeps_so_many_advisors);
    return tap_run(suite);
}
