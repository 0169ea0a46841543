/*
 * The events of one transcript, compact, with an index that answers any window in logarithmic time.
 *
 * Events are appended in any order of their stamps (nearly always in order). The cost of a window is
 * O(log^2 n) whatever the order of arrival was, and independent of how many events lie in it.
 * Readers (whatever takes a const) may run at once; for the others the owner locks.
 */
#ifndef OKSTRAFS_HISTORY_EVENTS_H
#define OKSTRAFS_HISTORY_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "history/totals.h"
#include "okstrafs/zone.h"

enum {
    OKS_PLACES_MAX = 64,     /* of one list of a transcript; further names are summed up as "(others)" */
    OKS_PLACE_UNKNOWN = 255, /* of an event from a file of an earlier version */
};

/* What an event is told apart by: each is a list of names of its transcript (history/state.h). */
enum oks_label {
    OKS_LABEL_MODEL,
    OKS_LABEL_TAG,   /* branch and effort: history/tags.h */
    OKS_LABEL_TOOLS, /* the tools that it calls: history/tools.h */
    OKS_LABELS,
};

struct oks_event {
    struct oks_stamp stamp; /* none: the event is in every window */
    uint64_t count[OKS_COLUMNS];
    uint8_t place[OKS_LABELS]; /* in each of these lists; of an event without counts: nothing */
};

static inline bool oks_event_has_count(const struct oks_event *event)
{
    return oks_counts_any(event->count);
}

struct oks_events;

int oks_events_new(struct oks_events **out); /* -ENOMEM */
void oks_events_free(struct oks_events *events);

/* Copies the event (a text stamp's bytes too). 0 or -ENOMEM, and then nothing has changed. */
int oks_events_append(struct oks_events *events, const struct oks_event *event);

/*
 * Packs all of them (6 to 9 bytes an event) and gives back memory that is only good for growing: few
 * are expected to follow. No answer changes, whenever it is called; stamps that were borrowed stay valid. The
 * next append costs a microsecond more.
 */
void oks_events_trim(struct oks_events *events);

/* Makes them anew, each with the place of that label that fn gives for it; fn is called for those with a
 * count, in order. On -ENOMEM nothing has changed. */
int oks_events_set_places(struct oks_events **events, enum oks_label label, uint8_t (*fn)(void *ctx),
                          void *ctx);
/* The same with OKS_PLACE_UNKNOWN for all labels. */
int oks_events_forget_places(struct oks_events **events);

size_t oks_events_len(const struct oks_events *events);
size_t oks_events_bytes(const struct oks_events *events); /* memory held, for budgets and status */

/*
 * Hands all events as packed bytes to `put`, piece by piece; what oks_events_unpack() makes of them answers
 * as this one does. Stops at the first non-zero value and returns it. Wants no memory; quick after a trim.
 */
int oks_events_pack(const struct oks_events *events, int (*put)(void *ctx, const void *bytes, size_t n),
                    void *ctx);
/*
 * The events of packed bytes, copied. -ENOMEM, or -EINVAL where they are not what oks_events_pack() wrote:
 * bounds and the order of stamps are checked, counts are not.
 */
int oks_events_unpack(struct oks_events **out, const void *bytes, size_t len);

/*
 * Totals over the events without a stamp and those with since <= stamp <= until; a bound that is none is
 * open. The stamps in *out borrow from `events` until its next change.
 */
void oks_events_window(const struct oks_events *events, struct oks_stamp since, struct oks_stamp until,
                       struct oks_totals *out);

/*
 * Totals over the events whose stamp is a number with from <= key <= to (see stamp.h): those without a stamp,
 * and those whose stamp is some other text, are in none.
 */
void oks_events_span(const struct oks_events *events, uint64_t from, uint64_t to, struct oks_totals *out);
/* The smallest such key from `from` on; false: there is none. */
bool oks_events_next(const struct oks_events *events, uint64_t from, uint64_t *key);

/*
 * The same window by label: out[i] are the totals of the events with a count whose place is i, and the last
 * one those of the others. Only canonical stamps widen a span. The cost is that of the blocks in the window,
 * and of each event in a block with several places.
 */
void oks_events_by(const struct oks_events *events, enum oks_label label, struct oks_stamp since,
                   struct oks_stamp until, struct oks_totals out[OKS_PLACES_MAX + 1]);

/*
 * Calls fn for every event, those without a stamp first, the others in the order of their stamps (equal
 * stamps in the order of arrival). Stops at the first non-zero value and returns it.
 */
int oks_events_each(const struct oks_events *events, int (*fn)(void *ctx, const struct oks_event *event),
                    void *ctx);

/*
 * Calls fn once for each of the local days [first, end), ascending, in whose span (time/local_day.h) there is
 * an event. O(days * log^2 n). Stops at the first non-zero value and returns it.
 */
int oks_events_days(const struct oks_events *events, const struct oks_zone *zone, int64_t first, int64_t end,
                    int (*fn)(void *ctx, int64_t day), void *ctx);

#endif
