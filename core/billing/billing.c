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
 * Invariants, outside of this file: a row is in the map exactly if its transcript's part says so (row <
 * part->rows); no key is pending. `counted` rows and loans are what `share` holds; share, project, groups and
 * all agree.
 */
#include "billing/billing_private.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "engine/engine_private.h"

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

enum { AHEAD = 8 }; /* rows that another takes, about, while its place in the map arrives */

/* One more row of the store goes into the map. */
static int enter_row(void *ctx, size_t i, const struct request_row *row)
{
    struct entering *in = ctx;
    struct billing *b = &in->e->billing;
    struct billing_part *part = &in->t->billed;
    uint64_t key = row->request.key;
    bool others;

    if (i + AHEAD < in->end)
        billing_map_expect(&b->map, requests_key(in->rows, i + AHEAD));
    others = billing_map_add(&b->map, key, (struct billing_place){part->id, (uint32_t)i});
    part->rows = i + 1;
    billing_set_counted(part, i, false);
    return others ? billing_pend(b, key) : billing_count_row_in(in->e, in->t, i, row, &in->batch);
}

static int enter_rows(struct oks_engine *e, struct transcript *t, const struct oks_requests *rows)
{
    size_t from = t->billed.rows, to = requests_len(rows);
    struct entering in = {.e = e, .t = t, .rows = rows, .end = to};
    int rc = from < to ? take_id(&e->billing, t) : 0, put;

    if (rc == 0)
        rc = part_reserve(e, t, rows);
    if (rc == 0)
        rc = billing_map_reserve(&e->billing.map, to - from);
    if (rc == 0 && from < to)
        rc = billing_make_places(e, t); /* a row that counts must be in the sums */
    if (rc == 0)
        rc = requests_each(rows, from, to, enter_row, &in);
    put = billing_put_bag(e, t, &in.batch);
    billed_bag_clear(&in.batch);
    return rc < 0 ? rc : put;
}

/* What was pending is decided, and nothing is left. */
static int settled(struct oks_engine *e, int rc)
{
    return rc < 0 ? rc : billing_decide(e);
}

int billing_enter(struct oks_engine *e, struct transcript *t, struct oks_requests *rows)
{
    billing_leave(e, t);
    oks_requests_free(t->state.requests);
    t->state.requests = rows;
    return settled(e, enter_rows(e, t, rows));
}

int billing_expect(struct oks_engine *e, size_t rows)
{
    return billing_map_reserve(&e->billing.map, rows);
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
        rc = billing_count_row(e, t, i, &row);
    return rc == 0 && has_others(e, t, row.request.key) ? billing_pend(&e->billing, row.request.key) : rc;
}

/* Merges a row of the gain into the one that the transcript has. */
static int merge_row(struct oks_engine *e, struct transcript *t, size_t i, const struct request_row *gain,
                     struct oks_slice gain_model)
{
    struct oks_requests *rows = t->state.requests;
    bool was_counted = billing_is_counted(&t->billed, i);
    struct request_row row;
    struct oks_request before;
    struct oks_slice model;
    int rc;

    billing_uncount_row(e, t, i);
    requests_get(rows, i, &row);
    before = row.request;
    model = requests_model(rows, row.model);
    if (request_merge(&row, &gain->request, gain->line))
        model = gain_model;
    if (!billing_same_telling(&before, &row.request))
        stream_changed(e, t, i);
    rc = requests_set(rows, i, &row, model);
    return rc < 0 ? rc : row_changed(e, t, i, was_counted);
}

/* The transcript's own row of that key, or SIZE_MAX. */
size_t billing_own_row(const struct oks_engine *e, const struct transcript *t, uint64_t key)
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
    size_t at = billing_own_row(in->e, in->t, gain->request.key);
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
        was_counted[i] = billing_is_counted(&t->billed, changed[i]);
        billing_uncount_row(e, t, changed[i]);
    }
    for (; t->billed.rows > whole; t->billed.rows--) {
        uint64_t key = requests_key(rows, t->billed.rows - 1);

        billing_map_remove(&e->billing.map, key,
                           (struct billing_place){t->billed.id, (uint32_t)t->billed.rows - 1});
        if (rc == 0 && has_others(e, t, key))
            rc = billing_pend(&e->billing, key);
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
    struct billed_bag *bags[BILLING_BAGS];
    struct loan *loan;
    int n = billing_bags_of(e, t, bags);

    stream_leave(e, t);
    if (e->billing.ends) {
        billing_part_clear(part);
        return;
    }
    if (!part->id)
        return;
    times_requests_leave(e, t);
    while ((loan = LIST_FIRST(&part->loans))) {
        billing_pend(&e->billing, loan->key);
        billing_loan_end(e, loan);
    }
    for (int i = 1; i < n; i++)
        billed_bag_take(bags[i], &part->share);
    for (size_t i = 0; i < part->rows; i++) {
        uint64_t key = requests_key(t->state.requests, i);
        struct billing_place other;
        size_t at = 0;

        billing_map_remove(&e->billing.map, key, (struct billing_place){part->id, (uint32_t)i});
        if (billing_map_next(&e->billing.map, key, &at, &other))
            billing_pend(&e->billing, key);
    }
    billing_touch(e, t->session);
    give_id(&e->billing, t);
    billing_part_clear(part);
    billing_decide(e);
}

void billing_part_clear(struct billing_part *part)
{
    free(part->counted);
    free(part->models);
    billed_bag_clear(&part->share);
    billed_tree_free(part->tree);
    *part = (struct billing_part){0};
}

int billing_share_add(struct billed_bag *to, const struct session *s)
{
    const struct transcript *t;

    LIST_FOREACH(t, &s->transcripts, of_session)
        for (size_t i = 0; i < t->billed.share.len; i++)
            if (!billed_bag_at(to, t->billed.share.items[i].model))
                return -ENOMEM;
    LIST_FOREACH(t, &s->transcripts, of_session)
        billed_bag_add(to, &t->billed.share);
    return 0;
}

void billing_share_take(struct billed_bag *from, const struct session *s)
{
    const struct transcript *t;

    LIST_FOREACH(t, &s->transcripts, of_session)
        billed_bag_take(from, &t->billed.share);
}

void billing_moved(struct session *s, struct project *from, struct project *to)
{
    if (from)
        billing_share_take(&from->billed, s);
    if (to)
        billing_share_add(&to->billed, s);
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
