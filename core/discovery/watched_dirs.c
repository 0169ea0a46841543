/*
 * Watched directories: each is walked once and its folders are watched. Any change below makes it stale, and
 * it is walked again.
 *
 * A directory that does not exist yet is watched at its nearest existing ancestor. A working directory comes
 * from a transcript, so it is untrusted: it is only listed and read, within bounds of depth and number. It is
 * not entered if it is in a remote filesystem (files/mounts.h), which may never answer. Only if a root is in
 * the same one, that root's thread walks it, in each of its rounds (remote.c).
 *
 * A walk, with the reading of what it finds, goes on without the caller's lock, by one thread at a time.
 * Under the lock its result replaces that of the walk before. Others wait for it as long as it makes
 * progress; then they go on with what is known.
 *
 * Invariant: a directory that is neither stale nor unwatched was read after its last change.
 */
#include "discovery/watched_dirs.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <search.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/passing.h"
#include "discovery/discovery_private.h"
#include "files/file_time.h"
#include "files/walk.h"

enum {
    FOLDERS_MAX = 20000, /* of one directory */
    DIRS_MAX = 10000,
};

#define WALK_WAIT_NS INT64_C(2000000000) /* without any progress */

/* The dependency of a watched directory on a folder: on any event, or on those of one name. */
struct interest {
    struct watched_dir *dir;
    struct spot *spot;
    char *name; /* NULL: anything */
    LIST_ENTRY(interest) of_dir;
    LIST_ENTRY(interest) of_spot;
};

/* A folder with an inotify watch. */
struct spot {
    char *path;
    int watch_id;
    LIST_HEAD(, interest) interests;
};

struct watched_dirs {
    struct watch *watch; /* NULL: not available */
    void *by_path;
    void *spots_by_path;
    LIST_HEAD(, watched_dir) all;
    TAILQ_HEAD(waiting_dirs, watched_dir)
    waiting; /* for the next refresh: all that are stale or unwatched */
    size_t n;
    size_t n_passed; /* of them are not entered */
    bool remote_due; /* one of them may be in the filesystem of a root */
    bool walking;    /* a thread walks, without the lock */
    _Atomic int64_t progress_ns;
    pthread_cond_t idle; /* the end of walking; CLOCK_MONOTONIC */
};

static int by_dir_path(const void *a, const void *b)
{
    const struct watched_dir *x = a, *y = b;

    return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->path, y->path);
}

static int by_spot_path(const void *a, const void *b)
{
    return strcmp(((const struct spot *)a)->path, ((const struct spot *)b)->path);
}

/* --- watching --- */

static void spot_free(struct watched_dirs *dirs, struct spot *spot)
{
    tdelete(spot, &dirs->spots_by_path, by_spot_path);
    if (spot->watch_id >= 0)
        watch_remove(dirs->watch, spot->watch_id);
    free(spot->path);
    free(spot);
}

static void interest_end(struct watched_dirs *dirs, struct interest *i)
{
    struct spot *spot = i->spot;

    LIST_REMOVE(i, of_dir);
    LIST_REMOVE(i, of_spot);
    free(i->name);
    free(i);
    if (LIST_EMPTY(&spot->interests))
        spot_free(dirs, spot);
}

/* Takes over the watch, which is placed already. */
static int spot_made(struct watched_dirs *dirs, const char *path, int watch_id, struct spot **out)
{
    struct spot key = {.path = (char *)path}, **found = tfind(&key, &dirs->spots_by_path, by_spot_path);
    struct spot *spot = found ? *found : calloc(1, sizeof(*spot));

    if (!spot)
        return -ENOMEM;
    if (!found) {
        spot->watch_id = -1;
        spot->path = strdup(path);
    }
    if (!spot->path || watch_own(dirs->watch, watch_id, spot) < 0 ||
        (!found && !tsearch(spot, &dirs->spots_by_path, by_spot_path))) {
        if (!found) {
            watch_remove(dirs->watch, watch_id);
            free(spot->path);
            free(spot);
        }
        return -ENOMEM;
    }
    if (spot->watch_id >= 0 && spot->watch_id != watch_id)
        watch_remove(dirs->watch, spot->watch_id); /* of the folder that was there before */
    spot->watch_id = watch_id;
    *out = spot;
    return 0;
}

static int interest_begin(struct watched_dirs *dirs, struct watched_dir *dir, const char *path,
                          const char *name, int watch_id)
{
    struct interest *i;
    struct spot *spot;
    int rc = spot_made(dirs, path, watch_id, &spot);

    if (rc < 0)
        return rc;
    i = calloc(1, sizeof(*i));
    if (i && name)
        i->name = strdup(name);
    if (!i || (name && !i->name)) {
        free(i);
        if (LIST_EMPTY(&spot->interests))
            spot_free(dirs, spot);
        return -ENOMEM;
    }
    i->dir = dir;
    i->spot = spot;
    LIST_INSERT_HEAD(&dir->interests, i, of_dir);
    LIST_INSERT_HEAD(&spot->interests, i, of_spot);
    return 0;
}

static void requeue(struct watched_dirs *dirs, struct watched_dir *dir)
{
    if (dir->waits)
        return;
    dir->waits = true;
    TAILQ_INSERT_TAIL(&dirs->waiting, dir, of_waiting);
}

static void dir_stale(struct watched_dirs *dirs, struct watched_dir *dir)
{
    dir->stale = true;
    requeue(dirs, dir);
}

static void on_change(void *ctx, void *owner, enum watch_change change, const char *name)
{
    struct discovery *d = ctx;
    struct spot *spot = owner;
    struct interest *i;

    if (change == WATCH_ENDED)
        spot->watch_id = -1;
    LIST_FOREACH(i, &spot->interests, of_spot)
        if (!i->name || !name || strcmp(i->name, name) == 0) {
            dir_stale(d->dirs, i->dir);
            d->drained = true;
        }
}

/* --- walking a directory, without the lock --- */

/* A folder whose watch is placed. */
struct placed {
    char *path;
    const char *name; /* in the walk's path, or the kind's; NULL: anything */
    int watch_id;
};

/* What a walk has found. */
struct dir_walk {
    struct watched_dirs *dirs;
    const struct root *root; /* whose filesystem may be entered; NULL: only local ones */
    _Atomic int64_t *progress_ns;
    const struct watched_dir_kind *kind;
    char path[PATH_MAX]; /* of the directory, with the names below it */
    struct placed *placed;
    size_t n_placed, placed_room;
    struct found {
        char *path;
        void *loaded;
    } * found;
    size_t n_found, found_room;
    unsigned folders;
    bool unwatched, stale;
    int passed; /* why it was not entered; 0: it was, or it does not exist */
};

static void progress(const struct dir_walk *w)
{
    atomic_store(w->progress_ns, monotonic_ns());
}

/* Places a watch. 0 or -ENOMEM */
static int place(struct dir_walk *w, const char *path, const char *name)
{
    int id = w->root ? -ENOTSUP : w->dirs->watch ? watch_place(w->dirs->watch, path) : -ENOSYS;
    char *copy;

    w->unwatched |= id < 0;
    if (id < 0)
        return id == -ENOMEM ? id : 0;
    copy = strdup(path);
    if (!copy || !OKS_GROW(w->placed, w->n_placed, w->placed_room)) {
        free(copy);
        return -ENOMEM; /* the watch has no owner, and its events are ignored */
    }
    w->placed[w->n_placed++] = (struct placed){copy, name, id};
    return 0;
}

static int on_folder(void *ctx, const char *path, const char *rel)
{
    struct dir_walk *w = ctx;

    progress(w);
    if ((*rel && w->kind->enters && !w->kind->enters(rel)) || ++w->folders > FOLDERS_MAX)
        return 1;
    return place(w, path, *rel ? w->kind->only : NULL);
}

static int on_file(void *ctx, const char *path, const char *rel)
{
    struct dir_walk *w = ctx;
    void *loaded = NULL;
    char *copy;
    int rc;

    progress(w);
    rc = w->kind->load ? w->kind->load(path, rel, &loaded) : 0;
    if (rc < 0 || (w->kind->load && !loaded))
        return rc;
    copy = strdup(path);
    if (!copy || !OKS_GROW(w->found, w->n_found, w->found_room)) {
        if (w->kind->unload)
            w->kind->unload(loaded);
        free(copy);
        return -ENOMEM;
    }
    w->found[w->n_found++] = (struct found){copy, loaded};
    return 0;
}

static int walk_folder(struct dir_walk *w, const char *path)
{
    const struct oks_walker walker = {
        .ctx = w,
        .enter = on_folder,
        .wants = w->kind->wants,
        .file = on_file,
    };
    return passing(oks_walk(path, "", &walker));
}

/*
 * The directory does not exist: watches the nearest existing ancestor for the name that is missing in it. A
 * remote filesystem on the way is not entered, so nothing is waited for there.
 */
static int wait_for(struct dir_walk *w)
{
    char *path = w->path, real[PATH_MAX], *slash;
    size_t len = strlen(path);
    int rc = -ENOENT;

    while (rc < 0 && (slash = memrchr(path, '/', len)) && slash != path) {
        len = (size_t)(slash - path);
        *slash = '\0';
        rc = oks_resolve_local(path, real);
        *slash = '/';
        if (rc == -ELOOP || rc == -EXDEV || is_passing(rc))
            return passing(rc);
    }
    if (rc < 0) {
        strcpy(real, "/");
        len = 0;
    }
    /* The name ends at its slash, in the path that the caller still has. */
    slash = strchr(path + len + 1, '/');
    if (slash)
        *slash = '\0';
    rc = place(w, real, path + len + 1);
    if (rc < 0)
        return rc;
    rc = oks_resolve_local(path, real);
    w->stale |= rc == 0; /* it was created meanwhile */
    return passing(rc);
}

/* The directory's path with the first names below it; false: too long. */
static bool path_below(const struct watched_dir *dir, int names, char out[PATH_MAX])
{
    size_t len = strlen(dir->path);

    if (len >= PATH_MAX)
        return false;
    strcpy(out, dir->path);
    for (int i = 0; i < names && dir->kind->below[i]; i++) {
        len += (size_t)snprintf(out + len, PATH_MAX - len, "/%s", dir->kind->below[i]);
        if (len >= PATH_MAX)
            return false;
    }
    return true;
}

/* A folder gets no event if one above it is renamed, so those up to the directory are watched as well. */
static int watch_above(struct dir_walk *w, const struct watched_dir *dir)
{
    char path[PATH_MAX], real[PATH_MAX];

    for (int i = 0; i < WATCHED_DIR_NAMES_MAX && w->kind->below[i]; i++) {
        int rc = path_below(dir, i, path) ? oks_resolve_local(path, real) : -ENAMETOOLONG;

        if (is_passing(rc))
            return rc;
        if (rc < 0)
            continue; /* deleted just now: its folder gets an event */
        if (place(w, real, w->kind->below[i]) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* The directory's path does not change. 0 or a failure that passes */
static int walk(struct dir_walk *w, const struct watched_dir *dir, bool once)
{
    char real[PATH_MAX];
    int rc;

    if (!path_below(dir, WATCHED_DIR_NAMES_MAX, w->path))
        return 0;
    rc = w->root ? oks_resolve_link(w->root->path, w->path, real) : oks_resolve_local(w->path, real);
    if (rc == -ELOOP)
        return 0; /* our own mount: not a project */
    if (rc == -EXDEV) {
        w->passed = rc;
        return 0;
    }
    if (rc == 0 && w->root)
        return walk_folder(w, real);
    if (rc == 0)
        rc = watch_above(w, dir);
    else
        return is_passing(rc) ? rc : once || w->root ? 0 : wait_for(w);
    return rc < 0 ? rc : walk_folder(w, real);
}

/* --- what it found, under the lock --- */

static void interests_end(struct watched_dirs *dirs, struct interests *list)
{
    while (!LIST_EMPTY(list))
        interest_end(dirs, LIST_FIRST(list));
}

/* The new watches come before the old ones go: most are the same. */
static int take_placed(struct watched_dirs *dirs, struct watched_dir *dir, struct dir_walk *w)
{
    struct interests before = LIST_HEAD_INITIALIZER(before);
    struct interest *i;
    int rc = 0;

    while ((i = LIST_FIRST(&dir->interests))) {
        LIST_REMOVE(i, of_dir);
        LIST_INSERT_HEAD(&before, i, of_dir);
    }
    for (size_t k = 0; rc == 0 && k < w->n_placed; k++)
        rc = interest_begin(dirs, dir, w->placed[k].path, w->placed[k].name, w->placed[k].watch_id);
    interests_end(dirs, &before);
    for (size_t k = 0; k < w->n_placed; k++) {
        if (rc < 0)
            watch_displace(dirs->watch, w->placed[k].watch_id);
        free(w->placed[k].path);
    }
    free(w->placed);
    return rc;
}

static int take_found(struct watched_dir *dir, struct dir_walk *w, int rc)
{
    if (rc == 0)
        dir->kind->empty(dir->ctx, dir);
    for (size_t i = 0; i < w->n_found; i++) {
        if (rc == 0)
            rc = dir->kind->found(dir->ctx, dir, w->found[i].path, w->found[i].loaded);
        else if (dir->kind->unload)
            dir->kind->unload(w->found[i].loaded);
        free(w->found[i].path);
    }
    free(w->found);
    return rc;
}

static void passed_set(struct watched_dirs *dirs, struct watched_dir *dir, int error)
{
    dirs->n_passed += (error != 0) - (dir->passed != 0);
    dir->passed = error;
}

/* Releases the lock during the walk. What the last walk found stays until the end of this one. */
static int dir_walk(struct discovery *d, struct watched_dir *dir)
{
    struct watched_dirs *dirs = d->dirs;
    struct dir_walk w = {.dirs = dirs, .progress_ns = &dirs->progress_ns, .kind = dir->kind};
    uint64_t strays = dirs->watch ? watch_strays(dirs->watch) : 0;
    int rc, taken;

    dir->stale = false;
    progress(&w);
    if (d->lock)
        pthread_mutex_unlock(d->lock);
    rc = walk(&w, dir, d->once);
    if (d->lock)
        pthread_mutex_lock(d->lock);
    if (rc == 0 && w.passed && dir->remote)
        return 0; /* nothing was placed or found: it is where it was */
    dir->remote = NULL;
    dir->unwatched = w.unwatched;
    /* An event without an owner may be one of the folders whose watches were placed just now. */
    dir->stale |= w.stale || (dirs->watch && watch_strays(dirs->watch) != strays);
    dirs->remote_due |= rc == 0 && w.passed && !dir->passed && d->n_remote > 0;
    if (rc == 0)
        passed_set(dirs, dir, w.passed);
    taken = take_placed(dirs, dir, &w);
    rc = take_found(dir, &w, rc < 0 ? rc : taken);
    dir->stale |= rc < 0;
    return rc;
}

bool discovery_remote_due(const struct discovery *d)
{
    return d->dirs->remote_due;
}

int discovery_remote_dirs(struct discovery *d, const struct root *root, _Atomic int64_t *progress_ns)
{
    struct watched_dir *dir;
    int rc = 0;

    d->dirs->remote_due = false;
    LIST_FOREACH(dir, &d->dirs->all, of_all) {
        struct dir_walk w = {.dirs = d->dirs, .root = root, .progress_ns = progress_ns, .kind = dir->kind};

        if (rc < 0 || dir->remote != (dir->passed ? NULL : root))
            continue;
        progress(&w);
        dir->held = true;
        pthread_mutex_unlock(d->lock);
        rc = walk(&w, dir, d->once);
        pthread_mutex_lock(d->lock);
        dir->held = false;
        if (w.passed && !dir->remote)
            continue; /* in another one */
        if (rc == 0)
            passed_set(d->dirs, dir, w.passed);
        dir->remote = w.passed ? NULL : root;
        dir->unwatched = false;
        interests_end(d->dirs, &dir->interests);
        rc = take_found(dir, &w, rc);
    }
    return rc;
}

int discovery_watch_dir(struct discovery *d, const struct watched_dir_kind *kind, void *ctx, const char *path)
{
    struct watched_dirs *dirs = d->dirs;
    struct watched_dir key = {.path = (char *)path, .kind = kind}, *dir, **found;

    if (path[0] != '/')
        return 0;
    found = tfind(&key, &dirs->by_path, by_dir_path);
    if (found) {
        (*found)->users++;
        return 0;
    }
    if (dirs->n >= DIRS_MAX)
        return 1;
    dir = calloc(1, sizeof(*dir));
    if (dir) {
        dir->path = strdup(path);
        dir->kind = kind;
        dir->ctx = ctx;
        dir->users = 1;
    }
    if (!dir || !dir->path || !tsearch(dir, &dirs->by_path, by_dir_path)) {
        if (dir)
            free(dir->path);
        free(dir);
        return -ENOMEM;
    }
    dir_stale(dirs, dir);
    LIST_INSERT_HEAD(&dirs->all, dir, of_all);
    dirs->n++;
    return 0;
}

void discovery_unwatch_dir(struct discovery *d, const struct watched_dir_kind *kind, const char *path)
{
    struct watched_dir key = {.path = (char *)path, .kind = kind};
    struct watched_dir **found = tfind(&key, &d->dirs->by_path, by_dir_path);

    if (found && --(*found)->users == 0)
        requeue(d->dirs, *found);
}

/* It is in no queue any more. */
static void dir_end(struct discovery *d, struct watched_dir *dir)
{
    struct watched_dirs *dirs = d->dirs;

    passed_set(dirs, dir, 0);
    interests_end(dirs, &dir->interests);
    LIST_REMOVE(dir, of_all);
    tdelete(dir, &dirs->by_path, by_dir_path);
    dirs->n--;
    free(dir->path);
    free(dir);
}

int watched_dirs_fd(const struct discovery *d)
{
    return d->dirs->watch ? watch_fd(d->dirs->watch) : -1;
}

bool watched_dirs_need_polling(const struct discovery *d)
{
    const struct watched_dir *dir;

    LIST_FOREACH(dir, &d->dirs->all, of_all)
        if (dir->unwatched || !d->dirs->watch)
            return true;
    return false;
}

/* A mount may have come over a directory that was not entered, or have gone from it. */
void watched_dirs_remounted(struct discovery *d)
{
    struct watched_dir *dir;

    LIST_FOREACH(dir, &d->dirs->all, of_all)
        if (dir->passed || dir->remote)
            dir_stale(d->dirs, dir);
}

size_t watched_dirs_n_passed(const struct discovery *d)
{
    return d->dirs->n_passed;
}

size_t watched_dirs_passed(const struct discovery *d, struct passed_path *list, size_t max)
{
    const struct watched_dir *dir;
    size_t n = 0;

    if (d->dirs->n_passed == 0)
        return 0;
    LIST_FOREACH(dir, &d->dirs->all, of_all) {
        if (!dir->passed || n == max)
            continue;
        list[n].path = strdup(dir->path);
        list[n].error = dir->passed;
        n += list[n].path != NULL;
    }
    return n;
}

/* --- life --- */

int watched_dirs_new(struct discovery *d)
{
    pthread_condattr_t monotonic;

    d->dirs = calloc(1, sizeof(*d->dirs));
    if (!d->dirs)
        return -ENOMEM;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&d->dirs->idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
    TAILQ_INIT(&d->dirs->waiting);
    if (d->watched)
        watch_new(&d->dirs->watch);
    return 0;
}

void watched_dirs_free(struct discovery *d)
{
    if (!d->dirs)
        return;
    while (!LIST_EMPTY(&d->dirs->all))
        dir_end(d, LIST_FIRST(&d->dirs->all));
    watch_free(d->dirs->watch);
    pthread_cond_destroy(&d->dirs->idle);
    free(d->dirs);
    d->dirs = NULL;
}

/* False: the thread that walks has made no progress for too long. Releases the lock. */
static bool wait_for_walk(struct discovery *d)
{
    int64_t until = atomic_load(&d->dirs->progress_ns) + WALK_WAIT_NS;
    struct timespec ts = {until / 1000000000, until % 1000000000};

    if (!d->lock || monotonic_ns() >= until)
        return false;
    pthread_cond_timedwait(&d->dirs->idle, d->lock, &ts);
    return true;
}

/* Walks all that wait. */
static int walk_waiting(struct discovery *d)
{
    struct watched_dirs *dirs = d->dirs;
    struct waiting_dirs batch = TAILQ_HEAD_INITIALIZER(batch);
    struct watched_dir *dir;
    int rc = 0;

    TAILQ_CONCAT(&batch, &dirs->waiting, of_waiting);
    while ((dir = TAILQ_FIRST(&batch))) {
        int walked;

        TAILQ_REMOVE(&batch, dir, of_waiting);
        dir->waits = false;
        if (dir->users == 0 && dir->held) {
            requeue(dirs, dir);
            continue;
        }
        if (dir->users == 0) {
            dir->kind->empty(dir->ctx, dir);
            dir_end(d, dir);
            continue;
        }
        if (!dir->stale && (d->once || (!dir->unwatched && dirs->watch)))
            continue; /* somebody wants it again */
        walked = dir_walk(d, dir);
        if (dir->stale || dir->unwatched || !dirs->watch)
            requeue(dirs, dir);
        rc = rc < 0 ? rc : walked;
    }
    return rc;
}

/* Checks only the queue: a team's document must not cost a check of all projects. */
int discovery_refresh_dirs(struct discovery *d)
{
    struct watched_dirs *dirs = d->dirs;
    struct watched_dir *dir;
    int rc, overflow;

    while (dirs->walking)
        if (!wait_for_walk(d))
            return 0; /* with what is known */
    overflow = dirs->watch ? watch_drain(dirs->watch, on_change, d) : 0;
    if (overflow != 0)
        LIST_FOREACH(dir, &dirs->all, of_all)
            dir_stale(dirs, dir);
    if (overflow < 0)
        return overflow;
    if (TAILQ_EMPTY(&dirs->waiting))
        return 0;
    dirs->walking = true;
    rc = walk_waiting(d);
    dirs->walking = false;
    pthread_cond_broadcast(&dirs->idle);
    return rc;
}
