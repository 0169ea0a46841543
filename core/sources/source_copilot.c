/*
 * Copilot CLI as a source: session-state/<session>/events.jsonl, and of older versions
 * session-state/<session>.jsonl. What else is in a session's folder is no transcript.
 */
#include <string.h>

#include "base/text_end.h"
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

static const struct oks_source_home homes[] = {
    {.variable = "COPILOT_HOME", .folder = "~/.copilot", .used = true},
    {0},
};

const struct source oks_source_copilot = {
    .id = OKS_SOURCE_COPILOT,
    .name = "copilot",
    .homes = homes,
    .folders = {"session-state"},
    .reader = &oks_copilot_reader,
    .tools = &oks_copilot_tools,
    .wants = wants,
    .enters = enters,
    .id_of = id_of,
    .late = true,
};
