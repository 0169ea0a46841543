/*
 * The rows of a stream: from which transcripts they come, which they are, in all of it or in one of its
 * months, and their order.
 *
 * A row takes 16 bytes until its line is made. Rows of one range stand one behind the other in place, and
 * billing is asked for all of them at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/tree.h"
#include "streams/stream_private.h"

/* --- the transcripts of a stream --- */

static int choose(void *ctx, void *item)
{
    struct stream_chosen *c = ctx;

    if (!OKS_GROW(c->list, c->n, c->room))
        return -ENOMEM;
    c->list[c->n++] = item;
    return 0;
}

static int choose_session(const struct session *s, struct stream_chosen *out)
{
    struct transcript *t;
    int rc = 0;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (rc == 0)
            rc = choose(out, t);
    return rc;
}

int stream_choose(struct model *m, const struct session *s, struct stream_chosen *out)
{
    *out = (struct stream_chosen){0};
    if (!s)
        return oks_tree_until(m->catalog.transcripts, choose, out);
    return choose_session(s, out);
}

static int by_path(const void *a, const void *b)
{
    return strcmp((*(struct transcript *const *)a)->path, (*(struct transcript *const *)b)->path);
}

int stream_choose_since(struct model *m, uint64_t since, struct stream_chosen *out)
{
    const struct session *s;
    int rc = 0;

    *out = (struct stream_chosen){0};
    if (!since)
        return stream_choose(m, NULL, out);
    TAILQ_FOREACH(s, &m->catalog.by_version, of_version) {
        if (rc < 0 || s->version <= since)
            break;
        rc = choose_session(s, out);
    }
    if (out->n)
        qsort(out->list, out->n, sizeof(struct transcript *), by_path);
    return rc;
}

/* --- rows --- */

bool stream_range_push(struct stream_range **ranges, size_t *n, size_t *room, struct stream_range range)
{
    if (!OKS_GROW(*ranges, *n, *room))
        return false;
    (*ranges)[(*n)++] = range;
    return true;
}

static bool is_wanted(const struct stream_rows *rows, struct oks_stamp stamp)
{
    return rows->month < 0 || stream_month_of(stamp) == (unsigned)rows->month;
}

static int push_row(struct stream_rows *rows, struct oks_stamp stamp, uint32_t range, size_t row)
{
    bool timed = !oks_stamp_is_none(stamp) && stamp.key != OKS_STAMP_KEY_TEXT;

    if (!is_wanted(rows, stamp))
        return 0;
    if (!OKS_GROW(rows->rows, rows->n, rows->room))
        return -ENOMEM;
    rows->rows[rows->n++] = (struct stream_row){timed ? stamp.key + 1 : 0, range, (uint32_t)row};
    return 0;
}

static int take_stamp(void *ctx, const struct billing_visit *visit)
{
    *(struct oks_stamp *)ctx = visit->stamp;
    return 0;
}

static bool is_wanted_at(const void *rows, struct oks_stamp stamp)
{
    return is_wanted(rows, stamp);
}

/*
 * Whether a request that was sent may have a line in this month, and belongs to another one now. `before`: a
 * month that it was in; -1: not known.
 */
static bool has_moved(const struct stream_rows *rows, uint64_t key, int before)
{
    struct billing_ruling ruling;
    struct oks_stamp now;

    if (rows->month < 0 || !billing_counts(rows->billing, key) ||
        billing_ruling(rows->billing, key, &ruling) < 0)
        return false;
    billing_row(rows->billing, ((const struct transcript *)ruling.owner)->billed, ruling.row, take_stamp,
                &now);
    return !is_wanted(rows, now) &&
           (before == rows->month || billing_any_stamp(rows->billing, key, is_wanted_at, rows));
}

static int add_row(void *ctx, const struct billing_visit *visit)
{
    struct stream_rows *rows = ctx;
    const struct stream_range *range = &rows->ranges[rows->n_ranges - 1];

    if (range->again && has_moved(rows, visit->row->request.key, range->month))
        return OKS_STREAM_STARTED_OVER;
    if (!range->again && !stream_has_line(rows->which, visit))
        return 0;
    if (!is_wanted(rows, visit->stamp))
        rows->elsewhere |= month_set_has(&range->transcript->marks->open_in, (unsigned)rows->month);
    return push_row(rows, visit->stamp, (uint32_t)(rows->n_ranges - 1), visit->i - range->from);
}

/* In ascending order of rows. */
static int add_rows(struct stream_rows *rows, struct model *m, struct stream_range range)
{
    struct transcript *t = range.transcript;
    size_t before = rows->n;
    int rc = 0;

    if (range.from >= range.to)
        return 0;
    if (!stream_range_push(&rows->ranges, &rows->n_ranges, &rows->ranges_room, range))
        return -ENOMEM;
    if (!range.again)
        rc = billing_each_owned(m->billing, t->billed, range.from, range.to, add_row, rows);
    for (size_t i = range.from; range.again && rc == 0 && i < range.to; i++)
        rc = billing_row(m->billing, t->billed, i, add_row, rows);
    if (rows->n > before && t->mark.mtime_ns > rows->mtime_ns)
        rows->mtime_ns = t->mark.mtime_ns;
    return rc;
}

static int by_place(const void *a, const void *b)
{
    const struct stream_row *x = a, *y = b;

    if (x->range != y->range)
        return x->range < y->range ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int by_time_and_place(const void *a, const void *b)
{
    const struct stream_row *x = a, *y = b;

    return x->time != y->time ? (x->time < y->time ? -1 : 1) : by_place(a, b);
}

void stream_rows_sort(struct stream_rows *rows)
{
    if (rows->n)
        qsort(rows->rows, rows->n, sizeof(*rows->rows), by_time_and_place);
}

void stream_rows_sort_by_place(struct stream_row *rows, size_t n)
{
    qsort(rows, n, sizeof(*rows), by_place);
}

void stream_rows_clear(struct stream_rows *rows)
{
    free(rows->ranges);
    free(rows->rows);
}

/* --- new lines --- */

int stream_rows_new(struct stream_rows *rows, struct model *m, const struct stream *stream, uint64_t after)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < stream->n; i++) {
        const struct stream_range *r = &stream->ranges[i];

        if (r->sequence > after)
            rc = add_rows(rows, m, *r);
    }
    return rc;
}

/* --- all lines --- */

static int add_zero(void *ctx, size_t i, const struct request_row *row)
{
    struct stream_rows *rows = ctx;

    return push_row(rows, row->request.stamp, (uint32_t)(rows->n_ranges - 1), i);
}

/* The transcript's requests that have rows and count no more. */
static int add_zeros(struct stream_rows *rows, struct model *m, struct transcript *t)
{
    size_t to = t->marks->sent[STREAM_OF_ALL];

    if (!stream_may_have_zeros(m->billing, t, to))
        return 0;
    if (!stream_range_push(&rows->ranges, &rows->n_ranges, &rows->ranges_room,
                           (struct stream_range){.transcript = t, .to = to, .again = true, .zeros = true}))
        return -ENOMEM;
    return stream_each_zero(m->billing, t, to, add_zero, rows);
}

int stream_rows_from_start(struct stream_rows *rows, struct model *m, const struct session *s, int which)
{
    struct stream_chosen chosen;
    int rc = stream_choose(m, s, &chosen);

    for (size_t i = 0; rc == 0 && i < chosen.n; i++) {
        struct transcript *t = chosen.list[i];

        if (rows->month < 0 || stream_may_have_month(t, (unsigned)rows->month))
            rc = add_rows(rows, m, (struct stream_range){.transcript = t, .to = t->marks->sent[which]});
    }
    for (size_t i = 0; rc == 0 && i < chosen.n && which == STREAM_OF_ALL; i++)
        rc = add_zeros(rows, m, chosen.list[i]);
    free(chosen.list);
    return rc;
}

int stream_rows_gone(struct stream_rows *rows, struct streams *streams)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < streams->n_gone; i++) {
        struct stream_gone *gone = &streams->gone[i];

        if (billing_counts(streams->model->billing, gone->key) || !is_wanted(rows, gone->stamp))
            continue;
        rc = push_row(rows, gone->stamp, STREAM_ROW_GONE, i);
        gone->sent = true;
    }
    return rc;
}

/* --- open rows, in a month --- */

static int hash_row(void *ctx, const struct billing_visit *visit)
{
    uint64_t *hash = ctx;
    const struct billed_sum *s = visit->sum;
    const uint64_t what[] = {visit->row->request.key, visit->stamp.key,      (uint64_t)s->input,
                             (uint64_t)s->output,     (uint64_t)s->cache_5m, (uint64_t)s->cache_1h,
                             (uint64_t)s->cache_read, (uint64_t)s->cost,     s->tool_uses};

    *hash = request_hash(*hash, (const char *)what, sizeof(what));
    return 0;
}

/* The rows that no stream has yet; what they are. 0 or -ENOMEM */
static int open_rows(struct stream_rows *rows, struct model *m, struct oks_stream_cursor *behind)
{
    struct stream_chosen chosen;
    uint64_t hash = 0;
    int rc = stream_choose(m, NULL, &chosen);

    for (size_t i = 0; rc == 0 && i < chosen.n; i++) {
        struct transcript *t = chosen.list[i];
        size_t sent = t->marks->sent[STREAM_OF_ALL], n = requests_len(t->state.requests), before = rows->n;

        if (sent >= n)
            continue;
        rc = add_rows(rows, m, (struct stream_range){.transcript = t, .from = sent, .to = n});
        if (rows->n > before)
            month_set_add(&t->marks->open_in, (unsigned)rows->month);
        if (rc == 0 && rows->n > before)
            rc = billing_each_owned(m->billing, t->billed, sent, n, hash_row, &hash);
        behind->unfinished |= n > requests_whole(t->state.requests);
    }
    free(chosen.list);
    behind->open = hash;
    return rc;
}

int stream_rows_open(struct stream_rows *rows, struct model *m, const struct oks_stream_cursor *cursor,
                     struct oks_stream_cursor *behind)
{
    size_t n = rows->n;
    int rc = rows->month < 0 ? 0 : open_rows(rows, m, behind);

    if (rc < 0)
        return rc;
    if (behind->open == cursor->open)
        rows->n = n;
    else if (cursor->unfinished || (cursor->open && rows->elsewhere))
        return OKS_STREAM_STARTED_OVER;
    return 0;
}
