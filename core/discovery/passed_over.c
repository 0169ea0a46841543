/*
 * What discovery passes over, so that it can be named: each entry is in the list of its folder.
 *
 * A list is emptied when its folder is listed again. Names are kept for a bounded number of entries; further
 * ones are only counted.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/discovery_private.h"

struct passed_over {
    char *name; /* NULL: not kept */
    int error;
    LIST_ENTRY(passed_over) of_folder;
};

/* The folder of the path, and the last name; NULL: no folder is known. */
static struct folder *parent_of(const struct discovery *d, const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    char parent[PATH_MAX];

    if (!slash || snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path) >= PATH_MAX)
        return NULL;
    *name = slash + 1;
    return folders_at(d, parent);
}

static void entry_remove(struct discovery *d, struct passed_over *p)
{
    LIST_REMOVE(p, of_folder);
    d->n_passed--;
    d->n_unnamed -= !p->name;
    free(p->name);
    free(p);
}

void passed_over_add(struct discovery *d, const char *path, int error)
{
    const char *name;
    struct folder *f = parent_of(d, path, &name);
    struct passed_over *p = f ? calloc(1, sizeof(*p)) : NULL;

    if (!p)
        return; /* a root that cannot be listed has an error of its own */
    if (d->n_passed - d->n_unnamed < PASSED_OVER_MAX)
        p->name = strdup(name);
    p->error = error;
    d->passed_error = error;
    snprintf(d->passed_path, sizeof(d->passed_path), "%s", path);
    LIST_INSERT_HEAD(&f->passed_over, p, of_folder);
    d->n_passed++;
    d->n_unnamed += !p->name;
}

void passed_over_remove(struct discovery *d, const char *path)
{
    const char *name;
    struct folder *f = d->n_passed ? parent_of(d, path, &name) : NULL;
    struct passed_over *p, *next;

    for (p = f ? LIST_FIRST(&f->passed_over) : NULL; p; p = next) {
        next = LIST_NEXT(p, of_folder);
        if (p->name && strcmp(p->name, name) == 0)
            entry_remove(d, p);
    }
}

void passed_over_clear(struct discovery *d, struct folder *f)
{
    while (!LIST_EMPTY(&f->passed_over))
        entry_remove(d, LIST_FIRST(&f->passed_over));
}

struct folder *discovery_folder(const struct discovery *d, const char *path)
{
    struct folder *f = folders_at(d, path);
    const char *name;

    return f ? f : parent_of(d, path, &name);
}

void discovery_pass_over(struct discovery *d, const char *path, int error)
{
    passed_over_remove(d, path);
    if (error)
        passed_over_add(d, path, error);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct passed_path *)a)->path, ((const struct passed_path *)b)->path);
}

void discovery_passed_free(struct passed_path *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i].path);
    free(list);
}

/* Appends the path a, or a/b. False: ENOMEM. */
static bool append(struct passed_path *list, size_t *n, const char *a, const char *b, int error)
{
    char *path;

    if (asprintf(&path, "%s%s%s", a, b ? "/" : "", b ? b : "") < 0)
        return false;
    list[(*n)++] = (struct passed_path){path, error};
    return true;
}

/* Why nothing is known of a root, or nothing new. */
static int error_of(const struct root *root)
{
    return root->remote && root->silent ? -ETIMEDOUT : root->error;
}

static bool collect(const struct discovery *d, struct passed_path *list, size_t *n)
{
    for (size_t i = 0; i < d->n_roots; i++) {
        const struct root *root = d->roots[i];
        const struct folder *f;
        const struct passed_over *p;

        if (error_of(root) && !append(list, n, root->path, NULL, error_of(root)))
            return false;
        LIST_FOREACH(f, &root->folders, of_root)
            LIST_FOREACH(p, &f->passed_over, of_folder)
                if (p->name && !append(list, n, f->path, p->name, p->error))
                    return false;
    }
    return true;
}

int64_t discovery_passed_over(const struct discovery *d, struct passed_path **out, size_t *n)
{
    size_t dirs = watched_dirs_n_passed(d), count = d->n_passed + dirs, len = 0;
    struct passed_path *list;

    for (size_t i = 0; i < d->n_roots; i++)
        count += error_of(d->roots[i]) != 0;
    if (!out)
        return (int64_t)count;
    list = calloc(count + 1, sizeof(*list));
    if (!list || !collect(d, list, &len)) {
        discovery_passed_free(list, len);
        return -ENOMEM;
    }
    len += watched_dirs_passed(d, list + len, dirs < PASSED_OVER_MAX ? dirs : PASSED_OVER_MAX);
    qsort(list, len, sizeof(*list), by_path);
    *out = list;
    *n = len;
    return (int64_t)count;
}

const char *discovery_passed_reason(int error)
{
    switch (error) {
    case -EMLINK:
        return "a symbolic link";
    case -EINVAL:
        return "not a regular file";
    case -ENOTSUP:
        return "this program was built without SQLite";
    case -EBUSY:
        return "in use by a program that locks it, or not closed properly: what was known stays";
    case -EBADMSG:
        return "damaged, or of another format: what was known stays";
    case -ELOOP:
        return "it leads to a folder above, or too deep";
    case -EXDEV:
        return "in a FUSE or network filesystem";
    case -ETIMEDOUT:
        return "its filesystem does not answer: what was known stays";
    default:
        return strerror(-error);
    }
}
