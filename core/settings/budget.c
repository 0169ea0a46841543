/* The arithmetic of budgets: states, and windows of time. */
#include "settings/budget.h"

#include <string.h>

#include "okstrafs/window.h"

enum { MS = 1000, STAMP_SECONDS = 19 /* bytes of YYYY-MM-DDThh:mm:ss */ };

const char *budget_state_name(enum budget_state state)
{
    static const char *const names[] = {"ok", "warn", "unknown", "exceeded"};

    return names[state];
}

enum budget_state budget_state_of(const struct budget *budget, budget_amount spent, budget_amount missing)
{
    if (spent >= budget->limit)
        return BUDGET_EXCEEDED;
    if (missing >= budget->limit - spent)
        return BUDGET_UNKNOWN;
    /* spent / limit >= warn_at; below the limit no product overflows */
    return spent * OKS_USD >= (budget_amount)budget->limit * budget->warn_at ? BUDGET_WARN : BUDGET_OK;
}

void budget_window_open(struct budget_window *out)
{
    *out = (struct budget_window){.changes_ms = INT64_MAX};
}

/*
 * From the first instant to the last before end_ms, as strings compare: ".000Z" sorts before, and "Z" after,
 * every stamp of its second.
 */
static void set_span(struct budget_window *out, int64_t start_ms, int64_t end_ms)
{
    oks_time_text(start_ms, out->since);
    oks_time_text(end_ms - MS, out->until);
    strcpy(out->until + STAMP_SECONDS, "Z");
    strcpy(out->from, out->since);
}

void budget_window_day(const struct oks_zone *zone, int64_t now_ms, struct budget_window *out)
{
    int64_t seconds = now_ms / MS - (now_ms % MS < 0), day = oks_zone_day(zone, seconds);
    int64_t end = oks_zone_day_start(zone, day + 1) * MS;

    *out = (struct budget_window){.changes_ms = end};
    set_span(out, oks_zone_day_start(zone, day) * MS, end);
}

void budget_window_block(const struct block *block, int64_t now_ms, struct budget_window *out)
{
    int64_t silent = block->last + BLOCK_MS, end = block_end(block);

    *out = (struct budget_window){.changes_ms = INT64_MAX};
    if (!block_is_active(block, now_ms)) {
        out->empty = true;
        return;
    }
    out->changes_ms = silent < end ? silent : end;
    oks_time_text(block->start, out->since);
    oks_time_text(block->first, out->from); /* a request at the full hour may belong to the block before */
    oks_time_text(end, out->until);         /* and one at the very end belongs to this one */
}
