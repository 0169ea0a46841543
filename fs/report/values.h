/*
 * The values of a JSON text: of a document of the mount, or of a part of one.
 *
 *     struct values values;
 *
 *     rc = values_parse(&values, text);
 *     if (rc == 0) {
 *         const struct value *cost = value_member(values.root, "costUSD");
 *         ...
 *         values_clear(&values);
 *     }
 *
 * A number keeps its digits, because a report shows them and does not compute with them. All values of a text
 * are in one array, and all strings in one block. They live until values_clear().
 */
#ifndef OKSTRAFS_FS_REPORT_VALUES_H
#define OKSTRAFS_FS_REPORT_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "okstrafs/slice.h"

enum value_type {
    VALUE_NULL,
    VALUE_FALSE,
    VALUE_TRUE,
    VALUE_NUMBER,
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_OBJECT
};

struct value {
    const char *key; /* of a member; NULL: it is in no object */
    const char
        *text;     /* of a string, without escapes, up to its first NUL; of a number, its digits; else NULL */
    uint32_t size; /* how many values from this one on are it and all in it */
    enum value_type type;
};

struct values {
    struct value *root; /* the array of all values */
    char *bytes;
};

/* 0; -EINVAL: this is no JSON, or nested too deeply; -ENOMEM. *out is set on success only. */
int values_parse(struct values *out, struct oks_slice text);
void values_clear(struct values *values);

/* In what follows NULL is fine, and is no value. */

bool value_is(const struct value *value, enum value_type type);
bool value_is_true(const struct value *value);
/* The text of a string, or NULL. */
const char *value_string(const struct value *value);
/* Of a repeated key the last one. NULL: there is none, or `object` is none. */
const struct value *value_member(const struct value *object, const char *key);
const struct value *value_member_of(const struct value *object, struct oks_slice key);
/* The first member or element, and the one behind it; NULL: no more. */
const struct value *value_first(const struct value *container);
const struct value *value_next(const struct value *container, const struct value *value);

#endif
