/*
 * Rows by rank.
 *
 * Invariant of struct row_ranks, as of sums/recent.h: but for the changed rows, `items` has the n dearest of
 * all. A changed row is put where it belongs now. One that became cheaper than all of `items` is not kept,
 * unless `items` has all other rows. Where too few are left, all rows are gone through once more.
 */
#include "documents/ranked.h"

#include "base/array.h"
#include "base/tree.h"

_Static_assert((int)RANKED_MAX >= (int)OKS_ROWS_MAX, "as many as may be asked for");

static bool is_before(const void *a, const void *b)
{
    const struct kept_sum *x = ((const struct ranked_row *)a)->text.sum;
    const struct kept_sum *y = ((const struct ranked_row *)b)->text.sum;

    return row_sum_is_before(&x->sum, x->calls, x->key, &y->sum, y->calls, y->key);
}

static void place(struct row_ranks *ranks, struct ranked_row *row)
{
    size_t at = oks_array_place(ranks->items, ranks->n, row, is_before);
    bool all = ranks->n == ranks->n_all;

    ranks->n_all++;
    row->counted = true;
    if (at == RANKED_MAX || (at == ranks->n && !all))
        return;
    if (ranks->n == RANKED_MAX)
        ranks->items[--ranks->n]->placed = false;
    oks_array_put_in(ranks->items, &ranks->n, at, row);
    row->placed = true;
}

struct ranking {
    struct stats *s;
    struct row_ranks *ranks;
    ranked_sum sum;
    int error; /* sticky */
};

static void rank(void *ctx, void *item)
{
    struct ranking *r = ctx;
    struct ranked_row *row = item;
    int rc = row->text.has_sum ? 1 : r->sum(r->s, row);

    if (rc > 0)
        place(r->ranks, row);
    else if (rc < 0)
        r->error = rc;
}

static struct ranked_row *next_changed(struct row_ranks *ranks)
{
    struct ranked_row *row = LIST_FIRST(&ranks->changed);

    if (row) {
        LIST_REMOVE(row, of_changed);
        row->queued = false;
    }
    return row;
}

static void rank_changed(struct ranking *r)
{
    struct ranked_row *row;

    LIST_FOREACH(row, &r->ranks->changed, of_changed)
        ranked_row_take(row);
    while ((row = next_changed(r->ranks)))
        rank(r, row);
}

static void take(void *ctx, void *item)
{
    (void)ctx;
    ranked_row_take(item);
}

static void rank_anew(struct ranking *r, const void *tree)
{
    while (next_changed(r->ranks))
        ;
    oks_tree_each(tree, take, NULL);
    oks_tree_each(tree, rank, r);
}

static void pick(const struct row_ranks *ranks, struct stats *s)
{
    for (size_t i = 0; i < ranks->n && i < s->picked->most; i++) {
        struct kept_sum *sum = ranks->items[i]->text.sum;
        const struct oks_row numbers = {
            .of_tool = s->by == OKS_STATS_BY_TOOL, .calls = sum->calls, .sessions = sum->sessions};

        picked_add_kept(s->picked, sum->key, &sum->sum, &numbers);
    }
    s->picked->n_all = ranks->n_all;
}

void ranked_pick(struct stats *s, struct row_ranks *ranks, const void *tree, ranked_sum sum)
{
    struct ranking r = {.s = s, .ranks = ranks, .sum = sum};

    if (ranks->known)
        rank_changed(&r);
    if (!ranks->known || (ranks->n < s->picked->most && ranks->n < ranks->n_all))
        rank_anew(&r, tree);
    ranks->known = r.error == 0;
    json_fail(s->j, r.error);
    if (r.error == 0)
        pick(ranks, s);
}
