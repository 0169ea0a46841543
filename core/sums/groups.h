/*
 * Groups: running sums of sessions by project, agent, source and host, for stats/by-project.json and the
 * like. Without other hosts there is none of that kind: this machine has everything. Under the model's lock.
 */
#ifndef OKSTRAFS_SUMS_GROUPS_H
#define OKSTRAFS_SUMS_GROUPS_H

#include <sys/queue.h>

#include "sums/aggregate.h"
#include "sums/row_ranks.h"
#include "billing/billed.h"

struct sums;
struct session;

enum group_kind { GROUP_PROJECT, GROUP_AGENT, GROUP_SOURCE, GROUP_HOST, GROUP_KINDS };

struct group {
    struct ranked_row shown; /* the first member */
    const char *key;         /* interned */
    struct aggregate sum;    /* of its sessions, open window */
    struct billed_bag billed;
    LIST_HEAD(, grouping) sessions;
};

/* The group of one kind that a session is in. */
struct grouping {
    struct session *session;
    struct group *group; /* NULL: none yet */
    LIST_ENTRY(grouping) of_group;
};

/* The group's bag, to be changed. */
static inline struct billed_bag *group_bag(struct group *group)
{
    ranked_row_changed(&group->shown);
    return &group->billed;
}

/* The first working directory in the session's records; NULL: none has one. */
const char *groups_cwd_of(const struct session *s);
/* What by-project.json and by-agent.json call the session's project and agent. */
const char *groups_project_of(const struct session *s);
/* The key of the session's group, interned; NULL: its share is in no sum. */
const char *groups_key(const struct session *s, enum group_kind kind);
const char *groups_agent_of(const struct session *s);
/* The session's share changed from `before` (NULL: none) to `now` (NULL: the session leaves). */
int groups_session(struct sums *sums, struct session *s, const struct measure *before,
                   const struct measure *now);
void groups_measure(struct group *group, struct measure *out);
/* NULL: no session is in one of that key. */
struct group *groups_find(const struct sums *sums, enum group_kind kind, const char *key);
/* The hosts are others now: each session gets into its group. 0 or -ENOMEM */
int groups_renew(struct sums *sums);
/* The tree of each struct group, by key (base/tree.h). */
const void *groups_tree(const struct sums *sums, enum group_kind kind);
void groups_free(struct sums *sums);

#endif
