/*
 * What of a line of OpenCode's (opencode.h) is collected, and where it goes. Only scan_opencode.c includes
 * this, in front of the readers of lines.
 */
#ifndef OKSTRAFS_SOURCES_OPENCODE_FIELDS_H
#define OKSTRAFS_SOURCES_OPENCODE_FIELDS_H

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_SESSION,
    CTX_SESSION_DATA,
    CTX_SESSION_TIME,
    CTX_PROJECT,
    CTX_PROJECT_DATA,
    CTX_MESSAGE,
    CTX_MESSAGE_DATA,
    CTX_MESSAGE_TIME,
    CTX_MODEL,
    CTX_PATH,
    CTX_TOKENS,
    CTX_CACHE,
    CTX_CONTENT,
    CTX_CONTENT_ITEM,
    CTX_PART,
    CTX_PART_DATA,
    CTX_STEP_TOKENS,
    CTX_STEP_CACHE,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

struct time {
    bool present;
    struct count created, completed; /* milliseconds since 1970 */
};

struct tokens {
    bool present;
    struct count input, output, reasoning, total;
    struct cache {
        bool present;
        struct count read, write;
    } cache;
};

struct item {
    struct oks_slice type, name;
};

struct shape {
    struct shape_text text;
    struct session {
        bool present;
        struct oks_slice id;
        struct session_data {
            bool present;
            struct oks_slice parent, directory;
            struct time time;
        } data;
    } session;
    struct project {
        bool present;
        struct project_data {
            bool present;
            struct oks_slice worktree;
        } data;
    } project;
    struct message {
        bool present;
        struct oks_slice id;
        struct message_data {
            bool present;
            struct oks_slice role, type, model, agent, mode, finish;
            struct model {
                bool present;
                struct oks_slice id, short_id;
            } of;
            struct path {
                bool present;
                struct oks_slice cwd;
            } path;
            struct time time;
            struct tokens tokens;
            struct content {
                bool present;
                uint64_t tools;
                struct oks_slice names[OKS_TOOLS_MAX]; /* of the first ones */
            } content;
        } data;
    } message;
    struct part {
        bool present;
        struct part_data {
            bool present;
            struct oks_slice type, tool;
            struct tokens tokens;
        } data;
    } part;
    struct item item; /* of message.data.content[], the one that is read */
};

#define TOKEN_FIELDS(tokens, cache_context)                                               \
    FIELD("input", COUNT, tokens.input), FIELD("output", COUNT, tokens.output),           \
        FIELD("reasoning", COUNT, tokens.reasoning), FIELD("total", COUNT, tokens.total), \
        FIELD_INTO("cache", OBJECT, cache_context, tokens.cache), FIELDS_END
#define CACHE_FIELDS(cache) FIELD("read", COUNT, cache.read), FIELD("write", COUNT, cache.write), FIELDS_END

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){FIELD_INTO("message", OBJECT, CTX_MESSAGE, message),
                                       FIELD_INTO("part", OBJECT, CTX_PART, part),
                                       FIELD_INTO("session", OBJECT, CTX_SESSION, session),
                                       FIELD_INTO("project", OBJECT, CTX_PROJECT, project), FIELDS_END},
    [CTX_SESSION] =
        (const struct field[]){FIELD("id", TEXT, session.id),
                               FIELD_INTO("data", OBJECT, CTX_SESSION_DATA, session.data), FIELDS_END},
    [CTX_SESSION_DATA] =
        (const struct field[]){FIELD("parentID", TEXT, session.data.parent),
                               FIELD("directory", TEXT, session.data.directory),
                               FIELD_INTO("time", OBJECT, CTX_SESSION_TIME, session.data.time), FIELDS_END},
    [CTX_SESSION_TIME] =
        (const struct field[]){FIELD("created", COUNT, session.data.time.created), FIELDS_END},
    [CTX_PROJECT] =
        (const struct field[]){FIELD_INTO("data", OBJECT, CTX_PROJECT_DATA, project.data), FIELDS_END},
    [CTX_PROJECT_DATA] = (const struct field[]){FIELD("worktree", TEXT, project.data.worktree), FIELDS_END},
    [CTX_MESSAGE] =
        (const struct field[]){FIELD("id", TEXT, message.id),
                               FIELD_INTO("data", OBJECT, CTX_MESSAGE_DATA, message.data), FIELDS_END},
    [CTX_MESSAGE_DATA] =
        (const struct field[]){
            FIELD("role", TEXT, message.data.role), FIELD("type", TEXT, message.data.type),
            FIELD("modelID", TEXT, message.data.model),
            FIELD_INTO("model", OBJECT, CTX_MODEL, message.data.of), FIELD("agent", TEXT, message.data.agent),
            FIELD("mode", TEXT, message.data.mode), FIELD("finish", TEXT, message.data.finish),
            FIELD_INTO("path", OBJECT, CTX_PATH, message.data.path),
            FIELD_INTO("time", OBJECT, CTX_MESSAGE_TIME, message.data.time),
            FIELD_INTO("tokens", OBJECT, CTX_TOKENS, message.data.tokens),
            FIELD_INTO("content", ARRAY, CTX_CONTENT, message.data.content), FIELDS_END},
    [CTX_MESSAGE_TIME] =
        (const struct field[]){FIELD("created", COUNT, message.data.time.created),
                               FIELD("completed", COUNT, message.data.time.completed), FIELDS_END},
    [CTX_MODEL] = (const struct field[]){FIELD("modelID", TEXT, message.data.of.id),
                                         FIELD("id", TEXT, message.data.of.short_id), FIELDS_END},
    [CTX_PATH] = (const struct field[]){FIELD("cwd", TEXT, message.data.path.cwd), FIELDS_END},
    [CTX_TOKENS] = (const struct field[]){TOKEN_FIELDS(message.data.tokens, CTX_CACHE)},
    [CTX_CACHE] = (const struct field[]){CACHE_FIELDS(message.data.tokens.cache)},
    [CTX_CONTENT] = NULL,
    [CTX_CONTENT_ITEM] =
        (const struct field[]){FIELD("type", TEXT, item.type), FIELD("name", TEXT, item.name), FIELDS_END},
    [CTX_PART] = (const struct field[]){FIELD_INTO("data", OBJECT, CTX_PART_DATA, part.data), FIELDS_END},
    [CTX_PART_DATA] =
        (const struct field[]){FIELD("type", TEXT, part.data.type), FIELD("tool", TEXT, part.data.tool),
                               FIELD_INTO("tokens", OBJECT, CTX_STEP_TOKENS, part.data.tokens), FIELDS_END},
    [CTX_STEP_TOKENS] = (const struct field[]){TOKEN_FIELDS(part.data.tokens, CTX_STEP_CACHE)},
    [CTX_STEP_CACHE] = (const struct field[]){CACHE_FIELDS(part.data.tokens.cache)},
};

#include "scan/json_table.h"

static unsigned shape_open(struct shape *shape, unsigned context, const struct field *field, bool array)
{
    if (field)
        return fields_open(shape, field, array);
    if (context != CTX_CONTENT || array)
        return CTX_SKIP;
    shape->item = (struct item){{0}, {0}};
    return CTX_CONTENT_ITEM;
}

static inline void shape_close(struct shape *shape, unsigned context)
{
    struct content *content = &shape->message.data.content;

    if (context != CTX_CONTENT_ITEM || !oks_slice_eq(shape->item.type, OKS_SLICE("tool")))
        return;
    if (content->tools < OKS_TOOLS_MAX)
        content->names[content->tools] = shape->item.name;
    content->tools++;
}

#endif
