/*
 * The rows of a kind that say most, picked without a look at the others (sums/row_ranks.h). Under the model's
 * lock.
 */
#ifndef OKSTRAFS_DOCUMENTS_RANKED_H
#define OKSTRAFS_DOCUMENTS_RANKED_H

#include "documents/stats_rows.h"
#include "sums/row_ranks.h"

/* Makes the row's sum (stats_keep_sum()). 1; 0: the row is not shown; -ENOMEM. */
typedef int (*ranked_sum)(struct stats *s, struct ranked_row *row);

/* Into s->picked; `tree` has all rows of the kind. An error is noted in s->j. */
void ranked_pick(struct stats *s, struct row_ranks *ranks, const void *tree, ranked_sum sum);

#endif
