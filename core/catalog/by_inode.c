/*
 * The transcripts by the inode of their file: a hash map, in which one inode may have several.
 *
 * It finds the file of a deleted transcript under another name without looking at every transcript. What is
 * found still has to be compared, because inodes are used again. Files that are retained and files that exist
 * are in chains of their own, so that thousands of hard links do not hide one deleted name.
 */
#include <stdlib.h>

#include "catalog/catalog.h"

static struct inode_chain *chain_of(struct inode_map *map, uint64_t ino, bool retained)
{
    size_t n = map->chains ? map->n_chains : INODE_CHAINS;
    uint64_t hash = (ino * 2 + retained) * UINT64_C(0x9e3779b97f4a7c15);

    return &(map->chains ? map->chains : map->first)[(hash >> 32) & (n - 1)];
}

/* Four times the chains; on ENOMEM they only get longer. */
static void grow(struct inode_map *map)
{
    size_t n = map->chains ? map->n_chains : INODE_CHAINS, wanted = n * 4;
    struct inode_chain *before = map->chains ? map->chains : map->first;
    struct inode_chain *chains = calloc(wanted, sizeof(*chains));
    struct inode_map next = {.chains = chains, .n_chains = wanted};
    struct transcript *t;

    if (!chains)
        return;
    for (size_t i = 0; i < n; i++)
        while ((t = LIST_FIRST(&before[i]))) {
            LIST_REMOVE(t, of_inode);
            LIST_INSERT_HEAD(chain_of(&next, t->known_ino, t->known_retained), t, of_inode);
        }
    free(map->chains);
    map->chains = chains;
    map->n_chains = wanted;
}

void catalog_inode_gone(struct catalog *c, struct transcript *t)
{
    if (t->inode != INODE_NONE)
        LIST_REMOVE(t, of_inode);
    c->by_inode.n -= t->inode == INODE_KNOWN;
    t->inode = INODE_NONE;
}

void catalog_inode_unseen(struct catalog *c, struct transcript *t)
{
    catalog_inode_gone(c, t);
    t->inode = INODE_UNSEEN;
    LIST_INSERT_HEAD(&c->by_inode.unseen, t, of_inode);
}

void catalog_inode_is(struct catalog *c, struct transcript *t, uint64_t ino)
{
    struct inode_map *map = &c->by_inode;

    if (t->inode == INODE_KNOWN && t->known_ino == ino && t->known_retained == t->retained)
        return;
    catalog_inode_gone(c, t);
    if (!ino)
        return;
    if (map->n >= (map->chains ? map->n_chains : INODE_CHAINS))
        grow(map);
    t->inode = INODE_KNOWN;
    t->known_ino = ino;
    t->known_retained = t->retained;
    LIST_INSERT_HEAD(chain_of(map, ino, t->retained), t, of_inode);
    map->n++;
}

static struct transcript *match(struct transcript *t, uint64_t ino, bool retained)
{
    while (t && (t->known_ino != ino || t->known_retained != retained))
        t = LIST_NEXT(t, of_inode);
    return t;
}

struct transcript *catalog_of_inode(struct catalog *c, uint64_t ino, bool retained)
{
    return match(LIST_FIRST(chain_of(&c->by_inode, ino, retained)), ino, retained);
}

struct transcript *catalog_of_inode_next(const struct transcript *t)
{
    return match(LIST_NEXT(t, of_inode), t->known_ino, t->known_retained);
}
