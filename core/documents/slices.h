/*
 * Slices: a long loop under the model's lock that lets others have the lock in between, and still sees one
 * state of the data.
 *
 *     slices_begin(&slices, model);              under the lock
 *     for (i = 0; i < n && slices_go_on(&slices); i++)
 *         ...
 *     if (slices.torn)
 *         begin anew
 *
 * While slices_go_on() is true nothing has changed, so sessions, transcripts, groups, rows and stamps that
 * the loop has found are still valid. After false they are not. What others keep for themselves may have
 * changed: the text of a row, the nodes of a tree.
 */
#ifndef OKSTRAFS_DOCUMENTS_SLICES_H
#define OKSTRAFS_DOCUMENTS_SLICES_H

#include <stdbool.h>
#include <stdint.h>

struct model;

struct slices {
    struct model *model;
    uint64_t version; /* of the data that the loop sees */
    unsigned emptied; /* the same of the rows of time */
    int64_t since_ns; /* begin of the slice */
    bool torn;        /* something has changed in between */
};

void slices_begin(struct slices *s, struct model *model);
/* Releases the lock for a moment if the slice has lasted long enough. False: something has changed. */
bool slices_go_on(struct slices *s);

#endif
