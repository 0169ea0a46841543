/*
 * The order of effects: what a commit, a drop, a rename, a retain and a start from the snapshot call, and in
 * which order.
 *
 * The linker puts a recorder in front of each function that changes another layer (--wrap, see
 * tests/meson.build). A trace is a list of calls, each with the transcript, session or project that it is
 * about. Calls within one object file cannot be recorded: commit_bump shows as the runs_session_changed in
 * it.
 *
 * The order is part of the design: a sum is taken out before what it was made of goes, and a version is given
 * out after the last change. Whoever changes it changes the text here, and says why.
 */
#include "engine_home.h"

#include "billing/parts.h"
#include "engine/engine_private.h"

/* --- the recorder --- */

static bool recording;
static char *trace;
static size_t trace_len;
static FILE *trace_out;
static const char *only; /* only calls that are about it; NULL: all */

static void effect(const char *name, const char *subject)
{
    if (!recording || (only && !strstr(subject, only)))
        return;
    if (ftell(trace_out) > 0)
        fputs("; ", trace_out);
    fprintf(trace_out, "%s%s%s", name, *subject ? " " : "", subject);
}

static void record_begin(void)
{
    trace_out = open_memstream(&trace, &trace_len);
    ck_assert_ptr_nonnull(trace_out);
    recording = true;
}

static void check_trace(const char *const *want)
{
    char *joined = "";

    recording = false;
    fclose(trace_out);
    for (; *want; want++)
        joined = text_of("%s%s%s", joined, *joined ? "; " : "", *want);
    ck_assert_str_eq(trace, joined);
    free(trace);
}

#define TRACE_IS(...) check_trace((const char *const[]){__VA_ARGS__, NULL})

/* Its file: what stands behind the last dash, without the suffix. */
static const char *file_of(const struct transcript *t)
{
    static char name[64];
    const char *base = strrchr(t->path, '/') + 1, *dash = strrchr(base, '-');

    base = dash ? dash + 1 : base;
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
    return name;
}

static const char *part_of(const struct billing_part *part)
{
    return file_of(part->owner);
}

/* A recorded function: `subject` is an expression over the parameters. */
#define RECORDED(result, name, params, args, subject) \
    result __real_##name params;                      \
    result __wrap_##name params;                      \
    result __wrap_##name params                       \
    {                                                 \
        effect(#name, subject);                       \
        return __real_##name args;                    \
    }

RECORDED(int, billing_enter, (struct billing * b, struct billing_part *p, struct oks_requests *rows),
         (b, p, rows), part_of(p))
RECORDED(int, billing_gain, (struct billing * b, struct billing_part *p, const struct oks_requests *gain),
         (b, p, gain), part_of(p))
RECORDED(int, billing_tail, (struct billing * b, struct billing_part *p, const struct oks_requests *tail),
         (b, p, tail), part_of(p))
RECORDED(int, billing_untail, (struct billing * b, struct billing_part *p), (b, p), part_of(p))
RECORDED(void, billing_leave, (struct billing * b, struct billing_part *p), (b, p), part_of(p))

RECORDED(int, sums_session, (struct sums * sums, struct session *s, struct project *from, bool leaves),
         (sums, s, from, leaves), leaves ? text_of("-%s", s->name) : s->name)
RECORDED(int, sums_transcript, (struct sums * sums, struct transcript *t, bool leaves), (sums, t, leaves),
         leaves ? text_of("-%s", file_of(t)) : file_of(t))

RECORDED(void, timeline_before,
         (struct timeline * tl, struct transcript *t, const struct scan_outcome *out,
          struct timeline_change *change),
         (tl, t, out, change), file_of(t))
RECORDED(void, timeline_before_all, (struct timeline * tl, struct session *s, struct timeline_change *change),
         (tl, s, change), s->name)
RECORDED(void, timeline_after, (struct timeline * tl, struct session *s, struct timeline_change *change),
         (tl, s, change), s->name)
RECORDED(void, timeline_restored, (struct timeline * tl, struct transcript *t), (tl, t), file_of(t))
RECORDED(void, timeline_requests_leave, (struct timeline * tl, struct transcript *t), (tl, t), file_of(t))

RECORDED(void, stream_committed, (struct streams * s, struct transcript *t), (s, t), file_of(t))
RECORDED(void, stream_changed,
         (struct streams * streams, struct transcript *t, size_t i, struct oks_stamp before),
         (streams, t, i, before), text_of("%s/%zu", file_of(t), i))
RECORDED(void, stream_leave, (struct streams * streams, struct transcript *t), (streams, t), file_of(t))

RECORDED(struct session *, catalog_session_made, (struct catalog * c, struct oks_slice id), (c, id),
         text_of("%.*s", (int)id.len, id.ptr))
RECORDED(struct transcript *, catalog_transcript_made,
         (struct catalog * c, struct session *s, struct root *root, const char *path, char *folder,
          char *name),
         (c, s, root, path, folder, name), s->name)
RECORDED(void, catalog_move, (struct transcript * t, struct session *to), (t, to), to->name)
RECORDED(void, catalog_transcript_remove, (struct catalog * c, struct transcript *t), (c, t), file_of(t))
RECORDED(void, catalog_session_remove, (struct catalog * c, struct session *s), (c, s), s->name)
RECORDED(int, catalog_assign_project, (struct catalog * c, struct session *s, struct project **from),
         (c, s, from), s->name)
RECORDED(bool, catalog_project_release, (struct catalog * c, struct project *p), (c, p), p->name)
RECORDED(int, catalog_session_teams, (struct catalog * c, struct session *s), (c, s), s->name)
RECORDED(void, catalog_membership_end, (struct catalog * c, struct membership *m), (c, m), m->team->name)
RECORDED(void, catalog_linked, (struct catalog * c, struct transcript *t, bool linked), (c, t, linked),
         file_of(t))
RECORDED(void, placement_changed, (struct catalog * c, struct transcript *t, bool leaves), (c, t, leaves),
         leaves ? text_of("-%s", file_of(t)) : file_of(t))
RECORDED(int, runs_add_project, (struct runs * runs, const char *path), (runs, path), path)
RECORDED(void, runs_remove_project, (struct runs * runs, const char *path), (runs, path), path)
RECORDED(void, runs_session_changed, (struct runs * runs, const struct session *s, uint64_t version),
         (runs, s, version), s->name)

RECORDED(void, saver_want, (struct oks_engine * e, struct transcript *t), (e, t), file_of(t))
RECORDED(void, saver_forget, (struct oks_engine * e, struct transcript *t), (e, t), file_of(t))
RECORDED(void, saver_rest, (struct oks_engine * e, struct transcript *t, bool ids_go), (e, t, ids_go),
         file_of(t))
RECORDED(int, retained_keep, (struct oks_engine * e, struct transcript *t), (e, t), file_of(t))
RECORDED(int, retained_came_back, (struct oks_engine * e, const struct transcript *t), (e, t), file_of(t))
RECORDED(void, retained_return, (struct oks_engine * e, struct transcript *t, struct folder *folder),
         (e, t, folder), file_of(t))
RECORDED(void, retained_replaced, (struct oks_engine * e, struct session *s), (e, s), s->name)
RECORDED(void, retained_found, (struct oks_engine * e, struct transcript *t), (e, t), file_of(t))
RECORDED(bool, snapshot_restore, (struct oks_engine * e, struct transcript *t), (e, t), file_of(t))
RECORDED(void, commit_bump_billed, (struct oks_engine * e), (e), "")

/* --- what happens --- */

#define STAMP "2026-06-10T01:00:00.000Z"

/* A line with an id, a folder and the name of a team. */
static char *line_of(const char *id, int output)
{
    return text_of("{\"type\":\"assistant\",\"timestamp\":\"" STAMP "\",\"cwd\":\"/w\",\"uuid\":\"%s\","
                   "\"teamName\":\"t\",\"requestId\":\"r-%s\",\"message\":{\"id\":\"%s\","
                   "\"model\":\"claude-opus-4-7\",\"stop_reason\":\"end_turn\","
                   "\"usage\":{\"input_tokens\":1,\"output_tokens\":%d}}}\n",
                   id, id, id, output);
}

static void sync_all(struct oks_engine *engine)
{
    sync_target(engine, (struct oks_target){.kind = OKS_ALL}, false);
}

static void sync_recorded(struct oks_engine *engine)
{
    record_begin();
    sync_all(engine);
}

static struct oks_engine *started(struct engine_options options)
{
    struct oks_engine *engine;

    make_parents(PROJECTS "-p/");
    engine = engine_open(options);
    sync_all(engine);
    return engine;
}

static void remove_file(const char *rel)
{
    ck_assert_int_eq(unlink(at(rel)), 0);
}

/* --- commits --- */

START_TEST(a_first_commit)
{
    struct oks_engine *engine = started((struct engine_options){0});

    put_file(PROJECTS "-p/s1.jsonl", text_of("%s%s", padding_line(), line_of("a", 10)));
    sync_recorded(engine);
    TRACE_IS("catalog_session_made s1; catalog_transcript_made s1; retained_replaced s1; "
             "catalog_assign_project s1",
             "sums_session s1; snapshot_restore s1; catalog_linked s1",
             "timeline_before s1; billing_enter s1; stream_leave s1; timeline_requests_leave s1; "
             "stream_committed s1",
             "timeline_after s1; retained_came_back s1; saver_want s1",
             "saver_rest s1; catalog_session_teams s1; runs_add_project /w; placement_changed s1",
             "sums_transcript s1; sums_session s1; runs_session_changed s1; commit_bump_billed",
             "runs_session_changed s1");
    engine_close(engine);
}
END_TEST

START_TEST(a_commit_of_a_gain)
{
    struct oks_engine *engine = started((struct engine_options){0});
    char *unfinished = line_of("b", 20);

    put_file(PROJECTS "-p/s1.jsonl", text_of("%s%s", padding_line(), line_of("a", 10)));
    sync_all(engine);
    append_file(PROJECTS "-p/s1.jsonl", text_of("%.*s", (int)strlen(unfinished) - 1, unfinished));
    sync_recorded(engine);
    TRACE_IS("catalog_linked s1",
             "timeline_before s1; billing_gain s1; billing_tail s1; stream_committed s1; timeline_after s1",
             "saver_rest s1; catalog_session_teams s1; placement_changed s1; "
             "sums_transcript s1; sums_session s1",
             "runs_session_changed s1; commit_bump_billed; runs_session_changed s1");
    append_file(PROJECTS "-p/s1.jsonl", "\n");
    sync_recorded(engine);
    TRACE_IS("catalog_linked s1",
             "timeline_before s1; billing_untail s1; billing_gain s1; stream_committed s1; timeline_after s1",
             "saver_want s1",
             "saver_rest s1; catalog_session_teams s1; placement_changed s1; "
             "sums_transcript s1; sums_session s1",
             "runs_session_changed s1; commit_bump_billed; runs_session_changed s1");
    engine_close(engine);
}
END_TEST

/* The queue is first in, first out: nobody waits behind who came later. */
START_TEST(changes_are_committed_in_their_order)
{
    struct oks_engine *engine = started((struct engine_options){0});

    for (int i = 1; i <= 3; i++)
        put_file(text_of(PROJECTS "-p/s%d.jsonl", i), text_of("%s%s", padding_line(), line_of("a", 10)));
    sync_all(engine);
    append_file(PROJECTS "-p/s2.jsonl", line_of("b", 20));
    append_file(PROJECTS "-p/s3.jsonl", line_of("c", 20));
    append_file(PROJECTS "-p/s1.jsonl", line_of("d", 20));
    sync_recorded(engine);
    recording = false;
    fclose(trace_out);
    ck_assert_ptr_nonnull(strstr(trace, "billing_gain s2"));
    ck_assert(strstr(trace, "billing_gain s2") < strstr(trace, "billing_gain s3"));
    ck_assert(strstr(trace, "billing_gain s3") < strstr(trace, "billing_gain s1"));
    free(trace);
    engine_close(engine);
}
END_TEST

/* What others have read of a session starts over. */
START_TEST(a_commit_in_place_of_another)
{
    struct oks_engine *engine = started((struct engine_options){0});

    put_file(PROJECTS "-p/s1.jsonl", text_of("%s%s", padding_line(), line_of("a", 10)));
    sync_all(engine);
    put_file(PROJECTS "-p/s1.jsonl", text_of("%s%s", line_of("c", 10), padding_line()));
    sync_recorded(engine);
    TRACE_IS("catalog_linked s1; catalog_transcript_made s1; retained_found s1", /* the remnant of "a" */
             "timeline_before s1; billing_enter s1; stream_leave s1; timeline_requests_leave s1; "
             "runs_remove_project /w; stream_committed s1",
             "timeline_after s1; retained_came_back s1; saver_want s1",
             "saver_rest s1; catalog_session_teams s1; runs_add_project /w; placement_changed s1",
             "sums_transcript s1; sums_session s1; runs_session_changed s1; commit_bump_billed",
             "runs_session_changed s1; catalog_linked s1", /* which is loaded now */
             "timeline_before s1; billing_enter s1; stream_leave s1; timeline_requests_leave s1; "
             "stream_committed s1",
             "timeline_after s1; saver_rest s1; catalog_session_teams s1; runs_add_project /w",
             "placement_changed s1; sums_transcript s1; sums_session s1; runs_session_changed s1",
             "commit_bump_billed; runs_session_changed s1");
    engine_close(engine);
}
END_TEST

/* --- departures --- */

START_TEST(a_drop)
{
    struct oks_engine *engine = started((struct engine_options){.no_cache = true});

    put_file(PROJECTS "-p/s1.jsonl", text_of("%s%s", padding_line(), line_of("a", 10)));
    put_file(PROJECTS "-p/s2.jsonl", text_of("%s%s", padding_line(), line_of("a", 10)));
    sync_all(engine);
    remove_file(PROJECTS "-p/s1.jsonl");
    sync_recorded(engine);
    TRACE_IS(
        "catalog_linked s1; retained_keep s1",
        "timeline_before_all s1; placement_changed -s1; saver_forget s1; runs_remove_project /w",
        "catalog_linked s1; sums_transcript -s1; billing_leave s1; stream_leave s1; timeline_requests_leave "
        "s1",
        "stream_changed s2/0; catalog_transcript_remove s1; timeline_after s1",
        "runs_session_changed s1; sums_session -s1; catalog_membership_end t; catalog_project_release -p",
        "catalog_session_remove s1; commit_bump_billed; runs_session_changed s2");
    engine_close(engine);
}
END_TEST

/* Its session lives on in another file. */
START_TEST(a_drop_of_one_of_two)
{
    struct oks_engine *engine = started((struct engine_options){.no_cache = true});

    put_file(PROJECTS "-p/s1.jsonl", text_of("%s%s", padding_line(), line_of("a", 10)));
    put_file(PROJECTS "-q/s1.jsonl", text_of("%s%s", padding_line(), line_of("b", 10)));
    sync_all(engine);
    remove_file(PROJECTS "-p/s1.jsonl");
    sync_recorded(engine);
    TRACE_IS("catalog_linked s1; retained_keep s1",
             "timeline_before_all s1; placement_changed -s1; saver_forget s1; runs_remove_project /w",
             "catalog_linked s1; sums_transcript -s1; billing_leave s1; stream_leave s1; "
             "timeline_requests_leave s1",
             "catalog_transcript_remove s1; timeline_after s1; catalog_assign_project s1; sums_session s1",
             "catalog_project_release -p; sums_session s1; catalog_session_teams s1",
             "runs_session_changed s1; commit_bump_billed; runs_session_changed s1");
    engine_close(engine);
}
END_TEST

START_TEST(a_retain)
{
    struct oks_engine *engine = started((struct engine_options){0});

    put_file(PROJECTS "-p/s1.jsonl", text_of("%s%s", padding_line(), line_of("a", 10)));
    sync_all(engine);
    oks_engine_save(engine);
    ck_assert_int_eq(rename(at(PROJECTS "-p/s1.jsonl"), at("away")), 0);
    sync_recorded(engine);
    TRACE_IS("catalog_linked s1; retained_keep s1",
             "catalog_linked s1; timeline_before_all s1; timeline_after s1; stream_committed s1",
             "placement_changed s1", "sums_transcript s1; sums_session s1",
             "runs_session_changed s1; commit_bump_billed; runs_session_changed s1");
    ck_assert_int_eq(rename(at("away"), at(PROJECTS "-p/s1.jsonl")), 0); /* the same file */
    sync_recorded(engine);
    TRACE_IS("retained_return s1; stream_committed s1; retained_replaced s1; runs_session_changed s1",
             "catalog_linked s1",
             "timeline_before s1; billing_gain s1; stream_committed s1; timeline_after s1",
             "saver_rest s1; placement_changed s1; sums_transcript s1; sums_session s1",
             "runs_session_changed s1; commit_bump_billed; runs_session_changed s1");
    engine_close(engine);
}
END_TEST

/* The next start finds it in the history store alone. */
START_TEST(a_start_with_a_retained_one)
{
    struct oks_engine *engine = started((struct engine_options){0});

    put_file(PROJECTS "-p/s1.jsonl", text_of("%s%s", padding_line(), line_of("a", 10)));
    sync_all(engine);
    engine_close(engine);
    remove_file(PROJECTS "-p/s1.jsonl");
    engine = engine_open((struct engine_options){0});
    sync_recorded(engine);
    TRACE_IS(
        "catalog_session_made s1; catalog_transcript_made s1; retained_found s1; catalog_assign_project s1",
        "sums_session s1; snapshot_restore s1; catalog_linked s1",
        "timeline_before s1; billing_enter s1; stream_leave s1; timeline_requests_leave s1; stream_committed "
        "s1",
        "timeline_after s1",
        "saver_rest s1; catalog_session_teams s1; runs_add_project /w; placement_changed s1",
        "sums_transcript s1; sums_session s1; runs_session_changed s1; commit_bump_billed",
        "runs_session_changed s1");
    engine_close(engine);
}
END_TEST

/* --- a session named by its records --- */

#define ROLLOUT "codex/sessions/2026/06/10/rollout-2026-06-10T01-00-00-"

static struct oks_engine *codex_engine(void)
{
    char *home = text_of("%s/okstra", scratch), *dir = text_of("%s/codex", scratch);
    const char *dirs[] = {dir, NULL};
    struct oks_config config = {.okstra_home = home, .dirs[OKS_SOURCE_CODEX] = dirs};
    struct oks_engine *engine;

    ck_assert_int_eq(oks_engine_new(&engine, &config), 0);
    return engine;
}

START_TEST(a_rename)
{
    struct oks_engine *engine;

    make_parents("codex/sessions/2026/06/10/");
    engine = codex_engine();
    sync_all(engine);
    put_file(ROLLOUT "one.jsonl",
             "{\"timestamp\":\"" STAMP "\",\"type\":\"session_meta\",\"payload\":{\"id\":\"two\",\"cwd\":\"/"
             "w\",\"cli_version\":\"0.146.0\"}}\n");
    sync_recorded(engine);
    TRACE_IS("catalog_session_made one; catalog_transcript_made one; retained_replaced one; "
             "catalog_assign_project one",
             "catalog_session_made two; catalog_move two; catalog_assign_project two",
             "runs_session_changed one; sums_session -one; catalog_session_remove one; catalog_linked one",
             "timeline_before one; billing_enter one; stream_leave one; timeline_requests_leave one",
             "stream_committed one; timeline_after two; retained_came_back one; retained_replaced two",
             "saver_want one",
             "saver_rest one; catalog_session_teams two; catalog_assign_project two; sums_session two",
             "runs_add_project /w; placement_changed one; sums_transcript one",
             "sums_session two; runs_session_changed two; commit_bump_billed");
    engine_close(engine);
}
END_TEST

/* --- the snapshot --- */

START_TEST(a_start_from_the_snapshot)
{
    enum { MANY = 300 };
    struct oks_engine *engine = started((struct engine_options){0});

    for (int i = 0; i < MANY; i++)
        put_file(text_of(PROJECTS "-p/s%03d.jsonl", i),
                 text_of("%s%s", padding_line(), line_of(text_of("a%d", i), 10)));
    sync_all(engine);
    engine_close(engine);
    engine = engine_open((struct engine_options){0});
    only = "s007";
    sync_recorded(engine);
    TRACE_IS(
        "catalog_session_made s007; catalog_transcript_made s007; retained_replaced s007",
        "catalog_assign_project s007; sums_session s007; snapshot_restore s007",
        "billing_enter s007; stream_leave s007; timeline_requests_leave s007; stream_committed s007",
        "timeline_restored s007; catalog_session_teams s007; placement_changed s007; sums_transcript s007",
        "sums_session s007; runs_session_changed s007", /* and at the end of the sync, because its bill is
                                                           new: */
        "runs_session_changed s007");
    engine_close(engine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("effects");

    SCRATCH_TEST(suite, a_first_commit);
    SCRATCH_TEST(suite, a_commit_of_a_gain);
    SCRATCH_TEST(suite, changes_are_committed_in_their_order);
    SCRATCH_TEST(suite, a_commit_in_place_of_another);
    SCRATCH_TEST(suite, a_drop);
    SCRATCH_TEST(suite, a_drop_of_one_of_two);
    SCRATCH_TEST(suite, a_retain);
    SCRATCH_TEST(suite, a_start_with_a_retained_one);
    SCRATCH_TEST(suite, a_rename);
    SCRATCH_TEST(suite, a_start_from_the_snapshot);
    return tap_run(suite);
}
