/*
 * Forms: a cache of what stands between the values of lines, so that a line like an earlier one is recognised
 * by comparing bytes, and its keys need not be looked up.
 *
 * A line is cut into pieces, at its numbers and at its strings. Each begins behind such a value, and ends in
 * front of the next number, or with the first quote of the next string: `","model":"`. The last one ends with
 * the newline. Words that only name a kind of thing are left in their piece, as literals are:
 * `","type":"message","id":"`. Pieces are the nodes of a trie, with what the shape (json_shape.h) is told of
 * them. A line that differs anywhere from all that are known is begun again and walked (json_walk.h), and its
 * form is kept.
 *
 * No piece of a node begins another one of the same node, but in front of a number. What a word may be is
 * limited: where more come, it is a string as others.
 *
 * Why this accepts only what the walk accepted. A piece follows the value in front of it: at its end, which
 * is known of a number or literal. Of a string only the next entry is known. That entry is outside strings,
 * or an error inside of one, whose byte is in no piece and begins no value. Between a string and the next
 * entry outside are only a quote, white space, and separators, so the piece begins with the quote that ends
 * the string. From there on equal bytes have equal entries. So no more entries than those of earlier pieces
 * and the next one are ever looked at, and all of these are of the line.
 */
#ifndef OKSTRAFS_SCAN_JSON_FORMS_H
#define OKSTRAFS_SCAN_JSON_FORMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scan/json_lex.h"

enum {
    FORM_TEXT = 128,  /* bytes of a piece, and all of those that stand behind a buffer (OKS_PAD) */
    FORM_ROOM = 160,  /* more than that, so that nodes are whole cache lines */
    FORM_WORD = 48,   /* of a word in it */
    FORM_VALUES = 64, /* of a line */
    FORM_CALLS = 96,
    FORMS_NODES = 2048,
    FORMS_CALLS = 8192,
    FORMS_ALIKE = 64, /* nodes that may follow one */
    FORMS_WORDS = 12, /* of them, those that differ in one word */

    /* Where lines do not resemble each other, few are kept. */
    FORMS_CREDIT = 1024,
    FORM_PRICE = 8, /* of keeping one */
    FORM_GAIN = 4,  /* of finding one; any other line gains 1 */
};

enum form_kind { FORM_STRING, FORM_ATOM, FORM_END };

enum form_what { CALL_KEY, CALL_VALUE, CALL_OBJECT, CALL_ARRAY, CALL_CLOSE };

/* One call of a shape's functions for what is in a piece. */
struct form_call {
    const void *field;
    uint8_t what;    /* enum form_what */
    uint8_t context; /* of a value its enum json_kind */
    uint8_t at, len; /* of a key or value, in the piece */
};

/* What is compared first and what is needed next are in one cache line. */
struct form_node {
    char text[FORM_ROOM];    /* its last bytes */
    struct form_node *first; /* the node that may come next and was met last */
    struct form_node *other; /* the next one of those behind the same node */
    const void *field;       /* of the value behind the piece, or NULL */
    uint16_t calls;
    uint8_t n_calls;
    uint8_t len;
    uint8_t lead;    /* bytes before the first entry */
    uint8_t to;      /* the last entry's place; behind the piece, in front of a number */
    uint8_t entries; /* in it, with the value's own */
    uint8_t kind;    /* enum form_kind: of the value behind it */
} __attribute__((aligned(64)));

struct json_forms {
    struct form_node nodes[FORMS_NODES]; /* the first one is in front of all lines */
    struct form_call calls[FORMS_CALLS];
    unsigned n_nodes, n_calls;
    unsigned credit;
};

/* The line that is walked, to be kept. */
struct form_draft {
    const uint32_t *entries;
    const char *buf;
    bool fits;
    unsigned n_values, n_calls;
    struct form_value {
        uint32_t from, to; /* from its first quote to its last, or behind it if it is no string */
        uint32_t entry;
        enum json_kind kind;
        const void *field;
        unsigned n_calls; /* before it */
    } values[FORM_VALUES];
    struct form_call calls[FORM_CALLS];
    uint32_t keys[FORM_CALLS]; /* where those of calls are */
};

/* Keeps the form of a line that begins at `from` and has its newline at `newline`. No memory: it does not. */
void json_forms_keep(struct json_forms **forms, const struct form_draft *draft, size_t from,
                     const uint32_t *newline);

/* Whether the form of the next line that is not found is worth keeping. */
static inline bool forms_may_keep(struct json_forms *forms)
{
    if (!forms)
        return true;
    if (forms->credit < FORM_PRICE) {
        forms->credit++;
        return false;
    }
    forms->credit -= FORM_PRICE;
    return true;
}

static inline void draft_begin(struct form_draft *draft, const char *buf, const uint32_t *entries)
{
    draft->entries = entries;
    draft->buf = buf;
    draft->fits = true;
    draft->n_values = draft->n_calls = 0;
}

/* `key` and `len` are those of a key. */
static inline void draft_call(struct form_draft *draft, enum form_what what, const void *field,
                              unsigned context, const char *key, size_t len)
{
    if (draft->n_calls == FORM_CALLS || len >= FORM_TEXT) {
        draft->fits = false;
        return;
    }
    draft->keys[draft->n_calls] = key ? (uint32_t)(key - draft->buf) : 0;
    draft->calls[draft->n_calls++] = (struct form_call){
        .field = field, .what = (uint8_t)what, .context = (uint8_t)context, .len = (uint8_t)len};
}

/* A value whose entry is at `entry`, up to `end`: a string's last quote, or behind an atom. */
static inline void draft_value(struct form_draft *draft, enum json_kind kind, const void *field,
                               const uint32_t *entry, const char *end)
{
    if (draft->n_values == FORM_VALUES) {
        draft->fits = false;
        return;
    }
    draft->values[draft->n_values++] = (struct form_value){.from = *entry,
                                                           .to = (uint32_t)(end - draft->buf),
                                                           .entry = (uint32_t)(entry - draft->entries),
                                                           .kind = kind,
                                                           .field = field,
                                                           .n_calls = draft->n_calls};
}

_Static_assert((int)FORM_TEXT <= (int)OKS_PAD, "pieces are compared beyond the end of a line");

#endif
