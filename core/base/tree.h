/*
 * In-order walks of the binary search trees of <search.h>: each item once, ascending.
 *
 *     static void print(void *ctx, void *item)
 *     {
 *         fputs(((struct project *)item)->name, ctx);
 *     }
 *
 *     oks_tree_each(e->projects, print, stdout);
 *
 * The tree must not change meanwhile, but for what its order does not depend on.
 */
#ifndef OKSTRAFS_BASE_TREE_H
#define OKSTRAFS_BASE_TREE_H

#include <stddef.h>

void oks_tree_each(const void *root, void (*fn)(void *ctx, void *item), void *ctx);

/* The same until fn returns other than 0; returns that, else 0. */
int oks_tree_until(const void *root, int (*fn)(void *ctx, void *item), void *ctx);

/* All items, ascending, to be freed; *n may be 0. 0 or -ENOMEM */
int oks_tree_list(const void *root, void ***items, size_t *n);

/* For tdestroy(): what the items point to belongs to somebody else. */
static inline void oks_tree_keep(void *item)
{
    (void)item;
}

#endif
