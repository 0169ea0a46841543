/*
 * The toucher: a child process that makes system calls on the own mount, because inotify reports system calls
 * only. It also unmounts when the daemon dies.
 *
 *     toucher_start(&t, mountpoint, lock_fd);       before the first thread, and before /dev/fuse is open
 *     toucher_mounted(t, &id);
 *     rc = toucher_do(t, TOUCH_WRITE, "teams/x/usage.json");
 *     toucher_stop(t);
 *
 * One caller at a time, except toucher_interrupt().
 */
#ifndef OKSTRAFS_FS_WATCHERS_TOUCHER_H
#define OKSTRAFS_FS_WATCHERS_TOUCHER_H

#include <sys/types.h>

#include "internal/daemon_state.h"
#include "watchers/mountpoint.h"

struct toucher;

enum touch {
    TOUCH_WRITE = 1, /* open for writing, set ctime, close: MODIFY and CLOSE_WRITE */
    TOUCH_CREATE,    /* create */
    TOUCH_MKDIR,
    TOUCH_SYMLINK,
    TOUCH_UNLINK, /* a file or a link */
    TOUCH_RMDIR,
    TOUCH_STAT, /* stat only, so that the kernel drops a cached name */
};

/*
 * The child keeps lock_fd open until it has cleaned up, and unlocks it earlier if the mount is no longer
 * where it was and the daemon does not end. 0 or a negative errno.
 */
int toucher_start(struct toucher **out, const char *mountpoint, int lock_fd);
const _Atomic pid_t *toucher_pid(const struct toucher *toucher); /* of now; -1: none */
/* Fills in helper_*. From any thread; NULL is fine: it could not be started. */
void toucher_state(const struct toucher *toucher, struct oks_daemon_state *out);
/*
 * The mount exists: from now on the child unmounts it when the daemon dies, and is started again if it is
 * killed alone. Starts a thread: call it with all signals blocked.
 */
void toucher_mounted(struct toucher *toucher, const struct mount_id *id);
/* The daemon has given up what unmounting needs. */
void toucher_set_hardened(struct toucher *toucher);
/* The daemon is ending: the child keeps the lock until it has. From any thread; NULL is fine. */
void toucher_ending(struct toucher *toucher);
/* The connection is closed: the child unmounts now, if this is still mounted. NULL is fine. */
void toucher_unmount(struct toucher *toucher);
/* `path` is relative to the mountpoint. The result of the system calls, or -EPIPE: the child has ended. */
int toucher_do(struct toucher *toucher, enum touch what, const char *path);
/* Makes a toucher_do() of another thread return. */
void toucher_interrupt(struct toucher *toucher);
/* Waits for the child to end. NULL is fine. */
void toucher_stop(struct toucher *toucher);

#endif
