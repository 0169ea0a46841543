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
#include "ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static const double for_ever = 86400.0 * 365;
static const double entity_timeout = 1.0; /* of a session's, team's or project's folder: it may go away */

static struct mount *mount_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static struct inode *inode_of(fuse_req_t req, fuse_ino_t nodeid)
{
    return nodeid == FUSE_ROOT_ID ? inodes_root(mount_of(req)->inodes) : (struct inode *)(uintptr_t)nodeid;
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* The core's error as an errno for the reader: interrupted by its own signal, or cut off by the daemon's end.
 */
static int errno_of(fuse_req_t req, int rc)
{
    if (rc != -ECANCELED)
        return -rc;
    return atomic_load(mount_of(req)->stopping) ? ECONNABORTED : EINTR;
}

static struct stat attributes(const struct mount *m, const struct inode *inode)
{
    struct stat st = {
        .st_ino = inode->ino, .st_nlink = 1, .st_uid = m->uid, .st_gid = m->gid, .st_blksize = 4096};

    switch (node_shape(&inode->node)) {
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
    st.st_size = (off_t)inode->len;
    st.st_blocks = (st.st_size + 511) / 512;
    st.st_mtim.tv_sec = inode->mtime_ns / 1000000000;
    st.st_mtim.tv_nsec = inode->mtime_ns % 1000000000;
    st.st_atim = st.st_ctim = st.st_mtim;
    return st;
}

/* --- interrupts --- */

/* A request that may take long: Ctrl-C of the reader ends it. */
struct patience {
    atomic_bool cancel;
    struct oks_engine *engine;
};

static void on_interrupt(fuse_req_t req, void *data)
{
    struct patience *p = data;

    (void)req;
    atomic_store(&p->cancel, true);
    oks_engine_wake(p->engine);
}

static void patience_begin(struct patience *p, fuse_req_t req)
{
    atomic_init(&p->cancel, false);
    p->engine = mount_of(req)->engine;
    fuse_req_interrupt_func(req, on_interrupt, p);
}

/* Must come before the struct goes out of scope. */
static void patience_end(fuse_req_t req)
{
    fuse_req_interrupt_func(req, NULL, NULL);
}

/* --- lookup --- */

/*
 * A window relative to now would be another generation at each look, and what stats a file before it opens it
 * (cp, tar) would find it replaced every time. While the data stays, such a window stands still this long.
 */
enum { CLOCK_STEP_MS = 1000 };

static int lookup_file(struct mount *m, struct inode *dir, const char *name, struct node *node,
                       const atomic_bool *cancel, struct inode **out)
{
    struct oks_document document;
    uint64_t version;
    int rc = tree_version(m->engine, node, cancel, &version);
    int64_t now = now_ms();

    if (rc == 0) {
        *out =
            inodes_current(m->inodes, dir, name, version, tree_follows_clock(node) ? now - CLOCK_STEP_MS : 0);
        if (*out) {
            node_clear(node);
            return 0;
        }
        rc = tree_render(m->engine, node, now, &document);
    }
    if (rc < 0) {
        node_clear(node);
        return rc;
    }
    return inodes_publish(m->inodes, dir, name, node, &document, now, out);
}

static double entry_timeout(const struct node *node)
{
    if (node_shape(node) != NODE_DIR)
        return 0;
    return node_is_fixed(node) ? for_ever : entity_timeout;
}

static int lookup(fuse_req_t req, struct inode *dir, const char *name, const atomic_bool *cancel,
                  struct fuse_entry_param *entry)
{
    struct mount *m = mount_of(req);
    struct inode *inode;
    struct node node;
    int rc = tree_lookup(m->engine, &dir->node, name, now_ms(), cancel, &node);

    if (rc < 0)
        return rc;
    if (node_shape(&node) == NODE_FILE)
        rc = lookup_file(m, dir, name, &node, cancel, &inode);
    else
        rc = inodes_get(m->inodes, dir, name, &node, &inode);
    if (rc < 0)
        return rc;
    *entry = (struct fuse_entry_param){
        .ino = (fuse_ino_t)(uintptr_t)inode,
        .generation = 1,
        .attr = attributes(m, inode),
        .attr_timeout = for_ever,
        .entry_timeout = entry_timeout(&inode->node),
    };
    return 0;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param entry;
    struct patience patience;
    struct inode *inode;
    int rc;

    patience_begin(&patience, req);
    rc = lookup(req, inode_of(req, parent), name, &patience.cancel, &entry);
    patience_end(req);
    if (rc < 0) {
        fuse_reply_err(req, errno_of(req, rc));
        return;
    }
    inode = (struct inode *)(uintptr_t)entry.ino;
    struct inodes *inodes = mount_of(req)->inodes;

    if (fuse_reply_entry(req, &entry) < 0)
        inodes_forget(inodes, inode, 1); /* the caller is gone, and with it the reference */
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
    struct stat st = attributes(mount_of(req), inode_of(req, nodeid));

    fuse_reply_attr(req, &st, for_ever);
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
    bool executes = (mask & X_OK) && node_shape(&inode_of(req, nodeid)->node) == NODE_FILE;

    fuse_reply_err(req, mask & W_OK ? EROFS : executes ? EACCES : 0);
}

/* --- files --- */

static void op_open(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
    if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC)) {
        fuse_reply_err(req, EROFS);
        return;
    }
    fi->keep_cache = 1;
    fi->noflush = 1;
    fuse_reply_open(req, fi);
}

static void op_read(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset, struct fuse_file_info *fi)
{
    struct inodes *inodes = mount_of(req)->inodes;
    struct inode *inode = inode_of(req, nodeid);
    size_t start = (uint64_t)offset < inode->len ? (size_t)offset : inode->len;
    size_t len = inode->len - start < size ? inode->len - start : size;

    inodes_hold(inodes, inode); /* as in op_readlink */
    fuse_reply_buf(req, len ? inode->bytes + start : NULL, len);
    inodes_forget(inodes, inode, 1);
}

/* --- directories --- */

/* What a directory held when it was opened: offsets stay true however the data changes meanwhile. */
struct listing {
    struct item {
        char *name;
        enum node_shape shape;
    } * items;
    size_t len, room;
    LIST_ENTRY(listing) open;
};

static void listing_free(struct listing *l)
{
    for (size_t i = 0; l && i < l->len; i++)
        free(l->items[i].name);
    if (l)
        free(l->items);
    free(l);
}

static int listing_add(void *ctx, const char *name, enum node_shape shape)
{
    struct listing *l = ctx;

    if (l->len == l->room) {
        size_t room = l->room ? l->room * 2 : 32;
        struct item *items = reallocarray(l->items, room, sizeof(*items));

        if (!items)
            return -ENOMEM;
        l->items = items;
        l->room = room;
    }
    l->items[l->len] = (struct item){.name = strdup(name), .shape = shape};
    if (!l->items[l->len].name)
        return -ENOMEM;
    l->len++;
    return 0;
}

static void listing_opened(struct mount *m, struct listing *l)
{
    pthread_mutex_lock(&m->lock);
    LIST_INSERT_HEAD(&m->listings, l, open);
    pthread_mutex_unlock(&m->lock);
}

static void listing_closed(struct mount *m, struct listing *l)
{
    pthread_mutex_lock(&m->lock);
    LIST_REMOVE(l, open);
    pthread_mutex_unlock(&m->lock);
    listing_free(l);
}

void mount_end(struct mount *m)
{
    while (!LIST_EMPTY(&m->listings))
        listing_closed(m, LIST_FIRST(&m->listings));
}

static void op_opendir(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
    const struct inode *inode = inode_of(req, nodeid);
    struct mount *m = mount_of(req);
    struct listing *l = calloc(1, sizeof(*l));
    struct patience patience;
    int rc = l ? 0 : -ENOMEM;

    patience_begin(&patience, req);
    if (l && (listing_add(l, ".", NODE_DIR) < 0 || listing_add(l, "..", NODE_DIR) < 0))
        rc = -ENOMEM;
    if (rc == 0)
        rc = tree_list(mount_of(req)->engine, &inode->node, &patience.cancel, listing_add, l);
    patience_end(req);
    if (rc < 0) {
        listing_free(l);
        fuse_reply_err(req, errno_of(req, rc));
        return;
    }
    fi->fh = (uintptr_t)l;
    listing_opened(m, l); /* before the reply: its close may come before we are back */
    if (fuse_reply_open(req, fi) < 0)
        listing_closed(m, l);
}

static mode_t type_bits(enum node_shape shape)
{
    return shape == NODE_DIR ? S_IFDIR : shape == NODE_LINK ? S_IFLNK : S_IFREG;
}

static void op_readdir(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset,
                       struct fuse_file_info *fi)
{
    const struct listing *l = (const struct listing *)(uintptr_t)fi->fh;
    struct mount *m = mount_of(req);
    const struct inode *dir = inode_of(req, nodeid);
    char *buf = malloc(size);
    size_t used = 0;

    if (!buf) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    for (size_t i = offset < 0 ? l->len : (size_t)offset; i < l->len; i++) {
        const struct item *item = &l->items[i];
        struct stat st = {.st_mode = type_bits(item->shape)};
        size_t n;

        st.st_ino = i < 2 ? dir->ino : inodes_guess(m->inodes, dir, item->name, item->shape);
        n = fuse_add_direntry(req, buf + used, size - used, item->name, &st, (off_t)i + 1);
        if (n > size - used)
            break;
        used += n;
    }
    fuse_reply_buf(req, buf, used);
    free(buf);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
    listing_closed(mount_of(req), (struct listing *)(uintptr_t)fi->fh);
    fuse_reply_err(req, 0);
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

/* --- everything that would change something --- */

static void read_only(fuse_req_t req)
{
    fuse_reply_err(req, EROFS);
}

static void op_setattr(fuse_req_t req, fuse_ino_t nodeid, struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
    read_only(req);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
    read_only(req);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    read_only(req);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    read_only(req);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    read_only(req);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                      const char *new_name, unsigned flags)
{
    read_only(req);
}

static void op_link(fuse_req_t req, fuse_ino_t nodeid, fuse_ino_t new_parent, const char *new_name)
{
    read_only(req);
}

static void op_write(fuse_req_t req, fuse_ino_t nodeid, const char *buf, size_t size, off_t offset,
                     struct fuse_file_info *fi)
{
    read_only(req);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *fi)
{
    read_only(req);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t nodeid, const char *name, const char *value, size_t size,
                        int flags)
{
    read_only(req);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t nodeid, const char *name)
{
    read_only(req);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t nodeid, int mode, off_t offset, off_t length,
                         struct fuse_file_info *fi)
{
    read_only(req);
}

static void op_copy_file_range(fuse_req_t req, fuse_ino_t in, off_t in_offset, struct fuse_file_info *in_fi,
                               fuse_ino_t out, off_t out_offset, struct fuse_file_info *out_fi, size_t len,
                               int flags)
{
    read_only(req);
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
    .opendir = op_opendir,
    .readdir = op_readdir,
    .releasedir = op_releasedir,
    .statfs = op_statfs,
    .setattr = op_setattr,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_unlink,
    .rmdir = op_unlink,
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
