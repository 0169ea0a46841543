/*
 * Rows of time in a window.
 *
 * A window includes a row whole, except at most two, which it cuts: for these every session in the row is
 * measured.
 */
#include "documents/timeline_window.h"

#include <errno.h>

#include "documents/document.h"

struct cut {
    struct stats *s;
    uint64_t lo, hi;
    struct measure *sum;
    struct billed_bag *bag;
};

static bool in_cut(const struct cut *c, struct oks_stamp stamp)
{
    return stamp.key >= c->lo && stamp.key <= c->hi && stamp.key < OKS_STAMP_KEY_TEXT;
}

static int cut_request(void *ctx, const struct billing_visit *visit)
{
    const struct cut *c = ctx;
    struct billed_sum *to = in_cut(c, visit->stamp) ? billed_bag_at(c->bag, visit->model) : NULL;

    if (to)
        billed_add(to, visit->sum);
    else if (in_cut(c, visit->stamp))
        json_fail(c->s->j, -ENOMEM);
    return 0;
}

/*
 * Whether a request of the transcript may be between the bounds. One with a substitute row may have any
 * stamp, and so may one of a progress line.
 */
static bool may_reach(const struct cut *c, const struct transcript *t)
{
    struct oks_stamp first = t->totals.first, last = t->totals.last;

    if (billing_part_rows(t->billed) == 0)
        return false;
    return billing_has_substitutes(t->billed) || billed_bag_has_second_hand(billing_share(t->billed)) ||
           t->remnant || t->tail || first.key == OKS_STAMP_KEY_TEXT || last.key == OKS_STAMP_KEY_TEXT ||
           (first.key <= c->hi && last.key >= c->lo && t->totals.stamped);
}

static void cut_session(void *ctx, void *item)
{
    const struct session *session = item;
    struct cut *c = ctx;
    struct transcript *t;
    struct measure m;

    timeline_session(session, c->lo, c->hi, &m);
    if (m.totals.events > 0)
        measure_add(c->sum, &m);
    TAILQ_FOREACH(t, &session->transcripts, of_session) {
        if (may_reach(c, t))
            billing_each(c->s->model->billing, t->billed, 0, SIZE_MAX, cut_request, c);
    }
}

static void cut_row(struct stats *s, uint64_t lo, uint64_t hi, struct measure *m, struct billed_bag *bag)
{
    struct cut c = {s, lo, hi, m, bag};

    measure_start(m);
    document_each(s->j, s->model->catalog.sessions, cut_session, &c);
}

bool timeline_row_in_window(struct stats *s, struct time_row *row, struct measure *m,
                            const struct billed_bag **billed, struct billed_bag *room)
{
    uint64_t lo = row->lo, hi = row->hi;

    if (s->window && !oks_stamp_is_none(s->w.since) && s->w.since.key > lo)
        lo = s->w.since.key;
    if (s->window && !oks_stamp_is_none(s->w.until) && s->w.until.key < hi)
        hi = s->w.until.key;
    if (lo > hi)
        return false;
    if (lo == row->lo && hi == row->hi) {
        timeline_row_measure(&s->model->timeline, row, m);
        *billed = &row->billed;
    } else {
        cut_row(s, lo, hi, m, room);
        *billed = room;
    }
    return m->totals.events > 0 || !billed_bag_is_zero(*billed);
}
