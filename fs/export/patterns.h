/*
 * Patterns: which entries of the tree are exported.
 *
 *     struct patterns all = {0}, below;
 *
 *     rc = patterns_add(&all, "teams/crew");
 *     if (patterns_enter(&all, "projects", false, &below))
 *         ...                                          the entry is exported, or leads to some that are
 *
 * A pattern is a path below the top of the tree. Each component is a name, or has wildcards (fnmatch(3)). The
 * last one stands for all below it. Pure functions.
 */
#ifndef OKSTRAFS_FS_EXPORT_PATTERNS_H
#define OKSTRAFS_FS_EXPORT_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>

enum { PATTERNS_MAX = 64 };

/* As seen from a folder. Zeroed: none. */
struct patterns {
    bool whole; /* all below the folder */
    size_t n;
    const char *rest[PATTERNS_MAX]; /* what follows, of each pattern; borrowed */
};

/* 0; -EINVAL: a component is ".."; -E2BIG: too many. */
int patterns_add(struct patterns *p, const char *path);
/*
 * Whether an entry of the folder is meant; *below is then as seen from it. One that is `named_only` is not
 * meant by a wildcard, nor by what stands for all.
 */
bool patterns_enter(const struct patterns *p, const char *name, bool named_only, struct patterns *below);
/* Whether all names of the folder have to be compared. */
bool patterns_need_list(const struct patterns *p);
/* The pattern that `rest`, of a folder somewhere below, is the end of; NULL: wildcards led to it. */
const char *patterns_whole_of(const struct patterns *top, const char *rest);
/* The name that a pattern begins with; false: it has wildcards, or is too long for a name. */
bool patterns_name(const struct patterns *p, size_t i, char out[256]);

#endif
