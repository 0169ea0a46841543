/* What the files transcript*.c share among themselves (private to them). */
#ifndef OKSTRAFS_CATALOG_TRANSCRIPT_SCAN_H
#define OKSTRAFS_CATALOG_TRANSCRIPT_SCAN_H

#include "catalog/transcript.h"

void transcript_tail_free(struct tail *tail);

/*
 * Runs the scanner over [from, end of file) into the outcome's gain and tail; records before `events_from`
 * only rebuild the extras. 0; -ENOMEM or -ECANCELED; -ESTALE: scan anew from 0; what is wrong with the file
 * is in out->error.
 */
int transcript_collect(const struct transcript *t, int fd, uint64_t from, uint64_t events_from,
                       struct oks_scanner *scanner, const struct scan_options *options,
                       struct scan_outcome *out);

/* Fills *event; false where the record adds nothing to any total. */
bool transcript_record_event(const struct oks_record *r, struct oks_event *event);

/* Adds it to the sum of its model; events that only carry a time belong to none. 0 or -ENOMEM. */
int transcript_record_model(struct oks_models *models, const struct oks_record *r,
                            const struct oks_event *event);

/* A file that is one object, as a scan that begins and ends with it. */
int transcript_scan_whole(int fd, struct oks_scanner *scanner, const struct oks_sink *sink,
                          struct oks_scan_result *result);

#endif
