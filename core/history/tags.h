/*
 * Tags: the git branch and the reasoning effort of a line, as one text.
 *
 * Nearly all lines of a transcript have one tag, so an event or request keeps a place in a list of them,
 * which costs nothing as long as it stays the same. Both are a stranger's text: they are cut to a bound.
 */
#ifndef OKSTRAFS_HISTORY_TAGS_H
#define OKSTRAFS_HISTORY_TAGS_H

#include <stdbool.h>

#include "okstrafs/slice.h"

enum { TAG_TEXT_MAX = 255, TAG_EFFORT_MAX = 32 }; /* bytes */

struct tag {
    struct oks_slice branch, effort; /* absent: not known */
};

/* Written to `out`, without NULs; empty where neither is known. */
struct oks_slice tag_text(const struct tag *tag, char out[TAG_TEXT_MAX]);
/* The tag of such a text; of any other, which stands for many, both are that text. Borrowed. */
struct tag tag_of(struct oks_slice text);

#endif
