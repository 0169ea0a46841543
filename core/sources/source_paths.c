/* Parts of a transcript's path: its first folder, and its file's name without the ending. */
#include "sources/source_paths.h"

#include "base/text_end.h"

struct oks_slice source_top(const char *rel)
{
    const char *slash = strchr(rel, '/');

    return slash ? (struct oks_slice){rel, (size_t)(slash - rel)} : (struct oks_slice){0};
}

const char *source_in_chats(const char *rel)
{
    const char *slash = strchr(rel, '/');

    return slash && strncmp(slash, "/chats/", strlen("/chats/")) == 0 ? slash + strlen("/chats/") : NULL;
}

struct oks_slice source_stem(const char *rel, const char *suffix)
{
    const char *base = strrchr(rel, '/');
    size_t cut = text_ends_with(rel, suffix) ? strlen(suffix) : 0;

    base = base ? base + 1 : rel;
    return (struct oks_slice){base, strlen(base) - cut};
}
