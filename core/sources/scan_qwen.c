/*
 * From Qwen Code's lines to records.
 *
 * A response is logged twice: as the telemetry event `api_response`, a line of type system, and then as a
 * line of type assistant, with its text. The event is there for all responses, those of sub-agents and those
 * that were broken off included; an assistant line may have no usage, and may be missing. So each event is a
 * request, and an assistant line with the same five numbers behind it is one more line about that request;
 * one that no event comes before is a request itself. Where chats were branched, lines are copied as they
 * are: what tells a request is the line's id and time. The assistant line's key is an alias of its event's,
 * so that a copy of it alone counts nothing.
 *
 * Cached tokens are a part of the prompt, and thoughts one of the output, unless the total says that they are
 * not.
 *
 * Some versions glue two objects together on one line. Each counts.
 */
#include <stdio.h>

#include "sources/scan_qwen.h"
#include "sources/source_key.h"

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_USAGE,
    CTX_PAYLOAD,
    CTX_EVENT,
    CTX_INFO,
    CTX_MESSAGE,
    CTX_PARTS, /* an array of parts */
    CTX_PART,
    CTX_CALL,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

enum { PROMPT, OUTPUT, CACHED, THOUGHTS, TOTAL, NUMBERS };

struct part {
    bool present;
    struct call {
        bool present;
        struct oks_slice name;
    } call;
};

struct shape {
    struct shape_text text;
    struct line {
        struct oks_slice uuid, session, timestamp, type, subtype, cwd, version, model, branch;
        struct count window;
        struct usage {
            bool present;
            struct count n[NUMBERS];
        } usage;
        struct payload {
            bool present;
            struct event {
                bool present;
                struct oks_slice name, timestamp, response, model, prompt;
                struct count n[NUMBERS];
            } event;
            struct info {
                bool present;
                struct count before;
            } info;
        } payload;
        struct message {
            bool present;
            struct parts {
                bool present;
                uint64_t calls;
                struct oks_slice names[OKS_TOOLS_MAX]; /* of the first calls */
            } parts;
        } message;
        struct part part; /* the one that is read */
    } line;
};

static const struct field *const fields[] = {
    [CTX_TOP] =
        (const struct field[]){FIELD("uuid", TEXT, line.uuid), FIELD("sessionId", TEXT, line.session),
                               FIELD("timestamp", TEXT, line.timestamp), FIELD("type", TEXT, line.type),
                               FIELD("subtype", TEXT, line.subtype), FIELD("cwd", TEXT, line.cwd),
                               FIELD("version", TEXT, line.version), FIELD("model", TEXT, line.model),
                               FIELD("gitBranch", TEXT, line.branch),
                               FIELD("contextWindowSize", COUNT, line.window),
                               FIELD_INTO("usageMetadata", OBJECT, CTX_USAGE, line.usage),
                               FIELD_INTO("systemPayload", OBJECT, CTX_PAYLOAD, line.payload),
                               FIELD_INTO("message", OBJECT, CTX_MESSAGE, line.message), FIELDS_END},
    [CTX_USAGE] = (const struct field[]){FIELD("promptTokenCount", COUNT, line.usage.n[PROMPT]),
                                         FIELD("candidatesTokenCount", COUNT, line.usage.n[OUTPUT]),
                                         FIELD("cachedContentTokenCount", COUNT, line.usage.n[CACHED]),
                                         FIELD("thoughtsTokenCount", COUNT, line.usage.n[THOUGHTS]),
                                         FIELD("totalTokenCount", COUNT, line.usage.n[TOTAL]), FIELDS_END},
    [CTX_PAYLOAD] =
        (const struct field[]){FIELD_INTO("uiEvent", OBJECT, CTX_EVENT, line.payload.event),
                               FIELD_INTO("info", OBJECT, CTX_INFO, line.payload.info), FIELDS_END},
    [CTX_EVENT] =
        (const struct field[]){FIELD("event.name", TEXT, line.payload.event.name),
                               FIELD("event.timestamp", TEXT, line.payload.event.timestamp),
                               FIELD("response_id", TEXT, line.payload.event.response),
                               FIELD("model", TEXT, line.payload.event.model),
                               FIELD("prompt_id", TEXT, line.payload.event.prompt),
                               FIELD("input_token_count", COUNT, line.payload.event.n[PROMPT]),
                               FIELD("output_token_count", COUNT, line.payload.event.n[OUTPUT]),
                               FIELD("cached_content_token_count", COUNT, line.payload.event.n[CACHED]),
                               FIELD("thoughts_token_count", COUNT, line.payload.event.n[THOUGHTS]),
                               FIELD("total_token_count", COUNT, line.payload.event.n[TOTAL]), FIELDS_END},
    [CTX_INFO] =
        (const struct field[]){FIELD("originalTokenCount", COUNT, line.payload.info.before), FIELDS_END},
    [CTX_MESSAGE] =
        (const struct field[]){FIELD_INTO("parts", ARRAY, CTX_PARTS, line.message.parts), FIELDS_END},
    [CTX_PARTS] = NULL,
    [CTX_PART] =
        (const struct field[]){FIELD_INTO("functionCall", OBJECT, CTX_CALL, line.part.call), FIELDS_END},
    [CTX_CALL] = (const struct field[]){FIELD("name", TEXT, line.part.call.name), FIELDS_END},
};

#include "scan/json_table.h"

static unsigned shape_open(struct shape *shape, unsigned context, const struct field *field, bool array)
{
    if (field)
        return fields_open(shape, field, array);
    if (context != CTX_PARTS || array)
        return CTX_SKIP;
    shape->line.part = (struct part){0};
    return CTX_PART;
}

static inline void shape_close(struct shape *shape, unsigned context)
{
    struct parts *parts = &shape->line.message.parts;

    if (context != CTX_PART || !shape->line.part.call.present)
        return;
    if (parts->calls < OKS_TOOLS_MAX)
        parts->names[parts->calls] = shape->line.part.call.name;
    parts->calls++;
}

enum {
    OPEN_MAX = 8,  /* responses that an assistant line may still come for; the oldest gives way */
    GLUED_MAX = 8, /* objects on one line */
    KEYS = 0x7177, /* what this source's keys begin with */
};

/* A response that only its event has told of. */
struct open {
    uint64_t key;
    uint64_t n[NUMBERS];
};

struct memory {
    uint64_t window; /* of the context, as the last line with one says; 0: none did */
    unsigned n_open;
    struct open open[OPEN_MAX]; /* ascending by place */
};

#include "sources/line_reader.h"

struct qwen {
    struct line_reader reader; /* the first member */
    struct shape glued[GLUED_MAX];
    size_t n_glued; /* 0: the line is one object */
    uint64_t counted[OKS_COLUMNS];
};

static int qwen_make(void **out)
{
    *out = calloc(1, sizeof(struct qwen));
    return *out ? 0 : -ENOMEM;
}

/* --- lines that are several objects --- */

/* Whether all of the line is such objects. -ENOMEM */
static int read_glued(struct qwen *q, const char *s, const char *end, bool *teams)
{
    struct shape *shape = &q->reader.shape;
    int err = 0;

    fields_begin(&shape->text, (size_t)(end - s));
    q->n_glued = 0;
    for (s = scalar_strip(s); s != end; s = scalar_strip(s)) {
        memset(&shape->line, 0, sizeof(shape->line));
        if (*s != '{' || q->n_glued == GLUED_MAX || !(s = scalar_object(shape, s, teams, &err)))
            break;
        q->glued[q->n_glued++] = *shape;
    }
    if (err || s != end)
        q->n_glued = 0;
    return err;
}

static int qwen_scalar(void *reader, const char *buf, size_t from, size_t to, struct oks_record **record,
                       bool *teams)
{
    struct qwen *q = reader;
    int r = line_scalar(reader, buf, from, to, record, teams), err;

    q->n_glued = 0;
    if (r != JSON_LINE_BAD)
        return r;
    err = read_glued(q, buf + from, buf + to, teams);
    q->reader.record.odd = 0;
    for (size_t i = 0; i < q->n_glued; i++)
        q->reader.record.odd += line_odd(&q->glued[i].line);
    *record = &q->reader.record;
    *teams = true;
    return err ? err : q->n_glued ? JSON_LINE_OBJECT : JSON_LINE_BAD;
}

static int qwen_walk(void *reader, const char *buf, size_t from, size_t to, const uint32_t **cursor,
                     struct oks_record **record, bool *teams)
{
    ((struct qwen *)reader)->n_glued = 0;
    return line_walk(reader, buf, from, to, cursor, record, teams);
}

/* --- memo --- */

static const char memo_magic[] = "qwen1";

static bool memo_head(struct memo_reader *r, uint64_t *window)
{
    char magic[MEMO_TEXT_MAX + 1];

    memo_get_text(r, magic);
    *window = memo_get(r);
    return strcmp(magic, memo_magic) == 0;
}

static int qwen_begin(void *reader, const char *memo, const char *peers)
{
    struct memory *m = &((struct line_reader *)reader)->memory;
    struct memo_reader r = {memo};

    (void)peers;
    *m = (struct memory){0};
    if (!memo_head(&r, &m->window))
        m->window = 0;
    else
        for (; m->n_open < OPEN_MAX && !memo_is_over(&r); m->n_open++) {
            m->open[m->n_open].key = memo_get(&r);
            for (int i = 0; i < NUMBERS; i++)
                m->open[m->n_open].n[i] = memo_get(&r);
        }
    return 0;
}

static char *qwen_memo(void *reader)
{
    const struct memory *m = &((struct line_reader *)reader)->memory;
    struct memo_writer w = {0};

    memo_put_text(&w, OKS_SLICE(memo_magic));
    memo_put(&w, m->window);
    for (unsigned k = 0; k < m->n_open; k++) {
        memo_put(&w, m->open[k].key);
        for (int i = 0; i < NUMBERS; i++)
            memo_put(&w, m->open[k].n[i]);
    }
    return memo_take(&w);
}

#ifndef READERS_AVX2 /* once */
uint64_t qwen_window(const char *memo)
{
    struct memo_reader r = {memo};
    uint64_t window;

    return memo_head(&r, &window) ? window : 0;
}
#endif

/* --- from line to record --- */

static enum oks_record_type type_of(struct oks_slice s)
{
    if (is(s, "assistant"))
        return OKS_RECORD_ASSISTANT;
    if (is(s, "user") || is(s, "tool_result"))
        return OKS_RECORD_USER;
    return is(s, "system") ? OKS_RECORD_SYSTEM : OKS_RECORD_OTHER;
}

/* What all copies of the line have. */
static uint64_t key_of(const struct line *line)
{
    return source_key_end(source_key_text(source_key_text(KEYS, line->uuid), line->timestamp));
}

static void values_of(const struct count counts[NUMBERS], uint64_t n[NUMBERS])
{
    for (int i = 0; i < NUMBERS; i++)
        n[i] = counts[i].value;
}

static bool is_response(const struct line *line)
{
    return line->payload.present && line->payload.event.present &&
           is(line->payload.event.name, "qwen-code.api_response") && is(line->type, "system");
}

static uint64_t line_odd(const struct line *line)
{
    if (is_response(line))
        return odd_of(line->payload.event.n, NUMBERS);
    return line->usage.present && is(line->type, "assistant") ? odd_of(line->usage.n, NUMBERS) : 0;
}

static void usage_of(const uint64_t n[NUMBERS], struct oks_usage *u)
{
    bool apart = n[THOUGHTS] && n[TOTAL] == oks_tokens_add(oks_tokens_add(n[PROMPT], n[OUTPUT]), n[THOUGHTS]);

    u->present = true;
    u->input = less(n[PROMPT], n[CACHED]);
    u->cache_read = n[CACHED];
    u->output = apart ? oks_tokens_add(n[OUTPUT], n[THOUGHTS]) : n[OUTPUT];
}

/*
 * The id of an event's prompt is <session>########<number>, and of a sub-agent's <session>#<agent>#<number>.
 * Absent: it is no sub-agent's.
 */
static struct oks_slice agent_of(const struct line *line)
{
    struct oks_slice id = line->payload.event.prompt, session = line->session, agent;

    if (!session.len || id.len < session.len + 2 || memcmp(id.ptr, session.ptr, session.len) != 0 ||
        id.ptr[session.len] != '#' || id.ptr[session.len + 1] == '#')
        return (struct oks_slice){0};
    agent = (struct oks_slice){id.ptr + session.len + 1, id.len - session.len - 1};
    for (size_t i = agent.len; i > 0; i--)
        if (agent.ptr[i - 1] == '#')
            return (struct oks_slice){agent.ptr, i - 1};
    return agent;
}

static struct oks_record *record_of(struct line_reader *reader, const struct line *line,
                                    const struct line_place *place)
{
    struct oks_record *r = line_record(reader, place);

    r->type = type_of(line->type);
    r->timestamp = line->timestamp;
    r->session_id = line->session;
    r->cwd = line->cwd;
    r->version = line->version;
    r->branch = line->branch;
    r->is_tool_result = is(line->type, "tool_result");
    r->message.model = line->model;
    return r;
}

static void put_calls(struct oks_record *r, const struct parts *parts)
{
    if (!parts->present)
        return;
    r->tool_uses = parts->calls;
    r->n_tools = (unsigned)(parts->calls < OKS_TOOLS_MAX ? parts->calls : OKS_TOOLS_MAX);
    memcpy(r->tools, parts->names, sizeof(parts->names));
}

static void remember(struct memory *m, uint64_t key, const uint64_t n[NUMBERS])
{
    if (m->n_open == OPEN_MAX)
        memmove(m->open, m->open + 1, --m->n_open * sizeof(*m->open));
    m->open[m->n_open].key = key;
    memcpy(m->open[m->n_open++].n, n, sizeof(m->open->n));
}

/* The key of the last response with these numbers that waits for its assistant line; 0: none does. */
static uint64_t take_open(struct memory *m, const uint64_t n[NUMBERS])
{
    for (unsigned i = m->n_open; i > 0; i--) {
        uint64_t key = m->open[i - 1].key;

        if (memcmp(m->open[i - 1].n, n, sizeof(m->open->n)) != 0)
            continue;
        memmove(&m->open[i - 1], &m->open[i], (m->n_open - i) * sizeof(*m->open));
        m->n_open--;
        return key;
    }
    return 0;
}

static void tell_response(struct qwen *q, const struct line *line, struct oks_record *r)
{
    const struct event *event = &line->payload.event;
    uint64_t n[NUMBERS];

    values_of(event->n, n);
    r->type = OKS_RECORD_ASSISTANT;
    r->timestamp = event->timestamp.ptr ? event->timestamp : line->timestamp;
    r->request_id = event->response;
    r->message.model = event->model;
    r->message.stop_reason = OKS_SLICE("end_turn");
    r->agent_id = agent_of(line);
    r->is_sidechain = r->agent_id.ptr;
    r->key = key_of(line);
    usage_of(n, &r->message.usage);
    if (!r->is_sidechain) /* a sub-agent's answers are not in the chat */
        remember(&q->reader.memory, r->key, n);
}

static void tell_assistant(struct qwen *q, const struct line *line, struct oks_record *r)
{
    uint64_t n[NUMBERS], key;

    put_calls(r, &line->message.parts);
    if (line->window.given && !line->window.odd)
        q->reader.memory.window = line->window.value;
    if (!line->usage.present)
        return;
    values_of(line->usage.n, n);
    key = take_open(&q->reader.memory, n);
    usage_of(n, &r->message.usage);
    r->message.stop_reason = OKS_SLICE("end_turn");
    r->key = key ? key : key_of(line);
    if (!key)
        return;
    r->again = true;
    r->alias = key_of(line);
    memset(q->counted, 0, sizeof(q->counted));
    q->counted[OKS_INPUT] = r->message.usage.input;
    q->counted[OKS_OUTPUT] = r->message.usage.output;
    q->counted[OKS_CACHE_READ] = r->message.usage.cache_read;
    r->counted = q->counted;
}

static int tell_object(struct qwen *q, const struct line *line, const struct line_place *place,
                       const struct oks_sink *sink)
{
    struct oks_record *r = record_of(&q->reader, line, place);

    if (is_response(line)) {
        tell_response(q, line, r);
    } else if (r->type == OKS_RECORD_ASSISTANT) {
        tell_assistant(q, line, r);
    } else if (r->type == OKS_RECORD_SYSTEM && is(line->subtype, "chat_compression")) {
        r->compact_trigger = OKS_SLICE("other");
        if (line->payload.present && line->payload.info.present)
            r->compact_pre_tokens = line->payload.info.before.value;
    }
    return sink->record(sink->ctx, r, place->complete);
}

static int line_tell(struct line_reader *reader, const struct line_place *place, const struct oks_sink *sink)
{
    struct qwen *q = (struct qwen *)(void *)reader;
    int rc = 0;

    if (!q->n_glued)
        return tell_object(q, &reader->shape.line, place, sink);
    for (size_t i = 0; rc == 0 && i < q->n_glued; i++)
        rc = tell_object(q, &q->glued[i].line, place, sink);
    return rc;
}

const struct oks_reader_ops READER(qwen) = {
    .make = qwen_make,
    .free = line_free,
    .trim = line_trim,
    .scalar = qwen_scalar,
    .walk = qwen_walk,
    .tell = line_told,
    .begin = qwen_begin,
    .memo = qwen_memo,
};
