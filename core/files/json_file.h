/*
 * A JSON file that a person writes: parsed strictly, with errors that name the line (private to the core).
 */
#ifndef OKSTRAFS_FILES_JSON_FILE_H
#define OKSTRAFS_FILES_JSON_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "files/json_tree.h"
#include "okstrafs/slice.h"

struct json_file {
    struct json_tree tree; /* its root is an object */
    struct oks_slice text; /* borrowed: it must outlive this */
    char *error;           /* borrowed: 256 bytes */
};

/* 0, -ENOMEM, or -EINVAL with "line 3: ..." in `error`, which later errors go to as well. */
int json_file_parse(struct json_file *out, const char *text, size_t len, int depth, char error[256]);
void json_file_clear(struct json_file *file);

/*
 * Writes "line <n>: <message>" for the member at the path (keys and array indices, NULL-terminated), or for
 * the nearest container of it that is there. Gives -EINVAL.
 */
int json_file_error(const struct json_file *file, const char *const *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Whether no name stands twice in the object at the path, of which the last would count. 0, or -EINVAL with
 * a message as of json_file_error(). Call it after the names were checked: its time is members times names.
 */
int json_file_unique(const struct json_file *file, const char *const *path, json_object *object);

#endif
