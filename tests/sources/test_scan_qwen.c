/*
 * Qwen Code's chats: that each response counts once, whichever of its two lines are there. test_agents.py
 * checks the whole program over samples.
 */
#include "source_feed.h"

#define SESSION "5ab10000-0000-4000-8000-000000000001"
#define MODEL   "qwen3-coder-plus"

/* prompt, output, cached, thoughts, total */
struct tokens {
    unsigned n[5];
};

static const struct tokens plain = {{100, 10, 60, 4, 110}};

static void put_line(struct lines *to, const char *uuid, unsigned second, const char *type, const char *rest)
{
    put(to,
        "{\"uuid\":\"%s\",\"parentUuid\":null,\"sessionId\":\"" SESSION
        "\",\"timestamp\":\"2026-08-05T18:40:%02u.000Z\",\"type\":\"%s\",\"cwd\":\"/"
        "work\",\"version\":\"0.21.6\","
        "\"gitBranch\":\"main\"%s}",
        uuid, second, type, rest);
}

static void put_user(struct lines *to, const char *uuid, unsigned second)
{
    put_line(to, uuid, second, "user",
             ",\"message\":{\"role\":\"user\",\"parts\":[{\"text\":\"a \\\"b\\\"\"}]}");
}

/* The event of a response; `prompt` is the end of its prompt's id. */
static void put_event_of(struct lines *to, const char *uuid, unsigned second, struct tokens t,
                         const char *prompt)
{
    char text[1024];

    snprintf(text, sizeof(text),
             ",\"subtype\":\"ui_telemetry\",\"systemPayload\":{\"uiEvent\":{\"event.name\":\"qwen-code.api_"
             "response\","
             "\"event.timestamp\":\"2026-08-05T18:40:%02u.000Z\",\"response_id\":\"chatcmpl-mock\",\"model\":"
             "\"" MODEL "\",\"status_code\":200,\"input_token_count\":%u,\"output_token_count\":%u,"
             "\"cached_content_token_count\":%u,\"thoughts_token_count\":%u,\"total_token_count\":%u,"
             "\"prompt_id\":\"" SESSION "%s\"}}",
             second, t.n[0], t.n[1], t.n[2], t.n[3], t.n[4], prompt);
    put_line(to, uuid, second, "system", text);
}

static void put_event(struct lines *to, const char *uuid, unsigned second, struct tokens t)
{
    put_event_of(to, uuid, second, t, "########1");
}

static void put_answer(struct lines *to, const char *uuid, unsigned second, struct tokens t, unsigned calls)
{
    char list[256] = "", text[1024], *p = list;

    for (unsigned i = 0; i < calls; i++)
        p += sprintf(p, ",{\"functionCall\":{\"id\":\"c%u\",\"name\":\"read_file\",\"args\":{}}}", i);
    snprintf(text, sizeof(text),
             ",\"model\":\"" MODEL
             "\",\"message\":{\"role\":\"model\",\"parts\":[{\"text\":\"t\",\"thought\":true}%s]},"
             "\"usageMetadata\":{\"promptTokenCount\":%u,\"candidatesTokenCount\":%u,"
             "\"cachedContentTokenCount\":%u,"
             "\"thoughtsTokenCount\":%u,\"totalTokenCount\":%u},\"contextWindowSize\":262144",
             list, t.n[0], t.n[1], t.n[2], t.n[3], t.n[4]);
    put_line(to, uuid, second, "assistant", text);
}

static void counts_are(const struct lines *lines, size_t requests, const char *want)
{
    EACH_ISA(scanner)
    {
        struct feed feed = {.source = OKS_SOURCE_QWEN, .scanner = scanner};

        feed_to(&feed, lines->bytes, lines->len);
        ck_assert_str_eq(feed_counts(&feed), want);
        ck_assert_uint_eq(feed_now(&feed).n_requests, requests);
        feed_forget(&feed);
    }
}

START_TEST(cached_tokens_are_no_input)
{
    struct lines l = {0};
    struct feed feed = feed_new(OKS_SOURCE_QWEN, OKS_ISA_AUTO, NULL);

    put_user(&l, "u", 0);
    put_event(&l, "a", 1, plain);
    counts_are(&l, 1, "i=40 o=10 w=0 r=60 u=0");
    put_event(&l, "b", 2, (struct tokens){{10, 1, 30, 0, 11}}); /* more cached than there is: no wrap */
    counts_are(&l, 2, "i=40 o=11 w=0 r=90 u=0");
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed.told.requests[0].model, MODEL);
    ck_assert_str_eq(feed.told.session, SESSION);
    ck_assert_str_eq(feed.told.cwd, "/work");
    ck_assert(!feed.told.side);
    feed_free(&feed);
}
END_TEST

START_TEST(thoughts_are_in_the_output_unless_the_total_says_otherwise)
{
    struct lines l = {0};

    put_event(&l, "a", 1, (struct tokens){{100, 10, 0, 7, 110}});
    counts_are(&l, 1, "i=100 o=10 w=0 r=0 u=0");
    put_event(&l, "b", 2, (struct tokens){{100, 10, 0, 7, 117}});
    counts_are(&l, 2, "i=200 o=27 w=0 r=0 u=0");
    put_event(&l, "c", 3, (struct tokens){{100, 10, 0, 7, 0}}); /* no total */
    counts_are(&l, 3, "i=300 o=37 w=0 r=0 u=0");
}
END_TEST

START_TEST(an_answer_with_the_numbers_of_its_event_is_the_same_request)
{
    struct lines l = {0};

    put_event(&l, "a", 1, plain);
    put_answer(&l, "b", 2, plain, 2);
    counts_are(&l, 1, "i=40 o=10 w=0 r=60 u=2");
    put_answer(&l, "c", 3, plain, 0); /* no event is left for it */
    counts_are(&l, 2, "i=80 o=20 w=0 r=120 u=2");
    put_event(&l, "d", 4, plain);
    put_event(&l, "e", 5, plain); /* broken off: it has no answer */
    put_answer(&l, "f", 6, plain, 0);
    counts_are(&l, 4, "i=160 o=40 w=0 r=240 u=2");
    put_answer(&l, "g", 7, plain, 0); /* that of the first of the two */
    counts_are(&l, 4, "i=160 o=40 w=0 r=240 u=2");
}
END_TEST

START_TEST(an_answer_without_an_event_is_a_request)
{
    struct lines l = {0};

    put_answer(&l, "a", 1, plain, 1);
    put_line(&l, "b", 2, "assistant", ",\"model\":\"m\",\"message\":{\"parts\":[]}"); /* without usage */
    counts_are(&l, 1, "i=40 o=10 w=0 r=60 u=1");
    put_event(&l, "c", 3, (struct tokens){{100, 10, 60, 5, 110}});
    put_answer(&l, "d", 4, plain, 0); /* other thoughts: not that one's */
    counts_are(&l, 3, "i=120 o=30 w=0 r=180 u=1");
}
END_TEST

START_TEST(copies_of_a_line_are_the_same_request)
{
    struct lines l = {0}, copy = {0};

    put_event(&l, "a", 1, plain);
    put_answer(&l, "b", 2, plain, 0);
    put_event(&copy, "a", 1, plain);
    put_event(&l, "c", 3, plain);
    put_all(&copy, &l);
    counts_are(&copy, 2, "i=120 o=30 w=0 r=180 u=0"); /* the line counts again, the request does not */
    copy = (struct lines){0};
    put_answer(&copy, "b", 2, plain, 0); /* without the event: only the original says whose it is */
    put_all(&copy, &l);
    counts_are(&copy, 2, "i=120 o=30 w=0 r=180 u=0");
}
END_TEST

START_TEST(a_sub_agents_response_is_known_by_its_prompt)
{
    struct lines l = {0};
    struct feed feed = feed_new(OKS_SOURCE_QWEN, OKS_ISA_AUTO, NULL);

    put_event_of(&l, "a", 1, plain, "#explore-3f9c#2");
    feed_to(&feed, l.bytes, l.len);
    ck_assert(feed.told.side);
    put_answer(&l, "b", 2, plain, 0); /* is never a sub-agent's */
    counts_are(&l, 2, "i=80 o=20 w=0 r=120 u=0");
    feed_free(&feed);
}
END_TEST

START_TEST(objects_glued_together_each_count)
{
    struct lines one = {0}, two = {0}, l = {0};

    put_event(&one, "a", 1, plain);
    put_event(&two, "b", 2, plain);
    put(&l, "%.*s %s", (int)one.len - 1, one.bytes, two.bytes); /* a newline comes behind it */
    counts_are(&l, 2, "i=80 o=20 w=0 r=120 u=0");
    l = (struct lines){0};
    put(&l, "%.*s{\"type\":", (int)one.len - 1, one.bytes); /* the second one is torn */
    counts_are(&l, 0, "i=0 o=0 w=0 r=0 u=0");
}
END_TEST

START_TEST(values_that_are_no_counts_are_told)
{
    struct lines l = {0};
    struct feed feed = feed_new(OKS_SOURCE_QWEN, OKS_ISA_AUTO, NULL);

    put_line(&l, "a", 1, "assistant",
             ",\"usageMetadata\":{\"promptTokenCount\":\"5\",\"candidatesTokenCount\":-1,\"totalTokenCount\":"
             "null}");
    put_line(&l, "b", 2, "assistant", ",\"usageMetadata\":[1]");
    feed_to(&feed, l.bytes, l.len);
    ck_assert_uint_eq(feed.odd, 2);
    ck_assert_str_eq(feed_counts(&feed), "i=0 o=0 w=0 r=0 u=0");
    feed_free(&feed);
}
END_TEST

START_TEST(the_window_of_the_context_is_remembered)
{
    struct lines l = {0};
    char *memo;

    put_event(&l, "a", 1, plain);
    memo = feed_memo(OKS_SOURCE_QWEN, l.bytes, l.len, NULL);
    ck_assert_uint_eq(oks_source_qwen.window(memo), 0);
    free(memo);
    put_answer(&l, "b", 2, plain, 0);
    memo = feed_memo(OKS_SOURCE_QWEN, l.bytes, l.len, NULL);
    ck_assert_uint_eq(oks_source_qwen.window(memo), 262144);
    free(memo);
    ck_assert_uint_eq(oks_source_qwen.window("qwen0 5"), 0);
}
END_TEST

START_TEST(a_growing_chat_says_what_a_whole_one_does)
{
    struct lines l = {0};

    put_user(&l, "u", 0);
    put_event(&l, "a", 1, plain);
    put_answer(&l, "b", 2, plain, 2);
    put_line(&l, "c", 3, "tool_result", ",\"toolCallResult\":{\"callId\":\"c0\",\"status\":\"error\"}");
    put_event_of(&l, "d", 4, plain, "#explore-3f9c#2");
    for (unsigned i = 0; i < 10; i++) /* more than are remembered */
        put_event(&l, "e", 10 + i, (struct tokens){{i, i, 0, 0, 2 * i}});
    put_answer(&l, "f", 30, (struct tokens){{0, 0, 0, 0, 0}}, 0);
    put_answer(&l, "g", 31, (struct tokens){{5, 5, 0, 0, 10}}, 1);
    put_line(&l, "h", 32, "system",
             ",\"subtype\":\"chat_compression\",\"systemPayload\":{\"info\":{\"originalTokenCount\":1000}}");
    feed_every_cut(OKS_SOURCE_QWEN, l.bytes, l.len, NULL);
}
END_TEST

START_TEST(which_files_are_chats)
{
    const struct source *s = &oks_source_qwen;

    ck_assert(s->wants("-work/chats/" SESSION ".jsonl"));
    ck_assert(!s->wants("-work/chats/" SESSION ".json") && !s->wants("-work/" SESSION ".jsonl") &&
              !s->wants("-work/chats/x/" SESSION ".jsonl") && !s->wants("chats/" SESSION ".jsonl") &&
              !s->wants("-work/subagents/" SESSION "/agent-a.jsonl"));
    ck_assert(s->enters("-work") && s->enters("-work/chats"));
    ck_assert(!s->enters("-work/subagents") && !s->enters("-work/chats/x"));
    ck_assert(oks_slice_eq(s->id_of("-work/chats/" SESSION ".jsonl"), OKS_SLICE(SESSION)));
    ck_assert(oks_slice_eq(s->project("-work/chats/" SESSION ".jsonl"), OKS_SLICE("-work")));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("scan_qwen");

    TEST(s, cached_tokens_are_no_input);
    TEST(s, thoughts_are_in_the_output_unless_the_total_says_otherwise);
    TEST(s, an_answer_with_the_numbers_of_its_event_is_the_same_request);
    TEST(s, an_answer_without_an_event_is_a_request);
    TEST(s, copies_of_a_line_are_the_same_request);
    TEST(s, a_sub_agents_response_is_known_by_its_prompt);
    TEST(s, objects_glued_together_each_count);
    TEST(s, values_that_are_no_counts_are_told);
    TEST(s, the_window_of_the_context_is_remembered);
    TEST(s, a_growing_chat_says_what_a_whole_one_does);
    TEST(s, which_files_are_chats);
    return tap_run(s);
}
