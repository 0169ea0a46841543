/*
 * Keeping everything up to date at the price of what changed.
 *
 * A sync drains the queue of changes, which marks transcripts dirty, and then scans the dirty ones: all of
 * them, because any of them may turn out to hold, or to own, a request of the target (billing.c). A scan runs
 * outside the lock on a transcript marked busy, and its outcome is committed under the lock, so a query
 * always sees whole scans. A transcript that becomes dirty again while it is scanned is scanned again; a sync
 * that needs a busy one waits for it. Because `dirty` is cleared before the file is opened, whoever finds a
 * transcript neither dirty nor busy knows that every write before its own drain has been seen.
 *
 * A big backlog (the first scan) is shared out over the machine's cores: extra threads run the same loop.
 */
#include "engine_private.h"
#include "okstrafs/news.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    THREADS_MAX = 16,
    BACKLOG_FOR_THREADS = 8, /* dirty transcripts from which more threads pay */
    MEMORY_DEFAULT = 64 << 20,
};

/* --- life --- */

static char **strings_copy(const char *const *strings)
{
    size_t n = 0;
    char **copy;

    while (strings && strings[n])
        n++;
    copy = calloc(n + 1, sizeof(*copy));
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = strdup(strings[i]);
        if (!copy[i]) {
            while (i > 0)
                free(copy[--i]);
            free(copy);
            return NULL;
        }
    }
    return copy;
}

static void strings_free(char **strings)
{
    for (char **s = strings; s && *s; s++)
        free(*s);
    free(strings);
}

/* The folder below a configuration folder; or that folder itself, where the entry names it. */
static char *root_path(const char *dir, const char *folder)
{
    size_t n = strlen(dir), m = strlen(folder);
    char *path;

    while (n > 1 && dir[n - 1] == '/')
        n--;
    if (n > m && dir[n - m - 1] == '/' && strncmp(dir + n - m, folder, m) == 0)
        return strndup(dir, n);
    return asprintf(&path, "%.*s/%s", (int)n, dir, folder) < 0 ? NULL : path;
}

static int root_add(struct oks_engine *e, const struct source *source, char *path)
{
    if (!path)
        return -ENOMEM;
    for (size_t k = 0; k < e->n_roots; k++)
        if (strcmp(e->roots[k].path, path) == 0) {
            free(path);
            return 0;
        }
    e->roots[e->n_roots] = (struct root){.source = source, .path = path, .index = (unsigned)e->n_roots};
    LIST_INIT(&e->roots[e->n_roots].folders);
    e->n_roots++;
    return 0;
}

/* Of the entry "<dir>/sessions", only that folder is meant. */
static bool names_other_folder(const struct source *source, const char *dir, const char *folder)
{
    for (int i = 0; i < SOURCE_FOLDERS_MAX && source->folders[i]; i++) {
        char *end;

        if (strcmp(source->folders[i], folder) == 0 || asprintf(&end, "/%s", source->folders[i]) < 0)
            continue;
        bool named = source_ends_with(dir, end);

        free(end);
        if (named)
            return true;
    }
    return false;
}

static int roots_init(struct oks_engine *e, const struct oks_config *config)
{
    size_t n = 1;
    int rc = 0;

    for (int k = 0; k < OKS_SOURCES; k++)
        for (const char *const *dir = config->dirs[k]; dir && *dir; dir++)
            n += SOURCE_FOLDERS_MAX;
    e->roots = calloc(n, sizeof(*e->roots));
    if (!e->roots)
        return -ENOMEM;
    for (int k = 0; k < OKS_SOURCES; k++) {
        const struct source *source = oks_sources[k];

        for (const char *const *dir = config->dirs[k]; dir && *dir; dir++)
            for (int i = 0; rc == 0 && i < SOURCE_FOLDERS_MAX && source->folders[i]; i++)
                if (!names_other_folder(source, *dir, source->folders[i]))
                    rc = root_add(e, source, root_path(*dir, source->folders[i]));
    }
    return rc;
}

static int cache_init(struct oks_engine *e, const struct oks_config *config)
{
    char *root;
    int rc;

    if (config->no_cache)
        return 0;
    if (asprintf(&root, "%s/cache/token-usage", config->okstra_home) < 0)
        return -ENOMEM;
    rc = oks_cache_new(&e->cache, root);
    free(root);
    return rc;
}

static void locks_init(struct oks_engine *e)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->idle, NULL);
    pthread_cond_init(&e->save_wanted, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&e->saver_end, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int oks_engine_new(struct oks_engine **out, const struct oks_config *config)
{
    struct oks_engine *e = calloc(1, sizeof(*e));
    struct oks_scanner *first;
    int rc;

    if (!e)
        return -ENOMEM;
    locks_init(e);
    TAILQ_INIT(&e->dirty);
    LIST_INIT(&e->forks);
    TAILQ_INIT(&e->unsaved);
    TAILQ_INIT(&e->resident);
    aggregate_reset(&e->all);
    billing_init(e);
    atomic_store(&e->budgets_change_ms, INT64_MAX);
    e->memory_max = config->memory_max ? config->memory_max : MEMORY_DEFAULT;
    e->verify_tail = config->verify_tail;
    e->revalidate = config->revalidate;
    e->once = config->once;
    e->isa = config->isa;
    e->stop = config->stop;
    e->zone = config->zone;
    e->clock = e->version = 1;
    e->task_roots = strings_copy(config->task_roots);
    rc = e->task_roots ? roots_init(e, config) : -ENOMEM;
    if (rc == 0)
        rc = cache_init(e, config);
    if (rc == 0)
        rc = settings_new(e, config->okstra_home);
    if (rc == 0)
        rc = runs_new(e);
    if (rc == 0)
        rc = oks_scanner_new(&first, e->isa);
    if (rc == 0)
        e->idle_scanners[e->n_idle_scanners++] = first;
    if (rc == 0 && e->revalidate != OKS_REVALIDATE_STAT && !e->once)
        e->watch_error = watch_new(&e->watch);
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
    saver_stop(e);
    news_free(e);
    runs_free(e);
    budgets_forget(e);
    settings_free(e);
    billing_end(e);
    times_free(e);
    registry_free(e);
    index_forget(e);
    stream_clear(&e->stream);
    groups_free(e);
    sums_free(e);
    folders_free(e);
    watch_free(e->watch);
    while (e->n_idle_scanners > 0)
        oks_scanner_free(e->idle_scanners[--e->n_idle_scanners]);
    oks_cache_free(e->cache);
    strings_free(e->task_roots);
    pthread_cond_destroy(&e->saver_end);
    pthread_cond_destroy(&e->save_wanted);
    pthread_cond_destroy(&e->idle);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

/* --- scanning --- */

static int scanner_take(struct oks_engine *e, struct oks_scanner **out)
{
    if (e->n_idle_scanners > 0) {
        *out = e->idle_scanners[--e->n_idle_scanners];
        return 0;
    }
    return oks_scanner_new(out, e->isa);
}

static void scanner_give(struct oks_engine *e, struct oks_scanner *scanner)
{
    if (e->n_idle_scanners < sizeof(e->idle_scanners) / sizeof(*e->idle_scanners))
        e->idle_scanners[e->n_idle_scanners++] = scanner;
    else
        oks_scanner_free(scanner);
}

static void account(struct oks_engine *e, const struct scan_outcome *out)
{
    e->bytes_read += out->bytes_read;
    e->cache_hits += out->cache_hit;
    e->cache_misses += out->cache_miss;
}

/* Puts the outcome in place and passes the news on. The transcript may be freed by this. */
static int commit(struct oks_engine *e, struct transcript *t, struct scan_outcome *out)
{
    bool was_loaded = t->loaded;
    bool changed = out->changed, teams_changed;
    size_t teams_before = t->state.teams.len;
    int rc;

    account(e, out);
    e->n_unplaced -= t->unplaced;
    t->unplaced = false;
    if (t->source->late && out->gain.session_id && out->changed) {
        rc = registry_rename(e, t, out->gain.session_id);
        if (rc) {
            scan_outcome_clear(out);
            return rc < 0 ? rc : 0;
        }
    }
    registry_linked(e, t, out->linked);
    teams_changed = out->replace;
    rc = transcript_commit(e, t, out);
    t->wanted = false;
    if (!t->dropped)
        residence_changed(e, t);
    if (rc < 0)
        return rc;
    if (rc == 0 && t->loaded && !was_loaded && !t->retained)
        retained_came_back(e, t);
    t->gone |= rc == 0 && t->retained && t->loaded && !was_loaded && retained_moved(e, t);
    if (t->gone && retained_keep(e, t)) {
        e->index_stale = true;
        rc = registry_changed(e, t, false);
        billing_bump(e);
        return rc;
    }
    if (t->gone) {
        registry_drop(e, t);
        billing_bump(e);
        return 0;
    }
    if (out->worth_saving)
        saver_want(e, t);
    e->index_stale |= changed;
    teams_changed |= t->state.teams.len != teams_before;
    rc = changed ? registry_changed(e, t, teams_changed) : 0;
    billing_bump(e);
    return rc;
}

/* A file that we may not read says so again until its mode changes, and its folder's watch reports that. */
static bool waits_for_event(const struct transcript *t, int error)
{
    return (error == -EACCES || error == -EPERM) && t->folder && t->folder->watch_id >= 0;
}

/* Scans one dirty transcript; the lock is held at entry and exit, and free in between. */
static int scan_one(struct oks_engine *e, struct transcript *t, uint64_t serial, const atomic_bool *cancel)
{
    struct scan_options options = {
        .cache = e->cache,
        .verify_tail = e->verify_tail,
        .cancel = cancel,
        .stop = e->stop,
    };
    struct scan_outcome out;
    struct oks_scanner *scanner;
    char *peers = placing_peers(e, t);
    int rc = peers ? scanner_take(e, &scanner) : -ENOMEM;

    if (rc < 0) {
        free(peers);
        return rc;
    }
    options.peers = peers;
    options.anew = t->anew;
    t->anew = false;
    TAILQ_REMOVE(&e->dirty, t, queued);
    t->dirty = false;
    t->lost = false;
    options.insist = t->touched || t->wanted; /* others may set them meanwhile: then it is dirty again */
    t->busy = t->scanning = true;
    e->n_scanning++;
    pthread_mutex_unlock(&e->lock);
    rc = transcript_scan(t, scanner, &options, &out);
    pthread_mutex_lock(&e->lock);
    t->busy = t->scanning = false;
    e->n_scanning--;
    scanner_give(e, scanner);
    free(peers);
    if (rc < 0) {
        t->anew |= options.anew;
        scan_outcome_clear(&out);
        registry_mark_dirty(e, t, true);
    } else {
        t->touched = t->dirty;
        /* What could not be read is tried again by the next sync, not by this one. */
        if (out.error && !out.gone && !waits_for_event(t, out.error)) {
            t->failed_sync = serial;
            registry_mark_dirty(e, t, true);
        }
        rc = commit(e, t, &out);
    }
    pthread_cond_broadcast(&e->idle);
    residence_trim(e);
    return rc;
}

struct choice {
    uint64_t serial;
    struct transcript *next;
    bool busy; /* another thread works on one of them */
};

/* True: there is no need to look further. */
static bool consider(struct choice *choice, struct transcript *t)
{
    if (!t->dirty || t->failed_sync >= choice->serial)
        return false;
    if (t->busy) {
        choice->busy = true;
        return false;
    }
    choice->next = t;
    return true;
}

/* The next dirty transcript of the target; *busy tells whether another thread works on one of them. */
static struct transcript *next_dirty(struct oks_engine *e, const struct oks_target *target, bool found_only,
                                     uint64_t serial, bool *busy)
{
    struct choice choice = {.serial = serial};
    struct transcript *t;

    TAILQ_FOREACH(t, &e->dirty, queued) {
        if (found_only && !t->lost) {
            if (e->n_unplaced == 0)
                break; /* lost ones come first */
            if (!t->unplaced)
                continue; /* the others may not even have their names yet */
        }
        if ((target || t->wanted) && consider(&choice, t))
            break;
    }
    *busy = choice.busy;
    return choice.next;
}

/* Whether a scan is still going on in another thread. */
static bool any_busy(const struct oks_engine *e, bool found_only)
{
    return (!found_only || e->n_unplaced > 0) && e->n_scanning > 0;
}

struct job {
    struct oks_engine *e;
    const struct oks_target *target; /* NULL: what queries want */
    bool found_only;
    uint64_t serial;
    const atomic_bool *cancel;
    int rc; /* protected by the lock */
};

/* Scans until nothing of the target is dirty or busy. Under the lock. */
static int work(struct job *job)
{
    struct oks_engine *e = job->e;
    int rc = 0;

    while (rc == 0 && job->rc == 0) {
        bool busy;
        struct transcript *t = next_dirty(e, job->target, job->found_only, job->serial, &busy);

        if ((job->cancel && atomic_load(job->cancel)) || (e->stop && atomic_load(e->stop)))
            rc = -ECANCELED;
        else if (t)
            rc = scan_one(e, t, job->serial, job->cancel);
        else if (busy || any_busy(e, job->found_only))
            pthread_cond_wait(&e->idle, &e->lock);
        else
            break;
    }
    if (rc < 0 && job->rc == 0)
        job->rc = rc;
    return rc;
}

void oks_engine_wake(struct oks_engine *e)
{
    pthread_mutex_lock(&e->lock);
    pthread_cond_broadcast(&e->idle);
    pthread_mutex_unlock(&e->lock);
}

static void *helper(void *arg)
{
    struct job *job = arg;

    pthread_mutex_lock(&job->e->lock);
    work(job);
    pthread_mutex_unlock(&job->e->lock);
    return NULL;
}

static bool backlog_is_big(const struct oks_engine *e)
{
    const struct transcript *t;
    int n = 0;

    TAILQ_FOREACH(t, &e->dirty, queued)
        if (++n >= BACKLOG_FOR_THREADS)
            return true;
    return false;
}

static int by_size_falling(const void *a, const void *b)
{
    const struct transcript *x = *(struct transcript *const *)a, *y = *(struct transcript *const *)b;

    return (x->size_seen < y->size_seen) - (x->size_seen > y->size_seen);
}

/*
 * Largest first: then no core is left with a big file at the end while the others have nothing to do. Files
 * that left stay in front.
 */
static void order_backlog(struct oks_engine *e)
{
    struct transcript *t, **list = calloc(e->n_transcripts + 1, sizeof(*list));
    size_t n = 0;

    if (!list)
        return;
    TAILQ_FOREACH(t, &e->dirty, queued) {
        struct stat st;

        if (t->lost || t->busy)
            continue;
        t->size_seen = lstat(t->path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
        if (t->loaded)
            t->size_seen = t->size_seen > t->state.offset ? t->size_seen - t->state.offset : 0;
        list[n++] = t;
    }
    qsort(list, n, sizeof(*list), by_size_falling);
    for (size_t i = 0; i < n; i++)
        TAILQ_REMOVE(&e->dirty, list[i], queued);
    for (size_t i = 0; i < n; i++)
        TAILQ_INSERT_TAIL(&e->dirty, list[i], queued);
    free(list);
}

/* Those that this process may run on: fewer than there are under taskset or in a container. */
static int cores(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set)
                                                        : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* How many threads besides the caller's a job is worth. */
static int helpers_for(const struct job *job)
{
    struct oks_engine *e = job->e;
    int n;

    if (job->found_only || !backlog_is_big(e))
        return 0;
    n = cores() - 1;
    return n < THREADS_MAX ? n : THREADS_MAX;
}

static int work_with_helpers(struct job *job)
{
    pthread_t threads[THREADS_MAX];
    int wanted = helpers_for(job), n = 0, rc;

    if (!job->found_only && job->target && backlog_is_big(job->e))
        order_backlog(job->e);
    while (n < wanted && pthread_create(&threads[n], NULL, helper, job) == 0)
        n++;
    rc = work(job);
    if (n == 0)
        return rc;
    pthread_mutex_unlock(&job->e->lock);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_lock(&job->e->lock);
    return job->rc;
}

enum { SETTLE_TRIES = 8 }; /* what cannot be read again then keeps what was last known of it */

/* Decides who owns what the scans brought. Under the lock. */
static int settle(struct oks_engine *e)
{
    bool pinned = false;
    int tries = 0, rc = billing_settle(e);

    while (rc > 0) {
        size_t before = e->billing.n_pending + e->billing.n_unpriced;

        e->pins += !pinned;
        pinned = true;
        rc = engine_await(e);
        if (rc == 0)
            rc = billing_settle(e);
        tries = e->billing.n_pending + e->billing.n_unpriced < before ? 0 : tries + 1;
        if (tries == SETTLE_TRIES)
            break;
        /* Rows for elections are kept; those that only wanted a price may go again. */
        if (e->billing.n_pending == 0) {
            e->pins -= pinned;
            pinned = false;
            residence_trim(e);
        }
    }
    billing_bump(e);
    e->pins -= pinned;
    if (pinned)
        residence_trim(e);
    return rc < 0 ? rc : 0;
}

/* What there is, and what of it changed. */
static int discover(struct oks_engine *e)
{
    int rc;

    if (e->started && e->once)
        return 0;
    rc = settings_refresh(e);
    if (rc == 0) {
        billing_prices(e);
        if (!e->started)
            index_load(e);
        rc = folders_refresh(e);
        if (rc == 0 && !e->started)
            rc = retained_find(e);
        if (rc == 0)
            retained_refresh(e);
    }
    if (!e->started)
        index_forget(e);
    e->started = true;
    return rc;
}

int oks_engine_sync(struct oks_engine *e, const struct oks_target *target, bool found_only,
                    const atomic_bool *cancel)
{
    struct job job = {.e = e, .target = target, .found_only = found_only, .cancel = cancel};
    int rc;

    pthread_mutex_lock(&e->lock);
    rc = discover(e);
    if (rc == 0 && (!TAILQ_EMPTY(&e->dirty) || e->n_scanning > 0)) {
        job.serial = ++e->syncs;
        rc = work_with_helpers(&job);
    }
    if (rc == 0 && !found_only)
        rc = settle(e);
    if (rc == 0 && !found_only &&
        (target->kind == OKS_TEAM || target->kind == OKS_RUN || target->kind == OKS_MEMBER ||
         target->kind == OKS_ALL))
        rc = runs_refresh(e);
    news_tell(e);
    pthread_mutex_unlock(&e->lock);
    return rc;
}

bool oks_engine_is_settled(struct oks_engine *e, const struct oks_target *target, bool found_only)
{
    bool settled, busy;

    pthread_mutex_lock(&e->lock);
    settled = e->started && !next_dirty(e, target, found_only, e->syncs, &busy) && !busy &&
              !any_busy(e, found_only);
    pthread_mutex_unlock(&e->lock);
    return settled;
}

void progress_now(const struct oks_engine *e, struct oks_progress *out)
{
    struct oks_progress p = {
        .files = e->n_transcripts, .bytes_read = e->bytes_read, .scanning = e->n_scanning};
    const struct transcript *t;

    TAILQ_FOREACH(t, &e->dirty, queued) {
        p.files_left++;
        p.bytes_left += t->size_seen;
    }
    p.bytes = p.bytes_read + p.bytes_left;
    *out = p;
}

void oks_engine_progress(struct oks_engine *e, struct oks_progress *out)
{
    pthread_mutex_lock(&e->lock);
    progress_now(e, out);
    pthread_mutex_unlock(&e->lock);
}

int engine_await(struct oks_engine *e)
{
    struct job job = {.e = e, .serial = ++e->syncs};

    return work_with_helpers(&job);
}
