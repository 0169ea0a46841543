/*
 * The notifier: a thread that waits for changes of the transcripts and has the toucher make the system calls
 * that watchers of the mount hear. Never called with a lock held.
 */
#ifndef OKSTRAFS_FS_WATCHERS_NOTIFY_H
#define OKSTRAFS_FS_WATCHERS_NOTIFY_H

#include "serve/mount_state.h"
#include "watchers/toucher.h"
#include "watchers/write_gate.h"

struct notifier;

/* All are borrowed until notify_stop. -errno: watchers will not be told. */
int notify_start(struct notifier **out, struct mount *m, struct write_gate *gate, struct toucher *toucher);
/*
 * After the end of the FUSE session, which frees the toucher from what it may be waiting for; NULL: nothing
 * to do. The toucher can be used no more afterwards.
 */
void notify_stop(struct notifier *notifier);

/* For lookups that made a new inode, before they answer; NULL: nobody is told. */
void notify_found(struct notifier *notifier, struct inode *inode);

#endif
