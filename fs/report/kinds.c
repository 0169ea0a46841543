/*
 * The table of kinds.
 *
 * All counts are those of "billed": each request once. The thirteen keys of a document are in the CSV only.
 */
#include "report/kinds.h"

#include <string.h>

#define COUNTS                                                                                        \
    {"Requests", "billed.requests", CELL_COUNT, 5}, {"Input", "billed.inputTokens", CELL_COUNT, 3},   \
        {"Output", "billed.outputTokens", CELL_COUNT, 4},                                             \
        {"Cache write", "billed.cacheCreationTokens", CELL_COUNT, 2},                                 \
        {"Cache read", "billed.cacheReadTokens", CELL_COUNT, 1},                                      \
        {"Tokens", "billed.totalTokens", CELL_COUNT, 7}, {"Cost USD", "billed.costUSD", CELL_USD, 8}, \
    {                                                                                                 \
        "Share", "billed.costUSD", CELL_SHARE, 6                                                      \
    }

static const struct report_column plain[] = {COUNTS, {0}};
static const struct report_column with_model[] = {
    COUNTS, {"Model", "model", CELL_NAME, 0}, {"Last activity", "endedAt", CELL_TIME, 6}, {0}};
static const struct report_column with_end[] = {COUNTS, {"Last activity", "endedAt", CELL_TIME, 5}, {0}};
static const struct report_column of_blocks[] = {
    {"Until", "endTime", CELL_TIME, 4}, {"Running", "isActive", CELL_FLAG, 9}, COUNTS, {0}};
static const struct report_column of_tools[] = {{"Calls", "calls", CELL_COUNT, 2},
                                                {"Sessions", "sessions", CELL_COUNT, 1},
                                                {"Share", "calls", CELL_SHARE, 3},
                                                {0}};

static const struct report_kind kinds[] = {
    {"days", "Day", "by-day.json", OKS_STATS_BY_DAY, NULL, CELL_NAME, REPORT_BY_KEY, false, plain},
    {"weeks", "Week", "by-week.json", OKS_STATS_BY_WEEK, NULL, CELL_NAME, REPORT_BY_KEY, false, plain},
    {"months", "Month", "by-month.json", OKS_STATS_BY_MONTH, NULL, CELL_NAME, REPORT_BY_KEY, false, plain},
    {"sessions", "Session", NULL, 0, "sessions", CELL_NAME, REPORT_BY_END, false, with_model},
    {"projects", "Project", "by-project.json", OKS_STATS_BY_PROJECT, NULL, CELL_NAME, REPORT_BY_COST, false,
     plain},
    {"branches", "Branch", "by-branch.json", OKS_STATS_BY_BRANCH, NULL, CELL_NAME, REPORT_BY_COST, false,
     plain},
    {"hosts", "Host", "by-host.json", OKS_STATS_BY_HOST, NULL, CELL_NAME, REPORT_BY_COST, false, plain},
    {"sources", "Source", "by-source.json", OKS_STATS_BY_SOURCE, NULL, CELL_NAME, REPORT_BY_COST, false,
     plain},
    {"models", "Model", "by-model.json", OKS_STATS_BY_MODEL, NULL, CELL_NAME, REPORT_BY_COST, false, plain},
    {"agents", "Agent", "by-agent.json", OKS_STATS_BY_AGENT, NULL, CELL_NAME, REPORT_BY_COST, false, plain},
    {"teams", "Team", NULL, 0, "teams", CELL_NAME, REPORT_BY_COST, false, with_end},
    {"blocks", "Block", "blocks.json", OKS_STATS_BLOCKS, NULL, CELL_TIME, REPORT_BY_KEY, false, of_blocks},
    {"tools", "Tool", "by-tool.json", OKS_STATS_BY_TOOL, NULL, CELL_NAME, REPORT_BY_COST, true, of_tools},
};

const struct report_kind *report_kind_at(size_t i)
{
    return i < sizeof(kinds) / sizeof(*kinds) ? &kinds[i] : NULL;
}

const struct report_kind *report_kind_find(const char *name)
{
    const struct report_kind *kind;

    for (size_t i = 0; (kind = report_kind_at(i)); i++)
        if (strcmp(kind->name, name) == 0)
            return kind;
    return NULL;
}
