/*
 * Generations: the inode of a file whose content is that of the current data. A document has another inode
 * for each content, so its pages may be cached for ever.
 */
#ifndef OKSTRAFS_FS_SERVE_GENERATION_H
#define OKSTRAFS_FS_SERVE_GENERATION_H

#include "serve/mount_state.h"

/*
 * The data is up to date; nothing is synced. A generation that was rendered before oldest_ms is rendered
 * again even if its data has not changed. One reference more. 1: nobody had looked the file up before; 0;
 * -ENOENT: there is no such file (now); -ENOMEM ...
 */
int generation_get(struct mount *m, struct inode *dir, const char *name, const struct node *node,
                   int64_t oldest_ms, struct inode **out);

#endif
