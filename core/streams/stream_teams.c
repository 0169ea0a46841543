/*
 * The team that the lines of the stream of all name for a session.
 *
 * Which sessions a team has is found again if a team has another version, and sessions are assigned again if
 * these are others: a team has another version with each line of one of its sessions.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
#include "streams/stream_private.h"
#include "teams/members.h"

struct assigning {
    struct streams *streams;
    bool changed;
    int rc;
};

/* A team has another version with each line of one of its sessions, and seldom other sessions. */
static void see_team(struct assigning *a, struct team *team)
{
    struct session **sessions;
    uint64_t hash;

    hash = request_hash(0, team->name, strlen(team->name));
    sessions = team_sessions(&a->streams->model->catalog, team, runs_current(team));
    if (!sessions)
        a->rc = -ENOMEM;
    for (size_t i = 0; sessions && sessions[i]; i++) {
        hash = request_hash(hash, (const char *)&sessions[i], sizeof(sessions[i]));
        a->changed |= !sessions[i]->stream->team; /* a new one may be where another one was */
    }
    free(sessions);
    a->changed |= hash != team->told_members;
    team->told_members = hash;
    team->told = team->version;
}

static void unassign(void *ctx, void *item)
{
    (void)ctx;
    ((struct session *)item)->stream->team = NULL;
}

/* A session of several teams is told as one of the first. */
static void assign(void *ctx, void *item)
{
    struct assigning *a = ctx;
    struct team *team = item;
    struct model *m = a->streams->model;
    struct session **sessions = team_sessions(&m->catalog, team, runs_current(team));
    const char *name = oks_intern(&m->names, team->name);

    if (!sessions || !name)
        a->rc = -ENOMEM;
    for (size_t i = 0; a->rc == 0 && sessions[i]; i++)
        if (!sessions[i]->stream->team)
            sessions[i]->stream->team = name;
    free(sessions);
}

int stream_assign_teams(struct streams *streams)
{
    struct catalog *c = &streams->model->catalog;
    struct assigning a = {streams, c->n_teams != streams->n_teams, 0};
    struct team *team;

    TAILQ_FOREACH(team, &c->teams_by_version, of_version) {
        if (team->told == team->version)
            break; /* those behind it are older */
        see_team(&a, team);
    }
    if (!a.changed && a.rc == 0)
        return 0;
    streams->n_teams = SIZE_MAX; /* it is done again, if it fails */
    if (a.rc < 0)
        return a.rc;
    oks_tree_each(c->sessions, unassign, NULL);
    oks_tree_each(c->teams, assign, &a);
    if (a.rc < 0)
        return a.rc;
    streams->n_teams = c->n_teams;
    return 1;
}
