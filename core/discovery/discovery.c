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

int discovery_add_root(struct discovery *d, const struct source *source, char *path)
{
    for (size_t i = 0; path && i < d->n_roots; i++)
        if (strcmp(d->roots[i].path, path) == 0) {
            free(path);
            return 0;
        }
    if (!path || !OKS_GROW(d->roots, d->n_roots, d->roots_room) ||
        discovery_add_path(d, path, PATH_FOLDER) < 0) {
        free(path);
        return -ENOMEM;
    }
    d->roots[d->n_roots] = (struct root){.source = source, .path = path, .index = (unsigned)d->n_roots};
    d->n_roots++;
    return 0;
}

struct root *discovery_roots(const struct discovery *d, size_t *n)
{
    *n = d->n_roots;
    return d->roots;
}

int discovery_add_path(struct discovery *d, const char *path, enum watched_path kind)
{
    return d->unchanged ? unchanged_add_path(d->unchanged, path, kind) : 0;
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
