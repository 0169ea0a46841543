/*
 * metrics.prom: what was billed, budgets, limits of plans, contexts, and the state of the program, for
 * Prometheus.
 *
 * Counters are sums of what was billed, by label set: the model, the project, the agent, the team and the
 * source of a request. They come from the model, which keeps requests of deleted transcripts, so they go on
 * after a restart.
 *
 * Nobody bounds the number of label sets but this file. Those with the earliest activity are shown up to the
 * bound, and all others are one set with the value "(other)" in each label. A new set is the latest one, so
 * it changes none that is shown, and "(other)" only grows.
 *
 * A document costs the sessions: each is added to its set.
 */
#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/tree.h"
#include "documents/context.h"
#include "documents/daemon_state.h"
#include "documents/document.h"
#include "documents/exposition.h"
#include "documents/host.h"
#include "documents/limits.h"
#include "settings/settings.h"

#define OTHER   "(other)"
#define UNKNOWN "unknown"

enum { CONTEXTS_MAX = 16, RATIO_STEPS = 10000 };

/* --- label sets --- */

struct label_set {
    const char *project, *agent, *source, *team; /* equal ones have equal addresses */
    struct billed_bag billed;                    /* by model */
    struct oks_stamp first;                      /* of its sessions; none: not known */
    bool shown;
};

/* A row of metrics: a label set and a model. */
struct series {
    char *labels;
    struct billed_sum sum;
};

struct metrics {
    struct model *model;
    struct oks_bytes text;
    void *sets; /* tsearch tree */
    struct label_set **sorted;
    size_t n_sets, room;
    struct series *series;
    size_t n_series, series_room;
    uint64_t folded; /* sets with a model that are in "(other)" */
    struct billed_sum all;
    struct billed_bag claude; /* by model */
    struct oks_bytes labels;  /* of one sample */
    int error;
};

static void fails(struct metrics *m, int error)
{
    if (!m->error)
        m->error = error;
}

static int compare_texts(const char *a, const char *b)
{
    return a == b ? 0 : strcmp(a, b);
}

static int by_labels(const void *a, const void *b)
{
    const struct label_set *x = *(struct label_set *const *)a, *y = *(struct label_set *const *)b;
    int d = compare_texts(x->project, y->project);

    d = d ? d : compare_texts(x->agent, y->agent);
    d = d ? d : compare_texts(x->team, y->team);
    return d ? d : compare_texts(x->source, y->source);
}

static int compare_addresses(const char *a, const char *b)
{
    return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

/* Equal labels have equal addresses. */
static int by_address(const void *a, const void *b)
{
    const struct label_set *x = a, *y = b;
    int d = compare_addresses(x->project, y->project);

    d = d ? d : compare_addresses(x->agent, y->agent);
    d = d ? d : compare_addresses(x->team, y->team);
    return d ? d : compare_addresses(x->source, y->source);
}

static void set_free(void *item)
{
    struct label_set *set = item;

    billed_bag_clear(&set->billed);
    free(set);
}

static struct label_set *set_added(struct metrics *m, const struct label_set *wanted)
{
    struct label_set *set = OKS_GROW(m->sorted, m->n_sets, m->room) ? malloc(sizeof(*set)) : NULL;

    if (!set)
        return NULL;
    *set = *wanted;
    if (!tsearch(set, &m->sets, by_address)) {
        free(set);
        return NULL;
    }
    m->sorted[m->n_sets++] = set;
    return set;
}

static const char *interned(struct metrics *m, const char *text)
{
    return oks_intern(&m->model->names, text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char no_team[] = "";

/* The names of the session's teams, which is one, or none, of nearly all. NULL: ENOMEM */
static const char *teams_of(struct metrics *m, const struct session *s)
{
    const struct membership *first = LIST_FIRST(&s->teams), *at;
    struct oks_bytes text = {0};
    const char **names, *all;
    size_t n = 0;

    if (!first || !LIST_NEXT(first, of_session))
        return first ? first->team->name : no_team;
    LIST_FOREACH(at, &s->teams, of_session)
        n++;
    names = calloc(n, sizeof(*names));
    n = 0;
    if (names)
        LIST_FOREACH(at, &s->teams, of_session)
            names[n++] = at->team->name;
    if (n)
        qsort(names, n, sizeof(*names), by_text);
    for (size_t i = 0; i < n; i++) {
        oks_bytes_text(&text, i ? "," : "");
        oks_bytes_text(&text, names[i]);
    }
    oks_bytes_put(&text, "", 1);
    all = names && !text.error ? interned(m, text.ptr) : NULL;
    free(names);
    free(text.ptr);
    return all;
}

static const char *group_of(struct metrics *m, const struct session *s, enum group_kind kind)
{
    const char *key = groups_key(s, kind);

    return key ? key : interned(m, UNKNOWN);
}

static bool labels_of(struct metrics *m, const struct session *s, struct label_set *out)
{
    *out = (struct label_set){
        .project = group_of(m, s, GROUP_PROJECT),
        .agent = group_of(m, s, GROUP_AGENT),
        .source = group_of(m, s, GROUP_SOURCE),
        .team = teams_of(m, s),
        .first = OKS_STAMP_NONE,
    };
    return out->project && out->agent && out->source && out->team;
}

static bool was_billed(const struct session *s)
{
    const struct transcript *t;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (!billed_bag_is_zero(billing_share(t->billed)))
            return true;
    return false;
}

static void add_session(void *ctx, void *item)
{
    struct metrics *m = ctx;
    const struct session *s = item;
    struct oks_stamp first = sums_has_share(s) ? sums_share(s)->totals.first : OKS_STAMP_NONE;
    struct label_set wanted, **found, *set;

    found = labels_of(m, s, &wanted) ? tfind(&wanted, &m->sets, by_address) : NULL;
    if (!found && !was_billed(s)) /* in most cases it is found, and adds what is zero */
        return;
    set = found ? *found : wanted.team ? set_added(m, &wanted) : NULL;
    if (!set || billed_session_add(&set->billed, s) < 0) {
        fails(m, -ENOMEM);
        return;
    }
    if (oks_stamp_is_none(set->first) || (!oks_stamp_is_none(first) && oks_stamp_cmp(first, set->first) < 0))
        set->first = first;
}

/* --- the bound --- */

static int by_age(const void *a, const void *b)
{
    const struct label_set *x = *(struct label_set *const *)a, *y = *(struct label_set *const *)b;
    bool x_none = oks_stamp_is_none(x->first), y_none = oks_stamp_is_none(y->first);
    int d = x_none || y_none ? x_none - y_none : oks_stamp_cmp(x->first, y->first);

    return d ? d : by_labels(a, b);
}

static size_t models_in(const struct label_set *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->billed.len; i++)
        n += !billed_is_zero(&set->billed.items[i].sum);
    return n;
}

static void choose_shown(struct metrics *m, size_t most)
{
    size_t n = 0;

    if (m->n_sets)
        qsort(m->sorted, m->n_sets, sizeof(struct label_set *), by_age);
    for (size_t i = 0; i < m->n_sets; i++) {
        size_t models = models_in(m->sorted[i]);

        n = n + models <= most ? n + models : SIZE_MAX / 2; /* none after the first that has no room */
        m->sorted[i]->shown = n <= most;
        m->folded += m->sorted[i]->shown ? 0 : models;
    }
}

static void add_series(struct metrics *m, const struct metric_label *labels, size_t n,
                       const struct billed_sum *sum)
{
    struct oks_bytes text = {0};

    metric_labels(&text, labels, n);
    oks_bytes_put(&text, "", 1);
    if (text.error || !OKS_GROW(m->series, m->n_series, m->series_room)) {
        free(text.ptr);
        fails(m, -ENOMEM);
        return;
    }
    m->series[m->n_series++] = (struct series){text.ptr, *sum};
}

static void add_row(struct metrics *m, const struct label_set *set, const char *model,
                    const struct billed_sum *sum)
{
    const struct metric_label labels[] = {{"model", *model ? model : UNKNOWN},
                                          {"project", set->project},
                                          {"agent", set->agent},
                                          {"team", set->team},
                                          {"source", set->source}};

    add_series(m, labels, sizeof(labels) / sizeof(*labels), sum);
}

static int by_model(const void *a, const void *b)
{
    return strcmp(((const struct billed_item *)a)->model, ((const struct billed_item *)b)->model);
}

static void add_set(struct metrics *m, struct label_set *set, struct billed_sum *rest)
{
    struct billed_sum sum;

    if (!set->shown) {
        billed_bag_total(&set->billed, &sum);
        billed_add(rest, &sum);
        return;
    }
    qsort(set->billed.items, set->billed.len, sizeof(*set->billed.items), by_model);
    for (size_t i = 0; i < set->billed.len; i++)
        if (!billed_is_zero(&set->billed.items[i].sum))
            add_row(m, set, set->billed.items[i].model, &set->billed.items[i].sum);
}

static void make_series(struct metrics *m, size_t most)
{
    static const struct label_set other = {.project = OTHER, .agent = OTHER, .source = OTHER, .team = OTHER};
    struct billed_sum rest = {0};

    oks_tree_each(m->model->catalog.sessions, add_session, m);
    choose_shown(m, most);
    if (m->n_sets)
        qsort(m->sorted, m->n_sets, sizeof(struct label_set *), by_labels);
    for (size_t i = 0; i < m->n_sets; i++)
        add_set(m, m->sorted[i], &rest);
    if (m->folded)
        add_row(m, &other, OTHER, &rest);
    billed_bag_total(billing_all(m->model->billing), &m->all);
}

/* --- what was billed --- */

static const struct token_type {
    const char *name;
    size_t at;
} token_types[] = {
    {"input", offsetof(struct billed_sum, input)},
    {"output", offsetof(struct billed_sum, output)},
    {"cache_creation_5m", offsetof(struct billed_sum, cache_5m)},
    {"cache_creation_1h", offsetof(struct billed_sum, cache_1h)},
    {"cache_read", offsetof(struct billed_sum, cache_read)},
};

static uint64_t shown_tokens(unsigned __int128 n)
{
    return n > OKS_TOKENS_MAX ? OKS_TOKENS_MAX : (uint64_t)n;
}

/* Until the next call. */
static struct oks_slice labels_text(struct metrics *m, const struct metric_label *labels, size_t n)
{
    m->labels.len = 0;
    metric_labels(&m->labels, labels, n);
    return (struct oks_slice){m->labels.ptr, m->labels.len};
}

static void put_tokens(struct metrics *m, const struct series *s)
{
    for (size_t i = 0; i < sizeof(token_types) / sizeof(*token_types); i++) {
        unsigned __int128 n;

        memcpy(&n, (const char *)&s->sum + token_types[i].at, sizeof(n));
        labels_text(m, &(struct metric_label){"type", token_types[i].name}, 1);
        oks_bytes_text(&m->labels, ",");
        oks_bytes_text(&m->labels, s->labels);
        metric_put(&m->text, "okstrafs_tokens_total", (struct oks_slice){m->labels.ptr, m->labels.len},
                   shown_tokens(n));
    }
}

static void put_billed(struct metrics *m)
{
    metric_begin(&m->text, "okstrafs_tokens_total", METRIC_COUNTER,
                 "Tokens that were billed, each request once; all types but cache_read add up to "
                 "billed.totalTokens.");
    for (size_t i = 0; i < m->n_series; i++)
        put_tokens(m, &m->series[i]);
    metric_begin(&m->text, "okstrafs_cost_usd_total", METRIC_COUNTER,
                 "Cost of what could be priced, at the prices in force.");
    for (size_t i = 0; i < m->n_series; i++)
        metric_put_money(&m->text, "okstrafs_cost_usd_total", oks_slice_of(m->series[i].labels),
                         m->series[i].sum.cost);
    metric_begin(&m->text, "okstrafs_requests_total", METRIC_COUNTER, "Requests, each once.");
    for (size_t i = 0; i < m->n_series; i++)
        metric_put(&m->text, "okstrafs_requests_total", oks_slice_of(m->series[i].labels),
                   m->series[i].sum.requests);
    metric_single(&m->text, "okstrafs_unpriced_requests", METRIC_GAUGE,
                  "Requests of which at least a part has no price.", m->all.unpriced);
    metric_single(&m->text, "okstrafs_retained_requests", METRIC_GAUGE,
                  "Requests that are in no file any more.", m->all.retained);
}

static void put_bound(struct metrics *m, size_t most)
{
    metric_single(&m->text, "okstrafs_label_sets", METRIC_GAUGE,
                  "Label sets of the counters of tokens, cost and requests that are shown one by one.",
                  m->n_series - (m->folded ? 1 : 0));
    metric_single(&m->text, "okstrafs_label_sets_limit", METRIC_GAUGE,
                  "Bound of okstrafs_label_sets: metrics.labelSets in okstrafs.json.", most);
    metric_single(&m->text, "okstrafs_label_sets_folded", METRIC_GAUGE,
                  "Label sets beyond the bound, which are one set with the value (other) in each label.",
                  m->folded);
}

/* --- Claude Code's own names --- */

/* The types that Claude Code has; its cache writes are not split. */
static void put_claude_tokens(struct metrics *m, const char *model, const struct billed_sum *sum)
{
    const struct {
        const char *type;
        unsigned __int128 n;
    } rows[] = {{"input", sum->input},
                {"output", sum->output},
                {"cacheRead", sum->cache_read},
                {"cacheCreation", sum->cache_5m + sum->cache_1h}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct metric_label labels[] = {{"type", rows[i].type}, {"model", model}};

        metric_put(&m->text, "claude_code_token_usage_tokens_total", labels_text(m, labels, 2),
                   shown_tokens(rows[i].n));
    }
}

static void put_claude_cost(struct metrics *m, const char *model, const struct billed_sum *sum)
{
    metric_put_money(&m->text, "claude_code_cost_usage_USD_total",
                     labels_text(m, &(struct metric_label){"model", model}, 1), sum->cost);
}

static void add_claude(void *ctx, void *item)
{
    struct metrics *m = ctx;
    const struct group *group = item;

    for (int i = 0; i < OKS_SOURCES; i++)
        if (oks_sources[i]->telemetry && strcmp(group->key, oks_sources[i]->name) == 0)
            fails(m, billed_bag_add(&m->claude, &group->billed));
}

/* Calls put for each model, those beyond the bound as one. */
static void each_claude_model(struct metrics *m, size_t most,
                              void (*put)(struct metrics *m, const char *model, const struct billed_sum *sum))
{
    struct billed_sum rest = {0};

    for (size_t i = 0; i < m->claude.len; i++) {
        const struct billed_item *item = &m->claude.items[i];

        if (i >= most)
            billed_add(&rest, &item->sum);
        else if (!billed_is_zero(&item->sum))
            put(m, *item->model ? item->model : UNKNOWN, &item->sum);
    }
    if (!billed_is_zero(&rest))
        put(m, OTHER, &rest);
}

static void put_claude_names(struct metrics *m, size_t most)
{
    oks_tree_each(groups_tree(&m->model->sums, GROUP_SOURCE), add_claude, m);
    if (m->claude.len)
        qsort(m->claude.items, m->claude.len, sizeof(*m->claude.items), by_model);
    metric_begin(&m->text, "claude_code_token_usage_tokens_total", METRIC_COUNTER,
                 "Tokens of Claude Code, each request once, as its own telemetry names them.");
    each_claude_model(m, most, put_claude_tokens);
    metric_begin(&m->text, "claude_code_cost_usage_USD_total", METRIC_COUNTER,
                 "Cost of Claude Code, as its own telemetry names it.");
    each_claude_model(m, most, put_claude_cost);
}

/* --- hosts --- */

/* Calls put for each host: this machine first. */
static void each_host(struct metrics *m,
                      void (*put)(struct metrics *m, const char *name, const struct billed_sum *sum))
{
    static const struct billed_bag none;
    const struct catalog *c = &m->model->catalog;

    for (size_t i = 0; i <= c->n_hosts; i++) {
        const char *name = i ? c->hosts[i - 1]->name : c->own.name;
        const struct group *group = groups_find(&m->model->sums, GROUP_HOST, name);
        struct billed_sum sum;

        billed_bag_total(group ? &group->billed : &none, &sum);
        put(m, name, &sum);
    }
}

static void put_host_tokens(struct metrics *m, const char *name, const struct billed_sum *sum)
{
    for (size_t i = 0; i < sizeof(token_types) / sizeof(*token_types); i++) {
        const struct metric_label labels[] = {{"host", name}, {"type", token_types[i].name}};
        unsigned __int128 n;

        memcpy(&n, (const char *)sum + token_types[i].at, sizeof(n));
        metric_put(&m->text, "okstrafs_host_tokens_total", labels_text(m, labels, 2), shown_tokens(n));
    }
}

static void put_host_cost(struct metrics *m, const char *name, const struct billed_sum *sum)
{
    metric_put_money(&m->text, "okstrafs_host_cost_usd_total",
                     labels_text(m, &(struct metric_label){"host", name}, 1), sum->cost);
}

static void put_host_requests(struct metrics *m, const char *name, const struct billed_sum *sum)
{
    metric_put(&m->text, "okstrafs_host_requests_total",
               labels_text(m, &(struct metric_label){"host", name}, 1), sum->requests);
}

/* Apart from the label sets, whose number they would multiply. */
static void put_hosts(struct metrics *m)
{
    const struct catalog *c = &m->model->catalog;

    if (!c->n_hosts)
        return;
    metric_begin(&m->text, "okstrafs_host_tokens_total", METRIC_COUNTER,
                 "Tokens that were billed, by the machine whose transcripts they are in.");
    each_host(m, put_host_tokens);
    metric_begin(&m->text, "okstrafs_host_cost_usd_total", METRIC_COUNTER, "Cost by machine.");
    each_host(m, put_host_cost);
    metric_begin(&m->text, "okstrafs_host_requests_total", METRIC_COUNTER, "Requests by machine.");
    each_host(m, put_host_requests);
    metric_begin(&m->text, "okstrafs_host_away", METRIC_GAUGE,
                 "1 if a folder of the machine cannot be read now, so its last counts are shown.");
    for (size_t i = 0; i < c->n_hosts; i++)
        metric_put(&m->text, "okstrafs_host_away",
                   labels_text(m, &(struct metric_label){"host", c->hosts[i]->name}, 1),
                   host_is_away(c->hosts[i]));
}

/* --- budgets --- */

static struct oks_slice budget_labels(struct metrics *m, const struct budget *b)
{
    const struct metric_label labels[] = {{"budget", b->name},
                                          {"scope", budget_scope_name(b->scope)},
                                          {"of", b->of ? b->of : ""},
                                          {"policy", budget_policy_name(b->policy)},
                                          {"unit", b->in_usd ? "USD" : "tokens"}};

    return labels_text(m, labels, sizeof(labels) / sizeof(*labels));
}

static void put_amount(struct metrics *m, const char *name, const struct budget *b, budget_amount amount)
{
    struct oks_slice labels = budget_labels(m, b);

    if (b->in_usd)
        metric_put_money(&m->text, name, labels, amount);
    else
        metric_put(&m->text, name, labels, shown_tokens(amount));
}

static void put_states(struct metrics *m, const struct budget_result *r)
{
    static const enum budget_state states[] = {BUDGET_OK, BUDGET_WARN, BUDGET_UNKNOWN, BUDGET_EXCEEDED};

    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        const struct metric_label labels[] = {{"budget", r->budget->name},
                                              {"policy", budget_policy_name(r->budget->policy)},
                                              {"state", budget_state_name(states[i])}};

        metric_put(&m->text, "okstrafs_budget_state", labels_text(m, labels, 3),
                   r->rows[0].state == states[i]);
    }
}

/* Of a budget of each session, team and so on: the one that is worst off. */
static void put_budgets(struct metrics *m, const struct budgets *budgets)
{
    if (budgets->n == 0)
        return;
    metric_begin(&m->text, "okstrafs_budget_limit", METRIC_GAUGE, "Limit of a budget.");
    for (size_t i = 0; i < budgets->n; i++)
        put_amount(m, "okstrafs_budget_limit", budgets->results[i].budget, budgets->results[i].budget->limit);
    metric_begin(&m->text, "okstrafs_budget_spent", METRIC_GAUGE,
                 "What was spent of a budget in its window; of several targets, by the one that spent most.");
    for (size_t i = 0; i < budgets->n; i++)
        put_amount(m, "okstrafs_budget_spent", budgets->results[i].budget, budgets->results[i].rows[0].spent);
    metric_begin(&m->text, "okstrafs_budget_state", METRIC_GAUGE,
                 "1 for the state that a budget is in, else 0.");
    for (size_t i = 0; i < budgets->n; i++)
        put_states(m, &budgets->results[i]);
}

/* --- limits of plans --- */

enum { LIMIT_USED, LIMIT_RESET, LIMIT_TOLD, LIMIT_METRICS };

static const struct {
    const char *name, *help;
} limit_metrics[LIMIT_METRICS] = {
    [LIMIT_USED] = {"okstrafs_limit_used_ratio",
                    "Part of a limit of the plan that is used, as the agent said "
                    "last; it no longer holds after the reset."},
    [LIMIT_RESET] = {"okstrafs_limit_reset_timestamp_seconds", "When the window of a limit ends."},
    [LIMIT_TOLD] = {"okstrafs_limit_told_timestamp_seconds", "When the agent said it."},
};

struct limit_rows {
    struct metrics *m;
    enum oks_source source;
    struct oks_bytes text[LIMIT_METRICS];
};

static int put_limit(void *ctx, const struct source_limit *limit)
{
    struct limit_rows *rows = ctx;
    int64_t told_ms = limit_time(limit);

    for (int i = 0; i < SOURCE_LIMIT_WINDOWS; i++) {
        const struct source_limit_window *w = &limit->window[i];
        char minutes[32];
        const struct metric_label labels[] = {
            {"source", oks_sources[rows->source]->name}, {"limit", limit->id}, {"window_minutes", minutes}};
        struct oks_slice text;

        if (!w->given)
            continue;
        snprintf(minutes, sizeof(minutes), "%" PRIu64, w->minutes);
        text = labels_text(rows->m, labels, 3);
        metric_put_money(&rows->text[LIMIT_USED], limit_metrics[LIMIT_USED].name, text,
                         (unsigned __int128)w->used * (OKS_USD / RATIO_STEPS));
        if (w->resets_at)
            metric_put(&rows->text[LIMIT_RESET], limit_metrics[LIMIT_RESET].name, text, w->resets_at);
        if (told_ms > 0)
            metric_put(&rows->text[LIMIT_TOLD], limit_metrics[LIMIT_TOLD].name, text,
                       (uint64_t)told_ms / 1000);
    }
    return 0;
}

static void put_limits(struct metrics *m)
{
    struct limit_rows rows = {.m = m};

    for (int source = 0; source < OKS_SOURCES; source++) {
        int rc;

        rows.source = (enum oks_source)source;
        rc = limits_each(m->model, rows.source, put_limit, &rows);
        fails(m, rc < 0 ? rc : 0);
    }
    for (int i = 0; i < LIMIT_METRICS; i++) {
        metric_begin(&m->text, limit_metrics[i].name, METRIC_GAUGE, limit_metrics[i].help);
        oks_bytes_put(&m->text, rows.text[i].ptr, rows.text[i].len);
        fails(m, rows.text[i].error);
        free(rows.text[i].ptr);
    }
}

/* --- contexts --- */

struct context_row {
    char *labels;
    struct context_fill fill;
};

static void put_contexts(struct metrics *m)
{
    struct session *recent[RECENT_MAX];
    struct context_row rows[CONTEXTS_MAX];
    size_t n_recent = recent_latest(&m->model->sums, CONTEXTS_MAX, recent), n = 0;

    for (size_t i = 0; i < n_recent; i++) {
        struct context_fill fill;
        char *model;

        if (!context_measure(m->model, recent[i], &fill))
            continue;
        model = oks_slice_copy(fill.model.len ? fill.model : OKS_SLICE(UNKNOWN));
        const struct metric_label labels[] = {{"session", recent[i]->name},
                                              {"model", model ? model : ""},
                                              {"project", group_of(m, recent[i], GROUP_PROJECT)},
                                              {"agent", group_of(m, recent[i], GROUP_AGENT)},
                                              {"source", group_of(m, recent[i], GROUP_SOURCE)}};
        struct oks_slice text = labels_text(m, labels, sizeof(labels) / sizeof(*labels));

        rows[n] = (struct context_row){m->labels.error ? NULL : oks_slice_copy(text), fill};
        fails(m, model && rows[n].labels ? 0 : -ENOMEM);
        n += rows[n].labels != NULL;
        free(model);
    }
    metric_begin(&m->text, "okstrafs_context_tokens", METRIC_GAUGE,
                 "Prompt of the last request, of the sessions with the latest activity.");
    for (size_t i = 0; i < n; i++)
        metric_put(&m->text, "okstrafs_context_tokens", oks_slice_of(rows[i].labels), rows[i].fill.tokens);
    metric_begin(&m->text, "okstrafs_context_limit_tokens", METRIC_GAUGE, "Context window of its model.");
    for (size_t i = 0; i < n; i++)
        if (rows[i].fill.limit)
            metric_put(&m->text, "okstrafs_context_limit_tokens", oks_slice_of(rows[i].labels),
                       rows[i].fill.limit);
    for (size_t i = 0; i < n; i++)
        free(rows[i].labels);
}

/* --- the program's own state --- */

struct file_sums {
    uint64_t bad, bytes, errors;
};

static void add_file(void *ctx, void *item)
{
    const struct transcript *t = item;
    struct file_sums *sums = ctx;

    if (t->retained)
        return;
    sums->errors += t->error != 0;
    sums->bad += t->state.bad;
    sums->bytes += t->mark.size;
}

static uint64_t settings_with_errors(const struct settings *settings)
{
    uint64_t n = 0;

    for (int i = 0; i < USER_FILES; i++)
        n += settings_state(settings, (enum settings_file)i).error != NULL;
    return n;
}

static void put_state(struct metrics *m, const struct status_facts *facts)
{
    const struct catalog *c = &m->model->catalog;
    struct file_sums files = {0};
    struct discovery_state discovery = discovery_state(facts->discovery);
    struct oks_bytes *t = &m->text;

    oks_tree_each(c->transcripts, add_file, &files);
    metric_begin(t, "okstrafs_build_info", METRIC_GAUGE, "Version of okstrafs.");
    metric_put(t, "okstrafs_build_info",
               labels_text(m, &(struct metric_label){"version", OKSTRAFS_VERSION}, 1), 1);
    metric_single(t, "okstrafs_sessions", METRIC_GAUGE, "Sessions.", c->n_sessions);
    metric_single(t, "okstrafs_projects", METRIC_GAUGE, "Project folders.", c->n_projects);
    metric_single(t, "okstrafs_teams", METRIC_GAUGE, "Teams.", c->n_teams);
    metric_single(t, "okstrafs_transcripts", METRIC_GAUGE, "Transcripts.", c->n_transcripts);
    metric_single(t, "okstrafs_retained_transcripts", METRIC_GAUGE,
                  "Transcripts that are counted and have no file any more.", facts->retained);
    metric_single(t, "okstrafs_transcript_bytes", METRIC_GAUGE, "Size of all transcripts.", files.bytes);
    metric_single(t, "okstrafs_history_bytes", METRIC_GAUGE, "Size of the history store.",
                  facts->history_bytes);
    metric_single(t, "okstrafs_unreadable_transcripts", METRIC_GAUGE, "Transcripts that cannot be read.",
                  files.errors);
    metric_single(t, "okstrafs_bad_lines", METRIC_GAUGE, "Lines of transcripts that are no JSON object.",
                  files.bad);
    metric_single(t, "okstrafs_unwatched_folders", METRIC_GAUGE,
                  "Folders of transcripts that are checked by stat(2), because they cannot be watched.",
                  discovery.unwatched);
    metric_single(t, "okstrafs_settings_errors", METRIC_GAUGE,
                  "Files of the configuration that are ignored, because they have an error.",
                  settings_with_errors(m->model->settings));
    metric_single(t, "okstrafs_cache_write_errors_total", METRIC_COUNTER,
                  "Failed writes of caches and of the history store, since the program was started.",
                  facts->cache_errors);
    if (!facts->daemon)
        return;
    metric_single(t, "okstrafs_inodes", METRIC_GAUGE, "Inodes of the mount that the kernel holds.",
                  facts->daemon->inodes);
    metric_single(t, "okstrafs_helper_running", METRIC_GAUGE,
                  "1 if the process that notifies watchers of the mount runs.", facts->daemon->helper_runs);
    metric_single(t, "okstrafs_helper_restarts_total", METRIC_COUNTER,
                  "How often that process was started again.", facts->daemon->helper_restarts);
}

/* --- the document --- */

static int hand_over(struct metrics *m, struct oks_document *out)
{
    struct measure all;
    int rc;

    oks_bytes_put(&m->text, "", 1);
    rc = m->error ? m->error : m->text.error ? m->text.error : m->labels.error;
    if (rc < 0)
        return rc;
    sums_all(&m->model->sums, &all);
    *out = (struct oks_document){.bytes = m->text.ptr,
                                 .len = m->text.len - 1,
                                 .mtime_ns = all.mtime_ns,
                                 .version = m->model->versions.all};
    m->text = (struct oks_bytes){0};
    return 0;
}

static void metrics_clear(struct metrics *m)
{
    for (size_t i = 0; i < m->n_series; i++)
        free(m->series[i].labels);
    free(m->series);
    free(m->sorted);
    tdestroy(m->sets, set_free);
    billed_bag_clear(&m->claude);
    free(m->labels.ptr);
    free(m->text.ptr);
}

int document_metrics(struct budgets *budgets, const struct status_facts *facts, int64_t now_ms,
                     struct oks_document *out)
{
    struct metrics m = {.model = budgets->model};
    const struct config *config = settings_config(m.model->settings);
    size_t most = config->label_sets ? config->label_sets : CONFIG_LABEL_SETS;
    int rc = budgets_evaluate(budgets, now_ms);

    if (rc == 0) {
        make_series(&m, most);
        put_billed(&m);
        put_bound(&m, most);
        if (config->claude_code_names)
            put_claude_names(&m, most);
        put_hosts(&m);
        put_budgets(&m, budgets);
        put_limits(&m);
        put_contexts(&m);
        put_state(&m, facts);
        rc = hand_over(&m, out);
    }
    metrics_clear(&m);
    return rc;
}
