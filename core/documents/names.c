/*
 * Lists of names: what readdir shows, and what lookup resolves.
 *
 * A list is made from the structures that lookups use, so each listed name can be looked up. Lists are sorted
 * by bytes, without duplicates.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/tree.h"
#include "catalog/hosts.h"
#include "documents/current.h"
#include "documents/document.h"
#include "okstrafs/zone.h"
#include "teams/members.h"
#include "time/calendar.h"
#include "time/local_day.h"

/* --- days --- */

/* Only those that may have a row in by-day.json: there is no end to the days of which a transcript may have
 * stamps. */
enum { DAYS_MAX = (TIMELINE_END - TIMELINE_FIRST) / 86400 + 2, WORD_BITS = 64 };

struct days {
    const struct oks_zone *zone;
    int64_t first, end;
    uint64_t seen[DAYS_MAX / WORD_BITS + 1];
};

static void days_start(struct days *days, const struct oks_zone *zone)
{
    *days = (struct days){.zone = zone, .first = oks_zone_day(zone, TIMELINE_FIRST)};
    days->end = oks_zone_day(zone, TIMELINE_END - 1) + 1;
}

static int see_day(void *ctx, int64_t day)
{
    struct days *days = ctx;
    uint64_t at = (uint64_t)(day - days->first);

    days->seen[at / WORD_BITS] |= UINT64_C(1) << at % WORD_BITS;
    return 0;
}

static void see_days(struct days *days, const struct session *s)
{
    const struct transcript *t;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        transcript_days(t, days->zone, days->first, days->end, see_day, days);
}

static void visit_days(void *ctx, void *item)
{
    see_days(ctx, item);
}

/* Days by the date in UTC of a key in them; zeroed: none. */
enum { KNOWN_DAYS = 512, MOST_DAYS = 366 };
struct known_day {
    uint64_t first, last; /* keys */
    int64_t day;
};

static bool is_seen(const struct days *days, int64_t day)
{
    uint64_t at = (uint64_t)(day - days->first);

    return day >= days->first && day < days->end && (days->seen[at / WORD_BITS] >> at % WORD_BITS & 1);
}

/* False: the key is of no day. */
static bool day_of_key(struct known_day known[KNOWN_DAYS], const struct oks_zone *zone, uint64_t key,
                       int64_t *day)
{
    struct known_day *k = &known[key / (UINT64_C(1000000) << 10) % KNOWN_DAYS];
    int64_t second;

    if (key < k->first || key > k->last) {
        if (!timeline_second(key, &second))
            return false;
        k->day = oks_zone_day(zone, second);
        k->first = day_first_stamp(zone, k->day).key;
        k->last = day_last_stamp(zone, k->day).key;
    }
    *day = k->day;
    return key >= k->first && key <= k->last;
}

/* Whether all days from the session's first to its last were seen. */
static bool adds_nothing(struct known_day known[KNOWN_DAYS], const struct days *days,
                         const struct session_span *span)
{
    int64_t day, last;

    if (span->last >= OKS_STAMP_KEY_TEXT || !day_of_key(known, days->zone, span->first, &day) ||
        !day_of_key(known, days->zone, span->last, &last) || last - day > MOST_DAYS)
        return false;
    while (day <= last && is_seen(days, day))
        day++;
    return day > last;
}

/* All days of all sessions. */
static void see_all_days(struct model *model, struct days *days)
{
    const struct spans *spans = &model->sums.spans;
    struct known_day known[KNOWN_DAYS] = {{0}};

    if (spans_complete(&model->sums, model->billing) < 0 || !spans_are_of_all(&model->sums)) {
        oks_tree_each(model->catalog.sessions, visit_days, days);
        return;
    }
    for (size_t i = 0; i < spans->n; i++)
        if (!adds_nothing(known, days, &spans->items[i]))
            see_days(days, spans->items[i].session);
}

/* --- names --- */

/* A set of names: collected first, then sorted and made unique. */
struct names {
    char **items;
    size_t len, room;
    int rc;
    struct days days; /* of the list of days: collected instead of names */
};

static int names_add(void *ctx, const char *name)
{
    struct names *n = ctx;

    if (!OKS_GROW(n->items, n->len, n->room))
        return n->rc = -ENOMEM;
    n->items[n->len] = strdup(name);
    if (!n->items[n->len])
        return n->rc = -ENOMEM;
    n->len++;
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Calls fn for each name, then frees them. */
static int names_emit(struct names *n, int (*fn)(void *ctx, const char *name), void *ctx)
{
    int rc = n->rc;

    if (n->len)
        qsort(n->items, n->len, sizeof(*n->items), by_bytes);
    for (size_t i = 0; i < n->len; i++)
        if (rc == 0 && (i == 0 || strcmp(n->items[i], n->items[i - 1]) != 0))
            rc = fn(ctx, n->items[i]);
    for (size_t i = 0; i < n->len; i++)
        free(n->items[i]);
    free(n->items);
    return rc;
}

static int names_add_days(struct names *names)
{
    const struct days *days = &names->days;
    char name[sizeof("2026-06-10")];
    int rc = 0;

    for (int64_t day = days->first; rc == 0 && day < days->end; day++) {
        if (!is_seen(days, day))
            continue;
        *date_put(name, date_of_days(day)) = '\0';
        rc = names_add(names, name);
    }
    return rc;
}

/* --- lists --- */

static void visit_session(void *ctx, void *item)
{
    names_add(ctx, ((struct session *)item)->name);
}

static void visit_team(void *ctx, void *item)
{
    names_add(ctx, ((struct team *)item)->name);
}

static void visit_project(void *ctx, void *item)
{
    names_add(ctx, ((struct project *)item)->name);
}

static int list_runs(struct team *team, struct names *names)
{
    char name[OKS_NAME_MAX + 1];
    const struct team_run *run;
    int rc = 0;

    for (run = runs_current(team); run; run = LIST_NEXT(run, of_team)) {
        if (run->roster)
            continue;
        runs_name(team, run, name);
        rc = rc ? rc : names_add(names, name);
    }
    return rc;
}

static int list_team(struct model *model, enum oks_list what, const struct oks_target *of,
                     struct names *names)
{
    struct team *team = catalog_team(&model->catalog, of->name);
    const struct team_run *run = !team                 ? NULL
                                 : of->kind == OKS_RUN ? runs_named(team, of->member)
                                                       : runs_current(team);
    const struct team_members *members;
    size_t i = 0;
    int rc = 0;

    if (!team || (!run && of->kind == OKS_RUN))
        return -ENOENT;
    if (what == OKS_LIST_RUNS)
        return list_runs(team, names);
    members = team_members(&model->catalog, team, run);
    if (!members)
        return -ENOMEM;
    if (of->kind == OKS_MEMBER)
        i = team_members_of(members, of->member);
    for (; rc == 0 && i < members->n; i++) {
        const struct member_session *item = &members->items[i];

        if (of->kind == OKS_MEMBER && !team_members_are(members, i, of->member))
            break;
        if (what == OKS_LIST_DAYS)
            see_days(&names->days, item->session);
        else
            rc = names_add(names, what == OKS_LIST_MEMBERS ? item->member : item->session->name);
    }
    return rc;
}

static int list_session(struct model *model, enum oks_list what, const struct session *s, struct names *names)
{
    const struct parent *parent;
    const struct session *child;
    const struct membership *m;

    if (!s)
        return -ENOENT;
    switch (what) {
    case OKS_LIST_TEAMS:
        LIST_FOREACH(m, &s->teams, of_session)
            names_add(names, m->team->name);
        return 0;
    case OKS_LIST_PROJECTS:
        return s->project ? names_add(names, s->project->name) : 0;
    case OKS_LIST_SUBAGENTS:
        parent = catalog_parent(&model->catalog, s->name);
        if (parent)
            LIST_FOREACH(child, &parent->children, of_parent)
                names_add(names, child->name);
        return 0;
    case OKS_LIST_DAYS:
        see_days(&names->days, s);
        return 0;
    default:
        return -ENOENT;
    }
}

static int list_project(struct model *model, const struct project *p, enum oks_list what, struct names *names)
{
    const struct session *s;
    int rc = 0;

    if (!p)
        return -ENOENT;
    if (what == OKS_LIST_CURRENT) {
        s = project_current(&model->catalog, p);
        return s ? names_add(names, s->name) : 0;
    }
    LIST_FOREACH(s, &p->sessions, of_project) {
        if (what == OKS_LIST_DAYS)
            see_days(&names->days, s);
        else
            rc = rc ? rc : names_add(names, s->name);
    }
    return rc;
}

static int list_all(struct model *model, enum oks_list what, struct names *names)
{
    switch (what) {
    case OKS_LIST_SESSIONS:
        oks_tree_each(model->catalog.sessions, visit_session, names);
        return 0;
    case OKS_LIST_TEAMS:
        oks_tree_each(model->catalog.teams, visit_team, names);
        return 0;
    case OKS_LIST_PROJECTS:
        oks_tree_each(model->catalog.projects, visit_project, names);
        return 0;
    case OKS_LIST_HOSTS:
        names_add(names, model->catalog.own.name);
        for (size_t i = 0; i < model->catalog.n_hosts; i++)
            names_add(names, model->catalog.hosts[i]->name);
        return 0;
    case OKS_LIST_DAYS:
        see_all_days(model, &names->days);
        return 0;
    default:
        return -ENOENT;
    }
}

static int list_host(struct model *model, const char *name, enum oks_list what, struct names *names)
{
    const struct group *group;
    const struct grouping *at;

    if (!catalog_host(&model->catalog, name))
        return -ENOENT;
    if (!model->catalog.n_hosts)
        return list_all(model, what, names);
    group = groups_find(&model->sums, GROUP_HOST, name);
    if (!group)
        return 0;
    LIST_FOREACH(at, &group->sessions, of_group) {
        if (what == OKS_LIST_DAYS)
            see_days(&names->days, at->session);
        else
            names_add(names, at->session->name);
    }
    return 0;
}

/* Under the lock. */
static void names_collect(struct names *names, struct model *model, enum oks_list what,
                          const struct oks_target *of)
{
    int rc;

    if (what == OKS_LIST_DAYS)
        days_start(&names->days, model->zone);
    switch (of->kind) {
    case OKS_SESSION:
        rc = list_session(model, what, catalog_session(&model->catalog, of->name), names);
        break;
    case OKS_TEAM:
    case OKS_RUN:
    case OKS_MEMBER:
        rc = list_team(model, what, of, names);
        break;
    case OKS_PROJECT:
        rc = list_project(model, catalog_project(&model->catalog, of->name), what, names);
        break;
    case OKS_HOST:
        rc = list_host(model, of->name, what, names);
        break;
    default:
        rc = list_all(model, what, names);
        break;
    }
    if (rc == 0 && what == OKS_LIST_DAYS)
        rc = names_add_days(names);
    if (rc < 0)
        names->rc = rc;
}

int names_list(struct model *model, enum oks_list what, const struct oks_target *of,
               int (*fn)(void *ctx, const char *name), void *ctx)
{
    struct names names = {0};

    pthread_mutex_lock(&model->lock);
    names_collect(&names, model, what, of);
    pthread_mutex_unlock(&model->lock);
    return names_emit(&names, fn, ctx);
}

/* --- one name of a list --- */

int names_match(void *ctx, const char *name)
{
    return strcmp(name, ctx) == 0;
}

static bool is_set_to(const char *attribute, const char *value)
{
    return attribute && strcmp(attribute, value) == 0;
}

static int team_has(struct model *model, enum oks_list what, const struct oks_target *of, const char *name)
{
    struct team *team = catalog_team(&model->catalog, of->name);
    const struct session *s = catalog_session(&model->catalog, name);
    const struct team_members *members;

    if (!team)
        return -ENOENT;
    if (what == OKS_LIST_RUNS)
        return runs_named(team, name) != NULL;
    members = team_members(&model->catalog, team, runs_current(team));
    if (!members)
        return -ENOMEM;
    if (what == OKS_LIST_MEMBERS)
        return team_members_are(members, team_members_of(members, name), name);
    return s && team_members_have(members, s, of->kind == OKS_MEMBER ? of->member : NULL);
}

/* A stranger can make these lists long, so none is made for one name of it. */
int names_has(struct model *model, enum oks_list what, const struct oks_target *of, const char *name)
{
    bool of_team = of->kind == OKS_TEAM || of->kind == OKS_MEMBER;
    struct names names = {0};
    const struct session *s;

    if (of_team && (what == OKS_LIST_RUNS || what == OKS_LIST_MEMBERS || what == OKS_LIST_SESSIONS))
        return team_has(model, what, of, name);
    s = catalog_session(&model->catalog, name);
    if (what == OKS_LIST_SUBAGENTS && of->kind == OKS_SESSION)
        return s && is_set_to(s->parent, of->name);
    if (what == OKS_LIST_SESSIONS && of->kind == OKS_PROJECT)
        return s && s->project && strcmp(s->project->name, of->name) == 0;
    if (what == OKS_LIST_SESSIONS && of->kind == OKS_HOST)
        return s && strcmp(session_host(&model->catalog, s)->name, of->name) == 0;
    names_collect(&names, model, what, of);
    return names_emit(&names, names_match, (void *)name);
}

/* --- a session's teams and its project, as text --- */

struct names_text {
    struct model *model;
    enum oks_list what;
    const struct oks_target *of;
    struct json *j;
};

static int put_line(void *ctx, const char *name)
{
    struct names_text *text = ctx;

    oks_bytes_text(&text->j->text, name);
    oks_bytes_text(&text->j->text, "\n");
    return 0;
}

static int names_document(void *ctx, struct json *j, struct oks_document *out)
{
    struct names_text *text = ctx;
    const struct session *s = catalog_session(&text->model->catalog, text->of->name);
    struct names names = {0};

    text->j = j;
    out->version = document_version(text->model, text->of);
    if (!s || !out->version)
        return -ENOENT;
    out->mtime_ns = sums_share(s)->mtime_ns;
    names_collect(&names, text->model, text->what, text->of);
    return names_emit(&names, put_line, text);
}

int document_names(struct model *model, enum oks_list what, const struct oks_target *session,
                   struct oks_document *out)
{
    struct names_text text = {model, what, session, NULL};

    return document_locked(model, names_document, &text, out);
}

/* --- other spellings --- */

enum { PREFIX_MIN = 6 };

struct prefix_search {
    const char *prefix;
    size_t len;
    const struct session *found;
    bool ambiguous;
};

static void visit_prefix(void *ctx, void *item)
{
    const struct session *s = item;
    struct prefix_search *search = ctx;

    if (strncmp(s->name, search->prefix, search->len) != 0)
        return;
    search->ambiguous |= search->found != NULL;
    search->found = s;
}

static const char *canonical_session(struct model *model, const char *name)
{
    struct prefix_search search = {.prefix = name, .len = strlen(name)};
    const struct session *s = catalog_session(&model->catalog, name);

    if (s)
        return s->name;
    if (search.len < PREFIX_MIN)
        return NULL;
    oks_tree_each(model->catalog.sessions, visit_prefix, &search);
    return search.found && !search.ambiguous ? search.found->name : NULL;
}

int names_resolve(struct model *model, enum oks_kind kind, const char *name, char canonical[256])
{
    const struct team *team;
    const struct project *project;
    const struct host *host;
    const char *found = NULL;

    switch (kind) {
    case OKS_SESSION:
        found = canonical_session(model, name);
        break;
    case OKS_TEAM:
        team = catalog_team(&model->catalog, name);
        found = team ? team->name : NULL;
        break;
    case OKS_PROJECT:
        project = catalog_project(&model->catalog, name);
        found = project ? project->name : NULL;
        break;
    case OKS_HOST:
        host = catalog_host(&model->catalog, name);
        found = host ? host->name : NULL;
        break;
    default:
        break;
    }
    if (found)
        strcpy(canonical, found);
    return !found ? -ENOENT : strcmp(found, name) != 0;
}

/* --- what has changed --- */

struct changed {
    const struct versions *versions;
    uint64_t since;
    int (*fn)(void *ctx, const char *name);
    void *ctx;
};

static int if_changed(const struct changed *c, uint64_t version, const char *name)
{
    return version_priced(c->versions, version) > c->since ? c->fn(c->ctx, name) : 0;
}

/* Only those that have changed are looked at. */
static int sessions_changed(const struct catalog *catalog, const struct changed *c)
{
    const struct session *s;
    int rc = 0;

    TAILQ_FOREACH(s, &catalog->by_version, of_version) {
        if (rc != 0 || version_priced(c->versions, s->version) <= c->since)
            break;
        rc = c->fn(c->ctx, s->name);
    }
    return rc;
}

static int if_team_changed(void *ctx, void *item)
{
    const struct team *t = item;

    return if_changed(ctx, t->version, t->name);
}

static int if_project_changed(void *ctx, void *item)
{
    const struct project *p = item;

    return if_changed(ctx, p->version, p->name);
}

static int if_host_changed(struct changed *c, struct model *model)
{
    const struct catalog *hosts = &model->catalog;
    int rc = if_changed(c, host_version(model, &hosts->own), hosts->own.name);

    for (size_t i = 0; rc == 0 && i < hosts->n_hosts; i++)
        rc = if_changed(c, host_version(model, hosts->hosts[i]), hosts->hosts[i]->name);
    return rc;
}

int names_changed(struct model *model, enum oks_kind kind, uint64_t since,
                  int (*fn)(void *ctx, const char *name), void *ctx)
{
    struct changed c = {&model->versions, since, fn, ctx};

    switch (kind) {
    case OKS_SESSION:
        return sessions_changed(&model->catalog, &c);
    case OKS_TEAM:
        return oks_tree_until(model->catalog.teams, if_team_changed, &c);
    case OKS_PROJECT:
        return oks_tree_until(model->catalog.projects, if_project_changed, &c);
    case OKS_HOST:
        return if_host_changed(&c, model);
    default:
        return 0;
    }
}
