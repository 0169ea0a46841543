/*
 * The members of a JSON object, or the elements of an array, one after the other, as text.
 *
 * A document with a hundred thousand rows is read row by row, so that there are not the values of all of them
 * in memory. Only brackets and strings are looked at: values_parse() judges each piece.
 */
#ifndef OKSTRAFS_FS_REPORT_PIECES_H
#define OKSTRAFS_FS_REPORT_PIECES_H

#include <stdbool.h>

#include "okstrafs/slice.h"

struct pieces {
    const char *p, *end;
};

/* Of the container that the text begins with; of any other text there are none. */
void pieces_begin(struct pieces *pieces, struct oks_slice text);
/* False: no more. The key is without its quotes, and empty in an array. */
bool pieces_next(struct pieces *pieces, struct oks_slice *key, struct oks_slice *value);
/* The member of that name; an empty slice: there is none. */
struct oks_slice pieces_member(struct oks_slice object, const char *name);

#endif
