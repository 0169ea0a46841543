/*
 * Groups: running sums of sessions by project, agent, source and host.
 *
 * A project is a working directory: the first in the session's records. Folder names are made from it by a
 * rule that loses characters, so they are used only if no record has one. An agent is the name in the
 * records, or in the file beside them; else "(main)" or "(sub-agent)", in parentheses, because people choose
 * the names of agents.
 *
 * Invariants: a session whose share is summed is in one group of each kind; a group's sums are those of its
 * sessions; a group without sessions does not exist.
 */
#include "sums/groups.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
#include "catalog/hosts.h"
#include "sums/billed_session.h"
#include "sums/shares.h"

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct group *)a)->key, ((const struct group *)b)->key);
}

const char *groups_cwd_of(const struct session *s)
{
    const struct transcript *t;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (t->state.cwds.len && *t->state.cwds.items[0].ptr)
            return t->state.cwds.items[0].ptr;
    return NULL;
}

const char *groups_project_of(const struct session *s)
{
    const char *cwd = groups_cwd_of(s);

    return cwd ? cwd : s->project ? s->project->name : "unknown";
}

const char *groups_agent_of(const struct session *s)
{
    const char *name = session_label(s);

    return name ? name : s->parent ? "(sub-agent)" : "(main)";
}

/* NULL: no group */
static const char *key_of(const struct sums *sums, const struct session *s, enum group_kind kind)
{
    switch (kind) {
    case GROUP_HOST:
        return sums->catalog->n_hosts ? session_host(sums->catalog, s)->name : NULL;
    case GROUP_PROJECT:
        return groups_project_of(s);
    case GROUP_AGENT:
        return groups_agent_of(s);
    default:
        return session_source(s)->name;
    }
}

const char *groups_key(const struct session *s, enum group_kind kind)
{
    const struct group *group = s->sums ? s->sums->groups[kind].group : NULL;

    return group ? group->key : NULL;
}

struct group *groups_find(const struct sums *sums, enum group_kind kind, const char *key)
{
    struct group wanted = {.key = key}, **found = tfind(&wanted, &sums->groups[kind], by_key);

    return found ? *found : NULL;
}

static struct group *group_made(struct sums *sums, enum group_kind kind, const char *key)
{
    struct group *group = groups_find(sums, kind, key);

    if (group)
        return group;
    group = calloc(1, sizeof(*group));
    if (!group)
        return NULL;
    group->key = key;
    aggregate_reset(&group->sum);
    if (!tsearch(group, &sums->groups[kind], by_key)) {
        free(group);
        return NULL;
    }
    ranked_row_start(&group->shown, &sums->group_ranks[kind]);
    return group;
}

static void group_free(void *node)
{
    struct group *group = node;

    billed_bag_clear(&group->billed);
    ranked_row_clear(&group->shown);
    free(group);
}

static void leave(struct sums *sums, struct session *s, enum group_kind kind, const struct measure *share)
{
    struct grouping *at = &s->sums->groups[kind];
    struct group *group = at->group;

    if (!group)
        return;
    aggregate_replace(&group->sum, share, NULL);
    billed_session_take(group_bag(group), s);
    LIST_REMOVE(at, of_group);
    at->group = NULL;
    if (!LIST_EMPTY(&group->sessions))
        return;
    tdelete(group, &sums->groups[kind], by_key);
    group_free(group);
}

static int join(struct sums *sums, struct session *s, enum group_kind kind, struct group *group,
                const struct measure *share)
{
    struct grouping *at = &s->sums->groups[kind];

    if (billed_session_add(group_bag(group), s) < 0) {
        if (LIST_EMPTY(&group->sessions)) {
            tdelete(group, &sums->groups[kind], by_key);
            group_free(group);
        }
        return -ENOMEM;
    }
    at->session = s;
    at->group = group;
    LIST_INSERT_HEAD(&group->sessions, at, of_group);
    aggregate_replace(&group->sum, NULL, share);
    return 0;
}

static void host_changed(struct sums *sums, const char *name)
{
    struct host *host = catalog_host(sums->catalog, name);

    if (host)
        host->version = version_next(sums->catalog->versions);
}

int groups_session(struct sums *sums, struct session *s, const struct measure *before,
                   const struct measure *now)
{
    int rc = 0;

    for (int kind = 0; kind < GROUP_KINDS; kind++) {
        struct group *group = s->sums->groups[kind].group, *next = NULL;
        const char *name = now ? key_of(sums, s, (enum group_kind)kind) : NULL,
                   *key = oks_intern(sums->names, name);

        if (key)
            next = group_made(sums, (enum group_kind)kind, key);
        if (name && !next)
            rc = -ENOMEM;
        if (group && group == next) {
            aggregate_replace(&group->sum, before, now);
            ranked_row_changed(&group->shown);
            continue;
        }
        if (kind == GROUP_HOST && group)
            host_changed(sums, group->key);
        if (kind == GROUP_HOST && next)
            host_changed(sums, next->key);
        leave(sums, s, (enum group_kind)kind, before);
        if (next && join(sums, s, (enum group_kind)kind, next, now) < 0)
            rc = -ENOMEM;
    }
    return rc;
}

struct renewal {
    struct sums *sums;
    int rc;
};

static void renew_session(void *ctx, void *item)
{
    struct renewal *r = ctx;
    struct session *s = item;
    int rc;

    if (!sums_has_share(s))
        return;
    rc = groups_session(r->sums, s, &s->sums->share, &s->sums->share);
    r->rc = r->rc < 0 ? r->rc : rc;
}

int groups_renew(struct sums *sums)
{
    struct renewal r = {sums, 0};

    oks_tree_each(sums->catalog->sessions, renew_session, &r);
    return r.rc;
}

void groups_measure(struct group *group, struct measure *out)
{
    const struct grouping *at;

    if (group->sum.stale) {
        aggregate_reset(&group->sum);
        LIST_FOREACH(at, &group->sessions, of_group)
            aggregate_replace(&group->sum, NULL, &at->session->sums->share);
    }
    if (!group->sum.stale) {
        aggregate_show(&group->sum, out);
        return;
    }
    /* With a stamp of another form: added up each time. */
    measure_start(out);
    LIST_FOREACH(at, &group->sessions, of_group)
        measure_add(out, &at->session->sums->share);
}

const void *groups_tree(const struct sums *sums, enum group_kind kind)
{
    return sums->groups[kind];
}

void groups_free(struct sums *sums)
{
    for (int kind = 0; kind < GROUP_KINDS; kind++)
        tdestroy(sums->groups[kind], group_free);
}
