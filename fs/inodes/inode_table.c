/*
 * The hash map of the inode table, and freeing what is no longer referenced. Under the table's lock.
 */
#include <stdlib.h>
#include <string.h>

#include "inodes/inode_private.h"

uint64_t table_hash_bytes(uint64_t h, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h ^ (h >> 29);
}

uint64_t table_hash(uint64_t dir, const char *name)
{
    return table_hash_bytes(UINT64_C(0xcbf29ce484222325) ^ (dir * UINT64_C(0x9e3779b97f4a7c15)), name,
                            strlen(name));
}

void inode_free(struct inodes *t, struct inode *inode)
{
    if (!inode)
        return;
    name_list_free(inode->watch.names);
    stream_file_free(inode->stream);
    content_clear(&inode->content, t->config.spool);
    free(inode);
}

void dentry_free(struct dentry *dentry)
{
    if (!dentry)
        return;
    node_clear(&dentry->node);
    free(dentry->name);
    free(dentry);
}

/* --- the hash, under the lock --- */

struct dentry **table_slot(struct inodes *t, const struct inode *dir, const char *name)
{
    struct dentry **p = &t->buckets[table_hash((uintptr_t)dir, name) & (t->n_buckets - 1)];

    while (*p && ((*p)->dir != dir || strcmp((*p)->name, name) != 0))
        p = &(*p)->next;
    return p;
}

/* Twice the buckets; on ENOMEM the chains just get longer. */
static void grow(struct inodes *t)
{
    size_t n = t->n_buckets * 2;
    struct dentry **buckets = calloc(n, sizeof(struct dentry *));

    if (!buckets)
        return;
    for (size_t i = 0; i < t->n_buckets; i++)
        while (t->buckets[i]) {
            struct dentry *dentry = t->buckets[i];
            struct dentry **to = &buckets[table_hash((uintptr_t)dentry->dir, dentry->name) & (n - 1)];

            t->buckets[i] = dentry->next;
            dentry->next = *to;
            *to = dentry;
        }
    free(t->buckets);
    t->buckets = buckets;
    t->n_buckets = n;
}

void table_unlist(struct inodes *t, struct dentry *dentry)
{
    struct dentry **p;

    if (!dentry->listed)
        return;
    p = table_slot(t, dentry->dir, dentry->name);
    *p = dentry->next;
    dentry->listed = false;
    t->n_listed--;
}

void table_list(struct inodes *t, struct dentry *dentry)
{
    struct dentry **p;

    if (t->n_listed >= t->n_buckets)
        grow(t);
    p = &t->buckets[table_hash((uintptr_t)dentry->dir, dentry->name) & (t->n_buckets - 1)];
    dentry->next = *p;
    *p = dentry;
    dentry->listed = true;
    t->n_listed++;
    LIST_INSERT_HEAD(&dentry->dir->children, dentry, of_dir);
}

void table_put(struct inodes *t, struct dentry *dentry, struct inode *inode)
{
    inode->dentry = dentry;
    dentry->current = inode;
    LIST_INSERT_HEAD(&dentry->gens, inode, of_dentry);
    dentry->n_gens++;
    t->count++;
    if (node_shape(&dentry->node) == NODE_DIR)
        LIST_INSERT_HEAD(&t->dirs, inode, of_dirs);
}

/* --- content that no program has open, under the lock --- */

void table_not_idle(struct inodes *t, struct inode *inode)
{
    if (!inode->idle)
        return;
    TAILQ_REMOVE(&t->idle, inode, of_idle);
    t->idle_bytes -= inode->content.len;
    t->n_idle--;
    inode->idle = false;
}

/* The newest one stays, however long it is: it was looked up to be opened. */
void table_idle(struct inodes *t, struct inode *inode)
{
    struct inode *oldest;

    if (inode->content.given_up || node_shape(&inode->dentry->node) != NODE_FILE)
        return;
    TAILQ_INSERT_TAIL(&t->idle, inode, of_idle);
    t->idle_bytes += inode->content.len;
    t->n_idle++;
    inode->idle = true;
    while (t->idle_bytes > t->config.idle_max && t->n_idle > t->config.idle_min &&
           (oldest = TAILQ_FIRST(&t->idle)) != inode) {
        table_not_idle(t, oldest);
        content_give_up(&oldest->content, t->config.spool);
    }
}

/* --- releasing, under the lock --- */

/* The generation has no references; what was only kept for the folder's watchers is freed as well. */
static void end_generation(struct inodes *t, struct dentry *dentry, struct inode *inode)
{
    LIST_REMOVE(inode, of_dentry);
    dentry->n_gens--;
    t->count--;
    if (node_shape(&dentry->node) == NODE_DIR)
        LIST_REMOVE(inode, of_dirs);
    if (inode->watch.waiting)
        TAILQ_REMOVE(&t->waiting, inode, of_waiting);
    if (inode->watch.keeps_files)
        t->n_keepers--;
    table_not_idle(t, inode);
    inode_free(t, inode);
}

bool table_is_announced(const struct dentry *dentry)
{
    const struct inode *current = dentry->current;

    if (dentry->announced != current->ino)
        return current->digest && dentry->announced && dentry->announced_digest == current->digest;
    return !current->stream || dentry->announced_len == stream_file_len(current->stream);
}

static bool is_idle(const struct inodes *t, const struct dentry *dentry)
{
    const struct inode *current = dentry->current;

    return dentry->pins == 0 && dentry->n_gens == 1 && current->nlookup == 0 &&
           LIST_EMPTY(&current->children) &&
           (!t->config.announces || !dentry->listed || table_is_announced(dentry) ||
            node_shape(&dentry->node) != NODE_FILE);
}

/*
 * The kernel has forgotten the directory, so it has no watchers: its files need not be kept for them. The
 * caller holds dir.
 */
void table_stop_keeping(struct inodes *t, struct inode *dir)
{
    struct dentry *child, *next;

    if (!dir->watch.keeps_files || dir->nlookup > 0)
        return;
    dir->watch.keeps_files = false;
    t->n_keepers--;
    for (child = LIST_FIRST(&dir->children); child; child = next) {
        next = LIST_NEXT(child, of_dir);
        if (child->kept) {
            child->kept = false;
            child->pins--;
            table_settle(t, child);
        }
    }
}

void table_settle(struct inodes *t, struct dentry *dentry)
{
    struct inode *inode, *next;

    while (dentry && dentry->dir) {
        struct dentry *above = dentry->dir->dentry;

        for (inode = LIST_FIRST(&dentry->gens); inode; inode = next) {
            next = LIST_NEXT(inode, of_dentry);
            if (inode != dentry->current && inode->nlookup == 0 && LIST_EMPTY(&inode->children))
                end_generation(t, dentry, inode);
        }
        if (!is_idle(t, dentry))
            return;
        table_unlist(t, dentry);
        LIST_REMOVE(dentry, of_dir);
        end_generation(t, dentry, dentry->current);
        dentry_free(dentry);
        dentry = above;
    }
}
