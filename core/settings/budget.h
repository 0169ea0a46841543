/*
 * When a budget is used up, and over which time it counts (private to the core; pure).
 */
#ifndef OKSTRAFS_SETTINGS_BUDGET_H
#define OKSTRAFS_SETTINGS_BUDGET_H

#include "okstrafs/stamp.h"
#include "time/blocks.h"
#include "settings/config.h"

typedef unsigned __int128 budget_amount; /* picodollars or tokens */

enum budget_state { BUDGET_OK, BUDGET_WARN, BUDGET_EXCEEDED };

const char *budget_state_name(enum budget_state state); /* "ok", "warn", "exceeded" */

/* Exceeded as soon as nothing remains: the limit itself is the first amount that is too much. */
enum budget_state budget_state_of(const struct budget *budget, budget_amount spent);

/* Windows in the form of stamps ("" is open), and until when they stay as they are. */
struct budget_window {
    char since[OKS_STAMP_TEXT];
    char until[OKS_STAMP_TEXT];
    char from[OKS_STAMP_TEXT]; /* of the first that counts: since, or the first of a block */
    bool empty;                /* no time at all: there is no block going on */
    int64_t changes_ms;        /* the time from which on it is another one; INT64_MAX: never */
};

void budget_window_open(struct budget_window *out);
/* The local day of now. */
void budget_window_day(const struct oks_zone *zone, int64_t now_ms, struct budget_window *out);
/* The block that is going on, if one is; `block` is the last one. */
void budget_window_block(const struct block *block, int64_t now_ms, struct budget_window *out);

#endif
