/*
 * The tool calls of Kimi. Kimi Code writes `tool.call` and `tool.result` events, with an error told by
 * `isError`; Kimi CLI `ToolCall` and `ToolResult` messages. A call's id is in both.
 */
#include <stddef.h>

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_EVENT,
    CTX_RESULT,
    CTX_MESSAGE,
    CTX_PAYLOAD,
    CTX_FUNCTION,
    CTX_RETURN,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

struct shape {
    struct shape_text text;
    struct line {
        struct oks_slice type, seconds;
        struct count time;
        struct event {
            bool present;
            struct oks_slice type, name, id;
            struct result {
                bool present, is_error;
            } result;
        } event;
        struct message {
            bool present;
            struct oks_slice type;
            struct payload {
                bool present;
                struct oks_slice id, result_of;
                struct function {
                    bool present;
                    struct oks_slice name;
                } function;
                struct result returned;
            } payload;
        } message;
    } line;
    char *items; /* none: nothing is an array here */
    size_t n_items;
    bool no_memory;
};

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){FIELD("type", TEXT, line.type), FIELD("time", COUNT, line.time),
                                       FIELD("timestamp", NUMBER, line.seconds),
                                       FIELD_INTO("event", OBJECT, CTX_EVENT, line.event),
                                       FIELD_INTO("message", OBJECT, CTX_MESSAGE, line.message), FIELDS_END},
    [CTX_EVENT] =
        (const struct field[]){FIELD("type", TEXT, line.event.type), FIELD("name", TEXT, line.event.name),
                               FIELD("toolCallId", TEXT, line.event.id),
                               FIELD_INTO("result", OBJECT, CTX_RESULT, line.event.result), FIELDS_END},
    [CTX_RESULT] = (const struct field[]){FIELD("isError", TRUE, line.event.result.is_error), FIELDS_END},
    [CTX_MESSAGE] =
        (const struct field[]){FIELD("type", TEXT, line.message.type),
                               FIELD_INTO("payload", OBJECT, CTX_PAYLOAD, line.message.payload), FIELDS_END},
    [CTX_PAYLOAD] =
        (const struct field[]){FIELD("id", TEXT, line.message.payload.id),
                               FIELD("tool_call_id", TEXT, line.message.payload.result_of),
                               FIELD_INTO("function", OBJECT, CTX_FUNCTION, line.message.payload.function),
                               FIELD_INTO("return_value", OBJECT, CTX_RETURN, line.message.payload.returned),
                               FIELDS_END},
    [CTX_FUNCTION] =
        (const struct field[]){FIELD("name", TEXT, line.message.payload.function.name), FIELDS_END},
    [CTX_RETURN] =
        (const struct field[]){FIELD("is_error", TRUE, line.message.payload.returned.is_error), FIELDS_END},
};

#include "scan/json_objects.h"

#include "sources/source_text.h"
#include "sources/tool_reader.h"

static void tools_begin(struct shape *s)
{
    memset(&s->line, 0, sizeof(s->line));
}

static enum oks_tool_outcome outcome_of(const struct result *result)
{
    if (!result->present)
        return OKS_TOOL_UNKNOWN;
    return result->is_error ? OKS_TOOL_FAILED : OKS_TOOL_SUCCEEDED;
}

/* True: the line says something. */
static bool note_event(const struct line *l, struct oks_tool_note *note)
{
    const struct event *e = &l->event;

    note->id = e->id;
    note->name = e->name;
    if (is(e->type, "tool.call")) {
        note->step = OKS_TOOL_CALL;
        return true;
    }
    note->step = OKS_TOOL_RESULT;
    note->outcome = outcome_of(&e->result);
    return is(e->type, "tool.result");
}

static bool note_message(const struct line *l, struct oks_tool_note *note)
{
    const struct message *m = &l->message;
    const struct payload *p = &m->payload;

    if (is(m->type, "TurnBegin")) {
        note->step = OKS_TOOL_OVER;
        return true;
    }
    if (!p->present)
        return false;
    if (is(m->type, "ToolCall")) {
        note->step = OKS_TOOL_CALL;
        note->id = p->id;
        note->name = p->function.name;
        return true;
    }
    note->step = OKS_TOOL_RESULT;
    note->id = p->result_of;
    note->outcome = outcome_of(&p->returned);
    return is(m->type, "ToolResult");
}

static int tools_tell(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink)
{
    const struct line *l = &s->line;
    char stamp[OKS_STAMP_TEXT];
    uint64_t ms = l->time.value;
    bool says;

    if ((l->time.given && !l->time.odd) || source_seconds(l->seconds, &ms))
        note->timestamp = source_stamp(ms, stamp);
    if (l->event.present) {
        says = note_event(l, note);
    } else if (l->message.present && l->message.type.ptr) {
        says = note_message(l, note);
    } else {
        note->step = OKS_TOOL_OVER;
        says = is(l->type, "turn.prompt") || is(l->type, "turn.cancel") || is(l->type, "turn.ended");
    }
    return says ? sink->tool(sink->ctx, note) : 0;
}

const struct oks_reader_ops oks_kimi_tools = TOOL_READER;
