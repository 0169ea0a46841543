/*
 * The exporter.
 *
 * A folder is visited in this order: its names are collected; they are claimed in its manifest; each entry
 * that is new or has changed is written; what the manifest has besides is removed. The versions of the tree
 * say what has changed. A folder with a list of everything (sessions/ and the like) is listed only when the
 * names have changed.
 *
 * Invariant: after a round without an error the export is the tree as of `seen`, or newer. So an entry whose
 * version is not newer needs no look.
 */
#include "export/exporter.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/stream_copy.h"
#include "okstrafs/names.h"

enum { PATH_BYTES = 8 * (OKS_NAME_MAX + 1) };

struct copied {
    struct stream_copy copy;
    char path[];
};

struct exporter {
    struct oks_engine *engine;
    const struct patterns *patterns;
    struct export_folder *top;
    struct exporter_events events;
    uint64_t seen, names_seen; /* versions; 0: nothing was written yet */
    void *streams;             /* tsearch tree of struct copied, by path */
    bool follows_clock;        /* something that was written does */

    /* of a round */
    uint64_t names_of_round; /* the oldest version that a visited list was of; UINT64_MAX: none was visited */
    int64_t now_ms;
    const atomic_bool *cancel;
    bool failed, refused;
    const char *missing;
};

/* A folder that is being visited. */
struct visit {
    const struct node *dir;
    struct export_folder *folder;
    const struct patterns *patterns;
    const char *path; /* "" at the top */
};

static int visit_folder(struct exporter *e, const struct visit *v);

int exporter_new(struct exporter **out, struct oks_engine *engine, const struct patterns *patterns,
                 struct export_folder *top, const struct exporter_events *events)
{
    struct exporter *e = calloc(1, sizeof(*e));

    if (!e)
        return -ENOMEM;
    *e = (struct exporter){.engine = engine, .patterns = patterns, .top = top, .events = *events};
    *out = e;
    return 0;
}

static bool is_cancelled(const struct exporter *e)
{
    return e->cancel && atomic_load(e->cancel);
}

static void fails(struct exporter *e, const char *path, int error)
{
    e->failed = true;
    if (!is_cancelled(e))
        e->events.failed(e->events.ctx, path, error);
}

/* False: too long, which no path of the tree is. */
static bool path_below(const struct visit *v, const char *name, char out[PATH_BYTES])
{
    int n = snprintf(out, PATH_BYTES, "%s%s%s", v->path, *v->path ? "/" : "", name);

    return n > 0 && n < PATH_BYTES;
}

static void fails_at(struct exporter *e, const struct visit *v, const char *name, int error)
{
    char path[PATH_BYTES];

    fails(e, path_below(v, name, path) ? path : name, error);
}

/* --- streams --- */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct copied *)a)->path, ((const struct copied *)b)->path);
}

/* NULL: ENOMEM */
static struct stream_copy *copy_of(struct exporter *e, const char *path)
{
    size_t size = strlen(path) + 1;
    struct copied *made = calloc(1, sizeof(*made) + size), **found;

    if (!made)
        return NULL;
    memcpy(made->path, path, size);
    found = tsearch(made, &e->streams, by_path);
    if (!found || *found != made)
        free(made);
    return found ? &(*found)->copy : NULL;
}

static void copied_free(void *item)
{
    struct copied *c = item;

    stream_copy_clear(&c->copy);
    free(c);
}

/* --- entries --- */

static int write_stream(struct exporter *e, const struct visit *v, const struct node *file, const char *name)
{
    char path[PATH_BYTES];
    struct stream_copy *copy = path_below(v, name, path) ? copy_of(e, path) : NULL;

    return copy ? stream_copy_update(copy, e->engine, file, v->folder, name) : -ENOMEM;
}

static int write_document(struct exporter *e, const struct visit *v, const struct node *file,
                          const char *name)
{
    struct oks_document document;
    int rc = tree_render(e->engine, file, e->now_ms, &document);

    if (rc < 0)
        return rc;
    rc = export_folder_file(v->folder, name, document.bytes, document.len);
    oks_document_clear(&document);
    return rc;
}

static int write_file(struct exporter *e, const struct visit *v, const struct node *file, const char *name)
{
    e->follows_clock |= tree_follows_clock(file);
    return tree_is_stream(file) ? write_stream(e, v, file, name) : write_document(e, v, file, name);
}

static int write_link(const struct visit *v, const struct node *link, const char *name)
{
    char *target = node_link_target(link);
    int rc = target ? export_folder_link(v->folder, name, target) : -ENOMEM;

    free(target);
    return rc;
}

static int enter(struct exporter *e, const struct visit *v, const struct node *dir, const char *name,
                 const struct patterns *below)
{
    struct export_folder folder;
    char path[PATH_BYTES];
    struct visit inner = {dir, &folder, below, path};
    int rc = path_below(v, name, path) ? export_folder_open(&folder, v->folder, name) : -ENAMETOOLONG;

    if (rc < 0)
        return rc;
    rc = visit_folder(e, &inner);
    export_folder_close(&folder);
    return rc;
}

/* -ENOENT: it is gone meanwhile. */
static int write_entry(struct exporter *e, const struct visit *v, const char *name)
{
    struct patterns below;
    struct node node;
    int rc = tree_lookup_known(e->engine, v->dir, name, e->now_ms, &node);

    if (rc < 0)
        return rc;
    if (!patterns_enter(v->patterns, name, tree_is_named_only(&node), &below))
        rc = -ENOENT;
    else if (node_shape(&node) == NODE_DIR)
        rc = enter(e, v, &node, name, &below);
    else if (!below.whole)
        rc = -ENOENT;
    else if (node_shape(&node) == NODE_LINK)
        rc = write_link(v, &node, name);
    else
        rc = write_file(e, v, &node, name);
    node_clear(&node);
    return rc < 0 ? rc : 0;
}

/* --- names --- */

static int add_name(void *ctx, const char *name)
{
    return name_list_add(ctx, name);
}

static int add_listed(void *ctx, const char *name, enum node_shape shape)
{
    return name_list_add(ctx, name);
}

/* Whether the patterns lead to the entry or below it. */
static bool is_meant(struct exporter *e, const struct visit *v, const char *name)
{
    struct patterns below;
    struct node node;
    bool meant;

    if (tree_lookup_known(e->engine, v->dir, name, e->now_ms, &node) < 0)
        return false;
    meant = patterns_enter(v->patterns, name, tree_is_named_only(&node), &below) &&
            (below.whole || node_shape(&node) == NODE_DIR);
    node_clear(&node);
    return meant;
}

/* Sorts the list, and drops what is there twice and what no pattern means. */
static void tidy(struct exporter *e, const struct visit *v, struct name_list *names)
{
    size_t n = 0;

    name_list_sort(names);
    for (size_t i = 0; i < names->len; i++) {
        bool again = n > 0 && strcmp(names->items[n - 1], names->items[i]) == 0;

        if (!again && is_meant(e, v, names->items[i]))
            names->items[n++] = names->items[i];
        else
            free(names->items[i]);
    }
    names->len = n;
}

/* The names that patterns give without wildcards. Other spellings of a name are not found. */
static int add_named(struct exporter *e, const struct visit *v, struct name_list *names)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < v->patterns->n; i++) {
        char name[OKS_NAME_MAX + 1];
        struct node node;

        if (!patterns_name(v->patterns, i, name))
            continue;
        rc = tree_lookup(e->engine, v->dir, name, e->now_ms, e->cancel, &node);
        if (rc == 0 && node_is_alias(&node)) {
            node_clear(&node);
            rc = -ENOENT;
        }
        if (rc == 0) {
            rc = name_list_add(names, name);
            node_clear(&node);
        } else if (rc == -ENOENT) {
            rc = 0;
            if (!e->missing)
                e->missing = patterns_whole_of(e->patterns, v->patterns->rest[i]);
        }
    }
    return rc;
}

static int collect(struct exporter *e, const struct visit *v, struct name_list *names)
{
    int rc = patterns_need_list(v->patterns) ? tree_list_known(e->engine, v->dir, add_listed, names) : 0;

    if (rc == 0)
        rc = add_named(e, v, names);
    if (rc == 0)
        tidy(e, v, names);
    return rc;
}

/* --- folders --- */

static void is_foreign(void *ctx, const char *name)
{
    void **pair = ctx;
    struct exporter *e = pair[0];
    char path[PATH_BYTES];

    e->refused = true;
    e->events.failed(e->events.ctx, path_below(pair[1], name, path) ? path : name, -EEXIST);
}

/* Writes the entries of the list, and takes off it what is gone. `only`: NULL, or the names to be written. */
static int write_entries(struct exporter *e, const struct visit *v, struct name_list *names,
                         const struct name_list *only)
{
    size_t n = 0;
    int rc = 0;

    for (size_t i = 0; i < names->len; i++) {
        char *name = names->items[i];
        bool due = rc == 0 && (!only || name_list_have(only, name));
        int wrote = due ? write_entry(e, v, name) : 0;

        if (is_cancelled(e))
            rc = -ECANCELED;
        else if (wrote < 0 && wrote != -ENOENT)
            fails_at(e, v, name, wrote);
        if (wrote == -ENOENT)
            free(name);
        else
            names->items[n++] = name;
    }
    names->len = n;
    return rc;
}

/* Whether the entry's content may be another one than that of the last round. */
static bool has_changed(struct exporter *e, const struct visit *v, const char *name)
{
    struct node node;
    uint64_t version;
    bool changed;

    if (tree_lookup_known(e->engine, v->dir, name, e->now_ms, &node) < 0)
        return true;
    changed = tree_version_known(e->engine, &node, &version) < 0 || version == 0 || version > e->seen ||
              (node_shape(&node) == NODE_FILE && tree_follows_clock(&node));
    node_clear(&node);
    return changed;
}

static int add_due(struct exporter *e, const struct visit *v, const char *name, struct name_list *due)
{
    bool listed = tree_list_kind(v->dir) != OKS_ALL; /* the engine knows which of these have changed */
    bool is_new = !name_list_have(v->folder->written, name);

    return is_new || (!listed && has_changed(e, v, name)) ? name_list_add(due, name) : 0;
}

/* The entries that are new, or have changed. NULL: ENOMEM */
static struct name_list *due_entries(struct exporter *e, const struct visit *v, const struct name_list *names)
{
    enum oks_kind kind = tree_list_kind(v->dir);
    struct name_list *due = name_list_new();
    int rc = due ? export_folder_load(v->folder) : -ENOMEM;

    if (rc == 0 && kind != OKS_ALL)
        rc = oks_engine_changed(e->engine, kind, e->seen, add_name, due);
    for (size_t i = 0; rc == 0 && i < names->len; i++)
        rc = add_due(e, v, names->items[i], due);
    if (rc < 0) {
        name_list_free(due);
        return NULL;
    }
    name_list_sort(due);
    return due;
}

/* The whole visit. */
static int visit_all(struct exporter *e, const struct visit *v)
{
    struct name_list *names = name_list_new(), *due = NULL;
    void *pair[] = {e, (void *)v};
    int rc = names ? collect(e, v, names) : -ENOMEM;

    if (rc == 0 && e->seen) {
        due = due_entries(e, v, names);
        rc = due ? 0 : -ENOMEM;
    }
    if (rc == 0)
        rc = export_folder_claim(v->folder, names, is_foreign, pair);
    if (rc == 0)
        rc = write_entries(e, v, names, due);
    if (rc == 0)
        rc = export_folder_settle(v->folder, names);
    name_list_free(due);
    name_list_free(names);
    return rc;
}

/* Of a folder whose names are the same. */
static int visit_changed(struct exporter *e, const struct visit *v)
{
    struct name_list *due = name_list_new();
    int rc = due ? oks_engine_changed(e->engine, tree_list_kind(v->dir), e->seen, add_name, due) : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < due->len; i++)
        if (export_folder_has_folder(v->folder, due->items[i])) {
            int wrote = write_entry(e, v, due->items[i]);

            if (is_cancelled(e))
                rc = -ECANCELED;
            else if (wrote < 0 && wrote != -ENOENT)
                fails_at(e, v, due->items[i], wrote);
        }
    name_list_free(due);
    return rc;
}

static int visit_folder(struct exporter *e, const struct visit *v)
{
    uint64_t names = tree_list_kind(v->dir) != OKS_ALL ? oks_engine_names_version(e->engine) : UINT64_MAX;
    bool same_names = e->seen && names == e->names_seen;

    if (names < e->names_of_round)
        e->names_of_round = names;
    return same_names ? visit_changed(e, v) : visit_all(e, v);
}

/* --- rounds --- */

int exporter_round(struct exporter *e, int64_t now_ms, const atomic_bool *cancel)
{
    struct oks_target all = {.kind = OKS_ALL};
    uint64_t seen = oks_engine_version(e->engine, &all);
    struct node root;
    struct visit v = {&root, e->top, e->patterns, ""};
    int rc;

    if (e->seen && e->seen == seen) /* what woke the caller has changed nothing */
        return 0;
    e->now_ms = now_ms;
    e->cancel = cancel;
    e->failed = e->refused = false;
    e->missing = NULL;
    e->names_of_round = UINT64_MAX;
    tree_root(&root);
    rc = visit_folder(e, &v);
    node_clear(&root);
    if (rc < 0 && rc != -ECANCELED)
        fails(e, "", rc);
    if (rc < 0 || e->failed) {
        exporter_forget(e);
        return rc == -ECANCELED ? rc : -EIO;
    }
    e->seen = seen;
    e->top->swept = true; /* each folder was visited */
    if (e->names_of_round != UINT64_MAX)
        e->names_seen = e->names_of_round;
    return 0;
}

void exporter_forget(struct exporter *e)
{
    e->seen = e->names_seen = 0;
}

bool exporter_follows_clock(const struct exporter *e)
{
    return e->follows_clock;
}

bool exporter_refused(const struct exporter *e)
{
    return e->refused;
}

const char *exporter_missing(const struct exporter *e)
{
    return e->missing;
}

void exporter_free(struct exporter *e)
{
    if (!e)
        return;
    tdestroy(e->streams, copied_free);
    free(e);
}
