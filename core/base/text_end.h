/* How a text ends. */
#ifndef OKSTRAFS_BASE_TEXT_END_H
#define OKSTRAFS_BASE_TEXT_END_H

#include <stdbool.h>
#include <string.h>

static inline bool text_ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && memcmp(text + n - m, end, m) == 0;
}

#endif
