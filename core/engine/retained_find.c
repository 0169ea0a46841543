/*
 * Retained transcripts of roots that are new, at a start all: those in the history store whose file does not
 * exist, and the remnants of files that lost something.
 *
 * Versions of okstrafs without a history store counted deleted transcripts from their caches. Those are found
 * once, and taken over. The path of such a transcript is restored from the names of its cache folder and
 * file. Names that cannot be restored stay what they are: caches.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/passing.h"
#include "base/tree.h"
#include "engine/engine_private.h"

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Undoes oks_name_escape(). False: the name was cut, which cannot be undone. */
static bool unescape(const char *name, char out[OKS_NAME_MAX + 1])
{
    size_t n = 0;

    for (const char *p = name; *p; p++) {
        int high = *p == '%' ? nibble(p[1]) : -1, low = high >= 0 ? nibble(p[2]) : -1;

        if (*p == '%' && low < 0)
            return false;
        if (n == OKS_NAME_MAX)
            return false;
        out[n++] = *p == '%' ? (char)(high * 16 + low) : *p;
        p += *p == '%' ? 2 : 0;
    }
    out[n] = '\0';
    return n > 0 && strlen(out) == n;
}

/* The root of a cache folder; removes the hash of a further root from `rel`. */
static struct root *root_of(struct oks_engine *e, char *rel)
{
    size_t n = strlen(rel), n_roots;
    struct root *const *roots = discovery_roots(e->discovery, &n_roots), *first = NULL;

    for (size_t i = 0; i < n_roots; i++) {
        struct root *root = roots[i];
        char hex[OKS_SHA256_HEX];
        uint8_t hash[OKS_SHA256_BYTES];

        if (!root->source->collected)
            continue;
        if (root->index == 0) {
            first = root;
            continue;
        }
        if (oks_sha256(root->path, strlen(root->path), hash) < 0)
            continue;
        oks_hex(hash, 4, hex);
        if (n > 9 && rel[n - 9] == '~' && strcmp(rel + n - 8, hex) == 0) {
            rel[n - 9] = '\0';
            return root;
        }
    }
    return first;
}

static bool is_hex_mark(const char *rel)
{
    size_t n = strlen(rel);

    return n > 9 && rel[n - 9] == '~' && strspn(rel + n - 8, "0123456789abcdef") == 8;
}

struct retained_finding {
    struct oks_engine *e;
    struct oks_strings known; /* "<folder>/<name>" of all existing transcripts, and of the entries found */
    size_t found;
    int rc;
};

/* 0: added, 1: it was known, -ENOMEM. */
static int add_known(struct oks_strings *known, const char *folder, const char *name)
{
    char *key;
    int rc;

    if (asprintf(&key, "%s/%s", folder, name) < 0)
        return -ENOMEM;
    rc = oks_strings_add(known, oks_slice_of(key), SIZE_MAX);
    free(key);
    return rc;
}

static int add_transcript(void *ctx, void *item)
{
    const struct transcript *t = item;
    int rc = add_known(ctx, t->cache_folder, t->cache_name);

    return rc < 0 ? rc : 0;
}

/* An entry of the cache. One whose name cannot be undone is ignored. */
static int found_entry(void *ctx, const char *folder, const char *name)
{
    struct retained_finding *f = ctx;
    char rel[OKS_NAME_MAX + 1], id[OKS_NAME_MAX + 1], path[PATH_MAX];
    struct root *root;
    int n;

    if (add_known(&f->known, folder, name) != 0 || !unescape(folder, rel) || !unescape(name, id))
        return 0;
    root = root_of(f->e, rel);
    if (!root || is_hex_mark(rel) || strchr(id, '/'))
        return 0;
    n = snprintf(path, sizeof(path), "%s/%s/%s.jsonl", root->path, rel, id);
    if (n >= (int)sizeof(path) || catalog_transcript(&f->e->model.catalog, path))
        return 0;
    if (f->found++ >= RETAINED_MAX)
        return 1;
    f->rc = arrivals_retain(f->e, root, path, folder, name, id);
    return f->rc < 0 ? f->rc : 0;
}

/* Once: the caches of deleted transcripts, of a version without a history store. */
static int adopt(struct oks_engine *e)
{
    struct retained_finding f = {.e = e, .rc = 0};

    f.rc = oks_tree_until(e->model.catalog.transcripts, add_transcript, &f.known);
    if (f.rc == 0)
        oks_cache_list(e->cache, found_entry, &f);
    oks_strings_clear(&f.known);
    return f.rc;
}

struct stored {
    char *path;
    bool live, lost;
};

struct stored_list {
    struct stored *items;
    size_t n, room;
};

static int list_stored(void *ctx, const char *path, const struct history_facts *facts)
{
    struct stored_list *l = ctx;

    if (!OKS_GROW(l->items, l->n, l->room))
        return -ENOMEM;
    l->items[l->n] = (struct stored){strdup(path), facts->live, facts->lost};
    return l->items[l->n++].path ? 0 : -ENOMEM;
}

/* The root that a path is below, and whose source such a file belongs to; NULL: none. */
static struct root *root_above(struct oks_engine *e, const char *path)
{
    size_t n_roots;
    struct root *const *roots = discovery_roots(e->discovery, &n_roots), *best = NULL;

    for (size_t i = 0; i < n_roots; i++) {
        size_t n = strlen(roots[i]->path);

        if (strncmp(path, roots[i]->path, n) == 0 && path[n] == '/' &&
            roots[i]->source->wants(path + n + 1) && (!best || n > strlen(best->path)))
            best = roots[i];
    }
    return best;
}

/*
 * Whether the file may exist although discovery did not find it: a folder above it cannot be entered. 1, 0 or
 * a failure that passes
 */
static int is_hidden(struct oks_engine *e, const struct root *root, const char *path)
{
    struct stat st;
    int rc;

    if (root->remote || discovery_passed_over(e->discovery, NULL, NULL) == 0)
        return 0; /* of a remote root the listing may be still to come */
    rc = lstat(path, &st) < 0 ? -errno : 0;
    return is_passing(rc) ? rc : rc == -EACCES || rc == -EPERM;
}

static int find_stored(struct oks_engine *e, const struct stored *stored)
{
    struct root *root = root_above(e, stored->path);
    struct oks_slice id;
    char text[OKS_NAME_MAX + 1];
    int rc = 0;

    if (!root || !root->fresh)
        return 0;
    id = root->source->id_of(stored->path + strlen(root->path) + 1);
    if (id.len > OKS_NAME_MAX)
        return 0;
    memcpy(text, id.ptr, id.len);
    text[id.len] = '\0';
    if (stored->live && !catalog_transcript(&e->model.catalog, stored->path)) {
        rc = is_hidden(e, root, stored->path);
        if (rc >= 0)
            rc = rc ? arrivals_hidden(e, root, stored->path, text)
                    : arrivals_retain(e, root, stored->path, NULL, NULL, text);
    }
    if (rc == 0 && stored->lost)
        rc = arrivals_remnant(e, NULL, root, stored->path);
    return rc;
}

static int find_all_stored(struct oks_engine *e)
{
    struct stored_list l = {0};
    int rc = history_store_each(e->history, list_stored, &l);

    for (size_t i = 0; i < l.n; i++) {
        if (rc == 0 && i < RETAINED_MAX)
            rc = find_stored(e, &l.items[i]);
        free(l.items[i].path);
    }
    free(l.items);
    return rc;
}

static void all_found(struct oks_engine *e)
{
    size_t n;
    struct root *const *roots = discovery_roots(e->discovery, &n);

    for (size_t i = 0; i < n; i++)
        roots[i]->fresh = false;
    e->hosts.fresh = false;
}

int retained_find(struct oks_engine *e)
{
    int rc;

    if (!e->started)
        retained_marker_seen(e);
    rc = find_all_stored(e);
    if (rc == 0)
        all_found(e);
    if (rc < 0 || e->started || !e->cache || history_store_adopted(e->history))
        return rc;
    e->adopting = true;
    return adopt(e);
}
