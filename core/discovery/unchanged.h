/*
 * Fast path: decides with one epoll_wait that nothing changed since the last sync (private to discovery).
 *
 *     unchanged_new(&u, queue_fd); unchanged_add_path(u, path, kind); ...
 *     each sync:  if (unchanged_is(u)) return;
 *                 same = unchanged_begin(u);
 *                 look at the queue, and where !same at the paths; on failure unchanged_break(u)
 *
 * Not thread safe.
 */
#ifndef OKSTRAFS_DISCOVERY_UNCHANGED_H
#define OKSTRAFS_DISCOVERY_UNCHANGED_H

#include <stdbool.h>

struct unchanged;

/* What a path is, and which of its changes the descriptor of unchanged_fd() reports at once. */
enum watched_path {
    PATH_FOLDER,   /* a folder with a watch of its own: its coming */
    PATH_FILE,     /* a file: its coming, its going and its content */
    PATH_REPLACED, /* a file that only changes by being replaced: nothing */
};

/* `queue_fd`, borrowed, is readable when something changed below the watched folders. -ENOMEM */
int unchanged_new(struct unchanged **out, int queue_fd);
void unchanged_free(struct unchanged *u); /* NULL is fine, as it is below where nothing is added */

/* A path that may come, change and go; absolute. -ENOMEM */
int unchanged_add_path(struct unchanged *u, const char *path, enum watched_path kind);

/* Whether a look at all queues and paths would find what the last one found. */
bool unchanged_is(struct unchanged *u);
/*
 * A look begins: the next unchanged_is() sees what happens from here on. True: the paths themselves, and all
 * above them, are as the last look found them.
 */
bool unchanged_begin(struct unchanged *u);
/* The look that goes on did not finish: the next one has to look at everything. */
void unchanged_break(struct unchanged *u);

/* Readable when a path may have changed in the way that its kind says; -1: none is to be had. */
int unchanged_fd(struct unchanged *u);
/* Whether such changes may be missing there. */
bool unchanged_needs_polling(const struct unchanged *u);

#endif
