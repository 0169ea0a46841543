/*
 * Copilot CLI as a source: session-state/<session>/events.jsonl, and of older versions
 * session-state/<session>.jsonl. What else is in a session's folder is no transcript.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_end.h"
#include "sources/copilot_store.h"
#include "sources/scan_copilot.h"
#include "sources/source.h"
#include "sources/source_paths.h"
#include "sources/tools.h"

static bool wants(const char *rel)
{
    const char *slash = strchr(rel, '/');

    return slash ? strcmp(slash, "/events.jsonl") == 0 : text_ends_with(rel, ".jsonl");
}

static bool enters(const char *rel)
{
    return !strchr(rel, '/');
}

static struct oks_slice id_of(const char *rel)
{
    return strchr(rel, '/') ? source_top(rel) : source_stem(rel, ".jsonl");
}

/* The folder with the database: the one above session-state/. False: there is none. */
static bool database_of(const char *path, char *out, size_t size)
{
    static const char folder[] = "/session-state/";
    const char *at = NULL;

    for (const char *p = path; (p = strstr(p, folder)); p++)
        at = p;
    return at && snprintf(out, size, "%.*s/session-store.db", (int)(at - path), path) < (int)size;
}

/* The session of a path with folders in front. */
static struct oks_slice session_of(const char *path)
{
    static const char name[] = "/events.jsonl";
    size_t end = strlen(path) - (text_ends_with(path, name) ? strlen(name) : strlen(".jsonl")), from = end;

    while (from > 0 && path[from - 1] != '/')
        from--;
    return (struct oks_slice){path + from, end - from};
}

/* The session's requests, if the database has them. */
static int about(const char *path, const char *memo, struct source_about *out)
{
    struct memo_writer rows = {0};
    char database[PATH_MAX];
    bool any = false;
    int rc;

    source_name_set(&out->self, session_of(path));
    if (!database_of(path, database, sizeof(database)))
        return 0;
    rc = copilot_store_rows(database, out->self.text, copilot_rows_told(memo), &rows, &any);
    if (rc < 0 || !any) {
        free(rows.bytes);
        return rc;
    }
    out->more = memo_take(&rows);
    return out->more ? 0 : -ENOMEM;
}

static const struct oks_source_home homes[] = {
    {.variable = "COPILOT_HOME", .folder = "~/.copilot", .used = true},
    {0},
};

const struct source oks_source_copilot = {
    .id = OKS_SOURCE_COPILOT,
    .name = "copilot",
    .homes = homes,
    .folders = {"session-state"},
    READERS_OF(copilot),
    .tools = &oks_copilot_tools,
    .wants = wants,
    .enters = enters,
    .id_of = id_of,
    .about = about,
    .late = true,
    .revises = true,
};
