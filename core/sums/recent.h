/*
 * The sessions with the latest events, kept while sums change: a page shows a few of thousands. Under the
 * model's lock.
 */
#ifndef OKSTRAFS_SUMS_RECENT_H
#define OKSTRAFS_SUMS_RECENT_H

#include <stdbool.h>
#include <stddef.h>

struct session;
struct sums;

enum { RECENT_MAX = 64 };

/* Zeroed: not known yet. */
struct recent_sessions {
    struct session *items[RECENT_MAX]; /* the latest first; all others are earlier */
    size_t n;
    bool known;
    bool all; /* there are no others with a time */
};

/* The session's share has changed, or the session leaves. */
void recent_changed(struct sums *sums, struct session *s, bool leaves);
/* At most so many, the latest first; returns how many. Those whose events have no time are not among them. */
size_t recent_latest(struct sums *sums, size_t most, struct session **out);

#endif
