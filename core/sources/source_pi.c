/*
 * pi as a source, and omp, which writes the same: which files are sessions, and what their paths say.
 *
 * A session is sessions/--<working directory>--/<time>_<session>.jsonl. Sub-agents have sessions of their own
 * in a folder of that name without its ending, at any depth. In the same folder are copies that are no
 * sessions: the debugging transcripts in subagent-artifacts/, and in bridge/ conversations of other agents.
 *
 * The project is named after the working directory that the records name, because the folder's name keeps
 * characters that Claude Code replaces.
 */
#include <string.h>

#include "base/text_end.h"
#include "sources/scan_pi.h"
#include "sources/source.h"
#include "sources/source_paths.h"

static bool is_copies(const char *name)
{
    return strcmp(name, "subagent-artifacts") == 0 || strcmp(name, "bridge") == 0;
}

static bool enters(const char *rel)
{
    const char *slash = strrchr(rel, '/');

    return !slash || !is_copies(slash + 1);
}

static bool wants(const char *rel)
{
    return strchr(rel, '/') && text_ends_with(rel, ".jsonl") && !strstr(rel, "/subagent-artifacts/") &&
           !strstr(rel, "/bridge/");
}

/* The session in a name like <time>_<session>. */
static struct oks_slice session_of(struct oks_slice stem)
{
    const char *mark = stem.ptr ? memchr(stem.ptr, '_', stem.len) : NULL;

    if (mark) {
        stem.len -= (size_t)(mark + 1 - stem.ptr);
        stem.ptr = mark + 1;
    }
    return stem;
}

static struct oks_slice id_of(const char *rel)
{
    return session_of(source_stem(rel, ".jsonl"));
}

/* <project>/<time>_<session>/... : the session. */
static struct oks_slice parent(const char *rel)
{
    const char *start = strchr(rel, '/'), *end = start ? strchr(start + 1, '/') : NULL;

    return end ? session_of((struct oks_slice){start + 1, (size_t)(end - start) - 1}) : (struct oks_slice){0};
}

/* What pi and omp have in common: all but the name and the folder. */
#define PI_FORMAT                                                                                      \
    .folders = {"sessions"}, READERS_OF(pi), .tools = &oks_pi_tools, .wants = wants, .enters = enters, \
    .id_of = id_of, .parent = parent, .late = true

static const struct oks_source_home pi_homes[] = {
    {.variable = "PI_CODING_AGENT_DIR", .folder = "~/.pi/agent", .used = true},
    {0},
};

const struct source oks_source_pi = {
    .id = OKS_SOURCE_PI,
    .name = "pi",
    .homes = pi_homes,
    PI_FORMAT,
};

/* Its variable is pi's, so that folders named by it are read as pi's. */
static const struct oks_source_home omp_homes[] = {{.folder = "~/.omp/agent", .used = true}, {0}};

const struct source oks_source_omp = {
    .id = OKS_SOURCE_OMP,
    .name = "omp",
    .homes = omp_homes,
    PI_FORMAT,
};
