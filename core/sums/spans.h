/*
 * Spans: the first and the last time stamp of each session, in one array. A window finds there which sessions
 * it may include, so that it does not look at the thousands that lie before it or after it. Under the model's
 * lock.
 *
 * Nothing is kept until a window is first measured. Then a session that has changed is marked, and its span
 * is made anew before the next window.
 *
 *     if (spans_complete(sums, billing) == 0 && spans_are_of_all(sums))
 *         for (size_t i = 0; i < sums->spans.n; i++)
 *             if (span_reaches(&sums->spans.items[i], &w))
 *                 ...
 */
#ifndef OKSTRAFS_SUMS_SPANS_H
#define OKSTRAFS_SUMS_SPANS_H

#include "sums/measure.h"

struct billing;
struct session;
struct session_sums;
struct sums;

/* All keys of the session's stamps are in it. One that may have others has a span of all time. */
struct session_span {
    uint64_t first, last;
    struct session *session;
};

/* Zeroed: nothing is kept. */
struct spans {
    struct session_span *items; /* in no order */
    size_t n, room;
    bool kept;
    LIST_HEAD(, session_sums) due; /* sessions that have changed */
};

/* The session's share or its bill has changed. */
void spans_due(struct sums *sums, struct session *s);
/* The session leaves the sums. */
void spans_leave(struct sums *sums, struct session *s);
/* 0 or -ENOMEM */
int spans_complete(struct sums *sums, struct billing *b);
/* Whether each session of the catalog has a span: one has none before its first commit. */
bool spans_are_of_all(const struct sums *sums);
/* False: no event and no request of the session is in the window. */
bool span_reaches(const struct session_span *span, const struct measure_window *w);
/* The same of a session, after spans_complete(). True if its span is not known. */
bool spans_reach(const struct sums *sums, const struct session *s, const struct measure_window *w);
void spans_clear(struct sums *sums);

#endif
