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
 * replaced), the stream of a session starts over, under another generation. The stream of all goes on: its
 * lines have an id and a revision, so the row is sent again, as one more range. It starts over only if a
 * transcript leaves or is replaced. What counts no more is sent with zeros (stream_gone.c).
 *
 * Streams do not outlive the process, and cost nothing if nobody reads them.
 *
 * A call collects the rows (stream_rows.c) and sorts them by time. Lines are made from the sorted rows, some
 * thousands at a time, because the lines of all requests take as much memory as all else. The lock is free
 * in between. As long as the generation is the same, no row that was sent is gone; one that has changed is in
 * a later range as well.
 *
 * A month of events/ is the stream of all, without the rows of other months.
 */
#include "streams/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
#include "streams/stream_private.h"

enum {
    CHANGED_MAX = 1 << 16, /* ranges that wait for being sent again; more: the stream starts over */
    LINES_AT_ONCE = 16384,
};

static void stream_clear(struct stream *stream)
{
    free(stream->ranges);
    free(stream->changed);
    *stream = (struct stream){.team = stream->team,
                              .says = stream->says,
                              .version = stream->version,
                              .told_team = stream->told_team};
}

static void session_starts_over(void *ctx, void *item)
{
    (void)ctx;
    stream_clear(((struct session *)item)->stream);
}

void streams_start_over(struct streams *streams)
{
    stream_clear(&streams->all);
    oks_tree_each(streams->model->catalog.sessions, session_starts_over, NULL);
}

void streams_end(struct streams *streams)
{
    stream_clear(&streams->all);
    free(streams->gone);
    *streams = (struct streams){.model = streams->model, .ended = true};
}

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

void stream_replaced(struct streams *streams, struct transcript *t)
{
    t->marks->life = ++streams->lives;
}

/* Whether others log one of these requests too: then its revision may fall when the rows leave. */
static bool any_shared(const struct streams *streams, const struct oks_requests *rows)
{
    struct billing_ruling ruling;

    for (size_t i = 0; rows && i < requests_len(rows); i++)
        if (billing_ruling(streams->model->billing, requests_key(rows, i), &ruling) == 0 && ruling.files > 1)
            return true;
    return false;
}

void stream_tail_goes(struct streams *streams, const struct transcript *t)
{
    if (streams->all.generation && any_shared(streams, transcript_tail(t)->requests))
        stream_clear(&streams->all);
}

uint64_t stream_life(const struct transcript *t)
{
    return t->marks->life;
}

/* Rows of the stream of all that were sent are to be sent again. `month`: where the row was; -1: where it is.
 */
static void send_again(struct streams *streams, struct transcript *t, size_t from, size_t to, int month)
{
    const struct stream_range range = {
        .transcript = t, .from = from, .to = to, .again = true, .month = month};
    struct stream *all = &streams->all;
    const struct stream_range *last = all->n_changed ? &all->changed[all->n_changed - 1] : NULL;

    if (last && last->transcript == t && last->from == from && last->to == to &&
        (month < 0 || last->month == month))
        return;
    if (all->n_changed == CHANGED_MAX ||
        !stream_range_push(&all->changed, &all->n_changed, &all->changed_room, range))
        stream_clear(all);
}

void stream_changed(struct streams *streams, struct transcript *t, size_t i, struct oks_stamp before)
{
    if (i < t->marks->months_of)
        stream_months_forget(t);
    if (i < t->marks->sent[STREAM_OF_SESSION])
        stream_clear(t->session->stream);
    if (i < t->marks->sent[STREAM_OF_ALL])
        send_again(streams, t, i, i + 1, (int)stream_month_of(before));
}

static void nothing_told(struct stream_marks *marks)
{
    marks->told = false;
    marks->open_in = (struct month_set){0};
}

void stream_leave(struct streams *streams, struct transcript *t)
{
    struct stream_marks *marks = t->marks;

    if (marks->sent[STREAM_OF_SESSION])
        stream_clear(t->session->stream);
    if (!streams->ended && (marks->told || streams->keeps))
        stream_remember(streams, t);
    if (streams->all.generation && !streams->ended &&
        (marks->told || !month_set_is_empty(&marks->open_in) || any_shared(streams, t->state.requests)))
        stream_clear(&streams->all); /* of rows that are open there are few */
    memset(marks->sent, 0, sizeof(marks->sent));
    stream_months_forget(t);
    nothing_told(marks);
}

/* --- closed rows --- */

void stream_committed(struct streams *streams, struct transcript *t)
{
    const struct oks_requests *rows = t->state.requests;
    struct stream_marks *marks = t->marks;
    size_t before = marks->closed, sent = marks->sent[STREAM_OF_ALL];

    marks->closed = t->retained ? requests_whole(rows) : requests_closed(rows);
    if (marks->sent[STREAM_OF_SESSION] > marks->closed)
        stream_clear(t->session->stream);
    if (marks->closed < before && marks->closed < sent) /* the response goes on */
        send_again(streams, t, marks->closed, before < sent ? before : sent, -1);
    if (before < marks->closed && before < sent) /* and has ended again */
        send_again(streams, t, before, marks->closed < sent ? marks->closed : sent, -1);
}

/* --- what the lines of all say of a session --- */

static uint64_t says_of(const struct streams *streams, struct session *s)
{
    struct stream *own = s->stream;

    if (own->version != s->version || own->told_team != own->team)
        own->says = stream_session_hash(streams, s);
    own->version = s->version;
    own->told_team = own->team;
    return own->says;
}

/* Lines of a session that is in another project or team now are sent again. */
static void describe_sessions(struct streams *streams, const struct stream_chosen *chosen)
{
    for (size_t i = 0; i < chosen->n; i++) {
        struct transcript *t = chosen->list[i];
        uint64_t says = says_of(streams, t->session);

        if (t->marks->told_as != says && t->marks->sent[STREAM_OF_ALL])
            send_again(streams, t, 0, t->marks->sent[STREAM_OF_ALL], -1);
        t->marks->told_as = says;
    }
}

/* --- new lines --- */

static int range_add(struct stream *stream, struct stream_range range)
{
    range.sequence = stream->sequence + (range.to - range.from);
    if (!stream_range_push(&stream->ranges, &stream->n, &stream->room, range))
        return -ENOMEM;
    stream->sequence = range.sequence;
    return 0;
}

/* Rows that have changed since they were sent. */
static int send_changed(struct stream *all)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < all->n_changed; i++)
        rc = range_add(all, all->changed[i]);
    if (rc == 0)
        all->n_changed = 0;
    return rc;
}

/* The transcripts that may have new rows, or other lines than before. */
static int choose_new(struct streams *streams, const struct session *s, struct stream *stream,
                      struct stream_chosen *out)
{
    int rc = s ? 0 : stream_assign_teams(streams);

    *out = (struct stream_chosen){0};
    if (rc < 0)
        return rc;
    if (rc > 0)
        stream->seen = 0; /* until they have been chosen */
    return s ? stream_choose(streams->model, s, out) : stream_choose_since(streams->model, stream->seen, out);
}

/* Adds the rows that were closed since the last call to the ranges. */
static int advance(struct streams *streams, const struct session *s, struct stream *stream, int which)
{
    uint64_t now = streams->model->versions.all;
    struct stream_chosen chosen;
    int rc = choose_new(streams, s, stream, &chosen);

    if (rc == 0 && which == STREAM_OF_ALL)
        describe_sessions(streams, &chosen);
    if (rc == 0 && which == STREAM_OF_ALL)
        rc = send_changed(stream);
    for (size_t i = 0; rc == 0 && i < chosen.n; i++) {
        struct transcript *t = chosen.list[i];
        struct stream_marks *marks = t->marks;

        if (marks->closed <= marks->sent[which])
            continue;
        rc = range_add(
            stream, (struct stream_range){.transcript = t, .from = marks->sent[which], .to = marks->closed});
        if (rc == 0)
            marks->sent[which] = marks->closed;
        marks->told |= which == STREAM_OF_ALL;
    }
    free(chosen.list);
    if (rc == 0)
        stream->seen = now;
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
    uint64_t gone; /* version of the list that rows of STREAM_ROW_GONE are indices of */
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
    struct stream_chosen chosen;
    int rc = stream_choose(call->streams->model, call->s, &chosen);

    for (size_t i = 0; i < chosen.n; i++)
        chosen.list[i]->marks->sent[call->which] = 0;
    for (size_t i = 0; i < chosen.n && call->which == STREAM_OF_ALL; i++)
        nothing_told(chosen.list[i]->marks);
    free(chosen.list);
    if (rc < 0)
        return rc;
    if (call->which == STREAM_OF_ALL)
        stream_settle_gone(call->streams);
    stream_clear(stream);
    stream->generation = ++call->streams->generations;
    return 0;
}

/* All rows. A stream that has other readers keeps its generation. */
static int read_all(struct call *call)
{
    struct model *m = call->streams->model;
    int rc = 0;

    do {
        if (call->stream->generation == 0)
            rc = begin(call);
        if (rc == 0)
            rc = advance(call->streams, call->s, call->stream, call->which);
    } while (rc == 0 &&
             call->stream->generation == 0); /* too much has changed: once, as nothing is sent then */
    if (rc == 0)
        rc = stream_rows_from_start(&call->rows, m, call->s, call->which);
    return rc == 0 && call->which == STREAM_OF_ALL ? stream_rows_gone(&call->rows, call->streams) : rc;
}

/* The rows behind the cursor; 1: the stream starts over. */
static int read_new(struct call *call, const struct oks_stream_cursor *cursor)
{
    struct model *m = call->streams->model;
    int rc;

    if (call->stream->generation != cursor->generation)
        return OKS_STREAM_STARTED_OVER;
    rc = advance(call->streams, call->s, call->stream, call->which);
    if (call->stream->generation != cursor->generation)
        return OKS_STREAM_STARTED_OVER; /* too much of it has changed */
    return rc < 0 ? rc : stream_rows_new(&call->rows, m, call->stream, cursor->sequence);
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
    call->gone = call->streams->gone_version;
    *behind = (struct oks_stream_cursor){.kind = cursor->kind, .month = cursor->month};
    if (rc == 0)
        rc = stream_rows_open(&call->rows, call->streams->model, cursor, behind);
    if (rc == 0) {
        behind->generation = call->stream->generation;
        behind->sequence = call->stream->sequence;
    } else {
        *behind = (struct oks_stream_cursor){.kind = cursor->kind, .month = cursor->month};
    }
    pthread_mutex_unlock(&call->streams->model->lock);
    if (rc == 0)
        stream_rows_sort(&call->rows);
    return rc;
}

/* Lines of rows of one range, one behind the other. */
static int put_range(struct stream_batch *batch, const struct stream_range *range, size_t from, size_t to)
{
    struct billing *billing = batch->streams->model->billing;
    int rc = 0;

    batch->t = range->transcript;
    if (!range->again)
        return billing_each_owned(billing, batch->t->billed, from, to, stream_put_request, batch);
    for (size_t i = from; rc == 0 && i < to; i++)
        rc = billing_row(billing, batch->t->billed, i,
                         range->zeros || range->to - range->from == 1 ? stream_put_again : stream_put_request,
                         batch);
    return rc;
}

/* Makes lines of rows that are sorted by place. */
static int put_lines(struct stream_batch *batch, const struct call *call, const struct stream_row *rows,
                     size_t n)
{
    int rc = 0;

    for (size_t i = 0, end; rc == 0 && i < n; i = end) {
        const struct stream_range *range;
        size_t from;

        end = i + 1;
        if (rows[i].range == STREAM_ROW_GONE) {
            rc = stream_put_gone(batch, &call->streams->gone[rows[i].row]);
            continue;
        }
        range = &call->rows.ranges[rows[i].range];
        from = range->from + rows[i].row;
        for (; end < n && rows[end].range == rows[i].range; end++)
            if (rows[end].row != rows[i].row + (end - i))
                break;
        rc = put_range(batch, range, from, from + (end - i));
    }
    return rc;
}

static bool is_current(struct call *call, uint64_t generation)
{
    return find(call) == 0 && call->stream->generation == generation &&
           call->gone == call->streams->gone_version;
}

/* -ESTALE: a row is gone since it was collected. */
static int put_current(struct call *call, uint64_t generation, struct stream_batch *batch,
                       const struct stream_row *rows, size_t n)
{
    int rc;

    pthread_mutex_lock(&batch->streams->model->lock);
    rc = is_current(call, generation) ? put_lines(batch, call, rows, n) : -ESTALE;
    pthread_mutex_unlock(&batch->streams->model->lock);
    return rc;
}

static int send_lines(struct call *call, uint64_t generation, const struct stream_sources *sources,
                      struct stream_row *rows, size_t n,
                      int (*line)(void *ctx, const char *bytes, size_t len), void *ctx)
{
    struct stream_batch batch = {.streams = call->streams, .which = call->which, .month = call->rows.month};
    int rc;

    stream_rows_sort_by_place(rows, n);
    rc = put_current(call, generation, &batch, rows, n);
    if (rc == 0)
        rc = stream_deliver(&batch, sources, line, ctx);
    stream_batch_clear(&batch);
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
    int rc;

    call.rows.which = call.which;
    call.rows.billing = streams->model->billing;
    call.rows.month = cursor->kind == OKS_STREAM_MONTH ? (int)cursor->month : -1;
    rc = collect(&call, cursor, &behind);
    for (size_t i = 0, n; rc == 0 && i < call.rows.n; i += n) {
        n = call.rows.n - i < LINES_AT_ONCE ? call.rows.n - i : LINES_AT_ONCE;
        rc = send_lines(&call, behind.generation, sources, call.rows.rows + i, n, line, ctx);
    }
    stream_rows_clear(&call.rows);
    if (rc < 0)
        return rc;
    *cursor = behind;
    *mtime_ns = call.rows.mtime_ns;
    return rc;
}
