/*
 * Some rows of the documents of stats/, of all teams and of all sessions, as numbers: those that say most. A
 * page shows few rows of documents that may have thousands, and writing and parsing these would cost more
 * than the page.
 *
 *     static int show(void *ctx, const struct oks_row *row)
 *     {
 *         printf("%s %s\n", row->key, row->bill.cost);
 *         return 0;
 *     }
 *
 *     rc = oks_engine_rows(engine, OKS_STATS_BY_PROJECT, now_ms, 15, show, NULL, &all);
 *
 * Each number is that of the document. Sync OKS_ALL first; `fn` is called without the lock.
 */
#ifndef OKSTRAFS_INTERNAL_ROWS_H
#define OKSTRAFS_INTERNAL_ROWS_H

#include <stdbool.h>

#include "okstrafs/engine.h"

enum {
    OKS_ROWS_MAX = 64,
    OKS_COST_BYTES = 32,  /* of dollars as a decimal number */
    OKS_RATIO_BYTES = 48, /* of a ratio as a decimal number */
    OKS_TIME_BYTES = 32,  /* of an instant */
};

/* Of "billed". */
struct oks_bill {
    uint64_t requests, total_tokens, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens;
    char cost[OKS_COST_BYTES]; /* "": null, because nothing that was used has a price */
    bool lower_bound;
};

struct oks_row {
    const char *key; /* borrowed during the call */
    struct oks_bill bill;
    bool of_tool; /* OKS_STATS_BY_TOOL: the next two are all that the row has */
    uint64_t calls, sessions;
    /* OKS_STATS_BLOCKS: */
    char end[OKS_TIME_BYTES];
    bool running, has_rate; /* the latter: while it is running and has two requests. Then: */
    uint64_t tokens_per_minute, tokens_at_end, minutes_left;
    char cost_per_hour[OKS_COST_BYTES], cost_at_end[OKS_COST_BYTES]; /* as in a bill */
};

/* What all rows of the document come to, those that were not chosen too. */
struct oks_rows_total {
    struct oks_bill bill;
    uint64_t calls; /* OKS_STATS_BY_TOOL: instead of a bill */
    size_t n;       /* rows that there are; of blocks some of those that were not chosen */
};

/*
 * Calls fn with at most so many rows: of time the last ones, ascending, of all others those that cost most,
 * the dearest first. *total is set before. 0, -ENOMEM, or the first non-zero value of fn.
 */
int oks_engine_rows(struct oks_engine *engine, enum oks_stats by, int64_t now_ms, size_t most,
                    int (*fn)(void *ctx, const struct oks_row *row), void *ctx, struct oks_rows_total *total);
/* The same with all teams, each by its usage.json; the total is that of everything. */
int oks_engine_team_rows(struct oks_engine *engine, size_t most,
                         int (*fn)(void *ctx, const struct oks_row *row), void *ctx,
                         struct oks_rows_total *total);

/* A session by its usage.json and its context.json. */
struct oks_session_row {
    const char *name; /* borrowed during the call */
    struct oks_bill bill;
    bool billed;                              /* false: "billed" is null */
    const char *ended;                        /* NULL: no event has a time. Borrowed, as the model is */
    const char *model;                        /* of the last request; NULL: none */
    bool asked;                               /* there is a request */
    uint64_t occupancy_tokens, context_limit; /* of it; the limit 0: not known */
    char ratio[OKS_RATIO_BYTES];              /* "": not known */
};

/* Calls fn with the sessions of the latest time stamps, the newest first. 0, -ENOMEM, or the first non-zero
 * value of fn. */
int oks_engine_recent_rows(struct oks_engine *engine, size_t most,
                           int (*fn)(void *ctx, const struct oks_session_row *row), void *ctx);

#endif
