/*
 * The scan loop: scans dirty transcripts and commits the outcomes.
 *
 * A scan runs outside the lock, on a transcript marked busy. Its outcome is committed under the lock, so a
 * query sees whole scans only. A transcript that becomes dirty during its scan is scanned again. A sync that
 * needs a busy one waits for it.
 *
 * A large file is scanned in slices, with a commit after each, so that others go on in between. A read of one
 * session or project waits for the rest of somebody else's large file only for a moment: such a file may own
 * some of its requests, but only the bill depends on that, and it changes when the rest is read.
 *
 * A file that must be read as a whole (it was rewritten, or is compressed) cannot be sliced. If it is large,
 * a read of somebody else's session leaves it to a thread of its own, and waits no longer for that either.
 *
 * `dirty` is cleared before the file is opened. So if a sync finds a transcript neither dirty nor busy, every
 * write before its own drain of the queue has been read.
 *
 * If many transcripts are dirty (the first scan), extra threads run the same loop, at most one for each core.
 */
#include "engine/engine_private.h"
#include "base/passing.h"
#include "files/file_time.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    THREADS_MAX = 16,
    BACKLOG_FOR_THREADS = 8, /* with fewer dirty transcripts no extra threads are started */
    SLICE = 64 << 20,        /* bytes of one scan */
    SLICE_LINES = 8192,      /* lines of it: what is committed in some 30 ms */
    WHOLE_MAX = 64 << 20,    /* a larger file that must be read as a whole is left to a thread */
};

#define OTHERS_WAIT_NS INT64_C(1000000000)

static int scanner_take(struct oks_engine *e, struct oks_scanner **out)
{
    if (e->scanning.n_scanners > 0) {
        *out = e->scanning.scanners[--e->scanning.n_scanners];
        return 0;
    }
    return oks_scanner_new(out, e->isa);
}

static void scanner_give(struct oks_engine *e, struct oks_scanner *scanner)
{
    if (e->scanning.n_scanners < sizeof(e->scanning.scanners) / sizeof(*e->scanning.scanners))
        e->scanning.scanners[e->scanning.n_scanners++] = scanner;
    else
        oks_scanner_free(scanner);
}

static void account(struct oks_engine *e, const struct scan_outcome *out)
{
    e->scanning.bytes_read += out->bytes_read;
    e->scanning.cache_hits += out->cache_hit;
    e->scanning.cache_misses += out->cache_miss;
}

/* The commit failed in the middle: the transcript is scanned again, from its begin. */
static int again(struct oks_engine *e, struct transcript *t, int rc)
{
    t->anew = true;
    catalog_mark_dirty(&e->model.catalog, t, true);
    version_next(&e->model.versions);
    return rc;
}

/*
 * The session that the transcript belongs to by its records, if it is in another one; else NULL. A file that
 * was replaced by one without a name is in the session that its path names.
 */
static const char *other_session(const struct transcript *t, const struct scan_outcome *out,
                                 char buf[OKS_NAME_MAX + 1])
{
    const char *id = out->gain.session_id;

    if (!t->source->late || !out->changed)
        return NULL;
    if (!id && t->loaded && out->replace && !t->retained && !out->gone && !out->error) {
        struct oks_slice name = t->source->id_of(catalog_rel(t));

        if (name.len > OKS_NAME_MAX)
            return NULL;
        memcpy(buf, name.ptr, name.len);
        buf[name.len] = '\0';
        id = buf;
    }
    return id && strcmp(t->session->id, id) != 0 ? id : NULL;
}

/* Commits the outcome. The transcript may be freed by this. */
static int commit(struct oks_engine *e, struct transcript *t, struct scan_outcome *out, bool was_lost)
{
    bool was_loaded = t->loaded, replaced = out->replace;
    bool reread = replaced && !out->cache_hit && !out->recalled &&
                  !t->retained; /* the same bytes may be other records now */
    bool changed = out->changed, adopted = out->adopted, more = out->more, teams_changed, relabelled;
    char buf[OKS_NAME_MAX + 1];
    const char *id;
    size_t teams_before = t->state.teams.len, in_tail = transcript_tail(t)->teams.len;
    int rc;

    account(e, out);
    id = other_session(t, out, buf);
    if (id) {
        rc = t->loaded && out->sheds ? keeping_commit(e, t, out) : 0;
        if (rc == 0)
            rc = arrivals_rename(e, t, id);
        if (rc) {
            scan_outcome_clear(out);
            return rc < 0 ? rc : 0;
        }
    }
    e->model.catalog.n_unplaced -= t->unplaced;
    t->unplaced = false;
    catalog_linked(&e->model.catalog, t, out->linked, &out->mark);
    relabelled = transcript_relabel(t, out, &teams_changed);
    changed |= relabelled;
    teams_changed |= out->replace;
    rc = keeping_commit(e, t, out);
    if (rc < 0) {
        scan_outcome_clear(out);
        return again(e, t, rc);
    }
    rc = commit_outcome(e, t, out);
    if (rc < 0)
        return again(e, t, rc);
    if (t->loaded && (!was_loaded || replaced) && !t->retained) {
        rc = retained_came_back(e, t); /* under its name, or moved onto another one's */
        if (rc == 0 && t->source->late)
            retained_replaced(e, t->session); /* not before: its session is known only now */
    }
    if (rc == 0 && was_lost && !t->gone && !t->retained) /* others may have been retained because of that */
        retained_replaced(e, t->session);
    if (rc == 0 && t->retained && t->loaded) {
        rc = retained_stays(e, t);
        t->gone |= rc == 0;
    }
    if (rc < 0)
        return again(e, t, rc);
    t->keep_all |= (relabelled && was_loaded && !t->whole) || (reread && t->source->agrees);
    if (t->gone && (rc = arrivals_other_form(e, t)) < 0)
        return again(e, t, rc);
    rc = t->gone ? retained_keep(e, t) : 0;
    if (rc < 0)
        return again(e, t, rc);
    if (rc > 0) {
        e->snapshot_stale = true;
        rc = commit_changed(e, t, in_tail);
        commit_bump_billed(e);
        return rc < 0 ? again(e, t, rc) : 0;
    }
    if (t->gone) {
        departures_drop(e, t);
        commit_bump_billed(e);
        return 0;
    }
    if (!more) { /* each save writes the whole, so it waits for the end of the file */
        if (t->retained ? adopted
                        : out->worth_saving || (relabelled && t->loaded && !t->whole) || keeping_due(e, t))
            saver_want(e, t);
        saver_rest(e, t, !was_loaded);
    }
    e->snapshot_stale |= changed;
    teams_changed |= t->state.teams.len != teams_before || in_tail || transcript_tail(t)->teams.len;
    rc = changed ? commit_changed(e, t, teams_changed) : 0;
    commit_bump_billed(e);
    return rc < 0 ? again(e, t, rc) : 0;
}

/*
 * A file without read permission stays so until its mode changes, and a bad compressed file stays bad until
 * it is replaced. inotify reports both; of a folder that cannot be entered it reports the change of its mode.
 */
static bool waits_for_event(const struct transcript *t, int error)
{
    if (t->container)
        return !is_passing(error);
    if (error != -EACCES && error != -EPERM && !(t->packed && error == -EBADMSG))
        return false;
    return transcript_is_hidden(t) || t->file.folder->watch_id >= 0;
}

/* Without a watch, the file that names the agent is read at every scan. */
static bool label_stays_due(const struct transcript *t, const struct scan_outcome *out, bool asked)
{
    return (asked && !out->labelled) || !t->file.folder || t->file.folder->watch_id < 0;
}

/* What is done to the transcript until end_scan() is done without the lock. */
static void begin_scan(struct oks_engine *e, struct transcript *t, bool left_behind)
{
    t->busy = t->scanning = true;
    t->scan_ns = monotonic_ns();
    t->left_behind = left_behind;
    e->scanning.n_scanning++;
    LIST_INSERT_HEAD(&e->scanning.current, t, of_current);
    pthread_mutex_unlock(&e->model.lock);
}

/* False: the transcript was removed meanwhile, and is freed. */
static bool end_scan(struct oks_engine *e, struct transcript *t)
{
    pthread_mutex_lock(&e->model.lock);
    engine_wait_for_walk(
        e); /* of a folder that was moved all names must be found before one is taken for lost */
    t->busy = t->scanning = t->left_behind = false;
    e->scanning.n_scanning--;
    LIST_REMOVE(t, of_current);
    if (!t->departed)
        return true;
    departures_free(t);
    return false;
}

/* Scans one dirty transcript. The lock is held at entry and exit, and released in between. */
static int scan_one(struct oks_engine *e, struct transcript *t, uint64_t serial, uint64_t whole_max,
                    const atomic_bool *cancel, _Atomic int64_t *progress_ns)
{
    struct scan_options options = {
        .cache = e->cache,
        .history = e->history,
        .verify_tail = e->verify_tail,
        .slice = SLICE,
        .slice_lines = SLICE_LINES,
        .whole_max = whole_max,
        .cancel = cancel,
        .progress_ns = progress_ns,
        .stop = e->stop,
        .retained = t->retained,
        .member = t->member,
        .member_gone = t->member_gone,
    };
    struct scan_outcome out;
    struct oks_scanner *scanner;
    bool may_forget = retained_may_be_forgotten(e, t);
    char *peer_states = placement_peer_states(&e->model.catalog, t);
    bool is_there;
    int rc = peer_states ? scanner_take(e, &scanner) : -ENOMEM;

    if (rc < 0) {
        free(peer_states);
        return rc;
    }
    options.peer_states = peer_states;
    options.anew = t->anew;
    t->anew = false;
    catalog_mark_clean(&e->model.catalog, t);
    t->large = false;
    options.label = t->label_due;
    t->label_due = false;
    options.insist = t->touched; /* if another thread sets it meanwhile, the transcript is dirty again */
    begin_scan(e, t, progress_ns != NULL);
    rc = transcript_scan(t, scanner, &options, &out);
    if (rc == 0 && out.error == -EIO && e->once)
        rc = out.error; /* there is no later read that could try again, and no status that is looked at */
    if (rc == 0 && !options.retained)
        rc = keeping_examine(e, t, may_forget, &out);
    free(peer_states);
    is_there = end_scan(e, t);
    scanner_give(e, scanner);
    if (!is_there) {
        scan_outcome_clear(&out);
        return 0;
    }
    if (rc < 0 || t->retained != options.retained) { /* it came back meanwhile, and is scanned now */
        t->anew |= options.anew;
        t->label_due |= options.label;
        scan_outcome_clear(&out);
        catalog_mark_dirty(&e->model.catalog, t, true);
    } else {
        bool was_lost = t->lost;

        t->lost &= t->dirty; /* not before: see has_other_file() in retained.c */
        t->touched = t->dirty;
        t->behind = out.more;
        if (out.more)
            catalog_mark_dirty(&e->model.catalog, t, false);
        t->label_due |= label_stays_due(t, &out, options.label);
        /* The next sync tries again, not this one. */
        e->any_hidden |= transcript_is_hidden(t);
        if (!out.gone && (out.error || transcript_is_hidden(t)) && !waits_for_event(t, out.error)) {
            t->failed_sync = serial;
            catalog_mark_dirty(&e->model.catalog, t, true);
        }
        rc = commit(e, t, &out, was_lost);
    }
    engine_not_busy(e);
    return rc;
}

struct job {
    struct oks_engine *e;
    const struct oks_target *target;
    bool found_only;
    uint64_t serial;
    int64_t until_ns; /* how long it waits for what only may concern it; see is_left_out() */
    const atomic_bool *cancel;
    int rc; /* protected by the lock */
};

/* Whether the target's own numbers depend on the transcript. Of a team's it is known only when it was read.
 */
static bool concerns(const struct oks_target *target, const struct transcript *t)
{
    const struct session *s = t->session;

    if (target->kind == OKS_SESSION && !t->unplaced)
        return strcmp(s->name, target->name) == 0 || (s->parent && strcmp(s->parent, target->name) == 0);
    if (target->kind == OKS_PROJECT && !t->unplaced)
        return s->project && strcmp(s->project->name, target->name) == 0;
    return true;
}

/* Whether it is a large file, of which something is still to be read. */
static bool takes_long(const struct transcript *t, int64_t now_ns)
{
    return t->behind || t->large || (t->scanning && now_ns - t->scan_ns >= OTHERS_WAIT_NS);
}

/* Whether the job ends without this transcript. */
static bool is_left_out(const struct job *job, const struct transcript *t)
{
    int64_t now_ns;

    if (transcript_is_remote(t) || t->left_behind)
        return true; /* its root has a thread of its own */
    now_ns = monotonic_ns();
    if (now_ns < job->until_ns || !takes_long(t, now_ns))
        return false;
    return job->found_only ? !t->unplaced : !concerns(job->target, t); /* a name seldom changes */
}

struct choice {
    const struct job *job;
    struct transcript *next;
    bool busy; /* another thread has one of them */
};

/* True: the search can end. */
static bool consider(struct choice *choice, struct transcript *t)
{
    if (!t->dirty || t->failed_sync >= choice->job->serial || is_left_out(choice->job, t))
        return false;
    if (t->busy || t->large) {
        choice->busy = true;
        return false;
    }
    choice->next = t;
    return true;
}

static bool may_be_renamed(const struct transcript *t)
{
    return t->unplaced || catalog_is_late(t);
}

/*
 * The next dirty transcript. *busy: another thread scans or saves one of them. What a listing does not need
 * goes to the end, so that it is passed over once.
 */
static struct transcript *next_dirty(const struct job *job, bool *busy)
{
    struct oks_engine *e = job->e;
    struct catalog *c = &e->model.catalog;
    struct choice choice = {.job = job};
    struct transcript *next, *moved = NULL;

    for (struct transcript *t = TAILQ_FIRST(&c->dirty); t && t != moved; t = next) {
        next = TAILQ_NEXT(t, queued);
        if (job->found_only && !t->lost) {
            if (c->n_late_dirty + c->n_unplaced == 0)
                break; /* lost ones are in front */
            if (!may_be_renamed(t)) {
                catalog_dirty_last(c, t);
                moved = moved ? moved : t;
                continue;
            }
        }
        if (consider(&choice, t))
            break;
    }
    *busy = choice.busy;
    return choice.next;
}

/* Whether another thread is scanning what the job does not leave out. */
static bool any_busy(const struct job *job)
{
    const struct oks_engine *e = job->e;
    const struct transcript *t;

    LIST_FOREACH(t, &e->scanning.current, of_current)
        if ((!job->found_only || may_be_renamed(t)) && !is_left_out(job, t))
            return true;
    return false;
}

static void wait_for_others(const struct job *job)
{
    struct timespec until = {job->until_ns / 1000000000, job->until_ns % 1000000000};
    struct oks_engine *e = job->e;

    if (monotonic_ns() < job->until_ns)
        pthread_cond_timedwait(&e->scanning.idle, &e->model.lock, &until);
    else
        pthread_cond_wait(&e->scanning.idle, &e->model.lock);
}

/* --- the thread for large files --- */

static struct transcript *next_large(const struct oks_engine *e)
{
    struct transcript *t;

    TAILQ_FOREACH(t, &e->model.catalog.dirty, queued)
        if (t->large)
            return t;
    return NULL;
}

static void *scan_large(void *arg)
{
    struct oks_engine *e = arg;
    struct transcript *t;

    pthread_mutex_lock(&e->model.lock);
    while ((t = next_large(e))) {
        int rc;

        if (t->busy) { /* it is being saved */
            pthread_cond_wait(&e->scanning.idle, &e->model.lock);
            continue;
        }
        rc = scan_one(e, t, e->scanning.syncs, 0, NULL, NULL);
        e->scanning.large_rc = rc < 0 ? rc : e->scanning.large_rc;
        saver_help(e);
    }
    commit_settle(e);
    discovery_change_report(e->discovery, e->model.versions.last != e->reported);
    e->reported = e->model.versions.last;
    e->scanning.large_runs = false;
    pthread_cond_broadcast(&e->scanning.idle);
    pthread_mutex_unlock(&e->model.lock);
    return NULL;
}

void engine_scan_end(struct oks_engine *e)
{
    if (e->scanning.large_made)
        pthread_join(e->scanning.large, NULL);
    e->scanning.large_made = false;
}

/* Leaves it to the thread, which is started if it does not run. 0 or a negative errno */
static int leave_to_thread(struct oks_engine *e, struct transcript *t)
{
    int rc = 0;

    t->large = true;
    if (e->scanning.large_runs)
        return 0;
    engine_scan_end(e); /* it has nothing left to do but to return */
    rc = -pthread_create(&e->scanning.large, NULL, scan_large, e);
    e->scanning.large_made = e->scanning.large_runs = rc == 0;
    t->large = rc == 0;
    return rc;
}

/* Scans it here, or has it scanned. Under the lock. */
static int scan_or_leave(struct job *job, struct transcript *t)
{
    struct oks_engine *e = job->e;
    uint64_t whole_max = e->once || concerns(job->target, t) ? 0 : WHOLE_MAX;
    int rc = scan_one(e, t, job->serial, whole_max, job->cancel, NULL);

    return rc == -EFBIG ? leave_to_thread(e, t) : rc;
}

/* How the thread failed: the one that reads next says so. */
static int large_failed(struct oks_engine *e)
{
    int rc = e->scanning.large_rc;

    e->scanning.large_rc = 0;
    return rc == -ECANCELED ? 0 : rc;
}

static bool is_cancelled(const struct oks_engine *e, const atomic_bool *cancel)
{
    return (cancel && atomic_load(cancel)) || (e->stop && atomic_load(e->stop));
}

/* Scans until no transcript is dirty or busy. Under the lock. */
static int work(struct job *job)
{
    struct oks_engine *e = job->e;
    int rc = 0;

    while (rc == 0 && job->rc == 0) {
        bool busy;
        struct transcript *t = next_dirty(job, &busy);

        if (is_cancelled(e, job->cancel))
            rc = -ECANCELED;
        else if ((rc = large_failed(e)) < 0)
            break;
        else if (t) {
            rc = scan_or_leave(job, t);
            saver_help(e);
        } else if (busy || any_busy(job))
            wait_for_others(job);
        else if (e->model.catalog.links_due)
            rc = catalog_check_links(&e->model.catalog);
        else
            break;
    }
    if (rc < 0 && job->rc == 0)
        job->rc = rc;
    return rc;
}

void oks_engine_wake(struct oks_engine *e)
{
    pthread_mutex_lock(&e->model.lock);
    pthread_cond_broadcast(&e->scanning.idle);
    pthread_mutex_unlock(&e->model.lock);
}

static void *helper(void *arg)
{
    struct job *job = arg;

    pthread_mutex_lock(&job->e->model.lock);
    work(job);
    pthread_mutex_unlock(&job->e->model.lock);
    return NULL;
}

static bool backlog_is_big(const struct oks_engine *e)
{
    const struct transcript *t;
    int n = 0;

    TAILQ_FOREACH(t, &e->model.catalog.dirty, queued)
        if (++n >= BACKLOG_FOR_THREADS)
            return true;
    return false;
}

/* The cores of this process: taskset or a container may allow fewer than there are. */
static int cores(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set)
                                                        : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* How many extra threads a job is worth. */
static int helpers_for(const struct job *job)
{
    struct oks_engine *e = job->e;
    int n;

    if (job->found_only || !backlog_is_big(e))
        return 0;
    n = cores() - 1;
    return n < THREADS_MAX ? n : THREADS_MAX;
}

int engine_scan(struct oks_engine *e, const struct oks_target *target, bool found_only,
                const atomic_bool *cancel)
{
    struct job job = {.e = e,
                      .target = target,
                      .found_only = found_only,
                      .serial = ++e->scanning.syncs,
                      .until_ns = monotonic_ns() + OTHERS_WAIT_NS,
                      .cancel = cancel};
    pthread_t threads[THREADS_MAX];
    int wanted, n = 0, rc;

    if (!found_only && backlog_is_big(e))
        engine_sort_backlog(e);
    wanted = helpers_for(&job);
    while (n < wanted && pthread_create(&threads[n], NULL, helper, &job) == 0)
        n++;
    rc = work(&job);
    if (n == 0)
        return rc;
    pthread_mutex_unlock(&e->model.lock);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_lock(&e->model.lock);
    return job.rc;
}

/* Whether what is stored of it is to be taken over before its file is opened. */
static bool needs_recall(const struct transcript *t)
{
    return !t->loaded && !t->lost && !t->recall_tried;
}

static struct transcript *next_to_recall(struct oks_engine *e, const struct root *root)
{
    struct transcript *t;

    TAILQ_FOREACH(t, &e->model.catalog.dirty, queued)
        if (t->root == root && transcript_is_remote(t) && !t->busy && needs_recall(t))
            return t;
    return NULL;
}

/* It stays dirty. */
static int recall_one(struct oks_engine *e, struct transcript *t)
{
    struct scan_outcome out = {0};
    bool is_there;
    int rc;

    catalog_dirty_last(&e->model.catalog, t); /* so that the next one is found at once */
    begin_scan(e, t, true);
    rc = keeping_recall(e, t, &out);
    is_there = end_scan(e, t);
    if (is_there)
        t->recall_tried = !is_passing(rc) || rc == -EIO; /* a disk may be broken for good */
    if (is_there && rc > 0) {
        rc = commit(e, t, &out, false);
    } else {
        rc = rc < 0 ? rc : 0;
        scan_outcome_clear(&out);
    }
    engine_not_busy(e);
    return rc;
}

/* The next dirty one of a remote root. *busy: if there is none, another thread still has one of them. */
static struct transcript *next_of_root(const struct oks_engine *e, const struct root *root, uint64_t serial,
                                       bool *busy)
{
    struct transcript *t;

    *busy = false;
    TAILQ_FOREACH(t, &e->model.catalog.dirty, queued) {
        if (t->root != root || !transcript_is_remote(t) || t->failed_sync >= serial)
            continue;
        if (!t->busy)
            return t;
        *busy = true;
    }
    return NULL;
}

int engine_scan_root(struct oks_engine *e, const struct root *root, _Atomic int64_t *progress_ns,
                     const atomic_bool *cancel)
{
    uint64_t serial = ++e->scanning.syncs;
    struct transcript *t;
    bool busy;
    int rc = 0;

    while (rc == 0 && (t = next_to_recall(e, root))) {
        if (is_cancelled(e, cancel))
            return -ECANCELED;
        atomic_store(progress_ns, monotonic_ns());
        rc = recall_one(e, t);
    }
    while (rc == 0 && ((t = next_of_root(e, root, serial, &busy)) || busy)) {
        if (is_cancelled(e, cancel))
            return -ECANCELED;
        if (!t) { /* it is being saved, or was loaded from the store when its file came */
            pthread_cond_wait(&e->scanning.idle, &e->model.lock);
            continue;
        }
        atomic_store(progress_ns, monotonic_ns());
        /* One that was busy before, or came since. */
        rc = needs_recall(t) ? recall_one(e, t) : scan_one(e, t, serial, 0, cancel, progress_ns);
        saver_help(e);
    }
    return rc;
}

bool engine_scanned(struct oks_engine *e, const struct oks_target *target, bool found_only)
{
    const struct job job = {.e = e, .target = target, .found_only = found_only, .serial = e->scanning.syncs};
    bool busy;

    return !next_dirty(&job, &busy) && !busy && !any_busy(&job);
}
