/*
 * The ids of rows: forgotten when they are saved, and put back for a copy that is saved again.
 *
 * Invariant: an id is forgotten or as it was when its row was appended; sums and windows never need one.
 */
#include <errno.h>
#include <stdlib.h>

#include "history/requests_private.h"

static size_t blocks_of(const struct oks_requests *q)
{
    return (q->len + REQUESTS_BLOCK - 1) / REQUESTS_BLOCK;
}

void requests_forget_ids(struct oks_requests *q)
{
    for (size_t b = 0; b < q->n_blocks; b++) {
        free(q->blocks[b].ids);
        q->blocks[b].ids = NULL;
    }
    q->ids_bytes = 0;
    for (size_t i = 0; i < q->len - q->packed; i++) {
        q->open[i].message_id = q->open[i].request_id = (struct oks_slice){0};
        q->open[i].ids_forgotten = true;
    }
}

/* The ids alone of the rows of block b; returns how many rows it has. */
static size_t ids_of(const struct oks_requests *q, size_t b, struct request_row rows[REQUESTS_BLOCK])
{
    size_t from = b * REQUESTS_BLOCK, n;

    if (from >= q->packed)
        return requests_block_rows(q, b, rows);
    n = q->packed - from < REQUESTS_BLOCK ? q->packed - from : REQUESTS_BLOCK;
    requests_ids_unpack(q->blocks[b].ids, rows, n);
    return n;
}

static bool has_all(const struct request_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].ids_forgotten)
            return false;
    return true;
}

bool requests_has_ids(const struct oks_requests *q, size_t i)
{
    struct request_row rows[REQUESTS_BLOCK];

    ids_of(q, i / REQUESTS_BLOCK, rows);
    return !rows[i % REQUESTS_BLOCK].ids_forgotten;
}

bool requests_all_ids(const struct oks_requests *q)
{
    struct request_row rows[REQUESTS_BLOCK];

    for (size_t b = 0; b < blocks_of(q); b++)
        if ((b < q->n_blocks && !q->blocks[b].ids) || !has_all(rows, ids_of(q, b, rows)))
            return false;
    return true;
}

static int set_ids(struct oks_requests *q, size_t b, const struct request_row *rows, size_t n)
{
    struct requests_block **at = &q->blocks[b].ids, *ids;

    if (requests_ids_pack(rows, n, &ids) < 0)
        return -ENOMEM;
    q->ids_bytes += ids ? sizeof(*ids) + ids->len : 0;
    q->ids_bytes -= *at ? sizeof(**at) + (*at)->len : 0;
    free(*at);
    *at = ids;
    return 0;
}

static struct oks_slice cut(struct oks_slice id)
{
    if (id.len > REQUEST_ID_MAX)
        id.len = REQUEST_ID_MAX;
    return id;
}

int requests_put_ids(struct oks_requests *q, size_t i, struct oks_slice message_id,
                     struct oks_slice request_id)
{
    struct request_row rows[REQUESTS_BLOCK], *row = &rows[i % REQUESTS_BLOCK];
    size_t n = ids_of(q, i / REQUESTS_BLOCK, rows);

    if (!row->ids_forgotten)
        return 0;
    if (i >= q->packed)
        return requests_open_ids(q, i, message_id, request_id);
    row->message_id = cut(message_id);
    row->request_id = cut(request_id);
    row->ids_forgotten = false;
    return set_ids(q, i / REQUESTS_BLOCK, rows, n);
}

static int take_block(struct oks_requests *to, const struct oks_requests *from, size_t b)
{
    struct request_row rows[REQUESTS_BLOCK], theirs[REQUESTS_BLOCK];
    size_t at = b * REQUESTS_BLOCK, n = ids_of(to, b, rows), m = ids_of(from, b, theirs);
    bool any = false;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n && i < m; i++) {
        if (!rows[i].ids_forgotten || theirs[i].ids_forgotten || to->keys[at + i] != from->keys[at + i])
            continue;
        if (at + i >= to->packed) {
            rc = requests_open_ids(to, at + i, theirs[i].message_id, theirs[i].request_id);
            continue;
        }
        rows[i].message_id = theirs[i].message_id;
        rows[i].request_id = theirs[i].request_id;
        rows[i].ids_forgotten = false;
        any = true;
    }
    return rc == 0 && any ? set_ids(to, b, rows, n) : rc;
}

int requests_take_ids(struct oks_requests *to, const struct oks_requests *from)
{
    int rc = 0;

    for (size_t b = 0; rc == 0 && b < blocks_of(to) && b < blocks_of(from); b++)
        rc = take_block(to, from, b);
    return rc;
}

static int copy_names(struct oks_strings *to, const struct oks_strings *from)
{
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < from->len; i++)
        rc = oks_strings_add(to, (struct oks_slice){from->items[i].ptr, from->items[i].len},
                             REQUEST_NAMES_MAX);
    return rc < 0 ? rc : 0;
}

struct copying {
    const struct oks_requests *from;
    struct oks_requests *to;
};

static int copy_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct copying *c = ctx;
    struct request_row own = *row;

    (void)i;
    own.request.tag = requests_tag(c->from, row->tag);
    return requests_append(c->to, &own, requests_model(c->from, row->model),
                           requests_agent(c->from, row->agent));
}

int requests_copy_whole(struct oks_requests **out, const struct oks_requests *from)
{
    struct copying c = {.from = from};
    int rc = oks_requests_new(&c.to);

    if (rc < 0)
        return rc;
    rc = copy_names(&c.to->models, &from->models);
    if (rc == 0)
        rc = copy_names(&c.to->agents, &from->agents);
    if (rc == 0)
        rc = copy_names(&c.to->tags, &from->tags);
    if (rc == 0)
        rc = requests_each_whole(from, copy_row, &c);
    if (rc < 0) {
        oks_requests_free(c.to);
        return rc;
    }
    requests_set_history(c.to, from->history, from->after);
    c.to->runs = from->runs;
    *out = c.to;
    return 0;
}
