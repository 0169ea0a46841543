/*
 * What is kept from one read to the next: an engine that was read after each of many random changes shows the
 * same bytes as one that begins anew.
 */
#include <sys/stat.h>
#include <time.h>

#include "effort.h"
#include "engine_home.h"
#include "report/page.h"
#include "tree/tree.h"

enum {
    FILES = 90, /* each of a team and a project of its own: more than a page ranks */
    DAYS = 40,
    NOW_S = 1782734400 /* 2026-06-29T12:00Z */
};

/* All that keeps something. */
static const char *const paths[] = {
    "metrics.prom",
    "report.html",
    "report.txt",
    "stats/by-day.svg",
    "stats/by-project.json",
    "stats/by-branch.json",
    "stats/by-day.json",
    "stats/blocks.json",
    "window/today.json",
    "window/this-week.json",
    "window/last-5h.json",
    "window/2026-06-10_2026-06-12.json",
    "window/_2026-06-11T07:30:00Z.json",
    "window/2026-06-20T01:02Z_.json",
    "window/2013-01.json",
    "stats/window/last-7d/by-model.json",
    "stats/window/last-7d/by-branch.json",
    "stats/window/last-7d/by-agent.json",
    "stats/window/last-7d/by-project.json",
    "stats/window/2026-06-11_2026-06-12/by-source.json",
    "projects/-p90/window/last-7d.json",
    "projects/-p90/window/2026-06-20_.json",
};

static uint64_t seed;

static unsigned rnd(unsigned n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)((seed >> 33) % n);
}

static const char *path_of(unsigned i)
{
    return text_of(PROJECTS "-p%u/%08x-0000-4000-8000-000000000000.jsonl", i, i + 1);
}

static bool all_timed;
static unsigned groups = FILES; /* projects, and teams */

/* Some lines have no time, one of before 2020, one of the hours to come, or none that can be read. */
static const char *stamp(void)
{
    time_t at = (time_t)NOW_S - (time_t)rnd(DAYS * 86400) + 3600;
    char text[64];
    struct tm tm;

    switch (all_timed ? 30 : rnd(30)) {
    case 0:
        return "";
    case 1:
        return "\"timestamp\":\"2013-01-01T00:00:00.000Z\",";
    case 2:
        return "\"timestamp\":\"one day\",";
    default:
        gmtime_r(&at, &tm);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        return text_of("\"timestamp\":\"%s\",", text);
    }
}

static const char *line(unsigned i)
{
    static const char *const models[] = {"claude-opus-4-7", "claude-sonnet-4-5", "no-such-model"};
    static const char *const tools[] = {"Bash", "Read", "<script>"};
    static unsigned n = 60; /* smaller ids are those of requests that several sessions have */

    return text_of(
        "{\"type\":\"assistant\",%s\"sessionId\":\"%08x-0000-4000-8000-000000000000\","
        "\"cwd\":\"/w/%u&\",\"gitBranch\":\"b%u\",%s\"message\":{\"id\":\"msg_01%020u\",\"model\":\"%s\","
        "\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":%u,\"output_tokens\":%u,"
        "\"cache_creation_input_tokens\":%u,\"cache_read_input_tokens\":%u},"
        "\"content\":[{\"type\":\"tool_use\",\"name\":\"%s\"}]}}\n",
        stamp(), i + 1, (rnd(8) ? i : rnd(FILES)) % groups, rnd(3),
        rnd(5) ? text_of("\"teamName\":\"%s <%u>\",", rnd(9) ? "crew" : "Crew",
                         (rnd(9) ? i : rnd(FILES)) % groups)
               : "",
        rnd(4) ? ++n : rnd(60), models[rnd(3)], rnd(50000), rnd(20000), rnd(9000), rnd(900000),
        tools[rnd(3)]);
}

static void write_anew(unsigned i)
{
    const char *text = "";

    for (unsigned n = 1 + rnd(6); n > 0; n--)
        text = text_of("%s%s", text, line(i));
    put_file(path_of(i), text);
}

static void change(void)
{
    unsigned i = rnd(FILES);

    if (rnd(4) == 0)
        append_file(path_of(FILES), line(FILES));
    if (access(at(path_of(i)), F_OK) != 0 || rnd(12) == 0)
        write_anew(i);
    else if (rnd(10) == 0)
        remove_tree(path_of(i));
    else
        append_file(path_of(i), rnd(20) ? line(i) : "no JSON\n");
}

static void find(struct oks_engine *engine, const char *path, struct node *node)
{
    tree_root(node);
    while (*path) {
        size_t n = strcspn(path, "/");
        char name[256];
        struct node child;

        snprintf(name, sizeof(name), "%.*s", (int)n, path);
        ck_assert_int_eq(tree_lookup(engine, node, name, NOW_S * INT64_C(1000), NULL, &child), 0);
        node_clear(node);
        *node = child;
        path += n + (path[n] == '/');
    }
}

static void show(struct oks_engine *engine, const char *path, struct oks_document *out)
{
    uint64_t version;
    struct node node;

    find(engine, path, &node);
    ck_assert_int_eq(tree_version(engine, &node, NULL, &version), 0);
    ck_assert_int_eq(tree_render(engine, &node, NOW_S * INT64_C(1000), out), 0);
    node_clear(&node);
}

/* The first place where they differ, with what is before it. */
static const char *difference(const struct oks_document *a, const struct oks_document *b)
{
    size_t at = 0, from;

    while (at < a->len && at < b->len && a->bytes[at] == b->bytes[at])
        at++;
    from = at > 60 ? at - 60 : 0;
    return text_of("byte %zu:\n%.120s\n--- anew:\n%.120s", at, a->bytes + from, b->bytes + from);
}

enum { PATHS = sizeof(paths) / sizeof(*paths) };

static void check(struct oks_engine *engine, unsigned step)
{
    struct oks_engine *anew = engine_open((struct engine_options){.no_cache = true});
    struct oks_document kept[PATHS], made;

    for (size_t i = 0; i < PATHS; i++)
        show(engine, paths[i], &kept[i]);
    page_forget();
    for (size_t i = 0; i < PATHS; i++) {
        show(anew, paths[i], &made);
        ck_assert_msg(kept[i].len == made.len && memcmp(kept[i].bytes, made.bytes, made.len) == 0,
                      "step %u, %s, %s", step, paths[i], difference(&kept[i], &made));
        oks_document_clear(&kept[i]);
        oks_document_clear(&made);
    }
    engine_close(anew);
}

/* --- the days in window/ --- */

static struct oks_engine *days_engine;

struct day_names {
    char names[DAYS * 2][16];
    size_t n;
};

static int take_day(void *ctx, const char *name, enum node_shape shape)
{
    struct day_names *days = ctx;

    if (strlen(name) != strlen("2026-06-10.json") || name[4] != '-' || name[7] != '-')
        return 0;
    for (size_t i = 0; i < days->n; i++)
        if (strcmp(days->names[i], name) == 0)
            return 0;
    ck_assert_uint_lt(days->n, DAYS * 2);
    strcpy(days->names[days->n++], name);
    return 0;
}

static int take_days_of_session(void *ctx, const char *name, enum node_shape shape)
{
    struct day_names *days = ctx;
    struct node node;

    if (strncmp(name, "0000", 4) != 0 || shape != NODE_DIR)
        return 0;
    find(days_engine, text_of("sessions/%s/window", name), &node);
    ck_assert_int_eq(tree_list(days_engine, &node, NULL, take_day, days), 0);
    node_clear(&node);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Those of everything are those of all sessions. */
static void check_days(struct oks_engine *engine)
{
    static struct day_names of_all, of_sessions;
    struct node node;

    of_all.n = of_sessions.n = 0;
    days_engine = engine;
    find(engine, "window", &node);
    ck_assert_int_eq(tree_list(engine, &node, NULL, take_day, &of_all), 0);
    node_clear(&node);
    find(engine, "sessions", &node);
    ck_assert_int_eq(tree_list(engine, &node, NULL, take_days_of_session, &of_sessions), 0);
    node_clear(&node);
    qsort(of_all.names, of_all.n, sizeof(*of_all.names), by_name);
    qsort(of_sessions.names, of_sessions.n, sizeof(*of_sessions.names), by_name);
    ck_assert_uint_gt(of_all.n, DAYS / 2);
    ck_assert_uint_eq(of_all.n, of_sessions.n);
    for (size_t i = 0; i < of_all.n; i++)
        ck_assert_str_eq(of_all.names[i], of_sessions.names[i]);
}

/* Of metrics.prom some label sets are shown, or all. */
static void begin(unsigned label_sets)
{
    put_file("okstra/okstrafs.json",
             text_of("{\"metrics\": {\"labelSets\": %u, \"claudeCodeNames\": true}}", label_sets));
    for (unsigned i = 0; i <= FILES; i++) /* the last one is never removed */
        write_anew(i);
}

static void run(unsigned steps, unsigned label_sets)
{
    struct oks_engine *engine;

    begin(label_sets);
    engine = engine_open((struct engine_options){.no_cache = true});
    check(engine, 0);
    for (unsigned step = 1; step <= steps; step++) {
        for (unsigned n = rnd(4); n < 4; n++)
            change();
        check(engine, step);
        check_days(engine);
    }
    engine_close(engine);
}

START_TEST(many_changes)
{
    unsigned homes = by_effort(2, 2, 20), steps = by_effort(8, 40, 200);

    for (unsigned i = 1; i <= homes; i++) {
        seed = i;
        all_timed = i % 2;
        run(steps, i % 2 ? 60 : 1000);
        remove_tree("claude");
    }
}
END_TEST

/* A row's share is another one when other rows grow, and its bar is lower when a higher one comes. */
START_TEST(rows_that_did_not_change)
{
    struct oks_engine *engine;

    all_timed = true;
    seed = 7;
    put_file(path_of(1), line(1));
    put_file(path_of(2), line(2));
    put_file(path_of(FILES), line(FILES));
    engine = engine_open((struct engine_options){.no_cache = true});
    check(engine, 0);
    for (unsigned step = 1; step <= 6; step++) {
        for (unsigned n = 0; n < step * step; n++)
            append_file(path_of(2), line(2));
        check(engine, step);
    }
    engine_close(engine);
}
END_TEST

/* --- metrics.prom of an engine that goes on, and of the next one, which has its caches and its history ---
 */

static uint64_t bytes_of_files(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i <= FILES; i++) {
        struct stat st;

        sum += stat(at(path_of(i)), &st) == 0 ? (uint64_t)st.st_size : 0;
    }
    return sum;
}

/* Without what the engine's own files come to. */
static const char *metrics_of(struct oks_engine *engine)
{
    struct oks_document document;
    char *text, *line;

    show(engine, "metrics.prom", &document);
    text = kept(strndup(document.bytes, document.len));
    oks_document_clear(&document);
    line = strstr(text, "\nokstrafs_history_bytes ");
    ck_assert_ptr_nonnull(line);
    memmove(line + 1, strchr(line + 1, '\n'), strlen(strchr(line + 1, '\n')) + 1);
    ck_assert_msg(strstr(text, text_of("\nokstrafs_transcript_bytes %" PRIu64 "\n", bytes_of_files())), "%s",
                  text);
    return text;
}

static uint64_t requests_in(const char *text)
{
    uint64_t sum = 0;

    for (const char *at = text; (at = strstr(at, "\nokstrafs_requests_total{")); at++)
        sum += strtoull(strrchr(kept(strndup(at + 1, strcspn(at + 1, "\n"))), ' '), NULL, 10);
    return sum;
}

/* Sessions that exist, and such whose files were deleted. */
static void forget_some(struct oks_engine *engine)
{
    for (unsigned n = rnd(3); n > 0; n--) {
        unsigned i = rnd(FILES);
        uint64_t done;

        if (access(at(path_of(i)), F_OK) != 0)
            oks_engine_forget(engine, text_of("%08x-0000-4000-8000-000000000000", i + 1), &done);
    }
}

static const char *synced_metrics_of(struct oks_engine *engine)
{
    struct oks_target all = {.kind = OKS_ALL};

    ck_assert_int_eq(oks_engine_sync(engine, &all, false, NULL), 0);
    return metrics_of(engine);
}

START_TEST(counters_go_on_after_a_restart)
{
    unsigned steps = by_effort(4, 20, 80);
    struct oks_engine *engine;

    seed = 77;
    groups = 7; /* most label sets have several sessions */
    begin(60);
    engine = engine_open((struct engine_options){0});
    for (unsigned step = 0; step < steps; step++) {
        const char *before = synced_metrics_of(engine), *now;

        for (unsigned n = rnd(6); n > 0; n--)
            change();
        now = synced_metrics_of(engine);
        ck_assert_uint_ge(requests_in(now), requests_in(before));
        if (step % 3 == 2) {
            forget_some(engine);
            now = synced_metrics_of(engine);
        }
        engine_close(engine);
        engine = engine_open((struct engine_options){0});
        before = now;
        now = synced_metrics_of(engine);
        ck_assert_str_eq(now, before);
    }
    engine_close(engine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("anew");

    SCRATCH_TEST(suite, many_changes);
    SCRATCH_TEST(suite, rows_that_did_not_change);
    SCRATCH_TEST(suite, counters_go_on_after_a_restart);
    return tap_run(suite);
}
