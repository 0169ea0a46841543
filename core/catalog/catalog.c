/*
 * Who belongs to whom: transcripts to sessions (and these to projects: projects.c, and to teams: teams.c).
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

/* --- leaving --- */

void registry_session_remove(struct oks_engine *e, struct session *s)
{
    tdelete(s, &e->sessions, by_session_name);
    registry_names_changed(e);
    e->n_sessions--;
    free(s->id);
    free(s->parent);
    free(s);
}

void registry_transcript_remove(struct oks_engine *e, struct transcript *t)
{
    tdelete(t, &e->transcripts, by_path);
    folder_remove(&t->file);
    LIST_REMOVE(t, of_session);
    e->n_transcripts--;
}
