/* What the streams remember of sessions and transcripts (private to the engine). */
#ifndef OKSTRAFS_STREAMS_STREAM_H
#define OKSTRAFS_STREAMS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "okstrafs/source.h"
#include "okstrafs/stream.h"

struct model;
struct oks_cache;
struct session;
struct stream_marks;
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

/* The streams of all; zeroed but for `model`: nobody reads them. */
struct streams {
    struct model *model;
    struct stream all;
    uint64_t generations; /* the last one given out */
};

int session_stream_new(struct session *s);       /* -ENOMEM */
int stream_marks_new(struct transcript *t);      /* -ENOMEM */
void session_stream_free(struct stream *stream); /* NULL is fine */
void stream_marks_free(struct stream_marks *marks);
/* The transcript was committed: more of its rows may be closed. */
void stream_committed(struct transcript *t);

void stream_clear(struct stream *stream);
/*
 * What row i of the transcript tells changed, or whether it is told: where it was told before, its streams
 * start over.
 */
void stream_changed(struct streams *streams, struct transcript *t, size_t i);
/* The transcript's rows are going. */
void stream_leave(struct streams *streams, struct transcript *t);

/* Where the ids of rows are looked up that have forgotten theirs. */
struct stream_sources {
    struct oks_cache *cache; /* NULL: none */
    enum oks_isa isa;
};

/* As oks_stream_next (okstrafs/stream.h), from the state of the last sync; takes the lock. -ESTALE: a
 * transcript changed since then, and a line's ids are not to be had without another sync. */
int streams_next(struct streams *streams, const struct stream_sources *sources,
                 const struct oks_target *target, struct oks_stream_cursor *cursor,
                 int (*line)(void *ctx, const char *bytes, size_t len), void *ctx, int64_t *mtime_ns);

#endif
