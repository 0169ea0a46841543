/*
 * The tool calls of Grok Build: `tool_call` updates, which name the tool, and `tool_call_update`, of which
 * the one with a status that ends is the result. A call's id is in both. Titles, inputs and outputs are not
 * looked at, except for the exit code in an output.
 */
#include <stddef.h>

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_PARAMS,
    CTX_UPDATE,
    CTX_META,
    CTX_TOOL,
    CTX_OUTPUT,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

struct shape {
    struct shape_text text;
    struct line {
        struct oks_slice seconds;
        struct params {
            bool present;
            struct update {
                bool present;
                struct oks_slice kind, id, status;
                struct meta {
                    bool present;
                    struct tool {
                        bool present;
                        struct oks_slice name;
                    } tool;
                } meta;
                struct output {
                    bool present;
                    struct oks_slice code; /* a number */
                } output;
            } update;
        } params;
    } line;
    char *items; /* none: nothing is an array here */
    size_t n_items;
    bool no_memory;
};

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){FIELD("timestamp", NUMBER, line.seconds),
                                       FIELD_INTO("params", OBJECT, CTX_PARAMS, line.params), FIELDS_END},
    [CTX_PARAMS] =
        (const struct field[]){FIELD_INTO("update", OBJECT, CTX_UPDATE, line.params.update), FIELDS_END},
    [CTX_UPDATE] =
        (const struct field[]){FIELD("sessionUpdate", TEXT, line.params.update.kind),
                               FIELD("toolCallId", TEXT, line.params.update.id),
                               FIELD("status", TEXT, line.params.update.status),
                               FIELD_INTO("_meta", OBJECT, CTX_META, line.params.update.meta),
                               FIELD_INTO("rawOutput", OBJECT, CTX_OUTPUT, line.params.update.output),
                               FIELDS_END},
    [CTX_META] =
        (const struct field[]){FIELD_INTO("x.ai/tool", OBJECT, CTX_TOOL, line.params.update.meta.tool),
                               FIELDS_END},
    [CTX_TOOL] = (const struct field[]){FIELD("name", TEXT, line.params.update.meta.tool.name), FIELDS_END},
    [CTX_OUTPUT] =
        (const struct field[]){FIELD("exit_code", NUMBER, line.params.update.output.code), FIELDS_END},
};

#include "scan/json_objects.h"

#include "sources/source_text.h"
#include "sources/tool_reader.h"

static void tools_begin(struct shape *s)
{
    memset(&s->line, 0, sizeof(s->line));
}

static int tools_tell(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink)
{
    const struct update *u = &s->line.params.update;
    char stamp[OKS_STAMP_TEXT];
    uint64_t ms;

    if (!s->line.params.present || !u->present)
        return 0;
    if (source_seconds(s->line.seconds, &ms))
        note->timestamp = source_stamp(ms, stamp);
    note->id = u->id;
    if (is(u->kind, "tool_call")) {
        note->step = OKS_TOOL_CALL;
        note->name = u->meta.tool.name;
    } else if (is(u->kind, "turn_completed")) {
        note->step = OKS_TOOL_OVER;
    } else if (is(u->kind, "tool_call_update") && (is(u->status, "completed") || is(u->status, "failed"))) {
        bool failed =
            is(u->status, "failed") || (u->output.present && u->output.code.ptr && !is(u->output.code, "0"));

        note->step = OKS_TOOL_RESULT;
        note->outcome = failed ? OKS_TOOL_FAILED : OKS_TOOL_SUCCEEDED;
    } else {
        return 0;
    }
    return sink->tool(sink->ctx, note);
}

const struct oks_reader_ops oks_grok_tools = TOOL_READER;
