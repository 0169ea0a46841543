/*
 * Departures: removes transcripts, and the sessions that become empty.
 *
 * A transcript is first subtracted from the sums, the timeline, the streams and its teams, then removed from
 * the catalog. One that the thread of a remote root is scanning is freed by that thread: it may wait for its
 * filesystem for ever, and reads no more of the transcript than its path, its reader and its state.
 */
#include <search.h>
#include <stdlib.h>

#include "engine/engine_private.h"

void departures_release_session(struct oks_engine *e, struct session *s)
{
    struct project *project = s->project;

    if (!TAILQ_EMPTY(&s->transcripts))
        return;
    if (s->n_postponed)
        LIST_REMOVE(s, of_postponed);
    runs_session_changed(e->model.runs, s, version_next(&e->model.versions));
    catalog_lead_bump(&e->model.catalog, s, version_next(&e->model.versions));
    sums_session(&e->model.sums, s, project, true);
    while (!LIST_EMPTY(&s->teams))
        catalog_membership_end(&e->model.catalog, LIST_FIRST(&s->teams));
    if (project) {
        LIST_REMOVE(s, of_project);
        commit_project_left(e, project);
    }
    catalog_lead_changed(&e->model.catalog, s);
    session_sums_free(s->sums);
    session_stream_free(s->stream);
    catalog_session_remove(&e->model.catalog, s);
}

void departures_free(struct transcript *t)
{
    transcript_sums_free(t->sums);
    stream_marks_free(t->marks);
    transcript_clear(t);
    free(t);
}

void departures_drop(struct oks_engine *e, struct transcript *t)
{
    struct session *s = t->session;
    struct timeline_change change;
    struct transcript *first;

    timeline_before_all(&e->model.timeline, s, &change);
    catalog_mark_clean(&e->model.catalog, t);
    e->model.catalog.n_unplaced -= t->unplaced;
    version_next(&e->model.versions); /* documents that are being written begin anew */
    placement_changed(&e->model.catalog, t, true);
    e->snapshot_stale = true;
    saver_forget(e, t);
    commit_cwds_left(e, t);
    catalog_linked(&e->model.catalog, t, false, &t->mark);
    if (t->source->late || transcript_agent_name(t))
        runs_session_changed(e->model.runs, s,
                             version_next(&e->model.versions)); /* before the links to its session go */
    sums_transcript(&e->model.sums, t, true);
    billing_leave(e->model.billing, t->billed);
    containers_leave(t);
    catalog_transcript_remove(&e->model.catalog, t);
    e->n_retained -= t->retained;
    timeline_after(&e->model.timeline, s, &change);
    t->departed = t->left_behind;
    if (!t->departed)
        departures_free(t);
    first = TAILQ_FIRST(&s->transcripts);
    if (!first) {
        departures_release_session(e, s);
        return;
    }
    s->unassigned = commit_assign_project(e, s) < 0 || commit_parent(e, s) < 0;
    commit_session(e, s, true); /* what fails here is tried again at the end of the sync */
}

void departures_drop_all(struct oks_engine *e)
{
    while (e->model.catalog.transcripts)
        departures_drop(e, *(struct transcript **)e->model.catalog.transcripts);
    catalog_clear(&e->model.catalog);
}
