/*
 * A model in memory, without an engine and without a home folder: transcripts are texts, read by the real
 * scanner and committed in the order of engine/commit.c.
 *
 *     model_begin(NULL);
 *     struct made a = made_at("-p/s1.jsonl");
 *     made_says(&a, SAYS({.id = "m1", .at = "2026-06-10T01:00:00Z", .output = 5}));
 *     ...
 *     made_leaves(&a);
 *     model_end();
 *
 * With MODEL_STREAMS defined before it is included, commits go to the streams too. A test links its folder
 * and the lower ones: what it does not call is not linked.
 */
#ifndef OKSTRAFS_TESTS_MODEL_HOME_H
#define OKSTRAFS_TESTS_MODEL_HOME_H

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "catalog/transcript_scan.h"
#include "sums/billed_session.h"
#include "sums/model.h"
#include "sums/shares.h"
#include "tap.h"
#ifdef MODEL_STREAMS
#include "streams/stream.h"
#endif

/* What one line of a transcript says. */
struct said {
    const char *at;    /* NULL: no time */
    const char *id;    /* of the message; NULL: none */
    const char *model; /* NULL: claude-opus-4-7 */
    const char *agent, *team, *cwd, *session;
    unsigned input, output, created, reads;
    unsigned tools;
    bool open;      /* it does not say why the response ended */
    bool sidechain; /* of a sub-agent */
    bool user;      /* a line of the user's: no message */
};

#define SAYS(...) \
    (const struct said[]){__VA_ARGS__}, sizeof((const struct said[]){__VA_ARGS__}) / sizeof(struct said)

static struct model model;
static struct root root = {.path = (char *)"/r", .found = true};
static struct oks_scanner *scanner;
static int64_t mtime_ns; /* rises with each scan */
static uint64_t inode;   /* given out */
#ifdef MODEL_STREAMS
static struct streams streams = {.model = &model};
#endif

/* A transcript: what is in its file, and what the model has of it. */
struct made {
    struct transcript *t;
    char *text;
    size_t len;
};

/* --- life --- */

static inline int model_posted(void *ctx, void *owner, const char *name, const struct billed_sum *sum,
                               bool comes)
{
    return sums_posted(&model.sums, ((struct transcript *)owner)->session, name, sum, comes);
}

static inline void model_timed(void *ctx, void *owner, size_t i, struct oks_stamp stamp, const char *name,
                               const struct billed_sum *sum, bool comes)
{
    timeline_request(&model.timeline, owner, i, stamp, name, sum, comes);
}

static inline void model_row_changed(void *ctx, void *owner, size_t i, struct oks_stamp before)
{
#ifdef MODEL_STREAMS
    stream_changed(&streams, owner, i, before);
#endif
}

static inline void model_leaves(void *ctx, void *owner)
{
#ifdef MODEL_STREAMS
    stream_leave(&streams, owner);
#endif
    timeline_requests_leave(&model.timeline, owner);
}

/* The prices and the configuration are those of a folder; NULL: built in, and none. */
static inline void model_settings(const char *folder)
{
    int changed;

    settings_free(model.settings);
    ck_assert_int_eq(settings_new(&model.settings, folder ? folder : "/nowhere"), 0);
    changed = settings_refresh(model.settings);
    ck_assert_int_ge(changed, 0);
    model.versions.prices = version_next(&model.versions);
    billing_reprice_begin(model.billing, settings_prices(model.settings));
    sums_forget_costs(&model.sums);
    timeline_reset(&model.timeline);
    billing_reprice(model.billing);
}

static inline void model_begin(const struct oks_zone *zone)
{
    static const struct billing_events events = {model_posted, model_timed, model_row_changed, model_leaves};

    root.source = &oks_source_claude;
    pthread_mutex_init(&model.lock, NULL);
    model.versions.last = model.versions.all = 1;
    model.zone = zone;
    catalog_init(&model.catalog, &model.versions);
    sums_init(&model.sums, &model.catalog, &model.names);
    ck_assert_int_eq(billing_new(&model.billing, &model.names, &events, NULL), 0);
    model.timeline = (struct timeline){
        .catalog = &model.catalog, .billing = model.billing, .names = &model.names, .zone = zone};
    ck_assert_int_eq(oks_scanner_new(&scanner, OKS_ISA_AUTO), 0);
    model_settings(NULL);
}

/* All transcripts have left. */
static inline void model_end(void)
{
    ck_assert_ptr_null(model.catalog.transcripts);
    ck_assert_uint_eq(model.catalog.n_sessions, 0);
    ck_assert_uint_eq(model.catalog.n_projects, 0);
    settings_free(model.settings);
    timeline_free(&model.timeline);
    catalog_clear(&model.catalog);
    billing_free(model.billing);
    sums_clear(&model.sums);
    oks_intern_clear(&model.names);
    oks_scanner_free(scanner);
    pthread_mutex_destroy(&model.lock);
    memset(&model, 0, sizeof(model));
}

/* --- what a session is in --- */

static inline void model_project_left(struct project *p)
{
    if (!catalog_project_release(&model.catalog, p))
        return;
    project_sums_free(p->sums);
    free(p);
}

static inline void model_place(struct session *s)
{
    struct project *from;
    int rc = catalog_assign_project(&model.catalog, s, &from);

    ck_assert_int_ge(rc, 0);
    if (rc == 0)
        return;
    sums_session(&model.sums, s, from, false);
    if (from)
        model_project_left(from);
}

static inline void model_bump(struct session *s)
{
    struct membership *m;

    catalog_session_changed(&model.catalog, s, version_next(&model.versions));
    if (s->project)
        s->project->version = s->version;
    LIST_FOREACH(m, &s->teams, of_session)
        catalog_team_changed(&model.catalog, m->team, s->version);
}

static inline void model_bump_billed(void)
{
    struct session *s;

    while ((s = sums_next_touched(&model.sums)))
        model_bump(s);
}

/* --- transcripts --- */

/* One that nobody has read yet. `rel` is its path below the root of its source. */
static inline struct made made_of(const struct source *source, const char *rel)
{
    char path[512];
    struct made made = {.text = calloc(1, 1)};
    struct session *s = catalog_session_made(&model.catalog, source->id_of(rel));

    ck_assert(made.text && s);
    root.source = source;
    snprintf(path, sizeof(path), "%s/%s", root.path, rel);
    if (!s->sums) {
        ck_assert_int_eq(session_sums_new(s), 0);
        timeline_session_new(&model.timeline, s);
#ifdef MODEL_STREAMS
        ck_assert_int_eq(session_stream_new(s), 0);
#endif
    }
    made.t = catalog_transcript_made(&model.catalog, s, &root, path, strdup("f"), strdup(s->name));
    ck_assert_ptr_nonnull(made.t);
    ck_assert_int_eq(transcript_sums_new(made.t), 0);
#ifdef MODEL_STREAMS
    ck_assert_int_eq(stream_marks_new(made.t), 0);
#endif
    made.t->mark.ino = ++inode;
    timeline_transcript_new(&model.timeline, made.t);
    if (TAILQ_FIRST(&s->transcripts) == made.t)
        model_place(s);
    return made;
}

static inline struct made made_at(const char *rel)
{
    return made_of(&oks_source_claude, rel);
}

static inline void model_commit_requests(struct transcript *t, struct scan_outcome *out)
{
    if (out->replace) {
        ck_assert_int_eq(billing_enter(model.billing, t->billed, out->gain.requests), 0);
        return;
    }
    if (transcript_tail(t)->requests)
        ck_assert_int_eq(billing_untail(model.billing, t->billed), 0);
    ck_assert_int_eq(billing_gain(model.billing, t->billed, out->gain.requests), 0);
}

static inline void model_commit(struct transcript *t, struct scan_outcome *out)
{
    struct timeline_change change = {0};

    timeline_before(&model.timeline, t, out, &change);
    model_commit_requests(t, out);
    ck_assert_int_eq(transcript_apply(t, out), 0);
    if (out->tail && out->tail->requests)
        ck_assert_int_eq(billing_tail(model.billing, t->billed, out->tail->requests), 0);
    oks_events_window(t->state.events, OKS_STAMP_NONE, OKS_STAMP_NONE, &t->totals);
#ifdef MODEL_STREAMS
    stream_committed(&streams, t);
#endif
    transcript_apply_marks(t, out);
    scan_outcome_clear(out);
    timeline_after(&model.timeline, t->session, &change);
    ck_assert_int_eq(catalog_session_teams(&model.catalog, t->session), 0);
    if (t->source->late)
        model_place(t->session);
    sums_transcript(&model.sums, t, false);
    sums_session(&model.sums, t->session, t->session->project, false);
    model_bump(t->session);
    model_bump_billed();
}

/* Scans what the text has gained (`anew`: all of it) and commits it. */
static inline void made_scan(struct made *made, bool anew)
{
    struct transcript *t = made->t;
    struct scan_options options = {.peer_states = ""};
    struct scan_outcome out = {.changed = true, .replace = anew || !t->loaded};
    uint64_t from = out.replace ? 0 : t->state.offset;
    int fd = memfd_create("transcript", MFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, made->text, made->len), (ssize_t)made->len);
    ck_assert_int_eq(oks_state_init(&out.gain), 0);
    mtime_ns++;
    out.mark = (struct file_mark){
        .dev = 1, .ino = t->mark.ino, .size = made->len, .mtime_ns = mtime_ns, .ctime_ns = mtime_ns};
    ck_assert_int_eq(
        transcript_collect(t, fd, &(struct oks_scan_part){.offset = from}, from, scanner, &options, &out), 0);
    ck_assert_int_eq(out.error, 0);
    close(fd);
    model_commit(t, &out);
}

/* Bytes at its end, which need not be whole lines. */
static inline void made_gains(struct made *made, const char *text)
{
    size_t n = strlen(text);

    made->text = realloc(made->text, made->len + n + 1);
    ck_assert_ptr_nonnull(made->text);
    memcpy(made->text + made->len, text, n + 1);
    made->len += n;
    made_scan(made, false);
}

/* --- lines --- */

static inline void put_member_(FILE *out, const char *key, const char *value)
{
    if (value)
        fprintf(out, "\"%s\":\"%s\",", key, value);
}

static inline void put_message_(FILE *out, const struct said *s)
{
    fputs(",\"message\":{", out);
    put_member_(out, "id", s->id);
    fprintf(out, "\"model\":\"%s\",\"stop_reason\":%s,\"content\":[", s->model ? s->model : "claude-opus-4-7",
            s->open ? "null" : "\"end_turn\"");
    for (unsigned i = 0; i < s->tools; i++)
        fprintf(out, "%s{\"type\":\"tool_use\"}", i ? "," : "");
    fprintf(out,
            "],\"usage\":{\"input_tokens\":%u,\"output_tokens\":%u,\"cache_creation_input_tokens\":%u,"
            "\"cache_read_input_tokens\":%u}}",
            s->input, s->output, s->created, s->reads);
}

/* The line without its newline; malloc'ed. */
static inline char *line_said(const struct said *s)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    fputc('{', out);
    put_member_(out, "timestamp", s->at);
    put_member_(out, "agentName", s->agent);
    put_member_(out, "teamName", s->team);
    put_member_(out, "cwd", s->cwd);
    put_member_(out, "sessionId", s->session);
    put_member_(out, "uuid", s->user ? NULL : s->id); /* the lines of a request are copies of one */
    fprintf(out, "\"isSidechain\":%s,\"type\":\"%s\"", s->sidechain ? "true" : "false",
            s->user ? "user" : "assistant");
    if (!s->user)
        put_message_(out, s);
    fputc('}', out);
    fclose(out);
    return text;
}

static inline char *lines_said(const struct said *lines, size_t n)
{
    char *text, *line;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    for (size_t i = 0; i < n; i++) {
        line = line_said(&lines[i]);
        fprintf(out, "%s\n", line);
        free(line);
    }
    fclose(out);
    return text;
}

/* Whole lines at its end. */
static inline void made_says(struct made *made, const struct said *lines, size_t n)
{
    char *text = lines_said(lines, n);

    made_gains(made, text);
    free(text);
}

/* Another file in its place. */
static inline void made_says_instead(struct made *made, const struct said *lines, size_t n)
{
    free(made->text);
    made->text = lines_said(lines, n);
    made->len = strlen(made->text);
    made_scan(made, true);
}

/* --- leaving, in the order of engine/departures.c --- */

static inline void model_session_leaves(struct session *s)
{
    struct project *p = s->project;

    sums_session(&model.sums, s, p, true);
    while (!LIST_EMPTY(&s->teams))
        catalog_membership_end(&model.catalog, LIST_FIRST(&s->teams));
    if (p) {
        LIST_REMOVE(s, of_project);
        model_project_left(p);
    }
    session_sums_free(s->sums);
#ifdef MODEL_STREAMS
    session_stream_free(s->stream);
#endif
    catalog_session_remove(&model.catalog, s);
}

static inline void made_leaves(struct made *made)
{
    struct transcript *t = made->t;
    struct session *s = t->session;
    struct timeline_change change;

    timeline_before_all(&model.timeline, s, &change);
    sums_transcript(&model.sums, t, true);
    billing_leave(model.billing, t->billed);
    catalog_transcript_remove(&model.catalog, t);
    timeline_after(&model.timeline, s, &change);
    transcript_sums_free(t->sums);
#ifdef MODEL_STREAMS
    stream_marks_free(t->marks);
#endif
    transcript_clear(t);
    free(t);
    free(made->text);
    *made = (struct made){0};
    if (TAILQ_EMPTY(&s->transcripts)) {
        model_session_leaves(s);
    } else {
        model_place(s);
        sums_session(&model.sums, s, s->project, false);
        ck_assert_int_eq(catalog_session_teams(&model.catalog, s), 0);
        model_bump(s);
    }
    model_bump_billed();
}

#endif
