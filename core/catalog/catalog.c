/*
 * Who belongs to whom: transcripts to sessions (and these to projects: registry_projects.c, and to teams:
 * registry_teams.c).
 *
 * Sessions with one id under several folders are one session with several transcripts. Every change gives a
 * new version to all that shows it, so that a document is rendered again only when it may differ.
 *
 * Invariant: a session without transcripts does not exist.
 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_private.h"

uint64_t engine_tick(struct oks_engine *e)
{
    return e->version = ++e->clock;
}

uint64_t registry_names_changed(struct oks_engine *e)
{
    return e->names_version = engine_tick(e);
}

uint64_t oks_engine_names_version(struct oks_engine *e)
{
    uint64_t version;

    pthread_mutex_lock(&e->lock);
    version = e->names_version;
    pthread_mutex_unlock(&e->lock);
    return version;
}

static int by_session_name(const void *a, const void *b)
{
    return strcmp(((const struct session *)a)->name, ((const struct session *)b)->name);
}

struct session *registry_session(struct oks_engine *e, const char *name)
{
    struct session key = {.name = name}, **found;

    found = tfind(&key, &e->sessions, by_session_name);
    return found ? *found : NULL;
}

struct session *registry_session_made(struct oks_engine *e, struct oks_slice id)
{
    char name[OKS_NAME_MAX + 1];
    size_t room = oks_name_escape(id, name) + 1;
    struct session *session = calloc(1, sizeof(*session) + room), **found;

    if (!session)
        return NULL;
    session->name = memcpy(session + 1, name, room);
    found = tsearch(session, &e->sessions, by_session_name);
    if (found && *found != session) {
        free(session);
        return *found;
    }
    session->id = found ? strndup(id.ptr, id.len) : NULL;
    if (!session->id) {
        if (found)
            tdelete(session, &e->sessions, by_session_name);
        free(session);
        return NULL;
    }
    e->n_sessions++;
    session->timed = e->times.on;
    session->version = registry_names_changed(e);
    return session;
}

static void link_transcript(struct session *s, struct transcript *t)
{
    struct transcript *at = LIST_FIRST(&s->transcripts), *last = NULL;

    for (; at && strcmp(at->path, t->path) < 0; at = LIST_NEXT(at, of_session))
        last = at;
    if (last)
        LIST_INSERT_AFTER(last, t, of_session);
    else
        LIST_INSERT_HEAD(&s->transcripts, t, of_session);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct transcript *)a)->path, ((const struct transcript *)b)->path);
}

struct transcript *registry_transcript(struct oks_engine *e, const char *path)
{
    struct transcript key = {.path = (char *)path}, **found = tfind(&key, &e->transcripts, by_path);

    return found ? *found : NULL;
}

void registry_mark_dirty(struct oks_engine *e, struct transcript *t, bool touched)
{
    t->touched |= touched;
    if (t->dirty)
        return;
    t->dirty = true;
    TAILQ_INSERT_TAIL(&e->dirty, t, queued);
}

void registry_linked(struct oks_engine *e, struct transcript *t, bool linked)
{
    if (t->linked == linked)
        return;
    t->linked = linked;
    if (linked)
        LIST_INSERT_HEAD(&e->linked, t, of_linked);
    else
        LIST_REMOVE(t, of_linked);
}

void registry_mark_lost(struct oks_engine *e, struct transcript *t)
{
    if (t->dirty)
        TAILQ_REMOVE(&e->dirty, t, queued);
    t->dirty = t->lost = true;
    TAILQ_INSERT_HEAD(&e->dirty, t, queued);
}

/* A transcript with its names, of which it takes over the last two (also on failure); NULL on ENOMEM. */
static struct transcript *transcript_made(struct root *root, const char *path, char *cache_folder,
                                          char *cache_name)
{
    struct transcript *t = calloc(1, sizeof(*t));

    if (!t) {
        free(cache_folder);
        free(cache_name);
        return NULL;
    }
    t->root = root;
    t->source = root->source;
    t->whole = t->source->whole && t->source->whole(path);
    t->totals = OKS_TOTALS_NONE;
    t->path = strdup(path);
    t->file.path = t->path;
    t->cache_folder = cache_folder;
    t->cache_name = cache_name;
    if (t->path && t->cache_folder && t->cache_name && oks_state_init(&t->state) == 0 &&
        billing_part_new(&t->billed, t, t->path) == 0)
        return t;
    transcript_clear(t);
    free(t);
    return NULL;
}

struct transcript *registry_transcript_made(struct oks_engine *e, struct session *s, struct root *root,
                                            const char *path, char *cache_folder, char *cache_name)
{
    struct transcript *t = transcript_made(root, path, cache_folder, cache_name);

    if (t && !tsearch(t, &e->transcripts, by_path)) {
        transcript_clear(t);
        free(t);
        t = NULL;
    }
    if (!t)
        return NULL;
    e->n_transcripts++;
    t->session = s;
    link_transcript(s, t);
    return t;
}

void registry_move(struct transcript *t, struct session *to)
{
    LIST_REMOVE(t, of_session);
    t->session = to;
    link_transcript(to, t);
}

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

void registry_set_parent(struct session *s, struct oks_slice id)
{
    char name[OKS_NAME_MAX + 1] = "";

    if (id.ptr)
        oks_name_escape(id, name);
    if (s->parent && strcmp(s->parent, name) == 0)
        return;
    free(s->parent);
    s->parent = *name ? strdup(name) : NULL;
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

/* --- leaving --- */

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
    tdelete(s, &e->sessions, by_session_name);
    registry_names_changed(e);
    e->n_sessions--;
    free(s->id);
    free(s->parent);
    if (s->billed_touched)
        LIST_REMOVE(s, of_touched);
    stream_clear(&s->stream);
    free(s);
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
    tdelete(t, &e->transcripts, by_path);
    folder_remove(&t->file);
    e->n_retained -= t->retained;
    LIST_REMOVE(t, of_session);
    times_after(e, s, &change);
    e->n_transcripts--;
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
