/*
 * Arrivals: a new transcript, and everything that depends on it. Transcripts are found below a root, found in
 * the history store alone, or renamed by their records.
 *
 * This file is the table of events of discovery. A new file becomes a transcript of the session that its path
 * names. A known one is queued for a scan.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/passing.h"
#include "engine/engine_private.h"

/*
 * The name of the cache folder. okstra's collector uses the name of the transcript's folder, so transcripts
 * directly in a project folder do as well. Deeper ones use their path below the root. Those of further roots
 * add a hash of the root, so that no two transcripts have the same cache file.
 */
static char *cache_folder_of(const struct root *root, const char *rel)
{
    char raw[8192], name[OKS_NAME_MAX + 1], hex[OKS_SHA256_HEX];
    uint8_t hash[OKS_SHA256_BYTES];

    if (root->index == 0 && root->source->collected) {
        snprintf(raw, sizeof(raw), "%s", *rel ? rel : "projects");
    } else {
        if (oks_sha256(root->path, strlen(root->path), hash) < 0)
            return NULL;
        oks_hex(hash, 4, hex);
        snprintf(raw, sizeof(raw), "%s~%s", *rel ? rel : "projects", hex);
    }
    oks_name_escape(oks_slice_of(raw), name);
    return strdup(name);
}

/* That of a transcript that is in no folder. */
static char *cache_folder_at(const struct root *root, const char *path)
{
    const char *rel = path + strlen(root->path) + 1, *slash = strrchr(rel, '/');
    char *folder = strndup(rel, slash ? (size_t)(slash - rel) : 0);
    char *name = folder ? cache_folder_of(root, folder) : NULL;

    free(folder);
    return name;
}

/* The name of the cache file: that of the session where a path tells it, else that of the transcript. */
static char *cache_name_of(const struct root *root, const char *rel)
{
    const struct source *source = root->source;
    char name[OKS_NAME_MAX + 1];

    oks_name_escape(source->name_of ? source->name_of(rel) : source->id_of(rel), name);
    return strdup(name);
}

/* The transcript exists already. */
static void found_again(struct oks_engine *e, struct transcript *t, struct folder *folder)
{
    if (t->retained) {
        retained_return(e, t, folder);
        retained_replaced(e, t->session);
        commit_bump(e, t->session);
    }
    if (t->file.folder != folder) {
        folder_remove(&t->file);
        folder_add(folder, &t->file);
    }
    t->lost &= !t->container;
    catalog_mark_dirty(&e->model.catalog, t, true);
}

static struct catalog *catalog_of(void *ctx)
{
    struct oks_engine *e = ctx;

    return &e->model.catalog;
}

/* The session of an id, with its sums and streams; NULL on ENOMEM. */
static struct session *session_made(struct oks_engine *e, struct oks_slice id)
{
    struct session *s = catalog_session_made(&e->model.catalog, id);

    if (!s || s->sums)
        return s;
    if (session_sums_new(s) == 0 && session_stream_new(s) == 0) {
        timeline_session_new(&e->model.timeline, s);
        return s;
    }
    session_sums_free(s->sums);
    catalog_session_remove(&e->model.catalog, s);
    return NULL;
}

/* A transcript with its sums and streams. Takes over the last two names; NULL on ENOMEM. */
static struct transcript *transcript_made(struct oks_engine *e, struct session *s, struct root *root,
                                          const char *path, char *cache_folder, char *cache_name)
{
    struct catalog *c = &e->model.catalog;
    struct transcript *t = catalog_transcript_made(c, s, root, path, cache_folder, cache_name);

    if (!t)
        return NULL;
    if (transcript_sums_new(t) == 0 && stream_marks_new(t) == 0) {
        stream_replaced(&e->streams, t);
        return t;
    }
    transcript_sums_free(t->sums);
    catalog_transcript_remove(c, t);
    transcript_clear(t);
    free(t);
    return NULL;
}

static int found_at(struct oks_engine *e, struct folder *folder, const char *path, const char *rel,
                    const struct member_mark *mark)
{
    struct oks_slice id = folder->root->source->id_of(rel);
    struct transcript *t = catalog_transcript(&e->model.catalog, path);
    struct session *s;

    if (t && t->root != folder->root && !t->busy) {
        departures_drop(e, t); /* it is another host's now */
        t = NULL;
    }
    if (t) {
        if (mark)
            t->member = *mark;
        if (t->root != folder->root)
            discovery_break(e->discovery);
        found_again(e, t, folder);
        return 0;
    }
    s = session_made(e, id);
    if (!s)
        return -ENOMEM;
    t = transcript_made(e, s, folder->root, path, cache_folder_at(folder->root, path),
                        cache_name_of(folder->root, rel));
    if (!t) {
        departures_release_session(e, s);
        return -ENOMEM;
    }
    if (mark)
        t->member = *mark;
    t->unplaced = t->source->late;
    t->label_due = true;
    e->model.catalog.n_unplaced += t->unplaced;
    folder_add(folder, &t->file);
    retained_replaced(e, s);
    catalog_session_changed(&e->model.catalog, s, version_next(&e->model.versions));
    if (TAILQ_FIRST(&s->transcripts) == t && commit_assign_project(e, s) < 0) {
        departures_drop(e, t);
        return -ENOMEM;
    }
    if ((t->source->late && !mark) || !snapshot_restore(e, t)) {
        /* Not before: a restore posts its requests, which go into rows of time later, with its events. */
        timeline_transcript_new(&e->model.timeline, t);
        catalog_mark_dirty(&e->model.catalog, t, true);
        return 0;
    }
    session_copies_renew(t->session, t);
    timeline_restored(&e->model.timeline, t);
    e->model.catalog.n_unplaced -= t->unplaced; /* a member: its name is that of its session */
    t->unplaced = false;
    if (keeping_due(e, t))
        saver_want(e, t);
    /* The file is still checked with stat(2). If it has not changed, nothing is read. */
    catalog_mark_dirty(&e->model.catalog, t, false);
    if (commit_changed(e, t, true) < 0) {
        departures_drop(e, t);
        return -ENOMEM;
    }
    return 0;
}

static int found(void *ctx, struct folder *folder, const char *path, const char *rel)
{
    return folder->root->source->members ? containers_found(ctx, folder, path)
                                         : found_at(ctx, folder, path, rel, NULL);
}

int arrivals_member(struct oks_engine *e, struct folder *folder, const char *path,
                    const struct member_mark *mark, struct transcript **out)
{
    int rc = found_at(e, folder, path, path + strlen(folder->root->path) + 1, mark);

    *out = catalog_transcript(&e->model.catalog, path);
    return rc;
}

static int found_in_walk(void *ctx, struct folder *folder, const char *path, const char *rel)
{
    int rc = found(ctx, folder, path, rel);

    if (rc == 0)
        engine_walk_on(ctx);
    return rc;
}

int arrivals_other_form(struct oks_engine *e, const struct transcript *t)
{
    size_t rel = (size_t)(catalog_rel(t) - t->path);
    struct folder *folder = t->file.folder;
    char path[8192];
    struct stat st;

    if (!t->source->other_form || t->root->remote || !folder || folder->dead ||
        !t->source->other_form(t->path, path, sizeof(path)) || catalog_transcript(&e->model.catalog, path))
        return 0;
    if (lstat(path, &st) < 0)
        return passing(-errno);
    return S_ISREG(st.st_mode) ? found(e, folder, path, path + rel) : 0;
}

static struct found_file *changed(void *ctx, const struct folder *folder, const char *path)
{
    struct transcript *t;

    if (folder->root->source->members)
        return containers_changed(ctx, folder->root, path);
    t = catalog_transcript(catalog_of(ctx), path);
    if (!t || t->file.folder != folder)
        return NULL;
    catalog_mark_dirty(catalog_of(ctx), t, true);
    return &t->file;
}

static struct found_file *lost(void *ctx, const char *path)
{
    struct found_file *container;
    struct transcript *t;

    container = containers_lost(ctx, path);
    if (container)
        return container;
    t = catalog_transcript(catalog_of(ctx), path);
    if (!t)
        return NULL;
    catalog_mark_lost(catalog_of(ctx), t);
    return &t->file;
}

static void recheck(void *ctx, struct found_file *file, bool all)
{
    struct transcript *t = transcript_of(file);

    if (t->container) {
        containers_recheck(ctx, t, all);
        return;
    }
    t->label_due |= all;
    catalog_mark_dirty(catalog_of(ctx), t, all);
}

static void label_changed(void *ctx, const char *path)
{
    struct transcript *t = catalog_transcript(catalog_of(ctx), path);

    if (!t)
        return;
    t->label_due = true;
    catalog_mark_dirty(catalog_of(ctx), t, false);
}

const struct file_events arrivals_events = {found_in_walk, changed, lost, recheck, label_changed};

/* --- without a file --- */

/* A transcript that discovery has not found. NULL on ENOMEM. */
static struct transcript *transcript_stored(struct oks_engine *e, struct root *root, const char *path,
                                            char *cache_folder, char *cache_name, const char *id,
                                            bool retained)
{
    struct session *s = session_made(e, oks_slice_of(id));
    struct transcript *t = s ? transcript_made(e, s, root, path, cache_folder, cache_name) : NULL;

    if (!t) {
        if (s)
            departures_release_session(e, s);
        return NULL;
    }
    catalog_session_changed(&e->model.catalog, s, version_next(&e->model.versions));
    if (retained)
        retained_found(e, t);
    t->unplaced = t->source->late;
    e->model.catalog.n_unplaced += t->unplaced;
    if (TAILQ_FIRST(&s->transcripts) != t || commit_assign_project(e, s) == 0)
        return t;
    departures_drop(e, t);
    return NULL;
}

int arrivals_hidden(struct oks_engine *e, struct root *root, const char *path, const char *id)
{
    struct transcript *t = transcript_stored(e, root, path, cache_folder_at(root, path),
                                             cache_name_of(root, path + strlen(root->path) + 1), id, false);

    if (!t)
        return -ENOMEM;
    timeline_transcript_new(&e->model.timeline, t);
    t->label_due = true;
    e->any_hidden = true;
    catalog_mark_dirty(&e->model.catalog, t, true);
    return 0;
}

int arrivals_retain(struct oks_engine *e, struct root *root, const char *path, const char *cache_folder,
                    const char *cache_name, const char *id)
{
    struct transcript *t = transcript_stored(
        e, root, path, cache_folder ? strdup(cache_folder) : cache_folder_at(root, path),
        cache_name ? strdup(cache_name) : cache_name_of(root, path + strlen(root->path) + 1), id, true);

    if (!t)
        return -ENOMEM;
    if (!t->source->late && snapshot_restore(e, t)) {
        if (history_store_has(e->history, path, &t->state) && retained_stays(e, t) > 0) {
            session_copies_renew(t->session, t);
            timeline_restored(&e->model.timeline, t);
            return commit_changed(e, t, true);
        }
        billing_leave(e->model.billing, t->billed);
        transcript_forget(t);
    }
    timeline_transcript_new(&e->model.timeline, t); /* not before the restore, as in found() */
    if (session_is_live(t->session)) /* it gives way, and must not name the project until then */
        catalog_mark_lost(&e->model.catalog, t);
    else
        catalog_mark_dirty(&e->model.catalog, t, true);
    return 0;
}

int arrivals_remnant(struct oks_engine *e, struct session *s, struct root *root, const char *path)
{
    struct transcript *t;
    char *key;
    int rc = 0;

    if (asprintf(&key, REMNANT_PREFIX "%s", path) < 0)
        return -ENOMEM;
    t = catalog_transcript(&e->model.catalog, key);
    if (!t) {
        const char *rel = path + strlen(root->path) + 1;
        struct oks_slice id = root->source->id_of(rel);
        bool placed = s != NULL;

        s = placed ? s : session_made(e, id);
        t = s ? transcript_made(e, s, root, key, strdup(""), cache_name_of(root, rel)) : NULL;
        if (t) {
            t->remnant = true;
            s->n_remnants++;
            timeline_transcript_new(&e->model.timeline, t);
            retained_found(e, t);
            t->unplaced = t->source->late && !placed;
            e->model.catalog.n_unplaced += t->unplaced;
            catalog_session_changed(&e->model.catalog, s, version_next(&e->model.versions));
            rc = TAILQ_FIRST(&s->transcripts) == t ? commit_assign_project(e, s) : 0;
        } else if (s && !placed) {
            departures_release_session(e, s);
        }
    }
    free(key);
    if (t)
        catalog_mark_dirty(&e->model.catalog, t, true);
    return t ? rc : -ENOMEM;
}

/* --- by its records --- */

/* It was committed under another session: it is dropped there, and scanned again. */
static int read_anew(struct oks_engine *e, struct transcript *t)
{
    struct folder *folder = t->file.folder;
    bool dead = transcript_is_hidden(t); /* the folder may be freed with the transcript */
    char *path = strdup(t->path), *rel = path ? strdup(catalog_rel(t)) : NULL;
    int rc = rel ? 1 : -ENOMEM;

    if (!rel) {
        catalog_mark_dirty(&e->model.catalog, t, true);
    } else {
        departures_drop(e, t);
        if (!dead && found(e, folder, path, rel) < 0) {
            discovery_break(e->discovery); /* which finds it again */
            rc = -ENOMEM;
        }
    }
    free(path);
    free(rel);
    return rc;
}

int arrivals_rename(struct oks_engine *e, struct transcript *t, const char *id)
{
    struct session *from = t->session, *to;
    int rc;

    if (strcmp(from->id, id) == 0)
        return 0;
    if (t->loaded && t->retained)
        return 0; /* it was placed when it had its file */
    if (t->loaded)
        return read_anew(e, t);
    to = session_made(e, oks_slice_of(id));
    if (!to) {
        catalog_mark_dirty(&e->model.catalog, t, true);
        return -ENOMEM;
    }
    catalog_move(t, to);
    catalog_session_changed(&e->model.catalog, to, version_next(&e->model.versions));
    rc = TAILQ_FIRST(&to->transcripts) == t ? commit_assign_project(e, to) : 0;
    if (TAILQ_EMPTY(&from->transcripts)) {
        departures_release_session(e, from);
    } else {
        if (rc == 0)
            rc = commit_assign_project(e, from); /* its first transcript may be another one */
        commit_bump(e, from);
    }
    if (rc < 0)
        catalog_mark_dirty(&e->model.catalog, t, true);
    return rc;
}
