/*
 * usage.json of every kind of target, and the three files with one number each.
 */
#include <errno.h>
#include <stdlib.h>

#include "catalog/hosts.h"
#include "documents/document.h"
#include "documents/parts.h"
#include "documents/team.h"
#include "base/tree.h"
#include "teams/members.h"

/* The arguments of a document. */
struct render {
    struct model *model;
    const struct oks_target *target;
    const struct oks_window *window; /* NULL: the target's own */
    struct json *j;
};

static struct measure_window window_of(struct render *r)
{
    struct measure_window w = {OKS_STAMP_NONE, OKS_STAMP_NONE};

    if (r->window) {
        w.since = oks_window_since(r->window);
        w.until = oks_window_until(r->window);
    }
    return w;
}

static void put_given_window(struct json *j, const struct oks_window *window)
{
    json_put_window(j, window ? window->since : NULL, window ? window->until : NULL);
}

static void session_document(struct render *r, const struct session *s, struct json *j, struct measure *m,
                             struct billed_bag *bag)
{
    struct measure_window w = window_of(r);
    struct billed_sum lost;

    measure_session(s, &w, m);
    json_fail(j, billed_session_window(r->model->billing, s, &w, bag));
    json_put_measure(j, m);
    json_put_text(j, "sessionId", s->id);
    json_put_text(j, "source", session_source(s)->name);
    put_given_window(j, r->window);
    json_put_count(j, "transcripts", session_transcripts(s));
    json_put_bool(j, "retained", !session_is_live(s));
    if (document_is_unknown(m))
        json_put_text(j, "usage", "unknown");
    billed_bag_total(bag, &lost);
    if (document_is_unknown(m) && lost.requests == 0)
        json_put_null(j, "billed");
    else
        json_put_billed(j, bag); /* also of requests that a file of unknown usage has lost */
}

/* The sum of sessions in a window. */
struct adding {
    struct billing *billing;
    struct measure_window w;
    struct measure *sum;
    struct billed_bag *bag; /* NULL: what was billed is not needed */
    int rc;
};

static void add_session(void *ctx, void *item)
{
    const struct session *s = item;
    struct adding *a = ctx;
    struct measure part;

    measure_session(s, &a->w, &part);
    measure_add(a->sum, &part);
    if (a->rc == 0 && a->bag)
        a->rc = billed_session_window(a->billing, s, &a->w, a->bag);
}

static struct adding adding_of(struct render *r, struct measure *sum, struct billed_bag *bag)
{
    measure_start(sum);
    return (struct adding){.billing = r->model->billing, .w = window_of(r), .sum = sum, .bag = bag};
}

/* What a document shows of sessions without anything in the window, too: that they exist. */
static void add_others(struct measure all, struct measure *sum)
{
    all.totals = sum->totals;
    all.duration_ms = sum->duration_ms;
    *sum = all;
}

static int project_measure(struct render *r, struct project *p, struct measure *sum, struct billed_bag *bag)
{
    bool skips = r->window && document_knows_spans(r->j, r->model);
    struct adding adding;
    struct measure all;
    struct session *s;

    if (!r->window) {
        const struct billed_bag *billed = bag ? sums_project_billed(p) : NULL;

        sums_project(&r->model->sums, p, sum);
        return !bag ? 0 : billed ? billed_bag_add(bag, billed) : -ENOMEM;
    }
    adding = adding_of(r, sum, bag);
    LIST_FOREACH(s, &p->sessions, of_project) {
        if (!document_goes_on(r->j))
            break;
        if (!skips || spans_reach(&r->model->sums, s, &adding.w))
            add_session(&adding, s);
    }
    if (skips) {
        sums_project(&r->model->sums, p, &all);
        add_others(all, sum);
    }
    return adding.rc;
}

static int all_measure(struct render *r, struct measure *sum, struct billed_bag *bag)
{
    struct adding adding;
    struct measure all;

    if (!r->window) {
        sums_all(&r->model->sums, sum);
        return bag ? billed_bag_add(bag, billing_all(r->model->billing)) : 0;
    }
    adding = adding_of(r, sum, bag);
    if (document_each_in_window(r->j, r->model, &adding.w, add_session, &adding)) {
        sums_all(&r->model->sums, &all);
        add_others(all, sum);
    }
    return adding.rc;
}

/* Without other hosts this machine has everything. */
static int host_measure(struct render *r, struct measure *sum, struct billed_bag *bag)
{
    struct group *group;
    struct adding adding;
    struct measure all;
    const struct grouping *at;
    bool skips;

    if (!r->model->catalog.n_hosts)
        return all_measure(r, sum, bag);
    adding = adding_of(r, sum, bag);
    group = groups_find(&r->model->sums, GROUP_HOST, r->target->name);
    if (!group)
        return 0;
    if (!r->window) {
        groups_measure(group, sum);
        return bag ? billed_bag_add(bag, &group->billed) : 0;
    }
    skips = document_knows_spans(r->j, r->model);
    LIST_FOREACH(at, &group->sessions, of_group) {
        if (!document_goes_on(r->j))
            break;
        if (!skips || spans_reach(&r->model->sums, at->session, &adding.w))
            add_session(&adding, at->session);
    }
    if (skips) {
        groups_measure(group, &all);
        add_others(all, sum);
    }
    return adding.rc;
}

/* How many sessions were summed, and for how many the usage is unknown. */
static void put_sessions(struct json *j, const struct measure *m)
{
    json_put_count(j, "sessions", m->sessions);
    if (m->unknown > 0)
        json_put_count(j, "unknownSessions", m->unknown);
}

static void all_document(struct render *r, struct json *j, struct measure *m, struct billed_bag *bag)
{
    json_fail(j, all_measure(r, m, bag));
    json_put_measure(j, m);
    put_given_window(j, r->window);
    put_sessions(j, m);
    json_put_billed(j, bag);
}

static void project_document(struct render *r, struct project *p, struct json *j, struct measure *m,
                             struct billed_bag *bag)
{
    json_fail(j, project_measure(r, p, m, bag));
    if (!document_goes_on(j))
        return;
    json_put_measure(j, m);
    json_put_text(j, "project", p->name);
    put_given_window(j, r->window);
    put_sessions(j, m);
    json_put_billed(j, bag);
}

static void host_document(struct render *r, struct json *j, struct measure *m, struct billed_bag *bag)
{
    json_fail(j, host_measure(r, m, bag));
    if (!document_goes_on(j))
        return;
    json_put_measure(j, m);
    json_put_text(j, "host", r->target->name);
    put_given_window(j, r->window);
    put_sessions(j, m);
    json_put_billed(j, bag);
}

/* The target's run; NULL: none. */
static const struct team_run *run_of(const struct render *r, struct team *team)
{
    return r->target->kind == OKS_RUN ? runs_named(team, r->target->member) : runs_current(team);
}

static struct measure_window team_window_of(struct render *r, struct team *team)
{
    struct measure_window w = window_of(r);

    if (!r->window)
        runs_window(run_of(r, team), &w.since, &w.until);
    return w;
}

static void member_document(struct render *r, struct team *team, struct json *j, struct measure *m,
                            struct billed_bag *bag)
{
    struct measure_window w = team_window_of(r, team);
    int rc = team_member_measure(r->model, team, r->target->member, &w, m, bag);

    json_fail(j, rc);
    if (rc < 0)
        return;
    json_put_measure(j, m);
    json_put_text(j, "team", team->name);
    json_put_text(j, "member", r->target->member);
    json_put_measure_window(j, &w);
    put_sessions(j, m);
    json_put_billed(j, bag);
}

/* --- all targets --- */

uint64_t host_version(const struct model *model, const struct host *host)
{
    return model->catalog.n_hosts ? host->version : model->versions.all;
}

uint64_t document_version(struct model *model, const struct oks_target *target)
{
    const struct session *s;
    const struct host *host;
    const struct project *p;
    struct team *t;

    switch (target->kind) {
    case OKS_SESSION:
        s = catalog_session(&model->catalog, target->name);
        return s ? version_priced(&model->versions, s->version) : 0;
    case OKS_PROJECT:
        p = catalog_project(&model->catalog, target->name);
        return p ? version_priced(&model->versions, p->version) : 0;
    case OKS_HOST:
        host = catalog_host(&model->catalog, target->name);
        return host ? version_priced(&model->versions, host_version(model, host)) : 0;
    case OKS_RUN:
        t = catalog_team(&model->catalog, target->name);
        return t && runs_named(t, target->member) ? version_priced(&model->versions, t->version) : 0;
    case OKS_TEAM:
        t = catalog_team(&model->catalog, target->name);
        return t ? version_priced(&model->versions, t->version) : 0;
    case OKS_MEMBER:
        t = catalog_team(&model->catalog, target->name);
        return t ? version_priced(&model->versions, team_member_version(&model->catalog, t, target->member))
                 : 0;
    default:
        return model->versions.all;
    }
}

/* `bag` is scratch space. */
static void put_members(struct render *r, struct json *j, struct measure *m, struct billed_bag *bag)
{
    const char *name = r->target->name;
    struct measure_window w;
    struct team *team;

    switch (r->target->kind) {
    case OKS_SESSION:
        session_document(r, catalog_session(&r->model->catalog, name), j, m, bag);
        break;
    case OKS_PROJECT:
        project_document(r, catalog_project(&r->model->catalog, name), j, m, bag);
        break;
    case OKS_TEAM:
    case OKS_RUN:
        team = catalog_team(&r->model->catalog, name);
        w = team_window_of(r, team);
        team_document(r->model, team, run_of(r, team), &w, j, &m->mtime_ns);
        break;
    case OKS_HOST:
        host_document(r, j, m, bag);
        break;
    case OKS_MEMBER:
        member_document(r, catalog_team(&r->model->catalog, name), j, m, bag);
        break;
    case OKS_ALL:
        all_document(r, j, m, bag);
        break;
    }
}

static int usage_document(void *ctx, struct json *j, struct oks_document *out)
{
    struct render *r = ctx;
    struct measure m = {0};
    struct billed_bag bag = {0};

    r->j = j;
    out->version = document_version(r->model, r->target);
    if (!out->version)
        return -ENOENT;
    json_open_object(j, NULL);
    put_members(r, j, &m, &bag);
    json_close_object(j);
    billed_bag_clear(&bag);
    out->mtime_ns = m.mtime_ns;
    return 0;
}

/* `bag` NULL: what was billed is not needed. */
static int measure_target(struct render *r, struct measure *m, struct billed_bag *bag)
{
    struct measure_window w = window_of(r);
    const struct session *s;
    struct team *team;

    switch (r->target->kind) {
    case OKS_SESSION:
        s = catalog_session(&r->model->catalog, r->target->name);
        measure_session(s, &w, m);
        return bag ? billed_session_window(r->model->billing, s, &w, bag) : 0;
    case OKS_PROJECT:
        return project_measure(r, catalog_project(&r->model->catalog, r->target->name), m, bag);
    case OKS_HOST:
        return host_measure(r, m, bag);
    case OKS_TEAM:
    case OKS_RUN:
    case OKS_MEMBER:
        team = catalog_team(&r->model->catalog, r->target->name);
        w = team_window_of(r, team);
        if (r->target->kind == OKS_MEMBER)
            return team_member_measure(r->model, team, r->target->member, &w, m, bag);
        return team_measure(r->model, team, run_of(r, team), &w, m, bag);
    case OKS_ALL:
        break;
    }
    return all_measure(r, m, bag);
}

static int total_document(void *ctx, struct json *j, struct oks_document *out)
{
    struct render *r = ctx;
    struct measure m;
    int rc;

    r->j = j;
    out->version = document_version(r->model, r->target);
    rc = out->version ? measure_target(r, &m, NULL) : -ENOENT;
    if (rc < 0 || !document_goes_on(j))
        return rc;
    out->mtime_ns = m.mtime_ns;
    if (document_is_unknown(&m))
        json_put_raw(j, NULL, OKS_SLICE("unknown"));
    else
        json_put_count(j, NULL, oks_totals_tokens(&m.totals));
    return 0;
}

/* What the target used, and what its requests are billed as, each request once. */
static int measure_billed(struct render *r, struct measure *m, struct billed_sum *sum,
                          struct oks_document *out)
{
    struct billed_bag bag = {0};
    int rc;

    out->version = document_version(r->model, r->target);
    rc = out->version ? measure_target(r, m, &bag) : -ENOENT;
    billed_bag_total(&bag, sum);
    billed_bag_clear(&bag);
    if (rc < 0)
        return rc;
    out->mtime_ns = m->mtime_ns;
    return 0;
}

static int cost_document(void *ctx, struct json *j, struct oks_document *out)
{
    struct render *r = ctx;
    struct billed_sum sum;
    struct measure m;
    int rc;

    r->j = j;
    rc = measure_billed(r, &m, &sum, out);
    if (rc < 0 || !document_goes_on(j))
        return rc;
    if (document_is_unknown(&m) || billed_cost_is_unknown(&sum))
        json_put_raw(j, NULL, OKS_SLICE("unknown"));
    else
        json_put_money(j, NULL, sum.cost);
    return 0;
}

/* Of all input, the part that was read from the cache: of each request once, as the cost is. */
static int hit_ratio_document(void *ctx, struct json *j, struct oks_document *out)
{
    struct render *r = ctx;
    unsigned __int128 input;
    struct billed_sum sum;
    struct measure m;
    int rc;

    r->j = j;
    rc = measure_billed(r, &m, &sum, out);
    if (rc < 0 || !document_goes_on(j))
        return rc;
    input = sum.input + sum.cache_5m + sum.cache_1h + sum.cache_read;
    if (input == 0)
        json_put_raw(j, NULL, OKS_SLICE("unknown"));
    else
        json_put_ratio(j, NULL, sum.cache_read, input);
    return 0;
}

int document_usage(struct model *model, const struct oks_target *target, const struct oks_window *window,
                   struct oks_document *out)
{
    struct render r = {model, target, window, NULL};

    return document_locked(model, usage_document, &r, out);
}

int document_total_tokens(struct model *model, const struct oks_target *target,
                          const struct oks_window *window, struct oks_document *out)
{
    struct render r = {model, target, window, NULL};

    return document_locked(model, total_document, &r, out);
}

int document_cost(struct model *model, const struct oks_target *target, const struct oks_window *window,
                  struct oks_document *out)
{
    struct render r = {model, target, window, NULL};

    return document_locked(model, cost_document, &r, out);
}

int document_hit_ratio(struct model *model, const struct oks_target *target, const struct oks_window *window,
                       struct oks_document *out)
{
    struct render r = {model, target, window, NULL};

    return document_locked(model, hit_ratio_document, &r, out);
}
