/* What the type of a node says (private to the tree). */
#ifndef OKSTRAFS_FS_TREE_NODE_PRIVATE_H
#define OKSTRAFS_FS_TREE_NODE_PRIVATE_H

#include "tree/node.h"

struct node_type {
    const char *name; /* NULL: the parent's list gives it */
    enum node_shape shape;

    /* directories */
    enum oks_kind enters;                 /* the target that it is about; OKS_ALL: its parent's */
    const struct node_type *const *fixed; /* NULL-terminated, or NULL */
    const struct node_type *each;         /* the type of the listed children; NULL: none */
    enum oks_list list;                   /* where their names come from */
    bool list_of_all;                     /* of everything, not of the target */
    bool unannounced;                     /* its watchers are not told of files that nobody looked up */

    /* files */
    int (*render)(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                  struct oks_document *out);
    enum oks_stats stats; /* of those in stats/ */
    bool announced;       /* listed: their folder's watchers hear of changes, looked up or not */
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

/* A node with copies of the target's names and of the leaf (NULL: none). -ENOMEM */
int node_make(struct node *out, const struct node_type *type, struct oks_target target, const char *leaf);

#endif
