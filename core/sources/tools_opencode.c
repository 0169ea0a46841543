/*
 * The tool calls of OpenCode: a part of the type tool, which has the state of its call, or an element of a
 * message's content[]. Times are those of the call.
 */
#include <stdio.h>

#include "sources/opencode_time.h"

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_PART,
    CTX_CALL, /* the part itself */
    CTX_STATE,
    CTX_TIME,
    CTX_MESSAGE,
    CTX_MESSAGE_DATA,
    CTX_ITEMS, /* an array of them */
    CTX_ITEM,
    CTX_ITEM_STATE,
    CTX_ITEM_TIME,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

struct call {
    bool present;
    struct oks_slice type, id, call_id, tool, name;
    struct state {
        bool present;
        struct oks_slice status;
        struct call_time {
            bool present;
            struct count start, end;
        } time;
    } state;
};

struct list {
    bool present;
};

struct shape {
    struct shape_text text;
    struct part {
        bool present;
        struct call call;
    } part;
    struct message {
        bool present;
        struct message_data {
            bool present;
            struct list content;
        } data;
    } message;
    struct call item; /* the one that is read */
    struct call *items;
    size_t n_items, items_room;
    bool no_memory;
};

#define CALL_FIELDS(call, state_context)                                                             \
    FIELD("type", TEXT, call.type), FIELD("id", TEXT, call.id), FIELD("callID", TEXT, call.call_id), \
        FIELD("tool", TEXT, call.tool), FIELD("name", TEXT, call.name),                              \
        FIELD_INTO("state", OBJECT, state_context, call.state), FIELDS_END
#define STATE_FIELDS(state, time_context) \
    FIELD("status", TEXT, state.status), FIELD_INTO("time", OBJECT, time_context, state.time), FIELDS_END
#define TIME_FIELDS(time) FIELD("start", COUNT, time.start), FIELD("end", COUNT, time.end), FIELDS_END

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){FIELD_INTO("part", OBJECT, CTX_PART, part),
                                       FIELD_INTO("message", OBJECT, CTX_MESSAGE, message), FIELDS_END},
    [CTX_PART] = (const struct field[]){FIELD_INTO("data", OBJECT, CTX_CALL, part.call), FIELDS_END},
    [CTX_CALL] = (const struct field[]){CALL_FIELDS(part.call, CTX_STATE)},
    [CTX_STATE] = (const struct field[]){STATE_FIELDS(part.call.state, CTX_TIME)},
    [CTX_TIME] = (const struct field[]){TIME_FIELDS(part.call.state.time)},
    [CTX_MESSAGE] =
        (const struct field[]){FIELD_INTO("data", OBJECT, CTX_MESSAGE_DATA, message.data), FIELDS_END},
    [CTX_MESSAGE_DATA] =
        (const struct field[]){FIELD_INTO("content", ARRAY, CTX_ITEMS, message.data.content), FIELDS_END},
    [CTX_ITEMS] = NULL,
    [CTX_ITEM] = (const struct field[]){CALL_FIELDS(item, CTX_ITEM_STATE)},
    [CTX_ITEM_STATE] = (const struct field[]){STATE_FIELDS(item.state, CTX_ITEM_TIME)},
    [CTX_ITEM_TIME] = (const struct field[]){TIME_FIELDS(item.state.time)},
};

#include "scan/json_table.h"

#include "sources/tool_items.h"

static inline void shape_close(struct shape *shape, unsigned context)
{
    if (context != CTX_ITEM)
        return;
    shape->item.present = true;
    TOOL_ITEM_PUSH(shape, shape->item);
}

#include "sources/tool_reader.h"

static void tools_begin(struct shape *s)
{
    s->part.present = s->message.present = false;
}

static struct oks_slice stamp_of(char text[OPENCODE_STAMP], const struct call *call, bool end)
{
    const struct state *state = &call->state;
    const struct count *ms = end ? &state->time.end : &state->time.start;

    opencode_stamp(text, call->state.present && state->time.present ? ms->value : 0);
    return *text ? oks_slice_of(text) : (struct oks_slice){0};
}

/* The call, and its end if it has ended. */
static int tell_call(const struct call *call, struct oks_tool_note *note, const struct oks_sink *sink)
{
    struct oks_slice status = call->state.present ? call->state.status : (struct oks_slice){0};
    char text[OPENCODE_STAMP];
    int rc;

    if (!is(call->type, "tool"))
        return 0;
    note->id = call->call_id.len ? call->call_id : call->id;
    note->name = call->tool.len ? call->tool : call->name;
    note->step = OKS_TOOL_CALL;
    note->outcome = OKS_TOOL_UNKNOWN;
    note->timestamp = stamp_of(text, call, false);
    rc = sink->tool(sink->ctx, note);
    if (rc || (!is(status, "completed") && !is(status, "error")))
        return rc;
    note->step = OKS_TOOL_RESULT;
    note->outcome = is(status, "completed") ? OKS_TOOL_SUCCEEDED : OKS_TOOL_FAILED;
    note->timestamp = stamp_of(text, call, true);
    return sink->tool(sink->ctx, note);
}

static int tools_tell(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink)
{
    bool items = s->message.present && s->message.data.present && s->message.data.content.present;
    int rc = 0;

    if (s->part.present && s->part.call.present)
        rc = tell_call(&s->part.call, note, sink);
    for (size_t i = 0; rc == 0 && items && i < s->n_items; i++)
        rc = tell_call(&s->items[i], note, sink);
    return rc;
}

const struct oks_reader_ops oks_opencode_tools = TOOL_READER;
