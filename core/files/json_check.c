/*
 * A recursive-descent checker of RFC 8259.
 *
 * json-c takes more than that, each release something else (comments, NaN, "1.", control characters, any
 * UTF-8), and says less of what is wrong. What passes here, every release of json-c takes.
 *
 * Invariants: nothing is allocated; recursion is bounded by the rules' depth.
 */
#include "files/json_check.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

struct checker {
    const char *p, *end;
    const struct json_rules *rules;
    unsigned containers;
    const char *what;
};

/* --- words --- */

static int wrong(struct checker *c, const char *what)
{
    c->what = c->p == c->end ? "the file ends in the middle" : what;
    return -EINVAL;
}

static void blank(struct checker *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

/* Passes over the character. */
static bool take(struct checker *c, char wanted)
{
    if (c->p == c->end || *c->p != wanted)
        return false;
    c->p++;
    return true;
}

static int check_word(struct checker *c, const char *word)
{
    size_t n = strlen(word), left = (size_t)(c->end - c->p), some = left < n ? left : n;

    if (memcmp(c->p, word, some) != 0)
        return wrong(c, "unexpected character");
    c->p += some;
    return some < n ? wrong(c, "") : 0;
}

static bool take_digits(struct checker *c)
{
    const char *begin = c->p;

    while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
        c->p++;
    return c->p > begin;
}

static int check_number(struct checker *c)
{
    take(c, '-');
    if (!take(c, '0') && !take_digits(c))
        return wrong(c, "unexpected character");
    if (take(c, '.') && !take_digits(c))
        return wrong(c, "a number that is none");
    if (take(c, 'e') || take(c, 'E')) {
        if (!take(c, '+'))
            take(c, '-');
        if (!take_digits(c))
            return wrong(c, "a number that is none");
    }
    return 0;
}

/* --- strings --- */

/* Behind "\u". */
static int check_unicode(struct checker *c, bool is_name)
{
    unsigned digits = 0, zeros = 0;

    for (; digits < 4 && c->p < c->end && strchr("0123456789abcdefABCDEF", *c->p) && *c->p; digits++)
        zeros += *c->p++ == '0';
    if (digits < 4)
        return wrong(c, "an escape that is none");
    return is_name && zeros == 4 ? wrong(c, "a name with a NUL") : 0;
}

/* Behind the backslash. */
static int check_escape(struct checker *c, bool is_name)
{
    if (take(c, 'u'))
        return check_unicode(c, is_name);
    if (c->p == c->end || !*c->p || !strchr("\"\\/bfnrt", *c->p))
        return wrong(c, "an escape that is none");
    c->p++;
    return 0;
}

/* One character that is no escape. */
static int check_char(struct checker *c)
{
    uint32_t code;
    size_t n = 1;

    if ((unsigned char)*c->p < (c->rules->any_bytes ? 1 : 0x20))
        return wrong(c, "a control character in a string");
    if (!c->rules->any_bytes && (*c->p & 0x80) && !utf8_next(c->p, (size_t)(c->end - c->p), &code, &n))
        return wrong(c, "bytes that are no UTF-8");
    c->p += n;
    return 0;
}

/* Behind the quote. */
static int check_string(struct checker *c, bool is_name)
{
    while (!take(c, '"')) {
        int rc = c->p == c->end ? wrong(c, "") : take(c, '\\') ? check_escape(c, is_name) : check_char(c);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* --- values --- */

static int check_value(struct checker *c, unsigned level);

/* A member's name, and the colon. */
static int check_name(struct checker *c)
{
    int rc;

    if (!take(c, '"'))
        return wrong(c, "a key without quotes");
    rc = check_string(c, true);
    if (rc < 0)
        return rc;
    blank(c);
    if (!take(c, ':'))
        return wrong(c, "a key without a value");
    blank(c);
    return 0;
}

/* Behind the bracket. */
static int check_items(struct checker *c, char close, unsigned level)
{
    if (++c->containers > JSON_CONTAINERS_MAX)
        return wrong(c, "too many objects and lists");
    blank(c);
    if (take(c, close))
        return 0;
    do {
        int rc;

        blank(c);
        rc = close == '}' ? check_name(c) : 0;
        if (rc == 0)
            rc = check_value(c, level + 1);
        if (rc < 0)
            return rc;
        blank(c);
    } while (take(c, ','));
    return take(c, close) ? 0 : wrong(c, "a comma is missing");
}

static int check_value(struct checker *c, unsigned level)
{
    if (c->p == c->end)
        return wrong(c, "");
    if (level > c->rules->depth)
        return wrong(c, "nested too deeply");
    switch (*c->p) {
    case '{':
        c->p++;
        return check_items(c, '}', level);
    case '[':
        c->p++;
        return check_items(c, ']', level);
    case '"':
        c->p++;
        return check_string(c, false);
    case 't':
        return check_word(c, "true");
    case 'f':
        return check_word(c, "false");
    case 'n':
        return check_word(c, "null");
    default:
        return check_number(c);
    }
}

int json_check(struct oks_slice text, const struct json_rules *rules, struct json_fault *fault)
{
    struct checker c = {.p = text.ptr, .end = text.ptr + text.len, .rules = rules};
    int rc;

    if (text.len >= INT_MAX) { /* json-c's length */
        *fault = (struct json_fault){0, "it is too large"};
        return -EINVAL;
    }
    blank(&c);
    rc = check_value(&c, 1);
    if (rc == 0)
        blank(&c);
    if (rc == 0 && c.p < c.end)
        rc = wrong(&c, "more text behind the end");
    if (rc < 0)
        *fault = (struct json_fault){(size_t)(c.p - text.ptr), c.what};
    return rc;
}
