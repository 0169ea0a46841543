/*
 * Fast path: decides with one epoll_wait that nothing changed since the last sync (private to
 * core/discovery).
 *
 *     unchanged_new(&u, queue_fd); unchanged_add_path(u, path, kind); ...
 *     each sync:  if (unchanged_is(u)) return;
 *                 same = unchanged_begin(u);
 *                 drain the queue; if !same, check the paths; on failure unchanged_break(u)
 *
 * Not thread safe.
 */
#ifndef OKSTRAFS_DISCOVERY_UNCHANGED_H
#define OKSTRAFS_DISCOVERY_UNCHANGED_H

#include <stdbool.h>

struct unchanged;

/* The kind of a path: which of its changes make unchanged_fd() readable. */
enum watched_path {
    PATH_FOLDER,   /* a folder with a watch of its own: its creation */
    PATH_FILE,     /* a file: its creation, deletion and content */
    PATH_REPLACED, /* a file that is only ever replaced: its creation, deletion and replacement */
    PATH_AWAITED,  /* a folder that may never come: its creation, where the folders above it can be watched */
};

/* `queue_fd`, borrowed, is readable after a change below the watched folders. 0 or -ENOMEM */
int unchanged_new(struct unchanged **out, int queue_fd);
void unchanged_free(struct unchanged *u); /* NULL is fine, also below, except to add paths */

/* A path that may be created, changed and deleted; absolute. 0 or -ENOMEM */
int unchanged_add_path(struct unchanged *u, const char *path, enum watched_path kind);
void unchanged_remove_path(struct unchanged *u, const char *path);

/* Whether a check of all queues and paths would find nothing new. */
bool unchanged_is(struct unchanged *u);
/*
 * Begins a check: the next unchanged_is() covers what happens from here on. True: the paths, and all folders
 * above them, are the same as at the last check.
 */
bool unchanged_begin(struct unchanged *u);
/* Whether an awaited path existed at the last check. */
bool unchanged_has_arrived(const struct unchanged *u);
/* The check did not finish: the next one must check everything. */
void unchanged_break(struct unchanged *u);

/* Readable after a change that the path's kind includes; -1: not available. */
int unchanged_fd(struct unchanged *u);
/* Whether some of these changes may be missing there. */
bool unchanged_needs_polling(const struct unchanged *u);

#endif
