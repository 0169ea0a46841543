/*
 * Memory for releases of json-c that do not check their allocations (private to json_tree.c).
 *
 * Before 0.17 a failed allocation crashed json-c, or left a member out. There the build links a copy of its
 * static library whose allocations are those of json_memory.c, and one that fails ends the parse.
 */
#ifndef OKSTRAFS_FILES_JSON_MEMORY_H
#define OKSTRAFS_FILES_JSON_MEMORY_H

#include <json-c/json.h>

#define JSON_CHECKS_MEMORY (JSON_C_VERSION_NUM >= (17 << 8))

struct json_block;

/*
 * Calls parse(ctx), which may use json-c, and keeps all that json-c allocates until json_memory_free(). What
 * parse() returned; or -ENOMEM, with nothing kept: then parse() did not return.
 */
int json_memory_parse(struct json_block **out, int (*parse)(void *ctx), void *ctx);
void json_memory_free(struct json_block *blocks);

#endif
