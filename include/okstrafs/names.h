/*
 * Names of files in the mount, made from untrusted bytes.
 *
 *     char name[OKS_NAME_MAX + 1];
 *
 *     oks_name_escape(OKS_SLICE("a/b"), name);     name is "a%2Fb"
 *
 * Pure functions: thread safe.
 */
#ifndef OKSTRAFS_NAMES_H
#define OKSTRAFS_NAMES_H

#include <stddef.h>

#include "okstrafs/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { OKS_NAME_MAX = 255 };

/*
 * The file name for `raw`. '/', NUL, '%', invalid UTF-8 bytes and a leading '.' become %XX
 * (upper case), and so do control characters and others that do not show. So distinct raw names give distinct
 * file names. "" becomes "%". A result of more than OKS_NAME_MAX bytes is cut at a character, and ends in "~"
 * and 16 hex digits of the SHA-256 of the raw name. Returns the length; `out` is NUL-terminated. 0: the hash
 * failed, and `out` is "".
 */
size_t oks_name_escape(struct oks_slice raw, char out[OKS_NAME_MAX + 1]);

#ifdef __cplusplus
}
#endif

#endif
