/* What the files transcript*.c share among themselves (private to them). */
#ifndef OKSTRAFS_CORE_TRANSCRIPT_SCAN_H
#define OKSTRAFS_CORE_TRANSCRIPT_SCAN_H

#include "transcript.h"

void transcript_tail_clear(struct tail *tail);

/*
 * Runs the scanner over [from, end of file) into the outcome's gain and tail; records before `events_from`
 * only rebuild the extras. 0; -ENOMEM or -ECANCELED; -ESTALE: scan anew from 0; what is wrong with the file
 * is in out->error.
 */
int transcript_collect(const struct transcript *t, int fd, uint64_t from, uint64_t events_from,
                       struct oks_scanner *scanner, const struct scan_options *options,
                       struct scan_outcome *out);

#endif
