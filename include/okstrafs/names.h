/*
 * Names of files in the mount, made from untrusted bytes; and the key under which team names are equal.
 *
 *     char name[OKS_NAME_MAX + 1];
 *
 *     oks_name_escape(OKS_SLICE("a/b"), name);     name is "a%2Fb"
 *
 * Pure functions: thread safe.
 */
#ifndef OKSTRAFS_NAMES_H
#define OKSTRAFS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "okstrafs/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { OKS_NAME_MAX = 255 };

/*
 * The file name for `raw`. '/', NUL, hidden characters, '%', invalid UTF-8 bytes and a leading '.' become %XX
 * (upper case). So distinct raw names give distinct file names. "" becomes "%". A
 * result of more than OKS_NAME_MAX bytes is cut at a character, and ends in "~" and 16 hex digits of the
 * SHA-256 of the raw name. Returns the length; `out` is NUL-terminated. 0: the hash failed, and `out` is "".
 */
size_t oks_name_escape(struct oks_slice raw, char out[OKS_NAME_MAX + 1]);

/*
 * Whether a character would not show, or would change how a terminal or an editor shows what is around it:
 * control characters (C0, DEL, C1), marks of direction, zero-width characters, separators of lines.
 */
bool oks_char_is_hidden(uint32_t code);
/* Replaces these, and what is no UTF-8, by '?', in place. */
void oks_text_show_hidden(char *text);

/*
 * Folds case as Python's str.lower() does, after decoding with errors="replace": each maximal invalid part
 * becomes U+FFFD. Teams are equal when their folded names are. The result is malloc'ed, NUL-terminated, its
 * length is in *len; NULL on ENOMEM.
 */
char *oks_name_fold(struct oks_slice raw, size_t *len);
/* The same of at most OKS_NAME_MAX bytes, without memory of its own; `out` ends in NUL. Returns the length.
 */
enum { OKS_NAME_FOLD_MAX = 3 * OKS_NAME_MAX };
size_t oks_name_fold_to(struct oks_slice raw, char out[OKS_NAME_FOLD_MAX + 1]);

#ifdef __cplusplus
}
#endif

#endif
