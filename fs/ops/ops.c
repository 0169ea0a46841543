/*
 * What the kernel asks, answered from the tree.
 *
 * LOOKUP of a file does the work: it brings the data up to date, renders where something changed, and answers
 * with the inode of that generation. From there on nothing can change: attributes and pages are cached for
 * ever, and READ hands out bytes that are already there. Directories keep their inode; only their names are
 * asked for again.
 *
 * Rules: no handler touches the own mount or notifies the kernel (both can hang unkillably); there is no
 * flush (every close() would wait for a worker); everything that would change something is EROFS, each by a
 * handler of its own, because the kernel's answers to missing ones are odd (symlink ENOSYS, link EPERM,
 * access(W_OK) succeeds).
 */
#include "ops/ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "serve/generation.h"
#include "common/heap.h"
#include "watchers/notify.h"
#include "ops/ops_private.h"

const double for_ever = 86400.0 * 365;
static const double entity_timeout = 1.0; /* of a session's, team's or project's folder: it may go away */

int errno_of(fuse_req_t req, int rc)
{
    if (rc != -ECANCELED)
        return -rc;
    return atomic_load(mount_of(req)->stopping) ? ECONNABORTED : EINTR;
}

struct stat attributes(const struct mount *m, const struct inode *inode)
{
    int64_t mtime_ns = inode->stream ? stream_mtime_ns(inode->stream) : inode->mtime_ns;
    struct stat st = {
        .st_ino = inode->ino, .st_nlink = 1, .st_uid = m->uid, .st_gid = m->gid, .st_blksize = 4096};

    switch (node_shape(&inode->place->node)) {
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
    st.st_size = (off_t)(inode->stream ? stream_len(inode->stream) : inode->len);
    st.st_blocks = (st.st_size + 511) / 512;
    st.st_mtim.tv_sec = mtime_ns / 1000000000;
    st.st_mtim.tv_nsec = mtime_ns % 1000000000;
    st.st_atim = st.st_ctim = st.st_mtim;
    return st;
}

/* --- interrupts --- */

static void on_interrupt(fuse_req_t req, void *data)
{
    struct patience *p = data;

    (void)req;
    atomic_store(&p->cancel, true);
    oks_engine_wake(p->engine);
}

void patience_begin(struct patience *p, fuse_req_t req)
{
    atomic_init(&p->cancel, false);
    p->engine = mount_of(req)->engine;
    fuse_req_interrupt_func(req, on_interrupt, p);
}

void patience_end(fuse_req_t req)
{
    fuse_req_interrupt_func(req, NULL, NULL);
}

/* --- lookup --- */

/*
 * A window relative to now would be another generation at each look, and what stats a file before it opens it
 * (cp, tar) would find it replaced every time. While the data stays, such a window stands still this long.
 */
enum { CLOCK_STEP_MS = 1000 };

static int lookup_file(struct mount *m, struct inode *dir, const char *name, const struct node *node,
                       const atomic_bool *cancel, struct inode **out)
{
    uint64_t version;
    int rc = tree_version(m->engine, node, cancel, &version);

    if (rc == 0)
        rc = generation_get(m, dir, name, node, tree_follows_clock(node) ? now_ms() - CLOCK_STEP_MS : 0, out);
    if (rc == 1)
        notify_found(m->notifier, *out);
    return rc < 0 ? rc : 0;
}

/* All but streams is as it is for ever. */
double attr_timeout(const struct inode *inode)
{
    return inode->stream ? 0 : for_ever;
}

/* A name whose creation is still to be told must be asked for each time: what the kernel believes to be there
 * cannot be created. */
static double entry_timeout(struct mount *m, const struct place *place)
{
    if (node_shape(&place->node) != NODE_DIR || !place->dir)
        return 0;
    if (node_is_fixed(&place->node))
        return for_ever;
    return inodes_is_told(m->inodes, place->dir, place->name) ? entity_timeout : 0;
}

struct fuse_entry_param entry_of(struct mount *m, const struct inode *inode)
{
    return (struct fuse_entry_param){
        .ino = (fuse_ino_t)(uintptr_t)inode,
        .generation = 1,
        .attr = attributes(m, inode),
        .attr_timeout = attr_timeout(inode),
        .entry_timeout = entry_timeout(m, inode->place),
    };
}

int64_t mount_tell_time(struct mount *m)
{
    int64_t now;

    pthread_mutex_lock(&m->telling);
    now = now_ms();
    oks_engine_clock(m->engine, now);
    pthread_mutex_unlock(&m->telling);
    return now;
}

static int lookup(struct mount *m, struct inode *dir, const char *name, const atomic_bool *cancel,
                  struct inode **out)
{
    struct node node;
    int64_t now = mount_tell_time(m);
    int rc;

    rc = tree_lookup(m->engine, &dir->place->node, name, now, cancel, &node);
    if (oks_engine_gave_up(m->engine))
        heap_give_back();
    if (rc < 0)
        return rc;
    if (node_shape(&node) == NODE_FILE) {
        rc = lookup_file(m, dir, name, &node, cancel, out);
        node_clear(&node);
        return rc;
    }
    rc = inodes_get(m->inodes, dir, name, &node, out);
    if (rc == 1)
        notify_found(m->notifier, *out);
    return rc < 0 ? rc : 0;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct mount *m = mount_of(req);
    struct fuse_entry_param entry;
    struct patience patience;
    struct inode *inode;
    int rc;

    if (door_is_for(m->door, caller_of(req))) {
        rc = door_lookup(m->door, inode_of(req, parent), name, &inode);
    } else {
        patience_begin(&patience, req);
        rc = lookup(m, inode_of(req, parent), name, &patience.cancel, &inode);
        patience_end(req);
    }
    if (rc < 0) {
        fuse_reply_err(req, errno_of(req, rc));
        return;
    }
    entry = entry_of(m, inode);
    if (fuse_reply_entry(req, &entry) < 0)
        inodes_forget(m->inodes, inode, 1); /* the caller is gone, and with it the reference */
}

static void op_forget(fuse_req_t req, fuse_ino_t nodeid, uint64_t nlookup)
{
    inodes_forget(mount_of(req)->inodes, inode_of(req, nodeid), nlookup);
    fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        inodes_forget(mount_of(req)->inodes, inode_of(req, forgets[i].ino), forgets[i].nlookup);
    fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
    struct inode *inode = inode_of(req, nodeid);
    struct stat st;

    if (inode->stream && !door_is_for(mount_of(req)->door, caller_of(req)))
        stream_follow(req, inode); /* what could not be read shows at the next look */
    st = attributes(mount_of(req), inode);
    fuse_reply_attr(req, &st, attr_timeout(inode));
}

/*
 * A reply straight from an inode's bytes: the reader has them, and the kernel may forget the inode, before
 * the system call that carries them is over. Until then the reply has a reference of its own.
 */
static void op_readlink(fuse_req_t req, fuse_ino_t nodeid)
{
    struct inodes *inodes = mount_of(req)->inodes;
    struct inode *inode = inode_of(req, nodeid);

    inodes_hold(inodes, inode);
    fuse_reply_readlink(req, inode->bytes);
    inodes_forget(inodes, inode, 1);
}

static void op_access(fuse_req_t req, fuse_ino_t nodeid, int mask)
{
    bool executes = (mask & X_OK) && node_shape(&inode_of(req, nodeid)->place->node) == NODE_FILE;

    fuse_reply_err(req, mask & W_OK ? EROFS : executes ? EACCES : 0);
}

static void op_statfs(fuse_req_t req, fuse_ino_t nodeid)
{
    struct statvfs st = {
        .f_bsize = 4096,
        .f_frsize = 4096,
        .f_files = inodes_count(mount_of(req)->inodes) + 1,
        .f_namemax = 255,
        .f_flag = ST_RDONLY,
    };

    fuse_reply_statfs(req, &st);
}

const struct fuse_lowlevel_ops mount_ops = {
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .readlink = op_readlink,
    .access = op_access,
    .open = op_open,
    .read = op_read,
    .poll = op_poll,
    .release = op_release,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .releasedir = op_releasedir,
    .statfs = op_statfs,
    .setattr = op_setattr,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .symlink = op_symlink,
    .rename = op_rename,
    .link = op_link,
    .write = op_write,
    .create = op_create,
    .setxattr = op_setxattr,
    .removexattr = op_removexattr,
    .fallocate = op_fallocate,
    .copy_file_range = op_copy_file_range,
};
