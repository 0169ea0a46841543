/*
 * `billed`: every request counted once, whoever logs it how often, in whatever order it is found.
 *
 * Real transcripts (where there are samples) against the totals that a script of another hand made of them;
 * made-up ones against sums by hand. What must not change anything (cutting, copying, restarting, forgetting
 * from memory) is tried on all of them, and all figures are compared.
 */
#include <libgen.h>

#include "billing/billed.h"
#include "billing/key_map.h"
#include "engine/engine_private.h"
#include "history/requests.h"
#include "effort.h"
#include "engine_home.h"

#define P PROJECTS "-p/"

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

static void start(bool no_cache)
{
    if (engine)
        engine_close(engine);
    engine = engine_open((struct engine_options){.no_cache = no_cache});
}

/* Without what was stored of deleted transcripts. */
static void start_afresh(void)
{
    engine_close(engine);
    remove_tree("okstra");
    engine = engine_open((struct engine_options){0});
}

/* --- lines --- */

struct line {
    const char *id; /* of the message */
    const char *stamp;
    const char *model;
    int input, output, reads;
    bool sidechain, open; /* open: no stop_reason */
    const char *more;     /* members of the record */
};

static char *line_text(struct line l)
{
    return text_of(
        "{\"type\":\"assistant\",\"timestamp\":\"%s\",\"isSidechain\":%s,%s\"requestId\":\"req_%s\","
        "\"message\":{\"id\":\"%s\",\"model\":\"%s\",\"stop_reason\":%s,\"content\":[],\"usage\":{"
        "\"input_tokens\":%d,\"output_tokens\":%d,\"cache_read_input_tokens\":%d}}}\n",
        l.stamp ? l.stamp : "2026-06-10T01:00:00.000Z", l.sidechain ? "true" : "false", l.more ? l.more : "",
        l.id, l.id, l.model ? l.model : "claude-opus-4-7", l.open ? "null" : "\"end_turn\"", l.input,
        l.output, l.reads);
}

#define LINE(...) line_text((struct line){__VA_ARGS__})

static int64_t billed(const char *id, const char *key)
{
    return number(usage(engine, session(id), NULL), text_of("billed/%s", key));
}

/* --- the rule --- */

START_TEST(lines_of_one_response_are_one_request)
{
    put_file(P "a.jsonl", text_of("%s%s%s%s", LINE("m1", .input = 3, .output = 1, .reads = 5, .open = true),
                                  LINE("m1", .input = 3, .output = 9, .reads = 5),
                                  LINE("m1", .input = 3, .output = 4, .reads = 5, .open = true),
                                  LINE("m2", .input = 1, .output = 1)));
    start(false);
    ck_assert_int_eq(billed("a", "requests"), 2);
    ck_assert_int_eq(billed("a", "inputTokens"), 4);
    ck_assert_int_eq(billed("a", "outputTokens"), 10);
    ck_assert_int_eq(billed("a", "cacheReadTokens"), 5);
    ck_assert_int_eq(input_tokens(engine, session("a"), NULL), 10); /* okstra counts every line */
    ck_assert_int_eq(billed("a", "lowerBound"), 0);
}
END_TEST

/* A fallback in mid-stream changes the model and the counts together: never the greatest of each. */
START_TEST(the_whole_line_with_the_greatest_output_is_kept)
{
    put_file(P "a.jsonl", text_of("%s%s%s", LINE("m1", .input = 100, .output = 1, .reads = 7, .model = "big"),
                                  LINE("m1", .input = 5, .output = 8, .reads = 0, .model = "small"),
                                  LINE("m1", .input = 50, .output = 7, .reads = 9, .model = "big")));
    start(false);
    ck_assert_int_eq(billed("a", "inputTokens"), 5);
    ck_assert_int_eq(billed("a", "cacheReadTokens"), 0);
    ck_assert_str_eq(string(usage(engine, session("a"), NULL), "billed/models/0"), "small");
    append_file(P "a.jsonl", LINE("m1", .input = 6, .output = 8, .reads = 1)); /* a tie: the later one */
    ck_assert_int_eq(billed("a", "inputTokens"), 6);
    append_file(P "a.jsonl", LINE("m1", .input = 7, .output = 8, .sidechain = true));
    ck_assert_int_eq(billed("a", "inputTokens"), 6);
}
END_TEST

START_TEST(what_was_never_asked_of_a_model_does_not_count)
{
    put_file(P "a.jsonl",
             text_of("%s%s%s", LINE("m1", .input = 1, .model = "<synthetic>"),
                     "{\"type\":\"user\",\"message\":{\"id\":\"m2\",\"usage\":{\"input_tokens\":5}}}\n",
                     "{\"type\":\"assistant\",\"message\":{\"id\":\"m3\",\"usage\":null}}\n"));
    start(false);
    ck_assert_int_eq(billed("a", "requests"), 0);
    ck_assert_int_eq(billed("a", "totalTokens"), 0);
}
END_TEST

START_TEST(without_an_id_the_uuid_is_the_key_and_then_the_place)
{
    const char *bare = record("2026-06-10T01:00:00Z", 1, 2, 3, 4);

    put_file(
        P "a.jsonl",
        text_of("%s\n%s\n"
                "{\"type\":\"assistant\",\"uuid\":\"u1\",\"message\":{\"usage\":{\"input_tokens\":10}}}\n"
                "{\"type\":\"assistant\",\"uuid\":\"u1\",\"message\":{\"usage\":{\"input_tokens\":10}}}\n",
                bare, bare));
    /* A copy of the file is the same lines at the same places; another session with equal lines is not. */
    put_file(PROJECTS "-q/a.jsonl", text_of("%s\n", bare));
    put_file(P "b.jsonl", text_of("%s\n", bare));
    start(false);
    ck_assert_int_eq(billed("a", "requests"), 3);
    ck_assert_int_eq(billed("a", "inputTokens"), 12);
    ck_assert_int_eq(billed("b", "inputTokens"), 1);
}
END_TEST

START_TEST(advisors_are_requests_of_their_own)
{
    const char *line =
        "{\"type\":\"assistant\",\"message\":{\"id\":\"m1\",\"model\":\"m\",\"stop_reason\":\"end_turn\","
        "\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"iterations\":["
        "{\"type\":\"message\",\"input_tokens\":1,\"output_tokens\":2},"
        "{\"type\":\"advisor_message\",\"model\":\"adv\",\"input_tokens\":100,\"output_tokens\":7}]}}}\n";

    put_file(P "a.jsonl", text_of("%s%s", line, line));
    start(false);
    ck_assert_int_eq(billed("a", "requests"), 2);
    ck_assert_int_eq(billed("a", "inputTokens"), 101);
    ck_assert_int_eq(billed("a", "outputTokens"), 9);
    ck_assert_str_eq(string(usage(engine, session("a"), NULL), "billed/models/0"), "adv");
}
END_TEST

START_TEST(placeholders_make_a_lower_bound)
{
    put_file(P "a.jsonl", LINE("m1", .input = 1, .output = 1, .open = true));
    start(false);
    ck_assert_int_eq(billed("a", "lowerBound"), 1);
    append_file(P "a.jsonl", LINE("m1", .input = 1, .output = 50));
    ck_assert_int_eq(billed("a", "lowerBound"), 0);
}
END_TEST

static const char *nested(const char *id, int output)
{
    return text_of(
        "{\"type\":\"progress\",\"timestamp\":\"2026-06-10T01:00:00.000Z\",\"data\":{\"type\":"
        "\"agent_progress\",\"message\":{\"timestamp\":\"2026-06-10T01:00:00.000Z\",\"message\":{\"id\":"
        "\"%s\",\"model\":\"claude-opus-4-7\",\"usage\":{\"input_tokens\":40,\"output_tokens\":%d}}}}}\n",
        id, output);
}

#define VENDOR "msg_0123456789abcdefghijkl"

/* Its first snapshot is less than what the agent's own file says, however large its output. */
START_TEST(a_parents_word_yields_to_the_agents_own)
{
    put_file(P "a.jsonl", text_of("%s%s", nested(VENDOR, 99), LINE("m2", .input = 1)));
    start(false);
    ck_assert_int_eq(billed("a", "requests"), 1);
    ck_assert_int_eq(billed("a", "lowerBound"), 1);
    put_file(P "a/subagents/agent-1.jsonl", LINE(VENDOR, .input = 41, .output = 5, .sidechain = true));
    ck_assert_int_eq(billed("agent-1", "inputTokens"), 41);
    ck_assert_int_eq(billed("a", "requests"), 1);
    ck_assert_int_eq(billed("a", "lowerBound"), 0);
}
END_TEST

/* --- across files --- */

START_TEST(a_fork_counts_what_is_its_own)
{
    const char *history = text_of("%s%s", LINE("m1", "2026-06-10T01:00:00.000Z", .input = 1),
                                  LINE("m2", "2026-06-10T02:00:00.000Z", .input = 2));

    put_file(P "b.jsonl", text_of("%s%s", history, LINE("m3", "2026-06-10T03:00:00.000Z", .input = 4)));
    start(false);
    ck_assert_int_eq(billed("b", "inputTokens"), 7);
    put_file(P "a.jsonl", text_of("%s%s", history, LINE("m4", "2026-06-10T04:00:00.000Z", .input = 8)));
    ck_assert_int_eq(billed("a", "inputTokens"), 11); /* equal times: the smaller path */
    ck_assert_int_eq(billed("b", "inputTokens"), 4);
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    start_afresh();
    ck_assert_int_eq(billed("b", "inputTokens"), 7);
}
END_TEST

START_TEST(the_original_owns_and_the_best_line_tells)
{
    put_file(P "z.jsonl", LINE("m1", "2026-06-10T01:00:00.000Z", .input = 1, .output = 1, .open = true));
    put_file(P "b.jsonl", LINE("m1", "2026-06-10T01:00:05.000Z", .input = 2, .output = 30));
    put_file(P "a.jsonl",
             LINE("m1", "2026-06-10T00:00:00.000Z", .input = 4, .output = 20, .sidechain = true));
    start(false);
    ck_assert_int_eq(billed("z", "requests"), 1);
    ck_assert_int_eq(billed("z", "inputTokens"), 2);
    ck_assert_int_eq(billed("a", "requests") + billed("b", "requests"), 0);
    ck_assert_int_eq(unlink(at(P "b.jsonl")), 0);
    start_afresh();
    ck_assert_int_eq(billed("z", "inputTokens"), 4);
    ck_assert_int_eq(unlink(at(P "z.jsonl")), 0);
    start_afresh();
    ck_assert_int_eq(billed("a", "inputTokens"), 4);
}
END_TEST

START_TEST(a_line_that_grows_elsewhere_changes_its_owner)
{
    uint64_t version;
    struct oks_target a = session("a");

    put_file(P "a.jsonl", LINE("m1", "2026-06-10T01:00:00.000Z", .input = 1, .output = 1));
    put_file(P "b.jsonl", LINE("m1", "2026-06-10T01:00:01.000Z", .input = 2, .output = 1));
    start(false);
    ck_assert_int_eq(billed("a", "outputTokens"), 1);
    version = oks_engine_version(engine, &a);
    append_file(P "b.jsonl", LINE("m1", "2026-06-10T01:00:02.000Z", .input = 2, .output = 6));
    ck_assert_int_eq(billed("a", "outputTokens"), 6);
    ck_assert_uint_ne(oks_engine_version(engine, &a), version);
}
END_TEST

/* An unfinished last line counts once: now, and when it is finished, and with what comes then. */
START_TEST(an_unfinished_line_counts_once)
{
    const char *whole = LINE("m2", .input = 10, .output = 5);
    char *cut = text_of("%.*s", (int)strlen(whole) - 1, whole);

    put_file(P "a.jsonl", text_of("%s%s", LINE("m1", .input = 1, .output = 1), cut));
    start(false);
    ck_assert_int_eq(billed("a", "inputTokens"), 11);
    start(false);
    ck_assert_int_eq(billed("a", "inputTokens"), 11);
    append_file(P "a.jsonl", "\n");
    ck_assert_int_eq(billed("a", "inputTokens"), 11);
    cut = text_of("%s", LINE("m2", .input = 12, .output = 6));
    cut[strlen(cut) - 1] = '\0';
    append_file(P "a.jsonl", cut);
    ck_assert_int_eq(billed("a", "inputTokens"), 13);
    start(false);
    ck_assert_int_eq(billed("a", "inputTokens"), 13);
    append_file(P "a.jsonl", " ");
    ck_assert_int_eq(billed("a", "inputTokens"), 13);
    append_file(P "a.jsonl", text_of("\n%s", LINE("m3", .input = 100)));
    ck_assert_int_eq(billed("a", "inputTokens"), 113);
}
END_TEST

/* --- money --- */

static const char *cost(struct oks_target target)
{
    return string(usage(engine, target, NULL), "billed/costUSD");
}

/* input x 5 + output x 25 + reads x 0.5 dollars a million */
START_TEST(requests_cost_what_their_models_do)
{
    put_file(P "a.jsonl",
             text_of("%s%s", LINE("m1", .input = 1000000, .output = 1000, .reads = 10),
                     LINE("m2", .input = 3, .output = 7, .reads = 1, .model = "claude-haiku-4-5-20251001")));
    put_file(P "b.jsonl",
             text_of("%s%s", LINE("m3", .input = 1), LINE("m4", .output = 1, .model = "nobodys")));
    start(false);
    ck_assert_str_eq(cost(session("a")), "5.0250431");
    ck_assert_str_eq(cost(session("b")), "0.000005");
    ck_assert_str_eq(cost(project("-p")), "5.0250481");
    ck_assert_int_eq(billed("a", "lowerBound"), 0);
    ck_assert_int_eq(billed("b", "lowerBound"), 1);
    ck_assert_str_eq(string(usage(engine, session("b"), NULL), "billed/unpriced/0"), "nobodys");
    ck_assert_str_eq(string(usage(engine, project("-p"), NULL), "billed/models/1"), "claude-opus-4-7");
}
END_TEST

/* Each request at the tier that its own prompt reaches; a sum of prompts reaches none. */
START_TEST(a_tier_is_reached_by_one_request)
{
    char *text = "";

    for (int i = 0; i < 10; i++)
        text = text_of("%s%s", text, LINE(text_of("m%d", i), .input = 150000, .model = "claude-sonnet-4-5"));
    put_file(P "a.jsonl", text);
    put_file(P "b.jsonl",
             LINE("big", .input = 1, .reads = 200000, .output = 1, .model = "claude-sonnet-4-5"));
    start(false);
    ck_assert_str_eq(cost(session("a")), "4.5");
    ck_assert_str_eq(cost(session("b")), "0.1200285");
}
END_TEST

START_TEST(other_prices_show_at_the_next_read)
{
    uint64_t version;
    struct oks_target a = session("a");

    put_file(P "a.jsonl",
             text_of("%s%s", LINE("m1", .input = 10), LINE("m2", .input = 5, .model = "nobodys")));
    put_file(P "b.jsonl", LINE("m1", "2026-06-11T00:00:00.000Z", .input = 10, .output = 1));
    for (int i = 0; i < 300; i++) /* enough for an index */
        put_file(text_of(PROJECTS "-q/s%d.jsonl", i), LINE(text_of("q%d", i), .input = 1));
    start(false);
    ck_assert_str_eq(cost(session("a")), "0.000075"); /* m1 as b tells it */
    ck_assert_str_eq(cost(project("-q")), "0.0015");
    version = oks_engine_version(engine, &a);
    put_file("okstra/okstrafs/prices.json",
             "{\"nobodys\":{\"input_cost_per_token\":1,\"output_cost_per_token\":1},"
             "\"claude-opus-4-7\":{\"input_cost_per_token\":2,\"output_cost_per_token\":3}}");
    ck_assert_str_eq(cost(session("a")), "28");
    ck_assert_str_eq(cost(project("-q")), "600");
    ck_assert_str_eq(string(usage(engine, session("a"), "2026-06-10"), "billed/costUSD"), "5");
    ck_assert_uint_ne(oks_engine_version(engine, &a), version);
    start(false);
    ck_assert_str_eq(cost(project("-q")), "600");
    engine_close(engine);
    engine = NULL;
    ck_assert_int_eq(unlink(at("okstra/okstrafs/prices.json")), 0);
    start(false);
    ck_assert_str_eq(cost(project("-q")), "0.0015");
    ck_assert_str_eq(cost(session("a")), "0.000075");
}
END_TEST

START_TEST(sums_of_millions_are_exact)
{
    static const char *const names_[] = {"one", "two"};
    struct billed_sum part = {.input = INT64_MAX, .output = 1, .cost = INT64_MAX, .requests = 1}, sum;
    struct billed_bag bag = {0}, more = {0};
    size_t n = 3000000;

    for (size_t i = 0; i < n; i++)
        billed_add(billed_bag_at(&bag, names_[i % 2]), &part);
    billed_bag_total(&bag, &sum);
    ck_assert(sum.input == (unsigned __int128)INT64_MAX * n && sum.cost == sum.input);
    ck_assert_uint_eq(sum.requests, n);
    ck_assert_int_eq(billed_bag_add(&more, &bag), 0);
    billed_bag_take(&more, &bag);
    billed_bag_total(&more, &sum);
    ck_assert(sum.input == 0 && sum.cost == 0 && billed_is_zero(&sum));
    billed_bag_clear(&bag);
    billed_bag_clear(&more);
}
END_TEST

START_TEST(teams_and_members_are_billed_too)
{
    put_file(P "lead.jsonl", LINE("m1", .input = 1000000, .more = "\"teamName\":\"T\","));
    put_file(P "w.jsonl",
             LINE("m2", .input = 2000000, .more = "\"teamName\":\"T\",\"agentName\":\"x-worker\","));
    put_file(P "fork.jsonl",
             LINE("m2", .input = 2000000, .more = "\"teamName\":\"T\",\"agentName\":\"y-worker\","));
    start(false);
    ck_assert_str_eq(cost(team("T")), "15");
    ck_assert_int_eq(number(usage(engine, team("T"), NULL), "billed/requests"), 2);
    ck_assert_str_eq(string(usage(engine, team("T"), NULL), "usageSummary/costUSD"), "15");
    ck_assert_str_eq(string(usage(engine, team("T"), NULL), "leadUsage/billed/costUSD"), "5");
    ck_assert_str_eq(string(usage(engine, team("T"), NULL), "workers/0/usage/billed/costUSD"), "10");
    ck_assert_str_eq(cost((struct oks_target){OKS_MEMBER, "T", "x-worker"}),
                     "0"); /* fork.jsonl sorts first */
    ck_assert_str_eq(cost((struct oks_target){OKS_MEMBER, "T", "y-worker"}), "10");
}
END_TEST

/* --- what is left of deleted transcripts --- */

static bool is_retained(const char *id)
{
    return json_object_get_boolean(member_at(usage(engine, session(id), NULL), "retained"));
}

static bool is_there(const char *id)
{
    return usage_text(engine, session(id), NULL) != NULL;
}

START_TEST(deleted_transcripts_stay_counted)
{
    const char *m1 = LINE("m1", .input = 1000), *m2 = LINE("m2", .input = 500);

    put_file(P "a.jsonl", text_of("%s%s{\"unfinished", m1, m2));
    put_file(P "b.jsonl", text_of("%s%s", m1, LINE("m3", .input = 7)));
    start(false);
    ck_assert_int_eq(billed("a", "inputTokens"), 1500);
    ck_assert(!is_retained("a"));
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    for (int pass = 0; pass < 3; pass++) {
        ck_assert(is_retained("a"));
        ck_assert_int_eq(billed("a", "inputTokens"), 1500);
        ck_assert_int_eq(input_tokens(engine, session("a"), NULL), 1500);
        ck_assert_int_eq(input_tokens(engine, session("a"), "2026-06-10"), 1500);
        ck_assert_int_eq(billed("b", "inputTokens"), 7);
        ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 2507);
        ck_assert(!is_retained("b"));
        start(false);
    }
    /* It comes back, as another file, and goes on. */
    put_file(P "a.jsonl", text_of("%s%s", m2, LINE("m4", .input = 3)));
    ck_assert(!is_retained("a"));
    ck_assert_int_eq(billed("a", "inputTokens"), 503);
    ck_assert_int_eq(billed("b", "inputTokens"), 1007);
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    start(true); /* the history store is no cache */
    ck_assert(is_retained("a"));
    start(false);
    start_afresh();
    ck_assert(!is_there("a"));
}
END_TEST

START_TEST(what_was_deleted_meanwhile_is_retained_too)
{
    for (int i = 0; i < 300; i++)
        put_file(text_of(PROJECTS "-q/s%d.jsonl", i), LINE(text_of("q%d", i), .input = 1));
    put_file(P "a/subagents/agent-1.jsonl", LINE("m1", .input = 5, .sidechain = true));
    start(false);
    ck_assert_int_eq(billed("s7", "inputTokens"), 1);
    engine_close(engine);
    engine = NULL;
    ck_assert_int_eq(unlink(at(PROJECTS "-q/s7.jsonl")), 0);
    ck_assert_int_eq(unlink(at(P "a/subagents/agent-1.jsonl")), 0);
    for (int pass = 0; pass < 2; pass++) {
        start(false);
        ck_assert(is_retained("s7") && is_retained("agent-1") && !is_retained("s8"));
        ck_assert_int_eq(billed("s7", "inputTokens"), 1);
        ck_assert_int_eq(billed("agent-1", "inputTokens"), 5);
        ck_assert_int_eq(number(usage(engine, project("-q"), NULL), "billed/inputTokens"), 300);
    }
}
END_TEST

START_TEST(a_file_that_moves_is_not_retained)
{
    put_file(P "a.jsonl", LINE("m1", .input = 1));
    put_file(PROJECTS "-q/b.jsonl", LINE("m2", .input = 2));
    start(false);
    ck_assert_int_eq(billed("a", "inputTokens"), 1);
    ck_assert_int_eq(rename(at(P "a.jsonl"), at(P "c.jsonl")), 0);
    ck_assert(!is_there("a"));
    ck_assert_int_eq(billed("c", "inputTokens"), 1);
    ck_assert_int_eq(rename(at(PROJECTS "-q/b.jsonl"), at(P "b.jsonl")), 0);
    ck_assert(!is_retained("b"));
    ck_assert_int_eq(input_tokens(engine, session("b"), NULL), 2);
    ck_assert_int_eq(number(usage(engine, session("b"), NULL), "transcripts"), 1);
    engine_close(engine);
    engine = NULL;
    ck_assert_int_eq(rename(at(P "c.jsonl"), at(P "d.jsonl")), 0);
    start(false);
    ck_assert_int_eq(billed("d", "inputTokens"), 1);
    ck_assert(!is_there("c"));
}
END_TEST

START_TEST(what_is_forgotten_counts_no_more)
{
    struct oks_engine *other;
    size_t n = 0;

    for (int i = 0; i < 3; i++)
        put_file(text_of(P "s%d.jsonl", i), LINE(text_of("m%d", i), .input = 1));
    start(false);
    ck_assert_int_eq(billed("s0", "inputTokens"), 1);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(unlink(at(text_of(P "s%d.jsonl", i))), 0);
    start(false);
    ck_assert(is_retained("s0") && is_retained("s1"));
    ck_assert_int_eq(oks_engine_forget(engine, "s2", &n), -EBUSY);
    ck_assert_int_eq(oks_engine_forget(engine, "none", &n), -ENOENT);
    other = engine;
    engine = engine_open((struct engine_options){0});
    ck_assert(is_retained("s0"));
    ck_assert_int_eq(oks_engine_forget(engine, "s0", &n), 0);
    ck_assert_uint_eq(n, 1);
    ck_assert(!is_there("s0") && is_there("s1"));
    oks_engine_free(engine);
    engine = other; /* which was there all the time */
    ck_assert(!is_there("s0") && is_retained("s1"));
    ck_assert_int_eq(oks_engine_forget(engine, NULL, &n), 0);
    ck_assert_uint_eq(n, 1);
    ck_assert(!is_there("s1") && is_there("s2"));
    start(false);
    ck_assert_str_eq(sessions(engine), "s2");
}
END_TEST

/* --- the saver's queue --- */

/* `n` requests, whose ids are packed from the 32nd on. */
static char *many_lines(int from, int n)
{
    char *text = "";

    for (int i = from; i < from + n; i++)
        text = text_of("%s%s", text, LINE(text_of("m%d", i), NULL, .input = 1));
    return text;
}

/* Within the second that the saver itself lets pass. */
static bool is_saved(json_object *status)
{
    return json_object_get_boolean(json_object_object_get(json_object_object_get(status, "cache"), "saved"));
}

START_TEST(who_scans_helps_a_saver_that_is_behind)
{
    put_file(P "a.jsonl", many_lines(0, 100));
    put_file(P "b.jsonl", many_lines(100, 100));
    start(false);
    ck_assert_int_eq(oks_engine_start_saver(engine), 0);
    engine->saver.ids_waiting_max = 0;
    ck_assert_int_eq(billed("a", "requests"), 100);
    ck_assert_int_eq(number(status_of(engine), "cache/writes"), 2);
    ck_assert_uint_eq(engine->saver.ids_waiting, 0);
    append_file(P "a.jsonl", many_lines(200, 100));
    engine->saver.ids_waiting_max = SAVER_IDS_MAX;
    ck_assert_int_eq(billed("a", "requests"), 200);
    ck_assert_uint_gt(engine->saver.ids_waiting, 0);
    ck_assert(!is_saved(status_of(engine)));
    oks_engine_save(engine);
    ck_assert(is_saved(status_of(engine)));
    ck_assert_uint_eq(engine->saver.ids_waiting, 0);
}
END_TEST

START_TEST(a_help_that_fails_is_not_offered_again)
{
    put_file("okstra/cache", "no folder");
    put_file(P "a.jsonl", many_lines(0, 100));
    put_file(P "b.jsonl", many_lines(100, 100));
    start(false);
    ck_assert_int_eq(oks_engine_start_saver(engine), 0);
    engine->saver.ids_waiting_max = 0;
    ck_assert_int_eq(billed("a", "requests"), 100);
    ck_assert_int_eq(number(status_of(engine), "cache/writeErrors"), 1);
    append_file(P "a.jsonl", many_lines(200, 100));
    ck_assert_int_eq(billed("a", "requests"), 200);
    ck_assert_int_eq(number(status_of(engine), "cache/writeErrors"), 1);
}
END_TEST

/* --- everything at once: random histories, forked and replayed --- */

enum { FILES = 6, IDS = 40 };

/* What all sessions' documents say, a line each. */
static char *everything(void)
{
    char *all = "";
    char *names_now_ = sessions(engine), *save, *id;

    for (id = strtok_r(names_now_, " ", &save); id; id = strtok_r(NULL, " ", &save))
        all = text_of("%s%s %s\n", all, id,
                      json_object_to_json_string(member_at(usage(engine, session(id), NULL), "billed")));
    return all;
}

static char *file_at(int i)
{
    return text_of(i % 2 ? PROJECTS "-q/f%d.jsonl" : P "f%d.jsonl", i);
}

/* Lines that share ids within and across files. */
static char *random_file(int lines)
{
    char *text = "";

    for (int i = 0; i < lines; i++) {
        int id = rand() % IDS;

        text = text_of("%s%s", text,
                       rand() % 8 == 0
                           ? nested(text_of("m%d", id), rand() % 50)
                           : LINE(text_of("m%d", id),
                                  text_of("2026-06-%02dT01:00:%02d.000Z", 1 + rand() % 3, rand() % 60),
                                  .model = rand() % 5 ? "claude-opus-4-7" : "claude-haiku-4-5",
                                  .input = rand() % 100, .output = rand() % 4, .reads = rand() % 1000,
                                  .sidechain = rand() % 3 == 0, .open = rand() % 3 == 0));
    }
    return text;
}

START_TEST(neither_cuts_nor_order_nor_restarts_change_anything)
{
    unsigned rounds = by_effort(2, 12, 60);

    for (unsigned round = 0; round < rounds; round++) {
        char *files[FILES], *expected;
        size_t written[FILES] = {0};
        bool left = true;

        srand(round);
        for (int i = 0; i < FILES; i++) {
            files[i] = random_file(1 + rand() % 30);
            if (i > 1 && rand() % 2) /* a fork */
                files[i] = text_of("%s%s", files[rand() % i], files[i]);
        }
        remove_tree("okstra"); /* the round before had other files of these names */
        for (int i = 0; i < FILES; i++)
            put_file(file_at(i), files[i]);
        start(true);
        expected = everything();
        engine_close(engine);
        engine = NULL;
        for (int i = 0; i < FILES; i++)
            put_file(file_at(i), "");
        start(false);
        while (left) {
            int i = rand() % FILES;
            size_t rest = strlen(files[i]) - written[i], n = rest ? 1 + (size_t)rand() % rest : 0;

            append_file(file_at(i), text_of("%.*s", (int)n, files[i] + written[i]));
            written[i] += n;
            switch (rand() % 6) {
            case 0:
                start(false);
                break;
            case 1:
                oks_engine_save(engine);
                break;
            case 2:
            case 3:
                usage(engine, session(text_of("f%d", rand() % FILES)), rand() % 2 ? "2026-06-02" : NULL);
                break;
            }
            left = false;
            for (int k = 0; k < FILES; k++)
                left |= written[k] < strlen(files[k]);
        }
        ck_assert_str_eq(everything(), expected);
        start(false);
        ck_assert_str_eq(everything(), expected);
        oks_engine_free(engine);
        engine = NULL;
        for (int i = 0; i < FILES; i++)
            ck_assert_int_eq(unlink(at(file_at(i))), 0);
    }
}
END_TEST

START_TEST(windows_that_part_time_part_the_totals)
{
    static const char *const windows[] = {"_@1780272000", "2026-06-01_2026-06-01", "2026-06-02_2026-06-02",
                                          "2026-06-03_2026-06-03", "2026-06-04_"};
    static const char *const keys[] = {"requests", "inputTokens", "outputTokens", "cacheReadTokens"};
    unsigned rounds = by_effort(2, 10, 100);

    for (unsigned round = 0; round < rounds; round++) {
        srand(1000 + round);
        for (int i = 0; i < FILES; i++)
            put_file(file_at(i), random_file(rand() % 400));
        start(round % 2);
        for (int i = 0; i < FILES; i++)
            for (int k = 0; k < 4; k++) {
                struct oks_target f = session(text_of("f%d", i));
                int64_t sum = 0;

                for (int w = 0; w < 5; w++)
                    sum += number(usage(engine, f, windows[w]), text_of("billed/%s", keys[k]));
                ck_assert_int_eq(sum, number(usage(engine, f, NULL), text_of("billed/%s", keys[k])));
            }
        for (int i = 0; i < FILES; i++)
            unlink(at(file_at(i)));
        start(true);
    }
}
END_TEST

/* --- real transcripts --- */

static char *samples;

static json_object *reference(void)
{
    const char *folder = getenv("OKSTRAFS_SAMPLES");
    static json_object *files;

    if (files)
        return files;
    if (!folder)
        return NULL;
    samples = text_of("%s", folder);
    json_object *whole = json_object_from_file(text_of("%s/REFERENCE_TOTALS.json", samples));

    if (whole)
        json_object_object_get_ex(kept(whole), "files", &files);
    return files;
}

static void copy_sample(const char *from, const char *to)
{
    char *bytes;
    size_t len;
    FILE *in = fopen(text_of("%s/%s", samples, from), "re");

    ck_assert_ptr_nonnull(in);
    fseek(in, 0, SEEK_END);
    len = (size_t)ftell(in);
    rewind(in);
    bytes = malloc(len + 1);
    ck_assert_uint_eq(fread(bytes, 1, len, in), len);
    fclose(in);
    make_parents(to);
    make_file(to, bytes, len);
    free(bytes);
}

static bool is_sample(const char *name, json_object *totals)
{
    json_object *max;

    return strncmp(name, "claude/", 7) == 0 && !strstr(name, "journal.jsonl") &&
           json_object_object_get_ex(totals, "totals_max_output_per_id", &max);
}

static const char *const token_keys[][2] = {
    {"inputTokens", "input_tokens"},
    {"outputTokens", "output_tokens"},
    {"cacheCreationTokens", "cache_creation_input_tokens"},
    {"cacheReadTokens", "cache_read_input_tokens"},
    {"cacheCreation5mTokens", "cache_write_5m"},
    {"cacheCreation1hTokens", "cache_write_1h"},
};

static int64_t reference_number(json_object *totals, const char *path, const char *key)
{
    json_object *value;

    return json_object_object_get_ex(member_at(totals, path), key, &value) ? json_object_get_int64(value) : 0;
}

START_TEST(each_real_transcript_alone)
{
    if (!reference())
        return;
    json_object_object_foreach(reference(), name, totals)
    {
        char *base = basename(text_of("%s", name)), *to = text_of(P "%s", base);
        char *id = text_of("%.*s", (int)strlen(base) - 6, base);
        json_object *b;
        int64_t requests = 0;

        if (!is_sample(name, totals))
            continue;
        copy_sample(name, to);
        start(true);
        b = member_at(usage(engine, session(id), NULL), "billed");
        for (size_t k = 0; k < 6; k++)
            ck_assert_msg(number(b, token_keys[k][0]) ==
                              reference_number(totals, "totals_max_output_per_id", token_keys[k][1]),
                          "%s: %s", name, token_keys[k][0]);
        json_object_object_foreach(member_at(totals, "by_model_max_output"), model, of_model)
        {
            (void)model;
            requests += number(of_model, "messages");
        }
        ck_assert_msg(number(b, "requests") == requests, "%s", name);
        ck_assert_int_eq(unlink(at(to)), 0);
    }
}
END_TEST

static bool is_project(const char *name)
{
    return strstr(name, "/real_projects/") != NULL;
}

/* Their ids are world-wide: counted together they are the sum of what each file has alone. */
START_TEST(the_real_projects_together)
{
    int64_t sum[6] = {0}, expected[6] = {0};
    char *list, *save, *id;

    if (!reference())
        return;
    json_object_object_foreach(reference(), name, totals)
    {
        if (!is_sample(name, totals) || !is_project(name))
            continue;
        copy_sample(name,
                    text_of(PROJECTS "%s", strstr(name, "/real_projects/") + strlen("/real_projects/")));
        for (size_t k = 0; k < 6; k++)
            expected[k] += reference_number(totals, "totals_max_output_per_id", token_keys[k][1]);
    }
    for (int pass = 0; pass < 3; pass++) {
        memset(sum, 0, sizeof(sum));
        start(pass == 2);
        list = sessions(engine);
        for (id = strtok_r(list, " ", &save); id; id = strtok_r(NULL, " ", &save))
            for (size_t k = 0; k < 6; k++)
                sum[k] += billed(id, token_keys[k][0]);
        ck_assert_mem_eq(sum, expected, sizeof(sum));
    }
}
END_TEST

/* --- many --- */

START_TEST(a_start_from_the_index_knows_everything)
{
    char *expected;

    for (int i = 0; i < 300; i++)
        put_file(text_of(P "s%03d.jsonl", i),
                 text_of("%s%s%s", LINE("shared", .input = 1, .output = i),
                         LINE(text_of("m%d", i / 2), .input = i), LINE(text_of("own%d", i), .input = 2)));
    start(false);
    expected = everything();
    ck_assert_int_eq(billed("s000", "outputTokens"), 299);
    start(false);
    ck_assert_str_eq(everything(), expected);
    append_file(P "s299.jsonl", LINE("shared", .input = 1, .output = 1000));
    ck_assert_int_eq(billed("s000", "outputTokens"), 1000);
    start(false);
    ck_assert_int_eq(billed("s000", "outputTokens"), 1000);
    ck_assert_int_eq(billed("s123", "inputTokens"), 2);
    start(true);
    ck_assert_int_eq(billed("s000", "outputTokens"), 1000);
}
END_TEST

static char *by_day(void)
{
    struct oks_target all = {.kind = OKS_ALL};
    struct oks_document document;

    oks_engine_prepare_timeline(
        engine, OKS_STATS_BY_DAY); /* before the first sync, as a program that reads only this */
    ck_assert_int_eq(oks_engine_sync(engine, &all, false, NULL), 0);
    ck_assert_int_eq(oks_document_stats(engine, OKS_STATS_BY_DAY, NULL, 0, &document), 0);
    return kept(document.bytes);
}

/* Too long for a message of Check. */
static void same_days(const char *expected)
{
    const char *got = by_day();
    size_t at = 0;

    while (got[at] && got[at] == expected[at])
        at++;
    ck_assert_msg(got[at] == expected[at], "from byte %zu: %.200s ... wanted %.200s", at, got + at,
                  expected + at);
}

START_TEST(rows_of_time_are_the_same_after_a_start_from_the_index)
{
    char *expected;

    for (int i = 0; i < 300; i++)
        put_file(text_of(P "s%03d.jsonl", i), text_of("%s%s", LINE("shared", .input = 1, .output = i),
                                                      LINE(text_of("own%d", i), .input = 2)));
    start(false);
    expected = by_day();
    ck_assert_ptr_null(strstr(expected, "unknown\""));
    start(false);
    same_days(expected);
    ck_assert_int_eq(bytes_scanned(engine), 0);
    append_file(P "s007.jsonl", LINE("new", .input = 1));
    start(true);
    expected = by_day();
    start(false);
    same_days(expected);
    ck_assert_int_eq(unlink(at(P "s009.jsonl")), 0);
    start(false);
    expected = by_day(); /* s009 is retained */
    start(false);
    same_days(expected);
    ck_assert_ptr_nonnull(strstr(expected, "\"inputTokens\": 602"));
}
END_TEST

/* Retained without it: neither the session nor a row of time has it any more. */
START_TEST(an_unfinished_line_goes_with_its_file)
{
    const char *two = LINE("two", .input = 1000), *got;

    put_file(P "a.jsonl", text_of("%s%.*s", LINE("one", .input = 100), (int)strlen(two) - 1, two));
    start(false);
    ck_assert_ptr_nonnull(strstr(by_day(), "\"inputTokens\": 1100"));
    oks_engine_save(engine);
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    got = by_day();
    ck_assert_ptr_null(strstr(got, "\"inputTokens\": 1100"));
    ck_assert_ptr_nonnull(strstr(got, "\"inputTokens\": 100,"));
    ck_assert_ptr_null(strstr(got, "unknown\""));
}
END_TEST

/* What was there under that name goes on, as the history store has it, and the moved one counts once. */
START_TEST(one_that_is_moved_onto_another_counts_once)
{
    put_file(P "a.jsonl", LINE("one", .input = 100));
    put_file(P "b.jsonl", LINE("two", .input = 1000));
    start(false);
    ck_assert_int_eq(billed("a", "inputTokens"), 100);
    oks_engine_save(engine);
    ck_assert_int_eq(rename(at(P "a.jsonl"), at(P "b.jsonl")), 0);
    ck_assert_int_eq(number(usage(engine, project("-p"), NULL), "inputTokens"), 100);
    ck_assert_int_eq(number(usage(engine, project("-p"), NULL), "billed/inputTokens"), 1100);
    ck_assert_str_eq(sessions(engine), "b");
}
END_TEST

/* Its time is that of its last event, as after a start, which knows no other. */
START_TEST(the_time_of_a_deleted_transcript_is_the_same_after_a_start)
{
    struct oks_target target = session("a");
    struct oks_document before, after;

    put_file(P "a.jsonl", LINE("one", .input = 100));
    start(false);
    ck_assert_int_eq(billed("a", "inputTokens"), 100);
    oks_engine_save(engine);
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    sync_target(engine, target, false);
    ck_assert_int_eq(oks_document_usage(engine, &target, NULL, &before), 0);
    start(false);
    sync_target(engine, target, false);
    ck_assert_int_eq(oks_document_usage(engine, &target, NULL, &after), 0);
    ck_assert_int_eq(before.mtime_ns, after.mtime_ns);
    ck_assert_str_eq(kept(before.bytes), kept(after.bytes));
}
END_TEST

/* Many small entries are saved in one file. */
START_TEST(many_small_transcripts_have_no_files_of_their_own)
{
    size_t n;

    for (int i = 0; i < 300; i++)
        put_file(text_of(P "s%03d.jsonl", i), LINE(text_of("own%d", i), .input = 1 + i));
    start(false);
    ck_assert_int_eq(billed("s007", "inputTokens"), 8);
    start(false);
    ck_assert(access(at(CACHES "-p/s007.json"), F_OK) < 0);
    ck_assert_int_eq(unlink(at(CACHES ".okstrafs/index")), 0);
    start(false);
    ck_assert_int_eq(billed("s007", "inputTokens"), 8);
    ck_assert_int_eq(bytes_scanned(engine), 0);
    append_file(P "s007.jsonl", LINE("more", .input = 100)); /* it gets a file of its own now */
    ck_assert_int_eq(unlink(at(P "s009.jsonl")), 0);
    start(false);
    ck_assert_int_eq(billed("s007", "inputTokens"), 108);
    ck_assert_int_eq(unlink(at(P "s007.jsonl")), 0);
    ck_assert_int_eq(billed("s007", "inputTokens"), 108);
    start(false);
    ck_assert_int_eq(billed("s007", "inputTokens"), 108);
    ck_assert_int_eq(billed("s009", "inputTokens"), 10);
    ck_assert_int_eq(oks_engine_forget(engine, "s009", &n), 0);
    ck_assert_uint_eq(n, 1);
    for (int pass = 0; pass < 2; pass++) {
        ck_assert_ptr_null(usage_text(engine, session("s009"), NULL));
        ck_assert_int_eq(billed("s007", "inputTokens"), 108);
        start(false);
    }
}
END_TEST

static char *content_of(const char *rel)
{
    static char text[4096];
    int fd = open(at(rel), O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof(text) - 1);

    ck_assert_int_ge(n, 0);
    close(fd);
    text[n] = '\0';
    return text_of("%s", text);
}

/* Of everything, the sum and what the steps below touch. */
static char *some(void)
{
    static const char *const ids[] = {"s000", "s005", "s007", "s008", "s009", "s299"};
    char *all =
        text_of("%s", json_object_to_json_string(member_at(usage(engine, project("-p"), NULL), "billed")));

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        all = text_of("%s\n%s %s", all, ids[i],
                      json_object_to_json_string(member_at(usage(engine, session(ids[i]), NULL), "billed")));
    return all;
}

/* Where no request stands in two files, a start from the index leaves the map for when something comes. */
START_TEST(a_start_from_the_index_finds_doubles_that_come_later)
{
    const struct {
        int file;
        const char *text;
    } steps[] = {
        {299, ""},                                    /* nothing comes */
        {8, LINE("new8", .input = 4)},                /* a session goes on */
        {7, LINE("own7", .input = 9, .output = 9)},   /* it logs what it did itself */
        {299, LINE("own5", .input = 3, .output = 7)}, /* it logs what another one did */
        {0, text_of("%s%s", LINE("own9", .input = 2), LINE("own7", .output = 1))}, /* a fork */
    };

    for (int k = 0; k < 300; k++)
        put_file(text_of(P "s%03d.jsonl", k), k ? text_of("%s%s", LINE(text_of("m%d", k), .input = k),
                                                          LINE(text_of("own%d", k), .input = 2))
                                                : "");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        char *file = text_of(P "s%03d.jsonl", steps[i].file), *before = content_of(file), *warm;

        start(false);
        some();
        start(false);
        some();
        append_file(file, steps[i].text);
        warm = some();
        start(true);
        ck_assert_str_eq(warm, some());
        start(false);
        ck_assert_str_eq(warm, some());
        put_file(file, before);
    }
}
END_TEST

/* --- the pieces --- */

static int same_row(void *ctx, size_t i, const struct request_row *row)
{
    char *id = text_of("msg_%zu", i);

    ck_assert_uint_eq(row->request.key, i * 7);
    ck_assert_uint_eq(row->request.spend.output, i % 5 == 0 ? i + 1 : i);
    ck_assert_uint_eq(row->first, i * 1000);
    ck_assert(oks_slice_eq(row->message_id, oks_slice_of(id)));
    ck_assert_uint_eq(row->request_id.len, i % 3 ? 0 : 255);
    ++*(size_t *)ctx;
    return 0;
}

START_TEST(rows_come_back_as_they_went_in)
{
    static const char long_id[300] = {[0 ... 298] = 'x'};
    struct oks_requests *q;
    size_t seen = 0, n = 1000, bytes;

    ck_assert_int_eq(oks_requests_new(&q), 0);
    for (size_t i = 0; i < n; i++) {
        struct request_row row = {.request = {.key = i * 7, .spend.output = i, .stamp = OKS_STAMP_NONE},
                                  .first = i * 1000,
                                  .line = i * 1000,
                                  .message_id = oks_slice_of(text_of("msg_%zu", i))};

        if (i % 3 == 0)
            row.request_id = oks_slice_of(long_id);
        if (i % 4 == 0)
            row.request.stamp = oks_stamp_of(oks_slice_of(text_of("about %zu", i)));
        ck_assert_int_eq(requests_append(q, &row, oks_slice_of(text_of("m%zu", i % 300)), OKS_SLICE("a")), 0);
        if (i % 77 == 0)
            requests_trim(q);
    }
    for (size_t i = 0; i < n; i += 5) {
        struct request_row row;

        requests_get(q, i, &row);
        row.request.spend.output++;
        ck_assert_int_eq(requests_set(q, i, &row, requests_model(q, row.model)), 0);
    }
    ck_assert_int_eq(requests_each(q, 0, n, same_row, &seen), 0);
    ck_assert_uint_eq(seen, n);
    ck_assert_uint_eq(requests_find(q, 7 * 500), 500);
    ck_assert_uint_eq(requests_find(q, 3), SIZE_MAX);
    bytes = requests_bytes(q);
    requests_trim(q);
    ck_assert_uint_le(requests_bytes(q) + n * sizeof(uint32_t), bytes);
    ck_assert_uint_eq(requests_find(q, 7 * 500), 500);
    ck_assert_uint_le(requests_models(q), REQUEST_NAMES_MAX);
    oks_requests_free(q);
}
END_TEST

static uint64_t map_keys[20000];

static uint64_t map_key(const void *ctx, struct billing_row_ref place)
{
    return map_keys[place.row];
}

START_TEST(the_map_finds_all_and_forgets_what_left)
{
    struct billing_map map = {.key_of = map_key};
    size_t n = sizeof(map_keys) / sizeof(*map_keys), found;
    struct billing_row_ref place;

    for (size_t i = 0; i < n; i++) { /* some keys twice, some of them with high bits all alike */
        map_keys[i] = i % 3 ? request_key_of_part(i / 2, 0) : i % 2 ? UINT64_MAX - i % 64 : i;
        ck_assert_int_eq(billing_map_reserve(&map, 1), 0);
        billing_map_add(&map, map_keys[i], (struct billing_row_ref){1, (uint32_t)i});
    }
    for (size_t i = 0; i < n; i += 2)
        billing_map_remove(&map, map_keys[i], (struct billing_row_ref){1, (uint32_t)i});
    ck_assert_uint_eq(map.len, n / 2);
    for (size_t i = 0; i < n; i++) {
        found = 0;
        for (size_t at = 0; billing_map_next(&map, map_keys[i], &at, &place);)
            found += place.row == i;
        ck_assert_uint_eq(found, i % 2);
    }
    billing_map_clear(&map);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("billed");

#define SCRATCH(function) FIXTURE_TEST(suite, function, setup, teardown, 120)
    SCRATCH(lines_of_one_response_are_one_request);
    SCRATCH(the_whole_line_with_the_greatest_output_is_kept);
    SCRATCH(what_was_never_asked_of_a_model_does_not_count);
    SCRATCH(without_an_id_the_uuid_is_the_key_and_then_the_place);
    SCRATCH(advisors_are_requests_of_their_own);
    SCRATCH(placeholders_make_a_lower_bound);
    SCRATCH(a_parents_word_yields_to_the_agents_own);
    SCRATCH(a_fork_counts_what_is_its_own);
    SCRATCH(the_original_owns_and_the_best_line_tells);
    SCRATCH(a_line_that_grows_elsewhere_changes_its_owner);
    SCRATCH(an_unfinished_line_counts_once);
    SCRATCH(requests_cost_what_their_models_do);
    SCRATCH(a_tier_is_reached_by_one_request);
    SCRATCH(other_prices_show_at_the_next_read);
    SCRATCH(teams_and_members_are_billed_too);
    SCRATCH(deleted_transcripts_stay_counted);
    SCRATCH(what_was_deleted_meanwhile_is_retained_too);
    SCRATCH(a_file_that_moves_is_not_retained);
    SCRATCH(what_is_forgotten_counts_no_more);
    SCRATCH(who_scans_helps_a_saver_that_is_behind);
    SCRATCH(a_help_that_fails_is_not_offered_again);
    SCRATCH(neither_cuts_nor_order_nor_restarts_change_anything);
    SCRATCH(windows_that_part_time_part_the_totals);
    SCRATCH(each_real_transcript_alone);
    SCRATCH(the_real_projects_together);
    SCRATCH(a_start_from_the_index_knows_everything);
    SCRATCH(an_unfinished_line_goes_with_its_file);
    SCRATCH(one_that_is_moved_onto_another_counts_once);
    SCRATCH(the_time_of_a_deleted_transcript_is_the_same_after_a_start);
    SCRATCH(many_small_transcripts_have_no_files_of_their_own);
    SCRATCH(rows_of_time_are_the_same_after_a_start_from_the_index);
    SCRATCH(a_start_from_the_index_finds_doubles_that_come_later);
    TEST(suite, sums_of_millions_are_exact);
    TEST(suite, rows_come_back_as_they_went_in);
    TEST(suite, the_map_finds_all_and_forgets_what_left);
    return tap_run(suite);
}
