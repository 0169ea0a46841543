/* What the streams remember of sessions and transcripts (private to the engine). */
#ifndef OKSTRAFS_STREAMS_STREAM_H
#define OKSTRAFS_STREAMS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oks_engine;
struct transcript;

enum { STREAM_OF_SESSION, STREAM_OF_ALL, STREAMS };

/* Rows of a transcript that were closed since the stream began, in the order in which that was seen. */
struct stream_range {
    uint64_t sequence; /* behind it */
    struct transcript *transcript;
    size_t from, to;
};

/* Zeroed: nobody reads it. */
struct stream {
    uint64_t generation; /* 0: it starts over at the next read */
    uint64_t sequence;   /* rows that were closed, whether they are told or not */
    struct stream_range *ranges;
    size_t n, room;
};

/* How many of the transcript's requests, from the first on, can be told. */
size_t stream_closed(const struct transcript *t);
void stream_clear(struct stream *stream);
/*
 * What row i of the transcript tells changed, or whether it is told: where it was told before, its streams
 * start over.
 */
void stream_changed(struct oks_engine *e, struct transcript *t, size_t i);
/* The transcript's rows are going. */
void stream_leave(struct oks_engine *e, struct transcript *t);

struct oks_stream_cursor;
struct oks_target;

/* As oks_stream_next (okstrafs/stream.h), from the state of the last sync. -ESTALE: a transcript changed
 * since then, and a line's ids are not to be had without another sync. */
int streams_next(struct oks_engine *e, const struct oks_target *target, struct oks_stream_cursor *cursor,
                 int (*line)(void *ctx, const char *bytes, size_t len), void *ctx, int64_t *mtime_ns);

#endif
