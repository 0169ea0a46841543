/*
 * A JSON writer into a growing buffer.
 *
 * Values are written directly. Building objects first, and writing those, took six times as long. The bytes
 * are the same as those of json-c (pretty, spaced, slashes not escaped).
 *
 * The worst case of a value is reserved before it is written, so that copying needs no checks.
 *
 * Invariant: after an error nothing is written, and the bytes are never handed over.
 */
#include "documents/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/utf8.h"
#include "prices/prices.h"

enum {
    INDENT = 2,
    ESCAPE_MAX = 6, /* bytes that one byte of text can become: \u001f */
    BEGIN_MAX = 8,  /* bytes before a value, without key and indent */
    WORD = sizeof(uint64_t),
};

/* --- the buffer --- */

static void wrote(struct json *j, const char *end)
{
    j->text.len = (size_t)(end - j->text.ptr);
}

static char *copy(char *to, const char *from, size_t n)
{
    return (char *)memcpy(to, from, n) + n;
}

static char *line(char *to, unsigned level)
{
    static const char few[] = "\n                "; /* copying a fixed length is faster */

    if (level * INDENT < sizeof(few) - 1) {
        memcpy(to, few, sizeof(few) - 1);
    } else {
        *to = '\n';
        memset(to + 1, ' ', (size_t)level * INDENT);
    }
    return to + 1 + (size_t)level * INDENT;
}

/* --- text --- */

static char *escape(char *to, unsigned char c)
{
    static const char from[] = "\b\n\r\t\f\"\\", names[] = "bnrtf\"\\", digits[] = "0123456789abcdef";
    const char *at = c ? strchr(from, c) : NULL;

    *to++ = '\\';
    if (at) {
        *to++ = names[at - from];
        return to;
    }
    to = copy(to, "u00", 3);
    *to++ = digits[c >> 4];
    *to++ = digits[c & 15];
    return to;
}

/* Writes one character that is not plain ASCII. Names and paths may contain any bytes; JSON must not. */
static char *special(char *to, const char **text, const char *end)
{
    uint32_t code;
    size_t len;

    if ((unsigned char)**text < 0x80)
        return escape(to, (unsigned char)*(*text)++);
    utf8_next(*text, (size_t)(end - *text), &code, &len);
    *text += len;
    return to + utf8_put(code, to);
}

static bool is_plain(char c)
{
    return (signed char)c >= ' ' && c != '"' && c != '\\';
}

/* Whether all bytes are plain. May be wrong about the bytes above one that is not. */
static bool are_plain(uint64_t word)
{
    const uint64_t each = UINT64_MAX / 255, quotes = word ^ each * '"', slashes = word ^ each * '\\';

    return ((word | (word - each * ' ') | (quotes - each) | (slashes - each)) & each * 0x80) == 0;
}

/*
 * Copies eight bytes at a time, because nearly all text is plain. False: it is not, and must be written
 * again.
 */
static bool copy_plain(char *to, const char *text, size_t n)
{
    uint64_t word;
    bool plain = true;

    for (size_t i = 0; n >= WORD && plain && i < n; i += WORD) {
        size_t at = i + WORD <= n ? i : n - WORD; /* the last bytes may be copied twice */

        memcpy(&word, text + at, WORD);
        memcpy(to + at, &word, WORD);
        plain = are_plain(word);
    }
    for (size_t i = 0; n < WORD && plain && i < n; i++) {
        to[i] = text[i];
        plain = is_plain(text[i]);
    }
    return plain;
}

static char *quoted(char *to, const char *text, size_t n)
{
    const char *end = text + n;

    *to++ = '"';
    if (copy_plain(to, text, n)) {
        to += n;
        text = end;
    }
    while (text < end) {
        if (is_plain(*text))
            *to++ = *text++;
        else
            to = special(to, &text, end);
    }
    *to++ = '"';
    return to;
}

/* --- values --- */

/* Writes what is in front of a value. Returns where n bytes of it go; NULL: nowhere. */
static char *begin_value(struct json *j, const char *key, size_t n)
{
    size_t key_len = key ? strlen(key) : 0;
    char *to = oks_bytes_reserve(&j->text, n + key_len * ESCAPE_MAX + (size_t)j->level * INDENT + BEGIN_MAX);

    if (!to)
        return NULL;
    if (j->has_members)
        *to++ = ',';
    j->has_members = j->level > 0;
    if (j->style == JSON_PRETTY && j->level > 0)
        to = line(to, j->level);
    if (!key)
        return to;
    to = quoted(to, key, key_len);
    *to++ = ':';
    if (j->style == JSON_PRETTY)
        *to++ = ' ';
    return to;
}

/* A value at the top ends in a newline. */
static void end_value(struct json *j, char *to)
{
    if (j->level == 0)
        *to++ = '\n';
    wrote(j, to);
}

static void put_plain(struct json *j, const char *key, const char *value, size_t n)
{
    char *to = begin_value(j, key, n + 1);

    if (to)
        end_value(j, copy(to, value, n));
}

static void open_container(struct json *j, const char *key, char bracket)
{
    char *to = begin_value(j, key, 1);

    if (!to)
        return;
    *to++ = bracket;
    wrote(j, to);
    j->level++;
    j->has_members = false;
}

static void close_container(struct json *j, char bracket)
{
    char *to = oks_bytes_reserve(&j->text, (size_t)j->level * INDENT + BEGIN_MAX);

    if (!to)
        return;
    j->level--;
    if (j->style == JSON_PRETTY &&
        (j->has_members || bracket == ']')) /* as json-c: {} if empty, but [ and ] on two lines */
        to = line(to, j->level);
    *to++ = bracket;
    j->has_members = j->level > 0;
    end_value(j, to);
}

void json_open_object(struct json *j, const char *key)
{
    open_container(j, key, '{');
}

void json_close_object(struct json *j)
{
    close_container(j, '}');
}

void json_open_array(struct json *j, const char *key)
{
    open_container(j, key, '[');
}

void json_close_array(struct json *j)
{
    close_container(j, ']');
}

void json_put_slice(struct json *j, const char *key, struct oks_slice text)
{
    char *to;

    if (!text.ptr) {
        json_put_null(j, key);
        return;
    }
    to = begin_value(j, key, text.len * ESCAPE_MAX + 3);
    if (to)
        end_value(j, quoted(to, text.ptr, text.len));
}

void json_put_text(struct json *j, const char *key, const char *text)
{
    json_put_slice(j, key, (struct oks_slice){text, text ? strlen(text) : 0});
}

void json_put_count(struct json *j, const char *key, uint64_t count)
{
    char *to = begin_value(j, key, DECIMAL_MAX + 1);

    if (to)
        end_value(j, decimal_put(to, count, 1));
}

void json_put_integer(struct json *j, const char *key, int64_t value)
{
    char *to = begin_value(j, key, DECIMAL_MAX + 2);

    if (!to)
        return;
    if (value < 0)
        *to++ = '-';
    end_value(j, decimal_put(to, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1));
}

void json_put_money(struct json *j, const char *key, unsigned __int128 amount)
{
    char text[OKS_MONEY_TEXT];
    size_t n = oks_money_text(amount < OKS_MONEY_MAX ? (oks_money)amount : OKS_MONEY_MAX, text);

    put_plain(j, key, text, n);
}

void json_put_bool(struct json *j, const char *key, bool value)
{
    put_plain(j, key, value ? "true" : "false", value ? 4 : 5);
}

void json_put_null(struct json *j, const char *key)
{
    put_plain(j, key, "null", 4);
}

void json_put_raw(struct json *j, const char *key, struct oks_slice value)
{
    put_plain(j, key, value.ptr, value.len);
}

/* --- life --- */

void json_fail(struct json *j, int error)
{
    if (!j->text.error)
        j->text.error = error;
}

int json_finish(struct json *j, char **bytes, size_t *len)
{
    char *to = oks_bytes_reserve(&j->text, 1), *fitting;
    int error = j->text.error;

    if (to) {
        *to = '\0';
        fitting = realloc(j->text.ptr, j->text.len + 1);
        *bytes = fitting ? fitting : j->text.ptr;
        *len = j->text.len;
    } else {
        free(j->text.ptr);
    }
    *j = (struct json){.style = j->style};
    return error;
}
