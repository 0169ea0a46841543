/*
 * Membership of a team: which sessions are in it, and as which member.
 *
 * A session is in a team that its records name, or as the lead that a run or roster names. An agent is
 * identified by the name in its records, or by its label. A run's workers are called <workerId>-worker, with
 * a number at the end when dispatched again; a worker of another kind than Claude Code also writes
 * transcripts of its own. A roster's members are identified by their names; those that run inside the lead's
 * process write theirs as sub-agents of the lead, and these do not name the team: the file beside them does
 * (catalog/leads.c), or the roster.
 *
 * A stranger may make thousands of members, and a listing is followed by a lookup of each. So the sessions of
 * a team are kept by member, until anything changes.
 *
 * Invariant: team_sessions() and member_name_of() depend only on what gives the team a new version when it
 * changes (commit_bump, runs_session_changed).
 */
#include "teams/members.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/tree.h"
#include "catalog/catalog.h"

static const char lead_member[] = "lead";
static const char unnamed_member[] = "unnamed";

void runs_window(const struct team_run *run, struct oks_stamp *since, struct oks_stamp *until)
{
    if (!run)
        return;
    *since = oks_stamp_of(oks_slice_of(run->state.since));
    *until = oks_stamp_of(oks_slice_of(run->state.until));
}

/* --- which member a session is --- */

bool member_is_lead(const struct team_run *run, const struct session *s)
{
    return run && strcmp(run->lead, s->name) == 0;
}

static bool ends_with(const char *s, size_t n, const char *end)
{
    size_t m = strlen(end);

    return n >= m && strncmp(s + n - m, end, m) == 0;
}

/* The length of an agent's name without the suffix -NNN of a worker that was dispatched again. */
static size_t without_redispatch(const char *agent)
{
    size_t n = strlen(agent), digits = 0;

    while (digits < n && isdigit((unsigned char)agent[n - 1 - digits]))
        digits++;
    if (digits == 0 || digits + 1 >= n || agent[n - 1 - digits] != '-')
        return n;
    if (ends_with(agent, n - 1 - digits, "-worker") || ends_with(agent, n - 1 - digits, "report-writer"))
        return n - 1 - digits;
    return n;
}

static bool is_worker(const struct run_worker *worker, const char *agent)
{
    size_t n, id = strlen(worker->worker_id);

    if (!agent)
        return false;
    n = without_redispatch(agent);
    if (strcmp(worker->worker_id, "report-writer") == 0 && n == id &&
        strncmp(agent, worker->worker_id, n) == 0)
        return true;
    return n == id + strlen("-worker") && strncmp(agent, worker->worker_id, id) == 0 &&
           ends_with(agent, n, "-worker");
}

const struct run_worker *member_own_worker(const struct team_run *run, const struct session *s)
{
    const struct source *source = session_source(s);

    if (!run || run->roster || source->names_teams)
        return NULL;
    for (size_t i = 0; i < run->state.n_workers; i++) {
        const char *agent = run->state.workers[i].agent;

        if (agent && strcmp(agent, source->name) == 0)
            return &run->state.workers[i];
    }
    return NULL;
}

bool member_works_as(const struct team_run *run, const struct run_worker *worker, const struct session *s)
{
    const char *agent = session_label(s);

    if (run->roster)
        return agent && strcmp(agent, worker->worker_id) == 0 && !member_is_lead(run, s);
    return is_worker(worker, agent) || member_own_worker(run, s) == worker;
}

/* Whether the session is a sub-agent of the roster's lead with the name of a member. */
static bool is_in_roster(const struct team_run *roster, const struct session *s)
{
    if (!s->parent || strcmp(s->parent, roster->lead) != 0)
        return false;
    for (size_t i = 0; i < roster->state.n_workers; i++)
        if (member_works_as(roster, &roster->state.workers[i], s))
            return true;
    return false;
}

void member_name_of(const struct team_run *run, const struct session *s, char out[OKS_NAME_MAX + 1])
{
    const struct run_worker *own = member_own_worker(run, s);
    const char *agent = session_label(s);
    char name[OKS_NAME_MAX + 1];

    if (member_is_lead(run, s) || (!agent && (!run || run->roster))) {
        strcpy(out, lead_member);
    } else if (own) {
        snprintf(name, sizeof(name), "%s-worker", own->worker_id);
        oks_name_escape(oks_slice_of(name), out);
    } else if (!agent) {
        strcpy(out, unnamed_member);
    } else {
        oks_name_escape((struct oks_slice){agent, without_redispatch(agent)}, out);
    }
}

bool member_has_two_names(const struct team_run *run, const struct session *s)
{
    return member_own_worker(run, s) && session_label(s);
}

enum { WORKER_ID_PLAIN = 200 }; /* longer ones may be cut in a name */

bool member_of_worker(const struct team_run *run, const struct run_worker *worker, char out[OKS_NAME_MAX + 1])
{
    const char *id = worker->worker_id;
    char name[OKS_NAME_MAX + 1];

    if (strcmp(id, "report-writer") == 0 || strlen(id) > WORKER_ID_PLAIN)
        return false;
    if (run->roster) {
        oks_name_escape((struct oks_slice){id, without_redispatch(id)}, out);
    } else {
        snprintf(name, sizeof(name), "%s-worker", id);
        oks_name_escape(oks_slice_of(name), out);
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct session *const *)a)->name, (*(struct session *const *)b)->name);
}

/* A list of distinct sessions. */
struct gathering {
    struct session **items; /* NULL-terminated */
    size_t len, room;
    int rc;
};

static void gather(struct gathering *g, struct session *s)
{
    if (g->rc < 0)
        return;
    if (!OKS_ROOM(g->items, g->len + 2, g->room)) {
        g->rc = -ENOMEM;
        return;
    }
    g->items[g->len++] = s;
    g->items[g->len] = NULL;
}

static bool worked_in(const struct session *s, const char *cwd)
{
    const struct transcript *t;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        for (size_t i = 0; i < t->state.cwds.len; i++)
            if (strcmp(t->state.cwds.items[i].ptr, cwd) == 0)
                return true;
    return false;
}

static bool began_in(const struct session *s, struct oks_stamp since, struct oks_stamp until)
{
    struct oks_stamp first = session_first(s);

    return !oks_stamp_is_none(first) && oks_stamp_cmp(first, since) >= 0 &&
           (oks_stamp_is_none(until) || oks_stamp_cmp(first, until) <= 0);
}

/* Adds the workers' own transcripts: those of their agents, in a folder of the run, begun in its window. */
static void gather_own(struct catalog *c, const struct team_run *run, const char *cwd, struct gathering *g)
{
    struct oks_stamp since = OKS_STAMP_NONE, until = OKS_STAMP_NONE;
    char name[OKS_NAME_MAX + 1];
    struct project *p;
    struct session *s;

    runs_window(run, &since, &until);
    placement_project_of_cwd(cwd, name);
    p = catalog_project(c, name);
    if (!p || oks_stamp_is_none(since))
        return; /* without a beginning every earlier transcript would match */
    LIST_FOREACH(s, &p->sessions, of_project)
        if (member_own_worker(run, s) && worked_in(s, cwd) && began_in(s, since, until))
            gather(g, s);
}

static bool has_own_workers(const struct team_run *run)
{
    for (size_t i = 0; i < run->state.n_workers; i++)
        for (int k = 0; k < OKS_SOURCES; k++)
            if (!oks_sources[k]->names_teams && run->state.workers[i].agent &&
                strcmp(run->state.workers[i].agent, oks_sources[k]->name) == 0)
                return true;
    return false;
}

/* The folders of a run are the one that holds its files, and the working directories of its sessions. */
static void gather_all_own(struct catalog *c, const struct team_run *run, struct gathering *g)
{
    size_t members = g->len;

    if (!run || run->roster || !has_own_workers(run))
        return;
    gather_own(c, run, run->dir, g);
    for (size_t i = 0; i < members; i++) {
        const struct transcript *t;

        TAILQ_FOREACH(t, &g->items[i]->transcripts, of_session)
            for (size_t k = 0; k < t->state.cwds.len; k++)
                if (strcmp(t->state.cwds.items[k].ptr, run->dir) != 0)
                    gather_own(c, run, t->state.cwds.items[k].ptr, g);
    }
}

/* --- teammates with a process of their own --- */

/*
 * Since Claude Code 2.1.178 their records say who they are, and not in which team. A session is a member's if
 * it has the member's name, began in its working directory, and did so after the member joined and before one
 * of that name joined again, in this team or another.
 */
struct joining {
    const struct team_run *roster;
    const struct run_worker *worker;
    int64_t until_ms; /* the next one of that name there joined */
};

static bool may_be(const struct run_worker *worker, const struct session *s)
{
    const char *agent = session_agent_name(s);

    return worker->cwd && worker->joined_ms > 0 && agent && !s->parent &&
           strcmp(agent, worker->worker_id) == 0 && worked_in(s, worker->cwd);
}

bool member_may_have_joined(const struct team_run *roster, const struct session *s)
{
    for (size_t i = 0; roster->roster && i < roster->state.n_workers; i++)
        if (may_be(&roster->state.workers[i], s))
            return true;
    return false;
}

/* Of two that joined at the same time the first roster in order counts. */
static bool joined_later(const struct run_worker *w, const struct team_run *roster,
                         const struct joining *than)
{
    if (w->joined_ms != than->worker->joined_ms)
        return w->joined_ms > than->worker->joined_ms;
    return strcmp(roster->path, than->roster->path) < 0;
}

static void consider_rival(struct joining *j, const struct team_run *roster, const struct run_worker *w)
{
    if (w != j->worker && w->cwd && w->joined_ms > 0 && strcmp(w->worker_id, j->worker->worker_id) == 0 &&
        strcmp(w->cwd, j->worker->cwd) == 0 && joined_later(w, roster, j) && w->joined_ms < j->until_ms)
        j->until_ms = w->joined_ms;
}

static void consider_team(void *ctx, void *item)
{
    const struct team *team = item;
    const struct team_run *run;

    LIST_FOREACH(run, &team->runs, of_team)
        for (size_t i = 0; run->roster && i < run->state.n_workers; i++)
            consider_rival(ctx, run, &run->state.workers[i]);
}

/* Stamps may be of whole seconds. */
static bool began_between(const struct session *s, int64_t since_ms, int64_t until_ms)
{
    int64_t micros;
    bool aware;

    if (oks_stamp_is_none(session_first(s)) || oks_stamp_micros(session_first(s), &micros, &aware) < 0)
        return false;
    return micros / 1000000 >= since_ms / 1000 &&
           (until_ms == INT64_MAX || micros / 1000000 < until_ms / 1000);
}

static void gather_joined(struct catalog *c, const struct team_run *roster, const struct run_worker *w,
                          struct gathering *g)
{
    struct joining j = {.roster = roster, .worker = w, .until_ms = INT64_MAX};
    char name[OKS_NAME_MAX + 1];
    struct project *p;
    struct session *s;

    placement_project_of_cwd(w->cwd, name);
    p = catalog_project(c, name);
    if (!p)
        return;
    oks_tree_each(c->teams, consider_team, &j);
    LIST_FOREACH(s, &p->sessions, of_project)
        if (may_be(w, s) && LIST_EMPTY(&s->teams) && began_between(s, w->joined_ms, j.until_ms))
            gather(g, s);
}

static void gather_all_joined(struct catalog *c, const struct team_run *roster, struct gathering *g)
{
    for (size_t i = 0; i < roster->state.n_workers; i++)
        if (roster->state.workers[i].cwd && roster->state.workers[i].joined_ms > 0)
            gather_joined(c, roster, &roster->state.workers[i], g);
}

/* Sub-agents are in their lead's project. */
static void gather_in_process(const struct team_run *roster, const struct session *lead, struct gathering *g)
{
    struct session *s;

    if (!lead->project)
        return;
    LIST_FOREACH(s, &lead->project->sessions, of_project)
        if (is_in_roster(roster, s))
            gather(g, s);
}

/* Each session once, in order of their names. */
static void sort_distinct(struct gathering *g)
{
    size_t n = 0;

    qsort(g->items, g->len, sizeof(*g->items), by_name);
    for (size_t i = 0; i < g->len; i++)
        if (n == 0 || g->items[n - 1] != g->items[i])
            g->items[n++] = g->items[i];
    g->items[n] = NULL;
    g->len = n;
}

struct session **team_sessions(struct catalog *c, const struct team *team, const struct team_run *run)
{
    struct session *lead = run && *run->lead ? catalog_session(c, run->lead) : NULL, *inner = NULL;
    struct gathering g = {0};
    const struct membership *m;

    LIST_FOREACH(m, &team->members, of_team) {
        gather(&g, m->session);
        if (!m->lead || (inner && strcmp(inner->name, m->lead->name) == 0))
            continue;
        inner = catalog_session(c, m->lead->name);
        if (inner)
            gather(&g, inner);
    }
    if (lead)
        gather(&g, lead);
    gather_all_own(c, run, &g);
    if (lead && run->roster)
        gather_in_process(run, lead, &g);
    if (run && run->roster)
        gather_all_joined(c, run, &g);
    if (g.rc < 0) {
        free(g.items);
        return NULL;
    }
    if (!g.items)
        return calloc(1, sizeof(*g.items));
    sort_distinct(&g);
    return g.items;
}

/* --- the sessions by member --- */

static int by_member(const void *a, const void *b)
{
    const struct member_session *x = a, *y = b;
    int d = strcmp(x->member, y->member);

    return d ? d : strcmp(x->session->name, y->session->name);
}

/* One block: the items, and behind them the names. */
static struct team_members *members_made(struct session *const *sessions, const struct team_run *run)
{
    size_t n = 0, len = 0;
    char name[OKS_NAME_MAX + 1], *names;
    struct team_members *members;

    for (; sessions[n]; n++) {
        member_name_of(run, sessions[n], name);
        len += strlen(name) + 1;
    }
    members = malloc(sizeof(*members) + n * sizeof(*members->items) + len);
    if (!members)
        return NULL;
    *members = (struct team_members){.run = run, .n = n};
    names = (char *)&members->items[n];
    for (size_t i = 0; i < n; i++) {
        member_name_of(run, sessions[i], names);
        members->items[i] = (struct member_session){names, sessions[i]};
        names += strlen(names) + 1;
    }
    qsort(members->items, n, sizeof(*members->items), by_member);
    return members;
}

static bool has_same_items(const struct team_members *a, const struct team_members *b)
{
    bool same = a->run == b->run && a->n == b->n;

    for (size_t i = 0; same && i < a->n; i++)
        same =
            a->items[i].session == b->items[i].session && strcmp(a->items[i].member, b->items[i].member) == 0;
    return same;
}

const struct team_members *team_members(struct catalog *c, struct team *team, const struct team_run *run)
{
    struct team_members *members = team->by_member;
    struct session **sessions;

    if (members && members->run == run && members->version == c->versions->all)
        return members;
    sessions = team_sessions(c, team, run);
    members = sessions ? members_made(sessions, run) : NULL;
    free(sessions);
    if (!members)
        return NULL;
    members->version = members->since = c->versions->all;
    if (team->by_member && has_same_items(members, team->by_member))
        members->since = team->by_member->since;
    free(team->by_member);
    team->by_member = members;
    return members;
}

uint64_t team_member_version(struct catalog *c, struct team *team, const char *member)
{
    const struct team_members *members = team_members(c, team, runs_current(team));
    size_t i = members ? team_members_of(members, member) : 0;
    uint64_t version;

    if (!members || !team_members_are(members, i, member))
        return team->version;
    version = team->arranged > members->since ? team->arranged : members->since;
    for (; team_members_are(members, i, member); i++)
        if (members->items[i].session->version > version)
            version = members->items[i].session->version;
    return version;
}

size_t team_members_of(const struct team_members *members, const char *member)
{
    size_t low = 0, high = members->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(members->items[middle].member, member) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool team_members_are(const struct team_members *members, size_t i, const char *member)
{
    return i < members->n && strcmp(members->items[i].member, member) == 0;
}

bool team_members_have(const struct team_members *members, const struct session *s, const char *member)
{
    char name[OKS_NAME_MAX + 1];
    struct member_session key = {name, (struct session *)s};

    member_name_of(members->run, s, name);
    return (!member || strcmp(member, name) == 0) &&
           bsearch(&key, members->items, members->n, sizeof(key), by_member);
}
