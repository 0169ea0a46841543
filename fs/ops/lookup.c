/*
 * The handlers of LOOKUP, and of requests that need an inode only: FORGET, GETATTR, READLINK, ACCESS, STATFS.
 *
 * LOOKUP of a file does the work: it syncs, renders if the data changed, and replies with the inode of that
 * generation. A generation never changes, so its attributes and pages are cached for ever, and READ returns
 * bytes that exist already. A directory keeps its inode; only its names are looked up again.
 */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/heap.h"
#include "okstrafs/names.h"
#include "ops/handlers.h"
#include "ops/reply.h"
#include "watchers/write_gate.h"
#include "serve/generation.h"
#include "watchers/notify.h"

/*
 * A window relative to now would be a new generation at each lookup, and a program that stats a file before
 * it opens it (cp, tar) would always find it replaced. While the data is the same, such a window is not
 * rendered again for this long. One that is the same all of a day is not rendered again that day.
 */
enum { CLOCK_STEP_MS = 1000 };

/* When a generation of the same data may have been rendered; 0: at any time. */
static int64_t oldest_of(const struct mount *m, const struct node *node)
{
    int64_t now = now_ms();

    if (!tree_follows_clock(node))
        return 0;
    return tree_follows_day(node) ? mount_day(m, now, NULL) : now - CLOCK_STEP_MS;
}

static int lookup_file(struct connection *c, struct inode *dir, const char *name, const struct node *node,
                       const atomic_bool *cancel, struct inode **out)
{
    struct mount *m = &c->mount;
    uint64_t version;
    int rc = tree_version(m->engine, node, cancel, &version);

    if (rc == 0)
        rc = generation_get(m, dir, name, node, oldest_of(m, node), out);
    if (rc == 1)
        notify_found(c->notifier, *out);
    return rc < 0 ? rc : 0;
}

static int lookup(struct connection *c, struct inode *dir, const char *name, const atomic_bool *cancel,
                  struct inode **out)
{
    struct mount *m = &c->mount;
    struct node node;
    int64_t now = mount_update_clock(m);
    int rc;

    if (strlen(name) > OKS_NAME_MAX)
        return -ENAMETOOLONG;
    rc = tree_lookup(m->engine, &dir->dentry->node, name, now, cancel, &node);
    if (oks_engine_trim_due(m->engine))
        heap_trim();
    if (rc < 0)
        return rc;
    if (node_shape(&node) == NODE_FILE) {
        rc = lookup_file(c, dir, name, &node, cancel, out);
        node_clear(&node);
        return rc;
    }
    rc = inodes_get(m->inodes, dir, name, &node, out);
    if (rc == 1)
        notify_found(c->notifier, *out);
    return rc < 0 ? rc : 0;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct connection *c = connection_of(req);
    struct fuse_entry_param entry;
    struct interruptible request;
    struct inode *inode;
    int rc;

    if (write_gate_is_for(c->gate, caller_of(req))) {
        rc = write_gate_lookup(c->gate, inode_of(req, parent), name, &inode);
    } else {
        interruptible_begin(&request, req);
        rc = lookup(c, inode_of(req, parent), name, &request.cancel, &inode);
        interruptible_end(req);
    }
    if (rc < 0) {
        fuse_reply_err(req, reply_errno(req, rc));
        return;
    }
    entry = reply_entry(c, inode);
    if (fuse_reply_entry(req, &entry) < 0)
        inodes_forget(c->mount.inodes, inode, 1); /* the request was interrupted: drop its reference */
}

void op_forget(fuse_req_t req, fuse_ino_t nodeid, uint64_t nlookup)
{
    inodes_forget(mount_of(req)->inodes, inode_of(req, nodeid), nlookup);
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        inodes_forget(mount_of(req)->inodes, inode_of(req, forgets[i].ino), forgets[i].nlookup);
    fuse_reply_none(req);
}

void op_getattr(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
    struct inode *inode = inode_of(req, nodeid);
    struct stat st;

    if (inode->stream && !write_gate_is_for(connection_of(req)->gate, caller_of(req)))
        stream_follow(req, inode); /* on failure the next lookup tries again */
    st = reply_attr(connection_of(req), inode);
    fuse_reply_attr(req, &st, reply_attr_timeout(inode));
}

/*
 * Replies with an inode's bytes. The kernel may forget the inode before the system call that copies the bytes
 * has ended. So the reply has a reference of its own until then.
 */
void op_readlink(fuse_req_t req, fuse_ino_t nodeid)
{
    struct inodes *inodes = mount_of(req)->inodes;
    struct inode *inode = inode_of(req, nodeid);

    inodes_hold(inodes, inode);
    fuse_reply_readlink(req, inode->content.bytes);
    inodes_forget(inodes, inode, 1);
}

void op_access(fuse_req_t req, fuse_ino_t nodeid, int mask)
{
    bool executes = (mask & X_OK) && node_shape(&inode_of(req, nodeid)->dentry->node) == NODE_FILE;

    fuse_reply_err(req, mask & W_OK ? EROFS : executes ? EACCES : 0);
}

/* No files of none: df -i shows no percentage then. With any number it would be 100 % used. */
void op_statfs(fuse_req_t req, fuse_ino_t nodeid)
{
    struct statvfs st = {
        .f_bsize = 4096,
        .f_frsize = 4096,
        .f_namemax = 255,
        .f_flag = ST_RDONLY,
    };

    fuse_reply_statfs(req, &st);
}
