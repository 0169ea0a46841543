/*
 * Versions: one counter of changes, and what it was when something was last changed.
 *
 * Whatever is shown has a version of its own; equal versions mean equal content, so that a document is
 * rendered again only when it may differ.
 */
#ifndef OKSTRAFS_BASE_VERSIONS_H
#define OKSTRAFS_BASE_VERSIONS_H

#include <stdint.h>

struct versions {
    uint64_t last;   /* given out */
    uint64_t all;    /* of everything */
    uint64_t names;  /* of the lists of all sessions, projects and teams */
    uint64_t prices; /* when a price last changed: no answer with money in it is older */
};

/* A new version, that of everything. */
static inline uint64_t version_next(struct versions *v)
{
    return v->all = ++v->last;
}

/* A session, project or team came, went or is called otherwise: a new version, that of the names. */
static inline uint64_t version_next_names(struct versions *v)
{
    return v->names = version_next(v);
}

/* What a version of one's own comes to with the prices in force: for everything that shows money. */
static inline uint64_t version_priced(const struct versions *v, uint64_t own)
{
    return own > v->prices ? own : v->prices;
}

#endif
