/* The table of nodes (private to the tree). */
#ifndef OKSTRAFS_FS_TREE_TREE_TABLE_H
#define OKSTRAFS_FS_TREE_TREE_TABLE_H

#include "okstrafs/window.h"
#include "tree/node_private.h"

extern const struct node_type node_type_root;
extern const struct node_type node_type_alias; /* a link to the name under which its target is listed */

/* The window that a file's name means (".json"), or a folder's (without). 0, -ENOENT, ... as
 * oks_window_parse. */
int tree_window(enum node_shape shape, const char *name, int64_t now_ms, struct oks_window *out);

#endif
