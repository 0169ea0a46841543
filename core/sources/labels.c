/*
 * What a sub-agent is called where its records do not say so.
 *
 * Claude Code writes a small file beside a sub-agent's transcript when it starts the agent. It also holds
 * what the agent was told to do (`description`), which is part of a prompt and is never taken up.
 */
#include "sources/labels.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "files/external_json.h"
#include "base/utf8.h"

/* The bytes of the characters that fit. */
static size_t length_of(const char *s)
{
    size_t n = strlen(s), at = 0, len;
    uint32_t code;

    if (n <= LABEL_BYTES_MAX)
        return n;
    while (at < n) {
        if (!utf8_next(s + at, n - at, &code, &len))
            len = 1;
        if (at + len > LABEL_BYTES_MAX)
            break;
        at += len;
    }
    return at;
}

/* No file, or none of ours to read: a link, a FIFO, something else than JSON. */
static bool says_nothing(int rc)
{
    return rc == -ENOENT || rc == -ENOTDIR || rc == -EINVAL || rc == -ELOOP || rc == -EFBIG;
}

int label_load(const char *path, char **out)
{
    json_object *root;
    const char *name;
    int64_t mtime_ns;
    int rc = foreign_json_load(path, &root, &mtime_ns);

    if (rc < 0) {
        if (!says_nothing(rc))
            return rc;
        *out = NULL;
        return 0;
    }
    name = foreign_text(root, "name");
    if (!name)
        name = foreign_text(root, "agentType");
    *out = name ? strndup(name, length_of(name)) : NULL;
    rc = name && !*out ? -ENOMEM : 0;
    json_object_put(root);
    return rc;
}
