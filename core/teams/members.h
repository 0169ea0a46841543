/* Membership in a team: which sessions belong to it, and under which name of a member. */
#ifndef OKSTRAFS_TEAMS_MEMBERS_H
#define OKSTRAFS_TEAMS_MEMBERS_H

#include "okstrafs/names.h"
#include "okstrafs/stamp.h"
#include "teams/runs.h"

/* `run` is what the team is looked at by: a run or a roster, or NULL where no file tells of it. */

/* Sets the bounds to those of the run, where there is one. */
void runs_window(const struct team_run *run, struct oks_stamp *since, struct oks_stamp *until);

/* The team's sessions, NULL-terminated, ascending by name; to be freed. NULL on ENOMEM. */
struct session **team_sessions(struct catalog *c, const struct team *team, const struct team_run *run);

bool member_is_lead(const struct team_run *run, const struct session *s);
/*
 * The worker whose own transcripts these are: an agent of another kind than Claude Code that works for the
 * run writes them itself, beside those of the session that watches over it. NULL: nobody's.
 */
const struct run_worker *member_own_worker(const struct team_run *run, const struct session *s);
bool member_works_as(const struct team_run *run, const struct run_worker *worker, const struct session *s);

/* The name under which a session's usage is shown in its team: agent without its re-dispatch suffix, or
 * "lead". */
void member_name_of(const struct team_run *run, const struct session *s, char out[OKS_NAME_MAX + 1]);

#endif
