/* One team-state file and its run manifest, read with json-c (private to the engine). */
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
};

struct team_state {
    char *team_name;       /* never NULL */
    char *task_key;        /* or NULL */
    char since[RUN_BOUND]; /* createdAt of the manifest, in the collector's form; "" = open */
    char until[RUN_BOUND]; /* runEndedAt, or the file's own time for a run that says it is over; "" = open */
    char *lead_session;    /* session id, or NULL */
    char *lead_model;      /* or NULL */
    struct run_worker *workers;
    size_t n_workers;
    int64_t mtime_ns; /* the newer of both files */
};

enum { TEAM_STATE_WORKERS_MAX = 4096 };

/*
 * `path` is .../state/team-state-<x>.json; its manifest is .../manifests/run-manifest-<x>.json where there is
 * one. 0 fills *out; -EINVAL where it is no team state (not JSON, no team name), -ENOENT, -EFBIG, -ENOMEM,
 * ...
 */
int team_state_load(const char *path, struct team_state *out);
void team_state_clear(struct team_state *state); /* a zeroed one is fine */

#endif
