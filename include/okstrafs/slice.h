/*
 * A slice is a borrowed run of bytes: pointer and length, no terminator promised.
 *
 * ptr == NULL means "absent" (the field was missing, null, or of another JSON type); a present but empty
 * string has ptr != NULL and len == 0. Whoever hands out a slice says how long it lives.
 */
#ifndef OKSTRAFS_SLICE_H
#define OKSTRAFS_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct oks_slice {
    const char *ptr;
    size_t len;
};

#define OKS_SLICE(literal) ((struct oks_slice){(literal), sizeof(literal) - 1})

static inline struct oks_slice oks_slice_of(const char *s)
{
    return (struct oks_slice){s, s ? strlen(s) : 0};
}

static inline bool oks_slice_eq(struct oks_slice a, struct oks_slice b)
{
    return a.len == b.len && (!a.ptr) == (!b.ptr) && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Byte-wise order, a proper prefix first: the order of Python's str for valid UTF-8. */
static inline int oks_slice_cmp(struct oks_slice a, struct oks_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int d = n ? memcmp(a.ptr, b.ptr, n) : 0;

    return d ? d : (a.len > b.len) - (a.len < b.len);
}

#endif
