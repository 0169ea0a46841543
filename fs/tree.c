/*
 * The table of nodes.
 *
 * Each entry says what a node is called, what shape it has, which fixed children it holds, where the names of
 * its other children come from, and how its content is made. A new file in the mount is one entry and one
 * render function.
 *
 * Invariant: whatever tree_list names, tree_lookup finds; the reverse does not hold for window/ (any
 * well-formed name can be looked up) and for other spellings of teams and sessions (which are links to the
 * listed name).
 */
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "okstrafs/names.h"
#include "okstrafs/news.h"
#include "okstrafs/stream.h"

typedef int (*render_fn)(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                         struct oks_document *out);

struct node_type {
    const char *name; /* NULL: the parent's list gives it */
    enum node_shape shape;
    enum oks_kind enters; /* the target that this directory is about; OKS_ALL: its parent's */

    const struct node_type *const *fixed; /* directories: NULL-terminated, or NULL */
    const struct node_type *each;         /* the type of the listed children; NULL: none */
    enum oks_list list;                   /* where their names come from */
    bool list_of_all;                     /* of everything, not of the target */

    render_fn render;     /* files */
    bool told;            /* listed files: their folder's watchers hear of changes, looked up or not */
    bool is_volatile;     /* the content changes without the target's data changing */
    bool costly;          /* its folder's watchers hear of it only if it was looked up */
    enum oks_stats stats; /* of render_stats */
    const char *up;       /* links: what stands before the leaf (or before the target's name) */
};

/* --- content --- */

static const char readme_text[] =
    "okstrafs: the token usage of your coding agents, as files.\n"
    "\n"
    "Every read looks at what the transcripts have gained since the last one and answers with\n"
    "the totals of now. Nothing here can be written.\n"
    "\n"
    "  teams/<name>/usage.json        a team: its lead, its workers, their totals\n"
    "  teams/<name>/members/<agent>/  one agent of the team\n"
    "  teams/<name>/runs/<seq>/       one run of the team; the newest is what the team itself shows\n"
    "  sessions/<id>/usage.json       one session (6 characters of the id are enough)\n"
    "  projects/<dir>/usage.json      all sessions of a project folder\n"
    "  sessions/<id>/requests.jsonl   each request on a line, events.jsonl of all sessions: tail -f\n"
    "  sessions/<id>/context.json     how full its context is; ledger.jsonl: what became of each line\n"
    "  .../total_tokens, cost_usd     beside each usage.json: one number on one line\n"
    "  .../window/<since>_<until>.json  the same, between two times\n"
    "  stats/by-model.json            and by-project, -agent, -source, -day, -hour, blocks; window/\n"
    "  budgets/<name>.json            what was spent of a budget; budgets/exceeded/<name> while over\n"
    "  pricing.json                   the prices in force\n"
    "  status.json                    what was read, skipped, or could not be written\n"
    "\n"
    "A bound of a window is empty (open), 2026-06-10, 2026-06-10T01:00Z, 2026-06-10T10:00:00+09:00,\n"
    "@1781053200, now, or -5h / -30m / -7d. Ready-made: today.json, last-5h.json, last-24h.json,\n"
    "last-7d.json, and one file for each day (UTC) that saw activity.\n"
    "\n"
    "  cat teams/*/total_tokens sessions/0123ab/window/-5h_now.json\n"
    "  jq .workers[].usage.totalTokens teams/<name>/usage.json\n"
    "\n"
    "totalTokens = input + output + cache creation; cache reads are shown apart. Every line of a\n"
    "transcript counts, as okstra counts them. Times are UTC and compare as strings.\n"
    "\n"
    "No prompt, answer or tool text is shown or kept here: counts, ids, names, models, paths\n"
    "and times only. Same tree without a mount: okstrafs cat PATH, okstrafs ls PATH.\n"
    "Stop: okstrafs umount\n";

static int render_readme(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                         struct oks_document *out)
{
    char *bytes = strdup(readme_text);

    if (!bytes)
        return -ENOMEM;
    *out = (struct oks_document){.bytes = bytes, .len = strlen(bytes), .version = 1};
    return 0;
}

static int render_status(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                         struct oks_document *out)
{
    return oks_document_status(engine, out);
}

static int render_pricing(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                          struct oks_document *out)
{
    return oks_document_prices(engine, out);
}

static int render_budget(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                         struct oks_document *out)
{
    char name[OKS_NAME_MAX + 1];

    snprintf(name, sizeof(name), "%.*s", (int)(strlen(node->leaf) - strlen(".json")), node->leaf);
    return oks_document_budget(engine, name, false, now_ms, out);
}

static int render_exceeded(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                           struct oks_document *out)
{
    return oks_document_budget(engine, node->leaf, true, now_ms, out);
}

/* A window whose name stands without ".json": a folder's. */
static int parse_folder_window(const char *name, int64_t now_ms, struct oks_window *out)
{
    char with_suffix[OKS_NAME_MAX + sizeof(".json")];

    if (strlen(name) > OKS_NAME_MAX)
        return -ENOENT;
    snprintf(with_suffix, sizeof(with_suffix), "%s.json", name);
    return oks_window_parse(oks_slice_of(with_suffix), now_ms, out);
}

/* In stats/ itself, or in the folder of a window, whose name is then the leaf. */
static int render_stats(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                        struct oks_document *out)
{
    struct oks_window window;
    int rc = node->leaf ? parse_folder_window(node->leaf, now_ms, &window) : 0;

    return rc < 0 ? rc
                  : oks_document_stats(engine, node->type->stats, node->leaf ? &window : NULL, now_ms, out);
}

static int render_context(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                          struct oks_document *out)
{
    struct oks_target target = node_target(node);

    return oks_document_context(engine, &target, out);
}

static int render_ledger(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                         struct oks_document *out)
{
    struct oks_target target = node_target(node);

    return oks_document_ledger(engine, &target, out);
}

static int render_usage(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                        struct oks_document *out)
{
    struct oks_target target = node_target(node);

    return oks_document_usage(engine, &target, NULL, out);
}

struct lines {
    char *bytes;
    size_t len, room;
};

static int add_line(void *ctx, const char *bytes, size_t len)
{
    struct lines *lines = ctx;

    if (lines->room - lines->len < len) {
        size_t room = (lines->room + len) * 2;
        char *more = realloc(lines->bytes, room);

        if (!more)
            return -ENOMEM;
        lines->bytes = more;
        lines->room = room;
    }
    memcpy(lines->bytes + lines->len, bytes, len);
    lines->len += len;
    return 0;
}

/* Without a mount: the stream from its beginning. */
static int render_stream(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                         struct oks_document *out)
{
    struct oks_target target = node_target(node);
    struct oks_stream_cursor cursor = {0};
    struct lines lines = {0};
    int64_t mtime_ns = 0;
    int rc = oks_stream_next(engine, &target, &cursor, add_line, &lines, &mtime_ns);

    if (rc < 0) {
        free(lines.bytes);
        return rc;
    }
    *out = (struct oks_document){.bytes = lines.bytes, .len = lines.len, .mtime_ns = mtime_ns};
    return 0;
}

static int render_total_tokens(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                               struct oks_document *out)
{
    struct oks_target target = node_target(node);

    return oks_document_total_tokens(engine, &target, out);
}

static int render_cost_usd(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                           struct oks_document *out)
{
    struct oks_target target = node_target(node);

    return oks_document_cost(engine, &target, out);
}

static int render_window(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                         struct oks_document *out)
{
    struct oks_target target = node_target(node);
    struct oks_window window;
    int rc = oks_window_parse(oks_slice_of(node->leaf), now_ms, &window);

    return rc < 0 ? rc : oks_document_usage(engine, &target, &window, out);
}

/* --- the table --- */

static const struct node_type
    type_readme = {.name = "README.txt", .shape = NODE_FILE, .render = render_readme},
    type_status = {.name = "status.json", .shape = NODE_FILE, .render = render_status, .is_volatile = true},
    type_pricing = {.name = "pricing.json", .shape = NODE_FILE, .render = render_pricing},
    type_budget = {.shape = NODE_FILE, .render = render_budget, .told = true},
    type_exceeded = {.shape = NODE_FILE, .render = render_exceeded, .told = true},
    type_usage = {.name = "usage.json", .shape = NODE_FILE, .render = render_usage},
    type_total_tokens = {.name = "total_tokens", .shape = NODE_FILE, .render = render_total_tokens},
    type_cost_usd = {.name = "cost_usd", .shape = NODE_FILE, .render = render_cost_usd},
    type_requests = {.name = "requests.jsonl", .shape = NODE_FILE, .render = render_stream, .costly = true},
    type_events = {.name = "events.jsonl", .shape = NODE_FILE, .render = render_stream},
    type_context = {.name = "context.json", .shape = NODE_FILE, .render = render_context},
    type_ledger = {.name = "ledger.jsonl", .shape = NODE_FILE, .render = render_ledger, .costly = true},
    type_window_file = {.shape = NODE_FILE, .render = render_window},
    type_window = {.name = "window", .shape = NODE_DIR, .each = &type_window_file, .list = OKS_LIST_DAYS},

    /* A symlink whose leaf is all of its target, beside the name that was asked for. */
    type_alias = {.shape = NODE_LINK, .up = ""},
    type_session_link = {.shape = NODE_LINK, .up = "../../../sessions/"},
    type_member_session_link = {.shape = NODE_LINK, .up = "../../../../../sessions/"},
    type_team_link = {.shape = NODE_LINK, .up = "../../../teams/"},
    type_subagent_link = {.shape = NODE_LINK, .up = "../../"},
    type_project_link = {
        .name = "project", .shape = NODE_LINK, .up = "../../projects/", .list = OKS_LIST_PROJECTS};

#define STATS(id, file, what, ...) \
    type_##id = {.name = (file), .shape = NODE_FILE, .render = render_stats, .stats = (what), __VA_ARGS__}
#define STATS_ALL                                                                                   \
    &type_by_model, &type_by_project, &type_by_agent, &type_by_source, &type_by_day, &type_by_hour, \
        &type_blocks
#define TYPES(...) ((const struct node_type *const[]){__VA_ARGS__, NULL})

static const struct node_type
    type_linked_sessions = {.name = "sessions",
                            .shape = NODE_DIR,
                            .each = &type_session_link,
                            .list = OKS_LIST_SESSIONS},
    type_member_sessions = {.name = "sessions",
                            .shape = NODE_DIR,
                            .each = &type_member_session_link,
                            .list = OKS_LIST_SESSIONS},
    type_linked_teams = {.name = "teams", .shape = NODE_DIR, .each = &type_team_link, .list = OKS_LIST_TEAMS},
    type_subagents = {.name = "subagents",
                      .shape = NODE_DIR,
                      .each = &type_subagent_link,
                      .list = OKS_LIST_SUBAGENTS},

    type_member = {.shape = NODE_DIR,
                   .enters = OKS_MEMBER,
                   .fixed = TYPES(&type_context, &type_usage, &type_total_tokens, &type_cost_usd,
                                  &type_window, &type_member_sessions)},
    type_members = {.name = "members", .shape = NODE_DIR, .each = &type_member, .list = OKS_LIST_MEMBERS},
    type_run = {.shape = NODE_DIR,
                .enters = OKS_RUN,
                .fixed = TYPES(&type_usage, &type_total_tokens, &type_cost_usd, &type_window)},
    type_runs = {.name = "runs", .shape = NODE_DIR, .each = &type_run, .list = OKS_LIST_RUNS},
    type_team = {.shape = NODE_DIR,
                 .enters = OKS_TEAM,
                 .fixed = TYPES(&type_usage, &type_total_tokens, &type_cost_usd, &type_window, &type_members,
                                &type_runs, &type_linked_sessions)},
    type_session = {.shape = NODE_DIR,
                    .enters = OKS_SESSION,
                    .fixed = TYPES(&type_context, &type_ledger, &type_usage, &type_total_tokens,
                                   &type_cost_usd, &type_requests, &type_window, &type_subagents,
                                   &type_linked_teams, &type_project_link)},
    type_project = {.shape = NODE_DIR,
                    .enters = OKS_PROJECT,
                    .fixed = TYPES(&type_usage, &type_total_tokens, &type_cost_usd, &type_window,
                                   &type_linked_sessions)},

    type_teams = {.name = "teams",
                  .shape = NODE_DIR,
                  .each = &type_team,
                  .list = OKS_LIST_TEAMS,
                  .list_of_all = true},
    type_sessions = {.name = "sessions",
                     .shape = NODE_DIR,
                     .each = &type_session,
                     .list = OKS_LIST_SESSIONS,
                     .list_of_all = true},
    type_projects = {.name = "projects",
                     .shape = NODE_DIR,
                     .each = &type_project,
                     .list = OKS_LIST_PROJECTS,
                     .list_of_all = true},
    STATS(by_model, "by-model.json", OKS_STATS_BY_MODEL, .costly = false),
    STATS(by_project, "by-project.json", OKS_STATS_BY_PROJECT, .costly = false),
    STATS(by_agent, "by-agent.json", OKS_STATS_BY_AGENT, .costly = false),
    STATS(by_source, "by-source.json", OKS_STATS_BY_SOURCE, .costly = false),
    STATS(by_day, "by-day.json", OKS_STATS_BY_DAY, .costly = true),
    STATS(by_hour, "by-hour.json", OKS_STATS_BY_HOUR, .costly = true),
    STATS(blocks, "blocks.json", OKS_STATS_BLOCKS, .costly = true),
    type_stats_span = {.shape = NODE_DIR, .fixed = TYPES(STATS_ALL)},
    type_stats_window = {.name = "window",
                         .shape = NODE_DIR,
                         .each = &type_stats_span,
                         .list = OKS_LIST_DAYS},
    type_stats = {.name = "stats", .shape = NODE_DIR, .fixed = TYPES(STATS_ALL, &type_stats_window)},
    type_exceeded_dir = {.name = "exceeded",
                         .shape = NODE_DIR,
                         .each = &type_exceeded,
                         .list = OKS_LIST_EXCEEDED},
    type_budgets = {.name = "budgets",
                    .shape = NODE_DIR,
                    .fixed = TYPES(&type_exceeded_dir),
                    .each = &type_budget,
                    .list = OKS_LIST_BUDGETS},
    type_root = {.shape = NODE_DIR,
                 .fixed = TYPES(&type_readme, &type_status, &type_pricing, &type_events, &type_teams,
                                &type_sessions, &type_projects, &type_stats, &type_budgets)};

/* --- nodes --- */

void node_root(struct node *out)
{
    *out = (struct node){.type = &type_root};
}

void node_clear(struct node *node)
{
    free(node->name);
    free(node->member);
    free(node->leaf);
    *node = (struct node){0};
}

/* A copy of s in *out, NULL of NULL. */
static bool copy(char **out, const char *s)
{
    *out = s ? strdup(s) : NULL;
    return !s || *out;
}

static int node_make(struct node *out, const struct node_type *type, struct oks_target target,
                     const char *leaf)
{
    struct node node = {.type = type, .kind = target.kind};

    if (copy(&node.name, target.name) && copy(&node.member, target.member) && copy(&node.leaf, leaf)) {
        *out = node;
        return 0;
    }
    node_clear(&node);
    return -ENOMEM;
}

int node_copy(struct node *out, const struct node *node)
{
    return node_make(out, node->type, node_target(node), node->leaf);
}

struct oks_target node_target(const struct node *node)
{
    return (struct oks_target){node->kind, node->name, node->member};
}

enum node_shape node_shape(const struct node *node)
{
    return node->type->shape;
}

bool node_is_fixed(const struct node *node)
{
    return node->kind == OKS_ALL && node->type->name;
}

bool node_is_of_table(const struct node *node)
{
    return node->type->name || node->type->told;
}

char *tree_link(const struct node *link)
{
    char *target;

    return asprintf(&target, "%s%s", link->type->up, link->leaf) < 0 ? NULL : target;
}

/* --- walking --- */

static struct oks_target list_target(const struct node *dir)
{
    return dir->type->list_of_all ? (struct oks_target){.kind = OKS_ALL} : node_target(dir);
}

/*
 * What must be up to date before names are listed. Sessions and projects come from file names, so finding
 * files is enough; teams, members and sub-agents come from what the files say.
 */
static enum tree_need need_of_list(const struct node *dir)
{
    enum oks_list list = dir->type->list;

    if (list == OKS_LIST_SUBAGENTS || list == OKS_LIST_BUDGETS || list == OKS_LIST_EXCEEDED ||
        (list == OKS_LIST_TEAMS && dir->type->list_of_all))
        return NEED_ALL;
    if (dir->type->list_of_all || (list == OKS_LIST_SESSIONS && dir->kind == OKS_PROJECT))
        return NEED_FOUND;
    return NEED_TARGET;
}

static int sync_for(struct oks_engine *engine, const struct node *node, enum tree_need need,
                    const atomic_bool *cancel)
{
    struct oks_target all = {.kind = OKS_ALL}, target = node_target(node);

    if (need == NEED_NOTHING)
        return 0;
    return oks_engine_sync(engine, need == NEED_TARGET ? &target : &all, need == NEED_FOUND, cancel);
}

static int sync_for_list(struct oks_engine *engine, const struct node *dir, const atomic_bool *cancel)
{
    return sync_for(engine, dir, need_of_list(dir), cancel);
}

static enum tree_need need_of_target(const struct node *node)
{
    return node->kind == OKS_SESSION || node->kind == OKS_PROJECT ? NEED_TARGET : NEED_ALL;
}

enum tree_need tree_need(const struct node *node)
{
    switch (node->type->shape) {
    case NODE_FILE:
        if (node->type->render == render_readme)
            return NEED_NOTHING;
        /* The status tells how far a scan has come: it does not wait for one. Prices have nothing to do with
         * one. */
        return node->type == &type_status || node->type == &type_pricing ? NEED_FOUND : need_of_target(node);
    case NODE_DIR:
        if (node->type->each)
            return need_of_list(node) == NEED_TARGET ? need_of_target(node) : need_of_list(node);
        return node->type == &type_root ? NEED_NOTHING : need_of_target(node);
    default:
        return NEED_NOTHING;
    }
}

bool tree_is_settled(struct oks_engine *engine, const struct node *node)
{
    struct oks_target all = {.kind = OKS_ALL}, target = node_target(node);
    enum tree_need need = tree_need(node);

    return need == NEED_NOTHING ||
           oks_engine_is_settled(engine, need == NEED_TARGET ? &target : &all, need == NEED_FOUND);
}

bool tree_has_list(const struct node *dir)
{
    return dir->type->shape == NODE_DIR && dir->type->each;
}

/* Not those of the root: it is everybody's way to somewhere else, and they may be costly. */
bool tree_tells_files(const struct node *dir)
{
    if (dir->type->shape != NODE_DIR || dir->type == &type_root || dir->type == &type_stats_span)
        return false;
    return dir->type->fixed || (dir->type->each && dir->type->each->told);
}

static int add_file(void *ctx, const char *name, enum node_shape shape)
{
    return shape == NODE_FILE ? names_add(ctx, name) : 0;
}

/* The list is made under the engine's lock, and fn asks the engine. */
static int each_listed_file(struct oks_engine *engine, const struct node *dir,
                            int (*fn)(void *ctx, const char *name), void *ctx)
{
    struct names *names = names_new();
    int rc = names ? tree_list_known(engine, dir, add_file, names) : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < names->len; i++)
        rc = fn(ctx, names->items[i]);
    names_free(names);
    return rc;
}

int tree_each_file(struct oks_engine *engine, const struct node *dir, int (*fn)(void *ctx, const char *name),
                   void *ctx)
{
    int rc = 0;

    if (dir->type->each && dir->type->each->told)
        return each_listed_file(engine, dir, fn, ctx);
    for (const struct node_type *const *t = dir->type->fixed; rc == 0 && t && *t; t++)
        if ((*t)->shape == NODE_FILE && !(*t)->costly)
            rc = fn(ctx, (*t)->name);
    return rc;
}

struct first_name {
    const char *wanted; /* NULL: any */
    char *found;
};

static int match_name(void *ctx, const char *name)
{
    struct first_name *first = ctx;

    if (first->wanted && strcmp(name, first->wanted) != 0)
        return 0;
    first->found = strdup(name);
    return first->found ? 1 : -ENOMEM;
}

/* A link of the table whose target is the only name of a list (a session's project). */
static int lookup_single_link(struct oks_engine *engine, const struct node *dir, const struct node_type *type,
                              struct node *out)
{
    struct oks_target target = node_target(dir);
    struct first_name first = {0};
    int rc = oks_engine_list(engine, type->list, &target, match_name, &first);

    if (rc == 1)
        rc = node_make(out, type, target, first.found);
    else if (rc == 0)
        rc = -ENOENT;
    free(first.found);
    return rc;
}

static int lookup_fixed(struct oks_engine *engine, const struct node *dir, const char *name,
                        const atomic_bool *cancel, struct node *out)
{
    for (const struct node_type *const *t = dir->type->fixed; t && *t; t++) {
        if (strcmp((*t)->name, name) != 0)
            continue;
        if ((*t)->shape != NODE_LINK)
            return node_make(out, *t, node_target(dir), dir->leaf);
        return lookup_single_link(engine, dir, *t, out);
    }
    return -ENOENT;
}

static int lookup_window(const struct node *dir, const char *name, int64_t now_ms, struct node *out)
{
    struct oks_window window;
    int rc = dir->type == &type_window ? oks_window_parse(oks_slice_of(name), now_ms, &window)
                                       : parse_folder_window(name, now_ms, &window);

    return rc < 0 ? rc : node_make(out, dir->type->each, node_target(dir), name);
}

/* A directory of its own for the listed name; a link to that for another spelling. */
static int lookup_entity(struct oks_engine *engine, const struct node *dir, const char *name,
                         struct node *out)
{
    const struct node_type *type = dir->type->each;
    struct oks_target target = {.kind = type->enters, .name = name};
    char canonical[256];
    int rc = oks_engine_resolve(engine, type->enters, name, canonical);

    if (rc == 1)
        return node_make(out, &type_alias, target, canonical);
    return rc < 0 ? rc : node_make(out, type, target, NULL);
}

static int lookup_listed(struct oks_engine *engine, const struct node *dir, const char *name,
                         struct node *out)
{
    struct oks_target target = list_target(dir);
    struct first_name first = {.wanted = name};
    int rc = oks_engine_list(engine, dir->type->list, &target, match_name, &first);

    free(first.found);
    if (rc <= 0)
        return rc < 0 ? rc : -ENOENT;
    return tree_listed(dir, name, out);
}

int tree_listed(const struct node *dir, const char *name, struct node *out)
{
    const struct node_type *each = dir->type->each;
    struct oks_target target = node_target(dir);

    if (!each)
        return -ENOENT;
    if (each->shape != NODE_DIR)
        return node_make(out, each, target, name);
    if (dir->type->list_of_all)
        return node_make(out, each, (struct oks_target){.kind = each->enters, .name = name}, NULL);
    return node_make(out, each, (struct oks_target){each->enters, target.name, name}, NULL);
}

int tree_lookup(struct oks_engine *engine, const struct node *dir, const char *name, int64_t now_ms,
                const atomic_bool *cancel, struct node *out)
{
    int rc;

    if (dir->type->shape != NODE_DIR)
        return -ENOTDIR;
    if (dir->type->fixed) {
        rc = lookup_fixed(engine, dir, name, cancel, out);
        if (rc != -ENOENT || !dir->type->each)
            return rc;
    }
    if (dir->type->list == OKS_LIST_DAYS)
        return lookup_window(dir, name, now_ms, out);
    rc = sync_for_list(engine, dir, cancel);
    if (rc < 0)
        return rc;
    return dir->type->list_of_all ? lookup_entity(engine, dir, name, out)
                                  : lookup_listed(engine, dir, name, out);
}

struct emitter {
    int (*fn)(void *ctx, const char *name, enum node_shape shape);
    void *ctx;
    enum node_shape shape;
    const char *suffix;
};

static int emit(void *ctx, const char *name)
{
    struct emitter *e = ctx;
    char with_suffix[OKS_NAME_MAX + sizeof(".json")];

    snprintf(with_suffix, sizeof(with_suffix), "%s%s", name, e->suffix);
    return e->fn(e->ctx, with_suffix, e->shape);
}

static int list_fixed(struct oks_engine *engine, const struct node *dir, struct emitter *e)
{
    int rc = 0;

    for (const struct node_type *const *t = dir->type->fixed; rc == 0 && *t; t++) {
        struct node link = {0};

        if ((*t)->shape == NODE_LINK) {
            rc = lookup_single_link(engine, dir, *t, &link);
            if (rc == -ENOENT) {
                rc = 0;
                continue;
            }
            node_clear(&link);
        }
        if (rc == 0)
            rc = e->fn(e->ctx, (*t)->name, (*t)->shape);
    }
    return rc;
}

/* Ready-made windows: files, or folders of the same name without ".json". */
static int list_presets(const struct emitter *e)
{
    int rc = 0;

    for (const char *const *preset = oks_window_presets; rc == 0 && *preset; preset++) {
        char name[64];

        snprintf(name, sizeof(name), "%.*s%s", (int)(strlen(*preset) - strlen(".json")), *preset, e->suffix);
        rc = e->fn(e->ctx, name, e->shape);
    }
    return rc;
}

int tree_list(struct oks_engine *engine, const struct node *dir, const atomic_bool *cancel,
              int (*fn)(void *ctx, const char *name, enum node_shape shape), void *ctx)
{
    struct emitter e = {.fn = fn, .ctx = ctx, .suffix = ""};
    int rc;

    if (dir->type->shape != NODE_DIR)
        return -ENOTDIR;
    if (!dir->type->each)
        return list_fixed(engine, dir, &e);
    rc = sync_for_list(engine, dir, cancel);
    return rc < 0 ? rc : tree_list_known(engine, dir, fn, ctx);
}

int tree_list_known(struct oks_engine *engine, const struct node *dir,
                    int (*fn)(void *ctx, const char *name, enum node_shape shape), void *ctx)
{
    struct emitter e = {.fn = fn, .ctx = ctx, .suffix = ""};
    struct oks_target target = list_target(dir);
    int rc = dir->type->fixed ? list_fixed(engine, dir, &e) : 0;

    e.shape = dir->type->each->shape;
    if (rc == 0 && dir->type->list == OKS_LIST_DAYS) {
        e.suffix = dir->type == &type_window ? ".json" : "";
        rc = list_presets(&e);
    }
    return rc ? rc : oks_engine_list(engine, dir->type->list, &target, emit, &e);
}

/* --- files --- */

bool tree_is_stream(const struct node *file)
{
    return file->type->render == render_stream;
}

/* A window relative to now shows another content later, though the data stays. */
bool tree_follows_clock(const struct node *file)
{
    struct oks_window window;

    if (file->type == &type_blocks) /* one may be going on */
        return true;
    if (file->type->render == render_stats)
        return file->leaf && parse_folder_window(file->leaf, 0, &window) == 0 && window.relative;
    return file->type == &type_window_file && oks_window_parse(oks_slice_of(file->leaf), 0, &window) == 0 &&
           window.relative;
}

int tree_version(struct oks_engine *engine, const struct node *file, const atomic_bool *cancel,
                 uint64_t *version)
{
    int rc;

    if (file->type == &type_by_day || file->type == &type_by_hour || file->type == &type_blocks)
        oks_engine_want_times(engine);
    rc = sync_for(engine, file, tree_need(file), cancel);
    return rc < 0 ? rc : tree_version_known(engine, file, version);
}

int tree_version_known(struct oks_engine *engine, const struct node *file, uint64_t *version)
{
    struct oks_target target = node_target(file);
    uint64_t now;

    if (file->type->render == render_readme) {
        *version = 1;
        return 0;
    }
    now = oks_engine_version(engine, &target);
    if (!now)
        return -ENOENT;
    if (file->type->render == render_ledger) /* whose a line is depends on all transcripts */
        now = oks_engine_version(engine, &(struct oks_target){.kind = OKS_ALL});
    *version = file->type->is_volatile ? 0 : now;
    return 0;
}

int tree_render(struct oks_engine *engine, const struct node *file, int64_t now_ms, struct oks_document *out)
{
    return file->type->shape == NODE_FILE ? file->type->render(engine, file, now_ms, out) : -EISDIR;
}
