/* The FUSE operations: thin, each replies exactly once. */
#ifndef OKSTRAFS_FS_OPS_OPS_H
#define OKSTRAFS_FS_OPS_OPS_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <pthread.h>
#include <sys/queue.h>

#include "inodes/inode.h"

struct mount {
    struct oks_engine *engine;
    struct inodes *inodes;
    struct spool *spool;         /* of the streams */
    struct door *door;           /* NULL: nobody is told of changes ... */
    struct notifier *notifier;   /* ... by this */
    const atomic_bool *stopping; /* the daemon is about to end */
    struct fuse_session *session;
    uid_t uid; /* of everything shown */
    gid_t gid;
    pthread_mutex_t wake_lock; /* protects: */
    bool asleep;               /* the session ends: nobody is woken any more */

    pthread_mutex_t handing; /* see hand_over() in ops_file.c */
    pthread_mutex_t telling; /* see mount_tell_time() */

    pthread_mutex_t lock;          /* protects: */
    LIST_HEAD(, listing) listings; /* of open folders */
};

/* Tells the engine what time it is, and returns that (ms). The engine's time goes back only where the clock
 * did: who is slow to tell must not undo what others have told since. */
int64_t mount_tell_time(struct mount *m);

/* Wakes those who poll a stream, until the session is about to end. Not from a request handler. */
void mount_wake(struct mount *m, struct stream *stream);
void mount_wake_no_more(struct mount *m);

/* Frees what the kernel had open when the mount ended: it closes nothing then. */
void mount_end(struct mount *m);

/* userdata of the session is a struct mount. */
extern const struct fuse_lowlevel_ops mount_ops;

#endif
