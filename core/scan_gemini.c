/*
 * Gemini CLI as a source: chats, and what of them counts.
 *
 * A chat is tmp/<project>/chats/session-<time>-<id>.jsonl, a sub-agent's chats/<session>/<id>.jsonl, and of
 * older versions session-*.json: one object that is rewritten as a whole. A message is written again whenever
 * it changes, alone or within a `$set` that rebuilds all of them, and its last form counts; what `$rewindTo`
 * takes out of the conversation was spent all the same. Where an old and a new file of one session stand side
 * by side, the old one only adds the messages that the new one does not have.
 *
 * Cached tokens are a part of Gemini's input and are taken out of it; thoughts are billed as output, and what
 * tools put into the prompt as input.
 *
 * So messages are gathered in a table, and told when the complete lines are over: those that are new, and
 * those that have grown, with what of them was counted before. A message that became less, or another
 * model's, cannot be told as a gain: -ESTALE. The table is the memo; of a message it keeps counts and hashes.
 */
#include <stdio.h>

#include "memo.h"
#include "okstrafs/totals.h"
#include "source.h"

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_SET,
    CTX_MESSAGES, /* an array of them */
    CTX_MESSAGE,
    CTX_TOKENS,      /* of a message that is a line */
    CTX_ITEM_TOKENS, /* of one in an array */
    CTX_CALLS,
    CTX_ITEM_CALLS,
    CTX_DIRECTORIES,
    SHAPE_ROOT = CTX_TOP,
};

#include "json_fields.h"

enum {
    NAME_MAX_BYTES = 255,   /* of an id, a model or a time */
    MESSAGES_MAX = 1 << 18, /* of one chat; further ones are told as they come, and again if they do */
    COUNTS = 4,
    TOOLS = 4, /* behind the counts, in a message's columns */
    COLUMNS = 5,
};

enum counts { INPUT, OUTPUT, CACHED, THOUGHTS };

struct tokens {
    bool present;
    struct count count[COUNTS], tool;
};

struct calls {
    bool present;
    uint64_t n;
};

struct message {
    struct oks_slice id, timestamp, type, model;
    struct tokens tokens;
    struct calls calls;
};

struct list {
    bool present;
};

struct shape {
    struct shape_text text;
    struct message line; /* the line itself, as a message */
    struct oks_slice session, kind;
    struct set {
        bool present;
        struct list messages;
    } set;
    struct list messages;
    struct message item; /* the element of messages[] that is read */
    struct list directories;

    struct message *items; /* the elements so far */
    size_t n_items, items_room;
    bool no_memory;
};

#define TOKEN_FIELDS(tokens)                                                                            \
    FIELD("input", COUNT, tokens.count[INPUT]), FIELD("output", COUNT, tokens.count[OUTPUT]),           \
        FIELD("cached", COUNT, tokens.count[CACHED]), FIELD("thoughts", COUNT, tokens.count[THOUGHTS]), \
        FIELD("tool", COUNT, tokens.tool), FIELDS_END
#define MESSAGE_FIELDS(message)                                                 \
    FIELD("id", TEXT, message.id), FIELD("timestamp", TEXT, message.timestamp), \
        FIELD("type", TEXT, message.type), FIELD("model", TEXT, message.model)

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){MESSAGE_FIELDS(line), FIELD("sessionId", TEXT, session),
                                       FIELD("kind", TEXT, kind),
                                       FIELD_INTO("tokens", OBJECT, CTX_TOKENS, line.tokens),
                                       FIELD_INTO("toolCalls", ARRAY, CTX_CALLS, line.calls),
                                       FIELD_INTO("$set", OBJECT, CTX_SET, set),
                                       FIELD_INTO("messages", ARRAY, CTX_MESSAGES, messages), FIELDS_END},
    [CTX_SET] = (const struct field[]){FIELD_INTO("messages", ARRAY, CTX_MESSAGES, set.messages), FIELDS_END},
    [CTX_MESSAGE] =
        (const struct field[]){MESSAGE_FIELDS(item),
                               FIELD_INTO("tokens", OBJECT, CTX_ITEM_TOKENS, item.tokens),
                               FIELD_INTO("toolCalls", ARRAY, CTX_ITEM_CALLS, item.calls), FIELDS_END},
    [CTX_TOKENS] = (const struct field[]){TOKEN_FIELDS(line.tokens)},
    [CTX_ITEM_TOKENS] = (const struct field[]){TOKEN_FIELDS(item.tokens)},
    [CTX_DIRECTORIES] = NULL,
};

#include "json_table.h"

static unsigned shape_open(struct shape *shape, unsigned context, const struct field *field, bool array)
{
    unsigned inner;

    if (!field) {
        shape->line.calls.n += context == CTX_CALLS;
        shape->item.calls.n += context == CTX_ITEM_CALLS;
        if (context != CTX_MESSAGES || array)
            return CTX_SKIP;
        memset(&shape->item, 0, sizeof(shape->item));
        return CTX_MESSAGE;
    }
    inner = fields_open(shape, field, array);
    if (inner == CTX_MESSAGES)
        shape->n_items = 0; /* the key came again: the last one counts */
    return inner;
}

static inline void shape_close(struct shape *shape, unsigned context)
{
    if (context != CTX_MESSAGE)
        return;
    if (shape->n_items == shape->items_room) {
        size_t room = shape->items_room ? shape->items_room * 2 : 64;
        struct message *items = reallocarray(shape->items, room, sizeof(*items));

        if (!items) {
            shape->no_memory = true;
            return;
        }
        shape->items = items;
        shape->items_room = room;
    }
    shape->items[shape->n_items++] = shape->item;
}

#include "json_scalar.h"
#include "json_walk.h"

/* --- the table of messages --- */

struct entry {
    uint64_t id;               /* hash; never 0 */
    uint64_t stamp, model;     /* hashes */
    uint64_t count[COLUMNS];   /* as it is now, by enum counts, with tool tokens in the input */
    uint64_t counted[COLUMNS]; /* as it was told */
    bool told, fresh;          /* told at all; changed since */
    bool foreign;              /* a peer has it: not to be told */
    bool measured;
    uint64_t offset, length;
    char *texts; /* of a fresh one: time and model, NUL behind each */
};

struct gemini {
    struct shape shape;
    struct oks_record record;
    char session[NAME_MAX_BYTES + 1];
    struct entry *entries;
    size_t n, room;
    uint32_t *slots; /* numbers of entries plus 1, by id */
    size_t n_slots;
    uint64_t *known; /* ids of the peers, ascending */
    size_t n_known;
    uint64_t unnamed; /* messages without an id */
    uint64_t counted[OKS_COLUMNS];
    char id[NAME_MAX_BYTES + 32];
};

static uint64_t hash_of(struct oks_slice s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 32;
    return h ? h : 1;
}

static int slots_grow(struct gemini *g)
{
    size_t n_slots = g->n_slots ? g->n_slots * 2 : 256;
    uint32_t *slots = calloc(n_slots, sizeof(*slots));

    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < g->n; i++) {
        size_t at = g->entries[i].id & (n_slots - 1);

        while (slots[at])
            at = (at + 1) & (n_slots - 1);
        slots[at] = (uint32_t)i + 1;
    }
    free(g->slots);
    g->slots = slots;
    g->n_slots = n_slots;
    return 0;
}

/* The entry of that id; made where there is none and room. NULL: there is none, or no memory. */
static struct entry *entry_of(struct gemini *g, uint64_t id, bool make)
{
    size_t at;

    if (2 * g->n >= g->n_slots && slots_grow(g) < 0)
        return NULL;
    for (at = id & (g->n_slots - 1); g->slots[at]; at = (at + 1) & (g->n_slots - 1))
        if (g->entries[g->slots[at] - 1].id == id)
            return &g->entries[g->slots[at] - 1];
    if (!make || g->n == MESSAGES_MAX)
        return NULL;
    if (g->n == g->room) {
        size_t room = g->room ? g->room * 2 : 64;
        struct entry *entries = reallocarray(g->entries, room, sizeof(*entries));

        if (!entries)
            return NULL;
        g->entries = entries;
        g->room = room;
    }
    g->slots[at] = (uint32_t)g->n + 1;
    g->entries[g->n] = (struct entry){.id = id};
    return &g->entries[g->n++];
}

/* --- memos --- */

static const char memo_magic[] = "gemini1";

enum { ENTRY_TOLD = 1, ENTRY_FOREIGN = 2, ENTRY_MEASURED = 4 };

static bool memo_head(struct memo_reader *r, char session[MEMO_TEXT_MAX + 1])
{
    char magic[MEMO_TEXT_MAX + 1];

    memo_get_text(r, magic);
    if (strcmp(magic, memo_magic) != 0)
        return false;
    memo_get_text(r, session);
    return true;
}

static void memo_entry(struct memo_reader *r, struct entry *e)
{
    uint64_t flags;

    *e = (struct entry){.id = memo_get(r)};
    flags = memo_get(r);
    e->told = flags & ENTRY_TOLD;
    e->foreign = flags & ENTRY_FOREIGN;
    e->measured = flags & ENTRY_MEASURED;
    e->stamp = memo_get(r);
    e->model = memo_get(r);
    for (int i = 0; i < COLUMNS; i++)
        e->count[i] = e->counted[i] = memo_get(r);
}

static char *gemini_memo(void *reader)
{
    const struct gemini *g = reader;
    struct memo_writer w = {0};

    memo_put_text(&w, OKS_SLICE(memo_magic));
    memo_put_text(&w, oks_slice_of(g->session));
    memo_put(&w, g->unnamed);
    for (size_t i = 0; i < g->n; i++) {
        const struct entry *e = &g->entries[i];

        memo_put(&w, e->id);
        memo_put(&w, (e->told ? ENTRY_TOLD : 0u) | (e->foreign ? ENTRY_FOREIGN : 0u) |
                         (e->measured ? ENTRY_MEASURED : 0u));
        memo_put(&w, e->stamp);
        memo_put(&w, e->model);
        for (int k = 0; k < COLUMNS; k++)
            memo_put(&w, e->count[k]);
    }
    return memo_take(&w);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* The ids that the peers tell of, ascending. */
static int read_peers(const char *peers, uint64_t **known, size_t *n)
{
    char session[MEMO_TEXT_MAX + 1];
    size_t room = 0;

    *known = NULL;
    *n = 0;
    for (const char *p = peers; p && *p; p = memo_next(p)) {
        struct memo_reader r = {p};
        struct entry e;

        if (!memo_head(&r, session))
            continue;
        memo_get(&r);
        while (!memo_is_over(&r)) {
            memo_entry(&r, &e);
            if (*n == room) {
                uint64_t *more = reallocarray(*known, room ? room * 2 : 64, sizeof(**known));

                if (!more) {
                    free(*known);
                    return -ENOMEM;
                }
                *known = more;
                room = room ? room * 2 : 64;
            }
            (*known)[(*n)++] = e.id;
        }
    }
    if (*n)
        qsort(*known, *n, sizeof(**known), by_number);
    return 0;
}

static bool is_known(const uint64_t *known, size_t n, uint64_t id)
{
    return n && bsearch(&id, known, n, sizeof(id), by_number);
}

static bool gemini_agrees(const char *memo, const char *peers)
{
    struct memo_reader r = {memo};
    char session[MEMO_TEXT_MAX + 1];
    uint64_t *known;
    size_t n;
    bool same = true;

    if (!memo_head(&r, session) || read_peers(peers, &known, &n) < 0)
        return true;
    memo_get(&r);
    while (same && !memo_is_over(&r)) {
        struct entry e;

        memo_entry(&r, &e);
        same = e.foreign == is_known(known, n, e.id);
    }
    free(known);
    return same;
}

/* --- the reader's life --- */

static int gemini_make(void **out)
{
    *out = calloc(1, sizeof(struct gemini));
    return *out ? 0 : -ENOMEM;
}

static void forget(struct gemini *g)
{
    for (size_t i = 0; i < g->n; i++)
        free(g->entries[i].texts);
    free(g->slots);
    free(g->known);
    g->slots = NULL;
    g->known = NULL;
    g->n = g->n_slots = g->n_known = 0;
    g->unnamed = 0;
    g->session[0] = '\0';
}

static void gemini_free(void *reader)
{
    struct gemini *g = reader;

    if (!g)
        return;
    forget(g);
    free(g->entries);
    free(g->shape.items);
    free(g->shape.text.plain);
    free(g);
}

static void gemini_trim(void *reader)
{
    fields_trim(&((struct gemini *)reader)->shape.text);
}

static int gemini_begin(void *reader, const char *memo, const char *peers)
{
    struct gemini *g = reader;
    struct memo_reader r = {memo};
    char session[MEMO_TEXT_MAX + 1];
    int rc;

    forget(g);
    rc = read_peers(peers, &g->known, &g->n_known);
    if (rc < 0 || !memo_head(&r, session))
        return rc;
    session[NAME_MAX_BYTES] = '\0';
    strcpy(g->session, session);
    g->unnamed = memo_get(&r);
    while (!memo_is_over(&r)) {
        struct entry read, *e;

        memo_entry(&r, &read);
        e = entry_of(g, read.id, true);
        if (!e)
            return -ENOMEM;
        *e = read;
    }
    return 0;
}

static void begin_line(struct gemini *g, size_t from, size_t to)
{
    struct shape *s = &g->shape;

    fields_begin(&s->text, to - from);
    memset(&s->line, 0, sizeof(s->line));
    s->session = s->kind = (struct oks_slice){0};
    s->set.present = s->messages.present = false;
    s->n_items = 0;
    s->no_memory = false;
    g->record.odd = 0;
}

static uint64_t odd_of(const struct message *m)
{
    uint64_t odd = 0;

    for (int i = 0; m->tokens.present && i < COUNTS; i++)
        odd += m->tokens.count[i].odd;
    return odd + (m->tokens.present && m->tokens.tool.odd);
}

static int judge_line(struct gemini *g, struct oks_record **record)
{
    if (g->shape.no_memory)
        return -ENOMEM;
    g->record.odd = odd_of(&g->shape.line);
    for (size_t i = 0; i < g->shape.n_items; i++)
        g->record.odd += odd_of(&g->shape.items[i]);
    *record = &g->record;
    return JSON_LINE_OBJECT;
}

static int gemini_scalar(void *reader, const char *buf, size_t from, size_t to, struct oks_record **record,
                         bool *teams)
{
    struct gemini *g = reader;
    int r;

    begin_line(g, from, to);
    r = scalar_line(&g->shape, buf + from, buf + to, teams);
    return r == JSON_LINE_OBJECT ? judge_line(g, record) : r;
}

static int gemini_walk(void *reader, const char *buf, size_t from, size_t to, const uint32_t **cursor,
                       struct oks_record **record, bool *teams)
{
    struct gemini *g = reader;
    int r;

    begin_line(g, from, to);
    r = walk_line(&g->shape, buf, from, cursor, teams);
    return r == JSON_LINE_OBJECT ? judge_line(g, record) : r;
}

/* --- from message to record --- */

static bool is(struct oks_slice s, const char *text)
{
    return oks_slice_eq(s, oks_slice_of(text));
}

static struct oks_slice known_text(const char *text)
{
    return *text ? oks_slice_of(text) : (struct oks_slice){0};
}

static struct oks_record *record_start(struct gemini *g, uint64_t offset, uint64_t length)
{
    struct oks_record *r = &g->record;

    memset(r, 0, sizeof(*r));
    r->offset = offset;
    r->length = length;
    r->session_id = known_text(g->session);
    return r;
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return oks_tokens_add(a, b);
}

static void columns_of(const struct message *m, uint64_t count[COLUMNS])
{
    memset(count, 0, COLUMNS * sizeof(*count));
    for (int i = 0; m->tokens.present && i < COUNTS; i++)
        count[i] = m->tokens.count[i].value;
    if (m->tokens.present)
        count[INPUT] = add(count[INPUT], m->tokens.tool.value);
    count[TOOLS] = m->calls.present ? m->calls.n : 0;
}

/* By enum oks_column. */
static void counts_of(const uint64_t from[COLUMNS], uint64_t to[OKS_COLUMNS])
{
    memset(to, 0, OKS_COLUMNS * sizeof(*to));
    to[OKS_INPUT] = from[INPUT] > from[CACHED] ? from[INPUT] - from[CACHED] : 0;
    to[OKS_OUTPUT] = add(from[OUTPUT], from[THOUGHTS]);
    to[OKS_CACHE_READ] = from[CACHED];
    to[OKS_TOOL_USES] = from[TOOLS];
}

/* A message of the model, all of it; `before` (by enum counts) was counted already. */
static int tell_message(struct gemini *g, uint64_t id, const uint64_t now[COLUMNS],
                        const uint64_t before[COLUMNS], bool measured, struct oks_slice stamp,
                        struct oks_slice model, uint64_t offset, uint64_t length, bool complete,
                        const struct oks_sink *sink)
{
    struct oks_record *r = record_start(g, offset, length);
    uint64_t counts[OKS_COLUMNS];
    int n = snprintf(g->id, sizeof(g->id), "%s/%016llx", g->session, (unsigned long long)id);

    counts_of(now, counts);
    counts_of(before, g->counted);
    r->type = OKS_RECORD_ASSISTANT;
    r->timestamp = stamp;
    r->message.id = (struct oks_slice){g->id, (size_t)n};
    r->message.model = model;
    r->message.stop_reason = OKS_SLICE("end_turn");
    r->message.usage = (struct oks_usage){
        .present = measured,
        .input = counts[OKS_INPUT],
        .output = counts[OKS_OUTPUT],
        .cache_read = counts[OKS_CACHE_READ],
    };
    /* Each call stands on one record of its message. */
    r->tool_uses = counts[OKS_TOOL_USES] - g->counted[OKS_TOOL_USES];
    g->counted[OKS_TOOL_USES] = 0;
    r->counted = g->counted;
    return sink->record(sink->ctx, r, complete);
}

static int tell_plain(struct gemini *g, struct oks_slice stamp, enum oks_record_type type, uint64_t offset,
                      uint64_t length, bool complete, const struct oks_sink *sink)
{
    struct oks_record *r = record_start(g, offset, length);

    r->timestamp = stamp;
    r->type = type;
    return sink->record(sink->ctx, r, complete);
}

/* What was told can be topped up to the new form. */
static bool only_grew(const struct entry *e, const uint64_t count[COLUMNS])
{
    uint64_t before[OKS_COLUMNS], now[OKS_COLUMNS];

    counts_of(e->counted, before);
    counts_of(count, now);
    for (int i = 0; i < OKS_COLUMNS; i++)
        if (now[i] < before[i])
            return false;
    return true;
}

static struct oks_slice model_of(const struct gemini *g, const struct message *m)
{
    struct oks_slice model = m->model.ptr ? m->model : g->shape.line.model;

    return model.len > NAME_MAX_BYTES ? (struct oks_slice){0} : model;
}

static uint64_t id_of_message(struct gemini *g, const struct message *m)
{
    char text[32];
    int n;

    if (m->id.ptr)
        return hash_of(m->id);
    n = snprintf(text, sizeof(text), "#%llu", (unsigned long long)g->unnamed++);
    return hash_of((struct oks_slice){text, (size_t)n});
}

static int keep_texts(struct entry *e, struct oks_slice stamp, struct oks_slice model)
{
    char *texts = malloc(stamp.len + model.len + 2);

    if (!texts)
        return -ENOMEM;
    memcpy(texts, stamp.ptr ? stamp.ptr : "", stamp.len);
    texts[stamp.len] = '\0';
    memcpy(texts + stamp.len + 1, model.ptr ? model.ptr : "", model.len);
    texts[stamp.len + 1 + model.len] = '\0';
    free(e->texts);
    e->texts = texts;
    return 0;
}

/* Puts the message's present form into the table. */
static int take_message(struct gemini *g, const struct message *m, uint64_t offset, uint64_t length,
                        const struct oks_sink *sink)
{
    static const uint64_t none[COLUMNS];
    uint64_t id = id_of_message(g, m), count[COLUMNS];
    struct oks_slice model = model_of(g, m), stamp = m->timestamp;
    struct entry *e = entry_of(g, id, true);
    uint64_t stamp_hash, model_hash;

    if (stamp.len > NAME_MAX_BYTES)
        stamp = (struct oks_slice){0};
    columns_of(m, count);
    if (!e && g->n < MESSAGES_MAX)
        return -ENOMEM;
    if (!e)
        return tell_message(g, id, count, none, m->tokens.present, stamp, model, offset, length, true, sink);
    stamp_hash = hash_of(stamp);
    model_hash = hash_of(model);
    if ((e->told || e->fresh) && e->stamp == stamp_hash && e->model == model_hash &&
        e->measured == m->tokens.present && memcmp(e->count, count, sizeof(count)) == 0)
        return 0;
    if (e->told &&
        (e->stamp != stamp_hash || (e->model != model_hash && e->measured) || !only_grew(e, count)))
        return -ESTALE;
    e->stamp = stamp_hash;
    e->model = model_hash;
    e->measured = m->tokens.present;
    memcpy(e->count, count, sizeof(count));
    e->fresh = true;
    e->foreign = is_known(g->known, g->n_known, id);
    e->offset = offset;
    e->length = length;
    return keep_texts(e, stamp, model);
}

static bool is_models(const struct message *m)
{
    return is(m->type, "gemini") || is(m->type, "model") || m->tokens.present;
}

static enum oks_record_type type_of(const struct message *m)
{
    return is(m->type, "user") ? OKS_RECORD_USER : OKS_RECORD_OTHER;
}

static int take_any(struct gemini *g, const struct message *m, uint64_t offset, uint64_t length,
                    const struct oks_sink *sink)
{
    if (is_models(m))
        return take_message(g, m, offset, length, sink);
    return tell_plain(g, m->timestamp, type_of(m), offset, length, true, sink);
}

/* An unfinished line counts for now, but leaves no trace. */
static int tell_unfinished(struct gemini *g, const struct message *m, uint64_t offset, uint64_t length,
                           const struct oks_sink *sink)
{
    static const uint64_t none[COLUMNS];
    const struct entry *e;
    uint64_t count[COLUMNS];

    if (!is_models(m))
        return tell_plain(g, m->timestamp, type_of(m), offset, length, false, sink);
    e = m->id.ptr ? entry_of(g, hash_of(m->id), false) : NULL;
    if (e && (e->foreign || !only_grew(e, (columns_of(m, count), count))))
        return 0;
    columns_of(m, count);
    return tell_message(g, m->id.ptr ? hash_of(m->id) : 1, count, e ? e->count : none, m->tokens.present,
                        m->timestamp, model_of(g, m), offset, length, false, sink);
}

static int gemini_tell(void *reader, uint64_t offset, uint64_t length, bool complete,
                       const struct oks_sink *sink)
{
    struct gemini *g = reader;
    const struct shape *s = &g->shape;
    bool items = s->messages.present || (s->set.present && s->set.messages.present), named = false;
    int rc = 0;

    if (s->session.ptr && !*g->session && complete && s->session.len <= NAME_MAX_BYTES) {
        memcpy(g->session, s->session.ptr, s->session.len);
        g->session[s->session.len] = '\0';
        named = true;
    }
    if (!complete)
        return s->line.type.ptr || s->line.tokens.present ? tell_unfinished(g, &s->line, offset, length, sink)
                                                          : 0;
    if (named)
        rc = tell_plain(g, (struct oks_slice){0}, OKS_RECORD_OTHER, offset, length, true, sink);
    if (rc == 0 && (s->line.type.ptr || s->line.tokens.present))
        rc = take_any(g, &s->line, offset, length, sink);
    for (size_t i = 0; rc == 0 && items && i < s->n_items; i++)
        rc = take_any(g, &s->items[i], offset, length, sink);
    return rc;
}

static int gemini_end(void *reader, const struct oks_sink *sink)
{
    struct gemini *g = reader;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < g->n; i++) {
        struct entry *e = &g->entries[i];

        if (!e->fresh)
            continue;
        if (!e->foreign)
            rc = tell_message(g, e->id, e->count, e->counted, e->measured, known_text(e->texts),
                              known_text(e->texts + strlen(e->texts) + 1), e->offset, e->length, true, sink);
        e->told = true;
        e->fresh = false;
        memcpy(e->counted, e->count, sizeof(e->counted));
        free(e->texts);
        e->texts = NULL;
    }
    return rc;
}

static const struct oks_reader_ops gemini_reader = {
    .make = gemini_make,
    .free = gemini_free,
    .trim = gemini_trim,
    .scalar = gemini_scalar,
    .walk = gemini_walk,
    .begin = gemini_begin,
    .tell = gemini_tell,
    .end = gemini_end,
    .memo = gemini_memo,
};

/* --- files: <project>/chats/... --- */

/* The part of `rel` behind <project>/chats/, or NULL. */
static const char *in_chats(const char *rel)
{
    const char *slash = strchr(rel, '/');

    return slash && strncmp(slash, "/chats/", strlen("/chats/")) == 0 ? slash + strlen("/chats/") : NULL;
}

static bool wants(const char *rel)
{
    const char *name = in_chats(rel);

    if (!name)
        return false;
    if (strchr(name, '/'))
        return source_ends_with(name, ".jsonl");
    return strncmp(name, "session-", strlen("session-")) == 0 &&
           (source_ends_with(name, ".jsonl") || source_ends_with(name, ".json"));
}

/* A project's folder holds much else, some of it large. */
static bool enters(const char *rel)
{
    const char *slash = strchr(rel, '/');

    return !slash || strcmp(slash, "/chats") == 0 || in_chats(rel);
}

static bool whole(const char *path)
{
    return source_ends_with(path, ".json");
}

static struct oks_slice id_of(const char *rel)
{
    return source_stem(rel, whole(rel) ? ".json" : ".jsonl");
}

static struct oks_slice parent(const char *rel)
{
    const char *name = in_chats(rel), *slash = name ? strchr(name, '/') : NULL;

    return slash ? (struct oks_slice){name, (size_t)(slash - name)} : (struct oks_slice){0};
}

/* The new form first. */
static int rank(const char *path)
{
    return whole(path);
}

/* `.project_root` beside chats/ says which folder the project is. */
static bool marker(const char *path, char *out, size_t size)
{
    const char *at = NULL;

    for (const char *p = path; (p = strstr(p, "/chats/")); p++)
        at = p;
    return at && snprintf(out, size, "%.*s/.project_root", (int)(at - path), path) < (int)size;
}

/* Where no marker says better: the folder, a slug or a hash of the project's path. */
static struct oks_slice project(const char *rel)
{
    const char *slash = strchr(rel, '/');

    return slash ? (struct oks_slice){rel, (size_t)(slash - rel)} : (struct oks_slice){0};
}

const struct source oks_source_gemini = {
    .id = OKS_SOURCE_GEMINI,
    .name = "gemini",
    .folders = {"tmp"},
    .reader = &gemini_reader,
    .wants = wants,
    .enters = enters,
    .whole = whole,
    .id_of = id_of,
    .parent = parent,
    .project = project,
    .marker = marker,
    .late = true,
    .rank = rank,
    .agrees = gemini_agrees,
};
