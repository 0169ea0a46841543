/*
 * The handlers of writes. Each is EROFS, except for the toucher, and for it except the one act that is
 * announced now (write_gate.h). Even that changes nothing; the kernel notifies watchers as if it did.
 *
 * Each has a handler of its own, because the kernel's replies for missing ones are odd (symlink ENOSYS, link
 * EPERM).
 */
#include <errno.h>

#include "ops/handlers.h"
#include "ops/reply.h"
#include "watchers/write_gate.h"

static void read_only(fuse_req_t req)
{
    fuse_reply_err(req, EROFS);
}

/* Allows "changed now" only: what futimens({UTIME_OMIT, UTIME_NOW}) sends. */
void op_setattr(fuse_req_t req, fuse_ino_t nodeid, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
    const struct connection *c = connection_of(req);
    const struct inode *inode = inode_of(req, nodeid);
    const int now = FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW;
    struct stat st;

    if ((to_set & now) != now || (to_set & ~(now | FUSE_SET_ATTR_CTIME)) ||
        !write_gate_admits_open(c->gate, caller_of(req), inode)) {
        read_only(req);
        return;
    }
    st = reply_attr(c, inode); /* with its own time: that of the newest byte counted */
    fuse_reply_attr(req, &st, reply_attr_timeout(inode));
}

/* The inode that a new name refers to; NULL: refused, and replied. */
static struct inode *admitted(fuse_req_t req, fuse_ino_t parent, const char *name, enum node_shape shape)
{
    struct inode *inode = write_gate_admits_create(connection_of(req)->gate, caller_of(req),
                                                   inode_of(req, parent), name, shape);

    if (!inode)
        read_only(req);
    return inode;
}

static void reply_created(fuse_req_t req, fuse_ino_t parent, const char *name, enum node_shape shape)
{
    struct mount *m = mount_of(req);
    struct inode *inode = admitted(req, parent, name, shape);
    struct fuse_entry_param entry;

    if (!inode)
        return;
    entry = reply_entry(connection_of(req), inode);
    if (fuse_reply_entry(req, &entry) < 0)
        inodes_forget(m->inodes, inode, 1);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
    read_only(req);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    reply_created(req, parent, name, NODE_DIR);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    if (write_gate_admits_remove(connection_of(req)->gate, caller_of(req), inode_of(req, parent), name))
        fuse_reply_err(req, 0);
    else
        read_only(req);
}

/*
 * The kernel finds nothing more in a folder that was removed, and what is about to be announced as gone may
 * exist again. So a folder is removed in two steps, by two system calls.
 *
 * The reply to the first is ENOENT. With that the kernel drops the name from its cache. It may not cache it
 * again, so every later walk through the folder looks the name up here.
 *
 * In the second the dentry is first taken out of the table: later lookups find a new one. Earlier ones have
 * seen no more than the engine has after one more sync. Then that sync is made. If the target exists again,
 * the folder stays, and the reply is EBUSY, which the announcing thread handles. A target that comes back
 * while the system call is still running is found as another folder, and the kernel removes only this one.
 */
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct mount *m = mount_of(req);
    struct inode *inode =
        write_gate_admits_remove(connection_of(req)->gate, caller_of(req), inode_of(req, parent), name);
    struct interruptible request;

    if (!inode) {
        read_only(req);
        return;
    }
    if (dentry_leave(m->inodes, inode->dentry)) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    dentry_retire(m->inodes, inode->dentry);
    interruptible_begin(&request, req);
    tree_sync_list(m->engine, &inode->dentry->dir->dentry->node, &request.cancel);
    interruptible_end(req);
    if (!tree_is_known(m->engine, &inode->dentry->node)) {
        fuse_reply_err(req, 0);
        return;
    }
    dentry_relist(m->inodes, inode->dentry);
    fuse_reply_err(req, EBUSY);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    reply_created(req, parent, name, NODE_LINK);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned flags)
{
    read_only(req);
}

void op_link(fuse_req_t req, fuse_ino_t nodeid, fuse_ino_t new_parent, const char *new_name)
{
    read_only(req);
}

void op_write(fuse_req_t req, fuse_ino_t nodeid, const char *buf, size_t size, off_t offset,
              struct fuse_file_info *fi)
{
    read_only(req);
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
    struct mount *m = mount_of(req);
    struct inode *inode = admitted(req, parent, name, NODE_FILE);
    struct fuse_entry_param entry;

    if (!inode)
        return;
    entry = reply_entry(connection_of(req), inode);
    fi->keep_cache = 1;
    fi->noflush = 1;
    if (fuse_reply_create(req, &entry, fi) < 0)
        inodes_forget(m->inodes, inode, 1);
}

void op_setxattr(fuse_req_t req, fuse_ino_t nodeid, const char *name, const char *value, size_t size,
                 int flags)
{
    read_only(req);
}

void op_removexattr(fuse_req_t req, fuse_ino_t nodeid, const char *name)
{
    read_only(req);
}

void op_fallocate(fuse_req_t req, fuse_ino_t nodeid, int mode, off_t offset, off_t length,
                  struct fuse_file_info *fi)
{
    read_only(req);
}

void op_copy_file_range(fuse_req_t req, fuse_ino_t in, off_t in_offset, struct fuse_file_info *in_fi,
                        fuse_ino_t out, off_t out_offset, struct fuse_file_info *out_fi, size_t len,
                        int flags)
{
    read_only(req);
}
