/* A tree of sums over the counted requests of one transcript, by time (private to core/billing). */
#ifndef OKSTRAFS_BILLING_BILLED_TREE_H
#define OKSTRAFS_BILLING_BILLED_TREE_H

#include "billing/billed.h"

enum { TREE_FAN = 32, TREE_LEVELS = 6 }; /* 32^6 rows are more than REQUESTS_MAX */

struct billed_tree;

int billed_tree_new(struct billed_tree **out, size_t models); /* -ENOMEM */
void billed_tree_free(struct billed_tree *tree);

/* Makes room for `rows` rows of `models` models. 0 or -ENOMEM. */
int billed_tree_reserve(struct billed_tree *tree, size_t rows, size_t models);
/* Row i starts to count, or stops. There must be room. */
void billed_tree_add(struct billed_tree *tree, size_t i, struct oks_stamp stamp, unsigned model,
                     const struct billed_sum *sum);
void billed_tree_take(struct billed_tree *tree, size_t i, unsigned model, const struct billed_sum *sum);

/*
 * Sums the counted rows in the window. sums[model] grows by the nodes that lie wholly inside. `rows` is
 * called for the few ranges [from, to) that the caller must check row by row.
 */
void billed_tree_window(const struct billed_tree *tree, struct oks_stamp since, struct oks_stamp until,
                        struct billed_sum *sums, void (*rows)(void *ctx, size_t from, size_t to), void *ctx);

#endif
