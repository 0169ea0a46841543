/*
 * Members that several documents have: the thirteen counts, the window, and `billed`.
 *
 * `billed` is what was really requested from models. Its keys are in the order of the thirteen, and are sums
 * over requests, where those are sums over lines. `lowerBound` is true if an output was logged only while it
 * was still streaming, if a model has no price, or if a sub-agent's responses are known from its parent only.
 * `costUSD` is null if nothing that was used has a price.
 */
#include "documents/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the thirteen --- */

bool document_is_unknown(const struct measure *m)
{
    return m->sessions && m->unknown == m->sessions;
}

static void put_stamp(struct json *j, const char *key, struct oks_stamp stamp)
{
    char buf[OKS_STAMP_TEXT];

    json_put_slice(j, key, oks_stamp_text(stamp, buf));
}

void json_put_measure(struct json *j, const struct measure *m)
{
    const struct {
        const char *key;
        uint64_t tokens;
    } counts[] = {
        {"totalTokens", oks_totals_tokens(&m->totals)},
        {"inputTokens", m->totals.count[OKS_INPUT]},
        {"outputTokens", m->totals.count[OKS_OUTPUT]},
        {"cacheCreationTokens", m->totals.count[OKS_CACHE_CREATION]},
        {"cacheCreation5mTokens", m->totals.count[OKS_CACHE_CREATION_5M]},
        {"cacheCreation1hTokens", m->totals.count[OKS_CACHE_CREATION_1H]},
        {"cacheReadTokens", m->totals.count[OKS_CACHE_READ]},
    };

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        if (document_is_unknown(m))
            json_put_null(j, counts[i].key);
        else
            json_put_count(j, counts[i].key, counts[i].tokens);
    json_put_count(j, "toolUses", m->totals.count[OKS_TOOL_USES]);
    json_put_integer(j, "durationMs", m->duration_ms);
    json_put_text(j, "agentName", m->agent_name);
    json_put_text(j, "model", m->model);
    put_stamp(j, "startedAt", m->totals.first);
    put_stamp(j, "endedAt", m->totals.last);
}

/* --- ratios --- */

enum { RATIO_STEPS = 10000 };

void document_ratio_text(unsigned __int128 part, unsigned __int128 whole, char out[RATIO_TEXT])
{
    unsigned __int128 ratio = (part * RATIO_STEPS + whole / 2) / whole;

    snprintf(out, RATIO_TEXT, "%llu.%04u", (unsigned long long)(ratio / RATIO_STEPS),
             (unsigned)(ratio % RATIO_STEPS));
}

void json_put_ratio(struct json *j, const char *key, unsigned __int128 part, unsigned __int128 whole)
{
    char text[RATIO_TEXT];

    document_ratio_text(part, whole, text);
    json_put_raw(j, key, oks_slice_of(text));
}

/* --- times --- */

static void put_bounds(struct json *j, struct oks_slice since, struct oks_slice until)
{
    static const char start[] = "\"window\": {";

    json_open_object(j, "window");
    j->window_at = j->text.len - (sizeof(start) - 1);
    json_put_slice(j, "since", since.len ? since : (struct oks_slice){0});
    json_put_slice(j, "until", until.len ? until : (struct oks_slice){0});
    json_close_object(j);
    j->window_len = j->text.len - 1 - j->window_at;
}

void json_put_window(struct json *j, const char *since, const char *until)
{
    put_bounds(j, oks_slice_of(since), oks_slice_of(until));
}

void json_put_measure_window(struct json *j, const struct measure_window *w)
{
    char since[OKS_STAMP_TEXT], until[OKS_STAMP_TEXT];

    put_bounds(j, oks_stamp_text(w->since, since), oks_stamp_text(w->until, until));
}

void json_put_time(struct json *j, const char *key, int64_t ms)
{
    char text[OKS_STAMP_TEXT];

    oks_time_text(ms, text);
    json_put_text(j, key, text);
}

/* --- billed --- */

static const char *shown_model(const struct billed_item *item)
{
    return *item->model ? item->model : "unknown";
}

static int by_shown_model(const void *a, const void *b)
{
    return strcmp(shown_model(a), shown_model(b));
}

static bool is_unpriced(const struct billed_item *item)
{
    return item->sum.unpriced > 0;
}

static bool was_asked(const struct billed_item *item)
{
    return billed_is_used(&item->sum);
}

static void put_models(struct json *j, const char *key, const struct billed_item *sorted, size_t n,
                       bool (*chosen)(const struct billed_item *item))
{
    json_open_array(j, key);
    for (size_t i = 0; i < n; i++)
        if (chosen(&sorted[i]))
            json_put_text(j, NULL, shown_model(&sorted[i]));
    json_close_array(j);
}

static void put_all_models(struct json *j, const struct billed_bag *bag)
{
    struct billed_item *sorted = NULL;
    const struct billed_item *items = bag->items;

    if (bag->len > 1) {
        items = sorted = calloc(bag->len, sizeof(*sorted));
        if (!sorted) {
            json_fail(j, -ENOMEM);
            return;
        }
        memcpy(sorted, bag->items, bag->len * sizeof(*sorted));
        qsort(sorted, bag->len, sizeof(*sorted), by_shown_model);
    }
    put_models(j, "models", items, bag->len, was_asked);
    put_models(j, "unpriced", items, bag->len, is_unpriced);
    free(sorted);
}

uint64_t document_tokens(unsigned __int128 n)
{
    return n > OKS_TOKENS_MAX ? OKS_TOKENS_MAX : (uint64_t)n;
}

static void put_tokens(struct json *j, const char *key, unsigned __int128 n)
{
    json_put_count(j, key, document_tokens(n));
}

void document_cost_text(const struct billed_sum *sum, char out[OKS_MONEY_TEXT])
{
    if (billed_cost_is_unknown(sum))
        *out = '\0';
    else
        oks_money_text(sum->cost < OKS_MONEY_MAX ? (oks_money)sum->cost : OKS_MONEY_MAX, out);
}

void json_put_cost(struct json *j, const char *key, const struct billed_sum *sum)
{
    if (billed_cost_is_unknown(sum))
        json_put_null(j, key);
    else
        json_put_money(j, key, sum->cost);
}

void json_put_billed(struct json *j, const struct billed_bag *bag)
{
    struct billed_sum sum;
    unsigned __int128 creation;

    billed_bag_total(bag, &sum);
    creation = sum.cache_5m + sum.cache_1h;
    json_open_object(j, "billed");
    json_put_count(j, "requests", sum.requests);
    json_put_count(j, "retainedRequests", sum.retained);
    put_tokens(j, "totalTokens", sum.input + sum.output + creation);
    put_tokens(j, "inputTokens", sum.input);
    put_tokens(j, "outputTokens", sum.output);
    put_tokens(j, "cacheCreationTokens", creation);
    put_tokens(j, "cacheCreation5mTokens", sum.cache_5m);
    put_tokens(j, "cacheCreation1hTokens", sum.cache_1h);
    put_tokens(j, "cacheReadTokens", sum.cache_read);
    json_put_cost(j, "costUSD", &sum);
    put_all_models(j, bag);
    json_put_bool(j, "lowerBound", billed_is_lower_bound(&sum));
    json_close_object(j);
}
