/*
 * A node: a name in the tree, with its target. It holds no data. Thread safe, if each node is used by one
 * thread at a time.
 */
#ifndef OKSTRAFS_FS_TREE_NODE_H
#define OKSTRAFS_FS_TREE_NODE_H

#include "okstrafs/engine.h"

enum node_shape { NODE_DIR, NODE_FILE, NODE_LINK };

struct node_type;

struct node {
    const struct node_type *type;
    enum oks_kind kind; /* of the target */
    char *name;         /* of the target: session, team or project, as a file name; NULL: none */
    char *member;       /* of a team; NULL: none */
    char *leaf; /* the node's own name, if the table does not fix it, or a link's target; NULL: none */
};

void node_clear(struct node *node);
int node_copy(struct node *out, const struct node *node); /* -ENOMEM */
enum node_shape node_shape(const struct node *node);

/* The node's existence does not depend on the data: its name may be cached for ever. */
bool node_is_fixed(const struct node *node);

/* The node is in the table by name, or listed as if it were. */
bool node_is_of_table(const struct node *node);

/* The node is a link from another spelling of a listed name. */
bool node_is_alias(const struct node *node);

/* The node's target; borrowed from it. */
struct oks_target node_target(const struct node *node);

/* The target of a symlink, malloc'ed; NULL on ENOMEM. */
char *node_link_target(const struct node *link);

#endif
