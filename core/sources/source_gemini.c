/*
 * Gemini CLI as a source: which files are chats, <project>/chats/..., and what their paths say.
 *
 * A chat is tmp/<project>/chats/session-<time>-<id>.jsonl, a sub-agent's chats/<session>/<id>.jsonl, and of
 * older versions session-*.json: one object that is rewritten as a whole (scan_gemini.c).
 */
#include <stdio.h>
#include <string.h>

#include "base/text_end.h"
#include "sources/gemini_messages.h"
#include "sources/scan_gemini.h"
#include "sources/source.h"
#include "sources/source_paths.h"
#include "sources/tools.h"

static bool wants(const char *rel)
{
    const char *name = source_in_chats(rel);

    if (!name)
        return false;
    if (strchr(name, '/'))
        return text_ends_with(name, ".jsonl");
    return strncmp(name, "session-", strlen("session-")) == 0 &&
           (text_ends_with(name, ".jsonl") || text_ends_with(name, ".json"));
}

/* A project's folder holds much else, some of it large. */
static bool enters(const char *rel)
{
    const char *slash = strchr(rel, '/');

    return !slash || strcmp(slash, "/chats") == 0 || source_in_chats(rel);
}

static bool whole(const char *path)
{
    return text_ends_with(path, ".json");
}

static struct oks_slice id_of(const char *rel)
{
    return source_stem(rel, whole(rel) ? ".json" : ".jsonl");
}

static struct oks_slice parent(const char *rel)
{
    const char *name = source_in_chats(rel), *slash = name ? strchr(name, '/') : NULL;

    return slash ? (struct oks_slice){name, (size_t)(slash - name)} : (struct oks_slice){0};
}

/* The new form first. */
static int rank(const char *path)
{
    return whole(path);
}

/* `.project_root` beside chats/ says which folder the project is. */
static bool marker(const char *path, char *out, size_t size)
{
    const char *at = NULL;

    for (const char *p = path; (p = strstr(p, "/chats/")); p++)
        at = p;
    return at && snprintf(out, size, "%.*s/.project_root", (int)(at - path), path) < (int)size;
}

static const struct oks_source_home homes[] = {
    {.variable = "GEMINI_CLI_HOME", .folder = "~", .below = ".gemini"},
    {0},
};

const struct source oks_source_gemini = {
    .id = OKS_SOURCE_GEMINI,
    .name = "gemini",
    .homes = homes,
    .folders = {"tmp"},
    READERS_OF(gemini),
    .tools = &oks_gemini_tools,
    .wants = wants,
    .enters = enters,
    .whole = whole,
    .id_of = id_of,
    .parent = parent,
    .project = source_top, /* where no marker says better: a slug, or a hash of the project's path */
    .marker = marker,
    .late = true,
    .rank = rank,
    .agrees = gemini_agrees,
};
