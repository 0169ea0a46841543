/* Reading small JSON files that belong to other programs (private to the core). */
#ifndef OKSTRAFS_FILES_EXTERNAL_JSON_H
#define OKSTRAFS_FILES_EXTERNAL_JSON_H

#include <stdint.h>

#include "files/json_tree.h"

enum { FOREIGN_JSON_BYTES_MAX = 4 << 20 }; /* of one file */

/*
 * The object that is the whole of a regular file, and the file's own time. 0; -EINVAL: something else, or not
 * whole; -EFBIG, -ENOENT, -ELOOP, -EACCES, ..., -ENOMEM. The caller clears *out.
 */
int foreign_json_load(const char *path, struct json_tree *out, int64_t *mtime_ns);

/* The member of that type; NULL: none, or `object` is none (NULL is fine). Borrowed. */
json_object *foreign_member(json_object *object, const char *key, json_type type);
/* A non-empty string without NUL, or NULL. Borrowed. */
const char *foreign_text(json_object *object, const char *key);
/* *out = a malloc'ed copy, or NULL where there is nothing to copy. 0 or -ENOMEM. */
int foreign_copy(char **out, const char *s);

#endif
