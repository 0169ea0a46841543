/* What the files of core/streams share: the position of each transcript, and the lines of a call. */
#ifndef OKSTRAFS_STREAMS_STREAM_PRIVATE_H
#define OKSTRAFS_STREAMS_STREAM_PRIVATE_H

#include "sums/model.h"
#include "streams/stream.h"
#include "streams/stream_ids.h"

/* Months of events/, a bit each. Zeroed: none. */
struct month_set {
    uint64_t words[STREAM_MONTH_WORDS];
};

static inline void month_set_add(struct month_set *set, unsigned month)
{
    set->words[month / 64] |= UINT64_C(1) << month % 64;
}

static inline bool month_set_has(const struct month_set *set, unsigned month)
{
    return set->words[month / 64] >> month % 64 & 1;
}

static inline bool month_set_is_empty(const struct month_set *set)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < STREAM_MONTH_WORDS; i++)
        any |= set->words[i];
    return any == 0;
}

/* A transcript's position in its streams. */
struct stream_marks {
    size_t closed;        /* requests, from the first on, that are closed */
    size_t sent[STREAMS]; /* rows that each stream has sent */
    uint64_t life;
    bool told;                /* the stream of all has ranges of it */
    struct month_set open_in; /* these months have had rows of it that are open */
    uint64_t told_as;         /* what its lines there say of the session, as a hash */
    struct month_set months;  /* with requests ... */
    size_t months_of;         /* ... of so many rows, none of which has changed since */
};

/* --- stream_teams.c --- */

/* Says in each session's stream which team its lines name. 1: it may be another one than before; 0; -ENOMEM
 */
int stream_assign_teams(struct streams *streams);

/* --- stream_rows.c --- */

/* Zeroed: none. The list is to be freed. */
struct stream_chosen {
    struct transcript **list;
    size_t n, room;
};

/* The transcripts of a session, or (NULL) of all, ascending by path. 0 or -ENOMEM */
int stream_choose(struct model *m, const struct session *s, struct stream_chosen *out);
/* The same of the sessions that have changed since a version. */
int stream_choose_since(struct model *m, uint64_t since, struct stream_chosen *out);

/* False: no memory. */
bool stream_range_push(struct stream_range **ranges, size_t *n, size_t *room, struct stream_range range);

/* A row that is sent, or a request that has left. */
struct stream_row {
    uint64_t time;  /* ascending; 0: none */
    uint32_t range; /* index of its range, or STREAM_ROW_GONE, and ... */
    uint32_t row;   /* ... its row, counted from there */
};

#define STREAM_ROW_GONE UINT32_MAX

/* Zeroed but for the first three. */
struct stream_rows {
    int which;
    int month; /* -1: all */
    struct billing *billing;
    struct stream_range *ranges; /* by path of their transcripts, or in the order in which they were closed */
    size_t n_ranges, ranges_room;
    struct stream_row *rows;
    size_t n, room;
    int64_t mtime_ns;
    bool elsewhere; /* a transcript with open rows in the month has one in another month now */
};

/* Adds rows; these return 0, -ENOMEM or OKS_STREAM_STARTED_OVER. All that streams have sent of a session, or
 * of all: */
int stream_rows_from_start(struct stream_rows *rows, struct model *m, const struct session *s, int which);
/* Those behind a position in the stream. */
int stream_rows_new(struct stream_rows *rows, struct model *m, const struct stream *stream, uint64_t after);
/* Requests that have left with their transcripts and count no more. */
int stream_rows_gone(struct stream_rows *rows, struct streams *streams);
/*
 * Rows of a month that no stream has yet. If they are as the cursor has returned them, they are taken back. A
 * request of an unfinished line may not be there any more, and another one may be in another month: then the
 * stream starts over. *behind: what they are is noted.
 */
int stream_rows_open(struct stream_rows *rows, struct model *m, const struct oks_stream_cursor *cursor,
                     struct oks_stream_cursor *behind);
void stream_rows_sort(struct stream_rows *rows); /* by time */
void stream_rows_sort_by_place(struct stream_row *rows, size_t n);
void stream_rows_clear(struct stream_rows *rows);

/* --- stream_gone.c --- */

/* A request that was closed, and has left with its transcript. */
struct stream_gone {
    uint64_t key;
    struct oks_stamp stamp; /* never a text */
    uint64_t revision;      /* with zeros: if it counts again, it has a higher one */
    uint64_t order;         /* in which they left */
    bool sent;              /* with zeros */
    bool kept;              /* in the history store */
};

/* The revision with which row i of a transcript is sent. */
uint64_t stream_revision(const struct streams *streams, const struct transcript *t, size_t i,
                         const struct request_row *row);
/* Before the transcript's rows leave. */
void stream_remember(struct streams *streams, const struct transcript *t);
/* Sorts what has left by key, and forgets what counts again and was never sent with zeros. */
void stream_settle_gone(struct streams *streams);
/* Whether one of the transcript's first n rows may be of a request that counts no more; and each such row.
 * stream_each_zero: 0 or the first non-zero value of fn. */
bool stream_may_have_zeros(struct billing *billing, const struct transcript *t, size_t n);
int stream_each_zero(struct billing *billing, const struct transcript *t, size_t n,
                     int (*fn)(void *ctx, size_t i, const struct request_row *row), void *ctx);

/* --- stream_lines.c --- */

struct stream_line {
    struct oks_stamp stamp; /* never a text */
    size_t order;           /* of rendering */
    size_t at, len;         /* in the bytes */
    size_t ids;             /* offset in the line at which ids are inserted that are looked up later */
    enum oks_part part;
    size_t ids_at, ids_len; /* in the bytes: the ids found */
};

/* Lines of some rows, zeroed but for the first three. */
struct stream_batch {
    struct streams *streams;
    int which, month; /* -1: all */
    struct transcript *t;
    struct oks_bytes bytes;
    struct stream_line *lines;
    size_t n, room;
    struct stream_ids ids; /* of lines whose rows have no ids in memory */
};

/* Whether a request has a line. */
bool stream_has_line(int which, const struct billing_visit *visit);
/* Adds the line of a request of batch->t, if it has one. 0 or -errno */
int stream_put_request(void *batch, const struct billing_visit *visit);
/*
 * The same of a row that was sent: if its request counts no more, its line has zeros; if it counts in another
 * transcript and is open there, its line is that one's.
 */
int stream_put_again(void *batch, const struct billing_visit *visit);
/* The line of a request that has left with its transcript. */
int stream_put_gone(struct stream_batch *batch, const struct stream_gone *gone);
/* Looks up ids that are missing, without the lock, sorts the lines, and calls fn with each. */
int stream_deliver(struct stream_batch *batch, const struct stream_sources *sources,
                   int (*fn)(void *ctx, const char *bytes, size_t len), void *ctx);
void stream_batch_clear(struct stream_batch *batch);
/* What the lines of a session say of it, beside its requests. */
uint64_t stream_session_hash(const struct streams *streams, const struct session *s);

/* --- stream_months.c --- */

/* 0 ... STREAM_MONTHS - 1 */
unsigned stream_month_of(struct oks_stamp stamp);
/* A row of the transcript changed, or its rows leave: its months are to be found again. */
void stream_months_forget(struct transcript *t);
/* Whether a row of the transcript may be of that month. */
bool stream_may_have_month(struct transcript *t, unsigned month);

#endif
