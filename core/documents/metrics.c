/*
 * metrics.prom: what was billed (metrics_billed.c), budgets, limits of plans, contexts, and the state of the
 * program, for Prometheus.
 *
 * Counters are sums of what was billed, by label set: the model, the project, the agent, the team and the
 * source of a request. They come from the model, which keeps requests of deleted transcripts, so they go on
 * after a restart.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "documents/context.h"
#include "documents/daemon_state.h"
#include "documents/document.h"
#include "documents/limits.h"
#include "documents/metrics.h"
#include "settings/settings.h"

enum { CONTEXTS_MAX = 16, RATIO_STEPS = 10000 };

/* --- shared with metrics_billed.c --- */

void metrics_fails(struct metrics *m, int error)
{
    if (!m->error)
        m->error = error;
}

uint64_t metrics_tokens(unsigned __int128 n)
{
    return n > OKS_TOKENS_MAX ? OKS_TOKENS_MAX : (uint64_t)n;
}

struct oks_slice metrics_labels(struct metrics *m, const struct metric_label *labels, size_t n)
{
    m->labels.len = 0;
    metric_labels(&m->labels, labels, n);
    return (struct oks_slice){m->labels.ptr, m->labels.len};
}

/* --- budgets --- */

static struct oks_slice budget_labels(struct metrics *m, const struct budget *b)
{
    const struct metric_label labels[] = {{"budget", b->name},
                                          {"scope", budget_scope_name(b->scope)},
                                          {"of", b->of ? b->of : ""},
                                          {"policy", budget_policy_name(b->policy)},
                                          {"unit", b->in_usd ? "USD" : "tokens"}};

    return metrics_labels(m, labels, sizeof(labels) / sizeof(*labels));
}

static void put_amount(struct metrics *m, const char *name, const struct budget *b, budget_amount amount)
{
    struct oks_slice labels = budget_labels(m, b);

    if (b->in_usd)
        metric_put_money(&m->text, name, labels, amount);
    else
        metric_put(&m->text, name, labels, metrics_tokens(amount));
}

static void put_states(struct metrics *m, const struct budget_result *r)
{
    static const enum budget_state states[] = {BUDGET_OK, BUDGET_WARN, BUDGET_UNKNOWN, BUDGET_EXCEEDED};

    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        const struct metric_label labels[] = {{"budget", r->budget->name},
                                              {"policy", budget_policy_name(r->budget->policy)},
                                              {"state", budget_state_name(states[i])}};

        metric_put(&m->text, "okstrafs_budget_state", metrics_labels(m, labels, 3),
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
        text = metrics_labels(rows->m, labels, 3);
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
        metrics_fails(m, rc < 0 ? rc : 0);
    }
    for (int i = 0; i < LIMIT_METRICS; i++) {
        metric_begin(&m->text, limit_metrics[i].name, METRIC_GAUGE, limit_metrics[i].help);
        oks_bytes_put(&m->text, rows.text[i].ptr, rows.text[i].len);
        metrics_fails(m, rows.text[i].error);
        free(rows.text[i].ptr);
    }
}

/* --- contexts --- */

static const char *group_of(const struct session *s, enum group_kind kind)
{
    const char *key = groups_key(s, kind);

    return key ? key : METRICS_UNKNOWN;
}

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
        model = oks_slice_copy(fill.model.len ? fill.model : OKS_SLICE(METRICS_UNKNOWN));
        const struct metric_label labels[] = {{"session", recent[i]->name},
                                              {"model", model ? model : ""},
                                              {"project", group_of(recent[i], GROUP_PROJECT)},
                                              {"agent", group_of(recent[i], GROUP_AGENT)},
                                              {"source", group_of(recent[i], GROUP_SOURCE)}};
        struct oks_slice text = metrics_labels(m, labels, sizeof(labels) / sizeof(*labels));

        rows[n] = (struct context_row){m->labels.error ? NULL : oks_slice_copy(text), fill};
        metrics_fails(m, model && rows[n].labels ? 0 : -ENOMEM);
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
    struct discovery_state discovery = discovery_state(facts->discovery);
    struct oks_bytes *t = &m->text;

    metric_begin(t, "okstrafs_build_info", METRIC_GAUGE, "Version of okstrafs.");
    metric_put(t, "okstrafs_build_info",
               metrics_labels(m, &(struct metric_label){"version", OKSTRAFS_VERSION}, 1), 1);
    metric_single(t, "okstrafs_sessions", METRIC_GAUGE, "Sessions.", c->n_sessions);
    metric_single(t, "okstrafs_projects", METRIC_GAUGE, "Project folders.", c->n_projects);
    metric_single(t, "okstrafs_teams", METRIC_GAUGE, "Teams.", c->n_teams);
    metric_single(t, "okstrafs_transcripts", METRIC_GAUGE, "Transcripts.", c->n_transcripts);
    metric_single(t, "okstrafs_retained_transcripts", METRIC_GAUGE,
                  "Transcripts that are counted and have no file any more.", facts->retained);
    metric_single(t, "okstrafs_transcript_bytes", METRIC_GAUGE, "Size of all transcripts.", c->files.bytes);
    metric_single(t, "okstrafs_history_bytes", METRIC_GAUGE, "Size of the history store.",
                  facts->history_bytes);
    metric_single(t, "okstrafs_unreadable_transcripts", METRIC_GAUGE, "Transcripts that cannot be read.",
                  c->files.unreadable);
    metric_single(t, "okstrafs_bad_lines", METRIC_GAUGE, "Lines of transcripts that are no JSON object.",
                  c->files.bad_lines);
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

int document_metrics(struct budgets *budgets, const struct status_facts *facts, int64_t now_ms,
                     struct oks_document *out)
{
    struct metrics m = {.model = budgets->model};
    const struct config *config = settings_config(m.model->settings);
    size_t most = config->label_sets ? config->label_sets : CONFIG_LABEL_SETS;
    int rc = budgets_evaluate(budgets, now_ms);

    if (rc == 0) {
        metrics_put_billed(&m, most);
        if (config->claude_code_names)
            metrics_put_claude(&m, most);
        metrics_put_hosts(&m);
        put_budgets(&m, budgets);
        put_limits(&m);
        put_contexts(&m);
        put_state(&m, facts);
        rc = hand_over(&m, out);
    }
    free(m.labels.ptr);
    free(m.text.ptr);
    return rc;
}
