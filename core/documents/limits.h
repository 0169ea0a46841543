/* The limits of the user's plans, one by one (private to the core). */
#ifndef OKSTRAFS_DOCUMENTS_LIMITS_H
#define OKSTRAFS_DOCUMENTS_LIMITS_H

#include "sums/model.h"

/* Calls fn for each limit of the source's plan, as it was last told, ascending by id. Under the lock. 0,
 * -ENOMEM, or the first non-zero value of fn. */
int limits_each(struct model *model, enum oks_source source, source_limit_fn *fn, void *ctx);
/* When it was told, ms since the epoch; 0: not known. */
int64_t limit_time(const struct source_limit *limit);

#endif
