/*
 * Grok Build as a source: sessions/<project>/<session>/updates.jsonl. The project's name is the working
 * directory, with percent signs. summary.json beside the updates says more; chat_history.jsonl repeats them
 * without times.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/passing.h"
#include "files/external_json.h"
#include "sources/scan_grok.h"
#include "sources/source.h"
#include "sources/source_paths.h"
#include "sources/tools.h"

static const char base[] = "/updates.jsonl";

static bool wants(const char *rel)
{
    const char *slash = strchr(rel, '/'), *second = slash ? strchr(slash + 1, '/') : NULL;

    return second && strcmp(second, base) == 0;
}

/* What else is in a session's folder is no transcript. */
static bool enters(const char *rel)
{
    const char *slash = strchr(rel, '/');

    return !slash || !strchr(slash + 1, '/');
}

/* The session, and the project in front of it. */
static void parts_of(const char *path, struct oks_slice *session, struct oks_slice *project)
{
    size_t end = text_ends_with(path, base) ? strlen(path) - strlen(base) : strlen(path), from;

    for (from = end; from > 0 && path[from - 1] != '/';)
        from--;
    *session = (struct oks_slice){path + from, end - from};
    end = from > 0 ? from - 1 : 0;
    for (from = end; from > 0 && path[from - 1] != '/';)
        from--;
    *project = (struct oks_slice){path + from, end - from};
}

static struct oks_slice id_of(const char *rel)
{
    struct oks_slice session, project;

    parts_of(rel, &session, &project);
    return session;
}

static int digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | (c >= 'A' ? 0x20 : 0)) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* The folder in the project's name; false: there is none. */
static bool decode(struct oks_slice name, char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < name.len && n + 1 < size; i++) {
        bool escaped = name.ptr[i] == '%' && i + 2 < name.len && digit(name.ptr[i + 1]) >= 0 &&
                       digit(name.ptr[i + 2]) >= 0;

        out[n] = escaped ? (char)(digit(name.ptr[i + 1]) << 4 | digit(name.ptr[i + 2])) : name.ptr[i];
        if (!out[n++])
            return false;
        i += escaped ? 2 : 0;
    }
    out[n] = '\0';
    return *out == '/';
}

static void set_name(json_object *object, const char *key, struct source_name *to)
{
    const char *text = foreign_text(object, key);

    if (text)
        source_name_set(to, oks_slice_of(text));
}

static void read_summary(json_object *root, struct source_about *out)
{
    const char *kind = foreign_text(root, "session_kind");
    const char *cwd = foreign_text(foreign_member(root, "info", json_type_object), "cwd");

    if (cwd && *cwd == '/' && strlen(cwd) < sizeof(out->cwd))
        strcpy(out->cwd, cwd);
    set_name(root, "current_model_id", &out->model);
    set_name(root, "head_branch", &out->branch);
    out->sidechain = kind && strcmp(kind, "subagent") == 0;
    if (!out->sidechain)
        return;
    set_name(root, "agent_name", &out->agent);
    set_name(root, "parent_session_id", &out->parent);
}

static int about(const char *path, const char *memo, struct source_about *out)
{
    struct oks_slice session, project;
    struct json_tree tree;
    int64_t mtime_ns;
    char *file;
    int rc;

    parts_of(path, &session, &project);
    source_name_set(&out->self, session);
    if (!decode(project, out->cwd, sizeof(out->cwd)))
        out->cwd[0] = '\0';
    if (asprintf(&file, "%.*s/summary.json", (int)(session.ptr + session.len - path), path) < 0)
        return -ENOMEM;
    rc = foreign_json_load(file, &tree, &mtime_ns);
    free(file);
    if (rc < 0)
        return passing(rc);
    read_summary(tree.root, out);
    json_tree_clear(&tree);
    return 0;
}

/* The memo's second word. */
static bool parent_of(const char *memo, char *out, size_t size)
{
    struct memo_reader r = {memo};
    struct source_name parent;

    memo_skip(&r);
    source_name_get(&r, &parent);
    return *parent.text && snprintf(out, size, "%s", parent.text) < (int)size;
}

static const struct oks_source_home homes[] = {
    {.variable = "GROK_HOME", .folder = "~/.grok", .used = true},
    {0},
};

const struct source oks_source_grok = {
    .id = OKS_SOURCE_GROK,
    .name = "grok",
    .homes = homes,
    .folders = {"sessions"},
    READERS_OF(grok),
    .tools = &oks_grok_tools,
    .wants = wants,
    .enters = enters,
    .id_of = id_of,
    .project = source_top, /* where it is no folder */
    .parent_of = parent_of,
    .about = about,
    .late = true,
    .revises = true,
};
