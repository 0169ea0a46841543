/* A roster: Claude Code's own description of a team. */
#ifndef OKSTRAFS_TEAMS_ROSTER_H
#define OKSTRAFS_TEAMS_ROSTER_H

#include "teams/team_state.h"

/*
 * `path` is <config>/teams/<team>/config.json. Fills *out, without a window: the workers are all members
 * except the lead, by name. 0; -ENOENT: no file, or no member except a lead (Claude Code makes such a team
 * for every session); -EINVAL: not a roster; -EFBIG, -ENOMEM, ...
 */
int roster_load(const char *path, struct team_state *out);

#endif
