/*
 * A slice: a pointer to bytes and their length, without a terminator. It borrows the bytes.
 *
 *     struct oks_slice s = OKS_SLICE("claude");
 *
 *     if (oks_slice_eq(s, oks_slice_of(name)))
 *         printf("%.*s\n", (int)s.len, s.ptr);
 *
 * ptr == NULL means absent (the field was missing, null, or of another JSON type). A string that is present
 * and empty has ptr != NULL and len == 0. The function that returns a slice documents how long its bytes
 * live.
 */
#ifndef OKSTRAFS_SLICE_H
#define OKSTRAFS_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct oks_slice {
    const char *ptr;
    size_t len;
};

/* Of a string literal. */
#ifdef __cplusplus
#define OKS_SLICE(literal) (oks_slice{(literal), sizeof(literal) - 1})
#else
#define OKS_SLICE(literal) ((struct oks_slice){(literal), sizeof(literal) - 1})
#endif

/* Of a NUL-terminated string; NULL: absent. */
static inline struct oks_slice oks_slice_of(const char *s)
{
    struct oks_slice slice = {s, s ? strlen(s) : 0};

    return slice;
}

/* Absent and empty are not equal. */
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

#ifdef __cplusplus
}
#endif

#endif
