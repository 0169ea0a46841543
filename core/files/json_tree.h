/*
 * A small JSON text as a tree of json-c, for configuration and other programs' small files (private to the
 * core).
 *
 *     struct json_tree tree;
 *     struct json_fault fault;
 *
 *     rc = json_tree_parse(&tree, text, &(struct json_rules){.depth = 32}, &fault);
 *     if (rc == 0) {
 *         json_object *name = json_member(tree.root, "name");
 *         ...
 *         json_tree_clear(&tree);
 *     }
 *
 * Values live until the tree is cleared. They are read only: what allocates or frees (json_object_put(),
 * json_object_to_json_string(), ...) is not for them.
 */
#ifndef OKSTRAFS_FILES_JSON_TREE_H
#define OKSTRAFS_FILES_JSON_TREE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "files/json_check.h"
#include "okstrafs/slice.h"

struct json_tree {
    json_object *root;         /* NULL: null */
    struct json_block *memory; /* of a json-c that does not check its allocations (json_memory.h) */
};

/*
 * The one value that the text is. 0; -ENOMEM; or -EINVAL with *fault filled. *out is set on success only. Of
 * a repeated key the last one counts.
 */
int json_tree_parse(struct json_tree *out, struct oks_slice text, const struct json_rules *rules,
                    struct json_fault *fault);
void json_tree_clear(struct json_tree *tree);

/* In what follows any value is fine, and NULL, which is null and what is not there. */

/* NULL: there is none, or `object` is none. */
json_object *json_member(const json_object *object, const char *key);
bool json_true(const json_object *value);
/* A string without NUL, or NULL. */
const char *json_text(json_object *value);
/* A number as it stands in the file; an integer is cut to 64 bits. NULL: no number. */
const char *json_number(json_object *value, char room[24]);
/* Cut to what fits; 0: no number. */
int64_t json_int64(const json_object *value);
uint64_t json_uint64(const json_object *value); /* of an integer */

#endif
