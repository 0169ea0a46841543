/* Finding values in a JSON file without parsing it whole. Private to the cache. */
#ifndef OKS_CORE_CACHE_SKIM_H
#define OKS_CORE_CACHE_SKIM_H

#include <stdbool.h>

#include "files/json_tree.h"
#include "okstrafs/slice.h"

struct oks_field {
    const char *key;
    struct oks_slice value; /* the text of its value; ptr NULL: absent */
};

/* A non-zero value ends the loop and is what oks_skim_each returns. */
typedef int oks_element_fn(struct oks_slice value, void *ctx);

/* Finds the values of the n named keys of an object, the last of each; whatever else it holds must be JSON,
 * and its keys strings. 0, OKS_CACHE_MISS or -ENOMEM. An absent value is a miss. */
int oks_skim_object(struct oks_slice value, struct oks_field *fields, size_t n);

/* Calls fn for each element of a list. 0, OKS_CACHE_MISS, or what fn returned. */
int oks_skim_each(struct oks_slice value, oks_element_fn *fn, void *ctx);

/* An object, list or string as a tree. 0; OKS_CACHE_MISS where it is none or is too long; -ENOMEM */
int oks_skim_parse(struct json_tree *out, struct oks_slice value);

bool oks_skim_is_null(struct oks_slice value);

#endif
