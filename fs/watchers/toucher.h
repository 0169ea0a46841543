/*
 * The toucher: a child process that makes system calls on our own mount, because file watchers (inotify) hear
 * of nothing else. It also unmounts when the daemon dies.
 *
 * It is forked before the process has threads and before /dev/fuse is open. One caller at a time.
 */
#ifndef OKSTRAFS_FS_WATCHERS_TOUCHER_H
#define OKSTRAFS_FS_WATCHERS_TOUCHER_H

#include <sys/types.h>

#include "watchers/mountpoint.h"

struct toucher;

enum touch {
    TOUCH_WRITE = 1, /* open for writing, set the time of change, close: MODIFY and CLOSE_WRITE */
    TOUCH_CREATE,    /* create */
    TOUCH_MKDIR,
    TOUCH_SYMLINK,
    TOUCH_UNLINK, /* or a link */
    TOUCH_RMDIR,
    TOUCH_STAT, /* nothing but a look, so that the kernel lets go of what is there no more */
};

/* `lock_fd` is kept open by the child until it has cleaned up. -errno */
int toucher_start(struct toucher **out, const char *mountpoint, int lock_fd);
pid_t toucher_pid(const struct toucher *toucher);
/* The mount is up: from now on the child takes it away when we are gone. */
void toucher_mounted(struct toucher *toucher, const struct mount_id *id);
/* `path` is below the mountpoint. What the system calls answered, or -EPIPE: the child is gone. */
int toucher_do(struct toucher *toucher, enum touch what, const char *path);
/* Makes a toucher_do that waits in another thread return. */
void toucher_interrupt(struct toucher *toucher);
/* Waits for the child to end; NULL: nothing to do. */
void toucher_stop(struct toucher *toucher);

#endif
