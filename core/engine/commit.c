/*
 * What follows from a change: billing posts it, and it goes to the sums, to the timeline and to the streams.
 *
 * A session whose bill changed is marked, and gets its new version at the end of the commit (billed_bump), so
 * that many requests make one version.
 */
#include <errno.h>
#include <search.h>
#include <string.h>

#include "engine/engine_private.h"

static int posted(void *ctx, void *owner, const char *model, const struct billed_sum *sum, bool comes)
{
    struct oks_engine *e = ctx;
    struct session *s = ((struct transcript *)owner)->session;
    struct billed_bag *bags[1 + GROUP_KINDS];
    struct billed_sum *to[1 + GROUP_KINDS];
    int n = 0;

    if (s->project)
        bags[n++] = &s->project->billed;
    for (int i = 0; i < GROUP_KINDS; i++)
        if (s->groups[i].group)
            bags[n++] = &s->groups[i].group->billed;
    for (int i = 0; i < n; i++) {
        to[i] = billed_bag_at(bags[i], model);
        if (!to[i])
            return -ENOMEM;
    }
    for (int i = 0; i < n; i++)
        (comes ? billed_add : billed_take)(to[i], sum);
    if (!s->billed_touched) {
        s->billed_touched = true;
        LIST_INSERT_HEAD(&e->billed_touched, s, of_touched);
    }
    return 0;
}

static void timed(void *ctx, void *owner, struct oks_stamp stamp, const char *model,
                  const struct billed_sum *sum, bool comes)
{
    times_request(ctx, owner, stamp, model, sum, comes);
}

static void row_changed(void *ctx, void *owner, size_t i)
{
    stream_changed(ctx, owner, i);
}

static void leaves(void *ctx, void *owner)
{
    stream_leave(ctx, owner);
    times_requests_leave(ctx, owner);
}

const struct billing_events commit_billing_events = {posted, timed, row_changed, leaves};

void billed_bump(struct oks_engine *e)
{
    struct session *s;

    while ((s = LIST_FIRST(&e->billed_touched))) {
        LIST_REMOVE(s, of_touched);
        s->billed_touched = false;
        registry_bump(e, s);
    }
}

static int commit_requests(struct oks_engine *e, struct transcript *t, struct scan_outcome *out)
{
    int rc;

    if (out->replace) /* the old rows live until the state is replaced */
        return billing_enter(e->billing, t->billed, out->gain.requests);
    rc = transcript_tail(t)->requests ? billing_untail(e->billing, t->billed) : 0;
    return rc < 0 ? rc : billing_gain(e->billing, t->billed, out->gain.requests);
}

/* What was put in place only in part is taken out again: the transcript must be scanned anew. */
static void commit_fails(struct oks_engine *e, struct transcript *t)
{
    billing_leave(e->billing, t->billed);
    t->loaded = false;
    t->totals = OKS_TOTALS_NONE;
    times_reset(e);
    oks_state_reset(&t->state);
}

int transcript_commit(struct oks_engine *e, struct transcript *t, struct scan_outcome *out)
{
    bool moved = out->replace || out->gain.offset != t->state.offset;
    struct times_change change = {0};
    int rc;

    t->error = out->error;
    if (out->gone || !out->changed || (out->error && !out->gain.identity.len && !out->replace)) {
        t->gone |= out->gone;
        scan_outcome_clear(out);
        return 0;
    }
    times_before(e, t, out, &change);
    rc = commit_requests(e, t, out);
    if (rc == 0 || out->replace) {
        int applied = transcript_apply(t, out);

        rc = rc < 0 ? rc : applied;
    }
    if (rc == 0 && out->tail && out->tail->requests)
        rc = billing_tail(e->billing, t->billed, out->tail->requests);
    if (rc == 0) {
        oks_events_window(t->state.events, OKS_STAMP_NONE, OKS_STAMP_NONE, &t->totals);
        t->closed = stream_closed(t);
    }
    out->worth_saving = moved && !t->whole && !(out->cache_hit && out->bytes_read == 0);
    transcript_apply_marks(t, out);
    scan_outcome_clear(out);
    if (rc < 0)
        commit_fails(e, t);
    times_after(e, t->session, &change);
    return rc;
}

static void forget_project(const void *node, VISIT visit, void *ctx)
{
    struct project *p = *(struct project *const *)node;

    (void)ctx;
    if (visit == postorder || visit == leaf)
        billed_bag_forget_costs(&p->billed);
}

static void forget_group(void *ctx, struct group *group)
{
    (void)ctx;
    billed_bag_forget_costs(&group->billed);
}

void commit_prices(struct oks_engine *e)
{
    if (e->priced == e->prices_version)
        return;
    e->priced = e->prices_version;
    billing_reprice_begin(e->billing, settings_prices(e->settings));
    twalk_r(e->projects, forget_project, NULL);
    for (int kind = 0; kind < GROUP_KINDS; kind++)
        groups_each(e, (enum group_kind)kind, forget_group, NULL);
    times_reset(e); /* rows of time are made anew from sums with costs */
    billing_reprice(e->billing);
}

/* --- what shows it --- */

void registry_bump(struct oks_engine *e, struct session *s)
{
    uint64_t version = engine_tick(e);
    struct membership *m;

    s->version = version;
    if (s->project)
        s->project->version = version;
    LIST_FOREACH(m, &s->teams, of_session)
        m->team->version = version;
    runs_session_changed(e->runs, s, version);
}

/* An agent's file beside its session's names the session in its records (the old layout). */
static void parent_from_records(struct session *s)
{
    const struct transcript *t = LIST_FIRST(&s->transcripts);
    const char *parent = t->state.session_id;

    if (t->source->late) {
        placing_parent(s);
        return;
    }
    if (t->source->parent && t->source->parent(registry_rel(t)).ptr)
        return;
    if (strncmp(s->id, "agent-", strlen("agent-")) == 0 && parent && strcmp(parent, s->id) != 0)
        registry_set_parent(s, oks_slice_of(parent));
    else
        registry_set_parent(s, (struct oks_slice){0});
}

static bool same_file_other_state(const struct transcript *a, const struct transcript *b)
{
    return a->mark.ino && a->mark.ino == b->mark.ino && a->mark.dev == b->mark.dev &&
           (a->mark.size != b->mark.size || a->mark.ctime_ns != b->mark.ctime_ns);
}

/* A file with several names grows in all of them, but only the folder of the name that it is written by hears
 * of it. */
static void twins_mark_dirty(struct oks_engine *e, struct transcript *t)
{
    struct transcript *other;

    if (!t->linked)
        return;
    LIST_FOREACH(other, &e->linked, of_linked)
        if (other != t && same_file_other_state(other, t))
            registry_mark_dirty(e, other, true);
}

/* Team-state files may lie below each folder that the records name. */
static int watch_cwds(struct oks_engine *e, const struct transcript *t)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < t->state.cwds.len; i++)
        rc = runs_add_project(e->runs, t->state.cwds.items[i].ptr);
    return rc;
}

int registry_changed(struct oks_engine *e, struct transcript *t, bool teams_changed)
{
    int rc = teams_changed ? registry_session_teams(e, t->session) : 0;

    if (rc == 0 && t->source->late)
        rc = registry_place(e, t->session);
    if (rc == 0)
        rc = watch_cwds(e, t);
    placing_changed(e, t, false);
    twins_mark_dirty(e, t);
    parent_from_records(t->session);
    sums_transcript(e, t, false);
    sums_session(e, t->session, t->session->project, false);
    registry_bump(e, t->session);
    return rc;
}
