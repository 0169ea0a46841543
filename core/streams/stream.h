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
#include "okstrafs/stamp.h"
#include "okstrafs/stream.h"

struct model;
struct history_store;
struct oks_requests;
struct oks_cache;
struct session;
struct stream_marks;
struct transcript;

enum { STREAM_OF_SESSION, STREAM_OF_ALL, STREAMS };
enum { STREAM_MONTHS = 241, STREAM_MONTH_WORDS = 4 };

/* Rows of a transcript that were closed since the stream began, in the order in which a call noticed it. */
struct stream_range {
    uint64_t sequence; /* of its last row */
    struct transcript *transcript;
    size_t from, to;
    bool again; /* rows that were sent before, and have changed since */
    bool zeros; /* rows of requests that count no more */
    int month;  /* where the only one was before; -1: not known */
};

/* Zeroed: no reader. */
struct stream {
    uint64_t generation; /* 0: it starts over at the next read */
    uint64_t sequence;   /* number of rows closed, also of those without a line */
    struct stream_range *ranges;
    size_t n, room;
    struct stream_range *changed; /* of all: rows that are to be sent again */
    size_t n_changed, changed_room;
    uint64_t seen; /* of all: sessions that have not changed since this version have no new rows */
    /* of a session: what the lines of all say of it */
    const char *team;      /* interned; NULL: none */
    uint64_t says;         /* as a hash ... */
    uint64_t version;      /* ... of this version of the session, 0: of none, ... */
    const char *told_team; /* ... and of this team */
};

/* Zeroed but for `model`: no readers. */
struct streams {
    struct model *model;
    bool ended;
    struct stream all;
    bool keeps;               /* what leaves is remembered although nobody reads */
    struct stream_gone *gone; /* stream_gone.c */
    size_t n_gone, gone_room;
    size_t n_settled;      /* the first so many are sorted by key; what has left since is behind them */
    uint64_t gone_order;   /* of the last one */
    bool gone_due;         /* some may not be in the history store */
    uint64_t gone_version; /* another one each time their indices change */
    size_t n_teams;        /* when sessions were last assigned to them */
    uint64_t generations;  /* the last one given out */
    uint64_t lives;        /* the same of transcripts: a path may come again with another file */
};

/* The transcript is new, or a commit replaces all that is known of it: its lines may be others. */
void stream_replaced(struct streams *streams, struct transcript *t);
/*
 * The transcript's unfinished line goes, before billing hears of it. The revision of a request that others
 * log too may fall by that, so the stream of all starts over.
 */
void stream_tail_goes(struct streams *streams, const struct transcript *t);
/* Another number after each replacement. */
uint64_t stream_life(const struct transcript *t);

int session_stream_new(struct session *s);       /* -ENOMEM */
int stream_marks_new(struct transcript *t);      /* -ENOMEM */
void session_stream_free(struct stream *stream); /* NULL is fine */
void stream_marks_free(struct stream_marks *marks);
/*
 * After a commit, or when its file is gone or back: other rows of the transcript may be closed. If the last
 * response goes on after it was sent, its streams start over. Its session gets a new version before anybody
 * reads: by that the stream of all knows whose rows to look at.
 */
void stream_committed(struct streams *streams, struct transcript *t);

/* Frees everything but the model. Nothing is read any more. */
void streams_end(struct streams *streams);
/* All lines may be others: prices changed, or the names of hosts. */
void streams_start_over(struct streams *streams);
/*
 * The values of row i changed, or whether it has a line. If it was sent before, the session's stream starts
 * over, and that of all has it again.
 */
void stream_changed(struct streams *streams, struct transcript *t, size_t i, struct oks_stamp before);
/* The transcript's rows are about to leave. */
void stream_leave(struct streams *streams, struct transcript *t);

/*
 * Calls fn with the name of each file of events/, ascending; see oks_stream_month(). 0, or the first non-zero
 * value of fn.
 */
int streams_months(struct streams *streams, int (*fn)(void *ctx, const char *name), void *ctx);

/*
 * Requests that have left, for those who read after a restart: each becomes a row, without tokens.
 * streams_gone_rows() gives those that are not in the history store, oldest first (NULL: none); when they
 * are, streams_gone_kept(streams, true). streams_take_gone() takes over what an earlier process has put
 * there, before anything leaves. 0, -ENOMEM or -EFBIG
 */
int streams_gone_rows(struct streams *streams, struct oks_requests **out);
void streams_gone_kept(struct streams *streams, bool kept);
int streams_take_gone(struct streams *streams, const struct oks_requests *rows);
enum { STREAM_GONE_MAX = 1 << 16 }; /* of more the oldest are forgotten */

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
