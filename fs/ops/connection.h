/*
 * A FUSE connection: the state of its mount, and what only the request handlers use besides.
 */
#ifndef OKSTRAFS_FS_OPS_CONNECTION_H
#define OKSTRAFS_FS_OPS_CONNECTION_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <sys/queue.h>

#include "serve/mount_state.h"

/* Content that is stored into the kernel's page cache: see prefill() in ops_file.c. */
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
    struct write_gate *gate;   /* NULL: nobody is told of changes ... */
    struct notifier *notifier; /* ... by this */
    struct page_store pages;
    struct open_dirs dirs;
    const atomic_bool *stopping; /* the daemon is about to end */
    uid_t uid;                   /* of everything shown */
    gid_t gid;
};

/* Frees the open directories of a session that has ended: the kernel closes nothing then. */
void connection_end(struct connection *c);

#endif
