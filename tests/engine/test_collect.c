/*
 * The contract of okstra's incremental collector: each of its tests under its own name, against the engine.
 *
 * "Warm" is asked twice each time: of the engine that did the first scan, which remembers in memory, and of a
 * new one that finds nothing but the cache file. "Fresh" is an engine that neither reads nor writes caches.
 */
#include <spawn.h>
#include <sys/wait.h>

#include "engine_home.h"
#include "cache/cache.h"

#define S PROJECTS "-p/s.jsonl"

static const char wide[] = "2026-06-10T00:00:00Z_2026-06-10T04:00:00Z";
static const char narrow[] = "2026-06-10T00:00:00Z_2026-06-10T02:30:00Z";

static char *fresh_text(struct oks_target target, const char *window)
{
    struct oks_engine *engine = engine_open((struct engine_options){.no_cache = true});
    char *text = usage_text(engine, target, window);

    engine_close(engine);
    return text;
}

/* An engine that starts from what `before` saved. */
static struct oks_engine *restarted(struct oks_engine *before)
{
    engine_close(before);
    return engine_open((struct engine_options){0});
}

/* --- OKSTRA_HOME: the program --- */

/* Runs `okstrafs ARGUMENTS` in a home of its own; okstra_home NULL: not set. */
static void run_program(const char *okstra_home, char *const arguments[])
{
    const char *program = getenv("OKSTRAFS_BIN");
    char *environment[] = {text_of("HOME=%s/home", scratch), text_of("CLAUDE_CONFIG_DIR=%s/claude", scratch),
                           okstra_home ? text_of("OKSTRA_HOME=%s", okstra_home) : NULL, NULL};
    posix_spawn_file_actions_t actions;
    int status;
    pid_t pid;

    ck_assert_msg(program != NULL, "OKSTRAFS_BIN is not set");
    ck_assert_int_eq(posix_spawn_file_actions_init(&actions), 0);
    ck_assert_int_eq(posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0), 0);
    ck_assert_int_eq(posix_spawn(&pid, program, &actions, NULL, arguments, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static bool exists(const char *rel)
{
    return access(at(rel), F_OK) == 0;
}

START_TEST(test_okstra_home_honors_env_isolation)
{
    char *const cat[] = {"okstrafs", "cat", "sessions/s/usage.json", NULL};
    static const char standard[] = "home/.okstra/cache/token-usage/-p/s.json";
    static const char custom[] = "custom/cache/token-usage/-p/s.json";
    static const char *const blank[] = {NULL, "", " ", " \t"};

    make_folder("home");
    put_file(S, text_of("%s\n", record("2026-06-10T01:00:00Z", 1, 1, 0, 0)));
    run_program(text_of("%s/custom", scratch), cat);
    ck_assert(exists(custom));
    ck_assert(!exists("home/.okstra"));
    for (size_t i = 0; i < 4; i++) {
        run_program(blank[i], cat);
        ck_assert_msg(exists(standard), "OKSTRA_HOME %zu", i);
        ck_assert_int_eq(unlink(at(standard)), 0);
    }
    run_program(text_of("  %s/custom/ ", scratch), cat); /* blanks around it are no part of it */
    ck_assert(!exists(standard));
}
END_TEST

/* --- the cache and the identity --- */

/* The cursor in the cache file; -1: there is none that holds. */
static int64_t cached_offset(void)
{
    char root[PATH_MAX];
    struct oks_cache *cache;
    struct oks_state state;
    int64_t offset = -1;

    snprintf(root, sizeof(root), "%s/okstra/cache/token-usage", scratch);
    ck_assert_int_eq(oks_cache_new(&cache, root), 0);
    ck_assert_int_eq(oks_state_init(&state), 0);
    if (oks_cache_load(cache, "-p", "s", &state) == OKS_CACHE_HIT)
        offset = (int64_t)state.offset;
    oks_state_clear(&state);
    oks_cache_free(cache);
    return offset;
}

static void expect_cache(struct oks_engine *engine, int hits, int misses, int64_t bytes)
{
    json_object *status = status_of(engine);

    ck_assert_int_eq(number(status, "cache/hits"), hits);
    ck_assert_int_eq(number(status, "cache/misses"), misses);
    ck_assert_int_eq(number(status, "bytesScanned"), bytes);
}

START_TEST(test_cursor_cache_roundtrip_and_identity_guard)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});

    put_file(S, "{\"a\":1}\n");
    ck_assert_int_eq(cached_offset(), -1);
    usage(engine, session("s"), NULL);
    expect_cache(engine, 0, 1, 8);
    engine = restarted(engine);
    ck_assert_int_eq(cached_offset(), 8);
    usage(engine, session("s"), NULL);
    expect_cache(engine, 1, 0, 0);

    put_file(S, "{\"b\":2}\n"); /* as long, in the same inode, with other content */
    usage(engine, session("s"), NULL);
    expect_cache(engine, 1, 0, 8);
    oks_engine_free(engine); /* without saving: the cache is that of the old content */
    engine = engine_open((struct engine_options){0});
    usage(engine, session("s"), NULL);
    expect_cache(engine, 0, 1, 8);
    engine_close(engine);
}
END_TEST

START_TEST(test_cursor_cache_corrupt_or_wrong_version_falls_back)
{
    static const char *const contents[] = {"not-json{", "{\"schemaVersion\":999}", "", "[]",
                                           "null",      "{\"schemaVersion\":1}"};
    char *want;

    put_file(S, text_of("%s\n", record("2026-06-10T01:00:00Z", 5, 1, 0, 0)));
    want = fresh_text(session("s"), NULL);
    for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++) {
        struct oks_engine *engine = engine_open((struct engine_options){0});

        put_file(CACHES "-p/s.json", contents[i]);
        ck_assert_int_eq(cached_offset(), -1);
        ck_assert_str_eq(usage_text(engine, session("s"), NULL), want);
        ck_assert_int_eq(number(status_of(engine), "cache/hits"), 0);
        engine_close(engine);
        ck_assert_int_gt(cached_offset(), 0); /* and it is written anew */
    }
}
END_TEST

/* --- totals --- */

static void expect_cold_totals(json_object *u)
{
    ck_assert_int_eq(number(u, "inputTokens"), 112);
    ck_assert_int_eq(number(u, "outputTokens"), 18);
    ck_assert_int_eq(number(u, "cacheCreationTokens"), 90);
    ck_assert_int_eq(number(u, "cacheCreation5mTokens"), 80);
    ck_assert_int_eq(number(u, "cacheCreation1hTokens"), 10);
    ck_assert_int_eq(number(u, "cacheReadTokens"), 9000);
    ck_assert_int_eq(number(u, "totalTokens"), 220);
    ck_assert_int_eq(number(u, "toolUses"), 2); /* one before, one in the unfinished line */
    ck_assert_int_eq(number(u, "durationMs"), 2 * 3600 * 1000);
    ck_assert_str_eq(string(u, "agentName"), "codex-worker");
    ck_assert_str_eq(string(u, "model"), "claude-opus-4-7");
    ck_assert_str_eq(string(u, "startedAt"), "2026-06-10T01:00:00Z");
    ck_assert_str_eq(string(u, "endedAt"), "2026-06-10T03:00:00Z");
}

/* Records without a stamp, with a split creation, with nothing but a stamp, and an unfinished last line. */
static void put_mixed(void)
{
    put_file(
        S,
        text_of(
            "{\"agentName\":\"codex-worker\",\"type\":\"system\",\"timestamp\":\"2026-06-10T01:00:00Z\"}\n"
            "%s\n"
            "{\"type\":\"assistant\",\"message\":{\"usage\":{\"input_tokens\":7,\"output_tokens\":3,"
            "\"cache_creation_input_tokens\":40,\"cache_read_input_tokens\":0,\"cache_creation\":"
            "{\"ephemeral_5m_input_tokens\":30,\"ephemeral_1h_input_tokens\":10}}}}\n"
            "{\"type\":\"user\",\"timestamp\":\"2026-06-10T02:00:00Z\"}\n"
            "%s",
            record("2026-06-10T01:01:00Z", 100, 10, 50, 9000), record("2026-06-10T03:00:00Z", 5, 5, 0, 0)));
}

START_TEST(test_incremental_cold_equals_legacy_full_scan)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});
    char *legacy, *cold;

    put_mixed();
    legacy = fresh_text(session("s"), NULL);
    cold = usage_text(engine, session("s"), NULL);
    ck_assert_str_eq(cold, legacy);
    expect_cold_totals(parsed(cold));
    ck_assert_str_eq(usage_text(engine, session("s"), NULL), legacy);
    engine = restarted(engine);
    ck_assert_str_eq(usage_text(engine, session("s"), NULL), legacy);
    expect_cache(engine, 1, 0, (int64_t)strlen(record("2026-06-10T03:00:00Z", 5, 5, 0, 0)));
    engine_close(engine);
}
END_TEST

/* `warm` remembers a body of 100 tokens; it is destroyed and 7 are appended. */
static void destroy_and_append(struct oks_engine *warm, const char *body)
{
    int64_t before;

    overwrite(S, (off_t)strlen(padding_line()), strlen(body) - 1);
    append_file(S, text_of("%s\n", record("2026-06-10T02:00:00Z", 7, 3, 0, 0)));
    before = bytes_scanned(warm);
    ck_assert_int_eq(input_tokens(warm, session("s"), NULL), 107);
    ck_assert_int_eq(bytes_scanned(warm) - before,
                     (int64_t)strlen(record("2026-06-10T02:00:00Z", 7, 3, 0, 0)) + 1);
    ck_assert_int_eq(number(parsed(fresh_text(session("s"), NULL)), "inputTokens"), 7);
}

START_TEST(test_incremental_warm_reads_only_new_bytes)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});
    char *body = text_of("%s\n", record("2026-06-10T01:00:00Z", 100, 10, 0, 0));

    put_file(S, text_of("%s%s", padding_line(), body));
    ck_assert_int_eq(input_tokens(engine, session("s"), NULL), 100);
    oks_engine_save(engine);
    destroy_and_append(engine, body);
    oks_engine_free(engine); /* its cache is that of before the append */
    engine = engine_open((struct engine_options){0});
    ck_assert_int_eq(input_tokens(engine, session("s"), NULL), 107);
    engine = restarted(engine); /* and now that of after it */
    ck_assert_int_eq(input_tokens(engine, session("s"), NULL), 107);
    expect_cache(engine, 1, 0, 0);
    engine_close(engine);
}
END_TEST

static void expect_shrink(struct oks_engine *engine)
{
    char *got;

    ck_assert_int_eq(input_tokens(engine, session("s"), wide), 700);
    got = usage_text(engine, session("s"), narrow);
    ck_assert_str_eq(got, fresh_text(session("s"), narrow));
    ck_assert_int_eq(number(parsed(got), "inputTokens"), 300); /* without that of 03:00 */
    ck_assert_str_eq(string(parsed(got), "endedAt"), "2026-06-10T02:00:00Z");
}

START_TEST(test_incremental_window_shrink_matches_fresh_scan)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});

    put_file(S, text_of("%s\n%s\n%s\n", record("2026-06-10T01:00:00Z", 100, 10, 0, 0),
                        record("2026-06-10T02:00:00Z", 200, 20, 0, 0),
                        record("2026-06-10T03:00:00Z", 400, 40, 0, 0)));
    expect_shrink(engine);
    engine = restarted(engine);
    expect_shrink(engine);
    engine_close(engine);
}
END_TEST

/* From a file whose last line is unfinished; `engine` may be one that has read that already. */
static void complete_the_tail(struct oks_engine *engine)
{
    ck_assert_int_eq(input_tokens(engine, session("s"), NULL), 15);
    append_file(S, text_of("\n%s\n", record("2026-06-10T03:00:00Z", 100, 9, 0, 0)));
    ck_assert_int_eq(input_tokens(engine, session("s"), NULL), 115); /* 120 if the 5 counted twice */
    ck_assert_str_eq(usage_text(engine, session("s"), NULL), fresh_text(session("s"), NULL));
}

static void put_unfinished(void)
{
    put_file(S, text_of("%s\n%s", record("2026-06-10T01:00:00Z", 10, 1, 0, 0),
                        record("2026-06-10T02:00:00Z", 5, 2, 0, 0)));
}

START_TEST(test_incremental_tail_not_double_counted)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});

    put_unfinished();
    complete_the_tail(engine);
    put_unfinished();
    ck_assert_int_eq(input_tokens(engine, session("s"), NULL), 15);
    engine = restarted(engine);
    ck_assert_int_eq(cached_offset(), (int64_t)strlen(record("2026-06-10T01:00:00Z", 10, 1, 0, 0)) + 1);
    complete_the_tail(engine);
    engine_close(engine);
}
END_TEST

static void put_three(void)
{
    put_file(S, text_of("%s\n%s\n%s\n", record("2026-06-10T01:00:00Z", 10, 1, 0, 0),
                        record("2026-06-10T02:00:00Z", 20, 2, 0, 0),
                        record("2026-06-10T03:00:00Z", 30, 3, 0, 0)));
}

START_TEST(test_incremental_truncate_triggers_full_rescan)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});
    size_t line = strlen(record("2026-06-10T01:00:00Z", 10, 1, 0, 0)) + 1;
    char *other = text_of("%s\n", record("2026-06-10T09:00:00Z", 8, 1, 0, 0));

    put_three();
    ck_assert_int_eq(input_tokens(engine, session("s"), NULL), 60);
    put_file(S, other); /* another, shorter content */
    ck_assert_int_eq(input_tokens(engine, session("s"), NULL), 8);

    put_three();
    ck_assert_int_eq(input_tokens(engine, session("s"), NULL), 60);
    ck_assert_int_eq(truncate(at(S), (off_t)(2 * line)), 0); /* the same head, cut behind it */
    ck_assert_int_eq(input_tokens(engine, session("s"), NULL), 30);

    put_three();
    ck_assert_int_eq(input_tokens(engine, session("s"), NULL), 60);
    engine_close(engine);
    ck_assert_int_eq(truncate(at(S), (off_t)(2 * line)), 0); /* while nobody looked */
    engine = engine_open((struct engine_options){0});
    ck_assert_int_eq(input_tokens(engine, session("s"), NULL), 30);
    expect_cache(engine, 0, 1, (int64_t)(2 * line));
    engine_close(engine);
}
END_TEST

START_TEST(test_claude_session_totals_window_filter)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});

    put_file(S,
             text_of("%s\n%s\n%s\n{\"type\":\"assistant\",\"message\":{\"usage\":{\"input_tokens\":1000}}}\n",
                     record("2026-06-10T01:00:00Z", 1, 0, 0, 0), record("2026-06-10T02:00:00Z", 10, 0, 0, 0),
                     record("2026-06-10T03:00:00Z", 100, 0, 0, 0)));
    /* Both bounds belong to the window; what has no stamp is in every window. */
    ck_assert_int_eq(input_tokens(engine, session("s"), NULL), 1111);
    ck_assert_int_eq(input_tokens(engine, session("s"), "2026-06-10T02:00:00Z_2026-06-10T02:00:00Z"), 1010);
    ck_assert_int_eq(input_tokens(engine, session("s"), "2026-06-10T02:00:00Z_"), 1110);
    ck_assert_int_eq(input_tokens(engine, session("s"), "_2026-06-10T02:00:00Z"), 1011);
    ck_assert_int_eq(input_tokens(engine, session("s"), "2026-06-10T02:00:00.001Z_"),
                     1110); /* '.' is before 'Z' */
    ck_assert_int_eq(input_tokens(engine, session("s"), "2026-06-10T02:00:01Z_2026-06-10T01:00:00Z"), 1000);
    engine_close(engine);
}
END_TEST

START_TEST(test_total_tokens_excludes_cache_read)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});
    struct oks_target target = session("s");
    struct oks_document line;
    json_object *u;

    put_file(S, text_of("%s\n", record("2026-06-10T01:00:00Z", 100, 20, 5, 9000)));
    u = usage(engine, target, NULL);
    ck_assert_int_eq(number(u, "totalTokens"), 125);
    ck_assert_int_eq(number(u, "cacheReadTokens"), 9000);
    ck_assert_int_eq(oks_document_total_tokens(engine, &target, NULL, &line), 0);
    ck_assert_str_eq(line.bytes, "125\n");
    oks_document_clear(&line);
    engine_close(engine);
}
END_TEST

/* --- teams --- */

#define A PROJECTS "-p/sess-a.jsonl"

/* `engine` knows the file without a team; what it has read is destroyed and a tag appended. */
static void tag_later(struct oks_engine *engine)
{
    static const char tag[] = "{\"team\":{\"teamName\":\"okstra-T1\"}}\n";
    int64_t before;

    ck_assert_str_eq(teams(engine), "");
    overwrite(A, (off_t)strlen(padding_line()), 8);
    append_file(A, tag);
    before = bytes_scanned(engine);
    ck_assert_str_eq(teams(engine), "okstra-T1");
    ck_assert_str_eq(names(engine, OKS_LIST_SESSIONS, team("OKSTRA-t1")), "sess-a");
    ck_assert_str_eq(teams(engine), "okstra-T1");
    ck_assert_int_eq(bytes_scanned(engine) - before,
                     sizeof(tag) - 1); /* once found, nothing is read for it */
}

static void put_untagged(void)
{
    put_file(A, text_of("%s{\"type\":\"user\",\"text\":\"no team here\"}\n", padding_line()));
}

START_TEST(test_team_needle_scan_is_incremental)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});

    put_untagged();
    tag_later(engine);
    engine_close(engine);

    ck_assert_int_eq(unlink(at(A)), 0);
    put_untagged();
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(teams(engine), "");
    engine = restarted(engine);
    tag_later(engine);
    engine = restarted(engine);
    ck_assert_str_eq(teams(engine), "okstra-T1");
    expect_cache(engine, 1, 0, 0);
    engine_close(engine);
}
END_TEST

START_TEST(test_team_needle_cache_caps_needle_count)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});
    char *cache, *list = "";
    size_t len;

    put_file(A, "{\"type\":\"user\"}\n");
    for (int i = 0; i < 20; i++) {
        append_file(A, text_of("{\"teamName\":\"team-%02d\"}\n", i));
        list = text_of("%s%steam-%02d", list, i ? " " : "", i);
    }
    ck_assert_str_eq(teams(engine), list);
    engine = restarted(engine);
    cache = kept(read_file(at(CACHES "-p/sess-a.json"), &len));
    ck_assert_int_eq(json_object_object_length(member_at(parsed(cache), "needles")), 16);
    ck_assert_str_eq(teams(engine), list); /* the cap is the collector's: ours forgets none */
    expect_cache(engine, 1, 0, 0);
    engine_close(engine);
}
END_TEST

/* --- the whole --- */

#define TEAM "okstra-TG:TID:tid"
#define RUN  "project/.okstra/tasks/TG/TID/runs/phase/"

static void put_member(const char *sid, const char *agent, const char *first, const char *second, int in,
                       int out)
{
    put_file(
        text_of(PROJECTS "-project/%s.jsonl", sid),
        text_of("{\"sessionId\":\"%s\",\"agentName\":\"%s\",\"team\":{\"teamName\":\"" TEAM
                "\"},\"cwd\":\"%s/project\","
                "\"timestamp\":\"%s\",\"type\":\"system\"}\n"
                "{\"sessionId\":\"%s\",\"type\":\"assistant\",\"timestamp\":\"%s\",\"message\":{\"model\":"
                "\"claude-sonnet-4-6\",\"usage\":{\"input_tokens\":%d,\"output_tokens\":%d,"
                "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0}}}\n",
                sid, agent, scratch, first, sid, second, in, out));
}

static void put_run(void)
{
    put_member("lead-sid", "lead", "2026-06-10T09:00:00Z", "2026-06-10T09:01:00Z", 10, 20);
    put_member("codex-1", "codex-worker", "2026-06-10T10:00:00Z", "2026-06-10T10:05:00Z", 100, 200);
    put_member("codex-2", "codex-worker-002", "2026-06-10T10:10:00Z", "2026-06-10T10:20:00Z", 300, 400);
    put_file(
        RUN "state/team-state-error-analysis-001.json",
        "{\"schemaVersion\":\"1.0\",\"taskKey\":\"TG:TID:tid\","
        "\"runDirectoryPath\":\".okstra/tasks/TG/TID/runs/phase\",\"team\":{\"teamName\":\"" TEAM "\"},"
        "\"runEndedAt\":\"2026-06-10T11:00:00Z\",\"lead\":{\"sessionId\":\"lead-sid\",\"model\":\"opus\"},"
        "\"workers\":[{\"workerId\":\"codex\",\"agent\":\"codex\",\"model\":\"gpt-5.5\"}]}");
    put_file(RUN "manifests/run-manifest-error-analysis-001.json",
             "{\"createdAt\":\"2026-06-10T08:00:00Z\"}");
}

static void expect_run(json_object *u)
{
    ck_assert_str_eq(string(u, "taskKey"), "TG:TID:tid");
    ck_assert_str_eq(string(u, "window/since"), "2026-06-10T08:00:00Z");
    ck_assert_str_eq(string(u, "window/until"), "2026-06-10T11:00:00Z");
    ck_assert_int_eq(number(u, "usageSummary/workerTotalTokens"), 1000);
    ck_assert_int_eq(number(u, "usageSummary/leadTotalTokens"), 30);
    ck_assert_str_eq(string(u, "leadUsage/sessionId"), "lead-sid");
    ck_assert_int_eq((int)json_object_array_length(member_at(u, "workers")), 1);
    ck_assert_str_eq(string(u, "workers/0/workerId"), "codex");
    ck_assert_str_eq(string(u, "workers/0/model"), "gpt-5.5");
    ck_assert_str_eq(string(u, "workers/0/usage/sessionId"), "codex-1");
    ck_assert_int_eq((int)json_object_array_length(member_at(u, "workers/0/usage/additionalSessionIds")), 1);
    ck_assert_str_eq(string(u, "workers/0/usage/additionalSessionIds/0"), "codex-2");
    ck_assert_int_eq((int)json_object_array_length(member_at(u, "others")), 0);
}

START_TEST(test_collect_cold_warm_nocache_identical)
{
    struct oks_engine *engine = engine_open((struct engine_options){0});
    char *cold;

    put_run();
    cold = usage_text(engine, team(TEAM), NULL);
    expect_run(parsed(cold));
    ck_assert_str_eq(usage_text(engine, team(TEAM), NULL), cold);
    engine = restarted(engine);
    ck_assert_str_eq(usage_text(engine, team(TEAM), NULL), cold);
    expect_cache(engine, 3, 0, 0);
    ck_assert_str_eq(fresh_text(team(TEAM), NULL), cold);
    engine_close(engine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("collect");

    SCRATCH_TEST(suite, test_okstra_home_honors_env_isolation);
    SCRATCH_TEST(suite, test_cursor_cache_roundtrip_and_identity_guard);
    SCRATCH_TEST(suite, test_cursor_cache_corrupt_or_wrong_version_falls_back);
    SCRATCH_TEST(suite, test_incremental_cold_equals_legacy_full_scan);
    SCRATCH_TEST(suite, test_incremental_warm_reads_only_new_bytes);
    SCRATCH_TEST(suite, test_incremental_window_shrink_matches_fresh_scan);
    SCRATCH_TEST(suite, test_incremental_tail_not_double_counted);
    SCRATCH_TEST(suite, test_incremental_truncate_triggers_full_rescan);
    SCRATCH_TEST(suite, test_claude_session_totals_window_filter);
    SCRATCH_TEST(suite, test_total_tokens_excludes_cache_read);
    SCRATCH_TEST(suite, test_team_needle_scan_is_incremental);
    SCRATCH_TEST(suite, test_team_needle_cache_caps_needle_count);
    SCRATCH_TEST(suite, test_collect_cold_warm_nocache_identical);
    return tap_run(suite);
}
