/*
 * Qwen Code as a source: which files are chats, and what their paths say.
 *
 * A chat is projects/<project>/chats/<session>.jsonl, and the project is named after the working directory as
 * Claude Code does. The transcripts of sub-agents, in subagents/ beside chats/, are not read: their requests
 * are in the chat of their session.
 */
#include <string.h>

#include "base/text_end.h"
#include "sources/scan_qwen.h"
#include "sources/source.h"
#include "sources/source_paths.h"

static bool wants(const char *rel)
{
    const char *name = source_in_chats(rel);

    return name && !strchr(name, '/') && text_ends_with(name, ".jsonl");
}

static bool enters(const char *rel)
{
    const char *slash = strchr(rel, '/');

    return !slash || strcmp(slash, "/chats") == 0;
}

static struct oks_slice id_of(const char *rel)
{
    return source_stem(rel, ".jsonl");
}

static const struct oks_source_home homes[] = {
    {.variable = "QWEN_RUNTIME_DIR"},
    {.variable = "QWEN_HOME", .folder = "~/.qwen", .unless = "QWEN_RUNTIME_DIR", .used = true},
    {0},
};

const struct source oks_source_qwen = {
    .id = OKS_SOURCE_QWEN,
    .name = "qwen",
    .homes = homes,
    .folders = {"projects"},
    READERS_OF(qwen),
    .tools = &oks_qwen_tools,
    .wants = wants,
    .enters = enters,
    .id_of = id_of,
    .project = source_top,
    .window = qwen_window,
};
