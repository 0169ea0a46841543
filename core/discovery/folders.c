/*
 * The folders below the roots: each is walked once, then watched with inotify.
 *
 * A folder gets its watch before it is listed, so no change is missed in between. Later refreshes drain the
 * queue of changes, which is one system call if there are none. A folder that cannot be watched (limits, a
 * network or FUSE filesystem) is checked with stat(2): its ctime shows new files, each file's size and times
 * show new bytes. If the queue overflows, everything is walked and checked again.
 *
 * Invariant: a folder in root->folders that is not dead was listed after its watch was added.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/passing.h"
#include "base/text_end.h"
#include "base/tree.h"
#include "discovery/discovery_private.h"
#include "files/file_time.h"
#include "files/walk.h"

/*
 * A name created after a listing, within the same tick of the clock, does not change the folder's time. So a
 * folder is listed again until one tick has passed (file_time.h).
 */
static void folder_seen(struct folder *f, const struct stat *st)
{
    if (f->ctime_ns == file_ctime_ns(st))
        return;
    f->ctime_ns = file_ctime_ns(st);
    f->seen_ns = monotonic_ns();
}

static int by_inode(const void *a, const void *b)
{
    const struct folder *x = a, *y = b;

    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return (x->ino > y->ino) - (x->ino < y->ino);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct folder *)a)->path, ((const struct folder *)b)->path);
}

static void folder_free(struct folder *f)
{
    free(f->path);
    free(f->rel);
    free(f);
}

void folder_add(struct folder *folder, struct found_file *file)
{
    file->folder = folder;
    file->came = folder->root->refreshes;
    LIST_INSERT_HEAD(&folder->files, file, of_folder);
    folder->n_files++;
}

static void folder_release(struct folder *f)
{
    if (f->dead && LIST_EMPTY(&f->files))
        folder_free(f);
}

void folder_remove(struct found_file *file)
{
    struct folder *f = file->folder;

    if (!f)
        return;
    LIST_REMOVE(file, of_folder);
    f->n_files--;
    file->folder = NULL;
    folder_release(f);
}

/* Removes the folder from its root. Its files are checked again, and dropped if they are gone. */
static void folder_end(struct discovery *d, struct folder *f)
{
    struct found_file *file;

    if (f->watch_id >= 0)
        watch_remove(d->watch, f->watch_id);
    else
        d->unwatched--;
    passed_over_clear(d, f);
    if (*f->rel == '\0')
        links_clear(d, f->root);
    LIST_REMOVE(f, of_root);
    tdelete(f, &d->folders_by_path, by_path);
    tdelete(f, &d->folders_by_inode, by_inode);
    f->dead = true;
    LIST_FOREACH(file, &f->files, of_folder)
        d->events->lost(d->ctx, file->path);
    folder_release(f);
}

static bool is_below(const char *path, const char *top)
{
    size_t n = strlen(top);

    return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* Removes the folder and all below it. */
void folders_end(struct discovery *d, struct root *root, const char *path)
{
    struct folder *f, *next;
    char top[8192]; /* a copy: `path` may be that of a folder that is freed */

    snprintf(top, sizeof(top), "%s", path);
    for (f = LIST_FIRST(&root->folders); f; f = next) {
        next = LIST_NEXT(f, of_root);
        if (is_below(f->path, top))
            folder_end(d, f);
    }
}

static void folder_watch(struct discovery *d, struct folder *f)
{
    int rc = f->root->remote ? -ENOTSUP : d->watch ? watch_add(d->watch, f->path, f, &f->watch_id) : -ENOSYS;

    if (rc == 0)
        return;
    f->watch_id = -1;
    d->unwatched++;
    if (d->watched)
        d->watch_error = rc;
}

struct folder_walk {
    struct discovery *d;
    struct root *root;
    bool linked;           /* it began behind a symlink */
    struct folder *folder; /* the one being listed */
};

/* Adds a new folder to both trees; -ENOMEM. */
static int folder_index(struct discovery *d, struct folder *f)
{
    if (!tsearch(f, &d->folders_by_path, by_path))
        return -ENOMEM;
    if (tsearch(f, &d->folders_by_inode, by_inode))
        return 0;
    tdelete(f, &d->folders_by_path, by_path);
    return -ENOMEM;
}

static struct folder *folder_made(struct folder_walk *w, const char *path, const char *rel,
                                  const struct stat *st)
{
    struct folder *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    f->path = strdup(path);
    f->rel = strdup(rel);
    f->root = w->root;
    f->linked = w->linked;
    f->dev = st->st_dev;
    f->ino = st->st_ino;
    folder_seen(f, st);
    if (f->path && f->rel && folder_index(w->d, f) == 0)
        return f;
    folder_free(f);
    return NULL;
}

/* Of a folder that has several paths, which one counts: one without a symlink; else that of the root of the
 * lower rank; of symlinks the first in order. */
static bool precedes(const struct folder_walk *w, const char *path, const struct folder *other)
{
    if (w->linked != other->linked)
        return other->linked;
    return w->linked ? strcmp(path, other->path) < 0 : w->root->rank < other->root->rank;
}

/*
 * Whether it is still at its path: the event of its move may come after it was found. 1, 0 or a failure that
 * passes
 */
static int is_there(const struct folder *f)
{
    struct stat st;

    if (f->root->remote)
        return 1;
    if (stat(f->path, &st) < 0)
        return passing(-errno);
    return st.st_ino == f->ino && st.st_dev == f->dev;
}

bool folders_is_root(const struct discovery *d, const struct root *root, const char *path)
{
    for (size_t i = 0; d->n_nested && i < d->n_roots; i++)
        if (d->roots[i] != root && strcmp(d->roots[i]->path, path) == 0)
            return true;
    return false;
}

/* The folder is known from now on, as w->folder. 1: by another path; or a negative errno */
static int folder_found(struct folder_walk *w, const char *path, const char *rel, const struct stat *st)
{
    struct folder key, *f, **found;
    int there;

    key.dev = st->st_dev;
    key.ino = st->st_ino;
    found = tfind(&key, &w->d->folders_by_inode, by_inode);
    if (found && strcmp((*found)->path, path) != 0) {
        there = precedes(w, path, *found) ? 0 : is_there(*found);
        if (there != 0)
            return there; /* 1: the same folder by another path */
        folders_end(w->d, (*found)->root, (*found)->path);
        found = NULL;
    }
    if (found) {
        folder_seen(*found, st);
        passed_over_clear(w->d, *found);
        w->folder = *found;
        return 0;
    }
    key.path = (char *)path;
    found = tfind(&key, &w->d->folders_by_path, by_path);
    if (found)
        folder_end(w->d, *found); /* another folder is at its path now */
    f = folder_made(w, path, rel, st);
    if (!f)
        return -ENOMEM;
    folder_watch(w->d, f);
    LIST_INSERT_HEAD(&w->root->folders, f, of_root);
    if (*rel == '\0') {
        w->root->dev = f->dev;
        w->root->ino = f->ino;
    }
    w->folder = f;
    return 0;
}

static int on_folder(void *ctx, const char *path, const char *rel)
{
    struct folder_walk *w = ctx;
    struct stat st;

    if (*rel &&
        ((w->root->source->enters && !w->root->source->enters(rel)) || folders_is_root(w->d, w->root, path)))
        return 1;
    if (stat(path, &st) < 0)
        return is_passing(-errno) ? -errno : 1;
    return folder_found(w, path, rel, &st);
}

int folders_listed(struct discovery *d, struct root *root, const char *path, const char *rel, bool linked,
                   const struct stat *st)
{
    struct folder_walk w = {.d = d, .root = root, .linked = linked};
    int rc = folder_found(&w, path, rel, st);

    if (rc == 0)
        w.folder->listed = true;
    return rc < 0 ? rc : 0;
}

struct folder *folders_at(const struct discovery *d, const char *path)
{
    struct folder key = {.path = (char *)path}, **found = tfind(&key, &d->folders_by_path, by_path);

    return found ? *found : NULL;
}

/* The walk is depth first, so the file's folder may not be the one listed last. */
static struct folder *folder_of(const struct folder_walk *w, const char *path)
{
    size_t n = (size_t)(strrchr(path, '/') - path);
    char parent[PATH_MAX];

    if (w->folder && strlen(w->folder->path) == n && strncmp(w->folder->path, path, n) == 0)
        return w->folder;
    snprintf(parent, sizeof(parent), "%.*s", (int)n, path);
    return folders_at(w->d, parent);
}

static int on_file(void *ctx, const char *path, const char *rel)
{
    struct folder_walk *w = ctx;
    struct folder *f = w->root->source->wants(rel) ? folder_of(w, path) : NULL;

    return f ? w->d->events->found(w->d->ctx, f, path, rel) : 0;
}

int folders_found(struct discovery *d, struct root *root, const char *path, const char *rel)
{
    struct folder_walk w = {.d = d, .root = root};

    return on_file(&w, path, rel);
}

static void on_skipped(void *ctx, const char *path, int error)
{
    struct folder_walk *w = ctx;

    /* Added even so: its change of mode is all that stat(2) will show. */
    if (error == -EACCES && !w->d->watch && strlen(path) > strlen(w->root->path))
        on_folder(w, path, path + strlen(w->root->path) + 1);
    passed_over_add(w->d, path, error);
}

/* The walk must end before a link is followed: the folder behind it may still be found without the link. */
static int on_other(void *ctx, const char *path, const char *rel, bool is_link)
{
    struct folder_walk *w = ctx;
    const struct source *source = w->root->source;

    if (is_link && !strchr(rel, '/'))
        return links_add(w->d, w->root, rel);
    if (source->wants(rel) || (is_link && (!source->enters || source->enters(rel))))
        passed_over_add(w->d, path, is_link ? -EMLINK : -EINVAL);
    return 0;
}

/* The source decides by the whole path. */
bool folders_any_name(const char *name)
{
    static const char *const ends[] = {".jsonl", ".json", ".jsonl.zst", ".db", ".db-wal"};

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (text_ends_with(name, ends[i]))
            return true;
    return false;
}

static void forget_passed(struct discovery *d, const struct root *root, const char *rel)
{
    char path[8192];

    if (snprintf(path, sizeof(path), "%s/%s", root->path, rel) < (int)sizeof(path))
        passed_over_remove(d, path);
}

int folders_walk(struct discovery *d, struct root *root, const char *start)
{
    struct folder_walk walk = {.d = d, .root = root, .linked = links_begin(root, start)};
    const struct oks_walker walker = {
        .ctx = &walk,
        .enter = on_folder,
        .wants = folders_any_name,
        .file = on_file,
        .skipped = on_skipped,
        .other = on_other,
        .linked = walk.linked,
    };
    int rc;

    if (*start)
        forget_passed(d, root, start);
    else
        links_clear(d, root);
    rc = oks_walk(root->path, start, &walker);
    if (*start == '\0') {
        root->error = rc == 0 || rc == -E2BIG || is_absent(rc) ? 0 : rc;
        root->found = rc == 0 || rc == -E2BIG;
        /* Any other error may end without an event. */
        if (!root->found && !is_absent(rc) && rc != -EACCES && rc != -ELOOP)
            unchanged_break(d->unchanged);
        if (!is_passing(rc)) {
            links_prune(d, root);
            rc = links_check(d, root, true);
        }
    }
    return passing(rc);
}

/*
 * S_IFMT bits; 0: it does not exist; or a failure that passes. Without a call to its filesystem, and without
 * following a link.
 */
static int type_of(const char *path)
{
    struct statx stx;

    return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) == 0
               ? stx.stx_mode & S_IFMT
               : passing(-errno);
}

static bool is_regular(const char *path)
{
    return type_of(path) == S_IFREG;
}

/* --- inotify events --- */

struct drain {
    struct discovery *d;
    int rc;
};

static int join(char out[8192], const char *a, const char *b)
{
    int n = snprintf(out, 8192, "%s%s%s", a, *a ? "/" : "", b);

    return n < 8192 ? 0 : -ENAMETOOLONG;
}

/* A name that is here for the second time since the last refresh may have been another file's in between. */
static void name_came(struct discovery *d, struct found_file *file)
{
    if (!file->folder)
        return;
    d->name_went |= file->came == file->folder->root->refreshes;
    file->came = file->folder->root->refreshes;
}

/*
 * A name in the folder appeared or changed. What was only written to is what it was before, so a known file
 * is one still.
 */
static int file_changed(struct discovery *d, struct folder *f, const char *name, enum watch_change change)
{
    char path[8192], rel[8192];
    struct found_file *file = NULL;
    bool wanted;
    int type;

    if (join(path, f->path, name) < 0 || join(rel, f->rel, name) < 0)
        return 0;
    wanted = folders_any_name(name) && f->root->source->wants(rel);
    if (wanted)
        file = d->events->changed(d->ctx, f, path);
    if (file && change == WATCH_FILE)
        name_came(d, file);
    if (file && change == WATCH_WRITTEN)
        return 0;
    type = type_of(path);
    if (type < 0)
        return type;
    d->name_went |= wanted && !file && !type && change == WATCH_WRITTEN;
    passed_over_remove(d, path);
    if (file && (type == S_IFREG || !type))
        return 0;
    if (*f->rel == '\0' && type != S_IFLNK && links_remove(d, f->root, name))
        folders_end(d, f->root, path);
    if (type == S_IFREG)
        return wanted ? d->events->found(d->ctx, f, path, rel) : 0;
    if (type && (wanted || type == S_IFLNK)) {
        struct folder_walk walk = {.d = d, .root = f->root};

        return on_other(&walk, path, rel, type == S_IFLNK);
    }
    return 0;
}

/* The file may name the agent of a file beside it. */
static void label_changed(struct discovery *d, const struct folder *f, const char *name)
{
    const struct source *source = f->root->source;
    char path[8192], of[8192];

    if (source->labelled && join(path, f->path, name) == 0 && source->labelled(path, of, sizeof(of)))
        d->events->label_changed(d->ctx, of);
}

/* A folder appeared, with what is in it. If it is gone already, so are the names in it. */
static int folder_appeared(struct discovery *d, struct root *root, const char *rel)
{
    char path[8192];
    int type;

    if (join(path, root->path, rel) < 0)
        return 0;
    type = type_of(path);
    if (!root->source->enters || root->source->enters(rel))
        d->name_went |= !type;
    return type < 0 ? type : folders_walk(d, root, rel);
}

static void on_change(void *ctx, void *owner, enum watch_change change, const char *name)
{
    struct drain *drain = ctx;
    struct discovery *d = drain->d;
    struct folder *f = owner;
    struct found_file *lost;
    char path[8192];
    int rc = 0;

    d->drained = true;
    switch (change) {
    case WATCH_WRITTEN:
    case WATCH_ATTRIBUTES:
    case WATCH_FILE:
        rc = file_changed(d, f, name, change);
        label_changed(d, f, name);
        break;
    case WATCH_FOLDER:
        if (join(path, f->rel, name) == 0)
            rc = folder_appeared(d, f->root, path);
        break;
    case WATCH_LOST:
        if (join(path, f->path, name) < 0)
            break;
        label_changed(d, f, name);
        passed_over_remove(d, path);
        if (*f->rel == '\0')
            links_remove(d, f->root, name);
        lost = d->events->lost(d->ctx, path);
        if (!lost)
            folders_end(d, f->root, path);
        else if (lost->folder)
            d->name_went |= lost->came == lost->folder->root->refreshes;
        break;
    case WATCH_ENDED:
        f->watch_id = -1;
        d->unwatched++;
        if (*f->rel == '\0')
            f->root->found = false;
        folders_end(d, f->root, f->path);
        break;
    }
    if (rc < 0 && drain->rc == 0)
        drain->rc = rc;
}

/* --- checks with stat --- */

/* If names changed, files that left must be dropped even in a sync for names only. */
static void check_files(struct discovery *d, struct folder *f, bool changed)
{
    struct found_file *file;

    LIST_FOREACH(file, &f->files, of_folder)
        if (changed && !is_regular(file->path))
            d->events->lost(d->ctx, file->path);
        else
            d->events->recheck(d->ctx, file, false);
}

enum folder_state { FOLDER_SAME = 0, FOLDER_GONE = 1, FOLDER_CHANGED = 2 };

/*
 * Stores the time first: a folder that changed and cannot be listed must not be tried again and again. A
 * folder_state, or a failure that passes.
 */
static int folder_check(struct discovery *d, struct folder *f)
{
    struct stat st;
    int rc = stat(f->path, &st) < 0 ? -errno : 0;
    bool there = rc == 0 && S_ISDIR(st.st_mode) && f->dev == st.st_dev && f->ino == st.st_ino;
    bool changed = !there || file_ctime_ns(&st) != f->ctime_ns;

    if (is_passing(rc))
        return rc;
    check_files(d, f, changed);
    if (there)
        folder_seen(f, &st);
    else if (*f->rel == '\0')
        f->root->found = false;
    return !there ? FOLDER_GONE : changed ? FOLDER_CHANGED : FOLDER_SAME;
}

/* Lists everything again if times from before this refresh may still hide a change. */
static int check_unsettled(struct discovery *d, struct root *root, int64_t start_ns)
{
    int64_t now = monotonic_ns();
    struct folder *f;
    bool any = false;

    LIST_FOREACH(f, &root->folders, of_root) {
        if (f->watch_id >= 0 || !f->seen_ns || f->seen_ns >= start_ns)
            continue;
        any = true;
        if (now - f->seen_ns >= file_tick_ns(f->ctime_ns))
            f->seen_ns = 0;
        check_files(d, f, true);
    }
    return any ? folders_walk(d, root, "") : 0;
}

/* Checks all folders without a watch. A walk may change the list, so each round starts over after one. */
static int check_unwatched(struct discovery *d, struct root *root)
{
    struct folder *f, *next;

    for (f = LIST_FIRST(&root->folders); f; f = next) {
        int state, rc;

        next = LIST_NEXT(f, of_root);
        if (f->watch_id >= 0)
            continue;
        state = folder_check(d, f);
        if (state < 0)
            return state;
        if (state == FOLDER_GONE) {
            folders_end(d, root, f->path);
            return 1;
        }
        if (state == FOLDER_CHANGED) {
            char rel[8192];

            snprintf(rel, sizeof(rel), "%s", f->rel);
            rc = folders_walk(d, root, rel);
            if (rc < 0)
                return rc;
            return 1;
        }
    }
    return 0;
}

/*
 * A file may have got a name (a hard link), been written by it, and lost it, all between two checks. Nobody
 * knows which one it was, so all are compared with what was seen of them. In a folder that was not watched
 * yet such a name leaves no trace.
 */
static void check_names(struct discovery *d)
{
    const struct folder *f;
    struct found_file *file;

    d->name_went = false;
    for (size_t i = 0; i < d->n_roots; i++)
        if (!d->roots[i]->remote)
            LIST_FOREACH(f, &d->roots[i]->folders, of_root)
                LIST_FOREACH(file, &f->files, of_folder)
                    d->events->recheck(d->ctx, file, false);
}

/* Checks every file and every folder. */
static int check_all(struct discovery *d)
{
    struct folder *f;
    struct found_file *file;

    for (size_t i = 0; i < d->n_roots; i++) {
        if (d->roots[i]->remote)
            continue;
        LIST_FOREACH(f, &d->roots[i]->folders, of_root)
            LIST_FOREACH(file, &f->files, of_folder)
                if (is_regular(file->path))
                    d->events->recheck(d->ctx, file, true);
                else
                    d->events->lost(d->ctx, file->path);
        int rc = folders_walk(d, d->roots[i], "");

        if (rc < 0)
            return rc;
    }
    return 0;
}

/*
 * A folder gets no event if one above it is renamed, so the root's path is resolved again. 0 or a failure
 * that passes
 */
static int check_root(struct discovery *d, struct root *root)
{
    struct stat st;
    int rc;

    if (!root->found)
        return 0;
    rc = stat(root->path, &st) < 0 ? -errno : 0;
    if (is_passing(rc))
        return rc;
    if (rc == 0 && st.st_dev == root->dev && st.st_ino == root->ino)
        return 0;
    folders_end(d, root, root->path);
    root->found = false;
    return 0;
}

enum {
    CHECK_ROUNDS_MAX = 10000
}; /* then a tree that changes faster than it can be checked is taken as it is */

int discovery_refresh(struct discovery *d, bool same_paths)
{
    int64_t start_ns = monotonic_ns();
    struct drain drain = {.d = d};
    int overflow, rc;

    if (!same_paths) {
        remote_check(d);
        watched_dirs_remounted(d);
    }
    for (size_t i = 0; i < d->n_roots; i++)
        d->roots[i]->refreshes++;
    overflow = d->watch ? watch_drain(d->watch, on_change, &drain) : 0;
    rc = overflow < 0 ? overflow : drain.rc;
    d->overflows += overflow == 1;
    if (rc == 0 && (overflow == 1 || d->incomplete))
        rc = check_all(d);
    if (rc == 0 && d->name_went)
        check_names(d);
    for (size_t i = 0; rc == 0 && !same_paths && i < d->n_roots; i++) {
        if (d->roots[i]->remote)
            continue;
        rc = check_root(d, d->roots[i]);
        if (rc == 0 && !d->roots[i]->found)
            rc = folders_walk(d, d->roots[i], "");
    }
    for (size_t i = 0; rc == 0 && d->unwatched && i < d->n_roots; i++) {
        int rounds = 0;

        if (d->roots[i]->remote)
            continue;
        do
            rc = check_unwatched(d, d->roots[i]);
        while (rc == 1 && ++rounds < CHECK_ROUNDS_MAX);
        rc = rc < 0 ? rc : check_unsettled(d, d->roots[i], start_ns);
    }
    for (size_t i = 0; rc == 0 && i < d->n_roots; i++)
        if (!d->roots[i]->remote)
            rc = links_check(d, d->roots[i], false);
    d->incomplete = rc < 0;
    return rc;
}

void folders_free(struct discovery *d)
{
    tdestroy(d->folders_by_path, oks_tree_keep);
    tdestroy(d->folders_by_inode, oks_tree_keep);
    for (size_t i = 0; i < d->n_roots; i++) {
        while (!LIST_EMPTY(&d->roots[i]->folders)) {
            struct folder *f = LIST_FIRST(&d->roots[i]->folders);

            passed_over_clear(d, f);
            LIST_REMOVE(f, of_root);
            folder_free(f);
        }
        links_clear(d, d->roots[i]);
        root_free(d->roots[i]);
    }
    for (size_t i = 0; i < d->n_ended; i++)
        root_free(d->ended[i]);
    free(d->roots);
    free(d->ended);
}
