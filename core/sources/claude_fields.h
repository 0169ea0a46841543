/*
 * What of a Claude Code line is collected, and where it goes: the raw values of one line, and the table that
 * says, for each container that matters (a context) and each key that matters, what to do with the value.
 *
 * Every sub-object begins with `present`: see scan_claude.c, the only file to include this. What a key clears
 * ends with the `present` of the last sub-object in it, which is why these stand at the end.
 */
#ifndef OKSTRAFS_SOURCES_CLAUDE_FIELDS_H
#define OKSTRAFS_SOURCES_CLAUDE_FIELDS_H

#include "sources/claude_keys.h"
#include "scan/record.h"

enum context {
    CTX_SKIP, /* a container of no interest */
    CTX_TOP,
    CTX_MESSAGE,
    CTX_CONTENT, /* message.content[] */
    CTX_BLOCK,   /* an element of it */
    CTX_USAGE,
    CTX_SPLIT, /* usage.cache_creation */
    CTX_TOOLS, /* usage.server_tool_use */
    CTX_STEPS, /* usage.iterations[] */
    CTX_STEP,  /* an element of it */
    CTX_STEP_SPLIT,
    CTX_STEP_TOOLS,
    CTX_COMPACT,
    CTX_MICRO,
    CTX_DATA,
    CTX_NEST, /* data.message */
    CTX_NEST_MESSAGE,
    CTX_NEST_USAGE,
    CTX_NEST_SPLIT,
    CTX_NEST_TOOLS,
    CTX_RESULT, /* toolUseResult */
    CTX_COUNT,
};

enum { SHAPE_ROOT = CTX_TOP };

struct count {
    uint64_t value;
    bool given; /* neither absent nor null */
    bool odd;   /* given, but no count */
};

struct split {
    bool present;
    struct count m5, h1;
};

struct tools {
    bool present;
    struct count web_search;
};

struct usage {
    bool present;
    struct oks_slice speed, inference_geo, service_tier;
    struct count input, output, cache_creation, cache_read;
    struct split split;
    struct tools tools;
};

struct steps {
    bool present;
    unsigned n, dropped;
    uint64_t odd;
};

struct content {
    bool present;
    bool tool_result;
    unsigned n_searches; /* in record.searches */
    uint64_t tool_uses;
    struct oks_slice result_of;
};

struct result {
    bool present;
    struct count searches;
};

/* An element of content[]. */
struct block {
    struct oks_slice type, id, name, tool_use_id;
};

struct message {
    bool present;
    struct oks_slice id, model, stop_reason, timestamp;
    struct content content;
    struct usage usage;
    struct steps steps; /* of usage: cleared with it */
};

struct nest {
    bool present;
    struct oks_slice uuid, request_id, timestamp;
    struct message message;
};

struct data {
    bool present;
    struct oks_slice type;
    struct nest nest;
};

struct compact {
    bool present;
    struct oks_slice trigger;
    struct count pre_tokens;
};

struct step {
    struct usage usage;
    struct oks_slice type, model;
};

struct shape {
    struct oks_record record; /* top-level fields go straight here; steps and searches too */
    struct oks_slice type;    /* what record.type is made of */
    struct message message;
    struct data data;
    struct compact compact, micro;
    struct result result;
    struct step step;   /* the element of iterations[] being read */
    struct block block; /* the element of content[] being read */

    size_t length; /* of the line, at most: no more than that can be unescaped */
    char *plain;   /* unescaped strings of this line */
    size_t plain_len, plain_cap;
};

enum kind {
    FIELD_NONE,
    FIELD_TEXT,   /* a slice */
    FIELD_NAME,   /* a slice that is absent where empty */
    FIELD_TRUE,   /* a bool, true for true only */
    FIELD_COUNT,  /* struct count */
    FIELD_OBJECT, /* a struct that begins with `present`, filled through another context */
    FIELD_ARRAY,
};

struct field {
    uint8_t kind;
    uint8_t context; /* of the container, for the last two */
    uint16_t offset; /* in struct shape */
    uint16_t size;   /* of what the key stands for */
} __attribute__((aligned(8)));

#define AT(kind, member)                                                                            \
    {                                                                                               \
        FIELD_##kind, CTX_SKIP, offsetof(struct shape, member), sizeof(((struct shape *)0)->member) \
    }
#define INTO(kind, context, member)                                                                      \
    {                                                                                                    \
        FIELD_##kind, CTX_##context, offsetof(struct shape, member), sizeof(((struct shape *)0)->member) \
    }

/* An object of which all is cleared up to the `present` of `last`, the last thing in it. */
#define OBJECT(context, member, last)                                                        \
    {                                                                                        \
        FIELD_OBJECT, CTX_##context, offsetof(struct shape, member),                         \
            offsetof(struct shape, member.last.present) + 8 - offsetof(struct shape, member) \
    }

#define USAGE_FIELDS(usage, splits, tool_counts)                                                         \
    [KEY_INPUT_TOKENS] = AT(COUNT, usage.input), [KEY_OUTPUT_TOKENS] = AT(COUNT, usage.output),          \
    [KEY_CACHE_CREATION_INPUT_TOKENS] = AT(COUNT, usage.cache_creation),                                 \
    [KEY_CACHE_READ_INPUT_TOKENS] = AT(COUNT, usage.cache_read),                                         \
    [KEY_CACHE_CREATION] = INTO(OBJECT, splits, usage.split),                                            \
    [KEY_SERVER_TOOL_USE] = INTO(OBJECT, tool_counts, usage.tools), [KEY_SPEED] = AT(TEXT, usage.speed), \
    [KEY_INFERENCE_GEO] = AT(TEXT, usage.inference_geo), [KEY_SERVICE_TIER] = AT(TEXT, usage.service_tier)

#define SPLIT_FIELDS(usage)                                                                        \
    [KEY_EPHEMERAL_5M_INPUT_TOKENS] = AT(COUNT, usage.split.m5), [KEY_EPHEMERAL_1H_INPUT_TOKENS] = \
                                                                     AT(COUNT, usage.split.h1)

#define TOOLS_FIELDS(usage) [KEY_WEB_SEARCH_REQUESTS] = AT(COUNT, usage.tools.web_search)

#define MESSAGE_FIELDS(message)                                             \
    [KEY_ID] = AT(TEXT, message.id), [KEY_MODEL] = AT(TEXT, message.model), \
    [KEY_STOP_REASON] = AT(TEXT, message.stop_reason)

#define COMPACT_FIELDS(compact) \
    [KEY_TRIGGER] = AT(TEXT, compact.trigger), [KEY_PRE_TOKENS] = AT(COUNT, compact.pre_tokens)

/* clang-format off */
static const struct field fields[CTX_COUNT][CLAUDE_SLOTS] = {
    [CTX_TOP] = {
        [KEY_TYPE] = AT(TEXT, type),
        [KEY_TIMESTAMP] = AT(NAME, record.timestamp),
        [KEY_AGENT_NAME] = AT(NAME, record.agent_name),
        [KEY_SESSION_ID] = AT(NAME, record.session_id),
        [KEY_UUID] = AT(NAME, record.uuid),
        [KEY_REQUEST_ID] = AT(NAME, record.request_id),
        [KEY_AGENT_ID] = AT(NAME, record.agent_id),
        [KEY_CWD] = AT(NAME, record.cwd),
        [KEY_VERSION] = AT(NAME, record.version),
        [KEY_SUBTYPE] = AT(NAME, record.subtype),
        [KEY_GIT_BRANCH] = AT(NAME, record.branch),
        [KEY_EFFORT] = AT(NAME, record.effort),
        [KEY_IS_SIDECHAIN] = AT(TRUE, record.is_sidechain),
        [KEY_IS_API_ERROR_MESSAGE] = AT(TRUE, record.is_api_error),
        [KEY_IS_COMPACT_SUMMARY] = AT(TRUE, record.is_compact_summary),
        [KEY_MESSAGE] = OBJECT(MESSAGE, message, usage),
        [KEY_COMPACT_METADATA] = INTO(OBJECT, COMPACT, compact),
        [KEY_MICROCOMPACT_METADATA] = INTO(OBJECT, MICRO, micro),
        [KEY_DATA] = OBJECT(DATA, data, nest),
        [KEY_TOOL_USE_RESULT] = INTO(OBJECT, RESULT, result),
    },
    [CTX_MESSAGE] = {
        MESSAGE_FIELDS(message),
        [KEY_TIMESTAMP] = AT(NAME, message.timestamp),
        [KEY_CONTENT] = INTO(ARRAY, CONTENT, message.content),
        [KEY_USAGE] = {FIELD_OBJECT, CTX_USAGE, offsetof(struct shape, message.usage),
                       offsetof(struct shape, message.steps.present) + 8 - offsetof(struct shape, message.usage)},
    },
    [CTX_BLOCK] = {
        [KEY_TYPE] = AT(TEXT, block.type),
        [KEY_ID] = AT(NAME, block.id),
        [KEY_NAME] = AT(TEXT, block.name),
        [KEY_TOOL_USE_ID] = AT(NAME, block.tool_use_id),
    },
    [CTX_USAGE] = {
        USAGE_FIELDS(message.usage, SPLIT, TOOLS),
        [KEY_ITERATIONS] = INTO(ARRAY, STEPS, message.steps),
    },
    [CTX_SPLIT] = {SPLIT_FIELDS(message.usage)},
    [CTX_TOOLS] = {TOOLS_FIELDS(message.usage)},
    [CTX_STEP] = {
        USAGE_FIELDS(step.usage, STEP_SPLIT, STEP_TOOLS),
        [KEY_TYPE] = AT(TEXT, step.type),
        [KEY_MODEL] = AT(TEXT, step.model),
    },
    [CTX_STEP_SPLIT] = {SPLIT_FIELDS(step.usage)},
    [CTX_STEP_TOOLS] = {TOOLS_FIELDS(step.usage)},
    [CTX_COMPACT] = {COMPACT_FIELDS(compact)},
    [CTX_MICRO] = {COMPACT_FIELDS(micro)},
    [CTX_DATA] = {
        [KEY_TYPE] = AT(TEXT, data.type),
        [KEY_MESSAGE] = OBJECT(NEST, data.nest, message),
    },
    [CTX_NEST] = {
        [KEY_UUID] = AT(TEXT, data.nest.uuid),
        [KEY_REQUEST_ID] = AT(TEXT, data.nest.request_id),
        [KEY_TIMESTAMP] = AT(TEXT, data.nest.timestamp),
        [KEY_MESSAGE] = OBJECT(NEST_MESSAGE, data.nest.message, usage),
    },
    [CTX_NEST_MESSAGE] = {
        MESSAGE_FIELDS(data.nest.message),
        [KEY_USAGE] = INTO(OBJECT, NEST_USAGE, data.nest.message.usage),
    },
    [CTX_NEST_USAGE] = {USAGE_FIELDS(data.nest.message.usage, NEST_SPLIT, NEST_TOOLS)},
    [CTX_NEST_SPLIT] = {SPLIT_FIELDS(data.nest.message.usage)},
    [CTX_NEST_TOOLS] = {TOOLS_FIELDS(data.nest.message.usage)},
    [CTX_RESULT] = {[KEY_SEARCH_COUNT] = AT(COUNT, result.searches)},
};
/* clang-format on */

_Static_assert(sizeof(struct shape) < UINT16_MAX, "fields hold offsets in 16 bits");
_Static_assert(sizeof(struct message) % 8 == 0 && sizeof(struct data) % 8 == 0 &&
                   sizeof(struct steps) % 8 == 0 && sizeof(struct compact) % 8 == 0 &&
                   sizeof(struct content) % 8 == 0 && sizeof(struct result) % 8 == 0 &&
                   sizeof(struct block) % 8 == 0,
               "what a key stands for is cleared in words");

#endif
