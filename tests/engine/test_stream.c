/*
 * Streams: what is told once, in which order, and when it starts over.
 */
#include <errno.h>

#include "engine_home.h"
#include "okstrafs/stream.h"

#define P PROJECTS "-p/"

static struct oks_engine *engine;
static const struct oks_target all = {.kind = OKS_ALL};

static void setup(void)
{
    scratch_setup();
    make_parents(P);
    engine = engine_open((struct engine_options){0});
}

static void teardown(void)
{
    oks_engine_free(engine);
    scratch_teardown();
}

static int take_line(void *ctx, const char *bytes, size_t len)
{
    char **text = ctx;

    if (!bytes) {
        *text = "";
        return 0;
    }
    ck_assert_uint_gt(len, 1);
    ck_assert(bytes[len - 1] == '\n' && !memchr(bytes, '\n', len - 1));
    *text = text_of("%s%.*s", *text, (int)len, bytes);
    return 0;
}

/* What comes behind the cursor; NULL: it starts over. */
static char *next(struct oks_target target, struct oks_stream_cursor *cursor)
{
    int64_t mtime_ns;
    char *text = "";
    int rc;

    sync_target(engine, target, false);
    rc = oks_stream_next(engine, &target, cursor, take_line, &text, &mtime_ns);
    ck_assert_int_ge(rc, 0);
    if (rc == OKS_STREAM_STARTED_OVER) {
        ck_assert_str_eq(text, "");
        ck_assert_uint_eq(cursor->generation, 0);
        return NULL;
    }
    ck_assert(*text == '\0' || mtime_ns > 0);
    return text;
}

static char *fresh(struct oks_target target)
{
    return next(target, &(struct oks_stream_cursor){0});
}

/* The ids of messages in lines of a stream. */
static char *ids(const char *text)
{
    static const char key[] = "\"messageId\":\"";
    char *list = "";

    ck_assert_ptr_nonnull(text);
    for (const char *p = text; (p = strstr(p, key)) != NULL;) {
        p += sizeof(key) - 1;
        list = text_of("%s%s%.*s", list, *list ? " " : "", (int)strcspn(p, "\""), p);
    }
    return list;
}

static char *line(const char *id, const char *stamp, int output, bool open)
{
    return text_of(
        "{\"type\":\"assistant\",\"timestamp\":\"%s\",\"requestId\":\"req_%s\",\"message\":{\"id\":\"%s\","
        "\"model\":\"claude-opus-4-7\",\"stop_reason\":%s,\"content\":[{\"type\":\"tool_use\"}],\"usage\":{"
        "\"input_tokens\":1,\"output_tokens\":%d,\"cache_read_input_tokens\":20,"
        "\"cache_creation_input_tokens\":300}}}\n",
        stamp, id, id, open ? "null" : "\"end_turn\"", output);
}

#define AT(minute) "2026-06-10T01:" minute ":00.000Z"
#define USER       "{\"type\":\"user\",\"message\":{}}\n"

START_TEST(a_line_says_what_a_request_was)
{
    put_file(P "s.jsonl", text_of(USER USER "%s", line("m1", AT("00"), 4000, false)));
    ck_assert_str_eq(fresh(session("s")),
                     "{\"t\":\"2026-06-10T01:00:00.000Z\",\"requestId\":\"req_m1\",\"messageId\":\"m1\","
                     "\"model\":\"claude-opus-4-7\",\"historyLength\":2,\"inputTotalTokens\":321,"
                     "\"cacheReadTokens\":20,\"cacheWriteTokens\":300,\"outputTokens\":4000,\"toolUses\":1,"
                     "\"costUSD\":0.10189,\"agentId\":null,\"sidechain\":false}\n");
    ck_assert_ptr_nonnull(
        strstr(fresh(all),
               "\"costUSD\":0.10189,\"agentId\":null,\"sidechain\":false,\"sessionId\":\"s\",\"source\":"
               "\"claude\",\"parentSessionId\":null,\"project\":\"-p\",\"cwd\":null,\"team\":null,\"agent\":"
               "\"(main)\",\"branch\":null,\"effort\":null,\"host\":\"localhost\",\"id\":\""));
    ck_assert_ptr_nonnull(
        strstr(fresh(all), "\",\"revision\":0,\"open\":false,\"kind\":\"response\",\"requests\":1,"
                           "\"inputTokens\":1,\"cacheCreation5mTokens\":300,\"cacheCreation1hTokens\":0,"
                           "\"webSearches\":0,\"costPicoUSD\":101890000000,\"priced\":true,"
                           "\"serviceTier\":\"standard\"}\n"));
}
END_TEST

START_TEST(who_keeps_a_cursor_drains)
{
    struct oks_stream_cursor cursor = {0}, every = {0};

    put_file(P "s.jsonl", line("m1", AT("01"), 1, false));
    ck_assert_str_eq(ids(next(session("s"), &cursor)), "m1");
    ck_assert_str_eq(ids(next(all, &every)), "m1");
    ck_assert_str_eq(next(session("s"), &cursor), "");
    append_file(P "s.jsonl", text_of("%s%s", line("m2", AT("02"), 1, true), line("m2", AT("02"), 5, false)));
    put_file(P "other.jsonl", line("m0", AT("00"), 1, false));
    ck_assert_str_eq(ids(next(session("s"), &cursor)), "m2");
    ck_assert_str_eq(next(session("s"), &cursor), "");
    ck_assert_str_eq(ids(next(all, &every)), "m0 m2");
    ck_assert_str_eq(next(all, &every), "");
    ck_assert_str_eq(ids(fresh(all)), "m0 m1 m2"); /* by time */
    ck_assert_str_eq(next(all, &every), "");
}
END_TEST

START_TEST(a_request_is_told_when_it_is_closed)
{
    struct oks_stream_cursor cursor = {0};

    put_file(P "s.jsonl", line("m1", AT("01"), 1, true));
    ck_assert_str_eq(next(session("s"), &cursor), "");
    append_file(P "s.jsonl", line("m1", AT("01"), 7, true));
    ck_assert_str_eq(next(session("s"), &cursor), "");
    append_file(P "s.jsonl", USER);
    ck_assert_ptr_nonnull(strstr(next(session("s"), &cursor), "\"outputTokens\":7,\"toolUses\":2"));
    append_file(P "s.jsonl", line("m2", AT("02"), 1, true));
    ck_assert_str_eq(next(session("s"), &cursor), "");
    engine_close(engine);
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(ids(fresh(session("s"))), "m1");
    append_file(P "s.jsonl", line("m3", AT("03"), 1, true));
    ck_assert_str_eq(ids(fresh(session("s"))), "m1 m2");
}
END_TEST

START_TEST(an_unfinished_line_is_not_told)
{
    struct oks_stream_cursor cursor = {0};
    char *whole = line("m1", AT("01"), 1, false);

    put_file(P "s.jsonl", text_of("%.*s", (int)strlen(whole) - 1, whole));
    ck_assert_str_eq(next(session("s"), &cursor), "");
    append_file(P "s.jsonl", "\n");
    ck_assert_str_eq(ids(next(session("s"), &cursor)), "m1");
}
END_TEST

START_TEST(a_key_is_told_once_over_all_files)
{
    struct oks_stream_cursor cursor = {0}, fork = {0};
    char *text;

    put_file(P "a.jsonl", line("m1", AT("01"), 1, false));
    ck_assert_str_eq(ids(next(all, &cursor)), "m1");
    put_file(P "b.jsonl", text_of("%s%s", line("m1", AT("01"), 1, false), line("m2", AT("02"), 1, false)));
    ck_assert_str_eq(ids(next(all, &cursor)), "m2");
    ck_assert_str_eq(ids(next(session("b"), &fork)), "m2");
    /* The original turns up behind its fork: the fork is told anew, and of all m2, with its session. */
    put_file(P "0.jsonl", line("m2", AT("01"), 1, false));
    ck_assert_ptr_null(next(session("b"), &fork));
    ck_assert_str_eq(next(session("b"), &fork), "");
    text = next(all, &cursor);
    ck_assert_str_eq(ids(text), "m2");
    ck_assert_ptr_nonnull(strstr(text, "\"sessionId\":\"0\""));
    ck_assert_ptr_nonnull(strstr(text, "\"revision\":1,"));
    ck_assert_str_eq(ids(fresh(all)), "m1 m2");
}
END_TEST

START_TEST(what_is_no_longer_true_is_told_anew)
{
    struct oks_stream_cursor cursor = {0}, every = {0};

    put_file(P "s.jsonl", text_of("%s%s", line("m1", AT("01"), 1, false), line("m2", AT("02"), 1, false)));
    ck_assert_str_eq(ids(next(session("s"), &cursor)), "m1 m2");
    ck_assert_str_eq(ids(next(all, &every)), "m1 m2");
    append_file(P "s.jsonl", line("m1", AT("03"), 9, false));
    ck_assert_ptr_null(next(session("s"), &cursor));
    ck_assert_ptr_nonnull(strstr(next(session("s"), &cursor), "\"outputTokens\":9"));
    ck_assert_str_eq(ids(next(all, &every)), "m1");
    ck_assert_str_eq(ids(fresh(all)), "m2 m1");
    put_file(P "s.jsonl", text_of("{\"other\":\"%0300d\"}\n%s", 0, line("m4", AT("01"), 1, false)));
    ck_assert_ptr_null(next(session("s"), &cursor));
    ck_assert_str_eq(ids(next(session("s"), &cursor)), "m4 m2 m1"); /* with what the file has lost */
    append_file(P "s.jsonl", line("m5", AT("01"), 1, false));
    ck_assert_str_eq(ids(next(session("s"), &cursor)), "m5");
}
END_TEST

/* The uses of tools stand on the lines of a response, some of which may come later. */
#define IN_TEAM(name) "{\"type\":\"user\",\"teamName\":\"" name "\",\"message\":{}}\n"

/* No team comes or goes, and each session was in one before. */
START_TEST(a_session_of_one_team_more_is_told_anew)
{
    struct oks_stream_cursor cursor = {0};
    const char *text;

    put_file(P "a.jsonl", text_of(IN_TEAM("one") "%s", line("m1", AT("00"), 1, false)));
    put_file(P "b.jsonl", text_of(IN_TEAM("two") "%s", line("m2", AT("01"), 2, false)));
    ck_assert_str_eq(ids(next(all, &cursor)), "m1 m2");
    append_file(P "a.jsonl", USER);
    ck_assert_str_eq(next(all, &cursor), "");
    append_file(P "b.jsonl", IN_TEAM("one"));
    text = next(all, &cursor);
    ck_assert_str_eq(ids(text), "m2");
    ck_assert_ptr_nonnull(strstr(text, "\"team\":\"one\""));
    oks_stream_end(&cursor);
}
END_TEST

START_TEST(tools_that_come_later_are_told)
{
    struct oks_stream_cursor cursor = {0}, every = {0};
    char *text;

    put_file(P "a.jsonl", line("m1", "2026-06-10T01:00:00.000Z", 5, false));
    ck_assert_ptr_nonnull(strstr(next(session("a"), &cursor), "\"toolUses\":1"));
    ck_assert_ptr_nonnull(strstr(next(all, &every), "\"revision\":0"));
    append_file(P "a.jsonl", line("m1", "2026-06-10T01:00:00.000Z", 5, false));
    ck_assert_ptr_null(next(session("a"), &cursor));
    ck_assert_ptr_nonnull(strstr(next(session("a"), &cursor), "\"toolUses\":2"));
    text = next(all, &every);
    ck_assert_ptr_nonnull(strstr(text, "\"toolUses\":2"));
    ck_assert_ptr_nonnull(strstr(text, "\"revision\":1"));
    /* The revision outlives the process, and is that of a scan from the start if another response follows. */
    engine_close(engine);
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(fresh(all), text);
}
END_TEST

START_TEST(there_is_no_stream_of_what_is_not_there)
{
    struct oks_target none = session("none"), team_ = team("t");
    struct oks_stream_cursor cursor = {0};
    int64_t mtime_ns;
    char *text = "";

    sync_target(engine, all, false);
    ck_assert_int_eq(oks_stream_next(engine, &none, &cursor, take_line, &text, &mtime_ns), -ENOENT);
    ck_assert_int_eq(oks_stream_next(engine, &team_, &cursor, take_line, &text, &mtime_ns), -ENOENT);
}
END_TEST

/* The months of all, each with what is still open. */
START_TEST(months_have_all_requests)
{
    const unsigned june = (unsigned)oks_stream_month("2026-06.jsonl");
    struct oks_stream_cursor month = {.kind = OKS_STREAM_MONTH, .month = june}, other;
    char *text;

    put_file(P "s.jsonl", text_of("%s%s%s", line("m1", "2026-05-31T23:59:59.999Z", 1, false),
                                  line("m2", AT("00"), 1, false), line("m3", AT("01"), 1, true)));
    put_file(P "r.jsonl", line("m4", "2026-06-01T00:30:00.000+01:00", 1, false)); /* of May */
    put_file(P "q.jsonl",
             text_of("%s%s", line("m5", "", 1, false), line("m6", "1999-01-01T00:00:00Z", 1, false)));
    text = next(all, &month);
    ck_assert_str_eq(ids(text), "m2 m3");
    ck_assert_ptr_nonnull(strstr(strstr(text, "\"m3\""), "\"open\":true"));
    ck_assert_str_eq(next(all, &month), "");
    append_file(P "s.jsonl", line("m3", AT("01"), 5, true));
    text = next(all, &month);
    ck_assert_str_eq(ids(text), "m3");
    ck_assert_ptr_nonnull(strstr(text, "\"outputTokens\":5"));
    append_file(P "s.jsonl", USER);
    text = next(all, &month);
    ck_assert_str_eq(ids(text), "m3");
    ck_assert_ptr_nonnull(strstr(text, "\"open\":false"));
    ck_assert_str_eq(next(all, &month), "");
    other = (struct oks_stream_cursor){.kind = OKS_STREAM_MONTH, .month = june - 1};
    ck_assert_str_eq(ids(next(all, &other)), "m4 m1");
    other = (struct oks_stream_cursor){.kind = OKS_STREAM_MONTH,
                                       .month = (unsigned)oks_stream_month("other.jsonl")};
    ck_assert_str_eq(ids(next(all, &other)), "m5 m6");
    ck_assert_int_eq(oks_stream_month("2040-01.jsonl"), -ENOENT);
    ck_assert_int_eq(oks_stream_month("2026-13.jsonl"), -ENOENT);
    ck_assert_int_eq(oks_stream_month("2026-06"), -ENOENT);
}
END_TEST

static int take_name(void *ctx, const char *name)
{
    char **list = ctx;

    *list = text_of("%s%s ", *list, name);
    return 0;
}

START_TEST(months_are_listed)
{
    char *list = "";

    put_file(P "s.jsonl",
             text_of("%s%s", line("m1", "2026-05-31T23:59:59.999Z", 1, false), line("m2", "", 1, false)));
    sync_target(engine, all, false);
    ck_assert_int_eq(oks_engine_list(engine, OKS_LIST_MONTHS, &all, take_name, &list), 0);
    ck_assert_str_eq(list, "2026-05.jsonl other.jsonl ");
    ck_assert_int_eq(oks_engine_has(engine, OKS_LIST_MONTHS, &all, "2026-05.jsonl"), 1);
    ck_assert_int_eq(oks_engine_has(engine, OKS_LIST_MONTHS, &all, "2026-06.jsonl"), 0);
}
END_TEST

/* What was told and counts no more is told with zeros. */
START_TEST(what_is_forgotten_is_told_with_zeros)
{
    struct oks_stream_cursor every = {0};
    char *text, *first;
    size_t n;

    put_file(P "a.jsonl", line("m1", AT("01"), 7, false));
    put_file(P "b.jsonl", line("m2", AT("02"), 7, false));
    first = next(all, &every);
    ck_assert_str_eq(ids(first), "m1 m2");
    ck_assert_int_eq(oks_engine_save(engine), 0);
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    text = next(all, &every);
    if (!text)
        text = next(all, &every);
    sync_target(engine, all, false);
    ck_assert_int_eq(oks_engine_forget(engine, "a", &n), 0);
    ck_assert_ptr_null(next(all, &every));
    text = next(all, &every);
    ck_assert_str_eq(ids(text), "m2");
    ck_assert_ptr_nonnull(
        memmem(text, strlen(text), strstr(first, ",\"id\":"), strlen(",\"id\":\"0123456789abcdef\"")));
    ck_assert_ptr_nonnull(
        strstr(text, "\"revision\":1,\"open\":false,\"kind\":\"response\",\"requests\":0,"));
    put_file(P "a.jsonl", line("m1", AT("01"), 7, false));
    text = next(all, &every);
    ck_assert_str_eq(ids(text), "m1");
    ck_assert_ptr_nonnull(strstr(text, "\"revision\":2,"));
}
END_TEST

/* --- a reader that keeps a table and was not there when something happened --- */

static struct table_row {
    char id[17];
    int64_t revision, input;
} table[16];
static size_t n_table;

static void upsert(json_object *event)
{
    const char *id = string(event, "id");
    int64_t revision = number(event, "revision");
    size_t i = 0;

    while (i < n_table && strcmp(table[i].id, id) != 0)
        i++;
    ck_assert_uint_lt(i, sizeof(table) / sizeof(*table));
    n_table += i == n_table;
    if (*table[i].id && revision < table[i].revision)
        return;
    table[i] = (struct table_row){.revision = revision, .input = number(event, "inputTokens")};
    memcpy(table[i].id, id, 16);
}

/* Reads all that there is, as whoever starts now does: then the table has what is billed. */
static void expect_table(int64_t input)
{
    char *text = fresh(all), *rest = NULL;
    int64_t sum = 0;

    ck_assert_ptr_nonnull(text);
    for (char *l = strtok_r(text, "\n", &rest); l; l = strtok_r(NULL, "\n", &rest))
        upsert(parsed(l));
    for (size_t i = 0; i < n_table; i++)
        sum += table[i].input;
    ck_assert_int_eq(sum, input);
    ck_assert_int_eq(number(usage(engine, all, NULL), "billed/inputTokens"), input);
}

static void start(void)
{
    engine = engine_open((struct engine_options){0});
}

START_TEST(what_left_is_told_after_a_restart)
{
    size_t n;

    n_table = 0;
    memset(table, 0, sizeof(table));
    put_file(P "a.jsonl", text_of("%s%s", line("m1", AT("01"), 7, false), line("m2", AT("02"), 7, false)));
    put_file(P "b.jsonl", line("m3", AT("03"), 7, false));
    expect_table(3);
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    expect_table(3); /* it is retained */
    engine_close(engine);
    start(); /* a process that nobody reads from */
    sync_target(engine, all, false);
    ck_assert_int_eq(oks_engine_forget(engine, "a", &n), 0);
    oks_engine_free(engine); /* as if it was killed */
    start();
    expect_table(1);
    expect_table(1);
    engine_close(engine);
    /* What comes again has a higher revision than its zeros had, and keeps it. */
    put_file(P "a.jsonl", line("m1", AT("01"), 7, false));
    for (int i = 0; i < 3; i++) {
        start();
        expect_table(2);
        engine_close(engine);
    }
    start();
    sync_target(engine, all, false);
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    sync_target(engine, all, false);
    ck_assert_int_eq(oks_engine_forget(engine, NULL, &n), 0);
    engine_close(engine);
    start();
    expect_table(1);
}
END_TEST

static char *relay(const char *uuid, const char *agent, const char *hour, int output)
{
    return text_of("{\"type\":\"assistant\",\"uuid\":\"%s\",\"requestId\":\"r%s\",\"sessionId\":\"s1\","
                   "%s\"timestamp\":\"2026-06-10T%s:00:00.000Z\",\"message\":{\"id\":\"relay\",\"model\":"
                   "\"claude-opus-4-7\",\"stop_reason\":\"end_turn\",\"content\":[],\"usage\":{"
                   "\"input_tokens\":10,\"output_tokens\":%d}}}\n",
                   uuid, uuid, agent, hour, output);
}

/* A request that is found to be another one's copy while nobody runs. */
START_TEST(a_copy_that_was_told_is_told_with_zeros)
{
    char *copy = relay("u9", "\"isSidechain\":true,\"agentId\":\"acompact-1\",", "09", 7);

    n_table = 0;
    memset(table, 0, sizeof(table));
    put_file(P "b.jsonl", copy);
    expect_table(10);
    engine_close(engine);
    put_file(P "a.jsonl", relay("u1", "", "08", 1));
    start();
    expect_table(10);
    ck_assert_uint_eq(n_table, 2);
    engine_close(engine);
    start();
    expect_table(10);
}
END_TEST

/* A transcript that is replaced again and again leaves nothing behind. */
START_TEST(what_comes_again_is_not_remembered)
{
    put_file(P "a.jsonl", text_of("%s%s", line("m1", AT("01"), 7, false), line("m2", AT("02"), 7, false)));
    sync_target(engine, all, false);
    put_file(P "a.jsonl", text_of("%s%s", line("m2", AT("02"), 7, false), line("m1", AT("01"), 7, false)));
    ck_assert_str_eq(ids(fresh(all)), "m1 m2");
    ck_assert_ptr_null(strstr(fresh(all), "\"requests\":0"));
    engine_close(engine);
    start();
    ck_assert_str_eq(ids(fresh(all)), "m1 m2");
    ck_assert_ptr_null(strstr(fresh(all), "\"requests\":0"));
}
END_TEST

START_TEST(many_sessions_are_told_in_order_of_time)
{
    char home[PATH_MAX], dir[PATH_MAX];
    const char *dirs[] = {dir, NULL};
    struct oks_config config = {.okstra_home = home, .dirs[OKS_SOURCE_CLAUDE] = dirs};
    struct oks_stream_cursor cursor = {0};
    char *expected = "", *told;

    for (int i = 0; i < 200; i++) {
        char *stamp = text_of("2026-06-10T%02d:%02d:00.000Z", i / 60, i % 60);

        put_file(text_of(P "s%d.jsonl", i), line(text_of("m%d", i), stamp, 1, false));
        expected = text_of("%s%sm%d", expected, i ? " " : "", i);
    }
    engine_close(engine);
    snprintf(home, sizeof(home), "%s/okstra", scratch);
    snprintf(dir, sizeof(dir), "%s/claude", scratch);
    ck_assert_int_eq(oks_engine_new(&engine, &config), 0);
    told = next(all, &cursor);
    ck_assert_str_eq(ids(told), expected);
    append_file(P "s7.jsonl", line("new", AT("00"), 1, false));
    ck_assert_str_eq(ids(next(all, &cursor)), "new");
    ck_assert_str_eq(ids(fresh(session("s150"))), "m150");
}
END_TEST

/* More lines than are made at once, of two transcripts in turn. */
enum { MANY = 20000, STAMP = sizeof("{\"t\":\"") - 1 };

static void put_many(void)
{
    FILE *files[] = {fopen(at(P "a.jsonl"), "we"), fopen(at(P "b.jsonl"), "we")};

    for (int i = 0; i < MANY; i++)
        fprintf(files[i % 2],
                "{\"type\":\"assistant\",\"timestamp\":\"2026-06-10T%02d:%02d:%02d.000Z\",\"message\":{"
                "\"id\":\"msg_"
                "%024d\",\"model\":\"claude-opus-4-7\",\"stop_reason\":\"end_turn\",\"usage\":{\"output_"
                "tokens\":1}}}\n",
                i / 3600, i / 60 % 60, i % 60, i);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(fclose(files[i]), 0);
}

struct told {
    size_t n, nines;
    unsigned again;
    char last[OKS_STAMP_TEXT];
    const char *appended; /* to a transcript, when the first line comes */
};

static int take_one_of_many(void *ctx, const char *bytes, size_t len)
{
    struct told *told = ctx;

    if (!bytes) {
        ck_assert_uint_gt(told->n, 0);
        *told = (struct told){.again = told->again + 1};
        return 0;
    }
    ck_assert_uint_gt(len, STAMP + OKS_STAMP_TEXT);
    ck_assert_int_ge(memcmp(bytes + STAMP, told->last, OKS_STAMP_TEXT - 1), 0);
    memcpy(told->last, bytes + STAMP, OKS_STAMP_TEXT - 1);
    told->nines += memmem(bytes, len, "\"outputTokens\":9,", 17) != NULL;
    if (told->n++ == 0 && told->appended) {
        append_file(P "a.jsonl", told->appended);
        sync_target(engine, all, false);
    }
    return 0;
}

/* `behind` is what comes then. */
static struct told tell_many(const char *appended, const char *behind)
{
    struct told told = {.appended = appended};
    struct oks_stream_cursor cursor = {0};
    int64_t mtime_ns;

    sync_target(engine, all, false);
    ck_assert_int_eq(oks_stream_next(engine, &all, &cursor, take_one_of_many, &told, &mtime_ns), 0);
    ck_assert_str_eq(ids(next(all, &cursor)), behind);
    return told;
}

START_TEST(many_lines_are_told_in_order)
{
    struct told told;

    put_many();
    told = tell_many(NULL, "");
    ck_assert_uint_eq(told.n, MANY);
    ck_assert_uint_eq(told.again, 0);
}
END_TEST

START_TEST(what_changes_between_lines_is_told_again)
{
    struct told told;
    char *first = text_of("msg_%024d", 0);

    put_many();
    told = tell_many(line(first, AT("00"), 9, false), first); /* behind what was told before */
    ck_assert_uint_eq(told.n, MANY);
    ck_assert_uint_eq(told.again, 0);
    ck_assert_uint_eq(told.nines, 0);
    /* A line more changes nothing that was told. */
    told = tell_many(line("new", AT("00"), 9, false), "new");
    ck_assert_uint_eq(told.again, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream");

#define SCRATCH(function) FIXTURE_TEST(suite, function, setup, teardown, 120)
    SCRATCH(a_line_says_what_a_request_was);
    SCRATCH(who_keeps_a_cursor_drains);
    SCRATCH(a_request_is_told_when_it_is_closed);
    SCRATCH(an_unfinished_line_is_not_told);
    SCRATCH(a_key_is_told_once_over_all_files);
    SCRATCH(what_is_no_longer_true_is_told_anew);
    SCRATCH(tools_that_come_later_are_told);
    SCRATCH(a_session_of_one_team_more_is_told_anew);
    SCRATCH(months_have_all_requests);
    SCRATCH(months_are_listed);
    SCRATCH(what_is_forgotten_is_told_with_zeros);
    SCRATCH(what_left_is_told_after_a_restart);
    SCRATCH(a_copy_that_was_told_is_told_with_zeros);
    SCRATCH(what_comes_again_is_not_remembered);
    SCRATCH(there_is_no_stream_of_what_is_not_there);
    SCRATCH(many_sessions_are_told_in_order_of_time);
    SCRATCH(many_lines_are_told_in_order);
    SCRATCH(what_changes_between_lines_is_told_again);
    return tap_run(suite);
}
