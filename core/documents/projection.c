/*
 * teams/<name>/projection.json: what a team's earlier runs cost, and what the one that goes on heads for.
 *
 * A run goes on while its team-state file tells no end and no later run has begun. Its rate is what it has
 * cost from its start to its last activity; it heads for that rate over the median duration of earlier runs,
 * and never for less than it has cost. So the document is a function of the data, and of no clock.
 *
 * The median of an even number of runs is the middle between two, rounded down. p90 is the smallest figure
 * that at least nine of ten runs do not pass.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "documents/documents.h"
#include "documents/document.h"
#include "documents/parts.h"
#include "documents/team.h"
#include "teams/members.h"
#include "teams/runs.h"

typedef unsigned __int128 amount;

enum { HOUR_MS = 3600000 };

struct run_figures {
    const struct team_run *run;
    struct measure measure;
    struct billed_sum sum;
    struct oks_stamp since;
    amount cost, tokens, duration_ms; /* to its end, or its last activity */
};

struct figures {
    struct run_figures *items;
    size_t n, room;
};

static amount tokens_of(const struct billed_sum *sum)
{
    return sum->input + sum->output + sum->cache_5m + sum->cache_1h;
}

static int add_run(struct model *model, struct team *team, const struct team_run *run, struct figures *f)
{
    struct billed_bag bag = {0};
    struct measure_window w;
    struct run_figures *figures;
    int rc;

    if (!OKS_GROW(f->items, f->n, f->room))
        return -ENOMEM;
    figures = &f->items[f->n];
    *figures = (struct run_figures){.run = run};
    runs_window(run, &w.since, &w.until);
    rc = team_measure(model, team, run, &w, &figures->measure, &bag);
    if (rc == 0) {
        struct oks_stamp end = oks_stamp_is_none(w.until) ? figures->measure.totals.last : w.until;

        billed_bag_total(&bag, &figures->sum);
        figures->since = oks_stamp_is_none(w.since) ? figures->measure.totals.first : w.since;
        figures->cost = figures->sum.cost;
        figures->tokens = tokens_of(&figures->sum);
        figures->duration_ms = oks_duration_ms(figures->since, end);
        f->n++;
    }
    billed_bag_clear(&bag);
    return rc;
}

static int by_start(const void *a, const void *b)
{
    const struct run_figures *x = a, *y = b;
    bool none_x = oks_stamp_is_none(x->since), none_y = oks_stamp_is_none(y->since);
    int d = none_x || none_y ? none_y - none_x : oks_stamp_cmp(x->since, y->since);

    return d ? d : strcmp(x->run->path, y->run->path);
}

static int add_runs(struct model *model, struct team *team, struct figures *f)
{
    int rc = 0;

    for (const struct team_run *run = runs_current(team); rc == 0 && run; run = LIST_NEXT(run, of_team))
        if (!run->roster && !run->error)
            rc = add_run(model, team, run, f);
    if (rc == 0 && f->n)
        qsort(f->items, f->n, sizeof(*f->items), by_start);
    return rc;
}

/* --- middle and edge --- */

static int by_amount(const void *a, const void *b)
{
    const amount *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static amount median(const amount *sorted, size_t n)
{
    amount low = sorted[(n - 1) / 2], high = sorted[n / 2];

    return low + (high - low) / 2;
}

static amount p90(const amount *sorted, size_t n)
{
    return sorted[(n * 9 + 9) / 10 - 1];
}

enum figure { FIGURE_COST, FIGURE_TOKENS, FIGURE_DURATION };

static amount figure_of(const struct run_figures *run, enum figure figure)
{
    return figure == FIGURE_COST ? run->cost : figure == FIGURE_TOKENS ? run->tokens : run->duration_ms;
}

static uint64_t shown(amount n)
{
    return n > OKS_TOKENS_MAX ? OKS_TOKENS_MAX : (uint64_t)n;
}

static void put_amount(struct json *j, const char *key, enum figure figure, amount n)
{
    if (figure == FIGURE_COST)
        json_put_money(j, key, n);
    else
        json_put_count(j, key, shown(n));
}

/* Returns the median; 0 where there are no runs. */
static amount put_spread(struct json *j, const char *key, enum figure figure, const struct figures *f,
                         size_t n, amount *room)
{
    amount middle;

    if (n == 0) {
        json_put_null(j, key);
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        room[i] = figure_of(&f->items[i], figure);
    qsort(room, n, sizeof(*room), by_amount);
    middle = median(room, n);
    json_open_object(j, key);
    put_amount(j, "median", figure, middle);
    put_amount(j, "p90", figure, p90(room, n));
    json_close_object(j);
    return middle;
}

/* --- the run that goes on --- */

static amount per_hour(amount n, amount elapsed_ms)
{
    return elapsed_ms ? n / elapsed_ms * HOUR_MS + n % elapsed_ms * HOUR_MS / elapsed_ms : 0;
}

static amount heads_for(amount n, amount elapsed_ms, amount median_ms)
{
    amount left = median_ms > elapsed_ms ? median_ms - elapsed_ms : 0;

    return elapsed_ms ? n + n * left / elapsed_ms : n;
}

static void put_running(struct json *j, struct team *team, const struct run_figures *run, amount median_ms)
{
    char name[OKS_NAME_MAX + 1], buf[OKS_STAMP_TEXT];
    amount elapsed = run->duration_ms;

    runs_name(team, run->run, name);
    json_open_object(j, "running");
    json_put_text(j, "run", name);
    if (oks_stamp_is_none(run->since))
        json_put_null(j, "startedAt");
    else
        json_put_slice(j, "startedAt", oks_stamp_text(run->since, buf));
    json_put_count(j, "elapsedMs", shown(elapsed));
    json_put_cost(j, "costUSD", &run->sum);
    json_put_count(j, "totalTokens", shown(run->tokens));
    json_put_bool(j, "lowerBound", billed_is_lower_bound(&run->sum));
    if (elapsed && !billed_cost_is_unknown(&run->sum)) {
        json_open_object(j, "burnRate");
        json_put_money(j, "costUSDPerHour", per_hour(run->cost, elapsed));
        json_put_count(j, "tokensPerHour", shown(per_hour(run->tokens, elapsed)));
        json_close_object(j);
    } else {
        json_put_null(j, "burnRate");
    }
    if (elapsed && median_ms && !billed_cost_is_unknown(&run->sum)) {
        json_open_object(j, "headsFor");
        json_put_money(j, "costUSD", heads_for(run->cost, elapsed, median_ms));
        json_put_count(j, "totalTokens", shown(heads_for(run->tokens, elapsed, median_ms)));
        json_close_object(j);
    } else {
        json_put_null(j, "headsFor");
    }
    json_close_object(j);
}

/* --- the document --- */

static int put_projection(struct json *j, struct team *team, const struct figures *f)
{
    bool runs = f->n && !*f->items[f->n - 1].run->state.until, lower_bound = false;
    size_t earlier = f->n - runs;
    amount *room = calloc(f->n + 1, sizeof(*room)), median_ms;

    if (!room)
        return -ENOMEM;
    for (size_t i = 0; i < earlier; i++)
        lower_bound |= billed_is_lower_bound(&f->items[i].sum);
    json_open_object(j, NULL);
    json_put_text(j, "team", team->name);
    json_open_object(j, "earlierRuns");
    json_put_count(j, "runs", earlier);
    put_spread(j, "costUSD", FIGURE_COST, f, earlier, room);
    put_spread(j, "totalTokens", FIGURE_TOKENS, f, earlier, room);
    median_ms = put_spread(j, "durationMs", FIGURE_DURATION, f, earlier, room);
    json_put_bool(j, "lowerBound", lower_bound);
    json_close_object(j);
    if (runs)
        put_running(j, team, &f->items[f->n - 1], median_ms);
    else
        json_put_null(j, "running");
    json_close_object(j);
    free(room);
    return 0;
}

struct projection {
    struct model *model;
    const struct oks_target *target;
};

static int projection_document(void *ctx, struct json *j, struct oks_document *out)
{
    struct projection *p = ctx;
    struct team *team = catalog_team(&p->model->catalog, p->target->name);
    struct figures f = {0};
    int rc;

    out->version = document_version(p->model, p->target);
    if (!team || !out->version)
        return -ENOENT;
    rc = add_runs(p->model, team, &f);
    for (size_t i = 0; i < f.n; i++) {
        out->mtime_ns =
            f.items[i].run->state.mtime_ns > out->mtime_ns ? f.items[i].run->state.mtime_ns : out->mtime_ns;
        out->mtime_ns =
            f.items[i].measure.mtime_ns > out->mtime_ns ? f.items[i].measure.mtime_ns : out->mtime_ns;
    }
    if (rc == 0)
        rc = put_projection(j, team, &f);
    free(f.items);
    return rc;
}

int document_projection(struct model *model, const struct oks_target *team, struct oks_document *out)
{
    struct projection p = {model, team};

    return document_locked(model, projection_document, &p, out);
}
