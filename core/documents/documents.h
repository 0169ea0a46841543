/*
 * Documents: JSON as a function of the model, a target and a window, and of nothing else: no clock, no state
 * of the process. Each takes the model's lock, and none holds it while a file is read (the ledger, models in
 * a window).
 *
 * Errors: -ENOENT (no such target), -ENOMEM; -EIO: a transcript that has to be read again cannot be. *out is
 * written on success only.
 */
#ifndef OKSTRAFS_DOCUMENTS_DOCUMENTS_H
#define OKSTRAFS_DOCUMENTS_DOCUMENTS_H

#include "budgets/budgets.h"
#include "discovery/discovery.h"
#include "okstrafs/engine.h"
#include "sums/billed_session.h"
#include "sums/measure.h"
#include "sums/model.h"

/* `window` NULL: all of time. */
int document_usage(struct model *model, const struct oks_target *target, const struct oks_window *window,
                   struct oks_document *out);
int document_total_tokens(struct model *model, const struct oks_target *target,
                          const struct oks_window *window, struct oks_document *out);
int document_cost(struct model *model, const struct oks_target *target, const struct oks_window *window,
                  struct oks_document *out);
int document_hit_ratio(struct model *model, const struct oks_target *target, const struct oks_window *window,
                       struct oks_document *out);
/* A session's teams, or its project: a name a line. */
int document_names(struct model *model, enum oks_list what, const struct oks_target *session,
                   struct oks_document *out);
int document_context(struct model *model, const struct oks_target *target, struct oks_document *out);
/* `history` has ids of retained requests; NULL: they are null. */
int document_ledger(struct model *model, struct history_store *history, enum oks_isa isa,
                    const struct oks_target *target, struct oks_document *out);
int document_stats(struct model *model, enum oks_stats by, const struct oks_window *window, int64_t now_ms,
                   struct oks_document *out);
/* Its rows that say most, instead; *picked is set in any case, and to be cleared. 0 or -ENOMEM */
struct picked;
struct oks_rows_total;
int document_stats_picked(struct model *model, enum oks_stats by, int64_t now_ms, size_t most,
                          struct picked *picked, struct oks_rows_total *total);
/* Whether its rows are those of the timeline, and of which kind. */
bool document_stats_rows(enum oks_stats by, enum time_kind *kind);
int document_budget(struct budgets *budgets, const char *name, bool exceeded, int64_t now_ms,
                    struct oks_document *out);
/* `now_ms` tells which windows are over. */
int document_limits(struct model *model, enum oks_source source, int64_t now_ms, struct oks_document *out);
/* Of a team. */
int document_projection(struct model *model, const struct oks_target *team, struct oks_document *out);
/* What is wrong with the user's files: a line for each; -ENOENT: nothing. */
int document_settings_error(struct model *model, struct oks_document *out);
int document_pricing(struct model *model, struct oks_document *out);
/* Its text, malloc'ed: oks_prices_new() parses the models in it. 0 or -ENOMEM */
int document_pricing_text(const struct oks_prices *prices, char **out, size_t *len);

/* What status.json shows besides the model. */
struct status_facts {
    const struct discovery *discovery;
    enum oks_revalidate revalidate;
    bool once;
    const char *scanner; /* its instruction set; NULL: not known yet */
    struct oks_progress progress;
    bool cache_enabled, cache_saved;
    uint64_t cache_hits, cache_misses, cache_writes, cache_errors;
    int cache_error;                       /* the last one, or 0 */
    uint64_t history_bytes;                /* of the history store */
    size_t retained;                       /* transcripts without a file, remnants included */
    const struct oks_daemon_state *daemon; /* NULL: no mount's daemon */
};

/* Under the lock, which the caller took to fill `facts`. */
int document_status(struct model *model, const struct status_facts *facts, struct oks_document *out);
/* metrics.prom; the same. */
int document_metrics(struct budgets *budgets, const struct status_facts *facts, int64_t now_ms,
                     struct oks_document *out);

/* hosts/<name>/status.json. Under the lock. */
int document_host(struct model *model, const struct oks_target *target, struct oks_document *out);
/* The version of the host's sums. Under the lock. */
uint64_t host_version(const struct model *model, const struct host *host);

/* The version of the data that the target's documents show; 0: no such target. Under the lock. */
uint64_t document_version(struct model *model, const struct oks_target *target);

/* --- names.c: lists, and other spellings --- */

/*
 * Takes the lock, releases it, and calls fn for each name, ascending; budgets are not among them. 0, -ENOENT,
 * -ENOMEM, or the first non-zero value of fn.
 */
int names_list(struct model *model, enum oks_list what, const struct oks_target *of,
               int (*fn)(void *ctx, const char *name), void *ctx);
/* Whether a name is in that list. Under the lock, like the next one. 1, 0, -ENOENT or -ENOMEM */
int names_has(struct model *model, enum oks_list what, const struct oks_target *of, const char *name);
/* For a list: 1 at the name that `ctx` is, else 0. */
int names_match(void *ctx, const char *name);
/* 0: `name` is the listed one; 1: the listed one is in `canonical`; -ENOENT. */
int names_resolve(struct model *model, enum oks_kind kind, const char *name, char canonical[256]);
/* Calls fn with each session, team or project of a version greater than `since`. The first non-zero value of
 * fn, or 0. */
int names_changed(struct model *model, enum oks_kind kind, uint64_t since,
                  int (*fn)(void *ctx, const char *name), void *ctx);

#endif
