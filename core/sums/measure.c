/*
 * Measuring: sums over a session's events in a window, and over sessions.
 *
 * A session's events are those of all its transcripts, so its span is that of all. An aggregate of sessions
 * adds counts and durations, and widens the span. It has an agent or a model only if all sessions agree.
 */
#include "sums/shares.h"

/* Whether usage is unknown: the source does not always record it, and never did in this transcript. */
static bool says_nothing(const struct transcript *t)
{
    uint64_t any = 0;

    for (int i = 0; i < OKS_COLUMNS; i++)
        if (i != OKS_TOOL_USES)
            any |= t->totals.count[i] | (transcript_tail(t)->counts ? t->tail->event.count[i] : 0);
    return t->source->late && !any;
}

static bool is_unknown(const struct session *s)
{
    const struct transcript *t;

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (!says_nothing(t))
            return false;
    return true;
}

static void measure_transcripts(const struct session *s, const struct measure_window *w, struct measure *out)
{
    const struct transcript *t;

    measure_start(out);
    TAILQ_FOREACH(t, &s->transcripts, of_session) {
        struct oks_totals part;

        if (session_has_twin(s, t))
            continue;
        transcript_window(t, w->since, w->until, &part);
        oks_totals_add(&out->totals, &part);
        if (t->mark.mtime_ns > out->mtime_ns)
            out->mtime_ns = t->mark.mtime_ns;
    }
    out->duration_ms = oks_duration_ms(out->totals.first, out->totals.last);
    out->sessions = 1;
    out->unknown = is_unknown(s);
    out->agent_name = session_agent_name(s);
    out->model = session_model(s);
}

void measure_session_anew(const struct session *s, struct measure *out)
{
    static const struct measure_window open = {.since = {.key = OKS_STAMP_KEY_NONE},
                                               .until = {.key = OKS_STAMP_KEY_NONE}};

    measure_transcripts(s, &open, out);
}

enum window_overlap measure_overlap(const struct session *s, const struct measure_window *w)
{
    const struct oks_totals *all = &s->sums->share.totals;
    bool from_start = oks_stamp_is_none(w->since), to_end = oks_stamp_is_none(w->until);

    if (from_start && to_end)
        return OVERLAP_OPEN;
    if (!s->sums->summed)
        return OVERLAP_CUT;
    if (oks_stamp_is_none(all->first))
        return OVERLAP_INSIDE;
    if ((from_start || oks_stamp_cmp(all->first, w->since) >= 0) &&
        (to_end || oks_stamp_cmp(all->last, w->until) <= 0))
        return OVERLAP_INSIDE;
    if (all->events > all->stamped || ((from_start || oks_stamp_cmp(all->last, w->since) >= 0) &&
                                       (to_end || oks_stamp_cmp(all->first, w->until) <= 0)))
        return OVERLAP_CUT;
    return OVERLAP_OUTSIDE;
}

/* True: the session's share answers for this window. */
static bool measure_from_share(const struct session *s, const struct measure_window *w, struct measure *out)
{
    enum window_overlap overlap = measure_overlap(s, w);

    if (!s->sums->summed || overlap == OVERLAP_CUT)
        return false;
    *out = s->sums->share;
    if (overlap != OVERLAP_OUTSIDE)
        return true;
    out->totals = OKS_TOTALS_NONE;
    out->duration_ms = 0;
    return true;
}

void measure_session(const struct session *s, const struct measure_window *w, struct measure *out)
{
    if (!measure_from_share(s, w, out))
        measure_transcripts(s, w, out);
}
