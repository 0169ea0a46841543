/*
 * budgets/<name>.json, and budgets/exceeded/<name>, which is there only while the budget is used up.
 *
 * The latter is for shells: one line for each that is over, tab-separated: policy, scope, of ("*":
 * everything), spent, limit, unit. Names are written as file names, so a line is a line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "documents/usage.h"

enum { RATIO_STEPS = 10000 };

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

static json_object *amount_object(const struct budget *b, budget_amount amount)
{
    return b->in_usd ? money_object(shown(amount)) : json_object_new_int64(shown(amount));
}

/* Cut, not rounded: 1 is reached only with the limit. */
static json_object *ratio_object(const struct budget *b, budget_amount spent)
{
    budget_amount steps = (budget_amount)shown(spent) * RATIO_STEPS / b->limit;

    return money_object(shown(steps * (OKS_USD / RATIO_STEPS)));
}

static bool put_spent(json_object *o, const struct budget *b, const struct budget_row *row)
{
    budget_amount left = row->spent < b->limit ? b->limit - row->spent : 0;

    return put(o, "spent", amount_object(b, row->spent)) && put(o, "remaining", amount_object(b, left)) &&
           put(o, "ratio", ratio_object(b, row->spent)) &&
           put_text(o, "state", budget_state_name(row->state)) &&
           put(o, "lowerBound", json_object_new_boolean(row->lower_bound));
}

static json_object *row_object(const struct budget *b, const struct budget_row *row)
{
    json_object *o = json_object_new_object();

    if (o && put_text(o, "of", row->of) && put_spent(o, b, row))
        return o;
    json_object_put(o);
    return NULL;
}

/* Where a budget holds for each of many: those that are worth a look, the worst first. */
static bool put_rows(json_object *o, const struct budget_result *r)
{
    json_object *list;

    if (r->budget->of || !budget_has_target(r->budget->scope))
        return true;
    list = json_object_new_array();
    for (size_t i = 0; list && i < r->n_rows && r->rows[i].state != BUDGET_OK; i++) {
        json_object *row = row_object(r->budget, &r->rows[i]);

        if (!row || json_object_array_add(list, row) < 0) {
            json_object_put(row);
            json_object_put(list);
            return false;
        }
    }
    return put(o, "rows", list);
}

static json_object *budget_object(const struct budget_result *r)
{
    const struct budget *b = r->budget;
    json_object *o = json_object_new_object();

    if (o && put_text(o, "name", b->name) && put_text(o, "scope", budget_scope_name(b->scope)) &&
        put_text(o, "of", *r->rows[0].of ? r->rows[0].of : NULL) &&
        put_text(o, "policy", budget_policy_name(b->policy)) &&
        put_text(o, "unit", b->in_usd ? "USD" : "tokens") && put(o, "limit", amount_object(b, b->limit)) &&
        put(o, "warnAt", money_object((oks_money)b->warn_at)) && put_spent(o, b, &r->rows[0]) &&
        put_window(o, r->window.since, r->window.until) && put_rows(o, r))
        return o;
    json_object_put(o);
    return NULL;
}

static int exceeded_text(const struct budget_result *r, struct oks_document *out)
{
    const struct budget *b = r->budget;
    char limit[OKS_MONEY_TEXT], spent[OKS_MONEY_TEXT];
    FILE *f = open_memstream(&out->bytes, &out->len);
    bool ok = f;

    amount_text(b, b->limit, limit);
    for (size_t i = 0; ok && i < r->n_rows && r->rows[i].state == BUDGET_EXCEEDED; i++) {
        amount_text(b, r->rows[i].spent, spent);
        ok =
            fprintf(f, "%s\t%s\t%s\t%s\t%s\t%s\n", budget_policy_name(b->policy), budget_scope_name(b->scope),
                    *r->rows[i].of ? r->rows[i].of : "*", spent, limit, b->in_usd ? "USD" : "tokens") > 0;
    }
    if (f && fclose(f) == 0 && ok)
        return 0;
    free(out->bytes);
    return -ENOMEM;
}

static int64_t newest_ns(struct oks_engine *e)
{
    struct measure all;

    sums_all(e, &all);
    return all.mtime_ns;
}

int oks_document_budget(struct oks_engine *e, const char *name, bool exceeded, int64_t now_ms,
                        struct oks_document *out)
{
    const struct budget_result *r;
    struct oks_document document = {0};
    json_object *o;
    int rc;

    pthread_mutex_lock(&e->lock);
    rc = budgets_evaluate(e, now_ms);
    r = rc == 0 ? budgets_find(e, name) : NULL;
    if (rc == 0 && (!r || (exceeded && r->rows[0].state != BUDGET_EXCEEDED))) {
        rc = -ENOENT;
    } else if (rc == 0 && exceeded) {
        rc = exceeded_text(r, &document);
        document.mtime_ns = newest_ns(e);
        document.version = e->version;
    } else if (rc == 0) {
        o = budget_object(r);
        rc = o ? document_finish(o, newest_ns(e), e->version, &document) : -ENOMEM;
    }
    pthread_mutex_unlock(&e->lock);
    if (rc == 0)
        *out = document;
    return rc;
}
