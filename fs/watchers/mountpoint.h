/*
 * The mountpoint: what is mounted there, whether it is this daemon's, and unmounting.
 */
#ifndef OKSTRAFS_FS_WATCHERS_MOUNTPOINT_H
#define OKSTRAFS_FS_WATCHERS_MOUNTPOINT_H

#include <stdbool.h>
#include <stdint.h>

struct statx;

enum mount_state {
    MOUNT_NONE,  /* nothing is mounted there */
    MOUNT_ALIVE, /* an okstrafs that answers */
    MOUNT_STALE, /* an okstrafs whose daemon is gone */
    MOUNT_HUNG,  /* an okstrafs that does not answer in time */
    MOUNT_OTHER, /* another filesystem */
};

/* Never touches the mount itself from this process, so it cannot hang. */
enum mount_state mountpoint_state(const char *path);

/* The path without symlinks, as the kernel names it in its mount table, even where the folder is not there
 * yet; malloc'ed, NULL: no parent. */
char *mountpoint_resolve(const char *path);

/* Unmounts; `lazy` detaches even while in use, else users of a moment are waited for. 0 or -errno (-EBUSY: in
 * use). */
int mountpoint_unmount(const char *path, bool lazy);

/* Creates the folder and its parents (0700). 0 or -errno. */
int mountpoint_create(const char *path);

/*
 * Opens the folder and locks it for one daemon. A descriptor, -EBUSY: another daemon holds it, -ENOTEMPTY
 * (unless nonempty), or -errno.
 */
int mountpoint_claim(const char *path, bool nonempty);

/* Which mount, of all that were ever at that path. Numbers may come again when a mount has gone. */
struct mount_id {
    uint32_t dev_major, dev_minor;
    uint64_t number; /* as in mountinfo */
};

/* The topmost mount at a path, if it is an okstrafs. -ENOENT. From the kernel's table: it never hangs. */
int mountpoint_id(const char *path, struct mount_id *out);
/* Whether that is the topmost mount at the path. */
bool mountpoint_is(const char *path, const struct mount_id *id);
/* Whether that is where a statx landed. */
bool mount_id_is(const struct mount_id *id, const struct statx *stx);
/* Takes the topmost mount at a path out of the tree, in use or not; the path is a resolved one. 0 or -errno.
 */
int mountpoint_detach(const char *path);

/* Waits until no daemon holds the folder any more, at most that long. */
bool mountpoint_wait_released(const char *path, int seconds);

#endif
