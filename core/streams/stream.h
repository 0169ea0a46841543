/*
 * Streams: requests as lines that only grow, and the position of each transcript in them.
 *
 * Under the model's lock, except streams_next(), which takes it.
 */
#ifndef OKSTRAFS_STREAMS_STREAM_H
#define OKSTRAFS_STREAMS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "okstrafs/source.h"
#include "okstrafs/stream.h"

struct model;
struct history_store;
struct oks_cache;
struct session;
struct stream_marks;
struct transcript;

enum { STREAM_OF_SESSION, STREAM_OF_ALL, STREAMS };

/* Rows of a transcript that were closed since the stream began, in the order in which a call noticed it. */
struct stream_range {
    uint64_t sequence; /* of its last row */
    struct transcript *transcript;
    size_t from, to;
};

/* Zeroed: no reader. */
struct stream {
    uint64_t generation; /* 0: it starts over at the next read */
    uint64_t sequence;   /* number of rows closed, also of those without a line */
    struct stream_range *ranges;
    size_t n, room;
};

/* Zeroed but for `model`: no readers. */
struct streams {
    struct model *model;
    struct stream all;
    uint64_t generations; /* the last one given out */
};

/* A commit replaces all that is known of the transcript: its lines may be others. */
void stream_replaced(struct transcript *t);
/* How often that was. */
uint64_t stream_life(const struct transcript *t);

int session_stream_new(struct session *s);       /* -ENOMEM */
int stream_marks_new(struct transcript *t);      /* -ENOMEM */
void session_stream_free(struct stream *stream); /* NULL is fine */
void stream_marks_free(struct stream_marks *marks);
/*
 * After a commit, or when its file is gone or back: other rows of the transcript may be closed. If the last
 * response goes on after it was sent, its streams start over.
 */
void stream_committed(struct streams *streams, struct transcript *t);

void stream_clear(struct stream *stream);
/*
 * The values of row i changed, or whether it has a line. If it was sent before, its streams start over.
 */
void stream_changed(struct streams *streams, struct transcript *t, size_t i);
/* The transcript's rows are about to leave. */
void stream_leave(struct streams *streams, struct transcript *t);

/* Where ids that are not in memory are looked up. */
struct stream_sources {
    struct oks_cache *cache;       /* NULL: none */
    struct history_store *history; /* NULL: none */
    enum oks_isa isa;
};

/*
 * As oks_stream_next() (okstrafs/stream.h), from the state of the last sync. Takes the lock. -ESTALE: a
 * transcript changed since then, so the ids of a line cannot be found without another sync.
 */
int streams_next(struct streams *streams, const struct stream_sources *sources,
                 const struct oks_target *target, struct oks_stream_cursor *cursor,
                 int (*line)(void *ctx, const char *bytes, size_t len), void *ctx, int64_t *mtime_ns);

#endif
