/*
 * The timeline: rows of time, kept up to date by each change.
 *
 * A row's thirteen counts are those of its sessions, each measured between the row's bounds, as in a window
 * (with durations and times). So a change measures its session before and after, in the few rows that it
 * touches, which takes two queries of an index. If it only adds events, what they add is measured instead of
 * the session after it. A request is in one row, and is added or removed by itself.
 *
 * On ENOMEM all rows are dropped, and made again when they are next used.
 *
 * A session with many rows, and a transcript with many requests, are added by slices too (part_way). A change
 * of such a session's events adds the rest of them first. Of such a transcript's requests it is known by
 * their rows which are in.
 *
 * Invariants: `timed` says what is in the rows: a session's events, a transcript's own requests. If the
 * timeline is on and not pending, all are.
 */
#include "sums/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/tree.h"
#include "time/calendar.h"
#include "sums/shares.h"
#include "sums/time_rows.h"

/* --- life --- */

void timeline_free(struct timeline *tl)
{
    time_rows_free(tl);
    free(tl->blocks);
    tl->blocks = NULL;
    tl->part_way = (struct timeline_part_way){0};
    tl->kinds = 0;
    tl->pending = false;
}

void timeline_session_new(struct timeline *tl, struct session *s)
{
    s->sums->timed = tl->kinds > 0;
}

void timeline_transcript_new(struct timeline *tl, struct transcript *t)
{
    t->sums->timed = tl->kinds > 0;
}

void timeline_restored(struct timeline *tl, struct transcript *t)
{
    t->sums->timed = t->session->sums->timed = false;
    tl->pending = true;
}

static void forget(void *ctx, void *item)
{
    struct transcript *t = item;

    (void)ctx;
    t->sums->timed = t->session->sums->timed = false;
}

void timeline_reset(struct timeline *tl)
{
    if (!tl->kinds)
        return;
    time_rows_free(tl);
    oks_tree_each(tl->catalog->transcripts, forget, NULL);
    tl->part_way = (struct timeline_part_way){0};
    tl->pending = true;
}

void timeline_want(struct timeline *tl, enum time_kind kind)
{
    int kinds = kind <= TIMELINE_HALVES ? TIMELINE_HALVES + 1 : TIME_KINDS;

    if (tl->kinds >= kinds)
        return;
    tl->kinds = kinds;
    timeline_reset(tl);
}

/* --- events --- */

static bool between(uint64_t key, uint64_t lo, uint64_t hi)
{
    return key >= lo && key <= hi && key < KEY_END;
}

static bool tail_between(const struct transcript *t, uint64_t lo, uint64_t hi)
{
    return transcript_tail(t)->counts && between(transcript_tail(t)->event.stamp.key, lo, hi);
}

static void add_span(struct measure *m, const struct oks_events *events, uint64_t lo, uint64_t hi)
{
    struct oks_totals part;

    oks_events_span(events, lo, hi, &part);
    oks_totals_add(&m->totals, &part);
}

void timeline_session(const struct session *s, uint64_t lo, uint64_t hi, struct measure *out)
{
    struct transcript *t;

    measure_start(out);
    TAILQ_FOREACH(t, &s->transcripts, of_session) {
        const struct oks_event *tail = &transcript_tail(t)->event;
        struct oks_totals part = {.events = 1, .stamped = 1, .first = tail->stamp, .last = tail->stamp};

        if (session_has_twin(s, t))
            continue;
        if (tail_between(t, lo, hi)) {
            memcpy(part.count, tail->count, sizeof(part.count));
            oks_totals_add(&out->totals, &part);
        }
        add_span(out, t->state.events, lo, hi);
    }
    out->duration_ms = oks_duration_ms(out->totals.first, out->totals.last);
    out->sessions = 1;
    out->agent_name = session_agent_name(s);
    out->model = session_model(s);
}

/* The session's smallest key not before `from`; false: none. */
static bool next_key(const struct session *s, uint64_t from, uint64_t *key)
{
    const struct transcript *t;

    *key = KEY_END;
    TAILQ_FOREACH(t, &s->transcripts, of_session) {
        uint64_t at;

        if (session_has_twin(s, t))
            continue;
        if (oks_events_next(t->state.events, from, &at) && at < *key)
            *key = at;
        if (tail_between(t, from, *key))
            *key = transcript_tail(t)->event.stamp.key;
    }
    return *key < KEY_END;
}

struct slice {
    struct timeline *tl;
    size_t left; /* events and requests that may still be added */
};

enum { ROW_COSTS = 8 }; /* of a session in a row, in events */

static void learn_names(struct timeline *tl, const struct session *s, struct timeline_change *c)
{
    c->agent = oks_intern(tl->names, session_agent_name(s));
    c->model = oks_intern(tl->names, session_model(s));
}

static void measure_session_in(const struct session *s, const struct timeline_change *c,
                               const struct time_row *row, struct measure *m)
{
    timeline_session(s, row->lo, row->hi, m);
    m->agent_name = c->agent;
    m->model = c->model;
}

/* Either measure may be NULL: the session enters the row, or leaves it. */
static void replace(struct time_table *table, struct time_row *row, const struct measure *was,
                    const struct measure *now)
{
    aggregate_replace(&row->sum, was, now);
    for (int i = 0; i < OKS_COLUMNS; i++) {
        table->count[i] += now ? now->totals.count[i] : 0;
        table->count[i] -= was ? was->totals.count[i] : 0;
    }
    row_text_changed(&row->text);
}

/* Adds the session's events to rows, from where an earlier slice ended. 1: there is more; or -ENOMEM */
static int take_in_events(struct slice *slice, struct session *s)
{
    struct timeline *tl = slice->tl;
    struct timeline_part_way *at = &tl->part_way;
    struct timeline_change names;
    uint64_t key;

    learn_names(tl, s, &names);
    if (at->session != s) {
        at->session = s;
        at->kind = 0;
        at->lo = 0;
    }
    for (; at->kind < tl->kinds; at->kind++, at->lo = 0)
        while (at->lo < KEY_END && next_key(s, at->lo, &key)) {
            struct time_row *row;
            struct measure m;

            if (slice->left < ROW_COSTS)
                return 1;
            row = time_row_made(tl, (enum time_kind)at->kind, key);
            if (!row && key >= timeline_key(CALENDAR_FIRST_DAY * (int64_t)SECONDS_PER_DAY))
                return -ENOMEM;
            slice->left -= ROW_COSTS;
            at->lo = row ? row->hi + 1 : key + 1;
            if (!row)
                continue;
            measure_session_in(s, &names, row, &m);
            replace(&tl->tables[at->kind], row, NULL, &m);
        }
    at->session = NULL;
    s->sums->timed = true;
    return 0;
}

/* Before the session's events change. */
static void take_in_rest(struct timeline *tl, struct session *s)
{
    struct slice all = {tl, SIZE_MAX};

    if (tl->part_way.session == s && take_in_events(&all, s) < 0)
        timeline_reset(tl);
}

/* Zeroed but for the row, or NULL. */
static struct measure *add_part(struct timeline_parts *parts, enum time_kind kind, struct time_row *row)
{
    struct timeline_part *part;

    if (!OKS_GROW(parts->items, parts->n, parts->room))
        return NULL;
    part = &parts->items[parts->n++];
    part->kind = kind;
    part->row = row;
    measure_start(&part->measure);
    return &part->measure;
}

/* What the session (if `gain` is NULL) or the gain has in each row of the change. */
static int collect(struct timeline *tl, const struct session *s, const struct oks_events *gain,
                   const struct timeline_change *c, struct timeline_parts *parts)
{
    for (int kind = 0; kind < tl->kinds && c->lo <= c->hi; kind++) {
        uint64_t lo = c->lo, hi = c->hi, key;

        time_rows_widen(tl, (enum time_kind)kind, &lo, &hi);
        while (lo <= hi && (gain ? oks_events_next(gain, lo, &key) : next_key(s, lo, &key)) && key <= hi) {
            struct time_row *row = time_row_made(tl, (enum time_kind)kind, key);
            struct measure *m;

            if (!row) {
                if (key >= timeline_key(CALENDAR_FIRST_DAY * (int64_t)SECONDS_PER_DAY))
                    return -ENOMEM;
                lo = key + 1;
                continue;
            }
            m = add_part(parts, (enum time_kind)kind, row);
            if (!m)
                return -ENOMEM;
            if (gain)
                add_span(m, gain, row->lo, row->hi);
            else
                measure_session_in(s, c, row, m);
            lo = row->hi + 1;
        }
    }
    return 0;
}

/* The session's measure in each row of the gain. */
static int collect_was(const struct session *s, struct timeline_change *c)
{
    for (size_t i = 0; i < c->gain.n; i++) {
        const struct timeline_part *gain = &c->gain.items[i];
        struct measure *m = add_part(&c->was, gain->kind, gain->row);

        if (!m)
            return -ENOMEM;
        measure_session_in(s, c, gain->row, m);
    }
    return 0;
}

/* < 0, 0 or > 0: `a` is of an earlier row than `b`, of the same, of a later one. */
static int compare_rows(const struct timeline_part *a, const struct timeline_part *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->row->id < b->row->id ? -1 : a->row->id > b->row->id;
}

static void apply(struct timeline *tl, const struct timeline_parts *was, const struct timeline_parts *now)
{
    for (size_t i = 0, j = 0; i < was->n || j < now->n;) {
        int order = i == was->n ? 1 : j == now->n ? -1 : compare_rows(&was->items[i], &now->items[j]);
        const struct timeline_part *before = order <= 0 ? &was->items[i++] : NULL,
                                   *after = order >= 0 ? &now->items[j++] : NULL,
                                   *any = before ? before : after;

        replace(&tl->tables[any->kind], any->row, before ? &before->measure : NULL,
                after ? &after->measure : NULL);
    }
}

static void apply_gain(struct timeline *tl, const struct timeline_change *c)
{
    for (size_t i = 0; i < c->gain.n; i++) {
        const struct measure *was = &c->was.items[i].measure;
        struct measure now = *was;

        oks_totals_add(&now.totals, &c->gain.items[i].measure.totals);
        now.duration_ms = oks_duration_ms(now.totals.first, now.totals.last);
        replace(&tl->tables[c->gain.items[i].kind], c->gain.items[i].row, was->totals.events ? was : NULL,
                &now);
    }
}

static void include(struct timeline_change *c, uint64_t key)
{
    if (key >= KEY_END)
        return;
    c->lo = key < c->lo ? key : c->lo;
    c->hi = key > c->hi ? key : c->hi;
}

/* The first and last keys of the events: those of its runs, which are sorted. */
static void include_events(struct timeline_change *c, const struct oks_events *events)
{
    struct oks_totals totals;
    uint64_t first;

    if (!oks_events_next(events, 0, &first))
        return;
    oks_events_span(events, 0, KEY_END - 1, &totals);
    include(c, totals.first.key);
    include(c, totals.last.key);
}

/* `gain`: all that the change adds, and nothing goes; or NULL. */
static void start_change(struct timeline *tl, struct session *s, const struct oks_events *gain,
                         struct timeline_change *c)
{
    int rc;

    learn_names(tl, s, c);
    c->adds = gain != NULL;
    rc = collect(tl, s, gain, c, gain ? &c->gain : &c->was);
    if (rc == 0 && gain)
        rc = collect_was(s, c);
    if (rc < 0)
        timeline_reset(tl);
    c->live = s->sums->timed;
}

void timeline_before_all(struct timeline *tl, struct session *s, struct timeline_change *c)
{
    *c = (struct timeline_change){.whole = true, .lo = 0, .hi = KEY_END - 1};
    take_in_rest(tl, s);
    if (tl->kinds && s->sums->timed)
        start_change(tl, s, NULL, c);
}

/* Whether the commit may change the session's names: then all of its rows show it. */
static bool may_rename(const struct session *s, const struct transcript *t, const struct scan_outcome *out)
{
    bool agents =
        out->gain.agent_name || (out->tail && out->tail->agent_name) || transcript_tail(t)->agent_name;
    bool models = out->gain.model || (out->tail && out->tail->model) || transcript_tail(t)->model;

    return (agents && (!session_agent_name(s) || (transcript_tail(t)->agent_name && !t->state.agent_name))) ||
           (models && (!session_model(s) || (transcript_tail(t)->model && !t->state.model)));
}

/* The first part of a long transcript is not added by its commit, but by slices when rows are next used. */
static void leave_to_slices(struct timeline *tl, struct transcript *t, const struct scan_outcome *out)
{
    struct session *s = t->session;
    uint64_t key;

    if (!tl->kinds || oks_events_len(out->gain.events) < TIMELINE_SLICE)
        return;
    tl->pending = true;
    if (!next_key(s, 0, &key))
        s->sums->timed = false;
    if (billing_part_rows(t->billed) == 0)
        t->sums->timed = false;
}

void timeline_before(struct timeline *tl, struct transcript *t, const struct scan_outcome *out,
                     struct timeline_change *c)
{
    struct session *s = t->session;
    bool tails = transcript_tail(t)->counts || (out->tail && out->tail->counts);

    leave_to_slices(tl, t, out);
    /* With a copy on another machine, another one of the two may count. */
    if (out->replace || may_rename(s, t, out) || (s->n_hosted && s->n_transcripts > 1)) {
        timeline_before_all(tl, s, c);
        return;
    }
    *c = (struct timeline_change){.lo = KEY_END, .hi = 0};
    take_in_rest(tl, s);
    if (!tl->kinds || !s->sums->timed)
        return;
    include_events(c, out->gain.events);
    if (transcript_tail(t)->counts)
        include(c, transcript_tail(t)->event.stamp.key);
    if (out->tail && out->tail->counts)
        include(c, out->tail->event.stamp.key);
    start_change(tl, s, tails || session_has_twin(s, t) ? NULL : out->gain.events, c);
}

void timeline_after(struct timeline *tl, struct session *s, struct timeline_change *c)
{
    const char *agent = c->agent, *model = c->model;
    struct timeline_parts now = {0};

    if (c->live && s->sums->timed) {
        int rc;

        learn_names(tl, s, c);
        rc = c->adds ? 0 : collect(tl, s, NULL, c, &now);
        if (rc < 0 || (!c->whole && (c->agent != agent || c->model != model)))
            timeline_reset(tl);
        else if (c->adds)
            apply_gain(tl, c);
        else
            apply(tl, &c->was, &now);
    }
    free(now.items);
    free(c->was.items);
    free(c->gain.items);
    c->was = c->gain = (struct timeline_parts){0};
}

/* --- requests --- */

static int request_in_row(struct timeline *tl, struct time_row *row, enum time_kind kind, uint64_t key,
                          const char *model, const struct billed_sum *sum, bool comes)
{
    struct time_table *table = &tl->tables[kind];
    struct billed_sum *to = billed_bag_at(&row->billed, model), *all = billed_bag_at(&table->billed, model);
    int rc = 0;

    if (!to || !all)
        return -ENOMEM;
    (comes ? billed_add : billed_take)(to, sum);
    (comes ? billed_add : billed_take)(all, sum);
    if (kind != TIMELINE_HALVES || row->outside)
        return 0;
    tl->halves_from = row->start < tl->halves_from ? row->start : tl->halves_from;
    for (uint64_t n = sum->requests ? sum->requests : billed_is_used(sum); rc == 0 && n > 0; n--) {
        if (comes)
            rc = time_row_stamp_comes(row, time_row_ms(row, key));
        else
            time_row_stamp_leaves(row, time_row_ms(row, key));
    }
    return rc;
}

/* Whether rows have the request. */
static bool is_timed(const struct timeline *tl, const struct transcript *t, size_t i)
{
    return t->sums->timed || (tl->part_way.t == t && i < tl->part_way.row);
}

/* -ENOMEM: rows were dropped. */
static int move_in_rows(struct timeline *tl, struct oks_stamp stamp, const char *model,
                        const struct billed_sum *sum, bool comes)
{
    int64_t second;

    if (stamp.key >= KEY_END || !timeline_second(stamp.key, &second))
        return 0;
    for (int kind = 0; kind < tl->kinds; kind++) {
        struct time_row *row = time_row_made(tl, (enum time_kind)kind, stamp.key);

        if (!row || request_in_row(tl, row, (enum time_kind)kind, stamp.key, model, sum, comes) < 0) {
            timeline_reset(tl);
            return -ENOMEM;
        }
        row_text_changed(&row->text);
    }
    return 0;
}

void timeline_request(struct timeline *tl, struct transcript *t, size_t i, struct oks_stamp stamp,
                      const char *model, const struct billed_sum *sum, bool comes)
{
    if (tl->kinds && is_timed(tl, t, i))
        move_in_rows(tl, stamp, model, sum, comes);
}

struct timeline_moving {
    struct timeline *tl;
    bool comes;
};

/* An error ends the visits: after rows were dropped, the requests that follow must not enter new ones. */
static int move_request(void *ctx, const struct billing_visit *visit)
{
    const struct timeline_moving *m = ctx;

    return move_in_rows(m->tl, visit->stamp, visit->model, visit->sum, m->comes);
}

void timeline_requests_leave(struct timeline *tl, struct transcript *t)
{
    struct timeline_moving m = {tl, false};
    bool part_way = tl->part_way.t == t;

    if (!tl->kinds || (!t->sums->timed && !part_way))
        return;
    billing_each(tl->billing, t->billed, 0, part_way ? tl->part_way.row : SIZE_MAX, move_request, &m);
    if (tl->part_way.t == t)
        tl->part_way.t = NULL;
}

/* --- filling --- */

/* 1: there is more; -ENOMEM: rows were dropped. */
static int take_in_requests(struct slice *slice, struct transcript *t)
{
    struct timeline *tl = slice->tl;
    struct timeline_moving m = {tl, true};
    struct timeline_part_way *at = &tl->part_way;
    size_t n = billing_part_rows(t->billed), from, to;
    int rc;

    if (at->t != t) {
        at->t = t;
        at->row = 0;
    }
    from = at->row;
    to = from < n && n - from > slice->left ? from + slice->left : SIZE_MAX;
    rc = billing_each(tl->billing, t->billed, from, to, move_request, &m);
    if (rc < 0)
        return rc;
    slice->left -= to == SIZE_MAX ? n - from : slice->left;
    at->row = to;
    if (to != SIZE_MAX)
        return 1;
    at->t = NULL;
    t->sums->timed = true;
    return 0;
}

static int take_in(void *ctx, void *item)
{
    struct slice *slice = ctx;
    struct session *s = item;
    struct transcript *t;
    int rc = s->sums->timed ? 0 : take_in_events(slice, s);

    TAILQ_FOREACH(t, &s->transcripts, of_session)
        if (rc == 0 && !t->sums->timed) {
            slice->left -= slice->left > 0;
            rc = slice->left ? take_in_requests(slice, t) : 1;
        }
    return rc;
}

int timeline_complete_some(struct timeline *tl, enum time_kind kind)
{
    struct slice slice = {tl, tl->slice ? tl->slice : TIMELINE_SLICE};
    int rc;

    timeline_want(tl, kind);
    if (!tl->pending)
        return 0;
    tl->pending = false;
    rc = tl->part_way.session ? take_in_events(&slice, tl->part_way.session) : 0;
    if (rc == 0 && tl->part_way.t)
        rc = take_in_requests(&slice, tl->part_way.t);
    if (rc == 0)
        rc = oks_tree_until(tl->catalog->sessions, take_in, &slice);
    if (rc == 0 && tl->pending)
        rc = -ENOMEM; /* the rows were dropped meanwhile */
    tl->pending |= rc != 0;
    if (rc <= 0)
        time_rows_trim(tl);
    return rc;
}

int timeline_complete(struct timeline *tl, enum time_kind kind)
{
    int rc;

    while ((rc = timeline_complete_some(tl, kind)) > 0)
        ;
    return rc;
}

/* --- queries --- */

struct timeline_adding {
    struct timeline *tl;
    struct time_row *row;
};

static void add_session(void *ctx, void *item)
{
    const struct session *s = item;
    struct timeline_adding *a = ctx;
    struct measure m;

    if (!s->sums->timed)
        return;
    timeline_session(s, a->row->lo, a->row->hi, &m);
    if (m.totals.events == 0)
        return;
    m.agent_name = oks_intern(a->tl->names, m.agent_name);
    m.model = oks_intern(a->tl->names, m.model);
    aggregate_replace(&a->row->sum, NULL, &m);
}

void timeline_row_measure(struct timeline *tl, struct time_row *row, struct measure *out)
{
    struct timeline_adding a = {tl, row};

    if (row->sum.stale) {
        aggregate_reset(&row->sum);
        oks_tree_each(tl->catalog->sessions, add_session, &a);
        row_text_changed(&row->text);
    }
    aggregate_show(&row->sum, out);
}
