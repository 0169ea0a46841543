/*
 * The engine's life cycle, and the sync: it brings the model up to date, at the cost of what changed.
 *
 * A sync drains the inotify queues, which marks transcripts dirty. Then it scans all dirty ones (scanning.c),
 * not only those of the target: any of them may hold, or own, a request of the target (billing.h).
 */
#include "base/passing.h"
#include "base/text_end.h"
#include "base/tree.h"
#include "engine/engine_private.h"
#include "okstrafs/change_fd.h"
#include "discovery/watched_dirs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

/* --- life --- */

static int add_root(void *ctx, const struct source *source, char *path)
{
    struct oks_engine *e = ctx;

    return discovery_add_root(e->discovery, source, path, NULL);
}

static int add_roots(struct oks_engine *e, const struct oks_config *config)
{
    int rc = 0;

    for (int k = 0; k < OKS_SOURCES; k++)
        for (const char *const *dir = config->dirs[k]; rc == 0 && dir && *dir; dir++)
            rc = roots_each((enum oks_source)k, *dir, add_root, e);
    return rc;
}

/* Adds the known places of team-state files and rosters. */
static int add_runs(struct oks_engine *e, const char *const *task_roots)
{
    size_t n;
    struct root *const *roots = discovery_roots(e->discovery, &n);
    int rc = 0;

    for (; rc >= 0 && task_roots && *task_roots; task_roots++)
        rc = runs_add_project(e->model.runs, *task_roots);
    for (size_t i = 0; rc >= 0 && i < n; i++)
        rc = runs_add_rosters(e->model.runs, roots[i]);
    return rc < 0 ? rc : 0;
}

static int cache_init(struct oks_engine *e, const struct oks_config *config)
{
    char *root;
    int rc;

    rc = history_store_new(&e->history, config->okstra_home, !config->no_cache);
    if (rc < 0 || config->no_cache)
        return rc;
    if (asprintf(&root, "%s/" OKS_CACHE_ROOT, config->okstra_home) < 0)
        return -ENOMEM;
    rc = oks_cache_new(&e->cache, root);
    free(root);
    return rc;
}

static void locks_init(struct oks_engine *e)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&e->model.lock, NULL);
    pthread_cond_init(&e->saver.wanted, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&e->scanning.idle, &monotonic);
    pthread_cond_init(&e->remote.wanted, NULL);
    pthread_cond_init(&e->saver.end, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

/* The paths besides transcripts whose changes need a sync. -ENOMEM */
static int add_paths(struct oks_engine *e, const char *okstra_home)
{
    char *marker = retained_marker(okstra_home);
    int rc = marker ? 0 : -ENOMEM;

    for (int i = 0; rc == 0 && i < SETTINGS_FILES; i++)
        rc = discovery_add_path(e->discovery, settings_state(e->model.settings, (enum settings_file)i).path,
                                PATH_FILE);
    if (rc == 0 && e->cache)
        rc = discovery_add_path(e->discovery, marker, PATH_REPLACED);
    free(marker);
    return rc;
}

int oks_engine_new(struct oks_engine **out, const struct oks_config *config)
{
    struct oks_engine *e = calloc(1, sizeof(*e));
    const struct discovery_config discovery = {
        .watched = config->revalidate != OKS_REVALIDATE_STAT && !config->once,
        .once = config->once,
        .lock = &e->model.lock,
        .events = &arrivals_events,
        .ctx = e,
    };
    struct oks_scanner *first;
    int rc;

    if (!e)
        return -ENOMEM;
    locks_init(e);
    catalog_init(&e->model.catalog, &e->model.versions);
    sums_init(&e->model.sums, &e->model.catalog, &e->model.names);
    TAILQ_INIT(&e->saver.unsaved);
    TAILQ_INIT(&e->containers.dirty);
    e->saver.ids_waiting_max = SAVER_IDS_MAX;
    e->streams.model = &e->model;
    hosts_begin(e, config->host);
    e->budgets.model = &e->model;
    atomic_store(&e->budgets.next_change_ms, INT64_MAX);
    e->verify_tail = config->verify_tail;
    e->revalidate = config->revalidate;
    e->once = config->once;
    e->isa = config->isa;
    e->stop = config->stop;
    e->model.zone = config->zone;
    e->model.versions.last = e->model.versions.all = 1;
    e->priced = UINT64_MAX; /* no prices yet */
    rc = billing_new(&e->model.billing, &e->model.names, &commit_billing_events, e);
    e->model.catalog.billing = e->model.billing;
    e->model.timeline = (struct timeline){.catalog = &e->model.catalog,
                                          .billing = e->model.billing,
                                          .names = &e->model.names,
                                          .zone = config->zone};
    if (rc == 0)
        rc = discovery_new(&e->discovery, &discovery);
    if (rc == 0)
        rc = add_roots(e, config);
    if (rc == 0)
        rc = cache_init(e, config);
    if (rc == 0)
        rc = settings_new(&e->model.settings, config->okstra_home);
    if (rc == 0)
        rc = add_paths(e, config->okstra_home);
    if (rc == 0)
        rc = runs_new(&e->model.runs, e->discovery, &e->model.catalog);
    if (rc == 0)
        rc = add_runs(e, config->task_roots);
    if (rc == 0)
        rc = oks_scanner_new(&first, e->isa);
    if (rc == 0)
        e->scanning.scanners[e->scanning.n_scanners++] = first;
    if (rc < 0) {
        oks_engine_free(e);
        return rc;
    }
    *out = e;
    return 0;
}

void oks_engine_free(struct oks_engine *e)
{
    if (!e)
        return;
    engine_scan_end(e);
    saver_stop(e);
    if (!remote_stop(e)) {
        static void *volatile left_behind; /* a thread uses all this, so it is no leak */

        left_behind = e;
        (void)left_behind;
        return;
    }
    runs_free(e->model.runs);
    e->model.runs = NULL;
    budgets_forget(&e->budgets);
    settings_free(e->model.settings);
    billing_stop(e->model.billing);
    timeline_free(&e->model.timeline);
    streams_end(&e->streams);
    departures_drop_all(e);
    containers_free(e);
    snapshot_forget(e);
    billing_free(e->model.billing);
    sums_clear(&e->model.sums);
    oks_intern_clear(&e->model.names);
    hosts_end(e);
    discovery_free(e->discovery);
    while (e->scanning.n_scanners > 0)
        oks_scanner_free(e->scanning.scanners[--e->scanning.n_scanners]);
    oks_cache_free(e->cache);
    history_store_free(e->history);
    pthread_cond_destroy(&e->saver.end);
    pthread_cond_destroy(&e->saver.wanted);
    pthread_cond_destroy(&e->scanning.idle);
    pthread_cond_destroy(&e->remote.wanted);
    pthread_mutex_destroy(&e->model.lock);
    free(e);
}

/* --- a sync --- */

/* Reads the user's files that changed. */
static int take_up_settings(struct oks_engine *e)
{
    int changed = settings_refresh(e->model.settings);

    if (changed <= 0)
        return changed;
    if (changed & SETTINGS_CONFIG)
        budgets_forget(&e->budgets); /* its results point into the old configuration */
    e->hosts.due |= (changed & SETTINGS_CONFIG) != 0;
    version_next(&e->model.versions);
    if (changed & SETTINGS_PRICES)
        e->model.versions.prices = e->model.versions.all;
    return 0;
}

/* What is wrong with the history store is shown in the status. If it cannot be read now, no total is known.
 */
static int history_read(struct oks_engine *e)
{
    int rc = history_store_read(e->history);

    if (is_passing(rc))
        return rc;
    if (rc < 0) {
        e->saver.errors++;
        e->saver.error = rc;
    }
    return 0;
}

enum { WALK_PIECE = 128, PAUSE_NS = 1000 }; /* files, and the least time in which others get the lock */

void engine_pause(struct oks_engine *e)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};

    if (e->once)
        return; /* there are no others */
    pthread_mutex_unlock(&e->model.lock);
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&e->model.lock);
}

void engine_walk_on(struct oks_engine *e)
{
    if (e->walking && ++e->walked % WALK_PIECE == 0)
        engine_pause(e);
}

void engine_wait_for_walk(struct oks_engine *e)
{
    while (e->walking)
        pthread_cond_wait(&e->scanning.idle, &e->model.lock);
}

/* A sync that left something for the next one, because this one was busy, has no other change to wake
 * readers. */
void engine_not_busy(struct oks_engine *e)
{
    pthread_cond_broadcast(&e->scanning.idle);
    if (e->forget_waits || e->hosts.due)
        discovery_change_report(e->discovery, true);
}

static int find_files(struct oks_engine *e, bool same_paths)
{
    int rc;

    e->walking = !e->once;
    rc = discovery_refresh(e->discovery, same_paths);
    if (rc == 0)
        rc = containers_refresh(e);
    if (e->walking)
        pthread_cond_broadcast(&e->scanning.idle);
    e->walking = false;
    return rc;
}

static void look_again(void *ctx, void *item)
{
    struct oks_engine *e = ctx;
    struct transcript *t = item;

    if (transcript_is_hidden(t))
        catalog_mark_dirty(&e->model.catalog, t, true);
}

/* Something changed: maybe the folder of a transcript that could not be entered. */
static void check_hidden(struct oks_engine *e)
{
    if (!e->any_hidden)
        return;
    e->any_hidden = false;
    oks_tree_each(e->model.catalog.transcripts, look_again, e);
}

/* Finds files, and which of them changed. */
static int discover(struct oks_engine *e)
{
    bool same_paths;
    int rc, forgets = 0;

    if (e->started && e->once)
        return 0;
    if (e->started && discovery_is_unchanged(e->discovery) && !containers_due(e))
        return 0;
    same_paths = discovery_begin(e->discovery);
    rc = same_paths ? 0 : take_up_settings(e);
    if (rc == 0) {
        commit_prices(e);
        if (!e->started)
            rc = history_read(e);
        if (rc == 0 && !e->started)
            rc = passing(keeping_recall_left(e));
        if (rc == 0 && !e->started)
            snapshot_load(e);
        /* Before files come back that were forgotten. With a cache the marker is one of the paths. */
        if (rc == 0 && e->started && !(same_paths && e->cache))
            forgets = retained_refresh(e);
        if (forgets < 0)
            rc = forgets;
        e->hosts.due |= discovery_has_arrived(e->discovery);
        if (rc == 0 && e->hosts.due) {
            int again = hosts_apply(e);

            rc = again < 0 ? again : 0;
            forgets |= again > 0;
            discovery_begin(e->discovery); /* with the folders above new roots */
            same_paths = false;
        }
        if (rc == 0)
            rc = find_files(e, same_paths);
        if (rc == 0 && e->hosts.fresh)
            rc = retained_find(e);
        if (rc == 0)
            check_hidden(e);
        if (rc == 0)
            rc = forgets;
    }
    if (rc != 0)
        discovery_break(e->discovery);
    snapshot_forget(e);
    e->started |= rc >= 0;
    return rc < 0 ? rc : 0;
}

const struct oks_zone *oks_engine_zone(const struct oks_engine *e)
{
    return e ? e->model.zone : NULL;
}

int oks_engine_sync(struct oks_engine *e, const struct oks_target *target, bool found_only,
                    const atomic_bool *cancel)
{
    int rc, settled;

    pthread_mutex_lock(&e->model.lock);
    engine_wait_for_walk(e);
    rc = discover(e);
    if (rc == 0)
        rc = remote_ask(e, false);
    if (rc == 0 && (!TAILQ_EMPTY(&e->model.catalog.dirty) || e->scanning.n_scanning > 0))
        rc = engine_scan(e, target, found_only, cancel);
    if (rc == 0)
        rc = remote_wait(e, found_only, cancel);
    if (rc == 0 && !found_only &&
        (target->kind == OKS_TEAM || target->kind == OKS_RUN || target->kind == OKS_MEMBER ||
         target->kind == OKS_ALL))
        rc = discovery_refresh_dirs(e->discovery);
    if (rc == 0 && discovery_remote_due(e->discovery)) {
        rc = remote_ask(e, true);
        rc = rc < 0 ? rc : remote_wait(e, false, cancel);
    }
    settled = commit_settle(e);
    rc = rc < 0 ? rc : settled;
    if (rc == 0)
        keeping_left(e); /* what could not be put is put after the next sync */
    discovery_change_report(e->discovery, e->model.versions.last != e->reported);
    e->reported = e->model.versions.last;
    pthread_mutex_unlock(&e->model.lock);
    return rc;
}

bool oks_engine_is_settled(struct oks_engine *e, const struct oks_target *target, bool found_only)
{
    bool settled;

    pthread_mutex_lock(&e->model.lock);
    settled = e->started && engine_scanned(e, target, found_only);
    pthread_mutex_unlock(&e->model.lock);
    return settled;
}

int oks_engine_change_fd(struct oks_engine *e)
{
    int fd;

    pthread_mutex_lock(&e->model.lock);
    fd = discovery_change_fd(e->discovery);
    pthread_mutex_unlock(&e->model.lock);
    return fd;
}

void oks_engine_changes_seen(struct oks_engine *e)
{
    pthread_mutex_lock(&e->model.lock);
    discovery_change_seen(e->discovery);
    pthread_mutex_unlock(&e->model.lock);
}

bool oks_engine_needs_polling(struct oks_engine *e)
{
    bool unwatched;

    pthread_mutex_lock(&e->model.lock);
    unwatched = discovery_needs_polling(e->discovery) || containers_due(e);
    pthread_mutex_unlock(&e->model.lock);
    return unwatched;
}

enum { MUCH = 16 << 20 }; /* bytes */

bool oks_engine_trim_due(struct oks_engine *e)
{
    size_t bytes = atomic_load(&e->saver.freed);

    return bytes >= MUCH && atomic_compare_exchange_strong(&e->saver.freed, &bytes, 0);
}

void engine_progress(const struct oks_engine *e, struct oks_progress *out)
{
    struct oks_progress p = {.files = e->model.catalog.n_transcripts,
                             .bytes_read = e->scanning.bytes_read,
                             .scanning = e->scanning.n_scanning};
    const struct transcript *t;

    TAILQ_FOREACH(t, &e->model.catalog.dirty, queued) {
        p.files_left++;
        p.bytes_left += t->size_seen;
    }
    p.bytes = p.bytes_read + p.bytes_left;
    *out = p;
}

void oks_engine_progress(struct oks_engine *e, struct oks_progress *out)
{
    pthread_mutex_lock(&e->model.lock);
    engine_progress(e, out);
    pthread_mutex_unlock(&e->model.lock);
}
