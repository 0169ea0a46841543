/* Shared by transcript*.c and rescan.c (private to core/catalog). */
#ifndef OKSTRAFS_CATALOG_TRANSCRIPT_SCAN_H
#define OKSTRAFS_CATALOG_TRANSCRIPT_SCAN_H

#include "catalog/transcript.h"

void transcript_tail_free(struct tail *tail);

/*
 * Runs the scanner over the part of the file into the outcome's gain and tail. Records before `events_from`
 * only build the extras again. 0; 1: nothing was read; -ENOMEM or -ECANCELED; -ESTALE: scan again from 0.
 * What is wrong with the file is in out->error.
 */
int transcript_collect(const struct transcript *t, int fd, const struct oks_scan_part *part,
                       uint64_t events_from, struct oks_scanner *scanner, const struct scan_options *options,
                       struct scan_outcome *out);

/* Fills *event; false: the record adds nothing to any total. */
bool transcript_record_event(const struct oks_record *r, struct oks_event *event);

/* Scans a file that is one object. */
/* The same of a member of a container. */
int transcript_scan_member(const struct source *source, const char *path, struct oks_scanner *scanner,
                           const struct oks_sink *sink, const atomic_bool *cancel,
                           struct oks_scan_result *result);
int transcript_scan_whole(int fd, struct oks_scanner *scanner, const struct oks_sink *sink,
                          struct oks_scan_result *result);

#endif
