/*
 * The election of a request's owner, and of the row that gives its cost, among the files that log it.
 *
 * An election removes from all sums what the key has added, and adds what its rows come to now. So it may run
 * at any time, and again.
 */
#include "billing/parts.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

struct candidate {
    struct billing_part *part;
    size_t i;
    struct request_row row;
};

static int stamps_cmp(struct oks_stamp a, struct oks_stamp b)
{
    bool none_a = oks_stamp_is_none(a), none_b = oks_stamp_is_none(b);

    return none_a || none_b ? none_a - none_b : oks_stamp_cmp(a, b);
}

/* Two rows of one transcript: the first one, as in the transcript. */
static int places_cmp(const struct candidate *a, const struct candidate *b)
{
    int d = strcmp(a->part->path, b->part->path);

    return d ? d : (a->i > b->i) - (a->i < b->i);
}

/* Whether the row of a is used rather than that of b. */
static bool has_better_row(const struct candidate *a, const struct candidate *b)
{
    int d = request_rank(&a->row.request, &b->row.request);

    if (d == 0)
        d = stamps_cmp(a->row.request.stamp, b->row.request.stamp) * (a->row.request.restamped ? -1 : 1);
    return d ? d > 0 : places_cmp(a, b) < 0;
}

static bool owns_rather(const struct candidate *a, const struct candidate *b)
{
    const struct oks_request *x = &a->row.request, *y = &b->row.request;
    int d;

    if (x->alias != y->alias)
        return x->alias;
    if (x->second_hand != y->second_hand)
        return y->second_hand;
    if (x->sidechain != y->sidechain && !x->restamped)
        return y->sidechain;
    d = stamps_cmp(x->stamp, y->stamp);
    return d ? d < 0 : places_cmp(a, b) < 0;
}

/* The owner of a request and its values: what a stream may have shown. */
struct verdict {
    struct billing_part *part; /* NULL: none */
    size_t i;
    const char *model;
    struct oks_stamp stamp;
    struct oks_spend spend;
    uint64_t tool_uses;
    bool alias;
};

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
    const struct oks_request x = {
        .stamp = a->stamp, .spend = a->spend, .tool_uses = a->tool_uses, .alias = a->alias};
    const struct oks_request y = {
        .stamp = b->stamp, .spend = b->spend, .tool_uses = b->tool_uses, .alias = b->alias};

    return a->part == b->part && a->i == b->i && a->model == b->model && request_same_values(&x, &y);
}

static struct verdict verdict_of(struct billing_part *part, size_t i, const char *model,
                                 const struct oks_request *r)
{
    return (struct verdict){part, i, model, r->stamp, r->spend, r->tool_uses, r->alias};
}

/* Rows that were two requests until now may be one: then the first verdict has changed in any case. */
static void undone(struct billing *b, struct verdict *before, struct verdict verdict)
{
    if (before->part)
        b->events->row_changed(b->ctx, before->part->owner, before->i, before->stamp);
    *before = verdict;
}

/* Removes from all sums what the key has added, and returns what that was. */
static void undo_substitute(struct billing *b, uint64_t key, struct verdict *before)
{
    struct substitute *substitute = billing_substitute_of(b, key);

    if (!substitute)
        return;
    undone(b, before,
           verdict_of(substitute->owner, billing_own_row(b, substitute->owner, key), substitute->model,
                      &substitute->request));
    billing_unpost(b, substitute->owner, SIZE_MAX, substitute->request.stamp, substitute->model,
                   &substitute->sum);
    billing_substitute_end(b, substitute);
}

static struct verdict undo(struct billing *b, uint64_t key)
{
    struct billing_rows rows = billing_rows_of(b, key);
    struct verdict before = {0};
    struct billing_row_ref ref;

    while (billing_rows_next(b, &rows, &ref)) {
        struct billing_part *part = b->by_id[ref.transcript];
        struct request_row row;

        if (!billing_is_counted(part, ref.row))
            continue;
        requests_get(part->rows, ref.row, &row);
        undone(b, &before, verdict_of(part, ref.row, part->models[row.model], &row.request));
        billing_uncount_row(b, part, ref.row);
        if (!rows.set)
            break; /* at most one counts, but of keys that have been joined just now each may have one */
    }
    if (!rows.set)
        undo_substitute(b, key, &before);
    for (size_t i = 0; rows.set && i < rows.set->n_homes; i++)
        undo_substitute(b, rows.set->homes[i], &before);
    return before;
}

/* The one with the best row, and the one that owns the request; no part: there is none. Their number. */
static size_t compare_candidates(const struct billing *b, uint64_t key, struct candidate *best,
                                 struct candidate *owner)
{
    struct billing_rows rows = billing_rows_of(b, key);
    struct billing_row_ref ref;
    struct candidate c;
    size_t n = 0;

    *best = *owner = (struct candidate){0};
    while (billing_rows_next(b, &rows, &ref)) {
        c.part = b->by_id[ref.transcript];
        c.i = ref.row;
        requests_get(c.part->rows, c.i, &c.row);
        if (c.row.request.part == OKS_PART_LINK)
            continue;
        n++;
        if (!best->part || has_better_row(&c, best))
            *best = c;
        if (!owner->part || owns_rather(&c, owner))
            *owner = c;
    }
    return n;
}

/* The row that counts with its own values, and so owns the request. False: there is none. */
static bool find_counted(const struct billing *b, uint64_t key, struct candidate *out)
{
    struct billing_row_ref ref;

    for (size_t at = 0; billing_map_next(&b->map, key, &at, &ref);) {
        out->part = b->by_id[ref.transcript];
        out->i = ref.row;
        if (!billing_is_counted(out->part, out->i))
            continue;
        requests_get(out->part->rows, out->i, &out->row);
        return true;
    }
    return false;
}

/*
 * If one row came, only it and the one that counts are compared: a request with many copies is not decided
 * among all of them each time another comes. False: the comparison of all is needed.
 */
static bool compare_two(const struct billing *b, const struct pending *p, struct candidate *best,
                        struct candidate *owner)
{
    struct candidate came = {.part = p->part, .i = p->i}, counted;

    if (!p->part || !p->part->id || !find_counted(b, p->key, &counted))
        return false; /* or the row is gone: its part left after a failure */
    requests_get(came.part->rows, came.i, &came.row);
    *best = has_better_row(&came, &counted) ? came : counted;
    *owner = owns_rather(&came, &counted) ? came : counted;
    return true;
}

static int elect(struct billing *b, const struct pending *pending)
{
    uint64_t key = pending->key;
    struct candidate best, owner;
    struct verdict before, after;
    int rc;

    if (!compare_two(b, pending, &best, &owner))
        compare_candidates(b, key, &best, &owner);
    else if (best.part != pending->part && owner.part != pending->part)
        return 0;
    before = undo(b, key);
    if (!best.part)
        return 0;
    after = verdict_of(owner.part, owner.i, best.part->models[best.row.model], &best.row.request);
    if (before.part != owner.part) {
        if (before.part && before.i != SIZE_MAX)
            before.part->foreign += key;
        owner.part->foreign -= key;
    }
    if (!same_verdict(&before, &after)) {
        struct oks_stamp stamp = before.part ? before.stamp : after.stamp;

        if (before.part)
            b->events->row_changed(b->ctx, before.part->owner, before.i, stamp);
        b->events->row_changed(b->ctx, after.part->owner, after.i, stamp);
    }
    if (best.part == owner.part && best.i == owner.i)
        rc = billing_count_row(b, owner.part, owner.i, &owner.row);
    else
        rc = billing_substitute(b, owner.part, owner.row.request.key, best.part, &best.row);
    if (rc < 0)
        owner.part->foreign += key; /* nobody owns it now */
    return rc;
}

int billing_decide(struct billing *b)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < b->n_pending; i++)
        rc = elect(b, &b->pending[i]);
    b->n_pending = 0;
    b->undecided |= rc < 0;
    return rc;
}

static int join_row(void *ctx, size_t i, const struct request_row *row)
{
    struct billing *b = ctx;
    uint64_t key = row->request.key;

    (void)i;
    return row->request.part == OKS_PART_LINK ? billing_join(b, key) : key_links_home(&b->links, key);
}

static int elect_row(void *ctx, size_t i, const struct request_row *row)
{
    (void)i;
    return elect(ctx, &(struct pending){.key = row->request.key});
}

/* Each request once more, since nobody knows which. */
int billing_settle(struct billing *b)
{
    static int (*const steps[])(void *ctx, size_t i, const struct request_row *row) = {join_row, elect_row};
    int rc = 0;

    for (size_t step = 0; b->undecided && step < sizeof(steps) / sizeof(*steps); step++)
        for (size_t id = 1; rc == 0 && id <= b->n_ids; id++)
            if (b->by_id[id])
                rc = requests_each(b->by_id[id]->rows, 0, b->by_id[id]->n_rows, steps[step], b);
    b->undecided &= rc < 0;
    return rc;
}

bool billing_any_stamp(const struct billing *b, uint64_t key,
                       bool (*is)(const void *ctx, struct oks_stamp stamp), const void *ctx)
{
    struct billing_rows rows = billing_rows_of(b, key);
    struct billing_row_ref ref;
    struct request_row row;

    while (billing_rows_next(b, &rows, &ref)) {
        requests_get(b->by_id[ref.transcript]->rows, ref.row, &row);
        if (is(ctx, row.request.stamp))
            return true;
    }
    return false;
}

int billing_ruling(const struct billing *b, uint64_t key, struct billing_ruling *out)
{
    struct candidate best, owner;

    *out = (struct billing_ruling){0};
    out->files = compare_candidates(b, key, &best, &owner);
    if (!best.part)
        return -ENOENT;
    out->owner = owner.part->owner;
    out->owner_path = owner.part->path;
    out->row = owner.i;
    out->winner = best.part->owner;
    out->winner_path = best.part->path;
    out->line = best.row.line;
    out->second_hand = best.row.request.second_hand;
    out->alias = best.row.request.alias;
    return 0;
}

/* A row may own a request and add nothing: an alias, or one that only a progress line logs. */
static bool adds_something(const struct oks_request *request)
{
    return !request->alias && !request->second_hand;
}

bool billing_counts(const struct billing *b, uint64_t key)
{
    const struct substitute *substitute = billing_substitute_of(b, key);
    struct candidate counted;

    if (find_counted(b, key, &counted))
        return adds_something(&counted.row.request);
    return substitute && adds_something(&substitute->request);
}

uint64_t billing_revision(const struct billing *b, const struct billing_part *part, size_t i,
                          const struct request_row *row)
{
    struct billing_rows rows = billing_rows_of(b, row->request.key);
    struct billing_row_ref ref;
    uint64_t n = 0;

    while (billing_rows_next(b, &rows, &ref)) {
        struct request_row other = *row;

        if (ref.transcript != part->id || ref.row != i)
            requests_get(b->by_id[ref.transcript]->rows, ref.row, &other);
        if (other.request.part != OKS_PART_LINK)
            n += 1 + other.revision;
    }
    return n ? n - 1 : 0;
}
