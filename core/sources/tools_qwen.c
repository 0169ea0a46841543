/*
 * The tool calls of Qwen Code: parts of type functionCall in the message of an assistant line, and the result
 * in `toolCallResult` of a line of type tool_result. A call's id is in both.
 */
#include "sources/scan_qwen.h"

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_MESSAGE,
    CTX_ITEMS, /* an array of parts */
    CTX_ITEM,
    CTX_CALL,
    CTX_RESULT,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

struct part {
    bool present;
    struct call {
        bool present;
        struct oks_slice id, name;
    } call;
};

struct shape {
    struct shape_text text;
    struct oks_slice timestamp, type;
    struct message {
        bool present;
        struct parts {
            bool present;
        } parts;
    } message;
    struct result {
        bool present;
        struct oks_slice id, status;
    } result;
    struct part item; /* the one that is read */
    struct call *items;
    size_t n_items, items_room;
    bool no_memory;
};

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){FIELD("timestamp", TEXT, timestamp), FIELD("type", TEXT, type),
                                       FIELD_INTO("message", OBJECT, CTX_MESSAGE, message),
                                       FIELD_INTO("toolCallResult", OBJECT, CTX_RESULT, result), FIELDS_END},
    [CTX_MESSAGE] = (const struct field[]){FIELD_INTO("parts", ARRAY, CTX_ITEMS, message.parts), FIELDS_END},
    [CTX_ITEMS] = NULL,
    [CTX_ITEM] = (const struct field[]){FIELD_INTO("functionCall", OBJECT, CTX_CALL, item.call), FIELDS_END},
    [CTX_CALL] = (const struct field[]){FIELD("id", TEXT, item.call.id), FIELD("name", TEXT, item.call.name),
                                        FIELDS_END},
    [CTX_RESULT] = (const struct field[]){FIELD("callId", TEXT, result.id),
                                          FIELD("status", TEXT, result.status), FIELDS_END},
};

#include "scan/json_table.h"

#include "sources/tool_items.h"

static inline void shape_close(struct shape *shape, unsigned context)
{
    if (context == CTX_ITEM && shape->item.call.present)
        TOOL_ITEM_PUSH(shape, shape->item.call);
}

#include "sources/tool_reader.h"

static void tools_begin(struct shape *s)
{
    s->timestamp = s->type = (struct oks_slice){0};
    s->message.present = s->result.present = false;
}

static int tell_calls(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink)
{
    int rc;

    note->step = OKS_TOOL_RESPONSE;
    rc = sink->tool(sink->ctx, note);
    note->step = OKS_TOOL_CALL;
    for (size_t i = 0; rc == 0 && s->message.present && s->message.parts.present && i < s->n_items; i++) {
        note->id = s->items[i].id;
        note->name = s->items[i].name;
        rc = sink->tool(sink->ctx, note);
    }
    return rc;
}

static int tools_tell(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink)
{
    note->timestamp = s->timestamp;
    if (is(s->type, "assistant"))
        return tell_calls(s, note, sink);
    if (!is(s->type, "tool_result") || !s->result.present)
        return 0;
    note->step = OKS_TOOL_RESULT;
    note->id = s->result.id;
    note->outcome = is(s->result.status, "success") ? OKS_TOOL_SUCCEEDED
                    : s->result.status.ptr          ? OKS_TOOL_FAILED
                                                    : OKS_TOOL_UNKNOWN;
    return sink->tool(sink->ctx, note);
}

const struct oks_reader_ops oks_qwen_tools = TOOL_READER;
