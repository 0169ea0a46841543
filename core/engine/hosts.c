/*
 * Hosts: which folders are roots of transcripts of the other machines that okstrafs.json names.
 *
 * A host's folder is a home that was copied, or a configuration folder in one, or a folder of transcripts.
 * Its last name decides which: what stands in the folder may be away. Of a home all places are roots where an
 * agent could have transcripts.
 *
 * When the configuration changes, roots that are in it no more end, and their transcripts are dropped.
 * Whatever else differs of a root is such an end and a new root, which is loaded from the caches.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/passing.h"
#include "base/tree.h"
#include "catalog/hosts.h"
#include "engine/engine_private.h"
#include "files/walk.h"
#include "internal/source_homes.h"

/* --- folders of hosts --- */

/* A root as the configuration has it. */
struct wanted_root {
    const struct source *source;
    char *path;
    const char *host; /* NULL: this machine */
    size_t folder;
    bool absent;  /* it is a root only if something is known of it */
    bool awaited; /* absent, and its filesystem answers: a root when it comes */
    bool exists;
};

struct wanted_roots {
    struct wanted_root *items;
    size_t n, room;
    struct wanted_root next;
};

/* Takes over the path. */
static int want(void *ctx, const struct source *source, char *path)
{
    struct wanted_roots *w = ctx;

    if (!path || !OKS_GROW(w->items, w->n, w->room)) {
        free(path);
        return -ENOMEM;
    }
    w->items[w->n] = w->next;
    w->items[w->n].source = source;
    w->items[w->n++].path = path;
    return 0;
}

/* Below a home, the folder of a place that no variable names. False: there is none. */
static bool place_of(const struct oks_source_home *home, char out[PATH_MAX])
{
    const char *folder = home->folder, *below = home->below ? home->below : "";

    if (!folder || *folder != '~')
        return false;
    folder += folder[1] == '/' ? 2 : 1;
    return snprintf(out, PATH_MAX, "%s%s%s", folder, *folder && *below ? "/" : "", below) < PATH_MAX && *out;
}

typedef int place_fn(struct wanted_roots *w, enum oks_source source, const char *place, const char *dir);

/* Calls fn for each place of each source, until it returns something else than 0. */
static int each_place(struct wanted_roots *w, place_fn *fn, const char *dir)
{
    char place[PATH_MAX];
    int rc = 0;

    for (int k = 0; rc == 0 && k < OKS_SOURCES; k++)
        for (const struct oks_source_home *home = oks_source_homes((enum oks_source)k);
             rc == 0 && (home->variable || home->folder); home++)
            if (place_of(home, place)) {
                w->next.absent = home->used;
                rc = fn(w, (enum oks_source)k, place, dir);
            }
    w->next.absent = false;
    return rc;
}

/* The folder is that place in some home, or a folder of transcripts in it: then 1, or -ENOMEM. */
static int want_if_place(struct wanted_roots *w, enum oks_source source, const char *place, const char *dir)
{
    const char *const *folders = oks_sources[source]->folders;
    bool is = roots_end_in(dir, place);
    int rc;

    for (int i = 0; !is && i < SOURCE_FOLDERS_MAX && folders[i]; i++) {
        char inner[PATH_MAX];

        is =
            snprintf(inner, sizeof(inner), "%s/%s", place, folders[i]) < PATH_MAX && roots_end_in(dir, inner);
    }
    w->next.absent = false;
    rc = is ? roots_each(source, dir, want, w) : 0;
    return is && rc == 0 ? 1 : rc;
}

/* Agents are many, and each root costs something: of some (home->used) the folder has to exist, and locally.
 */
static int want_below(struct wanted_roots *w, enum oks_source source, const char *place, const char *dir)
{
    char real[PATH_MAX], *folder;
    int rc;

    if (asprintf(&folder, "%s/%s", dir, place) < 0)
        return -ENOMEM;
    rc = w->next.absent ? oks_resolve_local(folder, real) : 0;
    w->next.absent = is_absent(rc) || rc == -EXDEV || rc == -ELOOP;
    w->next.awaited = is_absent(rc);
    rc = is_passing(rc) ? rc : roots_each(source, folder, want, w);
    w->next.awaited = false;
    free(folder);
    return rc;
}

/* Folders of transcripts that are known by their names wherever they are. */
static const struct {
    const char *name;
    enum oks_source source;
} plain_folders[] = {{"projects", OKS_SOURCE_CLAUDE},
                     {"local-agent-mode-sessions", OKS_SOURCE_CLAUDE},
                     {"sessions", OKS_SOURCE_CODEX},
                     {"archived_sessions", OKS_SOURCE_CODEX}};

static int want_folder(struct wanted_roots *w, const char *dir)
{
    int rc = each_place(w, want_if_place, dir);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    for (size_t i = 0; i < sizeof(plain_folders) / sizeof(*plain_folders); i++)
        if (roots_end_in(dir, plain_folders[i].name))
            return roots_each(plain_folders[i].source, dir, want, w);
    return each_place(w, want_below, dir);
}

static int want_all(struct wanted_roots *w, const struct config *config, const char *own)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < config->n_hosts; i++) {
        const struct config_host *host = &config->hosts[i];

        w->next.host = strcmp(host->name, own) == 0 ? NULL : host->name;
        for (size_t k = 0; rc == 0 && k < host->n_folders; k++) {
            w->next.folder = k;
            rc = want_folder(w, host->folders[k]);
        }
    }
    return rc;
}

static int by_wanted_path(const void *a, const void *b)
{
    return strcmp(((const struct wanted_root *)a)->path, ((const struct wanted_root *)b)->path);
}

/* Of one path the first by host, this machine before all, then by folder. */
static int by_wanted(const void *a, const void *b)
{
    const struct wanted_root *x = a, *y = b;
    int d = by_wanted_path(a, b);

    d = d ? d : strcmp(x->host ? x->host : "", y->host ? y->host : "");
    return d ? d : (x->folder > y->folder) - (x->folder < y->folder);
}

static bool is_first(const struct wanted_roots *w, size_t i)
{
    return i == 0 || strcmp(w->items[i].path, w->items[i - 1].path) != 0;
}

static void mark_known(struct wanted_roots *w, const char *path)
{
    struct wanted_root key = {.path = (char *)path};
    struct wanted_root *found = bsearch(&key, w->items, w->n, sizeof(*w->items), by_wanted_path);

    if (found)
        found->absent = false;
}

static int mark_stored(void *ctx, const char *path, const struct history_facts *facts)
{
    char above[PATH_MAX], *slash;

    (void)facts;
    if (snprintf(above, sizeof(above), "%s", path) >= (int)sizeof(above))
        return 0;
    while ((slash = strrchr(above, '/'))) {
        *slash = '\0';
        mark_known(ctx, above);
    }
    return 0;
}

static int await(struct oks_engine *e, const char *path)
{
    int rc = oks_strings_add(&e->hosts.awaited, oks_slice_of(path), SIZE_MAX);

    return rc == 0 ? discovery_add_path(e->discovery, path, PATH_AWAITED) : rc < 0 ? rc : 0;
}

/* From the last one on, which is found first. */
static void await_nothing(struct oks_engine *e)
{
    for (size_t i = e->hosts.awaited.len; i-- > 0;)
        discovery_remove_path(e->discovery, e->hosts.awaited.items[i].ptr);
    oks_strings_clear(&e->hosts.awaited);
}

/*
 * Leaves out what is absent. Of a host that is away all is, and what is known of it has to stay, also after a
 * restart. Each path is left once.
 */
static int leave_out_absent(struct oks_engine *e, struct wanted_roots *w)
{
    size_t n_roots, n = 0;
    struct root *const *roots = discovery_roots(e->discovery, &n_roots);
    int rc = 0;

    if (!w->n)
        return 0;
    qsort(w->items, w->n, sizeof(*w->items), by_wanted);
    for (size_t i = w->n; i-- > 0;)
        if (!is_first(w, i)) {
            free(w->items[i].path);
            w->n--;
            memmove(&w->items[i], &w->items[i + 1], (w->n - i) * sizeof(*w->items));
        }
    for (size_t i = 0; i < n_roots; i++)
        mark_known(w, roots[i]->path);
    history_store_each(e->history, mark_stored, w);
    for (size_t i = 0; i < w->n; i++) {
        struct wanted_root *item = &w->items[i];

        if (item->absent && item->awaited && rc == 0)
            rc = await(e, item->path);
        if (item->absent)
            free(item->path);
        else
            w->items[n++] = *item;
    }
    w->n = n;
    return rc;
}

static void wanted_clear(struct wanted_roots *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->items[i].path);
    free(w->items);
}

/* --- roots that end --- */

static bool same_host(const struct root *root, const char *name)
{
    return root->host && name ? strcmp(root->host->name, name) == 0 : !root->host && !name;
}

static bool is_wanted(struct wanted_roots *w, const struct root *root)
{
    for (size_t i = 0; i < w->n; i++) {
        struct wanted_root *item = &w->items[i];

        if (strcmp(item->path, root->path) == 0 && same_host(root, item->host) &&
            item->folder == root->host_folder)
            return item->exists = true;
    }
    return false;
}

struct leaving {
    struct transcript **items;
    size_t n, room;
    bool failed;
};

static void add_leaving(void *ctx, void *item)
{
    struct leaving *l = ctx;
    struct transcript *t = item;

    if (!t->root->leaves)
        return;
    if (OKS_GROW(l->items, l->n, l->room))
        l->items[l->n++] = t;
    else
        l->failed = true;
}

/* 0; 1: some are being read or saved, and that ends soon; -ENOMEM */
static int drop_leaving(struct oks_engine *e)
{
    struct leaving l = {0};
    int rc;

    oks_tree_each(e->model.catalog.transcripts, add_leaving, &l);
    rc = l.failed ? -ENOMEM : 0;
    for (size_t i = 0; i < l.n; i++)
        if (l.items[i]->busy && !l.items[i]->left_behind)
            rc = rc < 0 ? rc : 1;
        else
            departures_drop(e, l.items[i]);
    free(l.items);
    commit_bump_billed(e);
    return rc;
}

static int end_roots(struct oks_engine *e, struct wanted_roots *w)
{
    size_t n;
    struct root *const *roots = discovery_roots(e->discovery, &n);
    bool any = false;
    int rc;

    for (size_t i = 0; i < n; i++) {
        roots[i]->leaves = roots[i]->configured && !is_wanted(w, roots[i]);
        any |= roots[i]->leaves;
    }
    rc = any ? drop_leaving(e) : 0;
    if (rc != 0)
        return rc;
    for (size_t i = n; i-- > 0;)
        if (roots[i]->leaves) {
            if (roots[i]->host)
                LIST_REMOVE(roots[i], of_host);
            containers_end_root(e, roots[i]);
            discovery_end_root(e->discovery, roots[i]);
        }
    if (any)
        pthread_cond_broadcast(&e->remote.wanted); /* threads of these roots end */
    return 0;
}

/* --- new ones --- */

static void join_host(struct root *root, struct host *host)
{
    root->host = host;
    LIST_INSERT_HEAD(&host->roots, root, of_host);
}

static int begin_roots(struct oks_engine *e, struct wanted_roots *w)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < w->n; i++) {
        struct wanted_root *item = &w->items[i];
        struct root *root = NULL;

        if (item->exists)
            continue;
        rc = discovery_add_root(e->discovery, item->source, item->path, &root);
        item->path = NULL;
        if (!root)
            continue; /* it is a root of this machine already */
        if (item->host)
            join_host(root, catalog_host(&e->model.catalog, item->host));
        root->host_folder = item->folder;
        root->configured = root->fresh = e->hosts.fresh = true;
    }
    return rc;
}

/* The hosts of the configuration, with their versions of before; roots that stay are moved to them. */
static int take_hosts(struct oks_engine *e, const struct config *config)
{
    struct catalog *c = &e->model.catalog;
    struct host **hosts = calloc(config->n_hosts + 1, sizeof(*hosts));
    size_t n = 0;
    int rc = hosts ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < config->n_hosts; i++) {
        const struct config_host *host = &config->hosts[i];

        if (strcmp(host->name, c->own.name) == 0)
            continue;
        rc = host_new(&hosts[n], host->name, host->folders, host->n_folders);
        n += rc == 0;
    }
    if (rc < 0) {
        while (n > 0)
            host_free(hosts[--n]);
        free(hosts);
        return rc;
    }
    for (size_t i = 0; i < n; i++) {
        struct host *before = catalog_host(c, hosts[i]->name);
        struct root *root;

        while (before && (root = LIST_FIRST(&before->roots))) {
            LIST_REMOVE(root, of_host);
            join_host(root, hosts[i]);
        }
    }
    catalog_set_hosts(c, hosts, n);
    return 0;
}

static void rank_roots(struct oks_engine *e)
{
    const struct catalog *c = &e->model.catalog;
    struct root *root;

    for (size_t i = 0; i < c->n_hosts; i++)
        LIST_FOREACH(root, &c->hosts[i]->roots, of_host)
            root->rank = (unsigned)i + 1;
}

static void all_changed(struct oks_engine *e)
{
    struct catalog *c = &e->model.catalog;

    c->own.version = version_next_names(&e->model.versions);
    for (size_t i = 0; i < c->n_hosts; i++)
        c->hosts[i]->version = c->own.version;
}

int hosts_apply(struct oks_engine *e)
{
    const struct config *config = settings_config(e->model.settings);
    struct catalog *c = &e->model.catalog;
    struct wanted_roots w = {0};
    char own[OKS_NAME_MAX + 1];
    int rc;

    host_name_of(config->host ? config->host : e->hosts.machine, own);
    rc = want_all(&w, config, own);
    await_nothing(e);
    if (rc == 0)
        rc = leave_out_absent(e, &w);
    if (rc == 0)
        rc = end_roots(e, &w);
    if (rc == 0) {
        if (strcmp(own, c->own.name) != 0)
            streams_start_over(&e->streams);
        strcpy(c->own.name, own);
        rc = take_hosts(e, config);
    }
    if (rc == 0)
        rc = begin_roots(e, &w);
    wanted_clear(&w);
    if (rc != 0)
        return rc;
    rank_roots(e);
    all_changed(e);
    rc = groups_renew(&e->model.sums);
    e->hosts.due = rc < 0;
    return rc;
}

void hosts_end(struct oks_engine *e)
{
    oks_strings_clear(&e->hosts.awaited);
}

void hosts_begin(struct oks_engine *e, const char *machine)
{
    host_name_of(machine, e->hosts.machine);
    host_name_of(machine, e->model.catalog.own.name);
    e->hosts.due = e->hosts.fresh = true;
}
