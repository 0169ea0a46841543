/*
 * From pi's lines to records.
 *
 * A session is a tree of entries, one a line, behind a line of type session. Each response is one entry with
 * a message of role assistant; what branches leave aside, and what was aborted, was paid all the same. A tool
 * that asked a model by itself has the usage of that on its result, and so has an entry for a summary; these
 * do not say which model it was.
 *
 * Forks and clones copy entries as they are. An entry's id is eight digits, and ids of responses repeat with
 * some servers, so what tells a request is the entry's id, the time of its message and its numbers.
 */
#include "sources/scan_pi.h"
#include "sources/source_key.h"

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_ENTRY_USAGE,
    CTX_MESSAGE,
    CTX_USAGE,
    CTX_CONTENT, /* an array of blocks */
    CTX_BLOCK,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

enum { INPUT, OUTPUT, CACHE_READ, CACHE_WRITE, NUMBERS };

struct usage {
    bool present;
    struct count n[NUMBERS];
};

struct shape {
    struct shape_text text;
    struct line {
        struct oks_slice type, id, timestamp, cwd, level;
        struct count before;
        struct usage usage; /* of an entry that is no message */
        struct message {
            bool present;
            struct oks_slice role, model, response, stop, timestamp;
            struct usage usage;
            struct content {
                bool present;
                uint64_t calls;
                struct oks_slice names[OKS_TOOLS_MAX]; /* of the first calls */
            } content;
        } message;
        struct block {
            struct oks_slice type, name;
        } block; /* the one that is read */
    } line;
};

#define USAGE_FIELDS(usage)                                                                               \
    FIELD("input", COUNT, usage.n[INPUT]), FIELD("output", COUNT, usage.n[OUTPUT]),                       \
        FIELD("cacheRead", COUNT, usage.n[CACHE_READ]), FIELD("cacheWrite", COUNT, usage.n[CACHE_WRITE]), \
        FIELDS_END

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){FIELD("type", TEXT, line.type), FIELD("id", TEXT, line.id),
                                       FIELD("timestamp", TEXT, line.timestamp), FIELD("cwd", TEXT, line.cwd),
                                       FIELD("thinkingLevel", TEXT, line.level),
                                       FIELD("tokensBefore", COUNT, line.before),
                                       FIELD_INTO("usage", OBJECT, CTX_ENTRY_USAGE, line.usage),
                                       FIELD_INTO("message", OBJECT, CTX_MESSAGE, line.message), FIELDS_END},
    [CTX_ENTRY_USAGE] = (const struct field[]){USAGE_FIELDS(line.usage)},
    [CTX_MESSAGE] =
        (const struct field[]){
            FIELD("role", TEXT, line.message.role), FIELD("model", TEXT, line.message.model),
            FIELD("responseId", TEXT, line.message.response), FIELD("stopReason", TEXT, line.message.stop),
            FIELD("timestamp", NUMBER, line.message.timestamp),
            FIELD_INTO("usage", OBJECT, CTX_USAGE, line.message.usage),
            FIELD_INTO("content", ARRAY, CTX_CONTENT, line.message.content), FIELDS_END},
    [CTX_USAGE] = (const struct field[]){USAGE_FIELDS(line.message.usage)},
    [CTX_CONTENT] = NULL,
    [CTX_BLOCK] = (const struct field[]){FIELD("type", TEXT, line.block.type),
                                         FIELD("name", TEXT, line.block.name), FIELDS_END},
};

#include "scan/json_table.h"

static unsigned shape_open(struct shape *shape, unsigned context, const struct field *field, bool array)
{
    if (field)
        return fields_open(shape, field, array);
    if (context != CTX_CONTENT || array)
        return CTX_SKIP;
    shape->line.block = (struct block){0};
    return CTX_BLOCK;
}

static inline void shape_close(struct shape *shape, unsigned context)
{
    struct content *content = &shape->line.message.content;

    if (context != CTX_BLOCK || !oks_slice_eq(shape->line.block.type, OKS_SLICE("toolCall")))
        return;
    if (content->calls < OKS_TOOLS_MAX)
        content->names[content->calls] = shape->line.block.name;
    content->calls++;
}

enum {
    LEVEL_MAX = 31,
    KEYS = 0x7069, /* what this source's keys begin with */
};

struct memory {
    char level[LEVEL_MAX + 1]; /* of thinking, as the last line about it says; "": none did */
};

#include "sources/line_reader.h"

/* --- memo --- */

static const char memo_magic[] = "pi1";

static void set_level(struct memory *m, struct oks_slice level)
{
    size_t n = level.len <= LEVEL_MAX ? level.len : 0; /* a longer one is none that we know */

    memcpy(m->level, level.ptr ? level.ptr : "", n);
    m->level[n] = '\0';
}

static int pi_begin(void *reader, const char *memo, const char *peers)
{
    struct memory *m = &((struct line_reader *)reader)->memory;
    struct memo_reader r = {memo};
    char text[MEMO_TEXT_MAX + 1];

    (void)peers;
    *m = (struct memory){0};
    if (!memo_get_text(&r, text) || strcmp(text, memo_magic) != 0)
        return 0;
    if (memo_get_text(&r, text))
        set_level(m, oks_slice_of(text));
    return 0;
}

static char *pi_memo(void *reader)
{
    const struct memory *m = &((struct line_reader *)reader)->memory;
    struct memo_writer w = {0};

    memo_put_text(&w, OKS_SLICE(memo_magic));
    memo_put_text(&w, *m->level ? oks_slice_of(m->level) : (struct oks_slice){0});
    return memo_take(&w);
}

/* --- from line to record --- */

/* The usage of the line, or NULL; *own: of a response of the conversation. */
static const struct usage *usage_of(const struct line *line, bool *own)
{
    const struct message *m = &line->message;

    *own = false;
    if (!is(line->type, "message"))
        return line->usage.present && !is(line->type, "session") ? &line->usage : NULL;
    if (!m->present || !m->usage.present)
        return NULL;
    *own = is(m->role, "assistant");
    return *own || is(m->role, "toolResult") ? &m->usage : NULL;
}

static uint64_t line_odd(const struct line *line)
{
    bool own;
    const struct usage *usage = usage_of(line, &own);

    return usage ? odd_of(usage->n, NUMBERS) : 0;
}

/* What all copies of the line have. */
static uint64_t key_of(const struct line *line, const struct usage *usage)
{
    const struct oks_slice time =
        line->message.present && line->message.timestamp.ptr ? line->message.timestamp : line->timestamp;
    uint64_t key = source_key_text(source_key_text(KEYS, line->id), time);

    for (int i = 0; i < NUMBERS; i++)
        key = source_key_number(key, usage->n[i].value);
    return source_key_end(key);
}

static void put_usage(const struct line *line, const struct usage *usage, bool own, struct oks_record *r)
{
    const struct count *n = usage->n;

    r->type = OKS_RECORD_ASSISTANT;
    r->key = key_of(line, usage);
    r->is_sidechain = !own;
    r->message.stop_reason = own && line->message.stop.ptr ? line->message.stop : OKS_SLICE("stop");
    r->message.usage = (struct oks_usage){
        .present = true,
        .input = n[INPUT].value,
        .output = n[OUTPUT].value,
        .cache_creation = n[CACHE_WRITE].value,
        .cache_creation_5m = n[CACHE_WRITE].value,
        .cache_read = n[CACHE_READ].value,
    };
    if (own)
        r->request_id = line->message.response;
}

static void put_message(const struct message *m, struct oks_record *r)
{
    r->message.model = m->model;
    r->is_tool_result = is(m->role, "toolResult");
    if (is(m->role, "user") || r->is_tool_result)
        r->type = OKS_RECORD_USER;
    if (!is(m->role, "assistant"))
        return;
    r->type = OKS_RECORD_ASSISTANT;
    if (!m->content.present)
        return;
    r->tool_uses = m->content.calls;
    r->n_tools = (unsigned)(r->tool_uses < OKS_TOOLS_MAX ? r->tool_uses : OKS_TOOLS_MAX);
    memcpy(r->tools, m->content.names, sizeof(m->content.names));
}

static struct oks_record *record_of(struct line_reader *reader, const struct line_place *place)
{
    struct oks_record *r = line_record(reader, place);

    r->timestamp = reader->shape.line.timestamp;
    r->effort = *reader->memory.level ? oks_slice_of(reader->memory.level) : (struct oks_slice){0};
    return r;
}

static int tell_compaction(struct line_reader *reader, const struct line_place *place,
                           const struct oks_sink *sink)
{
    struct oks_record *r = record_of(reader, place);

    r->type = OKS_RECORD_SYSTEM;
    r->compact_trigger = OKS_SLICE("other");
    r->compact_pre_tokens = reader->shape.line.before.value;
    return sink->record(sink->ctx, r, place->complete);
}

static int line_tell(struct line_reader *reader, const struct line_place *place, const struct oks_sink *sink)
{
    const struct line *line = &reader->shape.line;
    const struct usage *usage;
    struct oks_record *r;
    bool own;
    int rc;

    if (is(line->type, "compaction")) {
        rc = tell_compaction(reader, place, sink);
        if (rc || !line->usage.present)
            return rc;
    }
    if (is(line->type, "thinking_level_change"))
        set_level(&reader->memory, line->level);
    r = record_of(reader, place);
    if (is(line->type, "session")) {
        r->session_id = line->id;
        r->cwd = line->cwd;
    } else if (is(line->type, "message") && line->message.present) {
        put_message(&line->message, r);
    }
    usage = usage_of(line, &own);
    if (usage)
        put_usage(line, usage, own, r);
    return sink->record(sink->ctx, r, place->complete);
}

const struct oks_reader_ops READER(pi) = {LINE_READER, .begin = pi_begin, .memo = pi_memo};
