/* A tally: what each target of one scope of budgets spent (private to core/budgets). */
#ifndef OKSTRAFS_BUDGETS_BUDGETS_TALLY_H
#define OKSTRAFS_BUDGETS_BUDGETS_TALLY_H

#include "budgets/budgets.h"
#include "sums/measure.h"
#include "sums/model.h"

struct tally_row {
    const char *of; /* a name of the catalog, or interned: valid while the lock is held */
    budget_amount cost, missing, tokens; /* missing: see struct billed_sum */
    bool lower_bound, cost_lower_bound;
    struct budget_models *unpriced; /* NULL: none */
};

struct tally {
    bool made;
    struct tally_row *rows; /* ascending by name */
    size_t n, room;
    struct budget_window window;
};

struct evaluation {
    struct model *model;
    int64_t now_ms;
    int rc;
    struct tally tallies[BUDGET_SCOPES];
    /* of the tally in progress */
    struct tally *tally;
    enum budget_scope scope;
    struct measure_window span;
    bool second_walk;
};

/* The tally of a scope, made at the first call. Errors are in ev->rc. */
struct tally *budgets_tally(struct evaluation *ev, enum budget_scope scope);
void budgets_tally_clear(struct tally *tally);

#endif
