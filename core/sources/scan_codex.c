/*
 * From Codex's lines to records.
 *
 * Codex logs a response in two ways. A token_usage_record has its id and what it used. A token_count event
 * has the session's cumulative counts, and what the last request used; about half of them repeat the one
 * before, so only a count that advances is about a request. Newer versions write both, a record and then the
 * count; older ones only counts; a compaction's request has only a record. So a count that advances is
 * covered by the record that came since the last such count, or by one that comes next and says the same;
 * only else is it a request itself. Cached tokens and those written to the cache are parts of Codex's input,
 * and are taken out of it.
 *
 * Forks, spawned agents, pages and archived copies repeat other rollouts' lines, with other times, and
 * sometimes the counts without the records. So each request has a key that all copies share (codex_memo.h),
 * and the key of a covered count is an alias of its record. Billing decides which transcript owns a key. The
 * requests of other owners are told as `copied`, and what led to them is not its own: until the first request
 * that is, lines are held back. Where the file ends first, they are dropped after a copy, else taken for its
 * own; a later scan that learns better says -ESTALE. Requests wait for the first model as well.
 *
 * A page goes on from another one (`history_base`), and often opens with that one's last count, in a turn of
 * its own. That is told by the measures in the other's memo.
 *
 * Invariant: `state` is what all complete lines so far come to; an unfinished line leaves no trace in it.
 */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "okstrafs/stamp.h"
#include "scan/counts.h"
#include "sources/codex_memo.h"
#include "sources/scan_codex.h"

/* These in this order: the fields are what the readers are made for. */
#include "sources/codex_fields.h"

/* The objects in a payload are large, and most lines have none of them, or one. */
static inline void payload_clear(struct payload *p)
{
    if (p->info.present)
        memset(&p->info, 0, sizeof(p->info));
    if (p->used.present)
        memset(&p->used, 0, sizeof(p->used));
    if (p->thread_used.present)
        memset(&p->thread_used, 0, sizeof(p->thread_used));
    if (p->limits.present)
        memset(&p->limits, 0, sizeof(p->limits));
    if (p->base.present || p->git.present || p->source.present) {
        memset(&p->base, 0, sizeof(p->base));
        memset(&p->git, 0, sizeof(p->git));
        memset(&p->source, 0, sizeof(p->source));
    }
    memset(p, 0, offsetof(struct payload, used));
}

static inline void shape_begin(struct shape *shape, size_t length)
{
    fields_begin(&shape->text, length);
    shape->timestamp = shape->type = (struct oks_slice){0};
    if (shape->payload.present)
        payload_clear(&shape->payload);
}

#include "scan/json_scalar.h"
#include "scan/json_walk.h"

enum {
    HELD_MAX = 1 << 16, /* lines held back */
    HELD_STAMP = 40,
    TOOL_NAME = 72, /* of a tool, more than is shown of one */
};

/* What a line says of a request. */
struct measure {
    uint64_t used[CODEX_FIVE];
    uint64_t key, alias; /* see struct oks_record */
    uint64_t turn;       /* hash of its id; 0: unknown */
    uint64_t tools;
    bool copied;
    bool again; /* the count before it has told the same */
};

/* What is told of a line. */
struct saying {
    uint64_t offset, length;
    enum oks_record_type type;
    bool tool, compaction;
    struct oks_slice tool_name;
    uint64_t prompt;
    struct measure *measure;   /* NULL: none */
    struct oks_slice response; /* id of the response */
};

/* A line held back. */
struct held {
    struct saying saying;
    struct measure measure;
    char *response; /* NULL: none */
    char stamp[HELD_STAMP], tool_name[TOOL_NAME];
};

struct codex {
    struct shape shape;
    /*
     * What is told. In each of the two only certain members are ever set, and these each time, so that
     * neither is cleared line by line.
     */
    struct oks_record record, plain; /* of a line with usage, and of one without */
    struct codex_state state;
    struct memo_numbers seq; /* of its first counts, CODEX_MEASURES_MAX at most */
    struct codex_name file;
    struct codex_name thread;    /* of the last record ... */
    uint64_t thread_hash;        /* ... and what the keys of its records begin with */
    struct memo_numbers foreign; /* keys of the requests that others own */
    char *peers;
    bool nameless_before; /* already at the begin of this scan */
    struct held *held;
    size_t n_held, held_room;
    uint64_t counted[OKS_COLUMNS];
};

/* --- the reader's life --- */

static int codex_make(void **out)
{
    *out = calloc(1, sizeof(struct codex));
    return *out ? 0 : -ENOMEM;
}

static void forget(struct codex *c)
{
    for (size_t i = 0; i < c->n_held; i++)
        free(c->held[i].response);
    free(c->peers);
    c->peers = NULL;
    c->seq.n = c->foreign.n = c->n_held = 0;
    memset(&c->state, 0, sizeof(c->state));
}

static void codex_free(void *reader)
{
    struct codex *c = reader;

    if (!c)
        return;
    forget(c);
    memo_numbers_clear(&c->seq);
    memo_numbers_clear(&c->foreign);
    free(c->held);
    fields_free(&c->shape.text);
    free(c);
}

static void codex_trim(void *reader)
{
    fields_trim(&((struct codex *)reader)->shape.text);
}

static uint64_t rollout_of(struct oks_slice file)
{
    const struct oks_slice packed = OKS_SLICE(".jsonl.zst");

    if (file.len > packed.len && memcmp(file.ptr + file.len - packed.len, packed.ptr, packed.len) == 0)
        file.len -= packed.len;
    return codex_text_hash(file);
}

static int codex_begin(void *reader, const char *memo, const char *peers)
{
    struct codex *c = reader;
    struct codex_name family;
    int rc;

    forget(c);
    c->peers = strdup(peers);
    rc = c->peers ? codex_memo_read(memo, &c->state, &c->seq) : -ENOMEM;
    if (rc == 0)
        rc = codex_self_read(peers, &c->file, &family, &c->foreign);
    if (rc < 0)
        return rc;
    c->nameless_before = c->state.nameless;
    if (*memo)
        return 0;
    c->state.own = c->foreign.n == 0;
    for (size_t i = 0; i < c->foreign.n; i++)
        c->state.assumed += c->foreign.items[i];
    c->state.family = family;
    c->state.rollout = *c->file.text ? rollout_of(oks_slice_of(c->file.text)) : 0;
    return 0;
}

static char *codex_memo(void *reader)
{
    const struct codex *c = reader;

    return codex_memo_text(&c->state, &c->seq);
}

/* The line is an object: how many of its token values are none. */
static void judge_line(struct codex *c, struct oks_record **record)
{
    const struct payload *p = &c->shape.payload;
    const struct usage *of[] = {&p->used, &p->info.total, &p->info.last};

    c->record.odd = 0;
    for (int k = 0; c->shape.text.odd && p->present && k < (p->info.present ? 3 : 1); k++)
        for (int i = 0; of[k]->present && i < CODEX_COUNTS; i++)
            c->record.odd += of[k]->count[i].odd;
    *record = &c->record;
}

static int codex_scalar(void *reader, const char *buf, size_t from, size_t to, struct oks_record **record,
                        bool *teams)
{
    struct codex *c = reader;
    int r;

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

    r = walk_line(&c->shape, buf, from, to, cursor, teams);
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

/* What all lines of a session have. */
static void put_common(const struct codex *c, const struct saying *line, struct oks_slice stamp,
                       struct oks_record *r)
{
    r->offset = line->offset;
    r->length = line->length;
    r->timestamp = stamp;
    r->session_id = codex_name_slice(&c->state.session);
    r->branch = codex_name_slice(&c->state.branch);
    r->is_sidechain = c->state.parent.len;
    r->agent_id = r->is_sidechain ? r->session_id : (struct oks_slice){0};
}

/* A line without usage. */
static int tell_plain(struct codex *c, const struct saying *line, struct oks_slice stamp, bool complete,
                      const struct oks_sink *sink)
{
    const struct payload *p = &c->shape.payload;
    bool is_at_hand = stamp.ptr == c->shape.timestamp.ptr;
    struct oks_record *r = &c->plain;

    put_common(c, line, stamp, r);
    r->type = line->compaction ? OKS_RECORD_SYSTEM : line->tool ? OKS_RECORD_ASSISTANT : line->type;
    r->tool_uses = r->n_tools = line->tool;
    r->tools[0] = line->tool_name;
    r->compact_trigger = line->compaction ? OKS_SLICE("other") : (struct oks_slice){0};
    r->compact_pre_tokens = line->compaction ? line->prompt : 0;
    r->effort = codex_name_slice(&c->state.effort);
    r->message.model = codex_name_slice(&c->state.model);
    r->cwd = is_at_hand && p->present && !line->tool ? p->cwd : (struct oks_slice){0};
    r->odd = c->record.odd;
    return sink->record(sink->ctx, r, complete);
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* The model and the effort of the request's turn, else the current ones. */
static void put_turn(const struct codex *c, const struct measure *m, struct oks_record *r)
{
    const struct codex_name *model = &c->state.model, *effort = &c->state.effort;

    for (int i = 0; m->turn && i < CODEX_TURNS; i++)
        if (c->state.turns[i].turn == m->turn) {
            model = &c->state.turns[i].model;
            effort = &c->state.turns[i].effort;
            break;
        }
    r->message.model = codex_name_slice(model);
    r->effort = codex_name_slice(effort);
}

static void usage_of(const struct measure *m, struct oks_usage *u)
{
    u->present = true;
    u->input = less(less(m->used[CODEX_INPUT], m->used[CODEX_CACHED]), m->used[CODEX_CACHE_WRITE]);
    u->cache_read = m->used[CODEX_CACHED];
    u->cache_creation = u->cache_creation_5m = m->used[CODEX_CACHE_WRITE];
    u->output = m->used[CODEX_OUTPUT];
}

/* A line with usage. One that is covered by a record has no key. */
static int tell_measure(struct codex *c, const struct saying *line, struct oks_slice stamp, bool complete,
                        const struct oks_sink *sink)
{
    struct oks_record *r = &c->record;
    const struct measure *m = line->measure;
    struct oks_usage *u = &r->message.usage;
    bool counted = m->again || !m->key;

    put_common(c, line, stamp, r);
    r->type = m->key ? OKS_RECORD_ASSISTANT : OKS_RECORD_OTHER;
    put_turn(c, m, r);
    r->request_id = line->response;
    r->message.stop_reason = OKS_SLICE("end_turn");
    r->key = m->key;
    r->alias = m->alias;
    r->copied = m->copied;
    usage_of(m, u);
    /* The calls were counted when they were logged; here they say which request made them. */
    memset(c->counted, 0, sizeof(c->counted));
    r->tool_uses = c->counted[OKS_TOOL_USES] = m->tools;
    c->counted[OKS_INPUT] = counted ? u->input : 0;
    c->counted[OKS_OUTPUT] = counted ? u->output : 0;
    c->counted[OKS_CACHE_CREATION] = c->counted[OKS_CACHE_CREATION_5M] = counted ? u->cache_creation : 0;
    c->counted[OKS_CACHE_READ] = counted ? u->cache_read : 0;
    r->counted = c->counted;
    return sink->record(sink->ctx, r, complete);
}

/* --- lines held back --- */

enum which { HELD_ALL, HELD_MEASURES, HELD_PLAIN };

/* The array may have moved since, and the line is gone: what pointed there points into *h again. */
static int held_tell(struct codex *c, struct held *h, struct oks_slice stamp, const struct oks_sink *sink)
{
    struct saying *line = &h->saying;

    line->tool_name.ptr = h->tool_name;
    if (!line->measure)
        return tell_plain(c, line, stamp, true, sink);
    line->measure = &h->measure;
    line->response = h->response ? oks_slice_of(h->response) : (struct oks_slice){0};
    return tell_measure(c, line, stamp, true, sink);
}

/* Tells those lines, or only drops them. */
static int held_end(struct codex *c, enum which which, bool tell, const struct oks_sink *sink)
{
    uint64_t odd = c->record.odd;
    size_t kept = 0;
    int rc = 0;

    if (c->n_held == 0)
        return 0;
    for (size_t i = 0; i < c->n_held; i++) {
        struct held *h = &c->held[i];
        struct oks_slice stamp = *h->stamp ? oks_slice_of(h->stamp) : (struct oks_slice){0};
        bool measured = h->saying.measure != NULL;

        if (which != HELD_ALL && (which == HELD_MEASURES) != measured) {
            c->held[kept++] = *h;
            continue;
        }
        c->record.odd = 0;
        if (rc == 0 && tell)
            rc = held_tell(c, h, stamp, sink);
        free(h->response);
    }
    c->n_held = kept;
    c->record.odd = odd;
    return rc;
}

static bool any_held(const struct codex *c, bool measures)
{
    for (size_t i = 0; i < c->n_held; i++)
        if ((c->held[i].saying.measure != NULL) == measures)
            return true;
    return false;
}

/* 0: it is held; 1: it does not fit. -ENOMEM */
static int hold(struct codex *c, const struct saying *line, struct oks_slice stamp)
{
    struct held *h;
    char *response = NULL;

    if (stamp.len >= HELD_STAMP || c->n_held == HELD_MAX)
        return 1;
    if (!OKS_GROW(c->held, c->n_held, c->held_room))
        return -ENOMEM;
    if (line->response.ptr) {
        response = strndup(line->response.ptr, line->response.len);
        if (!response)
            return -ENOMEM;
    }
    h = &c->held[c->n_held++];
    h->saying = *line;
    h->response = response;
    if (line->measure)
        h->measure = *line->measure;
    memcpy(h->stamp, stamp.ptr ? stamp.ptr : "", stamp.len);
    h->stamp[stamp.len] = '\0';
    memcpy(h->tool_name, line->tool_name.ptr ? line->tool_name.ptr : "", line->tool_name.len);
    h->tool_name[line->tool_name.len] = '\0';
    return 0;
}

/* --- lines --- */

/* Cut to what is shown, and to what is in front of a NUL. */
static struct oks_slice shown(struct oks_slice s, size_t most)
{
    return (struct oks_slice){s.ptr ? s.ptr : "", strnlen(s.ptr ? s.ptr : "", s.len < most ? s.len : most)};
}

/* A tool call, and the name of the tool; some have one of their own. */
static bool is_tool_call(const struct payload *p, struct oks_slice *name)
{
    static const struct {
        struct oks_slice type, name;
    } calls[] = {{OKS_SLICE("function_call"), {0}},
                 {OKS_SLICE("custom_tool_call"), {0}},
                 {OKS_SLICE("local_shell_call"), OKS_SLICE("local_shell")},
                 {OKS_SLICE("web_search_call"), OKS_SLICE("web_search")}};

    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
        if (!oks_slice_eq(p->type, calls[i].type))
            continue;
        *name = shown(calls[i].name.ptr ? calls[i].name : p->name, TOOL_NAME - 1);
        return true;
    }
    return false;
}

static int line_plain(struct codex *c, struct saying *line, bool complete, const struct oks_sink *sink)
{
    const struct payload *p = &c->shape.payload;
    int rc = 1;

    if (is(c->shape.type, "response_item") && p->present) {
        line->tool = is_tool_call(p, &line->tool_name);
        line->type = is(p->role, "user") ? OKS_RECORD_USER : OKS_RECORD_OTHER;
        c->state.tools += line->tool;
    }
    if (complete && (!c->state.own || c->n_held))
        rc = hold(c, line, c->shape.timestamp);
    return rc <= 0 ? rc : tell_plain(c, line, c->shape.timestamp, complete, sink);
}

/* Newer versions write a line and an event for one compaction, in any order. */
static int line_compaction(struct codex *c, struct saying *line, bool complete, const struct oks_sink *sink)
{
    line->compaction = !c->state.compacted;
    line->prompt = c->state.prompt;
    c->state.compacted = true;
    return line_plain(c, line, complete, sink);
}

/* The oldest session that a session_meta names: of a spawned agent, the root of all. */
static struct oks_slice oldest_of(const struct payload *p, struct oks_slice parent)
{
    if (p->session_id.ptr && (!p->id.ptr || !oks_slice_eq(p->session_id, p->id)))
        return p->session_id;
    return first_of(first_of(p->forked_from, parent), first_of(p->id, p->session_id));
}

/* The first session_meta is the session's own; further ones come with a replay, the oldest last. */
static int line_meta(struct codex *c, struct saying *line, bool complete, const struct oks_sink *sink)
{
    const struct payload *p = &c->shape.payload;
    const struct spawn *spawn = &p->source.subagent.spawn;
    bool spawned = p->source.present && p->source.subagent.present && spawn->present;
    struct oks_slice parent = spawned ? first_of(spawn->parent_thread, p->parent_thread) : p->parent_thread;
    struct oks_slice oldest = oldest_of(p, parent);
    struct codex_state *s = &c->state;
    struct oks_record *r = &c->plain;
    int rc;

    if (oldest.ptr && !s->counted)
        codex_name_set(&s->oldest, oldest);
    if (s->session.len)
        return line_plain(c, line, complete, sink);
    codex_name_set(&s->session, first_of(p->id, p->session_id));
    codex_name_set(&s->parent, parent);
    s->base = p->base.present;
    if (s->base)
        codex_name_set(&s->origin, first_of(p->forked_from, p->base.thread));
    codex_name_set(&s->branch, p->git.present ? p->git.branch : (struct oks_slice){0});
    r->version = p->version;
    r->agent_name = first_of(p->nickname, p->agent_role);
    if (!r->agent_name.ptr && spawned)
        r->agent_name = first_of(spawn->nickname, spawn->role);
    rc = tell_plain(c, line, c->shape.timestamp, complete, sink);
    r->version = r->agent_name = (struct oks_slice){0};
    return rc;
}

/* Of the turn's id; 0: there is none. */
static uint64_t turn_hash(const struct codex_state *s, struct oks_slice id)
{
    if (!id.ptr)
        return 0;
    return oks_slice_eq(id, codex_name_slice(&s->turn)) ? s->turn_hash : codex_text_hash(id);
}

/* A turn begins, and may say its model. */
static int line_turn(struct codex *c, struct saying *line, bool complete, const struct oks_sink *sink)
{
    const struct payload *p = &c->shape.payload;
    struct codex_state *s = &c->state;
    int rc = 0;

    if (p->turn.ptr)
        codex_turn_set(s, p->turn);
    if (p->model.ptr && is(c->shape.type, "turn_context")) {
        uint64_t turn = turn_hash(s, p->turn);

        if (!s->model.len && c->nameless_before)
            return -ESTALE;
        s->nameless = false;
        codex_name_set(&s->model, p->model);
        codex_name_set(&s->effort, p->effort);
        if (turn && s->turns[0].turn != turn) {
            memmove(&s->turns[1], &s->turns[0], sizeof(s->turns) - sizeof(*s->turns));
            s->turns[0].turn = turn;
        }
        if (turn) {
            s->turns[0].model = s->model;
            s->turns[0].effort = s->effort;
        }
        if (complete)
            rc = held_end(c, s->own ? HELD_ALL : HELD_MEASURES, true, sink);
    }
    return rc ? rc : line_plain(c, line, complete, sink);
}

/* A request, by whichever line. */
static int line_request(struct codex *c, struct saying *line, bool complete, const struct oks_sink *sink)
{
    struct codex_state *s = &c->state;
    struct measure *m = line->measure;
    int rc = 0;

    s->tools = 0;
    s->compacted = false;
    s->prompt = m->used[CODEX_INPUT];
    m->copied = memo_numbers_has(&c->foreign, m->key);
    s->copies |= m->copied;
    if (!s->own && (m->copied ? s->told : s->dropped))
        return -ESTALE;
    if (!s->own && m->copied && complete)
        rc = held_end(c, HELD_PLAIN, false, sink);
    s->own |= !m->copied;
    if (complete && !s->model.len && !s->nameless) {
        rc = rc ? rc : hold(c, line, c->shape.timestamp);
        if (rc <= 0)
            return rc;
        s->nameless = true;
        rc = 0;
    }
    if (rc == 0 && s->own && complete)
        rc = held_end(c, HELD_ALL, true, sink);
    return rc ? rc : tell_measure(c, line, c->shape.timestamp, complete, sink);
}

static void five_of(const struct usage *u, uint64_t five[CODEX_FIVE])
{
    for (int i = 0; i < CODEX_FIVE; i++)
        five[i] = u->present ? u->count[i].value : 0;
}

static bool same_five(const uint64_t a[CODEX_FIVE], const uint64_t b[CODEX_FIVE])
{
    return memcmp(a, b, CODEX_FIVE * sizeof(*a)) == 0;
}

/* Conversations of other agents, as Codex imported them. */
static bool is_imported(struct oks_slice turn)
{
    const struct oks_slice prefix = OKS_SLICE("external-import-");

    return turn.len >= prefix.len && memcmp(turn.ptr, prefix.ptr, prefix.len) == 0;
}

static uint64_t record_key(struct codex *c, struct oks_slice thread, struct oks_slice response,
                           const uint64_t used[CODEX_FIVE])
{
    if (!c->thread.len || !oks_slice_eq(thread, codex_name_slice(&c->thread))) {
        codex_name_set(&c->thread, thread);
        if (c->thread.len != thread.len) /* cut: another one may be equal to what is left */
            c->thread.len = 0;
        c->thread_hash = codex_thread_hash(thread);
    }
    return codex_record_key(c->thread_hash, response, used);
}

/* A token_usage_record. */
static int line_record(struct codex *c, struct saying *line, bool complete, const struct oks_sink *sink)
{
    const struct payload *p = &c->shape.payload;
    struct oks_slice thread = first_of(p->thread, codex_name_slice(&c->state.session));
    struct measure m = {.tools = c->state.tools, .turn = turn_hash(&c->state, p->turn)};
    struct codex_state *s = &c->state;
    uint64_t total[CODEX_FIVE];

    five_of(&p->used, m.used);
    five_of(&p->thread_used, total);
    m.key =
        p->response.ptr ? record_key(c, thread, p->response, m.used) : codex_turn_key(thread, p->turn, total);
    if (is_imported(p->turn) || m.key == s->record)
        return line_plain(c, line, complete, sink);
    s->record = m.key;
    s->recorded = !s->pending || !same_five(s->pending_last, m.used);
    if (!s->recorded) { /* this time the count came first */
        m.alias = s->pending;
        m.tools = s->pending_tools;
        m.again = true;
    }
    s->pending = 0;
    if (p->response.ptr)
        line->response = shown(p->response, CODEX_NAME_MAX);
    line->measure = &m;
    return line_request(c, line, complete, sink);
}

/* What the last request used: as it says, else what the cumulative counts gained; from 0 where they fell. */
static void last_of(const struct codex *c, const uint64_t total[CODEX_FIVE], uint64_t last[CODEX_FIVE])
{
    const struct usage *u = &c->shape.payload.info.last;
    bool fell = false;

    for (int i = 0; i < CODEX_FIVE; i++)
        fell |= total[i] < c->state.total[i];
    for (int i = 0; i < CODEX_FIVE; i++)
        last[i] = u->present ? u->count[i].value : fell ? total[i] : total[i] - c->state.total[i];
}

/* Whether the first count of a page repeats one of the page before: without what the last request used,
 * nothing can be told from it. 0, 1 or -ENOMEM */
static int repeats_base(struct codex *c, const uint64_t total[CODEX_FIVE], const uint64_t last[CODEX_FIVE])
{
    struct codex_state *s = &c->state;
    struct memo_numbers known;

    if (!c->shape.payload.info.last.present)
        return 1;
    if (codex_peers_read(c->peers, s->rollout, &known) < 0)
        return -ENOMEM;
    s->opening = codex_measure(total, last);
    s->repeated = memo_numbers_has(&known, s->opening);
    memo_numbers_clear(&known);
    return s->repeated;
}

/* A count of a request that another line tells: whatever copy of it has no such line, it is none there. */
static int line_covered(struct codex *c, struct saying *line, struct measure *m, bool complete,
                        const struct oks_sink *sink)
{
    line->measure = m;
    m->alias = codex_count_key(&c->state, c->state.total, m->used);
    m->copied = memo_numbers_has(&c->foreign, m->alias);
    return tell_measure(c, line, c->shape.timestamp, complete, sink);
}

/* A count that advances. `opens`: it is the first one of a page. */
static int line_advance(struct codex *c, struct saying *line, struct measure *m, bool opens, bool complete,
                        const struct oks_sink *sink)
{
    struct codex_state *s = &c->state;

    s->compacted = false;
    if (s->recorded) {
        s->recorded = false;
        return line_covered(c, line, m, complete, sink);
    }
    line->measure = m;
    m->turn = s->turn_hash;
    s->pending = m->key = codex_count_key(s, s->total, m->used);
    m->alias = codex_count_alias(s, s->total, m->used); /* such a fork may be deleted by now */
    if (opens)
        s->opened = m->key;
    memcpy(s->pending_last, m->used, sizeof(m->used));
    s->pending_tools = m->tools = s->tools;
    return line_request(c, line, complete, sink);
}

/* What a later page of the thread may open with. -ENOMEM */
static int remember(struct codex *c, uint64_t measure)
{
    if (c->seq.n == CODEX_MEASURES_MAX || (c->seq.n && c->seq.items[c->seq.n - 1] == measure))
        return 0;
    return memo_numbers_add(&c->seq, measure);
}

/* A token_count with counts. All zero it is the mark of a full context. */
static int line_count(struct codex *c, struct saying *line, bool complete, const struct oks_sink *sink)
{
    static const uint64_t zero[CODEX_FIVE];
    struct codex_state *s = &c->state;
    uint64_t total[CODEX_FIVE];
    struct measure m = {0};
    bool first = !s->counted, repeats, opening = false;
    int rc = 0;

    five_of(&c->shape.payload.info.total, total);
    last_of(c, total, m.used);
    s->counted = true;
    repeats = same_five(total, zero) || same_five(total, s->total);
    if (!repeats && first && s->base) {
        rc = repeats_base(c, total, m.used);
        opening = rc == 1 && s->repeated;
        repeats = rc == 1;
    }
    if (rc < 0)
        return rc;
    memcpy(s->total, total, sizeof(total));
    if (complete && remember(c, codex_measure(total, m.used)) < 0)
        return -ENOMEM;
    /* In the turn of the page before it has the key of the request itself: as an alias that would be lost. */
    opening = opening && !codex_peers_in_turn(c->peers, s);
    if (is_imported(codex_name_slice(&s->turn)) || (repeats && !opening))
        return line_plain(c, line, complete, sink);
    if (opening)
        return line_covered(c, line, &m, complete, sink);
    return line_advance(c, line, &m, first && s->opening, complete, sink);
}

static int tell_by_type(struct codex *c, struct saying *line, bool complete, const struct oks_sink *sink)
{
    const struct oks_slice type = c->shape.type;
    const struct payload *p = &c->shape.payload;
    bool event = is(type, "event_msg");

    if (!p->present)
        return line_plain(c, line, complete, sink);
    if (is(type, "session_meta"))
        return line_meta(c, line, complete, sink);
    if (is(type, "turn_context") || (event && is(p->type, "task_started")))
        return line_turn(c, line, complete, sink);
    if (is(type, "token_usage_record") && p->used.present)
        return line_record(c, line, complete, sink);
    if (is(type, "compacted") || (event && is(p->type, "context_compacted")))
        return line_compaction(c, line, complete, sink);
    if (event && is(p->type, "token_count") && p->info.present && p->info.total.present)
        return line_count(c, line, complete, sink);
    return line_plain(c, line, complete, sink);
}

static int tell_line(struct codex *c, struct saying *line, bool complete, const struct oks_sink *sink)
{
    int rc = tell_by_type(c, line, complete, sink);

    if (rc == 0 && c->shape.payload.present && c->shape.payload.limits.present &&
        is(c->shape.type, "event_msg") && is(c->shape.payload.type, "token_count"))
        codex_limits_note(&c->state, &c->shape.payload.limits, c->shape.timestamp);
    return rc;
}

/* An unfinished line, which changes nothing. */
static __attribute__((noinline)) int tell_tail(struct codex *c, struct saying *line,
                                               const struct oks_sink *sink)
{
    const struct codex_state before = c->state;
    int rc = tell_line(c, line, false, sink);

    c->state = before;
    return rc;
}

static int codex_tell(void *reader, uint64_t offset, uint64_t length, bool complete,
                      const struct oks_sink *sink)
{
    struct saying line = {.offset = offset, .length = length};

    return complete ? tell_line(reader, &line, true, sink) : tell_tail(reader, &line, sink);
}

/* The complete lines are over and nothing decided. What followed copies is probably a copy too. */
static int codex_end(void *reader, const struct oks_sink *sink)
{
    struct codex *c = reader;
    struct codex_state *s = &c->state;
    bool plain = !s->own && any_held(c, false);

    s->nameless |= any_held(c, true);
    s->dropped |= plain && s->copies;
    s->told |= plain && !s->copies;
    if (s->dropped && plain) {
        int rc = held_end(c, HELD_PLAIN, false, sink);

        if (rc)
            return rc;
    }
    return held_end(c, HELD_ALL, true, sink);
}

const struct oks_reader_ops READER(codex) = {
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
