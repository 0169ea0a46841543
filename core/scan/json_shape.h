/*
 * What the readers of a line (json_scalar.h, json_walk.h) and a source's shape know of each other.
 *
 * A context is a small number that a source's shape gives to the containers it wants to look into; 0 is a
 * container of no interest, in which only the grammar matters. A shape is a .c file that defines, before it
 * includes the readers:
 *
 *   struct shape                                     the line being collected
 *   SHAPE_ROOT                                       the context of the top-level object
 *   shape_begin(shape, length)                       a line begins, of no more than so many bytes
 *   shape_key(shape, context, bytes, len)            the field a key stands for, or NULL; see below
 *   shape_scalar(shape, field, kind, bytes, len)     a string (raw), number or literal; 0 or -ENOMEM
 *   shape_open(shape, context, field, array)         a container begins: its context
 *   shape_close(shape, context)                      it ends
 *
 * where field is NULL for the elements of arrays and may be NULL for keys of no interest. The field depends
 * on nothing but the context and the key, the context of a container on nothing but the context around it,
 * the field and whether it is an array. In context 0 neither containers nor their ends are told by
 * json_forms.h. A key stands between two quotes, and OKS_KEY_PAD bytes are readable from its start. Since
 * both readers tell a shape the same story, what they extract cannot differ.
 */
#ifndef OKSTRAFS_SCAN_JSON_SHAPE_H
#define OKSTRAFS_SCAN_JSON_SHAPE_H

#include "scan/scanner.h"

/* Whether a key with an escape may have led to this field. A shape with fields for keys of any name has a
 * rule of its own. */
#ifndef SHAPE_MAY_ESCAPE
#define SHAPE_MAY_ESCAPE(field) (!(field))
#endif

/* Whether a key of any name leads to this field: shape_key() has to be called for it. */
#ifndef SHAPE_IS_ANY
#define SHAPE_IS_ANY(field) false
#endif

/* Whether containers without a field and the ends of containers mean anything. */
#ifndef SHAPE_HAS_ELEMENTS
#define SHAPE_HAS_ELEMENTS true
#endif

/* Negative numbers are errors (-ENOMEM). */
enum json_verdict {
    JSON_LINE_OBJECT,
    JSON_LINE_EMPTY,
    JSON_LINE_BAD,
    JSON_LINE_DOUBT, /* of json_walk.h only: let json_scalar.h decide */
};

#endif
