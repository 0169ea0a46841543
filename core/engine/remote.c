/*
 * Remote roots: a thread for each root in a remote filesystem, which makes all calls to that filesystem.
 *
 * A sync asks for a round: the thread lists the root without the lock, takes the listing up under it, scans
 * the root's transcripts, and walks the watched directories in that filesystem. The sync waits for the round
 * as long as the thread shows signs of life. A filesystem that does not answer holds up this thread alone:
 * after a while the root counts as silent, its transcripts keep their last totals, and no sync waits for it
 * until the round has ended after all.
 *
 * A thread in such a call cannot be ended. At the end of the engine it is left behind, with all memory that
 * it may still use.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/engine_private.h"
#include "files/file_time.h"

#define SILENT_NS INT64_C(2000000000) /* without a sign of life */

struct remote_root {
    struct oks_engine *e;
    struct root *root;
    pthread_t thread;
    bool runs;
    bool ended;                          /* the thread makes no more calls */
    uint64_t asked, begun, listed, done; /* rounds */
    _Atomic int64_t progress_ns;
    int rc; /* of the last round */
    LIST_ENTRY(remote_root) of_engine;
};

static bool is_remote(const struct remote_root *r)
{
    return r->root->remote && !r->root->ended;
}

/* Its root answers again, or does not any more. */
static void set_silent(struct remote_root *r, bool silent)
{
    uint64_t version = version_next(&r->e->model.versions);

    r->root->silent = silent;
    if (r->root->host && !r->root->ended)
        r->root->host->version = version;
}

static void answered(struct remote_root *r)
{
    if (!r->root->silent)
        return;
    set_silent(r, false);
    discovery_change_report(r->e->discovery, true);
}

/* One round. The lock is held at entry and exit. */
static int round_trip(struct remote_root *r)
{
    struct oks_engine *e = r->e;
    struct remote_listing *listing = NULL;
    struct root_paths *paths = discovery_root_paths(e->discovery);
    int rc, settled;

    r->begun = r->asked;
    atomic_store(&r->progress_ns, monotonic_ns());
    pthread_mutex_unlock(&e->model.lock);
    rc = discovery_remote_list(r->root, paths, &r->progress_ns, &listing);
    pthread_mutex_lock(&e->model.lock);
    if (rc == 0 && !e->remote.ends && is_remote(r))
        rc = discovery_remote_apply(e->discovery, r->root, listing);
    discovery_remote_free(listing);
    r->listed = r->begun;
    pthread_cond_broadcast(&e->scanning.idle);
    if (rc == 0 && !r->root->error && !r->root->ended)
        rc = engine_scan_root(e, r->root, &r->progress_ns, &e->remote.ends);
    /* A host's root may end, so it has no watched directories. */
    if (rc == 0 && is_remote(r) && !r->root->configured)
        rc = discovery_remote_dirs(e->discovery, r->root, &r->progress_ns);
    settled = commit_settle(e);
    return rc < 0 ? rc : settled;
}

static void *remote_thread(void *arg)
{
    struct remote_root *r = arg;
    struct oks_engine *e = r->e;

    pthread_mutex_lock(&e->model.lock);
    while (!atomic_load(&e->remote.ends) && !r->root->ended) {
        if (r->asked == r->begun) {
            pthread_cond_wait(&e->remote.wanted, &e->model.lock);
            continue;
        }
        r->rc = round_trip(r);
        r->done = r->begun;
        answered(r);
        pthread_cond_broadcast(&e->scanning.idle);
    }
    r->ended = true;
    pthread_cond_broadcast(&e->scanning.idle);
    pthread_mutex_unlock(&e->model.lock);
    return NULL;
}

static struct remote_root *remote_of(struct oks_engine *e, struct root *root)
{
    struct remote_root *r;

    LIST_FOREACH(r, &e->remote.roots, of_engine)
        if (r->root == root)
            return r;
    r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->e = e;
    r->root = root;
    root->begun = true;
    LIST_INSERT_HEAD(&e->remote.roots, r, of_engine);
    return r;
}

static int ask(struct oks_engine *e, struct root *root)
{
    struct remote_root *r = remote_of(e, root);
    int rc = r ? 0 : -ENOMEM;

    if (rc == 0 && !r->runs)
        rc = -pthread_create(&r->thread, NULL, remote_thread, r);
    if (rc < 0)
        return rc;
    if (r->asked == r->begun)
        atomic_store(&r->progress_ns, monotonic_ns());
    r->runs = true;
    r->asked++;
    pthread_cond_broadcast(&e->remote.wanted);
    return 0;
}

int remote_ask(struct oks_engine *e, bool again)
{
    size_t n;
    struct root *const *roots = discovery_roots(e->discovery, &n);
    int rc = 0;

    if (!discovery_has_remote(e->discovery) || (e->once && !again && !LIST_EMPTY(&e->remote.roots)))
        return 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (roots[i]->remote)
            rc = ask(e, roots[i]);
    return rc;
}

/* False: the root is silent. Releases the lock. */
static bool wait_for(struct remote_root *r)
{
    int64_t until = atomic_load(&r->progress_ns) + SILENT_NS;
    struct timespec ts = {until / 1000000000, until % 1000000000};

    if (!r->root->silent && monotonic_ns() >= until)
        set_silent(r, true);
    if (r->root->silent)
        return false;
    pthread_cond_timedwait(&r->e->scanning.idle, &r->e->model.lock, &ts);
    return true;
}

int remote_wait(struct oks_engine *e, bool found_only, const atomic_bool *cancel)
{
    struct remote_root *r;
    int rc = 0;

    LIST_FOREACH(r, &e->remote.roots, of_engine) {
        uint64_t asked = r->asked;

        if (r->root->ended)
            continue;
        while (is_remote(r) && (found_only ? r->listed : r->done) < asked) {
            if ((cancel && atomic_load(cancel)) || (e->stop && atomic_load(e->stop)))
                return -ECANCELED;
            if (!wait_for(r))
                break;
        }
        rc = rc < 0 ? rc : r->rc == -ECANCELED ? 0 : r->rc;
    }
    return rc;
}

bool remote_stop(struct oks_engine *e)
{
    struct remote_root *r, *next;
    bool all = true;

    pthread_mutex_lock(&e->model.lock);
    atomic_store(&e->remote.ends, true);
    pthread_cond_broadcast(&e->remote.wanted);
    LIST_FOREACH(r, &e->remote.roots, of_engine) {
        while (r->runs && !r->ended && wait_for(r))
            ;
        all &= !r->runs || r->ended;
    }
    pthread_mutex_unlock(&e->model.lock);
    for (r = LIST_FIRST(&e->remote.roots); r; r = next) {
        next = LIST_NEXT(r, of_engine);
        if (r->runs && all)
            pthread_join(r->thread, NULL);
        else if (r->runs)
            pthread_detach(r->thread);
        if (all)
            free(r);
    }
    return all;
}
