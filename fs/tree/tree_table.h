/* The table of nodes (private to the tree). */
#ifndef OKSTRAFS_FS_TREE_TREE_TABLE_H
#define OKSTRAFS_FS_TREE_TREE_TABLE_H

#include "okstrafs/window.h"
#include "tree/node_private.h"

extern const struct node_type node_type_root;
extern const struct node_type node_type_alias; /* a link to the listed name of its target */

/*
 * The window of a file's name (".json"), or of a folder's (without). 0, or a negative errno of
 * oks_window_parse().
 */
int tree_window(enum node_shape shape, const char *name, const struct oks_zone *zone, int64_t now_ms,
                struct oks_window *out);

#endif
