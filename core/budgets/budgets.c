/*
 * The evaluation of all budgets, cached until its inputs change.
 *
 * Spending is `billed`: every request once, at the prices in force. For each scope in use, one tally
 * (budgets_tally.c) has what each team, project, session or agent spent; all budgets of that scope use it.
 * The result is valid until the data, a price or the configuration changes, or until a window of time ends: a
 * day or a block ends without any write.
 */
#include "budgets/budgets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
#include "base/versions.h"
#include "budgets/budgets_tally.h"

/* --- results --- */

/* The key in the tally of a budget's target. */
static void target_name(struct catalog *c, const struct budget *b, char out[OKS_NAME_MAX + 1])
{
    const struct team *team;

    if (oks_name_escape(oks_slice_of(b->of), out) == 0)
        return;
    team = b->scope == BUDGET_TEAM || b->scope == BUDGET_RUN ? catalog_team(c, out) : NULL;
    if (team)
        memcpy(out, team->name, sizeof(team->name));
}

struct agent_search {
    const char *name;
    bool found;
};

static void match_agent(void *ctx, void *item)
{
    struct agent_search *search = ctx;
    const char *label = session_label(item);

    search->found |= label && strcmp(label, search->name) == 0;
}

bool budgets_has_target(struct model *model, const struct budget *b)
{
    struct agent_search agent = {.name = b->of};
    char name[OKS_NAME_MAX + 1];

    if (!b->of)
        return true;
    target_name(&model->catalog, b, name);
    switch (b->scope) {
    case BUDGET_SESSION:
        return catalog_session(&model->catalog, name);
    case BUDGET_PROJECT:
        return catalog_project(&model->catalog, name);
    case BUDGET_TEAM:
    case BUDGET_RUN:
        return catalog_team(&model->catalog, name);
    case BUDGET_AGENT_DAY:
        oks_tree_each(model->catalog.sessions, match_agent, &agent);
        return agent.found;
    default:
        return true;
    }
}

static budget_amount spent_of(const struct budget *b, const struct tally_row *row)
{
    return b->in_usd ? row->cost : row->tokens;
}

static enum budget_state state_of(const struct budget *b, const struct tally_row *row)
{
    return budget_state_of(b, spent_of(b, row), b->in_usd ? row->missing : 0);
}

/* Exceeded ones first, then unknown ones. Where the state is known, spending alone orders the rows. */
static bool is_worse(const struct budget *b, const struct tally_row *row, const struct tally_row *than)
{
    budget_amount x = spent_of(b, row), y = spent_of(b, than);
    enum budget_state state = state_of(b, row), other = state_of(b, than);

    if (state != other && (state >= BUDGET_UNKNOWN || other >= BUDGET_UNKNOWN))
        return state > other;
    return x != y ? x > y : strcmp(row->of, than->of) < 0;
}

/* Inserts the row into the sorted list of the highest so far; returns their new number. */
static size_t keep_worst(const struct budget *b, const struct tally_row **worst, size_t n,
                         const struct tally_row *row)
{
    size_t at = n;

    while (at > 0 && is_worse(b, row, worst[at - 1]))
        at--;
    if (at == BUDGET_ROWS_MAX)
        return n;
    n += n < BUDGET_ROWS_MAX;
    memmove(&worst[at + 1], &worst[at], (n - 1 - at) * sizeof(*worst));
    worst[at] = row;
    return n;
}

/* The worst row, and all others that are not ok, up to a bound. */
static size_t worst_rows(const struct budget *b, const struct tally *tally, const char *only,
                         const struct tally_row *worst[BUDGET_ROWS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < tally->n; i++) {
        const struct tally_row *row = &tally->rows[i];

        if (only && strcmp(only, row->of) != 0)
            continue;
        if (n > 0 && state_of(b, row) == BUDGET_OK && !is_worse(b, row, worst[0]))
            continue;
        if (n > 0 && state_of(b, worst[0]) == BUDGET_OK)
            n = 0;
        n = keep_worst(b, worst, n, row);
    }
    return n;
}

static void set_row(struct budget_row *to, const struct budget *b, const struct tally_row *from)
{
    snprintf(to->of, sizeof(to->of), "%s", from->of);
    to->spent = spent_of(b, from);
    to->lower_bound = b->in_usd ? from->cost_lower_bound : from->lower_bound;
    to->state = state_of(b, from);
    if (b->in_usd && from->unpriced)
        to->unpriced = *from->unpriced;
}

static int result_make(struct evaluation *ev, const struct budget *b, struct budget_result *out)
{
    struct tally *tally = budgets_tally(ev, b->scope);
    struct budget_result result = {.budget = b, .window = tally->window};
    const struct tally_row *worst[BUDGET_ROWS_MAX], nothing = {.of = ""};
    char only[OKS_NAME_MAX + 1] = "";

    if (b->of)
        target_name(&ev->model->catalog, b, only);
    result.n_rows = worst_rows(b, tally, b->of ? only : NULL, worst);
    result.rows = calloc(result.n_rows + 1, sizeof(*result.rows));
    if (!result.rows)
        return -ENOMEM;
    for (size_t i = 0; i < result.n_rows; i++)
        set_row(&result.rows[i], b, worst[i]);
    if (result.n_rows == 0) { /* nothing spent yet */
        set_row(&result.rows[result.n_rows++], b, &nothing);
        memcpy(result.rows[0].of, only, sizeof(only));
    }
    *out = result;
    return 0;
}

static void results_free(struct budget_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(results[i].rows);
    free(results);
}

void budgets_forget(struct budgets *b)
{
    results_free(b->results, b->n);
    b->results = NULL;
    b->n = 0;
}

/* The time until which the windows in use stay the same. */
static int64_t next_change(const struct evaluation *ev)
{
    int64_t next = INT64_MAX;

    for (int i = 0; i < BUDGET_SCOPES; i++)
        if (ev->tallies[i].made && ev->tallies[i].window.changes_ms < next)
            next = ev->tallies[i].window.changes_ms;
    return next;
}

static int evaluate(struct budgets *b, struct evaluation *ev)
{
    const struct config *config = settings_config(b->model->settings);
    struct budget_result *results = calloc(config->n_budgets + 1, sizeof(*results));
    size_t n = 0;
    int rc = 0;

    if (!results)
        return -ENOMEM;
    for (size_t i = 0; i < config->n_budgets && rc == 0; i++) {
        rc = result_make(ev, &config->budgets[i], &results[i]);
        n += rc == 0;
    }
    rc = rc < 0 ? rc : ev->rc;
    for (int i = 0; i < BUDGET_SCOPES; i++)
        budgets_tally_clear(&ev->tallies[i]);
    if (rc < 0) {
        results_free(results, n);
        return rc;
    }
    budgets_forget(b);
    b->results = results;
    b->n = n;
    b->version = b->model->versions.all;
    b->from_ms = ev->now_ms;
    b->change_ms = next_change(ev);
    atomic_store(&b->next_change_ms, b->change_ms);
    return 0;
}

static bool is_current(const struct budgets *b, int64_t now_ms)
{
    return b->results && b->version == b->model->versions.all && now_ms >= b->from_ms &&
           now_ms < b->change_ms;
}

/*
 * The clock may have been set to a later time since the caller read it. One version must not be shown at two
 * times: the later one counts. oks_engine_clock() makes a new version when the time comes, unless an
 * evaluation in another thread comes between its store and its lock: then it is made here.
 */
int budgets_evaluate(struct budgets *b, int64_t now_ms)
{
    int64_t set = atomic_load(&b->now_ms);
    struct evaluation ev = {.model = b->model, .now_ms = set > now_ms ? set : now_ms};

    if (is_current(b, ev.now_ms))
        return 0;
    if (b->results && b->version == b->model->versions.all && ev.now_ms >= b->change_ms)
        version_next(&b->model->versions);
    return evaluate(b, &ev);
}

const struct budget_result *budgets_find(const struct budgets *b, const char *name)
{
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->results[i].budget->name, name) == 0)
            return &b->results[i];
    return NULL;
}
