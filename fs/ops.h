/* The FUSE operations: thin, each replies exactly once. */
#ifndef OKSTRAFS_FS_OPS_H
#define OKSTRAFS_FS_OPS_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <pthread.h>
#include <sys/queue.h>

#include "inode.h"

struct mount {
    struct oks_engine *engine;
    struct inodes *inodes;
    struct door *door;           /* NULL: nobody is told of changes ... */
    struct notifier *notifier;   /* ... by this */
    const atomic_bool *stopping; /* the daemon is about to end */
    uid_t uid;                   /* of everything shown */
    gid_t gid;
    pthread_mutex_t lock;          /* protects: */
    LIST_HEAD(, listing) listings; /* of open folders */
};

/* Frees what the kernel had open when the mount ended: it closes nothing then. */
void mount_end(struct mount *m);

/* userdata of the session is a struct mount. */
extern const struct fuse_lowlevel_ops mount_ops;

#endif
