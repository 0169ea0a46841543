/*
 * Budgets: when one is used up, and its window of time. Pure functions.
 */
#ifndef OKSTRAFS_SETTINGS_BUDGET_H
#define OKSTRAFS_SETTINGS_BUDGET_H

#include "okstrafs/stamp.h"
#include "time/blocks.h"
#include "settings/config.h"

typedef unsigned __int128 budget_amount; /* picodollars or tokens */

enum budget_state { BUDGET_OK, BUDGET_WARN, BUDGET_UNKNOWN, BUDGET_EXCEEDED };

const char *budget_state_name(enum budget_state state); /* "ok", "warn", "unknown", "exceeded" */

/*
 * A budget is exceeded as soon as nothing remains: spending exactly the limit exceeds it. `missing` is what
 * may have been spent besides, at models without a price. With it the limit may be reached: then nobody knows
 * whether the budget is kept.
 */
enum budget_state budget_state_of(const struct budget *budget, budget_amount spent, budget_amount missing);

/* A window of a budget as stamps ("" is open), and the time until which it stays the same. */
struct budget_window {
    char since[OKS_STAMP_TEXT];
    char until[OKS_STAMP_TEXT];
    char from[OKS_STAMP_TEXT]; /* of the first request that counts: since, or the first request of a block */
    bool empty;                /* there is no current block */
    int64_t changes_ms;        /* from then on it is another one; INT64_MAX: never */
};

void budget_window_open(struct budget_window *out);
/* The local day of now_ms. */
void budget_window_day(const struct oks_zone *zone, int64_t now_ms, struct budget_window *out);
/* The current block, if there is one; `block` is the last one. */
void budget_window_block(const struct block *block, int64_t now_ms, struct budget_window *out);

#endif
