/*
 * Generations: the inode of a file for the current data. A document has one inode for each content, so that
 * its pages may be cached for ever.
 */
#ifndef OKSTRAFS_FS_SERVE_GENERATION_H
#define OKSTRAFS_FS_SERVE_GENERATION_H

#include "serve/mount_state.h"

/*
 * The current generation, with one more reference. Sync before: this does not. A generation rendered before
 * oldest_ms is rendered again even if its data is the same. 1: the first lookup of this file; 0; -ENOENT: no
 * such file (now); -ENOMEM ...
 */
int generation_get(struct mount *m, struct inode *dir, const char *name, const struct node *node,
                   int64_t oldest_ms, struct inode **out);
/*
 * Opens a document; inodes_close() closes it. -ESTALE: its content was given up, and its data has changed, so
 * it must be looked up again; -EIO ...
 */
int generation_open(struct mount *m, struct inode *inode);

#endif
