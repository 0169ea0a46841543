/*
 * File names from untrusted bytes, and the folding under which team names are equal.
 */
#ifndef OKSTRAFS_NAMES_H
#define OKSTRAFS_NAMES_H

#include <stddef.h>

#include "okstrafs/slice.h"

enum { OKS_NAME_MAX = 255 };

/*
 * The file name for `raw`: '/', NUL, control characters (bytes < 0x20, 0x7f), '%', invalid UTF-8 bytes and a
 * leading '.' are written as %XX (upper case), so that distinct raw names give distinct file names; ""
 * becomes "%". A result of more than OKS_NAME_MAX bytes is cut at a character and ends in "~" and 16 hex
 * digits of the SHA-256 of the raw name. Returns the length; out is NUL-terminated. 0, and out is "": the
 * hash failed.
 */
size_t oks_name_escape(struct oks_slice raw, char out[OKS_NAME_MAX + 1]);

/*
 * Lower-cases as Python's str.lower() does, after decoding with errors="replace" (each maximal invalid part
 * becomes U+FFFD): the key under which team names match. The result is malloc'ed, NUL-terminated, its length
 * in *len; NULL on ENOMEM.
 */
char *oks_name_fold(struct oks_slice raw, size_t *len);

#endif
