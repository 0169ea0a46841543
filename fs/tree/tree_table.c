/*
 * The table of nodes.
 *
 * An entry has a node's name, its shape, its fixed children, the source of its other children's names, and
 * the function that renders its content. A new file in the mount is one entry and one render function.
 */
#include "tree/tree_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "okstrafs/names.h"
#include "okstrafs/stream.h"
#include "tree/documents.h"
#include "tree/tree.h"

/* --- content --- */

static const char readme_text[] =
    "okstrafs: the token usage and cost of your coding agents, as files.\n"
    "\n"
    "A file is brought up to date when it is opened. Nothing here can be written.\n"
    "\n"
    "  report.txt, report.html        for people: today, the last days, budgets; stats/by-day.svg\n"
    "  cost_usd, usage.json           everything; of today alone: stats/window/today/cost_usd\n"
    "  teams/<name>/usage.json        a team: lead, workers, totals; members/, runs/, projection.json\n"
    "  sessions/<id>/usage.json       one session (6 characters of the id are enough)\n"
    "  projects/<dir>/usage.json      all sessions of a project folder; current: the one that asked last\n"
    "  sessions/<id>/requests.jsonl   a line a request; tools.jsonl: of tools; events.jsonl, events/: all\n"
    "  sessions/<id>/context.json     how full its context is; ledger.jsonl: what became of each line\n"
    "  hosts/<name>/usage.json        one machine of okstrafs.json; this one under its own name\n"
    "  .../total_tokens, cost_usd, cache_hit_ratio  beside each usage.json: one number on one line\n"
    "  .../window/<since>_<until>.json  the same, between two times\n"
    "  stats/by-model.json, window/   also -project -branch -agent -source -host -effort -tool -day ...\n"
    "  limits/claude.json, codex.json how much of the plan is used up, as the agent said last\n"
    "  budgets/<name>.json            what was spent of a budget; exceeded/<name> while it is over\n"
    "  budgets/ERROR                  only while the configuration is wrong: what is wrong\n"
    "  status.json, pricing.json      what was read, skipped, or not written; the prices in force\n"
    "\n"
    "A bound of a window is empty (open), 2026-06-10, 2026-06-10T01:00Z, 2026-06-10T10:00:00+09:00,\n"
    "@1781053200, now, or -5h / -30m / -7d. Alone: 2026-06-10, 2026-W24, 2026-06: local as all days\n"
    "here, or in UTC with a Z behind it. Listed: today, this-week, last-30d ..., days with activity.\n"
    "\n"
    "  cat teams/*/total_tokens sessions/0123ab/window/-5h_now.json stats/window/this-week/cost_usd\n"
    "\n"
    "cost_usd, \"billed\" and metrics.prom (for Prometheus) count each request once. total_tokens and the\n"
    "first keys of usage.json count every line of a transcript, as okstra does; cache reads apart.\n"
    "\n"
    "No prompt, answer or tool text is shown or kept here: counts, ids, names, models, paths\n"
    "and times only. Same tree without a mount: okstrafs cat PATH, okstrafs ls PATH.\n"
    "Stop: okstrafs umount THIS-FOLDER\n";

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

static int render_host(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                       struct oks_document *out)
{
    struct oks_target target = node_target(node);

    return oks_document_host(engine, &target, out);
}

static int render_metrics(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                          struct oks_document *out)
{
    return oks_document_metrics(engine, now_ms, out);
}

static int render_pricing(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                          struct oks_document *out)
{
    return oks_document_prices(engine, out);
}

static int render_limits(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                         struct oks_document *out)
{
    return oks_document_limits(engine, node->type->source, now_ms, out);
}

static int render_budget(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                         struct oks_document *out)
{
    char name[OKS_NAME_MAX + 1];

    if (strcmp(node->leaf, OKS_SETTINGS_ERROR) == 0)
        return oks_document_settings_error(engine, out);
    snprintf(name, sizeof(name), "%.*s", (int)(strlen(node->leaf) - strlen(".json")), node->leaf);
    return oks_document_budget(engine, name, false, now_ms, out);
}

static int render_exceeded(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                           struct oks_document *out)
{
    return oks_document_budget(engine, node->leaf, true, now_ms, out);
}

int tree_window(enum node_shape shape, const char *name, const struct oks_zone *zone, int64_t now_ms,
                struct oks_window *out)
{
    char with_suffix[OKS_NAME_MAX + sizeof(".json")];

    if (shape == NODE_FILE)
        return oks_window_parse(oks_slice_of(name), zone, now_ms, out);
    if (strlen(name) > OKS_NAME_MAX)
        return -ENOENT;
    snprintf(with_suffix, sizeof(with_suffix), "%s.json", name);
    return oks_window_parse(oks_slice_of(with_suffix), zone, now_ms, out);
}

/* The window of the node's folder, whose name is then the leaf; *window is NULL elsewhere. */
static int window_of_folder(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                            struct oks_window *space, const struct oks_window **window)
{
    *window = node->leaf ? space : NULL;
    return node->leaf ? tree_window(NODE_DIR, node->leaf, oks_engine_zone(engine), now_ms, space) : 0;
}

static int render_stats(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                        struct oks_document *out)
{
    const struct oks_window *window;
    struct oks_window space;
    int rc = window_of_folder(engine, node, now_ms, &space, &window);

    return rc < 0 ? rc : oks_document_stats(engine, node->type->stats, window, now_ms, out);
}

static int render_names(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                        struct oks_document *out)
{
    struct oks_target target = node_target(node);

    return oks_document_names(engine, node->type->list, &target, out);
}

static int render_context(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                          struct oks_document *out)
{
    struct oks_target target = node_target(node);

    return oks_document_context(engine, &target, out);
}

static int render_projection(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                             struct oks_document *out)
{
    struct oks_target target = node_target(node);

    return oks_document_projection(engine, &target, out);
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
    const struct oks_window *window;
    struct oks_window space;
    int rc = window_of_folder(engine, node, now_ms, &space, &window);

    return rc < 0 ? rc : oks_document_usage(engine, &target, window, out);
}

struct lines {
    char *bytes;
    size_t len, room;
};

static int add_line(void *ctx, const char *bytes, size_t len)
{
    struct lines *lines = ctx;

    if (!bytes) {
        lines->len = 0;
        return 0;
    }
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
    struct oks_stream_cursor cursor = tree_stream_cursor(node);
    struct lines lines = {0};
    int64_t mtime_ns = 0;
    int rc = oks_stream_next(engine, &target, &cursor, add_line, &lines, &mtime_ns);

    oks_stream_end(&cursor);
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
    const struct oks_window *window;
    struct oks_window space;
    int rc = window_of_folder(engine, node, now_ms, &space, &window);

    return rc < 0 ? rc : oks_document_total_tokens(engine, &target, window, out);
}

static int render_cost_usd(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                           struct oks_document *out)
{
    struct oks_target target = node_target(node);
    const struct oks_window *window;
    struct oks_window space;
    int rc = window_of_folder(engine, node, now_ms, &space, &window);

    return rc < 0 ? rc : oks_document_cost(engine, &target, window, out);
}

static int render_hit_ratio(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                            struct oks_document *out)
{
    struct oks_target target = node_target(node);
    const struct oks_window *window;
    struct oks_window space;
    int rc = window_of_folder(engine, node, now_ms, &space, &window);

    return rc < 0 ? rc : oks_document_hit_ratio(engine, &target, window, out);
}

static int render_window(struct oks_engine *engine, const struct node *node, int64_t now_ms,
                         struct oks_document *out)
{
    struct oks_target target = node_target(node);
    struct oks_window window;
    int rc = tree_window(NODE_FILE, node->leaf, oks_engine_zone(engine), now_ms, &window);

    return rc < 0 ? rc : oks_document_usage(engine, &target, &window, out);
}

/* --- the table --- */

static const struct node_type
    type_readme = {.name = "README.txt", .shape = NODE_FILE, .render = render_readme, .of_no_data = true},
    type_status = {.name = "status.json",
                   .shape = NODE_FILE,
                   .render = render_status,
                   .of_found = true,
                   .is_volatile = true},
    type_host_status = {.name = "status.json",
                        .shape = NODE_FILE,
                        .render = render_host,
                        .is_volatile = true},
    type_metrics = {.name = "metrics.prom",
                    .shape = NODE_FILE,
                    .render = render_metrics,
                    .is_volatile = true,
                    .costly = true},
    type_pricing = {.name = "pricing.json",
                    .shape = NODE_FILE,
                    .render = render_pricing,
                    .of_found = true,
                    .of_prices = true},
    type_budget = {.shape = NODE_FILE, .render = render_budget, .announced = true},
    type_exceeded = {.shape = NODE_FILE, .render = render_exceeded, .announced = true},
    type_usage = {.name = "usage.json", .shape = NODE_FILE, .render = render_usage, .of_window = true},
    type_total_tokens = {.name = "total_tokens",
                         .shape = NODE_FILE,
                         .render = render_total_tokens,
                         .of_window = true},
    type_cost_usd = {.name = "cost_usd", .shape = NODE_FILE, .render = render_cost_usd, .of_window = true},
    type_hit_ratio = {.name = "cache_hit_ratio",
                      .shape = NODE_FILE,
                      .render = render_hit_ratio,
                      .of_window = true},
    type_requests = {.name = "requests.jsonl",
                     .shape = NODE_FILE,
                     .render = render_stream,
                     .is_stream = true,
                     .costly = true},
    type_tools = {.name = "tools.jsonl",
                  .named_only = true,
                  .shape = NODE_FILE,
                  .render = render_stream,
                  .is_stream = true,
                  .stream = OKS_STREAM_TOOLS,
                  .costly = true},
    type_events = {.name = "events.jsonl", .shape = NODE_FILE, .render = render_stream, .is_stream = true},
    type_month = {.shape = NODE_FILE,
                  .render = render_stream,
                  .is_stream = true,
                  .stream = OKS_STREAM_MONTH,
                  .costly = true},
    type_months = {.name = "events", .shape = NODE_DIR, .each = &type_month, .list = OKS_LIST_MONTHS},
    /* Text, and no links: those lead from teams, projects and members to sessions, so that a tool that
     * follows links comes to an end. */
    type_session_teams = {.name = "teams",
                          .shape = NODE_FILE,
                          .render = render_names,
                          .list = OKS_LIST_TEAMS,
                          .costly = true},
    type_session_project = {.name = "project",
                            .shape = NODE_FILE,
                            .render = render_names,
                            .list = OKS_LIST_PROJECTS,
                            .costly = true},
    type_context = {.name = "context.json", .shape = NODE_FILE, .render = render_context},
    type_projection = {.name = "projection.json",
                       .shape = NODE_FILE,
                       .render = render_projection,
                       .costly = true},
    type_ledger = {.name = "ledger.jsonl",
                   .named_only = true,
                   .shape = NODE_FILE,
                   .render = render_ledger,
                   .of_all = true,
                   .costly = true},
    type_window_file = {.shape = NODE_FILE, .render = render_window, .of_window = true},
    type_window = {.name = "window",
                   .named_only = true,
                   .shape = NODE_DIR,
                   .each = &type_window_file,
                   .list = OKS_LIST_DAYS},
    type_report = {.name = "report.txt",
                   .shape = NODE_FILE,
                   .render = tree_documents_report,
                   .costly = true,
                   .of_times = true,
                   .stats = OKS_STATS_BY_MONTH,
                   .of_clock = true},
    type_page = {.name = "report.html",
                 .shape = NODE_FILE,
                 .render = tree_documents_page,
                 .costly = true,
                 .of_times = true,
                 .stats = OKS_STATS_BY_MONTH,
                 .of_clock = true},
    type_days_chart = {.name = "by-day.svg",
                       .shape = NODE_FILE,
                       .render = tree_documents_days,
                       .costly = true,
                       .of_times = true,
                       .stats = OKS_STATS_BY_DAY,
                       .of_clock = true},
    type_session_card = {.name = "report.svg",
                         .shape = NODE_FILE,
                         .render = tree_documents_session,
                         .costly = true},

    type_session_link = {.shape = NODE_LINK, .up = "../../../sessions/"},
    type_current = {.name = "current", .shape = NODE_LINK, .up = "../../sessions/"},
    type_member_session_link = {.shape = NODE_LINK, .up = "../../../../../sessions/"},
    type_subagent_link = {.shape = NODE_LINK, .up = "../../"};

#define STATS(id, file, what, ...)       \
    type_##id = {.name = (file),         \
                 .shape = NODE_FILE,     \
                 .render = render_stats, \
                 .of_window = true,      \
                 .stats = (what),        \
                 __VA_ARGS__}
#define STATS_ALL                                                                                      \
    &type_by_model, &type_by_project, &type_by_branch, &type_by_agent, &type_by_source, &type_by_host, \
        &type_by_effort, &type_by_tool, &type_by_day, &type_by_week, &type_by_month, &type_by_hour,    \
        &type_blocks
#define TYPES(...) ((const struct node_type *const[]){__VA_ARGS__, NULL})

static const struct node_type
    type_linked_sessions = {.name = "sessions",
                            .named_only = true,
                            .shape = NODE_DIR,
                            .each = &type_session_link,
                            .list = OKS_LIST_SESSIONS},
    type_member_sessions = {.name = "sessions",
                            .named_only = true,
                            .shape = NODE_DIR,
                            .each = &type_member_session_link,
                            .list = OKS_LIST_SESSIONS},
    type_subagents = {.name = "subagents",
                      .shape = NODE_DIR,
                      .each = &type_subagent_link,
                      .list = OKS_LIST_SUBAGENTS},

    type_member = {.shape = NODE_DIR,
                   .enters = OKS_MEMBER,
                   .fixed = TYPES(&type_context, &type_usage, &type_total_tokens, &type_cost_usd,
                                  &type_hit_ratio, &type_window, &type_member_sessions)},
    type_members = {.name = "members", .shape = NODE_DIR, .each = &type_member, .list = OKS_LIST_MEMBERS},
    type_run = {.shape = NODE_DIR,
                .enters = OKS_RUN,
                .fixed = TYPES(&type_usage, &type_total_tokens, &type_cost_usd, &type_hit_ratio,
                               &type_window)},
    type_runs = {.name = "runs", .shape = NODE_DIR, .each = &type_run, .list = OKS_LIST_RUNS},
    type_team = {.shape = NODE_DIR,
                 .enters = OKS_TEAM,
                 .fixed = TYPES(&type_usage, &type_total_tokens, &type_cost_usd, &type_hit_ratio,
                                &type_window, &type_projection, &type_members, &type_runs,
                                &type_linked_sessions)},
    type_session = {.shape = NODE_DIR,
                    .enters = OKS_SESSION,
                    .fixed = TYPES(&type_context, &type_session_card, &type_ledger, &type_usage,
                                   &type_total_tokens, &type_cost_usd, &type_hit_ratio, &type_requests,
                                   &type_tools, &type_window, &type_subagents, &type_session_teams,
                                   &type_session_project)},
    type_project = {.shape = NODE_DIR,
                    .enters = OKS_PROJECT,
                    .each = &type_current,
                    .list = OKS_LIST_CURRENT,
                    .fixed = TYPES(&type_usage, &type_total_tokens, &type_cost_usd, &type_hit_ratio,
                                   &type_window, &type_linked_sessions)},

    type_host = {.shape = NODE_DIR,
                 .enters = OKS_HOST,
                 .fixed = TYPES(&type_usage, &type_total_tokens, &type_cost_usd, &type_hit_ratio,
                                &type_window, &type_host_status, &type_linked_sessions)},

    type_hosts = {.name = "hosts",
                  .shape = NODE_DIR,
                  .each = &type_host,
                  .list = OKS_LIST_HOSTS,
                  .list_of_all = true},
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
    STATS(by_host, "by-host.json", OKS_STATS_BY_HOST, .costly = false),
    STATS(by_branch, "by-branch.json", OKS_STATS_BY_BRANCH, .costly = true),
    STATS(by_effort, "by-effort.json", OKS_STATS_BY_EFFORT, .costly = true),
    STATS(by_tool, "by-tool.json", OKS_STATS_BY_TOOL, .costly = true),
    STATS(by_day, "by-day.json", OKS_STATS_BY_DAY, .costly = true, .of_times = true),
    STATS(by_week, "by-week.json", OKS_STATS_BY_WEEK, .costly = true, .of_times = true),
    STATS(by_month, "by-month.json", OKS_STATS_BY_MONTH, .costly = true, .of_times = true),
    STATS(by_hour, "by-hour.json", OKS_STATS_BY_HOUR, .costly = true, .of_times = true),
    STATS(blocks, "blocks.json", OKS_STATS_BLOCKS, .costly = true, .of_times = true, .of_clock = true),
    type_stats_span = {.shape = NODE_DIR,
                       .unannounced = true,
                       .fixed = TYPES(&type_usage, &type_total_tokens, &type_cost_usd, &type_hit_ratio,
                                      STATS_ALL)},
    type_stats_window = {.name = "window",
                         .named_only = true,
                         .shape = NODE_DIR,
                         .each = &type_stats_span,
                         .list = OKS_LIST_DAYS},
    type_stats = {.name = "stats",
                  .shape = NODE_DIR,
                  .fixed = TYPES(STATS_ALL, &type_days_chart, &type_stats_window)},
    type_limits_codex = {.name = "codex.json",
                         .shape = NODE_FILE,
                         .render = render_limits,
                         .source = OKS_SOURCE_CODEX,
                         .of_clock = true},
    type_limits_claude = {.name = "claude.json",
                          .shape = NODE_FILE,
                          .render = render_limits,
                          .source = OKS_SOURCE_CLAUDE,
                          .of_clock = true},
    type_limits = {.name = "limits",
                   .shape = NODE_DIR,
                   .fixed = TYPES(&type_limits_claude, &type_limits_codex)},
    type_exceeded_dir = {.name = "exceeded",
                         .shape = NODE_DIR,
                         .each = &type_exceeded,
                         .list = OKS_LIST_EXCEEDED},
    type_budgets = {.name = "budgets",
                    .shape = NODE_DIR,
                    .fixed = TYPES(&type_exceeded_dir),
                    .each = &type_budget,
                    .list = OKS_LIST_BUDGETS};

const struct node_type node_type_root = {
    .shape = NODE_DIR,
    .of_no_data = true,
    .unannounced = true, /* it leads to other folders, and its files may be costly */
    .fixed = TYPES(&type_readme, &type_report, &type_page, &type_usage, &type_total_tokens, &type_cost_usd,
                   &type_hit_ratio, &type_window, &type_status, &type_metrics, &type_pricing, &type_events,
                   &type_months, &type_teams, &type_sessions, &type_projects, &type_hosts, &type_stats,
                   &type_budgets, &type_limits)};

/* A symlink beside the listed name; its target is the leaf. */
const struct node_type node_type_alias = {.shape = NODE_LINK, .up = ""};
