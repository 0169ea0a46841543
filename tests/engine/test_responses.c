/*
 * Which lines are one response where a relay made the id, and what a response costs besides its answer.
 *
 * Each rule by hand, in a few lines; tests/reference/test_responses.py tries them on each other.
 */
#include "engine_home.h"

#define P      PROJECTS "-p/"
#define VENDOR "msg_01ABCDEFGHIJKLMNOPQRSTUV"

static struct oks_engine *engine;

static void setup(void)
{
    scratch_setup();
    make_parents(P);
}

static void teardown(void)
{
    oks_engine_free(engine);
    engine = NULL;
    scratch_teardown();
}

static void start(void)
{
    if (engine)
        engine_close(engine);
    engine = engine_open((struct engine_options){0});
}

struct line {
    const char *id, *uuid, *request, *session, *agent; /* NULL: none; with an agent it is of a side chain */
    const char *time;                                  /* of the hour: minutes and seconds */
    const char *day;                                   /* NULL: 2026-09-01 */
    const char *model;                                 /* NULL: claude-opus-4-7 */
    const char *stop;                                  /* NULL: end_turn */
    int input, output, reads;
    const char *usage, *content; /* more members of the usage; blocks */
};

static const char *member(const char *key, const char *value)
{
    return value ? text_of("\"%s\":\"%s\",", key, value) : "";
}

static char *line_text(struct line l)
{
    return text_of("{\"type\":\"assistant\",%s%s%s%s\"isSidechain\":%s,\"timestamp\":\"%sT10:%s.000Z\","
                   "\"message\":{%s\"model\":\"%s\",\"stop_reason\":\"%s\",\"content\":[%s],\"usage\":{"
                   "\"input_tokens\":%d,\"output_tokens\":%d,\"cache_read_input_tokens\":%d%s%s}}}\n",
                   member("uuid", l.uuid), member("requestId", l.request), member("sessionId", l.session),
                   member("agentId", l.agent), l.agent ? "true" : "false", l.day ? l.day : "2026-09-01",
                   l.time ? l.time : "00:00", member("id", l.id), l.model ? l.model : "claude-opus-4-7",
                   l.stop ? l.stop : "end_turn", l.content ? l.content : "", l.input, l.output, l.reads,
                   l.usage ? "," : "", l.usage ? l.usage : "");
}

#define LINE(...)  line_text((struct line){__VA_ARGS__})
#define USER(text) "{\"type\":\"user\",\"message\":{\"content\":\"" text "\"}}\n"
#define RESULT(of, more)                                                                                 \
    "{\"type\":\"user\",\"timestamp\":\"2026-09-01T10:00:30.000Z\",\"message\":{\"content\":[{\"type\":" \
    "\"tool_result\",\"tool_use_id\":\"" of "\"}]}" more "}\n"

static int64_t billed(const char *id, const char *key)
{
    return number(usage(engine, session(id), NULL), text_of("billed/%s", key));
}

static const char *cost(const char *id)
{
    return string(usage(engine, session(id), NULL), "billed/costUSD");
}

static json_object *context(const char *id)
{
    struct oks_target target = session(id);
    struct oks_document document;

    sync_target(engine, target, false);
    ck_assert_int_eq(oks_document_context(engine, &target, &document), 0);
    return parsed(kept(document.bytes));
}

/* Each line in two looks, and, if so, after a restart. */
static void grow(const char *text, bool restarts)
{
    if (engine)
        engine_close(engine);
    engine = NULL;
    remove_tree("okstra"); /* what the file said before is not retained */
    put_file(P "a.jsonl", "");
    start();
    for (const char *next = text, *end; *next; next = end) {
        size_t half;

        end = strchr(next, '\n') + 1;
        half = (size_t)(end - next) / 2;
        append_file(P "a.jsonl", text_of("%.*s", (int)half, next));
        billed("a", "requests");
        append_file(P "a.jsonl", text_of("%.*s", (int)((size_t)(end - next) - 1 - half), next + half));
        billed("a", "requests");
        append_file(P "a.jsonl", "\n");
        billed("a", "requests");
        if (restarts)
            start();
    }
}

/* What one file comes to, however it grew. */
static void expect(const char *text, int64_t requests, int64_t input, int64_t output)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        grow(text, restarts);
        ck_assert_int_eq(billed("a", "requests"), requests);
        ck_assert_int_eq(billed("a", "inputTokens"), input);
        ck_assert_int_eq(billed("a", "outputTokens"), output);
    }
}

/* --- which lines are one response --- */

START_TEST(one_id_for_all)
{
    expect(text_of("%s%s%s", LINE("relay", "u1", .input = 10, .output = 1),
                   LINE("relay", "u2", .input = 20, .output = 2),
                   LINE("relay", "u3", .input = 30, .output = 3)),
           3, 60, 6);
}
END_TEST

START_TEST(a_turn_ends_a_response)
{
    expect(text_of("%s%s%s%s", LINE("relay", "u1", .input = 10, .output = 1),
                   LINE("relay", "u2", .input = 10, .output = 2), USER("more"),
                   LINE("relay", "u3", .input = 10, .output = 4)),
           2, 20, 6);
}
END_TEST

/* Tools begin while a response streams in. Where the prompt is unknown their results are a turn. */
START_TEST(a_tools_result_may_stand_within_a_response)
{
    expect(text_of("%s" RESULT("t1", "") "%s", LINE("relay", "u1", .input = 10, .output = 1),
                   LINE("relay", "u2", .input = 10, .output = 2)),
           1, 10, 2);
    expect(text_of("%s" RESULT("t1", "") "%s", LINE("relay", "u1", .output = 1),
                   LINE("relay", "u2", .output = 2)),
           2, 0, 3);
}
END_TEST

START_TEST(another_request_is_another_response)
{
    expect(text_of("%s%s", LINE("relay", "u1", "r1", .input = 10, .output = 1),
                   LINE("relay", "u2", "r2", .input = 10, .output = 2)),
           2, 20, 3);
    expect(text_of("%s%s%s", LINE("relay", "u1", "r1", .input = 10, .output = 1), USER("more"),
                   LINE("relay", "u2", "r1", .input = 11, .output = 2)),
           1, 11, 2);
}
END_TEST

START_TEST(another_response_stands_between)
{
    expect(text_of("%s%s%s", LINE("relay", "u1", .input = 10, .output = 1),
                   LINE("other", "u2", .input = 10, .output = 2),
                   LINE("relay", "u3", .input = 10, .output = 4)),
           3, 30, 7);
    expect(text_of("%s%s%s", LINE("relay", "u1", .input = 10, .output = 1),
                   LINE("other", "u2", .agent = "a1", .input = 10, .output = 2),
                   LINE("relay", "u3", .input = 10, .output = 4)),
           2, 20, 6); /* in another conversation */
}
END_TEST

START_TEST(a_prompt_that_is_known_late)
{
    expect(text_of("%s%s", LINE("relay", "u1", .output = 0), LINE("relay", "u2", .input = 10, .output = 4)),
           1, 10, 4);
    expect(text_of("%s%s", LINE("relay", "u1", .time = "05:00", .output = 3),
                   LINE("relay", "u2", .time = "04:00", .input = 10, .output = 4)),
           2, 10, 7); /* time does not jump back within a response */
}
END_TEST

START_TEST(history_that_is_appended_again)
{
    const char *one = LINE("relay", "u1", .input = 10, .output = 1),
               *two = LINE("relay", "u2", .input = 10, .output = 2);

    expect(text_of("%s%s%s%s%s" USER("x") "%s", one, two, USER("more"),
                   LINE("relay", "u3", .input = 11, .output = 4), two,
                   LINE("relay", "u4", .input = 12, .output = 8)),
           3, 33, 14);
}
END_TEST

/* The files in both orders; what the second one owns. */
static void expect_two(const char *first, const char *second, int64_t of_first, int64_t of_second)
{
    for (int order = 0; order < 2; order++) {
        unlink(at(P "a.jsonl"));
        unlink(at(P "b.jsonl"));
        if (engine)
            engine_close(engine);
        engine = engine_open((struct engine_options){.no_cache = true});
        put_file(order ? P "b.jsonl" : P "a.jsonl", order ? second : first);
        billed(order ? "b" : "a", "requests");
        put_file(order ? P "a.jsonl" : P "b.jsonl", order ? first : second);
        ck_assert_int_eq(billed("a", "inputTokens"), of_first);
        ck_assert_int_eq(billed("b", "inputTokens"), of_second);
    }
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    ck_assert_int_eq(billed("b", "inputTokens"), of_second ? of_second : of_first);
}

START_TEST(a_fork_of_a_relays_session)
{
    const char *lines[] = {LINE("relay", "u1", .session = "s1", .input = 10, .output = 1),
                           LINE("relay", "u2", .session = "s1", .input = 10, .output = 2),
                           LINE("relay", "u1", .session = "s2", .input = 10, .output = 1),
                           LINE("relay", "u2", .session = "s2", .input = 10, .output = 2)};

    expect_two(text_of("%s%s", lines[0], lines[1]), text_of("%s%s", lines[2], lines[3]), 10, 0);
    expect_two(text_of("%s%s", lines[0], lines[1]), lines[3], 10, 0); /* it begins within a response */
    expect_two(text_of("%s%s", lines[0], lines[1]), lines[2], 10, 0); /* it ends there */
}
END_TEST

START_TEST(one_request_in_two_files)
{
    expect_two(LINE("relay", "u1", "r1", .session = "s1", .time = "00:00", .input = 10, .output = 1),
               LINE("relay", "u2", "r1", .session = "s2", .time = "01:00", .input = 10, .output = 1), 10, 0);
    /* One has the other's uuid, and no requestId. */
    expect_two(LINE("relay", "u1", "r1", .session = "s1", .time = "00:00", .input = 10, .output = 1),
               LINE("relay", "u1", .session = "s2", .time = "01:00", .input = 10, .output = 1), 10, 0);
}
END_TEST

/* Made by hand, for the client writes a uuid. */
START_TEST(a_copy_without_names)
{
    expect_two(LINE("relay", .session = "s1", .input = 10, .output = 1),
               text_of("%s%s", USER("x"), LINE("relay", .session = "s1", .input = 10, .output = 1)), 10, 0);
    put_file(P "a.jsonl", text_of("%s%s%s%s", LINE("relay", .input = 10), USER("x"),
                                  LINE("relay", .time = "01:00", .input = 10),
                                  LINE("relay", .time = "01:00", .input = 11)));
    ck_assert_int_eq(billed("a", "requests"), 3);
}
END_TEST

START_TEST(two_sessions_with_one_id)
{
    put_file(P "a.jsonl", LINE("relay", "u1", .session = "s1", .input = 10, .output = 1));
    put_file(P "b.jsonl", LINE("relay", "u2", .session = "s2", .input = 10, .output = 1));
    start();
    ck_assert_int_eq(billed("a", "inputTokens"), 10);
    ck_assert_int_eq(billed("b", "inputTokens"), 10);
}
END_TEST

START_TEST(an_id_of_the_vendor_is_one_response_everywhere)
{
    expect_two(LINE(VENDOR, "u1", "r1", .session = "s1", .time = "00:00", .input = 10, .output = 1),
               LINE(VENDOR, "u2", "r2", .session = "s2", .time = "01:00", .input = 10, .output = 1), 10, 0);
}
END_TEST

START_TEST(a_side_chain_repeats_its_session)
{
    const char *said = LINE("relay", "u1", "r1", .session = "s1", .input = 10, .output = 1);

    expect_two(
        said,
        LINE("relay", "u9", "r9", .session = "s1", .agent = "a1", .time = "09:00", .input = 10, .output = 1),
        10, 0);
    /* These repeat, whatever they say of the output. */
    expect_two(said,
               LINE("relay", "u9", "r9", .session = "s1", .agent = "acompact-1", .time = "09:00", .input = 10,
                    .output = 7),
               10, 0);
    put_file(P "a.jsonl", said);
    put_file(P "b.jsonl",
             LINE("relay", "u9", "r9", .session = "s1", .agent = "a1", .input = 10, .output = 7));
    ck_assert_int_eq(billed("a", "inputTokens"), 10);
    ck_assert_int_eq(billed("b", "inputTokens"), 10); /* its own */
}
END_TEST

/* Where nothing is known of a prompt, its time has to be the same. */
START_TEST(a_side_chain_repeats_what_has_no_prompt)
{
    put_file(P "a.jsonl", LINE("relay", "u1", .session = "s1", .output = 3));
    put_file(P "b.jsonl", LINE("relay", "u8", .session = "s1", .agent = "a1", .output = 3));
    put_file(P "c.jsonl", LINE("relay", "u9", .session = "s1", .agent = "a2", .time = "01:00", .output = 3));
    start();
    ck_assert_int_eq(billed("a", "requests"), 1);
    ck_assert_int_eq(billed("b", "requests"), 0);
    ck_assert_int_eq(billed("c", "requests"), 1);
}
END_TEST

/* What it says behind that is one request more, though all lines have one requestId. */
START_TEST(a_side_chain_that_repeats_says_something_itself)
{
    put_file(P "a.jsonl", text_of("%s%s%s", LINE("relay", "u1", .session = "s1", .input = 10, .output = 1),
                                  USER("x"), LINE("relay", "u2", .session = "s1", .input = 20, .output = 1)));
    put_file(P "b.jsonl", text_of("%s%s%s",
                                  LINE("relay", "u7", "r9", .session = "s1", .agent = "aside_question-1",
                                       .input = 10, .output = 1),
                                  LINE("relay", "u8", "r9", .session = "s1", .agent = "aside_question-1",
                                       .input = 20, .output = 1),
                                  LINE("relay", "u9", "r9", .session = "s1", .agent = "aside_question-1",
                                       .input = 25, .output = 1)));
    start();
    ck_assert_int_eq(billed("a", "inputTokens"), 30);
    ck_assert_int_eq(billed("b", "inputTokens"), 25);
}
END_TEST

/* --- what a response cost --- */

#define PASS(type, more) "{\"type\":\"" type "\"" more "}"
#define PASSES(...)      "\"iterations\":[" __VA_ARGS__ "]"

START_TEST(cache_writes_that_only_the_split_holds)
{
    expect(LINE(VENDOR, .usage = "\"cache_creation_input_tokens\":0,\"cache_creation\":{"
                                 "\"ephemeral_5m_input_tokens\":3,\"ephemeral_1h_input_tokens\":4}"),
           1, 0, 0);
    ck_assert_int_eq(billed("a", "cacheCreationTokens"), 7);
    ck_assert_int_eq(billed("a", "cacheCreation1hTokens"), 4);
    expect(LINE(VENDOR, .usage = "\"cache_creation_input_tokens\":9,\"cache_creation\":{"
                                 "\"ephemeral_5m_input_tokens\":3,\"ephemeral_1h_input_tokens\":4}"),
           1, 0, 0);
    ck_assert_int_eq(billed("a", "cacheCreation5mTokens"), 5);
}
END_TEST

START_TEST(a_compaction_is_billed_on_top)
{
    const char *passes = PASSES(PASS("compaction", ",\"input_tokens\":100,\"output_tokens\":20") "," PASS(
        "message", ",\"input_tokens\":5,\"output_tokens\":3"));
    const char *line = LINE(VENDOR, .input = 5, .output = 3, .usage = passes);

    expect(text_of("%s%s%s", line, line, line), 2, 105, 23);
    ck_assert_str_eq(cost("a"), "0.0011"); /* all at the response's model */
    ck_assert_int_eq(billed("a", "lowerBound"), 0);
    expect(text_of("%s%s%s", LINE("relay", "u1", .input = 5, .output = 1),
                   LINE("relay", "u2", .input = 5, .output = 3, .usage = passes),
                   LINE("relay", "u3", .input = 5, .output = 3, .usage = passes)),
           2, 105, 23);
}
END_TEST

#define DECLINED(more) PASS("message", ",\"model\":\"claude-haiku-4-5\",\"input_tokens\":1000" more)
#define ANSWERED \
    PASS("fallback_message", ",\"model\":\"claude-opus-4-7\",\"input_tokens\":1000,\"output_tokens\":10")

START_TEST(a_declined_attempt_has_a_price_of_its_own)
{
    /* The top level is the answer: the attempt is on top. */
    expect(LINE(VENDOR, .input = 1000, .output = 10,
                .usage = PASSES(DECLINED(",\"output_tokens\":2") "," ANSWERED)),
           2, 2000, 12);
    ck_assert_str_eq(cost("a"), "0.00626"); /* 0.005 + 0.00025, and 0.001 + 0.00001 */
    /* The top level is their sum: the attempt is a part of it. */
    expect(LINE(VENDOR, .input = 2000, .output = 12,
                .usage = PASSES(DECLINED(",\"output_tokens\":2") "," ANSWERED)),
           2, 2000, 12);
    ck_assert_str_eq(cost("a"), "0.00626");
    /* The numbers of neither: what there is, and no more. */
    expect(LINE(VENDOR, .input = 1500, .output = 12,
                .usage = PASSES(DECLINED(",\"output_tokens\":2") "," ANSWERED)),
           1, 1500, 12);
    ck_assert_int_eq(billed("a", "lowerBound"), 1);
}
END_TEST

START_TEST(a_refusal_without_output_is_free)
{
    expect(LINE(VENDOR, .input = 1000, .stop = "refusal", .day = "2026-06-02"), 1, 1000, 0);
    ck_assert_str_eq(cost("a"), "0");
    expect(LINE(VENDOR, .input = 1000, .stop = "refusal", .day = "2026-06-01"), 1, 1000, 0);
    ck_assert_str_eq(cost("a"), "0.005");
    expect(LINE(VENDOR, .input = 1000, .output = 10, .stop = "refusal"), 1, 1000, 10);
    ck_assert_str_eq(cost("a"), "0.00525");
    expect(LINE(VENDOR, .input = 1000, .output = 10, .usage = PASSES(DECLINED("") "," ANSWERED)), 2, 2000,
           10);
    ck_assert_str_eq(cost("a"), "0.00525");
    expect(LINE(VENDOR, .input = 1000, .output = 10, .day = "2026-06-01",
                .usage = PASSES(DECLINED("") "," ANSWERED)),
           2, 2000, 10);
    ck_assert_str_eq(cost("a"), "0.00625");
}
END_TEST

#define SEARCH(id) "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"WebSearch\"}"
#define FOUND(n)   ",\"toolUseResult\":{\"query\":\"q\",\"searchCount\":" n "}"

START_TEST(web_searches_of_the_client)
{
    const char *asks = LINE(VENDOR, .content = SEARCH("t1") "," SEARCH("t2"));

    expect(text_of("%s" RESULT("t1", ""), asks), 1, 0, 0);
    ck_assert_str_eq(cost("a"), "0");
    expect(text_of("%s" RESULT("t1", FOUND("2")) RESULT("t2", FOUND("1")) RESULT("t1", FOUND("2")), asks), 1,
           0, 0);
    ck_assert_str_eq(cost("a"), "0.03");
    put_file(P "b.jsonl", text_of("%s" RESULT("t1", FOUND("2")), asks)); /* a fork */
    ck_assert_str_eq(cost("a"), "0.03");
    ck_assert_str_eq(cost("b"), "0");
}
END_TEST

START_TEST(the_requests_own_count_of_searches_wins)
{
    expect(text_of("%s" RESULT("t1", FOUND("5")),
                   LINE(VENDOR, .content = SEARCH("t1"),
                        .usage = "\"server_tool_use\":{\"web_search_requests\":1}")),
           1, 0, 0);
    ck_assert_str_eq(cost("a"), "0.01");
}
END_TEST

/* Of several passes the last one shows how full the context is; their sum is what they cost. */
START_TEST(the_context_is_that_of_the_last_pass)
{
    const char *first = PASS("message", ",\"input_tokens\":100,\"cache_read_input_tokens\":50");
    const char *last = PASS("message", ",\"input_tokens\":1,\"cache_read_input_tokens\":160");
    const char *advisor = PASS("advisor_message", ",\"model\":\"x\",\"input_tokens\":900");

    expect(
        LINE(VENDOR, .input = 101, .reads = 210, .usage = text_of(PASSES("%s,%s,%s"), first, advisor, last)),
        2, 1001, 0);
    ck_assert_int_eq(number(context("a"), "occupancyTokens"), 161);
    expect(LINE(VENDOR, .input = 100, .reads = 50, .usage = text_of(PASSES("%s,%s"), advisor, first)), 2,
           1000, 0);
    ck_assert_int_eq(number(context("a"), "occupancyTokens"), 150);
    expect(LINE(VENDOR, .input = 1000, .output = 10, .usage = PASSES(DECLINED("") "," ANSWERED)), 2, 2000,
           10);
    ck_assert_int_eq(number(context("a"), "occupancyTokens"), 1000);
}
END_TEST

/* Sonnet 4.5 is dearer above 200,000 tokens, which none of the passes has. */
START_TEST(a_tier_is_reached_by_one_pass)
{
    const char *pass = PASS("message", ",\"input_tokens\":150000");

    expect(LINE(VENDOR, .model = "claude-sonnet-4-5", .input = 300000,
                .usage = text_of(PASSES("%s,%s"), pass, pass)),
           1, 300000, 0);
    ck_assert_str_eq(cost("a"), "0.9");
    expect(LINE(VENDOR, .model = "claude-sonnet-4-5", .input = 300000), 1, 300000, 0);
    ck_assert_str_eq(cost("a"), "1.8");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("responses");

#define SCRATCH(function) FIXTURE_TEST(suite, function, setup, teardown, 120)
    SCRATCH(one_id_for_all);
    SCRATCH(a_turn_ends_a_response);
    SCRATCH(a_tools_result_may_stand_within_a_response);
    SCRATCH(another_request_is_another_response);
    SCRATCH(another_response_stands_between);
    SCRATCH(a_prompt_that_is_known_late);
    SCRATCH(history_that_is_appended_again);
    SCRATCH(a_fork_of_a_relays_session);
    SCRATCH(one_request_in_two_files);
    SCRATCH(a_copy_without_names);
    SCRATCH(two_sessions_with_one_id);
    SCRATCH(an_id_of_the_vendor_is_one_response_everywhere);
    SCRATCH(a_side_chain_repeats_its_session);
    SCRATCH(a_side_chain_repeats_what_has_no_prompt);
    SCRATCH(a_side_chain_that_repeats_says_something_itself);
    SCRATCH(cache_writes_that_only_the_split_holds);
    SCRATCH(a_compaction_is_billed_on_top);
    SCRATCH(a_declined_attempt_has_a_price_of_its_own);
    SCRATCH(a_refusal_without_output_is_free);
    SCRATCH(web_searches_of_the_client);
    SCRATCH(the_requests_own_count_of_searches_wins);
    SCRATCH(the_context_is_that_of_the_last_pass);
    SCRATCH(a_tier_is_reached_by_one_pass);
    return tap_run(suite);
}
