/* Shared by the handlers: what they read from a request, and need for its reply. */
#ifndef OKSTRAFS_FS_OPS_REPLY_H
#define OKSTRAFS_FS_OPS_REPLY_H

#include "ops/connection.h"

static inline struct connection *connection_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static inline struct mount *mount_of(fuse_req_t req)
{
    return &connection_of(req)->mount;
}

static inline struct inode *inode_of(fuse_req_t req, fuse_ino_t nodeid)
{
    return nodeid == FUSE_ROOT_ID ? inodes_root(mount_of(req)->inodes) : (struct inode *)(uintptr_t)nodeid;
}

/* The thread that made the request. */
static inline pid_t caller_of(fuse_req_t req)
{
    return fuse_req_ctx(req)->pid;
}

/*
 * The errno for a negative errno of the core: EINTR after a signal of the reader, another at the daemon's
 * end.
 */
int reply_errno(fuse_req_t req, int rc);
struct stat reply_attr(const struct connection *c, const struct inode *inode);
/* The kernel's entry for a child that was found. */
struct fuse_entry_param reply_entry(const struct connection *c, const struct inode *inode);

extern const double reply_for_ever; /* s */
double reply_attr_timeout(const struct inode *inode);

/* A request that may take long: Ctrl-C in the reader interrupts it. */
struct interruptible {
    atomic_bool cancel;
    struct oks_engine *engine;
};

void interruptible_begin(struct interruptible *i, fuse_req_t req);
/* Call it before the struct goes out of scope. */
void interruptible_end(fuse_req_t req);

#endif
