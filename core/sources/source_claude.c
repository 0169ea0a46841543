/*
 * Claude Code as a source: <config>/projects/<project>/<session>.jsonl, agents' files anywhere below, and
 * every line a record as it stands (scan_claude.c).
 */
#include <stdio.h>
#include <string.h>

#include "base/text_end.h"
#include "files/walk.h"
#include "sources/scan_claude.h"
#include "sources/source.h"
#include "sources/source_paths.h"

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

const struct source oks_source_claude = {
    .id = OKS_SOURCE_CLAUDE,
    .name = "claude",
    .folders = {"projects"},
    .reader = &oks_claude_reader,
#ifdef __x86_64__
    .reader_avx2 = &oks_claude_reader_avx2,
#endif
    .wants = wants,
    .id_of = id,
    .parent = parent,
    .project = source_top,
    .label = label,
    .labelled = labelled,
    .rosters = true,
    .ids_by_line = true,
};
