/*
 * Measuring: what a session adds up to in a window.
 */
#ifndef OKSTRAFS_SUMS_MEASURE_H
#define OKSTRAFS_SUMS_MEASURE_H

#include "catalog/catalog.h"
#include "sums/aggregate.h"

/* [since, until]; a bound that is none is open. */
struct measure_window {
    struct oks_stamp since;
    struct oks_stamp until;
};

/* The position of the session's events relative to a window, by its share. */
enum window_overlap { OVERLAP_OPEN, OVERLAP_INSIDE, OVERLAP_OUTSIDE, OVERLAP_CUT };

enum window_overlap measure_overlap(const struct session *s, const struct measure_window *w);
void measure_session(const struct session *s, const struct measure_window *w, struct measure *out);
/* Over all time, from the transcripts: this becomes the session's share. */
void measure_session_anew(const struct session *s, struct measure *out);

#endif
