/*
 * Teams, and the sessions in them.
 *
 * A session is in each team that one of its transcripts names, or the file beside it (leads.c). A team exists
 * while a session or a team-state file names it. Teams are equal if their escaped names fold to the same
 * bytes.
 *
 * Invariant: a team's listed name is the spelling in the session whose first transcript sorts first; if no
 * session names it, that in the run whose path does. So it does not depend on the order of scans.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/fold.h"
#include "base/text.h"
#include "catalog/catalog.h"

static int by_team_key(const void *a, const void *b)
{
    return strcmp(((const struct team *)a)->key, ((const struct team *)b)->key);
}

struct team *catalog_team(struct catalog *c, const char *name)
{
    char folded[OKS_NAME_FOLD_MAX + 1];
    struct oks_slice own = oks_slice_of(name);
    struct team key = {.key = folded}, **found;

    if (own.len > OKS_NAME_MAX)
        return NULL;
    oks_name_fold_to(own, folded);
    found = tfind(&key, &c->teams, by_team_key);
    return found ? *found : NULL;
}

/* The team of a name from inside a file; NULL: none. */
static struct team *team_of_raw(struct catalog *c, struct oks_slice raw)
{
    char name[OKS_NAME_MAX + 1];

    oks_name_escape(raw, name);
    return catalog_team(c, name);
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
        TAILQ_INSERT_HEAD(&c->teams_by_version, team, of_version);
        return team;
    }
    free(team->key);
    free(team);
    return found ? *found : NULL;
}

void catalog_team_changed(struct catalog *c, struct team *team, uint64_t version)
{
    team->version = version;
    TAILQ_REMOVE(&c->teams_by_version, team, of_version);
    TAILQ_INSERT_HEAD(&c->teams_by_version, team, of_version);
}

void catalog_team_arranged(struct catalog *c, struct team *team)
{
    team->arranged = version_next(c->versions);
    catalog_team_changed(c, team, team->arranged);
}

void catalog_team_release(struct catalog *c, struct team *team)
{
    if (!LIST_EMPTY(&team->members) || !LIST_EMPTY(&team->runs))
        return;
    tdelete(team, &c->teams, by_team_key);
    TAILQ_REMOVE(&c->teams_by_version, team, of_version);
    c->n_teams--;
    version_next_names(c->versions);
    free(team->runs_by_name);
    free(team->by_member);
    free(team->bill);
    free(team->key);
    free(team);
}

/* --- teams of a session --- */

/* Whether the first transcript of the session of m sorts first; one without transcripts sorts last. */
static bool is_before(const struct membership *m, const struct membership *than)
{
    const struct transcript *t = TAILQ_FIRST(&m->session->transcripts);
    const struct transcript *other = than ? TAILQ_FIRST(&than->session->transcripts) : NULL;

    return t && (!other || strcmp(t->path, other->path) < 0);
}

static void is_in_other_teams(struct catalog *c, struct session *s)
{
    if (s->in_other_teams)
        return;
    s->in_other_teams = true;
    LIST_INSERT_HEAD(&c->in_other_teams, s, of_other_teams);
}

struct session *catalog_next_in_other_teams(struct catalog *c)
{
    struct session *s = LIST_FIRST(&c->in_other_teams);

    if (!s)
        return NULL;
    LIST_REMOVE(s, of_other_teams);
    s->in_other_teams = false;
    return s;
}

static void find_first(struct team *team)
{
    struct membership *m;

    team->first = NULL;
    LIST_FOREACH(m, &team->members, of_team)
        if (is_before(m, team->first))
            team->first = m;
}

/*
 * The listed name. `changed`: the membership that began or was renewed; NULL: one has ended. The other
 * members are looked at only if the first one was the one that changed, because a team may have many.
 */
static void team_rename(struct catalog *c, struct team *team, struct membership *changed)
{
    char name[sizeof(team->name)];
    struct membership *m;

    if (!team->first || changed == team->first)
        find_first(team);
    else if (changed && is_before(changed, team->first))
        team->first = changed;
    if (!team->first && !team->run_spelling)
        return;
    oks_name_escape(oks_slice_of(team->first ? team->first->spelling : team->run_spelling), name);
    if (strcmp(name, team->name) == 0)
        return;
    strcpy(team->name, name);
    version_next_names(c->versions);
    catalog_team_arranged(c, team);
    LIST_FOREACH(m, &team->members, of_team) {
        is_in_other_teams(c, m->session);
        catalog_session_changed(c, m->session, team->arranged); /* it is shown with the names of its teams */
    }
}

void catalog_team_respelled(struct catalog *c, struct team *team)
{
    team_rename(c, team, NULL);
}

void catalog_membership_end(struct catalog *c, struct membership *m)
{
    struct team *team = m->team;

    lead_set(c, m, NULL);
    is_in_other_teams(c, m->session);
    LIST_REMOVE(m, of_team);
    LIST_REMOVE(m, of_session);
    catalog_team_arranged(c, team);
    team->first = team->first == m ? NULL : team->first;
    free(m->spelling);
    free(m);
    team_rename(c, team, NULL);
    catalog_team_release(c, team);
}

static int membership_begin(struct catalog *c, struct session *s, struct oks_slice raw)
{
    struct team *team = catalog_team_made(c, raw);
    struct membership *m;

    if (!team)
        return -ENOMEM;
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
    is_in_other_teams(c, s);
    catalog_team_arranged(c, team);
    team_rename(c, team, m);
    return 0;
}

/* Its first transcript may be another one, and write the name in another way. */
static int membership_renew(struct catalog *c, struct membership *m, struct oks_slice raw)
{
    char *spelling = oks_slice_copy(raw);

    if (!spelling)
        return -ENOMEM;
    free(m->spelling);
    m->spelling = spelling;
    team_rename(c, m->team, m);
    return 0;
}

/* --- the teams that a session should be in --- */

struct wanted {
    char *key;            /* of the team */
    struct oks_slice raw; /* how the session first writes its name */
    size_t place;         /* among all names */
    bool is_member;
};

/* A session may name thousands of teams, so they are sorted by key, and each is there once. */
struct wanted_teams {
    struct wanted *items;
    size_t len, room;
};

static void wanted_clear(struct wanted_teams *w)
{
    for (size_t i = 0; i < w->len; i++)
        free(w->items[i].key);
    free(w->items);
}

static int wanted_add(struct wanted_teams *w, struct oks_slice raw)
{
    char name[OKS_NAME_MAX + 1], *key;
    size_t len;

    if (raw.len == 0)
        return 0; /* a team without a name cannot be looked up */
    oks_name_escape(raw, name);
    key = oks_name_fold(oks_slice_of(name), &len);
    if (!key || !OKS_GROW(w->items, w->len, w->room)) {
        free(key);
        return -ENOMEM;
    }
    w->items[w->len] = (struct wanted){.key = key, .raw = raw, .place = w->len};
    w->len++;
    return 0;
}

static int by_key_and_place(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    int d = strcmp(x->key, y->key);

    return d ? d : (x->place > y->place) - (x->place < y->place);
}

static int by_place(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;

    return (x->place > y->place) - (x->place < y->place);
}

static int by_key(const void *key, const void *item)
{
    return strcmp(key, ((const struct wanted *)item)->key);
}

static void wanted_sort(struct wanted_teams *w)
{
    size_t n = 0;

    if (w->len)
        qsort(w->items, w->len, sizeof(*w->items), by_key_and_place);
    for (size_t i = 0; i < w->len; i++) {
        if (n && strcmp(w->items[n - 1].key, w->items[i].key) == 0)
            free(w->items[i].key);
        else
            w->items[n++] = w->items[i];
    }
    w->len = n;
}

/* What the session's records name, and then the team of the file beside it. 0 or -ENOMEM */
static int wanted_of(const struct session *s, struct oks_slice inner, struct wanted_teams *w)
{
    const struct transcript *t;
    struct oks_slice raw;
    int rc = 0;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        for (size_t i = 0; rc == 0 && (raw = transcript_team(t, i)).ptr; i++)
            rc = wanted_add(w, raw);
    if (rc == 0)
        rc = wanted_add(w, inner);
    wanted_sort(w);
    return rc;
}

/* Leaves the teams that are not wanted; those that are have is_member. 0 or -ENOMEM */
static int leave_teams(struct catalog *c, struct session *s, struct wanted_teams *w)
{
    struct membership *m, *next;
    int rc = 0;

    for (m = LIST_FIRST(&s->teams); m; m = next) {
        struct wanted *is =
            w->len ? bsearch(m->team->key, w->items, w->len, sizeof(*w->items), by_key) : NULL;

        next = LIST_NEXT(m, of_session);
        if (!is) {
            catalog_membership_end(c, m);
            continue;
        }
        is->is_member = true;
        rc = rc < 0 ? rc : membership_renew(c, m, is->raw);
    }
    return rc;
}

static int join_teams(struct catalog *c, struct session *s, struct wanted_teams *w)
{
    int rc = 0;

    if (w->len)
        qsort(w->items, w->len, sizeof(*w->items), by_place);
    for (size_t i = 0; rc == 0 && i < w->len; i++)
        if (!w->items[i].is_member)
            rc = membership_begin(c, s, w->items[i].raw);
    return rc;
}

/* The lead is that of the team of the file beside the session. */
static int set_leads(struct catalog *c, struct session *s, struct oks_slice inner)
{
    const struct team *team = inner.ptr ? team_of_raw(c, inner) : NULL;
    struct membership *m;
    int rc = 0;

    LIST_FOREACH(m, &s->teams, of_session)
        rc = rc < 0 ? rc : lead_set(c, m, team && m->team == team ? s->parent : NULL);
    return rc;
}

/* Leaves the teams that its transcripts no longer name and joins the others. */
static int renew_teams(struct catalog *c, struct session *s)
{
    char buf[OKS_NAME_MAX + 1];
    struct oks_slice inner = lead_team_of(c, s, buf);
    struct wanted_teams wanted = {0};
    const struct transcript *t;
    bool unnamed = false;
    int rc = wanted_of(s, inner, &wanted);

    if (rc == 0)
        rc = leave_teams(c, s, &wanted);
    if (rc == 0)
        rc = join_teams(c, s, &wanted);
    wanted_clear(&wanted);
    if (rc == 0)
        rc = set_leads(c, s, inner);
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        unnamed |= t->state.label_team && !*t->state.label_team;
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
