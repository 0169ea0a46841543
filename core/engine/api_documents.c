/* The public calls that render documents (okstrafs/engine.h), over documents/. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/tree.h"
#include "documents/documents.h"
#include "documents/host.h"
#include "documents/rows.h"
#include "engine/engine_private.h"
#include "internal/away.h"

int oks_document_usage(struct oks_engine *e, const struct oks_target *target, const struct oks_window *window,
                       struct oks_document *out)
{
    return document_usage(&e->model, target, window, out);
}

int oks_document_total_tokens(struct oks_engine *e, const struct oks_target *target,
                              const struct oks_window *window, struct oks_document *out)
{
    return document_total_tokens(&e->model, target, window, out);
}

int oks_document_cost(struct oks_engine *e, const struct oks_target *target, const struct oks_window *window,
                      struct oks_document *out)
{
    return document_cost(&e->model, target, window, out);
}

int oks_document_hit_ratio(struct oks_engine *e, const struct oks_target *target,
                           const struct oks_window *window, struct oks_document *out)
{
    return document_hit_ratio(&e->model, target, window, out);
}

int oks_document_names(struct oks_engine *e, enum oks_list what, const struct oks_target *session,
                       struct oks_document *out)
{
    return document_names(&e->model, what, session, out);
}

int oks_document_context(struct oks_engine *e, const struct oks_target *target, struct oks_document *out)
{
    return document_context(&e->model, target, out);
}

int oks_document_ledger(struct oks_engine *e, const struct oks_target *target, struct oks_document *out)
{
    return document_ledger(&e->model, e->history, e->isa, target, out);
}

int oks_document_stats(struct oks_engine *e, enum oks_stats by, const struct oks_window *window,
                       int64_t now_ms, struct oks_document *out)
{
    return document_stats(&e->model, by, window, now_ms, out);
}

int oks_engine_rows(struct oks_engine *e, enum oks_stats by, int64_t now_ms, size_t most,
                    int (*fn)(void *ctx, const struct oks_row *row), void *ctx, struct oks_rows_total *total)
{
    struct picked picked;
    int rc = document_stats_picked(&e->model, by, now_ms, most, &picked, total);

    if (rc == 0)
        rc = picked_each(&picked, fn, ctx);
    picked_clear(&picked);
    return rc;
}

int oks_engine_team_rows(struct oks_engine *e, size_t most, int (*fn)(void *ctx, const struct oks_row *row),
                         void *ctx, struct oks_rows_total *total)
{
    struct picked picked;
    int rc = document_team_rows(&e->model, most, &picked, total);

    if (rc == 0)
        rc = picked_each(&picked, fn, ctx);
    picked_clear(&picked);
    return rc;
}

int oks_engine_recent_rows(struct oks_engine *e, size_t most,
                           int (*fn)(void *ctx, const struct oks_session_row *row), void *ctx)
{
    struct shown_session shown[RECENT_MAX];
    size_t n;
    int rc = document_recent_rows(&e->model, most, shown, &n);

    for (size_t i = 0; i < n; i++) {
        if (rc == 0)
            rc = fn(ctx, &shown[i].row);
        shown_session_clear(&shown[i]);
    }
    return rc;
}

int oks_document_budget(struct oks_engine *e, const char *name, bool exceeded, int64_t now_ms,
                        struct oks_document *out)
{
    return document_budget(&e->budgets, name, exceeded, now_ms, out);
}

int oks_document_projection(struct oks_engine *e, const struct oks_target *team, struct oks_document *out)
{
    return document_projection(&e->model, team, out);
}

int oks_document_limits(struct oks_engine *e, enum oks_source source, int64_t now_ms,
                        struct oks_document *out)
{
    return document_limits(&e->model, source, now_ms, out);
}

int oks_document_settings_error(struct oks_engine *e, struct oks_document *out)
{
    return document_settings_error(&e->model, out);
}

int oks_document_prices(struct oks_engine *e, struct oks_document *out)
{
    return document_pricing(&e->model, out);
}

void oks_engine_set_daemon(struct oks_engine *e, void (*fn)(void *ctx, struct oks_daemon_state *out),
                           void *ctx)
{
    pthread_mutex_lock(&e->model.lock);
    e->daemon = fn;
    e->daemon_ctx = ctx;
    pthread_mutex_unlock(&e->model.lock);
}

/* Takes the lock of the inode table, which is never held together with the engine's. False: no daemon. */
static bool daemon_state(struct oks_engine *e, struct oks_daemon_state *out)
{
    void (*fn)(void *ctx, struct oks_daemon_state *out);
    void *ctx;

    pthread_mutex_lock(&e->model.lock);
    fn = e->daemon;
    ctx = e->daemon_ctx;
    pthread_mutex_unlock(&e->model.lock);
    if (fn)
        fn(ctx, out);
    return fn;
}

/* Under the lock. */
static struct status_facts status_facts(struct oks_engine *e, const struct oks_daemon_state *daemon)
{
    struct status_facts facts = {
        .discovery = e->discovery,
        .revalidate = e->revalidate,
        .once = e->once,
        .scanner = e->scanning.n_scanners ? oks_isa_name(oks_scanner_isa(e->scanning.scanners[0])) : NULL,
        .cache_enabled = e->cache != NULL,
        .cache_saved = saver_is_done(e),
        .cache_hits = e->scanning.cache_hits,
        .cache_misses = e->scanning.cache_misses,
        .cache_writes = e->saver.writes,
        .cache_errors = e->saver.errors,
        .cache_error = e->saver.error,
        .history_bytes = history_store_bytes(e->history),
        .retained = e->n_retained,
        .daemon = daemon,
    };

    engine_progress(e, &facts.progress);
    return facts;
}

int oks_document_status(struct oks_engine *e, struct oks_document *out)
{
    struct oks_daemon_state daemon = {0};
    bool of_mount = daemon_state(e, &daemon);
    struct status_facts facts;
    int rc;

    pthread_mutex_lock(&e->model.lock);
    facts = status_facts(e, of_mount ? &daemon : NULL);
    rc = document_status(&e->model, &facts, out);
    pthread_mutex_unlock(&e->model.lock);
    return rc;
}

int oks_document_host(struct oks_engine *e, const struct oks_target *host, struct oks_document *out)
{
    int rc;

    pthread_mutex_lock(&e->model.lock);
    rc = host->kind == OKS_HOST ? document_host(&e->model, host, out) : -ENOENT;
    pthread_mutex_unlock(&e->model.lock);
    return rc;
}

int oks_engine_host_folders(struct oks_engine *e,
                            int (*fn)(void *ctx, const char *host, const char *folder, const char *reason),
                            void *ctx)
{
    const struct catalog *c = &e->model.catalog;
    int rc = 0;

    pthread_mutex_lock(&e->model.lock);
    for (size_t i = 0; rc == 0 && i < c->n_hosts; i++)
        rc = host_each_folder(c->hosts[i], fn, ctx);
    pthread_mutex_unlock(&e->model.lock);
    return rc;
}

int oks_document_metrics(struct oks_engine *e, int64_t now_ms, struct oks_document *out)
{
    struct oks_daemon_state daemon = {0};
    bool of_mount = daemon_state(e, &daemon);
    struct status_facts facts;
    int rc;

    pthread_mutex_lock(&e->model.lock);
    facts = status_facts(e, of_mount ? &daemon : NULL);
    rc = document_metrics(&e->budgets, &facts, now_ms, out);
    pthread_mutex_unlock(&e->model.lock);
    return rc;
}

struct unread_fn {
    int (*fn)(void *ctx, const char *path, const char *reason, bool unread);
    void *ctx;
};

static int report_unread(void *ctx, void *item)
{
    const struct transcript *t = item;
    const struct unread_fn *f = ctx;
    char reason[200];

    if (!t->error || t->retained)
        return 0;
    snprintf(reason, sizeof(reason), "%s%s",
             t->error == -EBADMSG ? "its data is damaged" : strerror(-t->error),
             t->loaded ? " (what was read of it before is counted)" : " (it is not counted)");
    return f->fn(f->ctx, t->path, reason, true);
}

int oks_engine_left_out(struct oks_engine *e,
                        int (*fn)(void *ctx, const char *path, const char *reason, bool unread), void *ctx,
                        uint64_t *more)
{
    struct unread_fn unread = {fn, ctx};
    struct passed_path *list = NULL;
    size_t n = 0;
    int64_t count;
    int rc;

    pthread_mutex_lock(&e->model.lock);
    rc = oks_tree_until(e->model.catalog.transcripts, report_unread, &unread);
    count = rc == 0 ? discovery_passed_over(e->discovery, &list, &n) : 0;
    if (count < 0)
        rc = (int)count;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = fn(ctx, list[i].path, discovery_passed_reason(list[i].error), false);
    discovery_passed_free(list, n);
    pthread_mutex_unlock(&e->model.lock);
    if (rc == 0)
        *more = (uint64_t)count - n;
    return rc;
}

uint64_t oks_engine_version(struct oks_engine *e, const struct oks_target *target)
{
    uint64_t version;

    pthread_mutex_lock(&e->model.lock);
    version = document_version(&e->model, target);
    pthread_mutex_unlock(&e->model.lock);
    return version;
}

void oks_engine_prepare_timeline(struct oks_engine *e, enum oks_stats by)
{
    enum time_kind kind;

    if (!document_stats_rows(by, &kind))
        return;
    pthread_mutex_lock(&e->model.lock);
    timeline_want(&e->model.timeline, kind);
    pthread_mutex_unlock(&e->model.lock);
}
