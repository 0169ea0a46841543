/*
 * The tool calls of Codex: response items. A call and its output have one call_id.
 *
 * Whether a command failed is told by its exit code: in an event of its own where a rollout has these, else
 * in the lines that Codex writes in front of a command's output, or in the JSON object around it. Nothing
 * else of an output is looked at.
 */
#include <stddef.h>

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_PAYLOAD,
    CTX_RESULT,
    CTX_RESULT_OK,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

struct shape {
    struct shape_text text;
    struct oks_slice timestamp, type;
    struct payload {
        bool present;
        struct oks_slice type, call_id, name, status, output, exit_code;
        bool success;
        struct mcp_result {
            bool present;
            struct oks_slice error;
            struct mcp_ok {
                bool present;
                bool is_error;
            } ok;
        } result;
    } payload;
    char *items; /* none: nothing is an array here */
    size_t n_items;
    bool no_memory;
};

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){FIELD("timestamp", TEXT, timestamp), FIELD("type", TEXT, type),
                                       FIELD_INTO("payload", OBJECT, CTX_PAYLOAD, payload), FIELDS_END},
    [CTX_PAYLOAD] =
        (const struct field[]){FIELD("type", TEXT, payload.type), FIELD("call_id", TEXT, payload.call_id),
                               FIELD("name", TEXT, payload.name), FIELD("status", TEXT, payload.status),
                               FIELD("output", TEXT, payload.output),
                               FIELD("exit_code", NUMBER, payload.exit_code),
                               FIELD("success", TRUE, payload.success),
                               FIELD_INTO("result", OBJECT, CTX_RESULT, payload.result), FIELDS_END},
    [CTX_RESULT] =
        (const struct field[]){FIELD("Err", TEXT, payload.result.error),
                               FIELD_INTO("Ok", OBJECT, CTX_RESULT_OK, payload.result.ok), FIELDS_END},
    [CTX_RESULT_OK] = (const struct field[]){FIELD("isError", TRUE, payload.result.ok.is_error),
                                             FIELD("is_error", TRUE, payload.result.ok.is_error), FIELDS_END},
};

#include "scan/json_table.h"

static unsigned shape_open(struct shape *shape, unsigned context, const struct field *field, bool array)
{
    return fields_open(shape, field, array);
}

static inline void shape_close(struct shape *shape, unsigned context)
{
}

#include "sources/tool_reader.h"

static void tools_begin(struct shape *s)
{
    s->timestamp = s->type = (struct oks_slice){0};
    s->payload.present = false;
}

static enum oks_tool_outcome outcome_of_code(struct oks_slice s)
{
    if (s.len == 0 || (*s.ptr != '-' && (*s.ptr < '0' || *s.ptr > '9')))
        return OKS_TOOL_UNKNOWN;
    return *s.ptr == '0' ? OKS_TOOL_SUCCEEDED : OKS_TOOL_FAILED;
}

static bool begins_with(struct oks_slice s, const char *text)
{
    return s.len >= strlen(text) && memcmp(s.ptr, text, strlen(text)) == 0;
}

static struct oks_slice behind(struct oks_slice s, size_t n)
{
    return (struct oks_slice){s.ptr + n, s.len - n};
}

/* {"output":"...","metadata":{"exit_code":0,...}}: inside the text its quotes are escaped. */
static enum oks_tool_outcome outcome_in_object(struct oks_slice s)
{
    static const char mark[] = "\"metadata\":{\"exit_code\":";
    const size_t tail = 256, n = sizeof(mark) - 1;
    const char *from = s.len > tail ? s.ptr + (s.len - tail) : s.ptr, *at = NULL;

    for (const char *p = from; (p = memmem(p, (size_t)(s.ptr + s.len - p), mark, n)); p++)
        at = p;
    return at ? outcome_of_code(behind(s, (size_t)(at - s.ptr) + n)) : OKS_TOOL_UNKNOWN;
}

/* The lines in front of "Output:". */
static enum oks_tool_outcome outcome_in_head(struct oks_slice s)
{
    static const char *const marks[] = {"Exit code: ", "Process exited with code "};
    enum { LINES = 8 };

    for (int line = 0; line < LINES && s.len && !begins_with(s, "Output:"); line++) {
        const char *end = memchr(s.ptr, '\n', s.len);

        for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
            if (begins_with(s, marks[i]))
                return outcome_of_code(behind(s, strlen(marks[i])));
        if (!end)
            break;
        s = behind(s, (size_t)(end + 1 - s.ptr));
    }
    return OKS_TOOL_UNKNOWN;
}

static enum oks_tool_outcome outcome_of_output(struct oks_slice s)
{
    return begins_with(s, "{\"output\":") ? outcome_in_object(s) : outcome_in_head(s);
}

static int tell_item(const struct payload *p, struct oks_tool_note *note, const struct oks_sink *sink)
{
    note->id = p->call_id;
    note->name = p->name;
    if (is(p->type, "function_call") || is(p->type, "custom_tool_call")) {
        note->step = OKS_TOOL_CALL;
    } else if (is(p->type, "local_shell_call")) {
        note->step = OKS_TOOL_CALL;
        note->name = OKS_SLICE("local_shell");
    } else if (is(p->type, "web_search_call")) {
        note->step = OKS_TOOL_DONE;
        note->name = OKS_SLICE("web_search");
        note->outcome = is(p->status, "completed") ? OKS_TOOL_SUCCEEDED
                        : is(p->status, "failed")  ? OKS_TOOL_FAILED
                                                   : OKS_TOOL_UNKNOWN;
    } else if (is(p->type, "function_call_output") || is(p->type, "custom_tool_call_output")) {
        note->step = OKS_TOOL_RESULT;
        note->outcome = outcome_of_output(p->output);
    } else {
        return 0;
    }
    return sink->tool(sink->ctx, note);
}

static int tell_event(const struct payload *p, struct oks_tool_note *note, const struct oks_sink *sink)
{
    static const char *const over[] = {"task_started", "task_complete", "turn_started", "turn_complete",
                                       "turn_aborted"};
    const struct mcp_result *result = &p->result;

    note->step = OKS_TOOL_OVER;
    for (size_t i = 0; i < sizeof(over) / sizeof(*over); i++)
        if (is(p->type, over[i]))
            return sink->tool(sink->ctx, note);
    note->step = OKS_TOOL_OUTCOME;
    note->id = p->call_id;
    if (is(p->type, "exec_command_end"))
        note->outcome = outcome_of_code(p->exit_code);
    else if (is(p->type, "patch_apply_end"))
        note->outcome = p->success ? OKS_TOOL_SUCCEEDED : OKS_TOOL_FAILED;
    else if (is(p->type, "mcp_tool_call_end") && result->present)
        note->outcome = result->error.ptr || (result->ok.present && result->ok.is_error) ? OKS_TOOL_FAILED
                        : result->ok.present                                             ? OKS_TOOL_SUCCEEDED
                                                                                         : OKS_TOOL_UNKNOWN;
    return note->outcome != OKS_TOOL_UNKNOWN ? sink->tool(sink->ctx, note) : 0;
}

static int tools_tell(const struct shape *s, struct oks_tool_note *note, const struct oks_sink *sink)
{
    note->timestamp = s->timestamp;
    if (!s->payload.present)
        return 0;
    if (is(s->type, "response_item"))
        return tell_item(&s->payload, note, sink);
    return is(s->type, "event_msg") ? tell_event(&s->payload, note, sink) : 0;
}

const struct oks_reader_ops oks_codex_tools = TOOL_READER;
