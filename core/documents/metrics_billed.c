/*
 * The counters of metrics.prom: what was billed, by label set (sums/label_sets.h), by Claude Code's own
 * names, and by host.
 *
 * A label set is a row for each of its models. The rows of a set are kept as they were written last: in most
 * documents one set of a thousand has changed. The sets that are not shown are one, with the value "(other)"
 * in each label; it is what all was billed without those that are shown, and only grows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
#include "catalog/hosts.h"
#include "documents/host.h"
#include "documents/metrics.h"

#define OTHER "(other)"

enum { OTHER_BYTES = 1 << 14 }; /* about what the other metrics come to */

/* --- label sets --- */

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

/* Where the rows of a set are. */
enum { IN_TOKENS, IN_COST, IN_REQUESTS };

struct rows {
    struct oks_bytes text[LABEL_SET_TEXTS];
    struct oks_bytes labels; /* of the row; and those of a sample, which has a type as well */
    struct oks_bytes typed;
};

static void rows_clear(struct rows *rows)
{
    for (int i = 0; i < LABEL_SET_TEXTS; i++)
        free(rows->text[i].ptr);
    free(rows->labels.ptr);
    free(rows->typed.ptr);
}

static struct oks_slice slice_of(const struct oks_bytes *bytes)
{
    return (struct oks_slice){bytes->ptr, bytes->len};
}

static void add_tokens(struct rows *rows, const struct billed_sum *sum)
{
    for (size_t i = 0; i < sizeof(token_types) / sizeof(*token_types); i++) {
        unsigned __int128 n;

        memcpy(&n, (const char *)sum + token_types[i].at, sizeof(n));
        rows->typed.len = 0;
        metric_labels(&rows->typed, &(struct metric_label){"type", token_types[i].name}, 1);
        oks_bytes_text(&rows->typed, ",");
        oks_bytes_put(&rows->typed, rows->labels.ptr, rows->labels.len);
        metric_put(&rows->text[IN_TOKENS], "okstrafs_tokens_total", slice_of(&rows->typed),
                   metrics_tokens(n));
    }
}

static void add_row(struct rows *rows, const struct label_set *set, const char *model,
                    const struct billed_sum *sum)
{
    const struct metric_label labels[] = {{"model", *model ? model : METRICS_UNKNOWN},
                                          {"project", set->project},
                                          {"agent", set->agent},
                                          {"team", set->team},
                                          {"source", set->source}};

    rows->labels.len = 0;
    metric_labels(&rows->labels, labels, sizeof(labels) / sizeof(*labels));
    add_tokens(rows, sum);
    metric_put_money(&rows->text[IN_COST], "okstrafs_cost_usd_total", slice_of(&rows->labels), sum->cost);
    metric_put(&rows->text[IN_REQUESTS], "okstrafs_requests_total", slice_of(&rows->labels), sum->requests);
}

static int by_model(const void *a, const void *b)
{
    return strcmp(((const struct billed_item *)a)->model, ((const struct billed_item *)b)->model);
}

static void keep(struct metrics *m, struct row_text *kept, const struct oks_bytes *bytes)
{
    char *text = bytes->len ? realloc(kept->ptr, bytes->len) : NULL;

    metrics_fails(m, bytes->error);
    if (bytes->len && !text)
        metrics_fails(m, -ENOMEM);
    if (!text)
        return;
    kept->ptr = memcpy(text, bytes->ptr, bytes->len);
    kept->len = bytes->len;
}

static void write_set(struct metrics *m, struct rows *rows, struct label_set *set)
{
    for (int i = 0; i < LABEL_SET_TEXTS; i++)
        rows->text[i].len = 0;
    qsort(set->billed.items, set->billed.len, sizeof(*set->billed.items), by_model);
    for (size_t i = 0; i < set->billed.len; i++)
        if (!billed_is_zero(&set->billed.items[i].sum))
            add_row(rows, set, set->billed.items[i].model, &set->billed.items[i].sum);
    for (int i = 0; i < LABEL_SET_TEXTS; i++)
        keep(m, &set->text[i], &rows->text[i]);
}

static void write_changed(struct metrics *m, const struct label_sets *sets)
{
    struct rows rows = {0};

    for (size_t i = 0; i < sets->n_shown; i++)
        if (!sets->shown[i]->text[IN_TOKENS].len && sets->shown[i]->models)
            write_set(m, &rows, sets->shown[i]);
    metrics_fails(m, rows.labels.error ? rows.labels.error : rows.typed.error);
    rows_clear(&rows);
}

static size_t folded_in(const struct label_sets *sets)
{
    return sets->models - sets->shown_models;
}

static void write_others(struct metrics *m, const struct label_sets *sets, const struct billed_sum *all,
                         struct rows *rows)
{
    static const struct label_set other = {.project = OTHER, .agent = OTHER, .source = OTHER, .team = OTHER};
    struct billed_sum rest = *all;

    billed_take(&rest, &sets->shown_total);
    if (folded_in(sets))
        add_row(rows, &other, OTHER, &rest);
    for (int i = 0; i < LABEL_SET_TEXTS; i++)
        metrics_fails(m, rows->text[i].error);
}

static void put_rows(struct metrics *m, const struct label_sets *sets, const struct rows *others, int where)
{
    for (size_t i = 0; i < sets->n_shown; i++)
        oks_bytes_put(&m->text, sets->shown[i]->text[where].ptr, sets->shown[i]->text[where].len);
    oks_bytes_put(&m->text, others->text[where].ptr, others->text[where].len);
}

/* For all kept rows at once: growing step by step would copy them as often. */
static void make_room(struct metrics *m, const struct label_sets *sets)
{
    size_t room = 0;

    for (size_t i = 0; i < sets->n_shown; i++)
        for (int k = 0; k < LABEL_SET_TEXTS; k++)
            room += sets->shown[i]->text[k].len;
    oks_bytes_reserve(&m->text, room + OTHER_BYTES);
}

static void put_bound(struct metrics *m, const struct label_sets *sets)
{
    metric_single(&m->text, "okstrafs_label_sets", METRIC_GAUGE,
                  "Label sets of the counters of tokens, cost and requests that are shown one by one.",
                  sets->shown_models);
    metric_single(&m->text, "okstrafs_label_sets_limit", METRIC_GAUGE,
                  "Bound of okstrafs_label_sets: metrics.labelSets in okstrafs.json.", sets->most);
    metric_single(&m->text, "okstrafs_label_sets_folded", METRIC_GAUGE,
                  "Label sets beyond the bound, which are one set with the value (other) in each label.",
                  folded_in(sets));
}

static void put_sets(struct metrics *m, const struct label_sets *sets)
{
    struct billed_sum all;
    struct rows others = {0};

    billed_bag_total(billing_all(m->model->billing), &all);
    write_others(m, sets, &all, &others);
    metric_begin(&m->text, "okstrafs_tokens_total", METRIC_COUNTER,
                 "Tokens that were billed, each request once; all types but cache_read add up to "
                 "billed.totalTokens.");
    put_rows(m, sets, &others, IN_TOKENS);
    metric_begin(&m->text, "okstrafs_cost_usd_total", METRIC_COUNTER,
                 "Cost of what could be priced, at the prices in force.");
    put_rows(m, sets, &others, IN_COST);
    metric_begin(&m->text, "okstrafs_requests_total", METRIC_COUNTER, "Requests, each once.");
    put_rows(m, sets, &others, IN_REQUESTS);
    metric_single(&m->text, "okstrafs_unpriced_requests", METRIC_GAUGE,
                  "Requests of which at least a part has no price.", all.unpriced);
    metric_single(&m->text, "okstrafs_retained_requests", METRIC_GAUGE,
                  "Requests that are in no file any more.", all.retained);
    put_bound(m, sets);
    rows_clear(&others);
}

void metrics_put_billed(struct metrics *m, size_t most)
{
    struct sums *sums = &m->model->sums;
    int rc = label_sets_complete(sums, most);

    metrics_fails(m, rc);
    if (rc < 0)
        return;
    write_changed(m, &sums->label_sets);
    make_room(m, &sums->label_sets);
    put_sets(m, &sums->label_sets);
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

        metric_put(&m->text, "claude_code_token_usage_tokens_total", metrics_labels(m, labels, 2),
                   metrics_tokens(rows[i].n));
    }
}

static void put_claude_cost(struct metrics *m, const char *model, const struct billed_sum *sum)
{
    metric_put_money(&m->text, "claude_code_cost_usage_USD_total",
                     metrics_labels(m, &(struct metric_label){"model", model}, 1), sum->cost);
}

struct claude_bill {
    struct metrics *m;
    struct billed_bag by_model;
};

static void add_claude(void *ctx, void *item)
{
    struct claude_bill *bill = ctx;
    const struct group *group = item;

    for (int i = 0; i < OKS_SOURCES; i++)
        if (oks_sources[i]->telemetry && strcmp(group->key, oks_sources[i]->name) == 0)
            metrics_fails(bill->m, billed_bag_add(&bill->by_model, &group->billed));
}

/* Calls put for each model, those beyond the bound as one. */
static void each_claude_model(const struct claude_bill *bill, size_t most,
                              void (*put)(struct metrics *m, const char *model, const struct billed_sum *sum))
{
    const struct billed_bag *by_model = &bill->by_model;
    struct billed_sum rest = {0};

    for (size_t i = 0; i < by_model->len; i++) {
        const struct billed_item *item = &by_model->items[i];

        if (i >= most)
            billed_add(&rest, &item->sum);
        else if (!billed_is_zero(&item->sum))
            put(bill->m, *item->model ? item->model : METRICS_UNKNOWN, &item->sum);
    }
    if (!billed_is_zero(&rest))
        put(bill->m, OTHER, &rest);
}

void metrics_put_claude(struct metrics *m, size_t most)
{
    struct claude_bill bill = {.m = m};

    oks_tree_each(groups_tree(&m->model->sums, GROUP_SOURCE), add_claude, &bill);
    if (bill.by_model.len)
        qsort(bill.by_model.items, bill.by_model.len, sizeof(*bill.by_model.items), by_model);
    metric_begin(&m->text, "claude_code_token_usage_tokens_total", METRIC_COUNTER,
                 "Tokens of Claude Code, each request once, as its own telemetry names them.");
    each_claude_model(&bill, most, put_claude_tokens);
    metric_begin(&m->text, "claude_code_cost_usage_USD_total", METRIC_COUNTER,
                 "Cost of Claude Code, as its own telemetry names it.");
    each_claude_model(&bill, most, put_claude_cost);
    billed_bag_clear(&bill.by_model);
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
        metric_put(&m->text, "okstrafs_host_tokens_total", metrics_labels(m, labels, 2), metrics_tokens(n));
    }
}

static void put_host_cost(struct metrics *m, const char *name, const struct billed_sum *sum)
{
    metric_put_money(&m->text, "okstrafs_host_cost_usd_total",
                     metrics_labels(m, &(struct metric_label){"host", name}, 1), sum->cost);
}

static void put_host_requests(struct metrics *m, const char *name, const struct billed_sum *sum)
{
    metric_put(&m->text, "okstrafs_host_requests_total",
               metrics_labels(m, &(struct metric_label){"host", name}, 1), sum->requests);
}

/* Apart from the label sets, whose number they would multiply. */
void metrics_put_hosts(struct metrics *m)
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
                   metrics_labels(m, &(struct metric_label){"host", c->hosts[i]->name}, 1),
                   host_is_away(c->hosts[i]));
}
