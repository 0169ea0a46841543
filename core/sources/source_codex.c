/*
 * Codex as a source: which files are rollouts, and what their names say.
 *
 * A rollout is sessions/YYYY/MM/DD/rollout-<time>-<thread>.jsonl, or lies flat in archived_sessions/. A
 * thread goes on in further files, its pages, whose names end in <thread>_<page>.
 *
 * After a week without a change Codex may compress a rollout to <name>.zst, and it unpacks it again to go on.
 * For moments both forms exist, and the compressed one may have less; they log the same requests.
 */
#include <stdio.h>
#include <string.h>

#include "base/text_end.h"
#include "sources/codex_memo.h"
#include "sources/scan_codex.h"
#include "sources/source.h"
#include "sources/source_paths.h"
#include "sources/tools.h"

enum { UUID_TEXT = 36 };

static bool packed(const char *path)
{
    return text_ends_with(path, ".jsonl.zst");
}

static bool other_form(const char *path, char *out, size_t size)
{
    size_t n = strlen(path) - (packed(path) ? strlen(".zst") : 0);

    return snprintf(out, size, "%.*s%s", (int)n, path, packed(path) ? "" : ".zst") < (int)size;
}

static bool wants(const char *rel)
{
    const char *base = strrchr(rel, '/');

    base = base ? base + 1 : rel;
    return strncmp(base, "rollout-", strlen("rollout-")) == 0 &&
           (text_ends_with(base, ".jsonl") || packed(base));
}

static struct oks_slice name_of(const char *rel)
{
    return source_stem(rel, ".jsonl");
}

/* rollout-YYYY-MM-DDThh-mm-ss-<thread>, with a page's id behind it. The thread's is a UUID. */
static struct oks_slice id_of(const char *rel)
{
    struct oks_slice stem = source_stem(rel, packed(rel) ? ".jsonl.zst" : ".jsonl");
    const size_t before = strlen("rollout-2026-02-23T12-40-23-");

    if (stem.len > before && stem.ptr[before - 1] == '-' && stem.ptr[before - 10] == 'T') {
        stem.ptr += before;
        stem.len -= before;
    }
    if (stem.len > UUID_TEXT && stem.ptr[UUID_TEXT] == '_')
        stem.len = UUID_TEXT;
    return stem;
}

static const struct oks_source_home homes[] = {{.variable = "CODEX_HOME", .folder = "~/.codex"}, {0}};

const struct source oks_source_codex = {
    .id = OKS_SOURCE_CODEX,
    .name = "codex",
    .homes = homes,
    .folders = {"sessions", "archived_sessions"},
    READERS_OF(codex),
    .tools = &oks_codex_tools,
    .wants = wants,
    .id_of = id_of,
    .name_of = name_of,
    .packed = packed,
    .other_form = other_form,
    .late = true,
    .assumed = codex_assumed,
    .oldest = codex_oldest,
    .family = codex_family,
    .alone = codex_alone,
    .origin = codex_origin,
    .parent_of = codex_parent,
    .agrees = codex_agrees,
    .amend = codex_amend,
    .concerns = codex_concerns,
    .limits = codex_limits,
    .branch = codex_branch,
};
