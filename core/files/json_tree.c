/*
 * Trees of json-c.
 *
 * A text is checked first, so when json-c parses it nothing can be wrong but a lack of memory. From release
 * 0.17 on json-c says so; older ones use json_memory.h.
 */
#include "files/json_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "files/json_memory.h"

struct parsing {
    struct oks_slice text;
    int depth;
    json_object *root;
};

/* Parses a text that was checked. 0 or -ENOMEM */
static int parse(void *ctx)
{
    struct parsing *p = ctx;
    json_tokener *tokener = json_tokener_new_ex(p->depth);
    enum json_tokener_error error;

    if (!tokener)
        return -ENOMEM;
    p->root = json_tokener_parse_ex(tokener, p->text.ptr, (int)p->text.len);
    error = json_tokener_get_error(tokener);
    if (error == json_tokener_continue) { /* a number ends where something follows it */
        p->root = json_tokener_parse_ex(tokener, "", 1);
        error = json_tokener_get_error(tokener);
    }
    json_tokener_free(tokener);
    return error == json_tokener_success ? 0 : -ENOMEM;
}

int json_tree_parse(struct json_tree *out, struct oks_slice text, const struct json_rules *rules,
                    struct json_fault *fault)
{
    struct parsing p = {.text = text, .depth = (int)rules->depth + 1};
    struct json_block *memory = NULL;
    int rc = json_check(text, rules, fault);

    if (rc == 0)
        rc = JSON_CHECKS_MEMORY ? parse(&p) : json_memory_parse(&memory, parse, &p);
    if (rc == 0)
        *out = (struct json_tree){p.root, memory};
    return rc;
}

void json_tree_clear(struct json_tree *tree)
{
    if (JSON_CHECKS_MEMORY)
        json_object_put(tree->root);
    else
        json_memory_free(tree->memory);
    *tree = (struct json_tree){0};
}

/* --- queries --- */

json_object *json_member(const json_object *object, const char *key)
{
    json_object *value = NULL;

    if (json_object_is_type(object, json_type_object))
        json_object_object_get_ex(object, key, &value);
    return value;
}

bool json_true(const json_object *value)
{
    return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

const char *json_text(json_object *value)
{
    const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;

    return text && strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

const char *json_number(json_object *value, char room[24])
{
    if (json_object_is_type(value, json_type_double))
        return json_object_get_userdata(value); /* json-c keeps the text of what it parses */
    if (!json_object_is_type(value, json_type_int))
        return NULL;
    if (json_object_get_int64(value) < 0)
        snprintf(room, 24, "%" PRId64, json_object_get_int64(value));
    else
        snprintf(room, 24, "%" PRIu64, json_object_get_uint64(value));
    return room;
}

int64_t json_int64(const json_object *value)
{
    double d;

    if (json_object_is_type(value, json_type_int))
        return json_object_get_int64(value);
    if (!json_object_is_type(value, json_type_double))
        return 0;
    d = json_object_get_double(value);
    return d >= 0x1p63 ? INT64_MAX : d < -0x1p63 ? INT64_MIN : (int64_t)d;
}

uint64_t json_uint64(const json_object *value)
{
    return json_object_is_type(value, json_type_int) ? json_object_get_uint64(value) : 0;
}
