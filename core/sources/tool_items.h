/*
 * The elements of the array that a reader of tool calls collects. A .c file includes this behind its fields
 * and json_table.h, where its contexts CTX_ITEMS, the array, and CTX_ITEM, an object in it, are known, and
 * its shape has `item`, the one that is read. Then it defines shape_close(), which calls TOOL_ITEM_PUSH().
 */
#ifndef OKSTRAFS_SOURCES_TOOL_ITEMS_H
#define OKSTRAFS_SOURCES_TOOL_ITEMS_H

#include "base/array.h"

/* Takes the value up; without memory for it the line fails. */
#define TOOL_ITEM_PUSH(shape, value)                                         \
    do {                                                                     \
        if (OKS_GROW((shape)->items, (shape)->n_items, (shape)->items_room)) \
            (shape)->items[(shape)->n_items++] = (value);                    \
        else                                                                 \
            (shape)->no_memory = true;                                       \
    } while (0)

static unsigned shape_open(struct shape *shape, unsigned context, const struct field *field, bool array)
{
    unsigned inner;

    if (!field) {
        if (context != CTX_ITEMS || array)
            return CTX_SKIP;
        memset(&shape->item, 0, sizeof(shape->item));
        return CTX_ITEM;
    }
    inner = fields_open(shape, field, array);
    if (inner == CTX_ITEMS)
        shape->n_items = 0; /* the key came again: the last one counts */
    return inner;
}

#endif
