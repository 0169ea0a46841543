/*
 * Cutting a JSON text into the parts of its outermost container.
 */
#include "report/pieces.h"

#include <string.h>

static const char *blank(const char *p, const char *end)
{
    while (p < end && strchr(" \t\r\n,:", *p) && *p)
        p++;
    return p;
}

/* Behind the string that begins at p. */
static const char *behind_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\')
            p++;
    return p < end ? p + 1 : end;
}

/* Behind the value that begins at p. */
static const char *behind_value(const char *p, const char *end)
{
    unsigned depth = 0;

    do {
        if (*p == '"') {
            p = behind_string(p, end);
            continue;
        }
        depth += *p == '{' || *p == '[';
        depth -= depth > 0 && (*p == '}' || *p == ']');
        p++;
    } while (p < end && (depth > 0 || !strchr(",]} \t\r\n", *p)));
    return p;
}

void pieces_begin(struct pieces *pieces, struct oks_slice text)
{
    const char *end = text.ptr + text.len, *p = blank(text.ptr, end);

    *pieces = (struct pieces){p < end && (*p == '{' || *p == '[') ? p + 1 : end, end};
}

bool pieces_next(struct pieces *pieces, struct oks_slice *key, struct oks_slice *value)
{
    const char *end = pieces->end, *p = blank(pieces->p, end), *behind;

    *key = (struct oks_slice){p, 0};
    if (p == end || *p == ']' || *p == '}')
        return false;
    if (*p == '"') {
        behind = behind_string(p, end);
        if (blank(behind, end) < end && memchr(behind, ':', (size_t)(blank(behind, end) - behind))) {
            *key = (struct oks_slice){p + 1, (size_t)(behind - p) - 2};
            p = blank(behind, end);
        }
    }
    if (p == end)
        return false;
    behind = behind_value(p, end);
    *value = (struct oks_slice){p, (size_t)(behind - p)};
    pieces->p = behind;
    return true;
}

struct oks_slice pieces_member(struct oks_slice object, const char *name)
{
    struct oks_slice key, value;
    struct pieces pieces;

    pieces_begin(&pieces, object);
    while (pieces_next(&pieces, &key, &value))
        if (key.len == strlen(name) && memcmp(key.ptr, name, key.len) == 0)
            return value;
    return (struct oks_slice){object.ptr, 0};
}
