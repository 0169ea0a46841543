/*
 * What a session was billed: the sum of what its transcripts own (billing/billing.h).
 */
#ifndef OKSTRAFS_SUMS_BILLED_SESSION_H
#define OKSTRAFS_SUMS_BILLED_SESSION_H

#include "billing/billing.h"
#include "sums/measure.h"

struct session;

/* Adds what the session's transcripts own to a bag (-ENOMEM: adds nothing), or subtracts it. */
int billed_session_add(struct billed_bag *to, const struct session *s);
void billed_session_take(struct billed_bag *from, const struct session *s);

/* Whether a request may be outside of the session's first and last event. */
bool billed_session_may_exceed(const struct session *s);

/* Which of the session's requests are in a window, as far as that is known without looking at them. */
enum billed_overlap { BILLED_ALL, BILLED_NOTHING, BILLED_SOME };
enum billed_overlap billed_session_overlap(const struct session *s, const struct measure_window *w);

/* Adds the session's requests in the window to *out. 0 or -ENOMEM */
int billed_session_window(struct billing *b, const struct session *s, const struct measure_window *w,
                          struct billed_bag *out);

#endif
