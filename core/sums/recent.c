/*
 * The latest sessions.
 *
 * Invariant: if `known`, the array has the `n` latest sessions of all with a time. A session that is or
 * becomes later than one of these is put in its place. One that is earlier than all of them is not kept,
 * unless the array has all sessions. Where too few are left the sessions are gone through once more.
 */
#include "base/array.h"
#include "base/tree.h"
#include "sums/shares.h"

#include <string.h>

static struct oks_stamp last_of(const struct session *s)
{
    return s->sums && s->sums->summed ? s->sums->share.totals.last : OKS_STAMP_NONE;
}

static bool is_later(const void *a, const void *b)
{
    const struct session *x = a, *y = b;
    int d = oks_stamp_cmp(last_of(x), last_of(y));

    return d > 0 || (d == 0 && strcmp(x->name, y->name) < 0);
}

static void put_in(struct recent_sessions *r, struct session *s)
{
    size_t at = oks_array_place(r->items, r->n, s, is_later);

    if (at == r->n && (!r->all || r->n == RECENT_MAX)) {
        r->all = false;
        return;
    }
    if (r->n == RECENT_MAX) {
        r->all = false;
        r->n--;
    }
    oks_array_put_in(r->items, &r->n, at, s);
}

void recent_changed(struct sums *sums, struct session *s, bool leaves)
{
    struct recent_sessions *r = &sums->recent;

    if (!r->known)
        return;
    oks_array_take_out(r->items, &r->n, s);
    if (!leaves && !oks_stamp_is_none(last_of(s)))
        put_in(r, s);
}

static void visit(void *ctx, void *item)
{
    if (!oks_stamp_is_none(last_of(item)))
        put_in(ctx, item);
}

size_t recent_latest(struct sums *sums, size_t most, struct session **out)
{
    struct recent_sessions *r = &sums->recent;

    if (most > RECENT_MAX)
        most = RECENT_MAX;
    if (!r->known || (r->n < most && !r->all)) {
        *r = (struct recent_sessions){.known = true, .all = true};
        oks_tree_each(sums->catalog->sessions, visit, r);
    }
    if (most > r->n)
        most = r->n;
    memcpy(out, r->items, most * sizeof(*out));
    return most;
}
