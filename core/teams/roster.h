/* Claude Code's own description of a team (private to the engine). */
#ifndef OKSTRAFS_TEAMS_ROSTER_H
#define OKSTRAFS_TEAMS_ROSTER_H

#include "teams/team_state.h"

/*
 * `path` is <config>/teams/<team>/config.json. Fills *out without a window: who works is every member but the
 * lead, by its name. 0; -ENOENT where there is no file, or nobody in it but a lead (Claude Code makes such a
 * team for every session); -EINVAL where it is none, -EFBIG, -ENOMEM, ...
 */
int roster_load(const char *path, struct team_state *out);

#endif
