/*
 * The saver: write-back of cache files, by a thread of its own.
 *
 * A cache is derived data, so no reader waits for it. A commit only queues its transcript; the thread writes
 * the queue a second later, many changes at once. While one is written its transcript is busy, because its
 * state must not change. That delays only a scan of the same transcript. After a failure the queue waits a
 * minute, because a full disk stays full for a while.
 *
 * Scans are quicker than the saver. In a first scan of gigabytes the ids of requests that wait for it would
 * be a third of all memory, so beyond SAVER_IDS_MAX whoever scans writes cache files too.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "engine/engine_private.h"
#include "files/file_time.h"

enum { SAVE_DELAY_S = 1, RETRY_DELAY_S = 60 };

static void count_ids(struct oks_engine *e, struct transcript *t, size_t bytes)
{
    e->saver.ids_waiting += bytes - t->ids_waiting;
    t->ids_waiting = bytes;
}

void saver_want(struct oks_engine *e, struct transcript *t)
{
    if (!e->cache)
        return;
    count_ids(e, t, requests_ids_bytes(t->state.requests));
    if (t->unsaved)
        return;
    t->unsaved = true;
    TAILQ_INSERT_TAIL(&e->saver.unsaved, t, saved);
    pthread_cond_signal(&e->saver.wanted);
}

void saver_forget(struct oks_engine *e, struct transcript *t)
{
    if (t->unsaved)
        TAILQ_REMOVE(&e->saver.unsaved, t, saved);
    t->unsaved = false;
    count_ids(e, t, 0);
}

/*
 * Ids of requests are most of a row's memory, and few documents show them. They are freed if the cache file
 * has them, or (without a cache) the transcript. Of a remote transcript they stay, so that nobody has to read
 * it for them. Rows are packed at the same time.
 */
void saver_rest(struct oks_engine *e, struct transcript *t, bool is_new)
{
    size_t before = requests_bytes(t->state.requests);

    if (!t->loaded || (t->unsaved && !is_new))
        return;
    if (t->source->ids_by_line && !transcript_is_remote(t) && !t->unsaved && !t->remnant && !e->once)
        requests_forget_ids(t->state.requests);
    requests_trim(t->state.requests);
    oks_events_trim(t->state.events);
    atomic_fetch_add(&e->saver.freed, before - requests_bytes(t->state.requests));
}

/*
 * Writes what the history store lacks, and the cache file, with the ids that the rows no longer have. Without
 * the lock; the transcript is busy.
 */
static int write_entry(struct oks_engine *e, struct transcript *t)
{
    struct oks_requests *copy;
    struct oks_state whole;
    char *bytes = NULL;
    size_t len = 0;
    int rc = keeping_restore(e, t, &whole, &copy);

    if (rc == 0)
        rc = oks_cache_render(&whole, &bytes, &len);
    if (rc == 0)
        rc = keeping_save(e, t, &whole, bytes, len);
    if (rc == 0 && !t->whole && !t->remnant)
        rc = oks_cache_save_rendered(e->cache, t->cache_folder, t->cache_name, bytes, len);
    free(bytes);
    oks_requests_free(copy);
    return rc < 0 ? rc : 0;
}

static int save_one(struct oks_engine *e, struct transcript *t)
{
    int rc;

    saver_forget(e, t);
    t->busy = true;
    pthread_mutex_unlock(&e->model.lock);
    rc = write_entry(e, t);
    pthread_mutex_lock(&e->model.lock);
    t->busy = false;
    if (rc == 0) {
        e->saver.writes++;
        e->saver.failing = false;
        saver_rest(e, t, false);
    } else {
        e->saver.errors++;
        e->saver.failing = true;
        e->saver.error = rc;
        saver_want(e, t);
    }
    engine_not_busy(e);
    return rc;
}

static struct transcript *next_unsaved(const struct oks_engine *e)
{
    struct transcript *t;

    TAILQ_FOREACH(t, &e->saver.unsaved, saved)
        if (!t->busy)
            break;
    return t;
}

/* The next start reads the transcript again, and finds the same. A remote file is not asked under the lock.
 */
static bool is_in_its_file(const struct transcript *t)
{
    struct stat st;

    if (t->container)
        return true;
    if (transcript_is_remote(t))
        return t->mark.size == t->state.offset && !t->error && !t->root->silent;
    return !t->retained && !t->remnant && stat(t->path, &st) == 0 && transcript_is_unchanged(t, &st);
}

/* Whether there is no time left for what is in a file; then the transcript is not saved. */
static bool give_up(struct oks_engine *e, struct transcript *t)
{
    if (!e->saver.until_ns || monotonic_ns() < e->saver.until_ns || !is_in_its_file(t))
        return false;
    saver_forget(e, t);
    e->saver.gave_up = true;
    return true;
}

/* Writes the queue; stops at the first failure. Under the lock. */
static int save_queue(struct oks_engine *e)
{
    struct transcript *t;
    int rc = 0;

    while (rc == 0 && (t = next_unsaved(e)))
        if (!give_up(e, t))
            rc = save_one(e, t);
    if (rc == 0) {
        rc = keeping_finish(e);
        e->saver.errors += rc < 0;
        e->saver.error = rc < 0 ? rc : e->saver.error;
    }
    return rc;
}

void saver_help(struct oks_engine *e)
{
    struct transcript *t;

    while (e->saver.runs && !e->saver.failing && e->saver.ids_waiting > e->saver.ids_waiting_max &&
           (t = next_unsaved(e)))
        save_one(e, t);
}

enum { MANY = 256 }; /* entries, beyond which small ones go into one file */

static bool many_wait(const struct oks_engine *e)
{
    const struct transcript *t;
    int n = 0;

    TAILQ_FOREACH(t, &e->saver.unsaved, saved)
        if (++n > MANY)
            return true;
    return false;
}

static void *save_helper(void *arg)
{
    struct oks_engine *e = arg;

    pthread_mutex_lock(&e->model.lock);
    save_queue(e);
    pthread_mutex_unlock(&e->model.lock);
    return NULL;
}

/* The queue, by two threads: most of the time goes into making the entries. Releases the lock in between. */
static void save_in_batch(struct oks_engine *e)
{
    pthread_t helper;
    bool helped = pthread_create(&helper, NULL, save_helper, e) == 0;

    save_queue(e);
    if (!helped)
        return;
    pthread_mutex_unlock(&e->model.lock);
    pthread_join(helper, NULL);
    pthread_mutex_lock(&e->model.lock);
}

static void save_many(struct oks_engine *e)
{
    int rc = oks_cache_batch_begin(e->cache);

    if (rc == 0) {
        save_in_batch(e);
        pthread_mutex_unlock(&e->model.lock);
        rc = oks_cache_batch_end(e->cache);
        pthread_mutex_lock(&e->model.lock);
    }
    if (rc < 0) {
        e->saver.errors++;
        e->saver.error = rc;
    }
}

/* Under the lock. */
static void save_all(struct oks_engine *e)
{
    if (e->cache && many_wait(e))
        save_many(e);
    else
        save_queue(e);
    if (!e->saver.gave_up) /* the snapshot is of what has a cache */
        snapshot_save(e);
}

int oks_engine_save(struct oks_engine *e)
{
    uint64_t errors;
    int rc;

    pthread_mutex_lock(&e->model.lock);
    engine_wait_for_walk(e);
    errors = e->saver.errors;
    save_all(e);
    rc = e->saver.errors != errors ? e->saver.error : 0;
    pthread_mutex_unlock(&e->model.lock);
    return rc;
}

void oks_engine_save_within(struct oks_engine *e, int ms)
{
    pthread_mutex_lock(&e->model.lock);
    engine_wait_for_walk(e);
    e->saver.until_ns = monotonic_ns() + ms * INT64_C(1000000);
    save_all(e);
    pthread_mutex_unlock(&e->model.lock);
}

/* Waits so many seconds, or until the saver is stopped. Under the lock. */
static void pause_for(struct oks_engine *e, int seconds)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    while (!e->saver.ends && pthread_cond_timedwait(&e->saver.end, &e->model.lock, &until) != ETIMEDOUT)
        ;
}

static void *saver(void *arg)
{
    struct oks_engine *e = arg;
    int rc;

    pthread_mutex_lock(&e->model.lock);
    while (!e->saver.ends) {
        if (TAILQ_EMPTY(&e->saver.unsaved) && !history_store_waits(e->history)) {
            pthread_cond_wait(&e->saver.wanted, &e->model.lock);
            continue;
        }
        pause_for(e, SAVE_DELAY_S);
        if (e->saver.ends)
            break;
        e->saver.writing = true;
        rc = save_queue(e);
        e->saver.writing = false;
        if (rc < 0)
            pause_for(e, RETRY_DELAY_S);
    }
    pthread_mutex_unlock(&e->model.lock);
    return NULL;
}

bool saver_is_done(const struct oks_engine *e)
{
    return !e->saver.writing && TAILQ_EMPTY(&e->saver.unsaved) && !history_store_waits(e->history);
}

int oks_engine_start_saver(struct oks_engine *e)
{
    int rc = e->cache && !e->saver.runs ? pthread_create(&e->saver.thread, NULL, saver, e) : 0;

    if (rc)
        return -rc;
    e->saver.runs = e->cache != NULL;
    return 0;
}

void saver_stop(struct oks_engine *e)
{
    if (!e->saver.runs)
        return;
    pthread_mutex_lock(&e->model.lock);
    e->saver.ends = true;
    pthread_cond_broadcast(&e->saver.wanted);
    pthread_cond_broadcast(&e->saver.end);
    pthread_mutex_unlock(&e->model.lock);
    pthread_join(e->saver.thread, NULL);
    e->saver.runs = false;
}
