/*
 * What a sub-agent is called, and which team it is in, where its records do not say so.
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

void label_clear(struct label *label)
{
    free(label->name);
    free(label->team);
    *label = (struct label){0};
}

/* *out: a copy, cut; NULL stays NULL. 0 or -ENOMEM */
static int copy(char **out, const char *s)
{
    *out = s ? strndup(s, length_of(s)) : NULL;
    return s && !*out ? -ENOMEM : 0;
}

/* The team of a teammate inside its lead's process. Other agents that a team's member starts are in no team.
 */
static const char *team_of(json_object *root)
{
    const char *kind = foreign_text(root, "taskKind"), *team = foreign_text(root, "teamName");

    if (kind && strcmp(kind, "in_process_teammate") != 0)
        return NULL;
    return team || !kind ? team : "";
}

int label_load(const char *path, struct label *out)
{
    struct label label = {0};
    struct json_tree tree;
    const char *name;
    int64_t mtime_ns;
    int rc = foreign_json_load(path, &tree, &mtime_ns);

    if (rc < 0) {
        if (!says_nothing(rc))
            return rc;
        *out = label;
        return 0;
    }
    name = foreign_text(tree.root, "name");
    rc = copy(&label.name, name ? name : foreign_text(tree.root, "agentType"));
    if (rc == 0)
        rc = copy(&label.team, team_of(tree.root));
    json_tree_clear(&tree);
    if (rc < 0)
        label_clear(&label);
    else
        *out = label;
    return rc;
}
