/*
 * Leads: sessions that started teammates inside their own process.
 *
 * Such a teammate's transcript is a sub-agent's, and does not name the team; the .meta.json beside it does,
 * also when the member has left and the team is gone. The lead is in the team as well, though its records may
 * not name it either. Where the file names no team, the team is the one that the lead's records name, or else
 * the implicit one of the lead's session. If they name several, it is unknown.
 *
 * Invariant: the lists depend on transcripts and on files beside them, not on the order in which they were
 * read.
 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fold.h"
#include "catalog/catalog.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct lead *)a)->name, ((const struct lead *)b)->name);
}

struct lead *catalog_lead(const struct catalog *c, const char *name)
{
    struct lead key = {.name = (char *)name}, **found = tfind(&key, &c->leads, by_name);

    return found ? *found : NULL;
}

static struct lead *lead_made(struct catalog *c, const char *name)
{
    struct lead *lead = catalog_lead(c, name);

    if (lead)
        return lead;
    lead = calloc(1, sizeof(*lead));
    if (lead)
        lead->name = strdup(name);
    if (lead && lead->name && tsearch(lead, &c->leads, by_name))
        return lead;
    if (lead)
        free(lead->name);
    free(lead);
    return NULL;
}

static void lead_release(struct catalog *c, struct lead *lead)
{
    if (!LIST_EMPTY(&lead->teammates) || !LIST_EMPTY(&lead->unnamed))
        return;
    tdelete(lead, &c->leads, by_name);
    free(lead->name);
    free(lead);
}

int lead_set(struct catalog *c, struct membership *m, const char *name)
{
    struct lead *before = m->lead;

    if (before && name && strcmp(before->name, name) == 0)
        return 0;
    if (before)
        LIST_REMOVE(m, of_lead);
    m->lead = name ? lead_made(c, name) : NULL;
    if (m->lead)
        LIST_INSERT_HEAD(&m->lead->teammates, m, of_lead);
    if (before)
        lead_release(c, before);
    catalog_team_arranged(c, m->team);
    return name && !m->lead ? -ENOMEM : 0;
}

int lead_set_unnamed(struct catalog *c, struct session *s, const char *name)
{
    struct lead *before = s->unnamed_of;

    if (before && name && strcmp(before->name, name) == 0)
        return 0;
    if (before)
        LIST_REMOVE(s, of_unnamed);
    s->unnamed_of = name ? lead_made(c, name) : NULL;
    if (s->unnamed_of)
        LIST_INSERT_HEAD(&s->unnamed_of->unnamed, s, of_unnamed);
    if (before)
        lead_release(c, before);
    return name && !s->unnamed_of ? -ENOMEM : 0;
}

static bool same_team(struct oks_slice a, struct oks_slice b)
{
    size_t n, m;
    char *x = oks_name_fold(a, &n), *y = oks_name_fold(b, &m);
    bool same = x && y && n == m && memcmp(x, y, n) == 0;

    free(x);
    free(y);
    return same;
}

/* The one team that the session's records name; absent: none. False: several. */
static bool only_team(const struct session *s, struct oks_slice *out)
{
    const struct transcript *t;
    struct oks_slice raw;

    *out = (struct oks_slice){0};
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        for (size_t i = 0; (raw = transcript_team(t, i)).ptr; i++) {
            if (out->ptr && !same_team(*out, raw))
                return false;
            if (!out->ptr)
                *out = raw;
        }
    return true;
}

enum { IMPLICIT_DIGITS = 8 }; /* of the lead's session id in the name of its implicit team */

struct oks_slice lead_team_of(struct catalog *c, const struct session *s, char buf[OKS_NAME_MAX + 1])
{
    const struct session *lead;
    const struct transcript *t;
    const char *team = NULL;
    struct oks_slice named = {0};

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (!team)
            team = t->state.label_team;
    if (!team || *team || !s->parent)
        return team && *team ? oks_slice_of(team) : (struct oks_slice){0};
    lead = catalog_session(c, s->parent);
    if (lead && !only_team(lead, &named))
        return (struct oks_slice){0};
    if (named.ptr)
        return named;
    snprintf(buf, OKS_NAME_MAX + 1, "session-%.*s", IMPLICIT_DIGITS, lead ? lead->id : s->parent);
    return oks_slice_of(buf);
}

void catalog_lead_bump(struct catalog *c, const struct session *s, uint64_t version)
{
    const struct lead *lead = c->leads ? catalog_lead(c, s->name) : NULL;
    struct membership *m;

    if (lead)
        LIST_FOREACH(m, &lead->teammates, of_lead)
            catalog_team_changed(c, m->team, version);
}
