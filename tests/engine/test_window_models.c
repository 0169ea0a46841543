/*
 * What each model used in a window, against a sum by hand: over random transcripts, while files grow, after a
 * start, and when files are gone or cannot be read. No file is read for it.
 */
#include <grp.h>

#include "effort.h"
#include "engine_home.h"

#define P PROJECTS "-p/"

enum { FILES = 5, LINES_MAX = 400, NAMES = 6, STAMPS = 90 };

static const char *const names_of[NAMES] = {"claude-opus-4-7", "claude-sonnet-4-5", "claude-haiku-4-5",
                                            "gpt-5.2-codex",   "gemini-2.5-pro",    ""};

/* A line of a transcript. */
struct line {
    int model;         /* -1: a line of the user, with a time only */
    unsigned stamp;    /* 0: none; else minutes after midnight */
    bool odd;          /* the stamp is no time */
    int input, output; /* of a model */
};

static struct {
    struct line lines[LINES_MAX];
    size_t n;
} files[FILES];

static struct oks_engine *engine;
static uint64_t seed;
static const struct oks_target all = {.kind = OKS_ALL};

static unsigned draw(unsigned n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)((seed >> 33) % n);
}

static void setup(void)
{
    scratch_setup();
    make_parents(P);
    memset(files, 0, sizeof(files));
    seed = 7;
    engine = engine_open((struct engine_options){0});
}

static void teardown(void)
{
    oks_engine_free(engine);
    scratch_teardown();
}

static const char *stamp_of(const struct line *l)
{
    if (l->stamp == 0)
        return "";
    return text_of("2026-06-10T%02u:%02u%s", l->stamp / 60, l->stamp % 60, l->odd ? " or so" : ":00.000Z");
}

static char *text_of_line(const struct line *l, int id)
{
    const char *time = l->stamp ? text_of(",\"timestamp\":\"%s\"", stamp_of(l)) : "";
    const char *model = l->model < 0 ? "" : names_of[l->model];

    if (l->model < 0)
        return text_of("{\"type\":\"user\"%s}\n", time);
    return text_of("{\"type\":\"assistant\"%s,\"uuid\":\"u%d\",\"message\":{\"id\":\"msg_%d\"%s,\"usage\":{"
                   "\"input_tokens\":%d,\"output_tokens\":%d}}}\n",
                   time, id, id, *model ? text_of(",\"model\":\"%s\"", model) : "", l->input, l->output);
}

static const char *path_of(int f)
{
    return text_of(P "s%d.jsonl", f);
}

/* One model for a while, then several; a file may have only one. */
static void grow(int f, unsigned n, bool end)
{
    if (files[f].n == 0)
        put_file(path_of(f), "");
    for (unsigned i = 0; i < n && files[f].n < LINES_MAX; i++) {
        struct line *l = &files[f].lines[files[f].n++];
        char *text;

        *l = (struct line){.model = f == 0 || draw(3) == 0 ? -1 : 0, .input = 1 + (int)draw(1000)};
        if (l->model == 0)
            l->model = f == 1 ? 0 : files[f].n % 160 < 80 ? f : (int)draw(NAMES);
        if (f == 0 && draw(2))
            l->model = (int)draw(NAMES);
        l->output = (int)draw(3);
        l->stamp = draw(12) ? 1 + draw(STAMPS) : 0;
        l->odd = draw(15) == 0;
        text = text_of_line(l, f * LINES_MAX + (int)files[f].n);
        if (!end && i + 1 == n)
            text[strlen(text) - 1] = '\0'; /* the last line is not finished */
        append_file(path_of(f), text);
    }
}

static bool within(const struct line *l, const char *since, const char *until)
{
    const char *stamp = stamp_of(l);

    return !*stamp || ((!since || strcmp(stamp, since) >= 0) && (!until || strcmp(stamp, until) <= 0));
}

/* "name: events input output first last", by name. */
static char *by_hand(const char *since, const char *until)
{
    static const int sorted[NAMES] = {2, 0, 1, 4, 3, 5};
    char *out = text_of("%s", "");

    for (int k = 0; k < NAMES; k++) {
        const char *first = NULL, *last = NULL, *name = names_of[sorted[k]];
        int events = 0, input = 0, output = 0;

        for (int f = 0; f < FILES; f++)
            for (size_t i = 0; i < files[f].n; i++) {
                const struct line *l = &files[f].lines[i];

                if (l->model != sorted[k] || !within(l, since, until))
                    continue;
                events++;
                input += l->input;
                output += l->output;
                if (!l->stamp || l->odd)
                    continue;
                first = !first || strcmp(stamp_of(l), first) < 0 ? stamp_of(l) : first;
                last = !last || strcmp(stamp_of(l), last) > 0 ? stamp_of(l) : last;
            }
        if (events)
            out = text_of("%s%s: %d %d %s %s\n", out, *name ? name : "unknown", input, output,
                          first ? first : "null", last ? last : "null");
    }
    return out;
}

/* Without a sync. */
static char *shown(const char *name)
{
    struct oks_document document;
    struct oks_window window;
    struct json_object *rows;
    char *out = text_of("%s", "");

    ck_assert_int_eq(oks_window_parse(oks_slice_of(name), NULL, 0, &window), 0);
    ck_assert_int_eq(oks_document_stats(engine, OKS_STATS_BY_MODEL, &window, 0, &document), 0);
    rows = member_at(parsed(kept(document.bytes)), "rows");
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        const char *first = string(row, "startedAt"), *last = string(row, "endedAt");

        out = text_of("%s%s: %d %d %s %s\n", out, string(row, "key"), (int)number(row, "inputTokens"),
                      (int)number(row, "outputTokens"), first ? first : "null", last ? last : "null");
    }
    return out;
}

static void check(const char *when)
{
    for (unsigned i = 0; i < by_effort(6, 20, 200); i++) {
        unsigned from = 1 + draw(STAMPS), to = from + draw(STAMPS);
        const char *since = draw(4) ? text_of("2026-06-10T%02u:%02u:00.000Z", from / 60, from % 60) : NULL;
        const char *until = draw(4) ? text_of("2026-06-10T%02u:%02u:00.000Z", to / 60, to % 60) : NULL;
        const char *window = text_of("%s_%s.json", since ? since : "", until ? until : "");

        ck_assert_msg(strcmp(shown(window), by_hand(since, until)) == 0, "%s, %s:\n%s\nby hand:\n%s", when,
                      window, shown(window), by_hand(since, until));
    }
}

static void restart(void)
{
    engine_close(engine);
    engine = engine_open((struct engine_options){0});
    sync_target(engine, all, false);
}

START_TEST(a_window_has_each_model_exactly)
{
    for (int f = 0; f < FILES; f++)
        grow(f, 200, true);
    sync_target(engine, all, false);
    check("at first");
    for (int f = 0; f < FILES; f++)
        grow(f, 90, f % 2);
    sync_target(engine, all, false);
    check("grown, with unfinished lines");
    for (int f = 0; f < FILES; f++)
        append_file(path_of(f), f % 2 ? "" : "\n");
    sync_target(engine, all, false);
    check("finished");
    restart();
    ck_assert_int_eq(bytes_scanned(engine), 0);
    check("from caches");
    for (int f = 0; f < FILES; f++)
        grow(f, 50, true);
    sync_target(engine, all, false);
    check("from caches, and grown");
    for (int f = 0; f < FILES; f++)
        ck_assert_int_eq(unlink(at(path_of(f))), 0);
    check("gone, and nobody looked");
    sync_target(engine, all, false);
    check("gone");
    restart();
    check("from the store");
}
END_TEST

/* What okstra's collector has written again is still of its models. */
START_TEST(models_stay_behind_the_collector)
{
    const char *cache = "okstra/cache/token-usage/-p/s2.json";
    char *text;
    size_t len;

    grow(2, 300, true);
    sync_target(engine, all, false);
    engine_close(engine);
    text = read_file(at(cache), &len);
    ck_assert_uint_gt(len, 1);
    make_file(cache, text, len - 1); /* without the newline */
    free(text);
    engine = engine_open((struct engine_options){0});
    sync_target(engine, all, false);
    ck_assert_int_eq(bytes_scanned(engine), 0);
    check("written again");
    engine_close(engine);
    text = read_file(at(cache), &len);
    ck_assert_ptr_nonnull(strstr(text, "\"okstrafs\":{"));
    memcpy(strstr(text, "\"okstrafs\":{"), "\"nobodysk", 9);
    make_file(cache, text, len); /* with its own keys alone */
    free(text);
    engine = engine_open((struct engine_options){0});
    sync_target(engine, all, false);
    ck_assert_int_gt(bytes_scanned(engine), 0);
    ck_assert_int_eq(number(status_of(engine), "cache/hits"), 1);
    check("without our key");
}
END_TEST

/* Bytes that this process has read, of anything. */
static long long bytes_read(void)
{
    FILE *file = fopen("/proc/self/io", "re");
    long long n = -1;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "rchar: %lld", &n), 1);
    fclose(file);
    return n;
}

START_TEST(a_window_reads_no_file)
{
    long long before;

    for (int f = 0; f < FILES; f++)
        grow(f, LINES_MAX, true);
    sync_target(engine, all, false);
    shown("2026-06-10T00:20Z_2026-06-10T00:40Z.json");
    before = bytes_read();
    for (int i = 0; i < 40; i++)
        shown("2026-06-10T00:20Z_2026-06-10T00:40Z.json");
    ck_assert_int_lt(bytes_read() - before, 20000); /* one of the files has more than twice as many */
}
END_TEST

static void setup_ordinary(void)
{
    scratch_setup();
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(scratch, 65534, 65534), 0);
        ck_assert_int_eq(setgroups(0, NULL), 0);
        ck_assert_int_eq(setresgid(65534, 65534, 65534), 0);
        ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
    }
    make_parents(P);
    memset(files, 0, sizeof(files));
    seed = 11;
    engine = engine_open((struct engine_options){0});
}

START_TEST(a_file_that_cannot_be_read_is_in_its_windows)
{
    for (int f = 0; f < FILES; f++)
        grow(f, 100, true);
    sync_target(engine, all, false);
    ck_assert_int_eq(chmod(at(path_of(1)), 0), 0);
    ck_assert_int_eq(chmod(at(path_of(2)), 0), 0);
    sync_target(engine, all, false);
    check("unreadable");
    ck_assert_int_eq(unlink(at(path_of(3))), 0);
    ck_assert_int_eq(mkdir(at(path_of(3)), 0700), 0);
    sync_target(engine, all, false);
    check("a folder in its place");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("window_models");

    FIXTURE_TEST(suite, a_window_has_each_model_exactly, setup, teardown, 120);
    FIXTURE_TEST(suite, models_stay_behind_the_collector, setup, teardown, 120);
    FIXTURE_TEST(suite, a_window_reads_no_file, setup, teardown, 120);
    FIXTURE_TEST(suite, a_file_that_cannot_be_read_is_in_its_windows, setup_ordinary, teardown, 120);
    return tap_run(suite);
}
