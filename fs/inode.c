/*
 * The inode table: a hash of (directory, name) to the inode that a lookup answers with.
 *
 * An old generation leaves the table when a newer one takes its place, but lives until the kernel forgets it.
 * Names come from strangers (any window can be looked up), so nothing stays that the kernel does not hold:
 * memory follows FORGET.
 *
 * Inode numbers: those of directories and links are a hash of their path with the top bit set, so that they
 * stay the same over restarts; those of generations count up from 2.
 */
#include "inode.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MIN = 1024 };

struct inodes {
    pthread_mutex_t lock; /* a leaf: nothing is called with it held */
    struct inode **buckets;
    size_t n_buckets; /* a power of two */
    size_t n_current;
    LIST_HEAD(, inode) all; /* current or not */
    size_t count;
    uint64_t last_id;
    uint64_t last_generation;
    int64_t start_ns;
    struct inode root;
};

static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h ^ (h >> 29);
}

static uint64_t hash_of(uint64_t parent, const char *name)
{
    return hash_bytes(UINT64_C(0xcbf29ce484222325) ^ (parent * UINT64_C(0x9e3779b97f4a7c15)), name,
                      strlen(name));
}

static uint64_t stable_ino(const struct inode *parent, const char *name)
{
    return hash_bytes(hash_of(parent->ino, name), "/", 1) | UINT64_C(1) << 63;
}

static void inode_free(struct inode *inode)
{
    if (!inode)
        return;
    node_clear(&inode->node);
    free(inode->name);
    free(inode->bytes);
    free(inode);
}

int inodes_new(struct inodes **out, int64_t start_ns)
{
    struct inodes *t = calloc(1, sizeof(*t));

    if (t)
        t->buckets = calloc(BUCKETS_MIN, sizeof(struct inode *));
    if (!t || !t->buckets) {
        free(t);
        return -ENOMEM;
    }
    t->n_buckets = BUCKETS_MIN;
    t->start_ns = start_ns;
    t->last_generation = 1;
    t->last_id = 1;
    t->root = (struct inode){.id = 1, .ino = 1, .mtime_ns = start_ns, .nlookup = 1};
    node_root(&t->root.node);
    pthread_mutex_init(&t->lock, NULL);
    *out = t;
    return 0;
}

void inodes_free(struct inodes *t)
{
    if (!t)
        return;
    while (!LIST_EMPTY(&t->all)) {
        struct inode *inode = LIST_FIRST(&t->all);

        LIST_REMOVE(inode, of_all);
        inode_free(inode);
    }
    free(t->buckets);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

struct inode *inodes_root(struct inodes *t)
{
    return &t->root;
}

size_t inodes_count(struct inodes *t)
{
    size_t n;

    pthread_mutex_lock(&t->lock);
    n = t->count;
    pthread_mutex_unlock(&t->lock);
    return n;
}

/* --- the hash, under the lock --- */

static struct inode **slot_of(struct inodes *t, uint64_t parent, const char *name)
{
    struct inode **p = &t->buckets[hash_of(parent, name) & (t->n_buckets - 1)];

    while (*p && ((*p)->parent != parent || strcmp((*p)->name, name) != 0))
        p = &(*p)->next;
    return p;
}

/* Twice the buckets; on ENOMEM the chains just get longer. */
static void grow(struct inodes *t)
{
    size_t n = t->n_buckets * 2;
    struct inode **buckets = calloc(n, sizeof(struct inode *));

    if (!buckets)
        return;
    for (size_t i = 0; i < t->n_buckets; i++)
        while (t->buckets[i]) {
            struct inode *inode = t->buckets[i];
            struct inode **to = &buckets[hash_of(inode->parent, inode->name) & (n - 1)];

            t->buckets[i] = inode->next;
            inode->next = *to;
            *to = inode;
        }
    free(t->buckets);
    t->buckets = buckets;
    t->n_buckets = n;
}

static void take_out(struct inodes *t, struct inode *inode)
{
    struct inode **p = slot_of(t, inode->parent, inode->name);

    if (!inode->current || *p != inode)
        return;
    *p = inode->next;
    inode->current = false;
    t->n_current--;
}

static void put_in(struct inodes *t, struct inode *inode)
{
    struct inode **p;

    if (t->n_current >= t->n_buckets)
        grow(t);
    p = &t->buckets[hash_of(inode->parent, inode->name) & (t->n_buckets - 1)];
    inode->next = *p;
    *p = inode;
    inode->current = true;
    t->n_current++;
    LIST_INSERT_HEAD(&t->all, inode, of_all);
    t->count++;
    inode->id = ++t->last_id;
}

/* --- getting --- */

/* A new inode outside the table; takes over node. NULL on ENOMEM. */
static struct inode *inode_made(const struct inode *parent, const char *name, struct node *node)
{
    struct inode *inode = calloc(1, sizeof(*inode));

    if (inode)
        inode->name = strdup(name);
    if (!inode || !inode->name) {
        free(inode);
        node_clear(node);
        return NULL;
    }
    inode->parent = parent->id;
    inode->node = *node;
    inode->nlookup = 1;
    *node = (struct node){0};
    return inode;
}

static bool same_place(const struct inode *inode, const struct inode *fresh)
{
    return inode->node.type == fresh->node.type && inode->len == fresh->len &&
           (fresh->len == 0 || memcmp(inode->bytes, fresh->bytes, fresh->len) == 0);
}

int inodes_get(struct inodes *t, const struct inode *parent, const char *name, struct node *node,
               struct inode **out)
{
    struct inode *fresh = inode_made(parent, name, node), *found;

    if (!fresh)
        return -ENOMEM;
    if (node_shape(&fresh->node) == NODE_LINK) {
        fresh->bytes = tree_link(&fresh->node);
        fresh->len = fresh->bytes ? strlen(fresh->bytes) : 0;
        if (!fresh->bytes) {
            inode_free(fresh);
            return -ENOMEM;
        }
    }
    fresh->ino = stable_ino(parent, name);
    fresh->mtime_ns = t->start_ns;
    pthread_mutex_lock(&t->lock);
    found = *slot_of(t, parent->id, name);
    if (found && same_place(found, fresh)) {
        found->nlookup++;
    } else {
        if (found)
            take_out(t, found);
        put_in(t, fresh);
        found = fresh;
        fresh = NULL;
    }
    pthread_mutex_unlock(&t->lock);
    inode_free(fresh);
    *out = found;
    return 0;
}

struct inode *inodes_current(struct inodes *t, const struct inode *parent, const char *name, uint64_t version,
                             int64_t oldest_ms)
{
    struct inode *found;

    pthread_mutex_lock(&t->lock);
    found = *slot_of(t, parent->id, name);
    if (found && version && found->version == version && found->shown_ms >= oldest_ms)
        found->nlookup++;
    else
        found = NULL;
    pthread_mutex_unlock(&t->lock);
    return found;
}

static bool same_content(const struct inode *inode, const struct oks_document *document)
{
    return inode->bytes && inode->len == document->len &&
           memcmp(inode->bytes, document->bytes, document->len) == 0;
}

/* A later generation is newer by its time too, however fast they follow each other. */
static int64_t rising(int64_t mtime_ns, const struct inode *before)
{
    return before && before->mtime_ns >= mtime_ns ? before->mtime_ns + 1 : mtime_ns;
}

int inodes_publish(struct inodes *t, const struct inode *parent, const char *name, struct node *node,
                   struct oks_document *document, int64_t now_ms, struct inode **out)
{
    struct inode *fresh = inode_made(parent, name, node), *found;

    if (!fresh) {
        oks_document_clear(document);
        return -ENOMEM;
    }
    pthread_mutex_lock(&t->lock);
    found = *slot_of(t, parent->id, name);
    if (found && same_content(found, document)) {
        found->nlookup++;
        found->version = document->version;
    } else {
        fresh->mtime_ns = rising(document->mtime_ns ? document->mtime_ns : t->start_ns, found);
        fresh->bytes = document->bytes;
        fresh->len = document->len;
        fresh->version = document->version;
        fresh->ino = ++t->last_generation;
        document->bytes = NULL;
        if (found)
            take_out(t, found);
        put_in(t, fresh);
        found = fresh;
        fresh = NULL;
    }
    found->shown_ms = now_ms;
    pthread_mutex_unlock(&t->lock);
    inode_free(fresh);
    oks_document_clear(document);
    *out = found;
    return 0;
}

uint64_t inodes_guess(struct inodes *t, const struct inode *parent, const char *name, enum node_shape shape)
{
    const struct inode *found;
    uint64_t ino;

    if (shape != NODE_FILE)
        return stable_ino(parent, name);
    pthread_mutex_lock(&t->lock);
    found = *slot_of(t, parent->id, name);
    ino = found ? found->ino : UINT64_C(0xffffffff);
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
    bool last;

    pthread_mutex_lock(&t->lock);
    inode->nlookup = nlookup < inode->nlookup ? inode->nlookup - nlookup : 0;
    last = inode->nlookup == 0 && inode != &t->root;
    if (last) {
        take_out(t, inode);
        LIST_REMOVE(inode, of_all);
        t->count--;
    }
    pthread_mutex_unlock(&t->lock);
    if (last)
        inode_free(inode);
}
