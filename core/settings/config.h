/*
 * The configuration, okstrafs.json, parsed. docs/configuration.md describes it. Pure: text in, values out.
 */
#ifndef OKSTRAFS_SETTINGS_CONFIG_H
#define OKSTRAFS_SETTINGS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prices/prices.h"
#include "okstrafs/zone.h"

enum {
    CONFIG_BYTES_MAX = 1 << 20,
    CONFIG_BUDGETS_MAX = 256,
    CONFIG_NAME_MAX = 100, /* bytes of a budget's or a host's name: with ".json" it is a file name */
    CONFIG_HOSTS_MAX = 1000,
    CONFIG_HOST_FOLDERS_MAX = 16,
};

enum budget_scope {
    BUDGET_RUN,       /* a team's current run, each or one */
    BUDGET_DAY,       /* a local day, all spending */
    BUDGET_SESSION,   /* a session and its sub-agents, each or one */
    BUDGET_TEAM,      /* all sessions of a team, each or one */
    BUDGET_PROJECT,   /* all sessions of a project folder, each or one */
    BUDGET_AGENT_DAY, /* all agents of one name on a local day, each or one */
    BUDGET_BLOCK,     /* the current five-hour block */
    BUDGET_TOTAL,     /* all spending ever */
    BUDGET_SCOPES,
};

enum budget_policy { BUDGET_BLOCK_RUN, BUDGET_WARN_CONTINUE, BUDGET_PROMPT, BUDGET_POLICIES };

struct budget {
    char *name;
    char *of; /* the target's name; NULL: each of them, or everything */
    enum budget_scope scope;
    enum budget_policy policy;
    bool in_usd;
    uint64_t limit;   /* picodollars or tokens; at least 1 */
    uint64_t warn_at; /* share of the limit, in 10^-12: 1 ... OKS_USD */
};

/* Another machine whose transcripts are in folders of this one. */
struct config_host {
    char *name;     /* a file name */
    char **folders; /* absolute, without a slash at the end; no other host has one of them */
    size_t n_folders;
};

struct config {
    char *zone_name; /* as written; NULL: none */
    struct oks_zone *zone;
    char *host;             /* what this machine is called; NULL: its own name */
    struct budget *budgets; /* ascending by name */
    size_t n_budgets;
    struct config_host *hosts; /* ascending by name */
    size_t n_hosts;
    uint32_t label_sets;    /* of metrics.prom, at most; 0: CONFIG_LABEL_SETS */
    bool claude_code_names; /* metrics under Claude Code's own names too */
};

enum { CONFIG_LABEL_SETS = 1000, CONFIG_LABEL_SETS_MAX = 10000 };

/* "run", "day" ...; "block", "warn_continue", "prompt" */
const char *budget_scope_name(enum budget_scope scope);
const char *budget_policy_name(enum budget_policy policy);

/* Whether the scope has targets, of which a budget may name one. */
bool budget_has_target(enum budget_scope scope);

/*
 * `zones` is the folder of time zones (okstrafs/zone.h). 0; -ENOMEM; -EINVAL: `error` says what is wrong, and
 * where.
 */
int config_parse(struct config *out, const char *text, size_t len, const char *zones, char error[256]);
void config_clear(struct config *config);

#endif
