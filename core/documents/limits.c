/*
 * limits/<source>.json: what the transcripts last said about the limits of the user's plan. Those of Claude
 * Code do not: what it said is kept by `okstrafs statusline` (settings/plan_limits.h).
 *
 * Each limit is shown as the newest line about it says, of whichever transcript. "over" says that its window
 * has ended since, so that the percentage no longer holds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
#include "documents/document.h"
#include "documents/limits.h"
#include "documents/parts.h"
#include "settings/settings.h"

enum {
    LIMITS_MAX = 64, /* different ones; further ones are not shown */
    HUNDREDTHS = 100,
};

/* A limit, and the transcript with the newest line about it; NULL: none has a time. */
struct limit_row {
    char id[SOURCE_LIMIT_TEXT], stamp[SOURCE_LIMIT_TEXT];
    const struct transcript *of;
};

/*
 * The limits of a source as they were at `version`. Of a session that has changed since they are looked for
 * again. If one is not as new there as it was, or a transcript has left, all transcripts are looked at.
 */
struct told_limits {
    uint64_t version; /* 0: they are not known */
    struct limit_row rows[LIMITS_MAX];
    size_t n;
    bool sorted;
};

struct looking {
    struct told_limits *told;
    enum oks_source source;
    const struct transcript *t; /* the one being looked at */
    bool full;                  /* there is one more than is shown */
};

static struct limit_row *row_of(struct looking *l, const char *id)
{
    struct told_limits *told = l->told;

    for (size_t i = 0; i < told->n; i++)
        if (strcmp(told->rows[i].id, id) == 0)
            return &told->rows[i];
    l->full |= told->n == LIMITS_MAX;
    if (l->full)
        return NULL;
    told->rows[told->n] = (struct limit_row){0};
    strcpy(told->rows[told->n].id, id);
    told->sorted = false;
    return &told->rows[told->n++];
}

static bool is_newer(const struct looking *l, const char *stamp, const struct limit_row *row)
{
    int d = strcmp(stamp, row->stamp);

    return d > 0 || (d == 0 && row->of && strcmp(l->t->path, row->of->path) < 0);
}

static int note(void *ctx, const struct source_limit *limit)
{
    struct looking *l = ctx;
    struct limit_row *row = row_of(l, limit->id);

    if (!row || !is_newer(l, limit->stamp, row))
        return 0;
    strcpy(row->stamp, limit->stamp);
    row->of = l->t;
    return 0;
}

static int note_all(void *ctx, void *item)
{
    struct looking *l = ctx;
    const struct transcript *t = item;

    if (t->source->id != l->source || !t->source->limits || !t->state.reader_state)
        return 0;
    l->t = t;
    return t->source->limits(t->state.reader_state, note, l);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct limit_row *)a)->id, ((const struct limit_row *)b)->id);
}

/* False: another session may have a newer line now. */
static bool look_at_session(struct looking *l, const struct session *s)
{
    char before[LIMITS_MAX][SOURCE_LIMIT_TEXT];
    struct told_limits *told = l->told;
    const struct transcript *t;
    size_t n = told->n;
    bool lost = false;

    for (size_t i = 0; i < n; i++) {
        struct limit_row *row = &told->rows[i];
        bool is_of = row->of && row->of->session == s;

        strcpy(before[i], row->stamp);
        if (is_of)
            *row->stamp = '\0';
        if (is_of)
            row->of = NULL;
    }
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        note_all(l, (void *)t);
    for (size_t i = 0; i < n; i++)
        lost |= strcmp(told->rows[i].stamp, before[i]) < 0;
    return !lost && !l->full;
}

static bool look_at_changed(struct looking *l, const struct catalog *c)
{
    const struct session *s;

    TAILQ_FOREACH(s, &c->by_version, of_version) {
        if (s->version <= l->told->version)
            break;
        if (!look_at_session(l, s))
            return false;
    }
    return true;
}

static void look(struct model *model, struct looking *l)
{
    const struct versions *v = &model->versions;
    struct told_limits *told = l->told;

    if (!told->version || model->catalog.limits_left >= told->version ||
        !look_at_changed(l, &model->catalog)) {
        told->n = 0;
        l->full = false;
        oks_tree_until(model->catalog.transcripts, note_all, l);
    }
    if (!told->sorted && told->n)
        qsort(told->rows, told->n, sizeof(*told->rows), by_id);
    told->sorted = true;
    told->version = l->full ? 0 : v->last;
}

/* --- each limit --- */

int64_t limit_time(const struct source_limit *limit)
{
    int64_t micros;
    bool aware;

    return oks_stamp_micros(oks_stamp_of(oks_slice_of(limit->stamp)), &micros, &aware) == 0 ? micros / 1000
                                                                                            : 0;
}

/* As a Codex limit is shown. Each window may have been told at another time. */
static int each_of_plan(const struct oks_plan_limits *plan, source_limit_fn *fn, void *ctx)
{
    static const uint32_t minutes[OKS_PLAN_SPANS] = {
        [OKS_PLAN_FIVE_HOURS] = 5 * 60, [OKS_PLAN_SEVEN_DAYS] = 7 * 24 * 60};
    struct source_limit limit = {.id = "plan"};
    char stamp[OKS_STAMP_TEXT];
    int64_t newest_ms = 0;

    for (int i = 0; i < OKS_PLAN_SPANS; i++) {
        const struct oks_plan_window *w = &plan->window[i];

        if (w->given && w->as_of_ms > newest_ms)
            newest_ms = w->as_of_ms;
        limit.window[i] =
            (struct source_limit_window){.given = w->given,
                                         .used = w->used,
                                         .minutes = minutes[i],
                                         .resets_at = (uint64_t)(w->resets_at > 0 ? w->resets_at : 0)};
    }
    if (newest_ms == 0)
        return 0;
    oks_time_text(newest_ms, stamp);
    limit.stamp = stamp;
    return fn(ctx, &limit);
}

struct one_limit {
    const char *id; /* the limit that is wanted, of all in a transcript */
    source_limit_fn *fn;
    void *ctx;
};

static int pass_on(void *ctx, const struct source_limit *limit)
{
    const struct one_limit *one = ctx;

    return strcmp(limit->id, one->id) == 0 ? one->fn(one->ctx, limit) : 0;
}

static int each_of_transcripts(struct model *model, enum oks_source source, source_limit_fn *fn, void *ctx)
{
    struct looking l = {.source = source};
    int rc = 0;

    if (!model->catalog.limits[source])
        model->catalog.limits[source] = calloc(1, sizeof(*l.told));
    l.told = model->catalog.limits[source];
    if (!l.told)
        return -ENOMEM;
    look(model, &l);
    for (size_t i = 0; rc == 0 && i < l.told->n; i++) {
        const struct transcript *t = l.told->rows[i].of;
        struct one_limit one = {l.told->rows[i].id, fn, ctx};

        if (t)
            rc = t->source->limits(t->state.reader_state, pass_on, &one);
    }
    return rc;
}

int limits_each(struct model *model, enum oks_source source, source_limit_fn *fn, void *ctx)
{
    if (oks_sources[source]->status_line)
        return each_of_plan(settings_plan_limits(model->settings), fn, ctx);
    return oks_sources[source]->limits ? each_of_transcripts(model, source, fn, ctx) : 0;
}

/* --- the document --- */

struct limits {
    struct model *model;
    enum oks_source source;
    int64_t now_ms;
    struct json *j;
    int64_t newest_ms;
};

static void put_limit_window(const struct limits *l, const char *key, const struct source_limit_window *w)
{
    int64_t resets_ms = (int64_t)w->resets_at * 1000;

    if (!w->given) {
        json_put_null(l->j, key);
        return;
    }
    json_open_object(l->j, key);
    json_put_money(l->j, "usedPercent", (unsigned __int128)w->used * (OKS_USD / HUNDREDTHS));
    if (w->minutes)
        json_put_count(l->j, "windowMinutes", w->minutes);
    else
        json_put_null(l->j, "windowMinutes");
    if (w->resets_at)
        json_put_time(l->j, "resetsAt", resets_ms);
    else
        json_put_null(l->j, "resetsAt");
    json_put_bool(l->j, "over", w->resets_at && resets_ms <= l->now_ms);
    json_close_object(l->j);
}

static int put_limit(void *ctx, const struct source_limit *limit)
{
    struct limits *l = ctx;
    int64_t ms = limit_time(limit);

    if (ms > l->newest_ms)
        l->newest_ms = ms;
    json_open_object(l->j, NULL);
    json_put_text(l->j, "limitId", limit->id);
    json_put_text(l->j, "limitName", limit->name);
    json_put_text(l->j, "asOf", limit->stamp);
    json_put_text(l->j, "planType", limit->plan);
    json_put_text(l->j, "reachedType", limit->reached);
    put_limit_window(l, "primary", &limit->window[0]);
    put_limit_window(l, "secondary", &limit->window[1]);
    json_close_object(l->j);
    return 0;
}

static int limits_document(void *ctx, struct json *j, struct oks_document *out)
{
    struct limits *l = ctx;
    int rc;

    l->j = j;
    json_open_object(j, NULL);
    json_put_text(j, "source", oks_sources[l->source]->name);
    json_open_array(j, "limits");
    rc = limits_each(l->model, l->source, put_limit, l);
    json_close_array(j);
    json_close_object(j);
    out->mtime_ns = l->newest_ms * 1000000;
    out->version = l->model->versions.all;
    return rc;
}

int document_limits(struct model *model, enum oks_source source, int64_t now_ms, struct oks_document *out)
{
    struct limits l = {.model = model, .source = source, .now_ms = now_ms};

    return document_locked(model, limits_document, &l, out);
}
