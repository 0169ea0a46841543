/*
 * The tool calls of Copilot CLI: `tool.execution_start` events, and `tool.execution_complete` with whether
 * the call succeeded. A call's id is in both.
 */
#include <stddef.h>

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_DATA,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

struct shape {
    struct shape_text text;
    struct line {
        struct oks_slice type, timestamp;
        struct data {
            bool present;
            struct oks_slice id, name, agent;
            bool success;
        } data;
    } line;
    char *items; /* none: nothing is an array here */
    size_t n_items;
    bool no_memory;
};

static const struct field *const fields[] = {
    [CTX_TOP] =
        (const struct field[]){FIELD("type", TEXT, line.type), FIELD("timestamp", TEXT, line.timestamp),
                               FIELD_INTO("data", OBJECT, CTX_DATA, line.data), FIELDS_END},
    [CTX_DATA] = (const struct field[]){FIELD("toolCallId", TEXT, line.data.id),
                                        FIELD("toolName", TEXT, line.data.name),
                                        FIELD("parentToolCallId", TEXT, line.data.agent),
                                        FIELD("success", TRUE, line.data.success), FIELDS_END},
};

#include "scan/json_objects.h"

#include "sources/tool_reader.h"

static void tools_begin(struct shape *s)
{
    memset(&s->line, 0, sizeof(s->line));
}

static int tools_tell(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink)
{
    const struct line *l = &s->line;

    note->timestamp = l->timestamp;
    note->id = l->data.id;
    note->name = l->data.name;
    note->agent_id = l->data.agent;
    note->sidechain = l->data.agent.ptr != NULL;
    if (l->data.present && is(l->type, "tool.execution_start")) {
        note->step = OKS_TOOL_CALL;
    } else if (l->data.present && is(l->type, "tool.execution_complete")) {
        note->step = OKS_TOOL_RESULT;
        note->outcome = l->data.success ? OKS_TOOL_SUCCEEDED : OKS_TOOL_FAILED;
    } else if (is(l->type, "session.shutdown") || is(l->type, "session.resume")) {
        note->step = OKS_TOOL_OVER;
    } else {
        return 0;
    }
    return sink->tool(sink->ctx, note);
}

const struct oks_reader_ops oks_copilot_tools = TOOL_READER;
