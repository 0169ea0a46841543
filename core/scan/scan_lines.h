/* From a buffer of whole lines to callbacks: what oks_scanner_scan_*() does between two reads. */
#ifndef OKSTRAFS_SCAN_SCAN_LINES_H
#define OKSTRAFS_SCAN_SCAN_LINES_H

#include "scan/scanner.h"
#include "scan/scan_stage1.h"
#include "scan/reader.h"

/* One call of oks_scanner_scan_*(). */
struct oks_lines {
    const struct oks_reader_ops *ops; /* of the source whose lines these are */
    void *reader;
    oks_stage1 *stage1; /* NULL: scalar */
    struct oks_index *index;
    uint64_t line_max;
    uint64_t start; /* offset of the first line */
    const struct oks_sink *sink;
    struct oks_scan_result *result;
};

/*
 * Delivers the lines in buf[from .. to), which end with a '\n' each; `base` is the offset of buf[0]. Those of
 * an incomplete last line are delivered as such, and move neither cursor nor counters. Returns 0, -ENOMEM, or
 * what a callback returned.
 */
int oks_lines_deliver(struct oks_lines *lines, const char *buf, size_t from, size_t to, uint64_t base,
                      bool complete);

/* Team names in bytes of a line that is too long, which begins at `offset`; see oks_team_scan(). */
int oks_lines_teams(struct oks_lines *lines, const char *s, size_t len, uint64_t offset, size_t *rest);

#endif
