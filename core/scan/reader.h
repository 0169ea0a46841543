/*
 * A reader: the operations by which a source's lines become records (private to scan/ and sources/).
 */
#ifndef OKSTRAFS_SCAN_READER_H
#define OKSTRAFS_SCAN_READER_H

#include "scan/scanner.h"

/*
 * Reads lines. A reader belongs to one scanner. `scalar` and `walk` are the two readers of json_scalar.h and
 * json_walk.h over the source's own shape (json_shape.h), and judge the line that begins at buf[from] (see
 * json_lex.h for what must surround it): a verdict, or -ENOMEM. After JSON_LINE_OBJECT *record is valid until
 * the next call and while the bytes stay. *teams is false where the line certainly names no team; after
 * JSON_LINE_DOUBT it says nothing. `scalar` wants to know where the line's '\n' is; `walk` finds it by the
 * line's entries, at *cursor before and at the one of the '\n' after it; `to` is where it is at the latest.
 *
 * Where a line is a record as it stands, that is all. Else the members behind `tell` are there: the reader
 * remembers what it needs from line to line (a current model, the counts so far), *record only carries the
 * line's `odd`, and what is delivered comes from `tell`, which is called for every line that is an object,
 * and from `end`, once, when the file's complete lines are over. What must not be lost between two scans of
 * a transcript is its memo: printable text, given to `begin` and taken from `memo`. -ESTALE from either:
 * what was delivered by former scans turned out wrong, and all has to be read anew.
 */
struct oks_reader_ops {
    int (*make)(void **out); /* -ENOMEM */
    void (*free)(void *reader);
    void (*trim)(void *reader); /* gives back what a long line needed */
    int (*scalar)(void *reader, const char *buf, size_t from, size_t to, struct oks_record **record,
                  bool *teams);
    int (*walk)(void *reader, const char *buf, size_t from, size_t to, const uint32_t **cursor,
                struct oks_record **record, bool *teams);

    int (*begin)(void *reader, const char *memo, const char *peers); /* "": none; see struct source */
    int (*tell)(void *reader, uint64_t offset, uint64_t length, bool complete, const struct oks_sink *sink);
    int (*end)(void *reader, const struct oks_sink *sink);
    char *(*memo)(void *reader); /* malloc'ed; NULL on ENOMEM */
};

/*
 * Readers of lines are compiled twice, the second time for CPUs that have what oks_stage1_avx2 needs
 * (core/meson.build). READER(x) is the name of the one that is defined, READERS(x) declares both, and
 * READERS_OF(x) are the members of struct source.
 */
#ifdef READERS_AVX2
#define READER(source) oks_##source##_reader_avx2
#else
#define READER(source) oks_##source##_reader
#endif
#define READERS(source) extern const struct oks_reader_ops oks_##source##_reader, oks_##source##_reader_avx2
#ifdef __x86_64__
#define READERS_OF(source) .reader = &oks_##source##_reader, .reader_avx2 = &oks_##source##_reader_avx2
#else
#define READERS_OF(source) .reader = &oks_##source##_reader
#endif

#endif
