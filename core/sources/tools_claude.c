/*
 * The tool calls of Claude Code: blocks of type tool_use in the content of assistant records, and of type
 * tool_result in that of user records. A call's id is in both.
 */

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
    struct oks_slice type, id, name, result_of;
    bool is_error;
};

struct shape {
    struct shape_text text;
    struct oks_slice timestamp, type, agent_id;
    bool sidechain;
    struct message {
        bool present;
        struct oks_slice id, timestamp;
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
    [CTX_TOP] =
        (const struct field[]){FIELD("timestamp", TEXT, timestamp), FIELD("type", TEXT, type),
                               FIELD("agentId", TEXT, agent_id), FIELD("isSidechain", TRUE, sidechain),
                               FIELD_INTO("message", OBJECT, CTX_MESSAGE, message), FIELDS_END},
    [CTX_MESSAGE] =
        (const struct field[]){FIELD("id", TEXT, message.id), FIELD("timestamp", TEXT, message.timestamp),
                               FIELD_INTO("content", ARRAY, CTX_ITEMS, message.content), FIELDS_END},
    [CTX_ITEMS] = NULL,
    [CTX_ITEM] =
        (const struct field[]){FIELD("type", TEXT, item.type), FIELD("id", TEXT, item.id),
                               FIELD("name", TEXT, item.name), FIELD("tool_use_id", TEXT, item.result_of),
                               FIELD("is_error", TRUE, item.is_error), FIELDS_END},
};

#include "scan/json_table.h"

#include "sources/tool_items.h"

static inline void shape_close(struct shape *shape, unsigned context)
{
    if (context == CTX_ITEM)
        TOOL_ITEM_PUSH(shape, shape->item);
}

#include "sources/tool_reader.h"

static void tools_begin(struct shape *s)
{
    s->timestamp = s->type = s->agent_id = (struct oks_slice){0};
    s->sidechain = s->message.present = false;
}

static int tell_calls(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink)
{
    int rc;

    note->step = OKS_TOOL_RESPONSE;
    rc = sink->tool(sink->ctx, note);
    note->step = OKS_TOOL_CALL;
    for (size_t i = 0; rc == 0 && s->message.content.present && i < s->n_items; i++) {
        if (!is(s->items[i].type, "tool_use"))
            continue;
        note->id = s->items[i].id;
        note->name = s->items[i].name;
        rc = sink->tool(sink->ctx, note);
    }
    return rc;
}

static int tell_results(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink)
{
    int rc = 0;

    note->step = OKS_TOOL_RESULT;
    for (size_t i = 0; rc == 0 && s->message.content.present && i < s->n_items; i++) {
        if (!is(s->items[i].type, "tool_result"))
            continue;
        note->id = s->items[i].result_of;
        note->outcome = s->items[i].is_error ? OKS_TOOL_FAILED : OKS_TOOL_SUCCEEDED;
        rc = sink->tool(sink->ctx, note);
    }
    return rc;
}

static int tools_tell(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink)
{
    if (!s->message.present)
        return 0;
    note->timestamp = s->timestamp.ptr ? s->timestamp : s->message.timestamp;
    note->agent_id = s->agent_id;
    note->sidechain = s->sidechain;
    note->message_id = s->message.id;
    if (is(s->type, "assistant"))
        return tell_calls(s, note, sink);
    return is(s->type, "user") ? tell_results(s, note, sink) : 0;
}

const struct oks_reader_ops oks_claude_tools = TOOL_READER;
