/*
 * In-order walks. twalk_r(3) calls back up to three times for each node; the second time, between the two
 * subtrees, is the one that is in order, and its name there is `postorder`.
 */
#include "base/tree.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/array.h"

static bool is_in_order(VISIT visit)
{
    return visit == postorder || visit == leaf;
}

struct each {
    void (*fn)(void *ctx, void *item);
    void *ctx;
};

static void each_node(const void *node, VISIT visit, void *ctx)
{
    const struct each *each = ctx;

    if (is_in_order(visit))
        each->fn(each->ctx, *(void *const *)node);
}

void oks_tree_each(const void *root, void (*fn)(void *ctx, void *item), void *ctx)
{
    struct each each = {fn, ctx};

    twalk_r(root, each_node, &each);
}

struct until {
    int (*fn)(void *ctx, void *item);
    void *ctx;
    int rc;
};

/* twalk_r cannot be stopped: the rest of the nodes are passed over. */
static void until_node(const void *node, VISIT visit, void *ctx)
{
    struct until *until = ctx;

    if (until->rc == 0 && is_in_order(visit))
        until->rc = until->fn(until->ctx, *(void *const *)node);
}

int oks_tree_until(const void *root, int (*fn)(void *ctx, void *item), void *ctx)
{
    struct until until = {fn, ctx, 0};

    twalk_r(root, until_node, &until);
    return until.rc;
}

struct list {
    void **items;
    size_t n, room;
};

static int list_item(void *ctx, void *item)
{
    struct list *l = ctx;

    if (!OKS_GROW(l->items, l->n, l->room))
        return -ENOMEM;
    l->items[l->n++] = item;
    return 0;
}

int oks_tree_list(const void *root, void ***items, size_t *n)
{
    struct list l = {0};
    int rc = oks_tree_until(root, list_item, &l);

    if (rc < 0) {
        free(l.items);
        return rc;
    }
    *items = l.items;
    *n = l.n;
    return 0;
}
