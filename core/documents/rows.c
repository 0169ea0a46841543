/*
 * Rows of teams and of sessions.
 */
#include "documents/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/tree.h"
#include "documents/context.h"
#include "documents/parts.h"
#include "documents/team.h"
#include "teams/members.h"

/* --- teams --- */

struct team_bill {
    uint64_t version; /* of the team's document, then */
    struct row_sum sum;
    char key[]; /* the name as it is shown */
};

/* NULL: ENOMEM. */
static struct team_bill *bill_new(const char *name)
{
    char *key = picked_text(name);
    struct team_bill *bill = key ? malloc(sizeof(*bill) + strlen(key) + 1) : NULL;

    if (bill)
        strcpy(bill->key, key);
    free(key);
    return bill;
}

static int measure(struct model *model, struct team *team, struct team_bill *out)
{
    const struct team_run *run = runs_current(team);
    struct measure_window w = {OKS_STAMP_NONE, OKS_STAMP_NONE};
    struct billed_bag bag = {0};
    struct measure m;
    int rc;

    runs_window(run, &w.since, &w.until);
    rc = team_measure(model, team, run, &w, &m, &bag);
    out->sum.is_shown = false;
    billed_bag_total(&bag, &out->sum.bill);
    billed_bag_clear(&bag);
    out->sum.counted = oks_totals_tokens(&m.totals);
    return rc;
}

/* NULL: ENOMEM. */
static const struct team_bill *bill_of(struct model *model, struct team *team)
{
    uint64_t version = version_priced(&model->versions, team->version);
    struct team_bill *bill = team->bill;

    if (bill && bill->version == version)
        return bill;
    free(bill); /* the name may be spelled otherwise, too */
    bill = team->bill = bill_new(team->name);
    if (!bill)
        return NULL;
    bill->version = 0;
    if (measure(model, team, bill) < 0)
        return NULL;
    bill->version = version;
    return bill;
}

/*
 * The teams that cost most.
 *
 * Invariant, as of sums/recent.h: of the teams as they were at `version` it has the n dearest. One that has
 * changed since is put where it belongs now; one that became cheaper than all of these is not kept, unless
 * the array has all teams. Where too few are left, or a team came or went, all are gone through once more.
 */
struct ranked_teams {
    struct model *model;
    uint64_t version;
    struct team *items[OKS_ROWS_MAX];
    size_t n;
    bool all;    /* there are no others */
    bool failed; /* ENOMEM; sticky */
};

static bool is_before(const void *a, const void *b)
{
    const struct team *x = a, *y = b;

    return row_sum_is_before(&x->bill->sum, 0, x->name, &y->bill->sum, 0, y->name);
}

static void put_in(void *ctx, void *item)
{
    struct ranked_teams *r = ctx;
    struct team *team = item;
    size_t at;

    if (!bill_of(r->model, team)) {
        r->failed = true;
        return;
    }
    at = oks_array_place(r->items, r->n, team, is_before);
    r->all &= r->n < OKS_ROWS_MAX;
    if (at == OKS_ROWS_MAX || (at == r->n && !r->all && r->version))
        return;
    r->n -= r->n == OKS_ROWS_MAX;
    oks_array_put_in(r->items, &r->n, at, team);
}

static void rank_anew(struct ranked_teams *r)
{
    r->version = 0;
    r->n = 0;
    r->all = true;
    oks_tree_each(r->model->catalog.teams, put_in, r);
}

static void rank_changed(struct ranked_teams *r)
{
    struct team *team;

    TAILQ_FOREACH(team, &r->model->catalog.teams_by_version, of_version) {
        if (team->version <= r->version)
            break;
        oks_array_take_out(r->items, &r->n, team);
    }
    TAILQ_FOREACH(team, &r->model->catalog.teams_by_version, of_version) {
        if (team->version <= r->version)
            break;
        put_in(r, team);
    }
}

/* Of at least so many, if there are; NULL: ENOMEM. */
static const struct ranked_teams *ranked(struct model *model, size_t most)
{
    const struct versions *v = &model->versions;
    struct ranked_teams *r = model->catalog.ranked_teams;

    if (!r)
        r = model->catalog.ranked_teams = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->model = model;
    r->failed = false;
    if (r->version && v->names <= r->version && v->prices <= r->version)
        rank_changed(r);
    else
        rank_anew(r);
    if (r->n < most && !r->all)
        rank_anew(r);
    r->version = r->failed ? 0 : v->last;
    return r->failed ? NULL : r;
}

int document_team_rows(struct model *model, size_t most, struct picked *picked, struct oks_rows_total *total)
{
    const struct ranked_teams *r;
    struct billed_sum all;

    picked_start(picked, true, most);
    pthread_mutex_lock(&model->lock);
    r = ranked(model, picked->most);
    for (size_t i = 0; r && i < r->n && i < picked->most; i++)
        picked_add_kept(picked, r->items[i]->bill->key, &r->items[i]->bill->sum, NULL);
    picked_finish(picked);
    billed_bag_total(billing_all(model->billing), &all);
    *total = (struct oks_rows_total){.n = model->catalog.n_teams};
    pthread_mutex_unlock(&model->lock);
    picked_bill(&all, &total->bill);
    return r ? picked->error : -ENOMEM;
}

/* --- sessions --- */

struct session_facts {
    uint64_t version; /* of the session's documents, then */
    struct oks_bill bill;
    bool billed;
    bool asked;
    struct context_fill context;                   /* if asked; its model is not to be used */
    char ratio[RATIO_TEXT], ended[OKS_STAMP_TEXT]; /* "": none */
    size_t name_bytes, model_bytes;                /* with their NUL; 0: none */
    char texts[];                                  /* the name and the model, as they are shown */
};

static void put_stamp(struct oks_stamp stamp, char out[OKS_STAMP_TEXT])
{
    char room[OKS_STAMP_TEXT];
    struct oks_slice text = oks_stamp_text(stamp, room);

    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

static int fill(struct model *model, struct session *s, struct session_facts *out)
{
    struct oks_stamp last = sums_share(s)->totals.last;
    struct billed_bag bag = {0};
    struct billed_sum sum;
    int rc = billed_session_add(&bag, s);

    billed_bag_total(&bag, &sum);
    billed_bag_clear(&bag);
    picked_bill(&sum, &out->bill);
    out->billed = !document_is_unknown(sums_share(s)) || sum.requests > 0;
    out->context = (struct context_fill){0};
    out->asked = context_measure(model, s, &out->context);
    out->ratio[0] = out->ended[0] = '\0';
    if (out->context.limit)
        document_ratio_text(out->context.tokens, out->context.limit, out->ratio);
    if (!oks_stamp_is_none(last))
        put_stamp(last, out->ended);
    return rc;
}

/* `made` with its texts, in a place of its own; NULL: ENOMEM. */
static struct session_facts *facts_with_texts(const struct session *s, const struct session_facts *made)
{
    char *name = picked_text(s->name), *model = NULL;
    struct session_facts *facts = NULL;
    size_t name_bytes, model_bytes;

    if (made->context.model.len)
        model = picked_text(made->context.model.ptr);
    if (name && (model || !made->context.model.len)) {
        name_bytes = strlen(name) + 1;
        model_bytes = model ? strlen(model) + 1 : 0;
        facts = malloc(sizeof(*facts) + name_bytes + model_bytes);
    }
    if (facts) {
        *facts = *made;
        facts->name_bytes = name_bytes;
        facts->model_bytes = model_bytes;
        strcpy(facts->texts, name);
        if (model)
            strcpy(facts->texts + name_bytes, model);
    }
    free(name);
    free(model);
    return facts;
}

/* NULL: ENOMEM. */
static const struct session_facts *facts_of(struct model *model, struct session *s)
{
    struct session_facts made = {.version = version_priced(&model->versions, s->version)}, *facts;

    if (s->facts && s->facts->version == made.version)
        return s->facts;
    if (fill(model, s, &made) < 0)
        return NULL;
    facts = facts_with_texts(s, &made);
    if (!facts)
        return NULL;
    free(s->facts);
    return s->facts = facts;
}

static int show(const struct session_facts *facts, struct shown_session *out)
{
    size_t bytes = facts->name_bytes + facts->model_bytes;
    char *texts = malloc(bytes + sizeof(facts->ended));

    *out = (struct shown_session){
        .row = {.bill = facts->bill,
                .billed = facts->billed,
                .asked = facts->asked,
                .occupancy_tokens = facts->context.tokens,
                .context_limit = facts->context.limit},
        .texts = texts,
    };
    if (!texts)
        return -ENOMEM;
    memcpy(texts, facts->texts, bytes);
    memcpy(texts + bytes, facts->ended, sizeof(facts->ended));
    strcpy(out->row.ratio, facts->ratio);
    out->row.name = texts;
    out->row.model = facts->model_bytes ? texts + facts->name_bytes : NULL;
    out->row.ended = *facts->ended ? texts + bytes : NULL;
    return 0;
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

        rc = facts ? show(facts, &out[*n]) : -ENOMEM;
        *n += facts != NULL;
    }
    pthread_mutex_unlock(&model->lock);
    return rc;
}

void shown_session_clear(struct shown_session *shown)
{
    free(shown->texts);
}
