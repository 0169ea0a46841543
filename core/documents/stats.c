/*
 * The documents of stats/: all usage by model, project, agent, source or host (here), by time, or in blocks.
 *
 * Rows over all time come from running sums, so a document costs its rows, not its sessions. In a window
 * every session is measured; most are answered from their share.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/array.h"
#include "base/tree.h"
#include "documents/blocks.h"
#include "documents/by_label.h"
#include "documents/by_time.h"
#include "documents/document.h"
#include "documents/parts.h"
#include "documents/ranked.h"
#include "documents/stats_rows.h"

/* --- by project, agent, source, host --- */

static void put_group(void *ctx, void *item)
{
    struct group *g = item;
    struct measure m;

    if (stats_put_kept(ctx, &g->shown.text))
        return;
    groups_measure(g, &m);
    stats_put_and_keep(ctx, &g->shown.text, g->key, &m, &g->billed);
}

static int sum_group(struct stats *s, struct ranked_row *shown)
{
    struct group *g = (struct group *)shown;
    struct measure m;

    (void)s;
    groups_measure(g, &m);
    stats_keep_sum(&shown->text, g->key, &m, &g->billed);
    return shown->text.has_sum ? 1 : -ENOMEM;
}

static void put_group_in_window(void *ctx, void *item)
{
    const struct group *g = item;
    struct stats *s = ctx;
    struct billed_bag bag = {0};
    const struct grouping *at;
    struct measure sum;

    measure_start(&sum);
    LIST_FOREACH(at, &g->sessions, of_group) {
        struct measure m;

        if (!document_goes_on(s->j))
            break;
        if (!spans_reach(&s->model->sums, at->session, &s->w)) /* stats_total() has completed them */
            continue;
        measure_session(at->session, &s->w, &m);
        json_fail(s->j, billed_session_window(s->model->billing, at->session, &s->w, &bag));
        if (m.totals.events > 0)
            measure_add(&sum, &m);
    }
    if (document_goes_on(s->j) && (sum.sessions > 0 || !billed_bag_is_zero(&bag)))
        stats_put_row(s, g->key, &sum, &bag);
    billed_bag_clear(&bag);
}

static void stats_groups(struct stats *s, enum group_kind kind)
{
    const void *groups = groups_tree(&s->model->sums, kind);

    if (s->picked)
        ranked_pick(s, &s->model->sums.group_ranks[kind], groups, sum_group);
    else
        document_each(s->j, groups, s->window ? put_group_in_window : put_group, s);
}

/* Without other hosts this machine has everything. */
static void stats_hosts(struct stats *s)
{
    if (s->model->catalog.n_hosts)
        stats_groups(s, GROUP_HOST);
    else if (s->total.sessions > 0 || !billed_bag_is_zero(&s->total_billed))
        stats_put_row(s, s->model->catalog.own.name, &s->total, &s->total_billed);
}

/* --- by model --- */

struct model_sums {
    struct stats *s;
    struct model_sum {
        const char *name; /* interned; "": unknown */
        struct measure measure;
        struct billed_bag billed; /* of one model */
    } * items;
    size_t n, room;
};

static struct model_sum *model_at(struct model_sums *sums, const char *name)
{
    for (size_t i = 0; i < sums->n; i++)
        if (sums->items[i].name == name)
            return &sums->items[i];
    if (!OKS_GROW(sums->items, sums->n, sums->room)) {
        json_fail(sums->s->j, -ENOMEM);
        return NULL;
    }
    sums->items[sums->n] = (struct model_sum){.name = name};
    measure_start(&sums->items[sums->n].measure);
    return &sums->items[sums->n++];
}

static void add_measure(void *ctx, const char *name, const struct measure *m)
{
    struct model_sum *sum = model_at(ctx, name);

    if (sum)
        measure_add(&sum->measure, m);
}

struct cut {
    struct model_sums *sums;
    const struct transcript *t;
};

static void add_totals(void *ctx, const char *name, const struct oks_totals *totals)
{
    const struct cut *cut = ctx;
    const struct transcript *t = cut->t;
    struct measure m = {.totals = *totals, .sessions = 1, .mtime_ns = t->mark.mtime_ns};

    m.duration_ms = oks_duration_ms(totals->first, totals->last);
    m.agent_name = oks_intern(&cut->sums->s->model->names, transcript_agent_name(t));
    m.model = oks_intern(&cut->sums->s->model->names, name);
    if (!m.model)
        json_fail(cut->sums->s->j, -ENOMEM);
    else
        add_measure(cut->sums, m.model, &m);
}

static void add_transcript(struct model_sums *sums, const struct transcript *t)
{
    const struct stats *s = sums->s;
    struct cut cut = {sums, t};

    if (sums_is_twin(t))
        return;
    switch (transcript_overlap(t, s->w.since, s->w.until)) {
    case TRANSCRIPT_INSIDE:
        sums_transcript_models(t, add_measure, sums);
        break;
    case TRANSCRIPT_CUT:
        transcript_window_by(t, OKS_LABEL_MODEL, s->w.since, s->w.until, add_totals, &cut);
        break;
    case TRANSCRIPT_OUTSIDE:
        break;
    }
}

static void add_transcripts(void *ctx, void *item)
{
    const struct session *session = item;
    const struct transcript *t;

    TAILQ_FOREACH(t, &session->transcripts, of_session)
        add_transcript(ctx, t);
}

static const char *shown(const struct model_sum *sum)
{
    return *sum->name ? sum->name : "unknown";
}

static int by_name(const void *a, const void *b)
{
    return strcmp(shown(a), shown(b));
}

static void stats_models(struct stats *s)
{
    struct model_sums sums = {.s = s};

    if (s->window)
        document_each_in_window(s->j, s->model, &s->w, add_transcripts, &sums);
    else
        sums_models(&s->model->sums, add_measure, &sums);
    for (size_t i = 0; i < s->total_billed.len; i++) {
        const struct billed_item *item = &s->total_billed.items[i];
        struct model_sum *sum = billed_is_zero(&item->sum) ? NULL : model_at(&sums, item->model);
        struct billed_sum *to = sum ? billed_bag_at(&sum->billed, item->model) : NULL;

        if (to)
            *to = item->sum;
        else if (sum)
            json_fail(s->j, -ENOMEM);
    }
    if (sums.n)
        qsort(sums.items, sums.n, sizeof(*sums.items), by_name);
    for (size_t i = 0; i < sums.n; i++) {
        struct model_sum *sum = &sums.items[i];

        if (!sum->measure.model && *sum->name)
            sum->measure.model = sum->name;
        if (document_goes_on(s->j))
            stats_put_row(s, shown(sum), &sum->measure, &sum->billed);
        billed_bag_clear(&sum->billed);
    }
    free(sums.items);
}

/* --- all kinds --- */

static void add_session(void *ctx, void *item)
{
    const struct session *session = item;
    struct stats *s = ctx;
    struct measure m;

    measure_session(session, &s->w, &m);
    json_fail(s->j, billed_session_window(s->model->billing, session, &s->w, &s->total_billed));
    if (m.totals.events > 0)
        measure_add(&s->total, &m);
}

static void stats_total(struct stats *s)
{
    measure_start(&s->total);
    if (s->window) {
        document_each_in_window(s->j, s->model, &s->w, add_session, s);
        return;
    }
    sums_all(&s->model->sums, &s->total);
    s->total_billed = *billing_all(s->model->billing); /* borrowed */
}

static void put_rows(struct stats *s)
{
    switch (s->by) {
    case OKS_STATS_BY_MODEL:
        stats_models(s);
        break;
    case OKS_STATS_BY_PROJECT:
        stats_groups(s, GROUP_PROJECT);
        break;
    case OKS_STATS_BY_AGENT:
        stats_groups(s, GROUP_AGENT);
        break;
    case OKS_STATS_BY_SOURCE:
        stats_groups(s, GROUP_SOURCE);
        break;
    case OKS_STATS_BY_HOST:
        stats_hosts(s);
        break;
    case OKS_STATS_BY_BRANCH:
    case OKS_STATS_BY_EFFORT:
    case OKS_STATS_BY_TOOL:
        stats_put_by_label(s);
        break;
    case OKS_STATS_BY_DAY:
        stats_put_by_time(s, TIMELINE_DAYS);
        break;
    case OKS_STATS_BY_WEEK:
        stats_put_by_time(s, TIMELINE_WEEKS);
        break;
    case OKS_STATS_BY_MONTH:
        stats_put_by_time(s, TIMELINE_MONTHS);
        break;
    case OKS_STATS_BY_HOUR:
        stats_put_by_time(s, TIMELINE_HOURS);
        break;
    case OKS_STATS_BLOCKS:
        stats_put_blocks(s);
        break;
    }
}

static void write_document(struct stats *s)
{
    struct json *j = s->j;

    json_open_object(j, NULL);
    if (s->window)
        json_put_window(j, s->window->since, s->window->until);
    json_open_array(j, "rows");
    put_rows(s);
    json_close_array(j);
    json_open_object(j, "total");
    if (s->by == OKS_STATS_BY_TOOL)
        json_put_count(j, "calls", s->total.totals.count[OKS_TOOL_USES]);
    else
        stats_put_counts(s, &s->total, &s->total_billed);
    json_close_object(j);
    json_close_object(j);
}

static int stats_document(void *ctx, struct json *j, struct oks_document *out)
{
    struct stats *s = ctx;

    s->j = j;
    if (s->picked)
        picked_restart(s->picked);
    stats_total(s);
    if (s->picked) {
        put_rows(s);
        if (document_goes_on(j)) /* else the rows may be others by now */
            picked_finish(s->picked);
    } else {
        write_document(s);
    }
    billed_bag_total(&s->total_billed, &s->sum);
    if (s->window)
        billed_bag_clear(&s->total_billed);
    s->total_billed = (struct billed_bag){0};
    out->mtime_ns = s->total.mtime_ns;
    out->version = s->model->versions.all;
    return 0;
}

enum { TIMELINE_TRIES = 16 };

/* Adds what the rows of time lack. Others get the lock in between. */
static int complete_timeline(struct model *model, enum time_kind kind)
{
    const struct timespec pause = {.tv_nsec = 100000};
    int rc = 1;

    while (rc > 0) {
        pthread_mutex_lock(&model->lock);
        rc = timeline_complete_some(&model->timeline, kind);
        pthread_mutex_unlock(&model->lock);
        if (rc > 0)
            nanosleep(&pause, NULL);
    }
    return rc;
}

/* A document of rows of time. It is written again if something came in between that is not in them yet. */
static int time_document(void *ctx, struct json *j, struct oks_document *out)
{
    const struct stats *s = ctx;

    return s->model->timeline.pending ? -EAGAIN : stats_document(ctx, j, out);
}

/* --- rows of time --- */

bool document_stats_rows(enum oks_stats by, enum time_kind *kind)
{
    switch (by) {
    case OKS_STATS_BY_DAY:
        *kind = TIMELINE_DAYS;
        return true;
    case OKS_STATS_BY_WEEK:
        *kind = TIMELINE_WEEKS;
        return true;
    case OKS_STATS_BY_MONTH:
        *kind = TIMELINE_MONTHS;
        return true;
    case OKS_STATS_BY_HOUR:
        *kind = TIMELINE_HOURS;
        return true;
    case OKS_STATS_BLOCKS:
        *kind = TIMELINE_HALVES;
        return true;
    default:
        return false;
    }
}

static int rows_of_time(struct stats *s, enum time_kind kind, struct oks_document *out)
{
    int rc = -EAGAIN;

    for (int tries = 0; rc == -EAGAIN && tries < TIMELINE_TRIES; tries++) {
        rc = complete_timeline(s->model, kind);
        if (rc == 0)
            rc = document_locked(s->model, time_document, s, out);
    }
    return rc == -EAGAIN ? -ENOMEM : rc; /* rows are made anew for lack of memory, again and again */
}

static int write_or_pick(struct stats *s, struct oks_document *out)
{
    enum time_kind kind;
    int rc = 0;

    if (document_stats_rows(s->by, &kind))
        return rows_of_time(s, kind, out);
    if (s->by == OKS_STATS_BY_BRANCH || s->by == OKS_STATS_BY_EFFORT || s->by == OKS_STATS_BY_TOOL)
        rc = stats_prepare_labels(s);
    return rc < 0 ? rc : document_locked(s->model, stats_document, s, out);
}

int document_stats(struct model *model, enum oks_stats by, const struct oks_window *window, int64_t now_ms,
                   struct oks_document *out)
{
    struct stats s = {
        .model = model, .by = by, .window = window, .w = {OKS_STAMP_NONE, OKS_STAMP_NONE}, .now_ms = now_ms};

    if (window) {
        s.w.since = oks_window_since(window);
        s.w.until = oks_window_until(window);
    }
    return write_or_pick(&s, out);
}

int document_stats_picked(struct model *model, enum oks_stats by, int64_t now_ms, size_t most,
                          struct picked *picked, struct oks_rows_total *total)
{
    struct stats s = {
        .model = model, .by = by, .w = {OKS_STAMP_NONE, OKS_STAMP_NONE}, .now_ms = now_ms, .picked = picked};
    struct oks_document none;
    enum time_kind kind;
    int rc;

    picked_start(picked, !document_stats_rows(by, &kind), most);
    rc = write_or_pick(&s, &none);
    if (rc < 0)
        return rc;
    oks_document_clear(&none);
    *total = (struct oks_rows_total){.calls = s.total.totals.count[OKS_TOOL_USES], .n = picked->n_all};
    picked_bill(&s.sum, &total->bill);
    return 0;
}
