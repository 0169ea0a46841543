/*
 * The handlers of directories: opendir collects the names, readdir returns them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watchers/notify.h"
#include "ops/handlers.h"
#include "ops/reply.h"

/* The names when the directory was opened: offsets stay valid while the data changes. */
struct open_dir {
    struct item {
        char *name;
        enum node_shape shape;
    } * items;
    size_t len, room;
    LIST_ENTRY(open_dir) of_dirs;
};

static void open_dir_free(struct open_dir *d)
{
    for (size_t i = 0; d && i < d->len; i++)
        free(d->items[i].name);
    if (d)
        free(d->items);
    free(d);
}

static int open_dir_add(void *ctx, const char *name, enum node_shape shape)
{
    struct open_dir *d = ctx;

    if (d->len == d->room) {
        size_t room = d->room ? d->room * 2 : 32;
        struct item *items = reallocarray(d->items, room, sizeof(*items));

        if (!items)
            return -ENOMEM;
        d->items = items;
        d->room = room;
    }
    d->items[d->len] = (struct item){.name = strdup(name), .shape = shape};
    if (!d->items[d->len].name)
        return -ENOMEM;
    d->len++;
    return 0;
}

static void open_dirs_add(struct open_dirs *dirs, struct open_dir *d)
{
    pthread_mutex_lock(&dirs->lock);
    LIST_INSERT_HEAD(&dirs->list, d, of_dirs);
    pthread_mutex_unlock(&dirs->lock);
}

static void open_dirs_remove(struct open_dirs *dirs, struct open_dir *d)
{
    pthread_mutex_lock(&dirs->lock);
    LIST_REMOVE(d, of_dirs);
    pthread_mutex_unlock(&dirs->lock);
    open_dir_free(d);
}

void connection_end(struct connection *c)
{
    while (!LIST_EMPTY(&c->dirs.list))
        open_dirs_remove(&c->dirs, LIST_FIRST(&c->dirs.list));
}

/* Names in a listing need not be announced; later ones must be. */
static void record_names(struct connection *c, struct inode *dir, const struct open_dir *d)
{
    struct inodes *inodes = c->mount.inodes;
    struct name_list *names;

    if (!c->notifier || !tree_has_list(&dir->dentry->node) || inodes_watch_names(inodes, dir))
        return;
    names = name_list_new();
    for (size_t i = 2; names && i < d->len; i++)
        if (name_list_add(names, d->items[i].name) < 0) {
            name_list_free(names);
            return;
        }
    if (!names)
        return;
    name_list_sort(names);
    inodes_watch_listed(inodes, dir, names);
}

void op_opendir(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
    struct inode *inode = inode_of(req, nodeid);
    struct connection *c = connection_of(req);
    struct open_dir *d = calloc(1, sizeof(*d));
    struct interruptible request;
    int rc = d ? 0 : -ENOMEM;

    interruptible_begin(&request, req);
    if (d && (open_dir_add(d, ".", NODE_DIR) < 0 || open_dir_add(d, "..", NODE_DIR) < 0))
        rc = -ENOMEM;
    mount_update_clock(&c->mount);
    if (rc == 0)
        rc = tree_list(c->mount.engine, &inode->dentry->node, &request.cancel, open_dir_add, d);
    interruptible_end(req);
    if (rc < 0) {
        open_dir_free(d);
        fuse_reply_err(req, reply_errno(req, rc));
        return;
    }
    record_names(c, inode, d);
    fi->fh = (uintptr_t)d;
    open_dirs_add(&c->dirs, d); /* before the reply: RELEASEDIR may come before this returns */
    if (fuse_reply_open(req, fi) < 0)
        open_dirs_remove(&c->dirs, d);
}

static mode_t type_bits(enum node_shape shape)
{
    return shape == NODE_DIR ? S_IFDIR : shape == NODE_LINK ? S_IFLNK : S_IFREG;
}

void op_readdir(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset, struct fuse_file_info *fi)
{
    const struct open_dir *d = (const struct open_dir *)(uintptr_t)fi->fh;
    struct mount *m = mount_of(req);
    const struct inode *dir = inode_of(req, nodeid);
    char *buf = malloc(size);
    size_t used = 0;

    if (!buf) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    for (size_t i = offset < 0 ? d->len : (size_t)offset; i < d->len; i++) {
        const struct item *item = &d->items[i];
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

void op_releasedir(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
    open_dirs_remove(&connection_of(req)->dirs, (struct open_dir *)(uintptr_t)fi->fh);
    fuse_reply_err(req, 0);
}
