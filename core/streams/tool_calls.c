/*
 * Tool calls as lines that only grow: sessions/<id>/tools.jsonl.
 *
 * The session's transcripts are read for it: all of them at first, later from where the last call ended.
 * Nothing is kept when the last reader has gone, so this costs nothing if nobody reads it. A call is open
 * from its line to that of its result. Then it becomes a line of the stream. A call without a result becomes
 * one when its conversation goes on with another response, because a request for that needs all results.
 *
 * Transcripts repeat lines: a client writes old ones again, a file has two names. So a call's id counts once
 * in a stream. If a transcript was read anew or has left the session, lines may not be true any more, and the
 * stream starts over.
 *
 * Which lines there are depends on the transcripts alone, not on the moments at which they were read.
 */
#include "streams/tool_calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/passing.h"
#include "base/text.h"
#include "catalog/rescan.h"
#include "history/requests.h"
#include "streams/stream.h"
#include "sums/model.h"

enum {
    CALLS_MAX = 1 << 22, /* of one stream */
    OPEN_MAX = 1024,     /* calls of one transcript that wait for a result; the oldest is then over */
    TEXT_MAX = 255,      /* bytes of a name or an id that are shown */
};

struct open_call {
    uint64_t key;
    uint64_t conversation; /* 0: not known */
    uint64_t response;
    struct oks_stamp stamp; /* never a text */
    int64_t micros;         /* the stamp as a time, if `timed` */
    bool timed, aware;
    enum oks_tool_outcome outcome;
    char *head, *tail; /* of its line, in front of and behind what the result says; one allocation */
};

struct tool_file {
    struct rescan_file read;
    uint64_t life;
    uint64_t at; /* lines before this offset were read */
    int64_t mtime_ns;
    bool unread; /* whole or packed, and new or changed */
    struct open_call *open;
    size_t n_open, open_room;
};

struct tool_line {
    struct oks_stamp stamp;
    size_t order, at, len; /* `at` in the bytes */
};

struct oks_tool_calls {
    bool begun;              /* lines were returned */
    bool broken;             /* a call failed in the middle */
    struct tool_file *files; /* ascending by path */
    size_t n_files;
    uint64_t *seen; /* keys of calls, open addressing; 0: free */
    size_t n_seen, n_slots;

    /* of the call in progress */
    struct tool_file *file;
    struct oks_bytes bytes;
    struct tool_line *lines;
    size_t n_lines, lines_room;
    int64_t mtime_ns;
};

static void file_clear(struct tool_file *f)
{
    for (size_t i = 0; i < f->n_open; i++)
        free(f->open[i].head);
    free(f->open);
    rescan_file_clear(&f->read);
    *f = (struct tool_file){0};
}

static void files_clear(struct tool_file *files, size_t n)
{
    for (size_t i = 0; i < n; i++)
        file_clear(&files[i]);
    free(files);
}

static void lines_clear(struct oks_tool_calls *c)
{
    free(c->bytes.ptr);
    free(c->lines);
    c->bytes = (struct oks_bytes){0};
    c->lines = NULL;
    c->n_lines = c->lines_room = 0;
}

static void calls_reset(struct oks_tool_calls *c)
{
    files_clear(c->files, c->n_files);
    lines_clear(c);
    free(c->seen);
    *c = (struct oks_tool_calls){0};
}

void tool_calls_free(struct oks_tool_calls *calls)
{
    if (calls)
        calls_reset(calls);
    free(calls);
}

/* --- calls that were seen --- */

static size_t slot_of(const struct oks_tool_calls *c, uint64_t key)
{
    size_t i = (size_t)(key >> 7) & (c->n_slots - 1);

    while (c->seen[i] && c->seen[i] != key)
        i = (i + 1) & (c->n_slots - 1);
    return i;
}

static int seen_grow(struct oks_tool_calls *c)
{
    size_t n = c->n_slots ? c->n_slots * 2 : 64;
    uint64_t *old = c->seen, *fresh = calloc(n, sizeof(*fresh));
    size_t n_old = c->n_slots;

    if (!fresh)
        return -ENOMEM;
    c->seen = fresh;
    c->n_slots = n;
    for (size_t i = 0; i < n_old; i++)
        if (old[i])
            fresh[slot_of(c, old[i])] = old[i];
    free(old);
    return 0;
}

/* 1: the key is new; 0; -ENOMEM; -EFBIG */
static int see(struct oks_tool_calls *c, uint64_t key)
{
    size_t i;

    if (c->n_seen * 2 >= c->n_slots && seen_grow(c) < 0)
        return -ENOMEM;
    i = slot_of(c, key);
    if (c->seen[i])
        return 0;
    if (c->n_seen == CALLS_MAX)
        return -EFBIG;
    c->seen[i] = key;
    c->n_seen++;
    return 1;
}

/* --- keys --- */

static uint64_t hash(uint64_t seed, struct oks_slice s)
{
    return request_hash(seed, s.ptr ? s.ptr : "", s.len) | 1;
}

/* A call without an id is told by its place, or, where messages are written again, by its name and time. */
static uint64_t key_of(const struct tool_file *f, const struct oks_tool_note *note)
{
    if (note->id.len)
        return hash(1, note->id);
    if (note->timestamp.len && note->step == OKS_TOOL_DONE)
        return hash(hash(2, note->timestamp), note->name);
    return request_hash(hash(3, oks_slice_of(f->read.path)), (const char *)&note->offset,
                        sizeof(note->offset)) |
           1;
}

/* Sidechains without an agent cannot be told apart. */
static uint64_t conversation_of(const struct oks_tool_note *note)
{
    if (note->agent_id.len)
        return hash(4, note->agent_id);
    return note->sidechain ? 0 : 1;
}

/* --- lines --- */

static void put_text(struct oks_bytes *b, const char *key, struct oks_slice text)
{
    oks_bytes_text(b, key);
    if (text.len == 0) {
        oks_bytes_text(b, "null");
        return;
    }
    if (text.len > TEXT_MAX)
        for (text.len = TEXT_MAX; text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80;)
            text.len--;
    oks_bytes_put(b, "\"", 1);
    oks_bytes_json(b, text);
    oks_bytes_put(b, "\"", 1);
}

static int call_of(const struct tool_file *f, const struct oks_tool_note *note, struct open_call *out)
{
    struct oks_stamp stamp = oks_stamp_of(note->timestamp);
    struct oks_bytes b = {0};
    size_t head;

    put_text(&b, "{\"t\":", note->timestamp);
    put_text(&b, ",\"id\":", note->id);
    put_text(&b, ",\"name\":", note->name);
    oks_bytes_put(&b, "", 1);
    head = b.len;
    put_text(&b, ",\"messageId\":", note->message_id);
    put_text(&b, ",\"agentId\":", note->agent_id);
    oks_bytes_text(&b, note->sidechain ? ",\"sidechain\":true}\n" : ",\"sidechain\":false}\n");
    oks_bytes_put(&b, "", 1);
    if (b.error) {
        free(b.ptr);
        return b.error;
    }
    *out = (struct open_call){.key = key_of(f, note),
                              .conversation = conversation_of(note),
                              .response = hash(5, note->message_id),
                              .stamp = stamp.key == OKS_STAMP_KEY_TEXT ? OKS_STAMP_NONE : stamp,
                              .outcome = note->outcome,
                              .head = b.ptr,
                              .tail = b.ptr + head};
    out->timed = !oks_stamp_is_none(stamp) && oks_stamp_micros(stamp, &out->micros, &out->aware) == 0;
    return 0;
}

/* Milliseconds from the call to the result; -1: not known. */
static int64_t duration_ms(const struct open_call *call, struct oks_slice timestamp)
{
    struct oks_stamp stamp = oks_stamp_of(timestamp);
    int64_t micros;
    bool aware;

    if (!call->timed || oks_stamp_is_none(stamp) || oks_stamp_micros(stamp, &micros, &aware) < 0 ||
        aware != call->aware)
        return -1;
    return micros > call->micros ? (micros - call->micros) / 1000 : 0;
}

static int put_line(struct oks_tool_calls *c, const struct open_call *call, int64_t ms)
{
    static const char *const failed[] = {
        [OKS_TOOL_UNKNOWN] = "null", [OKS_TOOL_SUCCEEDED] = "false", [OKS_TOOL_FAILED] = "true"};
    struct tool_line *line;

    if (!OKS_GROW(c->lines, c->n_lines, c->lines_room))
        return -ENOMEM;
    line = &c->lines[c->n_lines];
    *line = (struct tool_line){.stamp = call->stamp, .order = c->n_lines, .at = c->bytes.len};
    oks_bytes_text(&c->bytes, call->head);
    oks_bytes_text(&c->bytes, ",\"durationMs\":");
    if (ms < 0)
        oks_bytes_text(&c->bytes, "null");
    else
        oks_bytes_number(&c->bytes, (uint64_t)ms);
    oks_bytes_text(&c->bytes, ",\"failed\":");
    oks_bytes_text(&c->bytes, failed[call->outcome]);
    oks_bytes_text(&c->bytes, call->tail);
    line->len = c->bytes.len - line->at;
    c->n_lines++;
    if (c->file->mtime_ns > c->mtime_ns)
        c->mtime_ns = c->file->mtime_ns;
    return c->bytes.error;
}

/* --- from notes to lines --- */

static int end_open(struct oks_tool_calls *c, size_t i, int64_t ms)
{
    struct tool_file *f = c->file;
    int rc = put_line(c, &f->open[i], ms);

    free(f->open[i].head);
    f->n_open--;
    memmove(&f->open[i], &f->open[i + 1], (f->n_open - i) * sizeof(*f->open));
    return rc;
}

static int begin_call(struct oks_tool_calls *c, const struct oks_tool_note *note)
{
    struct tool_file *f = c->file;
    int rc = see(c, key_of(f, note));

    if (rc <= 0)
        return rc;
    rc = f->n_open == OPEN_MAX ? end_open(c, 0, -1) : 0;
    if (rc == 0 && !OKS_GROW(f->open, f->n_open, f->open_room))
        rc = -ENOMEM;
    if (rc == 0)
        rc = call_of(f, note, &f->open[f->n_open]);
    if (rc == 0)
        f->n_open++;
    return rc;
}

static int whole_call(struct oks_tool_calls *c, const struct oks_tool_note *note)
{
    struct open_call call;
    int rc = see(c, key_of(c->file, note));

    if (rc <= 0)
        return rc;
    rc = call_of(c->file, note, &call);
    if (rc < 0)
        return rc;
    rc = put_line(c, &call, -1);
    free(call.head);
    return rc;
}

static size_t open_index(const struct tool_file *f, uint64_t key)
{
    size_t i = f->n_open;

    while (i > 0 && f->open[i - 1].key != key)
        i--;
    return i - 1; /* SIZE_MAX: none */
}

static int result(struct oks_tool_calls *c, const struct oks_tool_note *note)
{
    struct tool_file *f = c->file;
    size_t i = note->id.len ? open_index(f, hash(1, note->id)) : SIZE_MAX;

    if (i == SIZE_MAX)
        return 0;
    if (note->outcome != OKS_TOOL_UNKNOWN)
        f->open[i].outcome = note->outcome;
    return note->step == OKS_TOOL_RESULT ? end_open(c, i, duration_ms(&f->open[i], note->timestamp)) : 0;
}

/* Those of earlier responses of the conversation, or all. */
static int end_older(struct oks_tool_calls *c, const struct oks_tool_note *note)
{
    struct tool_file *f = c->file;
    uint64_t conversation = conversation_of(note), response = hash(5, note->message_id);
    bool all = note->step == OKS_TOOL_OVER;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < f->n_open;) {
        const struct open_call *call = &f->open[i];

        if (all || (conversation && call->conversation == conversation && call->response != response))
            rc = end_open(c, i, -1);
        else
            i++;
    }
    return rc;
}

static int take_note(void *ctx, const struct oks_tool_note *note)
{
    switch (note->step) {
    case OKS_TOOL_CALL:
        return begin_call(ctx, note);
    case OKS_TOOL_DONE:
        return whole_call(ctx, note);
    case OKS_TOOL_OUTCOME:
    case OKS_TOOL_RESULT:
        return result(ctx, note);
    case OKS_TOOL_RESPONSE:
    case OKS_TOOL_OVER:
        return end_older(ctx, note);
    }
    return 0;
}

/* --- the transcripts --- */

static bool has_changed(const struct rescan_file *a, const struct rescan_file *b)
{
    return a->end != b->end || a->ino != b->ino || a->dev != b->dev;
}

/* What was read of a transcript before is no beginning of what it is now. */
static bool is_another(const struct tool_file *was, const struct transcript *t)
{
    return !t->whole && !t->packed &&
           (was->life != stream_life(t) || was->at > t->state.offset || was->read.ino != t->mark.ino ||
            was->read.dev != t->mark.dev);
}

/* A file of the session, and what was read of it before (NULL: nothing). 0; -ETIMEDOUT: it cannot be read
 * now; -ENOMEM */
static int file_of(struct catalog *c, const struct transcript *t, struct tool_file *was,
                   struct tool_file *out)
{
    int rc;

    *out = (struct tool_file){.life = stream_life(t), .mtime_ns = t->mark.mtime_ns, .unread = true};
    rc = rescan_file_init(c, t, &out->read);
    if (rc == -ETIMEDOUT && !was)
        return rc;
    if (rc == -ETIMEDOUT) {
        out->read = was->read;
        was->read = (struct rescan_file){0};
    } else if (rc < 0) {
        rescan_file_clear(&out->read);
        return rc;
    }
    if (!was)
        return 0;
    out->unread = was->unread || (was->read.path && has_changed(&was->read, &out->read));
    out->at = was->at;
    out->open = was->open;
    out->n_open = was->n_open;
    out->open_room = was->open_room;
    was->open = NULL;
    was->n_open = 0;
    return 0;
}

/*
 * Takes the session's transcripts from the catalog. OKS_STREAM_STARTED_OVER: one that was read before has
 * left, or was read anew. Under the lock.
 */
static int take_up(struct oks_tool_calls *c, struct model *model, const struct session *s)
{
    struct tool_file *files = NULL;
    size_t n = 0, room = 0, old = 0;
    const struct transcript *t;
    int rc = 0;

    TAILQ_FOREACH(t, &s->transcripts, of_session) {
        struct tool_file *was = NULL;

        if (t->retained || !t->loaded)
            continue;
        if (old < c->n_files && strcmp(c->files[old].read.path, t->path) == 0)
            was = &c->files[old++];
        if (was && is_another(was, t))
            rc = OKS_STREAM_STARTED_OVER;
        else if (!OKS_GROW(files, n, room))
            rc = -ENOMEM;
        else
            rc = file_of(&model->catalog, t, was, &files[n]);
        if (rc == 0)
            n++;
        else if (rc == -ETIMEDOUT)
            rc = 0;
        else
            break;
    }
    if (rc == 0 && old < c->n_files)
        rc = OKS_STREAM_STARTED_OVER;
    files_clear(c->files, c->n_files);
    c->files = files;
    c->n_files = n;
    return rc;
}

static int read_file(struct oks_tool_calls *c, struct tool_file *f, enum oks_isa isa)
{
    bool all = f->read.whole || f->read.packed;
    int rc = 0;

    c->file = f;
    if (all ? f->unread : f->at < f->read.cursor)
        rc = rescan_tools_read(isa, &f->read, all ? 0 : f->at, take_note, c);
    if (rc == 0) {
        f->unread = false;
        f->at = f->read.cursor;
    }
    /* Any other failure is the file's own: the other files have their lines, and this one is tried again. */
    return rc == -ENOMEM || rc == -EFBIG || rc == -ESTALE || is_passing(rc) ? rc : 0;
}

/* --- delivery --- */

static int by_time(const void *a, const void *b)
{
    const struct tool_line *x = a, *y = b;
    bool none_x = oks_stamp_is_none(x->stamp), none_y = oks_stamp_is_none(y->stamp);
    int d = none_x || none_y ? none_y - none_x : oks_stamp_cmp(x->stamp, y->stamp);

    return d ? d : (x->order > y->order) - (x->order < y->order);
}

static int deliver(struct oks_tool_calls *c, int (*fn)(void *ctx, const char *bytes, size_t len), void *ctx)
{
    int rc = 0;

    if (c->n_lines)
        qsort(c->lines, c->n_lines, sizeof(*c->lines), by_time);
    for (size_t i = 0; rc == 0 && i < c->n_lines; i++)
        rc = fn(ctx, c->bytes.ptr + c->lines[i].at, c->lines[i].len);
    return rc;
}

/* The state of the session under the lock, then the files without it. */
static int read_new(struct oks_tool_calls *c, struct model *model, enum oks_isa isa, const char *session)
{
    const struct session *s;
    int rc;

    pthread_mutex_lock(&model->lock);
    s = catalog_session(&model->catalog, session);
    rc = s ? take_up(c, model, s) : -ENOENT;
    pthread_mutex_unlock(&model->lock);
    for (size_t i = 0; rc == 0 && i < c->n_files; i++)
        rc = read_file(c, &c->files[i], isa);
    return rc;
}

int tool_calls_next(struct model *model, enum oks_isa isa, const struct oks_target *target,
                    struct oks_stream_cursor *cursor, int (*line)(void *ctx, const char *bytes, size_t len),
                    void *ctx, int64_t *mtime_ns)
{
    struct oks_tool_calls *c = cursor->calls;
    bool begun = c && c->begun;
    int rc = OKS_STREAM_GOES_ON;

    if (target->kind != OKS_SESSION)
        return -ENOENT;
    if (!c)
        cursor->calls = c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->mtime_ns = 0;
    rc = c->broken ? OKS_STREAM_STARTED_OVER : read_new(c, model, isa, target->name);
    if (rc == 0)
        rc = deliver(c, line, ctx);
    if (rc != 0) {
        calls_reset(c);
        c->begun = c->broken = begun && rc != OKS_STREAM_STARTED_OVER;
        if (rc == OKS_STREAM_STARTED_OVER)
            cursor->generation = cursor->sequence = 0;
        return rc;
    }
    *mtime_ns = c->mtime_ns;
    cursor->sequence += c->n_lines;
    cursor->generation = 1;
    c->begun = true;
    lines_clear(c);
    return 0;
}
