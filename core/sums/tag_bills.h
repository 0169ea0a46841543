/*
 * What transcripts were billed, by tag: the git branch and the effort of their requests (history/tags.h).
 *
 * Nearly every transcript has one tag, and its share is the answer. For the others the requests are added up
 * when they are first needed, and from then on each request that comes or leaves changes the sum of its tag.
 * Under the model's lock.
 */
#ifndef OKSTRAFS_SUMS_TAG_BILLS_H
#define OKSTRAFS_SUMS_TAG_BILLS_H

#include "billing/billing.h"
#include "sums/measure.h"

struct tag_bills {
    struct billed_bag *bags; /* by the transcript's own tag numbers */
    size_t n;
    bool valid;
};

void tag_bills_clear(struct tag_bills *bills);
/* A request of the transcript comes or leaves: that of its row i, or SIZE_MAX, if it has the values of
 * another transcript's row. */
void tag_bills_request(struct transcript *t, size_t i, const char *model, const struct billed_sum *sum,
                       bool comes);
/* All requests leave, or are others: the bills are to be made anew. */
void tag_bills_changed(struct transcript *t);
/* Of all transcripts. */
void tag_bills_forget(struct catalog *c);

/*
 * Adds up what is missing, some ten thousand requests at most. 1: there is more, so call it again after
 * others had the lock; 0; -ENOMEM
 */
int tag_bills_complete_some(struct billing *b, struct catalog *c);

/*
 * Calls fn with each tag of the session's requests in the window and what they come to, a tag several times.
 * 0, -ENOMEM, or the first non-zero value of fn.
 */
int tag_bills_session(struct billing *b, const struct session *s, const struct measure_window *w,
                      int (*fn)(void *ctx, struct oks_slice tag, const struct billed_bag *bag), void *ctx);

#endif
