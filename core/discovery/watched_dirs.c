/*
 * Watched directories: each is walked once and its folders are watched. Any change below makes it stale, and
 * it is walked again.
 *
 * A directory that does not exist yet is watched at its nearest existing ancestor. A working directory comes
 * from a transcript, so it is untrusted: it is only listed and read, within bounds of depth and number, and
 * never entered if a FUSE mount could hang the process.
 *
 * Invariant: a directory that is neither stale nor unwatched was read after its last change.
 */
#include "discovery/watched_dirs.h"

#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/discovery_private.h"
#include "files/walk.h"

enum {
    FOLDERS_MAX = 20000, /* of one directory */
    DIRS_MAX = 10000,
};

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

static int spot_made(struct watched_dirs *dirs, const char *path, struct spot **out)
{
    struct spot key = {.path = (char *)path}, **found = tfind(&key, &dirs->spots_by_path, by_spot_path);
    struct spot *spot;
    int rc;

    if (found) {
        *out = *found; /* a watch ends with its folder; a new folder at the path needs another */
        return (*found)->watch_id >= 0 ? 0 : watch_add(dirs->watch, path, *found, &(*found)->watch_id);
    }
    spot = calloc(1, sizeof(*spot));
    if (!spot)
        return -ENOMEM;
    spot->watch_id = -1;
    spot->path = strdup(path);
    rc = spot->path ? watch_add(dirs->watch, path, spot, &spot->watch_id) : -ENOMEM;
    if (rc == 0 && !tsearch(spot, &dirs->spots_by_path, by_spot_path))
        rc = -ENOMEM;
    if (rc < 0) {
        if (spot->watch_id >= 0)
            watch_remove(dirs->watch, spot->watch_id);
        free(spot->path);
        free(spot);
        return rc;
    }
    *out = spot;
    return 0;
}

static int interest_begin(struct watched_dirs *dirs, struct watched_dir *dir, const char *path,
                          const char *name)
{
    struct interest *i;
    struct spot *spot;
    int rc = dirs->watch ? spot_made(dirs, path, &spot) : -ENOSYS;

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

/* --- walking a directory --- */

struct dir_walk {
    struct discovery *d;
    struct watched_dir *dir;
};

static int on_folder(void *ctx, const char *path, const char *rel)
{
    struct dir_walk *w = ctx;
    const struct watched_dir_kind *kind = w->dir->kind;
    int rc;

    if ((*rel && kind->enters && !kind->enters(rel)) || ++w->dir->folders > FOLDERS_MAX)
        return 1;
    rc = interest_begin(w->d->dirs, w->dir, path, *rel ? kind->only : NULL);
    w->dir->unwatched |= rc < 0;
    return rc == -ENOMEM ? rc : 0;
}

static int on_file(void *ctx, const char *path, const char *rel)
{
    struct dir_walk *w = ctx;

    return w->dir->kind->found(w->dir->ctx, w->dir, path, rel);
}

static int walk_folder(struct discovery *d, struct watched_dir *dir, const char *path)
{
    struct dir_walk walk = {d, dir};
    const struct oks_walker walker = {
        .ctx = &walk,
        .enter = on_folder,
        .wants = dir->kind->wants,
        .file = on_file,
    };
    int rc = oks_walk(path, "", &walker);

    return rc == -ENOMEM ? rc : 0;
}

/* The directory does not exist: watches the nearest existing ancestor for the name that is missing in it. */
static int wait_for(struct discovery *d, struct watched_dir *dir, char *path)
{
    char real[PATH_MAX], *slash;
    int rc;

    while ((slash = strrchr(path, '/')) && slash != path) {
        *slash = '\0';
        rc = oks_resolve(path, real);
        if (rc == -ELOOP)
            return 0; /* our own mount: not a project */
        if (rc < 0)
            continue;
        rc = interest_begin(d->dirs, dir, real, slash + 1);
        dir->unwatched |= rc < 0;
        *slash = '/';
        dir->stale = oks_resolve(path, real) == 0; /* it may have been created meanwhile */
        return rc == -ENOMEM ? rc : 0;
    }
    rc = interest_begin(d->dirs, dir, "/", path + 1);
    dir->unwatched |= rc < 0;
    return rc == -ENOMEM ? rc : 0;
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
static int watch_above(struct discovery *d, struct watched_dir *dir)
{
    char path[PATH_MAX], real[PATH_MAX];

    for (int i = 0; i < WATCHED_DIR_NAMES_MAX && dir->kind->below[i]; i++) {
        int rc;

        if (!path_below(dir, i, path) || oks_resolve(path, real) < 0)
            continue; /* deleted just now: its folder gets an event */
        rc = interest_begin(d->dirs, dir, real, dir->kind->below[i]);
        if (rc == -ENOMEM)
            return rc;
        dir->unwatched |= rc < 0;
    }
    return 0;
}

static void interests_end(struct watched_dirs *dirs, struct watched_dir *dir)
{
    while (!LIST_EMPTY(&dir->interests))
        interest_end(dirs, LIST_FIRST(&dir->interests));
}

static void dir_empty(struct discovery *d, struct watched_dir *dir)
{
    dir->kind->empty(dir->ctx, dir);
    interests_end(d->dirs, dir);
}

static int dir_walk(struct discovery *d, struct watched_dir *dir)
{
    char path[PATH_MAX], real[PATH_MAX];
    int rc;

    dir->stale = dir->unwatched = false;
    dir->folders = 0;
    dir_empty(d, dir);
    if (!path_below(dir, WATCHED_DIR_NAMES_MAX, path))
        return 0;
    rc = oks_resolve(path, real);
    if (rc == -ENOMEM || rc == -ELOOP)
        return rc == -ENOMEM ? rc : 0;
    if (rc == 0)
        rc = watch_above(d, dir) < 0 ? -ENOMEM : walk_folder(d, dir, real);
    else
        rc = d->once ? 0 : wait_for(d, dir, path);
    if (rc < 0)
        dir->stale = true;
    return rc;
}

int discovery_watch_dir(struct discovery *d, const struct watched_dir_kind *kind, void *ctx, const char *path)
{
    struct watched_dirs *dirs = d->dirs;
    struct watched_dir key = {.path = (char *)path, .kind = kind}, *dir;

    if (path[0] != '/' || dirs->n >= DIRS_MAX || tfind(&key, &dirs->by_path, by_dir_path))
        return 0;
    dir = calloc(1, sizeof(*dir));
    if (dir) {
        dir->path = strdup(path);
        dir->kind = kind;
        dir->ctx = ctx;
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

/* --- life --- */

int watched_dirs_new(struct discovery *d)
{
    d->dirs = calloc(1, sizeof(*d->dirs));
    if (!d->dirs)
        return -ENOMEM;
    TAILQ_INIT(&d->dirs->waiting);
    if (d->watched)
        watch_new(&d->dirs->watch);
    return 0;
}

void watched_dirs_free(struct discovery *d)
{
    if (!d->dirs)
        return;
    while (!LIST_EMPTY(&d->dirs->all)) {
        struct watched_dir *dir = LIST_FIRST(&d->dirs->all);

        interests_end(d->dirs, dir);
        LIST_REMOVE(dir, of_all);
        tdelete(dir, &d->dirs->by_path, by_dir_path);
        free(dir->path);
        free(dir);
    }
    watch_free(d->dirs->watch);
    free(d->dirs);
    d->dirs = NULL;
}

/* Checks only the queue: a team's document must not cost a check of all projects. */
int discovery_refresh_dirs(struct discovery *d)
{
    struct watched_dirs *dirs = d->dirs;
    struct waiting_dirs batch = TAILQ_HEAD_INITIALIZER(batch);
    struct watched_dir *dir;
    int rc = 0, overflow = dirs->watch ? watch_drain(dirs->watch, on_change, d) : 0;

    if (overflow == 1)
        LIST_FOREACH(dir, &dirs->all, of_all)
            requeue(dirs, dir);
    TAILQ_CONCAT(&batch, &dirs->waiting, of_waiting);
    while ((dir = TAILQ_FIRST(&batch))) {
        int walked;

        TAILQ_REMOVE(&batch, dir, of_waiting);
        dir->waits = false;
        if (!dir->stale && d->once)
            continue;
        walked = dir_walk(d, dir);
        if (dir->stale || dir->unwatched || !dirs->watch)
            requeue(dirs, dir);
        rc = rc < 0 ? rc : walked;
    }
    return rc;
}
