/*
 * Columns of text on a terminal, from a table of Unicode's (width_table.py).
 */
#include "report/width.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct code_range {
    uint32_t first, last;
};

#include "report/width_table.h"

static int by_code(const void *key, const void *item)
{
    const uint32_t *code = key;
    const struct code_range *range = item;

    return *code < range->first ? -1 : *code > range->last;
}

#define IS_IN(table, code) \
    (bsearch(&(code), table, sizeof(table) / sizeof(*(table)), sizeof(*(table)), by_code) != NULL)

/* The character at p, which is not the end; *len is at least 1, also where this is no UTF-8. */
static uint32_t next_code(const char *p, size_t *len)
{
    unsigned char lead = (unsigned char)*p;
    size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    uint32_t code = more ? lead & (0x3fU >> more) : lead;

    for (*len = 1; *len <= more && ((unsigned char)p[*len] & 0xc0) == 0x80; ++*len)
        code = code << 6 | ((unsigned char)p[*len] & 0x3f);
    return code;
}

static size_t width_of(uint32_t code)
{
    if (code < 0x300) /* nearly every character; none of them is in the tables */
        return 1;
    return IS_IN(no_column, code) ? 0 : IS_IN(two_columns, code) ? 2 : 1;
}

size_t text_fit(const char *text, size_t columns, size_t *width)
{
    size_t at = 0, len;

    for (*width = 0; text[at]; at += len) {
        size_t more = width_of(next_code(text + at, &len));

        if (*width + more > columns)
            break;
        *width += more;
    }
    return at;
}

/* Bytes of ASCII in front, a column each. */
static size_t plain_length(const char *text)
{
    size_t n = 0;

    while (text[n] && (unsigned char)text[n] < 0x80)
        n++;
    return n;
}

size_t text_width(const char *text)
{
    size_t plain = plain_length(text), width;

    text_fit(text + plain, SIZE_MAX, &width);
    return plain + width;
}
