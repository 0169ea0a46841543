/*
 * JSON values, strictly, with any release of json-c.
 *
 * Release 0.18 of json-c takes every byte of a character that is not ASCII for a control character when it is
 * strict; earlier ones let real control characters pass; and all let overlong UTF-8 pass. So these are
 * checked here, and json-c gets characters that are not ASCII as escapes.
 */
#include "files/strict_json.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "base/utf8.h"

enum { ESCAPE_MAX = sizeof("\\ud83d\\ude80") };

/* A control character inside a string, which releases before 0.17 let pass; or the end of the text. */
static size_t control_in_string(struct oks_slice text)
{
    bool string = false;

    for (size_t i = 0; i < text.len; i++)
        if (string && (unsigned char)text.ptr[i] < 0x20)
            return i;
        else if (text.ptr[i] == '"')
            string = !string;
        else if (string && text.ptr[i] == '\\')
            i++;
    return text.len;
}

static size_t ascii_at_begin(struct oks_slice text)
{
    size_t n = 0;

    while (n < text.len && !(text.ptr[n] & 0x80))
        n++;
    return n;
}

static int put_escape(struct oks_bytes *out, uint32_t code)
{
    char *at = oks_bytes_reserve(out, ESCAPE_MAX);
    int n;

    if (!at)
        return -ENOMEM;
    if (code > 0xffff)
        n = snprintf(at, ESCAPE_MAX, "\\u%04x\\u%04x", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
    else
        n = snprintf(at, ESCAPE_MAX, "\\u%04x", code);
    out->len += (size_t)n;
    return 0;
}

/* The text in ASCII. *at: where it is no UTF-8, and the result is json_tokener_error_parse_utf8_string. */
static int to_ascii(struct oks_slice text, struct oks_bytes *out, size_t *at)
{
    size_t i = 0;

    while (i < text.len) {
        size_t n = ascii_at_begin((struct oks_slice){text.ptr + i, text.len - i});
        uint32_t code;

        oks_bytes_put(out, text.ptr + i, n);
        i += n;
        if (i == text.len)
            break;
        if (!utf8_next(text.ptr + i, text.len - i, &code, &n)) {
            *at = i;
            return json_tokener_error_parse_utf8_string;
        }
        if (put_escape(out, code) < 0)
            break;
        i += n;
    }
    return out->error ? -ENOMEM : 0;
}

/* Where in the text that stands of which to_ascii() made the first n bytes. */
static size_t in_text(struct oks_slice text, size_t n)
{
    size_t i = 0;

    while (i < text.len && n > 0) {
        uint32_t code = 0;
        size_t bytes = 1, escape = 1;

        if (text.ptr[i] & 0x80) {
            utf8_next(text.ptr + i, text.len - i, &code, &bytes);
            escape = code > 0xffff ? 12 : 6;
        }
        if (n < escape)
            break;
        n -= escape;
        i += bytes;
    }
    return i;
}

static int parse(json_tokener *tokener, struct oks_slice text, json_object **out, size_t *end)
{
    json_object *value;
    enum json_tokener_error error;

    if (text.len > INT_MAX)
        return json_tokener_error_size;
    json_tokener_reset(tokener);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    value = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
    *end = json_tokener_get_parse_end(tokener);
    error = json_tokener_get_error(tokener);
    if (error == json_tokener_continue) { /* a number or a word is complete only if something follows it */
        value = json_tokener_parse_ex(tokener, "", 1);
        error = json_tokener_get_error(tokener);
        *end = text.len;
        if (error != json_tokener_success)
            error = json_tokener_continue;
    }
    if (error == json_tokener_success)
        *out = value;
    return (int)error;
}

int strict_json_parse(json_tokener *tokener, struct oks_slice text, json_object **out, size_t *end)
{
    struct oks_bytes ascii = {0};
    int rc;

    *end = control_in_string(text);
    if (*end < text.len)
        return json_tokener_error_parse_string;
    if (ascii_at_begin(text) == text.len)
        return parse(tokener, text, out, end);
    rc = to_ascii(text, &ascii, end);
    if (rc == 0) {
        rc = parse(tokener, (struct oks_slice){ascii.ptr, ascii.len}, out, end);
        *end = in_text(text, *end);
    }
    free(ascii.ptr);
    return rc;
}
