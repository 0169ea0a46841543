/*
 * The budgets of the configuration against what was spent (private to the engine).
 */
#ifndef OKSTRAFS_BUDGETS_BUDGETS_H
#define OKSTRAFS_BUDGETS_BUDGETS_H

#include "okstrafs/names.h"
#include "settings/budget.h"

struct oks_engine;

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

/* The last evaluation; zeroed: none. */
struct budgets {
    struct budget_result *results; /* one for each budget, in their order */
    size_t n;
    uint64_t version;   /* of everything, that it belongs to */
    int64_t from_ms;    /* when it was made ... */
    int64_t changes_ms; /* ... and when a window is another one, the data being the same */
};

/*
 * Brings the evaluation up to date for `now_ms`. The lock is held at entry and exit, and may be free in
 * between. 0, -ENOMEM, -EIO (a transcript can no longer be read), -ECANCELED.
 */
int budgets_evaluate(struct oks_engine *e, int64_t now_ms);
/* Of the evaluation; NULL: there is no such budget. */
const struct budget_result *budgets_find(const struct oks_engine *e, const char *name);
/* Before the configuration is replaced, and at the end. */
void budgets_forget(struct oks_engine *e);

#endif
