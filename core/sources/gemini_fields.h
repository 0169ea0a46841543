/*
 * What of a Gemini line is collected, and where it goes. Only scan_gemini.c includes this, in front of the
 * readers of lines.
 */
#ifndef OKSTRAFS_SOURCES_GEMINI_FIELDS_H
#define OKSTRAFS_SOURCES_GEMINI_FIELDS_H

#include "base/array.h"
#include "sources/gemini_messages.h"

enum {
    CTX_SKIP,
    CTX_TOP,
    CTX_SET,
    CTX_MESSAGES, /* an array of them */
    CTX_MESSAGE,
    CTX_TOKENS,      /* of a message that is a line */
    CTX_ITEM_TOKENS, /* of one in an array */
    CTX_CALLS,
    CTX_ITEM_CALLS,
    CTX_CALL,
    CTX_ITEM_CALL,
    CTX_DIRECTORIES,
    SHAPE_ROOT = CTX_TOP,
};

#include "scan/json_fields.h"

enum { COUNTS = GEMINI_TOOLS }; /* the columns that are token counts */

struct tokens {
    bool present;
    struct count count[COUNTS], tool;
};

struct calls {
    bool present;
    uint64_t n;
    struct oks_slice names[OKS_TOOLS_MAX]; /* of the first ones; ptr NULL: it has none */
};

struct message {
    struct oks_slice id, timestamp, type, model;
    struct tokens tokens;
    struct calls calls;
};

struct list {
    bool present;
};

struct shape {
    struct shape_text text;
    struct message line; /* the line itself, as a message */
    struct oks_slice session, kind;
    struct set {
        bool present;
        struct list messages;
    } set;
    struct list messages;
    struct message item; /* the element of messages[] that is read */
    struct list directories;
    struct oks_slice call; /* the name of the tool call that is read */

    struct message *items; /* the elements so far */
    size_t n_items, items_room;
    bool no_memory;
};

#define TOKEN_FIELDS(tokens)                                                                                \
    FIELD("input", COUNT, tokens.count[GEMINI_INPUT]), FIELD("output", COUNT, tokens.count[GEMINI_OUTPUT]), \
        FIELD("cached", COUNT, tokens.count[GEMINI_CACHED]),                                                \
        FIELD("thoughts", COUNT, tokens.count[GEMINI_THOUGHTS]), FIELD("tool", COUNT, tokens.tool),         \
        FIELDS_END
#define MESSAGE_FIELDS(message)                                                 \
    FIELD("id", TEXT, message.id), FIELD("timestamp", TEXT, message.timestamp), \
        FIELD("type", TEXT, message.type), FIELD("model", TEXT, message.model)

static const struct field *const fields[] = {
    [CTX_TOP] = (const struct field[]){MESSAGE_FIELDS(line), FIELD("sessionId", TEXT, session),
                                       FIELD("kind", TEXT, kind),
                                       FIELD_INTO("tokens", OBJECT, CTX_TOKENS, line.tokens),
                                       FIELD_INTO("toolCalls", ARRAY, CTX_CALLS, line.calls),
                                       FIELD_INTO("$set", OBJECT, CTX_SET, set),
                                       FIELD_INTO("messages", ARRAY, CTX_MESSAGES, messages), FIELDS_END},
    [CTX_SET] = (const struct field[]){FIELD_INTO("messages", ARRAY, CTX_MESSAGES, set.messages), FIELDS_END},
    [CTX_MESSAGE] =
        (const struct field[]){MESSAGE_FIELDS(item),
                               FIELD_INTO("tokens", OBJECT, CTX_ITEM_TOKENS, item.tokens),
                               FIELD_INTO("toolCalls", ARRAY, CTX_ITEM_CALLS, item.calls), FIELDS_END},
    [CTX_TOKENS] = (const struct field[]){TOKEN_FIELDS(line.tokens)},
    [CTX_ITEM_TOKENS] = (const struct field[]){TOKEN_FIELDS(item.tokens)},
    [CTX_CALL] = (const struct field[]){FIELD("name", TEXT, call), FIELDS_END},
    [CTX_ITEM_CALL] = (const struct field[]){FIELD("name", TEXT, call), FIELDS_END},
    [CTX_DIRECTORIES] = NULL,
};

#include "scan/json_table.h"

/* Of an array. */
static unsigned open_element(struct shape *shape, unsigned context, bool array)
{
    if (context == CTX_CALLS || context == CTX_ITEM_CALLS) {
        (context == CTX_CALLS ? &shape->line : &shape->item)->calls.n++;
        shape->call = (struct oks_slice){0};
        return array ? CTX_SKIP : context == CTX_CALLS ? CTX_CALL : CTX_ITEM_CALL;
    }
    if (context != CTX_MESSAGES || array)
        return CTX_SKIP;
    memset(&shape->item, 0, sizeof(shape->item));
    return CTX_MESSAGE;
}

static void end_call(struct calls *calls, struct oks_slice name)
{
    if (calls->n > 0 && calls->n <= OKS_TOOLS_MAX)
        calls->names[calls->n - 1] = name;
}

static unsigned shape_open(struct shape *shape, unsigned context, const struct field *field, bool array)
{
    unsigned inner;

    if (!field)
        return open_element(shape, context, array);
    inner = fields_open(shape, field, array);
    if (inner == CTX_MESSAGES)
        shape->n_items = 0; /* the key came again: the last one counts */
    return inner;
}

static inline void shape_close(struct shape *shape, unsigned context)
{
    if (context == CTX_CALL)
        end_call(&shape->line.calls, shape->call);
    if (context == CTX_ITEM_CALL)
        end_call(&shape->item.calls, shape->call);
    if (context != CTX_MESSAGE)
        return;
    if (!OKS_GROW(shape->items, shape->n_items, shape->items_room)) {
        shape->no_memory = true;
        return;
    }
    shape->items[shape->n_items++] = shape->item;
}

#endif
