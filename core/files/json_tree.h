/*
 * A small JSON text as a tree, for configuration and other programs' small files (private to the core).
 *
 *     struct json_tree tree;
 *     struct json_fault fault;
 *
 *     rc = json_tree_parse(&tree, text, &(struct json_rules){.depth = 32}, &fault);
 *     if (rc == 0) {
 *         const struct json_value *name = json_member(tree.root, "name");
 *         ...
 *         json_tree_clear(&tree);
 *     }
 *
 * All values of a text are in one array, and all strings in one block, so there are few allocations, and each
 * is checked. Values and their text live until the tree is cleared.
 */
#ifndef OKSTRAFS_FILES_JSON_TREE_H
#define OKSTRAFS_FILES_JSON_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "okstrafs/slice.h"

enum json_value_type {
    JSON_TYPE_NULL,
    JSON_TYPE_BOOLEAN,
    JSON_TYPE_INT,
    JSON_TYPE_DOUBLE, /* a number with a fraction or an exponent */
    JSON_TYPE_STRING,
    JSON_TYPE_ARRAY,
    JSON_TYPE_OBJECT,
};

struct json_value {
    const char *key;  /* of a member; NULL: it is in no object */
    const char *text; /* of a string, without escapes; of a number, as it stands in the file; NULL: another */
    uint32_t key_len, len;
    uint32_t n;     /* of members, each key once, or of elements; 1: true */
    uint32_t size;  /* how many values from this one on are it and all in it */
    uint8_t type;   /* enum json_value_type */
    bool overruled; /* the object has the same key again, further on */
};

struct json_tree {
    struct json_value *root; /* the array of all values */
    char *bytes;
};

struct json_rules {
    unsigned depth; /* levels of values, the root's included */
    bool any_bytes; /* strings may hold control characters, and bytes that are no UTF-8 */
};

struct json_fault {
    size_t at; /* in the text */
    const char *what;
};

/*
 * The one value that the text is. 0; -ENOMEM; or -EINVAL with *fault filled. *out is set on success only. Of
 * a repeated key the last one counts.
 */
int json_tree_parse(struct json_tree *out, struct oks_slice text, const struct json_rules *rules,
                    struct json_fault *fault);
void json_tree_clear(struct json_tree *tree);

/* In what follows NULL is fine, and is no value. */

bool json_is(const struct json_value *value, enum json_value_type type);
/* NULL: there is none, or `object` is none. */
const struct json_value *json_member(const struct json_value *object, const char *key);
/* The first member or element, and the one behind it; NULL: no more. */
const struct json_value *json_first(const struct json_value *container);
const struct json_value *json_next(const struct json_value *container, const struct json_value *value);
bool json_true(const struct json_value *value);
/* A string without NUL, or NULL. */
const char *json_text(const struct json_value *value);
/* Cut to what fits; 0: no number. */
int64_t json_int64(const struct json_value *value);
uint64_t json_uint64(const struct json_value *value);

#endif
