/*
 * The runs of teams, as team-state files and rosters describe them.
 *
 * Not thread safe: the engine's lock covers it.
 */
#ifndef OKSTRAFS_TEAMS_RUNS_H
#define OKSTRAFS_TEAMS_RUNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "okstrafs/names.h"
#include "teams/team_state.h"

struct discovery;
struct catalog;
struct root;
struct runs;
struct session;
struct team;

/* One run of a team, as its team-state file describes it; or a roster. */
struct team_run {
    char *path;
    const char *dir;             /* the project folder below which it lies */
    bool roster;                 /* from Claude Code's config.json: who, but not when */
    char lead[OKS_NAME_MAX + 1]; /* the lead's session as a file name; "": not known */
    LIST_ENTRY(team_run) of_all;
    struct team *team;
    LIST_ENTRY(team_run) of_team;
    struct team_run *next_in_dir;
    struct team_state state;
};

/* The files are found by `discovery`, the teams belong to `catalog`; both are borrowed. -ENOMEM */
int runs_new(struct runs **out, struct discovery *discovery, struct catalog *catalog);
/* Before the discovery goes. NULL is fine. */
void runs_free(struct runs *runs);

/* A folder that may hold .okstra/tasks; -ENOMEM. */
int runs_add_project(struct runs *runs, const char *path);
/* A root, whose configuration folder may hold rosters; -ENOMEM. */
int runs_add_rosters(struct runs *runs, const struct root *root);

/* A session's data changed, or it left: the teams that it belongs to by a run get the version. NULL runs
 * are fine: when all comes to its end. */
void runs_session_changed(struct runs *runs, const struct session *s, uint64_t version);

/* The run, or else the roster, whose window and workers the team's document shows; NULL: none. */
const struct team_run *runs_current(const struct team *team);
/* The name under which a run (no roster) is listed: the number at its file's end where that is enough. */
void runs_name(const struct team *team, const struct team_run *run, char out[OKS_NAME_MAX + 1]);
const struct team_run *runs_named(const struct team *team, const char *name); /* or NULL */

uint64_t runs_errors(const struct runs *runs); /* files that could not be parsed, ever */

#endif
