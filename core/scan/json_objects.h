/* The functions of a shape that is driven by a table (json_fields.h) and collects no elements of arrays. */
#ifndef OKSTRAFS_SCAN_JSON_OBJECTS_H
#define OKSTRAFS_SCAN_JSON_OBJECTS_H

#include "scan/json_table.h"

#undef SHAPE_HAS_ELEMENTS
#define SHAPE_HAS_ELEMENTS false

static unsigned shape_open(struct shape *shape, unsigned context, const struct field *field, bool array)
{
    (void)context;
    return fields_open(shape, field, array);
}

static inline void shape_close(struct shape *shape, unsigned context)
{
    (void)shape;
    (void)context;
}

#endif
