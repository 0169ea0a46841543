/* Whether a text is JSON, strictly, and what is wrong where it is not (private to the core). */
#ifndef OKSTRAFS_FILES_JSON_CHECK_H
#define OKSTRAFS_FILES_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "okstrafs/slice.h"

enum { JSON_CONTAINERS_MAX = 1 << 16 }; /* objects and lists of one text, which take 400 to 800 bytes each */

struct json_rules {
    unsigned depth; /* levels of values, the root's included */
    bool any_bytes; /* strings may hold control characters but NUL, and bytes that are no UTF-8 */
};

struct json_fault {
    size_t at; /* in the text */
    const char *what;
};

/* The text is one value of RFC 8259, and no name in it has a NUL. 0, or -EINVAL with *fault filled. */
int json_check(struct oks_slice text, const struct json_rules *rules, struct json_fault *fault);

#endif
