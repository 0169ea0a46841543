/*
 * From Codex's lines to records.
 *
 * Usage comes as token_count events that carry the session's cumulative counts and the last request's; about
 * half of them repeat the one before, so only those whose cumulative counts moved are measurements, and each
 * is one request. The cumulative counts can fall (a full context resets them), and all zero they say nothing.
 * `token_usage_record` lines repeat all this and are not looked at. Cached tokens and those written to the
 * cache are parts of Codex's input, and are taken out of it.
 *
 * A fork and a spawned agent may open with a replay of their parent's events, with other times. Replays are
 * found by the parent's memo: as long as a rollout's cumulative counts are some that the parent had, the line
 * and what led to it is not its own. A copy in archived_sessions/ repeats its twin in the same way, to the
 * end. Until the first measurement decides, lines are held back; where the file ends first, they are taken
 * for its own, and a later scan that learns better says -ESTALE.
 *
 * Invariant: `state` is what all complete lines so far come to; an unfinished line leaves no trace in it.
 */
#include <stdio.h>

#include "base/array.h"
#include "scan/counts.h"
#include "sources/codex_memo.h"
#include "sources/scan_codex.h"

/* These in this order: the fields are what the readers are made for. */
#include "sources/codex_fields.h"
#include "scan/json_scalar.h"
#include "scan/json_walk.h"

enum {
    HELD_MAX = 1 << 16, /* lines held back */
    HELD_STAMP = 40,
};

/* A line held back. */
struct held {
    uint64_t offset, length;
    char stamp[HELD_STAMP];
    enum oks_record_type type;
    bool tool;
};

struct codex {
    struct shape shape;
    struct oks_record record; /* the one being told */
    struct codex_state state;
    struct memo_numbers seq; /* hashes of the first measurements, CODEX_MEASURES_MAX at most */
    char *peers;
    bool peers_read;
    struct memo_numbers known; /* those of the peers */
    struct held *held;
    size_t n_held, held_room;
    uint64_t counted[OKS_COLUMNS];
    char id[CODEX_NAME_MAX + 32];
};

/* --- the reader's life --- */

static int codex_make(void **out)
{
    *out = calloc(1, sizeof(struct codex));
    return *out ? 0 : -ENOMEM;
}

static void forget(struct codex *c)
{
    free(c->peers);
    memo_numbers_clear(&c->known);
    c->peers = NULL;
    c->peers_read = false;
    c->seq.n = c->n_held = 0;
    memset(&c->state, 0, sizeof(c->state));
}

static void codex_free(void *reader)
{
    struct codex *c = reader;

    if (!c)
        return;
    forget(c);
    memo_numbers_clear(&c->seq);
    free(c->held);
    free(c->shape.text.plain);
    free(c);
}

static void codex_trim(void *reader)
{
    fields_trim(&((struct codex *)reader)->shape.text);
}

static int codex_begin(void *reader, const char *memo, const char *peers)
{
    struct codex *c = reader;

    forget(c);
    c->peers = strdup(peers);
    return c->peers ? codex_memo_read(memo, &c->state, &c->seq) : -ENOMEM;
}

static char *codex_memo(void *reader)
{
    const struct codex *c = reader;

    return codex_memo_text(&c->state, &c->seq);
}

static void begin_line(struct codex *c, size_t from, size_t to)
{
    struct shape *shape = &c->shape;

    fields_begin(&shape->text, to - from);
    shape->timestamp = shape->type = (struct oks_slice){0};
    shape->payload.present = false;
    c->record.odd = 0;
}

/* The line is an object: how many of its token values are none. */
static void judge_line(struct codex *c, struct oks_record **record)
{
    const struct payload *p = &c->shape.payload;
    const struct usage *of[] = {&p->info.total, &p->info.last};

    for (int k = 0; p->present && p->info.present && k < 2; k++)
        for (int i = 0; of[k]->present && i < CODEX_COUNTS; i++)
            c->record.odd += of[k]->count[i].odd;
    *record = &c->record;
}

static int codex_scalar(void *reader, const char *buf, size_t from, size_t to, struct oks_record **record,
                        bool *teams)
{
    struct codex *c = reader;
    int r;

    begin_line(c, from, to);
    r = scalar_line(&c->shape, buf + from, buf + to, teams);
    if (r == JSON_LINE_OBJECT)
        judge_line(c, record);
    return r;
}

static int codex_walk(void *reader, const char *buf, size_t from, size_t to, const uint32_t **cursor,
                      struct oks_record **record, bool *teams)
{
    struct codex *c = reader;
    int r;

    begin_line(c, from, to);
    r = walk_line(&c->shape, buf, from, cursor, teams);
    if (r == JSON_LINE_OBJECT)
        judge_line(c, record);
    return r;
}

/* --- from line to record --- */

static bool is(struct oks_slice s, const char *text)
{
    return oks_slice_eq(s, oks_slice_of(text));
}

static struct oks_slice first_of(struct oks_slice a, struct oks_slice b)
{
    return a.ptr ? a : b;
}

static struct oks_slice known_text(const struct codex_name *name)
{
    return *name->text ? oks_slice_of(name->text) : (struct oks_slice){0};
}

/* An empty record with what all of a session's have. */
static struct oks_record *record_start(struct codex *c, uint64_t offset, uint64_t length)
{
    struct oks_record *r = &c->record;
    uint64_t odd = r->odd;

    memset(r, 0, sizeof(*r));
    r->offset = offset;
    r->length = length;
    r->odd = odd;
    r->session_id = known_text(&c->state.session);
    r->is_sidechain = *c->state.parent.text;
    if (r->is_sidechain)
        r->agent_id = r->session_id;
    return r;
}

static bool is_tool_call(const struct payload *p)
{
    static const char *const types[] = {"function_call", "custom_tool_call", "local_shell_call",
                                        "web_search_call"};

    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (is(p->type, types[i]))
            return true;
    return false;
}

/* A line without usage. */
static int tell_plain(struct codex *c, const struct held *line, struct oks_slice stamp, bool complete,
                      const struct oks_sink *sink)
{
    struct oks_record *r = record_start(c, line->offset, line->length);
    const struct payload *p = &c->shape.payload;

    r->timestamp = stamp;
    r->type = line->type;
    if (line->tool) {
        r->type = OKS_RECORD_ASSISTANT;
        r->tool_uses = 1;
    }
    r->message.model = known_text(&c->state.model);
    if (stamp.ptr == c->shape.timestamp.ptr && p->present && !line->tool)
        r->cwd = p->cwd;
    return sink->record(sink->ctx, r, complete);
}

static int tell_held(struct codex *c, const struct oks_sink *sink)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < c->n_held; i++) {
        const struct held *h = &c->held[i];

        c->record.odd = 0;
        rc = tell_plain(c, h, *h->stamp ? oks_slice_of(h->stamp) : (struct oks_slice){0}, true, sink);
    }
    c->n_held = 0;
    return rc;
}

/* False where it does not fit, or there is no memory. */
static bool hold(struct codex *c, const struct held *line, struct oks_slice stamp)
{
    struct held *h;

    if (stamp.len >= HELD_STAMP || c->n_held == HELD_MAX)
        return false;
    if (!OKS_GROW(c->held, c->n_held, c->held_room))
        return false;
    h = &c->held[c->n_held++];
    *h = *line;
    memcpy(h->stamp, stamp.ptr ? stamp.ptr : "", stamp.len);
    h->stamp[stamp.len] = '\0';
    return true;
}

static int line_plain(struct codex *c, struct held *line, bool complete, const struct oks_sink *sink)
{
    const struct payload *p = &c->shape.payload;

    if (is(c->shape.type, "response_item") && p->present) {
        line->tool = is_tool_call(p);
        line->type = is(p->role, "user") ? OKS_RECORD_USER : OKS_RECORD_OTHER;
        c->state.tools += line->tool;
    }
    if (!c->state.own && complete && hold(c, line, c->shape.timestamp))
        return 0;
    return tell_plain(c, line, c->shape.timestamp, complete, sink);
}

/* The first session_meta is the session's own; further ones come with a replay. */
static int line_meta(struct codex *c, struct held *line, bool complete, const struct oks_sink *sink)
{
    const struct payload *p = &c->shape.payload;
    const struct spawn *spawn = &p->source.subagent.spawn;
    bool spawned = p->source.present && p->source.subagent.present && spawn->present;
    struct codex_state *s = &c->state;
    struct oks_record *r;

    if (*s->session.text)
        return line_plain(c, line, complete, sink);
    codex_name_set(&s->session, first_of(p->id, p->session_id));
    codex_name_set(&s->parent, spawned ? first_of(spawn->parent_thread, p->parent_thread) : p->parent_thread);
    codex_name_set(&s->origin, first_of(p->forked_from, known_text(&s->parent)));
    r = record_start(c, line->offset, line->length);
    r->timestamp = c->shape.timestamp;
    r->cwd = p->cwd;
    r->version = p->version;
    r->agent_name = first_of(p->nickname, p->agent_role);
    if (!r->agent_name.ptr && spawned)
        r->agent_name = first_of(spawn->nickname, spawn->role);
    return sink->record(sink->ctx, r, complete);
}

/* What the last request used: as it says, else what the cumulative counts gained; from 0 where they fell. */
static void last_of(const struct codex *c, const uint64_t total[CODEX_COUNTS], uint64_t last[CODEX_COUNTS])
{
    const struct usage *u = &c->shape.payload.info.last;
    bool fell = false;

    for (int i = 0; i < CODEX_COUNTS; i++)
        fell |= total[i] < c->state.total[i];
    for (int i = 0; i < CODEX_COUNTS; i++)
        last[i] = u->present ? u->count[i].value : fell ? total[i] : total[i] - c->state.total[i];
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static int tell_measure(struct codex *c, const struct held *line, const uint64_t last[CODEX_COUNTS],
                        bool complete, const struct oks_sink *sink)
{
    struct oks_record *r = record_start(c, line->offset, line->length);
    struct oks_usage *u = &r->message.usage;
    int n = snprintf(c->id, sizeof(c->id), "%s#%llu", c->state.session.text,
                     (unsigned long long)c->state.measures);

    r->type = OKS_RECORD_ASSISTANT;
    r->timestamp = c->shape.timestamp;
    r->message.model = known_text(&c->state.model);
    r->message.id = (struct oks_slice){c->id, (size_t)n};
    r->message.stop_reason = OKS_SLICE("end_turn");
    u->present = true;
    u->input = less(less(last[CODEX_INPUT], last[CODEX_CACHED]), last[CODEX_CACHE_WRITE]);
    u->cache_read = last[CODEX_CACHED];
    u->cache_creation = u->cache_creation_5m = last[CODEX_CACHE_WRITE];
    u->output = last[CODEX_OUTPUT];
    /* The calls were counted when they were logged; here they say which request made them. */
    r->tool_uses = c->counted[OKS_TOOL_USES] = c->state.tools;
    r->counted = c->counted;
    return sink->record(sink->ctx, r, complete);
}

static int peers_once(struct codex *c)
{
    int rc;

    if (c->peers_read)
        return 0;
    c->peers_read = true;
    rc = codex_peers_read(c->peers, c->state.session.text, &c->known, &c->state.twin);
    if (rc == 0 && c->known.n == 0 && !c->state.twin)
        c->state.own = true;
    return rc;
}

/* A token_count that may be a measurement. */
static int line_measure(struct codex *c, struct held *line, bool complete, const struct oks_sink *sink)
{
    uint64_t total[CODEX_COUNTS], last[CODEX_COUNTS], any = 0, hash;
    struct codex_state *s = &c->state;
    int rc = 0;

    for (int i = 0; i < CODEX_COUNTS; i++) {
        total[i] = c->shape.payload.info.total.count[i].value;
        any |= i == CODEX_TOTAL ? 0 : total[i];
    }
    if (!any || memcmp(total, s->total, sizeof(total)) == 0)
        return line_plain(c, line, complete, sink);
    last_of(c, total, last);
    memcpy(s->total, total, sizeof(total));
    s->measures++;
    hash = codex_hash(total);
    if (complete && c->seq.n < CODEX_MEASURES_MAX)
        rc = memo_numbers_add(&c->seq, hash);
    if (rc == 0 && !s->own && memo_numbers_has(&c->known, hash)) {
        if (s->flushed)
            return -ESTALE;
        s->replayed++;
        c->n_held = complete ? 0 : c->n_held;
    } else if (rc == 0) {
        if (!s->own && complete)
            rc = tell_held(c, sink);
        s->own = true;
        rc = rc ? rc : tell_measure(c, line, last, complete, sink);
    }
    s->tools = 0;
    return rc;
}

static int tell_line(struct codex *c, struct held *line, bool complete, const struct oks_sink *sink)
{
    const struct shape *shape = &c->shape;
    const struct payload *p = &shape->payload;
    int rc;

    if (is(shape->type, "session_meta") && p->present) {
        rc = line_meta(c, line, complete, sink);
        return rc ? rc : peers_once(c);
    }
    rc = peers_once(c);
    if (rc)
        return rc;
    if (is(shape->type, "turn_context") && p->present && p->model.ptr)
        codex_name_set(&c->state.model, p->model);
    if (is(shape->type, "event_msg") && p->present && is(p->type, "token_count") && p->info.present &&
        p->info.total.present)
        return line_measure(c, line, complete, sink);
    return line_plain(c, line, complete, sink);
}

static int codex_tell(void *reader, uint64_t offset, uint64_t length, bool complete,
                      const struct oks_sink *sink)
{
    struct codex *c = reader;
    struct held line = {.offset = offset, .length = length};
    struct codex_state before;
    bool peers_read = c->peers_read;
    int rc;

    /* Lacking values behind a false `present` are those of some earlier line. */
    if (!c->shape.payload.present)
        memset(&c->shape.payload, 0, sizeof(c->shape.payload));
    if (complete)
        return tell_line(c, &line, complete, sink);
    before = c->state;
    rc = tell_line(c, &line, complete, sink);
    c->state = before;
    if (!peers_read) {
        memo_numbers_clear(&c->known);
        c->peers_read = false;
    }
    return rc;
}

/* The complete lines are over and nothing decided: they are its own, as far as anybody can tell. */
static int codex_end(void *reader, const struct oks_sink *sink)
{
    struct codex *c = reader;

    if (c->n_held == 0 || c->state.twin) {
        c->n_held = 0;
        return 0;
    }
    c->state.flushed = true;
    return tell_held(c, sink);
}

const struct oks_reader_ops oks_codex_reader = {
    .make = codex_make,
    .free = codex_free,
    .trim = codex_trim,
    .scalar = codex_scalar,
    .walk = codex_walk,
    .begin = codex_begin,
    .tell = codex_tell,
    .end = codex_end,
    .memo = codex_memo,
};
