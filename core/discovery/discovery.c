/*
 * Discovery as a whole: the state that its parts share.
 */
#include "discovery/discovery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "discovery/discovery_private.h"

int discovery_new(struct discovery **out, const struct discovery_config *config)
{
    struct discovery *d = calloc(1, sizeof(*d));
    int rc;

    if (!d)
        return -ENOMEM;
    d->watched = config->watched;
    d->once = config->once;
    d->lock = config->lock;
    d->events = config->events;
    d->ctx = config->ctx;
    rc = watched_dirs_new(d);
    if (rc == 0 && d->watched)
        d->watch_error = watch_new(&d->watch);
    if (rc == 0 && d->watch)
        rc = unchanged_new(&d->unchanged, watch_fd(d->watch));
    if (rc < 0) {
        discovery_free(d);
        return rc;
    }
    *out = d;
    return 0;
}

void discovery_free(struct discovery *d)
{
    if (!d)
        return;
    change_fd_free(d->change_fd);
    unchanged_free(d->unchanged);
    watched_dirs_free(d);
    folders_free(d);
    watch_free(d->watch);
    free(d);
}

/* --- roots --- */

static bool is_inside(const char *path, const char *top)
{
    size_t n = strlen(top);

    return strncmp(path, top, n) == 0 && path[n] == '/';
}

/* In how many pairs of a root and one inside it this one is. */
static size_t nestings(const struct discovery *d, const char *path)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n_roots; i++)
        n += is_inside(d->roots[i]->path, path) + is_inside(path, d->roots[i]->path);
    return n;
}

int discovery_add_root(struct discovery *d, const struct source *source, char *path, struct root **out)
{
    struct root *root;

    for (size_t i = 0; path && i < d->n_roots; i++)
        if (strcmp(d->roots[i]->path, path) == 0) {
            free(path);
            return 0;
        }
    root = path ? calloc(1, sizeof(*root)) : NULL;
    if (!root || !OKS_GROW(d->roots, d->n_roots, d->roots_room) ||
        discovery_add_path(d, path, PATH_FOLDER) < 0) {
        free(root);
        free(path);
        return -ENOMEM;
    }
    *root = (struct root){.source = source, .path = path, .index = d->n_indexes++, .fresh = true};
    d->n_nested += nestings(d, path);
    d->roots[d->n_roots++] = root;
    for (size_t i = 0; i + 1 < d->n_roots; i++)
        if (is_inside(path, d->roots[i]->path))
            folders_end(d, d->roots[i], path);
    if (out)
        *out = root;
    return 0;
}

void root_free(struct root *root)
{
    free(root->path);
    free(root);
}

void discovery_end_root(struct discovery *d, struct root *root)
{
    size_t i = 0;

    folders_end(d, root, root->path);
    links_clear(d, root);
    while (d->roots[i] != root)
        i++;
    memmove(&d->roots[i], &d->roots[i + 1], (d->n_roots - i - 1) * sizeof(*d->roots));
    d->n_roots--;
    d->n_remote -= root->remote;
    unchanged_remove_path(d->unchanged, root->path);
    d->n_nested -= nestings(d, root->path);
    d->incomplete = true; /* what was the root's may be in another one now */
    root->ended = true;
    if (!root->begun)
        root_free(root);
    else if (OKS_GROW(d->ended, d->n_ended, d->ended_room))
        d->ended[d->n_ended++] = root; /* else it is never freed */
}

struct root *const *discovery_roots(const struct discovery *d, size_t *n)
{
    *n = d->n_roots;
    return d->roots;
}

struct root_paths *discovery_root_paths(const struct discovery *d)
{
    struct root_paths *paths = calloc(1, sizeof(*paths) + d->n_roots * sizeof(*paths->items));

    for (size_t i = 0; paths && i < d->n_roots; i++) {
        paths->items[i] = strdup(d->roots[i]->path);
        paths->n++;
        if (!paths->items[i]) {
            root_paths_free(paths);
            paths = NULL;
        }
    }
    return paths;
}

void root_paths_free(struct root_paths *paths)
{
    for (size_t i = 0; paths && i < paths->n; i++)
        free(paths->items[i]);
    free(paths);
}

int discovery_add_path(struct discovery *d, const char *path, enum watched_path kind)
{
    return d->unchanged ? unchanged_add_path(d->unchanged, path, kind) : 0;
}

void discovery_remove_path(struct discovery *d, const char *path)
{
    unchanged_remove_path(d->unchanged, path);
}

bool discovery_has_arrived(const struct discovery *d)
{
    return unchanged_has_arrived(d->unchanged);
}

bool discovery_is_unchanged(struct discovery *d)
{
    return unchanged_is(d->unchanged) && !d->incomplete && !d->unwatched && !d->n_links && !d->n_remote;
}

bool discovery_begin(struct discovery *d)
{
    /* The folders above the target of a symlink are not watched. */
    return unchanged_begin(d->unchanged) && !d->incomplete && !d->unwatched && !d->n_links;
}

void discovery_break(struct discovery *d)
{
    d->incomplete = true;
    unchanged_break(d->unchanged);
}

bool discovery_needs_polling(const struct discovery *d)
{
    return !d->watch || d->unwatched > 0 || d->n_remote > 0 || watched_dirs_need_polling(d) ||
           unchanged_needs_polling(d->unchanged);
}

struct discovery_state discovery_state(const struct discovery *d)
{
    return (struct discovery_state){
        .watched = d->watch != NULL,
        .watch_error = d->watch_error,
        .unwatched = d->unwatched,
        .overflows = d->overflows,
        .passed_path = d->n_passed ? d->passed_path : NULL,
        .passed_error = d->n_passed ? d->passed_error : 0,
    };
}
