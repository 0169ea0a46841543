/*
 * A queue of changes in watched folders (inotify).
 *
 * Events are queued inside the writer's system call, so a drain that starts after a write has returned sees
 * it. Not thread safe, except watch_place(): the engine's lock covers it.
 */
#ifndef OKSTRAFS_FILES_WATCH_H
#define OKSTRAFS_FILES_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct watch;

enum watch_change {
    WATCH_WRITTEN,    /* `name` in the folder was written */
    WATCH_ATTRIBUTES, /* it changed its attributes */
    WATCH_FILE,       /* it was created, or moved here */
    WATCH_FOLDER,     /* `name` is a folder that appeared */
    WATCH_LOST,       /* `name` left the folder */
    WATCH_ENDED,      /* the folder itself went away or moved: its watch is no more */
};

int watch_new(struct watch **out); /* -EMFILE, -ENFILE, -ENOMEM, -ENOSYS: there is no inotify to be had */
void watch_free(struct watch *watch);
int watch_fd(const struct watch *watch); /* readable while something is queued */

/*
 * Watches a folder; `owner` comes back with its events. -ENOTSUP where the filesystem below cannot be trusted
 * to report changes (network, FUSE); -ENOSPC, -ENOENT, ... The same folder twice gives the same id and the
 * newer owner.
 */
int watch_add(struct watch *watch, const char *path, void *owner, int *id);
/*
 * The same in two steps: the watch is placed without any lock, and gets its owner later. What happens between
 * the two has no owner: it is only counted, once it is drained.
 */
int watch_place(const struct watch *watch, const char *path); /* its id, or as above */
int watch_own(struct watch *watch, int id, void *owner);      /* 0 or -ENOMEM */
void watch_displace(const struct watch *watch, int id);       /* removes it if it has no owner; -1 is fine */
uint64_t watch_strays(const struct watch *watch);             /* drained events without an owner */
/* Whether the filesystem below would tell of every change. */
bool watch_reports(const char *path);
void watch_remove(struct watch *watch, int id);

/*
 * Hands over everything queued. 1 where the queue had overflowed: some changes are not known, so everything
 * must be looked at. 0 or -errno else.
 */
int watch_drain(struct watch *watch,
                void (*fn)(void *ctx, void *owner, enum watch_change change, const char *name), void *ctx);

#endif
