/*
 * Symlinks directly below a root: a project's folder may be one.
 *
 * Claude Code writes through such a link. So it is followed, and its name is the project's. Deeper links are
 * passed over.
 *
 * A link is not followed if its target is below a root, because that folder is read under its own name; nor
 * if a root is below its target, because the walk would not end; nor into a FUSE mount. Of several links to
 * one folder the first in order counts (folders.c).
 *
 * A target that is replaced, or that appears later, sends no event. So while there are links, each sync
 * resolves them.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/passing.h"
#include "discovery/discovery_private.h"
#include "files/walk.h"

enum { LINKS_MAX = 256 }; /* in all roots; further ones are passed over */

struct link {
    char *name;
    LIST_ENTRY(link) of_root;
};

static bool path_of(const struct root *root, const char *name, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s/%s", root->path, name) < PATH_MAX;
}

static struct link *find(const struct root *root, const char *name, size_t n)
{
    struct link *link;

    LIST_FOREACH(link, &root->links, of_root)
        if (strlen(link->name) == n && strncmp(link->name, name, n) == 0)
            return link;
    return NULL;
}

bool links_begin(const struct root *root, const char *rel)
{
    return find(root, rel, strcspn(rel, "/")) != NULL;
}

int links_add(struct discovery *d, struct root *root, const char *name)
{
    char path[PATH_MAX];
    struct link *link;

    if (find(root, name, strlen(name)) || !path_of(root, name, path))
        return 0;
    if (d->n_links >= LINKS_MAX) {
        passed_over_add(d, path, -EMLINK);
        return 0;
    }
    link = calloc(1, sizeof(*link));
    if (link)
        link->name = strdup(name);
    if (!link || !link->name) {
        free(link);
        return -ENOMEM;
    }
    LIST_INSERT_HEAD(&root->links, link, of_root);
    d->n_links++;
    return 0;
}

static void remove_link(struct discovery *d, struct link *link)
{
    LIST_REMOVE(link, of_root);
    free(link->name);
    free(link);
    d->n_links--;
}

bool links_remove(struct discovery *d, struct root *root, const char *name)
{
    struct link *link = find(root, name, strlen(name));

    if (link)
        remove_link(d, link);
    return link != NULL;
}

void links_clear(struct discovery *d, struct root *root)
{
    while (!LIST_EMPTY(&root->links))
        remove_link(d, LIST_FIRST(&root->links));
}

void links_prune(struct discovery *d, struct root *root)
{
    struct folder *f, *next;

    for (f = LIST_FIRST(&root->folders); f; f = next) {
        next = LIST_NEXT(f, of_root);
        if (f->linked && !strchr(f->rel, '/') && !links_begin(root, f->rel)) {
            folders_end(d, root, f->path);
            next = LIST_FIRST(&root->folders); /* those below it are gone too */
        }
    }
}

static bool is_below(const char *path, const char *top)
{
    size_t n = strlen(top);

    if (strcmp(top, "/") == 0)
        return true;
    return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* 0: it may be followed; 1: it is read under its own name; -ELOOP: a root is below it; or a failure that
 * passes */
static int compare_with_roots(const struct root_paths *paths, const char *target)
{
    char root[PATH_MAX];

    for (size_t i = 0; i < paths->n; i++) {
        int rc = oks_resolve(paths->items[i], root);

        if (is_passing(rc))
            return rc;
        if (rc < 0)
            continue;
        if (is_below(target, root))
            return 1;
        if (is_below(root, target))
            return -ELOOP;
    }
    return 0;
}

int links_judge(const struct root_paths *paths, const struct root *root, const char *path,
                const struct folder *f)
{
    char target[PATH_MAX];
    struct stat st;
    int rc = oks_resolve_link(root->path, path, target);

    if (rc < 0)
        return rc;
    if (stat(target, &st) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode))
        return -EMLINK;
    if (f && f->dev == st.st_dev && f->ino == st.st_ino)
        return 0;
    rc = compare_with_roots(paths, target);
    return rc < 0 ? rc : 1 + rc;
}

static int check_links(struct discovery *d, struct root *root, const struct root_paths *paths, bool walk_all)
{
    struct link *link;
    int rc = 0;

    LIST_FOREACH(link, &root->links, of_root) {
        char path[PATH_MAX];
        int verdict;

        if (!path_of(root, link->name, path) || (root->source->enters && !root->source->enters(link->name)))
            continue;
        verdict = links_judge(paths, root, path, folders_at(d, path));
        if (is_passing(verdict))
            return verdict;
        if (verdict == 0 && !walk_all)
            continue;
        if (verdict != 0) {
            passed_over_remove(d, path);
            folders_end(d, root, path);
        }
        if (verdict < 0)
            passed_over_add(d, path, verdict);
        else if (verdict <= 1)
            rc = folders_walk(d, root, link->name);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int links_check(struct discovery *d, struct root *root, bool walk_all)
{
    struct root_paths *paths;
    int rc;

    if (LIST_EMPTY(&root->links))
        return 0;
    paths = discovery_root_paths(d);
    rc = paths ? check_links(d, root, paths, walk_all) : -ENOMEM;
    root_paths_free(paths);
    return rc;
}
