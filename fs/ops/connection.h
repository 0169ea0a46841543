/*
 * A FUSE connection: the mount's state, and what only the request handlers use.
 */
#ifndef OKSTRAFS_FS_OPS_CONNECTION_H
#define OKSTRAFS_FS_OPS_CONNECTION_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <sys/queue.h>

#include "serve/mount_state.h"

/* Storing content in the kernel's page cache: see prefill() in ops_file.c. */
struct page_store {
    struct fuse_session *session;
    pthread_mutex_t lock; /* one store at a time */
};

struct open_dirs {
    pthread_mutex_t lock; /* protects: */
    LIST_HEAD(, open_dir) list;
};

struct connection {
    struct mount mount;
    struct write_gate *gate;   /* NULL: watchers are not notified ... */
    struct notifier *notifier; /* ... by this thread */
    struct page_store pages;
    struct open_dirs dirs;
    const atomic_bool *stopping; /* the daemon is ending */
    uid_t uid;                   /* of everything shown */
    gid_t gid;
};

/* Frees the open directories after the end of the session: the kernel does not close them then. */
void connection_end(struct connection *c);

#endif
