/*
 * Rescans: reading transcripts again, for facts that the model does not keep of each line.
 *
 *     struct rescan rescan;
 *
 *     rc = rescan_list(c, window, &rescan);        under the lock
 *     rc = rescan_read(isa, window, &rescan);      without it
 *     ...                                          under the lock: start over if the version changed
 *     part = rescan_of(&rescan, t->path);
 *     rescan_clear(&rescan);
 */
#ifndef OKSTRAFS_CATALOG_RESCAN_H
#define OKSTRAFS_CATALOG_RESCAN_H

#include "scan/scanner.h"
#include "sources/source.h"
#include "history/state.h"

struct catalog;
struct transcript;

/* What a thread without the lock needs to read a transcript. */
struct rescan_file {
    char *path;
    uint64_t end; /* bytes that the model has counted */
    enum oks_source source;
    bool whole, packed;
    char *peer_states; /* see oks_scanner_set_source() */
};

int rescan_file_init(struct catalog *c, const struct transcript *t, struct rescan_file *out); /* -ENOMEM */
void rescan_file_clear(struct rescan_file *file);
/*
 * Calls fn for each record before the end, with the unfinished last one; without any lock. 0, a negative
 * errno, or the first non-zero value of fn.
 */
int rescan_file_read(enum oks_isa isa, const struct rescan_file *file,
                     int (*fn)(void *ctx, const struct oks_record *record), void *ctx);

/* [since, until]; a bound that is none is open */
struct rescan_window {
    struct oks_stamp since, until;
};

/* The transcripts that a window cuts, and the sums by model of their events in it. */
struct rescan {
    struct rescan_part {
        struct rescan_file file;
        struct oks_models models; /* the events in the window */
    } * parts;
    size_t n;
    uint64_t version; /* of all data, when the list was made */
};

/* Number and first and last stamp of its events, with the unfinished line. */
struct oks_totals rescan_span(const struct transcript *t);
/* Lists the transcripts that the window cuts; under the lock. 0 or -ENOMEM */
int rescan_list(struct catalog *c, struct rescan_window w, struct rescan *out);
/* Reads them; without the lock. 0 or a negative errno, also if one file cannot be read. */
int rescan_read(enum oks_isa isa, struct rescan_window w, struct rescan *rescan);
const struct rescan_part *rescan_of(const struct rescan *rescan, const char *path);
void rescan_clear(struct rescan *rescan);

#endif
