/*
 * Transcripts that go, and the sessions that go with them.
 *
 * What they have put into sums, the timeline, streams and teams is taken out before the catalog gives them
 * up.
 */
#include <search.h>
#include <stdlib.h>

#include "engine/engine_private.h"

void registry_session_release(struct oks_engine *e, struct session *s)
{
    struct project *project = s->project;

    if (!LIST_EMPTY(&s->transcripts))
        return;
    runs_session_changed(e->runs, s, engine_tick(e));
    sums_session(e, s, project, true);
    while (!LIST_EMPTY(&s->teams))
        registry_membership_end(e, LIST_FIRST(&s->teams));
    if (project) {
        LIST_REMOVE(s, of_project);
        registry_project_release(e, project);
    }
    if (s->billed_touched)
        LIST_REMOVE(s, of_touched);
    stream_clear(&s->stream);
    registry_session_remove(e, s);
}

void registry_drop(struct oks_engine *e, struct transcript *t)
{
    struct session *s = t->session;
    struct times_change change;
    struct transcript *first;

    times_before_all(e, s, &change);
    if (t->dirty)
        TAILQ_REMOVE(&e->dirty, t, queued);
    e->n_unplaced -= t->unplaced;
    placing_changed(e, t, true);
    e->index_stale = true;
    saver_forget(e, t);
    registry_linked(e, t, false);
    if (t->source->late)
        runs_session_changed(e->runs, s, engine_tick(e)); /* while it still says whose transcript it was */
    sums_transcript(e, t, true);
    billing_leave(e->billing, t->billed);
    registry_transcript_remove(e, t);
    e->n_retained -= t->retained;
    times_after(e, s, &change);
    transcript_clear(t);
    free(t);
    first = LIST_FIRST(&s->transcripts);
    if (!first) {
        registry_session_release(e, s);
        return;
    }
    registry_place(e, s);
    sums_session(e, s, s->project, false);
    registry_session_teams(e, s);
    registry_bump(e, s);
}

void registry_free(struct oks_engine *e)
{
    while (e->transcripts)
        registry_drop(e, *(struct transcript **)e->transcripts);
    tdestroy(e->sessions, keep_node);
    registry_projects_free(e);
    registry_teams_free(e);
}
