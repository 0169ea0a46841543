/*
 * pi's sessions: that each entry with usage is a request, and that what forks copy is the same one.
 * test_made_agents.py checks the whole program.
 */
#include "source_feed.h"

#define SESSION "01a076d3-ff00-70a5-8603-084bc2addb7c"

/* input, output, cache read, cache write */
struct tokens {
    unsigned n[4];
};

static const struct tokens plain = {{40, 10, 60, 5}};

static void put_session(struct lines *to, const char *id)
{
    put(to,
        "{\"type\":\"session\",\"version\":3,\"id\":\"%s\",\"timestamp\":\"2026-09-06T13:06:40.000Z\","
        "\"cwd\":\"/srv/a.b\"}",
        id);
}

static void put_entry(struct lines *to, const char *type, const char *id, unsigned second, const char *rest)
{
    put(to,
        "{\"type\":\"%s\",\"id\":\"%s\",\"parentId\":null,\"timestamp\":\"2026-09-06T13:07:%02u.000Z\"%s}",
        type, id, second, rest);
}

static const char *usage(struct tokens t)
{
    static char text[256];

    snprintf(text, sizeof(text),
             "\"usage\":{\"input\":%u,\"output\":%u,\"cacheRead\":%u,\"cacheWrite\":%u,\"totalTokens\":9,"
             "\"cost\":{\"input\":7}}",
             t.n[0], t.n[1], t.n[2], t.n[3]);
    return text;
}

static void put_message(struct lines *to, const char *role, const char *id, unsigned second, struct tokens t,
                        const char *rest)
{
    char text[1024];

    snprintf(text, sizeof(text),
             ",\"message\":{\"role\":\"%s\",\"content\":[{\"type\":\"text\",\"text\":\"a "
             "\\\"b\\\"\"}],%s,\"timestamp\":%u%s}",
             role, usage(t), 1788700000 + second, rest);
    put_entry(to, "message", id, second, text);
}

static void put_answer(struct lines *to, const char *id, unsigned second, struct tokens t)
{
    put_message(to, "assistant", id, second, t,
                ",\"model\":\"gpt-5.5\",\"responseId\":\"chatcmpl-mock\",\"stopReason\":\"stop\"");
}

static void counts_are(const struct lines *lines, size_t requests, const char *want)
{
    EACH_ISA(scanner)
    {
        struct feed feed = {.source = OKS_SOURCE_PI, .scanner = scanner};

        feed_to(&feed, lines->bytes, lines->len);
        ck_assert_str_eq(feed_counts(&feed), want);
        ck_assert_uint_eq(feed_now(&feed).n_requests, requests);
        feed_forget(&feed);
    }
}

START_TEST(an_answer_is_a_request)
{
    struct lines l = {0};
    struct feed feed = feed_new(OKS_SOURCE_PI, OKS_ISA_AUTO, NULL);

    put_session(&l, SESSION);
    put_message(&l, "user", "u", 0, plain, ""); /* the usage of a user is none */
    put_answer(&l, "a", 1, plain);
    put_message(&l, "assistant", "b", 2, plain, ",\"model\":\"m\",\"stopReason\":\"aborted\"");
    counts_are(&l, 2, "i=80 o=20 w=10 r=120 u=0");
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed.told.requests[0].model, "gpt-5.5");
    ck_assert_str_eq(feed.told.session, SESSION);
    ck_assert_str_eq(feed.told.cwd, "/srv/a.b");
    ck_assert_str_eq(feed.told.first, "2026-09-06T13:06:40.000Z");
    feed_free(&feed);
}
END_TEST

START_TEST(what_tools_and_summaries_asked_counts_too)
{
    struct lines l = {0};
    char text[1024];

    put_session(&l, SESSION);
    put_message(&l, "toolResult", "a", 1, plain,
                ",\"toolCallId\":\"c\",\"details\":{\"results\":[{\"usage\":{\"input\":99}}],\"usage\":{"
                "\"input\":9}}");
    counts_are(&l, 1, "i=40 o=10 w=5 r=60 u=0");
    put_entry(&l, "compaction", "b", 2, ",\"tokensBefore\":50000");
    snprintf(text, sizeof(text), ",\"tokensBefore\":50000,%s,\"retainedTail\":[{\"role\":\"assistant\",%s}]",
             usage(plain), "\"usage\":{\"input\":77}");
    put_entry(&l, "compaction", "c", 3, text);
    snprintf(text, sizeof(text), ",%s", usage(plain));
    put_entry(&l, "branch_summary", "d", 4, text);
    counts_are(&l, 3, "i=120 o=30 w=15 r=180 u=0");
}
END_TEST

START_TEST(copies_are_the_same_request)
{
    struct lines l = {0};

    put_answer(&l, "a", 1, plain);
    put_answer(&l, "a", 1, plain);
    put_answer(&l, "b", 1, plain);
    put_answer(&l, "a", 2, plain);
    put_answer(&l, "a", 1, (struct tokens){{40, 10, 60, 6}});
    counts_are(&l, 4, "i=200 o=50 w=26 r=300 u=0");
}
END_TEST

START_TEST(the_level_of_thinking_is_that_of_the_last_change)
{
    struct lines l = {0};
    char *memo;

    put_session(&l, SESSION);
    put_entry(&l, "thinking_level_change", "t", 1, ",\"thinkingLevel\":\"high\"");
    memo = feed_memo(OKS_SOURCE_PI, l.bytes, l.len, NULL);
    ck_assert_str_eq(memo, "pi1 high");
    free(memo);
    put_entry(&l, "thinking_level_change", "u", 2,
              ",\"thinkingLevel\":\"one that is much too long for such a level\"");
    memo = feed_memo(OKS_SOURCE_PI, l.bytes, l.len, NULL);
    ck_assert_str_eq(memo, "pi1 -");
    free(memo);
}
END_TEST

START_TEST(tool_calls_are_those_of_the_answer)
{
    struct lines l = {0};

    put_entry(&l, "message", "a", 1,
              ",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"toolCall\",\"id\":\"c\","
              "\"name\":\"bash\","
              "\"arguments\":{\"type\":\"toolCall\"}},{\"type\":\"thinking\",\"name\":\"x\"},{\"type\":"
              "\"toolCall\"}]}");
    counts_are(&l, 0, "i=0 o=0 w=0 r=0 u=2");
}
END_TEST

START_TEST(values_that_are_no_counts_are_told)
{
    struct lines l = {0};
    struct feed feed = feed_new(OKS_SOURCE_PI, OKS_ISA_AUTO, NULL);

    put_entry(
        &l, "message", "a", 1,
        ",\"message\":{\"role\":\"assistant\",\"usage\":{\"input\":\"5\",\"output\":-1,\"cacheRead\":1.5,"
        "\"cacheWrite\":null}}");
    put_entry(&l, "message", "b", 2, ",\"message\":{\"role\":\"assistant\",\"usage\":[1]}");
    feed_to(&feed, l.bytes, l.len);
    ck_assert_uint_eq(feed.odd, 3);
    ck_assert_str_eq(feed_counts(&feed), "i=0 o=0 w=0 r=0 u=0");
    feed_free(&feed);
}
END_TEST

START_TEST(a_growing_session_says_what_a_whole_one_does)
{
    struct lines l = {0};
    char text[1024];

    put_session(&l, SESSION);
    put_entry(&l, "thinking_level_change", "t", 1, ",\"thinkingLevel\":\"high\"");
    put_answer(&l, "a", 2, plain);
    put_answer(&l, "a", 2, plain);
    snprintf(text, sizeof(text), ",\"tokensBefore\":50000,%s", usage(plain));
    put_entry(&l, "compaction", "c", 3, text);
    put_message(&l, "toolResult", "d", 4, plain, "");
    feed_every_cut(OKS_SOURCE_PI, l.bytes, l.len, NULL);
}
END_TEST

START_TEST(which_files_are_sessions)
{
    const struct source *s = &oks_source_pi;
#define STEM "--srv--/2026-09-06T13-07-00-000Z_" SESSION

    ck_assert(s->wants(STEM ".jsonl") && s->wants(STEM "/Task.jsonl") &&
              s->wants(STEM "/r/run-0/session.jsonl"));
    ck_assert(!s->wants("x.jsonl") && !s->wants(STEM ".json"));
    ck_assert(s->enters("--srv--") && s->enters(STEM) && s->enters(STEM "/r/run-0"));
    ck_assert(!s->wants(STEM "/subagent-artifacts/a.jsonl") && !s->wants("--srv--/bridge/a.jsonl"));
    ck_assert(!s->enters(STEM "/subagent-artifacts") && !s->enters(STEM "/bridge"));
    ck_assert(oks_slice_eq(s->id_of(STEM ".jsonl"), OKS_SLICE(SESSION)));
    ck_assert(oks_slice_eq(s->id_of(STEM "/Task.jsonl"), OKS_SLICE("Task")));
    ck_assert(oks_slice_eq(s->parent(STEM "/Task.jsonl"), OKS_SLICE(SESSION)));
    ck_assert(oks_slice_eq(s->parent(STEM "/r/run-0/session.jsonl"), OKS_SLICE(SESSION)));
    ck_assert_ptr_null(s->parent(STEM ".jsonl").ptr);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("scan_pi");

    TEST(s, an_answer_is_a_request);
    TEST(s, what_tools_and_summaries_asked_counts_too);
    TEST(s, copies_are_the_same_request);
    TEST(s, the_level_of_thinking_is_that_of_the_last_change);
    TEST(s, tool_calls_are_those_of_the_answer);
    TEST(s, values_that_are_no_counts_are_told);
    TEST(s, a_growing_session_says_what_a_whole_one_does);
    TEST(s, which_files_are_sessions);
    return tap_run(s);
}
