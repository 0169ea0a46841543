/*
 * The tool calls of pi: blocks of type toolCall in the content of an assistant message, and messages of role
 * toolResult. A call's id is in both.
 */
#include "sources/scan_pi.h"

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_MESSAGE,
    CTX_ITEMS, /* an array of blocks */
    CTX_ITEM,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

struct block {
    struct oks_slice type, id, name;
};

struct shape {
    struct shape_text text;
    struct oks_slice timestamp, type;
    struct message {
        bool present;
        bool is_error;
        struct oks_slice role, call;
        struct content {
            bool present;
        } content;
    } message;
    struct block item; /* the one that is read */
    struct block *items;
    size_t n_items, items_room;
    bool no_memory;
};

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){FIELD("timestamp", TEXT, timestamp), FIELD("type", TEXT, type),
                                       FIELD_INTO("message", OBJECT, CTX_MESSAGE, message), FIELDS_END},
    [CTX_MESSAGE] =
        (const struct field[]){FIELD("role", TEXT, message.role), FIELD("toolCallId", TEXT, message.call),
                               FIELD("isError", TRUE, message.is_error),
                               FIELD_INTO("content", ARRAY, CTX_ITEMS, message.content), FIELDS_END},
    [CTX_ITEMS] = NULL,
    [CTX_ITEM] = (const struct field[]){FIELD("type", TEXT, item.type), FIELD("id", TEXT, item.id),
                                        FIELD("name", TEXT, item.name), FIELDS_END},
};

#include "scan/json_table.h"

#include "sources/tool_items.h"

static inline void shape_close(struct shape *shape, unsigned context)
{
    if (context == CTX_ITEM && oks_slice_eq(shape->item.type, OKS_SLICE("toolCall")))
        TOOL_ITEM_PUSH(shape, shape->item);
}

#include "sources/tool_reader.h"

static void tools_begin(struct shape *s)
{
    s->timestamp = s->type = (struct oks_slice){0};
    s->message.present = false;
}

static int tell_calls(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink)
{
    int rc;

    note->step = OKS_TOOL_RESPONSE;
    rc = sink->tool(sink->ctx, note);
    note->step = OKS_TOOL_CALL;
    for (size_t i = 0; rc == 0 && s->message.content.present && i < s->n_items; i++) {
        note->id = s->items[i].id;
        note->name = s->items[i].name;
        rc = sink->tool(sink->ctx, note);
    }
    return rc;
}

static int tools_tell(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink)
{
    if (!is(s->type, "message") || !s->message.present)
        return 0;
    note->timestamp = s->timestamp;
    if (is(s->message.role, "assistant"))
        return tell_calls(s, note, sink);
    if (!is(s->message.role, "toolResult"))
        return 0;
    note->step = OKS_TOOL_RESULT;
    note->id = s->message.call;
    note->outcome = s->message.is_error ? OKS_TOOL_FAILED : OKS_TOOL_SUCCEEDED;
    return sink->tool(sink->ctx, note);
}

const struct oks_reader_ops oks_pi_tools = TOOL_READER;
