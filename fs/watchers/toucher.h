/*
 * The ringer: a child process that makes ordinary system calls on our own mount, because those are what
 * watchers hear; and that takes the mount away when the daemon dies.
 *
 * It is forked before the process has threads and before /dev/fuse is open. One caller at a time.
 */
#ifndef OKSTRAFS_FS_WATCHERS_TOUCHER_H
#define OKSTRAFS_FS_WATCHERS_TOUCHER_H

#include <sys/types.h>

#include "watchers/mountpoint.h"

struct ringer;

enum ring {
    RING_TOUCH = 1, /* open for writing, set the time of change, close: MODIFY and CLOSE_WRITE */
    RING_FILE,      /* create */
    RING_DIR,
    RING_LINK,
    RING_REMOVE_FILE, /* or a link */
    RING_REMOVE_DIR,
    RING_LOOK, /* nothing but a look, so that the kernel lets go of what is there no more */
};

/* `lock_fd` is kept open by the child until it has cleaned up. -errno */
int ringer_start(struct ringer **out, const char *mountpoint, int lock_fd);
pid_t ringer_pid(const struct ringer *ringer);
/* The mount is up: from now on the child takes it away when we are gone. */
void ringer_mounted(struct ringer *ringer, const struct mount_id *id);
/* `path` is below the mountpoint. What the system calls answered, or -EPIPE: the child is gone. */
int ringer_do(struct ringer *ringer, enum ring what, const char *path);
/* Makes a ringer_do that waits in another thread return. */
void ringer_interrupt(struct ringer *ringer);
/* Waits for the child to end; NULL: nothing to do. */
void ringer_stop(struct ringer *ringer);

#endif
