/*
 * Tallies: what each session, project, team, run or agent spent, in the window of a scope.
 *
 * One walk over the sessions makes a tally. The walk is in the order of names, so rows are appended. A
 * session's spending includes that of the sub-agents that it started.
 */
#include "budgets/budgets_tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/tree.h"
#include "okstrafs/window.h"
#include "sums/billed_session.h"
#include "teams/members.h"

enum { PARENTS_MAX = 32, HORIZON_FIRST_HOURS = 24, HORIZON_LAST_HOURS = 24 * 64 };

/* The index of the name, or where to insert it. Names nearly always come in ascending order: at the end. */
static size_t tally_place(const struct tally *tally, const char *of)
{
    size_t low = 0, high = tally->n;

    if (high > 0 && strcmp(tally->rows[high - 1].of, of) < 0)
        return high;
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(tally->rows[mid].of, of) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct tally_row *tally_row(struct tally *tally, const char *of)
{
    size_t at = tally_place(tally, of);

    if (at < tally->n && strcmp(tally->rows[at].of, of) == 0)
        return &tally->rows[at];
    if (!OKS_GROW(tally->rows, tally->n, tally->room))
        return NULL;
    memmove(&tally->rows[at + 1], &tally->rows[at], (tally->n - at) * sizeof(*tally->rows));
    tally->rows[at] = (struct tally_row){.of = of};
    tally->n++;
    return &tally->rows[at];
}

/* Keeps the first names of all that are added. */
static void add_model(struct budget_models *models, const char *name)
{
    size_t at = models->n;

    while (at > 0 && strcmp(models->names[at - 1], name) > 0)
        at--;
    if (at == BUDGET_MODELS_MAX || (at > 0 && strcmp(models->names[at - 1], name) == 0))
        return;
    models->n += models->n < BUDGET_MODELS_MAX;
    memmove(&models->names[at + 1], &models->names[at], (models->n - 1 - at) * sizeof(*models->names));
    models->names[at] = name;
}

/* 0 or -ENOMEM */
static int add_unpriced(struct tally_row *row, const struct billed_bag *bag)
{
    for (size_t i = 0; i < bag->len; i++) {
        if (bag->items[i].sum.unpriced == 0)
            continue;
        if (!row->unpriced)
            row->unpriced = calloc(1, sizeof(*row->unpriced));
        if (!row->unpriced)
            return -ENOMEM;
        add_model(row->unpriced, bag->items[i].model);
    }
    return 0;
}

static void tally_add(struct evaluation *ev, const char *of, const struct billed_bag *bag)
{
    struct tally_row *row = bag->len ? tally_row(ev->tally, of) : NULL;
    struct billed_sum sum;

    if (bag->len && (!row || add_unpriced(row, bag) < 0))
        ev->rc = -ENOMEM;
    if (!row)
        return;
    billed_bag_total(bag, &sum);
    row->cost += sum.cost;
    row->missing += sum.missing;
    row->tokens += sum.input + sum.output + sum.cache_5m + sum.cache_1h;
    row->lower_bound |= sum.unsettled > 0 || sum.second_hand > 0;
    row->cost_lower_bound |= billed_is_lower_bound(&sum);
}

/* Adds the session's spending in the span to the row `of`. */
static void add_session(struct evaluation *ev, const char *of, const struct session *s)
{
    struct billed_bag bag = {0};
    bool open = oks_stamp_is_none(ev->span.since) && oks_stamp_is_none(ev->span.until);
    int rc =
        open ? billed_session_add(&bag, s) : billed_session_window(ev->model->billing, s, &ev->span, &bag);

    if (rc == 0)
        tally_add(ev, of, &bag);
    else
        ev->rc = rc;
    billed_bag_clear(&bag);
}

/* The session at the root of the tree of sub-agents. */
static const struct session *root_of(struct catalog *c, const struct session *s)
{
    for (int i = 0; i < PARENTS_MAX && s->parent; i++) {
        const struct session *parent = catalog_session(c, s->parent);

        if (!parent)
            break;
        s = parent;
    }
    return s;
}

/* The first walk adds root sessions, in order; the second adds sub-agents to their rows. */
static void visit_family(struct evaluation *ev, const struct session *s)
{
    const struct session *root = s->parent ? root_of(&ev->model->catalog, s) : s;

    if ((root == s) != ev->second_walk)
        add_session(ev, root->name, s);
}

static void visit_agent(struct evaluation *ev, const struct session *s)
{
    const char *agent = session_label(s);
    char name[OKS_NAME_MAX + 1];

    if (!agent || oks_name_escape(oks_slice_of(agent), name) == 0)
        return;
    agent = oks_intern(&ev->model->names, name);
    if (agent)
        add_session(ev, agent, s);
    else
        ev->rc = -ENOMEM;
}

static void visit_session(void *ctx, void *item)
{
    const struct session *s = item;
    struct evaluation *ev = ctx;

    if (ev->scope == BUDGET_SESSION)
        visit_family(ev, s);
    else if (ev->scope == BUDGET_AGENT_DAY)
        visit_agent(ev, s);
    else
        add_session(ev, "", s);
}

static void visit_project(void *ctx, void *item)
{
    struct project *p = item;
    const struct billed_bag *bag = sums_project_billed(p);
    struct evaluation *ev = ctx;

    if (bag)
        tally_add(ev, p->name, bag);
    else
        ev->rc = -ENOMEM;
}

static void visit_team(void *ctx, void *item)
{
    struct team *team = item;
    const struct team_run *run = runs_current(team);
    struct evaluation *ev = ctx;
    struct session **sessions;

    if (ev->scope == BUDGET_RUN && (!run || run->roster))
        return;
    ev->span.since = ev->span.until = OKS_STAMP_NONE;
    if (ev->scope == BUDGET_RUN)
        runs_window(run, &ev->span.since, &ev->span.until);
    sessions = team_sessions(&ev->model->catalog, team, run);
    if (!sessions)
        ev->rc = -ENOMEM;
    for (size_t i = 0; sessions && sessions[i]; i++)
        add_session(ev, team->name, sessions[i]);
    free(sessions);
}

/* --- the current block --- */

struct request_times {
    struct evaluation *ev;
    int64_t horizon_ms;
    int64_t *items;
    size_t n, room;
};

static int add_time(void *ctx, const struct billing_visit *visit)
{
    struct request_times *times = ctx;
    int64_t micros;
    bool aware;

    if (oks_stamp_is_none(visit->stamp) || !billed_is_used(visit->sum) ||
        oks_stamp_micros(visit->stamp, &micros, &aware) < 0 || micros / 1000 < times->horizon_ms)
        return 0;
    if (!OKS_GROW(times->items, times->n, times->room))
        return -ENOMEM;
    times->items[times->n++] = micros / 1000;
    return 0;
}

static void visit_times(void *ctx, void *item)
{
    const struct session *s = item;
    struct request_times *times = ctx;
    struct evaluation *ev = times->ev;
    struct transcript *t;

    if (measure_overlap(s, &ev->span) == OVERLAP_OUTSIDE && !s->n_remnants)
        return;
    TAILQ_FOREACH(t, &s->transcripts, of_session) {
        if (ev->rc == 0)
            ev->rc = billing_each(ev->model->billing, t->billed, 0, SIZE_MAX, add_time, times);
    }
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/*
 * Finds the last block that begins at or before now. Where a block starts depends on the block before, and so
 * on back to a gap of five hours. That is usually last night, so the search goes back 24 hours, then twice as
 * far, and so on. True: a gap was found. *next: the first request after now, if a clock is ahead of ours.
 */
static bool last_block(struct evaluation *ev, int64_t hours, struct block *out, int64_t *next)
{
    struct request_times times = {.ev = ev, .horizon_ms = ev->now_ms - hours * INT64_C(3600000)};
    char since[OKS_STAMP_TEXT];
    int64_t before = times.horizon_ms;
    size_t i = 0;
    bool silent, found;

    oks_time_text(times.horizon_ms, since);
    ev->span.since = oks_stamp_of(oks_slice_of(since));
    ev->span.until = OKS_STAMP_NONE;
    oks_tree_each(ev->model->catalog.sessions, visit_times, &times);
    if (times.n)
        qsort(times.items, times.n, sizeof(*times.items), by_time);
    while (i < times.n && times.items[i] <= ev->now_ms && times.items[i] - before <= BLOCK_MS)
        before = times.items[i++];
    silent = i < times.n && times.items[i] <= ev->now_ms;
    found = silent || ev->now_ms - before > BLOCK_MS || hours >= HORIZON_LAST_HOURS;
    *out = (struct block){0};
    for (i = silent ? i : 0; found && i < times.n && times.items[i] <= ev->now_ms; i++)
        block_add(out, times.items[i]);
    *next = found && i < times.n ? times.items[i] : INT64_MAX;
    free(times.items);
    return found || ev->rc < 0;
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

static const struct oks_zone *zone_of(const struct model *m)
{
    const struct config *config = settings_config(m->settings);

    return config->zone_name ? config->zone : m->zone;
}

static void set_window(struct evaluation *ev, struct tally *tally)
{
    budget_window_open(&tally->window);
    if (ev->scope == BUDGET_DAY || ev->scope == BUDGET_AGENT_DAY)
        budget_window_day(zone_of(ev->model), ev->now_ms, &tally->window);
    else if (ev->scope == BUDGET_BLOCK)
        find_block(ev, &tally->window);
    ev->span.since = oks_stamp_of(oks_slice_of(tally->window.from));
    ev->span.until = oks_stamp_of(oks_slice_of(tally->window.until));
}

struct tally *budgets_tally(struct evaluation *ev, enum budget_scope scope)
{
    struct tally *tally = &ev->tallies[scope];
    struct model *m = ev->model;

    if (tally->made)
        return tally;
    tally->made = true;
    ev->tally = tally;
    ev->scope = scope;
    set_window(ev, tally);
    if (tally->window.empty)
        return tally;
    if (scope == BUDGET_TOTAL)
        tally_add(ev, "", billing_all(m->billing));
    else if (scope == BUDGET_PROJECT)
        oks_tree_each(m->catalog.projects, visit_project, ev);
    else if (scope == BUDGET_TEAM || scope == BUDGET_RUN)
        oks_tree_each(m->catalog.teams, visit_team, ev);
    else
        oks_tree_each(m->catalog.sessions, visit_session, ev);
    ev->second_walk = true;
    if (scope == BUDGET_SESSION)
        oks_tree_each(m->catalog.sessions, visit_session, ev);
    ev->second_walk = false;
    return tally;
}

void budgets_tally_clear(struct tally *tally)
{
    for (size_t i = 0; i < tally->n; i++)
        free(tally->rows[i].unpriced);
    free(tally->rows);
}
