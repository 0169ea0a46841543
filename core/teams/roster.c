/*
 * A parser of Claude Code's team files (config.json): the members of a team, while it exists.
 *
 * Members leave the file when they leave the team, and the file is deleted with the team. It also holds each
 * member's task (`prompt`), which is never read.
 */
#include "teams/roster.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files/external_json.h"

static const char lead_name[] = "team-lead";
static const char in_process[] = "in-process";

static bool is_lead(json_object *root, json_object *member)
{
    const char *lead = foreign_text(root, "leadAgentId"), *id = foreign_text(member, "agentId");

    return (lead && id && strcmp(lead, id) == 0) || strcmp(foreign_text(member, "name"), lead_name) == 0;
}

/* Its own working directory and its start tell a teammate's session. Those in the lead's process have
 * neither. */
static int add_process(struct run_worker *to, json_object *member)
{
    const char *pane = foreign_text(member, "tmuxPaneId"), *backend = foreign_text(member, "backendType");
    json_object *joined = foreign_member(member, "joinedAt", json_type_int);

    if ((pane && strcmp(pane, in_process) == 0) || (backend && strcmp(backend, in_process) == 0))
        return 0;
    to->joined_ms = joined ? json_int64(joined) : 0;
    return foreign_copy(&to->cwd, foreign_text(member, "cwd"));
}

static int add_member(struct team_state *state, json_object *member)
{
    struct run_worker *to = &state->workers[state->n_workers++];

    return foreign_copy(&to->worker_id, foreign_text(member, "name")) < 0 ||
                   foreign_copy(&to->agent, foreign_text(member, "agentType")) < 0 ||
                   foreign_copy(&to->model, foreign_text(member, "model")) < 0 || add_process(to, member) < 0
               ? -ENOMEM
               : 0;
}

static int read_members(json_object *root, struct team_state *state)
{
    json_object *list = foreign_member(root, "members", json_type_array);
    size_t n = list ? json_object_array_length(list) : 0;
    int rc = 0;

    if (n > TEAM_STATE_WORKERS_MAX)
        n = TEAM_STATE_WORKERS_MAX;
    state->workers = n ? calloc(n, sizeof(*state->workers)) : NULL;
    if (n && !state->workers)
        return -ENOMEM;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        json_object *member = json_object_array_get_idx(list, i);

        if (!foreign_text(member, "name"))
            continue;
        if (!is_lead(root, member))
            rc = add_member(state, member);
        else if (!state->lead_model)
            rc = foreign_copy(&state->lead_model, foreign_text(member, "model"));
    }
    return rc;
}

/* The team's name in the file, else its folder's. */
static int read_name(json_object *root, const char *path, struct team_state *state)
{
    const char *name = foreign_text(root, "name"), *end = strrchr(path, '/'), *start = end;

    if (name)
        return foreign_copy(&state->team_name, name);
    while (start > path && start[-1] != '/')
        start--;
    state->team_name = strndup(start, (size_t)(end - start));
    return state->team_name ? 0 : -ENOMEM;
}

int roster_load(const char *path, struct team_state *out)
{
    struct team_state state = {0};
    struct json_tree tree;
    int rc = foreign_json_load(path, &tree, &state.mtime_ns);

    if (rc < 0)
        return rc;
    rc = read_name(tree.root, path, &state);
    if (rc == 0)
        rc = foreign_copy(&state.lead_session, foreign_text(tree.root, "leadSessionId"));
    if (rc == 0)
        rc = read_members(tree.root, &state);
    json_tree_clear(&tree);
    if (rc == 0 && state.n_workers == 0)
        rc = -ENOENT;
    if (rc < 0) {
        team_state_clear(&state);
        return rc;
    }
    *out = state;
    return 0;
}
