/*
 * Commit: moves the outcome of a scan into the model, in the order in which its parts depend on each other:
 * the transcript's state, billing, the sums, the timeline, the streams, versions.
 *
 * A session whose bill changed is marked. It gets a new version at the end of the commit
 * (commit_bump_billed), so that many requests make one version.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/hosts.h"
#include "engine/engine_private.h"
#include "sums/tag_bills.h"

static int posted(void *ctx, void *owner, const char *model, const struct billed_sum *sum, bool comes)
{
    struct oks_engine *e = ctx;

    return sums_posted(&e->model.sums, ((struct transcript *)owner)->session, model, sum, comes);
}

static void timed(void *ctx, void *owner, size_t i, struct oks_stamp stamp, const char *model,
                  const struct billed_sum *sum, bool comes)
{
    struct oks_engine *e = ctx;

    timeline_request(&e->model.timeline, owner, i, stamp, model, sum, comes);
    tag_bills_request(owner, i, model, sum, comes);
}

static void row_changed(void *ctx, void *owner, size_t i, struct oks_stamp before)
{
    struct oks_engine *e = ctx;

    stream_changed(&e->streams, owner, i, before);
    placement_suspect(&e->model.catalog, owner);
}

static void leaves(void *ctx, void *owner)
{
    struct oks_engine *e = ctx;

    stream_leave(&e->streams, owner);
    timeline_requests_leave(&e->model.timeline, owner);
    tag_bills_changed(owner);
}

const struct billing_events commit_billing_events = {posted, timed, row_changed, leaves};

void commit_bump_billed(struct oks_engine *e)
{
    struct session *s;

    placement_check(&e->model.catalog);
    while ((s = sums_next_touched(&e->model.sums)))
        commit_bump(e, s);
}

static int commit_requests(struct oks_engine *e, struct transcript *t, struct scan_outcome *out)
{
    int rc;

    if (out->replace) {
        stream_replaced(&e->streams, t);
        tag_bills_changed(t);
        /* The old rows must live until the state is replaced. */
        return billing_enter(e->model.billing, t->billed, out->gain.requests);
    }
    stream_tail_goes(&e->streams, t);
    rc = transcript_tail(t)->requests ? billing_untail(e->model.billing, t->billed) : 0;
    return rc < 0 ? rc : billing_gain(e->model.billing, t->billed, out->gain.requests);
}

void commit_cwds_left(struct oks_engine *e, struct transcript *t)
{
    while (e->model.runs && t->cwds_watched > 0)
        runs_remove_project(e->model.runs, t->state.cwds.items[--t->cwds_watched].ptr);
}

/* Removes what was committed only in part: the transcript must be scanned again. */
static void commit_fails(struct oks_engine *e, struct transcript *t)
{
    commit_cwds_left(e, t);
    billing_leave(e->model.billing, t->billed);
    t->loaded = false;
    t->totals = OKS_TOTALS_NONE;
    timeline_reset(&e->model.timeline);
    oks_state_reset(&t->state);
}

static bool has_text_stamp(const struct oks_totals *totals)
{
    return totals->first.key == OKS_STAMP_KEY_TEXT || totals->last.key == OKS_STAMP_KEY_TEXT;
}

/* A stamp that is a text is borrowed from the events, which may have moved: then all of them are asked. */
static void add_totals(struct transcript *t, const struct oks_totals *gained)
{
    if (has_text_stamp(&t->totals) || has_text_stamp(gained))
        oks_events_window(t->state.events, OKS_STAMP_NONE, OKS_STAMP_NONE, &t->totals);
    else
        oks_totals_add(&t->totals, gained);
}

int commit_outcome(struct oks_engine *e, struct transcript *t, struct scan_outcome *out)
{
    bool moved = out->replace || out->gain.offset != t->state.offset;
    struct timeline_change change = {0};
    struct oks_totals gained;
    int rc;

    t->error = out->error;
    if (out->gone || !out->changed || (out->error && !out->gain.identity.len && !out->replace)) {
        t->gone |= out->gone;
        catalog_count(&e->model.catalog, t);
        scan_outcome_clear(out);
        return 0;
    }
    placement_changes(t);
    timeline_before(&e->model.timeline, t, out, &change);
    rc = commit_requests(e, t, out);
    oks_events_window(out->gain.events, OKS_STAMP_NONE, OKS_STAMP_NONE, &gained);
    if (out->replace) {
        t->totals = OKS_TOTALS_NONE;
        commit_cwds_left(e, t);
    }
    if (rc == 0 || out->replace) {
        int applied = transcript_apply(t, out);

        rc = rc < 0 ? rc : applied;
    }
    if (rc == 0 && out->tail && out->tail->requests)
        rc = billing_tail(e->model.billing, t->billed, out->tail->requests);
    if (rc == 0) {
        add_totals(t, &gained);
        stream_committed(&e->streams, t);
    }
    out->worth_saving = moved && !out->recalled && !(out->cache_hit && out->bytes_read == 0);
    transcript_apply_marks(t, out);
    catalog_inode_is(&e->model.catalog, t, t->state.ino);
    scan_outcome_clear(out);
    if (rc < 0)
        commit_fails(e, t);
    catalog_count(&e->model.catalog, t);
    session_copies_renew(t->session, t);
    timeline_after(&e->model.timeline, t->session, &change);
    return rc;
}

void commit_prices(struct oks_engine *e)
{
    if (e->priced == e->model.versions.prices)
        return;
    e->priced = e->model.versions.prices;
    billing_reprice_begin(e->model.billing, settings_prices(e->model.settings));
    sums_forget_costs(&e->model.sums);
    timeline_reset(&e->model.timeline); /* rows of time are made again, from sums with costs */
    billing_reprice(e->model.billing);
    streams_start_over(&e->streams);
}

/* --- versions --- */

void commit_bump(struct oks_engine *e, struct session *s)
{
    uint64_t version = version_next(&e->model.versions);
    struct membership *m;

    catalog_session_changed(&e->model.catalog, s, version);
    if (e->model.catalog.n_hosts)
        session_host(&e->model.catalog, s)->version = version;
    if (s->project)
        s->project->version = version;
    LIST_FOREACH(m, &s->teams, of_session)
        catalog_team_changed(&e->model.catalog, m->team, version);
    catalog_lead_bump(&e->model.catalog, s, version);
    runs_session_changed(e->model.runs, s, version);
}

void commit_project_left(struct oks_engine *e, struct project *p)
{
    if (!catalog_project_release(&e->model.catalog, p))
        return;
    project_sums_free(p->sums);
    free(p);
}

int commit_assign_project(struct oks_engine *e, struct session *s)
{
    struct project *from;
    int rc = catalog_assign_project(&e->model.catalog, s, &from);

    if (rc <= 0)
        return rc;
    rc = sums_session(&e->model.sums, s, from, false);
    if (from)
        commit_project_left(e, from);
    return rc;
}

/* In the old layout a sub-agent's file is beside that of its session, and its records name the session. */
int commit_parent(struct oks_engine *e, struct session *s)
{
    const struct transcript *t = TAILQ_FIRST(&s->transcripts);
    const char *parent = t->state.session_id;

    if (t->source->late)
        return placement_parent(&e->model.catalog, s);
    if (t->source->parent && t->source->parent(catalog_rel(t)).ptr)
        return 0;
    if (strncmp(s->id, "agent-", strlen("agent-")) == 0 && parent && strcmp(parent, s->id) != 0)
        return catalog_set_parent(&e->model.catalog, s, oks_slice_of(parent));
    return catalog_set_parent(&e->model.catalog, s, (struct oks_slice){0});
}

/* Each working directory may have team-state files below it; those of other machines are not here. */
static int watch_cwds(struct oks_engine *e, struct transcript *t)
{
    int rc = 0;

    for (; !t->root->host && rc == 0 && t->cwds_watched < t->state.cwds.len; t->cwds_watched += rc == 0)
        rc = runs_add_project(e->model.runs, t->state.cwds.items[t->cwds_watched].ptr);
    return rc < 0 ? rc : 0;
}

/* --- the session of what was committed --- */

enum { MANY_TRANSCRIPTS = 64 };

static bool is_due(const struct session *s)
{
    return s->n_transcripts <= MANY_TRANSCRIPTS || s->n_postponed >= s->n_transcripts / 8;
}

static int teams_settle(struct oks_engine *e, struct session *s)
{
    int rc = s->teams_due ? catalog_session_teams(&e->model.catalog, s) : 0;

    s->teams_due = rc < 0;
    return rc;
}

static void postpone(struct oks_engine *e, struct session *s)
{
    if (s->n_postponed++ == 0)
        LIST_INSERT_HEAD(&e->postponed, s, of_postponed);
}

/* What fails is tried again by the next commit_settle(). */
static int session_settle(struct oks_engine *e, struct session *s)
{
    int rc, twins, summed, teams;

    if (s->n_postponed)
        LIST_REMOVE(s, of_postponed);
    s->n_postponed = 0;
    rc = s->unassigned ? commit_assign_project(e, s) : 0;
    if (s->unassigned && rc >= 0)
        rc = commit_parent(e, s);
    s->unassigned = rc < 0;
    twins = sums_twins(&e->model.sums, s);
    summed = sums_session(&e->model.sums, s, s->project, false);
    teams = teams_settle(e, s);
    commit_bump(e, s);
    rc = rc < 0 ? rc : twins < 0 ? twins : summed < 0 ? summed : teams;
    if (rc < 0)
        postpone(e, s);
    return rc;
}

int commit_session(struct oks_engine *e, struct session *s, bool teams_changed)
{
    s->teams_due |= teams_changed;
    if (is_due(s))
        return session_settle(e, s);
    postpone(e, s);
    version_next(&e->model.versions); /* its transcript has changed */
    return 0;
}

int commit_settle(struct oks_engine *e)
{
    struct session *s, *next;
    int rc = billing_settle(e->model.billing);

    for (s = LIST_FIRST(&e->postponed); s; s = next) {
        int settled;

        next = LIST_NEXT(s, of_postponed); /* one that fails is put in front */
        settled = session_settle(e, s);
        rc = rc < 0 ? rc : settled;
    }
    while ((s = sums_next_touched(&e->model.sums))) /* by what no commit follows: the snapshot, prices */
        commit_bump(e, s);
    return rc;
}

int commit_changed(struct oks_engine *e, struct transcript *t, bool teams_changed)
{
    int rc, summed, parented = 0;

    if (!t->source->late)
        parented = commit_parent(e, t->session); /* it may be the lead of the session's team */
    t->session->teams_due |= teams_changed;
    rc = is_due(t->session) ? teams_settle(e, t->session) : 0;
    if (rc == 0 && t->source->late)
        rc = commit_assign_project(e, t->session);
    if (rc == 0)
        rc = watch_cwds(e, t);
    placement_changed(&e->model.catalog, t, false);
    e->model.catalog.links_due |= t->linked;
    if (t->source->late)
        parented = commit_parent(e, t->session);
    rc = rc < 0 ? rc : parented;
    summed = sums_transcript(&e->model.sums, t, false);
    rc = rc < 0 ? rc : summed;
    summed = sums_twins(&e->model.sums, t->session);
    rc = rc < 0 ? rc : summed;
    summed = commit_session(e, t->session, false);
    return rc < 0 ? rc : summed;
}
