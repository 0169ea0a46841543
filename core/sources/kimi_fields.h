/*
 * What of a line of Kimi is collected, and where it goes. Only scan_kimi.c includes this, in front of the
 * readers of lines.
 */
#ifndef OKSTRAFS_SOURCES_KIMI_FIELDS_H
#define OKSTRAFS_SOURCES_KIMI_FIELDS_H

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_USAGE,
    CTX_EVENT,
    CTX_MESSAGE,
    CTX_PAYLOAD,
    CTX_OLD_USAGE,
    CTX_FUNCTION,
    SHAPE_ROOT = CTX_TOP,
};

#define SHAPE_BEGINS_EMPTY true
#include "scan/json_fields.h"

enum kimi_count { KIMI_INPUT, KIMI_OUTPUT, KIMI_READ, KIMI_WRITE, KIMI_COUNTS };

struct shape {
    struct shape_text text;
    struct line {
        struct oks_slice type, cwd, profile, effort, model, alias, source;
        struct oks_slice seconds; /* of Kimi CLI; a number */
        struct count time, before;
        struct usage { /* of a usage.record, a step.end, or a StatusUpdate: a line is one of them */
            bool present;
            struct count count[KIMI_COUNTS];
        } usage;
        struct event {
            bool present;
            struct oks_slice type, name;
        } event;
        struct message {
            bool present;
            struct oks_slice type, role;
            struct payload { /* of Kimi CLI */
                bool present;
                struct oks_slice id;
                struct function {
                    bool present;
                    struct oks_slice name;
                } function;
            } payload;
        } message;
    } line;
};

static const struct field *const fields[] = {
    [CTX_TOP] =
        (const struct field[]){FIELD("type", TEXT, line.type), FIELD("time", COUNT, line.time),
                               FIELD("timestamp", NUMBER, line.seconds), FIELD("model", TEXT, line.model),
                               FIELD("modelAlias", TEXT, line.alias), FIELD("cwd", TEXT, line.cwd),
                               FIELD("profileName", TEXT, line.profile),
                               FIELD("thinkingEffort", TEXT, line.effort), FIELD("source", TEXT, line.source),
                               FIELD("tokensBefore", COUNT, line.before),
                               FIELD_INTO("event", OBJECT, CTX_EVENT, line.event),
                               FIELD_INTO("usage", OBJECT, CTX_USAGE, line.usage),
                               FIELD_INTO("message", OBJECT, CTX_MESSAGE, line.message), FIELDS_END},
    [CTX_EVENT] =
        (const struct field[]){FIELD("type", TEXT, line.event.type), FIELD("name", TEXT, line.event.name),
                               FIELD_INTO("usage", OBJECT, CTX_USAGE, line.usage), FIELDS_END},
    [CTX_USAGE] =
        (const struct field[]){FIELD("inputOther", COUNT, line.usage.count[KIMI_INPUT]),
                               FIELD("output", COUNT, line.usage.count[KIMI_OUTPUT]),
                               FIELD("inputCacheRead", COUNT, line.usage.count[KIMI_READ]),
                               FIELD("inputCacheCreation", COUNT, line.usage.count[KIMI_WRITE]), FIELDS_END},
    [CTX_MESSAGE] =
        (const struct field[]){FIELD("type", TEXT, line.message.type), FIELD("role", TEXT, line.message.role),
                               FIELD_INTO("payload", OBJECT, CTX_PAYLOAD, line.message.payload), FIELDS_END},
    [CTX_PAYLOAD] =
        (const struct field[]){FIELD("message_id", TEXT, line.message.payload.id),
                               FIELD_INTO("token_usage", OBJECT, CTX_OLD_USAGE, line.usage),
                               FIELD_INTO("function", OBJECT, CTX_FUNCTION, line.message.payload.function),
                               FIELDS_END},
    [CTX_OLD_USAGE] =
        (const struct field[]){FIELD("input_other", COUNT, line.usage.count[KIMI_INPUT]),
                               FIELD("output", COUNT, line.usage.count[KIMI_OUTPUT]),
                               FIELD("input_cache_read", COUNT, line.usage.count[KIMI_READ]),
                               FIELD("input_cache_creation", COUNT, line.usage.count[KIMI_WRITE]),
                               FIELDS_END},
    [CTX_FUNCTION] =
        (const struct field[]){FIELD("name", TEXT, line.message.payload.function.name), FIELDS_END},
};

#include "scan/json_objects.h"

#endif
