/*
 * Retained transcripts: their file was deleted, and they still count, as the history store has them.
 *
 * Agents delete their transcripts after a while; what they used was used all the same. So when a transcript's
 * file is deleted, the transcript stays, without its unfinished last line, unless the file goes on under
 * another name. A start finds them in the history store (retained_find.c).
 *
 * A session with any existing file has no retained transcripts, because a file that was copied and deleted
 * would count twice. Of those, and of what a file has lost, only the requests stay: a remnant is a transcript
 * without file and events. Billing counts its requests like any other's, each once.
 *
 * `okstrafs forget` puts records into the history store and replaces a marker file beside it. When a running
 * engine sees another marker, it reads the store and drops what is not in it any more.
 *
 * Invariant: a retained transcript is in no folder, and is scanned only to load it from the store.
 */
#include "engine/retained.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/passing.h"
#include "base/tree.h"
#include "engine/engine_private.h"
#include "catalog/transcript_scan.h"

/* Files whose inode may be another one by now are asked for it, once. 0 or a failure that passes */
static int see_all(struct catalog *c)
{
    struct transcript *t;
    struct stat st;

    while ((t = LIST_FIRST(&c->by_inode.unseen))) {
        int rc = t->root->remote ? -ENOTSUP : lstat(t->path, &st) < 0 ? -errno : 0;

        if (is_passing(rc))
            return rc;
        catalog_inode_is(c, t, rc == 0 ? st.st_ino : t->root->remote && t->loaded ? t->state.ino : 0);
    }
    return 0;
}

/* By what is known of both. */
static bool is_same_content(const struct oks_state *a, const struct oks_state *b)
{
    return a->ino == b->ino && a->dev == b->dev && a->identity.len == b->identity.len &&
           memcmp(a->identity.sha256, b->identity.sha256, sizeof(a->identity.sha256)) == 0;
}

/*
 * Whether `other` is the file of `t` under another name. A remote one is not read for that. 1, 0 or a failure
 * that passes
 */
static int is_file_of(const struct transcript *other, const struct transcript *t)
{
    if (other == t || other->retained)
        return 0;
    if (other->root->remote)
        return other->loaded && is_same_content(&t->state, &other->state);
    return transcript_state_is_of(&t->state, other->path);
}

int retained_moved(struct oks_engine *e, const struct transcript *t)
{
    struct catalog *c = &e->model.catalog;
    const struct transcript *other;
    int rc;

    if (!t->state.ino || t->state.identity.len > OKS_IDENTITY_PREFIX)
        return 0;
    rc = see_all(c);
    if (rc < 0)
        return rc;
    other = catalog_of_inode(c, t->state.ino, false);
    for (; rc == 0 && other; other = catalog_of_inode_next(other))
        rc = is_file_of(other, t);
    return rc;
}

static void mark_retained(struct oks_engine *e, struct transcript *t)
{
    struct file_mark before = t->mark;

    t->retained = true;
    t->gone = false;
    containers_leave(t);
    t->error = 0;
    t->mark = transcript_retained_mark(&t->state);
    session_file_changed(t, &before);
    catalog_inode_is(&e->model.catalog, t, t->state.ino);
    catalog_count(&e->model.catalog, t);
    e->n_retained++;
    billing_retain(e->model.billing, t->billed, true); /* cannot fail: the sums of its models exist */
}

/* Whether its session goes on in an existing file. Several files may go at once, as with their folder. */
static bool has_other_file(const struct transcript *t)
{
    const struct transcript *other;

    TAILQ_FOREACH(other, &t->session->transcripts, of_session)
        if (other != t && !other->retained && !other->lost)
            return true;
    return false;
}

bool retained_may_be_forgotten(const struct oks_engine *e, const struct transcript *t)
{
    return e->forgets && !t->unsaved && !t->retained && t->loaded && keeping_has_content(&t->state);
}

static bool is_kept(struct oks_engine *e, const struct transcript *t)
{
    struct history_facts facts;

    history_store_facts(e->history, t->path, &facts);
    if (retained_may_be_forgotten(e, t) && keeping_was_forgotten(e, t, NULL))
        return false;
    return e->cache || facts.live;
}

/* A line that was never finished goes with the file: out of the bill, and out of the rows of time. */
static int take_tail(struct oks_engine *e, struct transcript *t)
{
    struct timeline_change change;
    int rc;

    timeline_before_all(&e->model.timeline, t->session, &change);
    stream_tail_goes(&e->streams, t);
    rc = transcript_tail(t)->requests ? billing_untail(e->model.billing, t->billed) : 0;
    if (rc == 0) {
        transcript_tail_free(t->tail);
        t->tail = NULL;
    }
    timeline_after(&e->model.timeline, t->session, &change);
    return rc;
}

/* There is nothing to retain: a start must not find it in the store either. */
static bool drop_empty(struct oks_engine *e, const struct transcript *t)
{
    struct history_facts facts;

    if (transcript_says_something(t, &t->state))
        return false;
    history_store_facts(e->history, t->path, &facts);
    if (e->cache && facts.live)
        keeping_drop(e, t, HISTORY_MOVED);
    return true;
}

/* Whether its session has retained the same file under another name, which went at the same time. */
static bool has_twin(struct oks_engine *e, const struct transcript *t)
{
    const struct transcript *other =
        t->state.ino ? catalog_of_inode(&e->model.catalog, t->state.ino, true) : NULL;

    for (; other; other = catalog_of_inode_next(other))
        if (other != t && other->loaded && other->session == t->session &&
            is_same_content(&t->state, &other->state) && t->state.offset <= other->state.offset)
            return true;
    return false;
}

/* 1: what it had is nowhere else. 0: its file has another name, or its session goes on in another file, and
 * the store was told so. Or a negative errno */
static int is_last(struct oks_engine *e, struct transcript *t)
{
    int rc = retained_moved(e, t);

    if (rc < 0)
        return rc;
    if (rc > 0 || has_twin(e, t)) {
        keeping_drop(e, t, HISTORY_MOVED);
        return 0;
    }
    return has_other_file(t) ? keeping_shed(e, t) : 1;
}

int retained_keep(struct oks_engine *e, struct transcript *t)
{
    struct timeline_change change;
    int rc;

    if (t->retained || !t->loaded || drop_empty(e, t) || !is_kept(e, t))
        return 0;
    rc = is_last(e, t);
    if (rc <= 0)
        return rc;
    rc = t->tail ? take_tail(e, t) : 0;
    if (rc < 0)
        return rc;
    catalog_linked(&e->model.catalog, t, false, &t->mark);
    folder_remove(&t->file);
    timeline_before_all(&e->model.timeline, t->session, &change); /* another name of the file counts now */
    mark_retained(e, t);
    timeline_after(&e->model.timeline, t->session, &change);
    t->stored = history_store_has(e->history, t->path, &t->state);
    stream_committed(&e->streams, t);
    return 1;
}

/* The path of the file's other form; false: there is none. */
static bool other_path(const struct transcript *t, char out[PATH_MAX])
{
    return t->source->other_form && t->source->other_form(transcript_file(t), out, PATH_MAX);
}

/* The other form of the file that the remnant is of; NULL: there is none. */
static const struct transcript *form_of_remnant(struct catalog *c, const struct transcript *t)
{
    const struct transcript *other;
    char path[PATH_MAX];

    if (!other_path(t, path))
        return NULL;
    other = catalog_transcript(c, path);
    return other && other->loaded && !other->retained && !other->lost ? other : NULL;
}

/*
 * Keys may depend on what other transcripts say. If that changed while the file was packed, its other form
 * has the same lines under other keys.
 */
static bool remnant_stays(struct oks_engine *e, const struct transcript *t)
{
    const struct transcript *other = form_of_remnant(&e->model.catalog, t);
    struct history_facts facts;

    if (!other || !requests_have_lines(other->state.requests, t->state.requests))
        return true;
    history_store_facts(e->history, transcript_file(t), &facts);
    if (facts.live) /* the file is back, and has more to say */
        return true;
    keeping_drop(e, t, HISTORY_FORGOTTEN);
    return false;
}

int retained_stays(struct oks_engine *e, struct transcript *t)
{
    return t->remnant ? remnant_stays(e, t) : is_last(e, t);
}

/* Looks at what stays of the other form of a file that was read. */
static void recheck_remnant(struct catalog *c, const struct transcript *t)
{
    char path[PATH_MAX], key[PATH_MAX + sizeof(REMNANT_PREFIX)];
    struct transcript *remnant;

    if (!other_path(t, path))
        return;
    snprintf(key, sizeof(key), REMNANT_PREFIX "%s", path);
    remnant = catalog_transcript(c, key);
    if (remnant)
        catalog_mark_dirty(c, remnant, true);
}

/* Whether a retained one is the file of `t` under its earlier name. 1, 0 or a failure that passes */
static int was_file_of(const struct transcript *other, const struct transcript *t)
{
    if (!other->loaded || other->state.dev != t->state.dev)
        return 0;
    return t->root->remote ? is_same_content(&other->state, &t->state)
                           : transcript_state_is_of(&other->state, t->path);
}

int retained_came_back(struct oks_engine *e, const struct transcript *t)
{
    struct catalog *c = &e->model.catalog;
    struct transcript *other = t->state.ino ? catalog_of_inode(c, t->state.ino, true) : NULL, *same = NULL;

    recheck_remnant(c, t);
    for (; other; other = catalog_of_inode_next(other)) {
        int rc = same && strcmp(other->path, same->path) > 0 ? 0 : was_file_of(other, t);

        if (rc < 0)
            return rc;
        if (rc > 0)
            same = other;
    }
    if (!same)
        return 0;
    if (same->busy) { /* it is being saved; after that it is looked at as if it had just been found */
        catalog_mark_dirty(c, same, true);
        return 0;
    }
    keeping_drop(e, same, HISTORY_MOVED);
    departures_drop(e, same);
    return 0;
}

void retained_return(struct oks_engine *e, struct transcript *t, struct folder *folder)
{
    t->retained = t->stored = false;
    t->anew |= t->source->amend != NULL; /* its rows may have been amended */
    catalog_inode_is(&e->model.catalog, t, t->state.ino);
    catalog_count(&e->model.catalog, t);
    billing_retain(e->model.billing, t->billed, false);
    stream_committed(&e->streams, t);
    folder_add(folder, &t->file);
    e->n_retained--;
}

void retained_replaced(struct oks_engine *e, struct session *s)
{
    struct transcript *t, *next;

    if (!session_is_live(s))
        return;
    for (t = TAILQ_FIRST(&s->transcripts); t; t = next) {
        next = TAILQ_NEXT(t, of_session);
        if (!t->retained || t->remnant || !t->loaded)
            continue; /* one that is not loaded yet is looked at when it is */
        if (t->busy)  /* the same of one that is being saved */
            catalog_mark_dirty(&e->model.catalog, t, true);
        else if (keeping_shed(e, t) == 0)
            departures_drop(e, t);
    }
}

void retained_marker_seen(struct oks_engine *e)
{
    struct stat st;

    if (history_store_marker(e->history, &st) == 0)
        e->forgotten = st;
}

void retained_found(struct oks_engine *e, struct transcript *t)
{
    mark_retained(e, t);
}

/* --- forgetting --- */

struct forgetting {
    struct oks_engine *e;
    struct session **sessions; /* some of whose transcripts are to be dropped */
    size_t n, room;
    const char *name; /* name of one session; NULL: what the store has no more, or (all) every one */
    bool all;
    struct oks_strings files; /* to be removed from the store */
};

/* Whether the store has forgotten the transcript. */
static bool is_forgotten(const struct forgetting *f, const struct transcript *t)
{
    struct history_facts facts;

    history_store_facts(f->e->history, transcript_file(t), &facts);
    return (!t->unsaved || t->stored) && !(t->remnant ? facts.lost : facts.live);
}

static bool goes(const struct forgetting *f, const struct transcript *t)
{
    return t->retained && (f->all || f->name || is_forgotten(f, t));
}

static void choose_session(void *ctx, void *item)
{
    struct session *s = item;
    struct forgetting *f = ctx;
    const struct transcript *t;
    bool any = false;

    if (f->name && strcmp(f->name, s->name) != 0)
        return;
    TAILQ_FOREACH(t, &s->transcripts, of_session)
        any |= goes(f, t);
    if (any && OKS_GROW(f->sessions, f->n, f->room)) /* else the next sync finds it */
        f->sessions[f->n++] = s;
}

/* Removes all that is stored of a transcript without a file. If the path has a file now, that is stored
 * again. */
static void remove_stored(struct forgetting *f, const struct transcript *t)
{
    struct oks_engine *e = f->e;
    struct transcript *file = t->remnant ? catalog_transcript(&e->model.catalog, transcript_file(t)) : NULL;

    if (oks_strings_add(&f->files, oks_slice_of(transcript_file(t)), SIZE_MAX) < 0)
        keeping_drop(e, t, HISTORY_FORGOTTEN);
    if (!t->remnant)
        oks_cache_remove(e->cache, t->cache_folder, t->cache_name);
    if (file && !file->retained)
        saver_want(e, file);
}

/* True: all of it was dropped. A busy transcript stays until the next time. */
static bool forget_session(struct forgetting *f, struct session *s, bool remove)
{
    struct transcript *t, *next;
    bool all = true;

    for (t = TAILQ_FIRST(&s->transcripts); t; t = next) {
        next = TAILQ_NEXT(t, of_session); /* the session is freed with its last transcript */
        if (!goes(f, t))
            continue;
        if (t->busy) {
            all = false;
            continue;
        }
        if (remove)
            remove_stored(f, t);
        else if (f->e->cache && !t->remnant) /* its cache may have been written since */
            oks_cache_remove(f->e->cache, t->cache_folder, t->cache_name);
        departures_drop(f->e, t);
    }
    return all;
}

/* That the requests have left is in the store before it forgets them: in between the program may be killed.
 */
static void remove_files(struct forgetting *f)
{
    keeping_left(f->e);
    for (size_t i = 0; i < f->files.len; i++)
        history_store_put(f->e->history, HISTORY_FORGOTTEN, f->files.items[i].ptr, NULL);
    oks_strings_clear(&f->files);
}

static size_t forget(struct forgetting *f, bool remove, bool *all)
{
    size_t n = 0;

    *all = true;
    oks_tree_each(f->e->model.catalog.sessions, choose_session, f);
    for (size_t i = 0; i < f->n; i++) {
        bool whole = forget_session(f, f->sessions[i], remove);

        n += whole;
        *all &= whole;
    }
    free(f->sessions);
    commit_bump_billed(f->e);
    if (remove)
        remove_files(f);
    return n;
}

int retained_refresh(struct oks_engine *e)
{
    struct forgetting f = {.e = e};
    struct stat st;
    bool all;
    int rc;

    rc = history_store_marker(e->history, &st);
    if (rc < 0 || (st.st_ino == e->forgotten.st_ino && st.st_mtim.tv_sec == e->forgotten.st_mtim.tv_sec &&
                   st.st_mtim.tv_nsec == e->forgotten.st_mtim.tv_nsec))
        return passing(rc);
    rc = history_store_read(e->history);
    if (rc < 0)
        return is_passing(rc) ? rc : 1;
    e->forgets = true;
    forget(&f, false, &all);
    e->forget_waits = !all;
    if (all)
        e->forgotten = st;
    return !all;
}

char *retained_marker(const char *okstra_home)
{
    char *path;

    return asprintf(&path, "%s/" OKS_HISTORY_ROOT "/" HISTORY_MARKER, okstra_home) < 0 ? NULL : path;
}

int oks_engine_forget(struct oks_engine *e, const char *session, size_t *n)
{
    struct forgetting f = {.e = e, .name = session, .all = !session};
    struct session *s;
    bool all;
    int rc = 0;

    pthread_mutex_lock(&e->model.lock);
    s = session ? catalog_session(&e->model.catalog, session) : NULL;
    if (!e->cache || (session && (!s || (session_is_live(s) && !s->n_remnants))))
        rc = s && session_is_live(s) ? -EBUSY : -ENOENT;
    if (rc == 0)
        *n = forget(&f, true, &all);
    e->snapshot_stale |= rc == 0;
    commit_settle(e);
    pthread_mutex_unlock(&e->model.lock);
    if (rc == 0)
        rc = history_store_flush(e->history);
    if (rc == 0) /* before the compaction: a daemon that finds another log must see why */
        rc = history_store_mark(e->history);
    return rc ? rc : history_store_sync(e->history, true);
}
