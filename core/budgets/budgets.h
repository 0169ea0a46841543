/*
 * The budgets of the configuration against what was spent (private to the engine).
 */
#ifndef OKSTRAFS_BUDGETS_BUDGETS_H
#define OKSTRAFS_BUDGETS_BUDGETS_H

#include <stdatomic.h>

#include "okstrafs/names.h"
#include "settings/budget.h"

struct model;

enum { BUDGET_ROWS_MAX = 100 };

/* One of what a budget is about. */
struct budget_row {
    char of[OKS_NAME_MAX + 1]; /* "": everything */
    budget_amount spent;
    bool lower_bound; /* it may be more */
    enum budget_state state;
};

struct budget_result {
    const struct budget *budget;
    struct budget_window window;
    struct budget_row
        *rows; /* falling by what was spent: the first, and those on warn or over; at least one */
    size_t n_rows;
};

/* The last evaluation; zeroed but for `model`: none. Protected by the model's lock, but for the atomics. */
struct budgets {
    struct model *model;
    struct budget_result *results; /* one for each budget, in their order */
    size_t n;
    uint64_t version;                    /* of everything, that it belongs to */
    int64_t from_ms;                     /* when it was made ... */
    int64_t change_ms;                   /* ... and when a window is another one, the data being the same */
    atomic_int_least64_t now_ms;         /* as last set by the clock */
    atomic_int_least64_t next_change_ms; /* when time alone changes a budget; INT64_MAX: never */
};

/* Brings the evaluation up to date for `now_ms`. Under the lock. 0 or -ENOMEM */
int budgets_evaluate(struct budgets *b, int64_t now_ms);
/* Of the evaluation; NULL: there is no such budget. */
const struct budget_result *budgets_find(const struct budgets *b, const char *name);
/* Before the configuration is replaced, and at the end. */
void budgets_forget(struct budgets *b);

#endif
