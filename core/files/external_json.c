/*
 * A tolerant reader of small JSON files that other programs write.
 *
 * They are rewritten while they are read, by programs whose next version we do not know: every member is
 * optional, a value of another type counts as absent, and a file that is being written is one that does not
 * parse. None is waited for, and none is larger than a bound.
 */
#include "files/external_json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "files/walk.h"
#include "files/read_file.h"

static int read_whole(const char *path, char **bytes, size_t *len, int64_t *mtime_ns)
{
    struct stat st;
    int fd = oks_open_regular(path, &st), rc;

    if (fd < 0)
        return fd;
    rc = read_file_opened(fd, &st, FOREIGN_JSON_BYTES_MAX, bytes, len);
    if (rc == 0)
        *mtime_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
    return rc;
}

/* json-c stops behind the first value; a file that goes on is being written, or is something else. */
static bool ends_there(json_tokener *tokener, const char *bytes, size_t len)
{
    size_t end = json_tokener_get_parse_end(tokener);

    while (end < len && strchr(" \t\r\n", bytes[end]) && bytes[end])
        end++;
    return end == len;
}

int foreign_json_load(const char *path, json_object **out, int64_t *mtime_ns)
{
    json_tokener *tokener;
    json_object *root;
    char *bytes;
    size_t len;
    int rc = read_whole(path, &bytes, &len, mtime_ns);

    if (rc < 0)
        return rc;
    tokener = json_tokener_new_ex(64);
    root = tokener ? json_tokener_parse_ex(tokener, bytes, (int)len) : NULL;
    rc = !tokener ? -ENOMEM : 0;
    if (rc == 0 && (!json_object_is_type(root, json_type_object) || !ends_there(tokener, bytes, len))) {
        json_object_put(root);
        rc = -EINVAL;
    }
    json_tokener_free(tokener);
    free(bytes);
    if (rc == 0)
        *out = root;
    return rc;
}

json_object *foreign_member(json_object *object, const char *key, json_type type)
{
    json_object *value;

    if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, type))
        return NULL;
    return value;
}

const char *foreign_text(json_object *object, const char *key)
{
    json_object *value = foreign_member(object, key, json_type_string);
    const char *s = value ? json_object_get_string(value) : NULL;

    return s && *s && strlen(s) == (size_t)json_object_get_string_len(value) ? s : NULL;
}

int foreign_copy(char **out, const char *s)
{
    *out = s ? strdup(s) : NULL;
    return s && !*out ? -ENOMEM : 0;
}
