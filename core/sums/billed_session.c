/*
 * What a session was billed: the sum of its transcripts' shares.
 *
 * A session that lies wholly inside or outside of a window is answered from its sum. For one that the window
 * cuts, each transcript is computed.
 */
#include "sums/billed_session.h"

#include <errno.h>

#include "sums/shares.h"

int billed_session_add(struct billed_bag *to, const struct session *s)
{
    const struct transcript *t;

    TAILQ_FOREACH(t, &s->transcripts, of_session) {
        const struct billed_bag *share = billing_share(t->billed);

        for (size_t i = 0; i < share->len; i++)
            if (!billed_bag_at(to, share->items[i].model))
                return -ENOMEM;
    }
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        billed_bag_add(to, billing_share(t->billed));
    return 0;
}

void billed_session_take(struct billed_bag *from, const struct session *s)
{
    const struct transcript *t;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        billed_bag_take(from, billing_share(t->billed));
}

/* It has a substitute, no file any more, or is in a progress line, which has a time of its own. */
bool billed_session_may_exceed(const struct session *s)
{
    const struct transcript *t;

    if (s->n_remnants)
        return true;
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (billing_has_substitutes(t->billed) || billed_bag_has_second_hand(billing_share(t->billed)))
            return true;
    return false;
}

enum billed_overlap billed_session_overlap(const struct session *s, const struct measure_window *w)
{
    enum window_overlap overlap = measure_overlap(s, w);

    if (overlap == OVERLAP_OPEN || (overlap == OVERLAP_INSIDE && !billed_session_may_exceed(s)))
        return BILLED_ALL;
    return overlap == OVERLAP_OUTSIDE && !billed_session_may_exceed(s) ? BILLED_NOTHING : BILLED_SOME;
}

int billed_session_window(struct billing *b, const struct session *s, const struct measure_window *w,
                          struct billed_bag *out)
{
    enum billed_overlap overlap = billed_session_overlap(s, w);
    struct transcript *t;
    int rc = 0;

    if (overlap == BILLED_ALL)
        return billed_session_add(out, s);
    if (overlap == BILLED_NOTHING)
        return 0;
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (rc == 0)
            rc = billing_window(b, t->billed, w->since, w->until, out);
    return rc;
}
