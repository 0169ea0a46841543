/*
 * Budgets: the exact amount at which each flips, the exact moment at which a window ends, and whose spending
 * counts for whom.
 */
#include "settings/budget.h"
#include "engine_home.h"

#define HOUR INT64_C(3600000)

/* --- arithmetic --- */

START_TEST(a_budget_flips_at_the_exact_amount)
{
    struct budget b = {.limit = 1000, .warn_at = OKS_USD / 10 * 8};

    ck_assert_int_eq(budget_state_of(&b, 0, 0), BUDGET_OK);
    ck_assert_int_eq(budget_state_of(&b, 799, 0), BUDGET_OK);
    ck_assert_int_eq(budget_state_of(&b, 800, 0), BUDGET_WARN);
    ck_assert_int_eq(budget_state_of(&b, 999, 0), BUDGET_WARN);
    ck_assert_int_eq(budget_state_of(&b, 1000, 0), BUDGET_EXCEEDED);
    b.warn_at = OKS_USD;
    ck_assert_int_eq(budget_state_of(&b, 999, 0), BUDGET_OK);
    b.warn_at = OKS_USD / 3; /* 333.33 */
    ck_assert_int_eq(budget_state_of(&b, 333, 0), BUDGET_OK);
    ck_assert_int_eq(budget_state_of(&b, 334, 0), BUDGET_WARN);
    b = (struct budget){.limit = INT64_MAX, .warn_at = OKS_USD};
    ck_assert_int_eq(budget_state_of(&b, INT64_MAX - 1, 0), BUDGET_OK);
    ck_assert_int_eq(budget_state_of(&b, INT64_MAX, 0), BUDGET_EXCEEDED);
    ck_assert_int_eq(budget_state_of(&b, (budget_amount)-1, 0), BUDGET_EXCEEDED);
}
END_TEST

/* What has no price may have used up what remains. */
START_TEST(a_budget_is_unknown_at_the_exact_amount)
{
    struct budget b = {.limit = 1000, .warn_at = OKS_USD / 10 * 8};

    ck_assert_int_eq(budget_state_of(&b, 0, 999), BUDGET_OK);
    ck_assert_int_eq(budget_state_of(&b, 0, 1000), BUDGET_UNKNOWN);
    ck_assert_int_eq(budget_state_of(&b, 800, 199), BUDGET_WARN);
    ck_assert_int_eq(budget_state_of(&b, 800, 200), BUDGET_UNKNOWN);
    ck_assert_int_eq(budget_state_of(&b, 999, (budget_amount)-1), BUDGET_UNKNOWN);
    ck_assert_int_eq(budget_state_of(&b, 1000, (budget_amount)-1), BUDGET_EXCEEDED);
    ck_assert_str_eq(budget_state_name(BUDGET_UNKNOWN), "unknown");
    ck_assert_str_eq(budget_state_name(BUDGET_EXCEEDED), "exceeded");
}
END_TEST

static int64_t ms(const char *stamp)
{
    int64_t micros;
    bool aware;

    ck_assert_int_eq(oks_stamp_micros(oks_stamp_of(oks_slice_of(stamp)), &micros, &aware), 0);
    return micros / 1000;
}

static void day(const char *zone_name, const char *now, const char *since, const char *until, const char *end)
{
    struct budget_window w;
    struct oks_zone *zone;

    ck_assert_int_eq(oks_zone_new(&zone, zone_name, NULL), 0);
    budget_window_day(zone, ms(now), &w);
    ck_assert_str_eq(w.since, since);
    ck_assert_str_eq(w.until, until);
    ck_assert_int_eq(w.changes_ms, ms(end));
    oks_zone_free(zone);
}

#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"

START_TEST(days_end_at_midnight_wherever_that_is)
{
    day("UTC", "2026-06-10T23:59:59.999Z", "2026-06-10T00:00:00.000Z", "2026-06-10T23:59:59Z",
        "2026-06-11T00:00:00Z");
    day("KST-9", "2026-06-10T14:59:59.999Z", "2026-06-09T15:00:00.000Z", "2026-06-10T14:59:59Z",
        "2026-06-10T15:00:00Z");
    day("KST-9", "2026-06-10T15:00:00.000Z", "2026-06-10T15:00:00.000Z", "2026-06-11T14:59:59Z",
        "2026-06-11T15:00:00Z");
    /* 23 hours, then 25 */
    day(NEW_YORK, "2026-03-08T05:00:00Z", "2026-03-08T05:00:00.000Z", "2026-03-09T03:59:59Z",
        "2026-03-09T04:00:00Z");
    day(NEW_YORK, "2026-03-09T03:59:59.999Z", "2026-03-08T05:00:00.000Z", "2026-03-09T03:59:59Z",
        "2026-03-09T04:00:00Z");
    day(NEW_YORK, "2026-11-01T04:00:00Z", "2026-11-01T04:00:00.000Z", "2026-11-02T04:59:59Z",
        "2026-11-02T05:00:00Z");
    day(NEW_YORK, "1969-12-31T23:59:59.999Z", "1969-12-31T05:00:00.000Z", "1970-01-01T04:59:59Z",
        "1970-01-01T05:00:00Z");
}
END_TEST

START_TEST(blocks_end_by_the_clock_or_by_silence)
{
    struct block block = {0};
    struct budget_window w;

    block_add(&block, ms("2026-06-10T09:30:00Z"));
    budget_window_block(&block, ms("2026-06-10T09:30:00Z"), &w);
    ck_assert(!w.empty);
    ck_assert_str_eq(w.since, "2026-06-10T09:00:00.000Z");
    ck_assert_str_eq(w.until, "2026-06-10T14:00:00.000Z");
    ck_assert_str_eq(w.from, "2026-06-10T09:30:00.000Z");
    ck_assert_int_eq(w.changes_ms, ms("2026-06-10T14:00:00Z"));
    budget_window_block(&block, ms("2026-06-10T14:00:00Z"), &w);
    ck_assert(w.empty);
    ck_assert_int_eq(w.changes_ms, INT64_MAX);
}
END_TEST

/* --- the engine --- */

static int64_t now_ms;

static json_object *budget_at(struct oks_engine *engine, const char *name, bool want)
{
    struct oks_document document;
    int rc;

    oks_engine_clock(engine, now_ms);
    sync_target(engine, (struct oks_target){.kind = OKS_ALL}, false);
    rc = oks_document_budget(engine, name, false, now_ms, &document);
    ck_assert_int_eq(rc, want ? 0 : -ENOENT);
    return want ? parsed(kept(document.bytes)) : NULL;
}

static const char *state(struct oks_engine *engine, const char *name)
{
    return string(budget_at(engine, name, true), "state");
}

static const char *spent(struct oks_engine *engine, const char *name)
{
    return string(budget_at(engine, name, true), "spent");
}

static int collect(void *ctx, const char *name)
{
    return collect_name_(ctx, name);
}

static const char *exceeded(struct oks_engine *engine)
{
    char *list = "";

    oks_engine_clock(engine, now_ms);
    sync_target(engine, (struct oks_target){.kind = OKS_ALL}, false);
    ck_assert_int_eq(oks_engine_budgets(engine, true, collect, &list), 0);
    return list;
}

/* An assistant's line of one request: tokens in, and an end. */
static char *request(const char *id, const char *stamp, int input)
{
    return text_of("{\"type\":\"assistant\",\"timestamp\":\"%s\",\"message\":{\"id\":\"%s\",\"model\":"
                   "\"claude-opus-4-5\",\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":%d,"
                   "\"output_tokens\":0}}}\n",
                   stamp, id, input);
}

static void configure(const char *budgets)
{
    put_file("okstra/okstrafs.json", text_of("{\"timeZone\": \"KST-9\", \"budgets\": {%s}}", budgets));
}

START_TEST(the_exact_token)
{
    struct oks_engine *engine;

    now_ms = ms("2026-06-10T12:00:00Z");
    configure("\"b\": {\"scope\": \"total\", \"limitTokens\": 1000}");
    put_file(PROJECTS "p/s.jsonl", request("m1", "2026-06-10T01:00:00Z", 799));
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(state(engine, "b"), "ok");
    ck_assert_str_eq(exceeded(engine), "");
    append_file(PROJECTS "p/s.jsonl", request("m2", "2026-06-10T02:00:00Z", 1));
    ck_assert_str_eq(state(engine, "b"), "warn");
    append_file(PROJECTS "p/s.jsonl", request("m3", "2026-06-10T03:00:00Z", 199));
    ck_assert_str_eq(state(engine, "b"), "warn");
    ck_assert_str_eq(string(budget_at(engine, "b", true), "ratio"), "0.999");
    ck_assert_str_eq(string(budget_at(engine, "b", true), "remaining"), "1");
    append_file(PROJECTS "p/s.jsonl", request("m3", "2026-06-10T03:00:00Z", 199)); /* the same request */
    ck_assert_str_eq(state(engine, "b"), "warn");
    append_file(PROJECTS "p/s.jsonl", request("m4", "2026-06-10T04:00:00Z", 1));
    ck_assert_str_eq(state(engine, "b"), "exceeded");
    ck_assert_str_eq(exceeded(engine), "b");
    ck_assert_str_eq(string(budget_at(engine, "b", true), "remaining"), "0");
    budget_at(engine, "c", false);
    engine_close(engine);
}
END_TEST

START_TEST(a_day_ends_while_nobody_writes)
{
    struct oks_engine *engine;
    uint64_t version;

    configure("\"b\": {\"scope\": \"day\", \"limitTokens\": 10}");
    put_file(PROJECTS "p/s.jsonl", text_of("%s%s", request("m1", "2026-06-10T14:59:59.999Z", 4),
                                           request("m2", "2026-06-10T15:00:00.000Z", 10)));
    engine = engine_open((struct engine_options){0});
    now_ms = ms("2026-06-10T14:59:59.999Z");
    ck_assert_str_eq(spent(engine, "b"), "4");
    ck_assert_str_eq(string(budget_at(engine, "b", true), "window/since"), "2026-06-09T15:00:00.000Z");
    ck_assert_int_eq(oks_engine_next_change(engine), ms("2026-06-10T15:00:00Z"));
    version = oks_engine_version(engine, &(struct oks_target){.kind = OKS_ALL});
    ck_assert(!oks_engine_clock(engine, now_ms));
    ck_assert_uint_eq(oks_engine_version(engine, &(struct oks_target){.kind = OKS_ALL}), version);
    ck_assert(oks_engine_clock(engine, ++now_ms));
    ck_assert_uint_gt(oks_engine_version(engine, &(struct oks_target){.kind = OKS_ALL}), version);
    ck_assert_str_eq(spent(engine, "b"), "10");
    ck_assert_str_eq(exceeded(engine), "b");
    now_ms += 24 * HOUR;
    ck_assert_str_eq(spent(engine, "b"), "0");
    ck_assert_str_eq(exceeded(engine), "");
    now_ms -= 24 * HOUR; /* the clock is set back */
    ck_assert_str_eq(exceeded(engine), "b");
    engine_close(engine);
}
END_TEST

/* An evaluation by another thread, between the store and the lock of oks_engine_clock(). */
START_TEST(a_day_ends_between_two_threads)
{
    static const struct oks_target all = {.kind = OKS_ALL};
    struct oks_engine *engine;
    struct oks_document document;
    uint64_t version;

    configure("\"b\": {\"scope\": \"day\", \"limitTokens\": 4}");
    put_file(PROJECTS "p/s.jsonl", request("m1", "2026-06-10T14:59:59.999Z", 4));
    engine = engine_open((struct engine_options){0});
    now_ms = ms("2026-06-10T14:59:59.999Z");
    ck_assert_str_eq(state(engine, "b"), "exceeded");
    version = oks_engine_version(engine, &all);
    ck_assert_int_eq(oks_document_budget(engine, "b", false, ++now_ms, &document), 0);
    ck_assert_str_eq(string(parsed(kept(document.bytes)), "state"), "ok");
    ck_assert_uint_gt(document.version, version);
    ck_assert(!oks_engine_clock(engine, now_ms));
    ck_assert_uint_gt(oks_engine_version(engine, &all), version);
    engine_close(engine);
}
END_TEST

START_TEST(a_block_goes_back_to_the_last_silence)
{
    struct oks_engine *engine;

    configure("\"b\": {\"scope\": \"block\", \"limitTokens\": 100}");
    /* the first block is 01:00 to 06:00; 06:30 starts the next; then a silence */
    put_file(PROJECTS "p/s.jsonl",
             text_of("%s%s%s%s%s%s", request("m0", "2026-06-08T01:30:00Z", 1),
                     request("m1", "2026-06-10T01:30:00Z", 2), request("m2", "2026-06-10T05:59:00Z", 4),
                     request("m3", "2026-06-10T06:30:00Z", 8), request("m4", "2026-06-10T11:00:00.000Z", 16),
                     request("m5", "2026-06-10T11:00:01Z", 32)));
    engine = engine_open((struct engine_options){0});
    now_ms = ms("2026-06-10T05:59:30Z");
    ck_assert_str_eq(spent(engine, "b"), "6");
    now_ms = ms("2026-06-10T06:00:00Z"); /* over, and the next has not started */
    ck_assert_str_eq(spent(engine, "b"), "0");
    ck_assert_str_eq(state(engine, "b"), "ok");
    now_ms = ms("2026-06-10T06:30:00Z");
    ck_assert_str_eq(spent(engine, "b"), "24"); /* 06:00 to 11:00 */
    ck_assert_str_eq(string(budget_at(engine, "b", true), "window/since"), "2026-06-10T06:00:00.000Z");
    now_ms = ms("2026-06-10T11:00:01Z");
    ck_assert_str_eq(string(budget_at(engine, "b", true), "window/since"), "2026-06-10T11:00:00.000Z");
    ck_assert_str_eq(spent(engine, "b"), "32"); /* the one at 11:00 belongs to the block before */
    ck_assert_int_eq(oks_engine_next_change(engine), ms("2026-06-10T16:00:00Z"));
    now_ms = ms("2026-06-10T16:00:01Z");
    ck_assert_str_eq(spent(engine, "b"), "0");
    engine_close(engine);
}
END_TEST

START_TEST(each_of_many_or_one)
{
    struct oks_engine *engine;
    json_object *each;

    now_ms = ms("2026-06-10T12:00:00Z");
    configure("\"each\": {\"scope\": \"session\", \"limitTokens\": 100},"
              "\"one\": {\"scope\": \"session\", \"of\": \"s1\", \"limitTokens\": 10},"
              "\"other\": {\"scope\": \"session\", \"of\": \"nobody\", \"limitTokens\": 10},"
              "\"project\": {\"scope\": \"project\", \"of\": \"q\", \"limitTokens\": 20}");
    put_file(PROJECTS "p/s1.jsonl", request("m1", "2026-06-10T01:00:00Z", 9));
    put_file(PROJECTS "p/s2.jsonl", request("m2", "2026-06-10T01:00:00Z", 80));
    put_file(PROJECTS "q/s3.jsonl", request("m3", "2026-06-10T01:00:00Z", 19));
    put_file(PROJECTS "p/s2/subagents/agent-1.jsonl", request("m4", "2026-06-10T01:00:00Z", 20));
    engine = engine_open((struct engine_options){0});
    each = budget_at(engine, "each", true);
    ck_assert_str_eq(string(each, "of"), "s2"); /* with its sub-agent */
    ck_assert_str_eq(string(each, "spent"), "100");
    ck_assert_str_eq(string(each, "state"), "exceeded");
    ck_assert_str_eq(string(each, "rows/0/of"), "s2");
    ck_assert_uint_eq(json_object_array_length(member_at(each, "rows")), 1);
    ck_assert_str_eq(spent(engine, "one"), "9");
    ck_assert_str_eq(state(engine, "one"), "warn");
    ck_assert_str_eq(spent(engine, "other"), "0");
    ck_assert_str_eq(string(budget_at(engine, "other", true), "of"), "nobody");
    ck_assert_str_eq(spent(engine, "project"), "19");
    ck_assert_str_eq(exceeded(engine), "each");
    append_file(PROJECTS "q/s3.jsonl", request("m5", "2026-06-10T02:00:00Z", 1));
    append_file(PROJECTS "p/s1.jsonl", request("m6", "2026-06-10T02:00:00Z", 1));
    ck_assert_str_eq(exceeded(engine), "each one project");
    engine_close(engine);
}
END_TEST

static char *agent_request(const char *id, const char *agent, const char *stamp, int input)
{
    return text_of("{\"type\":\"assistant\",\"agentName\":\"%s\",\"teamName\":\"Blue\",\"timestamp\":\"%s\","
                   "\"message\":{\"id\":\"%s\",\"model\":\"claude-opus-4-5\",\"stop_reason\":\"end_turn\","
                   "\"usage\":{\"input_tokens\":%d,\"output_tokens\":0}}}\n",
                   agent, stamp, id, input);
}

START_TEST(teams_runs_and_agents)
{
    struct oks_engine *engine;

    now_ms = ms("2026-06-10T12:00:00Z");
    configure("\"team\": {\"scope\": \"team\", \"of\": \"bLUE\", \"limitTokens\": 30},"
              "\"run\": {\"scope\": \"run\", \"limitTokens\": 20},"
              "\"agent\": {\"scope\": \"agent-day\", \"of\": \"claude-worker\", \"limitTokens\": 10},"
              "\"agents\": {\"scope\": \"agent-day\", \"limitTokens\": 20}");
    put_file(PROJECTS "p/s1.jsonl",
             text_of("%s%s", agent_request("m1", "claude-worker", "2026-06-09T14:59:59Z", 10),
                     agent_request("m2", "claude-worker", "2026-06-09T15:00:00Z", 9)));
    put_file(PROJECTS "p/s2.jsonl", agent_request("m3", "codex-worker", "2026-06-10T01:00:00Z", 10));
    put_file("work/.okstra/tasks/t/runs/r/state/team-state-a-1.json",
             "{\"teamName\": \"Blue\", \"workers\": []}");
    put_file("work/.okstra/tasks/t/runs/r/manifests/run-manifest-a-1.json",
             "{\"createdAt\": \"2026-06-09T15:00:00Z\"}");
    engine = engine_open((struct engine_options){.task_root = "work"});
    ck_assert_str_eq(spent(engine, "team"), "29");
    ck_assert_str_eq(string(budget_at(engine, "team", true), "of"), "Blue");
    ck_assert_str_eq(spent(engine, "run"), "19");
    ck_assert_str_eq(string(budget_at(engine, "run", true), "of"), "Blue");
    ck_assert_str_eq(spent(engine, "agent"), "9");
    ck_assert_str_eq(spent(engine, "agents"), "10");
    ck_assert_str_eq(string(budget_at(engine, "agents", true), "of"), "codex-worker");
    ck_assert_str_eq(exceeded(engine), "");
    append_file(PROJECTS "p/s1.jsonl", agent_request("m4", "claude-worker", "2026-06-10T02:00:00Z", 1));
    ck_assert_str_eq(exceeded(engine), "agent run team");
    engine_close(engine);
}
END_TEST

START_TEST(the_configuration_changes_at_the_next_read)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});

    now_ms = ms("2026-06-10T12:00:00Z");
    put_file(PROJECTS "p/s.jsonl", request("m1", "2026-06-10T01:00:00Z", 10));
    budget_at(engine, "b", false);
    configure("\"b\": {\"scope\": \"day\", \"limitTokens\": 10}");
    ck_assert_str_eq(exceeded(engine), "b");
    configure("\"b\": {\"scope\": \"day\", \"limitTokens\": 11}");
    ck_assert_str_eq(exceeded(engine), "");
    configure("\"b\": {\"scope\": \"day\", \"limitTokens\": 0}"); /* wrong */
    ck_assert_str_eq(string(budget_at(engine, "b", true), "limit"), "11");
    ck_assert_str_eq(string(status_of(engine), "settings/0/error"),
                     "line 1: budget \"b\": limitTokens must be a whole number above 0");
    ck_assert_int_eq(unlink(at("okstra/okstrafs.json")), 0);
    budget_at(engine, "b", false);
    engine_close(engine);
}
END_TEST

START_TEST(what_shells_read)
{
    struct oks_engine *engine;
    struct oks_document document;

    now_ms = ms("2026-06-10T12:00:00Z");
    configure("\"b\": {\"scope\": \"session\", \"limitTokens\": 10, \"policy\": \"block\"},"
              "\"c\": {\"scope\": \"day\", \"limitTokens\": 25, \"policy\": \"prompt\"}");
    put_file(PROJECTS "p/s1.jsonl", request("m1", "2026-06-10T01:00:00Z", 10));
    put_file(PROJECTS "p/s2.jsonl", request("m2", "2026-06-10T01:00:00Z", 11));
    put_file(PROJECTS "p/s3.jsonl", request("m3", "2026-06-10T01:00:00Z", 3));
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(exceeded(engine), "b");
    ck_assert_int_eq(oks_document_budget(engine, "b", true, now_ms, &document), 0);
    ck_assert_str_eq(document.bytes,
                     "block\tsession\ts2\t11\t10\ttokens\nblock\tsession\ts1\t10\t10\ttokens\n");
    oks_document_clear(&document);
    ck_assert_int_eq(oks_document_budget(engine, "c", true, now_ms, &document), -ENOENT);
    append_file(PROJECTS "p/s3.jsonl", request("m4", "2026-06-10T01:00:00Z", 1));
    ck_assert_str_eq(exceeded(engine), "b c");
    ck_assert_int_eq(oks_document_budget(engine, "c", true, now_ms, &document), 0);
    ck_assert_str_eq(document.bytes, "prompt\tday\t*\t25\t25\ttokens\n");
    oks_document_clear(&document);
    engine_close(engine);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("budget");

    TEST(s, a_budget_flips_at_the_exact_amount);
    TEST(s, a_budget_is_unknown_at_the_exact_amount);
    TEST(s, days_end_at_midnight_wherever_that_is);
    TEST(s, blocks_end_by_the_clock_or_by_silence);
    SCRATCH_TEST(s, the_exact_token);
    SCRATCH_TEST(s, a_day_ends_while_nobody_writes);
    SCRATCH_TEST(s, a_day_ends_between_two_threads);
    SCRATCH_TEST(s, a_block_goes_back_to_the_last_silence);
    SCRATCH_TEST(s, each_of_many_or_one);
    SCRATCH_TEST(s, teams_runs_and_agents);
    SCRATCH_TEST(s, the_configuration_changes_at_the_next_read);
    SCRATCH_TEST(s, what_shells_read);
    return tap_run(s);
}
