/*
 * Transcripts that come: found below a root, left in the cache alone, or named otherwise by their records.
 *
 * Discovery reports files, and this is its table of events. A file that is new becomes a transcript of the
 * session that its path names; one that is known is queued to be scanned.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/engine_private.h"

/*
 * The cache folder. okstra's collector keys its caches by the transcript's folder name, and so do transcripts
 * that lie where it looks for them: directly in a project. Deeper ones take their path below the root, and
 * those of further roots add the root's hash, so that no two transcripts share a file.
 */
static char *cache_folder_of(const struct folder *folder)
{
    char raw[8192], name[OKS_NAME_MAX + 1], hex[OKS_SHA256_HEX];
    uint8_t hash[OKS_SHA256_BYTES];

    if (folder->root->index == 0 && folder->root->source == &oks_source_claude) {
        snprintf(raw, sizeof(raw), "%s", *folder->rel ? folder->rel : "projects");
    } else {
        if (oks_sha256(folder->root->path, strlen(folder->root->path), hash) < 0)
            return NULL;
        oks_hex(hash, 4, hex);
        snprintf(raw, sizeof(raw), "%s~%s", *folder->rel ? folder->rel : "projects", hex);
    }
    oks_name_escape(oks_slice_of(raw), name);
    return strdup(name);
}

static char *escaped(struct oks_slice raw)
{
    char name[OKS_NAME_MAX + 1];

    oks_name_escape(raw, name);
    return strdup(name);
}

/* It is known already. */
static void comes_again(struct oks_engine *e, struct transcript *t, struct folder *folder)
{
    if (t->retained) {
        retained_return(e, t, folder);
        retained_replaced(e, t->session);
        registry_bump(e, t->session);
    }
    if (t->file.folder != folder) {
        folder_remove(&t->file);
        folder_add(folder, &t->file);
    }
    registry_mark_dirty(e, t, true);
}

static int found(void *ctx, struct folder *folder, const char *path, const char *rel)
{
    struct oks_engine *e = ctx;
    struct oks_slice id = folder->root->source->id_of(rel);
    struct transcript *t = registry_transcript(e, path);
    struct session *s;

    if (t) {
        comes_again(e, t, folder);
        return 0;
    }
    s = registry_session_made(e, id);
    if (!s)
        return -ENOMEM;
    t = registry_transcript_made(e, s, folder->root, path, cache_folder_of(folder), escaped(id));
    if (!t) {
        registry_session_release(e, s);
        return -ENOMEM;
    }
    t->timed = e->times.on;
    t->unplaced = t->source->late;
    t->label_due = true;
    e->n_unplaced += t->unplaced;
    folder_add(folder, &t->file);
    retained_replaced(e, s);
    s->version = engine_tick(e);
    if (LIST_FIRST(&s->transcripts) == t && registry_place(e, s) < 0)
        return -ENOMEM;
    if (t->source->late || !index_restore(e, t)) {
        registry_mark_dirty(e, t, true);
        return 0;
    }
    t->timed = s->timed = false;
    e->times.pending = true;
    /* Its file still has to be looked at, but where that shows no change nothing has to be read. */
    registry_mark_dirty(e, t, false);
    return registry_changed(e, t, true);
}

static bool changed(void *ctx, const struct folder *folder, const char *path)
{
    struct transcript *t = registry_transcript(ctx, path);

    if (!t || t->file.folder != folder)
        return false;
    registry_mark_dirty(ctx, t, true);
    return true;
}

static bool lost(void *ctx, const char *path)
{
    struct transcript *t = registry_transcript(ctx, path);

    if (t)
        registry_mark_lost(ctx, t);
    return t;
}

static void recheck(void *ctx, struct found_file *file, bool all)
{
    struct transcript *t = transcript_of(file);

    t->label_due |= all;
    registry_mark_dirty(ctx, t, all);
}

static void label_changed(void *ctx, const char *path)
{
    struct transcript *t = registry_transcript(ctx, path);

    if (!t)
        return;
    t->label_due = true;
    registry_mark_dirty(ctx, t, false);
}

const struct file_events arrivals_events = {found, changed, lost, recheck, label_changed};

/* --- from the cache --- */

int arrivals_retain(struct oks_engine *e, struct root *root, const char *path, const char *cache_folder,
                    const char *cache_name, const char *id)
{
    struct session *s = registry_session_made(e, oks_slice_of(id));
    struct transcript *t;

    if (!s)
        return -ENOMEM;
    if (!LIST_EMPTY(&s->transcripts))
        return 0; /* it is there in another file */
    t = registry_transcript_made(e, s, root, path, strdup(cache_folder), strdup(cache_name));
    if (!t) {
        registry_session_release(e, s);
        return -ENOMEM;
    }
    s->version = engine_tick(e);
    retained_found(e, t);
    if (registry_place(e, s) < 0)
        return -ENOMEM;
    if (index_restore(e, t))
        return registry_changed(e, t, true);
    registry_mark_dirty(e, t, true);
    return 0;
}

/* --- by its records --- */

/* It was committed as another session's: that one loses it, and it is read anew. */
static int comes_anew(struct oks_engine *e, struct transcript *t)
{
    struct folder *folder = t->file.folder;
    bool dead = folder->dead; /* it may go with the transcript */
    char *path = strdup(t->path), *rel = path ? strdup(registry_rel(t)) : NULL;
    int rc = rel ? 1 : -ENOMEM;

    if (rel) {
        registry_drop(e, t);
        if (!dead && found(e, folder, path, rel) < 0)
            rc = -ENOMEM;
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
    if (t->loaded)
        return comes_anew(e, t);
    to = registry_session_made(e, oks_slice_of(id));
    if (!to)
        return -ENOMEM;
    registry_move(t, to);
    to->version = engine_tick(e);
    rc = LIST_FIRST(&to->transcripts) == t ? registry_place(e, to) : 0;
    if (LIST_EMPTY(&from->transcripts))
        registry_session_release(e, from);
    else
        registry_bump(e, from);
    return rc;
}
