/* Membership of a team: which sessions are in it, and as which member. */
#ifndef OKSTRAFS_TEAMS_MEMBERS_H
#define OKSTRAFS_TEAMS_MEMBERS_H

#include "okstrafs/names.h"
#include "okstrafs/stamp.h"
#include "teams/runs.h"

/* `run` is the run or roster to go by, or NULL if no file describes the team. */

/* Sets the bounds to those of the run, if there is one. */
void runs_window(const struct team_run *run, struct oks_stamp *since, struct oks_stamp *until);

/* The team's sessions, NULL-terminated, ascending by name; the caller frees the array. NULL on ENOMEM. */
struct session **team_sessions(struct catalog *c, const struct team *team, const struct team_run *run);

/* Its sessions by member, ascending by the member's name, then by the session's. */
struct team_members {
    const struct team_run *run; /* by which they were found */
    uint64_t version;           /* of everything, then */
    uint64_t since;             /* the same when the items were found to be others than before */
    size_t n;
    struct member_session {
        const char *member;
        struct session *session;
    } items[];
};

/* Made once after each change; it belongs to the team. NULL on ENOMEM */
const struct team_members *team_members(struct catalog *c, struct team *team, const struct team_run *run);
/*
 * The version of a member's data: that of the team only if more has changed than the numbers of other
 * members. Without such a member, or on ENOMEM, that of the team.
 */
uint64_t team_member_version(struct catalog *c, struct team *team, const char *member);
/* Where the sessions of a member begin, if it has any. */
size_t team_members_of(const struct team_members *members, const char *member);
/* Whether item i exists and is of that member. */
bool team_members_are(const struct team_members *members, size_t i, const char *member);
/* Whether the session is in the team; as that member, if it is not NULL. */
bool team_members_have(const struct team_members *members, const struct session *s, const char *member);

bool member_is_lead(const struct team_run *run, const struct session *s);
/*
 * The worker of the run that wrote this session itself: an agent of another kind than Claude Code, beside the
 * session of Claude Code that supervises it. NULL: none.
 */
const struct run_worker *member_own_worker(const struct team_run *run, const struct session *s);
bool member_works_as(const struct team_run *run, const struct run_worker *worker, const struct session *s);

/*
 * The member's name under which the session's usage is shown: the agent without its re-dispatch suffix, or
 * "lead".
 */
void member_name_of(const struct team_run *run, const struct session *s, char out[OKS_NAME_MAX + 1]);

/* Whether it is a worker's own session, and has a name that may be that of another worker. */
bool member_has_two_names(const struct team_run *run, const struct session *s);
/*
 * The name that all sessions of a worker without a second name have by member_name_of(). False: there may be
 * several; try each session with member_works_as().
 */
bool member_of_worker(const struct team_run *run, const struct run_worker *worker,
                      char out[OKS_NAME_MAX + 1]);

/*
 * Whether the session may be that of a roster's member with a process of its own, by its name and working
 * directory.
 */
bool member_may_have_joined(const struct team_run *roster, const struct session *s);

#endif
