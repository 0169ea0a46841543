/*
 * The state of a mount that request handlers and the notifier share: the engine, the inode table, the spool.
 * Each lock is a leaf, except where a comment says more.
 */
#ifndef OKSTRAFS_FS_SERVE_MOUNT_STATE_H
#define OKSTRAFS_FS_SERVE_MOUNT_STATE_H

#include <pthread.h>

#include "inodes/inode.h"

/* Wake-ups of programs that poll a stream. */
struct poll_wakeups {
    pthread_mutex_t lock; /* a stream's is taken under it; protects: */
    bool stopped;         /* the session is ending: no more wake-ups */
};

struct mount {
    struct oks_engine *engine;
    struct inodes *inodes;
    struct spool *spool; /* of the streams and of large documents */
    struct poll_wakeups wakeups;
    pthread_mutex_t clock_lock; /* for mount_update_clock(); the engine's lock is taken under it */
};

/*
 * Sets the engine's clock to the time of day, and returns it (ms). The engine's clock goes back only if the
 * system's did: a slow thread must not undo a later update of another.
 */
int64_t mount_update_clock(struct mount *m);

/* When the local day of a time began, and (end_ms may be NULL) when it ends; ms since the epoch. */
int64_t mount_day(const struct mount *m, int64_t now_ms, int64_t *end_ms);

/* Wakes the programs that poll the stream, until mount_stop_wakeups(). Not for request handlers. */
void mount_wake(struct mount *m, struct stream_file *stream);
/* Call it before the session is freed, which wake-ups use. */
void mount_stop_wakeups(struct mount *m);

#endif
