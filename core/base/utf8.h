/* Strict UTF-8 (RFC 3629), one character at a time. Private to the core. */
#ifndef OKSTRAFS_BASE_UTF8_H
#define OKSTRAFS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_MAX = 4, UTF8_REPLACEMENT = 0xfffd };

/*
 * Looks at the n > 0 bytes at p. True: *code is a character of *len bytes. False: the first *len bytes are
 * the longest invalid part that begins here (a character cut short counts as one), and *code is U+FFFD.
 */
bool utf8_next(const char *p, size_t n, uint32_t *code, size_t *len);

size_t utf8_put(uint32_t code, char out[UTF8_MAX]); /* the number of bytes written */

#endif
