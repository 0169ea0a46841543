/*
 * Transcripts read once more, for what is not remembered of each line. Private to the engine.
 */
#ifndef OKSTRAFS_CATALOG_RESCAN_H
#define OKSTRAFS_CATALOG_RESCAN_H

#include "scan/scanner.h"
#include "sources/source.h"
#include "history/state.h"

struct catalog;
struct transcript;

/* How a transcript is read. */
struct rescan_file {
    char *path;
    uint64_t end; /* bytes of it that have been counted */
    enum oks_source source;
    bool whole;
    char *peer_states; /* see oks_scanner_set_source */
};

int rescan_file_init(struct catalog *c, const struct transcript *t, struct rescan_file *out); /* -ENOMEM */
void rescan_file_clear(struct rescan_file *file);
/*
 * Calls fn for the records before the end, the unfinished last one included; outside of any lock. 0, a
 * negative errno, or the first non-zero value of fn.
 */
int rescan_file_read(enum oks_isa isa, const struct rescan_file *file,
                     int (*fn)(void *ctx, const struct oks_record *record), void *ctx);

/* [since, until]; none: open */
struct rescan_window {
    struct oks_stamp since, until;
};

/* What the transcripts that a window cuts say of each model in it. */
struct rescan {
    struct rescan_part {
        struct rescan_file file;
        struct oks_models models; /* the events in the window */
    } * parts;
    size_t n;
    uint64_t version; /* of everything, when the list was made */
};

/* All of its events, the unfinished line's included: how many there are, and between which times. */
struct oks_totals rescan_span(const struct transcript *t);
/* Which transcripts the window cuts; under the lock. -ENOMEM */
int rescan_list(struct catalog *c, struct rescan_window w, struct rescan *out);
/* Reads them; without the lock. A file that cannot be read is an error. */
int rescan_read(enum oks_isa isa, struct rescan_window w, struct rescan *rescan);
const struct rescan_part *rescan_of(const struct rescan *rescan, const char *path);
void rescan_clear(struct rescan *rescan);

#endif
