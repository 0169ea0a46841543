/*
 * Billing's parts: rows enter the key map and leave it.
 *
 * The same request is in many files: forks copy a session into a new file, compaction and side questions
 * repeat their parent, parents log their sub-agents' responses, and folders are copied. One map over all
 * files leads from a request's key to its rows. Among the rows of one request, the best (request_rank) gives
 * the cost. One transcript owns the request: the first of those outside of a side chain, then the one with
 * the earliest line, then the one with the smallest path. Neither rule depends on the order in which files
 * were found.
 *
 * Where an id does not say which lines are one response, links do (links.h): rows under all keys that they
 * join are rows of one request.
 *
 * A key with more than one row goes through elect() (ownership.c), which removes from all sums what the key
 * has added, and adds what its rows come to now. A key with one row, which is nearly every key, counts
 * directly. If the owner's own row does not give the cost, a substitute row does.
 *
 * Invariants between calls: a row is in the map exactly if its number is less than part->n_rows; no key is
 * pending. `share` is the sum of the `counted` rows and of the substitutes. All sums agree with the shares.
 */
#include "billing/parts.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "base/array.h"

/* --- rows come and go --- */

static int take_id(struct billing *b, struct billing_part *part)
{
    if (part->id)
        return 0;
    if (b->n_free) {
        part->id = b->free_ids[--b->n_free];
        b->by_id[part->id] = part;
        return 0;
    }
    if (b->n_ids >= BILLING_TRANSCRIPTS_MAX)
        return -EFBIG;
    /* [0] is unused; and all could be free one day, when there may be no memory. */
    if (!OKS_ROOM(b->by_id, b->n_ids + 2, b->ids_room) || !OKS_ROOM(b->free_ids, b->n_ids + 1, b->free_room))
        return -ENOMEM;
    part->id = (uint32_t)++b->n_ids;
    b->by_id[part->id] = part;
    return 0;
}

static void give_id(struct billing *b, struct billing_part *part)
{
    if (!part->id)
        return;
    b->by_id[part->id] = NULL;
    b->free_ids[b->n_free++] = part->id;
    part->id = 0;
}

/* Room for the names, bits and sums of all rows in the store. In small steps: there are ten thousand parts.
 */
static int part_reserve(struct billing *b, struct billing_part *part, const struct oks_requests *rows)
{
    size_t len = requests_len(rows), models = requests_models(rows);

    if (models > part->n_models) {
        const char **names = reallocarray(part->models, models, sizeof(*names));

        if (!names)
            return -ENOMEM;
        part->models = names;
        for (; part->n_models < models; part->n_models++) {
            names[part->n_models] = oks_intern(b->names, requests_model(rows, (unsigned)part->n_models).ptr);
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

struct entering {
    struct billing *b;
    struct billing_part *part;
    const struct oks_requests *rows;
    size_t end;
    struct billed_bag batch; /* rows with a key of their own: added to all sums at once */
};

enum { AHEAD = 8 }; /* rows to prefetch ahead: about the time that one map access takes */

/* Adds one row of the store to the map. */
static int enter_row(void *ctx, size_t i, const struct request_row *row)
{
    struct entering *in = ctx;
    struct billing *b = in->b;
    struct billing_part *part = in->part;
    uint64_t key = row->request.key;
    bool others;
    int rc = 0;

    if (i + AHEAD < in->end)
        billing_map_expect(&b->map, requests_key(in->rows, i + AHEAD));
    others = billing_map_add(&b->map, key, (struct billing_row_ref){part->id, (uint32_t)i});
    part->n_rows = i + 1;
    billing_set_counted(part, i, false);
    b->has_links |= row->request.part == OKS_PART_LINK;
    if (others && b->has_links)
        rc = billing_link(b, row);
    if (rc < 0)
        return rc;
    if (row->request.part == OKS_PART_LINK)
        return others ? billing_pend(b, key) : 0;
    if (key_links_of(&b->links, key)) {
        rc = key_links_home(&b->links, key);
        return rc < 0 ? rc : billing_pend(b, key);
    }
    part->foreign += others ? key : 0; /* until it is elected */
    return others ? billing_pend_row(b, key, part, i) : billing_count_row_in(b, part, i, row, &in->batch);
}

static int enter_rows(struct billing *b, struct billing_part *part, const struct oks_requests *rows)
{
    size_t from = part->n_rows, to = requests_len(rows);
    struct entering in = {.b = b, .part = part, .rows = rows, .end = to};
    int rc, put;

    if (from == to)
        return 0;
    rc = take_id(b, part);
    if (rc == 0)
        rc = part_reserve(b, part, rows);
    if (rc == 0)
        rc = billing_map_reserve(&b->map, to - from);
    if (rc == 0)
        rc = billing_make_sums(b, part, rows, from); /* counting a row needs its model's sums */
    if (rc == 0)
        rc = requests_each(rows, from, to, enter_row, &in);
    put = billing_post_bag(b, part, &in.batch);
    billed_bag_clear(&in.batch);
    return rc < 0 ? rc : put;
}

/* Decides all pending keys. */
static int settled(struct billing *b, int rc)
{
    return rc < 0 ? rc : billing_decide(b);
}

int billing_enter(struct billing *b, struct billing_part *part, struct oks_requests *rows)
{
    billing_leave(b, part);
    part->rows = rows;
    return settled(b, enter_rows(b, part, rows));
}

int billing_expect(struct billing *b, size_t rows)
{
    return billing_map_reserve(&b->map, rows);
}

static bool has_others(const struct billing *b, const struct billing_part *part, uint64_t key)
{
    struct billing_row_ref ref;

    if (key_links_of(&b->links, key))
        return true;
    for (size_t at = 0; billing_map_next(&b->map, key, &at, &ref);)
        if (ref.transcript != part->id)
            return true;
    return false;
}

/* Row i has changed since it was removed from the sums. */
static int row_changed(struct billing *b, struct billing_part *part, size_t i, bool was_counted)
{
    struct request_row row;
    int rc = part_reserve(b, part, part->rows);

    requests_get(part->rows, i, &row);
    if (rc == 0 && was_counted)
        rc = billing_count_row(b, part, i, &row);
    return rc == 0 && has_others(b, part, row.request.key) ? billing_pend(b, row.request.key) : rc;
}

/* Merges a row of the gain into the transcript's own. */
static int merge_row(struct billing *b, struct billing_part *part, size_t i, const struct request_row *gain,
                     struct oks_slice gain_model)
{
    struct oks_requests *rows = part->rows;
    bool was_counted = billing_is_counted(part, i);
    struct request_row row;
    struct oks_request before;
    struct oks_slice model;
    int rc;

    billing_uncount_row(b, part, i);
    requests_get(rows, i, &row);
    before = row.request;
    row.request.tag = requests_tag(rows, row.tag);
    model = requests_model(rows, row.model);
    if (requests_merge(rows, i, true, &row, gain))
        model = gain_model;
    if (!request_same_values(&before, &row.request))
        b->events->row_changed(b->ctx, part->owner, i, before.stamp);
    rc = requests_set(rows, i, &row, model);
    if (rc == 0 && row.request.part == OKS_PART_LINK && before.part != OKS_PART_LINK)
        rc = billing_pend(b, row.request.key);
    if (rc == 0 && row.request.part == OKS_PART_LINK)
        return billing_link(b, &row);
    return rc < 0 ? rc : row_changed(b, part, i, was_counted);
}

struct gaining {
    struct billing *b;
    struct billing_part *part;
    const struct oks_requests *gain;
    uint64_t history;
};

static int gain_row(void *ctx, size_t i, const struct request_row *gain)
{
    struct gaining *in = ctx;
    size_t at = billing_own_row(in->b, in->part, gain->request.key);
    struct oks_slice model = requests_model(in->gain, gain->model);
    struct request_row row = *gain;
    int rc;

    row.request.tag = requests_tag(in->gain, gain->tag);
    if (at != SIZE_MAX) {
        rc = enter_rows(in->b, in->part, in->part->rows); /* those that were appended */
        return rc < 0 ? rc : merge_row(in->b, in->part, at, &row, model);
    }
    row.history += in->history;
    return requests_append(in->part->rows, &row, model, requests_agent(in->gain, gain->agent));
}

static int take_gain(struct billing *b, struct billing_part *part, const struct oks_requests *gain)
{
    struct gaining in = {b, part, gain, requests_history(part->rows)};
    int rc = requests_each(gain, 0, requests_len(gain), gain_row, &in);

    return rc < 0 ? rc : enter_rows(b, part, part->rows);
}

int billing_gain(struct billing *b, struct billing_part *part, const struct oks_requests *gain)
{
    int rc = take_gain(b, part, gain);

    *requests_edit_runs(part->rows) = *requests_runs(gain);
    if (rc == 0)
        requests_set_history(part->rows, requests_history(part->rows) + requests_history(gain),
                             requests_after(gain) + (requests_len(gain) ? 0 : requests_after(part->rows)));
    return settled(b, rc);
}

/* --- the unfinished line --- */

int billing_tail(struct billing *b, struct billing_part *part, const struct oks_requests *tail)
{
    int rc = requests_tail_begin(part->rows);

    return settled(b, rc < 0 ? rc : take_gain(b, part, tail));
}

/*
 * Row i is again what it was before the unfinished line. If the line has changed it, and was told, it is told
 * again, as a later revision.
 */
static int row_restored(struct billing *b, struct billing_part *part, size_t i,
                        const struct request_row *with_tail, bool was_counted)
{
    struct oks_requests *rows = part->rows;
    struct request_row row;
    int rc = 0;

    requests_get(rows, i, &row);
    if (!request_same_values(&with_tail->request, &row.request)) {
        row.revision = with_tail->revision < REVISION_MAX ? with_tail->revision + 1 : REVISION_MAX;
        row.request.tag = requests_tag(rows, row.tag);
        rc = requests_set(rows, i, &row, requests_model(rows, row.model));
        b->events->row_changed(b->ctx, part->owner, i, with_tail->request.stamp);
    }
    return rc ? rc : row_changed(b, part, i, was_counted);
}

int billing_untail(struct billing *b, struct billing_part *part)
{
    struct oks_requests *rows = part->rows;
    size_t changed[REQUESTS_OF_RECORD], n = requests_tail_rows(rows, changed), whole = requests_whole(rows);
    bool was_counted[REQUESTS_OF_RECORD];
    uint64_t keys[REQUESTS_OF_RECORD];
    struct request_row before[REQUESTS_OF_RECORD];
    struct linked *parted = NULL;
    int rc = 0, relinked;

    for (size_t i = 0; i < n; i++) {
        requests_get(rows, changed[i], &before[i]);
        keys[i] = before[i].request.key;
        was_counted[i] = billing_is_counted(part, changed[i]);
        billing_uncount_row(b, part, changed[i]);
    }
    for (; part->n_rows > whole; part->n_rows--) {
        uint64_t key = requests_key(rows, part->n_rows - 1);
        const struct substitute *substitute = billing_substitute_of(b, key);
        bool owned = substitute && substitute->owner == part;

        for (size_t i = 0; i < n; i++)
            owned |= changed[i] == part->n_rows - 1 && was_counted[i];
        part->foreign -= owned ? 0 : key;

        billing_map_remove(&b->map, key, (struct billing_row_ref){part->id, (uint32_t)part->n_rows - 1});
        if (rc == 0 && has_others(b, part, key))
            rc = billing_pend(b, key);
    }
    if (rc == 0)
        rc = requests_tail_end(rows);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (changed[i] < whole)
            rc = row_restored(b, part, changed[i], &before[i], was_counted[i]);
    for (size_t i = 0; rc == 0 && b->has_links && i < n; i++)
        rc = billing_pend(b, keys[i]); /* it may have been a link */
    for (size_t i = 0; i < n; i++)
        billing_unlink(b, keys[i], &parted);
    relinked = billing_relink(b, parted);
    return settled(b, rc < 0 ? rc : relinked);
}

/* --- leaving --- */

struct unlinking {
    struct billing *b;
    struct linked *parted;
};

static int unlink_row(void *ctx, size_t i, const struct request_row *row)
{
    struct unlinking *u = ctx;

    (void)i;
    if (row->request.part == OKS_PART_LINK)
        billing_unlink(u->b, row->request.key, &u->parted);
    return 0;
}

static void part_clear(struct billing_part *part)
{
    free(part->counted);
    free(part->models);
    billed_bag_clear(&part->share);
    billed_tree_free(part->tree);
    *part = (struct billing_part){.owner = part->owner, .path = part->path, .retained = part->retained};
}

void billing_leave(struct billing *b, struct billing_part *part)
{
    struct substitute *substitute;

    if (!b->stopped)
        b->events->leaves(b->ctx, part->owner);
    if (b->stopped || !part->id) {
        part_clear(part);
        return;
    }
    while ((substitute = LIST_FIRST(&part->substitutes))) {
        b->undecided |= billing_pend(b, substitute->key) < 0;
        billing_substitute_end(b, substitute);
    }
    billed_bag_take(&b->all, &part->share);
    for (size_t i = 0; i < part->share.len; i++)
        b->events->posted(b->ctx, part->owner, part->share.items[i].model, &part->share.items[i].sum, false);
    for (size_t i = 0; i < part->n_rows; i++) {
        uint64_t key = requests_key(part->rows, i);
        struct billing_row_ref other;
        size_t at = 0;

        billing_map_remove(&b->map, key, (struct billing_row_ref){part->id, (uint32_t)i});
        /* If another part's own row counts, this one made no difference. */
        if (key_links_of(&b->links, key) ||
            ((billing_is_counted(part, i) || (b->substitutes && billing_substitute_of(b, key))) &&
             billing_map_next(&b->map, key, &at, &other)))
            b->undecided |= billing_pend(b, key) < 0;
    }
    if (b->links.members) {
        struct unlinking u = {.b = b};

        requests_each(part->rows, 0, part->n_rows, unlink_row, &u);
        b->undecided |= billing_relink(b, u.parted) < 0;
    }
    give_id(b, part);
    part_clear(part);
    billing_decide(b);
}

/* --- retained parts --- */

int billing_retain(struct billing *b, struct billing_part *part, bool retained)
{
    struct substitute *substitute;
    int rc = 0;

    if (part->retained == retained)
        return 0;
    for (size_t i = 0; rc == 0 && i < part->n_rows; i++) {
        struct request_row row;

        if (!billing_is_counted(part, i))
            continue;
        part->retained = !retained;
        billing_uncount_row(b, part, i);
        part->retained = retained;
        requests_get(part->rows, i, &row);
        rc = billing_count_row(b, part, i, &row);
    }
    part->retained = retained;
    LIST_FOREACH(substitute, &part->substitutes, of_owner)
        if (rc == 0) {
            billing_unpost(b, part, SIZE_MAX, substitute->request.stamp, substitute->model, &substitute->sum);
            billing_mark_retained(part, &substitute->sum);
            rc = billing_post(b, part, SIZE_MAX, substitute->request.stamp, substitute->model,
                              &substitute->sum);
        }
    return rc;
}

/* --- life --- */

int billing_part_new(struct billing_part **out, void *owner, const char *path)
{
    struct billing_part *part = calloc(1, sizeof(*part));

    if (!part)
        return -ENOMEM;
    part->owner = owner;
    part->path = path;
    *out = part;
    return 0;
}

void billing_part_free(struct billing_part *part)
{
    if (part)
        part_clear(part);
    free(part);
}

static uint64_t key_of_ref(const void *ctx, struct billing_row_ref ref)
{
    const struct billing *b = ctx;

    return requests_key(b->by_id[ref.transcript]->rows, ref.row);
}

int billing_new(struct billing **out, struct oks_intern *names, const struct billing_events *events,
                void *ctx)
{
    struct billing *b = calloc(1, sizeof(*b));

    if (!b)
        return -ENOMEM;
    b->names = names;
    b->events = events;
    b->ctx = ctx;
    b->map.key_of = key_of_ref;
    b->map.ctx = b;
    *out = b;
    return 0;
}

void billing_stop(struct billing *b)
{
    if (b)
        b->stopped = true;
}

void billing_free(struct billing *b)
{
    if (!b)
        return;
    tdestroy(b->substitutes, free);
    billing_map_clear(&b->map);
    key_links_clear(&b->links);
    free(b->by_id);
    free(b->free_ids);
    free(b->pending);
    free(b->priced);
    billed_bag_clear(&b->all);
    free(b);
}

/* --- questions --- */

const struct billed_bag *billing_all(const struct billing *b)
{
    return &b->all;
}

size_t billing_requests(const struct billing *b)
{
    return b->map.len;
}

size_t billing_bytes(const struct billing *b)
{
    return billing_map_bytes(&b->map);
}

uint64_t billing_foreign(const struct billing_part *part)
{
    return part->foreign;
}

int billing_each_foreign(const struct billing *b, const struct billing_part *part,
                         int (*fn)(void *ctx, uint64_t key), void *ctx)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && part->foreign && i < part->n_rows; i++) {
        uint64_t key = requests_key(part->rows, i);
        const struct substitute *substitute =
            LIST_EMPTY(&part->substitutes) ? NULL : billing_substitute_of(b, key);

        if (!billing_is_counted(part, i) && !(substitute && substitute->owner == part))
            rc = fn(ctx, key);
    }
    return rc;
}

size_t billing_part_rows(const struct billing_part *part)
{
    return part->n_rows;
}

const struct billed_bag *billing_share(const struct billing_part *part)
{
    return &part->share;
}

bool billing_has_substitutes(const struct billing_part *part)
{
    return !LIST_EMPTY(&part->substitutes);
}
