/*
 * A tree of sums over the rows of one transcript, in their order: each node holds the sum of its 32 children,
 * and the first and last time below it.
 *
 * Rows are nearly sorted by time. So a window includes or excludes whole nodes, except two at each level, and
 * costs the logarithm of the number of rows. If rows are not sorted, or a later line replaced a row, more
 * nodes are opened: the answer is the same.
 *
 * Invariants: a node's span covers the stamps of all rows that were ever counted below it (it never becomes
 * narrower); a node with a row that has no stamp, or one of another form, is `odd` and always opened.
 */
#include "billing/billed_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct span {
    uint64_t lo, hi; /* lo > hi: empty */
    bool odd;
};

struct level {
    struct span *spans;
    struct billed_sum *sums; /* `models` for each node */
    size_t len, room;
};

struct billed_tree {
    size_t models;
    struct level levels[TREE_LEVELS];
};

int billed_tree_new(struct billed_tree **out, size_t models)
{
    struct billed_tree *tree = calloc(1, sizeof(*tree));

    if (!tree)
        return -ENOMEM;
    tree->models = models ? models : 1;
    *out = tree;
    return 0;
}

void billed_tree_free(struct billed_tree *tree)
{
    if (!tree)
        return;
    for (int i = 0; i < TREE_LEVELS; i++) {
        free(tree->levels[i].spans);
        free(tree->levels[i].sums);
    }
    free(tree);
}

static int level_reserve(struct level *level, size_t len, size_t models)
{
    size_t room = len + len / 4 + 1;
    struct billed_sum *sums;
    struct span *spans;

    /* A quarter more, not twice as much: there is a tree for each transcript that a window cuts. */
    if (len > level->room) {
        spans = reallocarray(level->spans, room, sizeof(*spans));
        if (!spans)
            return -ENOMEM;
        level->spans = spans;
        sums = reallocarray(level->sums, room * models, sizeof(*sums));
        if (!sums)
            return -ENOMEM;
        level->sums = sums;
        level->room = room;
    }
    for (; level->len < len; level->len++) {
        level->spans[level->len] = (struct span){UINT64_MAX, 0, false};
        memset(&level->sums[level->len * models], 0, models * sizeof(*level->sums));
    }
    return 0;
}

/* A new model: every node gets a sum for it. */
static int widen(struct billed_tree *tree, size_t models)
{
    struct billed_sum *wider[TREE_LEVELS] = {0};
    bool ok = true;

    for (int l = 0; l < TREE_LEVELS; l++) {
        wider[l] = calloc(tree->levels[l].room + 1, models * sizeof(**wider));
        ok &= wider[l] != NULL;
    }
    for (int l = 0; l < TREE_LEVELS; l++) {
        struct level *level = &tree->levels[l];

        for (size_t i = 0; ok && i < level->len; i++)
            memcpy(&wider[l][i * models], &level->sums[i * tree->models], tree->models * sizeof(**wider));
        free(ok ? level->sums : wider[l]);
        if (ok)
            level->sums = wider[l];
    }
    if (ok)
        tree->models = models;
    return ok ? 0 : -ENOMEM;
}

int billed_tree_reserve(struct billed_tree *tree, size_t rows, size_t models)
{
    int rc = models > tree->models ? widen(tree, models) : 0;

    for (int l = 0; rc == 0 && l < TREE_LEVELS; l++) {
        rows = (rows + TREE_FAN - 1) / TREE_FAN;
        rc = level_reserve(&tree->levels[l], rows, tree->models);
    }
    return rc;
}

static void span_add(struct span *span, struct oks_stamp stamp)
{
    if (stamp.key >= OKS_STAMP_KEY_TEXT) {
        span->odd = true;
        return;
    }
    span->lo = stamp.key < span->lo ? stamp.key : span->lo;
    span->hi = stamp.key > span->hi ? stamp.key : span->hi;
}

void billed_tree_add(struct billed_tree *tree, size_t i, struct oks_stamp stamp, unsigned model,
                     const struct billed_sum *sum)
{
    for (int l = 0; l < TREE_LEVELS; l++) {
        i /= TREE_FAN;
        billed_add(&tree->levels[l].sums[i * tree->models + model], sum);
        span_add(&tree->levels[l].spans[i], stamp);
    }
}

void billed_tree_take(struct billed_tree *tree, size_t i, unsigned model, const struct billed_sum *sum)
{
    for (int l = 0; l < TREE_LEVELS; l++) {
        i /= TREE_FAN;
        billed_take(&tree->levels[l].sums[i * tree->models + model], sum);
    }
}

struct query {
    const struct billed_tree *tree;
    struct oks_stamp since, until;
    uint64_t lo, hi; /* the same as keys, where they have any */
    bool plain;      /* they have */
    struct billed_sum *sums;
    void (*rows)(void *ctx, size_t from, size_t to);
    void *ctx;
};

enum where { OUTSIDE, INSIDE, CUT };

static enum where place_by_text(const struct query *q, const struct span *span)
{
    struct oks_stamp lo = {.key = span->lo}, hi = {.key = span->hi};

    if ((!oks_stamp_is_none(q->since) && oks_stamp_cmp(hi, q->since) < 0) ||
        (!oks_stamp_is_none(q->until) && oks_stamp_cmp(lo, q->until) > 0))
        return OUTSIDE;
    return oks_stamp_within(lo, q->since, q->until) && oks_stamp_within(hi, q->since, q->until) ? INSIDE
                                                                                                : CUT;
}

static enum where locate(const struct query *q, const struct span *span)
{
    if (span->odd)
        return CUT;
    if (span->lo > span->hi)
        return OUTSIDE;
    if (!q->plain)
        return place_by_text(q, span);
    if (span->hi < q->lo || span->lo > q->hi)
        return OUTSIDE;
    return span->lo >= q->lo && span->hi <= q->hi ? INSIDE : CUT;
}

static void visit(const struct query *q, int l, size_t from, size_t to)
{
    const struct level *level = &q->tree->levels[l];
    size_t models = q->tree->models;

    for (size_t i = from; i < to && i < level->len; i++) {
        enum where where = locate(q, &level->spans[i]);

        if (where == INSIDE)
            for (size_t m = 0; m < models; m++)
                billed_add(&q->sums[m], &level->sums[i * models + m]);
        else if (where == CUT && l == 0)
            q->rows(q->ctx, i * TREE_FAN, (i + 1) * TREE_FAN);
        else if (where == CUT)
            visit(q, l - 1, i * TREE_FAN, (i + 1) * TREE_FAN);
    }
}

void billed_tree_window(const struct billed_tree *tree, struct oks_stamp since, struct oks_stamp until,
                        struct billed_sum *sums, void (*rows)(void *ctx, size_t from, size_t to), void *ctx)
{
    struct query q = {.tree = tree,
                      .since = since,
                      .until = until,
                      .lo = oks_stamp_is_none(since) ? 0 : since.key,
                      .hi = until.key,
                      .plain = since.key != OKS_STAMP_KEY_TEXT && until.key != OKS_STAMP_KEY_TEXT,
                      .sums = sums,
                      .rows = rows,
                      .ctx = ctx};

    visit(&q, TREE_LEVELS - 1, 0, tree->levels[TREE_LEVELS - 1].len);
}
