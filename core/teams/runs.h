/*
 * The runs of teams, from team-state files and rosters.
 *
 *     runs_new(&runs, discovery, catalog);
 *     runs_add_project(runs, cwd); runs_add_rosters(runs, root);
 *     each sync: discovery_refresh_dirs(discovery)     finds new, changed and deleted files
 *     run = runs_current(team);
 *
 * Not thread safe: the model's lock covers it.
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

/* What tells a run from the others of its team. */
enum run_naming {
    RUN_BY_NUMBER, /* the number at the end of its file's name */
    RUN_BY_FILE,
    RUN_BY_PATH,
};

/* One run of a team, from its team-state file; or a roster. */
struct team_run {
    char *path;
    const char *dir; /* the project folder above it */
    char *name;      /* as listed; NULL: not made */
    enum run_naming naming;
    bool roster;                 /* from Claude Code's config.json: members without times */
    int error;                   /* why it could not be read: it is counted, and dropped */
    char lead[OKS_NAME_MAX + 1]; /* the lead's session as a file name; "": unknown */
    LIST_ENTRY(team_run) of_all;
    struct team *team;
    LIST_ENTRY(team_run) of_team;
    struct team_run *next_in_dir;
    struct team_state state;
};

/* `discovery` finds the files, `catalog` has the teams; both are borrowed. 0 or -ENOMEM */
int runs_new(struct runs **out, struct discovery *discovery, struct catalog *catalog);
/* Call it before discovery_free(). NULL is fine. */
void runs_free(struct runs *runs);

/* Adds a folder that may hold .okstra/tasks. 0; 1: ignored, because there are too many; -ENOMEM */
int runs_add_project(struct runs *runs, const char *path);
/* Takes back one such call; the runs go with the last one, at the next refresh. */
void runs_remove_project(struct runs *runs, const char *path);
/* Adds a root: its configuration folder may hold rosters. 0 or -ENOMEM */
int runs_add_rosters(struct runs *runs, const struct root *root);

/*
 * A session changed or left: the teams to which a run assigns it get the version. NULL runs are fine, at the
 * end of the engine.
 */
void runs_session_changed(struct runs *runs, const struct session *s, uint64_t version);

/* The run, or else the roster, whose window and workers the team's document shows; NULL: none. The others
 * follow by LIST_NEXT(), in the order in which they count. */
const struct team_run *runs_current(struct team *team);
/*
 * The name under which a run (not a roster) is listed: the number at the end of its file's name, if that is
 * unique.
 */
void runs_name(struct team *team, const struct team_run *run, char out[OKS_NAME_MAX + 1]);
const struct team_run *runs_named(struct team *team, const char *name); /* or NULL */

uint64_t runs_errors(const struct runs *runs); /* files that could not be parsed, since the start */

#endif
