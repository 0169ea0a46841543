/*
 * The rows of a document that say most (internal/rows.h): collected where otherwise all rows are written.
 */
#ifndef OKSTRAFS_DOCUMENTS_PICKED_H
#define OKSTRAFS_DOCUMENTS_PICKED_H

#include "billing/billed.h"
#include "internal/rows.h"
#include "sums/aggregate.h"

/* What a row comes to: by this rows are sorted. */
struct row_sum {
    struct billed_sum bill;
    uint64_t counted;      /* tokens by the thirteen keys */
    bool is_shown;         /* the next one is set */
    struct oks_bill shown; /* the bill as numbers and text: made when it is first picked */
};

/* What a row comes to, kept with the row. */
struct kept_sum {
    struct row_sum sum;
    uint64_t calls, sessions; /* of a tool, else 0 */
    char key[];               /* as it is shown: picked_text() */
};

struct picked_row {
    char *own_key; /* malloc'ed; NULL: the next one is borrowed until picked_finish() */
    const char *key;
    uint64_t cost;       /* of the sum, as it is compared */
    struct row_sum *sum; /* borrowed until picked_finish(), or the next one */
    struct row_sum own;
    struct oks_row row; /* what is known of it besides these */
};

struct picked {
    bool by_cost; /* else the last ones are kept, in their order */
    size_t most;
    size_t n, n_all;
    struct picked_row rows[OKS_ROWS_MAX]; /* not sorted: */
    uint8_t order[OKS_ROWS_MAX];          /* the first n are places in rows[]; behind them the free ones */
    char *keys;                           /* malloc'ed: those that were borrowed; NULL: none yet */
    int error;                            /* sticky: -ENOMEM */
};

/* Empty; of more than OKS_ROWS_MAX so many are kept. */
void picked_start(struct picked *picked, bool by_cost, size_t most);
/* Empty again: the rows are picked anew. */
void picked_restart(struct picked *picked);
/*
 * Copies what is kept; all are borrowed. `row` is what is known of it besides the sum, or NULL; its key and
 * its bill are not looked at.
 */
void picked_add(struct picked *picked, const char *key, const struct row_sum *sum, const struct oks_row *row);
/* The same with a key as of picked_text() and a sum, which live until picked_finish(). */
void picked_add_kept(struct picked *picked, const char *key, struct row_sum *sum, const struct oks_row *row);
/* Makes the bills of what was picked. Under the lock that protects the sums; then picked_each() may come. */
void picked_finish(struct picked *picked);
/* Whether a row says more than another one, by what they come to, their calls and their keys. */
bool row_sum_is_before(const struct row_sum *a, uint64_t a_calls, const char *a_key, const struct row_sum *b,
                       uint64_t b_calls, const char *b_key);
/* Calls fn with each, in order. Returns its first non-zero value, or the error. */
int picked_each(const struct picked *picked, int (*fn)(void *ctx, const struct oks_row *row), void *ctx);
void picked_clear(struct picked *picked);

/* As json_put_billed() writes it. */
void picked_bill(const struct billed_sum *sum, struct oks_bill *out);
/* A copy as JSON text has it: invalid UTF-8 is U+FFFD. malloc'ed; NULL on ENOMEM. */
char *picked_text(const char *text);

#endif
