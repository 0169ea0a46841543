/* The properties of a type of nodes (private to fs/tree). */
#ifndef OKSTRAFS_FS_TREE_NODE_PRIVATE_H
#define OKSTRAFS_FS_TREE_NODE_PRIVATE_H

#include "okstrafs/stream.h"
#include "tree/node.h"

struct node_type {
    const char *name; /* NULL: listed by the parent */
    enum node_shape shape;

    /* directories */
    enum oks_kind enters;                 /* the kind of its target; OKS_ALL: the parent's */
    const struct node_type *const *fixed; /* NULL-terminated, or NULL */
    const struct node_type *each;         /* the type of the listed children; NULL: none */
    enum oks_list list;                   /* source of their names */
    bool list_of_all;                     /* the list is that of everything, not of the target */
    bool named_only;  /* an export takes it, or the file, only if it is named: tree_is_named_only() */
    bool unannounced; /* its watchers are not notified of files that were never looked up */

    /* files */
    int (*render)(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                  struct oks_document *out);
    enum oks_stats stats;   /* of the documents in stats/; of a report, the last rows of time that it shows */
    enum oks_source source; /* of the documents in limits/ */
    bool announced; /* the folder's watchers are notified of changes, even if it was never looked up */
    bool costly;    /* they are notified only if it was looked up */
    bool is_stream; /* append-only */
    enum oks_stream_kind stream; /* then: what its lines are */
    bool is_volatile;            /* the content may change while the target's data does not */
    bool of_clock;               /* it changes with the clock */
    bool of_window; /* the leaf, if there is one, is the name of its window, or of its folder's window */
    bool of_times;  /* it needs the timeline */
    bool of_all;    /* it depends on all data, whatever its target is */

    bool of_no_data; /* it depends on no data */
    bool of_prices;  /* it depends on the prices alone */
    bool of_found;   /* it depends on what was found, read or not */

    /* links; one with a name leads to the first name of its folder's list, and exists while there is one */
    const char *up; /* the path in front of the leaf (or of the target's name) */
};

/* A node with copies of the target's names and of the leaf (NULL: none). -ENOMEM */
int node_make(struct node *out, const struct node_type *type, struct oks_target target, const char *leaf);

#endif
