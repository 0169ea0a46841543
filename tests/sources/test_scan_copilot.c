/*
 * Copilot CLI's events: that each message is one request, and what shutdowns add to them, whether their
 * numbers go on from those before or begin anew.
 */
#include "source_feed.h"

#include "scan/request.h"

#define SONNET "claude-sonnet-4.6"
#define MINI   "gpt-5-mini"

static unsigned n_lines; /* for ids */

static void put_event(struct lines *to, const char *type, const char *data)
{
    n_lines++;
    put(to,
        "{\"type\":\"%s\",\"data\":%s,\"id\":\"e%u\",\"timestamp\":\"2026-09-05T09:%02u:00.000Z\","
        "\"parentId\":null}",
        type, data, n_lines, n_lines % 60);
}

static void put_start(struct lines *to)
{
    n_lines = 0;
    put_event(to, "session.start",
              "{\"sessionId\":\"s\",\"copilotVersion\":\"1.0.78\",\"context\":{\"cwd\":\"/srv/"
              "shop\",\"branch\":\"main\"}}");
}

static void put_resume(struct lines *to)
{
    put_event(to, "session.resume", "{\"context\":{\"cwd\":\"/srv/shop\"}}");
}

static void put_message(struct lines *to, const char *model, unsigned output)
{
    char data[256];

    snprintf(data, sizeof(data),
             "{\"messageId\":\"m%u\",\"model\":\"%s\",\"content\":\"a \\\"b\\\"\",\"outputTokens\":%u}",
             n_lines, model, output);
    put_event(to, "assistant.message", data);
}

/* What a shutdown says of a model: input, of which read and written; output; requests. */
struct metric {
    const char *model;
    unsigned input, output, read, written, requests;
};

static void put_shutdown(struct lines *to, const struct metric *metrics, size_t n, bool bare)
{
    char data[1024], *p = data;

    p += sprintf(p, "{\"shutdownType\":\"routine\",\"modelMetrics\":{");
    for (size_t i = 0; i < n; i++) {
        const struct metric *m = &metrics[i];

        p += sprintf(
            p, bare ? "%s\"%s\":{\"requests\":%u," : "%s\"%s\":{\"requests\":{\"count\":%u,\"cost\":2},",
            i ? "," : "", m->model, m->requests);
        p += sprintf(p,
                     "\"usage\":{\"inputTokens\":%u,\"outputTokens\":%u,\"cacheReadTokens\":%u,"
                     "\"cacheWriteTokens\":%u,"
                     "\"reasoningTokens\":1}}",
                     m->input, m->output, m->read, m->written);
    }
    sprintf(p, "},\"currentModel\":\"%s\",\"currentTokens\":35322}", metrics[0].model);
    put_event(to, "session.shutdown", data);
}

#define SHUTDOWN(to, ...)                            \
    put_shutdown(to, (struct metric[]){__VA_ARGS__}, \
                 sizeof((struct metric[]){__VA_ARGS__}) / sizeof(struct metric), false)

static void says(const struct lines *lines, const char *want, size_t requests, size_t lacking)
{
    EACH_ISA(scanner)
    {
        struct feed feed = {.source = OKS_SOURCE_COPILOT, .scanner = scanner};
        size_t lacks = 0;

        feed_to(&feed, lines->bytes, lines->len);
        ck_assert_str_eq(feed_counts(&feed), want);
        ck_assert_uint_eq(feed.told.n_requests, requests);
        for (size_t i = 0; i < feed.told.n_rests; i++)
            lacks += feed.told.rests[i].lacks;
        ck_assert_uint_eq(lacks, lacking);
        feed_forget(&feed);
    }
}

/* --- one leg --- */

START_TEST(a_shutdown_adds_what_its_messages_lack)
{
    struct feed feed = feed_new(OKS_SOURCE_COPILOT, OKS_ISA_AUTO, NULL);
    struct lines l = {0};

    put_start(&l);
    put_message(&l, SONNET, 300);
    put_message(&l, SONNET, 200);
    says(&l, "i=0 o=500 w=0 r=0 u=0", 2, 1);
    SHUTDOWN(&l, {SONNET, 1000, 500, 600, 50, 2});
    says(&l, "i=350 o=500 w=50 r=600 u=0", 2, 0);
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed.told.requests[0].model, SONNET);
    ck_assert_str_eq(feed.told.cwd, "/srv/shop");
    ck_assert_uint_eq(feed.told.requests[0].context, OKS_PROMPT_UNKNOWN);
    ck_assert_uint_eq(feed.told.rests[0].context, 35322);
    feed_free(&feed);
}
END_TEST

START_TEST(output_without_a_message_is_the_shutdowns)
{
    struct lines l = {0};

    put_start(&l);
    put_message(&l, SONNET, 300);
    SHUTDOWN(&l, {SONNET, 1000, 500, 600, 50, 3}, {MINI, 100, 10, 0, 0, 1});
    says(&l, "i=450 o=510 w=50 r=600 u=0", 4,
         0); /* two requests of one model have no message, and one of the other */
}
END_TEST

START_TEST(messages_may_name_no_model)
{
    struct feed feed = feed_new(OKS_SOURCE_COPILOT, OKS_ISA_AUTO, NULL);
    struct lines l = {0};

    put_start(&l);
    put_event(&l, "assistant.message", "{\"messageId\":\"a\",\"outputTokens\":5}");
    SHUTDOWN(&l, {SONNET, 100, 5, 0, 0, 1});
    says(&l, "i=100 o=5 w=0 r=0 u=0", 1, 0);
    put_event(&l, "session.model_change", "{\"newModel\":\"" MINI "\",\"reasoningEffort\":\"high\"}");
    put_event(&l, "assistant.message", "{\"messageId\":\"b\",\"outputTokens\":7}");
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed.told.requests[1].model, MINI);
    feed_free(&feed);
}
END_TEST

START_TEST(requests_may_be_a_bare_number)
{
    struct metric metric = {SONNET, 100, 8, 0, 0, 2};
    struct lines l = {0};

    put_start(&l);
    put_message(&l, SONNET, 8);
    put_shutdown(&l, &metric, 1, true);
    says(&l, "i=100 o=8 w=0 r=0 u=0", 2, 0);
}
END_TEST

START_TEST(a_shutdown_without_usage_says_nothing)
{
    struct lines l = {0};

    put_start(&l);
    put_message(&l, SONNET, 8);
    put_event(&l, "session.shutdown",
              "{\"totalNanoAiu\":77,\"modelMetrics\":{\"" SONNET
              "\":{\"requests\":{\"count\":1},\"tokenDetails\":{\"input\":"
              "5}},\"x\":7,\"y\":[{\"usage\":{\"inputTokens\":9}}]}}");
    says(&l, "i=0 o=8 w=0 r=0 u=0", 1, 1);
}
END_TEST

START_TEST(tools_and_sub_agents)
{
    struct feed feed = feed_new(OKS_SOURCE_COPILOT, OKS_ISA_AUTO, NULL);
    struct lines l = {0};

    put_start(&l);
    put_event(&l, "assistant.message",
              "{\"messageId\":\"a\",\"model\":\"" SONNET
              "\",\"toolRequests\":[{\"name\":\"view\",\"arguments\":{\"name\":"
              "\"no\"}},{\"name\":\"edit\"}],\"outputTokens\":5}");
    put_event(&l, "assistant.message",
              "{\"messageId\":\"b\",\"model\":\"" MINI
              "\",\"parentToolCallId\":\"call\",\"outputTokens\":6}");
    put_event(&l, "assistant.message", "{\"messageId\":\"c\",\"outputTokens\":7}");
    says(&l, "i=0 o=18 w=0 r=0 u=2", 3, 2);
    feed_to(&feed, l.bytes, l.len);
    ck_assert(!feed.told.requests[0].side && feed.told.requests[1].side);
    ck_assert_str_eq(feed.told.requests[2].model, SONNET); /* the sub-agent's model is its own */
    feed_free(&feed);
}
END_TEST

START_TEST(calls_and_their_results)
{
    struct lines l = {0};

    n_lines = 0;
    put_event(&l, "tool.execution_start",
              "{\"toolCallId\":\"c\",\"toolName\":\"view\",\"arguments\":{\"toolName\":\"no\"}}");
    put_event(&l, "tool.execution_complete",
              "{\"toolCallId\":\"c\",\"success\":true,\"result\":{\"content\":\"r\"}}");
    put_event(&l, "tool.execution_complete", "{\"toolCallId\":\"d\",\"success\":false}");
    put_event(&l, "session.resume", "{}");
    ck_assert_str_eq(feed_tools(OKS_SOURCE_COPILOT, l.bytes, l.len),
                     "2026-09-05T09:01:00.000Z call c view\n"
                     "2026-09-05T09:02:00.000Z result c  ok\n"
                     "2026-09-05T09:03:00.000Z result d  failed\n"
                     "2026-09-05T09:04:00.000Z over  \n");
}
END_TEST

START_TEST(values_that_are_no_counts_are_told)
{
    struct feed feed = feed_new(OKS_SOURCE_COPILOT, OKS_ISA_AUTO, NULL);
    struct lines l = {0};

    put_start(&l);
    put_event(&l, "assistant.message", "{\"messageId\":\"a\",\"outputTokens\":\"5\"}");
    put_event(&l, "session.shutdown",
              "{\"modelMetrics\":{\"m\":{\"usage\":{\"inputTokens\":1.5,\"outputTokens\":-1,"
              "\"cacheReadTokens\":null}}}}");
    feed_to(&feed, l.bytes, l.len);
    ck_assert_uint_eq(feed.odd, 3);
    feed_free(&feed);
}
END_TEST

/* A name of a model is a key: it may have escapes, and be of any length. */
START_TEST(models_are_keys_of_any_kind)
{
    struct feed feed = feed_new(OKS_SOURCE_COPILOT, OKS_ISA_AUTO, NULL);
    struct lines l = {0};
    char name[301] = "", data[600];

    memset(name, 'x', sizeof(name) - 1);
    put_start(&l);
    put_event(&l, "session.shutdown",
              "{\"modelMetrics\":{\"a\\u002fb\":{\"usage\":{\"inputTokens\":1}},\"\":{\"usage\":{"
              "\"inputTokens\":2}}}}");
    snprintf(data, sizeof(data), "{\"modelMetrics\":{\"%s\":{\"usage\":{\"inputTokens\":4}}}}", name);
    put_event(&l, "session.shutdown", data);
    says(&l, "i=7 o=0 w=0 r=0 u=0", 3, 0);
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed.told.rests[0].model, "a/b");
    ck_assert_str_eq(feed.told.rests[1].model, "");
    feed_free(&feed);
}
END_TEST

/* --- several legs --- */

START_TEST(running_totals_are_counted_once)
{
    struct lines l = {0};

    put_start(&l);
    put_message(&l, SONNET, 300);
    SHUTDOWN(&l, {SONNET, 1000, 300, 600, 50, 1});
    put_resume(&l);
    put_message(&l, SONNET, 200);
    put_message(&l, MINI, 40);
    SHUTDOWN(&l, {SONNET, 1800, 500, 1100, 60, 2}, {MINI, 90, 40, 10, 0, 1});
    says(&l, "i=720 o=540 w=60 r=1110 u=0", 3, 0);
}
END_TEST

START_TEST(counters_may_begin_anew)
{
    struct lines l = {0};

    put_start(&l);
    put_message(&l, SONNET, 300);
    SHUTDOWN(&l, {SONNET, 1000, 300, 600, 50, 1});
    put_resume(&l);
    put_message(&l, SONNET, 400);
    SHUTDOWN(&l, {SONNET, 1100, 400, 700, 60, 1}); /* no number fell: only the messages tell it */
    says(&l, "i=690 o=700 w=110 r=1300 u=0", 2, 0);
}
END_TEST

START_TEST(without_messages_numbers_that_fell_began_anew)
{
    struct lines l = {0};

    put_start(&l);
    SHUTDOWN(&l, {SONNET, 1000, 300, 600, 50, 1});
    put_resume(&l);
    SHUTDOWN(&l, {SONNET, 1500, 400, 700, 60, 2});
    says(&l, "i=740 o=400 w=60 r=700 u=0", 2, 0);
    put_resume(&l);
    SHUTDOWN(&l, {SONNET, 900, 500, 100, 70, 3});
    says(&l, "i=1470 o=900 w=130 r=800 u=0", 5, 0);
}
END_TEST

START_TEST(two_shutdowns_of_one_leg)
{
    struct lines running = {0}, anew = {0};

    put_start(&running);
    put_message(&running, SONNET, 300);
    SHUTDOWN(&running, {SONNET, 1000, 300, 600, 50, 1});
    put_message(&running, SONNET, 100);
    put_all(&anew, &running);
    SHUTDOWN(&running, {SONNET, 1200, 400, 600, 50, 2});
    says(&running, "i=550 o=400 w=50 r=600 u=0", 2, 0);
    SHUTDOWN(&anew, {SONNET, 200, 100, 0, 0, 1});
    says(&anew, "i=550 o=400 w=50 r=600 u=0", 2, 0);
}
END_TEST

/* A crash writes no shutdown. What follows may count its messages or not. */
START_TEST(a_leg_that_crashed)
{
    struct lines l = {0}, counted = {0}, lost = {0};

    put_start(&l);
    put_message(&l, SONNET, 300);
    put_resume(&l);
    put_message(&l, SONNET, 100);
    put_message(&l, SONNET, 50);
    says(&l, "i=0 o=450 w=0 r=0 u=0", 3, 2);
    put_all(&counted, &l);
    put_all(&lost, &l);
    SHUTDOWN(&counted, {SONNET, 1000, 450, 600, 50, 3});
    says(&counted, "i=350 o=450 w=50 r=600 u=0", 3, 0);
    SHUTDOWN(&lost, {SONNET, 500, 150, 300, 20, 2});
    says(&lost, "i=180 o=450 w=20 r=300 u=0", 3, 1); /* what the first leg sent is not known */
}
END_TEST

/* --- growing and copies --- */

static void put_long(struct lines *l)
{
    put_start(l);
    put_message(l, SONNET, 300);
    put_message(l, MINI, 30);
    SHUTDOWN(l, {SONNET, 1000, 350, 600, 50, 3}, {MINI, 90, 30, 10, 0, 1});
    put_resume(l);
    put_event(l, "user.message", "{\"content\":\"u\"}");
    put_message(l, SONNET, 40);
    put_event(l, "session.compaction_complete", "{\"preCompactionTokens\":900}");
    put_resume(l);
    put_message(l, SONNET, 50);
    SHUTDOWN(l, {SONNET, 1500, 400, 700, 60, 4});
}

START_TEST(growing_events_say_what_all_of_them_do)
{
    struct lines l = {0};

    put_long(&l);
    feed_every_cut(OKS_SOURCE_COPILOT, l.bytes, l.len, NULL);
}
END_TEST

START_TEST(copies_have_the_same_keys)
{
    struct feed a = feed_new(OKS_SOURCE_COPILOT, OKS_ISA_AUTO, NULL), b = a;
    struct lines l = {0};

    b.scanner = text_scanner(OKS_ISA_SCALAR);
    put_long(&l);
    feed_to(&a, l.bytes, l.len);
    feed_to(&b, l.bytes, l.len);
    ck_assert_str_eq(feed_requests(&a), feed_requests(&b));
    ck_assert_uint_eq(a.told.n_rests, b.told.n_rests);
    for (size_t i = 0; i < a.told.n_rests; i++)
        ck_assert_str_eq(a.told.rests[i].rest, b.told.rests[i].rest);
    feed_free(&a);
    feed_free(&b);
}
END_TEST

START_TEST(which_files_are_events)
{
    const struct source *s = &oks_source_copilot;

    ck_assert(s->wants("id/events.jsonl") && s->wants("id.jsonl"));
    ck_assert(!s->wants("id/other.jsonl") && !s->wants("id/files/events.jsonl") && !s->wants("id.json"));
    ck_assert(s->enters("id") && !s->enters("id/files"));
    ck_assert(oks_slice_eq(s->id_of("id/events.jsonl"), OKS_SLICE("id")));
    ck_assert(oks_slice_eq(s->id_of("id.jsonl"), OKS_SLICE("id")));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("scan_copilot");

    TEST(s, a_shutdown_adds_what_its_messages_lack);
    TEST(s, output_without_a_message_is_the_shutdowns);
    TEST(s, messages_may_name_no_model);
    TEST(s, requests_may_be_a_bare_number);
    TEST(s, a_shutdown_without_usage_says_nothing);
    TEST(s, tools_and_sub_agents);
    TEST(s, calls_and_their_results);
    TEST(s, values_that_are_no_counts_are_told);
    TEST(s, models_are_keys_of_any_kind);
    TEST(s, running_totals_are_counted_once);
    TEST(s, counters_may_begin_anew);
    TEST(s, without_messages_numbers_that_fell_began_anew);
    TEST(s, two_shutdowns_of_one_leg);
    TEST(s, a_leg_that_crashed);
    TEST(s, growing_events_say_what_all_of_them_do);
    TEST(s, copies_have_the_same_keys);
    TEST(s, which_files_are_events);
    return tap_run(s);
}
