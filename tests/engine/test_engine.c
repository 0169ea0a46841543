/*
 * What changes while the engine runs: files and folders that come, grow, move, go, or were never transcripts.
 *
 * Each case runs twice, once with inotify and once with stat (the last word of its name tells), because the
 * two find changes in quite different ways and must find the same ones.
 */
#include <fcntl.h>
#include <grp.h>

#include "effort.h"
#include "engine_home.h"
#include "base/hash.h"

#define P PROJECTS "-p/"

static enum oks_revalidate mode;
static struct oks_engine *engine;

static void setup(void)
{
    scratch_setup();
    make_parents(P);
    engine = engine_open((struct engine_options){.revalidate = mode});
}

static void setup_inotify(void)
{
    mode = OKS_REVALIDATE_INOTIFY;
    setup();
}

static void setup_stat(void)
{
    mode = OKS_REVALIDATE_STAT;
    setup();
}

static void teardown(void)
{
    oks_engine_free(engine);
    scratch_teardown();
}

/* A new engine that has only what the old one saved. */
static void restart(void)
{
    engine_close(engine);
    engine = engine_open((struct engine_options){.revalidate = mode});
}

static char *line_of(int input)
{
    return text_of("%s\n", record("2026-06-10T01:00:00Z", input, 0, 0, 0));
}

/* Nothing stays of what is deleted. */
static void without_caches(void)
{
    engine_close(engine);
    engine = engine_open((struct engine_options){.revalidate = mode, .no_cache = true});
}

/* A transcript of one record. */
static void put_session(const char *rel, int input)
{
    put_file(rel, line_of(input));
}

static int64_t tokens(const char *id)
{
    return input_tokens(engine, session(id), NULL);
}

static bool is_there(const char *id)
{
    return usage_text(engine, session(id), NULL) != NULL;
}

static void move(const char *from, const char *to)
{
    make_parents(to);
    ck_assert_int_eq(rename(at(from), at(to)), 0);
}

static char *projects(void)
{
    return names(engine, OKS_LIST_PROJECTS, (struct oks_target){.kind = OKS_ALL});
}

/* What `ls sessions` shows: files are looked for, none is read. */
static char *found_sessions(void)
{
    struct oks_target all = {.kind = OKS_ALL};

    sync_target(engine, all, true);
    return names_now(engine, OKS_LIST_SESSIONS, all);
}

/* --- coming and growing --- */

START_TEST(new_files_are_found)
{
    ck_assert_str_eq(sessions(engine), "");
    put_session(P "a.jsonl", 1);
    ck_assert_int_eq(tokens("a"), 1);
    put_session(P "b.jsonl", 2);
    put_session(P "not-one.json", 4);
    put_session(P "journal.jsonl", 8);
    ck_assert_str_eq(sessions(engine), "a b");
    ck_assert_int_eq(tokens("b"), 2);
}
END_TEST

/* Each one right behind a look: within the same tick of the file system's clock. */
START_TEST(files_that_come_in_quick_succession_are_found)
{
    int n = (int)by_effort(40, 200, 200);

    for (int i = 0; i < n; i++) {
        char *id = text_of("s%03d", i);

        put_session(text_of(P "%s.jsonl", id), i + 1);
        ck_assert_msg(is_there(id), "session %d", i);
        ck_assert_int_eq(tokens(id), i + 1);
    }
}
END_TEST

START_TEST(new_folders_are_found)
{
    ck_assert_str_eq(projects(), "");
    put_session(PROJECTS "-q/a.jsonl", 1);
    put_session(PROJECTS "-r/s/subagents/agent-b.jsonl", 2);
    ck_assert_str_eq(projects(), "-q -r");
    ck_assert_str_eq(sessions(engine), "a agent-b");
    put_session(PROJECTS "-r/s/subagents/workflows/w/agent-c.jsonl", 4);
    ck_assert_int_eq(tokens("agent-c"), 4);
}
END_TEST

START_TEST(what_is_appended_is_read_and_nothing_else)
{
    put_session(P "a.jsonl", 1);
    ck_assert_int_eq(tokens("a"), 1);
    for (int i = 2; i <= 50; i++) {
        int64_t before = bytes_scanned(engine);

        append_file(P "a.jsonl", line_of(1));
        ck_assert_int_eq(tokens("a"), i);
        ck_assert_int_eq(bytes_scanned(engine) - before, (int64_t)strlen(line_of(1)));
    }
}
END_TEST

START_TEST(a_read_without_news_reads_nothing)
{
    int64_t before;
    uint64_t version;
    struct oks_target a = session("a");

    put_session(P "a.jsonl", 1);
    ck_assert_int_eq(tokens("a"), 1);
    before = bytes_scanned(engine);
    version = oks_engine_version(engine, &a);
    ck_assert_int_eq(tokens("a"), 1);
    ck_assert_int_eq(bytes_scanned(engine), before);
    ck_assert_uint_eq(oks_engine_version(engine, &a), version);
}
END_TEST

/* Any other may hold a copy of its requests, or their original. */
START_TEST(a_session_is_read_with_all_that_changed)
{
    put_session(P "a.jsonl", 1);
    put_session(P "b.jsonl", 2);
    ck_assert_int_eq(tokens("a"), 1);
    ck_assert_int_eq(bytes_scanned(engine), 2 * (int64_t)strlen(line_of(1)));
    ck_assert_int_eq(tokens("b"), 2);
    ck_assert_int_eq(bytes_scanned(engine), 2 * (int64_t)strlen(line_of(1)));
}
END_TEST

START_TEST(looking_for_sessions_reads_none)
{
    without_caches();
    put_session(P "a.jsonl", 1);
    put_session(PROJECTS "-q/b.jsonl", 2);
    ck_assert_str_eq(found_sessions(), "a b");
    ck_assert_int_eq(bytes_scanned(engine), 0);
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    ck_assert_str_eq(found_sessions(), "b");
    move(PROJECTS "-q", PROJECTS "-r");
    ck_assert_str_eq(found_sessions(), "b");
    ck_assert_str_eq(names_now(engine, OKS_LIST_PROJECTS, session("b")), "-r");
    move(PROJECTS "-r", "elsewhere");
    ck_assert_str_eq(found_sessions(), "");
}
END_TEST

/* --- going and moving --- */

START_TEST(deleted_files_leave)
{
    without_caches();
    put_session(P "a.jsonl", 1);
    put_session(P "b.jsonl", 2);
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 3);
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    ck_assert(!is_there("a"));
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 2);
    ck_assert_int_eq(unlink(at(P "b.jsonl")), 0);
    ck_assert_str_eq(projects(), "");
    put_session(P "a.jsonl", 4); /* and may come again */
    ck_assert_int_eq(tokens("a"), 4);
}
END_TEST

START_TEST(renamed_files_are_other_sessions)
{
    put_session(P "a.jsonl", 1);
    ck_assert_int_eq(tokens("a"), 1);
    move(P "a.jsonl", P "b.jsonl");
    ck_assert_str_eq(sessions(engine), "b");
    ck_assert_int_eq(tokens("b"), 1);
    move(P "b.jsonl", PROJECTS "-q/b.jsonl");
    ck_assert_int_eq(tokens("b"), 1);
    ck_assert_str_eq(projects(), "-q");
    move(PROJECTS "-q/b.jsonl", PROJECTS "-q/b.txt");
    ck_assert_str_eq(sessions(engine), "b");
    move(PROJECTS "-q/b.txt", P "c.jsonl");
    ck_assert_int_eq(tokens("c"), 1);
}
END_TEST

START_TEST(a_file_renamed_over_another_replaces_it)
{
    put_file(P "a.jsonl", text_of("%s%s", padding_line(), line_of(1)));
    put_file("new", text_of("%s%s%s", padding_line(), line_of(2), line_of(4))); /* longer, the same head */
    ck_assert_int_eq(tokens("a"), 1);
    move("new", P "a.jsonl");
    ck_assert_int_eq(tokens("a"), 6);
    restart();
    ck_assert_int_eq(tokens("a"), 6);
}
END_TEST

START_TEST(moved_folders_take_their_files_along)
{
    without_caches();
    put_session(P "a.jsonl", 1);
    put_session(P "s/subagents/agent-b.jsonl", 2);
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 3);
    move(PROJECTS "-p", PROJECTS "-q");
    ck_assert_str_eq(projects(), "-q");
    ck_assert_int_eq(input_tokens(engine, project("-q"), NULL), 3);
    append_file(PROJECTS "-q/s/subagents/agent-b.jsonl", line_of(8));
    ck_assert_int_eq(tokens("agent-b"), 10);
    put_session(PROJECTS "-q/s/subagents/agent-c.jsonl", 16);
    ck_assert_int_eq(tokens("agent-c"), 16);
    move(PROJECTS "-q", "elsewhere");
    ck_assert_str_eq(sessions(engine), "");
    ck_assert_str_eq(projects(), "");
    move("elsewhere", PROJECTS "-p");
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 27);
}
END_TEST

START_TEST(a_folder_that_takes_anothers_place_shows_its_own_files)
{
    without_caches();
    put_session(P "a.jsonl", 1);
    put_session(P "b.jsonl", 2);
    put_session("next/b.jsonl", 4);
    put_session("next/c.jsonl", 8);
    ck_assert_str_eq(sessions(engine), "a b");
    move(PROJECTS "-p", "before");
    move("next", PROJECTS "-p");
    ck_assert_str_eq(sessions(engine), "b c");
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 12);
    append_file(P "c.jsonl", line_of(16));
    ck_assert_int_eq(tokens("c"), 24);
    append_file("before/a.jsonl", line_of(1)); /* nobody's business any more */
    ck_assert_str_eq(sessions(engine), "b c");
}
END_TEST

START_TEST(a_root_may_appear_and_vanish)
{
    without_caches();
    ck_assert_int_eq(rmdir(at(PROJECTS "-p")), 0);
    ck_assert_int_eq(rmdir(at("claude/projects")), 0);
    ck_assert_int_eq(rmdir(at("claude")), 0);
    ck_assert_str_eq(sessions(engine), "");
    put_session(P "a.jsonl", 1);
    ck_assert_int_eq(tokens("a"), 1);
    move("claude/projects", "claude/moved");
    ck_assert_str_eq(sessions(engine), "");
    put_session(P "b.jsonl", 2);
    ck_assert_str_eq(sessions(engine), "b");
}
END_TEST

START_TEST(a_root_may_leave_with_the_folder_above_it)
{
    without_caches();
    put_session(P "a.jsonl", 1);
    ck_assert_int_eq(tokens("a"), 1);
    move("claude", "elsewhere");
    ck_assert_str_eq(sessions(engine), "");
    put_session(P "b.jsonl", 2);
    ck_assert_str_eq(sessions(engine), "b");
    append_file(P "b.jsonl", line_of(4));
    ck_assert_int_eq(tokens("b"), 6);
}
END_TEST

/* More changes between two looks than the kernel keeps: all is looked at again. */
START_TEST(lost_events_lose_nothing)
{
    char *one = text_of("%s", at(P "a.jsonl")), *two = text_of("%s", at(P "b.jsonl"));

    without_caches();
    put_session(P "a.jsonl", 1);
    put_session(P "b.jsonl", 1);
    ck_assert_int_eq(tokens("a"), 1);
    for (int i = 0; i < 20000; i++)
        ck_assert_int_eq(truncate(i % 2 ? one : two, (off_t)strlen(line_of(1))), 0);
    append_file(P "a.jsonl", line_of(2));
    put_session(PROJECTS "-q/c.jsonl", 4);
    ck_assert_int_eq(unlink(two), 0);
    ck_assert_int_eq(tokens("a"), 3);
    ck_assert_int_eq(tokens("c"), 4);
    ck_assert_str_eq(sessions(engine), "a c");
}
END_TEST

/* --- several transcripts of one session --- */

/* Of all sessions together, which comes from running sums. */
static int64_t all_tokens(void)
{
    struct oks_document document;

    ck_assert_int_eq(oks_document_stats(engine, OKS_STATS_BY_PROJECT, NULL, 0, &document), 0);
    return number(parsed(kept(document.bytes)), "total/inputTokens");
}

START_TEST(one_id_in_two_projects_is_one_session)
{
    json_object *u;

    put_session(P "a.jsonl", 1);
    ck_assert_int_eq(tokens("a"), 1);
    put_session(PROJECTS "-q/a.jsonl", 2); /* found when the session has sums already */
    u = usage(engine, session("a"), NULL);
    ck_assert_int_eq(number(u, "inputTokens"), 3);
    ck_assert_int_eq(number(u, "transcripts"), 2);
    append_file(PROJECTS "-q/a.jsonl", line_of(4));
    append_file(P "a.jsonl", line_of(8));
    ck_assert_int_eq(tokens("a"), 15);
    ck_assert_int_eq(all_tokens(), 15);
    restart(); /* each has a cursor and a cache of its own */
    ck_assert_int_eq(tokens("a"), 15);
    ck_assert_int_eq(bytes_scanned(engine), 0);
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    ck_assert_int_eq(tokens("a"), 6);
    ck_assert_str_eq(names(engine, OKS_LIST_PROJECTS, session("a")), "-q");
}
END_TEST

START_TEST(a_file_with_two_names_counts_once_in_its_session)
{
    json_object *u;

    put_session(P "a.jsonl", 1);
    make_parents(PROJECTS "-q/");
    ck_assert_int_eq(link(at(P "a.jsonl"), at(PROJECTS "-q/a.jsonl")), 0);
    u = usage(engine, session("a"), NULL);
    ck_assert_int_eq(number(u, "inputTokens"), 1);
    ck_assert_int_eq(number(u, "transcripts"), 1);
    append_file(P "a.jsonl", line_of(2)); /* whichever name it grows by */
    ck_assert_int_eq(tokens("a"), 3);
    append_file(PROJECTS "-q/a.jsonl", line_of(4));
    ck_assert_int_eq(tokens("a"), 7);
    append_file(P "a.jsonl", line_of(8));
    ck_assert_int_eq(tokens("a"), 15);
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    ck_assert_int_eq(tokens("a"), 15);
}
END_TEST

/* --- caches --- */

/* A file behind the same head, cut and grown again past the cursor. */
static void regrow(void)
{
    ck_assert_int_eq(truncate(at(P "a.jsonl"), (off_t)strlen(padding_line())), 0);
    append_file(P "a.jsonl", text_of("%s%s", line_of(2), line_of(4)));
}

static void put_known(void)
{
    put_file(P "a.jsonl", text_of("%s%s", padding_line(), line_of(1)));
    ck_assert_int_eq(tokens("a"), 1);
}

START_TEST(verify_tail_sees_a_file_cut_and_grown_again)
{
    oks_engine_free(engine);
    engine = engine_open((struct engine_options){.revalidate = mode, .verify_tail = true});
    put_known();
    regrow();
    ck_assert_int_eq(tokens("a"), 6);
    put_known();
    oks_engine_save(engine);
    regrow();
    oks_engine_free(engine); /* the cache is of before */
    engine = engine_open((struct engine_options){.revalidate = mode, .verify_tail = true});
    ck_assert_int_eq(tokens("a"), 6);
    ck_assert_int_eq(number(status_of(engine), "cache/hits"), 0);
}
END_TEST

/* The contract forbids reading what was consumed, so this one cannot be seen. */
START_TEST(without_verify_tail_consumed_bytes_stay_unread)
{
    put_known();
    regrow();
    ck_assert_int_eq(tokens("a"), 5);
}
END_TEST

/* --- cut and grown again, so that the cursor stands inside a line --- */

/* A line that is longer than line_of(). */
static char *long_line_of(int tokens)
{
    return text_of("{\"padding\":\"%0100d\",%s", 0, line_of(tokens) + 1);
}

static void cut_to_head(void)
{
    ck_assert_int_eq(truncate(at(P "a.jsonl"), (off_t)strlen(padding_line())), 0);
}

START_TEST(a_cursor_inside_a_line_starts_the_scan_over)
{
    put_known();
    cut_to_head();
    append_file(P "a.jsonl", text_of("%s%s", long_line_of(20), line_of(4)));
    ck_assert_int_eq(tokens("a"), 24);
    append_file(P "a.jsonl", line_of(100));
    ck_assert_int_eq(tokens("a"), 124);
    restart();
    ck_assert_int_eq(tokens("a"), 124);
}
END_TEST

START_TEST(a_cursor_inside_a_line_is_seen_from_a_cache_file)
{
    put_known();
    append_file(P "a.jsonl", line_of(2));
    ck_assert_int_eq(tokens("a"), 3);
    oks_engine_save(engine);
    oks_engine_free(engine);
    cut_to_head();
    append_file(P "a.jsonl", text_of("%s%s", long_line_of(20), long_line_of(4)));
    engine = engine_open((struct engine_options){.revalidate = mode});
    ck_assert_int_eq(tokens("a"), 24);
    ck_assert_int_eq(number(status_of(engine), "badLines"), 0);
}
END_TEST

/* What is left of the line is white space only, or not even complete. */
START_TEST(a_cursor_near_the_end_of_a_line_starts_the_scan_over)
{
    size_t known = strlen(padding_line()) + strlen(line_of(1)), head = strlen(padding_line());
    char *line = long_line_of(20);

    put_known();
    cut_to_head(); /* the first line behind the cursor is empty */
    append_file(P "a.jsonl", text_of("{\"padding\":\"%0*d\"}\n%s",
                                     (int)(known - head - strlen("{\"padding\":\"\"}")), 0, line));
    ck_assert_int_eq(tokens("a"), 20);
    put_known();
    cut_to_head();
    append_file(P "a.jsonl", text_of("%.*s", (int)strlen(line) - 1, line));
    ck_assert_int_eq(tokens("a"), 20);
    append_file(P "a.jsonl", text_of("\n%s", line_of(4)));
    ck_assert_int_eq(tokens("a"), 24);
}
END_TEST

/* The line before the cursor has the same end as before, but is longer. */
START_TEST(a_bad_line_behind_another_one_starts_the_scan_over)
{
    char *same = line_of(1), *bad = text_of("%*s\n", (int)strlen(same) - 1, "bad");

    put_known();
    cut_to_head();
    append_file(P "a.jsonl", text_of("%sbad\n%s", bad, line_of(4)));
    ck_assert_int_eq(tokens("a"), 4);
    ck_assert_int_eq(number(status_of(engine), "badLines"), 2);
}
END_TEST

START_TEST(a_bad_line_alone_does_not_start_the_scan_over)
{
    uint64_t before;

    put_known();
    before = bytes_scanned(engine);
    append_file(P "a.jsonl", "no record\n");
    ck_assert_int_eq(tokens("a"), 1);
    ck_assert_int_eq(bytes_scanned(engine) - before, strlen("no record\n"));
    append_file(P "a.jsonl", "\n");
    ck_assert_int_eq(tokens("a"), 1);
    append_file(P "a.jsonl", text_of("{\"un%s", "")); /* unfinished */
    ck_assert_int_eq(tokens("a"), 1);
    append_file(P "a.jsonl", text_of("finished\":1}\n%s", line_of(2)));
    ck_assert_int_eq(tokens("a"), 3);
    overwrite(P "a.jsonl", (off_t)strlen(padding_line()),
              strlen(line_of(1)) - 1); /* consumed, and not read */
    append_file(P "a.jsonl", line_of(4));
    ck_assert_int_eq(tokens("a"), 7);
    ck_assert_int_eq(number(status_of(engine), "badLines"), 1);
}
END_TEST

static char *head_digest(const char *bytes, size_t len)
{
    uint8_t sha256[OKS_SHA256_BYTES];
    char hex[OKS_SHA256_HEX];

    ck_assert_int_eq(oks_sha256(bytes, len, sha256), 0);
    oks_hex(sha256, OKS_SHA256_BYTES, hex);
    return text_of("%s", hex);
}

/* Its events say 1000 where the file says 1, so it shows what was read from where. */
START_TEST(a_cache_of_the_collector_is_taken_up)
{
    char *first =
        text_of("{\"teamName\":\"okstra-T1\",\"cwd\":\"/nowhere\",\"type\":\"user\"}\n%s", line_of(1));
    size_t head = strlen(first) < 256 ? strlen(first) : 256;

    put_file(P "a.jsonl", text_of("%s%s", first, line_of(7)));
    put_file(
        CACHES "-p/a.json",
        text_of("{\"schemaVersion\": 1, \"identity\": {\"prefixLen\": %zu, \"sha256\": \"%s\"}, \"usage\": "
                "{\"offset\": "
                "%zu, \"agentName\": \"codex-worker\", \"model\": null, \"events\": [{\"i\": 1000, \"t\": "
                "\"2026-06-10T01:00:00Z\"}]}, \"needles\": {}}",
                head, head_digest(first, head), strlen(first)));
    ck_assert_int_eq(tokens("a"), 1007);
    ck_assert_str_eq(string(usage(engine, session("a"), NULL), "agentName"), "codex-worker");
    ck_assert_str_eq(string(usage(engine, session("a"), NULL), "model"), "claude-opus-4-7");
    ck_assert_str_eq(names(engine, OKS_LIST_TEAMS, session("a")), "okstra-T1");
    ck_assert_int_eq(number(status_of(engine), "cache/hits"), 1);
    ck_assert_int_eq(number(status_of(engine), "lines"), 3);
    restart();
    ck_assert_int_eq(tokens("a"), 1007);
    ck_assert_str_eq(names(engine, OKS_LIST_TEAMS, session("a")), "okstra-T1");
    ck_assert_int_eq(bytes_scanned(engine), 0);
}
END_TEST

/* Such a cache has no digest of the last bytes. */
START_TEST(a_cache_of_the_collector_may_be_of_other_lines)
{
    char *head = padding_line();

    put_file(P "a.jsonl", text_of("%s%s%s", head, long_line_of(7), line_of(9)));
    put_file(
        CACHES "-p/a.json",
        text_of("{\"schemaVersion\": 1, \"identity\": {\"prefixLen\": 256, \"sha256\": \"%s\"}, \"usage\": "
                "{\"offset\": %zu, \"agentName\": null, \"model\": null, \"events\": [{\"i\": 1000}]}, "
                "\"needles\": {}}",
                head_digest(head, 256), strlen(head) + 40));
    ck_assert_int_eq(tokens("a"), 16);
}
END_TEST

START_TEST(without_cache_nothing_is_written)
{
    put_session(P "a.jsonl", 1);
    oks_engine_free(engine);
    engine = engine_open((struct engine_options){.revalidate = mode, .no_cache = true});
    ck_assert_int_eq(tokens("a"), 1);
    oks_engine_save(engine);
    ck_assert_int_ne(access(at("okstra"), F_OK), 0);
}
END_TEST

START_TEST(one_that_looks_once_sees_what_was_there)
{
    put_session(P "a.jsonl", 1);
    oks_engine_free(engine);
    engine = engine_open((struct engine_options){.revalidate = mode, .once = true});
    ck_assert_int_eq(tokens("a"), 1);
    ck_assert_str_eq(string(status_of(engine), "revalidation/mode"), "once");
    append_file(P "a.jsonl", line_of(2));
    put_session(P "b.jsonl", 4);
    put_session(PROJECTS "-q/c.jsonl", 8);
    ck_assert_int_eq(tokens("a"), 1);
    ck_assert_str_eq(sessions(engine), "a");
}
END_TEST

/* --- what is no transcript --- */

/* --- links --- */

#define SHARED "shared/-srv/"

static void put_link(const char *target, const char *rel)
{
    ck_assert_int_eq(symlink(target, at(rel)), 0);
}

static int64_t passed(void)
{
    sync_target(engine, (struct oks_target){.kind = OKS_ALL}, false);
    return number(status_of(engine), "skipped/count");
}

static const char *first_passed(void)
{
    return string(status_of(engine), "skipped/paths/0/path");
}

START_TEST(a_project_may_be_a_link)
{
    without_caches();
    put_session(SHARED "a.jsonl", 1);
    put_session(P "b.jsonl", 2);
    put_link(at("shared/-srv"), PROJECTS "-link");
    ck_assert_str_eq(sessions(engine), "a b");
    ck_assert_str_eq(projects(), "-link -p");
    ck_assert_int_eq(tokens("a"), 1);
    append_file(SHARED "a.jsonl", line_of(4));
    ck_assert_int_eq(tokens("a"), 5);
    put_session(SHARED "c.jsonl", 8);
    put_session(SHARED "c/subagents/agent-1.jsonl", 16);
    ck_assert_str_eq(sessions(engine), "a agent-1 b c");
    append_file(SHARED "c/subagents/agent-1.jsonl", line_of(32));
    ck_assert_int_eq(tokens("agent-1"), 48);
    ck_assert_int_eq(passed(), 0);
    ck_assert_int_eq(unlink(at(SHARED "a.jsonl")), 0);
    ck_assert_str_eq(sessions(engine), "agent-1 b c");
    ck_assert_int_eq(unlink(at(PROJECTS "-link")), 0);
    ck_assert_str_eq(sessions(engine), "b");
}
END_TEST

/* Each read must find it: a target that comes, goes or is replaced sends no event. */
START_TEST(the_target_of_a_link_may_change)
{
    without_caches();
    put_link(at("shared/-srv"), PROJECTS "-link");
    ck_assert_str_eq(sessions(engine), "");
    ck_assert_int_eq(passed(), 1);
    ck_assert_str_eq(first_passed(), at(PROJECTS "-link"));
    put_session(SHARED "a.jsonl", 1);
    ck_assert_str_eq(sessions(engine), "a");
    ck_assert_int_eq(passed(), 0);
    move("shared/-srv", "shared/-old");
    ck_assert_str_eq(sessions(engine), "");
    put_session(SHARED "b.jsonl", 2);
    ck_assert_str_eq(sessions(engine), "b");
    put_link(at("shared/-old"), PROJECTS "-new");
    ck_assert_str_eq(sessions(engine), "a b");
    ck_assert_int_eq(rename(at(PROJECTS "-new"), at(PROJECTS "-link")), 0);
    ck_assert_str_eq(sessions(engine), "a");
    ck_assert_int_eq(unlink(at(PROJECTS "-link")), 0);
    put_session(PROJECTS "-link/c.jsonl", 4);
    ck_assert_str_eq(sessions(engine), "c");
}
END_TEST

START_TEST(a_folder_with_several_names_counts_once)
{
    put_session(SHARED "a.jsonl", 1);
    put_link(at("shared/-srv"), PROJECTS "-b");
    ck_assert_str_eq(projects(), "-b");
    put_link(at("shared/-srv"), PROJECTS "-a"); /* first in order, though it comes later */
    ck_assert_int_eq(tokens("a"), 1);
    ck_assert_str_eq(projects(), "-a");
    restart();
    ck_assert_str_eq(projects(), "-a");
    ck_assert_int_eq(unlink(at(PROJECTS "-a")), 0);
    ck_assert_str_eq(projects(), "-b");
    move("shared/-srv", PROJECTS "-real"); /* its own name */
    put_link("-real", PROJECTS "-0");
    ck_assert_str_eq(projects(), "-real");
    ck_assert_int_eq(tokens("a"), 1);
    ck_assert_str_eq(first_passed(), at(PROJECTS "-b"));
    ck_assert_int_eq(passed(), 1);
}
END_TEST

START_TEST(no_link_leads_round)
{
    make_parents(PROJECTS "-p/x/");
    put_session(P "a.jsonl", 1);
    put_link(".", PROJECTS "-self");
    put_link("..", PROJECTS "-up");
    put_link("/", PROJECTS "-all");
    put_link("-loop", PROJECTS "-loop");
    put_link("../..", P "x/deep");
    put_link("../a.jsonl", P "x/b.jsonl");
    ck_assert_int_eq(mkfifo(at(P "fifo.jsonl"), 0600), 0);
    ck_assert_int_eq(mkfifo(at(P "notes"), 0600), 0);
    ck_assert_str_eq(sessions(engine), "a");
    ck_assert_int_eq(passed(), 6); /* -self is read as what it is */
    ck_assert_str_eq(first_passed(), at(PROJECTS "-all"));
    ck_assert_str_eq(string(status_of(engine), "skipped/paths/2/error"), "not a regular file");
    ck_assert_str_eq(string(status_of(engine), "skipped/paths/3/error"), "a symbolic link");
    ck_assert_int_eq(unlink(at(P "fifo.jsonl")), 0);
    ck_assert_int_eq(unlink(at(P "x/deep")), 0);
    ck_assert_int_eq(unlink(at(PROJECTS "-loop")), 0);
    ck_assert_int_eq(passed(), 3);
    put_link("../a.jsonl", P "x/c.jsonl");
    ck_assert_int_eq(passed(), 4);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(passed(), 4);
}
END_TEST

START_TEST(what_is_no_regular_file_is_no_session)
{
    put_session(P "a.jsonl", 1);
    put_session("secret", 2);
    ck_assert_str_eq(sessions(engine), "a");
    ck_assert_int_eq(mkfifo(at(P "fifo.jsonl"), 0600), 0);
    ck_assert_int_eq(symlink(at("secret"), at(P "link.jsonl")), 0);
    ck_assert_int_eq(symlink("loop.jsonl", at(P "loop.jsonl")), 0);
    make_folder(P "folder.jsonl");
    ck_assert_str_eq(found_sessions(), "a");
    ck_assert_str_eq(sessions(engine), "a");
    ck_assert(!is_there("fifo"));
    ck_assert_int_eq(tokens("a"), 1);
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 1);
}
END_TEST

START_TEST(what_stops_being_a_regular_file_leaves)
{
    static const char *const ids[] = {"a", "b", "c"};

    without_caches();
    for (int i = 0; i < 3; i++)
        put_session(text_of(P "%s.jsonl", ids[i]), 1);
    put_session(P "d.jsonl", 8);
    put_session("secret", 2);
    ck_assert_str_eq(sessions(engine), "a b c d");
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(unlink(at(text_of(P "%s.jsonl", ids[i]))), 0);
    ck_assert_int_eq(mkfifo(at(P "a.jsonl"), 0600), 0);
    ck_assert_int_eq(symlink(at("secret"), at(P "b.jsonl")), 0);
    make_folder(P "c.jsonl");
    ck_assert_str_eq(sessions(engine), "d");
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    put_session(P "a.jsonl", 4); /* a regular one again */
    ck_assert_int_eq(tokens("a"), 4);
}
END_TEST

/* From here on an ordinary user, whom modes stop. */
static void become_nobody(void)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown(scratch, 65534, 65534), 0);
    ck_assert_int_eq(setgroups(0, NULL), 0);
    ck_assert_int_eq(setresgid(65534, 65534, 65534), 0);
    ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
}

static void setup_ordinary(void)
{
    scratch_setup();
    become_nobody();
    make_parents(P);
    engine = engine_open((struct engine_options){.revalidate = mode});
}

static void setup_inotify_ordinary(void)
{
    mode = OKS_REVALIDATE_INOTIFY;
    setup_ordinary();
}

static void setup_stat_ordinary(void)
{
    mode = OKS_REVALIDATE_STAT;
    setup_ordinary();
}

START_TEST(a_file_that_cannot_be_read_stops_no_other)
{
    put_session(P "a.jsonl", 1);
    put_session(P "b.jsonl", 2);
    put_session(P "c.jsonl", 4);
    ck_assert_int_eq(chmod(at(P "b.jsonl"), 0), 0);
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 5);
    ck_assert_int_eq(number(status_of(engine), "fileErrors"), 1);
    ck_assert_str_eq(string(status_of(engine), "errors/0/path"), at(P "b.jsonl"));
    append_file(P "c.jsonl", line_of(8));
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 13);
    ck_assert_int_eq(chmod(at(P "b.jsonl"), 0600), 0);
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 15);
    ck_assert_int_eq(number(status_of(engine), "fileErrors"), 0);
    /* What was counted stays counted while it cannot be read. */
    ck_assert_int_eq(chmod(at(P "b.jsonl"), 0), 0);
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 15);
    ck_assert_int_eq(number(status_of(engine), "fileErrors"), 1);
    ck_assert_int_eq(chmod(at(P "b.jsonl"), 0600), 0);
    append_file(P "b.jsonl", line_of(16));
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 31);
}
END_TEST

START_TEST(a_folder_that_cannot_be_read_stops_no_other)
{
    put_session(P "a.jsonl", 1);
    put_session(PROJECTS "-q/b.jsonl", 2);
    ck_assert_int_eq(chmod(at(PROJECTS "-q"), 0), 0);
    ck_assert_str_eq(sessions(engine), "a");
    ck_assert_int_eq(number(status_of(engine), "skipped/count"), 1);
    ck_assert_int_eq(chmod(at(PROJECTS "-q"), 0700), 0);
    ck_assert_str_eq(sessions(engine), "a b");
    ck_assert_int_eq(tokens("b"), 2);
}
END_TEST

START_TEST(a_folder_that_becomes_unreadable_is_not_asked_for_ever)
{
    put_session(P "a.jsonl", 1);
    put_session(PROJECTS "-q/b.jsonl", 2);
    ck_assert_str_eq(sessions(engine), "a b");
    ck_assert_int_eq(chmod(at(PROJECTS "-q"), 0), 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(tokens("a"), 1);
    ck_assert_int_le(number(status_of(engine), "skipped/count"), 10);
    ck_assert_int_eq(chmod(at(PROJECTS "-q"), 0700), 0);
    put_session(PROJECTS "-q/c.jsonl", 4);
    append_file(PROJECTS "-q/b.jsonl", line_of(8));
    ck_assert_int_eq(tokens("b"), 10);
    ck_assert_int_eq(tokens("c"), 4);
}
END_TEST

/* --- all of them, twice --- */

static void add_case(Suite *suite, const char *name, const TTest *test, SFun before)
{
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, before, teardown);
    tcase_add_test(tcase, test);
    suite_add_tcase(suite, tcase);
}

#define BOTH(suite, function)                                           \
    do {                                                                \
        add_case(suite, #function "_inotify", function, setup_inotify); \
        add_case(suite, #function "_stat", function, setup_stat);       \
    } while (0)

#define BOTH_ORDINARY(suite, function)                                           \
    do {                                                                         \
        add_case(suite, #function "_inotify", function, setup_inotify_ordinary); \
        add_case(suite, #function "_stat", function, setup_stat_ordinary);       \
    } while (0)

int main(void)
{
    Suite *suite = suite_create("engine");

    BOTH(suite, new_files_are_found);
    BOTH(suite, files_that_come_in_quick_succession_are_found);
    BOTH(suite, new_folders_are_found);
    BOTH(suite, what_is_appended_is_read_and_nothing_else);
    BOTH(suite, a_read_without_news_reads_nothing);
    BOTH(suite, a_session_is_read_with_all_that_changed);
    BOTH(suite, looking_for_sessions_reads_none);
    BOTH(suite, deleted_files_leave);
    BOTH(suite, renamed_files_are_other_sessions);
    BOTH(suite, a_file_renamed_over_another_replaces_it);
    BOTH(suite, moved_folders_take_their_files_along);
    BOTH(suite, a_folder_that_takes_anothers_place_shows_its_own_files);
    BOTH(suite, a_root_may_appear_and_vanish);
    BOTH(suite, a_root_may_leave_with_the_folder_above_it);
    BOTH(suite, lost_events_lose_nothing);
    BOTH(suite, one_id_in_two_projects_is_one_session);
    BOTH(suite, a_file_with_two_names_counts_once_in_its_session);
    BOTH(suite, verify_tail_sees_a_file_cut_and_grown_again);
    BOTH(suite, without_verify_tail_consumed_bytes_stay_unread);
    BOTH(suite, a_project_may_be_a_link);
    BOTH(suite, the_target_of_a_link_may_change);
    BOTH(suite, a_folder_with_several_names_counts_once);
    BOTH(suite, no_link_leads_round);
    BOTH(suite, a_cursor_inside_a_line_starts_the_scan_over);
    BOTH(suite, a_cursor_inside_a_line_is_seen_from_a_cache_file);
    BOTH(suite, a_cursor_near_the_end_of_a_line_starts_the_scan_over);
    BOTH(suite, a_bad_line_behind_another_one_starts_the_scan_over);
    BOTH(suite, a_bad_line_alone_does_not_start_the_scan_over);
    BOTH(suite, a_cache_of_the_collector_may_be_of_other_lines);
    BOTH(suite, a_cache_of_the_collector_is_taken_up);
    BOTH(suite, without_cache_nothing_is_written);
    BOTH(suite, one_that_looks_once_sees_what_was_there);
    BOTH(suite, what_is_no_regular_file_is_no_session);
    BOTH(suite, what_stops_being_a_regular_file_leaves);
    BOTH_ORDINARY(suite, a_file_that_cannot_be_read_stops_no_other);
    BOTH_ORDINARY(suite, a_folder_that_cannot_be_read_stops_no_other);
    BOTH_ORDINARY(suite, a_folder_that_becomes_unreadable_is_not_asked_for_ever);
    return tap_run(suite);
}
