/*
 * A byte string that grows, and the escapes of text inside JSON, there and back.
 *
 *     struct oks_bytes bytes = {0};
 *     oks_bytes_text(&bytes, "{\"name\":\"");
 *     oks_bytes_json(&bytes, name);
 *     oks_bytes_text(&bytes, "\"}");
 *     if (bytes.error) ...
 *     free(bytes.ptr);
 */
#ifndef OKSTRAFS_BASE_TEXT_H
#define OKSTRAFS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "okstrafs/slice.h"

#define OKS_BYTES_MAX ((size_t)1 << 30) /* of one byte string */

struct oks_bytes {
    char *ptr;
    size_t len;
    size_t room;
    int error; /* sticky: -ENOMEM, or -EFBIG past OKS_BYTES_MAX */
};

bool oks_bytes_grow(struct oks_bytes *bytes, size_t n); /* the slow part of oks_bytes_reserve() */

/* Where the next `n` bytes go: write up to so many, then add to `len` what was written. NULL: an error. */
static inline char *oks_bytes_reserve(struct oks_bytes *bytes, size_t n)
{
    if (bytes->error || (bytes->room - bytes->len < n && !oks_bytes_grow(bytes, n)))
        return NULL;
    return bytes->ptr + bytes->len;
}

void oks_bytes_put(struct oks_bytes *bytes, const void *p, size_t n);
void oks_bytes_text(struct oks_bytes *bytes, const char *text);
void oks_bytes_number(struct oks_bytes *bytes, uint64_t value);
/* The content of a JSON string, escaped as Python's json.dumps(ensure_ascii=False) does; invalid UTF-8
 * becomes U+FFFD. */
void oks_bytes_json(struct oks_bytes *bytes, struct oks_slice s);
/* The same for any bytes, so that they come back exactly: '%' and every invalid byte as %XX. */
void oks_bytes_raw(struct oks_bytes *bytes, struct oks_slice s);

/*
 * A copy up to the first NUL, if there is one, as a string; malloc'ed, NULL on ENOMEM. strndup() is for what
 * ends with a NUL somewhere, and a slice may not.
 */
char *oks_slice_copy(struct oks_slice s);

bool oks_utf8_valid(struct oks_slice s);
/* Undoes the %XX of oks_bytes_raw in place; -EINVAL where a '%' is not followed by two upper-case digits. */
int oks_unraw(char *p, size_t *len);
/* Decimal digits without sign or leading zeros, at most `max`; returns the bytes used, 0 where there are
 * none. */
size_t oks_digits(const char *p, size_t n, uint64_t max, uint64_t *out);
/* `bytes` bytes from twice as many lower-case digits. */
bool oks_unhex(const char *digits, uint8_t *out, size_t bytes);

#endif
