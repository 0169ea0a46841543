/*
 * Requests that count no more, as events.jsonl has them: with zeros, under their old id and a higher
 * revision.
 *
 * There are two kinds. A row may still be there and count under another key (it was found to be a copy), or
 * not at all (an alias): that shows whenever all lines are read. Or the rows have left: their transcript was
 * forgotten, its host was taken away, or a file was read anew and said otherwise. Nothing in the transcripts
 * tells of those, so they are remembered, and put into the history store for whoever reads after a restart.
 *
 * A transcript that is replaced leaves and comes again. So what has left is settled afterwards: what counts
 * again is forgotten, if nobody was sent zeros. Bounded: of more than STREAM_GONE_MAX the oldest are
 * forgotten.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "streams/stream_private.h"

/* --- rows that are there --- */

static int count_line(void *ctx, const struct billing_visit *visit)
{
    *(size_t *)ctx += stream_has_line(STREAM_OF_ALL, visit);
    return 0;
}

/* In most transcripts each row has a line. */
bool stream_may_have_zeros(struct billing *billing, const struct transcript *t, size_t n)
{
    size_t lines = 0;

    billing_each_owned(billing, t->billed, 0, n, count_line, &lines);
    return lines < n;
}

struct looking {
    struct billing *billing;
    int (*fn)(void *ctx, size_t i, const struct request_row *row);
    void *ctx;
};

/* An alias counts nothing from the start, unless its line was another one before. */
static bool may_have_counted(const struct request_row *row)
{
    const struct oks_request *r = &row->request;

    return r->part != OKS_PART_LINK && ((!r->alias && !r->second_hand) || row->revision);
}

static int look_at_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct looking *l = ctx;

    if (!may_have_counted(row) || billing_counts(l->billing, row->request.key))
        return 0;
    return l->fn(l->ctx, i, row);
}

int stream_each_zero(struct billing *billing, const struct transcript *t, size_t n,
                     int (*fn)(void *ctx, size_t i, const struct request_row *row), void *ctx)
{
    struct looking l = {billing, fn, ctx};

    return requests_each(t->state.requests, 0, n, look_at_row, &l);
}

/* --- rows that leave --- */

static int by_key(const void *a, const void *b)
{
    const struct stream_gone *x = a, *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

uint64_t stream_revision(const struct streams *streams, const struct transcript *t, size_t i,
                         const struct request_row *row)
{
    uint64_t revision = billing_revision(streams->model->billing, t->billed, i, row);
    const struct stream_gone wanted = {.key = row->request.key}, *gone = NULL;

    if (streams->n_settled)
        gone = bsearch(&wanted, streams->gone, streams->n_settled, sizeof(*gone), by_key);
    return gone && gone->sent ? revision + gone->revision + 1 : revision;
}

static int add_gone(struct streams *streams, struct stream_gone gone)
{
    if (streams->n_gone == 2 * STREAM_GONE_MAX ||
        !OKS_GROW(streams->gone, streams->n_gone, streams->gone_room))
        return -ENOMEM;
    if (gone.stamp.key == OKS_STAMP_KEY_TEXT)
        gone.stamp = OKS_STAMP_NONE;
    gone.order = ++streams->gone_order;
    streams->gone[streams->n_gone++] = gone;
    return 0;
}

struct leaving {
    struct streams *streams;
    const struct transcript *t;
    size_t lines;
};

static int remember(struct leaving *l, size_t i, const struct request_row *row, struct oks_stamp stamp)
{
    return add_gone(l->streams, (struct stream_gone){
                                    .key = row->request.key,
                                    .stamp = stamp,
                                    .revision = stream_revision(l->streams, l->t, i, row) + 1,
                                });
}

static int remember_line(void *ctx, const struct billing_visit *visit)
{
    struct leaving *l = ctx;

    if (!stream_has_line(STREAM_OF_ALL, visit))
        return 0;
    l->lines++;
    return remember(l, visit->i, visit->row, visit->stamp);
}

static int remember_zero(void *ctx, size_t i, const struct request_row *row)
{
    return remember(ctx, i, row, row->request.stamp);
}

void stream_remember(struct streams *streams, const struct transcript *t)
{
    const struct stream_marks *marks = t->marks;
    size_t n = marks->closed, sent = marks->sent[STREAM_OF_ALL];
    struct billing *billing = streams->model->billing;
    struct leaving leaving = {streams, t, 0};

    n = n < sent ? sent : n;
    if (n > requests_len(t->state.requests))
        n = requests_len(t->state.requests);
    if (billing_each_owned(billing, t->billed, 0, n, remember_line, &leaving) == 0 && leaving.lines < n)
        stream_each_zero(billing, t, n, remember_zero, &leaving);
}

/* --- what has left --- */

/* Of one key the highest revision first. */
static int by_key_and_revision(const void *a, const void *b)
{
    const struct stream_gone *x = a, *y = b;
    int d = by_key(a, b);

    return d ? d : (x->revision < y->revision) - (x->revision > y->revision);
}

static int by_order(const void *a, const void *b)
{
    const struct stream_gone *x = a, *y = b;

    return (x->order > y->order) - (x->order < y->order);
}

static void forget_oldest(struct streams *streams)
{
    size_t n = streams->n_gone, over = n > STREAM_GONE_MAX ? n - STREAM_GONE_MAX : 0;

    if (!over)
        return;
    qsort(streams->gone, n, sizeof(*streams->gone), by_order);
    memmove(streams->gone, streams->gone + over, (n - over) * sizeof(*streams->gone));
    streams->n_gone = n - over;
    qsort(streams->gone, streams->n_gone, sizeof(*streams->gone), by_key);
}

void stream_settle_gone(struct streams *streams)
{
    struct stream_gone *gone = streams->gone;
    size_t n = 0;

    if (streams->n_gone)
        qsort(gone, streams->n_gone, sizeof(*gone), by_key_and_revision);
    for (size_t i = 0; i < streams->n_gone; i++) {
        if (n && gone[n - 1].key == gone[i].key)
            gone[n - 1].sent |= gone[i].sent;
        else if (gone[i].sent || !billing_counts(streams->model->billing, gone[i].key))
            gone[n++] = gone[i];
    }
    streams->n_gone = n;
    forget_oldest(streams);
    streams->n_settled = streams->n_gone;
    streams->gone_version++;
}

/* --- for the history store --- */

/* Borrows the stamp's text from nobody: it has none. */
static struct request_row row_of(const struct stream_gone *gone)
{
    uint64_t revision = gone->revision < REVISION_MAX ? gone->revision : REVISION_MAX;

    return (struct request_row){.request = {.key = gone->key, .stamp = gone->stamp, .settled = true},
                                .revision = (unsigned)revision};
}

static bool is_due(const struct streams *streams, const struct stream_gone *gone)
{
    return !gone->kept && !billing_counts(streams->model->billing, gone->key);
}

int streams_gone_rows(struct streams *streams, struct oks_requests **out)
{
    struct stream_gone *copy;
    size_t n = 0;
    int rc = 0;

    *out = NULL;
    if (streams->n_gone == streams->n_settled && !streams->gone_due)
        return 0;
    stream_settle_gone(streams);
    copy = malloc((streams->n_gone + 1) * sizeof(*copy));
    if (!copy)
        return -ENOMEM;
    for (size_t i = 0; i < streams->n_gone; i++)
        if (is_due(streams, &streams->gone[i]))
            copy[n++] = streams->gone[i];
    if (n) {
        qsort(copy, n, sizeof(*copy), by_order);
        rc = oks_requests_new(out);
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct request_row row = row_of(&copy[i]);

        rc = requests_append(*out, &row, (struct oks_slice){0}, (struct oks_slice){0});
    }
    free(copy);
    streams->gone_due = rc < 0;
    if (rc == 0)
        return 0;
    oks_requests_free(*out);
    *out = NULL;
    return rc;
}

void streams_gone_kept(struct streams *streams, bool kept)
{
    for (size_t i = 0; i < streams->n_gone; i++)
        streams->gone[i].kept = kept && (streams->gone[i].kept || is_due(streams, &streams->gone[i]));
    streams->gone_due = !kept;
}

static int take(void *ctx, size_t i, const struct request_row *row)
{
    struct stream_gone gone = {.key = row->request.key,
                               .stamp = row->request.stamp,
                               .revision = row->revision,
                               .sent = true,
                               .kept = true};

    (void)i;
    return add_gone(ctx, gone);
}

int streams_take_gone(struct streams *streams, const struct oks_requests *rows)
{
    size_t n = requests_len(rows), from = n > STREAM_GONE_MAX ? n - STREAM_GONE_MAX : 0;
    int rc = requests_each(rows, from, n, take, streams);

    stream_settle_gone(streams);
    return rc;
}
