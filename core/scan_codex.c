/*
 * Codex as a source: rollouts, and what of them counts.
 *
 * A rollout is sessions/YYYY/MM/DD/rollout-<time>-<id>.jsonl, or lies flat in archived_sessions/. Usage comes
 * as token_count events that carry the session's cumulative counts and the last request's; about half of them
 * repeat the one before, so only those whose cumulative counts moved are measurements, and each is one
 * request. The cumulative counts can fall (a full context resets them), and all zero they say nothing.
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

#include "memo.h"
#include "okstrafs/totals.h"
#include "source.h"

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_PAYLOAD,
    CTX_SOURCE,
    CTX_SUBAGENT,
    CTX_SPAWN,
    CTX_INFO,
    CTX_TOTAL,
    CTX_LAST,
    SHAPE_ROOT = CTX_TOP,
};

#include "json_fields.h"

enum {
    NAME_MAX_BYTES = 255,   /* of an id or a model */
    MEASURES_MAX = 1 << 16, /* of one rollout whose cumulative counts are remembered */
    HELD_MAX = 1 << 16,     /* lines held back */
    HELD_STAMP = 40,
    COUNTS = 6,
};

enum counts { INPUT, CACHED, CACHE_WRITE, OUTPUT, REASONING, TOTAL };

struct usage {
    bool present;
    struct count count[COUNTS];
};

struct shape {
    struct shape_text text;
    struct oks_slice timestamp, type;
    struct payload {
        bool present;
        struct oks_slice type, id, session_id, cwd, model, version, role, nickname, agent_role;
        struct oks_slice forked_from, parent_thread;
        struct agent_source {
            bool present;
            struct subagent {
                bool present;
                struct spawn {
                    bool present;
                    struct oks_slice parent_thread, nickname, role;
                } spawn;
            } subagent;
        } source;
        struct info {
            bool present;
            struct usage total, last;
        } info;
    } payload;
};

#define USAGE_FIELDS(usage)                                                 \
    FIELD("input_tokens", COUNT, usage.count[INPUT]),                       \
        FIELD("cached_input_tokens", COUNT, usage.count[CACHED]),           \
        FIELD("cache_write_input_tokens", COUNT, usage.count[CACHE_WRITE]), \
        FIELD("output_tokens", COUNT, usage.count[OUTPUT]),                 \
        FIELD("reasoning_output_tokens", COUNT, usage.count[REASONING]),    \
        FIELD("total_tokens", COUNT, usage.count[TOTAL]), FIELDS_END

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){FIELD("timestamp", TEXT, timestamp), FIELD("type", TEXT, type),
                                       FIELD_INTO("payload", OBJECT, CTX_PAYLOAD, payload), FIELDS_END},
    [CTX_PAYLOAD] =
        (const struct field[]){
            FIELD("type", TEXT, payload.type), FIELD("id", TEXT, payload.id),
            FIELD("session_id", TEXT, payload.session_id), FIELD("cwd", TEXT, payload.cwd),
            FIELD("model", TEXT, payload.model), FIELD("cli_version", TEXT, payload.version),
            FIELD("role", TEXT, payload.role), FIELD("agent_nickname", TEXT, payload.nickname),
            FIELD("agent_role", TEXT, payload.agent_role), FIELD("forked_from_id", TEXT, payload.forked_from),
            FIELD("parent_thread_id", TEXT, payload.parent_thread),
            FIELD_INTO("source", OBJECT, CTX_SOURCE, payload.source),
            FIELD_INTO("info", OBJECT, CTX_INFO, payload.info), FIELDS_END},
    [CTX_SOURCE] =
        (const struct field[]){FIELD_INTO("subagent", OBJECT, CTX_SUBAGENT, payload.source.subagent),
                               FIELDS_END},
    [CTX_SUBAGENT] =
        (const struct field[]){FIELD_INTO("thread_spawn", OBJECT, CTX_SPAWN, payload.source.subagent.spawn),
                               FIELDS_END},
    [CTX_SPAWN] =
        (const struct field[]){FIELD("parent_thread_id", TEXT, payload.source.subagent.spawn.parent_thread),
                               FIELD("agent_nickname", TEXT, payload.source.subagent.spawn.nickname),
                               FIELD("agent_role", TEXT, payload.source.subagent.spawn.role), FIELDS_END},
    [CTX_INFO] =
        (const struct field[]){FIELD_INTO("total_token_usage", OBJECT, CTX_TOTAL, payload.info.total),
                               FIELD_INTO("last_token_usage", OBJECT, CTX_LAST, payload.info.last),
                               FIELDS_END},
    [CTX_TOTAL] = (const struct field[]){USAGE_FIELDS(payload.info.total)},
    [CTX_LAST] = (const struct field[]){USAGE_FIELDS(payload.info.last)},
};

#include "json_table.h"

static unsigned shape_open(struct shape *shape, unsigned context, const struct field *field, bool array)
{
    return fields_open(shape, field, array);
}

static inline void shape_close(struct shape *shape, unsigned context)
{
}

#include "json_scalar.h"
#include "json_walk.h"

/* --- what is remembered --- */

struct name {
    char text[NAME_MAX_BYTES + 1];
};

struct state {
    struct name session, origin, parent, model; /* "": not known */
    uint64_t total[COUNTS];                     /* the last cumulative counts */
    uint64_t measures;                          /* so far, replayed ones included */
    uint64_t replayed;                          /* of these */
    uint64_t tools;                             /* tool calls since the last measurement */
    bool own;                                   /* what comes now is its own */
    bool twin;                                  /* another file of this session comes before it */
    bool flushed;                               /* lines were taken for its own before that was certain */
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
    struct state state;
    uint64_t *seq; /* hashes of the cumulative counts of the first MEASURES_MAX measurements */
    size_t seq_len, seq_room;
    char *peers;
    bool peers_read;
    uint64_t *known; /* those of the peers, ascending */
    size_t n_known;
    struct held *held;
    size_t n_held, held_room;
    uint64_t counted[OKS_COLUMNS];
    char id[NAME_MAX_BYTES + 32];
};

static void set_name(struct name *name, struct oks_slice s)
{
    size_t n = s.len < NAME_MAX_BYTES ? s.len : NAME_MAX_BYTES;

    if (n)
        memcpy(name->text, s.ptr, n);
    name->text[n] = '\0';
}

static uint64_t vector_hash(const uint64_t v[COUNTS])
{
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15);

    for (int i = 0; i < COUNTS; i++) {
        h = (h ^ v[i]) * UINT64_C(0xbf58476d1ce4e5b9);
        h ^= h >> 29;
    }
    return h;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static bool is_known(const uint64_t *known, size_t n, uint64_t hash)
{
    return n && bsearch(&hash, known, n, sizeof(hash), by_number);
}

static int push(uint64_t **list, size_t *len, size_t *room, uint64_t value)
{
    if (*len == *room) {
        size_t more = *room ? *room * 2 : 64;
        uint64_t *bigger = reallocarray(*list, more, sizeof(**list));

        if (!bigger)
            return -ENOMEM;
        *list = bigger;
        *room = more;
    }
    (*list)[(*len)++] = value;
    return 0;
}

/* --- memos --- */

static const char memo_magic[] = "codex1";

static void memo_names(struct memo_reader *r, struct state *s)
{
    struct name *names[] = {&s->session, &s->origin, &s->parent, &s->model};
    char text[MEMO_TEXT_MAX + 1];

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        memo_get_text(r, text);
        set_name(names[i], oks_slice_of(text));
    }
}

/* False where it is no memo of ours. What is left in *r are the hashes. */
static bool memo_head(struct memo_reader *r, struct state *s)
{
    char magic[MEMO_TEXT_MAX + 1];
    uint64_t flags;

    memset(s, 0, sizeof(*s));
    memo_get_text(r, magic);
    if (strcmp(magic, memo_magic) != 0)
        return false;
    memo_names(r, s);
    flags = memo_get(r);
    s->own = flags & 1;
    s->twin = flags & 2;
    s->flushed = flags & 4;
    s->measures = memo_get(r);
    s->replayed = memo_get(r);
    s->tools = memo_get(r);
    for (int i = 0; i < COUNTS; i++)
        s->total[i] = memo_get(r);
    return true;
}

static char *codex_memo(void *reader)
{
    const struct codex *c = reader;
    const struct state *s = &c->state;
    const struct name *names[] = {&s->session, &s->origin, &s->parent, &s->model};
    struct memo_writer w = {0};

    memo_put_text(&w, OKS_SLICE(memo_magic));
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        memo_put_text(&w, oks_slice_of(names[i]->text));
    memo_put(&w, (uint64_t)(s->own | s->twin << 1 | s->flushed << 2));
    memo_put(&w, s->measures);
    memo_put(&w, s->replayed);
    memo_put(&w, s->tools);
    for (int i = 0; i < COUNTS; i++)
        memo_put(&w, s->total[i]);
    for (size_t i = 0; i < c->seq_len; i++)
        memo_put(&w, c->seq[i]);
    return memo_take(&w);
}

/*
 * The hashes of the peers, ascending. Of two that name each other as their origin, only the one with the
 * greater id has the other for a peer: else both would take all that they share for the other's.
 */
static int read_peers(const char *peers, const char *session, uint64_t **known, size_t *n, bool *twin)
{
    size_t room = 0;

    *known = NULL;
    *n = 0;
    *twin = false;
    for (const char *p = peers; p && *p; p = memo_next(p)) {
        struct memo_reader r = {p};
        struct state peer;

        if (!memo_head(&r, &peer))
            continue;
        if (strcmp(peer.session.text, session) == 0)
            *twin = true;
        else if (strcmp(peer.origin.text, session) == 0 && strcmp(session, peer.session.text) < 0)
            continue;
        while (!memo_is_over(&r))
            if (push(known, n, &room, memo_get(&r)) < 0) {
                free(*known);
                return -ENOMEM;
            }
    }
    if (*n)
        qsort(*known, *n, sizeof(**known), by_number);
    return 0;
}

static bool codex_agrees(const char *memo, const char *peers)
{
    struct memo_reader r = {memo};
    struct state own;
    uint64_t *known, replayed = 0;
    size_t n;
    bool twin;

    if (!memo_head(&r, &own) || read_peers(peers, own.session.text, &known, &n, &twin) < 0)
        return true;
    while (!memo_is_over(&r) && is_known(known, n, memo_get(&r)))
        replayed++;
    free(known);
    return replayed == own.replayed && twin == own.twin;
}

static bool text_of_memo(const char *memo, char *out, size_t size, size_t offset)
{
    struct memo_reader r = {memo};
    struct state s;
    const struct name *name = (const void *)((const char *)&s + offset);

    if (!memo_head(&r, &s) || !*name->text || strlen(name->text) >= size)
        return false;
    strcpy(out, name->text);
    return true;
}

static bool codex_origin(const char *memo, char *out, size_t size)
{
    return text_of_memo(memo, out, size, offsetof(struct state, origin));
}

static bool codex_parent(const char *memo, char *out, size_t size)
{
    return text_of_memo(memo, out, size, offsetof(struct state, parent));
}

/* --- the reader's life --- */

static int codex_make(void **out)
{
    *out = calloc(1, sizeof(struct codex));
    return *out ? 0 : -ENOMEM;
}

static void forget(struct codex *c)
{
    free(c->peers);
    free(c->known);
    c->peers = NULL;
    c->known = NULL;
    c->n_known = 0;
    c->peers_read = false;
    c->seq_len = c->n_held = 0;
    memset(&c->state, 0, sizeof(c->state));
}

static void codex_free(void *reader)
{
    struct codex *c = reader;

    if (!c)
        return;
    forget(c);
    free(c->seq);
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
    struct memo_reader r = {memo};

    forget(c);
    c->peers = strdup(peers);
    if (!c->peers)
        return -ENOMEM;
    if (!memo_head(&r, &c->state))
        return 0;
    while (!memo_is_over(&r))
        if (push(&c->seq, &c->seq_len, &c->seq_room, memo_get(&r)) < 0)
            return -ENOMEM;
    return 0;
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
        for (int i = 0; of[k]->present && i < COUNTS; i++)
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

static struct oks_slice known_text(const struct name *name)
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
    if (c->n_held == c->held_room) {
        size_t room = c->held_room ? c->held_room * 2 : 64;
        struct held *bigger = reallocarray(c->held, room, sizeof(*bigger));

        if (!bigger)
            return false;
        c->held = bigger;
        c->held_room = room;
    }
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
    struct state *s = &c->state;
    struct oks_record *r;

    if (*s->session.text)
        return line_plain(c, line, complete, sink);
    set_name(&s->session, first_of(p->id, p->session_id));
    set_name(&s->parent, spawned ? first_of(spawn->parent_thread, p->parent_thread) : p->parent_thread);
    set_name(&s->origin, first_of(p->forked_from, known_text(&s->parent)));
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
static void last_of(const struct codex *c, const uint64_t total[COUNTS], uint64_t last[COUNTS])
{
    const struct usage *u = &c->shape.payload.info.last;
    bool fell = false;

    for (int i = 0; i < COUNTS; i++)
        fell |= total[i] < c->state.total[i];
    for (int i = 0; i < COUNTS; i++)
        last[i] = u->present ? u->count[i].value : fell ? total[i] : total[i] - c->state.total[i];
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static int tell_measure(struct codex *c, const struct held *line, const uint64_t last[COUNTS], bool complete,
                        const struct oks_sink *sink)
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
    u->input = less(less(last[INPUT], last[CACHED]), last[CACHE_WRITE]);
    u->cache_read = last[CACHED];
    u->cache_creation = u->cache_creation_5m = last[CACHE_WRITE];
    u->output = last[OUTPUT];
    /* The calls were counted when they were logged; here they say which request made them. */
    r->tool_uses = c->counted[OKS_TOOL_USES] = c->state.tools;
    r->counted = c->counted;
    return sink->record(sink->ctx, r, complete);
}

static int peers_once(struct codex *c)
{
    int rc = 0;

    if (c->peers_read)
        return 0;
    c->peers_read = true;
    rc = read_peers(c->peers, c->state.session.text, &c->known, &c->n_known, &c->state.twin);
    if (rc == 0 && c->n_known == 0 && !c->state.twin)
        c->state.own = true;
    return rc;
}

/* A token_count that may be a measurement. */
static int line_measure(struct codex *c, struct held *line, bool complete, const struct oks_sink *sink)
{
    uint64_t total[COUNTS], last[COUNTS], any = 0, hash;
    struct state *s = &c->state;
    int rc = 0;

    for (int i = 0; i < COUNTS; i++) {
        total[i] = c->shape.payload.info.total.count[i].value;
        any |= i == TOTAL ? 0 : total[i];
    }
    if (!any || memcmp(total, s->total, sizeof(total)) == 0)
        return line_plain(c, line, complete, sink);
    last_of(c, total, last);
    memcpy(s->total, total, sizeof(total));
    s->measures++;
    hash = vector_hash(total);
    if (complete && c->seq_len < MEASURES_MAX)
        rc = push(&c->seq, &c->seq_len, &c->seq_room, hash);
    if (rc == 0 && !s->own && is_known(c->known, c->n_known, hash)) {
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
        set_name(&c->state.model, p->model);
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
    struct state before;
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
        free(c->known);
        c->known = NULL;
        c->n_known = 0;
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

static const struct oks_reader_ops codex_reader = {
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

/* --- files --- */

static bool wants(const char *rel)
{
    const char *base = strrchr(rel, '/');

    base = base ? base + 1 : rel;
    return strncmp(base, "rollout-", strlen("rollout-")) == 0 && source_ends_with(base, ".jsonl");
}

/* The id ends the name: rollout-YYYY-MM-DDThh-mm-ss-<id>. */
static struct oks_slice id_of(const char *rel)
{
    struct oks_slice stem = source_stem(rel, ".jsonl");
    const size_t before = strlen("rollout-2026-02-23T12-40-23-");

    if (stem.len > before && stem.ptr[before - 1] == '-' && stem.ptr[before - 10] == 'T') {
        stem.ptr += before;
        stem.len -= before;
    }
    return stem;
}

const struct source oks_source_codex = {
    .id = OKS_SOURCE_CODEX,
    .name = "codex",
    .folders = {"sessions", "archived_sessions"},
    .reader = &codex_reader,
    .wants = wants,
    .id_of = id_of,
    .late = true,
    .origin = codex_origin,
    .parent_of = codex_parent,
    .agrees = codex_agrees,
};
