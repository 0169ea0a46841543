/*
 * The rows of a document that say most (internal/rows.h): collected where otherwise all rows are written.
 */
#ifndef OKSTRAFS_DOCUMENTS_PICKED_H
#define OKSTRAFS_DOCUMENTS_PICKED_H

#include "billing/billed.h"
#include "internal/rows.h"
#include "sums/aggregate.h"

struct picked_row {
    char *key;     /* malloc'ed */
    uint64_t cost; /* by which it is sorted */
    struct billed_sum sum;
    uint64_t counted;   /* tokens by the thirteen keys */
    struct oks_row row; /* what is known of it besides these */
};

struct picked {
    bool by_cost; /* else the last ones are kept, in their order */
    size_t most;
    size_t n, n_all;
    struct picked_row rows[OKS_ROWS_MAX];
    int error; /* sticky: -ENOMEM */
};

/* Empty; of more than OKS_ROWS_MAX so many are kept. */
void picked_start(struct picked *picked, bool by_cost, size_t most);
/* Empty again: the rows are picked anew. */
void picked_restart(struct picked *picked);
/* Copies what is kept; `key` and `row` are borrowed. row->key is not looked at. */
void picked_add(struct picked *picked, const char *key, const struct picked_row *row);
/* Calls fn with each. Returns its first non-zero value, or the error. */
int picked_each(const struct picked *picked, int (*fn)(void *ctx, const struct oks_row *row), void *ctx);
void picked_clear(struct picked *picked);

/* As json_put_billed() writes it. */
void picked_bill(const struct billed_sum *sum, struct oks_bill *out);
/* A copy as JSON text has it: invalid UTF-8 is U+FFFD. malloc'ed; NULL on ENOMEM. */
char *picked_text(const char *text);

#endif
