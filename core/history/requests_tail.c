/*
 * The unfinished line of a transcript: its requests count, and are taken back when the line is read again.
 *
 * The rows that it changes are kept as they were (requests_unfinished.c), so that the store can be shown, and
 * written into the cache, as if there were no such line.
 */
#include <errno.h>
#include <stdlib.h>

#include "history/requests_private.h"

int requests_tail_begin(struct oks_requests *q)
{
    q->tail = calloc(1, sizeof(*q->tail));
    if (!q->tail)
        return -ENOMEM;
    q->tail->whole = q->len;
    return 0;
}

int requests_tail_end(struct oks_requests *q)
{
    struct unfinished *tail = q->tail;
    int rc = 0;

    if (!tail)
        return 0;
    q->tail = NULL;
    q->len = tail->whole; /* new ones are open: see OPEN_MIN */
    if (q->n_measured > q->len)
        q->n_measured = q->len;
    if (q->indexed > q->len)
        requests_forget_index(q);
    for (size_t i = 0; rc == 0 && i < tail->n_changed; i++) {
        const struct changed *c = &tail->changed[i];
        struct request_row before = c->before;

        before.request.tag = requests_tag(q, before.tag);
        rc = requests_set(q, c->i, &before, requests_model(q, before.model));
    }
    q->tail = tail;
    requests_unfinished_free(q);
    return rc;
}

size_t requests_whole(const struct oks_requests *q)
{
    return q->tail ? q->tail->whole : q->len;
}

size_t requests_tail_rows(const struct oks_requests *q, size_t rows[REQUESTS_OF_RECORD])
{
    size_t n = 0;

    for (size_t i = 0; q->tail && i < q->tail->n_changed; i++)
        rows[n++] = q->tail->changed[i].i;
    for (size_t i = requests_whole(q); i < q->len && n < REQUESTS_OF_RECORD; i++)
        rows[n++] = i;
    return n;
}

enum { PARTS_MAX = 2 * REQUESTS_OF_RECORD }; /* behind a response: more than its lines bring mostly */

/* -1: there is none */
static ptrdiff_t last_response(const struct oks_requests *q, struct request_row *row)
{
    size_t n = requests_whole(q);

    for (size_t i = n; i > 0 && n - i < PARTS_MAX; i--) {
        requests_get(q, i - 1, row);
        if (row->request.part == OKS_PART_RESPONSE)
            return (ptrdiff_t)i - 1;
    }
    return -1;
}

size_t requests_last(const struct oks_requests *q)
{
    struct request_row row;
    ptrdiff_t i = last_response(q, &row);

    return i < 0 ? requests_whole(q) : (size_t)i;
}

size_t requests_closed(const struct oks_requests *q)
{
    struct request_row row;
    ptrdiff_t i = q->after ? -1 : last_response(q, &row);

    return i < 0 || row.request.settled ? requests_whole(q) : (size_t)i;
}

struct whole {
    const struct oks_requests *q;
    int (*fn)(void *ctx, size_t i, const struct request_row *row);
    void *ctx;
};

static int whole_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct whole *w = ctx;
    struct request_row before;

    for (size_t k = 0; w->q->tail && k < w->q->tail->n_changed; k++) {
        if (w->q->tail->changed[k].i != i)
            continue;
        before = w->q->tail->changed[k].before;
        before.message_id = row->message_id;
        before.request_id = row->request_id;
        before.ids_forgotten = row->ids_forgotten;
        return w->fn(w->ctx, i, &before);
    }
    return w->fn(w->ctx, i, row);
}

int requests_each_whole(const struct oks_requests *q,
                        int (*fn)(void *ctx, size_t i, const struct request_row *row), void *ctx)
{
    struct whole w = {q, fn, ctx};

    return requests_each(q, 0, requests_whole(q), whole_row, &w);
}
