/* The table of nodes as tree.c reads it (private to the tree). */
#ifndef OKSTRAFS_FS_TREE_TREE_TABLE_H
#define OKSTRAFS_FS_TREE_TREE_TABLE_H

#include "okstrafs/window.h"
#include "tree/tree.h"

struct node_type {
    const char *name; /* NULL: the parent's list gives it */
    enum node_shape shape;

    /* directories */
    enum oks_kind enters;                 /* the target that it is about; OKS_ALL: its parent's */
    const struct node_type *const *fixed; /* NULL-terminated, or NULL */
    const struct node_type *each;         /* the type of the listed children; NULL: none */
    enum oks_list list;                   /* where their names come from */
    bool list_of_all;                     /* of everything, not of the target */
    bool untold;                          /* its watchers are not told of files that nobody looked up */

    /* files */
    int (*render)(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                  struct oks_document *out);
    enum oks_stats stats; /* of those in stats/ */
    bool told;            /* listed: their folder's watchers hear of changes, looked up or not */
    bool costly;          /* its folder's watchers hear of it only if it was looked up */
    bool is_stream;       /* append-only */
    bool is_volatile;     /* the content changes without the target's data changing */
    bool of_clock;        /* it changes with the clock */
    bool of_window;       /* the leaf, if there is one, is the name of its window, or of its folder's */
    bool of_times;        /* it needs the rows of time */
    bool of_all;          /* it depends on all data, whatever its target */

    bool of_no_data; /* nothing has to be read for it */
    bool of_found;   /* what is found is enough, read or not */

    const char *up; /* links: what stands before the leaf (or before the target's name) */
};

extern const struct node_type node_type_root;
extern const struct node_type node_type_alias; /* a link to the name under which its target is listed */

/* The window that a file's name means (".json"), or a folder's (without). 0, -ENOENT, ... as
 * oks_window_parse. */
int tree_window(enum node_shape shape, const char *name, int64_t now_ms, struct oks_window *out);

#endif
