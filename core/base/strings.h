/*
 * An ordered set of byte strings: distinct, in order of their first appearance.
 *
 *     struct oks_strings cwds = {0};
 *     oks_strings_add(&cwds, cwd, CWDS_MAX);
 *     for (size_t i = 0; i < cwds.len; i++)
 *         use(cwds.items[i].ptr);
 *     oks_strings_clear(&cwds);
 */
#ifndef OKSTRAFS_BASE_STRINGS_H
#define OKSTRAFS_BASE_STRINGS_H

#include <stddef.h>

#include "okstrafs/slice.h"

/*
 * Each string is malloc'ed and NUL-terminated (they may hold NULs: see len). Zeroed is empty. A set grows
 * only by the functions below, and takes either plain or folded strings.
 */
struct oks_strings {
    struct oks_owned {
        char *ptr;
        size_t len;
    } * items;
    size_t len;
    size_t room;
    struct oks_strings_index *index; /* private */
};

/* Appends a copy where it is not yet in the list. 1: was there, 0: appended, -ENOMEM, -ENOSPC: `max` reached.
 */
int oks_strings_add(struct oks_strings *strings, struct oks_slice s, size_t max);
/* The same for team names, which are equal when they fold to the same bytes. */
int oks_strings_add_folded(struct oks_strings *strings, struct oks_slice s, size_t max);
/* The place of the string that was added, or was there already. */
size_t oks_strings_last(const struct oks_strings *strings);
void oks_strings_clear(struct oks_strings *strings);

#endif
