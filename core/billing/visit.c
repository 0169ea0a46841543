/*
 * What was billed in a span of time, and request by request.
 *
 * A session that lies wholly inside a window, or outside, answers from its sum. One that is cut is asked
 * transcript by transcript, through a tree over its rows (billed_tree.c) that is made at the first such
 * question and kept up to date from then on.
 */
#include "billing/billing_private.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "engine/engine_private.h"

/* --- windows --- */

struct windowing {
    struct oks_engine *e;
    const struct transcript *t;
    struct oks_stamp since, until;
    struct billed_sum *sums; /* by the transcript's own numbers of models */
};

static int add_row_in_window(void *ctx, size_t i, const struct request_row *row)
{
    struct windowing *w = ctx;
    struct billed_sum sum;

    if (!billing_is_counted(&w->t->billed, i) || !billed_in_window(row->request.stamp, w->since, w->until))
        return 0;
    billing_row_sum(w->e, w->t, row, &sum);
    billed_add(&w->sums[row->model], &sum);
    return 0;
}

static void add_rows_in_window(void *ctx, size_t from, size_t to)
{
    struct windowing *w = ctx;
    size_t len = w->t->billed.rows;

    requests_each(w->t->state.requests, from, to < len ? to : len, add_row_in_window, w);
}

static int plant_row(void *ctx, size_t i, const struct request_row *row)
{
    struct entering *in = ctx;
    struct billed_sum sum;

    if (!billing_is_counted(&in->t->billed, i))
        return 0;
    billing_row_sum(in->e, in->t, row, &sum);
    billed_tree_add(in->t->billed.tree, i, row->request.stamp, row->model, &sum);
    return 0;
}

/* Makes the tree that nobody has asked for before. */
static int plant(struct oks_engine *e, struct transcript *t)
{
    struct billing_part *part = &t->billed;
    struct entering in = {.e = e, .t = t};
    int rc;

    if (part->tree)
        return 0;
    rc = billed_tree_new(&part->tree, part->n_models);
    if (rc == 0)
        rc = billed_tree_reserve(part->tree, part->rows_room, part->n_models);
    if (rc == 0)
        return requests_each(t->state.requests, 0, part->rows, plant_row, &in);
    billed_tree_free(part->tree);
    part->tree = NULL;
    return rc;
}

static int window_of_rows(struct oks_engine *e, struct transcript *t, const struct measure_window *w,
                          struct billed_bag *out)
{
    struct billing_part *part = &t->billed;
    struct windowing in = {e, t, w->since, w->until, NULL};
    int rc = plant(e, t);

    if (rc < 0)
        return rc;
    in.sums = calloc(part->n_models + 1, sizeof(*in.sums));
    if (!in.sums)
        return -ENOMEM;
    billed_tree_window(part->tree, w->since, w->until, in.sums, add_rows_in_window, &in);
    for (size_t i = 0; rc == 0 && i < part->n_models; i++) {
        struct billed_sum *to = billed_bag_at(out, part->models[i]);

        if (to)
            billed_add(to, &in.sums[i]);
        else
            rc = -ENOMEM;
    }
    free(in.sums);
    return rc;
}

static int window_of_transcript(struct oks_engine *e, struct transcript *t, const struct measure_window *w,
                                struct billed_bag *out)
{
    const struct loan *loan;
    int rc;

    if (t->billed.rows == 0)
        return 0;
    rc = window_of_rows(e, t, w, out);
    LIST_FOREACH(loan, &t->billed.loans, of_owner) {
        struct billed_sum *to;

        if (!billed_in_window(loan->request.stamp, w->since, w->until))
            continue;
        to = rc == 0 ? billed_bag_at(out, loan->model) : NULL;
        if (!to)
            return -ENOMEM;
        billed_add(to, &loan->sum);
    }
    return rc;
}

/* Nothing is lent to the session, so its requests lie between its first event and its last. */
static bool has_loans(const struct session *s)
{
    const struct transcript *t;

    LIST_FOREACH(t, &s->transcripts, of_session)
        if (!LIST_EMPTY(&t->billed.loans))
            return true;
    return false;
}

int billing_session(struct oks_engine *e, const struct session *s, const struct measure_window *w,
                    struct billed_bag *out)
{
    enum measure_place place = measure_place(s, w);
    struct transcript *t;
    int rc = 0;

    if (place == MEASURE_OPEN || (place == MEASURE_INSIDE && !has_loans(s)))
        return billing_share_add(out, s);
    if (place == MEASURE_OUTSIDE && !has_loans(s))
        return 0;
    LIST_FOREACH(t, &s->transcripts, of_session)
        if (rc == 0)
            rc = window_of_transcript(e, t, w, out);
    return rc;
}

/* --- one by one --- */

struct visiting {
    struct oks_engine *e;
    const struct transcript *t;
    int (*fn)(void *ctx, const struct billing_visit *visit);
    void *ctx;
};

static int visit_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct visiting *v = ctx;
    const char *model = v->t->billed.models[row->model];
    struct billed_sum sum;

    if (!billing_is_counted(&v->t->billed, i))
        return 0;
    billing_row_sum(v->e, v->t, row, &sum);
    return v->fn(v->ctx, &(struct billing_visit){row, i, row->request.stamp, model, &sum});
}

int billing_each(struct oks_engine *e, const struct transcript *t,
                 int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx)
{
    struct visiting v = {e, t, fn, ctx};
    const struct loan *loan;
    int rc = requests_each(t->state.requests, 0, t->billed.rows, visit_row, &v);

    LIST_FOREACH(loan, &t->billed.loans, of_owner)
        if (rc == 0)
            rc = fn(ctx,
                    &(struct billing_visit){NULL, SIZE_MAX, loan->request.stamp, loan->model, &loan->sum});
    return rc;
}

static int visit_owned(void *ctx, size_t i, const struct request_row *row)
{
    const struct visiting *v = ctx;
    const struct loan *loan;

    if (billing_is_counted(&v->t->billed, i) || LIST_EMPTY(&v->t->billed.loans))
        return visit_row(ctx, i, row);
    loan = billing_loan_of(&v->e->billing, row->request.key);
    if (!loan || loan->owner != v->t)
        return 0;
    return v->fn(v->ctx, &(struct billing_visit){row, i, loan->request.stamp, loan->model, &loan->sum});
}

int billing_each_owned(struct oks_engine *e, const struct transcript *t, size_t from, size_t to,
                       int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx)
{
    struct visiting v = {e, t, fn, ctx};

    return requests_each(t->state.requests, from, to < t->billed.rows ? to : t->billed.rows, visit_owned, &v);
}
