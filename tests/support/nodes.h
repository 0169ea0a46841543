/* Nodes of the tree that need no engine: of the table, or as if they were listed. */
#ifndef OKSTRAFS_TESTS_NODES_H
#define OKSTRAFS_TESTS_NODES_H

#include <string.h>

#include "tap.h"
#include "tree/tree.h"

/* The child of that name: a fixed one, a window, or one as if it were listed. */
static inline struct node child_of(const struct node *dir, const char *name)
{
    struct node child = {0};

    if (tree_lookup(NULL, dir, name, 0, NULL, &child) < 0)
        ck_abort_msg("no %s", name);
    return child;
}

static inline struct node listed_in(const struct node *dir, const char *name)
{
    struct node child = {0};

    ck_assert_int_eq(tree_listed(NULL, dir, name, &child), 0);
    return child;
}

/* The node at a path, whose components with a leading '=' are listed ones: "sessions/=0123/usage.json". */
static inline struct node node_at(const char *path)
{
    struct node node;

    tree_root(&node);
    while (*path) {
        size_t n = strcspn(path, "/");
        char name[256];
        struct node child;

        snprintf(name, sizeof(name), "%.*s", (int)n, path);
        child = *name == '=' ? listed_in(&node, name + 1) : child_of(&node, name);
        node_clear(&node);
        node = child;
        path += n + (path[n] == '/');
    }
    return node;
}

#endif
