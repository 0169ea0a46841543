/*
 * The hash of the inode table, and when what is in it goes. Everything here is under the table's lock.
 */
#include <stdlib.h>
#include <string.h>

#include "inodes/inode_private.h"

uint64_t hash_bytes(uint64_t h, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h ^ (h >> 29);
}

uint64_t table_hash(uint64_t dir, const char *name)
{
    return hash_bytes(UINT64_C(0xcbf29ce484222325) ^ (dir * UINT64_C(0x9e3779b97f4a7c15)), name,
                      strlen(name));
}

void inode_free(struct inode *inode)
{
    if (!inode)
        return;
    names_free(inode->folder.names);
    stream_free(inode->stream);
    free(inode->bytes);
    free(inode);
}

void place_free(struct place *place)
{
    if (!place)
        return;
    node_clear(&place->node);
    free(place->name);
    free(place);
}

/* --- the hash, under the lock --- */

struct place **table_slot(struct inodes *t, const struct inode *dir, const char *name)
{
    struct place **p = &t->buckets[table_hash((uintptr_t)dir, name) & (t->n_buckets - 1)];

    while (*p && ((*p)->dir != dir || strcmp((*p)->name, name) != 0))
        p = &(*p)->next;
    return p;
}

/* Twice the buckets; on ENOMEM the chains just get longer. */
static void grow(struct inodes *t)
{
    size_t n = t->n_buckets * 2;
    struct place **buckets = calloc(n, sizeof(struct place *));

    if (!buckets)
        return;
    for (size_t i = 0; i < t->n_buckets; i++)
        while (t->buckets[i]) {
            struct place *place = t->buckets[i];
            struct place **to = &buckets[table_hash((uintptr_t)place->dir, place->name) & (n - 1)];

            t->buckets[i] = place->next;
            place->next = *to;
            *to = place;
        }
    free(t->buckets);
    t->buckets = buckets;
    t->n_buckets = n;
}

void table_unlist(struct inodes *t, struct place *place)
{
    struct place **p;

    if (!place->listed)
        return;
    p = table_slot(t, place->dir, place->name);
    *p = place->next;
    place->listed = false;
    t->n_listed--;
}

void table_list(struct inodes *t, struct place *place)
{
    struct place **p;

    if (t->n_listed >= t->n_buckets)
        grow(t);
    p = &t->buckets[table_hash((uintptr_t)place->dir, place->name) & (t->n_buckets - 1)];
    place->next = *p;
    *p = place;
    place->listed = true;
    t->n_listed++;
    LIST_INSERT_HEAD(&place->dir->children, place, of_dir);
}

void table_put(struct inodes *t, struct place *place, struct inode *inode)
{
    inode->place = place;
    place->current = inode;
    LIST_INSERT_HEAD(&place->gens, inode, of_place);
    place->n_gens++;
    t->count++;
    if (node_shape(&place->node) == NODE_DIR)
        LIST_INSERT_HEAD(&t->dirs, inode, of_dirs);
}

/* --- letting go, under the lock --- */

/* Nobody holds it; what is only kept for the sake of its folder goes as well. */
static void end_generation(struct inodes *t, struct place *place, struct inode *inode)
{
    LIST_REMOVE(inode, of_place);
    place->n_gens--;
    t->count--;
    if (node_shape(&place->node) == NODE_DIR)
        LIST_REMOVE(inode, of_dirs);
    if (inode->folder.waiting)
        TAILQ_REMOVE(&t->waiting, inode, of_waiting);
    if (inode->folder.keeps_files)
        t->n_keepers--;
    inode_free(inode);
}

bool table_is_told(const struct place *place)
{
    const struct inode *current = place->current;

    if (place->told != current->ino)
        return current->essence && place->told && place->told_essence == current->essence;
    return !current->stream || place->told_len == stream_len(current->stream);
}

static bool is_idle(const struct inodes *t, const struct place *place)
{
    const struct inode *current = place->current;

    return place->pins == 0 && place->n_gens == 1 && current->nlookup == 0 &&
           LIST_EMPTY(&current->children) &&
           (!t->tells || !place->listed || table_is_told(place) || node_shape(&place->node) != NODE_FILE);
}

/* A directory that the kernel has let go of has no watchers: its files need not be kept for them. The caller
 * keeps dir. */
void table_stop_keeping(struct inodes *t, struct inode *dir)
{
    struct place *child, *next;

    if (!dir->folder.keeps_files || dir->nlookup > 0)
        return;
    dir->folder.keeps_files = false;
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

void table_settle(struct inodes *t, struct place *place)
{
    struct inode *inode, *next;

    while (place && place->dir) {
        struct place *above = place->dir->place;

        for (inode = LIST_FIRST(&place->gens); inode; inode = next) {
            next = LIST_NEXT(inode, of_place);
            if (inode != place->current && inode->nlookup == 0 && LIST_EMPTY(&inode->children))
                end_generation(t, place, inode);
        }
        if (!is_idle(t, place))
            return;
        table_unlist(t, place);
        LIST_REMOVE(place, of_dir);
        end_generation(t, place, place->current);
        place_free(place);
        place = above;
    }
}
