/*
 * The line scanner: bytes of an append-only transcript in, records and team names out, at GB/s.
 *
 * A transcript is bytes split at '\n'. ASCII white space (space \t \n \r \v \f) at both ends of a line is
 * stripped; an empty line is nothing. A line counts only if all of it is strict UTF-8 and one valid JSON
 * value that is an object, exactly as Python's json.loads(line.decode("utf-8")) judges it: duplicate keys
 * (the last wins), lone \uD800 escapes, NaN, Infinity and -Infinity are accepted; control characters inside
 * strings, a BOM, and integer literals of more than 4300 digits are not. Containers nest up to OKS_DEPTH_MAX.
 * Any other line is bad: counted, and passed over.
 *
 * A scanner belongs to one thread at a time; different scanners are independent. It keeps its buffers between
 * calls (2 MiB at most unless a longer line came by), so its memory does not depend on the size of a
 * transcript. Holes of a sparse file are not read: what is in them is NUL, so their line is bad.
 */
#ifndef OKSTRAFS_SCANNER_H
#define OKSTRAFS_SCANNER_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "scan/record.h"
#include "scan/request.h"
#include "scan/tool_note.h"

enum {
    OKS_DEPTH_MAX = 1024,      /* open containers; one more and the line is bad */
    OKS_INT_DIGITS_MAX = 4300, /* of one integer literal, as CPython limits it */
    OKS_TEAM_NAME_MAX = 1024,  /* bytes; longer quoted team names are passed over */
    OKS_LAST_BYTES = 256,      /* that oks_scanner_last_bytes() returns at most */
};

#define OKS_LINE_MAX \
    (UINT64_C(256) << 20) /* bytes; a longer line is bad, and is never held in memory whole */

/*
 * Where a scan delivers. Any callback may be NULL. A callback that returns non-zero stops the scan; the scan
 * then returns that value, and its result still describes everything delivered before (the stopping line
 * included).
 */
struct oks_sink {
    void *ctx;

    /*
     * A line that is a JSON object. `complete` is false only for a last line without its '\n', if the file is
     * not compressed: it counts now, but the cursor stays before it and it comes again.
     */
    int (*record)(void *ctx, const struct oks_record *record, bool complete);

    /*
     * The raw bytes between the quotes of each `"teamname":"..."` (ASCII case ignored for the key, no white
     * space, the name ends at the next '"' of the same line), in any line: complete, unfinished, bad or too
     * long alike. `offset` is that of the line. Overlapping or repeated finds are all reported.
     */
    int (*team)(void *ctx, struct oks_slice name, uint64_t offset);

    /* What a complete line says of tool calls. Only readers of tool calls (sources/tools.h) return these, and
     * they return no records. */
    int (*tool)(void *ctx, const struct oks_tool_note *note);
};

struct oks_scan_result {
    uint64_t cursor;     /* offset just behind the last complete line: where the next scan starts */
    uint64_t end;        /* offset of the end of the bytes seen (cursor + length of the unfinished line) */
    uint64_t bytes_read; /* by this call */
    uint64_t lines;      /* complete, non-empty ones */
    uint64_t bad;        /* of those: not one valid JSON object */
    uint64_t odd;        /* token values of complete lines that were no count */
    bool sound_start;    /* the first line, or what there is of it, is a JSON object */
    uint64_t passed;     /* the line at the cursor is bad, and has no '\n' before this offset; 0: not known */
    bool more;           /* the part's limit was reached before the end of the file */
};

/* What one call reads of a file. */
struct oks_scan_part {
    uint64_t offset; /* 0, or just behind a '\n' */
    uint64_t passed; /* of the result of a former scan that ended at this cursor; 0: none */
    uint64_t limit;  /* stop at a line's end once so many bytes were read; 0: at the end of the file */
    uint64_t lines;  /* the same of lines; 0: however many */
    uint64_t
        size; /* of the file, as fstat(2) said before: behind it a short read is the last one; 0: not known */
};

struct oks_scanner;

/* -ENOMEM; -ENOTSUP where this CPU lacks the instruction set asked for. */
int oks_scanner_new(struct oks_scanner **out, enum oks_isa isa);
void oks_scanner_free(struct oks_scanner *scanner); /* NULL is fine */

/* The instruction set in use, never OKS_ISA_AUTO. */
enum oks_isa oks_scanner_isa(const struct oks_scanner *scanner);

struct oks_reader_ops;

/*
 * What reads the lines of the next scan: to be set before the first (source_scanner_new does). Some readers
 * have to remember something from one scan of a transcript to the next: that is its memo, printable text that
 * the scan before left ("": none), and is to be set again before every scan. `peers` are the memos, one a
 * line, of the transcripts whose content this one may repeat ("": none). -ENOMEM.
 */
int oks_scanner_set_reader(struct oks_scanner *scanner, const struct oks_reader_ops *ops, const char *memo,
                           const char *peers);
/* What the last scan has to remember: malloc'ed, NULL where the source needs nothing. -ENOMEM. */
int oks_scanner_memo(const struct oks_scanner *scanner, char **out);

/* For tests: a smaller bound than OKS_LINE_MAX. */
void oks_scanner_set_line_max(struct oks_scanner *scanner, uint64_t bytes);

/*
 * Scans `fd`, a regular file, from `offset` (which must be 0 or just behind a '\n') to its end with pread;
 * the file position is not used. Returns 0, a negative errno (what was delivered before is described by
 * *result, and a scan from result->cursor goes on), -ECANCELED when *cancel (may be NULL) became true between
 * two buffers, -ESTALE where the source found that what it delivered in former scans is no longer right (scan
 * from 0, without a memo), or what a callback returned. A file that grows meanwhile is read to the end it has
 * when read returns 0.
 */
int oks_scanner_scan_fd(struct oks_scanner *scanner, int fd, uint64_t offset, const struct oks_sink *sink,
                        const atomic_bool *cancel, struct oks_scan_result *result);

/*
 * The same for a part of the file. The limit is exceeded by what is missing of the first line, unless that
 * line is too long anyway: then the next part goes on inside it.
 */
int oks_scanner_scan_part(struct oks_scanner *scanner, int fd, const struct oks_scan_part *part,
                          const struct oks_sink *sink, const atomic_bool *cancel,
                          struct oks_scan_result *result);

/*
 * The bytes before the cursor of the last scan, as it has read them. Returns how many are still held, which
 * may be none. They are valid until the next scan.
 */
size_t oks_scanner_last_bytes(const struct oks_scanner *scanner, uint64_t cursor, const char **bytes);

/*
 * The same from 0 over the content of a zstd file (files/unpack.h), -EBADMSG where it is a bad one. Offsets
 * and the cursor are those in the content.
 */
int oks_scanner_scan_packed(struct oks_scanner *scanner, int fd, const struct oks_sink *sink,
                            const atomic_bool *cancel, struct oks_scan_result *result);

/* Where bytes come from that are not those of a file. */
struct oks_input {
    ssize_t (*read)(void *ctx, void *to, size_t size); /* at most `size`; 0: the end; or a negative errno */
    void *ctx;
};

/* The same over an input. Its last line counts as a complete one. */
int oks_scanner_scan_input(struct oks_scanner *scanner, const struct oks_input *input,
                           const struct oks_sink *sink, const atomic_bool *cancel,
                           struct oks_scan_result *result);

/* The same over bytes in memory, which stand at `offset` of a transcript. */
int oks_scanner_scan_bytes(struct oks_scanner *scanner, const char *bytes, size_t len, uint64_t offset,
                           const struct oks_sink *sink, struct oks_scan_result *result);

#endif
