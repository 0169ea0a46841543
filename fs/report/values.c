/*
 * A recursive-descent parser of JSON into an array of values.
 *
 * A value is followed by all that is in it, so the next one beside it is `size` further on. A string without
 * its escapes is never longer than in the text, so the block for all of them is allocated once, and pointers
 * into it stay. The text is one that okstrafs has written: what is wrong in it only must do no harm.
 */
#include "report/values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 32 };

struct parser {
    const char *p, *end;
    struct value *values;
    size_t n, room;
    char *to; /* where the next text goes */
};

static void blank(struct parser *p)
{
    while (p->p < p->end && (*p->p == ' ' || *p->p == '\t' || *p->p == '\n' || *p->p == '\r'))
        p->p++;
}

/* Passes over the character. */
static bool take(struct parser *p, char c)
{
    if (p->p == p->end || *p->p != c)
        return false;
    p->p++;
    return true;
}

static int take_word(struct parser *p, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(p->end - p->p) < n || memcmp(p->p, word, n) != 0)
        return -EINVAL;
    p->p += n;
    return 0;
}

static bool take_digits(struct parser *p)
{
    const char *begin = p->p;

    while (p->p < p->end && *p->p >= '0' && *p->p <= '9')
        p->p++;
    return p->p > begin;
}

static int parse_number(struct parser *p, struct value *value)
{
    const char *begin = p->p;

    value->type = VALUE_NUMBER;
    take(p, '-');
    if (!take_digits(p) || (take(p, '.') && !take_digits(p)))
        return -EINVAL;
    if (take(p, 'e') || take(p, 'E')) {
        if (!take(p, '+'))
            take(p, '-');
        if (!take_digits(p))
            return -EINVAL;
    }
    value->text = p->to;
    memcpy(p->to, begin, (size_t)(p->p - begin));
    p->to += p->p - begin;
    *p->to++ = '\0';
    return 0;
}

static bool take_hex4(struct parser *p, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, p->p++) {
        char c = p->p < p->end ? *p->p : '\0', low = (char)(c | 0x20);

        if (c >= '0' && c <= '9')
            *code = *code << 4 | (uint32_t)(c - '0');
        else if (low >= 'a' && low <= 'f')
            *code = *code << 4 | (uint32_t)(low - 'a' + 10);
        else
            return false;
    }
    return true;
}

static void put_code(struct parser *p, uint32_t code)
{
    if (code < 0x80) {
        *p->to++ = (char)code;
        return;
    }
    if (code < 0x800) {
        *p->to++ = (char)(0xc0 | code >> 6);
    } else if (code < 0x10000) {
        *p->to++ = (char)(0xe0 | code >> 12);
        *p->to++ = (char)(0x80 | (code >> 6 & 0x3f));
    } else {
        *p->to++ = (char)(0xf0 | code >> 18);
        *p->to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *p->to++ = (char)(0x80 | (code >> 6 & 0x3f));
    }
    *p->to++ = (char)(0x80 | (code & 0x3f));
}

/* Behind "\u". Half of a pair of surrogates is no character: it becomes U+FFFD. */
static int parse_unicode(struct parser *p)
{
    uint32_t code, low;

    if (!take_hex4(p, &code))
        return -EINVAL;
    if (code >= 0xd800 && code < 0xdc00 && p->end - p->p >= 6 && p->p[0] == '\\' && p->p[1] == 'u') {
        const char *before = p->p;

        p->p += 2;
        if (take_hex4(p, &low) && low >= 0xdc00 && low < 0xe000)
            code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
        else
            p->p = before;
    }
    put_code(p, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
    return 0;
}

static int parse_escape(struct parser *p)
{
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    const char *found;

    if (take(p, 'u'))
        return parse_unicode(p);
    found = p->p < p->end && *p->p ? strchr(names, *p->p) : NULL;
    if (!found)
        return -EINVAL;
    *p->to++ = means[found - names];
    p->p++;
    return 0;
}

/* The text of the string that begins here. */
static int parse_string(struct parser *p, const char **text)
{
    int rc = 0;

    if (!take(p, '"'))
        return -EINVAL;
    *text = p->to;
    while (rc == 0 && !take(p, '"')) {
        if (p->p == p->end)
            rc = -EINVAL;
        else if (take(p, '\\'))
            rc = parse_escape(p);
        else
            *p->to++ = *p->p++;
    }
    *p->to++ = '\0';
    return rc;
}

static int parse_value(struct parser *p, const char *key, unsigned level);

static int parse_items(struct parser *p, bool keyed, unsigned level)
{
    char close = keyed ? '}' : ']';
    int rc = 0;

    p->p++;
    blank(p);
    if (take(p, close))
        return 0;
    do {
        const char *key = NULL;

        blank(p);
        if (keyed) {
            rc = parse_string(p, &key);
            blank(p);
            if (rc == 0 && !take(p, ':'))
                rc = -EINVAL;
            blank(p);
        }
        if (rc == 0)
            rc = parse_value(p, key, level + 1);
        blank(p);
    } while (rc == 0 && take(p, ','));
    return rc < 0 ? rc : take(p, close) ? 0 : -EINVAL;
}

static int parse_scalar(struct parser *p, struct value *value)
{
    switch (*p->p) {
    case '"':
        value->type = VALUE_STRING;
        return parse_string(p, &value->text);
    case 't':
        value->type = VALUE_TRUE;
        return take_word(p, "true");
    case 'f':
        value->type = VALUE_FALSE;
        return take_word(p, "false");
    case 'n':
        return take_word(p, "null");
    default:
        return parse_number(p, value);
    }
}

static bool grow(struct parser *p)
{
    size_t room = p->room ? p->room * 2 : 64;
    struct value *values = p->n < p->room ? p->values : reallocarray(p->values, room, sizeof(*values));

    if (!values)
        return false;
    p->room = p->n < p->room ? p->room : room;
    p->values = values;
    return true;
}

static int parse_value(struct parser *p, const char *key, unsigned level)
{
    size_t at = p->n;
    int rc;

    if (p->p == p->end || level > DEPTH)
        return -EINVAL;
    if (!grow(p))
        return -ENOMEM;
    p->values[p->n++] = (struct value){.key = key, .size = 1};
    if (*p->p != '{' && *p->p != '[')
        return parse_scalar(p, &p->values[at]);
    p->values[at].type = *p->p == '{' ? VALUE_OBJECT : VALUE_ARRAY;
    rc = parse_items(p, *p->p == '{', level);
    p->values[at].size = (uint32_t)(p->n - at);
    return rc;
}

int values_parse(struct values *out, struct oks_slice text)
{
    struct parser p = {.p = text.ptr, .end = text.ptr + text.len};
    char *bytes;
    int rc;

    if (text.len >= UINT32_MAX / 2)
        return -EINVAL;
    /* Room for the NUL behind a string is where its quotes were, behind a number where the next character is.
     */
    bytes = p.to = malloc(text.len + 1);
    if (!bytes)
        return -ENOMEM;
    blank(&p);
    rc = parse_value(&p, NULL, 1);
    blank(&p);
    if (rc == 0 && p.p < p.end)
        rc = -EINVAL;
    if (rc < 0) {
        free(p.values);
        free(bytes);
        return rc;
    }
    *out = (struct values){p.values, bytes};
    return 0;
}

void values_clear(struct values *values)
{
    free(values->root);
    free(values->bytes);
    *values = (struct values){0};
}

/* --- queries --- */

bool value_is(const struct value *value, enum value_type type)
{
    return value && value->type == type;
}

bool value_is_true(const struct value *value)
{
    return value_is(value, VALUE_TRUE);
}

const char *value_string(const struct value *value)
{
    return value_is(value, VALUE_STRING) ? value->text : NULL;
}

const struct value *value_first(const struct value *container)
{
    return container && container->size > 1 ? container + 1 : NULL;
}

const struct value *value_next(const struct value *container, const struct value *value)
{
    value += value->size;
    return value < container + container->size ? value : NULL;
}

const struct value *value_member_of(const struct value *object, struct oks_slice key)
{
    const struct value *found = NULL, *end;

    if (!value_is(object, VALUE_OBJECT))
        return NULL;
    end = object + object->size;
    for (const struct value *v = object + 1; v < end; v += v->size)
        if (*v->key == *key.ptr && strncmp(v->key, key.ptr, key.len) == 0 && !v->key[key.len])
            found = v;
    return found;
}

const struct value *value_member(const struct value *object, const char *key)
{
    return value_member_of(object, oks_slice_of(key));
}
