/*
 * From OpenCode's lines (opencode.h) to records: one for each step of a message of the model, which is a
 * request.
 *
 * The tokens of a message are those of its last step, while its parts of the type step-finish have them of
 * each. They are written when a step has ended. So a message without such parts is one request, and any other
 * is as many as it has of them. The first has the message's id, the others the id and their number. Input
 * does not include what is read from the cache or written to it. Output does not include reasoning, except
 * where the total says that it does.
 *
 * A fork copies messages with new ids and their old times. So a message that is older than its session is a
 * copy: it is in no event, and billing finds by a second key (`link`) that it is the same request.
 *
 * A message that is in the database and in the older folder has one id. The reader of the folder gets the ids
 * of the database by the memo of that transcript (its peer), and leaves these messages out. The memo is
 *
 *     opencode1 <parent session> <id of a message> <1: left out> ...      ids are hashes
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "scan/counts.h"
#include "sources/opencode.h"
#include "sources/opencode_time.h"

/* These in this order: the fields are what the readers are made for. */
#include "sources/opencode_fields.h"

static inline void shape_begin(struct shape *shape, size_t length)
{
    fields_begin(&shape->text, length);
    shape->session.present = shape->project.present = shape->message.present = shape->part.present = false;
}

#include "scan/json_scalar.h"
#include "scan/json_walk.h"

enum {
    NAME_BYTES = 256,
    MESSAGES_MAX = 100000, /* of a session that its memo names */
};

struct text {
    char bytes[NAME_BYTES];
    size_t len;
};

/* The message that is read: its line has come, and some of its parts. */
struct current {
    bool there, of_model, completed;
    struct text id, model, agent;
    char cwd[PATH_MAX];
    char stamp[OPENCODE_STAMP];
    uint64_t created, completed_ms;
    uint64_t offset, length;
    struct oks_usage usage; /* as the message says */
    uint64_t n_steps;       /* so far */
    uint64_t tools;         /* since the last step */
    struct text names[OKS_TOOLS_MAX];
};

struct opencode {
    struct shape shape;
    struct oks_record record;
    struct text session, parent;
    char directory[PATH_MAX], worktree[PATH_MAX];
    uint64_t session_created;
    struct current current;
    struct memo_numbers known; /* ids of messages that the peers have */
    struct memo_writer ids;
    size_t n_ids;
    char step_id[NAME_BYTES + 24];
};

static const char memo_magic[] = "opencode1";

/* --- the reader's life --- */

static int opencode_make(void **out)
{
    *out = calloc(1, sizeof(struct opencode));
    return *out ? 0 : -ENOMEM;
}

static void forget(struct opencode *o)
{
    memo_numbers_clear(&o->known);
    free(o->ids.bytes);
    o->ids = (struct memo_writer){0};
    o->n_ids = 0;
    o->session.len = o->parent.len = o->session_created = 0;
    o->directory[0] = o->worktree[0] = '\0';
    o->current.there = false;
}

static void opencode_free(void *reader)
{
    struct opencode *o = reader;

    if (!o)
        return;
    forget(o);
    fields_free(&o->shape.text);
    free(o);
}

static void opencode_trim(void *reader)
{
    fields_trim(&((struct opencode *)reader)->shape.text);
}

/* --- the memo --- */

static bool memo_head(struct memo_reader *r, char parent[MEMO_TEXT_MAX + 1])
{
    char magic[MEMO_TEXT_MAX + 1];

    memo_get_text(r, magic);
    if (strcmp(magic, memo_magic) != 0)
        return false;
    memo_get_text(r, parent);
    return true;
}

static int read_peers(const char *peers, struct memo_numbers *known)
{
    char parent[MEMO_TEXT_MAX + 1];

    *known = (struct memo_numbers){0};
    for (const char *p = peers; p && *p; p = memo_next(p)) {
        struct memo_reader r = {p};

        if (!memo_head(&r, parent))
            continue;
        while (!memo_is_over(&r)) {
            uint64_t id = memo_get(&r);

            memo_skip(&r);
            if (memo_numbers_add(known, id) < 0) {
                memo_numbers_clear(known);
                return -ENOMEM;
            }
        }
    }
    memo_numbers_sort(known);
    return 0;
}

bool opencode_agrees(const char *memo, const char *peers)
{
    struct memo_reader r = {memo};
    char parent[MEMO_TEXT_MAX + 1];
    struct memo_numbers known;
    bool same = true;

    if (!memo_head(&r, parent) || read_peers(peers, &known) < 0)
        return true;
    while (same && !memo_is_over(&r)) {
        uint64_t id = memo_get(&r);

        same = (memo_get(&r) == 1) == memo_numbers_has(&known, id);
    }
    memo_numbers_clear(&known);
    return same;
}

bool opencode_parent(const char *memo, char *out, size_t size)
{
    struct memo_reader r = {memo};
    char parent[MEMO_TEXT_MAX + 1];

    return memo_head(&r, parent) && *parent && (size_t)snprintf(out, size, "%s", parent) < size;
}

/* Each scan reads all of the session. */
static int opencode_begin(void *reader, const char *memo, const char *peers)
{
    struct opencode *o = reader;

    (void)memo;
    forget(o);
    return read_peers(peers, &o->known);
}

static char *opencode_memo(void *reader)
{
    struct opencode *o = reader;
    struct memo_writer w = {0};
    char *head, *memo = NULL;

    memo_put_text(&w, OKS_SLICE(memo_magic));
    memo_put_text(&w,
                  o->parent.len ? (struct oks_slice){o->parent.bytes, o->parent.len} : (struct oks_slice){0});
    head = memo_take(&w);
    if (head && !o->ids.failed &&
        asprintf(&memo, "%s%s%s", head, o->ids.bytes ? " " : "", o->ids.bytes ? o->ids.bytes : "") < 0)
        memo = NULL;
    free(head);
    return memo;
}

/* --- lines --- */

static uint64_t odd_of(const struct tokens *t)
{
    if (!t->present)
        return 0;
    return (uint64_t)t->input.odd + t->output.odd + t->reasoning.odd + t->total.odd +
           (t->cache.present ? (uint64_t)t->cache.read.odd + t->cache.write.odd : 0);
}

static int judge(struct opencode *o, int verdict, struct oks_record **record)
{
    const struct shape *s = &o->shape;

    o->record.odd = 0;
    if (s->message.present && s->message.data.present)
        o->record.odd += odd_of(&s->message.data.tokens);
    if (s->part.present && s->part.data.present)
        o->record.odd += odd_of(&s->part.data.tokens);
    *record = &o->record;
    return verdict;
}

static int opencode_scalar(void *reader, const char *buf, size_t from, size_t to, struct oks_record **record,
                           bool *teams)
{
    struct opencode *o = reader;

    return judge(o, scalar_line(&o->shape, buf + from, buf + to, teams), record);
}

static int opencode_walk(void *reader, const char *buf, size_t from, size_t to, const uint32_t **cursor,
                         struct oks_record **record, bool *teams)
{
    struct opencode *o = reader;

    return judge(o, walk_line(&o->shape, buf, from, to, cursor, teams), record);
}

/* --- values --- */

static bool is(struct oks_slice s, const char *text)
{
    return oks_slice_eq(s, oks_slice_of(text));
}

/* A name that is longer, or has a NUL in it, is none. */
static void keep(struct text *to, struct oks_slice s)
{
    to->len = s.len <= NAME_BYTES && (!s.len || !memchr(s.ptr, '\0', s.len)) ? s.len : 0;
    if (to->len)
        memcpy(to->bytes, s.ptr, to->len);
}

static struct oks_slice kept(const struct text *text)
{
    return text->len ? (struct oks_slice){text->bytes, text->len} : (struct oks_slice){0};
}

static void keep_path(char to[PATH_MAX], struct oks_slice s)
{
    size_t n = s.len < PATH_MAX && (!s.len || !memchr(s.ptr, '\0', s.len)) ? s.len : 0;

    if (n)
        memcpy(to, s.ptr, n);
    to[n] = '\0';
}

static struct oks_slice path_slice(const char *path)
{
    return *path ? oks_slice_of(path) : (struct oks_slice){0};
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return oks_tokens_add(a, b);
}

static struct oks_usage usage_of(const struct tokens *t)
{
    static const struct cache none;
    const struct cache *cache = t->cache.present ? &t->cache : &none;
    struct oks_usage u = {0};
    uint64_t without;

    if (!t->present)
        return u;
    u.input = t->input.value;
    u.output = t->output.value;
    u.cache_read = cache->read.value;
    u.cache_creation = u.cache_creation_5m = cache->write.value;
    without = sum(sum(u.input, u.output), sum(u.cache_read, u.cache_creation));
    if (!t->total.given || t->total.odd || t->total.value != without)
        u.output = sum(u.output, t->reasoning.value);
    u.present = (u.input | u.output | u.cache_read | u.cache_creation) != 0;
    return u;
}

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
    const unsigned char *bytes = p;

    for (size_t i = 0; i < n; i++)
        h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 32;
    return h ? h : 1;
}

/* --- records --- */

static struct oks_record *record_start(struct opencode *o, uint64_t offset, uint64_t length)
{
    struct oks_record *r = &o->record;

    memset(r, 0, sizeof(*r));
    r->offset = offset;
    r->length = length;
    r->session_id = kept(&o->session);
    r->cwd = path_slice(o->directory);
    return r;
}

/* Whether the peers have the message. 1 or 0, or -ENOMEM */
static int is_known(struct opencode *o, struct oks_slice id)
{
    uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), id.ptr, id.len);
    bool known = id.len && memo_numbers_has(&o->known, hash);

    if (id.len && o->n_ids < MESSAGES_MAX) {
        memo_put(&o->ids, hash);
        memo_put(&o->ids, known);
        o->n_ids++;
    }
    return o->ids.failed ? -ENOMEM : known;
}

/* What a copy of the request says as well: its message has another id. */
static uint64_t link_of(const struct current *c, const struct oks_usage *u)
{
    uint64_t h = hash_bytes(7, c->model.bytes, c->model.len);
    const uint64_t what[] = {c->created, c->completed_ms, c->n_steps,       u->input,
                             u->output,  u->cache_read,   u->cache_creation};

    return c->completed && c->created ? hash_bytes(h, what, sizeof(what)) : 0;
}

static struct oks_record *message_start(struct opencode *o)
{
    struct current *c = &o->current;
    struct oks_record *r = record_start(o, c->offset, c->length);

    r->type = c->of_model ? OKS_RECORD_ASSISTANT : OKS_RECORD_USER;
    r->timestamp = path_slice(c->stamp);
    r->copied = r->is_sidechain = o->session_created && c->created && c->created < o->session_created;
    if (*c->cwd)
        r->cwd = oks_slice_of(c->cwd);
    return r;
}

static struct oks_slice id_of_step(struct opencode *o)
{
    const struct current *c = &o->current;
    int n;

    if (c->n_steps <= 1 || !c->id.len)
        return kept(&c->id);
    n = snprintf(o->step_id, sizeof(o->step_id), "%.*s/%llu", (int)c->id.len, c->id.bytes,
                 (unsigned long long)c->n_steps);
    return (struct oks_slice){o->step_id, (size_t)n};
}

/* A step, with the tools that were called in it. */
static int tell_step(struct opencode *o, const struct oks_usage *usage, bool ended,
                     const struct oks_sink *sink)
{
    struct current *c = &o->current;
    struct oks_record *r = message_start(o);

    if (o->parent.len)
        r->agent_name = kept(&c->agent);
    r->message.id = id_of_step(o);
    r->message.model = kept(&c->model);
    r->message.stop_reason = ended ? OKS_SLICE("end_turn") : (struct oks_slice){0};
    r->message.usage = *usage;
    r->link = usage->present ? link_of(c, usage) : 0;
    r->tool_uses = c->tools;
    for (uint64_t i = 0; i < c->tools && i < OKS_TOOLS_MAX; i++)
        r->tools[r->n_tools++] = kept(&c->names[i]);
    c->tools = 0;
    return sink->record(sink->ctx, r, true);
}

/* What of the message is not told yet. */
static int tell_rest(struct opencode *o, const struct oks_sink *sink)
{
    static const struct oks_usage nothing;
    struct current *c = &o->current;

    if (!c->there)
        return 0;
    c->there = false;
    if (!c->of_model)
        return sink->record(sink->ctx, message_start(o), true);
    if (c->n_steps == 0)
        return tell_step(o, &c->usage, c->completed || c->usage.present, sink);
    return c->tools ? tell_step(o, &nothing, c->completed, sink) : 0;
}

static int tell_session(struct opencode *o, uint64_t offset, uint64_t length, const struct oks_sink *sink)
{
    const struct session *s = &o->shape.session;

    keep(&o->session, s->id);
    if (s->data.present) {
        keep(&o->parent, s->data.parent);
        keep_path(o->directory, s->data.directory);
        o->session_created = s->data.time.present ? s->data.time.created.value : 0;
    }
    if (!*o->directory && strcmp(o->worktree, "/") != 0) /* which stands for no project */
        memcpy(o->directory, o->worktree, sizeof(o->directory));
    return sink->record(sink->ctx, record_start(o, offset, length), true);
}

static void add_tool(struct current *c, struct oks_slice name)
{
    if (c->tools < OKS_TOOLS_MAX)
        keep(&c->names[c->tools], name);
    c->tools++;
}

static struct oks_slice model_of(const struct message_data *d)
{
    if (d->model.len || !d->of.present)
        return d->model;
    return d->of.id.len ? d->of.id : d->of.short_id;
}

static int take_message(struct opencode *o, uint64_t offset, uint64_t length)
{
    const struct message *m = &o->shape.message;
    const struct message_data *d = &m->data;
    struct current *c = &o->current;
    bool of_model = d->present && (is(d->role, "assistant") || is(d->type, "assistant"));
    bool of_user = d->present && (is(d->role, "user") || is(d->type, "user"));
    int known;

    *c = (struct current){
        .there = of_model || of_user, .of_model = of_model, .offset = offset, .length = length};
    if (!c->there)
        return 0;
    keep(&c->id, m->id);
    known = is_known(o, kept(&c->id));
    c->there = known == 0;
    if (known)
        return known < 0 ? known : 0;
    if (d->time.present) {
        c->created = d->time.created.value;
        c->completed_ms = d->time.completed.value;
        opencode_stamp(c->stamp, c->created);
    }
    if (d->path.present)
        keep_path(c->cwd, d->path.cwd);
    if (!of_model)
        return 0;
    c->completed = c->completed_ms != 0 || d->finish.len;
    keep(&c->model, model_of(d));
    keep(&c->agent, d->agent.len ? d->agent : d->mode);
    c->usage = usage_of(&d->tokens);
    for (uint64_t i = 0; d->content.present && i < d->content.tools; i++)
        add_tool(c, i < OKS_TOOLS_MAX ? d->content.names[i] : (struct oks_slice){0});
    return 0;
}

static int take_part(struct opencode *o, const struct oks_sink *sink)
{
    const struct part_data *d = &o->shape.part.data;
    struct current *c = &o->current;
    struct oks_usage usage;

    if (!c->there || !c->of_model || !d->present)
        return 0;
    if (is(d->type, "tool"))
        add_tool(c, d->tool);
    if (!is(d->type, "step-finish"))
        return 0;
    usage = usage_of(&d->tokens);
    c->n_steps++;
    return tell_step(o, &usage, true, sink);
}

static int opencode_tell(void *reader, uint64_t offset, uint64_t length, bool complete,
                         const struct oks_sink *sink)
{
    struct opencode *o = reader;
    const struct shape *s = &o->shape;
    int rc = 0;

    if (!complete)
        return 0;
    if (s->message.present) {
        rc = tell_rest(o, sink);
        if (rc == 0)
            rc = take_message(o, offset, length);
    } else if (s->part.present) {
        rc = take_part(o, sink);
    } else if (s->session.present) {
        rc = tell_session(o, offset, length, sink);
    } else if (s->project.present && s->project.data.present) {
        keep_path(o->worktree, s->project.data.worktree);
    }
    return rc;
}

static int opencode_end(void *reader, const struct oks_sink *sink)
{
    return tell_rest(reader, sink);
}

const struct oks_reader_ops oks_opencode_reader = {
    .make = opencode_make,
    .free = opencode_free,
    .trim = opencode_trim,
    .scalar = opencode_scalar,
    .walk = opencode_walk,
    .begin = opencode_begin,
    .tell = opencode_tell,
    .end = opencode_end,
    .memo = opencode_memo,
};
