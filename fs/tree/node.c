/*
 * Nodes of the tree, as values that are copied, and their properties by type.
 */
#include "tree/node_private.h"
#include "tree/tree_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void node_clear(struct node *node)
{
    free(node->name);
    free(node->member);
    free(node->leaf);
    *node = (struct node){0};
}

/* Copies s to *out; NULL gives NULL. */
static bool copy(char **out, const char *s)
{
    *out = s ? strdup(s) : NULL;
    return !s || *out;
}

int node_make(struct node *out, const struct node_type *type, struct oks_target target, const char *leaf)
{
    struct node node = {.type = type, .kind = target.kind};

    if (copy(&node.name, target.name) && copy(&node.member, target.member) && copy(&node.leaf, leaf)) {
        *out = node;
        return 0;
    }
    node_clear(&node);
    return -ENOMEM;
}

int node_copy(struct node *out, const struct node *node)
{
    return node_make(out, node->type, node_target(node), node->leaf);
}

struct oks_target node_target(const struct node *node)
{
    return (struct oks_target){node->kind, node->name, node->member};
}

enum node_shape node_shape(const struct node *node)
{
    return node->type->shape;
}

bool node_is_fixed(const struct node *node)
{
    return node->kind == OKS_ALL && node->type->name;
}

bool node_is_of_table(const struct node *node)
{
    return node->type->name || node->type->announced;
}

bool node_is_alias(const struct node *node)
{
    return node->type == &node_type_alias;
}

char *node_link_target(const struct node *link)
{
    char *target;

    return asprintf(&target, "%s%s", link->type->up, link->leaf) < 0 ? NULL : target;
}
