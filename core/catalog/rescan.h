/*
 * Rescans: reading a transcript again, for facts that the model does not keep of each line.
 *
 *     struct rescan_file file;
 *
 *     rc = rescan_file_init(c, t, &file);          under the lock
 *     rc = rescan_file_read(isa, &file, fn, ctx);  without it
 *     rescan_file_clear(&file);
 */
#ifndef OKSTRAFS_CATALOG_RESCAN_H
#define OKSTRAFS_CATALOG_RESCAN_H

#include "scan/scanner.h"
#include "sources/source.h"

struct catalog;
struct transcript;

/* What a thread without the lock needs to read a transcript. */
struct rescan_file {
    char *path;
    uint64_t end;    /* bytes that the model has counted */
    uint64_t cursor; /* of these, complete lines */
    uint64_t dev, ino;
    enum oks_source source;
    bool whole, packed;
    char *peer_states; /* see oks_scanner_set_source() */
};

/* -ENOMEM; -ETIMEDOUT: its filesystem does not answer */
int rescan_file_init(struct catalog *c, const struct transcript *t, struct rescan_file *out);
void rescan_file_clear(struct rescan_file *file);
/*
 * Calls fn for each record before the end, with the unfinished last one; without any lock. 0, a negative
 * errno, or the first non-zero value of fn.
 */
int rescan_file_read(enum oks_isa isa, const struct rescan_file *file,
                     int (*fn)(void *ctx, const struct oks_record *record), void *ctx);

/*
 * The same for what complete lines from the offset `from` on say of tool calls; of a transcript that is whole
 * or packed, 0. -ESTALE: the file is gone, or another one than was scanned.
 */
int rescan_tools_read(enum oks_isa isa, const struct rescan_file *file, uint64_t from,
                      int (*fn)(void *ctx, const struct oks_tool_note *note), void *ctx);

#endif
