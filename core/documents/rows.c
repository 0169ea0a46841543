/*
 * Rows of teams and of sessions.
 */
#include "documents/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
#include "documents/context.h"
#include "documents/parts.h"
#include "documents/team.h"
#include "teams/members.h"

/* --- teams --- */

struct team_bill {
    uint64_t version; /* of the team's document, then */
    struct billed_sum sum;
    uint64_t counted;
};

static int measure(struct model *model, struct team *team, struct team_bill *out)
{
    const struct team_run *run = runs_current(team);
    struct measure_window w = {OKS_STAMP_NONE, OKS_STAMP_NONE};
    struct billed_bag bag = {0};
    struct measure m;
    int rc;

    runs_window(run, &w.since, &w.until);
    rc = team_measure(model, team, run, &w, &m, &bag);
    billed_bag_total(&bag, &out->sum);
    billed_bag_clear(&bag);
    out->counted = oks_totals_tokens(&m.totals);
    return rc;
}

/* NULL: ENOMEM. */
static const struct team_bill *bill_of(struct model *model, struct team *team)
{
    uint64_t version = version_priced(&model->versions, team->version);
    struct team_bill *bill = team->bill;

    if (bill && bill->version == version)
        return bill;
    if (!bill)
        bill = team->bill = malloc(sizeof(*bill));
    if (!bill)
        return NULL;
    bill->version = 0;
    if (measure(model, team, bill) < 0)
        return NULL;
    bill->version = version;
    return bill;
}

struct team_picking {
    struct model *model;
    struct picked *picked;
};

static void pick_team(void *ctx, void *item)
{
    struct team_picking *p = ctx;
    struct team *team = item;
    const struct team_bill *bill = bill_of(p->model, team);

    if (bill)
        picked_add(p->picked, team->name, &(struct picked_row){.sum = bill->sum, .counted = bill->counted});
    else
        p->picked->error = -ENOMEM;
}

int document_team_rows(struct model *model, size_t most, struct picked *picked, struct oks_rows_total *total)
{
    struct team_picking picking = {model, picked};
    struct billed_sum all;

    picked_start(picked, true, most);
    pthread_mutex_lock(&model->lock);
    oks_tree_each(model->catalog.teams, pick_team, &picking);
    billed_bag_total(billing_all(model->billing), &all);
    pthread_mutex_unlock(&model->lock);
    *total = (struct oks_rows_total){.n = picked->n_all};
    picked_bill(&all, &total->bill);
    return picked->error;
}

/* --- sessions --- */

struct session_facts {
    uint64_t version; /* of the session's documents, then */
    struct oks_bill bill;
    bool billed;
    bool asked;
    struct context_fill context; /* if asked */
};

static int facts_make(struct model *model, struct session *s, struct session_facts *out)
{
    struct billed_bag bag = {0};
    struct billed_sum sum;
    int rc = billed_session_add(&bag, s);

    billed_bag_total(&bag, &sum);
    billed_bag_clear(&bag);
    picked_bill(&sum, &out->bill);
    out->billed = !document_is_unknown(sums_share(s)) || sum.requests > 0;
    out->context = (struct context_fill){0};
    out->asked = context_measure(model, s, &out->context);
    return rc;
}

/* NULL: ENOMEM. */
static const struct session_facts *facts_of(struct model *model, struct session *s)
{
    uint64_t version = version_priced(&model->versions, s->version);
    struct session_facts *facts = s->facts;

    if (facts && facts->version == version)
        return facts;
    if (!facts)
        facts = s->facts = malloc(sizeof(*facts));
    if (!facts)
        return NULL;
    facts->version = 0;
    if (facts_make(model, s, facts) < 0)
        return NULL;
    facts->version = version;
    return facts;
}

static int show(const struct session *s, const struct session_facts *facts, struct shown_session *out)
{
    const struct context_fill *context = &facts->context;
    struct oks_stamp last = sums_share(s)->totals.last;
    bool timed = !oks_stamp_is_none(last);
    char ratio[RATIO_TEXT] = "", buf[OKS_STAMP_TEXT];
    struct oks_slice ended = timed ? oks_stamp_text(last, buf) : (struct oks_slice){0};

    *out = (struct shown_session){
        .row = {.bill = facts->bill,
                .billed = facts->billed,
                .asked = facts->asked,
                .occupancy_tokens = context->tokens,
                .context_limit = context->limit},
        .name = picked_text(s->name),
        .ended = timed ? oks_slice_copy(ended) : NULL,
        .model = context->model.len ? picked_text(context->model.ptr) : NULL,
    };
    if (context->limit)
        document_ratio_text(context->tokens, context->limit, ratio);
    strcpy(out->row.ratio, ratio);
    out->row.name = out->name;
    out->row.ended = out->ended;
    out->row.model = out->model;
    return out->name && (out->ended || !timed) && (out->model || !context->model.len) ? 0 : -ENOMEM;
}

int document_recent_rows(struct model *model, size_t most, struct shown_session *out, size_t *n)
{
    struct session *latest[RECENT_MAX];
    size_t found;
    int rc = 0;

    *n = 0;
    pthread_mutex_lock(&model->lock);
    found = recent_latest(&model->sums, most, latest);
    while (rc == 0 && *n < found) {
        const struct session_facts *facts = facts_of(model, latest[*n]);

        rc = facts ? show(latest[*n], facts, &out[*n]) : -ENOMEM;
        *n += facts != NULL;
    }
    pthread_mutex_unlock(&model->lock);
    return rc;
}

void shown_session_clear(struct shown_session *shown)
{
    free(shown->name);
    free(shown->ended);
    free(shown->model);
}
