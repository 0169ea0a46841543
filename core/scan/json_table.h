/* What json_fields.h describes: the functions of a shape that is driven by a table. */
#ifndef OKSTRAFS_SCAN_JSON_TABLE_H
#define OKSTRAFS_SCAN_JSON_TABLE_H

#include <errno.h>
#include <stdlib.h>

#include "scan/json_fields.h"

static inline const struct field *fields_any(struct shape_text *text, const struct field *field,
                                             const char *s, size_t len)
{
    text->key_len = len < SHAPE_KEY_MAX ? len : SHAPE_KEY_MAX;
    memcpy(text->key, s, text->key_len);
    return field;
}

/* The first two bytes of a field with such a name. */
static inline uint16_t field_start(uint8_t len, char first)
{
    const unsigned char bytes[] = {len, (unsigned char)first};
    uint16_t start;

    memcpy(&start, bytes, sizeof(start));
    return start;
}

static inline const struct field *shape_key(struct shape *shape, unsigned context, const char *s, size_t len)
{
    const struct field *f = fields[context];
    uint16_t start, other;

    if (f && f->kind && f->len == 0)
        return fields_any(&shape->text, f, s, len);
    if (!f || len >= sizeof(f->name))
        return NULL;
    start = field_start((uint8_t)len, *s);
    for (; f->kind; f++) {
        memcpy(&other, f, sizeof(other));
        if (other == start && lex_same_key(s, f->name, len))
            return f;
    }
    return NULL;
}

static inline void fields_begin(struct shape_text *text, size_t length)
{
    text->length = length;
    text->len = 0;
    text->odd = false;
}

static inline void fields_free(struct shape_text *text)
{
    free(text->plain);
    free(text->forms);
}

static inline void fields_trim(struct shape_text *text)
{
    if (text->cap <= SHAPE_PLAIN_KEPT)
        return;
    free(text->plain);
    text->plain = NULL;
    text->cap = 0;
}

/* The string as it is meant: the line's own bytes where it has no escape. */
static int fields_text(struct shape_text *text, enum json_kind kind, const char *s, size_t len,
                       struct oks_slice *out)
{
    char *plain;

    *out = (struct oks_slice){0};
    if (kind != JSON_STRING || len == 0)
        return 0;
    if (!lex_has_backslash(s, len)) {
        *out = (struct oks_slice){s, len};
        return 0;
    }
    if (text->cap < text->length) {
        /* Nothing points here yet: the room of a line is found at its first escape, for all of it. */
        free(text->plain);
        text->cap = 0;
        text->plain = malloc(text->length);
        if (!text->plain)
            return -ENOMEM;
        text->cap = text->length;
    }
    plain = text->plain + text->len;
    len = oks_lex_unescape(s, len, plain);
    text->len += len;
    *out = (struct oks_slice){plain, len};
    return 0;
}

/* A value that is not what its key mostly has, or takes more work. */
static __attribute__((noinline)) int fields_other(struct shape *shape, const struct field *field,
                                                  enum json_kind kind, const char *s, size_t len)
{
    void *at = (char *)shape + field->offset;
    struct count *count = at;

    switch (field->kind) {
    case FIELD_TEXT:
        return fields_text(&shape->text, kind, s, len, at);
    case FIELD_COUNT:
        count->value = 0;
        count->given = kind != JSON_NULL;
        count->odd = count->given && !(kind == JSON_INT && oks_lex_count(s, len, &count->value));
        shape->text.odd |= count->odd;
        return 0;
    case FIELD_NUMBER:
        *(struct oks_slice *)at =
            kind == JSON_INT || kind == JSON_FLOAT ? (struct oks_slice){s, len} : (struct oks_slice){0};
        return 0;
    case FIELD_TRUE:
        *(bool *)at = kind == JSON_TRUE;
        return 0;
    default:
        memset(at, 0, field->size);
        return 0;
    }
}

static inline __attribute__((always_inline)) int shape_scalar(struct shape *shape, const struct field *field,
                                                              enum json_kind kind, const char *s, size_t len)
{
    void *at = (char *)shape + field->offset;

    if (kind == JSON_STRING && field->kind == FIELD_TEXT && !lex_has_backslash(s, len)) {
        *(struct oks_slice *)at = (struct oks_slice){len ? s : NULL, len};
        return 0;
    }
    if (kind == JSON_INT && field->kind == FIELD_COUNT && lex_short_int(s) == len) {
        *(struct count *)at = (struct count){.value = lex_short_value(s, len), .given = true};
        return 0;
    }
    return fields_other(shape, field, kind, s, len);
}

/* The same for what has no escape and is mostly a text. */
static inline void fields_word(struct shape *shape, const struct field *field, enum json_kind kind,
                               const char *s, size_t len)
{
    if (kind == JSON_STRING && field->kind == FIELD_TEXT)
        *(struct oks_slice *)((char *)shape + field->offset) = (struct oks_slice){len ? s : NULL, len};
    else
        fields_other(shape, field, kind, s, len);
}

/* The same for an integer of at most LEX_DIGITS digits. */
static inline void fields_digits(struct shape *shape, const struct field *field, const char *s, size_t len)
{
    if (field->kind == FIELD_COUNT)
        *(struct count *)(void *)((char *)shape + field->offset) =
            (struct count){.value = lex_value(s, len), .given = true};
    else
        fields_other(shape, field, JSON_INT, s, len);
}

/* The same for any number. */
static inline void fields_number(struct shape *shape, const struct field *field, enum json_kind kind,
                                 const char *s, size_t len)
{
    if (field->kind == FIELD_NUMBER)
        *(struct oks_slice *)(void *)((char *)shape + field->offset) = (struct oks_slice){s, len};
    else
        fields_other(shape, field, kind, s, len);
}

/* What shape_open() does with a key's value; `array` elements have no field and are the source's business. */
static inline unsigned fields_open(struct shape *shape, const struct field *field, bool array)
{
    void *at;

    if (!field)
        return 0;
    if (field->kind != (array ? FIELD_ARRAY : FIELD_OBJECT)) {
        fields_other(shape, field, array ? JSON_ARRAY : JSON_OBJECT, NULL, 0);
        return 0;
    }
    at = (char *)shape + field->offset;
    if (!SHAPE_BEGINS_EMPTY || *(bool *)at)
        memset(at, 0, field->size);
    *(bool *)at = true;
    return field->context;
}

#endif
