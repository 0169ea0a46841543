/*
 * The mountpoint: what is mounted there, whether it is this daemon's mount, and unmounting.
 */
#ifndef OKSTRAFS_FS_WATCHERS_MOUNTPOINT_H
#define OKSTRAFS_FS_WATCHERS_MOUNTPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct statx;

enum mount_state {
    MOUNT_NONE,    /* nothing is mounted there */
    MOUNT_ALIVE,   /* an okstrafs that responds */
    MOUNT_STALE,   /* an okstrafs without a daemon */
    MOUNT_HUNG,    /* an okstrafs that does not respond in time */
    MOUNT_OTHER,   /* another filesystem */
    MOUNT_UNKNOWN, /* the kernel's table cannot be read: errno tells why */
};

/* This process never accesses the mount itself, so it cannot hang. */
enum mount_state mountpoint_state(const char *path);

/*
 * Calls `fn` for each okstrafs in the kernel's table, with the user who mounted it. A path comes once for
 * each mount that is there. 0 or a negative errno.
 */
int mountpoint_each(void (*fn)(void *ctx, const char *path, uid_t owner), void *ctx);

/*
 * The content of one of its files, read by a child process with a deadline. The length; -EFBIG: more than
 * `size`; -ETIMEDOUT; or another negative errno.
 */
ssize_t mountpoint_read(const char *mountpoint, const char *name, char *buf, size_t size);

/*
 * The path without symlinks, as in the kernel's mount table, even if the folder does not exist yet;
 * malloc'ed; NULL: no parent.
 */
char *mountpoint_resolve(const char *path);

/*
 * Unmounts. `lazy` detaches even while in use; otherwise waits shortly for users. 0 or a negative errno
 * (-EBUSY: in use).
 */
int mountpoint_unmount(const char *path, bool lazy);

/* Creates the folder and its parents (0700). 0 or -errno. */
int mountpoint_create(const char *path);

/*
 * Opens the folder and locks it for one daemon. A descriptor; -EBUSY: another daemon has the lock; -ENOTEMPTY
 * (unless nonempty); or another negative errno.
 */
int mountpoint_claim(const char *path, bool nonempty);

/*
 * Identifies one mount of all that were ever at a path. The kernel may use a number again after its mount is
 * gone.
 */
struct mount_id {
    uint32_t dev_major, dev_minor;
    uint64_t number; /* as in mountinfo */
};

/*
 * The topmost mount at a path, if it is an okstrafs. From the kernel's table, so it never hangs. 0; -ENOENT:
 * there is none; or another negative errno: the table cannot be read.
 */
int mountpoint_id(const char *path, struct mount_id *out);
/* Whether it is the topmost mount at the path: 1 or 0; a negative errno: the table cannot be read. */
int mountpoint_is(const char *path, const struct mount_id *id);
/* Whether a statx was answered by this mount. */
bool mount_id_is(const struct mount_id *id, const struct statx *stx);
/* Detaches the topmost mount at a path, in use or not; the path must be resolved. 0 or a negative errno. */
int mountpoint_detach(const char *path);

/* Waits until no daemon has the lock, at most that long. */
bool mountpoint_wait_released(const char *path, int seconds);

#endif
