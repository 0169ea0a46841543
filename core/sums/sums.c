/*
 * The sums that are always there: of each project, of each model, of all.
 *
 * Every session remembers what it has put into its sums, and every transcript what it has put into the sums
 * by model, so a change replaces that share and nothing else is looked at. A sum that cannot take a share out
 * again (aggregate.c) is made anew from all shares when somebody asks for it.
 *
 * Names in shares are interned: they outlive the transcript that brought them, and compare by address.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "engine/engine_private.h"

/* --- sessions --- */

void sums_session(struct oks_engine *e, struct session *s, struct project *from, bool leaves)
{
    const struct measure *before = s->summed ? &s->share : NULL;
    struct measure now;

    if (!leaves) {
        measure_session_anew(s, &now);
        now.agent_name = oks_intern(&e->names, now.agent_name);
        now.model = oks_intern(&e->names, now.model);
    }
    aggregate_replace(&e->all, before, leaves ? NULL : &now);
    if (from == s->project) {
        if (from)
            aggregate_replace(&from->sum, before, leaves ? NULL : &now);
    } else {
        if (from)
            aggregate_replace(&from->sum, before, NULL);
        if (s->project)
            aggregate_replace(&s->project->sum, NULL, leaves ? NULL : &now);
    }
    groups_session(e, s, before, leaves ? NULL : &now);
    s->summed = !leaves;
    if (!leaves)
        s->share = now;
}

void sums_project(struct oks_engine *e, struct project *p, struct measure *out)
{
    const struct session *s;

    if (p->sum.stale) {
        aggregate_reset(&p->sum);
        LIST_FOREACH(s, &p->sessions, of_project)
            if (s->summed)
                aggregate_replace(&p->sum, NULL, &s->share);
    }
    if (!p->sum.stale) {
        aggregate_show(&p->sum, out);
        return;
    }
    /* An uncommon time among them: added up each time. */
    measure_start(out);
    LIST_FOREACH(s, &p->sessions, of_project)
        if (s->summed)
            measure_add(out, &s->share);
}

struct adder {
    struct aggregate *sum; /* or NULL: */
    struct measure *plain;
};

static void add_session(const void *node, VISIT visit, void *ctx)
{
    const struct session *s = *(struct session *const *)node;
    struct adder *adder = ctx;

    if ((visit != postorder && visit != leaf) || !s->summed)
        return;
    if (adder->sum)
        aggregate_replace(adder->sum, NULL, &s->share);
    else
        measure_add(adder->plain, &s->share);
}

void sums_all(struct oks_engine *e, struct measure *out)
{
    struct adder adder = {.sum = &e->all, .plain = out};

    if (e->all.stale) {
        aggregate_reset(&e->all);
        twalk_r(e->sessions, add_session, &adder);
    }
    if (!e->all.stale) {
        aggregate_show(&e->all, out);
        return;
    }
    adder.sum = NULL;
    measure_start(out);
    twalk_r(e->sessions, add_session, &adder);
}

/* --- models --- */

static int by_row_name(const void *a, const void *b)
{
    return strcmp(((const struct model_row *)a)->name, ((const struct model_row *)b)->name);
}

static struct model_row *row_made(struct oks_engine *e, const char *name)
{
    struct model_row key = {.name = name}, **found = tfind(&key, &e->model_rows, by_row_name), *row;

    if (found)
        return *found;
    row = malloc(sizeof(*row));
    if (!row)
        return NULL;
    row->name = name;
    aggregate_reset(&row->sum);
    found = tsearch(row, &e->model_rows, by_row_name);
    if (!found)
        free(row);
    return found ? *found : NULL;
}

static void share_of(struct oks_engine *e, const struct oks_totals *totals, const char *name,
                     int64_t mtime_ns, struct model_share *out)
{
    out->name = oks_intern(&e->names, name);
    out->measure = (struct measure){
        .totals = *totals,
        .duration_ms = oks_duration_ms(totals->first, totals->last),
        .sessions = 1,
        .model = out->name,
        .mtime_ns = mtime_ns,
    };
}

/* The shares that the transcript has now, its unfinished line included; NULL on ENOMEM. */
static struct model_share *shares_now(struct oks_engine *e, const struct transcript *t, size_t *n)
{
    size_t most = t->state.models.len + transcript_tail(t)->counts;
    struct model_share *shares = calloc(most ? most : 1, sizeof(*shares));
    const struct oks_event *tail = &transcript_tail(t)->event;
    struct oks_totals extra = {.events = 1, .stamped = tail->stamp.key < OKS_STAMP_KEY_TEXT};
    const char *tail_name = transcript_tail(t)->line_model ? t->tail->line_model : "";
    uint64_t any = 0;
    bool met = false;

    for (int i = 0; transcript_tail(t)->counts && i < OKS_COLUMNS; i++)
        any |= extra.count[i] = tail->count[i];
    extra.first = extra.last = extra.stamped ? tail->stamp : OKS_STAMP_NONE;
    *n = 0;
    for (size_t i = 0; shares && i < t->state.models.len; i++) {
        struct oks_totals totals = t->state.models.items[i].totals;

        if (any && strcmp(t->state.models.items[i].name, tail_name) == 0) {
            oks_totals_add(&totals, &extra);
            met = true;
        }
        share_of(e, &totals, t->state.models.items[i].name, t->mark.mtime_ns, &shares[(*n)++]);
    }
    if (shares && any && !met)
        share_of(e, &extra, tail_name, t->mark.mtime_ns, &shares[(*n)++]);
    return shares;
}

static const struct measure *share_named(const struct model_share *shares, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (shares[i].name == name)
            return &shares[i].measure;
    return NULL;
}

static void replace_share(struct oks_engine *e, const char *name, const struct measure *before,
                          const struct measure *after)
{
    struct model_row *row = name ? row_made(e, name) : NULL;

    if (row)
        aggregate_replace(&row->sum, before, after);
}

void sums_transcript(struct oks_engine *e, struct transcript *t, bool leaves)
{
    size_t n = 0;
    struct model_share *now = leaves ? NULL : shares_now(e, t, &n);

    for (size_t i = 0; i < t->n_shares; i++)
        replace_share(e, t->shares[i].name, &t->shares[i].measure, share_named(now, n, t->shares[i].name));
    for (size_t i = 0; i < n; i++)
        if (!share_named(t->shares, t->n_shares, now[i].name))
            replace_share(e, now[i].name, NULL, &now[i].measure);
    free(t->shares);
    t->shares = now;
    t->n_shares = n;
}

static void add_shares(const void *node, VISIT visit, void *ctx)
{
    const struct transcript *t = *(struct transcript *const *)node;
    struct model_row *row = ctx;
    const struct measure *share;

    if (visit != postorder && visit != leaf)
        return;
    share = share_named(t->shares, t->n_shares, row->name);
    if (share)
        aggregate_replace(&row->sum, NULL, share);
}

struct model_visitor {
    struct oks_engine *e;
    void (*fn)(void *ctx, const char *name, const struct measure *m);
    void *ctx;
};

static void visit_row(const void *node, VISIT visit, void *ctx)
{
    struct model_row *row = *(struct model_row *const *)node;
    struct model_visitor *v = ctx;
    struct measure m;

    if (visit != postorder && visit != leaf)
        return;
    if (row->sum.stale) {
        aggregate_reset(&row->sum);
        twalk_r(v->e->transcripts, add_shares, row);
    }
    if (row->sum.parts == 0)
        return;
    aggregate_show(&row->sum, &m);
    v->fn(v->ctx, row->name, &m);
}

void sums_models(struct oks_engine *e, void (*fn)(void *ctx, const char *name, const struct measure *m),
                 void *ctx)
{
    struct model_visitor v = {e, fn, ctx};

    twalk_r(e->model_rows, visit_row, &v);
}

void sums_free(struct oks_engine *e)
{
    tdestroy(e->model_rows, free);
}
