/*
 * A tolerant reader of small JSON files that other programs write.
 *
 * They are rewritten while they are read, by programs whose next version we do not know: every member is
 * optional, a value of another type counts as absent, and a file that is being written is one that does not
 * parse. None is waited for, and none is larger than a bound.
 */
#include "files/external_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "files/walk.h"
#include "files/read_file.h"

enum { DEPTH_MAX = 64 };

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

int foreign_json_load(const char *path, struct json_tree *out, int64_t *mtime_ns)
{
    static const struct json_rules rules = {.depth = DEPTH_MAX, .any_bytes = true};
    struct json_tree tree;
    struct json_fault fault;
    char *bytes;
    size_t len;
    int rc = read_whole(path, &bytes, &len, mtime_ns);

    if (rc < 0)
        return rc;
    rc = json_tree_parse(&tree, (struct oks_slice){bytes, len}, &rules, &fault);
    free(bytes);
    if (rc < 0)
        return rc;
    if (!json_object_is_type(tree.root, json_type_object)) {
        json_tree_clear(&tree);
        return -EINVAL;
    }
    *out = tree;
    return 0;
}

json_object *foreign_member(json_object *object, const char *key, json_type type)
{
    json_object *value = json_member(object, key);

    return json_object_is_type(value, type) ? value : NULL;
}

const char *foreign_text(json_object *object, const char *key)
{
    const char *s = json_text(json_member(object, key));

    return s && *s ? s : NULL;
}

int foreign_copy(char **out, const char *s)
{
    *out = s ? strdup(s) : NULL;
    return s && !*out ? -ENOMEM : 0;
}
