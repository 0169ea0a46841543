/*
 * The state of a transcript: how an outcome is merged into it, and queries of it.
 *
 * Invariants: the cursor is always behind a newline; the unfinished last line is in `tail` only; `totals` are
 * those of all events.
 */
#include "catalog/catalog.h"
#include "catalog/transcript_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "time/local_day.h"

/* --- merging an outcome --- */

int transcript_apply(struct transcript *t, struct scan_outcome *out)
{
    if (!out->replace)
        return oks_state_gain(&t->state, &out->gain);
    oks_state_clear(&t->state);
    t->state = out->gain;
    out->gain = (struct oks_state){0};
    return 0;
}

void transcript_apply_marks(struct transcript *t, struct scan_outcome *out)
{
    struct file_mark before = t->mark;

    transcript_tail_free(t->tail);
    t->tail = out->tail;
    out->tail = NULL;
    t->passed = out->passed;
    t->mark = out->mark;
    session_file_changed(t, &before);
    t->loaded = true;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* A label that was not looked up stays, also if the state is about to be replaced. */
static void relabel(char **from, char **to, bool labelled)
{
    if (from == to || (!labelled && *to))
        return;
    free(*to);
    *to = *from;
    *from = NULL;
}

bool transcript_relabel(struct transcript *t, struct scan_outcome *out, bool *team)
{
    struct oks_state *state = &t->state, *to = out->replace ? &out->gain : state;
    bool changed = out->labelled && !same_text(state->label, out->label.name);

    *team = out->labelled && !same_text(state->label_team, out->label.team);
    changed |= *team;
    relabel(out->labelled ? &out->label.name : &state->label, &to->label, out->labelled);
    relabel(out->labelled ? &out->label.team : &state->label_team, &to->label_team, out->labelled);
    return changed;
}

void scan_outcome_clear(struct scan_outcome *out)
{
    oks_state_clear(&out->gain);
    transcript_tail_free(out->tail);
    out->tail = NULL;
    label_clear(&out->label);
}

/* --- queries --- */

const struct tail *transcript_tail(const struct transcript *t)
{
    static const struct tail none = {.event.stamp = OKS_STAMP_NONE};

    return t->tail ? t->tail : &none;
}

struct oks_slice transcript_team(const struct transcript *t, size_t i)
{
    const struct oks_strings *teams = &t->state.teams;

    if (i >= teams->len) {
        i -= teams->len;
        teams = &transcript_tail(t)->teams;
    }
    return i < teams->len ? (struct oks_slice){teams->items[i].ptr, teams->items[i].len}
                          : (struct oks_slice){0};
}

static bool is_open(struct oks_stamp since, struct oks_stamp until)
{
    return oks_stamp_is_none(since) && oks_stamp_is_none(until);
}

static bool is_before(struct oks_stamp stamp, struct oks_stamp since)
{
    return !oks_stamp_is_none(since) && oks_stamp_cmp(stamp, since) < 0;
}

static bool is_after(struct oks_stamp stamp, struct oks_stamp until)
{
    return !oks_stamp_is_none(until) && oks_stamp_cmp(stamp, until) > 0;
}

/*
 * Answers from the totals alone if all stamps are inside the window, or if all are outside and each event has
 * one.
 */
static bool window_of_totals(const struct oks_totals *all, struct oks_stamp since, struct oks_stamp until,
                             struct oks_totals *out)
{
    bool bare = all->stamped == 0;

    if (is_open(since, until) || bare ||
        (!is_before(all->first, since) && !is_after(all->first, until) && !is_before(all->last, since) &&
         !is_after(all->last, until))) {
        *out = *all;
        return true;
    }
    if (all->events > all->stamped || !(is_before(all->last, since) || is_after(all->first, until)))
        return false;
    *out = OKS_TOTALS_NONE;
    return true;
}

void transcript_window(const struct transcript *t, struct oks_stamp since, struct oks_stamp until,
                       struct oks_totals *out)
{
    const struct oks_event *e = &transcript_tail(t)->event;
    bool stamped = !oks_stamp_is_none(e->stamp);
    struct oks_totals tail = {.events = 1, .stamped = stamped, .first = e->stamp, .last = e->stamp};

    if (!window_of_totals(&t->totals, since, until, out))
        oks_events_window(t->state.events, since, until, out);
    if (!transcript_tail(t)->counts || (stamped && (is_before(e->stamp, since) || is_after(e->stamp, until))))
        return;
    memcpy(tail.count, e->count, sizeof(tail.count));
    oks_totals_add(out, &tail);
}

struct oks_totals transcript_span(const struct transcript *t)
{
    const struct oks_event *tail = &transcript_tail(t)->event;
    struct oks_totals totals = t->totals;
    struct oks_totals more = {
        .events = 1, .stamped = !oks_stamp_is_none(tail->stamp), .first = tail->stamp, .last = tail->stamp};

    if (transcript_tail(t)->counts)
        oks_totals_add(&totals, &more);
    return totals;
}

enum transcript_overlap transcript_overlap(const struct transcript *t, struct oks_stamp since,
                                           struct oks_stamp until)
{
    struct oks_totals all = transcript_span(t);
    bool first, last;

    if (all.stamped == 0)
        return TRANSCRIPT_INSIDE;
    first = oks_stamp_within(all.first, since, until);
    last = oks_stamp_within(all.last, since, until);
    if (first && last)
        return TRANSCRIPT_INSIDE;
    if (first || last || all.events > all.stamped ||
        (is_before(all.first, since) && is_after(all.last, until)))
        return TRANSCRIPT_CUT;
    return TRANSCRIPT_OUTSIDE;
}

/* The unfinished line's event, if it has a count and is in the window. */
static bool tail_totals(const struct tail *tail, struct oks_stamp since, struct oks_stamp until,
                        struct oks_totals *out)
{
    const struct oks_event *e = &tail->event;

    if (!tail->counts || !oks_event_has_count(e) || !oks_stamp_within(e->stamp, since, until))
        return false;
    *out = (struct oks_totals){.events = 1, .stamped = !oks_stamp_is_none(e->stamp)};
    out->first = out->last = e->stamp.key < OKS_STAMP_KEY_TEXT ? e->stamp : OKS_STAMP_NONE;
    memcpy(out->count, e->count, sizeof(out->count));
    return true;
}

/* The i-th name of the label; "": there is none. */
static const char *name_at(const struct oks_state *state, enum oks_label label, size_t i)
{
    const struct oks_models *list = label == OKS_LABEL_MODEL ? &state->models : &state->tags;

    if (label == OKS_LABEL_TOOLS)
        return i < state->tools.len ? state->tools.items[i].text : "";
    return i < list->len ? list->items[i].name : "";
}

static const char *tail_name(const struct tail *tail, enum oks_label label)
{
    const char *names[OKS_LABELS] = {[OKS_LABEL_MODEL] = tail->line_model,
                                     [OKS_LABEL_TAG] = tail->line_tag,
                                     [OKS_LABEL_TOOLS] = tail->line_tools};

    return names[label] ? names[label] : "";
}

/* sums[i] for the i-th name, the last one where it is not known; and the unfinished line, if `last` is not
 * NULL. */
static void each_name(const struct transcript *t, enum oks_label label,
                      struct oks_totals sums[OKS_PLACES_MAX + 1], const struct oks_totals *last,
                      void (*fn)(void *ctx, const char *name, const struct oks_totals *totals), void *ctx)
{
    const char *of_last = tail_name(transcript_tail(t), label);
    struct oks_totals unknown = OKS_TOTALS_NONE;

    for (size_t i = 0; i <= OKS_PLACES_MAX; i++) {
        const char *name = name_at(&t->state, label, i);

        if (last && strcmp(name, of_last) == 0) {
            oks_totals_add(&sums[i], last);
            last = NULL;
        }
        if (!*name)
            oks_totals_add(&unknown, &sums[i]);
        else if (sums[i].events)
            fn(ctx, name, &sums[i]);
    }
    if (unknown.events)
        fn(ctx, "", &unknown);
    if (last)
        fn(ctx, of_last, last);
}

void transcript_window_by(const struct transcript *t, enum oks_label label, struct oks_stamp since,
                          struct oks_stamp until,
                          void (*fn)(void *ctx, const char *name, const struct oks_totals *totals), void *ctx)
{
    struct oks_totals sums[OKS_PLACES_MAX + 1], last;
    bool has_tail = tail_totals(transcript_tail(t), since, until, &last);

    oks_events_by(t->state.events, label, since, until, sums);
    each_name(t, label, sums, has_tail ? &last : NULL, fn, ctx);
}

void transcript_by(const struct transcript *t, enum oks_label label,
                   void (*fn)(void *ctx, const char *name, const struct oks_totals *totals), void *ctx)
{
    const struct oks_models *list = label == OKS_LABEL_MODEL ? &t->state.models : &t->state.tags;
    const struct oks_tool_sets *tools = &t->state.tools;
    struct oks_totals sums[OKS_PLACES_MAX + 1], last;
    bool has_tail = tail_totals(transcript_tail(t), OKS_STAMP_NONE, OKS_STAMP_NONE, &last);

    for (size_t i = 0; i <= OKS_PLACES_MAX; i++) {
        sums[i] = OKS_TOTALS_NONE;
        if (label == OKS_LABEL_TOOLS && i < tools->len) {
            sums[i].events = tools->items[i].events;
            sums[i].count[OKS_TOOL_USES] = tools->items[i].calls;
        } else if (label != OKS_LABEL_TOOLS && i < list->len) {
            sums[i] = list->items[i].totals;
        }
    }
    each_name(t, label, sums, has_tail ? &last : NULL, fn, ctx);
}

int transcript_days(const struct transcript *t, const struct oks_zone *zone, int64_t first, int64_t end,
                    int (*fn)(void *ctx, int64_t day), void *ctx)
{
    const struct oks_stamp tail = transcript_tail(t)->event.stamp;
    int rc = oks_events_days(t->state.events, zone, first, end, fn, ctx);
    int64_t day;

    if (rc != 0 || !transcript_tail(t)->counts || oks_stamp_is_none(tail))
        return rc;
    day = day_reaching(zone, tail, first, end);
    return day < end && oks_stamp_cmp(tail, day_first_stamp(zone, day)) >= 0 ? fn(ctx, day) : 0;
}

const char *transcript_agent_name(const struct transcript *t)
{
    return t->state.agent_name ? t->state.agent_name : transcript_tail(t)->agent_name;
}

const char *transcript_label(const struct transcript *t)
{
    return t->state.label;
}

const char *transcript_model(const struct transcript *t)
{
    return t->state.model ? t->state.model : transcript_tail(t)->model;
}

void transcript_forget(struct transcript *t)
{
    struct file_mark before = t->mark;

    t->loaded = false;
    t->totals = OKS_TOTALS_NONE;
    t->mark = (struct file_mark){0};
    session_file_changed(t, &before);
    t->passed = (struct passed_line){0};
    if (oks_state_reset(&t->state) == 0)
        return;
    /* On ENOMEM the state cannot be used: an empty state without events gives zero until the file is read. */
    t->state.offset = 0;
    t->state.identity.len = UINT32_MAX;
}

void transcript_clear(struct transcript *t)
{
    billing_part_free(t->billed);
    oks_state_clear(&t->state);
    transcript_tail_free(t->tail);
    free(t->path);
    free(t->cache_folder);
    free(t->cache_name);
    free(t->oldest);
    free(t->memo_before);
}
