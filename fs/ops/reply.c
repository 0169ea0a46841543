/*
 * Shared by the handlers: attributes and entries for the kernel, errors, interrupts.
 */
#include "ops/reply.h"

#include <errno.h>

const double reply_for_ever = 86400.0 * 365;
static const double entity_timeout =
    1.0; /* of a session's, team's or project's folder, which may be removed */

int reply_errno(fuse_req_t req, int rc)
{
    if (rc != -ECANCELED)
        return -rc;
    return atomic_load(connection_of(req)->stopping) ? ECONNABORTED : EINTR;
}

struct stat reply_attr(const struct connection *c, const struct inode *inode)
{
    int64_t mtime_ns = inode->stream ? stream_file_mtime_ns(inode->stream) : inode->mtime_ns;
    struct stat st = {
        .st_ino = inode->ino, .st_nlink = 1, .st_uid = c->uid, .st_gid = c->gid, .st_blksize = 4096};

    switch (node_shape(&inode->dentry->node)) {
    case NODE_DIR:
        st.st_mode = S_IFDIR | 0555;
        st.st_nlink = 2;
        break;
    case NODE_FILE:
        st.st_mode = S_IFREG | 0444;
        break;
    case NODE_LINK:
        st.st_mode = S_IFLNK | 0777;
        break;
    }
    st.st_size = (off_t)(inode->stream ? stream_file_len(inode->stream) : inode->content.len);
    st.st_blocks = (st.st_size + 511) / 512;
    st.st_mtim.tv_sec = mtime_ns / 1000000000;
    st.st_mtim.tv_nsec = mtime_ns % 1000000000;
    st.st_atim = st.st_ctim = st.st_mtim;
    return st;
}

/* --- interrupts --- */

static void on_interrupt(fuse_req_t req, void *data)
{
    struct interruptible *i = data;

    (void)req;
    atomic_store(&i->cancel, true);
    oks_engine_wake(i->engine);
}

void interruptible_begin(struct interruptible *i, fuse_req_t req)
{
    atomic_init(&i->cancel, false);
    i->engine = mount_of(req)->engine;
    fuse_req_interrupt_func(req, on_interrupt, i);
}

void interruptible_end(fuse_req_t req)
{
    fuse_req_interrupt_func(req, NULL, NULL);
}

/* --- entries --- */

/* Attributes never change, except a stream's. */
double reply_attr_timeout(const struct inode *inode)
{
    return inode->stream ? 0 : reply_for_ever;
}

/*
 * A name whose creation is still to be announced must not be cached: the kernel refuses to create a name that
 * it has cached. Neither may one that is about to be removed (op_rmdir).
 */
static double entry_timeout(struct inodes *inodes, const struct dentry *dentry)
{
    if (node_shape(&dentry->node) != NODE_DIR || !dentry->dir)
        return 0;
    if (node_is_fixed(&dentry->node))
        return reply_for_ever;
    if (dentry_leaves(inodes, dentry) || !inodes_is_announced(inodes, dentry->dir, dentry->name))
        return 0;
    return entity_timeout;
}

struct fuse_entry_param reply_entry(const struct connection *c, const struct inode *inode)
{
    return (struct fuse_entry_param){
        .ino = (fuse_ino_t)(uintptr_t)inode,
        .generation = 1,
        .attr = reply_attr(c, inode),
        .attr_timeout = reply_attr_timeout(inode),
        .entry_timeout = entry_timeout(c->mount.inodes, inode->dentry),
    };
}
