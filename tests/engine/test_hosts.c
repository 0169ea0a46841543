/*
 * Hosts: transcripts of other machines in folders of this one. Everything adds up, each request counts once,
 * and a host that is away keeps its counts.
 */
#include "engine_home.h"
#include "okstrafs/stream.h"

#define CONFIG "okstra/okstrafs.json"

static const struct oks_target all = {.kind = OKS_ALL};

static struct oks_target host(const char *name)
{
    return (struct oks_target){.kind = OKS_HOST, .name = name};
}

/* A response that stands in one line; the id is one of the vendor's. */
static char *answer(int id, int input)
{
    return text_of(
        "{\"type\":\"assistant\",\"timestamp\":\"2026-06-10T09:%02d:00.000Z\",\"uuid\":\"u-%d\",\"cwd\":\"/"
        "w\","
        "\"message\":{\"id\":\"msg_%024d\",\"model\":\"claude-opus-4-7\",\"stop_reason\":\"end_turn\","
        "\"usage\":{\"input_tokens\":%d,\"output_tokens\":0}}}\n",
        id % 60, id, id, input);
}

static void configure(const char *hosts)
{
    put_file(CONFIG, text_of("{\"host\": \"here\", \"hosts\": {%s}}", hosts));
}

/* "name": "<scratch>/folder" */
static char *named(const char *name, const char *folder)
{
    return text_of("\"%s\": \"%s/%s\"", name, scratch, folder);
}

static char *laptop_and_build(void)
{
    return text_of("%s, %s", named("laptop", "far/laptop"), named("build", "far/build"));
}

#define LAPTOP "far/laptop/.claude/projects/-w/"
#define BUILD  "far/build/.claude/projects/-w/"

static json_object *by_host(struct oks_engine *engine)
{
    struct oks_document document;

    sync_target(engine, all, false);
    ck_assert_int_eq(oks_document_stats(engine, OKS_STATS_BY_HOST, NULL, 0, &document), 0);
    return parsed(kept(document.bytes));
}

/* "name input requests, ..." of the rows, whose sum is the total's and that of usage.json. */
static const char *rows(struct oks_engine *engine)
{
    json_object *document = by_host(engine), *everything = usage(engine, all, NULL);
    int64_t input = 0, requests = 0;
    char *text = "";

    for (size_t i = 0; i < json_object_array_length(member_at(document, "rows")); i++) {
        json_object *row = member_at(document, text_of("rows/%zu", i)),
                    *own = usage(engine, host(string(row, "key")), NULL);

        text = text_of("%s%s%s %" PRId64 " %" PRId64, text, *text ? ", " : "", string(row, "key"),
                       number(row, "inputTokens"), number(row, "billed/requests"));
        input += number(row, "inputTokens");
        requests += number(row, "billed/requests");
        ck_assert_int_eq(number(own, "inputTokens"), number(row, "inputTokens"));
        ck_assert_int_eq(number(own, "billed/requests"), number(row, "billed/requests"));
        ck_assert_str_eq(string(own, "host"), string(row, "key"));
    }
    ck_assert_int_eq(input, number(document, "total/inputTokens"));
    ck_assert_int_eq(input, number(everything, "inputTokens"));
    ck_assert_int_eq(requests, number(document, "total/billed/requests"));
    ck_assert_int_eq(requests, number(everything, "billed/requests"));
    return text;
}

static json_object *state_of(struct oks_engine *engine, const char *name)
{
    struct oks_target target = host(name);
    struct oks_document document;

    sync_target(engine, all, false);
    ck_assert_int_eq(oks_document_host(engine, &target, &document), 0);
    return parsed(kept(document.bytes));
}

static bool away(struct oks_engine *engine, const char *name)
{
    return json_object_get_boolean(member_at(state_of(engine, name), "away"));
}

static void put_all(void)
{
    put_file(PROJECTS "-w/own.jsonl", answer(1, 1));
    put_file(LAPTOP "lap.jsonl", answer(2, 10));
    put_file(BUILD "built.jsonl", answer(3, 100));
    configure(laptop_and_build());
}

START_TEST(everything_counts_them_all)
{
    struct oks_engine *engine;

    put_all();
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "build 100 1, here 1 1, laptop 10 1");
    ck_assert_int_eq(input_tokens(engine, all, NULL), 111);
    ck_assert_str_eq(sessions(engine), "built lap own");
    ck_assert_str_eq(names(engine, OKS_LIST_HOSTS, all), "build here laptop");
    ck_assert_str_eq(names(engine, OKS_LIST_SESSIONS, host("laptop")), "lap");
    ck_assert_str_eq(names(engine, OKS_LIST_DAYS, host("build")), "2026-06-10");
    ck_assert_ptr_null(names(engine, OKS_LIST_SESSIONS, host("nobody")));
    ck_assert_int_eq(input_tokens(engine, host("laptop"), "2026-06-10T09:00Z_2026-06-10T09:02Z"), 10);
    ck_assert_int_eq(input_tokens(engine, host("laptop"), "2026-06-10T09:03Z_2026-06-10T09:05Z"), 0);
    ck_assert_int_eq(input_tokens(engine, project("-w"), NULL), 111);
    append_file(LAPTOP "lap.jsonl", answer(4, 1000));
    put_file(BUILD "more.jsonl", answer(5, 10000));
    ck_assert_str_eq(rows(engine), "build 10100 2, here 1 1, laptop 1010 2");
    engine_close(engine);
}
END_TEST

START_TEST(without_hosts_this_machine_has_everything)
{
    struct oks_engine *engine;

    put_file(PROJECTS "-w/own.jsonl", answer(1, 1));
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "localhost 1 1");
    ck_assert_str_eq(names(engine, OKS_LIST_HOSTS, all), "localhost");
    ck_assert_str_eq(names(engine, OKS_LIST_SESSIONS, host("localhost")), "own");
    ck_assert(!away(engine, "localhost"));
    put_file(CONFIG, "{\"host\": \"a/b\"}");
    ck_assert_str_eq(rows(engine), "a%2Fb 1 1");
    engine_close(engine);
}
END_TEST

static const char *metrics_of(struct oks_engine *engine)
{
    struct oks_document document;

    sync_target(engine, all, false);
    ck_assert_int_eq(oks_document_metrics(engine, 0, &document), 0);
    return kept(document.bytes);
}

START_TEST(metrics_have_a_series_for_each)
{
    struct oks_engine *engine;

    put_all();
    engine = engine_open((struct engine_options){0});
    ck_assert_ptr_nonnull(strstr(metrics_of(engine), "okstrafs_host_requests_total{host=\"laptop\"} 1\n"));
    ck_assert_ptr_nonnull(
        strstr(metrics_of(engine), "okstrafs_host_tokens_total{host=\"build\",type=\"input\"} 100\n"));
    ck_assert_ptr_nonnull(
        strstr(metrics_of(engine), "okstrafs_host_tokens_total{host=\"here\",type=\"input\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(metrics_of(engine), "okstrafs_host_away{host=\"laptop\"} 0\n"));
    ck_assert_int_eq(rename(at("far/laptop"), at("far/gone")), 0);
    ck_assert_ptr_nonnull(strstr(metrics_of(engine), "okstrafs_host_away{host=\"laptop\"} 1\n"));
    configure("");
    ck_assert_ptr_null(strstr(metrics_of(engine), "okstrafs_host_"));
    engine_close(engine);
}
END_TEST

START_TEST(the_configuration_applies_at_once)
{
    struct oks_engine *engine;

    put_all();
    configure("");
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "here 1 1");
    configure(named("laptop", "far/laptop"));
    ck_assert_str_eq(rows(engine), "here 1 1, laptop 10 1");
    configure(laptop_and_build());
    ck_assert_str_eq(rows(engine), "build 100 1, here 1 1, laptop 10 1");
    configure(text_of("%s, %s", named("notebook", "far/laptop"), named("build", "far/build")));
    ck_assert_str_eq(rows(engine), "build 100 1, here 1 1, notebook 10 1");
    ck_assert_str_eq(names(engine, OKS_LIST_HOSTS, all), "build here notebook");
    configure(named("build", "far/build"));
    ck_assert_str_eq(rows(engine), "build 100 1, here 1 1");
    ck_assert_str_eq(sessions(engine), "built own");
    put_file(CONFIG, "{\"hosts\": {\"x/y\": \"/x\"}}"); /* wrong: what was valid stays */
    ck_assert_str_eq(rows(engine), "build 100 1, here 1 1");
    put_file(CONFIG, text_of("{\"host\": \"build\", \"hosts\": {%s}}", named("build", "far/build")));
    ck_assert_str_eq(rows(engine), "build 101 2"); /* one name is one machine */
    ck_assert_int_eq(unlink(at(CONFIG)), 0);
    ck_assert_str_eq(rows(engine), "localhost 1 1");
    engine_close(engine);
}
END_TEST

static void folders_may_be_of_any_form(const char *folder)
{
    struct oks_engine *engine;

    put_file("far/.claude/projects/-w/lap.jsonl", answer(2, 10));
    configure(named("laptop", folder));
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "laptop 10 1");
    ck_assert(!away(engine, "laptop"));
    ck_assert_int_eq(number(state_of(engine, "laptop"), "folders/0/files"), 1);
    engine_close(engine);
}

START_TEST(a_home)
{
    folders_may_be_of_any_form("far");
}
END_TEST

START_TEST(a_configuration_folder)
{
    folders_may_be_of_any_form("far/.claude/");
}
END_TEST

START_TEST(a_folder_of_transcripts)
{
    folders_may_be_of_any_form("far/.claude/projects");
}
END_TEST

START_TEST(a_home_has_all_sources)
{
    struct oks_engine *engine;

    put_file("far/.config/claude/projects/-w/lap.jsonl", answer(2, 10));
    put_file("far/.codex/sessions/2026/06/10/"
             "rollout-2026-06-10T09-00-00-0197a0c0-0000-7000-8000-000000000001.jsonl",
             "{\"timestamp\":\"2026-06-10T09:00:00.000Z\",\"type\":\"session_meta\",\"payload\":{\"id\":"
             "\"0197a0c0-0000-7000-8000-000000000001\",\"cwd\":\"/w\"}}\n");
    put_file("far/.gemini/tmp/p/chats/session-2026-06-10T09-00-abcdef12.jsonl", "{\"sessionId\":\"g-1\"}\n");
    configure(named("laptop", "far"));
    engine = engine_open((struct engine_options){0});
    sync_target(engine, all, false);
    ck_assert_int_eq(number(state_of(engine, "laptop"), "folders/0/files"), 3);
    engine_close(engine);
}
END_TEST

/* Of an agent that not everybody has. */
START_TEST(another_agent_of_a_host_that_is_away)
{
    struct oks_engine *engine;

    put_file("far/.openclaude/projects/-w/lap.jsonl", answer(2, 10));
    configure(named("laptop", "far"));
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "laptop 10 1");
    engine_close(engine);
    ck_assert_int_eq(rename(at("far"), at("gone")), 0);
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "laptop 10 1");
    put_file(CONFIG, text_of("{\"host\": \"hub\", \"hosts\": {%s}}", named("laptop", "far")));
    ck_assert_str_eq(rows(engine), "laptop 10 1");
    ck_assert(away(engine, "laptop"));
    ck_assert_int_eq(rename(at("gone"), at("far")), 0);
    append_file("far/.openclaude/projects/-w/lap.jsonl", answer(3, 100));
    ck_assert_str_eq(rows(engine), "laptop 110 2");
    engine_close(engine);
}
END_TEST

/* Its first session is copied while the engine runs; the folder above may come earlier. */
START_TEST(another_agent_that_comes_to_a_host)
{
    struct oks_engine *engine;

    put_file(LAPTOP "lap.jsonl", answer(2, 10));
    configure(laptop_and_build());
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "laptop 10 1");
    put_file("far/laptop/.openclaude/projects/-w/new.jsonl", answer(3, 100));
    ck_assert_str_eq(rows(engine), "laptop 110 2");
    make_parents("far/build/.openclaude/x"); /* of a home that did not exist */
    ck_assert_str_eq(rows(engine), "laptop 110 2");
    put_file("far/build/.openclaude/projects/-w/newer.jsonl", answer(4, 1000));
    ck_assert_str_eq(rows(engine), "build 1000 1, laptop 110 2");
    engine_close(engine);
}
END_TEST

START_TEST(a_host_that_is_away_keeps_its_counts)
{
    struct oks_engine *engine;

    put_all();
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "build 100 1, here 1 1, laptop 10 1");
    ck_assert(!away(engine, "laptop"));
    ck_assert_int_eq(rename(at("far/laptop"), at("far/elsewhere")), 0);
    ck_assert_str_eq(rows(engine), "build 100 1, here 1 1, laptop 10 1");
    ck_assert(away(engine, "laptop"));
    ck_assert(!away(engine, "build"));
    ck_assert_str_eq(string(state_of(engine, "laptop"), "folders/0/error"), "no transcripts are there");
    ck_assert_str_eq(string(status_of(engine), "hosts/1/host"), "laptop");
    ck_assert(json_object_get_boolean(member_at(status_of(engine), "hosts/1/away")));
    engine_close(engine);

    engine = engine_open((struct engine_options){0}); /* over a restart */
    ck_assert_str_eq(rows(engine), "build 100 1, here 1 1, laptop 10 1");
    ck_assert(away(engine, "laptop"));
    ck_assert_int_eq(rename(at("far/elsewhere"), at("far/laptop")), 0);
    append_file(LAPTOP "lap.jsonl", answer(4, 1000));
    ck_assert_str_eq(rows(engine), "build 100 1, here 1 1, laptop 1010 2");
    ck_assert(!away(engine, "laptop"));
    engine_close(engine);
}
END_TEST

START_TEST(one_that_is_away_without_caches)
{
    struct oks_engine *engine;

    put_all();
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "build 100 1, here 1 1, laptop 10 1");
    engine_close(engine);
    remove_tree("okstra/cache");
    ck_assert_int_eq(rename(at("far/laptop"), at("far/elsewhere")), 0);
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "build 100 1, here 1 1, laptop 10 1");
    /* put out and in again while it is away: the same */
    configure(named("build", "far/build"));
    ck_assert_str_eq(rows(engine), "build 100 1, here 1 1");
    configure(laptop_and_build());
    ck_assert_str_eq(rows(engine), "build 100 1, here 1 1, laptop 10 1");
    engine_close(engine);
}
END_TEST

START_TEST(one_that_comes_later)
{
    struct oks_engine *engine;

    configure(named("laptop", "far/laptop"));
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "");
    ck_assert(away(engine, "laptop"));
    ck_assert_int_eq(input_tokens(engine, host("laptop"), NULL), 0);
    put_file(LAPTOP "lap.jsonl", answer(2, 10));
    ck_assert_str_eq(rows(engine), "laptop 10 1");
    ck_assert(!away(engine, "laptop"));
    engine_close(engine);
}
END_TEST

/* Of two copies of a transcript the longer one is in the sums of lines; each request is billed once. */
static void copies(bool once)
{
    struct oks_engine *engine;

    put_file(LAPTOP "same.jsonl", answer(2, 10));
    put_file(BUILD "same.jsonl", text_of("%s%s", answer(2, 10), answer(3, 100)));
    configure(laptop_and_build());
    engine = engine_open((struct engine_options){.once = once});
    ck_assert_str_eq(rows(engine), "build 110 2"); /* the first by name */
    ck_assert_str_eq(names(engine, OKS_LIST_SESSIONS, host("laptop")), "");
    if (!once) {
        append_file(LAPTOP "same.jsonl", answer(3, 100));
        ck_assert_str_eq(rows(engine), "build 110 2");
        append_file(LAPTOP "same.jsonl", answer(4, 1000));
        ck_assert_str_eq(rows(engine), "build 1110 3");
        /* and of this machine: it comes first */
        put_file(PROJECTS "-w/same.jsonl", answer(2, 10));
        ck_assert_str_eq(rows(engine), "here 1110 3");
        ck_assert_int_eq(unlink(at(PROJECTS "-w/same.jsonl")), 0);
        sync_target(engine, all, false);
    }
    engine_close(engine);
}

START_TEST(a_transcript_on_two_hosts_counts_once)
{
    copies(false);
}
END_TEST

START_TEST(the_same_for_a_command)
{
    copies(true);
}
END_TEST

START_TEST(rows_of_time_count_a_copy_once)
{
    struct oks_engine *engine;
    struct oks_document document;
    json_object *days;

    put_file(LAPTOP "same.jsonl", answer(2, 10));
    configure(laptop_and_build());
    engine = engine_open((struct engine_options){0});
    for (int i = 0; i < 4; i++) {
        if (i == 1)
            put_file(BUILD "same.jsonl", text_of("%s%s", answer(2, 10), answer(3, 100)));
        if (i == 2)
            append_file(LAPTOP "same.jsonl", text_of("%s%s", answer(3, 100), answer(4, 1000)));
        if (i == 3)
            ck_assert_int_eq(unlink(at(LAPTOP "same.jsonl")), 0);
        sync_target(engine, all, false);
        ck_assert_int_eq(oks_document_stats(engine, OKS_STATS_BY_DAY, NULL, 0, &document), 0);
        days = parsed(kept(document.bytes));
        ck_assert_int_eq(number(days, "rows/0/inputTokens"), number(days, "total/inputTokens"));
        ck_assert_int_eq(number(days, "rows/0/billed/requests"), number(days, "total/billed/requests"));
        ck_assert_int_eq(number(days, "total/inputTokens"), i == 0 ? 10 : i == 1 ? 110 : i == 2 ? 1110 : 110);
        ck_assert_int_eq(number(days, "total/billed/requests"), i == 0 ? 1 : i == 1 ? 2 : 3);
    }
    engine_close(engine);
}
END_TEST

START_TEST(a_request_in_sessions_of_two_hosts_counts_once)
{
    struct oks_engine *engine;

    put_file(LAPTOP "first.jsonl", answer(2, 10));
    put_file(BUILD "fork.jsonl", text_of("%s%s", answer(2, 10), answer(3, 100)));
    configure(laptop_and_build());
    engine = engine_open((struct engine_options){0});
    sync_target(engine, all, false);
    ck_assert_int_eq(number(usage(engine, all, NULL), "billed/requests"), 2);
    rows(engine);
    engine_close(engine);
}
END_TEST

START_TEST(one_folder_by_two_names_counts_for_the_first_host)
{
    struct oks_engine *engine;

    put_file(LAPTOP "lap.jsonl", answer(2, 10));
    ck_assert_int_eq(symlink(at("far/laptop"), at("far/again")), 0);
    configure(text_of("%s, %s", named("zzz", "far/laptop"), named("other", "far/again")));
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "other 10 1");
    configure(text_of("%s, %s", named("aaa", "far/laptop"), named("other", "far/again")));
    ck_assert_str_eq(rows(engine), "aaa 10 1");
    engine_close(engine);
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "aaa 10 1");
    engine_close(engine);
}
END_TEST

START_TEST(this_machines_own_folder_is_its_own)
{
    struct oks_engine *engine;

    put_file(PROJECTS "-w/own.jsonl", answer(1, 1));
    configure(named("laptop", "claude/projects"));
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "here 1 1");
    engine_close(engine);
}
END_TEST

/* The innermost root has a folder, whichever was there first. */
START_TEST(a_folder_inside_another_root)
{
    struct oks_engine *engine;

    put_file(PROJECTS "-w/own.jsonl", answer(1, 1));
    put_file(PROJECTS "copies/.claude/projects/-w/lap.jsonl", answer(2, 10));
    configure("");
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "here 11 2");
    configure(named("laptop", PROJECTS "copies"));
    ck_assert_str_eq(rows(engine), "here 1 1, laptop 10 1");
    append_file(PROJECTS "copies/.claude/projects/-w/lap.jsonl", answer(3, 100));
    ck_assert_str_eq(rows(engine), "here 1 1, laptop 110 2");
    engine_close(engine);
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(rows(engine), "here 1 1, laptop 110 2");
    configure("");
    ck_assert_str_eq(rows(engine), "here 111 3");
    engine_close(engine);
}
END_TEST

static int take_line(void *ctx, const char *bytes, size_t len)
{
    char **text = ctx;

    *text = bytes ? text_of("%s%.*s", *text, (int)len, bytes) : "";
    return 0;
}

START_TEST(events_say_the_host)
{
    struct oks_stream_cursor cursor = {.kind = OKS_STREAM_REQUESTS};
    struct oks_engine *engine;
    char *text = "";
    int64_t mtime_ns;

    put_all();
    engine = engine_open((struct engine_options){0});
    sync_target(engine, all, false);
    ck_assert_int_ge(oks_stream_next(engine, &all, &cursor, take_line, &text, &mtime_ns), 0);
    ck_assert_ptr_nonnull(strstr(text, "\"sessionId\":\"lap\""));
    ck_assert_ptr_nonnull(strstr(text, "\"host\":\"laptop\""));
    ck_assert_ptr_nonnull(strstr(text, "\"host\":\"here\""));
    configure(text_of("%s, %s", named("notebook", "far/laptop"), named("build", "far/build")));
    sync_target(engine, all, false);
    text = "";
    while (oks_stream_next(engine, &all, &cursor, take_line, &text, &mtime_ns) == OKS_STREAM_STARTED_OVER)
        ;
    ck_assert_ptr_nonnull(strstr(text, "\"host\":\"notebook\""));
    oks_stream_end(&cursor);
    engine_close(engine);
}
END_TEST

static uint64_t version(struct oks_engine *engine, const char *name)
{
    struct oks_target target = host(name);

    sync_target(engine, all, false);
    return oks_engine_version(engine, &target);
}

START_TEST(a_change_of_one_host_is_none_of_another)
{
    struct oks_engine *engine;
    uint64_t laptop, build;

    put_all();
    engine = engine_open((struct engine_options){0});
    laptop = version(engine, "laptop");
    build = version(engine, "build");
    append_file(LAPTOP "lap.jsonl", answer(4, 1000));
    ck_assert_uint_ne(version(engine, "laptop"), laptop);
    ck_assert_uint_eq(version(engine, "build"), build);
    ck_assert_uint_eq(version(engine, "nobody"), 0);
    engine_close(engine);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("hosts");

    SCRATCH_TEST(s, everything_counts_them_all);
    SCRATCH_TEST(s, without_hosts_this_machine_has_everything);
    SCRATCH_TEST(s, metrics_have_a_series_for_each);
    SCRATCH_TEST(s, the_configuration_applies_at_once);
    SCRATCH_TEST(s, a_home);
    SCRATCH_TEST(s, a_configuration_folder);
    SCRATCH_TEST(s, a_folder_of_transcripts);
    SCRATCH_TEST(s, a_home_has_all_sources);
    SCRATCH_TEST(s, another_agent_of_a_host_that_is_away);
    SCRATCH_TEST(s, another_agent_that_comes_to_a_host);
    SCRATCH_TEST(s, a_host_that_is_away_keeps_its_counts);
    SCRATCH_TEST(s, one_that_is_away_without_caches);
    SCRATCH_TEST(s, one_that_comes_later);
    SCRATCH_TEST(s, a_transcript_on_two_hosts_counts_once);
    SCRATCH_TEST(s, the_same_for_a_command);
    SCRATCH_TEST(s, rows_of_time_count_a_copy_once);
    SCRATCH_TEST(s, a_request_in_sessions_of_two_hosts_counts_once);
    SCRATCH_TEST(s, one_folder_by_two_names_counts_for_the_first_host);
    SCRATCH_TEST(s, this_machines_own_folder_is_its_own);
    SCRATCH_TEST(s, a_folder_inside_another_root);
    SCRATCH_TEST(s, events_say_the_host);
    SCRATCH_TEST(s, a_change_of_one_host_is_none_of_another);
    return tap_run(s);
}
