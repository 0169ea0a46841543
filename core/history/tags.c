/*
 * Tags as text: the effort, a newline, the branch.
 */
#include "history/tags.h"

#include <string.h>

/* Up to a NUL, and whole characters. */
static size_t bytes_of(struct oks_slice s, size_t max)
{
    size_t n = s.ptr ? strnlen(s.ptr, s.len) : 0;

    if (n <= max)
        return n;
    for (n = max; n > 0 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80;)
        n--;
    return n;
}

struct oks_slice tag_text(const struct tag *tag, char out[TAG_TEXT_MAX])
{
    size_t effort = bytes_of(tag->effort, TAG_EFFORT_MAX),
           branch = bytes_of(tag->branch, TAG_TEXT_MAX - 1 - effort);

    if (effort == 0 && branch == 0)
        return (struct oks_slice){out, 0};
    for (size_t i = 0; i < effort; i++)
        out[i] = tag->effort.ptr[i] == '\n' ? ' ' : tag->effort.ptr[i];
    out[effort] = '\n';
    if (branch)
        memcpy(out + effort + 1, tag->branch.ptr, branch);
    return (struct oks_slice){out, effort + 1 + branch};
}

struct tag tag_of(struct oks_slice text)
{
    const char *at = text.len ? memchr(text.ptr, '\n', text.len) : NULL;
    size_t n = at ? (size_t)(at - text.ptr) : 0;
    struct tag tag = {0};

    if (text.len && !at)
        return (struct tag){text, text};
    if (n)
        tag.effort = (struct oks_slice){text.ptr, n};
    if (at && n + 1 < text.len)
        tag.branch = (struct oks_slice){at + 1, text.len - n - 1};
    return tag;
}
