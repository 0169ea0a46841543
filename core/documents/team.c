/*
 * The team document: what a run's lead and each of its workers used.
 *
 * With a team-state file the run's own window and workers are shown. Without one the same document comes from
 * the team's sessions, grouped by agent; a roster also names workers of which there is no session (yet). The
 * thirteen keys at the top are those of all the team's sessions in the window; usageSummary counts lead and
 * workers, so the two differ by what `others` lists.
 *
 * Invariant: each session is counted in exactly one of lead, one worker, or others.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "documents/usage.h"
#include "teams/members.h"

/* --- measuring --- */

struct part {
    struct session *session;
    char member[OKS_NAME_MAX + 1]; /* made once: everybody's is compared with everybody's */
    struct measure measure;
    struct billed_bag billed;
    bool taken;
};

struct parts {
    struct oks_engine *e;
    const struct measure_window *window;
    struct part *items;
    size_t len;
    struct billed_bag chosen; /* of the usage that was made last */
    unsigned __int128 cost;   /* of the lead and the workers */
};

/* A session of another run: nothing of it lies in this window. */
static bool outside(const struct measure *m, const struct measure_window *w)
{
    bool open = oks_stamp_is_none(w->since) && oks_stamp_is_none(w->until);

    return !open && m->totals.events == 0;
}

/* In the order of their first events; those without any last. */
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
    billed_bag_clear(&parts->chosen);
    free(parts->items);
}

static int parts_make(struct oks_engine *e, const struct team *team, const struct run *run,
                      const struct measure_window *w, struct parts *parts)
{
    struct session **sessions = team_sessions(e, team, run);
    size_t n = 0;
    int rc = 0;

    if (!sessions)
        return -ENOMEM;
    while (sessions[n])
        n++;
    *parts = (struct parts){.e = e, .window = w, .items = calloc(n + 1, sizeof(*parts->items))};
    for (size_t i = 0; parts->items && rc == 0 && i < n; i++) {
        struct part *p = &parts->items[parts->len];

        p->session = sessions[i];
        measure_session(sessions[i], w, &p->measure);
        if (outside(&p->measure, w))
            continue;
        session_member(run, sessions[i], p->member);
        rc = billed_session_window(e->billing, sessions[i], w, &p->billed);
        parts->len++;
    }
    free(sessions);
    if (!parts->items || rc < 0) {
        parts_clear(parts);
        return -ENOMEM;
    }
    qsort(parts->items, parts->len, sizeof(*parts->items), by_start);
    return 0;
}

static void sum_all(const struct parts *parts, struct measure *sum)
{
    measure_start(sum);
    for (size_t i = 0; i < parts->len; i++)
        measure_add(sum, &parts->items[i].measure);
}

/* Adds what the session has in the window. 0 or -ENOMEM */
static int add_in_window(struct oks_engine *e, const struct session *s, const struct measure_window *w,
                         struct measure *out, struct billed_bag *bag)
{
    struct measure part;

    measure_session(s, w, &part);
    if (outside(&part, w))
        return 0;
    measure_add(out, &part);
    return bag ? billed_session_window(e->billing, s, w, bag) : 0;
}

int team_measure(struct oks_engine *e, const struct team *team, const struct run *run,
                 const struct measure_window *w, struct measure *out, struct billed_bag *bag)
{
    struct session **sessions = team_sessions(e, team, run);
    int rc = 0;

    if (!sessions)
        return -ENOMEM;
    measure_start(out);
    for (size_t i = 0; rc == 0 && sessions[i]; i++)
        rc = add_in_window(e, sessions[i], w, out, bag);
    free(sessions);
    return rc;
}

int member_measure(struct oks_engine *e, const struct team *team, const char *member,
                   const struct measure_window *w, struct measure *out, struct billed_bag *bag)
{
    const struct run *run = runs_current(team);
    struct session **sessions = team_sessions(e, team, run);
    bool found = false;
    int rc = 0;

    if (!sessions)
        return -ENOMEM;
    measure_start(out);
    for (size_t i = 0; rc == 0 && sessions[i]; i++) {
        char name[OKS_NAME_MAX + 1];

        session_member(run, sessions[i], name);
        if (strcmp(name, member) != 0)
            continue;
        found = true;
        rc = add_in_window(e, sessions[i], w, out, bag);
    }
    free(sessions);
    return rc == 0 && !found ? -ENOENT : rc;
}

/* --- rendering --- */

typedef bool (*chooser)(const struct part *part, const void *ctx);

static bool put_ids(json_object *o, const struct parts *parts, chooser chosen, const void *ctx)
{
    json_object *more = json_object_new_array();
    bool first = true, ok = more != NULL;

    for (size_t i = 0; ok && i < parts->len; i++) {
        struct part *p = &parts->items[i];

        if (p->taken || !chosen(p, ctx))
            continue;
        if (first) {
            ok = put_text(o, "sessionId", p->session->id);
        } else {
            json_object *id = text_object(p->session->id);

            ok = id && json_object_array_add(more, id) == 0;
        }
        p->taken = true;
        first = false;
    }
    if (ok)
        return put(o, "additionalSessionIds", more);
    json_object_put(more);
    return false;
}

/* Of the earliest session. */
static bool put_source(json_object *o, const struct parts *parts, chooser chosen, const void *ctx)
{
    for (size_t i = 0; i < parts->len; i++)
        if (!parts->items[i].taken && chosen(&parts->items[i], ctx))
            return put_text(o, "source", session_source(parts->items[i].session)->name);
    return false;
}

enum { LEAD_LEVEL = 1, OTHERS_LEVEL = 2, WORKERS_LEVEL = 3 }; /* containers around a usage */

static json_object *usage_made(struct parts *parts, chooser chosen, const void *ctx,
                               const struct measure *sum)
{
    json_object *o = json_object_new_object();

    if (o && put_measure(o, sum) && put_source(o, parts, chosen, ctx) && put_ids(o, parts, chosen, ctx) &&
        put_billed(o, &parts->chosen))
        return o;
    json_object_put(o);
    return NULL;
}

static json_object *usage_of_none(void)
{
    json_object *o = json_object_new_object();

    if (o && put_text(o, "source", "unavailable"))
        return o;
    json_object_put(o);
    return NULL;
}

/* The older text goes: whoever looks at a run and at a window of it in turn finds both. */
static void make_room(struct session *s)
{
    free(s->usage[1].text);
    s->usage[1] = s->usage[0];
    s->usage[0] = (struct remembered){0};
}

/*
 * The usage of those that `chosen` picks, and marks them as taken; without any: {"source": "unavailable"}.
 * That of a single session is remembered with it. NULL on ENOMEM.
 */
static json_object *usage_of(struct parts *parts, int level, chooser chosen, const void *ctx,
                             struct measure *sum)
{
    struct part *one = NULL;
    uint64_t version;
    size_t n = 0;

    measure_start(sum);
    billed_bag_clear(&parts->chosen);
    for (size_t i = 0; i < parts->len; i++)
        if (!parts->items[i].taken && chosen(&parts->items[i], ctx)) {
            one = &parts->items[i];
            n++;
            measure_add(sum, &one->measure);
            if (billed_bag_add(&parts->chosen, &one->billed) < 0)
                return NULL;
        }
    if (sum->sessions == 0)
        return usage_of_none();
    if (n != 1)
        return usage_made(parts, chosen, ctx, sum);
    version = priced_version(parts->e, one->session->version);
    for (int i = 0; i < 2; i++)
        if (remembered_is(&one->session->usage[i], version, parts->window, level)) {
            one->taken = true;
            return remembered_part(&one->session->usage[i]);
        }
    make_room(one->session);
    return remembered_keep(&one->session->usage[0], usage_made(parts, chosen, ctx, sum), version,
                           parts->window, level);
}

struct worker_of {
    const struct run *run;
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

static bool part_is_member(const struct part *part, const void *ctx)
{
    return strcmp(part->member, ctx) == 0;
}

static bool any_part(const struct part *part, const void *ctx)
{
    return part == ctx;
}

/* Appends {"workerId", "agent", "model", "usage"} and adds the tokens to *total. */
static bool add_worker(json_object *workers, const char *id, const char *agent, const char *model,
                       json_object *usage, const struct measure *sum, uint64_t *total)
{
    json_object *o = json_object_new_object();

    if (!o || !usage || !put_text(o, "workerId", id) || !put_text(o, "agent", agent) ||
        !put_text(o, "model", model)) {
        json_object_put(o);
        json_object_put(usage);
        return false;
    }
    if (!put(o, "usage", usage) || json_object_array_add(workers, o) < 0) {
        json_object_put(o);
        return false;
    }
    *total = oks_tokens_add(*total, oks_totals_tokens(&sum->totals));
    return true;
}

/* The usage that was made last is the lead's or a worker's. */
static void add_cost(struct parts *parts)
{
    struct billed_sum sum;

    billed_bag_total(&parts->chosen, &sum);
    parts->cost += sum.cost;
}

static bool add_run_workers(json_object *workers, const struct run *run, struct parts *parts, uint64_t *total)
{
    for (size_t i = 0; i < run->state.n_workers; i++) {
        const struct run_worker *w = &run->state.workers[i];
        const struct worker_of of = {run, w};
        struct measure sum;
        json_object *usage = usage_of(parts, WORKERS_LEVEL, part_is_worker, &of, &sum);

        if (!add_worker(workers, w->worker_id, w->agent, w->model, usage, &sum, total))
            return false;
        add_cost(parts);
    }
    return true;
}

/* One worker for each agent that is left, in the order of their first events. */
static bool add_grouped_workers(json_object *workers, struct parts *parts, uint64_t *total)
{
    for (size_t i = 0; i < parts->len; i++) {
        const char *name = parts->items[i].member;
        char id[OKS_NAME_MAX + 1];
        struct measure sum;
        json_object *usage;

        if (parts->items[i].taken)
            continue;
        snprintf(id, sizeof(id), "%s", name);
        if (source_ends_with(id, "-worker"))
            id[strlen(id) - strlen("-worker")] = '\0';
        usage = usage_of(parts, WORKERS_LEVEL, part_is_member, name, &sum);
        if (!add_worker(workers, id, name, sum.model, usage, &sum, total))
            return false;
        add_cost(parts);
    }
    return true;
}

static bool add_others(json_object *others, struct parts *parts)
{
    for (size_t i = 0; i < parts->len; i++) {
        struct measure sum;
        json_object *usage;

        if (parts->items[i].taken)
            continue;
        usage = usage_of(parts, OTHERS_LEVEL, any_part, &parts->items[i], &sum);
        if (!usage || json_object_array_add(others, usage) < 0) {
            json_object_put(usage);
            return false;
        }
    }
    return true;
}

/* The lead of a team that no file tells of: who calls itself so, or has no agent name. */
static json_object *grouped_lead(struct parts *parts, struct measure *sum)
{
    static const char *const names[] = {"lead", "team-lead"};

    for (size_t i = 0; i < 2; i++) {
        json_object *o = usage_of(parts, LEAD_LEVEL, part_is_member, names[i], sum);

        if (!o || sum->sessions || i == 1)
            return o;
        json_object_put(o);
    }
    return NULL;
}

/* A roster may name a lead whose transcript is nowhere. */
static json_object *lead_usage(const struct run *run, struct parts *parts, struct measure *sum)
{
    json_object *o = run ? usage_of(parts, LEAD_LEVEL, part_is_lead, run, sum) : NULL;

    if (run && (!run->roster || !o || sum->sessions))
        return o;
    json_object_put(o);
    return grouped_lead(parts, sum);
}

static bool put_summary(json_object *o, uint64_t lead, uint64_t workers, unsigned __int128 cost,
                        int64_t mtime_ns)
{
    json_object *summary = json_object_new_object();
    char at[OKS_STAMP_TEXT];

    oks_time_text(mtime_ns / 1000000, at);
    if (put_count(summary, "leadTotalTokens", lead) && put_count(summary, "workerTotalTokens", workers) &&
        put_count(summary, "totalTokens", oks_tokens_add(lead, workers)) &&
        put_cost(summary, "costUSD", cost) && put_text(summary, "collectedAt", mtime_ns ? at : NULL))
        return put(o, "usageSummary", summary);
    json_object_put(summary);
    return false;
}

static bool put_people(json_object *o, const struct run *run, struct parts *parts, int64_t mtime_ns)
{
    json_object *workers = json_object_new_array(), *others = json_object_new_array();
    uint64_t total = 0;
    struct measure lead;
    json_object *usage = lead_usage(run, parts, &lead);
    bool ok = workers && others && usage;

    add_cost(parts);
    if (ok && run)
        ok = add_run_workers(workers, run, parts, &total);
    if (ok && (!run || run->roster))
        ok = add_grouped_workers(workers, parts, &total);
    ok = ok && add_others(others, parts);
    if (!ok) {
        json_object_put(workers);
        json_object_put(others);
        json_object_put(usage);
        return false;
    }
    ok = put(o, "leadUsage", usage);
    ok &= put(o, "workers", workers);
    ok &= put(o, "others", others);
    return ok && put_summary(o, oks_totals_tokens(&lead.totals), total, parts->cost, mtime_ns);
}

static bool put_all_billed(json_object *o, const struct parts *parts)
{
    struct billed_bag all = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < parts->len; i++)
        ok = billed_bag_add(&all, &parts->items[i].billed) == 0;
    ok = ok && put_billed(o, &all);
    billed_bag_clear(&all);
    return ok;
}

json_object *team_document(struct oks_engine *e, struct team *team, const struct run *run,
                           const struct measure_window *w, int64_t *mtime_ns)
{
    char name[OKS_NAME_MAX + 1];
    json_object *o = json_object_new_object();
    struct measure all;
    struct parts parts;
    bool ok;

    if (!o || parts_make(e, team, run, w, &parts) < 0) {
        json_object_put(o);
        return NULL;
    }
    if (run && !run->roster)
        runs_name(team, run, name);
    sum_all(&parts, &all);
    *mtime_ns = run && run->state.mtime_ns > all.mtime_ns ? run->state.mtime_ns : all.mtime_ns;
    ok = put_measure(o, &all) && put_text(o, "team", team->name) &&
         put_text(o, "taskKey", run ? run->state.task_key : NULL) &&
         put_text(o, "run", run && !run->roster ? name : NULL) && put_measure_window(o, w) &&
         put_people(o, run, &parts, all.mtime_ns) && put_all_billed(o, &parts);
    parts_clear(&parts);
    if (ok)
        return o;
    json_object_put(o);
    return NULL;
}
