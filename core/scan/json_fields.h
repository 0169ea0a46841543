/*
 * A shape from a table: what a source whose lines are few and simple needs to collect from them. (Claude
 * Code's has tables of its own, tuned for gigabytes.) The source's .c file
 *
 *   includes json_fields.h and defines
 *     struct shape           begins with `struct shape_text text`; what fields fill follows
 *     enum { SHAPE_ROOT }    and its other contexts, 0 being of no interest
 *     fields[context]        for each: a list of struct field that ends with FIELDS_END, or NULL
 *   includes json_table.h and defines
 *     shape_open()           mostly fields_open()
 *     shape_close()
 *   or, if no elements of arrays are collected, includes json_objects.h
 *   includes the two readers, json_scalar.h and json_walk.h.
 *
 * As in scan_claude.c: keys come in any order and more than once, the last one wins with all of its subtree.
 * An object's struct begins with `present`; what lies behind a false one is never looked at.
 */
#ifndef OKSTRAFS_SCAN_JSON_FIELDS_H
#define OKSTRAFS_SCAN_JSON_FIELDS_H

#include <errno.h>
#include <stdlib.h>

#define SHAPE_MAY_ESCAPE(field) (!(field) || !(field)->len)
#define SHAPE_IS_ANY(field)     ((field) && !(field)->len)
#define SHAPE_FORMS(shape)      (&(shape)->text.forms)

/* Whether all that fields fill is empty when a line begins, so that an object is cleared only if its key came
 * before. */
#ifndef SHAPE_BEGINS_EMPTY
#define SHAPE_BEGINS_EMPTY false
#endif

#include "scan/json_forms.h"
#include "scan/json_lex.h"
#include "scan/json_shape.h"
#include "okstrafs/slice.h"

enum { SHAPE_KEY_MAX = 255 }; /* bytes of a key of any name; of a longer one the first are kept */

/* Strings of this line whose escapes had to be undone. */
struct shape_text {
    size_t length; /* of the line, at most: no more than that can be unescaped */
    char *plain;
    size_t len, cap;
    bool odd;                /* some count of this line was odd */
    char key[SHAPE_KEY_MAX]; /* the last key that led to a FIELD_OF_ANY */
    size_t key_len;
    struct json_forms *forms; /* of lines before; NULL: none yet */
};

struct count {
    uint64_t value;
    bool given; /* neither absent nor null */
    bool odd;   /* given, but no count */
};

enum field_kind {
    FIELD_NONE,   /* the end of a list */
    FIELD_TEXT,   /* a slice; absent where it is no string or empty */
    FIELD_COUNT,  /* struct count */
    FIELD_NUMBER, /* a slice: the number as it stands; absent where it is none */
    FIELD_TRUE,   /* a bool, true for true only */
    FIELD_OBJECT, /* a struct that begins with `present`, filled through another context */
    FIELD_ARRAY,
};

struct field {
    uint8_t len; /* in front of the name, so that one comparison tells most keys apart */
    char name[OKS_KEY_PAD - 1];
    uint8_t kind;
    uint8_t context; /* of the container, for the last two kinds */
    uint16_t offset; /* in struct shape */
    uint16_t size;   /* of all that the key stands for */
};

#define FIELD(text, kind, member)                                                \
    {                                                                            \
        sizeof(text) - 1, text, FIELD_##kind, 0, offsetof(struct shape, member), \
            sizeof(((struct shape *)0)->member)                                  \
    }
#define FIELD_INTO(text, kind, context, member)                                        \
    {                                                                                  \
        sizeof(text) - 1, text, FIELD_##kind, context, offsetof(struct shape, member), \
            sizeof(((struct shape *)0)->member)                                        \
    }
/* The one field of a context whose keys are data, such as names of models: any key leads to it. */
#define FIELD_OF_ANY(kind, context, member) FIELD_INTO("", kind, context, member)
#define FIELDS_END                 \
    {                              \
        0, "", FIELD_NONE, 0, 0, 0 \
    }

enum { SHAPE_PLAIN_KEPT = 1 << 20 }; /* bytes */

#endif
