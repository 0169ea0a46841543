/*
 * Kimi as a source: Kimi Code and the older Kimi CLI, whose homes differ and whose files are both called
 * wire.jsonl.
 *
 * Kimi Code: sessions/<project>/<session>/agents/<agent>/wire.jsonl, the conversation itself being `main`,
 * and state.json in the session's folder with the working directory. Kimi CLI:
 * sessions/<project>/<session>/wire.jsonl, its sub-agents in subagents/<agent>/, the project a hash of the
 * working directory that kimi.json lists, and the model in config.toml.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/passing.h"
#include "files/external_json.h"
#include "files/read_file.h"
#include "sources/scan_kimi.h"
#include "sources/source.h"
#include "sources/source_paths.h"
#include "sources/tools.h"

enum { CONFIG_BYTES_MAX = 1 << 20 };

/* The parts of a path; absent ones are empty. */
struct parts {
    struct oks_slice project, session, agent;
    bool code;   /* of Kimi Code */
    size_t home; /* length of what stands before sessions/, if the path is absolute */
};

/* The component that ends at *end, and *end before it. */
static struct oks_slice component(const char *path, size_t *end)
{
    size_t from = *end;
    struct oks_slice found;

    while (from > 0 && path[from - 1] != '/')
        from--;
    found = (struct oks_slice){path + from, *end - from};
    *end = from > 0 ? from - 1 : 0;
    return found;
}

static bool parts_of(const char *path, struct parts *out)
{
    static const char base[] = "/wire.jsonl";
    size_t end = strlen(path);
    struct oks_slice kind;

    *out = (struct parts){0};
    if (!text_ends_with(path, base))
        return false;
    end -= strlen(base);
    out->session = component(path, &end);
    kind = component(path, &end);
    out->code = oks_slice_eq(kind, OKS_SLICE("agents"));
    if (out->code || oks_slice_eq(kind, OKS_SLICE("subagents"))) {
        out->agent = out->session;
        out->session = component(path, &end);
        kind = component(path, &end);
    }
    out->project = kind;
    component(path, &end);
    out->home = end;
    return out->session.len > 0 && out->project.len > 0;
}

static bool wants(const char *rel)
{
    struct parts parts;

    return parts_of(rel, &parts) && parts.project.ptr == rel;
}

/* The conversation itself, not a sub-agent's. */
static bool is_main(const struct parts *p)
{
    return !p->agent.len || (p->code && oks_slice_eq(p->agent, OKS_SLICE("main")));
}

/* A sub-agent's name is its own in its session only. */
static struct oks_slice id_in(const struct parts *p)
{
    if (is_main(p))
        return p->session;
    return (struct oks_slice){p->session.ptr, (size_t)(p->agent.ptr + p->agent.len - p->session.ptr)};
}

static struct oks_slice id_of(const char *rel)
{
    struct parts parts;

    return parts_of(rel, &parts) ? id_in(&parts) : source_stem(rel, ".jsonl");
}

static struct oks_slice parent(const char *rel)
{
    struct parts parts;

    return parts_of(rel, &parts) && !is_main(&parts) ? parts.session : (struct oks_slice){0};
}

/* --- files beside it --- */

/* What is none of ours to read says nothing. */
static int load(const char *path, struct json_tree *tree)
{
    int64_t mtime_ns;
    int rc = foreign_json_load(path, tree, &mtime_ns);

    return rc < 0 && passing(rc) == 0 ? -ENOENT : rc;
}

static void set_cwd(const char *cwd, struct source_about *out)
{
    if (cwd && *cwd == '/' && strlen(cwd) < sizeof(out->cwd))
        strcpy(out->cwd, cwd);
}

/* state.json in the session's folder. */
static int read_state(const char *path, const struct parts *p, struct source_about *out)
{
    size_t n = (size_t)(p->session.ptr + p->session.len - path);
    struct json_tree tree;
    char *file;
    int rc;

    if (asprintf(&file, "%.*s/state.json", (int)n, path) < 0)
        return -ENOMEM;
    rc = load(file, &tree);
    free(file);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    set_cwd(foreign_text(tree.root, "workDir"), out);
    json_tree_clear(&tree);
    return 0;
}

/* Whether the project's name is made of this folder's. One that is not local has a word in front. */
static bool is_project_of(struct oks_slice project, const char *cwd)
{
    uint8_t digest[OKS_MD5_BYTES];
    char hex[OKS_MD5_HEX];

    if (project.len < OKS_MD5_HEX - 1 || oks_md5(cwd, strlen(cwd), digest) < 0)
        return false;
    oks_hex(digest, sizeof(digest), hex);
    return memcmp(project.ptr + project.len - (OKS_MD5_HEX - 1), hex, OKS_MD5_HEX - 1) == 0;
}

/* kimi.json in the home. */
static int read_folders(const char *home, const struct parts *p, struct source_about *out)
{
    struct json_tree tree;
    json_object *list;
    char *file;
    int rc;

    if (asprintf(&file, "%s/kimi.json", home) < 0)
        return -ENOMEM;
    rc = load(file, &tree);
    free(file);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    list = foreign_member(tree.root, "work_dirs", json_type_array);
    for (size_t i = 0, n = list ? json_object_array_length(list) : 0; i < n; i++) {
        const char *cwd = foreign_text(json_object_array_get_idx(list, i), "path");

        if (cwd && is_project_of(p->project, cwd))
            set_cwd(cwd, out);
    }
    json_tree_clear(&tree);
    return 0;
}

/* The string behind the equals sign at s, of either kind of quotes. */
static struct oks_slice quoted(const char *s)
{
    const char *end;

    s += strspn(s, " \t");
    if (*s != '=')
        return (struct oks_slice){0};
    s += 1 + strspn(s + 1, " \t");
    end = *s == '"' || *s == '\'' ? strchr(s + 1, *s) : NULL;
    if (!end || memchr(s, '\n', (size_t)(end - s)))
        return (struct oks_slice){0};
    return (struct oks_slice){s + 1, (size_t)(end - s - 1)};
}

/* `default_model` of config.toml, in front of all tables. */
static int read_model(const char *home, struct source_about *out)
{
    static const char key[] = "default_model";
    char *file, *text;
    size_t len;
    int rc;

    if (asprintf(&file, "%s/config.toml", home) < 0)
        return -ENOMEM;
    rc = read_file_whole(file, CONFIG_BYTES_MAX, &text, &len);
    free(file);
    if (rc < 0)
        return passing(rc);
    for (char *line = text; line; line = strchr(line, '\n')) {
        line += strspn(line, " \t\r\n");
        if (*line == '[')
            break;
        if (strncmp(line, key, strlen(key)) == 0)
            source_name_set(&out->model, quoted(line + strlen(key)));
    }
    free(text);
    return 0;
}

static int about(const char *path, const char *memo, struct source_about *out)
{
    struct parts parts;
    char *home;
    int rc;

    if (!parts_of(path, &parts))
        return 0;
    source_name_set(&out->self, id_in(&parts));
    out->sidechain = !is_main(&parts);
    if (out->sidechain)
        source_name_set(&out->agent, parts.agent);
    if (parts.code)
        return read_state(path, &parts, out);
    home = strndup(path, parts.home);
    if (!home)
        return -ENOMEM;
    rc = read_folders(home, &parts, out);
    if (rc == 0)
        rc = read_model(home, out);
    free(home);
    return rc;
}

static const struct oks_source_home homes[] = {
    {.variable = "KIMI_CODE_HOME", .folder = "~/.kimi-code", .used = true},
    {.variable = "KIMI_SHARE_DIR", .folder = "~/.kimi", .used = true},
    {0},
};

const struct source oks_source_kimi = {
    .id = OKS_SOURCE_KIMI,
    .name = "kimi",
    .homes = homes,
    .folders = {"sessions"},
    READERS_OF(kimi),
    .tools = &oks_kimi_tools,
    .wants = wants,
    .id_of = id_of,
    .parent = parent,
    .project = source_top, /* where no file beside it says better */
    .about = about,
    .late = true,
};
