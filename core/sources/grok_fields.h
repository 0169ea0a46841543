/*
 * What of a line of Grok Build is collected, and where it goes. Only scan_grok.c includes this, in front of
 * the readers of lines.
 */
#ifndef OKSTRAFS_SOURCES_GROK_FIELDS_H
#define OKSTRAFS_SOURCES_GROK_FIELDS_H

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_PARAMS,
    CTX_UPDATE,
    CTX_META,
    CTX_TOOL,
    CTX_USAGE,
    CTX_MODELS, /* an object of usages by model */
    CTX_MODEL,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

enum grok_count { GROK_INPUT, GROK_OUTPUT, GROK_READ, GROK_WRITE, GROK_COUNTS };

enum { GROK_MODELS = 32 }; /* of one turn; further ones are passed over */

struct usage {
    bool present;
    struct count count[GROK_COUNTS];
};

struct named_usage {
    struct usage usage;
    char name[SHAPE_KEY_MAX];
    size_t len;
};

struct shape {
    struct shape_text text;
    struct line {
        struct oks_slice seconds; /* a number */
        struct params {
            bool present;
            struct update {
                bool present;
                struct oks_slice kind, prompt;
                struct meta {
                    bool present;
                    struct tool {
                        bool present;
                        struct oks_slice name;
                    } tool;
                } meta;
                struct turn_usage {
                    bool present;
                    struct usage all; /* where no model is named; `present` is not used */
                    struct models {
                        bool present;
                        uint64_t odd; /* token values that are no counts */
                    } models;
                } turn;
            } update;
        } params;
    } line;
    struct usage usage; /* the one that is read, and its model */
    char model[SHAPE_KEY_MAX];
    size_t model_len;
    struct named_usage items[GROK_MODELS];
    size_t n_items;
};

#define USAGE_FIELDS(usage)                                       \
    FIELD("inputTokens", COUNT, usage.count[GROK_INPUT]),         \
        FIELD("outputTokens", COUNT, usage.count[GROK_OUTPUT]),   \
        FIELD("cachedReadTokens", COUNT, usage.count[GROK_READ]), \
        FIELD("cacheCreationTokens", COUNT, usage.count[GROK_WRITE])

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){FIELD("timestamp", NUMBER, line.seconds),
                                       FIELD_INTO("params", OBJECT, CTX_PARAMS, line.params), FIELDS_END},
    [CTX_PARAMS] =
        (const struct field[]){FIELD_INTO("update", OBJECT, CTX_UPDATE, line.params.update), FIELDS_END},
    [CTX_UPDATE] =
        (const struct field[]){FIELD("sessionUpdate", TEXT, line.params.update.kind),
                               FIELD("prompt_id", TEXT, line.params.update.prompt),
                               FIELD_INTO("usage", OBJECT, CTX_USAGE, line.params.update.turn),
                               FIELD_INTO("_meta", OBJECT, CTX_META, line.params.update.meta), FIELDS_END},
    [CTX_META] =
        (const struct field[]){FIELD_INTO("x.ai/tool", OBJECT, CTX_TOOL, line.params.update.meta.tool),
                               FIELDS_END},
    [CTX_TOOL] = (const struct field[]){FIELD("name", TEXT, line.params.update.meta.tool.name), FIELDS_END},
    [CTX_USAGE] =
        (const struct field[]){USAGE_FIELDS(line.params.update.turn.all),
                               FIELD_INTO("modelUsage", OBJECT, CTX_MODELS, line.params.update.turn.models),
                               FIELDS_END},
    [CTX_MODELS] = (const struct field[]){FIELD_OF_ANY(OBJECT, CTX_MODEL, usage), FIELDS_END},
    [CTX_MODEL] = (const struct field[]){USAGE_FIELDS(usage), FIELDS_END},
};

#include "scan/json_table.h"

static unsigned shape_open(struct shape *shape, unsigned context, const struct field *field, bool array)
{
    unsigned inner = fields_open(shape, field, array);

    if (inner == CTX_USAGE || inner == CTX_MODELS)
        shape->n_items = 0; /* a key that came again: the last one counts */
    if (inner == CTX_MODEL) {
        shape->model_len = shape->text.key_len;
        memcpy(shape->model, shape->text.key, shape->model_len);
    }
    return inner;
}

static inline void shape_close(struct shape *shape, unsigned context)
{
    size_t i = 0;

    if (context != CTX_MODEL)
        return;
    while (i < shape->n_items && (shape->items[i].len != shape->model_len ||
                                  memcmp(shape->items[i].name, shape->model, shape->model_len) != 0))
        i++;
    for (int k = 0; k < GROK_COUNTS; k++)
        shape->line.params.update.turn.models.odd += shape->usage.count[k].odd;
    if (i == GROK_MODELS)
        return;
    shape->items[i].usage = shape->usage;
    shape->items[i].len = shape->model_len;
    memcpy(shape->items[i].name, shape->model, shape->model_len);
    shape->n_items += i == shape->n_items;
}

#endif
