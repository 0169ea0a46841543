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

#include "base/array.h"
#include "base/tree.h"
#include "documents/document.h"
#include "documents/limits.h"
#include "documents/parts.h"
#include "settings/settings.h"

enum {
    LIMITS_MAX = 64, /* different ones; further ones are not shown */
    HUNDREDTHS = 100,
};

struct limit_row {
    char id[SOURCE_LIMIT_TEXT], stamp[SOURCE_LIMIT_TEXT];
    const struct transcript *of; /* the transcript with the newest line */
};

struct limits_found {
    enum oks_source source;
    struct limit_row *rows;
    size_t n, room;
    const struct transcript *t; /* the one being looked at */
};

static struct limit_row *row_of(struct limits_found *f, const char *id)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->rows[i].id, id) == 0)
            return &f->rows[i];
    if (f->n == LIMITS_MAX || !OKS_GROW(f->rows, f->n, f->room))
        return NULL;
    f->rows[f->n] = (struct limit_row){0};
    strcpy(f->rows[f->n].id, id);
    return &f->rows[f->n++];
}

static int note(void *ctx, const struct source_limit *limit)
{
    struct limits_found *f = ctx;
    struct limit_row *row = row_of(f, limit->id);

    if (!row)
        return f->n == LIMITS_MAX ? 0 : -ENOMEM;
    if (strcmp(limit->stamp, row->stamp) > 0) {
        strcpy(row->stamp, limit->stamp);
        row->of = f->t;
    }
    return 0;
}

static int note_all(void *ctx, void *item)
{
    struct limits_found *f = ctx;
    const struct transcript *t = item;

    if (t->source->id != f->source || !t->source->limits || !t->state.reader_state)
        return 0;
    f->t = t;
    return t->source->limits(t->state.reader_state, note, f);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct limit_row *)a)->id, ((const struct limit_row *)b)->id);
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
    struct limits_found found = {.source = source};
    int rc = oks_sources[source]->limits ? oks_tree_until(model->catalog.transcripts, note_all, &found) : 0;

    if (found.n)
        qsort(found.rows, found.n, sizeof(*found.rows), by_id);
    for (size_t i = 0; rc == 0 && i < found.n; i++) {
        const struct transcript *t = found.rows[i].of;
        struct one_limit one = {found.rows[i].id, fn, ctx};

        if (t)
            rc = t->source->limits(t->state.reader_state, pass_on, &one);
    }
    free(found.rows);
    return rc;
}

int limits_each(struct model *model, enum oks_source source, source_limit_fn *fn, void *ctx)
{
    return oks_sources[source]->status_line ? each_of_plan(settings_plan_limits(model->settings), fn, ctx)
                                            : each_of_transcripts(model, source, fn, ctx);
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
