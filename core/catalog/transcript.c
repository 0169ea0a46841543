/*
 * The state of a transcript: how an outcome is merged into it, and queries of it.
 *
 * Invariants: the cursor is always behind a newline; the unfinished last line is in `tail` only; `totals` are
 * those of all events.
 */
#include "catalog/transcript_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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
    transcript_tail_free(t->tail);
    t->tail = out->tail;
    out->tail = NULL;
    t->mark = out->mark;
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

int transcript_days(const struct transcript *t, int (*fn)(void *ctx, const char day[11]), void *ctx)
{
    const struct oks_stamp tail = transcript_tail(t)->event.stamp;
    int rc = oks_events_days(t->state.events, fn, ctx);

    if (rc == 0 && transcript_tail(t)->counts && tail.key < OKS_STAMP_KEY_TEXT) {
        char text[OKS_STAMP_TEXT];

        oks_stamp_text(tail, text);
        text[10] = '\0';
        rc = fn(ctx, text);
    }
    return rc;
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
    t->loaded = false;
    t->totals = OKS_TOTALS_NONE;
    t->mark = (struct file_mark){0};
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
    free(t->origin);
    free(t->oldest);
}
