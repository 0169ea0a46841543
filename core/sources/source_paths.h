/* Parts of a transcript's path, as the descriptors of sources use them (private to source_*.c). */
#ifndef OKSTRAFS_SOURCES_SOURCE_PATHS_H
#define OKSTRAFS_SOURCES_SOURCE_PATHS_H

#include "okstrafs/slice.h"

/* The first folder of a path; absent where there is none. */
struct oks_slice source_top(const char *rel);
/* The part of a path behind <project>/chats/, or NULL. */
const char *source_in_chats(const char *rel);
/* The file's name without `suffix`. */
struct oks_slice source_stem(const char *rel, const char *suffix);

#endif
