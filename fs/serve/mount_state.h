/*
 * The state of a mount that its requests and the notifying thread share: the engine, the inode table and what
 * goes with them. Each of its locks is a leaf but where it is said.
 */
#ifndef OKSTRAFS_FS_SERVE_MOUNT_STATE_H
#define OKSTRAFS_FS_SERVE_MOUNT_STATE_H

#include <pthread.h>

#include "inodes/inode.h"

/* Wake-ups of those who poll a stream. */
struct poll_wakeups {
    pthread_mutex_t lock; /* a stream's is taken under it; protects: */
    bool stopped;         /* the session ends: nobody is woken any more */
};

struct mount {
    struct oks_engine *engine;
    struct inodes *inodes;
    struct spool *spool; /* of the streams */
    struct poll_wakeups wakeups;
    pthread_mutex_t
        clock_lock; /* of the engine's clock: see mount_update_clock(); the engine's is taken under it */
};

/* Sets the engine's clock to the time of day, and returns that (ms). The engine's time goes back only where
 * the clock did: a thread that is slow to pass it on must not undo what others have passed on since. */
int64_t mount_update_clock(struct mount *m);

/* Wakes those who poll a stream, until mount_stop_wakeups. Not from a request handler. */
void mount_wake(struct mount *m, struct stream_file *stream);
/* Before the session is freed, which wake-ups need. */
void mount_stop_wakeups(struct mount *m);

#endif
