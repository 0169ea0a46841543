/*
 * The running sums of each project, each model, and of all sessions.
 *
 * Each session stores what it has added to the sums, its share, and each transcript its shares by model. A
 * change replaces the share, and nothing else is read. A sum from which a share cannot be subtracted
 * (aggregate.c) is computed again from all shares when it is next used.
 *
 * Names in shares are interned: they outlive the transcript, and compare by address.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "base/tree.h"
#include "sums/billed_session.h"
#include "sums/shares.h"

/* --- life --- */

void sums_init(struct sums *sums, struct catalog *catalog, struct oks_intern *names)
{
    sums->catalog = catalog;
    sums->names = names;
    aggregate_reset(&sums->all);
}

/* --- sessions --- */

/* On ENOMEM the project has no sum: it is added up each time. */
static void in_project(struct project *p, const struct measure *before, const struct measure *after)
{
    struct project_sums *sums = project_sums_made(p);

    if (sums)
        aggregate_replace(&sums->sum, before, after);
}

static void leave_project(struct project *p, const struct session *s, const struct measure *before)
{
    in_project(p, before, NULL);
    if (p->sums && !p->sums->billed_stale)
        billed_session_take(&p->sums->billed, s);
}

static void join_project(struct project *p, const struct session *s, const struct measure *now)
{
    in_project(p, NULL, now);
    if (p->sums && !p->sums->billed_stale)
        p->sums->billed_stale = billed_session_add(&p->sums->billed, s) < 0;
}

int sums_session(struct sums *sums, struct session *s, struct project *from, bool leaves)
{
    const struct measure *before = s->sums->summed ? &s->sums->share : NULL;
    struct measure now;
    bool failed = false;
    int rc;

    if (!leaves) {
        const char *agent, *model;

        measure_session_anew(s, &now);
        agent = oks_intern(sums->names, now.agent_name);
        model = oks_intern(sums->names, now.model);
        failed = (now.agent_name && !agent) || (now.model && !model);
        now.agent_name = agent;
        now.model = model;
    }
    aggregate_replace(&sums->all, before, leaves ? NULL : &now);
    if (from == s->project) {
        if (from)
            in_project(from, before, leaves ? NULL : &now);
    } else {
        if (from)
            leave_project(from, s, before);
        if (s->project)
            join_project(s->project, s, leaves ? NULL : &now);
    }
    rc = groups_session(sums, s, before, leaves ? NULL : &now);
    s->sums->summed = !leaves;
    if (!leaves)
        s->sums->share = now;
    recent_changed(sums, s, leaves);
    (leaves ? labels_leave : labels_due)(sums, s);
    (leaves ? spans_leave : spans_due)(sums, s);
    (leaves ? label_sets_leave : label_sets_due)(sums, s);
    return failed ? -ENOMEM : rc;
}

void sums_project(struct sums *sums, struct project *p, struct measure *out)
{
    struct project_sums *own = project_sums_made(p);
    const struct session *s;

    (void)sums;
    if (own && own->sum.stale) {
        aggregate_reset(&own->sum);
        LIST_FOREACH(s, &p->sessions, of_project)
            if (s->sums->summed)
                aggregate_replace(&own->sum, NULL, &s->sums->share);
    }
    if (own && !own->sum.stale) {
        aggregate_show(&own->sum, out);
        return;
    }
    /* With a stamp of another form: added up each time. */
    measure_start(out);
    LIST_FOREACH(s, &p->sessions, of_project)
        if (s->sums->summed)
            measure_add(out, &s->sums->share);
}

struct adder {
    struct aggregate *sum; /* or NULL: */
    struct measure *plain;
};

static void add_session(void *ctx, void *item)
{
    const struct session *s = item;
    struct adder *adder = ctx;

    if (!s->sums->summed)
        return;
    if (adder->sum)
        aggregate_replace(adder->sum, NULL, &s->sums->share);
    else
        measure_add(adder->plain, &s->sums->share);
}

void sums_all(struct sums *sums, struct measure *out)
{
    struct adder adder = {.sum = &sums->all, .plain = out};

    if (sums->all.stale) {
        aggregate_reset(&sums->all);
        oks_tree_each(sums->catalog->sessions, add_session, &adder);
    }
    if (!sums->all.stale) {
        aggregate_show(&sums->all, out);
        return;
    }
    adder.sum = NULL;
    measure_start(out);
    oks_tree_each(sums->catalog->sessions, add_session, &adder);
}

/* --- models --- */

static int by_row_name(const void *a, const void *b)
{
    return strcmp(((const struct model_row *)a)->name, ((const struct model_row *)b)->name);
}

static struct model_row *row_made(struct sums *sums, const char *name)
{
    struct model_row key = {.name = name}, **found = tfind(&key, &sums->model_rows, by_row_name), *row;

    if (found)
        return *found;
    row = malloc(sizeof(*row));
    if (!row)
        return NULL;
    row->name = name;
    aggregate_reset(&row->sum);
    found = tsearch(row, &sums->model_rows, by_row_name);
    if (!found)
        free(row);
    return found ? *found : NULL;
}

static void share_of(struct sums *sums, const struct oks_totals *totals, const char *name, int64_t mtime_ns,
                     struct model_share *out)
{
    out->name = oks_intern(sums->names, name);
    out->measure = (struct measure){
        .totals = *totals,
        .duration_ms = oks_duration_ms(totals->first, totals->last),
        .sessions = 1,
        .model = out->name,
        .mtime_ns = mtime_ns,
    };
}

/* The transcript's shares now, with its unfinished line; NULL on ENOMEM. */
static struct model_share *shares_now(struct sums *sums, const struct transcript *t, size_t *n)
{
    size_t most = t->state.models.len + transcript_tail(t)->counts;
    struct model_share *shares = calloc(most ? most : 1, sizeof(*shares));
    const struct oks_event *tail = &transcript_tail(t)->event;
    struct oks_totals extra = {.events = 1, .stamped = tail->stamp.key < OKS_STAMP_KEY_TEXT};
    const char *tail_name = transcript_tail(t)->line_model ? t->tail->line_model : "";
    uint64_t any = 0;
    bool met = false;

    for (int i = 0; transcript_tail(t)->counts && i < OKS_COLUMNS; i++)
        any |= extra.count[i] = tail->count[i];
    extra.first = extra.last = extra.stamped ? tail->stamp : OKS_STAMP_NONE;
    *n = 0;
    for (size_t i = 0; shares && i < t->state.models.len; i++) {
        struct oks_totals totals = t->state.models.items[i].totals;

        if (any && strcmp(t->state.models.items[i].name, tail_name) == 0) {
            oks_totals_add(&totals, &extra);
            met = true;
        }
        share_of(sums, &totals, t->state.models.items[i].name, t->mark.mtime_ns, &shares[(*n)++]);
    }
    if (shares && any && !met)
        share_of(sums, &extra, tail_name, t->mark.mtime_ns, &shares[(*n)++]);
    return shares;
}

static const struct measure *share_named(const struct model_share *shares, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (shares[i].name == name)
            return &shares[i].measure;
    return NULL;
}

static void replace_share(struct sums *sums, const char *name, const struct measure *before,
                          const struct measure *after)
{
    struct model_row *row = row_made(sums, name); /* it was made before */

    if (row)
        aggregate_replace(&row->sum, before, after);
}

/* Whether all shares have a name and a row. */
static bool have_rows(struct sums *sums, const struct model_share *shares, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!shares[i].name || !row_made(sums, shares[i].name))
            return false;
    return true;
}

int sums_transcript(struct sums *sums, struct transcript *t, bool leaves)
{
    size_t n = 0;
    struct model_share *now;

    t->sums->twin = !leaves && session_has_twin(t->session, t);
    now = leaves || t->sums->twin ? NULL : shares_now(sums, t, &n);
    if (!leaves && !t->sums->twin && (!now || !have_rows(sums, now, n))) {
        free(now);
        return -ENOMEM;
    }
    for (size_t i = 0; i < t->sums->n_shares; i++)
        replace_share(sums, t->sums->shares[i].name, &t->sums->shares[i].measure,
                      share_named(now, n, t->sums->shares[i].name));
    for (size_t i = 0; i < n; i++)
        if (!share_named(t->sums->shares, t->sums->n_shares, now[i].name))
            replace_share(sums, now[i].name, NULL, &now[i].measure);
    free(t->sums->shares);
    t->sums->shares = now;
    t->sums->n_shares = n;
    labels_due(sums, t->session);
    return 0;
}

int sums_twins(struct sums *sums, struct session *s)
{
    struct transcript *t;
    int rc = 0;

    if (!s->twins_changed)
        return 0;
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (rc == 0 && t->loaded && t->sums->twin != session_has_twin(s, t))
            rc = sums_transcript(sums, t, false);
    s->twins_changed = rc < 0;
    return rc;
}

bool sums_is_twin(const struct transcript *t)
{
    return t->sums->twin;
}

static void add_shares(void *ctx, void *item)
{
    const struct transcript *t = item;
    struct model_row *row = ctx;
    const struct measure *share = share_named(t->sums->shares, t->sums->n_shares, row->name);

    if (share)
        aggregate_replace(&row->sum, NULL, share);
}

struct model_visitor {
    struct sums *sums;
    void (*fn)(void *ctx, const char *name, const struct measure *m);
    void *ctx;
};

static void visit_row(void *ctx, void *item)
{
    struct model_row *row = item;
    struct model_visitor *v = ctx;
    struct measure m;

    if (row->sum.stale) {
        aggregate_reset(&row->sum);
        oks_tree_each(v->sums->catalog->transcripts, add_shares, row);
    }
    if (row->sum.parts == 0)
        return;
    aggregate_show(&row->sum, &m);
    v->fn(v->ctx, row->name, &m);
}

void sums_models(struct sums *sums, void (*fn)(void *ctx, const char *name, const struct measure *m),
                 void *ctx)
{
    struct model_visitor v = {sums, fn, ctx};

    oks_tree_each(sums->model_rows, visit_row, &v);
}

void sums_transcript_models(const struct transcript *t,
                            void (*fn)(void *ctx, const char *name, const struct measure *m), void *ctx)
{
    for (size_t i = 0; i < t->sums->n_shares; i++)
        fn(ctx, t->sums->shares[i].name, &t->sums->shares[i].measure);
}

/* --- bills --- */

int sums_posted(struct sums *sums, struct session *s, const char *model, const struct billed_sum *sum,
                bool comes)
{
    struct billed_bag *bags[2 + GROUP_KINDS];
    struct billed_sum *to[2 + GROUP_KINDS];
    struct session_sums *own = s->sums;
    int n = 0;

    if (s->project && s->project->sums && !s->project->sums->billed_stale)
        bags[n++] = &s->project->sums->billed;
    for (int i = 0; i < GROUP_KINDS; i++)
        if (own->groups[i].group)
            bags[n++] = group_bag(own->groups[i].group);
    bags[n] = label_sets_bag(sums, s);
    n += bags[n] != NULL;
    for (int i = 0; i < n; i++) {
        to[i] = billed_bag_at(bags[i], model);
        if (!to[i])
            return -ENOMEM;
    }
    for (int i = 0; i < n; i++)
        (comes ? billed_add : billed_take)(to[i], sum);
    labels_due(sums, s);
    spans_due(sums, s);
    if (!own->touched) {
        own->touched = true;
        LIST_INSERT_HEAD(&sums->touched, own, of_touched);
    }
    return 0;
}

struct session *sums_next_touched(struct sums *sums)
{
    struct session_sums *first = LIST_FIRST(&sums->touched);

    if (!first)
        return NULL;
    LIST_REMOVE(first, of_touched);
    first->touched = false;
    return first->session;
}

static void forget_project(void *ctx, void *item)
{
    struct project *p = item;

    (void)ctx;
    if (p->sums)
        billed_bag_forget_costs(&p->sums->billed);
}

static void forget_group(void *ctx, void *item)
{
    (void)ctx;
    billed_bag_forget_costs(group_bag(item));
}

void sums_forget_costs(struct sums *sums)
{
    oks_tree_each(sums->catalog->projects, forget_project, NULL);
    for (int kind = 0; kind < GROUP_KINDS; kind++)
        oks_tree_each(groups_tree(sums, (enum group_kind)kind), forget_group, NULL);
    tag_bills_forget(sums->catalog);
    labels_forget(sums);
    label_sets_forget_costs(sums);
}

const struct billed_bag *sums_project_billed(struct project *p)
{
    struct project_sums *own = project_sums_made(p);
    const struct session *s;

    if (!own || !own->billed_stale)
        return own ? &own->billed : NULL;
    billed_bag_clear(&own->billed);
    LIST_FOREACH(s, &p->sessions, of_project)
        if (billed_session_add(&own->billed, s) < 0)
            return NULL;
    own->billed_stale = false;
    return &own->billed;
}

bool sums_has_share(const struct session *s)
{
    return s->sums && s->sums->summed;
}

const struct measure *sums_share(const struct session *s)
{
    return &s->sums->share;
}

void sums_clear(struct sums *sums)
{
    tdestroy(sums->model_rows, free);
    groups_free(sums);
    labels_free(sums);
    spans_clear(sums);
    label_sets_free(sums);
}
