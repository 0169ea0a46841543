/*
 * The messages of a Gemini chat that are known so far, and the memo that they make (private to the source).
 *
 * A message is written again whenever it changes, and its last form counts; so what was told of it is kept,
 * by hashes and counts alone. Not thread safe.
 */
#ifndef OKSTRAFS_SOURCES_GEMINI_MESSAGES_H
#define OKSTRAFS_SOURCES_GEMINI_MESSAGES_H

#include "base/words.h"

enum {
    GEMINI_NAME_MAX = 255,         /* bytes of an id, a model or a time */
    GEMINI_MESSAGES_MAX = 1 << 18, /* of one chat */
};

/* What a message counts; tool tokens are in the input. */
enum gemini_column {
    GEMINI_INPUT,
    GEMINI_OUTPUT,
    GEMINI_CACHED,
    GEMINI_THOUGHTS,
    GEMINI_TOOLS, /* calls */
    GEMINI_COLUMNS,
};

struct gemini_message {
    uint64_t id;                    /* hash; never 0 */
    uint64_t stamp, model;          /* hashes */
    uint64_t count[GEMINI_COLUMNS]; /* as it is now */
    bool told, fresh;               /* told at all; changed since */
    bool foreign;                   /* a peer has it: not to be told */
    bool measured;
    uint32_t length;
    uint32_t room; /* bytes at `kept` */
    uint64_t offset;
    /* Of a fresh one: what was told of it, its time, its model and the names of its first calls. */
    char *kept;
};

/* Zeroed: none. */
struct gemini_messages {
    char session[GEMINI_NAME_MAX + 1];
    struct gemini_message *items;
    size_t n, room;
    uint64_t *slots; /* by id: the number of the item plus 1, and above it the upper bits of its id */
    size_t n_slots;
    struct memo_numbers known; /* ids of the peers */
    uint64_t unnamed;          /* messages without an id */
};

uint64_t gemini_hash(struct oks_slice s);

/* What the memo says, and which messages its peers have. 0 or -ENOMEM. */
int gemini_messages_begin(struct gemini_messages *messages, const char *memo, const char *peers);
char *gemini_messages_memo(const struct gemini_messages *messages); /* malloc'ed; NULL on ENOMEM */
/* Keeps nothing but room. */
void gemini_messages_forget(struct gemini_messages *messages);
void gemini_messages_clear(struct gemini_messages *messages);

/* The message of that id; made where there is none and room. NULL: there is none, or no memory. */
struct gemini_message *gemini_message_of(struct gemini_messages *messages, uint64_t id, bool make);

/* Of struct source. */
bool gemini_agrees(const char *memo, const char *peers);

#endif
