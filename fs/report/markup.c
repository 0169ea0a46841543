/*
 * Markup, and escapes of HTML and XML.
 */
#include "report/markup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal/hidden.h"
#include "okstrafs/names.h"

enum { FIRST_ROOM = 1 << 14 };

/* --- what is markup already --- */

bool markup_reserve(struct markup *m, size_t n)
{
    size_t room = m->room ? m->room * 2 : FIRST_ROOM;
    char *ptr;

    while (room - m->len <= n)
        room *= 2;
    ptr = m->failed ? NULL : realloc(m->ptr, room);
    m->failed = !ptr;
    if (!ptr)
        return false;
    m->ptr = ptr;
    m->room = room;
    return true;
}

void markup_format(struct markup *m, const char *format, ...)
{
    va_list args, again;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(m->ptr ? m->ptr + m->len : NULL, m->room - m->len, format, args);
    if (n >= 0 && m->room - m->len <= (size_t)n && markup_reserve(m, (size_t)n))
        n = vsnprintf(m->ptr + m->len, m->room - m->len, format, again);
    if (n >= 0 && !m->failed)
        m->len += (size_t)n;
    va_end(again);
    va_end(args);
}

/* The begin of the digits that end there. */
static char *digits_before(uint64_t number, char *end)
{
    do
        *--end = (char)('0' + number % 10);
    while (number /= 10);
    return end;
}

enum { DIGITS = 20 };

void markup_number(struct markup *m, uint64_t number)
{
    char digits[DIGITS], *end = digits + sizeof(digits), *begin = digits_before(number, end);

    markup_bytes(m, begin, (size_t)(end - begin));
}

void markup_tenths(struct markup *m, double number)
{
    uint64_t tenths = (uint64_t)(number * 10 + 0.5);
    char digits[DIGITS + 2], *end = digits + sizeof(digits), *begin;

    end[-1] = (char)('0' + tenths % 10);
    end[-2] = '.';
    begin = digits_before(tenths / 10, end - 2);
    markup_bytes(m, begin, (size_t)(end - begin));
}

/* --- text --- */

/* The escape of a byte; NULL: none is needed. */
static const char *escape_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static void put_byte(struct markup *m, char c)
{
    const char *escape = escape_of(c);

    if (escape)
        markup_raw(m, escape);
    else
        markup_bytes(m, &c, 1);
}

static bool begins_character(char c)
{
    return ((uint8_t)c & 0xC0) != 0x80;
}

static void put_cut(struct markup *m, const char *text, size_t most)
{
    char shown[OKS_NAME_MAX * 4 + 1];
    size_t len = strlen(text), n = 0;

    if (len >= sizeof(shown)) /* longer than any name: cut in any case */
        len = sizeof(shown) - 1;
    memcpy(shown, text, len);
    shown[len] = '\0';
    oks_text_show_hidden(shown);
    for (const char *p = shown; *p; p++) {
        n += begins_character(*p);
        if (n > most) {
            markup_raw(m, "…");
            return;
        }
        put_byte(m, *p);
    }
}

/* How many bytes there are before the first one that is not of ASCII, is hidden, or (if `all`) is escaped. */
static size_t plain_length(const char *text, bool all)
{
    static const bool escaped['>' + 1] = {
        ['&'] = true, ['<'] = true, ['>'] = true, ['"'] = true, ['\''] = true};
    size_t n = 0;

    while (text[n] >= ' ' && text[n] < 0x7f && (!all || text[n] > '>' || !escaped[(uint8_t)text[n]]))
        n++;
    return n;
}

/* Nearly all texts are short, of ASCII, and without what must be escaped. */
void markup_text_cut(struct markup *m, const char *text, size_t most)
{
    size_t n = plain_length(text, true);

    if (!text[n] && n <= most) {
        markup_bytes(m, text, n);
        return;
    }
    n = plain_length(text, false);
    if (text[n] || n > most) {
        put_cut(m, text, most);
        return;
    }
    for (size_t i = 0; i < n; i++)
        put_byte(m, text[i]);
}

void markup_text(struct markup *m, const char *text)
{
    markup_text_cut(m, text, SIZE_MAX);
}
