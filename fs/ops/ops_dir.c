/*
 * Listing directories: names are gathered when one is opened, and handed out from there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watchers/notify.h"
#include "ops/ops_private.h"

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

void mount_wake(struct mount *m, struct stream *stream)
{
    pthread_mutex_lock(&m->wake_lock);
    if (!m->asleep)
        stream_wake(stream);
    pthread_mutex_unlock(&m->wake_lock);
}

void mount_wake_no_more(struct mount *m)
{
    pthread_mutex_lock(&m->wake_lock);
    m->asleep = true;
    pthread_mutex_unlock(&m->wake_lock);
}

void mount_end(struct mount *m)
{
    while (!LIST_EMPTY(&m->listings))
        listing_closed(m, LIST_FIRST(&m->listings));
}

/* Who opened the folder knows what was in it then; what comes later is news. */
static void learn(struct mount *m, struct inode *dir, const struct listing *l)
{
    struct names *names;

    if (!m->notifier || !tree_has_list(&dir->place->node) || inodes_folder_names(m->inodes, dir))
        return;
    names = names_new();
    for (size_t i = 2; names && i < l->len; i++)
        if (names_add(names, l->items[i].name) < 0) {
            names_free(names);
            return;
        }
    if (!names)
        return;
    names_sort(names);
    inodes_folder_listed(m->inodes, dir, names);
}

void op_opendir(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
    struct inode *inode = inode_of(req, nodeid);
    struct mount *m = mount_of(req);
    struct listing *l = calloc(1, sizeof(*l));
    struct patience patience;
    int rc = l ? 0 : -ENOMEM;

    patience_begin(&patience, req);
    if (l && (listing_add(l, ".", NODE_DIR) < 0 || listing_add(l, "..", NODE_DIR) < 0))
        rc = -ENOMEM;
    mount_tell_time(m);
    if (rc == 0)
        rc = tree_list(m->engine, &inode->place->node, &patience.cancel, listing_add, l);
    patience_end(req);
    if (rc < 0) {
        listing_free(l);
        fuse_reply_err(req, errno_of(req, rc));
        return;
    }
    learn(m, inode, l);
    fi->fh = (uintptr_t)l;
    listing_opened(m, l); /* before the reply: its close may come before we are back */
    if (fuse_reply_open(req, fi) < 0)
        listing_closed(m, l);
}

static mode_t type_bits(enum node_shape shape)
{
    return shape == NODE_DIR ? S_IFDIR : shape == NODE_LINK ? S_IFLNK : S_IFREG;
}

void op_readdir(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset, struct fuse_file_info *fi)
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

void op_releasedir(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
    listing_closed(mount_of(req), (struct listing *)(uintptr_t)fi->fh);
    fuse_reply_err(req, 0);
}
