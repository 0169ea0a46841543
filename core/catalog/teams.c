/*
 * Teams, and the sessions in them.
 *
 * A session is in each team that one of its transcripts names, or the file beside it (leads.c). A team exists
 * while a session or a team-state file names it. Teams are equal if their escaped names fold to the same
 * bytes.
 *
 * Invariant: a team's listed name is the spelling in the transcript whose path sorts first, so it does not
 * depend on the order of scans.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "catalog/catalog.h"

static int by_team_key(const void *a, const void *b)
{
    return strcmp(((const struct team *)a)->key, ((const struct team *)b)->key);
}

struct team *catalog_team(struct catalog *c, const char *name)
{
    size_t len;
    struct team key = {.key = oks_name_fold(oks_slice_of(name), &len)};
    struct team **found = key.key ? tfind(&key, &c->teams, by_team_key) : NULL;

    free(key.key);
    return found ? *found : NULL;
}

struct team *catalog_team_made(struct catalog *c, struct oks_slice raw)
{
    struct team *team = calloc(1, sizeof(*team)), **found;
    size_t len;

    if (!team)
        return NULL;
    oks_name_escape(raw, team->name);
    team->key = oks_name_fold(oks_slice_of(team->name), &len);
    found = team->key ? tsearch(team, &c->teams, by_team_key) : NULL;
    if (found && *found == team) {
        c->n_teams++;
        team->version = version_next_names(c->versions);
        return team;
    }
    free(team->key);
    free(team);
    return found ? *found : NULL;
}

void catalog_team_release(struct catalog *c, struct team *team)
{
    if (!LIST_EMPTY(&team->members) || !LIST_EMPTY(&team->runs))
        return;
    tdelete(team, &c->teams, by_team_key);
    c->n_teams--;
    version_next_names(c->versions);
    free(team->runs_by_name);
    free(team->key);
    free(team);
}

/* --- teams of a session --- */

/* The listed name: the spelling in the session whose first transcript sorts first. */
static void team_rename(struct catalog *c, struct team *team)
{
    struct membership *m, *first = NULL;
    char name[sizeof(team->name)];

    LIST_FOREACH(m, &team->members, of_team) {
        struct transcript *t = LIST_FIRST(&m->session->transcripts);

        if (t && (!first || strcmp(t->path, LIST_FIRST(&first->session->transcripts)->path) < 0))
            first = m;
    }
    if (!first)
        return;
    oks_name_escape(oks_slice_of(first->spelling), name);
    if (strcmp(name, team->name) == 0)
        return;
    strcpy(team->name, name);
    version_next_names(c->versions);
}

void catalog_membership_end(struct catalog *c, struct membership *m)
{
    struct team *team = m->team;

    lead_set(c, m, NULL);
    LIST_REMOVE(m, of_team);
    LIST_REMOVE(m, of_session);
    team->version = version_next(c->versions);
    free(m->spelling);
    free(m);
    team_rename(c, team);
    catalog_team_release(c, team);
}

static int membership_begin(struct catalog *c, struct session *s, struct oks_slice raw)
{
    struct team *team;
    struct membership *m;

    if (raw.len == 0)
        return 0; /* a team without a name cannot be looked up */
    team = catalog_team_made(c, raw);
    if (!team)
        return -ENOMEM;
    LIST_FOREACH(m, &s->teams, of_session)
        if (m->team == team)
            return 0;
    m = calloc(1, sizeof(*m));
    if (m)
        m->spelling = oks_slice_copy(raw);
    if (!m || !m->spelling) {
        free(m);
        catalog_team_release(c, team);
        return -ENOMEM;
    }
    m->session = s;
    m->team = team;
    LIST_INSERT_HEAD(&team->members, m, of_team);
    LIST_INSERT_HEAD(&s->teams, m, of_session);
    team->version = version_next(c->versions);
    team_rename(c, team);
    return 0;
}

static bool names_team(struct oks_slice raw, const struct team *team)
{
    char name[OKS_NAME_MAX + 1];
    size_t len;
    char *key;
    bool same;

    oks_name_escape(raw, name);
    key = oks_name_fold(oks_slice_of(name), &len);
    same = key && strcmp(key, team->key) == 0;
    free(key);
    return same;
}

/* How the session's records first write the team's name; absent: they do not name it. */
static struct oks_slice spelling_in(const struct session *s, const struct team *team)
{
    const struct transcript *t;

    LIST_FOREACH(t, &s->transcripts, of_session)
        for (size_t i = 0; i < t->state.teams.len; i++) {
            struct oks_slice raw = {t->state.teams.items[i].ptr, t->state.teams.items[i].len};

            if (names_team(raw, team))
                return raw;
        }
    return (struct oks_slice){0};
}

/* Its first transcript may be another one, and write the name in another way. */
static int membership_renew(struct catalog *c, struct membership *m, struct oks_slice raw)
{
    char *spelling = oks_slice_copy(raw);

    if (!spelling)
        return -ENOMEM;
    free(m->spelling);
    m->spelling = spelling;
    team_rename(c, m->team);
    return 0;
}

/* Leaves the teams that its transcripts no longer name and joins the others. */
static int renew_teams(struct catalog *c, struct session *s)
{
    char buf[OKS_NAME_MAX + 1];
    struct oks_slice inner = lead_team_of(c, s, buf);
    struct transcript *t;
    struct membership *m, *next;
    bool unnamed = false;
    int rc = 0;

    for (m = LIST_FIRST(&s->teams); m; m = next) {
        struct oks_slice raw = spelling_in(s, m->team);

        next = LIST_NEXT(m, of_session);
        if (!raw.ptr && inner.ptr && names_team(inner, m->team))
            raw = inner;
        if (!raw.ptr)
            catalog_membership_end(c, m);
        else if (rc == 0)
            rc = membership_renew(c, m, raw);
    }
    LIST_FOREACH(t, &s->transcripts, of_session) {
        unnamed |= t->state.label_team && !*t->state.label_team;
        for (size_t i = 0; rc == 0 && i < t->state.teams.len; i++)
            rc = membership_begin(
                c, s, (struct oks_slice){t->state.teams.items[i].ptr, t->state.teams.items[i].len});
    }
    if (rc == 0 && inner.ptr)
        rc = membership_begin(c, s, inner);
    LIST_FOREACH(m, &s->teams, of_session)
        if (rc == 0)
            rc = lead_set(c, m, inner.ptr && names_team(inner, m->team) ? s->parent : NULL);
    return rc < 0 ? rc : lead_set_unnamed(c, s, unnamed ? s->parent : NULL);
}

int catalog_lead_changed(struct catalog *c, const struct session *s)
{
    struct lead *lead = c->leads ? catalog_lead(c, s->name) : NULL;
    struct session *teammate;
    int rc = 0;

    if (lead)
        LIST_FOREACH(teammate, &lead->unnamed, of_unnamed)
            rc = rc < 0 ? rc : renew_teams(c, teammate);
    return rc;
}

int catalog_session_teams(struct catalog *c, struct session *s)
{
    int rc = renew_teams(c, s);

    return rc < 0 ? rc : catalog_lead_changed(c, s);
}
