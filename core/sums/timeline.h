/*
 * The timeline: running sums by local day, hour, week and month, and by hour of UTC (for blocks). Under the
 * model's lock.
 *
 * It is empty until a document needs it. Then each transcript is added once, and later changes update the
 * rows that they touch. Weeks and months are only kept once a document has needed one of them.
 *
 *     rc = timeline_complete(tl, TIMELINE_DAYS);              before a document reads tl->tables
 *     timeline_before(tl, t, out, &change);                   around each commit
 *     ... commit ...
 *     timeline_after(tl, s, &change);
 */
#ifndef OKSTRAFS_SUMS_TIMELINE_H
#define OKSTRAFS_SUMS_TIMELINE_H

#include "sums/aggregate.h"
#include "billing/billed.h"

struct billing;
struct catalog;
struct oks_intern;
struct oks_zone;
struct scan_outcome;
struct session;
struct transcript;

/*
 * When a transcript can have been written: from 2020 on, before 2040. All stamps before are in one row, all
 * after in another. So nobody can make more than 7,305 days and 175,320 hours.
 */
#define TIMELINE_FIRST INT64_C(1577836800)
#define TIMELINE_END   INT64_C(2208988800)

enum { TIMELINE_SLICE = 20000 }; /* a few ms */

enum time_kind {
    TIMELINE_DAYS,
    TIMELINE_HOURS,
    TIMELINE_HALVES, /* of UTC's hours: stamps on the full hour, and those after it (see blocks.h) */
    TIMELINE_WEEKS,  /* of ISO, from Monday */
    TIMELINE_MONTHS,
    TIME_KINDS,
};

struct time_row {
    int64_t id;           /* ascends with time; unique in its table */
    int64_t start, end;   /* seconds since 1970 */
    uint64_t lo, hi;      /* the first and last key that belong to it */
    bool outside;         /* before TIMELINE_FIRST, or from TIMELINE_END on */
    struct aggregate sum; /* of the sessions with such a stamp, in this span */
    struct billed_bag billed;
    struct row_text text; /* of a half: that of the block which starts in it, see documents/blocks.c */
    uint32_t *stamps;     /* halves: each request's milliseconds after `start`; see time_row_stamps(). Not of
                             what is outside */
    size_t n_stamps, stamps_room;
    size_t n_sorted; /* the first n_sorted ascend */
};

struct time_table {
    struct time_row **rows; /* ascending */
    size_t n, room;
    struct time_row *last; /* a cache: the row found last; the next key is usually in it. NULL: none */
    unsigned __int128 count[OKS_COLUMNS]; /* of all rows; exact */
    struct billed_bag billed;             /* the same */
};

/* Zeroed but for the first four: empty. */
struct timeline {
    struct catalog *catalog;
    struct billing *billing;
    struct oks_intern *names;
    const struct oks_zone *zone; /* of local days; NULL: UTC */
    int kinds;                   /* the first so many are kept, because a document has needed them */
    bool pending;                /* some transcripts may not be in it yet */
    unsigned emptied;            /* how often all rows were dropped */
    int64_t halves_from;         /* start of the first half whose requests changed since blocks were kept */
    struct kept_blocks *blocks;  /* of documents/, malloc'ed; NULL: none */
    struct timeline_part_way {   /* what is being added by slices */
        struct session *session; /* its events; NULL: none */
        int kind;                /* of this one those before `lo`, of kinds before it all */
        uint64_t lo;
        struct transcript *t; /* its requests, but those of rows from `row` on; NULL: none */
        size_t row;
    } part_way;
    size_t slice; /* events and requests of a slice, 8 or more; 0: TIMELINE_SLICE */
    struct time_table tables[TIME_KINDS];
};

/* Measures in rows of time, in the order of the tables and of the rows in each. */
struct timeline_parts {
    struct timeline_part {
        enum time_kind kind;
        struct time_row *row;
        struct measure measure;
    } * items;
    size_t n, room;
};

/* What a change does to the rows of a session. */
struct timeline_change {
    bool live;
    bool whole; /* all rows of the session */
    bool adds;  /* only events come: `gain` has them, and `was` the session's measure in the same rows */
    uint64_t lo, hi;
    const char *agent, *model;
    struct timeline_parts was, gain;
};

/* Before its first events: it is added by commits from now on. */
void timeline_session_new(struct timeline *tl, struct session *s);
void timeline_transcript_new(struct timeline *tl, struct transcript *t);
/* The transcript got its rows from the snapshot, without a commit: it has to be added. */
void timeline_restored(struct timeline *tl, struct transcript *t);
/* From now on rows of that kind are kept. Free of cost while no transcript has been read. */
void timeline_want(struct timeline *tl, enum time_kind kind);
/*
 * Adds what is missing, or some of it: 1 if there is more, so that the lock need not be held for all of it.
 * 0: nothing is missing; -ENOMEM. `pending` is set while something is.
 */
int timeline_complete_some(struct timeline *tl, enum time_kind kind);
int timeline_complete(struct timeline *tl, enum time_kind kind); /* all of it: 0 or -ENOMEM */
void timeline_reset(struct timeline *tl);
void timeline_free(struct timeline *tl);

/* Before a commit of `out` into t; timeline_after() follows it. */
void timeline_before(struct timeline *tl, struct transcript *t, const struct scan_outcome *out,
                     struct timeline_change *change);
/* Before any other change of the session; timeline_after() follows it. */
void timeline_before_all(struct timeline *tl, struct session *s, struct timeline_change *change);
void timeline_after(struct timeline *tl, struct session *s, struct timeline_change *change);

/* A request that t owns was added to the sums, or (comes is false) subtracted: its row i, or SIZE_MAX. */
void timeline_request(struct timeline *tl, struct transcript *t, size_t i, struct oks_stamp stamp,
                      const char *model, const struct billed_sum *sum, bool comes);
/* All requests that t owns are about to leave. */
void timeline_requests_leave(struct timeline *tl, struct transcript *t);

/* The session's measure between two keys. */
void timeline_session(const struct session *s, uint64_t lo, uint64_t hi, struct measure *out);
/* The row's sum, computed again if a share could not be subtracted. */
void timeline_row_measure(struct timeline *tl, struct time_row *row, struct measure *out);

/* The row's n_stamps, ascending. */
const uint32_t *time_row_stamps(struct time_row *row);

/* The first key of a second, and the second that a key belongs to (false: before the year 1). */
uint64_t timeline_key(int64_t second);
bool timeline_second(uint64_t key, int64_t *second);

#endif
