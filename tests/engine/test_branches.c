/*
 * stats/by-branch.json, by-effort.json and by-tool.json: which row a line is in, and that rows add up to the
 * total, whatever becomes of the transcripts.
 */
#include "engine_home.h"

#define P     PROJECTS "-p/"
#define CODEX "codex/sessions/2026/06/10/"

static struct oks_engine *engine;

static void reopen(void)
{
    char home[PATH_MAX], claude[PATH_MAX], codex[PATH_MAX];
    const char *dirs[2][2] = {{claude, NULL}, {codex, NULL}};
    struct oks_config config = {.okstra_home = home,
                                .dirs = {[OKS_SOURCE_CLAUDE] = dirs[0], [OKS_SOURCE_CODEX] = dirs[1]}};

    if (engine)
        engine_close(engine);
    snprintf(home, sizeof(home), "%s/okstra", scratch);
    snprintf(claude, sizeof(claude), "%s/claude", scratch);
    snprintf(codex, sizeof(codex), "%s/codex", scratch);
    ck_assert_int_eq(oks_engine_new(&engine, &config), 0);
}

static void setup(void)
{
    scratch_setup();
    make_parents(P);
    make_parents(CODEX);
    reopen();
}

static void teardown(void)
{
    oks_engine_free(engine);
    engine = NULL;
    scratch_teardown();
}

static json_object *stats(enum oks_stats by, const char *window)
{
    struct oks_document document;
    struct oks_window bounds;

    if (window)
        ck_assert_int_eq(oks_window_parse(oks_slice_of(text_of("%s.json", window)), NULL, 0, &bounds), 0);
    sync_target(engine, (struct oks_target){.kind = OKS_ALL}, false);
    ck_assert_int_eq(oks_document_stats(engine, by, window ? &bounds : NULL, 0, &document), 0);
    return parsed(kept(document.bytes));
}

/* "key:input/billed" of each row with a blank between, after the rows were added up. */
static char *rows(enum oks_stats by, const char *window)
{
    json_object *document = stats(by, window), *list = member_at(document, "rows");
    int64_t input = 0, output = 0, requests = 0, billed = 0;
    char *text = "";

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *row = json_object_array_get_idx(list, i);

        text = text_of("%s%s%s:%" PRId64 "/%" PRId64, text, *text ? " " : "", string(row, "key"),
                       number(row, "inputTokens"), number(row, "billed/inputTokens"));
        input += number(row, "inputTokens");
        output += number(row, "outputTokens");
        requests += number(row, "billed/requests");
        billed += number(row, "billed/inputTokens");
    }
    ck_assert_int_eq(input, number(document, "total/inputTokens"));
    ck_assert_int_eq(output, number(document, "total/outputTokens"));
    ck_assert_int_eq(requests, number(document, "total/billed/requests"));
    ck_assert_int_eq(billed, number(document, "total/billed/inputTokens"));
    return text;
}

/* The same of tools: "key:calls". */
static char *tools(const char *window)
{
    json_object *document = stats(OKS_STATS_BY_TOOL, window), *list = member_at(document, "rows");
    int64_t calls = 0;
    char *text = "";

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *row = json_object_array_get_idx(list, i);

        text = text_of("%s%s%s:%" PRId64, text, *text ? " " : "", string(row, "key"), number(row, "calls"));
        calls += number(row, "calls");
    }
    ck_assert_int_eq(calls, number(document, "total/calls"));
    return text;
}

static char *line(const char *id, const char *stamp, int input, const char *more, const char *calls)
{
    return text_of(
        "{\"type\":\"assistant\",\"timestamp\":\"2026-06-%sZ\",\"cwd\":\"/p\",%s\"message\":{\"id\":"
        "\"msg_0123456789abcdefghij%s\",\"model\":\"claude-opus-4-7\",\"stop_reason\":\"end_turn\","
        "\"content\":"
        "[%s],\"usage\":{\"input_tokens\":%d,\"output_tokens\":7}}}\n",
        stamp, more, id, calls, input);
}

#define MAIN  "\"gitBranch\":\"main\",\"effort\":\"high\","
#define TOPIC "\"gitBranch\":\"topic\",\"effort\":\"low\","
#define CALL(name) \
    "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"" name "\",\"input\":{\"name\":\"SECRET\"}}"

/* Three lines that are on main, on another branch, and on none that is known. */
static char *three(void)
{
    return text_of("%s%s%s", line("1", "10T01:00:00", 1, MAIN, CALL("Read")),
                   line("2", "11T01:00:00", 20, TOPIC, CALL("Bash") "," CALL("Read") "," CALL("Bash")),
                   line("3", "12T01:00:00", 300, "", ""));
}

static void check_three(void)
{
    ck_assert_str_eq(rows(OKS_STATS_BY_BRANCH, NULL), "/p:300/300 /p@main:1/1 /p@topic:20/20");
    ck_assert_str_eq(rows(OKS_STATS_BY_EFFORT, NULL), "unknown:300/300 high:1/1 low:20/20");
    ck_assert_str_eq(tools(NULL), "Bash:2 Read:2");
    ck_assert_str_eq(rows(OKS_STATS_BY_BRANCH, "2026-06-10_2026-06-11"), "/p@main:1/1 /p@topic:20/20");
    ck_assert_str_eq(rows(OKS_STATS_BY_EFFORT, "2026-06-11_"), "unknown:300/300 low:20/20");
    ck_assert_str_eq(tools("2026-06-11_"), "Bash:2 Read:1");
    ck_assert_str_eq(rows(OKS_STATS_BY_BRANCH, "2026-07-01_"), "");
    ck_assert_str_eq(tools("2026-07-01_"), "");
}

START_TEST(lines_are_in_the_row_of_what_they_say)
{
    put_file(P "s.jsonl", three());
    check_three();
    ck_assert_str_eq(string(stats(OKS_STATS_BY_BRANCH, NULL), "rows/1/project"), "/p");
    ck_assert_str_eq(string(stats(OKS_STATS_BY_BRANCH, NULL), "rows/1/branch"), "main");
    ck_assert_ptr_null(string(stats(OKS_STATS_BY_BRANCH, NULL), "rows/0/branch"));
    ck_assert_int_eq(number(stats(OKS_STATS_BY_TOOL, NULL), "rows/1/sessions"), 1);
}
END_TEST

START_TEST(rows_outlive_restarts_and_transcripts)
{
    put_file(P "s.jsonl", three());
    check_three();
    reopen(); /* from the cache */
    check_three();
    append_file(P "s.jsonl", line("4", "13T01:00:00", 4000, MAIN, CALL("Read")));
    ck_assert_str_eq(rows(OKS_STATS_BY_BRANCH, NULL), "/p:300/300 /p@main:4001/4001 /p@topic:20/20");
    ck_assert_str_eq(tools(NULL), "Bash:2 Read:3");
    reopen();
    ck_assert_int_eq(unlink(at(P "s.jsonl")), 0); /* from the history store */
    ck_assert_str_eq(rows(OKS_STATS_BY_BRANCH, NULL), "/p:300/300 /p@main:4001/4001 /p@topic:20/20");
    reopen();
    ck_assert_str_eq(rows(OKS_STATS_BY_BRANCH, NULL), "/p:300/300 /p@main:4001/4001 /p@topic:20/20");
    ck_assert_str_eq(rows(OKS_STATS_BY_EFFORT, "2026-06-10"), "high:1/1");
    ck_assert_str_eq(tools(NULL), "Bash:2 Read:3");
}
END_TEST

START_TEST(requests_that_a_file_has_lost_keep_their_branch)
{
    put_file(P "s.jsonl", three());
    check_three();
    put_file(P "s.jsonl", line("9", "12T01:00:00", 5, MAIN, ""));
    ck_assert_str_eq(rows(OKS_STATS_BY_BRANCH, NULL), "/p:0/300 /p@main:5/6 /p@topic:0/20");
    reopen();
    ck_assert_str_eq(rows(OKS_STATS_BY_BRANCH, NULL), "/p:0/300 /p@main:5/6 /p@topic:0/20");
}
END_TEST

START_TEST(an_unfinished_line_counts)
{
    char *last = line("4", "13T01:00:00", 4000, TOPIC, CALL("Grep"));

    put_file(P "s.jsonl", text_of("%s%.*s", three(), (int)strlen(last) - 1, last));
    ck_assert_str_eq(rows(OKS_STATS_BY_BRANCH, NULL), "/p:300/300 /p@main:1/1 /p@topic:4020/4020");
    ck_assert_str_eq(rows(OKS_STATS_BY_BRANCH, "2026-06-12_"), "/p:300/300 /p@topic:4000/4000");
    ck_assert_str_eq(tools(NULL), "Bash:2 Grep:1 Read:2");
    append_file(P "s.jsonl", "\n");
    ck_assert_str_eq(rows(OKS_STATS_BY_BRANCH, NULL), "/p:300/300 /p@main:1/1 /p@topic:4020/4020");
    ck_assert_str_eq(tools("2026-06-12_"), "Grep:1");
}
END_TEST

/* A fork says what its original says; the line with the most output counts, and its branch. */
START_TEST(a_request_has_one_branch)
{
    put_file(P "a.jsonl",
             text_of("%s%s", line("1", "10T01:00:00", 1, MAIN, ""), line("1", "10T01:00:01", 1, TOPIC, "")));
    put_file(P "b.jsonl", line("1", "10T01:00:02", 1, "", ""));
    ck_assert_str_eq(rows(OKS_STATS_BY_BRANCH, NULL), "/p:1/0 /p@main:1/0 /p@topic:1/1");
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    ck_assert_str_eq(rows(OKS_STATS_BY_EFFORT, NULL), "unknown:1/0 high:1/0 low:1/1");
}
END_TEST

START_TEST(more_names_than_are_told_apart)
{
    char *text = "", *branch;

    for (int i = 0; i < 400; i++) {
        branch = text_of("\"gitBranch\":\"b%d\",", i);
        text = text_of("%s%s", text,
                       line(text_of("%03d", i), "10T01:00:00", 1, branch,
                            text_of("{\"type\":\"tool_use\",\"name\":\"tool%d\"}", i)));
    }
    put_file(P "s.jsonl", text);
    ck_assert_ptr_nonnull(strstr(rows(OKS_STATS_BY_BRANCH, NULL), "/p@(others):337/146"));
    ck_assert_ptr_nonnull(strstr(tools(NULL), "(others):337"));
    ck_assert_ptr_nonnull(strstr(tools("2026-06-10"), "(others):337"));
}
END_TEST

START_TEST(a_line_with_too_many_calls_says_how_many)
{
    put_file(P "s.jsonl", line("1", "10T01:00:00", 1, MAIN,
                               CALL("a") "," CALL("a") "," CALL("a") "," CALL("a") "," CALL("a") "," CALL(
                                   "a") "," CALL("a") "," CALL("a") "," CALL("a")));
    append_file(P "s.jsonl", line("2", "10T01:00:00", 1, MAIN, "{\"type\":\"tool_use\"}," CALL("b\\nc")));
    ck_assert_str_eq(tools(NULL), "(others):10 b:1");
}
END_TEST

#define THREAD  "0199a213-81c0-7800-8aa1-bbab2a035a53"
#define ROLLOUT CODEX "rollout-2026-06-10T01-00-00-" THREAD ".jsonl"

static char *item(const char *second, const char *type, const char *payload)
{
    return text_of("{\"timestamp\":\"2026-06-10T01:00:%sZ\",\"type\":\"%s\",\"payload\":{%s}}\n", second,
                   type, payload);
}

static char *count(const char *second, int total, int last)
{
    return item(second, "event_msg",
                text_of("\"type\":\"token_count\",\"info\":{\"total_token_usage\":{\"input_tokens\":%d,"
                        "\"output_tokens\":1},"
                        "\"last_token_usage\":{\"input_tokens\":%d,\"output_tokens\":1}}",
                        total, last));
}

START_TEST(codex_has_a_branch_and_efforts)
{
    put_file(
        ROLLOUT,
        text_of(
            "%s%s%s%s",
            item("00", "session_meta",
                 "\"id\":\"" THREAD "\",\"cwd\":\"/c\",\"git\":{\"branch\":\"dev\",\"repository_url\":"
                 "\"https://SECRET@host/c\"}"),
            item("01", "turn_context", "\"turn_id\":\"" THREAD "\",\"model\":\"gpt-5\",\"effort\":\"high\""),
            item("02", "response_item", "\"type\":\"function_call\",\"name\":\"shell\",\"call_id\":\"1\""),
            count("03", 10, 10)));
    ck_assert_str_eq(rows(OKS_STATS_BY_BRANCH, NULL), "/c@dev:10/10");
    ck_assert_str_eq(rows(OKS_STATS_BY_EFFORT, NULL), "high:10/10");
    reopen(); /* the turn goes on */
    append_file(ROLLOUT, text_of("%s%s%s", count("04", 30, 20),
                                 item("05", "turn_context",
                                      "\"turn_id\":\"2\",\"model\":\"gpt-5\",\"effort\":\"low\""),
                                 count("06", 330, 300)));
    append_file(ROLLOUT,
                text_of("%s%s", item("07", "response_item", "\"type\":\"web_search_call\""),
                        item("08", "response_item", "\"type\":\"local_shell_call\",\"call_id\":\"2\"")));
    ck_assert_str_eq(rows(OKS_STATS_BY_EFFORT, NULL), "high:30/30 low:300/300");
    ck_assert_str_eq(tools(NULL), "local_shell:1 shell:1 web_search:1");
    ck_assert_ptr_null(strstr(json_object_to_json_string(stats(OKS_STATS_BY_BRANCH, NULL)), "SECRET"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("branches");

#define SCRATCH(function) FIXTURE_TEST(suite, function, setup, teardown, 120)
    SCRATCH(lines_are_in_the_row_of_what_they_say);
    SCRATCH(rows_outlive_restarts_and_transcripts);
    SCRATCH(requests_that_a_file_has_lost_keep_their_branch);
    SCRATCH(an_unfinished_line_counts);
    SCRATCH(a_request_has_one_branch);
    SCRATCH(more_names_than_are_told_apart);
    SCRATCH(a_line_with_too_many_calls_says_how_many);
    SCRATCH(codex_has_a_branch_and_efforts);
    return tap_run(suite);
}
