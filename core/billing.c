/*
 * Counting every request once.
 *
 * Forks copy a session's whole history into a new file, compaction and side questions replay their parent,
 * parents log what their sub-agents do, and folders are copied: the same request stands in many files. So one
 * map over all files knows where each key stands. Of the lines of one request the best one (request_rank)
 * says what it cost, and one transcript owns it: the first of those outside a side chain, then the one whose
 * line is earliest, then the one whose path is smallest. Neither asks in which order files were found.
 *
 * Every row that is not alone goes through elect(), which undoes what its key has put into any sum and puts
 * in what its candidates come to now. Rows that are alone, nearly all, count for themselves. What the owner's
 * own row does not say itself is a loan.
 *
 * An election needs the rows of all candidates; those that were dropped to save memory are asked back, and
 * until then the key is pending and its sums are as they were. oks_engine_sync() returns when nothing is.
 *
 * Invariants, outside of this file: a row is in the map exactly if its transcript's part says so (row <
 * part->rows); `counted` rows and loans are what `share` holds; share, session, project and all agree.
 */
#include "billing.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "engine_private.h"

enum { PRICED_MAX = 256 }; /* models whose price is remembered */

/* --- sums --- */

/* Of the prices in force: looked up once, and then found by the address of the name. */
static const struct oks_price *price_of(struct oks_engine *e, const char *model)
{
    struct billing *b = &e->billing;
    const struct oks_price *price;
    struct priced_model *priced;

    for (size_t i = 0; i < b->n_priced; i++)
        if (b->priced[i].model == model)
            return b->priced[i].price;
    price = oks_prices_find(settings_prices(e), oks_slice_of(model));
    priced = b->n_priced < PRICED_MAX ? reallocarray(b->priced, b->n_priced + 1, sizeof(*priced)) : NULL;
    if (priced) {
        priced[b->n_priced++] = (struct priced_model){model, price};
        b->priced = priced;
    }
    return price;
}

/* What it costs alone, in a sum of nothing else. */
static void cost_of(struct oks_engine *e, const struct oks_request *r, const char *model,
                    struct billed_sum *out)
{
    oks_money cost = 0;

    if (r->second_hand)
        return;
    if (oks_price_cost(price_of(e, model), &r->spend, &cost) != OKS_PRICED)
        out->unpriced = 1;
    out->cost = (unsigned __int128)cost;
}

static void tokens_of(const struct oks_request *r, struct billed_sum *out)
{
    const struct oks_spend *s = &r->spend;

    *out = (struct billed_sum){0};
    if (r->second_hand) {
        out->second_hand = 1;
        return;
    }
    out->requests = 1;
    out->input = s->input;
    out->output = s->output;
    out->cache_5m = s->cache_5m;
    out->cache_1h = s->cache_1h;
    out->cache_read = s->cache_read;
    out->web_searches = s->web_searches;
    out->tool_uses = r->tool_uses;
    out->unsettled = !r->settled;
}

void billing_sum_of(struct oks_engine *e, const struct oks_request *r, const char *model,
                    struct billed_sum *out)
{
    tokens_of(r, out);
    cost_of(e, r, model, out);
}

/* What a row of the transcript has put into the sums, or would now. */
static void row_sum(struct oks_engine *e, const struct transcript *t, const struct request_row *row,
                    struct billed_sum *out)
{
    tokens_of(&row->request, out);
    if (!t->billed.unpriced)
        cost_of(e, &row->request, t->billed.models[row->model], out);
}

static void touch(struct oks_engine *e, struct session *s)
{
    if (s->billed_touched)
        return;
    s->billed_touched = true;
    LIST_INSERT_HEAD(&e->billing.touched, s, of_touched);
}

enum { BAGS = 4 + GROUP_KINDS };

/* The sums that a transcript's requests are in: its own, its session's, its groups', its project's, that of
 * all.
 */
static int bags_of(struct oks_engine *e, struct transcript *t, struct billed_bag *bags[BAGS])
{
    int n = 0;

    bags[n++] = &t->billed.share;
    bags[n++] = &t->session->billed;
    bags[n++] = &e->billing.all;
    if (t->session->project)
        bags[n++] = &t->session->project->billed;
    for (int i = 0; i < GROUP_KINDS; i++)
        if (t->session->groups[i].group)
            bags[n++] = &t->session->groups[i].group->billed;
    return n;
}

static int put_in(struct oks_engine *e, struct transcript *t, struct oks_stamp stamp, const char *model,
                  const struct billed_sum *sum)
{
    struct billed_bag *bags[BAGS];
    struct billed_sum *to[BAGS];
    int n = bags_of(e, t, bags);

    for (int i = 0; i < n; i++) {
        to[i] = billed_bag_at(bags[i], model);
        if (!to[i])
            return -ENOMEM;
    }
    for (int i = 0; i < n; i++)
        billed_add(to[i], sum);
    times_request(e, t, stamp, model, sum, true);
    touch(e, t->session);
    return 0;
}

/* Of what was put in: its places are there. */
static void take_out(struct oks_engine *e, struct transcript *t, struct oks_stamp stamp, const char *model,
                     const struct billed_sum *sum)
{
    struct billed_bag *bags[BAGS];
    int n = bags_of(e, t, bags);

    for (int i = 0; i < n; i++)
        billed_take(billed_bag_at(bags[i], model), sum);
    times_request(e, t, stamp, model, sum, false);
    touch(e, t->session);
}

/* --- rows that count for themselves --- */

struct entering {
    struct oks_engine *e;
    struct transcript *t;
};

static bool is_counted(const struct billing_part *part, size_t i)
{
    return part->counted[i / 64] >> i % 64 & 1;
}

static void set_counted(struct billing_part *part, size_t i, bool counted)
{
    uint64_t bit = UINT64_C(1) << i % 64;

    part->counted[i / 64] = counted ? part->counted[i / 64] | bit : part->counted[i / 64] & ~bit;
}

static int count_row(struct oks_engine *e, struct transcript *t, size_t i, const struct request_row *row)
{
    const char *model = t->billed.models[row->model];
    struct billed_sum sum;
    int rc;

    row_sum(e, t, row, &sum);
    rc = put_in(e, t, row->request.stamp, model, &sum);
    if (rc < 0)
        return rc;
    set_counted(&t->billed, i, true);
    if (t->billed.tree)
        billed_tree_add(t->billed.tree, i, row->request.stamp, row->model, &sum);
    return 0;
}

static void uncount_row(struct oks_engine *e, struct transcript *t, size_t i)
{
    struct request_row row;
    struct billed_sum sum;

    if (!is_counted(&t->billed, i))
        return;
    requests_get(t->state.requests, i, &row);
    row_sum(e, t, &row, &sum);
    take_out(e, t, row.request.stamp, t->billed.models[row.model], &sum);
    set_counted(&t->billed, i, false);
    if (t->billed.tree)
        billed_tree_take(t->billed.tree, i, row.model, &sum);
}

/* --- loans --- */

static int by_key(const void *a, const void *b)
{
    const struct loan *x = a, *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

static struct loan *loan_of(struct billing *b, uint64_t key)
{
    struct loan wanted = {.key = key}, **found = b->loans ? tfind(&wanted, &b->loans, by_key) : NULL;

    return found ? *found : NULL;
}

static void loan_end(struct oks_engine *e, struct loan *loan)
{
    tdelete(loan, &e->billing.loans, by_key);
    LIST_REMOVE(loan, of_owner);
    free(loan);
}

static int lend(struct oks_engine *e, struct transcript *owner, const struct transcript *lender,
                const struct request_row *row)
{
    const char *model = lender->billed.models[row->model];
    struct loan *loan = calloc(1, sizeof(*loan));
    int rc;

    if (!loan)
        return -ENOMEM;
    loan->key = row->request.key;
    loan->owner = owner;
    loan->model = model;
    loan->request = row->request;
    /* An uncommon time lies in the lender's rows, which may go. */
    if (loan->request.stamp.key == OKS_STAMP_KEY_TEXT)
        loan->request.stamp = OKS_STAMP_NONE;
    billing_sum_of(e, &row->request, model, &loan->sum);
    rc = tsearch(loan, &e->billing.loans, by_key) ? 0 : -ENOMEM;
    if (rc == 0) {
        LIST_INSERT_HEAD(&owner->billed.loans, loan, of_owner);
        rc = put_in(e, owner, loan->request.stamp, model, &loan->sum);
        if (rc < 0)
            loan_end(e, loan);
        return rc;
    }
    free(loan);
    return rc;
}

/* --- elections --- */

struct candidate {
    struct transcript *t;
    size_t i;
    struct request_row row;
};

static int stamps_cmp(struct oks_stamp a, struct oks_stamp b)
{
    bool none_a = oks_stamp_is_none(a), none_b = oks_stamp_is_none(b);

    return none_a || none_b ? none_a - none_b : oks_stamp_cmp(a, b);
}

/* Whether a's line is to be believed rather than b's. */
static bool tells_better(const struct candidate *a, const struct candidate *b)
{
    int d = request_rank(&a->row.request, &b->row.request);

    if (d == 0)
        d = stamps_cmp(a->row.request.stamp, b->row.request.stamp);
    return d ? d > 0 : strcmp(a->t->path, b->t->path) < 0;
}

static bool owns_rather(const struct candidate *a, const struct candidate *b)
{
    const struct oks_request *x = &a->row.request, *y = &b->row.request;
    int d;

    if (x->second_hand != y->second_hand)
        return y->second_hand;
    if (x->sidechain != y->sidechain)
        return y->sidechain;
    d = stamps_cmp(x->stamp, y->stamp);
    return d ? d < 0 : strcmp(a->t->path, b->t->path) < 0;
}

static struct transcript *at_place(const struct billing *b, struct billing_place place)
{
    return b->by_id[place.transcript];
}

/* Its rows are needed: engine_await() brings them back. */
static void want(struct oks_engine *e, struct transcript *t)
{
    t->wanted = true;
    registry_mark_dirty(e, t, true);
}

/* False: rows of a candidate are dropped, and now wanted. */
static bool candidates_ready(struct oks_engine *e, uint64_t key, bool wanting)
{
    struct billing_place place;
    bool ready = true;

    for (size_t at = 0; billing_map_next(&e->billing.map, key, &at, &place);) {
        struct transcript *t = at_place(&e->billing, place);

        if (!requests_dropped(t->state.requests))
            continue;
        ready = false;
        if (!wanting)
            break;
        want(e, t);
    }
    return ready;
}

/* Who owned a request, and what it came to: what a stream may have told of it. */
struct verdict {
    struct transcript *t; /* NULL: nobody */
    size_t i;
    const char *model;
    struct oks_stamp stamp;
    struct oks_spend spend;
};

static size_t own_row(const struct oks_engine *e, const struct transcript *t, uint64_t key);

static bool same_telling(const struct oks_request *a, const struct oks_request *b)
{
    const struct oks_spend *x = &a->spend, *y = &b->spend;

    return a->stamp.key == b->stamp.key && x->input == y->input && x->output == y->output &&
           x->cache_5m == y->cache_5m && x->cache_1h == y->cache_1h && x->cache_read == y->cache_read;
}

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
    return a->t == b->t && a->i == b->i && a->model == b->model &&
           same_telling(&(struct oks_request){.stamp = a->stamp, .spend = a->spend},
                        &(struct oks_request){.stamp = b->stamp, .spend = b->spend});
}

static struct verdict verdict_of(struct transcript *t, size_t i, const char *model,
                                 const struct oks_request *r)
{
    return (struct verdict){t, i, model, r->stamp, r->spend};
}

/* Undoes what the key has put into any sum, and says what that was. */
static struct verdict undo(struct oks_engine *e, uint64_t key)
{
    struct loan *loan = loan_of(&e->billing, key);
    struct verdict before = {0};
    struct billing_place place;

    for (size_t at = 0; billing_map_next(&e->billing.map, key, &at, &place);) {
        struct transcript *t = at_place(&e->billing, place);
        struct request_row row;

        if (!is_counted(&t->billed, place.row))
            continue;
        requests_get(t->state.requests, place.row, &row);
        before = verdict_of(t, place.row, t->billed.models[row.model], &row.request);
        uncount_row(e, t, place.row);
    }
    if (!loan)
        return before;
    before = verdict_of(loan->owner, own_row(e, loan->owner, key), loan->model, &loan->request);
    take_out(e, loan->owner, loan->request.stamp, loan->model, &loan->sum);
    loan_end(e, loan);
    return before;
}

static int elect(struct oks_engine *e, uint64_t key)
{
    struct candidate best = {0}, owner = {0}, c;
    struct verdict before = undo(e, key), after;
    struct billing_place place;

    for (size_t at = 0; billing_map_next(&e->billing.map, key, &at, &place);) {
        c.t = at_place(&e->billing, place);
        c.i = place.row;
        requests_get(c.t->state.requests, c.i, &c.row);
        if (!best.t || tells_better(&c, &best))
            best = c;
        if (!owner.t || owns_rather(&c, &owner))
            owner = c;
    }
    if (!best.t)
        return 0;
    after = verdict_of(owner.t, owner.i, best.t->billed.models[best.row.model], &best.row.request);
    if (!same_verdict(&before, &after)) {
        if (before.t)
            stream_changed(e, before.t, before.i);
        stream_changed(e, after.t, after.i);
    }
    if (best.t == owner.t)
        return count_row(e, owner.t, owner.i, &owner.row);
    return lend(e, owner.t, best.t, &best.row);
}

static int pend(struct billing *b, uint64_t key)
{
    if (b->n_pending && b->pending[b->n_pending - 1] == key)
        return 0;
    if (b->n_pending == b->pending_room) {
        size_t room = b->pending_room * 2 + 16;
        uint64_t *pending = reallocarray(b->pending, room, sizeof(*pending));

        if (!pending)
            return -ENOMEM;
        b->pending = pending;
        b->pending_room = room;
    }
    b->pending[b->n_pending++] = key;
    return 0;
}

/* Decides what can be decided now; returns how many keys are left, or -ENOMEM. */
static int64_t settle(struct oks_engine *e, bool wanting)
{
    struct billing *b = &e->billing;
    size_t left = 0;

    for (size_t i = 0; i < b->n_pending; i++) {
        uint64_t key = b->pending[i];
        int rc = 0;

        if (candidates_ready(e, key, wanting))
            rc = elect(e, key);
        else
            b->pending[left++] = key;
        if (rc < 0) {
            b->n_pending = 0; /* who is out of memory scans all of it again */
            return rc;
        }
    }
    b->n_pending = left;
    return (int64_t)left;
}

/* --- other prices --- */

static void forget_costs(struct billed_bag *bag)
{
    for (size_t i = 0; i < bag->len; i++) {
        bag->items[i].sum.cost = 0;
        bag->items[i].sum.unpriced = 0;
    }
}

static void unprice(struct oks_engine *e, struct transcript *t)
{
    billing_dropped(t); /* the tree */
    forget_costs(&t->billed.share);
    if (t->billed.id && !t->billed.unpriced) {
        t->billed.unpriced = true;
        e->billing.n_unpriced++;
    }
}

static void forget_session(const void *node, VISIT visit, void *ctx)
{
    struct session *s = *(struct session *const *)node;
    struct transcript *t;

    if (visit != postorder && visit != leaf)
        return;
    forget_costs(&s->billed);
    LIST_FOREACH(t, &s->transcripts, of_session)
        unprice(ctx, t);
}

static void forget_project(const void *node, VISIT visit, void *ctx)
{
    struct project *p = *(struct project *const *)node;

    if (visit == postorder || visit == leaf)
        forget_costs(&p->billed);
}

static void forget_group(void *ctx, struct group *group)
{
    (void)ctx;
    forget_costs(&group->billed);
}

static void price_loan(const void *node, VISIT visit, void *ctx)
{
    struct loan *loan = *(struct loan *const *)node;
    struct billed_sum cost = {0};

    if (visit != postorder && visit != leaf)
        return;
    cost_of(ctx, &loan->request, loan->model, &cost);
    loan->sum.cost = cost.cost;
    loan->sum.unpriced = cost.unpriced;
    put_in(ctx, loan->owner, loan->request.stamp, loan->model, &cost); /* its place is there */
}

void billing_prices(struct oks_engine *e)
{
    struct billing *b = &e->billing;

    if (b->prices_version == e->prices_version)
        return;
    b->prices_version = e->prices_version;
    b->n_priced = 0;
    forget_costs(&b->all);
    twalk_r(e->projects, forget_project, NULL);
    for (int kind = 0; kind < GROUP_KINDS; kind++)
        groups_each(e, (enum group_kind)kind, forget_group, NULL);
    times_reset(e); /* rows of time are made anew from sums with costs */
    twalk_r(e->sessions, forget_session, e);
    twalk_r(b->loans, price_loan, e);
}

static int price_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct entering *in = ctx;
    const char *model = in->t->billed.models[row->model];
    struct billed_sum cost = {0};

    if (!is_counted(&in->t->billed, i))
        return 0;
    cost_of(in->e, &row->request, model, &cost);
    return put_in(in->e, in->t, row->request.stamp, model, &cost);
}

enum { REPRICED_AT_ONCE = 64 }; /* transcripts whose rows are asked back together */

struct repricing {
    struct oks_engine *e;
    int64_t rc; /* how many are left, or -ENOMEM */
};

static void reprice_one(const void *node, VISIT visit, void *ctx)
{
    struct transcript *t = *(struct transcript *const *)node;
    struct repricing *r = ctx;
    struct entering in = {r->e, t};

    if ((visit != postorder && visit != leaf) || !t->billed.unpriced || r->rc < 0)
        return;
    if (requests_dropped(t->state.requests)) {
        if (r->rc++ < REPRICED_AT_ONCE)
            want(r->e, t);
        return;
    }
    t->billed.unpriced = false;
    r->e->billing.n_unpriced--;
    if (requests_each(t->state.requests, 0, t->billed.rows, price_row, &in) < 0)
        r->rc = -ENOMEM;
}

/* Puts the costs in that a change of prices took out of all sums. */
static int64_t reprice(struct oks_engine *e)
{
    struct repricing r = {.e = e};

    twalk_r(e->transcripts, reprice_one, &r);
    return r.rc;
}

uint64_t billing_prices_mark(const struct oks_engine *e)
{
    uint64_t mark;
    char *text;
    size_t len;

    if (oks_prices_document(settings_prices(e), &text, &len) < 0)
        return 0;
    mark = request_key_of_id((struct oks_slice){text, len});
    free(text);
    return mark ? mark : 1;
}

int billing_settle(struct oks_engine *e)
{
    int64_t left = e->billing.n_pending ? settle(e, true) : 0;

    if (left == 0 && e->billing.n_unpriced)
        left = reprice(e);
    return left < 0 ? (int)left : left > 0;
}

/* --- windows --- */

struct windowing {
    struct oks_engine *e;
    const struct transcript *t;
    struct oks_stamp since, until;
    struct billed_sum *sums; /* by the transcript's own numbers of models */
};

static int add_row_in_window(void *ctx, size_t i, const struct request_row *row)
{
    struct windowing *w = ctx;
    struct billed_sum sum;

    if (!is_counted(&w->t->billed, i) || !billed_in_window(row->request.stamp, w->since, w->until))
        return 0;
    row_sum(w->e, w->t, row, &sum);
    billed_add(&w->sums[row->model], &sum);
    return 0;
}

static void add_rows_in_window(void *ctx, size_t from, size_t to)
{
    struct windowing *w = ctx;
    size_t len = w->t->billed.rows;

    requests_each(w->t->state.requests, from, to < len ? to : len, add_row_in_window, w);
}

static int plant_row(void *ctx, size_t i, const struct request_row *row)
{
    struct entering *in = ctx;
    struct billed_sum sum;

    if (!is_counted(&in->t->billed, i))
        return 0;
    row_sum(in->e, in->t, row, &sum);
    billed_tree_add(in->t->billed.tree, i, row->request.stamp, row->model, &sum);
    return 0;
}

/* Makes the tree that nobody has asked for before. */
static int plant(struct oks_engine *e, struct transcript *t)
{
    struct billing_part *part = &t->billed;
    struct entering in = {e, t};
    int rc;

    if (part->tree)
        return 0;
    rc = billed_tree_new(&part->tree, part->n_models);
    if (rc == 0)
        rc = billed_tree_reserve(part->tree, part->rows_room, part->n_models);
    if (rc == 0)
        return requests_each(t->state.requests, 0, part->rows, plant_row, &in);
    billing_dropped(t);
    return rc;
}

static int window_of_rows(struct oks_engine *e, struct transcript *t, const struct measure_window *w,
                          struct billed_bag *out)
{
    struct billing_part *part = &t->billed;
    struct windowing in = {e, t, w->since, w->until, NULL};
    int rc = plant(e, t);

    if (rc < 0)
        return rc;
    residence_changed(e, t);
    in.sums = calloc(part->n_models + 1, sizeof(*in.sums));
    if (!in.sums)
        return -ENOMEM;
    billed_tree_window(part->tree, w->since, w->until, in.sums, add_rows_in_window, &in);
    for (size_t i = 0; rc == 0 && i < part->n_models; i++) {
        struct billed_sum *to = billed_bag_at(out, part->models[i]);

        if (to)
            billed_add(to, &in.sums[i]);
        else
            rc = -ENOMEM;
    }
    free(in.sums);
    return rc;
}

static int window_of_transcript(struct oks_engine *e, struct transcript *t, const struct measure_window *w,
                                struct billed_bag *out)
{
    const struct loan *loan;
    int rc;

    if (t->billed.rows == 0)
        return 0;
    if (requests_dropped(t->state.requests)) {
        measure_want(w, t);
        return 0;
    }
    rc = window_of_rows(e, t, w, out);
    LIST_FOREACH(loan, &t->billed.loans, of_owner) {
        struct billed_sum *to;

        if (!billed_in_window(loan->request.stamp, w->since, w->until))
            continue;
        to = rc == 0 ? billed_bag_at(out, loan->model) : NULL;
        if (!to)
            return -ENOMEM;
        billed_add(to, &loan->sum);
    }
    return rc;
}

/* Nothing is lent to the session, so its requests lie between its first event and its last. */
static bool has_loans(const struct session *s)
{
    const struct transcript *t;

    LIST_FOREACH(t, &s->transcripts, of_session)
        if (!LIST_EMPTY(&t->billed.loans))
            return true;
    return false;
}

int billing_session(struct oks_engine *e, const struct session *s, const struct measure_window *w,
                    struct billed_bag *out)
{
    enum measure_place place = measure_place(s, w);
    struct transcript *t;
    int rc = 0;

    if (place == MEASURE_OPEN || (place == MEASURE_INSIDE && !has_loans(s)))
        return billed_bag_add(out, &s->billed);
    if (place == MEASURE_OUTSIDE && !has_loans(s))
        return 0;
    LIST_FOREACH(t, &s->transcripts, of_session)
        if (rc == 0)
            rc = window_of_transcript(e, t, w, out);
    return rc;
}

/* --- one by one --- */

struct visiting {
    struct oks_engine *e;
    const struct transcript *t;
    int (*fn)(void *ctx, const struct billing_visit *visit);
    void *ctx;
};

static int visit_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct visiting *v = ctx;
    const char *model = v->t->billed.models[row->model];
    struct billed_sum sum;

    if (!is_counted(&v->t->billed, i))
        return 0;
    row_sum(v->e, v->t, row, &sum);
    return v->fn(v->ctx, &(struct billing_visit){row, i, row->request.stamp, model, &sum});
}

int billing_each(struct oks_engine *e, const struct transcript *t,
                 int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx)
{
    struct visiting v = {e, t, fn, ctx};
    const struct loan *loan;
    int rc = requests_each(t->state.requests, 0, t->billed.rows, visit_row, &v);

    LIST_FOREACH(loan, &t->billed.loans, of_owner)
        if (rc == 0)
            rc = fn(ctx,
                    &(struct billing_visit){NULL, SIZE_MAX, loan->request.stamp, loan->model, &loan->sum});
    return rc;
}

static int visit_owned(void *ctx, size_t i, const struct request_row *row)
{
    const struct visiting *v = ctx;
    const struct loan *loan;

    if (is_counted(&v->t->billed, i) || LIST_EMPTY(&v->t->billed.loans))
        return visit_row(ctx, i, row);
    loan = loan_of(&v->e->billing, row->request.key);
    if (!loan || loan->owner != v->t)
        return 0;
    return v->fn(v->ctx, &(struct billing_visit){row, i, loan->request.stamp, loan->model, &loan->sum});
}

int billing_each_owned(struct oks_engine *e, const struct transcript *t, size_t from, size_t to,
                       int (*fn)(void *ctx, const struct billing_visit *visit), void *ctx)
{
    struct visiting v = {e, t, fn, ctx};

    return requests_each(t->state.requests, from, to < t->billed.rows ? to : t->billed.rows, visit_owned, &v);
}

int billing_ruling(struct oks_engine *e, const struct transcript *t, uint64_t key, struct billing_ruling *out)
{
    struct candidate best = {0}, owner = {0}, c;
    struct billing_place place;

    if (!candidates_ready(e, key, true))
        return 1;
    *out = (struct billing_ruling){0};
    for (size_t at = 0; billing_map_next(&e->billing.map, key, &at, &place);) {
        c.t = at_place(&e->billing, place);
        c.i = place.row;
        requests_get(c.t->state.requests, c.i, &c.row);
        if (c.t == t)
            out->own_line = c.row.line;
        if (!best.t || tells_better(&c, &best))
            best = c;
        if (!owner.t || owns_rather(&c, &owner))
            owner = c;
        out->files++;
    }
    if (!best.t)
        return -ENOENT;
    out->owner = owner.t;
    out->teller = best.t;
    out->line = best.row.line;
    out->second_hand = best.row.request.second_hand;
    return 0;
}

/* --- rows come and go --- */

static int take_id(struct billing *b, struct transcript *t)
{
    if (t->billed.id)
        return 0;
    if (b->n_free) {
        t->billed.id = b->free_ids[--b->n_free];
        b->by_id[t->billed.id] = t;
        return 0;
    }
    if (b->n_ids >= BILLING_TRANSCRIPTS_MAX)
        return -EFBIG;
    if (b->n_ids + 1 >= b->ids_room) {
        size_t room = b->ids_room * 2 + 64;
        struct transcript **by_id = reallocarray(b->by_id, room, sizeof(*by_id));
        uint32_t *ids;

        if (!by_id)
            return -ENOMEM;
        b->by_id = by_id;
        ids = reallocarray(b->free_ids, room, sizeof(*ids)); /* as many as could ever be free */
        if (!ids)
            return -ENOMEM;
        b->free_ids = ids;
        b->ids_room = room;
    }
    t->billed.id = (uint32_t)++b->n_ids;
    b->by_id[t->billed.id] = t;
    return 0;
}

static void give_id(struct billing *b, struct transcript *t)
{
    if (!t->billed.id)
        return;
    b->by_id[t->billed.id] = NULL;
    b->free_ids[b->n_free++] = t->billed.id;
    t->billed.id = 0;
}

/* Names, bits and sums for all that the store holds. */
static int part_reserve(struct oks_engine *e, struct transcript *t, const struct oks_requests *rows)
{
    struct billing_part *part = &t->billed;
    size_t len = requests_len(rows), models = requests_models(rows);

    if (models > part->n_models) {
        const char **names = reallocarray(part->models, models, sizeof(*names));

        if (!names)
            return -ENOMEM;
        part->models = names;
        for (; part->n_models < models; part->n_models++) {
            names[part->n_models] = sums_intern(e, requests_model(rows, (unsigned)part->n_models).ptr);
            if (!names[part->n_models])
                return -ENOMEM;
        }
    }
    if (len > part->rows_room) {
        size_t room = (len + len / 4) / 64 + 1;
        uint64_t *counted = reallocarray(part->counted, room, sizeof(*counted));

        if (!counted)
            return -ENOMEM;
        memset(counted + part->rows_room / 64, 0, (room - part->rows_room / 64) * sizeof(*counted));
        part->counted = counted;
        part->rows_room = room * 64;
    }
    return part->tree ? billed_tree_reserve(part->tree, len, models) : 0;
}

/* One more row of the store goes into the map. */
static int enter_row(void *ctx, size_t i, const struct request_row *row)
{
    struct entering *in = ctx;
    struct billing *b = &in->e->billing;
    struct billing_part *part = &in->t->billed;
    uint64_t key = row->request.key;
    bool others = billing_map_add(&b->map, key, (struct billing_place){part->id, (uint32_t)i});

    part->rows = i + 1;
    set_counted(part, i, false);
    return others ? pend(b, key) : count_row(in->e, in->t, i, row);
}

static int enter_rows(struct oks_engine *e, struct transcript *t, const struct oks_requests *rows)
{
    struct entering in = {e, t};
    size_t from = t->billed.rows, to = requests_len(rows);
    int rc = from < to ? take_id(&e->billing, t) : 0;

    if (rc == 0)
        rc = part_reserve(e, t, rows);
    if (rc == 0)
        rc = billing_map_reserve(&e->billing.map, to - from);
    return rc < 0 ? rc : requests_each(rows, from, to, enter_row, &in);
}

static int settled(struct oks_engine *e, int rc)
{
    int64_t left = rc < 0 ? rc : settle(e, false);

    return left < 0 ? (int)left : 0;
}

static bool same_keys(const struct oks_requests *a, const struct oks_requests *b)
{
    size_t n = requests_len(a);

    if (requests_len(b) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (requests_key(a, i) != requests_key(b, i))
            return false;
    return true;
}

int billing_enter(struct oks_engine *e, struct transcript *t, struct oks_requests *rows, bool restored)
{
    struct oks_requests *before = t->state.requests;
    bool same = restored && same_keys(before, rows);

    if (!same)
        billing_leave(e, t);
    t->billed.n_models = 0; /* the cache numbers them in the order of rows */
    oks_requests_free(before);
    t->state.requests = rows;
    return settled(e, same ? part_reserve(e, t, rows) : enter_rows(e, t, rows));
}

/* --- the index file --- */

int billing_own_share(const struct transcript *t, struct billed_bag *out)
{
    const struct loan *loan;
    int rc = billed_bag_add(out, &t->billed.share);

    if (rc < 0)
        return rc;
    LIST_FOREACH(loan, &t->billed.loans, of_owner)
        billed_take(billed_bag_at(out, loan->model), &loan->sum);
    return 0;
}

static int restore_share(struct oks_engine *e, struct transcript *t, const struct billed_bag *share)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < share->len; i++)
        rc = put_in(e, t, OKS_STAMP_NONE, share->items[i].model, &share->items[i].sum);
    return rc;
}

int billing_restore(struct oks_engine *e, struct transcript *t, struct oks_requests *rows,
                    const void *counted, const struct billed_bag *share, bool priced)
{
    struct billing *b = &e->billing;
    struct billing_part *part = &t->billed;
    size_t n = requests_len(rows);
    int rc = n ? take_id(b, t) : 0;

    oks_requests_free(t->state.requests);
    t->state.requests = rows;
    if (n == 0)
        return 0;
    if (rc == 0)
        rc = part_reserve(e, t, rows);
    if (rc == 0)
        rc = billing_map_reserve(&b->map, n);
    if (rc < 0)
        return rc;
    memcpy(part->counted, counted, (n + 63) / 64 * sizeof(*part->counted));
    part->rows = n;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct billing_place place = {part->id, (uint32_t)i};

        if (billing_map_add(&b->map, requests_key(rows, i), place) || !is_counted(part, i))
            rc = pend(b, requests_key(rows, i));
    }
    if (rc == 0 && !priced) {
        part->unpriced = true;
        b->n_unpriced++;
    }
    return rc < 0 ? rc : restore_share(e, t, share);
}

static bool has_others(const struct oks_engine *e, const struct transcript *t, uint64_t key)
{
    struct billing_place place;

    for (size_t at = 0; billing_map_next(&e->billing.map, key, &at, &place);)
        if (place.transcript != t->billed.id)
            return true;
    return false;
}

/* Row i has other values now than when it was taken out of the sums. */
static int row_changed(struct oks_engine *e, struct transcript *t, size_t i, bool was_counted)
{
    struct request_row row;
    int rc = part_reserve(e, t, t->state.requests);

    requests_get(t->state.requests, i, &row);
    if (rc == 0 && was_counted)
        rc = count_row(e, t, i, &row);
    return rc == 0 && has_others(e, t, row.request.key) ? pend(&e->billing, row.request.key) : rc;
}

/* Merges a row of the gain into the one that the transcript has. */
static int merge_row(struct oks_engine *e, struct transcript *t, size_t i, const struct request_row *gain,
                     struct oks_slice gain_model)
{
    struct oks_requests *rows = t->state.requests;
    bool was_counted = is_counted(&t->billed, i);
    struct request_row row;
    struct oks_request before;
    struct oks_slice model;
    int rc;

    uncount_row(e, t, i);
    requests_get(rows, i, &row);
    before = row.request;
    model = requests_model(rows, row.model);
    if (request_merge(&row, &gain->request, gain->line))
        model = gain_model;
    if (!same_telling(&before, &row.request))
        stream_changed(e, t, i);
    rc = requests_set(rows, i, &row, model);
    return rc < 0 ? rc : row_changed(e, t, i, was_counted);
}

/* The transcript's own row of that key, or SIZE_MAX. */
static size_t own_row(const struct oks_engine *e, const struct transcript *t, uint64_t key)
{
    const struct oks_requests *rows = t->state.requests;
    struct billing_place place;

    if (t->billed.rows && requests_key(rows, t->billed.rows - 1) == key)
        return t->billed.rows - 1;
    for (size_t at = 0; billing_map_next(&e->billing.map, key, &at, &place);)
        if (place.transcript == t->billed.id)
            return place.row;
    return SIZE_MAX;
}

struct gaining {
    struct oks_engine *e;
    struct transcript *t;
    const struct oks_requests *gain;
    uint64_t history;
};

static int gain_row(void *ctx, size_t i, const struct request_row *gain)
{
    struct gaining *in = ctx;
    size_t at = own_row(in->e, in->t, gain->request.key);
    struct oks_slice model = requests_model(in->gain, gain->model);
    struct request_row row = *gain;
    int rc;

    if (at != SIZE_MAX)
        return merge_row(in->e, in->t, at, gain, model);
    row.history += in->history;
    rc = requests_append(in->t->state.requests, &row, model, requests_agent(in->gain, gain->agent));
    return rc < 0 ? rc : enter_rows(in->e, in->t, in->t->state.requests);
}

static int take_gain(struct oks_engine *e, struct transcript *t, const struct oks_requests *gain)
{
    struct gaining in = {e, t, gain, requests_history(t->state.requests)};

    return requests_each(gain, 0, requests_len(gain), gain_row, &in);
}

int billing_gain(struct oks_engine *e, struct transcript *t, const struct oks_requests *gain)
{
    int rc = take_gain(e, t, gain);

    if (rc == 0)
        requests_set_history(t->state.requests, requests_history(t->state.requests) + requests_history(gain),
                             requests_after(gain) +
                                 (requests_len(gain) ? 0 : requests_after(t->state.requests)));
    return settled(e, rc);
}

/* --- the unfinished line --- */

int billing_tail(struct oks_engine *e, struct transcript *t, const struct oks_requests *tail)
{
    int rc = requests_tail_begin(t->state.requests);

    return settled(e, rc < 0 ? rc : take_gain(e, t, tail));
}

int billing_untail(struct oks_engine *e, struct transcript *t)
{
    struct oks_requests *rows = t->state.requests;
    size_t changed[REQUESTS_OF_RECORD], n = requests_tail_rows(rows, changed), whole = requests_whole(rows);
    bool was_counted[REQUESTS_OF_RECORD];
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        was_counted[i] = is_counted(&t->billed, changed[i]);
        uncount_row(e, t, changed[i]);
    }
    for (; t->billed.rows > whole; t->billed.rows--) {
        uint64_t key = requests_key(rows, t->billed.rows - 1);

        billing_map_remove(&e->billing.map, key,
                           (struct billing_place){t->billed.id, (uint32_t)t->billed.rows - 1});
        if (rc == 0 && has_others(e, t, key))
            rc = pend(&e->billing, key);
    }
    if (rc == 0)
        rc = requests_tail_end(rows);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (changed[i] < whole)
            rc = row_changed(e, t, changed[i], was_counted[i]);
    return settled(e, rc);
}

/* --- leaving --- */

void billing_leave(struct oks_engine *e, struct transcript *t)
{
    struct billing_part *part = &t->billed;
    struct billed_bag *bags[BAGS];
    struct loan *loan;
    int n = bags_of(e, t, bags);

    stream_leave(e, t);
    if (e->billing.ends) {
        billing_part_clear(part);
        return;
    }
    if (!part->id)
        return;
    times_requests_leave(e, t);
    while ((loan = LIST_FIRST(&part->loans))) {
        pend(&e->billing, loan->key);
        loan_end(e, loan);
    }
    for (int i = 1; i < n; i++)
        billed_bag_take(bags[i], &part->share);
    for (size_t i = 0; i < part->rows; i++) {
        uint64_t key = requests_key(t->state.requests, i);
        struct billing_place other;
        size_t at = 0;

        billing_map_remove(&e->billing.map, key, (struct billing_place){part->id, (uint32_t)i});
        if (billing_map_next(&e->billing.map, key, &at, &other))
            pend(&e->billing, key);
    }
    touch(e, t->session);
    e->billing.n_unpriced -= part->unpriced;
    give_id(&e->billing, t);
    billing_part_clear(part);
    settle(e, false);
}

void billing_part_clear(struct billing_part *part)
{
    free(part->counted);
    free(part->models);
    billed_bag_clear(&part->share);
    billed_tree_free(part->tree);
    *part = (struct billing_part){0};
}

void billing_dropped(struct transcript *t)
{
    billed_tree_free(t->billed.tree);
    t->billed.tree = NULL;
}

void billing_moved(struct session *s, struct project *from, struct project *to)
{
    if (from)
        billed_bag_take(&from->billed, &s->billed);
    if (to)
        billed_bag_add(&to->billed, &s->billed);
}

size_t billing_part_bytes(const struct transcript *t)
{
    return t->billed.tree ? billed_tree_bytes(t->billed.tree) : 0;
}

void billing_bump(struct oks_engine *e)
{
    struct session *s;

    while ((s = LIST_FIRST(&e->billing.touched))) {
        LIST_REMOVE(s, of_touched);
        s->billed_touched = false;
        registry_bump(e, s);
    }
}

static uint64_t key_at_place(const void *ctx, struct billing_place place)
{
    const struct billing *b = ctx;

    return requests_key(b->by_id[place.transcript]->state.requests, place.row);
}

void billing_init(struct oks_engine *e)
{
    e->billing.map.key_of = key_at_place;
    e->billing.map.ctx = &e->billing;
    LIST_INIT(&e->billing.touched);
}

void billing_end(struct oks_engine *e)
{
    struct billing *b = &e->billing;

    b->ends = true;
    tdestroy(b->loans, free);
    b->loans = NULL;
    billing_map_clear(&b->map);
    free(b->by_id);
    free(b->free_ids);
    free(b->pending);
    free(b->priced);
    billed_bag_clear(&b->all);
}
