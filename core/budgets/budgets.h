/*
 * Budgets: the limits of the configuration against what was spent.
 *
 *     rc = budgets_evaluate(b, now_ms);
 *     result = budgets_find(b, name);
 *
 * All calls are made under the model's lock.
 */
#ifndef OKSTRAFS_BUDGETS_BUDGETS_H
#define OKSTRAFS_BUDGETS_BUDGETS_H

#include <stdatomic.h>

#include "okstrafs/names.h"
#include "settings/budget.h"

struct model;

enum { BUDGET_ROWS_MAX = 100, BUDGET_MODELS_MAX = 16 };

/* Models without a price: the first ones by name. */
struct budget_models {
    const char *names[BUDGET_MODELS_MAX]; /* interned, ascending */
    size_t n;
};

/* The state of one target of a budget. */
struct budget_row {
    char of[OKS_NAME_MAX + 1]; /* its name; "": everything */
    budget_amount spent;
    bool lower_bound; /* it may be more */
    enum budget_state state;
    struct budget_models unpriced; /* of a limit in dollars */
};

struct budget_result {
    const struct budget *budget;
    struct budget_window window;
    struct budget_row *rows; /* exceeded, unknown, others; of each by spending, highest first: the first one,
                                and all that are not ok; at least one */
    size_t n_rows;
};

/* The last evaluation. Zeroed but for `model`: none. Protected by the model's lock, except the atomics. */
struct budgets {
    struct model *model;
    struct budget_result *results; /* one for each budget, in their order */
    size_t n;
    uint64_t version;                    /* version of all data that it is made from */
    int64_t from_ms;                     /* valid from here ... */
    int64_t change_ms;                   /* ... until here, while the data is the same */
    atomic_int_least64_t now_ms;         /* as last set by oks_engine_clock() */
    atomic_int_least64_t next_change_ms; /* when time alone changes a budget; INT64_MAX: never */
};

/* Brings the evaluation up to date for now_ms. 0 or -ENOMEM */
int budgets_evaluate(struct budgets *b, int64_t now_ms);
/* From the last evaluation; NULL: no such budget. */
const struct budget_result *budgets_find(const struct budgets *b, const char *name);
/* Whether the budget's target was found, if it names one. */
bool budgets_has_target(struct model *model, const struct budget *budget);
/* Call it before the configuration is replaced, and at the end. */
void budgets_forget(struct budgets *b);

#endif
