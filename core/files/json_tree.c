/*
 * A recursive-descent parser of RFC 8259, into an array of values.
 *
 * A value is followed by all that is in it, so the next one beside it is `size` further on. A string without
 * its escapes is never longer than in the text, so the block for all of them is allocated once, and pointers
 * into it stay.
 *
 * Invariants: recursion is bounded by the rules' depth; repeated keys are found by sorting, so nothing here
 * is quadratic but json_member() of a caller who looks up as many keys as there are.
 */
#include "files/json_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/utf8.h"

static const char ends_in_the_middle[] = "the file ends in the middle";

struct member {
    const char *key;
    uint32_t len, at;
};

struct parser {
    const char *p, *end, *begin;
    const struct json_rules *rules;
    struct json_value *values;
    size_t n, room;
    struct member *members; /* of the object whose keys are compared */
    size_t members_room;
    char *bytes, *to; /* the block, and where the next text goes */
    const char *what;
};

/* --- words --- */

static int wrong(struct parser *p, const char *what)
{
    p->what = p->p == p->end ? ends_in_the_middle : what;
    return -EINVAL;
}

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

static bool take_word(struct parser *p, const char *word)
{
    size_t n = strlen(word), left = (size_t)(p->end - p->p);

    if (memcmp(p->p, word, left < n ? left : n) != 0)
        return false;
    p->p += left < n ? left : n;
    return left >= n;
}

static bool take_digits(struct parser *p)
{
    const char *begin = p->p;

    while (p->p < p->end && *p->p >= '0' && *p->p <= '9')
        p->p++;
    return p->p > begin;
}

static int parse_number(struct parser *p, struct json_value *value)
{
    const char *begin = p->p;

    value->type = JSON_TYPE_INT;
    take(p, '-');
    if (!take(p, '0') && !take_digits(p))
        return wrong(p, "unexpected character");
    if (take(p, '.')) {
        value->type = JSON_TYPE_DOUBLE;
        if (!take_digits(p))
            return wrong(p, "a number that is none");
    }
    if (take(p, 'e') || take(p, 'E')) {
        value->type = JSON_TYPE_DOUBLE;
        if (!take(p, '+'))
            take(p, '-');
        if (!take_digits(p))
            return wrong(p, "a number that is none");
    }
    value->text = p->to;
    value->len = (uint32_t)(p->p - begin);
    memcpy(p->to, begin, value->len);
    p->to += value->len;
    *p->to++ = '\0';
    return 0;
}

/* --- strings --- */

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

/* Behind "\u". A surrogate without the other one becomes U+FFFD. */
static int parse_unicode(struct parser *p)
{
    uint32_t code, low;

    if (!take_hex4(p, &code))
        return wrong(p, "an escape that is none");
    if (code >= 0xd800 && code < 0xe000) {
        const char *before = p->p;

        if (code < 0xdc00 && p->end - p->p >= 6 && p->p[0] == '\\' && p->p[1] == 'u') {
            p->p += 2;
            if (take_hex4(p, &low) && low >= 0xdc00 && low < 0xe000) {
                p->to += utf8_put(0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff)), p->to);
                return 0;
            }
            p->p = before;
        }
        code = UTF8_REPLACEMENT;
    }
    p->to += utf8_put(code, p->to);
    return 0;
}

static int parse_escape(struct parser *p)
{
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    const char *found;

    if (p->p == p->end)
        return wrong(p, "");
    if (take(p, 'u'))
        return parse_unicode(p);
    found = *p->p ? strchr(names, *p->p) : NULL;
    if (!found)
        return wrong(p, "an escape that is none");
    *p->to++ = means[found - names];
    p->p++;
    return 0;
}

/* One character that is no escape. */
static int parse_char(struct parser *p)
{
    uint32_t code;
    size_t n = 1;

    if (!p->rules->any_bytes) {
        if ((unsigned char)*p->p < 0x20)
            return wrong(p, "a control character in a string");
        if ((*p->p & 0x80) && !utf8_next(p->p, (size_t)(p->end - p->p), &code, &n))
            return wrong(p, "bytes that are no UTF-8");
    }
    memcpy(p->to, p->p, n);
    p->to += n;
    p->p += n;
    return 0;
}

/* The text of the string that begins here. */
static int parse_string(struct parser *p, const char **text, uint32_t *len)
{
    const char *begin = p->to;

    p->p++;
    while (!take(p, '"')) {
        int rc = p->p == p->end ? wrong(p, "") : take(p, '\\') ? parse_escape(p) : parse_char(p);

        if (rc < 0)
            return rc;
    }
    *text = begin;
    *len = (uint32_t)(p->to - begin);
    *p->to++ = '\0';
    return 0;
}

/* --- values --- */

static int parse_value(struct parser *p, unsigned level);

static int by_key(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int d = memcmp(x->key, y->key, x->len < y->len ? x->len : y->len);

    if (d)
        return d;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* Marks the members of an object whose key comes again. */
static int overrule(struct parser *p, size_t object)
{
    struct json_value *o = &p->values[object];
    size_t n = 0;

    if (o->n < 2)
        return 0;
    if (!OKS_ROOM(p->members, o->n, p->members_room))
        return -ENOMEM;
    for (size_t at = object + 1; at < p->n; at += p->values[at].size)
        p->members[n++] = (struct member){p->values[at].key, p->values[at].key_len, (uint32_t)at};
    qsort(p->members, n, sizeof(*p->members), by_key);
    for (size_t i = 0; i + 1 < n; i++)
        if (p->members[i].len == p->members[i + 1].len &&
            memcmp(p->members[i].key, p->members[i + 1].key, p->members[i].len) == 0) {
            p->values[p->members[i].at].overruled = true;
            o->n--;
        }
    return 0;
}

/* A member or an element. */
static int parse_item(struct parser *p, size_t container, unsigned level)
{
    bool keyed = p->values[container].type == JSON_TYPE_OBJECT;
    const char *key = NULL;
    uint32_t key_len = 0;
    size_t at;
    int rc;

    if (keyed) {
        if (p->p == p->end || *p->p != '"')
            return wrong(p, "a key without quotes");
        rc = parse_string(p, &key, &key_len);
        if (rc < 0)
            return rc;
        blank(p);
        if (!take(p, ':'))
            return wrong(p, "a key without a value");
        blank(p);
    }
    at = p->n;
    rc = parse_value(p, level);
    if (rc < 0)
        return rc;
    p->values[at].key = key;
    p->values[at].key_len = key_len;
    p->values[container].n++;
    return 0;
}

static int parse_items(struct parser *p, size_t container, unsigned level)
{
    char close = p->values[container].type == JSON_TYPE_OBJECT ? '}' : ']';
    int rc;

    p->p++;
    blank(p);
    if (take(p, close))
        return 0;
    do {
        blank(p);
        rc = parse_item(p, container, level + 1);
        if (rc < 0)
            return rc;
        blank(p);
    } while (take(p, ','));
    if (!take(p, close))
        return wrong(p, "a comma is missing");
    return close == '}' ? overrule(p, container) : 0;
}

static int parse_scalar(struct parser *p, struct json_value *value)
{
    switch (*p->p) {
    case '"':
        value->type = JSON_TYPE_STRING;
        return parse_string(p, &value->text, &value->len);
    case 't':
        value->type = JSON_TYPE_BOOLEAN;
        value->n = 1;
        return take_word(p, "true") ? 0 : wrong(p, "unexpected character");
    case 'f':
        value->type = JSON_TYPE_BOOLEAN;
        return take_word(p, "false") ? 0 : wrong(p, "unexpected character");
    case 'n':
        return take_word(p, "null") ? 0 : wrong(p, "unexpected character");
    default:
        return parse_number(p, value);
    }
}

static int parse_value(struct parser *p, unsigned level)
{
    size_t at = p->n;
    int rc;

    if (p->p == p->end)
        return wrong(p, "");
    if (level > p->rules->depth)
        return wrong(p, "nested too deeply");
    if (!OKS_GROW(p->values, p->n, p->room))
        return -ENOMEM;
    p->values[p->n++] = (struct json_value){.size = 1};
    if (*p->p == '{' || *p->p == '[') {
        p->values[at].type = *p->p == '{' ? JSON_TYPE_OBJECT : JSON_TYPE_ARRAY;
        rc = parse_items(p, at, level);
        p->values[at].size = (uint32_t)(p->n - at);
        return rc;
    }
    return parse_scalar(p, &p->values[at]);
}

int json_tree_parse(struct json_tree *out, struct oks_slice text, const struct json_rules *rules,
                    struct json_fault *fault)
{
    struct parser p = {.p = text.ptr, .begin = text.ptr, .end = text.ptr + text.len, .rules = rules};
    int rc;

    if (text.len >= UINT32_MAX / 2) {
        *fault = (struct json_fault){0, "it is too large"};
        return -EINVAL;
    }
    p.bytes = p.to = malloc(text.len + 1);
    if (!p.bytes)
        return -ENOMEM;
    blank(&p);
    rc = parse_value(&p, 1);
    if (rc == 0)
        blank(&p);
    if (rc == 0 && p.p < p.end)
        rc = wrong(&p, "more text behind the end");
    free(p.members);
    if (rc < 0) {
        *fault = (struct json_fault){(size_t)(p.p - p.begin), p.what};
        free(p.values);
        free(p.bytes);
        return rc;
    }
    *out = (struct json_tree){p.values, p.bytes};
    return 0;
}

void json_tree_clear(struct json_tree *tree)
{
    free(tree->root);
    free(tree->bytes);
    *tree = (struct json_tree){0};
}

/* --- queries --- */

bool json_is(const struct json_value *value, enum json_value_type type)
{
    return value && value->type == type;
}

static const struct json_value *in_force(const struct json_value *container, const struct json_value *value)
{
    while (value < container + container->size && value->overruled)
        value += value->size;
    return value < container + container->size ? value : NULL;
}

const struct json_value *json_first(const struct json_value *container)
{
    return container ? in_force(container, container + 1) : NULL;
}

const struct json_value *json_next(const struct json_value *container, const struct json_value *value)
{
    return in_force(container, value + value->size);
}

const struct json_value *json_member(const struct json_value *object, const char *key)
{
    size_t n = strlen(key);

    if (!json_is(object, JSON_TYPE_OBJECT))
        return NULL;
    for (const struct json_value *v = json_first(object); v; v = json_next(object, v))
        if (v->key_len == n && memcmp(v->key, key, n) == 0)
            return v;
    return NULL;
}

const char *json_text(const struct json_value *value)
{
    return json_is(value, JSON_TYPE_STRING) && strlen(value->text) == value->len ? value->text : NULL;
}

bool json_true(const struct json_value *value)
{
    return json_is(value, JSON_TYPE_BOOLEAN) && value->n == 1;
}

static bool is_number(const struct json_value *value)
{
    return json_is(value, JSON_TYPE_INT) || json_is(value, JSON_TYPE_DOUBLE);
}

int64_t json_int64(const struct json_value *value)
{
    double d;

    if (json_is(value, JSON_TYPE_INT))
        return strtoll(value->text, NULL, 10);
    if (!is_number(value))
        return 0;
    d = strtod(value->text, NULL);
    return d >= 0x1p63 ? INT64_MAX : d < -0x1p63 ? INT64_MIN : (int64_t)d;
}

uint64_t json_uint64(const struct json_value *value)
{
    return json_is(value, JSON_TYPE_INT) && value->text[0] != '-' ? strtoull(value->text, NULL, 10) : 0;
}
