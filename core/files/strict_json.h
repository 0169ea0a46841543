/*
 * JSON values, strictly: RFC 8259, and valid UTF-8, with any release of json-c.
 *
 *     json_tokener *tokener = json_tokener_new_ex(32);
 *     rc = strict_json_parse(tokener, text, &value, &end);
 *     ... json_object_put(value); json_tokener_free(tokener);
 */
#ifndef OKSTRAFS_FILES_STRICT_JSON_H
#define OKSTRAFS_FILES_STRICT_JSON_H

#include <json-c/json.h>
#include <stddef.h>

#include "okstrafs/slice.h"

/*
 * Parses the value at the begin of the text; *end is where it ends, or where it is wrong. Numbers and words
 * at the end of the text are complete. 0; -ENOMEM; or json-c's error, which is positive:
 * json_tokener_continue where the text ends in the middle of the value. *out is set on success only.
 */
int strict_json_parse(json_tokener *tokener, struct oks_slice text, json_object **out, size_t *end);

#endif
