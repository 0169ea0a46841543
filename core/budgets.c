/*
 * What was spent, set against the budgets.
 *
 * Spending is `billed`: every request once, at the prices in force. For each scope that a budget asks for,
 * one tally over the sessions tells what each team, project, session or agent spent; all budgets of that
 * scope read from it. The result is kept until the data, a price or the configuration changes, or time runs
 * out of a window: a day or a block ends without anybody writing anything.
 *
 * A session's spending includes that of the sub-agents that it started: they are its doing.
 */
#include "budgets.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"

enum { PARENTS_MAX = 32, AWAIT_TRIES = 8, HORIZON_FIRST_HOURS = 24, HORIZON_LAST_HOURS = 24 * 64 };

/* --- tallies --- */

struct tally_row {
    char of[OKS_NAME_MAX + 1];
    budget_amount cost, tokens;
    bool lower_bound, cost_lower_bound;
};

struct tally {
    bool made;
    void *by_name; /* tsearch tree of tally_row */
    size_t n;
    struct budget_window window;
};

struct evaluation {
    struct oks_engine *e;
    int64_t now_ms;
    bool wanting; /* dropped rows are needed first */
    int rc;
    struct tally tallies[BUDGET_SCOPES];
    /* of the tally that is being made */
    struct tally *tally;
    enum budget_scope scope;
    struct measure_window span;
};

static int by_of(const void *a, const void *b)
{
    return strcmp(((const struct tally_row *)a)->of, ((const struct tally_row *)b)->of);
}

static void tally_add(struct evaluation *ev, const char *of, const struct billed_bag *bag)
{
    struct tally_row key, *row, **found;
    struct billed_sum sum;

    billed_bag_total(bag, &sum);
    snprintf(key.of, sizeof(key.of), "%s", of);
    found = tfind(&key, &ev->tally->by_name, by_of);
    row = found ? *found : calloc(1, sizeof(*row));
    if (row && !found) {
        memcpy(row->of, key.of, sizeof(row->of));
        if (!tsearch(row, &ev->tally->by_name, by_of)) {
            free(row);
            row = NULL;
        }
        ev->tally->n += row != NULL;
    }
    if (!row) {
        ev->rc = -ENOMEM;
        return;
    }
    row->cost += sum.cost;
    row->tokens += sum.input + sum.output + sum.cache_5m + sum.cache_1h;
    row->lower_bound |= sum.unsettled > 0 || sum.second_hand > 0;
    row->cost_lower_bound |= billed_is_lower_bound(&sum);
}

/* What the session spent in the span goes to `of`. */
static void add_session(struct evaluation *ev, const char *of, const struct session *s)
{
    struct billed_bag bag = {0};
    int rc = billing_session(ev->e, s, &ev->span, &bag);

    if (rc == 0)
        tally_add(ev, of, &bag);
    else
        ev->rc = rc;
    billed_bag_clear(&bag);
}

/* The session that started it all. */
static const struct session *root_of(struct oks_engine *e, const struct session *s)
{
    for (int i = 0; i < PARENTS_MAX && *s->parent; i++) {
        const struct session *parent = registry_session(e, s->parent);

        if (!parent)
            break;
        s = parent;
    }
    return s;
}

static void visit_session(const void *node, VISIT visit, void *ctx)
{
    const struct session *s = *(struct session *const *)node;
    struct evaluation *ev = ctx;
    char of[OKS_NAME_MAX + 1] = "";

    if (visit != postorder && visit != leaf)
        return;
    if (ev->scope == BUDGET_SESSION) {
        add_session(ev, root_of(ev->e, s)->name, s);
    } else if (ev->scope == BUDGET_AGENT_DAY) {
        const char *agent = session_agent_name(s);

        if (agent && oks_name_escape(oks_slice_of(agent), of) > 0)
            add_session(ev, of, s);
    } else {
        add_session(ev, of, s);
    }
}

static void visit_project(const void *node, VISIT visit, void *ctx)
{
    const struct project *p = *(struct project *const *)node;

    if (visit == postorder || visit == leaf)
        tally_add(ctx, p->name, &p->billed);
}

static void visit_team(const void *node, VISIT visit, void *ctx)
{
    const struct team *team = *(struct team *const *)node;
    struct evaluation *ev = ctx;
    struct session **sessions;

    if ((visit != postorder && visit != leaf) || (ev->scope == BUDGET_RUN && !runs_current(team)))
        return;
    ev->span.since = ev->span.until = OKS_STAMP_NONE;
    if (ev->scope == BUDGET_RUN)
        team_own_window(runs_current(team), &ev->span);
    sessions = team_sessions(ev->e, team, runs_current(team));
    if (!sessions)
        ev->rc = -ENOMEM;
    for (size_t i = 0; sessions && sessions[i]; i++)
        add_session(ev, team->name, sessions[i]);
    free(sessions);
}

/* --- the block that is going on --- */

struct times {
    struct evaluation *ev;
    int64_t horizon_ms;
    int64_t *items;
    size_t n, room;
};

static int add_time(void *ctx, const struct billing_visit *visit)
{
    struct times *times = ctx;
    int64_t micros;
    bool aware;

    if (oks_stamp_is_none(visit->stamp) || visit->sum->requests == 0 ||
        oks_stamp_micros(visit->stamp, &micros, &aware) < 0 || micros / 1000 < times->horizon_ms)
        return 0;
    if (times->n == times->room) {
        size_t room = times->room ? times->room * 2 : 256;
        int64_t *items = reallocarray(times->items, room, sizeof(*items));

        if (!items)
            return -ENOMEM;
        times->items = items;
        times->room = room;
    }
    times->items[times->n++] = micros / 1000;
    return 0;
}

static void visit_times(const void *node, VISIT visit, void *ctx)
{
    const struct session *s = *(struct session *const *)node;
    struct times *times = ctx;
    struct evaluation *ev = times->ev;
    struct transcript *t;

    if ((visit != postorder && visit != leaf) || measure_place(s, &ev->span) == MEASURE_OUTSIDE)
        return;
    LIST_FOREACH(t, &s->transcripts, of_session) {
        if (t->billed.rows == 0 || ev->rc < 0)
            continue;
        if (requests_dropped(t->state.requests))
            measure_want(&ev->span, t);
        else
            ev->rc = billing_each(ev->e, t, add_time, times);
    }
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/*
 * Where a block starts depends on the one before, and so on back to a silence of five hours. Nearly always
 * that is last night, so only as much of the past is looked at as it takes to find one. True: it was found.
 * *next: the first request of a clock that is ahead of ours.
 */
static bool last_block(struct evaluation *ev, int64_t hours, struct block *out, int64_t *next)
{
    struct times times = {.ev = ev, .horizon_ms = ev->now_ms - hours * INT64_C(3600000)};
    char since[OKS_STAMP_TEXT];
    int64_t before = times.horizon_ms;
    size_t i = 0;
    bool found;

    oks_time_text(times.horizon_ms, since);
    ev->span.since = oks_stamp_of(oks_slice_of(since));
    ev->span.until = OKS_STAMP_NONE;
    twalk_r(ev->e->sessions, visit_times, &times);
    if (times.n)
        qsort(times.items, times.n, sizeof(*times.items), by_time);
    while (i < times.n && times.items[i] - before <= BLOCK_MS)
        before = times.items[i++];
    found = i < times.n || ev->now_ms - before > BLOCK_MS || hours >= HORIZON_LAST_HOURS;
    *out = (struct block){0};
    for (i = i < times.n ? i : 0; found && i < times.n && times.items[i] <= ev->now_ms; i++)
        block_add(out, times.items[i]);
    *next = found && i < times.n ? times.items[i] : INT64_MAX;
    free(times.items);
    return found || ev->rc < 0 || ev->wanting;
}

static void find_block(struct evaluation *ev, struct budget_window *out)
{
    struct block block;
    int64_t next;

    for (int64_t hours = HORIZON_FIRST_HOURS; !last_block(ev, hours, &block, &next); hours *= 2)
        ;
    budget_window_block(&block, ev->now_ms, out);
    out->changes_ms = next < out->changes_ms ? next : out->changes_ms;
}

/* --- making a tally --- */

static const struct oks_zone *zone_of(const struct oks_engine *e)
{
    const struct config *config = settings_config(e);

    return config->zone_name ? config->zone : e->zone;
}

static void set_window(struct evaluation *ev, struct tally *tally)
{
    budget_window_open(&tally->window);
    if (ev->scope == BUDGET_DAY || ev->scope == BUDGET_AGENT_DAY)
        budget_window_day(zone_of(ev->e), ev->now_ms, &tally->window);
    else if (ev->scope == BUDGET_BLOCK)
        find_block(ev, &tally->window);
    ev->span.since = oks_stamp_of(oks_slice_of(tally->window.from));
    ev->span.until = oks_stamp_of(oks_slice_of(tally->window.until));
}

static struct tally *tally_of(struct evaluation *ev, enum budget_scope scope)
{
    struct tally *tally = &ev->tallies[scope];
    struct oks_engine *e = ev->e;

    if (tally->made)
        return tally;
    tally->made = true;
    ev->tally = tally;
    ev->scope = scope;
    ev->span = (struct measure_window){.wanting = &ev->wanting, .engine = e};
    set_window(ev, tally);
    if (tally->window.empty)
        return tally;
    if (scope == BUDGET_TOTAL)
        tally_add(ev, "", &e->billing.all);
    else if (scope == BUDGET_PROJECT)
        twalk_r(e->projects, visit_project, ev);
    else if (scope == BUDGET_TEAM || scope == BUDGET_RUN)
        twalk_r(e->teams, visit_team, ev);
    else
        twalk_r(e->sessions, visit_session, ev);
    return tally;
}

/* --- results --- */

/* The name under which a budget's own target is in the tally. */
static void target_name(struct oks_engine *e, const struct budget *b, char out[OKS_NAME_MAX + 1])
{
    const struct team *team;

    if (oks_name_escape(oks_slice_of(b->of), out) == 0)
        return;
    team = b->scope == BUDGET_TEAM || b->scope == BUDGET_RUN ? registry_team(e, out) : NULL;
    if (team)
        memcpy(out, team->name, sizeof(team->name));
}

struct gathering {
    struct budget_result *result;
    const char *only; /* NULL: all */
    size_t room;
};

static void gather(const void *node, VISIT visit, void *ctx)
{
    const struct tally_row *row = *(struct tally_row *const *)node;
    struct gathering *g = ctx;
    const struct budget *b = g->result->budget;
    struct budget_row *to;

    if ((visit != postorder && visit != leaf) || (g->only && strcmp(g->only, row->of) != 0) ||
        g->result->n_rows == g->room)
        return;
    to = &g->result->rows[g->result->n_rows++];
    memcpy(to->of, row->of, sizeof(to->of));
    to->spent = b->in_usd ? row->cost : row->tokens;
    to->lower_bound = b->in_usd ? row->cost_lower_bound : row->lower_bound;
    to->state = budget_state_of(b, to->spent);
}

static int by_spent_falling(const void *a, const void *b)
{
    const struct budget_row *x = a, *y = b;

    if (x->spent != y->spent)
        return x->spent < y->spent ? 1 : -1;
    return strcmp(x->of, y->of);
}

static int result_make(struct evaluation *ev, const struct budget *b, struct budget_result *out)
{
    struct tally *tally = tally_of(ev, b->scope);
    struct budget_result result = {.budget = b, .window = tally->window};
    char only[OKS_NAME_MAX + 1] = "";
    struct gathering g = {&result, b->of ? only : NULL, tally->n};

    if (b->of)
        target_name(ev->e, b, only);
    result.rows = calloc(tally->n + 1, sizeof(*result.rows));
    if (!result.rows)
        return -ENOMEM;
    twalk_r(tally->by_name, gather, &g);
    if (result.n_rows == 0) { /* nothing was spent yet */
        memcpy(result.rows[0].of, only, sizeof(only));
        result.rows[0].state = budget_state_of(b, 0);
        result.n_rows = 1;
    }
    qsort(result.rows, result.n_rows, sizeof(*result.rows), by_spent_falling);
    *out = result;
    return 0;
}

static void results_free(struct budget_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(results[i].rows);
    free(results);
}

void budgets_forget(struct oks_engine *e)
{
    results_free(e->budgets.results, e->budgets.n);
    e->budgets = (struct budgets){0};
}

/* Until when the windows that were used are the same. */
static int64_t next_change(const struct evaluation *ev)
{
    int64_t next = INT64_MAX;

    for (int i = 0; i < BUDGET_SCOPES; i++)
        if (ev->tallies[i].made && ev->tallies[i].window.changes_ms < next)
            next = ev->tallies[i].window.changes_ms;
    return next;
}

/* One try; ev->wanting: the results are void. */
static int evaluate(struct evaluation *ev)
{
    struct oks_engine *e = ev->e;
    const struct config *config = settings_config(e);
    struct budgets made = {.version = e->version, .from_ms = ev->now_ms};
    int rc = 0;

    made.results = calloc(config->n_budgets + 1, sizeof(*made.results));
    if (!made.results)
        return -ENOMEM;
    for (size_t i = 0; i < config->n_budgets && rc == 0; i++) {
        rc = result_make(ev, &config->budgets[i], &made.results[i]);
        made.n += rc == 0;
    }
    rc = rc < 0 ? rc : ev->rc;
    made.changes_ms = next_change(ev);
    for (int i = 0; i < BUDGET_SCOPES; i++)
        tdestroy(ev->tallies[i].by_name, free);
    if (rc < 0 || ev->wanting) {
        results_free(made.results, made.n);
        return rc;
    }
    budgets_forget(e);
    e->budgets = made;
    atomic_store(&e->budgets_change_ms, made.changes_ms);
    return 0;
}

static bool is_current(const struct oks_engine *e, int64_t now_ms)
{
    const struct budgets *b = &e->budgets;

    return b->results && b->version == e->version && now_ms >= b->from_ms && now_ms < b->changes_ms;
}

int budgets_evaluate(struct oks_engine *e, int64_t now_ms)
{
    bool pinned = false;
    int rc = 0;

    for (int tries = 0; !is_current(e, now_ms); tries++) {
        struct evaluation ev = {.e = e, .now_ms = now_ms};

        rc = evaluate(&ev);
        if (rc < 0 || !ev.wanting)
            break;
        rc = -EIO; /* a transcript that can no longer be read */
        if (tries == AWAIT_TRIES)
            break;
        e->pins += !pinned;
        pinned = true;
        rc = engine_await(e);
        if (rc < 0)
            break;
    }
    e->pins -= pinned;
    if (pinned)
        residence_trim(e);
    return rc;
}

const struct budget_result *budgets_find(const struct oks_engine *e, const char *name)
{
    for (size_t i = 0; i < e->budgets.n; i++)
        if (strcmp(e->budgets.results[i].budget->name, name) == 0)
            return &e->budgets.results[i];
    return NULL;
}

/* --- for the mount --- */

bool oks_engine_clock(struct oks_engine *e, int64_t now_ms)
{
    bool passed;

    atomic_store(&e->now_ms, now_ms);
    if (now_ms < atomic_load(&e->budgets_change_ms))
        return false;
    pthread_mutex_lock(&e->lock);
    passed = now_ms >= atomic_load(&e->budgets_change_ms);
    if (passed) {
        atomic_store(&e->budgets_change_ms, INT64_MAX);
        e->version = engine_tick(e);
    }
    pthread_mutex_unlock(&e->lock);
    return passed;
}

int64_t oks_engine_next_change(struct oks_engine *e)
{
    return atomic_load(&e->budgets_change_ms);
}

int oks_engine_budgets(struct oks_engine *e, bool exceeded, int (*fn)(void *ctx, const char *name), void *ctx)
{
    int rc;

    pthread_mutex_lock(&e->lock);
    rc = budgets_evaluate(e, atomic_load(&e->now_ms));
    for (size_t i = 0; rc == 0 && i < e->budgets.n; i++)
        if (!exceeded || e->budgets.results[i].rows[0].state == BUDGET_EXCEEDED)
            rc = fn(ctx, e->budgets.results[i].budget->name);
    pthread_mutex_unlock(&e->lock);
    return rc;
}
