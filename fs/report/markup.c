/*
 * Escapes of HTML and XML.
 */
#include "report/markup.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "okstrafs/names.h"

static void put_byte(FILE *f, char c)
{
    switch (c) {
    case '&':
        fputs("&amp;", f);
        break;
    case '<':
        fputs("&lt;", f);
        break;
    case '>':
        fputs("&gt;", f);
        break;
    case '"':
        fputs("&quot;", f);
        break;
    case '\'':
        fputs("&#39;", f);
        break;
    default:
        fputc(c, f);
    }
}

static bool begins_character(char c)
{
    return ((uint8_t)c & 0xC0) != 0x80;
}

static void put_cut(FILE *f, const char *text, size_t most)
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
            fputs("…", f);
            return;
        }
        put_byte(f, *p);
    }
}

/* Nearly all texts are: short, of ASCII, and without what must be escaped. */
static bool is_plain(const char *text, size_t most)
{
    size_t n = 0;

    while (text[n] >= ' ' && text[n] < 0x7f && !strchr("&<>\"'", text[n]))
        n++;
    return !text[n] && n <= most;
}

void markup_text_cut(FILE *f, const char *text, size_t most)
{
    if (is_plain(text, most))
        fputs(text, f);
    else
        put_cut(f, text, most);
}

void markup_text(FILE *f, const char *text)
{
    markup_text_cut(f, text, SIZE_MAX);
}
