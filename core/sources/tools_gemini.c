/*
 * The tool calls of Gemini CLI: toolCalls of a message. A message is written again whenever it changes; a
 * call counts once it has ended. The time of a call is the one at which Gemini recorded it, and nothing says
 * how long it took.
 */
#include "base/array.h"

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_SET,
    CTX_MESSAGES, /* an array of them */
    CTX_MESSAGE,
    CTX_CALLS, /* an array of them */
    CTX_CALL,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

struct call {
    struct oks_slice id, name, status, timestamp;
};

struct list {
    bool present;
};

struct shape {
    struct shape_text text;
    struct list calls, messages;
    struct set {
        bool present;
    } set;
    struct call call; /* the one that is read */
    struct call *items;
    size_t n_items, items_room;
    bool no_memory;
};

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){FIELD_INTO("toolCalls", ARRAY, CTX_CALLS, calls),
                                       FIELD_INTO("$set", OBJECT, CTX_SET, set),
                                       FIELD_INTO("messages", ARRAY, CTX_MESSAGES, messages), FIELDS_END},
    [CTX_SET] = (const struct field[]){FIELD_INTO("messages", ARRAY, CTX_MESSAGES, messages), FIELDS_END},
    [CTX_MESSAGES] = NULL,
    [CTX_MESSAGE] = (const struct field[]){FIELD_INTO("toolCalls", ARRAY, CTX_CALLS, calls), FIELDS_END},
    [CTX_CALLS] = NULL,
    [CTX_CALL] = (const struct field[]){FIELD("id", TEXT, call.id), FIELD("name", TEXT, call.name),
                                        FIELD("status", TEXT, call.status),
                                        FIELD("timestamp", TEXT, call.timestamp), FIELDS_END},
};

#include "scan/json_table.h"

static unsigned shape_open(struct shape *shape, unsigned context, const struct field *field, bool array)
{
    if (field)
        return fields_open(shape, field, array);
    if (array)
        return CTX_SKIP;
    if (context == CTX_MESSAGES)
        return CTX_MESSAGE;
    if (context != CTX_CALLS)
        return CTX_SKIP;
    shape->call = (struct call){0};
    return CTX_CALL;
}

static inline void shape_close(struct shape *shape, unsigned context)
{
    if (context != CTX_CALL)
        return;
    if (!OKS_GROW(shape->items, shape->n_items, shape->items_room)) {
        shape->no_memory = true;
        return;
    }
    shape->items[shape->n_items++] = shape->call;
}

#include "sources/tool_reader.h"

static void tools_begin(struct shape *s)
{
    s->set.present = s->messages.present = s->calls.present = false;
}

static int tools_tell(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink)
{
    int rc = 0;

    note->step = OKS_TOOL_DONE;
    for (size_t i = 0; rc == 0 && i < s->n_items; i++) {
        const struct call *call = &s->items[i];

        if (!is(call->status, "success") && !is(call->status, "error") && !is(call->status, "cancelled"))
            continue;
        note->id = call->id;
        note->name = call->name;
        note->timestamp = call->timestamp;
        note->outcome = is(call->status, "success") ? OKS_TOOL_SUCCEEDED : OKS_TOOL_FAILED;
        rc = sink->tool(sink->ctx, note);
    }
    return rc;
}

const struct oks_reader_ops oks_gemini_tools = TOOL_READER;
