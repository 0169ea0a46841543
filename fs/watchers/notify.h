/*
 * The notifier: a thread that waits for changes of the data, and makes the toucher's system calls notify the
 * watchers of the mount. Not called with any lock held.
 */
#ifndef OKSTRAFS_FS_WATCHERS_NOTIFY_H
#define OKSTRAFS_FS_WATCHERS_NOTIFY_H

#include "serve/mount_state.h"
#include "watchers/toucher.h"
#include "watchers/write_gate.h"

struct notifier;

/*
 * All are borrowed until notify_stop(). Starts a thread: call it with all signals blocked. 0; a negative
 * errno: watchers are not notified.
 */
int notify_start(struct notifier **out, struct mount *m, struct write_gate *gate, struct toucher *toucher);
/*
 * Call it after the end of the FUSE session, which ends any system call of the toucher. NULL is fine. The
 * toucher cannot be used afterwards.
 */
void notify_stop(struct notifier *notifier);

/* Whether changes are announced. From any thread; NULL is fine. */
bool notify_works(const struct notifier *notifier);

/* For lookups that made a new inode, before they reply. NULL is fine: watchers are not notified. */
void notify_found(struct notifier *notifier, struct inode *inode);

#endif
