/*
 * Roots in a remote filesystem (files/mounts.h), where any call may wait for ever.
 *
 * Such a root is listed as a whole, without the lock, by a thread that can be left behind. Under the lock the
 * listing then replaces the one before: nothing here makes a call to the filesystem under the lock. Its
 * folders have no watch, because the kernel does not see what other machines write.
 *
 * Of a root that does not answer, everything stays as it was listed last.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/passing.h"
#include "discovery/discovery_private.h"
#include "files/file_time.h"
#include "files/walk.h"

enum { LINKS_MAX = 256 }; /* further ones are passed over */

enum remote_kind { REMOTE_FOLDER, REMOTE_FILE, REMOTE_OTHER, REMOTE_LINK, REMOTE_SKIPPED };

struct remote_entry {
    enum remote_kind kind;
    bool linked; /* it is reached through a symlink */
    int error;
    char *path;
    size_t rel; /* where the path below the root begins */
    struct stat st;
};

struct remote_listing {
    const struct root *root;
    struct root_paths *paths; /* of all roots */
    _Atomic int64_t *progress_ns;
    bool linked;
    int rc; /* of the walk */
    struct remote_entry *entries;
    size_t n, room;
};

static int add(struct remote_listing *l, enum remote_kind kind, const char *path, const char *rel, int error)
{
    struct remote_entry entry = {.kind = kind, .linked = l->linked, .error = error, .path = strdup(path)};

    atomic_store(l->progress_ns, monotonic_ns());
    if (!entry.path || !OKS_GROW(l->entries, l->n, l->room)) {
        free(entry.path);
        return -ENOMEM;
    }
    entry.rel = rel && *rel ? (size_t)(rel - path) : strlen(path);
    l->entries[l->n++] = entry;
    return 0;
}

static bool is_other_root(const struct remote_listing *l, const char *path)
{
    for (size_t i = 0; i < l->paths->n; i++)
        if (strcmp(l->paths->items[i], path) == 0)
            return true;
    return false;
}

static int on_folder(void *ctx, const char *path, const char *rel)
{
    struct remote_listing *l = ctx;
    struct stat st;

    if (*rel && ((l->root->source->enters && !l->root->source->enters(rel)) || is_other_root(l, path)))
        return 1;
    if (stat(path, &st) < 0)
        return is_passing(-errno) ? -errno : 1;
    if (add(l, REMOTE_FOLDER, path, rel, 0) < 0)
        return -ENOMEM;
    l->entries[l->n - 1].st = st;
    return 0;
}

static int on_file(void *ctx, const char *path, const char *rel)
{
    struct remote_listing *l = ctx;

    return l->root->source->wants(rel) ? add(l, REMOTE_FILE, path, rel, 0) : 0;
}

static void on_skipped(void *ctx, const char *path, int error)
{
    add(ctx, REMOTE_SKIPPED, path, NULL, error); /* on ENOMEM it has no name in the status */
}

static int on_other(void *ctx, const char *path, const char *rel, bool is_link)
{
    return add(ctx, is_link && !strchr(rel, '/') ? REMOTE_LINK : REMOTE_OTHER, path, rel,
               is_link ? -EMLINK : -EINVAL);
}

/* Symlinks directly below the root are followed as in a local root (links.c). 0 or a failure that passes */
static int follow_links(struct remote_listing *l, const struct oks_walker *plain)
{
    struct oks_walker walker = *plain;
    size_t n = l->n, links = 0;
    int rc = 0;

    walker.linked = l->linked = true;
    for (size_t i = 0; !is_passing(rc) && i < n; i++) {
        const struct root *root = l->root;
        char path[PATH_MAX];

        if (l->entries[i].kind != REMOTE_LINK || links++ >= LINKS_MAX)
            continue;
        snprintf(path, sizeof(path), "%s", l->entries[i].path);
        if (root->source->enters && !root->source->enters(path + l->entries[i].rel))
            continue;
        rc = links_judge(l->paths, root, path, NULL);
        if (rc < 0)
            l->entries[i].error = rc;
        else if (rc == 1)
            rc = oks_walk(root->path, path + l->entries[i].rel, &walker);
        l->entries[i].kind = rc < 0 ? REMOTE_SKIPPED : REMOTE_FOLDER;
    }
    return passing(rc);
}

int discovery_remote_list(const struct root *root, struct root_paths *paths, _Atomic int64_t *progress_ns,
                          struct remote_listing **out)
{
    struct remote_listing *l = calloc(1, sizeof(*l));
    const struct oks_walker walker = {
        .ctx = l,
        .enter = on_folder,
        .wants = folders_any_name,
        .file = on_file,
        .skipped = on_skipped,
        .other = on_other,
    };

    if (!l || !paths) {
        root_paths_free(paths);
        free(l);
        return -ENOMEM;
    }
    l->root = root;
    l->paths = paths;
    l->progress_ns = progress_ns;
    l->rc = oks_walk(root->path, "", &walker);
    if (!is_passing(l->rc)) {
        int rc = follow_links(l, &walker);

        l->rc = rc < 0 ? rc : l->rc;
    }
    if (l->rc == -ENOMEM) {
        discovery_remote_free(l);
        return -ENOMEM;
    }
    *out = l;
    return 0;
}

void discovery_remote_free(struct remote_listing *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n; i++)
        free(l->entries[i].path);
    root_paths_free(l->paths);
    free(l->entries);
    free(l);
}

/* --- under the lock --- */

static int by_entry_path(const void *a, const void *b)
{
    return strcmp((*(const struct remote_entry *const *)a)->path,
                  (*(const struct remote_entry *const *)b)->path);
}

static int by_file_path(const void *a, const void *b)
{
    return strcmp((*(struct found_file *const *)a)->path, (*(struct found_file *const *)b)->path);
}

struct merge {
    struct remote_entry **entries; /* the listed files, ascending by path */
    struct found_file **files;     /* the known ones */
    size_t n_entries, n_files;
};

static bool merge_init(struct merge *m, const struct root *root, struct remote_listing *l)
{
    const struct folder *f;
    struct found_file *file;
    size_t room = 0;

    m->entries = calloc(l->n + 1, sizeof(*m->entries));
    if (!m->entries)
        return false;
    for (size_t i = 0; i < l->n; i++)
        if (l->entries[i].kind == REMOTE_FILE)
            m->entries[m->n_entries++] = &l->entries[i];
    LIST_FOREACH(f, &root->folders, of_root)
        LIST_FOREACH(file, &f->files, of_folder) {
            if (!OKS_GROW(m->files, m->n_files, room))
                return false;
            m->files[m->n_files++] = file;
        }
    qsort(m->entries, m->n_entries, sizeof(struct remote_entry *), by_entry_path);
    if (m->n_files)
        qsort(m->files, m->n_files, sizeof(struct found_file *), by_file_path);
    return true;
}

/* Reports what came, may have changed, and went. */
static int merge_files(struct discovery *d, struct root *root, struct merge *m)
{
    size_t i = 0, k = 0;
    int rc = 0;

    while (rc == 0 && (i < m->n_entries || k < m->n_files)) {
        const struct remote_entry *entry = i < m->n_entries ? m->entries[i] : NULL;
        struct found_file *file = k < m->n_files ? m->files[k] : NULL;
        int cmp = !entry ? 1 : !file ? -1 : strcmp(entry->path, file->path);

        if (cmp == 0 && !file->folder->dead)
            d->events->recheck(d->ctx, file, false);
        else if (cmp > 0)
            d->events->lost(d->ctx, file->path);
        else /* it is new, or in another folder of that path */
            rc = folders_found(d, root, entry->path, entry->path + entry->rel);
        i += cmp <= 0;
        k += cmp >= 0;
    }
    return rc;
}

static int take_folders(struct discovery *d, struct root *root, struct remote_listing *l)
{
    struct folder *f, *next;
    int rc = 0;

    LIST_FOREACH(f, &root->folders, of_root)
        f->listed = false;
    for (size_t i = 0; rc == 0 && i < l->n; i++) {
        struct remote_entry *e = &l->entries[i];

        if (e->kind == REMOTE_FOLDER && e->st.st_ino) /* else a link that was followed */
            rc = folders_listed(d, root, e->path, e->path + e->rel, e->linked, &e->st);
    }
    for (f = LIST_FIRST(&root->folders); rc == 0 && f; f = next) {
        next = LIST_NEXT(f, of_root);
        if (!f->listed) {
            folders_end(d, root, f->path);
            next = LIST_FIRST(&root->folders); /* those below it are gone too */
        }
    }
    return rc;
}

static void take_skipped(struct discovery *d, const struct root *root, const struct remote_listing *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct remote_entry *e = &l->entries[i];
        const char *rel = e->path + e->rel;
        bool wanted = root->source->wants(rel) || !root->source->enters || root->source->enters(rel);

        if (e->kind == REMOTE_SKIPPED || (e->kind == REMOTE_LINK && wanted) ||
            (e->kind == REMOTE_OTHER && (e->error == -EMLINK ? wanted : root->source->wants(rel))))
            passed_over_add(d, e->path, e->error);
    }
}

int discovery_remote_apply(struct discovery *d, struct root *root, struct remote_listing *l)
{
    struct merge m = {0};
    int rc = 0;

    d->drained = true;
    root->error = l->rc == 0 || l->rc == -E2BIG || is_absent(l->rc) ? 0 : l->rc;
    /* What cannot be listed may come back; what is known of it stays. */
    if (root->error)
        return 0;
    root->found = l->rc == 0 || l->rc == -E2BIG;
    if (!merge_init(&m, root, l))
        rc = -ENOMEM;
    if (rc == 0)
        rc = take_folders(d, root, l);
    if (rc == 0)
        rc = merge_files(d, root, &m);
    if (rc == 0)
        take_skipped(d, root, l);
    free(m.entries);
    free(m.files);
    return rc;
}

/* --- which roots these are --- */

void remote_check(struct discovery *d)
{
    char real[PATH_MAX];

    d->n_remote = 0;
    for (size_t i = 0; i < d->n_roots; i++) {
        int rc = oks_resolve_local(d->roots[i]->path, real);

        if (!is_passing(rc)) /* else it stays what it was */
            atomic_store(&d->roots[i]->remote, rc == -EXDEV);
        d->n_remote += d->roots[i]->remote;
    }
}

bool discovery_has_remote(const struct discovery *d)
{
    return d->n_remote > 0;
}
