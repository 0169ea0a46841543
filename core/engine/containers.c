/*
 * Containers: files of which each holds many transcripts (sources/members.h).
 *
 * Discovery reports the files of a container like any others. What changed is queued here, and listed in the
 * same sync, after all files were found: without the lock, while the sync counts as walking. Each member that
 * a listing reports is then a transcript that was found, has changed, or is lost, and all else (scans,
 * caches, billing, history) treats it like one.
 *
 * A member's transcript is in the list of the folder in which its container was found, so that checks of the
 * folder reach it.
 *
 * Invariant: what a listing has reported is applied, or kept in `reported` until it is.
 */
#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/passing.h"
#include "base/tree.h"
#include "engine/engine_private.h"

struct report {
    char *name;
    bool gone;
    struct member_mark mark;
};

struct container {
    char *path;
    struct root *root;
    struct found_file file; /* for discovery; in no folder */
    void *known;            /* the source's, from listing to listing */
    size_t n_members;
    bool dirty, touched;
    bool folderless; /* something was reported while the folder was not known: that is to be reported again */
    TAILQ_ENTRY(container) queued; /* while dirty */
    struct report *reported;
    size_t n_reported, room, n_applied;
};

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct container *)a)->path, ((const struct container *)b)->path);
}

static struct container *container_at(const struct oks_engine *e, const char *path)
{
    struct container key = {.path = (char *)path}, **found = tfind(&key, &e->containers.by_path, by_path);

    return found ? *found : NULL;
}

static void reports_clear(struct container *c)
{
    for (size_t i = 0; i < c->n_reported; i++)
        free(c->reported[i].name);
    free(c->reported);
    c->reported = NULL;
    c->n_reported = c->room = c->n_applied = 0;
}

static void container_free(struct container *c)
{
    reports_clear(c);
    if (c->known)
        c->root->source->members->forget(c->known);
    free(c->path);
    free(c);
}

static void queue(struct oks_engine *e, struct container *c, bool touched)
{
    c->touched |= touched;
    if (c->dirty)
        return;
    c->dirty = true;
    TAILQ_INSERT_TAIL(&e->containers.dirty, c, queued);
}

static struct container *container_made(struct oks_engine *e, struct root *root, const char *path)
{
    struct container *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->path = strdup(path);
    c->root = root;
    if (c->path && tsearch(c, &e->containers.by_path, by_path))
        return c;
    free(c->path);
    free(c);
    return NULL;
}

/* The path of the container that a file belongs to. False: none */
static bool path_of(const struct root *root, const char *path, char out[PATH_MAX])
{
    size_t n = strlen(root->path);
    char rel[PATH_MAX];

    return strncmp(path, root->path, n) == 0 && path[n] == '/' &&
           root->source->members->container(path + n + 1, rel, sizeof(rel)) &&
           snprintf(out, PATH_MAX, "%s/%s", root->path, rel) < PATH_MAX;
}

int containers_found(struct oks_engine *e, struct folder *folder, const char *path)
{
    struct root *root = folder->root;
    char of[PATH_MAX];
    struct container *c;

    if (root->remote || !path_of(root, path, of)) /* in a remote filesystem a lock may wait for ever */
        return 0;
    c = container_at(e, of);
    if (!c)
        c = container_made(e, root, of);
    if (!c)
        return -ENOMEM;
    queue(e, c, true);
    return 0;
}

struct found_file *containers_changed(struct oks_engine *e, const struct root *root, const char *path)
{
    char of[PATH_MAX];
    struct container *c = path_of(root, path, of) ? container_at(e, of) : NULL;

    if (c)
        queue(e, c, true);
    return c ? &c->file : NULL;
}

struct found_file *containers_lost(struct oks_engine *e, const char *path)
{
    size_t n;
    struct root *const *roots = discovery_roots(e->discovery, &n);
    struct found_file *file = NULL;

    for (size_t i = 0; e->containers.by_path && !file && i < n; i++)
        if (roots[i]->source->members)
            file = containers_changed(e, roots[i], path);
    return file;
}

void containers_recheck(struct oks_engine *e, struct transcript *t, bool all)
{
    if (t->container)
        queue(e, t->container, all);
}

/* --- listing --- */

static int take(struct container *c, const char *name, bool gone, const struct member_mark *mark)
{
    if (!OKS_GROW(c->reported, c->n_reported, c->room))
        return -ENOMEM;
    c->reported[c->n_reported] = (struct report){.name = strdup(name), .gone = gone};
    if (!c->reported[c->n_reported].name)
        return -ENOMEM;
    if (mark)
        c->reported[c->n_reported].mark = *mark;
    c->n_reported++;
    return 0;
}

static int seen(void *ctx, const char *name, const struct member_mark *mark)
{
    return take(ctx, name, false, mark);
}

static int gone(void *ctx, const char *name)
{
    return take(ctx, name, true, NULL);
}

void containers_leave(struct transcript *t)
{
    if (t->container)
        t->container->n_members--;
    t->container = NULL;
}

static int apply_one(struct oks_engine *e, struct container *c, const struct report *r)
{
    struct folder *folder = discovery_folder(e->discovery, c->path);
    char path[PATH_MAX];
    struct transcript *t;
    int rc;

    if (snprintf(path, sizeof(path), "%s%s%s", c->path, *r->name ? "/" : "", r->name) >= (int)sizeof(path))
        return 0;
    t = catalog_transcript(&e->model.catalog, path);
    if (r->gone) {
        if (t && t->container) {
            t->member_gone = true;
            catalog_mark_lost(&e->model.catalog, t);
        }
        return 0;
    }
    if (!folder) { /* it has just gone, and is found again if it is back */
        c->folderless = true;
        return 0;
    }
    rc = arrivals_member(e, folder, path, &r->mark, &t);
    if (rc == 0 && !t->container) {
        t->container = c;
        c->n_members++;
    }
    return rc;
}

enum { APPLIED_AT_ONCE = 128 };

static int apply(struct oks_engine *e, struct container *c)
{
    int rc = 0;

    while (rc == 0 && c->n_applied < c->n_reported) {
        rc = apply_one(e, c, &c->reported[c->n_applied]);
        c->n_applied += rc == 0;
        if (e->walking && c->n_applied % APPLIED_AT_ONCE == 0)
            engine_pause(e);
    }
    if (rc < 0)
        return rc;
    reports_clear(c);
    if (c->folderless && c->known) {
        c->root->source->members->forget(c->known);
        c->known = NULL;
    }
    c->folderless = false;
    return 0;
}

/* The lock is released meanwhile. */
static int list(struct oks_engine *e, struct container *c)
{
    const struct member_sink sink = {.ctx = c, .seen = seen, .gone = gone};
    bool touched = c->touched;
    int rc;

    c->touched = false;
    if (!e->once)
        pthread_mutex_unlock(&e->model.lock);
    rc = c->root->source->members->list(c->path, touched, &c->known, &sink);
    if (!e->once)
        pthread_mutex_lock(&e->model.lock);
    if (rc < 0 && rc != -ENOENT) {
        reports_clear(c); /* a listing that failed is no listing */
        c->touched |= touched;
    }
    return rc;
}

static void container_end(struct oks_engine *e, struct container *c)
{
    tdelete(c, &e->containers.by_path, by_path);
    container_free(c);
}

/* Lists it, and takes up what is new. 0, or a failure that passes */
static int refresh(struct oks_engine *e, struct container *c)
{
    int rc = apply(e, c), listed; /* of a sync that failed */

    if (rc < 0)
        return rc;
    listed = list(e, c);
    discovery_pass_over(e->discovery, c->path,
                        listed < 0 && listed != -ENOENT && !is_passing(listed) ? listed : 0);
    if (listed < 0 && listed != -ENOENT)
        return passing(listed); /* what was known stays; any other failure is waited for to end by an event */
    rc = apply(e, c);
    if (listed == MEMBERS_AGAIN)
        queue(e, c, false);
    if (rc == 0 && listed == -ENOENT && !c->n_members && !c->dirty)
        container_end(e, c);
    return rc;
}

static void queue_empty(void *ctx, void *item)
{
    struct container *c = item;

    if (!c->n_members)
        queue(ctx, c, false);
}

int containers_refresh(struct oks_engine *e)
{
    TAILQ_HEAD(, container) dirty = TAILQ_HEAD_INITIALIZER(dirty);
    struct container *c;
    int rc = 0;

    if (discovery_state(e->discovery).unwatched) /* checks of folders reach members only */
        oks_tree_each(e->containers.by_path, queue_empty, e);
    TAILQ_CONCAT(&dirty, &e->containers.dirty, queued);
    while ((c = TAILQ_FIRST(&dirty))) {
        int failed;

        TAILQ_REMOVE(&dirty, c, queued);
        c->dirty = false;
        failed = refresh(e, c);
        if (failed < 0) {
            queue(e, c, false);
            rc = failed;
        }
    }
    return rc;
}

bool containers_due(const struct oks_engine *e)
{
    return !TAILQ_EMPTY(&e->containers.dirty);
}

struct root_end {
    struct oks_engine *e;
    const struct root *root;
    struct container *found;
};

static int is_of_root(void *ctx, void *item)
{
    struct root_end *end = ctx;
    struct container *c = item;

    end->found = c->root == end->root ? c : NULL;
    return end->found != NULL;
}

void containers_end_root(struct oks_engine *e, const struct root *root)
{
    struct root_end end = {e, root, NULL};

    while (root->source->members && oks_tree_until(e->containers.by_path, is_of_root, &end)) {
        if (end.found->dirty)
            TAILQ_REMOVE(&e->containers.dirty, end.found, queued);
        container_end(e, end.found);
    }
}

static void free_one(void *item)
{
    container_free(item);
}

void containers_free(struct oks_engine *e)
{
    tdestroy(e->containers.by_path, free_one);
    e->containers.by_path = NULL;
    TAILQ_INIT(&e->containers.dirty);
}
