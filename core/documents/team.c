/*
 * The team document: the usage of a run's lead and of each of its workers.
 *
 * With a team-state file it shows the window and the workers of the run. Without one it shows the team's
 * sessions, grouped by agent; a roster also names workers without a session (yet). The thirteen keys at the
 * top are those of all the team's sessions in the window; usageSummary counts lead and workers, so the two
 * differ by what is in `others`.
 *
 * A stranger may make thousands of members and of workers, so the sessions of a member are found in a sorted
 * array.
 *
 * Invariant: each session is counted in exactly one of lead, one worker, or others.
 */
#include "base/text_end.h"
#include "documents/team.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "documents/parts.h"
#include "teams/members.h"

/* --- measuring --- */

struct part {
    struct session *session;
    char member[OKS_NAME_MAX + 1];
    struct measure measure;
    struct billed_bag billed;
    bool taken;
};

typedef bool (*part_filter)(const struct part *part, const void *ctx);

struct parts {
    struct part *items;
    size_t len;
    struct part **by_member; /* sorted by member, then as the items */
    bool two_names;          /* a session may be that of a worker in two ways: see member_has_two_names() */
    struct part **chosen;    /* the sessions of the next usage */
    size_t n_chosen;
    struct measure sum; /* of those sessions */
    struct billed_bag billed;
    uint64_t worker_tokens;
    struct billed_sum cost; /* of the lead and the workers */
};

static bool is_open(const struct measure_window *w)
{
    return oks_stamp_is_none(w->since) && oks_stamp_is_none(w->until);
}

/* A session of another run: nothing of it is in this window, also no request that its file has lost. */
static bool outside(const struct measure *m, const struct billed_bag *bag, const struct measure_window *w)
{
    struct billed_sum sum;

    if (is_open(w) || m->totals.events)
        return false;
    billed_bag_total(bag, &sum);
    return !billed_is_used(&sum);
}

/* By first event; sessions without events last. */
static int by_start(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    bool none_x = oks_stamp_is_none(x->measure.totals.first),
         none_y = oks_stamp_is_none(y->measure.totals.first);
    int d =
        none_x || none_y ? none_x - none_y : oks_stamp_cmp(x->measure.totals.first, y->measure.totals.first);

    return d ? d : strcmp(x->session->name, y->session->name);
}

static void parts_clear(struct parts *parts)
{
    for (size_t i = 0; i < parts->len; i++)
        billed_bag_clear(&parts->items[i].billed);
    billed_bag_clear(&parts->billed);
    free(parts->by_member);
    free(parts->chosen);
    free(parts->items);
}

static int by_member(const void *a, const void *b)
{
    const struct part *x = *(struct part *const *)a, *y = *(struct part *const *)b;
    int d = strcmp(x->member, y->member);

    return d ? d : (x > y) - (x < y);
}

static void parts_sort(struct parts *parts)
{
    qsort(parts->items, parts->len, sizeof(*parts->items), by_start);
    for (size_t i = 0; i < parts->len; i++)
        parts->by_member[i] = &parts->items[i];
    qsort(parts->by_member, parts->len, sizeof(*parts->by_member), by_member);
}

/* Where the sessions of a member begin. */
static size_t first_of_member(const struct parts *parts, const char *member)
{
    size_t low = 0, high = parts->len;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(parts->by_member[middle]->member, member) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int parts_make(struct model *model, const struct team *team, const struct team_run *run,
                      const struct measure_window *w, struct parts *parts)
{
    struct session **sessions = team_sessions(&model->catalog, team, run);
    size_t n = 0;
    int rc = 0;

    if (!sessions)
        return -ENOMEM;
    while (sessions[n])
        n++;
    *parts = (struct parts){.items = calloc(n + 1, sizeof(*parts->items)),
                            .by_member = calloc(n + 1, sizeof(*parts->by_member)),
                            .chosen = calloc(n + 1, sizeof(*parts->chosen))};
    if (!parts->items || !parts->by_member || !parts->chosen)
        rc = -ENOMEM;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct part *p = &parts->items[parts->len];

        p->session = sessions[i];
        measure_session(sessions[i], w, &p->measure);
        rc = billed_session_window(model->billing, sessions[i], w, &p->billed);
        if (rc == 0 && outside(&p->measure, &p->billed, w)) {
            billed_bag_clear(&p->billed);
            continue;
        }
        member_name_of(run, sessions[i], p->member);
        parts->two_names |= member_has_two_names(run, sessions[i]);
        parts->len++;
    }
    free(sessions);
    if (rc < 0) {
        parts_clear(parts);
        return -ENOMEM;
    }
    parts_sort(parts);
    return 0;
}

static void sum_all(const struct parts *parts, struct measure *sum)
{
    measure_start(sum);
    for (size_t i = 0; i < parts->len; i++)
        measure_add(sum, &parts->items[i].measure);
}

/* Adds the session's usage in the window. 0 or -ENOMEM */
static int add_in_window(struct model *model, const struct session *s, const struct measure_window *w,
                         struct measure *out, struct billed_bag *bag)
{
    struct billed_bag own = {0};
    struct measure part;
    int rc;

    measure_session(s, w, &part);
    if (is_open(w)) {
        measure_add(out, &part);
        return bag ? billed_session_add(bag, s) : 0;
    }
    rc = billed_session_window(model->billing, s, w, &own);
    if (rc == 0 && !outside(&part, &own, w)) {
        measure_add(out, &part);
        rc = bag ? billed_bag_add(bag, &own) : 0;
    }
    billed_bag_clear(&own);
    return rc;
}

int team_measure(struct model *model, const struct team *team, const struct team_run *run,
                 const struct measure_window *w, struct measure *out, struct billed_bag *bag)
{
    struct session **sessions = team_sessions(&model->catalog, team, run);
    int rc = 0;

    if (!sessions)
        return -ENOMEM;
    measure_start(out);
    for (size_t i = 0; rc == 0 && sessions[i]; i++)
        rc = add_in_window(model, sessions[i], w, out, bag);
    free(sessions);
    return rc;
}

int team_member_measure(struct model *model, struct team *team, const char *member,
                        const struct measure_window *w, struct measure *out, struct billed_bag *bag)
{
    const struct team_run *run = runs_current(team);
    const struct team_members *members = team_members(&model->catalog, team, run);
    size_t i = members ? team_members_of(members, member) : 0;
    int rc = 0;

    if (!members || !team_members_are(members, i, member))
        return members ? -ENOENT : -ENOMEM;
    measure_start(out);
    for (; rc == 0 && team_members_are(members, i, member); i++)
        rc = add_in_window(model, members->items[i].session, w, out, bag);
    return rc;
}

/* --- writing --- */

static void choose_none(struct parts *parts)
{
    parts->n_chosen = 0;
    measure_start(&parts->sum);
    billed_bag_clear(&parts->billed);
}

/* Unless it is counted already. */
static void choose_part(struct json *j, struct parts *parts, struct part *part)
{
    if (part->taken)
        return;
    parts->chosen[parts->n_chosen++] = part;
    measure_add(&parts->sum, &part->measure);
    json_fail(j, billed_bag_add(&parts->billed, &part->billed));
}

/* The next usage is that of the sessions that match `filter` and are not counted yet. */
static void choose(struct json *j, struct parts *parts, part_filter filter, const void *ctx)
{
    choose_none(parts);
    for (size_t i = 0; i < parts->len; i++)
        if (filter(&parts->items[i], ctx))
            choose_part(j, parts, &parts->items[i]);
}

/* The same among the sessions of a member; `filter` NULL: all of them. */
static void choose_of(struct json *j, struct parts *parts, const char *member, part_filter filter,
                      const void *ctx)
{
    choose_none(parts);
    for (size_t i = first_of_member(parts, member); i < parts->len; i++) {
        struct part *part = parts->by_member[i];

        if (strcmp(part->member, member) != 0)
            return;
        if (!filter || filter(part, ctx))
            choose_part(j, parts, part);
    }
}

/* The source of the earliest session, and the ids of all. They count as counted from now on. */
static void put_sessions(struct json *j, struct parts *parts)
{
    for (size_t i = 0; i < parts->n_chosen; i++) {
        struct part *p = parts->chosen[i];

        if (i == 0) {
            json_put_text(j, "source", session_source(p->session)->name);
            json_put_text(j, "sessionId", p->session->id);
            json_open_array(j, "additionalSessionIds");
        } else {
            json_put_text(j, NULL, p->session->id);
        }
        p->taken = true;
    }
    json_close_array(j);
}

/* The usage of the chosen sessions; if there are none: {"source": "unavailable"}. */
static void put_usage(struct json *j, const char *key, struct parts *parts)
{
    json_open_object(j, key);
    if (parts->sum.sessions == 0) {
        json_put_text(j, "source", "unavailable");
    } else {
        json_put_measure(j, &parts->sum);
        put_sessions(j, parts);
        json_put_billed(j, &parts->billed);
    }
    json_close_object(j);
}

struct worker_of {
    const struct team_run *run;
    const struct run_worker *worker;
};

static bool part_is_worker(const struct part *part, const void *ctx)
{
    const struct worker_of *of = ctx;

    return member_works_as(of->run, of->worker, part->session);
}

static bool part_is_lead(const struct part *part, const void *ctx)
{
    return member_is_lead(ctx, part->session);
}

/* The chosen sessions are the lead's or a worker's. */
static void add_cost(struct parts *parts)
{
    struct billed_sum sum;

    billed_bag_total(&parts->billed, &sum);
    billed_add(&parts->cost, &sum);
}

static void put_worker(struct json *j, const char *id, const char *agent, const char *model,
                       struct parts *parts)
{
    json_open_object(j, NULL);
    json_put_text(j, "workerId", id);
    json_put_text(j, "agent", agent);
    json_put_text(j, "model", model);
    put_usage(j, "usage", parts);
    json_close_object(j);
    parts->worker_tokens = oks_tokens_add(parts->worker_tokens, oks_totals_tokens(&parts->sum.totals));
    add_cost(parts);
}

static void put_run_workers(struct json *j, const struct team_run *run, struct parts *parts)
{
    for (size_t i = 0; i < run->state.n_workers; i++) {
        const struct run_worker *w = &run->state.workers[i];

        char member[OKS_NAME_MAX + 1];

        if (!parts->two_names && member_of_worker(run, w, member))
            choose_of(j, parts, member, part_is_worker, &(struct worker_of){run, w});
        else
            choose(j, parts, part_is_worker, &(struct worker_of){run, w});
        put_worker(j, w->worker_id, w->agent, w->model, parts);
    }
}

/* One worker for each agent that is left, by first event. */
static void put_grouped_workers(struct json *j, struct parts *parts)
{
    for (size_t i = 0; i < parts->len; i++) {
        const char *name = parts->items[i].member;
        char id[OKS_NAME_MAX + 1];

        if (parts->items[i].taken)
            continue;
        snprintf(id, sizeof(id), "%s", name);
        if (text_ends_with(id, "-worker"))
            id[strlen(id) - strlen("-worker")] = '\0';
        choose_of(j, parts, name, NULL, NULL);
        put_worker(j, id, name, parts->sum.model, parts);
    }
}

static void put_others(struct json *j, struct parts *parts)
{
    for (size_t i = 0; i < parts->len; i++) {
        if (parts->items[i].taken)
            continue;
        choose_none(parts);
        choose_part(j, parts, &parts->items[i]);
        put_usage(j, NULL, parts);
    }
}

/*
 * A roster may name a lead without a transcript. The lead of a team without a file is the session whose agent
 * name is that of a lead, or that has none.
 */
static void choose_lead(struct json *j, const struct team_run *run, struct parts *parts)
{
    if (run)
        choose(j, parts, part_is_lead, run);
    if (run && (!run->roster || parts->sum.sessions))
        return;
    choose_of(j, parts, "lead", NULL, NULL);
    if (parts->sum.sessions == 0)
        choose_of(j, parts, "team-lead", NULL, NULL);
}

static void put_summary(struct json *j, uint64_t lead, const struct parts *parts, int64_t mtime_ns)
{
    json_open_object(j, "usageSummary");
    json_put_count(j, "leadTotalTokens", lead);
    json_put_count(j, "workerTotalTokens", parts->worker_tokens);
    json_put_count(j, "totalTokens", oks_tokens_add(lead, parts->worker_tokens));
    json_put_cost(j, "costUSD", &parts->cost);
    if (mtime_ns)
        json_put_time(j, "collectedAt", mtime_ns / 1000000);
    else
        json_put_null(j, "collectedAt");
    json_close_object(j);
}

static void put_people(struct json *j, const struct team_run *run, struct parts *parts, int64_t mtime_ns)
{
    uint64_t lead;

    choose_lead(j, run, parts);
    put_usage(j, "leadUsage", parts);
    lead = oks_totals_tokens(&parts->sum.totals);
    add_cost(parts);
    json_open_array(j, "workers");
    if (run)
        put_run_workers(j, run, parts);
    if (!run || run->roster)
        put_grouped_workers(j, parts);
    json_close_array(j);
    json_open_array(j, "others");
    put_others(j, parts);
    json_close_array(j);
    put_summary(j, lead, parts, mtime_ns);
}

static void put_all_billed(struct json *j, const struct parts *parts)
{
    struct billed_bag all = {0};

    for (size_t i = 0; i < parts->len; i++)
        json_fail(j, billed_bag_add(&all, &parts->items[i].billed));
    json_put_billed(j, &all);
    billed_bag_clear(&all);
}

void team_document(struct model *model, struct team *team, const struct team_run *run,
                   const struct measure_window *w, struct json *j, int64_t *mtime_ns)
{
    char name[OKS_NAME_MAX + 1];
    struct measure all;
    struct parts parts;
    int rc = parts_make(model, team, run, w, &parts);

    json_fail(j, rc);
    if (rc < 0)
        return;
    if (run && !run->roster)
        runs_name(team, run, name);
    sum_all(&parts, &all);
    *mtime_ns = run && run->state.mtime_ns > all.mtime_ns ? run->state.mtime_ns : all.mtime_ns;
    json_put_measure(j, &all);
    json_put_text(j, "team", team->name);
    json_put_text(j, "taskKey", run ? run->state.task_key : NULL);
    json_put_text(j, "run", run && !run->roster ? name : NULL);
    json_put_measure_window(j, w);
    put_people(j, run, &parts, all.mtime_ns);
    put_all_billed(j, &parts);
    parts_clear(&parts);
}
