/*
 * Streams: requests as lines that only grow: requests.jsonl of a session, events.jsonl of all.
 *
 * A request is closed when its transcript went on without it, when its response ended, or when the file is
 * gone. In a transcript that holds for all rows except the last one, so a length says which rows a stream has
 * sent. A stream in use also keeps the ranges of rows by which these lengths grew; a cursor is a position in
 * them. A fresh cursor gets everything, sorted by time. Later lines come in the order in which their requests
 * were closed.
 *
 * A line is in the stream of the transcript that owns its request (billing.h), with the values of the winning
 * row. If one of these changes after the line was sent (the original of a fork is found, a transcript is
 * replaced), no further line can correct it: the stream starts over, under another generation.
 *
 * Streams do not outlive the process, and cost nothing if nobody reads them.
 *
 * A call collects the rows, 16 bytes each, and sorts them by time. Lines are made from the sorted rows, some
 * thousands at a time, because the lines of all requests take as much memory as all else. The lock is free
 * in between. As long as the generation is the same, no row that was sent has changed or is gone.
 */
#include "streams/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/tree.h"
#include "cache/cache_parts.h"
#include "sums/model.h"
#include "okstrafs/stream.h"
#include "streams/stream_ids.h"

void stream_clear(struct stream *stream)
{
    free(stream->ranges);
    *stream = (struct stream){0};
}

/* A transcript's position in its streams. */
struct stream_marks {
    size_t closed;        /* requests, from the first on, that are closed */
    size_t sent[STREAMS]; /* rows that each stream has sent */
    uint64_t life;
};

int session_stream_new(struct session *s)
{
    s->stream = calloc(1, sizeof(*s->stream));
    return s->stream ? 0 : -ENOMEM;
}

void session_stream_free(struct stream *stream)
{
    if (stream)
        stream_clear(stream);
    free(stream);
}

int stream_marks_new(struct transcript *t)
{
    t->marks = calloc(1, sizeof(*t->marks));
    return t->marks ? 0 : -ENOMEM;
}

void stream_marks_free(struct stream_marks *marks)
{
    free(marks);
}

void stream_replaced(struct transcript *t)
{
    t->marks->life++;
}

uint64_t stream_life(const struct transcript *t)
{
    return t->marks->life;
}

static struct stream *stream_of(struct streams *streams, struct transcript *t, int which)
{
    return which == STREAM_OF_ALL ? &streams->all : t->session->stream;
}

void stream_changed(struct streams *streams, struct transcript *t, size_t i)
{
    for (int which = 0; which < STREAMS; which++)
        if (i < t->marks->sent[which])
            stream_clear(stream_of(streams, t, which));
}

void stream_leave(struct streams *streams, struct transcript *t)
{
    stream_changed(streams, t, 0);
    memset(t->marks->sent, 0, sizeof(t->marks->sent));
}

/* --- closed rows --- */

enum { PARTS_MAX = 2 * REQUESTS_OF_RECORD }; /* behind the last response: more than its lines bring mostly */

/* What follows the last response are its parts. They are open as long as it is. Without a file nothing
 * follows. */
static size_t closed_rows(const struct transcript *t)
{
    const struct oks_requests *rows = t->state.requests;
    size_t n = requests_whole(rows);
    struct request_row row;

    if (t->retained || requests_after(rows))
        return n;
    for (size_t i = n; i > 0 && n - i < PARTS_MAX; i--) {
        requests_get(rows, i - 1, &row);
        if (row.request.part == OKS_PART_RESPONSE)
            return row.request.settled ? n : i - 1;
    }
    return n;
}

void stream_committed(struct streams *streams, struct transcript *t)
{
    t->marks->closed = closed_rows(t);
    stream_changed(streams, t, t->marks->closed);
}

/* --- the rows of a call --- */

enum { LINES_AT_ONCE = 16384 };

struct stream_row {
    uint64_t time;  /* ascending; 0: none */
    uint32_t range; /* index of its range, and ... */
    uint32_t row;   /* ... its row, counted from there */
};

struct stream_rows {
    struct stream_range *ranges; /* by path of their transcripts, or in the order in which they were closed */
    size_t n_ranges, ranges_room;
    struct stream_row *rows;
    size_t n, room;
    int64_t mtime_ns;
};

static int add_row(void *ctx, const struct billing_visit *visit)
{
    struct stream_rows *rows = ctx;
    const struct stream_range *range = &rows->ranges[rows->n_ranges - 1];
    bool timed = !oks_stamp_is_none(visit->stamp) && visit->stamp.key != OKS_STAMP_KEY_TEXT;

    if (visit->sum->requests == 0)
        return 0;
    if (!OKS_GROW(rows->rows, rows->n, rows->room))
        return -ENOMEM;
    rows->rows[rows->n++] = (struct stream_row){
        timed ? visit->stamp.key + 1 : 0, (uint32_t)(rows->n_ranges - 1), (uint32_t)(visit->i - range->from)};
    return 0;
}

/* In ascending order of rows. */
static int add_rows(struct stream_rows *rows, struct model *m, struct transcript *t, size_t from, size_t to)
{
    if (from >= to)
        return 0;
    if (!OKS_GROW(rows->ranges, rows->n_ranges, rows->ranges_room))
        return -ENOMEM;
    rows->ranges[rows->n_ranges++] = (struct stream_range){.transcript = t, .from = from, .to = to};
    if (t->mark.mtime_ns > rows->mtime_ns)
        rows->mtime_ns = t->mark.mtime_ns;
    return billing_each_owned(m->billing, t->billed, from, to, add_row, rows);
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

static void rows_clear(struct stream_rows *rows)
{
    free(rows->ranges);
    free(rows->rows);
}

/* --- lines --- */

struct stream_line {
    struct oks_stamp stamp; /* never a text */
    size_t order;           /* of rendering */
    size_t at, len;         /* in the bytes */
    size_t ids;             /* offset in the line at which ids are inserted that are looked up later */
    enum oks_part part;
    size_t ids_at, ids_len; /* in the bytes: the ids found */
};

struct stream_batch {
    struct model *model;
    int which;
    struct transcript *t;
    struct oks_bytes bytes;
    struct stream_line *lines;
    size_t n, room;
    struct stream_ids ids; /* of lines whose rows have no ids in memory */
};

static void put_text(struct oks_bytes *b, const char *key, struct oks_slice text)
{
    oks_bytes_text(b, key);
    if (text.len == 0) {
        oks_bytes_text(b, "null");
        return;
    }
    oks_bytes_put(b, "\"", 1);
    oks_bytes_json(b, text);
    oks_bytes_put(b, "\"", 1);
}

static void put_number(struct oks_bytes *b, const char *key, uint64_t n)
{
    oks_bytes_text(b, key);
    oks_bytes_number(b, n);
}

/* A part of a response has an id of its own, which no transcript contains. */
static void put_ids(struct oks_bytes *b, struct oks_slice message_id, struct oks_slice request_id,
                    enum oks_part part)
{
    static const char *const suffix[OKS_PARTS] = {[OKS_PART_ADVISOR] = ":advisor\"",
                                                  [OKS_PART_COMPACTION] = ":compaction\"",
                                                  [OKS_PART_ATTEMPT] = ":attempt\""};

    put_text(b, ",\"requestId\":", request_id);
    put_text(b, ",\"messageId\":", message_id);
    if (!suffix[part] || message_id.len == 0)
        return;
    b->len -= b->error ? 0 : 1;
    oks_bytes_text(b, suffix[part]);
}

static void put_cost(struct oks_bytes *b, const struct billed_sum *sum)
{
    char text[OKS_MONEY_TEXT];

    oks_bytes_text(b, ",\"costUSD\":");
    if (sum->unpriced) {
        oks_bytes_text(b, "null");
        return;
    }
    oks_money_text((oks_money)sum->cost, text);
    oks_bytes_text(b, text);
}

static uint64_t saturated(unsigned __int128 n)
{
    return n < OKS_TOKENS_MAX ? (uint64_t)n : OKS_TOKENS_MAX;
}

/* `row` is the request, `visit` its cost. */
static void put_line(struct stream_batch *batch, const struct billing_visit *visit,
                     const struct request_row *row, struct stream_line *line)
{
    const struct billed_sum *sum = visit->sum;
    struct oks_bytes *b = &batch->bytes;
    char buf[OKS_STAMP_TEXT];

    put_text(b, "{\"t\":", oks_stamp_text(visit->stamp, buf));
    line->ids = b->len - line->at;
    line->part = row->request.part;
    if (!row->ids_forgotten)
        put_ids(b, row->message_id, row->request_id, line->part);
    put_text(b, ",\"model\":", oks_slice_of(visit->model));
    put_number(b, ",\"historyLength\":", row->history);
    put_number(
        b, ",\"inputTotalTokens\":", saturated(sum->input + sum->cache_read + sum->cache_5m + sum->cache_1h));
    put_number(b, ",\"cacheReadTokens\":", saturated(sum->cache_read));
    put_number(b, ",\"cacheWriteTokens\":", saturated(sum->cache_5m + sum->cache_1h));
    put_number(b, ",\"outputTokens\":", saturated(sum->output));
    put_number(b, ",\"toolUses\":", sum->tool_uses);
    put_cost(b, sum);
    put_text(b, ",\"agentId\":", requests_agent(batch->t->state.requests, row->agent));
    oks_bytes_text(b, row->request.sidechain ? ",\"sidechain\":true" : ",\"sidechain\":false");
    if (batch->which == STREAM_OF_ALL) {
        put_text(b, ",\"sessionId\":", oks_slice_of(batch->t->session->id));
        put_text(b, ",\"source\":", oks_slice_of(session_source(batch->t->session)->name));
    }
    oks_bytes_text(b, "}\n");
}

static int put_request(void *ctx, const struct billing_visit *visit)
{
    struct stream_batch *batch = ctx;
    const struct request_row *row = visit->row;
    struct stream_line *line;

    if (visit->sum->requests == 0)
        return 0;
    if (!OKS_GROW(batch->lines, batch->n, batch->room))
        return -ENOMEM;
    line = &batch->lines[batch->n];
    *line = (struct stream_line){.stamp = visit->stamp, .order = batch->n, .at = batch->bytes.len};
    if (line->stamp.key == OKS_STAMP_KEY_TEXT)
        line->stamp = OKS_STAMP_NONE;
    put_line(batch, visit, row, line);
    line->len = batch->bytes.len - line->at;
    batch->n++;
    if (row->ids_forgotten &&
        stream_ids_want(&batch->ids, batch->t,
                        (struct request_place){visit->i, row->request.key, row->first, row->request.part},
                        line->order) < 0)
        return -ENOMEM;
    return batch->bytes.error;
}

/* The ids of a line that was written without them. */
static int take_ids(void *ctx, size_t i, struct oks_slice message_id, struct oks_slice request_id)
{
    struct stream_batch *batch = ctx;
    struct stream_line *line = &batch->lines[i];

    line->ids_at = batch->bytes.len;
    put_ids(&batch->bytes, message_id, request_id, line->part);
    line->ids_len = batch->bytes.len - line->ids_at;
    return batch->bytes.error;
}

static int deliver(struct stream_batch *batch, int (*fn)(void *ctx, const char *bytes, size_t len), void *ctx)
{
    struct oks_bytes whole = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < batch->n; i++) {
        const struct stream_line *line = &batch->lines[i];
        const char *bytes = batch->bytes.ptr + line->at;

        if (line->ids_len == 0) {
            rc = fn(ctx, bytes, line->len);
            continue;
        }
        whole.len = 0;
        oks_bytes_put(&whole, bytes, line->ids);
        oks_bytes_put(&whole, batch->bytes.ptr + line->ids_at, line->ids_len);
        oks_bytes_put(&whole, bytes + line->ids, line->len - line->ids);
        rc = whole.error ? whole.error : fn(ctx, whole.ptr, whole.len);
    }
    free(whole.ptr);
    return rc;
}

static int by_time(const void *a, const void *b)
{
    const struct stream_line *x = a, *y = b;

    if (x->stamp.key != y->stamp.key) {
        bool none_x = oks_stamp_is_none(x->stamp), none_y = oks_stamp_is_none(y->stamp);

        return none_x || none_y ? none_y - none_x : oks_stamp_cmp(x->stamp, y->stamp);
    }
    return (x->order > y->order) - (x->order < y->order);
}

/* --- the transcripts of a stream --- */

struct chosen {
    struct transcript **list;
    size_t n, room;
};

static int choose(void *ctx, void *item)
{
    struct chosen *c = ctx;

    if (!OKS_GROW(c->list, c->n, c->room))
        return -ENOMEM;
    c->list[c->n++] = item;
    return 0;
}

/* The stream's transcripts, ascending by path. 0 or -ENOMEM */
static int transcripts_of(struct model *m, const struct session *s, struct chosen *out)
{
    struct transcript *t;
    int rc = 0;

    *out = (struct chosen){0};
    if (!s)
        return oks_tree_until(m->catalog.transcripts, choose, out);
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (rc == 0)
            rc = choose(out, t);
    return rc;
}

/* --- new lines --- */

static int range_add(struct stream *stream, struct transcript *t, size_t from, size_t to)
{
    if (!OKS_GROW(stream->ranges, stream->n, stream->room))
        return -ENOMEM;
    stream->sequence += to - from;
    stream->ranges[stream->n++] = (struct stream_range){stream->sequence, t, from, to};
    return 0;
}

/* Adds the rows that were closed since the last call to the ranges. */
static int advance(struct model *m, const struct session *s, struct stream *stream, int which)
{
    struct chosen chosen;
    int rc = transcripts_of(m, s, &chosen);

    for (size_t i = 0; rc == 0 && i < chosen.n; i++) {
        struct transcript *t = chosen.list[i];

        if (t->marks->closed <= t->marks->sent[which])
            continue;
        rc = range_add(stream, t, t->marks->sent[which], t->marks->closed);
        if (rc == 0)
            t->marks->sent[which] = t->marks->closed;
    }
    free(chosen.list);
    return rc;
}

static int new_rows(struct stream_rows *rows, struct model *m, const struct stream *stream, uint64_t after)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < stream->n; i++) {
        const struct stream_range *r = &stream->ranges[i];

        if (r->sequence > after)
            rc = add_rows(rows, m, r->transcript, r->from, r->to);
    }
    return rc;
}

/* --- all lines --- */

static int rows_from_start(struct stream_rows *rows, struct model *m, const struct session *s, int which)
{
    struct chosen chosen;
    int rc = transcripts_of(m, s, &chosen);

    for (size_t i = 0; rc == 0 && i < chosen.n; i++)
        rc = add_rows(rows, m, chosen.list[i], 0, chosen.list[i]->marks->sent[which]);
    free(chosen.list);
    return rc;
}

/* --- a call --- */

struct call {
    struct streams *streams;
    const struct oks_target *target;
    int which;
    struct session *s; /* NULL: all */
    struct stream *stream;
    struct stream_rows rows;
};

static int find(struct call *call)
{
    call->s = NULL;
    if (call->target->kind == OKS_SESSION) {
        call->s = catalog_session(&call->streams->model->catalog, call->target->name);
        if (!call->s)
            return -ENOENT;
        call->stream = call->s->stream;
        return 0;
    }
    call->stream = &call->streams->all;
    return call->target->kind == OKS_ALL ? 0 : -ENOENT;
}

static int begin(struct call *call)
{
    struct stream *stream = call->stream;
    struct chosen chosen;
    int rc = transcripts_of(call->streams->model, call->s, &chosen);

    for (size_t i = 0; i < chosen.n; i++)
        chosen.list[i]->marks->sent[call->which] = 0;
    free(chosen.list);
    if (rc < 0)
        return rc;
    stream_clear(stream);
    stream->generation = ++call->streams->generations;
    return 0;
}

/* All rows. A stream that has other readers keeps its generation. */
static int read_all(struct call *call)
{
    struct model *m = call->streams->model;
    int rc = call->stream->generation == 0 ? begin(call) : 0;

    if (rc == 0)
        rc = advance(m, call->s, call->stream, call->which);
    return rc < 0 ? rc : rows_from_start(&call->rows, m, call->s, call->which);
}

/* The rows behind the cursor; 1: the stream starts over. */
static int read_new(struct call *call, const struct oks_stream_cursor *cursor)
{
    struct model *m = call->streams->model;
    int rc;

    if (call->stream->generation != cursor->generation)
        return OKS_STREAM_STARTED_OVER;
    rc = advance(m, call->s, call->stream, call->which);
    return rc < 0 ? rc : new_rows(&call->rows, m, call->stream, cursor->sequence);
}

/* Collects the rows; *behind is the cursor behind them. 0; 1: the stream starts over; -errno */
static int collect(struct call *call, const struct oks_stream_cursor *cursor,
                   struct oks_stream_cursor *behind)
{
    int rc;

    pthread_mutex_lock(&call->streams->model->lock);
    rc = find(call);
    if (rc == 0)
        rc = cursor->generation ? read_new(call, cursor) : read_all(call);
    *behind = (struct oks_stream_cursor){0};
    if (rc == 0)
        *behind = (struct oks_stream_cursor){.generation = call->stream->generation,
                                             .sequence = call->stream->sequence};
    pthread_mutex_unlock(&call->streams->model->lock);
    if (rc == 0 && call->rows.n)
        qsort(call->rows.rows, call->rows.n, sizeof(*call->rows.rows), by_time_and_place);
    return rc;
}

/* Makes lines of rows that are sorted by place. */
static int put_lines(struct stream_batch *batch, const struct stream_rows *all, const struct stream_row *rows,
                     size_t n)
{
    int rc = 0;

    for (size_t i = 0, end; rc == 0 && i < n; i = end) {
        const struct stream_range *range = &all->ranges[rows[i].range];
        size_t from = range->from + rows[i].row;

        for (end = i + 1; end < n && rows[end].range == rows[i].range; end++)
            if (rows[end].row != rows[i].row + (end - i))
                break;
        batch->t = range->transcript;
        rc = billing_each_owned(batch->model->billing, batch->t->billed, from, from + (end - i), put_request,
                                batch);
    }
    return rc;
}

/* -ESTALE: a row has changed since it was collected. */
static int put_current(struct call *call, uint64_t generation, struct stream_batch *batch,
                       const struct stream_row *rows, size_t n)
{
    int rc;

    pthread_mutex_lock(&batch->model->lock);
    rc = find(call) < 0 || call->stream->generation != generation ? -ESTALE
                                                                  : put_lines(batch, &call->rows, rows, n);
    pthread_mutex_unlock(&batch->model->lock);
    return rc;
}

static int send_lines(struct call *call, uint64_t generation, const struct stream_sources *sources,
                      struct stream_row *rows, size_t n,
                      int (*line)(void *ctx, const char *bytes, size_t len), void *ctx)
{
    struct stream_batch batch = {.model = call->streams->model, .which = call->which};
    int rc;

    qsort(rows, n, sizeof(*rows), by_place);
    rc = put_current(call, generation, &batch, rows, n);
    if (rc == 0) /* before lines are sorted: ids refer to them by index */
        rc = stream_ids_find(&batch.ids, sources, take_ids, &batch);
    stream_ids_clear(&batch.ids);
    if (rc == 0 && batch.n)
        qsort(batch.lines, batch.n, sizeof(*batch.lines), by_time);
    if (rc == 0)
        rc = deliver(&batch, line, ctx);
    free(batch.lines);
    free(batch.bytes.ptr);
    return rc;
}

int streams_next(struct streams *streams, const struct stream_sources *sources,
                 const struct oks_target *target, struct oks_stream_cursor *cursor,
                 int (*line)(void *ctx, const char *bytes, size_t len), void *ctx, int64_t *mtime_ns)
{
    struct call call = {.streams = streams,
                        .target = target,
                        .which = target->kind == OKS_ALL ? STREAM_OF_ALL : STREAM_OF_SESSION};
    struct oks_stream_cursor behind;
    int rc = collect(&call, cursor, &behind);

    for (size_t i = 0, n; rc == 0 && i < call.rows.n; i += n) {
        n = call.rows.n - i < LINES_AT_ONCE ? call.rows.n - i : LINES_AT_ONCE;
        rc = send_lines(&call, behind.generation, sources, call.rows.rows + i, n, line, ctx);
    }
    rows_clear(&call.rows);
    if (rc < 0)
        return rc;
    *cursor = behind;
    *mtime_ns = call.rows.mtime_ns;
    return rc;
}
