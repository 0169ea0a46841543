/*
 * What a session was billed.
 *
 * A session that lies wholly inside a window, or outside, answers from its sum. One that is cut is asked
 * transcript by transcript.
 */
#include "sums/billed_session.h"

#include <errno.h>

#include "engine/engine_private.h"

int billed_session_add(struct billed_bag *to, const struct session *s)
{
    const struct transcript *t;

    LIST_FOREACH(t, &s->transcripts, of_session) {
        const struct billed_bag *share = billing_share(t->billed);

        for (size_t i = 0; i < share->len; i++)
            if (!billed_bag_at(to, share->items[i].model))
                return -ENOMEM;
    }
    LIST_FOREACH(t, &s->transcripts, of_session)
        billed_bag_add(to, billing_share(t->billed));
    return 0;
}

void billed_session_take(struct billed_bag *from, const struct session *s)
{
    const struct transcript *t;

    LIST_FOREACH(t, &s->transcripts, of_session)
        billed_bag_take(from, billing_share(t->billed));
}

void billed_session_moved(struct session *s, struct project *from, struct project *to)
{
    if (from)
        billed_session_take(&from->billed, s);
    if (to)
        billed_session_add(&to->billed, s);
}

/* Without substitutes the session's requests lie between its first event and its last. */
static bool has_substitutes(const struct session *s)
{
    const struct transcript *t;

    LIST_FOREACH(t, &s->transcripts, of_session)
        if (billing_has_substitutes(t->billed))
            return true;
    return false;
}

int billed_session_window(struct billing *b, const struct session *s, const struct measure_window *w,
                          struct billed_bag *out)
{
    enum measure_place place = measure_place(s, w);
    struct transcript *t;
    int rc = 0;

    if (place == MEASURE_OPEN || (place == MEASURE_INSIDE && !has_substitutes(s)))
        return billed_session_add(out, s);
    if (place == MEASURE_OUTSIDE && !has_substitutes(s))
        return 0;
    LIST_FOREACH(t, &s->transcripts, of_session)
        if (rc == 0)
            rc = billing_window(b, t->billed, w->since, w->until, out);
    return rc;
}
