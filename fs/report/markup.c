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

void markup_text_cut(FILE *f, const char *text, size_t most)
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

void markup_text(FILE *f, const char *text)
{
    markup_text_cut(f, text, SIZE_MAX);
}
