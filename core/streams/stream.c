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
 * A call collects the rows, 16 bytes each, and sorts them by time. Lines are made from the sorted rows, some
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

#include "base/array.h"
#include "base/tree.h"
#include "streams/stream_private.h"
#include "teams/members.h"

enum { CHANGED_MAX = 1 << 16 }; /* ranges that wait for being sent again; more: the stream starts over */

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

static bool range_push(struct stream_range **ranges, size_t *n, size_t *room, struct stream_range range)
{
    if (!OKS_GROW(*ranges, *n, *room))
        return false;
    (*ranges)[(*n)++] = range;
    return true;
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
        !range_push(&all->changed, &all->n_changed, &all->changed_room, range))
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

/* --- the rows of a call --- */

enum { LINES_AT_ONCE = 16384 };

/* A row that is sent, or (range GONE) a request that has left. */
struct stream_row {
    uint64_t time;  /* ascending; 0: none */
    uint32_t range; /* index of its range, and ... */
    uint32_t row;   /* ... its row, counted from there */
};

#define GONE UINT32_MAX

struct stream_rows {
    int which;
    int month; /* -1: all */
    struct billing *billing;
    struct stream_range *ranges; /* by path of their transcripts, or in the order in which they were closed */
    size_t n_ranges, ranges_room;
    struct stream_row *rows;
    size_t n, room;
    int64_t mtime_ns;
    bool elsewhere; /* a transcript with open rows in the month has one in another month now */
};

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
    if (!range_push(&rows->ranges, &rows->n_ranges, &rows->ranges_room, range))
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

static void rows_clear(struct stream_rows *rows)
{
    free(rows->ranges);
    free(rows->rows);
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

static int choose_session(const struct session *s, struct chosen *out)
{
    struct transcript *t;
    int rc = 0;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (rc == 0)
            rc = choose(out, t);
    return rc;
}

/* The stream's transcripts, ascending by path. 0 or -ENOMEM */
static int transcripts_of(struct model *m, const struct session *s, struct chosen *out)
{
    *out = (struct chosen){0};
    if (!s)
        return oks_tree_until(m->catalog.transcripts, choose, out);
    return choose_session(s, out);
}

static int by_path(const void *a, const void *b)
{
    return strcmp((*(struct transcript *const *)a)->path, (*(struct transcript *const *)b)->path);
}

/* The same of the sessions that have changed since a version. */
static int transcripts_since(struct model *m, uint64_t since, struct chosen *out)
{
    const struct session *s;
    int rc = 0;

    *out = (struct chosen){0};
    if (!since)
        return transcripts_of(m, NULL, out);
    TAILQ_FOREACH(s, &m->catalog.by_version, of_version) {
        if (rc < 0 || s->version <= since)
            break;
        rc = choose_session(s, out);
    }
    if (out->n)
        qsort(out->list, out->n, sizeof(struct transcript *), by_path);
    return rc;
}

/* --- what the lines of all say of a session --- */

struct assigning {
    struct streams *streams;
    bool changed;
    int rc;
};

/* A team has another version with each line of one of its sessions, and seldom other sessions. */
static void see_team(struct assigning *a, struct team *team)
{
    struct session **sessions;
    uint64_t hash;

    hash = request_hash(0, team->name, strlen(team->name));
    sessions = team_sessions(&a->streams->model->catalog, team, runs_current(team));
    if (!sessions)
        a->rc = -ENOMEM;
    for (size_t i = 0; sessions && sessions[i]; i++) {
        hash = request_hash(hash, (const char *)&sessions[i], sizeof(sessions[i]));
        a->changed |= !sessions[i]->stream->team; /* a new one may be where another one was */
    }
    free(sessions);
    a->changed |= hash != team->told_members;
    team->told_members = hash;
    team->told = team->version;
}

static void unassign(void *ctx, void *item)
{
    (void)ctx;
    ((struct session *)item)->stream->team = NULL;
}

/* A session of several teams is told as one of the first. */
static void assign(void *ctx, void *item)
{
    struct assigning *a = ctx;
    struct team *team = item;
    struct model *m = a->streams->model;
    struct session **sessions = team_sessions(&m->catalog, team, runs_current(team));
    const char *name = oks_intern(&m->names, team->name);

    if (!sessions || !name)
        a->rc = -ENOMEM;
    for (size_t i = 0; a->rc == 0 && sessions[i]; i++)
        if (!sessions[i]->stream->team)
            sessions[i]->stream->team = name;
    free(sessions);
}

/* 1: sessions may be in other teams than before; 0; -ENOMEM */
static int assign_teams(struct streams *streams)
{
    struct catalog *c = &streams->model->catalog;
    struct assigning a = {streams, c->n_teams != streams->n_teams, 0};
    struct team *team;

    TAILQ_FOREACH(team, &c->teams_by_version, of_version) {
        if (team->told == team->version)
            break; /* those behind it are older */
        see_team(&a, team);
    }
    if (!a.changed && a.rc == 0)
        return 0;
    streams->n_teams = SIZE_MAX; /* it is done again, if it fails */
    if (a.rc < 0)
        return a.rc;
    oks_tree_each(c->sessions, unassign, NULL);
    oks_tree_each(c->teams, assign, &a);
    if (a.rc < 0)
        return a.rc;
    streams->n_teams = c->n_teams;
    return 1;
}

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
static void describe_sessions(struct streams *streams, const struct chosen *chosen)
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
    if (!range_push(&stream->ranges, &stream->n, &stream->room, range))
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
                      struct chosen *out)
{
    int rc = s ? 0 : assign_teams(streams);

    *out = (struct chosen){0};
    if (rc < 0)
        return rc;
    if (rc > 0)
        stream->seen = 0; /* until they have been chosen */
    return s ? transcripts_of(streams->model, s, out) : transcripts_since(streams->model, stream->seen, out);
}

/* Adds the rows that were closed since the last call to the ranges. */
static int advance(struct streams *streams, const struct session *s, struct stream *stream, int which)
{
    uint64_t now = streams->model->versions.all;
    struct chosen chosen;
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

static int new_rows(struct stream_rows *rows, struct model *m, const struct stream *stream, uint64_t after)
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
    if (!range_push(&rows->ranges, &rows->n_ranges, &rows->ranges_room,
                    (struct stream_range){.transcript = t, .to = to, .again = true, .zeros = true}))
        return -ENOMEM;
    return stream_each_zero(m->billing, t, to, add_zero, rows);
}

static int rows_from_start(struct stream_rows *rows, struct model *m, const struct session *s, int which)
{
    struct chosen chosen;
    int rc = transcripts_of(m, s, &chosen);

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

/* Those that count no more. */
static int gone_rows(struct stream_rows *rows, struct streams *streams)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < streams->n_gone; i++) {
        struct stream_gone *gone = &streams->gone[i];

        if (billing_counts(streams->model->billing, gone->key) || !is_wanted(rows, gone->stamp))
            continue;
        rc = push_row(rows, gone->stamp, GONE, i);
        gone->sent = true;
    }
    return rc;
}

/* --- open rows, in a month --- */

struct hashing {
    uint64_t hash;
    const struct transcript *t;
};

static int hash_row(void *ctx, const struct billing_visit *visit)
{
    struct hashing *h = ctx;
    const struct billed_sum *s = visit->sum;
    const uint64_t what[] = {visit->row->request.key, visit->stamp.key,      (uint64_t)s->input,
                             (uint64_t)s->output,     (uint64_t)s->cache_5m, (uint64_t)s->cache_1h,
                             (uint64_t)s->cache_read, (uint64_t)s->cost,     s->tool_uses};

    h->hash = request_hash(h->hash, (const char *)what, sizeof(what));
    return 0;
}

/* The rows that no stream has yet; what they are. 0 or -ENOMEM */
static int open_rows(struct stream_rows *rows, struct model *m, struct oks_stream_cursor *behind)
{
    struct hashing h = {.hash = 0};
    struct chosen chosen;
    int rc = transcripts_of(m, NULL, &chosen);

    for (size_t i = 0; rc == 0 && i < chosen.n; i++) {
        struct transcript *t = chosen.list[i];
        size_t sent = t->marks->sent[STREAM_OF_ALL], n = requests_len(t->state.requests), before = rows->n;

        if (sent >= n)
            continue;
        rc = add_rows(rows, m, (struct stream_range){.transcript = t, .from = sent, .to = n});
        if (rows->n > before)
            month_set_add(&t->marks->open_in, (unsigned)rows->month);
        if (rc == 0 && rows->n > before)
            rc = billing_each_owned(m->billing, t->billed, sent, n, hash_row, &h);
        behind->unfinished |= n > requests_whole(t->state.requests);
    }
    free(chosen.list);
    behind->open = h.hash;
    return rc;
}

/*
 * If they are as the cursor has returned them, they are taken back. A request of an unfinished line may not
 * be there any more, and another one may be in another month: then the stream starts over.
 */
static int new_open_rows(struct stream_rows *rows, struct model *m, const struct oks_stream_cursor *cursor,
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

/* --- a call --- */

struct call {
    struct streams *streams;
    const struct oks_target *target;
    int which;
    struct session *s; /* NULL: all */
    struct stream *stream;
    struct stream_rows rows;
    uint64_t gone; /* version of the list that rows of GONE are indices of */
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
        rc = rows_from_start(&call->rows, m, call->s, call->which);
    return rc == 0 && call->which == STREAM_OF_ALL ? gone_rows(&call->rows, call->streams) : rc;
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
    call->gone = call->streams->gone_version;
    *behind = (struct oks_stream_cursor){.kind = cursor->kind, .month = cursor->month};
    if (rc == 0)
        rc = new_open_rows(&call->rows, call->streams->model, cursor, behind);
    if (rc == 0) {
        behind->generation = call->stream->generation;
        behind->sequence = call->stream->sequence;
    } else {
        *behind = (struct oks_stream_cursor){.kind = cursor->kind, .month = cursor->month};
    }
    pthread_mutex_unlock(&call->streams->model->lock);
    if (rc == 0 && call->rows.n)
        qsort(call->rows.rows, call->rows.n, sizeof(*call->rows.rows), by_time_and_place);
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
        if (rows[i].range == GONE) {
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

    qsort(rows, n, sizeof(*rows), by_place);
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
    rows_clear(&call.rows);
    if (rc < 0)
        return rc;
    *cursor = behind;
    *mtime_ns = call.rows.mtime_ns;
    return rc;
}
