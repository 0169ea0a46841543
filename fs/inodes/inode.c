/*
 * The inode table: a hash map from (directory, name) to the dentry that a lookup returns.
 *
 * Any window can be looked up, so users choose the names. An inode is therefore freed at FORGET. Three things
 * outlive that for a while: a directory while something in it lives; the newest generation while the kernel
 * holds an older one, as a watch does (the next change is compared with it); and a generation that watchers
 * have not been notified of.
 *
 * Inode numbers: those of directories and links are a hash of the path with the top bit set, so they are the
 * same after a restart. Those of generations count up from the time of the start, so no file of an earlier
 * mount had the same: who follows a stream sees by it that it is another one.
 */
#include "inodes/inode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inodes/inode_private.h"

enum { BUCKETS_MIN = 1024 };

static uint64_t stable_ino(const struct inode *dir, const char *name)
{
    return table_hash(table_hash(dir->ino, name), "/") | UINT64_C(1) << 63;
}

static struct inode *inode_made(void)
{
    struct inode *inode = calloc(1, sizeof(*inode));

    if (inode) {
        inode->nlookup = 1;
        LIST_INIT(&inode->children);
    }
    return inode;
}

/* --- life --- */

static bool root_init(struct inodes *t)
{
    struct dentry *dentry = calloc(1, sizeof(*dentry));
    struct inode *root = inode_made();

    if (!dentry || !root) {
        free(dentry);
        free(root);
        return false;
    }
    tree_root(&dentry->node);
    dentry->current = root;
    LIST_INSERT_HEAD(&dentry->gens, root, of_dentry);
    dentry->n_gens = 1;
    root->dentry = dentry;
    root->ino = 1;
    root->mtime_ns = t->config.default_ns;
    dentry->announced = 1;
    LIST_INSERT_HEAD(&t->dirs, root, of_dirs);
    t->root = root;
    return true;
}

int inodes_new(struct inodes **out, const struct inodes_config *config)
{
    struct inodes *t = calloc(1, sizeof(*t));

    if (t)
        t->buckets = calloc(BUCKETS_MIN, sizeof(struct dentry *));
    if (t) {
        t->n_buckets = BUCKETS_MIN;
        t->config = *config;
        TAILQ_INIT(&t->idle);
        t->last_generation = config->before > 1 ? config->before : 1;
        TAILQ_INIT(&t->waiting);
    }
    if (!t || !t->buckets || !root_init(t)) {
        if (t)
            free(t->buckets);
        free(t);
        return -ENOMEM;
    }
    pthread_mutex_init(&t->lock, NULL);
    *out = t;
    return 0;
}

/* Frees a dentry with everything below it. */
static void free_below(struct inodes *t, struct dentry *dentry)
{
    while (!LIST_EMPTY(&dentry->gens)) {
        struct inode *inode = LIST_FIRST(&dentry->gens);

        while (!LIST_EMPTY(&inode->children)) {
            struct dentry *child = LIST_FIRST(&inode->children);

            LIST_REMOVE(child, of_dir);
            free_below(t, child);
        }
        LIST_REMOVE(inode, of_dentry);
        inode_free(t, inode);
    }
    dentry_free(dentry);
}

void inodes_free(struct inodes *t)
{
    if (!t)
        return;
    free_below(t, t->root->dentry);
    free(t->buckets);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

struct inode *inodes_root(struct inodes *t)
{
    return t->root;
}

size_t inodes_count(struct inodes *t)
{
    size_t n;

    pthread_mutex_lock(&t->lock);
    n = t->count;
    pthread_mutex_unlock(&t->lock);
    return n;
}

/* --- getting --- */

static struct dentry *dentry_made(struct inode *dir, const char *name, struct node *node)
{
    struct dentry *dentry = calloc(1, sizeof(*dentry));

    if (dentry)
        dentry->name = strdup(name);
    if (!dentry || !dentry->name) {
        free(dentry);
        node_clear(node);
        return NULL;
    }
    dentry->dir = dir;
    dentry->node = *node;
    LIST_INIT(&dentry->gens);
    *node = (struct node){0};
    return dentry;
}

/* A new inode in a new dentry, not yet in the table; takes over node. */
static int both_made(struct inode *dir, const char *name, struct node *node, struct dentry **dentry,
                     struct inode **inode)
{
    *dentry = dentry_made(dir, name, node);
    *inode = *dentry ? inode_made() : NULL;
    if (*inode)
        return 0;
    dentry_free(*dentry);
    return -ENOMEM;
}

static int link_target(const struct node *node, struct inode *inode)
{
    if (node_shape(node) != NODE_LINK)
        return 0;
    inode->content.bytes = node_link_target(node);
    inode->content.len = inode->content.bytes ? strlen(inode->content.bytes) : 0;
    return inode->content.bytes ? 0 : -ENOMEM;
}

int inodes_get(struct inodes *t, struct inode *dir, const char *name, struct node *node, struct inode **out)
{
    struct dentry *dentry, *found;
    struct inode *fresh;
    bool is_new;

    if (both_made(dir, name, node, &dentry, &fresh) < 0)
        return -ENOMEM;
    if (link_target(&dentry->node, fresh) < 0) {
        inode_free(t, fresh);
        dentry_free(dentry);
        return -ENOMEM;
    }
    fresh->ino = stable_ino(dir, name);
    fresh->mtime_ns = t->config.default_ns;
    pthread_mutex_lock(&t->lock);
    found = *table_slot(t, dir, name);
    is_new = !found || found->node.type != dentry->node.type ||
             !content_equal(&found->current->content, &fresh->content);
    if (is_new) {
        if (found) {
            table_unlist(t, found);
            table_settle(t, found);
        }
        table_list(t, dentry);
        table_put(t, dentry, fresh);
        *out = fresh;
    } else {
        found->current->nlookup++;
        *out = found->current;
    }
    pthread_mutex_unlock(&t->lock);
    if (!is_new) {
        inode_free(t, fresh);
        dentry_free(dentry);
    }
    return is_new;
}

struct inode *inodes_find(struct inodes *t, struct inode *dir, const char *name)
{
    struct dentry *dentry;
    struct inode *found;

    pthread_mutex_lock(&t->lock);
    dentry = *table_slot(t, dir, name);
    found = dentry ? dentry->current : NULL;
    if (found)
        found->nlookup++;
    pthread_mutex_unlock(&t->lock);
    return found;
}

struct inode *inodes_current(struct inodes *t, struct inode *dir, const char *name, uint64_t version,
                             int64_t oldest_ms)
{
    struct dentry *dentry;
    struct inode *found;

    pthread_mutex_lock(&t->lock);
    dentry = *table_slot(t, dir, name);
    found = dentry ? dentry->current : NULL;
    /* What follows the clock cannot be rendered again as it was. */
    if (found && version && found->version == version && found->shown_ms >= oldest_ms &&
        !(found->content.given_up && oldest_ms)) {
        found->nlookup++;
        if (found->idle) { /* it is the one used last */
            TAILQ_REMOVE(&t->idle, found, of_idle);
            TAILQ_INSERT_TAIL(&t->idle, found, of_idle);
        }
    } else {
        found = NULL;
    }
    pthread_mutex_unlock(&t->lock);
    return found;
}

/* A later generation has a later mtime, however soon it follows. */
static int64_t rising(int64_t mtime_ns, const struct inode *before)
{
    return before && before->mtime_ns >= mtime_ns ? before->mtime_ns + 1 : mtime_ns;
}

/* For a folder that was found before its data was read: whether the file's newest data came after that. */
static bool is_newer_than_watch(const struct inode *dir, int64_t mtime_ns)
{
    return dir->watch.since_ns && mtime_ns >= dir->watch.since_ns;
}

/*
 * Whether the first generation counts as announced to the folder's watchers. Not if it changed since they
 * were last notified, or since they could place their watch.
 */
static bool is_announced(const struct inodes *t, const struct inode *dir, const struct node *node,
                         uint64_t version, int64_t mtime_ns)
{
    if (!t->config.announces || !tree_announces_files(&dir->dentry->node) || !node_is_of_table(node))
        return true;
    return (!dir->watch.version || !version || version <= dir->watch.version) &&
           !is_newer_than_watch(dir, mtime_ns);
}

/*
 * The content changed and the data did not: reading it repeatedly must not notify watchers each time. They
 * are notified of what changes once a day.
 */
static bool only_the_clock_moved(const struct inodes *t, const struct dentry *dentry,
                                 const struct inode *before, const struct inode *fresh)
{
    return !t->config.announces || (dentry->announced == before->ino && before->version == fresh->version &&
                                    !tree_follows_day(&dentry->node));
}

/* The bounds of a window relative to now move at each lookup, which is not a change worth announcing. */
static uint64_t digest_of(const struct node *node, const struct oks_document *document)
{
    size_t end = document->window_at + document->window_len;
    uint64_t hash = 0xcbf29ce484222325;

    if (document->window_len == 0 || !tree_follows_clock(node))
        return 0;
    hash = table_hash_bytes(hash, document->bytes, document->window_at);
    hash = table_hash_bytes(hash, document->bytes + end, document->len - end);
    return hash ? hash : 1;
}

/* The same content was rendered again: an inode without takes it over. It is now the one used last. */
static void content_restore(struct inodes *t, struct inode *inode, struct inode *fresh)
{
    table_not_idle(t, inode);
    if (inode->content.given_up)
        content_take(&inode->content, &fresh->content);
    if (inode->n_opens == 0)
        table_idle(t, inode);
}

int inodes_publish(struct inodes *t, struct inode *dir, const char *name, struct node *node,
                   struct oks_document *document, int64_t now_ms, struct inode **out)
{
    struct dentry *dentry, *found, *unused_dentry;
    struct inode *fresh, *before, *unused = NULL;
    bool is_new;

    if (both_made(dir, name, node, &dentry, &fresh) < 0) {
        oks_document_clear(document);
        return -ENOMEM;
    }
    unused_dentry = dentry;
    fresh->digest = digest_of(&dentry->node, document);
    content_init(&fresh->content, t->config.spool, document->bytes, document->len);
    document->bytes = NULL;
    pthread_mutex_lock(&t->lock);
    found = *table_slot(t, dir, name);
    if (found && found->node.type != dentry->node.type) {
        table_unlist(t, found);
        table_settle(t, found);
        found = NULL;
    }
    is_new = !found;
    before = found ? found->current : NULL;
    if (before && content_equal(&before->content, &fresh->content)) {
        before->nlookup++;
        content_restore(t, before, fresh);
        before->version = document->version;
        if (is_newer_than_watch(dir, document->mtime_ns) && !is_newer_than_watch(dir, before->mtime_ns))
            found->announced = 0; /* what came meanwhile was read at once, under the file's earlier time */
        unused = fresh;
        fresh = before;
    } else {
        fresh->mtime_ns = rising(document->mtime_ns ? document->mtime_ns : t->config.default_ns, before);
        fresh->version = document->version;
        fresh->ino = ++t->last_generation;
        if (is_new) {
            table_list(t, dentry);
            found = dentry;
            unused_dentry = NULL;
        }
        if (before ? only_the_clock_moved(t, found, before, fresh)
                   : is_announced(t, dir, &found->node, fresh->version, document->mtime_ns)) {
            found->announced = fresh->ino;
            found->announced_digest = fresh->digest;
        }
        table_put(t, found, fresh);
        table_settle(t, found);
        table_idle(t, fresh);
    }
    fresh->shown_ms = now_ms;
    pthread_mutex_unlock(&t->lock);
    inode_free(t, unused);
    dentry_free(unused_dentry);
    *out = fresh;
    return is_new;
}

int inodes_publish_stream(struct inodes *t, struct inode *dir, const char *name, struct node *node,
                          struct stream_file *stream, uint64_t version, const struct inode *before,
                          struct inode **out)
{
    struct dentry *dentry, *found, *unused_dentry;
    struct inode *fresh, *unused = NULL;
    bool is_new;

    if (both_made(dir, name, node, &dentry, &fresh) < 0) {
        stream_file_free(stream);
        return -ENOMEM;
    }
    fresh->stream = stream;
    unused_dentry = dentry;
    pthread_mutex_lock(&t->lock);
    found = *table_slot(t, dir, name);
    is_new = !found;
    if (found && found->current != before) {
        unused = fresh;
        fresh = found->current;
        fresh->nlookup++;
    } else {
        fresh->ino = ++t->last_generation;
        if (is_new) {
            table_list(t, dentry);
            found = dentry;
            unused_dentry = NULL;
            if (is_announced(t, dir, &found->node, version, stream_file_mtime_ns(stream))) {
                found->announced = fresh->ino;
                found->announced_len = stream_file_len(stream);
            }
        }
        table_put(t, found, fresh);
        table_settle(t, found);
    }
    pthread_mutex_unlock(&t->lock);
    inode_free(t, unused);
    dentry_free(unused_dentry);
    *out = fresh;
    return is_new;
}

/* --- opening --- */

int inodes_open(struct inodes *t, struct inode *inode)
{
    int rc = 0;

    pthread_mutex_lock(&t->lock);
    if (inode->content.given_up) {
        rc = -ESTALE;
    } else {
        table_not_idle(t, inode);
        inode->n_opens++;
    }
    pthread_mutex_unlock(&t->lock);
    return rc;
}

int inodes_reopen(struct inodes *t, struct inode *inode, struct oks_document *document)
{
    struct inode *fresh = inode_made();
    int rc = 0;

    if (!fresh) {
        oks_document_clear(document);
        return -ENOMEM;
    }
    content_init(&fresh->content, t->config.spool, document->bytes, document->len);
    document->bytes = NULL;
    pthread_mutex_lock(&t->lock);
    if (content_equal(&inode->content, &fresh->content)) {
        inode->n_opens++;
        content_restore(t, inode, fresh);
    } else {
        inode->version = 0; /* the next lookup renders it */
        rc = -ESTALE;
    }
    pthread_mutex_unlock(&t->lock);
    inode_free(t, fresh);
    return rc;
}

void inodes_close(struct inodes *t, struct inode *inode)
{
    pthread_mutex_lock(&t->lock);
    if (--inode->n_opens == 0)
        table_idle(t, inode);
    pthread_mutex_unlock(&t->lock);
}

ssize_t inodes_read(struct inodes *t, const struct inode *inode, size_t offset, char *buf, size_t size)
{
    return content_read(&inode->content, t->config.spool, offset, buf, size);
}

uint64_t inodes_guess(struct inodes *t, const struct inode *dir, const char *name, enum node_shape shape)
{
    const struct dentry *found;
    uint64_t ino;

    if (shape != NODE_FILE)
        return stable_ino(dir, name);
    pthread_mutex_lock(&t->lock);
    found = *table_slot(t, dir, name);
    ino = found ? found->current->ino : UINT64_C(0xffffffff);
    pthread_mutex_unlock(&t->lock);
    return ino;
}

void inodes_hold(struct inodes *t, struct inode *inode)
{
    pthread_mutex_lock(&t->lock);
    inode->nlookup++;
    pthread_mutex_unlock(&t->lock);
}

void inodes_forget(struct inodes *t, struct inode *inode, uint64_t nlookup)
{
    struct dentry *dentry = inode->dentry;

    if (inode == t->root || !dentry)
        return;
    pthread_mutex_lock(&t->lock);
    inode->nlookup = nlookup < inode->nlookup ? inode->nlookup - nlookup : 0;
    if (inode->nlookup == 0) {
        dentry->pins++;
        table_stop_keeping(t, inode);
        dentry->pins--;
        table_settle(t, dentry);
    }
    pthread_mutex_unlock(&t->lock);
}
