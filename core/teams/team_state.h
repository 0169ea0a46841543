/* A team-state file and its run manifest, parsed. */
#ifndef OKSTRAFS_TEAMS_TEAM_STATE_H
#define OKSTRAFS_TEAMS_TEAM_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "okstrafs/stamp.h"

enum { RUN_BOUND = OKS_STAMP_TEXT };

/* A worker that a team-state file names. */
struct run_worker {
    char *worker_id; /* never NULL */
    char *agent;     /* or NULL */
    char *model;     /* or NULL */

    /* of a roster's member with a process of its own: */
    char *cwd;         /* NULL: it has none, or it is unknown */
    int64_t joined_ms; /* 0: unknown */
};

struct team_state {
    char *team_name;       /* never NULL */
    char *task_key;        /* or NULL */
    char since[RUN_BOUND]; /* createdAt of the manifest, in the collector's form; "" is open */
    char until[RUN_BOUND]; /* runEndedAt, or the file's mtime if the status says that the run is over; "" is
                              open */
    char *lead_session;    /* session id, or NULL */
    char *lead_model;      /* or NULL */
    struct run_worker *workers;
    size_t n_workers;
    int64_t mtime_ns; /* the newer of both files */
};

enum { TEAM_STATE_WORKERS_MAX = 4096 };

/*
 * `path` is .../state/team-state-<x>.json; its manifest is .../manifests/run-manifest-<x>.json, if it exists.
 * 0 fills *out; -EINVAL: not a team-state file (not JSON, no team name); -ENOENT, -EFBIG, -ENOMEM, ...
 */
int team_state_load(const char *path, struct team_state *out);
void team_state_clear(struct team_state *state); /* a zeroed one is fine */

#endif
