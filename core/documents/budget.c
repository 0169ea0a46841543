/*
 * budgets/<name>.json; and budgets/exceeded/<name>, which exists only while the budget is used up.
 *
 * The second is for shells. It has one line for each target over the limit, tab-separated: policy, scope, of
 * ("*": everything), spent, limit, unit. Names are written as file names, so they contain neither tab nor
 * newline.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "documents/document.h"
#include "documents/parts.h"

enum { RATIO_STEPS = 10000, MODEL_BYTES_MAX = 128 };

static int64_t shown(budget_amount amount)
{
    return amount > INT64_MAX ? INT64_MAX : (int64_t)amount;
}

static void amount_text(const struct budget *b, budget_amount amount, char out[OKS_MONEY_TEXT])
{
    if (b->in_usd)
        oks_money_text(shown(amount), out);
    else
        snprintf(out, OKS_MONEY_TEXT, "%" PRId64, shown(amount));
}

static void put_amount(struct json *j, const char *key, const struct budget *b, budget_amount amount)
{
    if (b->in_usd)
        json_put_money(j, key, amount);
    else
        json_put_count(j, key, (uint64_t)shown(amount));
}

static void put_unpriced(struct json *j, const struct budget_models *models)
{
    json_open_array(j, "unpriced");
    for (size_t i = 0; i < models->n; i++) {
        const char *name = *models->names[i] ? models->names[i] : "unknown";

        json_put_slice(j, NULL, (struct oks_slice){name, strnlen(name, MODEL_BYTES_MAX)});
    }
    json_close_array(j);
}

static void put_spent(struct json *j, const struct budget *b, const struct budget_row *row)
{
    budget_amount steps = (budget_amount)shown(row->spent) * RATIO_STEPS / b->limit;

    put_amount(j, "spent", b, row->spent);
    put_amount(j, "remaining", b, row->spent < b->limit ? b->limit - row->spent : 0);
    /* cut, not rounded: 1 means that the limit is reached */
    json_put_money(j, "ratio", steps * (OKS_USD / RATIO_STEPS));
    json_put_text(j, "state", budget_state_name(row->state));
    json_put_bool(j, "lowerBound", row->lower_bound);
    if (b->in_usd)
        put_unpriced(j, &row->unpriced);
}

/* The targets of a budget that are not ok, the worst first. */
static void put_rows(struct json *j, const struct budget_result *r)
{
    json_open_array(j, "rows");
    for (size_t i = 0; i < r->n_rows && r->rows[i].state != BUDGET_OK; i++) {
        json_open_object(j, NULL);
        json_put_text(j, "of", r->rows[i].of);
        put_spent(j, r->budget, &r->rows[i]);
        json_close_object(j);
    }
    json_close_array(j);
}

static void put_budget(struct json *j, const struct budget_result *r)
{
    const struct budget *b = r->budget;

    json_open_object(j, NULL);
    json_put_text(j, "name", b->name);
    json_put_text(j, "scope", budget_scope_name(b->scope));
    json_put_text(j, "of", *r->rows[0].of ? r->rows[0].of : NULL);
    json_put_text(j, "policy", budget_policy_name(b->policy));
    json_put_text(j, "unit", b->in_usd ? "USD" : "tokens");
    put_amount(j, "limit", b, b->limit);
    json_put_money(j, "warnAt", b->warn_at);
    put_spent(j, b, &r->rows[0]);
    json_put_window(j, r->window.since, r->window.until);
    if (!b->of && budget_has_target(b->scope))
        put_rows(j, r);
    json_close_object(j);
}

static void put_exceeded(struct json *j, const struct budget_result *r)
{
    const struct budget *b = r->budget;
    char limit[OKS_MONEY_TEXT], spent[OKS_MONEY_TEXT], *line;

    amount_text(b, b->limit, limit);
    for (size_t i = 0; i < r->n_rows && r->rows[i].state == BUDGET_EXCEEDED; i++) {
        amount_text(b, r->rows[i].spent, spent);
        if (asprintf(&line, "%s\t%s\t%s\t%s\t%s\t%s", budget_policy_name(b->policy),
                     budget_scope_name(b->scope), *r->rows[i].of ? r->rows[i].of : "*", spent, limit,
                     b->in_usd ? "USD" : "tokens") < 0) {
            json_fail(j, -ENOMEM);
            return;
        }
        json_put_raw(j, NULL, oks_slice_of(line));
        free(line);
    }
}

static int64_t newest_ns(struct model *model)
{
    struct measure all;

    sums_all(&model->sums, &all);
    return all.mtime_ns;
}

struct budget_document {
    struct budgets *budgets;
    const char *name;
    bool exceeded;
    int64_t now_ms;
};

static int budget_document(void *ctx, struct json *j, struct oks_document *out)
{
    const struct budget_document *d = ctx;
    int rc = budgets_evaluate(d->budgets, d->now_ms);
    const struct budget_result *r = rc == 0 ? budgets_find(d->budgets, d->name) : NULL;

    if (rc < 0)
        return rc;
    if (!r || (d->exceeded && r->rows[0].state != BUDGET_EXCEEDED))
        return -ENOENT;
    if (d->exceeded)
        put_exceeded(j, r);
    else
        put_budget(j, r);
    out->mtime_ns = newest_ns(d->budgets->model);
    out->version = d->budgets->model->versions.all;
    return 0;
}

int document_budget(struct budgets *budgets, const char *name, bool exceeded, int64_t now_ms,
                    struct oks_document *out)
{
    struct budget_document d = {budgets, name, exceeded, now_ms};

    return document_locked(budgets->model, budget_document, &d, out);
}
