/*
 * What of a line of Copilot CLI is collected, and where it goes. Only scan_copilot.c includes this, in front
 * of the readers of lines.
 */
#ifndef OKSTRAFS_SOURCES_COPILOT_FIELDS_H
#define OKSTRAFS_SOURCES_COPILOT_FIELDS_H

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_DATA,
    CTX_CONTEXT,
    CTX_CALLS, /* an array of calls */
    CTX_CALL,
    CTX_METRICS, /* an object of metrics by model */
    CTX_METRIC,
    CTX_REQUESTS,
    CTX_USAGE,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

enum copilot_count {
    COPILOT_INPUT,
    COPILOT_OUTPUT,
    COPILOT_READ,
    COPILOT_WRITE,
    COPILOT_REQUESTS,
    COPILOT_COUNTS,
    COPILOT_TOKENS = COPILOT_REQUESTS, /* those before are tokens */
};

enum { COPILOT_MODELS = 32 }; /* of one shutdown; further ones are passed over */

/* What a shutdown says of a model. */
struct metric {
    bool present;
    struct usage {
        bool present;
        struct count count[COPILOT_TOKENS];
    } usage;
    struct count requests;
};

struct named_metric {
    struct metric metric;
    char name[SHAPE_KEY_MAX];
    size_t len;
};

struct shape {
    struct shape_text text;
    struct line {
        struct oks_slice id, type, timestamp;
        struct data {
            bool present;
            struct oks_slice session, version, message, model, new_model, selected, current, effort, agent;
            struct count output, context_tokens, compacted_tokens;
            struct where {
                bool present;
                struct oks_slice cwd, branch;
            } where;
            struct calls {
                bool present;
                uint64_t n;
                struct oks_slice names[OKS_TOOLS_MAX];
            } calls;
            struct metrics {
                bool present;
                uint64_t odd; /* token values that are no counts */
            } metrics;
        } data;
    } line;
    struct oks_slice call; /* the name of the one that is read */
    struct metric metric;  /* the one that is read, and its model: a key is kept until the next one is read */
    char model[SHAPE_KEY_MAX];
    size_t model_len;
    struct named_metric items[COPILOT_MODELS];
    size_t n_items;
};

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){FIELD("type", TEXT, line.type), FIELD("id", TEXT, line.id),
                                       FIELD("timestamp", TEXT, line.timestamp),
                                       FIELD_INTO("data", OBJECT, CTX_DATA, line.data), FIELDS_END},
    [CTX_DATA] =
        (const struct field[]){
            FIELD("model", TEXT, line.data.model), FIELD("messageId", TEXT, line.data.message),
            FIELD("outputTokens", COUNT, line.data.output), FIELD("parentToolCallId", TEXT, line.data.agent),
            FIELD("sessionId", TEXT, line.data.session), FIELD("copilotVersion", TEXT, line.data.version),
            FIELD("newModel", TEXT, line.data.new_model), FIELD("selectedModel", TEXT, line.data.selected),
            FIELD("currentModel", TEXT, line.data.current), FIELD("reasoningEffort", TEXT, line.data.effort),
            FIELD("currentTokens", COUNT, line.data.context_tokens),
            FIELD("preCompactionTokens", COUNT, line.data.compacted_tokens),
            FIELD_INTO("context", OBJECT, CTX_CONTEXT, line.data.where),
            FIELD_INTO("toolRequests", ARRAY, CTX_CALLS, line.data.calls),
            FIELD_INTO("modelMetrics", OBJECT, CTX_METRICS, line.data.metrics), FIELDS_END},
    [CTX_CONTEXT] = (const struct field[]){FIELD("cwd", TEXT, line.data.where.cwd),
                                           FIELD("branch", TEXT, line.data.where.branch), FIELDS_END},
    [CTX_CALLS] = NULL,
    [CTX_CALL] = (const struct field[]){FIELD("name", TEXT, call), FIELDS_END},
    [CTX_METRICS] = (const struct field[]){FIELD_OF_ANY(OBJECT, CTX_METRIC, metric), FIELDS_END},
    /* An object with a count, or only the count: see shape_open(). */
    [CTX_METRIC] = (const struct field[]){FIELD("requests", COUNT, metric.requests),
                                          FIELD_INTO("usage", OBJECT, CTX_USAGE, metric.usage), FIELDS_END},
    [CTX_REQUESTS] = (const struct field[]){FIELD("count", COUNT, metric.requests), FIELDS_END},
    [CTX_USAGE] = (const struct field[]){FIELD("inputTokens", COUNT, metric.usage.count[COPILOT_INPUT]),
                                         FIELD("outputTokens", COUNT, metric.usage.count[COPILOT_OUTPUT]),
                                         FIELD("cacheReadTokens", COUNT, metric.usage.count[COPILOT_READ]),
                                         FIELD("cacheWriteTokens", COUNT, metric.usage.count[COPILOT_WRITE]),
                                         FIELDS_END},
};

#include "scan/json_table.h"

static unsigned open_element(struct shape *shape, unsigned context, bool array)
{
    if (context != CTX_CALLS || array)
        return CTX_SKIP;
    shape->call = (struct oks_slice){0};
    return CTX_CALL;
}

static unsigned shape_open(struct shape *shape, unsigned context, const struct field *field, bool array)
{
    unsigned inner;

    if (!field)
        return open_element(shape, context, array);
    inner = fields_open(shape, field, array);
    if (context == CTX_METRIC && field->kind == FIELD_COUNT && !array) {
        shape->metric.requests = (struct count){0};
        return CTX_REQUESTS;
    }
    if (inner == CTX_METRICS)
        shape->n_items = 0; /* the key came again: the last one counts */
    if (inner == CTX_METRIC) {
        shape->model_len = shape->text.key_len;
        memcpy(shape->model, shape->text.key, shape->model_len);
    }
    return inner;
}

static void end_call(struct calls *calls, struct oks_slice name)
{
    if (calls->n < OKS_TOOLS_MAX)
        calls->names[calls->n] = name;
    calls->n++;
}

static void end_metric(struct shape *shape)
{
    size_t i = 0;

    while (i < shape->n_items && (shape->items[i].len != shape->model_len ||
                                  memcmp(shape->items[i].name, shape->model, shape->model_len) != 0))
        i++;
    for (int k = 0; shape->metric.usage.present && k < COPILOT_TOKENS; k++)
        shape->line.data.metrics.odd += shape->metric.usage.count[k].odd;
    if (i == COPILOT_MODELS)
        return;
    shape->items[i].metric = shape->metric;
    shape->items[i].len = shape->model_len;
    memcpy(shape->items[i].name, shape->model, shape->model_len);
    shape->n_items += i == shape->n_items;
}

static inline void shape_close(struct shape *shape, unsigned context)
{
    if (context == CTX_CALL)
        end_call(&shape->line.data.calls, shape->call);
    else if (context == CTX_METRIC)
        end_metric(shape);
}

#endif
