/*
 * What both readers of a line (json_scalar.h, json_walk.h) share: the verdicts, and the stack of open
 * containers.
 *
 * A context is a small number that a source's shape gives to the containers it wants to look into; 0 is a
 * container of no interest, in which only the grammar matters. A shape is a .c file that defines, before it
 * includes the readers:
 *
 *   struct shape                                     the line being collected
 *   SHAPE_ROOT                                       the context of the top-level object
 *   shape_key(context, bytes, len)                   the field a key stands for, or NULL
 *   shape_scalar(shape, field, kind, bytes, len)     a string (raw), number or literal; 0 or -ENOMEM
 *   shape_open(shape, context, field, array)         a container begins: its context
 *   shape_close(shape, context)                      it ends
 *
 * where field is NULL for the elements of arrays and may be NULL for keys of no interest. Since both readers
 * tell a shape the same story, what they extract cannot differ.
 */
#ifndef OKSTRAFS_CORE_JSON_NEST_H
#define OKSTRAFS_CORE_JSON_NEST_H

#include "okstrafs/scanner.h"

/* Negative numbers are errors (-ENOMEM). */
enum json_verdict {
    JSON_LINE_OBJECT,
    JSON_LINE_EMPTY,
    JSON_LINE_BAD,
    JSON_LINE_DOUBT, /* of json_walk.h only: let json_scalar.h decide */
};

struct json_nest {
    unsigned depth;
    unsigned context;
    bool array;
    uint8_t outer[OKS_DEPTH_MAX]; /* context and array of the containers around */
};

static inline bool nest_enter(struct json_nest *nest, unsigned context, bool array)
{
    if (nest->depth == OKS_DEPTH_MAX)
        return false;
    nest->outer[nest->depth++] = (uint8_t)(nest->context << 1 | nest->array);
    nest->context = context;
    nest->array = array;
    return true;
}

static inline void nest_leave(struct json_nest *nest)
{
    unsigned outer = nest->outer[--nest->depth];

    nest->context = outer >> 1;
    nest->array = outer & 1;
}

#endif
