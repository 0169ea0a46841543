/*
 * Claude Code as a source: <config>/projects/<project>/<session>.jsonl, agents' files anywhere below, and
 * every line a record as it stands (scan_claude.c). OpenClaude writes the same, for models of any vendor.
 */
#include <stdio.h>
#include <string.h>

#include "base/text_end.h"
#include "files/walk.h"
#include "sources/scan_claude.h"
#include "sources/source.h"
#include "sources/source_paths.h"
#include "sources/tools.h"

static bool wants(const char *rel)
{
    const char *base = strrchr(rel, '/');

    return oks_is_transcript(base ? base + 1 : rel);
}

static struct oks_slice id(const char *rel)
{
    return source_stem(rel, ".jsonl");
}

/* <project>/<session>/subagents/... : the session. */
static struct oks_slice parent(const char *rel)
{
    const char *mark = strstr(rel, "/subagents/"), *start;

    if (!mark)
        return (struct oks_slice){0};
    for (start = mark; start > rel && start[-1] != '/';)
        start--;
    return (struct oks_slice){start, (size_t)(mark - start)};
}

/* An agent's file with another ending. */
static bool other_ending(const char *path, const char *from, const char *to, char *out, size_t size)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t n = strlen(path);

    if (strncmp(base, "agent-", strlen("agent-")) != 0 || !text_ends_with(base, from))
        return false;
    n -= strlen(from);
    return (size_t)snprintf(out, size, "%.*s%s", (int)n, path, to) < size;
}

static bool label(const char *path, char *out, size_t size)
{
    return other_ending(path, ".jsonl", ".meta.json", out, size);
}

static bool labelled(const char *path, char *out, size_t size)
{
    return other_ending(path, ".meta.json", ".jsonl", out, size);
}

/* What all that write Claude Code's format have in common. */
#define CLAUDE_FORMAT                                                                              \
    READERS_OF(claude), .tools = &oks_claude_tools, .id_of = id, .parent = parent, .label = label, \
                        .labelled = labelled, .names_teams = true, .ids_by_line = true

/* ~/.claude first: okstra's collector reads it, and shares the caches of the first root. */
static const struct oks_source_home homes[] = {
    {.variable = "CLAUDE_CONFIG_DIR", .folder = "~/.claude"},
    {.variable = "XDG_CONFIG_HOME",
     .folder = "~/.config",
     .below = "claude",
     .unless = "CLAUDE_CONFIG_DIR",
     .xdg = true},
    {.variable = "XDG_CONFIG_HOME",
     .folder = "~/.config",
     .below = "Claude/local-agent-mode-sessions",
     .xdg = true,
     .used = true},
    {0},
};

const struct source oks_source_claude = {
    .id = OKS_SOURCE_CLAUDE,
    .name = "claude",
    .homes = homes,
    .folders = {"projects"},
    CLAUDE_FORMAT,
    .wants = wants,
    .project = source_top,
    .rosters = true,
    .collected = true,
    .status_line = true,
    .telemetry = true,
};

/*
 * Claude Desktop's agent mode gives each of its sessions a configuration folder of its own:
 * local-agent-mode-sessions/<account>/<workspace>/local_<session>/.claude/projects/<project>/<session>.jsonl.
 * Logs beside it are no transcripts.
 */
static const char *in_projects(const char *rel)
{
    static const char mark[] = "/.claude/projects/";
    const char *at = strstr(rel, mark);

    return at ? at + strlen(mark) : NULL;
}

static bool desktop_wants(const char *rel)
{
    const char *inner = in_projects(rel);

    return inner && strchr(inner, '/') && wants(inner);
}

enum { ABOVE_CONFIGURATION = 3 }; /* folders */

/* The working folders of the sessions lie in the same tree, and hold anything. */
static bool desktop_enters(const char *rel)
{
    const char *p = rel;

    for (int i = 0; i < ABOVE_CONFIGURATION; i++) {
        p = strchr(p, '/');
        if (!p)
            return true;
        p++;
    }
    return strcmp(p, ".claude") == 0 || strcmp(p, ".claude/projects") == 0 ||
           strncmp(p, ".claude/projects/", strlen(".claude/projects/")) == 0;
}

static struct oks_slice desktop_project(const char *rel)
{
    const char *inner = in_projects(rel);

    return inner ? source_top(inner) : (struct oks_slice){0};
}

const struct source oks_source_claude_desktop = {
    .id = OKS_SOURCE_CLAUDE,
    .name = "claude",
    .folders = {"local-agent-mode-sessions"},
    .named_only = true,
    CLAUDE_FORMAT,
    .wants = desktop_wants,
    .enters = desktop_enters,
    .project = desktop_project,
};

static const struct oks_source_home openclaude_homes[] = {
    {.variable = "OPENCLAUDE_CONFIG_DIR", .folder = "~/.openclaude", .used = true},
    {0},
};

const struct source oks_source_openclaude = {
    .id = OKS_SOURCE_OPENCLAUDE,
    .name = "openclaude",
    .homes = openclaude_homes,
    .folders = {"projects"},
    CLAUDE_FORMAT,
    .wants = wants,
    .project = source_top,
    .rosters = true,
};
