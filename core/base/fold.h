/*
 * The key under which team names are equal.
 *
 *     char key[OKS_NAME_FOLD_MAX + 1];
 *
 *     oks_name_fold_to(OKS_SLICE("Crew"), key);     key is "crew"
 *
 * Pure functions: thread safe.
 */
#ifndef OKSTRAFS_BASE_FOLD_H
#define OKSTRAFS_BASE_FOLD_H

#include <stddef.h>

#include "okstrafs/names.h"

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

#endif
