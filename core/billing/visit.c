/*
 * Iteration over what a part owns: by window of time, and request by request.
 *
 * A window is answered by a tree over the rows (billed_tree.c). The first such question builds it; from then
 * on it is kept up to date.
 */
#include "billing/parts.h"

#include <errno.h>
#include <stdlib.h>

/* --- windows --- */

struct windowing {
    struct billing *b;
    const struct billing_part *part;
    struct oks_stamp since, until;
    struct billed_sum *sums; /* by the part's own model numbers */
};

static int add_row_in_window(void *ctx, size_t i, const struct request_row *row)
{
    struct windowing *w = ctx;
    struct billed_sum sum;

    if (!billing_is_counted(w->part, i) || !oks_stamp_within(row->request.stamp, w->since, w->until))
        return 0;
    billing_row_sum(w->b, w->part, row, &sum);
    billed_add(&w->sums[row->model], &sum);
    return 0;
}

static void add_rows_in_window(void *ctx, size_t from, size_t to)
{
    struct windowing *w = ctx;
    size_t len = w->part->n_rows;

    requests_each(w->part->rows, from, to < len ? to : len, add_row_in_window, w);
}

struct planting {
    struct billing *b;
    struct billing_part *part;
};

static int plant_row(void *ctx, size_t i, const struct request_row *row)
{
    struct planting *p = ctx;
    struct billed_sum sum;

    if (!billing_is_counted(p->part, i))
        return 0;
    billing_row_sum(p->b, p->part, row, &sum);
    billed_tree_add(p->part->tree, i, row->request.stamp, row->model, &sum);
    return 0;
}

/* Builds the tree at the first question. */
static int plant(struct billing *b, struct billing_part *part)
{
    struct planting p = {b, part};
    int rc;

    if (part->tree)
        return 0;
    rc = billed_tree_new(&part->tree, part->n_models);
    if (rc == 0)
        rc = billed_tree_reserve(part->tree, part->rows_room, part->n_models);
    if (rc == 0)
        return requests_each(part->rows, 0, part->n_rows, plant_row, &p);
    billed_tree_free(part->tree);
    part->tree = NULL;
    return rc;
}

static int window_of_rows(struct billing *b, struct billing_part *part, struct oks_stamp since,
                          struct oks_stamp until, struct billed_bag *out)
{
    struct windowing in = {b, part, since, until, NULL};
    int rc = plant(b, part);

    if (rc < 0)
        return rc;
    in.sums = calloc(part->n_models + 1, sizeof(*in.sums));
    if (!in.sums)
        return -ENOMEM;
    billed_tree_window(part->tree, since, until, in.sums, add_rows_in_window, &in);
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

int billing_window(struct billing *b, struct billing_part *part, struct oks_stamp since,
                   struct oks_stamp until, struct billed_bag *out)
{
    const struct substitute *substitute;
    int rc = part->n_rows ? window_of_rows(b, part, since, until, out) : 0;

    LIST_FOREACH(substitute, &part->substitutes, of_owner) {
        struct billed_sum *to;

        if (!oks_stamp_within(substitute->request.stamp, since, until))
            continue;
        to = rc == 0 ? billed_bag_at(out, substitute->model) : NULL;
        if (!to)
            return -ENOMEM;
        billed_add(to, &substitute->sum);
    }
    return rc;
}

/* --- one by one --- */

struct visiting {
    struct billing *b;
    const struct billing_part *part;
    int (*fn)(void *ctx, const struct billing_visit *visit);
    void *ctx;
};

static int visit_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct visiting *v = ctx;
    const char *model = v->part->models[row->model];
    struct billed_sum sum;

    if (!billing_is_counted(v->part, i))
        return 0;
    billing_row_sum(v->b, v->part, row, &sum);
    return v->fn(v->ctx, &(struct billing_visit){row, i, row->request.stamp, model, &sum});
}

int billing_each(struct billing *b, const struct billing_part *part, size_t from, size_t to,
                 int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx)
{
    struct visiting v = {b, part, fn, ctx};
    const struct substitute *substitute;
    size_t end = to < part->n_rows ? to : part->n_rows;
    int rc = from < end ? requests_each(part->rows, from, end, visit_row, &v) : 0;

    if (to < part->n_rows)
        return rc;
    LIST_FOREACH(substitute, &part->substitutes, of_owner)
        if (rc == 0)
            rc = fn(ctx, &(struct billing_visit){NULL, SIZE_MAX, substitute->request.stamp, substitute->model,
                                                 &substitute->sum});
    return rc;
}

static int visit_owned(void *ctx, size_t i, const struct request_row *row)
{
    const struct visiting *v = ctx;
    const struct substitute *substitute;

    if (billing_is_counted(v->part, i) || LIST_EMPTY(&v->part->substitutes))
        return visit_row(ctx, i, row);
    substitute = billing_substitute_of(v->b, row->request.key);
    if (!substitute || substitute->owner != v->part)
        return 0;
    return v->fn(v->ctx, &(struct billing_visit){row, i, substitute->request.stamp, substitute->model,
                                                 &substitute->sum});
}

int billing_each_owned(struct billing *b, const struct billing_part *part, size_t from, size_t to,
                       int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx)
{
    struct visiting v = {b, part, fn, ctx};

    return requests_each(part->rows, from, to < part->n_rows ? to : part->n_rows, visit_owned, &v);
}

struct visiting_one {
    const struct visiting *v;
    bool visited;
};

static int visit_one(void *ctx, const struct billing_visit *visit)
{
    struct visiting_one *one = ctx;

    one->visited = true;
    return one->v->fn(one->v->ctx, visit);
}

int billing_row(struct billing *b, const struct billing_part *part, size_t i,
                int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx)
{
    const struct visiting v = {b, part, fn, ctx};
    static const struct billed_sum nothing;
    struct visiting_one one = {&v, false};
    struct request_row row;
    int rc = billing_each_owned(b, part, i, i + 1, visit_one, &one);

    if (one.visited || i >= part->n_rows)
        return rc;
    requests_get(part->rows, i, &row);
    return fn(ctx, &(struct billing_visit){&row, i, row.request.stamp, part->models[row.model], &nothing});
}
