/*
 * The catalog's sessions and transcripts. Projects are in projects.c, teams in teams.c.
 *
 * Transcripts of one session id in several folders are one session. Every change gives a new version to
 * everything that shows it, so that a document is rendered again only if it may differ.
 *
 * Invariant: a session without transcripts does not exist.
 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "base/tree.h"
#include "catalog/catalog.h"
#include "catalog/hosts.h"

void catalog_init(struct catalog *c, struct versions *versions)
{
    c->versions = versions;
    TAILQ_INIT(&c->dirty);
    TAILQ_INIT(&c->by_version);
    TAILQ_INIT(&c->teams_by_version);
}

static void origin_free(void *item)
{
    struct origin *origin = item;

    free(origin->name);
    free(origin);
}

void catalog_clear(struct catalog *c)
{
    tdestroy(c->sessions, oks_tree_keep);
    tdestroy(c->projects, free);
    tdestroy(c->teams, oks_tree_keep);
    tdestroy(c->origins, origin_free);
    catalog_set_hosts(c, NULL, 0);
    free(c->by_inode.chains);
    free(c->ranked_teams);
    for (int i = 0; i < OKS_SOURCES; i++)
        free(c->limits[i]);
}

static int by_session_name(const void *a, const void *b)
{
    return strcmp(((const struct session *)a)->name, ((const struct session *)b)->name);
}

struct session *catalog_session(struct catalog *c, const char *name)
{
    struct session key = {.name = name}, **found;

    found = tfind(&key, &c->sessions, by_session_name);
    return found ? *found : NULL;
}

struct session *catalog_session_made(struct catalog *c, struct oks_slice id)
{
    char name[OKS_NAME_MAX + 1];
    size_t room = oks_name_escape(id, name) + 1;
    struct session *session = calloc(1, sizeof(*session) + room), **found;

    if (!session)
        return NULL;
    TAILQ_INIT(&session->transcripts);
    session->name = memcpy(session + 1, name, room);
    found = tsearch(session, &c->sessions, by_session_name);
    if (found && *found != session) {
        free(session);
        return *found;
    }
    session->id = found ? oks_slice_copy(id) : NULL;
    if (!session->id) {
        if (found)
            tdelete(session, &c->sessions, by_session_name);
        free(session);
        return NULL;
    }
    c->n_sessions++;
    TAILQ_INSERT_HEAD(&c->by_version, session, of_version);
    session->version = version_next_names(c->versions);
    return session;
}

void catalog_session_changed(struct catalog *c, struct session *s, uint64_t version)
{
    s->version = version;
    TAILQ_REMOVE(&c->by_version, s, of_version);
    TAILQ_INSERT_HEAD(&c->by_version, s, of_version);
}

static void link_transcript(struct session *s, struct transcript *t)
{
    struct transcript *first = TAILQ_FIRST(&s->transcripts);
    struct transcript *at = TAILQ_LAST(&s->transcripts, session_transcripts);

    s->n_transcripts++;
    s->n_hosted += t->root->host != NULL;
    if (first && strcmp(t->path, first->path) < 0)
        at = NULL;
    while (at && strcmp(at->path, t->path) > 0)
        at = TAILQ_PREV(at, session_transcripts, of_session);
    if (at)
        TAILQ_INSERT_AFTER(&s->transcripts, at, t, of_session);
    else
        TAILQ_INSERT_HEAD(&s->transcripts, t, of_session);
}

static void unlink_transcript(struct transcript *t)
{
    struct session *s = t->session;

    TAILQ_REMOVE(&s->transcripts, t, of_session);
    s->n_transcripts--;
    s->n_hosted -= t->root->host != NULL;
    s->twins_changed |= t->twin || t->copy;
    t->twin = t->copy = false;
    session_twins_renew(s, &t->mark);
    session_copies_renew(s, t);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct transcript *)a)->path, ((const struct transcript *)b)->path);
}

struct transcript *catalog_transcript(struct catalog *c, const char *path)
{
    struct transcript key = {.path = (char *)path}, **found = tfind(&key, &c->transcripts, by_path);

    return found ? *found : NULL;
}

bool catalog_is_late(const struct transcript *t)
{
    return t->source->late && !t->source->members;
}

void catalog_mark_dirty(struct catalog *c, struct transcript *t, bool touched)
{
    t->touched |= touched;
    if (t->dirty)
        return;
    t->dirty = true;
    c->n_late_dirty += catalog_is_late(t);
    TAILQ_INSERT_TAIL(&c->dirty, t, queued);
    if (!t->retained)
        catalog_inode_unseen(c, t); /* another file may have its name now */
}

static int same_inode(const void *a, const void *b)
{
    const struct file_mark *x = a, *y = b;

    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return (x->ino > y->ino) - (x->ino < y->ino);
}

void catalog_linked(struct catalog *c, struct transcript *t, bool linked, const struct file_mark *file)
{
    if (t->linked && linked && same_inode(&t->mark, file) != 0) /* it is a name of another file now */
        c->links_new = c->links_gone = c->links_due = true;
    if (t->linked == linked)
        return;
    t->linked = linked;
    c->links_new |= linked;
    c->links_gone |= !linked;
    c->links_due |= !linked;
    if (linked)
        LIST_INSERT_HEAD(&c->linked, t, of_linked);
    else
        LIST_REMOVE(t, of_linked);
}

/* Files with several names, by inode. The newest state that was seen under any name comes first. */
static int by_inode(const void *a, const void *b)
{
    const struct file_mark *x = a, *y = b;

    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    if (x->ino != y->ino)
        return x->ino < y->ino ? -1 : 1;
    return (x->ctime_ns < y->ctime_ns) - (x->ctime_ns > y->ctime_ns);
}

struct link_check {
    struct catalog *c;
    struct file_mark *files; /* one for each inode */
    size_t n, room;
};

static void check_name(struct link_check *check, struct transcript *t)
{
    const struct file_mark *file =
        bsearch(&t->mark, check->files, check->n, sizeof(*check->files), same_inode);

    if (file && !t->retained && (file->size != t->mark.size || file->ctime_ns != t->mark.ctime_ns))
        catalog_mark_dirty(check->c, t, true);
}

static int check_any(void *ctx, void *item)
{
    check_name(ctx, item);
    return 0;
}

/*
 * A file with several names (hard links) grows under all of them, but only the folder of the name that was
 * written to gets an inotify event. One that got its second name after it was read is not yet in the list of
 * linked transcripts, so then all are compared.
 */
int catalog_check_links(struct catalog *c)
{
    struct link_check check = {.c = c};
    struct transcript *t;
    size_t n = 0;

    if (!c->links_due)
        return 0;
    LIST_FOREACH(t, &c->linked, of_linked) {
        if (!t->mark.ino)
            continue;
        if (!OKS_GROW(check.files, check.n, check.room)) {
            free(check.files);
            return -ENOMEM;
        }
        check.files[check.n++] = t->mark;
    }
    if (check.n)
        qsort(check.files, check.n, sizeof(*check.files), by_inode);
    for (size_t i = 0; i < check.n; i++)
        if (n == 0 || same_inode(&check.files[n - 1], &check.files[i]) != 0)
            check.files[n++] = check.files[i];
    check.n = n;
    if (c->links_gone) /* nobody has read what was written under a name that is gone */
        LIST_FOREACH(t, &c->linked, of_linked)
            catalog_mark_dirty(c, t, false);
    if (c->links_new && n)
        oks_tree_until(c->transcripts, check_any, &check);
    else if (n)
        LIST_FOREACH(t, &c->linked, of_linked)
            check_name(&check, t);
    c->links_due = c->links_new = c->links_gone = false;
    free(check.files);
    return 0;
}

void catalog_mark_clean(struct catalog *c, struct transcript *t)
{
    if (!t->dirty)
        return;
    TAILQ_REMOVE(&c->dirty, t, queued);
    t->dirty = false;
    c->n_late_dirty -= catalog_is_late(t);
}

void catalog_dirty_last(struct catalog *c, struct transcript *t)
{
    TAILQ_REMOVE(&c->dirty, t, queued);
    TAILQ_INSERT_TAIL(&c->dirty, t, queued);
}

void catalog_mark_lost(struct catalog *c, struct transcript *t)
{
    catalog_mark_clean(c, t);
    t->dirty = t->lost = true;
    c->n_late_dirty += catalog_is_late(t);
    TAILQ_INSERT_HEAD(&c->dirty, t, queued);
}

/* A transcript with its names. Takes over the last two, also on failure. NULL on ENOMEM. */
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
    t->packed = t->source->members || (t->source->packed && t->source->packed(path));
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

struct transcript *catalog_transcript_made(struct catalog *c, struct session *s, struct root *root,
                                           const char *path, char *cache_folder, char *cache_name)
{
    struct transcript *t = transcript_made(root, path, cache_folder, cache_name);

    if (t && !tsearch(t, &c->transcripts, by_path)) {
        transcript_clear(t);
        free(t);
        t = NULL;
    }
    if (!t)
        return NULL;
    c->n_transcripts++;
    t->session = s;
    link_transcript(s, t);
    catalog_inode_unseen(c, t);
    return t;
}

void catalog_move(struct transcript *t, struct session *to)
{
    unlink_transcript(t);
    t->session->n_remnants -= t->remnant;
    to->n_remnants += t->remnant;
    t->session = to;
    link_transcript(to, t);
    session_twins_renew(to, &t->mark);
    session_copies_renew(to, t);
}

/* --- parents --- */

static int by_parent_name(const void *a, const void *b)
{
    return strcmp(((const struct parent *)a)->name, ((const struct parent *)b)->name);
}

const struct parent *catalog_parent(const struct catalog *c, const char *name)
{
    struct parent key = {.name = (char *)name}, **found = tfind(&key, &c->parents, by_parent_name);

    return found ? *found : NULL;
}

static struct parent *parent_made(struct catalog *c, const char *name)
{
    struct parent *parent = (struct parent *)catalog_parent(c, name);

    if (parent)
        return parent;
    parent = calloc(1, sizeof(*parent));
    if (parent)
        parent->name = strdup(name);
    if (parent && parent->name && tsearch(parent, &c->parents, by_parent_name))
        return parent;
    if (parent)
        free(parent->name);
    free(parent);
    return NULL;
}

static void leave_parent(struct catalog *c, struct session *s)
{
    struct parent *parent = s->child_of;

    if (!parent)
        return;
    LIST_REMOVE(s, of_parent);
    s->child_of = NULL;
    s->parent = NULL;
    if (!LIST_EMPTY(&parent->children))
        return;
    tdelete(parent, &c->parents, by_parent_name);
    free(parent->name);
    free(parent);
}

int catalog_set_parent(struct catalog *c, struct session *s, struct oks_slice id)
{
    char name[OKS_NAME_MAX + 1] = "";
    struct parent *parent;

    if (id.ptr)
        oks_name_escape(id, name);
    if (s->parent && strcmp(s->parent, name) == 0)
        return 0;
    parent = *name ? parent_made(c, name) : NULL;
    if (*name && !parent)
        return -ENOMEM;
    leave_parent(c, s);
    if (!parent)
        return 0;
    s->child_of = parent;
    s->parent = parent->name;
    LIST_INSERT_HEAD(&parent->children, s, of_parent);
    return 0;
}

/* --- removal --- */

void catalog_session_remove(struct catalog *c, struct session *s)
{
    lead_set_unnamed(c, s, NULL);
    tdelete(s, &c->sessions, by_session_name);
    TAILQ_REMOVE(&c->by_version, s, of_version);
    version_next_names(c->versions);
    c->n_sessions--;
    leave_parent(c, s);
    if (s->in_other_teams)
        LIST_REMOVE(s, of_other_teams);
    free(s->facts);
    free(s->id);
    free(s);
}

static void count_as(struct catalog *c, struct transcript *t, struct file_counts now)
{
    c->files.bytes += now.bytes - t->counted.bytes;
    c->files.lines += now.lines - t->counted.lines;
    c->files.bad_lines += now.bad_lines - t->counted.bad_lines;
    c->files.odd_values += now.odd_values - t->counted.odd_values;
    c->files.unreadable += now.unreadable - t->counted.unreadable;
    t->counted = now;
}

void catalog_count(struct catalog *c, struct transcript *t)
{
    struct file_counts now = {t->mark.size, t->state.lines, t->state.bad, t->state.odd, t->error != 0};

    count_as(c, t, t->retained ? (struct file_counts){0} : now);
}

void catalog_transcript_remove(struct catalog *c, struct transcript *t)
{
    count_as(c, t, (struct file_counts){0});
    if (t->source->limits)
        c->limits_left = c->versions->last;
    tdelete(t, &c->transcripts, by_path);
    folder_remove(&t->file);
    unlink_transcript(t);
    catalog_inode_gone(c, t);
    t->session->n_remnants -= t->remnant;
    if (t->suspect)
        LIST_REMOVE(t, of_suspects);
    c->n_transcripts--;
}
