/*
 * What happened when: running sums by local day, by local hour, and by hour of UTC (for blocks). Private to
 * the engine; everything under engine->lock.
 *
 * Nothing is kept before somebody asks. Then every transcript is taken in once, and from there on what
 * changes moves the rows that it touches.
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

enum time_kind {
    TIMELINE_DAYS,
    TIMELINE_HOURS,
    TIMELINE_HALVES, /* of UTC's hours: what is on the full hour, and what lies behind it (see blocks.h) */
    TIME_KINDS,
};

struct time_row {
    int64_t id;           /* rises with time; unique in its table */
    int64_t start, end;   /* seconds since 1970 */
    uint64_t lo, hi;      /* keys of stamps that belong to it, both included */
    struct aggregate sum; /* of the sessions that have such a stamp, in this span */
    struct billed_bag billed;
    char *text;       /* as the last document showed it; hardly ever more than one row of many has changed */
    size_t text_len;  /* 0: it has changed since */
    uint32_t *stamps; /* halves: each request's milliseconds behind `start`; see time_row_stamps() */
    size_t n_stamps, stamps_room;
    size_t n_sorted; /* of them, from the first on */
};

struct time_table {
    struct time_row **rows; /* ascending */
    size_t n, room;
    struct time_row *last; /* asked for; what comes next is mostly of the same. NULL: none */
};

/* Zeroed but for the first four: nothing is kept. */
struct timeline {
    struct catalog *catalog;
    struct billing *billing;
    struct oks_intern *names;
    const struct oks_zone *zone; /* of local days; NULL: UTC */
    bool on;                     /* somebody has asked */
    bool pending;                /* some transcripts may not have been taken in */
    struct time_table tables[TIME_KINDS];
};

/* What a session had in the rows that a change touches. */
struct timeline_change {
    bool live;
    bool whole; /* all of the session's rows */
    uint64_t lo, hi;
    const char *agent, *model;
    struct timeline_part {
        struct time_row *row;
        struct measure measure;
    } * parts;
    size_t n, room;
};

/* Before its first events: they come into the rows that are kept. */
void timeline_session_new(struct timeline *tl, struct session *s);
void timeline_transcript_new(struct timeline *tl, struct transcript *t);
/* The transcript got its rows without a commit: it has to be taken in. */
void timeline_restored(struct timeline *tl, struct transcript *t);
/* From now on rows are kept; costs nothing where no transcript has been read. */
void timeline_want(struct timeline *tl);
/* Takes in what is missing. 0 or -ENOMEM. */
int timeline_complete(struct timeline *tl);
void timeline_reset(struct timeline *tl);
void timeline_free(struct timeline *tl);

/* Around a commit of `out` into t. */
void timeline_before(struct timeline *tl, struct transcript *t, const struct scan_outcome *out,
                     struct timeline_change *change);
/* Around anything else that changes the session. */
void timeline_before_all(struct timeline *tl, struct session *s, struct timeline_change *change);
void timeline_after(struct timeline *tl, struct session *s, struct timeline_change *change);

/* A request that t owns came to a sum, or left it again. */
void timeline_request(struct timeline *tl, struct transcript *t, struct oks_stamp stamp, const char *model,
                      const struct billed_sum *sum, bool comes);
/* All that t owns are about to leave. */
void timeline_requests_leave(struct timeline *tl, struct transcript *t);

/* What the session has between two keys. */
void timeline_session(const struct session *s, uint64_t lo, uint64_t hi, struct measure *out);
/* The row's sum, which is made anew where a share could not be taken out of it. */
void timeline_row_measure(struct timeline *tl, struct time_row *row, struct measure *out);

/* The row's n_stamps, ascending. */
const uint32_t *time_row_stamps(struct time_row *row);

/* The first key of a second, and the second that a key belongs to (false: before the year 1). */
uint64_t timeline_key(int64_t second);
bool timeline_second(uint64_t key, int64_t *second);

#endif
