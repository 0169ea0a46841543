/*
 * What is taken from a line, the same on every instruction set.
 */
#include "scan_text.h"

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
    " subtype=<st> side error summary id=<m> foreign model=<x> stop=<e>" WHOLE_USAGE_TEXT(        \
        "1") " tools=2"                                                                           \
             " message usage{ i=9 } advisor model=<adv> usage{ i=8 c=3 c5=3 }"

START_TEST(takes_every_field)
{
    expect_record(WHOLE, WHOLE_TEXT);
    expect_record("{}", "type=0");
    expect_record(
        "{\"type\":\"progress\",\"data\":{\"type\":\"agent_progress\",\"message\":{\"uuid\":\"u\","
        "\"requestId\":\"q\","
        "\"timestamp\":\"t\",\"message\":{\"id\":\"i\",\"model\":\"m\",\"stop_reason\":\"s\","
        "\"usage\":" WHOLE_USAGE("2") "}}}}}",
        "type=4 nested{ uuid=<u> request=<q> t=<t> id=<i> foreign model=<m> stop=<s>" WHOLE_USAGE_TEXT(
            "2") " }");
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

/* The line with the key at `from` (its first byte) given another name. */
static char *rename_key(const char *line, size_t from, size_t len, const char *name)
{
    char *out;

    ck_assert_int_gt(asprintf(&out, "%.*s%s%s\n", (int)from, line, name, line + from + len), 0);
    return out;
}

static void expect_same_text(const char *line, const char *other)
{
    struct oks_scan_result r;

    EACH_ISA(s)
    {
        char *text = text_of(s, line, strlen(line), &r), *other_text = text_of(s, other, strlen(other), &r);

        ck_assert_msg(strcmp(strchrnul(text, ' '), strchrnul(other_text, ' ')) == 0, "%s is read as %s", line,
                      text);
        free(text);
        free(other_text);
    }
}

/* No name that is nearly one of ours is one: too short, too long, or with another byte anywhere. */
static void expect_only_whole_key(const char *line, size_t from, size_t len)
{
    char *without = rename_key(line, from, len, "-"), *near, name[64];

    for (size_t i = 0; i <= len + 2; i++) {
        memcpy(name, line + from, len);
        name[len] = '\0';
        if (i < len)
            name[i] = '#';
        else if (i == len)
            name[len - 1] = '\0';
        else
            strcat(name, i == len + 1 ? "#" : "\\u0000");
        near = rename_key(line, from, len, name);
        expect_same_text(near, without);
        free(near);
    }
    free(without);
}

START_TEST(takes_no_other_key_for_one)
{
    char name[101] = "";

    for (const char *s = WHOLE, *end; *s; s = end + 1) {
        s = strchr(s, '"');
        if (!s)
            break;
        end = strchr(s + 1, '"');
        if (end[1] == ':')
            expect_only_whole_key(WHOLE, (size_t)(s + 1 - WHOLE), (size_t)(end - s) - 1);
    }
    for (size_t len = 0; len < sizeof(name); len++) {
        char *line = rename_key("{\"cwd\":\"/c\",\"-\":\"/d\"}", strlen("{\"cwd\":\"/c\",\""), 1, name);

        expect_same_text(line, "{\"-\":\"/d\",\"cwd\":\"/c\"}\n");
        free(line);
        name[len] = len + 1 < sizeof(name) ? 'c' : '\0';
    }
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

START_TEST(keeps_so_many_steps)
{
    char line[4096] = "{\"message\":{\"usage\":{\"iterations\":[0", want[4096] = "type=0 usage{ }";

    for (int i = 0; i < OKS_STEPS_MAX + 3; i++) {
        sprintf(line + strlen(line), ",{\"type\":\"advisor_message\",\"model\":\"m%d\",\"output_tokens\":%s}",
                i, i ? "2" : "-2");
        if (i < OKS_STEPS_MAX)
            sprintf(want + strlen(want), " advisor model=<m%d> usage{%s }", i, i ? " o=2" : "");
    }
    strcat(line, "]}}}");
    strcat(want, " dropped=3 odd=1");
    expect_record(line, want);
}
END_TEST

START_TEST(tells_the_steps_apart)
{
    expect_record(
        USAGE("{\"iterations\":[{\"type\":\"compaction\",\"input_tokens\":1},{\"type\":\"message\"},"
              "{\"type\":\"other\",\"input_tokens\":2},{\"input_tokens\":3},[],"
              "{\"type\":\"fallback_message\",\"model\":\"b\",\"output_tokens\":4}]}"),
        "type=0 usage{ } compaction usage{ i=1 } message usage{ } fallback model=<b> usage{ o=4 }");
    expect_record(USAGE("{\"iterations\":[{\"type\":\"message\",\"input_tokens\":-1},"
                        "{\"type\":\"compaction\",\"input_tokens\":-1}]}"),
                  "type=0 usage{ } message usage{ } compaction usage{ } odd=1");
}
END_TEST

START_TEST(tells_whose_an_id_is)
{
    static const char *const vendors[] = {"msg_01ABCDEFGHIJKLMNOPQR", "msg_bdrk_abcdefghijklmnopqrst",
                                          "msg_vrtx_01234567890123456789",
                                          "msg_01ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"};
    static const char *const others[] = {"msg_01ABCDEFGHIJKLMNOPQ",
                                         "relay",
                                         "msg_1788256800000",
                                         "msg_bdrk_abcdefghijklmnopqrs",
                                         "msg_",
                                         "chatcmpl-01ABCDEFGHIJKLMNOPQR",
                                         "MSG_01ABCDEFGHIJKLMNOPQR",
                                         "msg_01ABCDEFGHIJ-KLMNOPQRSTU",
                                         "msg_bdrk-abcdefghijklmnopqrst",
                                         "msg_vrtx_"};
    char line[256], want[256];

    for (size_t i = 0; i < sizeof(vendors) / sizeof(*vendors); i++) {
        sprintf(line, "{\"message\":{\"id\":\"%s\",\"usage\":{}}}", vendors[i]);
        sprintf(want, "type=0 id=<%s> usage{ }", vendors[i]);
        expect_record(line, want);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        sprintf(line, "{\"message\":{\"usage\":{},\"id\":\"%s\"}}", others[i]);
        sprintf(want, "type=0 id=<%s> foreign usage{ }", others[i]);
        expect_record(line, want);
    }
}
END_TEST

#define CONTENT(text) "{\"message\":{\"content\":[" text "]}"

START_TEST(takes_web_searches)
{
    expect_record(
        CONTENT("{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"WebSearch\"},"
                "{\"name\":\"WebSearch\",\"id\":\"t2\",\"type\":\"tool_use\"},"
                "{\"type\":\"tool_use\",\"id\":\"t3\",\"name\":\"WebFetch\"},"
                "{\"type\":\"tool_use\",\"id\":\"\",\"name\":\"WebSearch\"},"
                "{\"type\":\"server_tool_use\",\"id\":\"t4\",\"name\":\"WebSearch\"}") "}",
        "type=0 tools=4 tool=<WebSearch> tool=<WebSearch> tool=<WebFetch> tool=<WebSearch> search=<t1> "
        "search=<t2>");
    expect_record(
        CONTENT("{\"type\":\"tool_result\",\"tool_use_id\":\"t1\"},"
                "{\"type\":\"tool_result\",\"tool_use_id\":\"t2\"}") ",\"toolUseResult\":"
                                                                     "{\"query\":\"q\",\"searchCount\":3,"
                                                                     "\"results\":[{\"searchCount\":9}]}}",
        "type=0 result of=<t1> searched=3");
    expect_record(CONTENT("{\"type\":\"tool_result\"}") ",\"toolUseResult\":{\"searchCount\":-3}}",
                  "type=0 result");
    expect_record(CONTENT("") ",\"toolUseResult\":{\"searchCount\":3},\"toolUseResult\":\"text\"}", "type=0");
    expect_record("{\"message\":{\"content\":[{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"WebSearch\"}],"
                  "\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t2\"}]}}",
                  "type=0 result of=<t2>");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scanner_fields");

    TEST(suite, takes_every_field);
    TEST(suite, reads_escaped_keys_and_values);
    TEST(suite, takes_no_other_key_for_one);
    TEST(suite, unescapes);
    TEST(suite, counts_what_is_a_count);
    TEST(suite, splits_cache_creation);
    TEST(suite, lets_the_last_of_repeated_keys_win);
    TEST(suite, ignores_values_of_other_types);
    TEST(suite, keeps_so_many_steps);
    TEST(suite, tells_the_steps_apart);
    TEST(suite, tells_whose_an_id_is);
    TEST(suite, takes_web_searches);
    return tap_run(suite);
}
