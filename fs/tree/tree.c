/*
 * Lookup, listing and versions of nodes, driven by the table of nodes.
 *
 * A child whose name comes from a list is made by tree_listed() alone, for a lookup and for an announcement:
 * both get the same node.
 *
 * Invariant: tree_lookup() finds every name of tree_list(). The reverse does not hold for window/ (any
 * well-formed name can be looked up), and for other spellings of teams and sessions (links to the listed
 * name).
 */
#include "tree/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/name_list.h"
#include "okstrafs/names.h"
#include "okstrafs/change_fd.h"
#include "tree/tree_table.h"

void tree_root(struct node *out)
{
    *out = (struct node){.type = &node_type_root};
}

/* --- walking --- */

static struct oks_target list_target(const struct node *dir)
{
    return dir->type->list_of_all ? (struct oks_target){.kind = OKS_ALL} : node_target(dir);
}

/*
 * What must be synced before names are listed. Names of sessions and projects come from file names, so
 * finding files is enough; those of teams, members and sub-agents come from the files' content.
 */
static enum tree_need need_of_list(const struct node *dir)
{
    enum oks_list list = dir->type->list;

    if (list == OKS_LIST_SUBAGENTS || list == OKS_LIST_BUDGETS || list == OKS_LIST_EXCEEDED ||
        (list == OKS_LIST_TEAMS && dir->type->list_of_all))
        return NEED_ALL;
    if (dir->type->list_of_all || (list == OKS_LIST_SESSIONS && dir->kind == OKS_PROJECT))
        return NEED_FOUND;
    return NEED_TARGET;
}

static int sync_for(struct oks_engine *engine, const struct node *node, enum tree_need need,
                    const atomic_bool *cancel)
{
    struct oks_target all = {.kind = OKS_ALL}, target = node_target(node);

    if (need == NEED_NOTHING)
        return 0;
    return oks_engine_sync(engine, need == NEED_TARGET ? &target : &all, need == NEED_FOUND, cancel);
}

int tree_sync_list(struct oks_engine *engine, const struct node *dir, const atomic_bool *cancel)
{
    return sync_for(engine, dir, need_of_list(dir), cancel);
}

static enum tree_need need_of_target(const struct node *node)
{
    return node->kind == OKS_SESSION || node->kind == OKS_PROJECT ? NEED_TARGET : NEED_ALL;
}

enum tree_need tree_need(const struct node *node)
{
    switch (node->type->shape) {
    case NODE_FILE:
        if (node->type->of_no_data)
            return NEED_NOTHING;
        /*
         * The status shows how far a scan has come, so it does not wait for one. Prices do not depend on
         * scans.
         */
        return node->type->of_found ? NEED_FOUND : need_of_target(node);
    case NODE_DIR:
        if (node->type->each)
            return need_of_list(node) == NEED_TARGET ? need_of_target(node) : need_of_list(node);
        return node->type->of_no_data ? NEED_NOTHING : need_of_target(node);
    default:
        return NEED_NOTHING;
    }
}

bool tree_shows_scan(const struct node *file)
{
    return file->type->shape == NODE_FILE && file->type->of_found && file->type->is_volatile;
}

bool tree_is_settled(struct oks_engine *engine, const struct node *node)
{
    struct oks_target all = {.kind = OKS_ALL}, target = node_target(node);
    enum tree_need need = tree_need(node);

    return need == NEED_NOTHING ||
           oks_engine_is_settled(engine, need == NEED_TARGET ? &target : &all, need == NEED_FOUND);
}

enum oks_kind tree_list_kind(const struct node *dir)
{
    return dir->type->list_of_all ? dir->type->each->enters : OKS_ALL;
}

bool tree_is_named_only(const struct node *node)
{
    return node->type->named_only;
}

bool tree_has_list(const struct node *dir)
{
    return dir->type->shape == NODE_DIR && dir->type->each;
}

bool tree_announces_files(const struct node *dir)
{
    if (dir->type->shape != NODE_DIR || dir->type->unannounced)
        return false;
    return dir->type->fixed || (dir->type->each && dir->type->each->announced);
}

static int add_file(void *ctx, const char *name, enum node_shape shape)
{
    return shape == NODE_FILE ? name_list_add(ctx, name) : 0;
}

/* The list is copied first: it is made under the engine's lock, and fn calls the engine. */
static int each_listed_file(struct oks_engine *engine, const struct node *dir,
                            int (*fn)(void *ctx, const char *name), void *ctx)
{
    struct name_list *names = name_list_new();
    int rc = names ? tree_list_known(engine, dir, add_file, names) : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < names->len; i++)
        rc = fn(ctx, names->items[i]);
    name_list_free(names);
    return rc;
}

int tree_each_file(struct oks_engine *engine, const struct node *dir, int (*fn)(void *ctx, const char *name),
                   void *ctx)
{
    int rc = 0;

    if (dir->type->each && dir->type->each->announced)
        return each_listed_file(engine, dir, fn, ctx);
    for (const struct node_type *const *t = dir->type->fixed; rc == 0 && t && *t; t++)
        if ((*t)->shape == NODE_FILE && !(*t)->costly)
            rc = fn(ctx, (*t)->name);
    return rc;
}

static int lookup_fixed(const struct node *dir, const char *name, struct node *out)
{
    for (const struct node_type *const *t = dir->type->fixed; t && *t; t++)
        if (strcmp((*t)->name, name) == 0)
            return node_make(out, *t, node_target(dir), dir->leaf);
    return -ENOENT;
}

static int lookup_window(struct oks_engine *engine, const struct node *dir, const char *name, int64_t now_ms,
                         struct node *out)
{
    struct oks_window window;
    int rc = tree_window(dir->type->each->shape, name, oks_engine_zone(engine), now_ms, &window);

    return rc < 0 ? rc : tree_listed(engine, dir, name, out);
}

/* A directory for the listed name; for another spelling a link to it. */
static int lookup_entity(struct oks_engine *engine, const struct node *dir, const char *name,
                         struct node *out)
{
    enum oks_kind kind = dir->type->each->enters;
    char canonical[256];
    int rc = oks_engine_resolve(engine, kind, name, canonical);

    if (rc == 1)
        return node_make(out, &node_type_alias, (struct oks_target){.kind = kind, .name = name}, canonical);
    return rc < 0 ? rc : tree_listed(engine, dir, name, out);
}

static int lookup_listed(struct oks_engine *engine, const struct node *dir, const char *name,
                         struct node *out)
{
    struct oks_target target = list_target(dir);
    int rc;

    if (dir->type->each->name)
        return tree_listed(engine, dir, name, out);
    rc = oks_engine_has(engine, dir->type->list, &target, name);

    if (rc <= 0)
        return rc < 0 ? rc : -ENOENT;
    return tree_listed(engine, dir, name, out);
}

bool tree_is_known(struct oks_engine *engine, const struct node *dir)
{
    struct oks_target target = node_target(dir), team = {.kind = OKS_TEAM, .name = target.name};

    if (target.kind != OKS_MEMBER)
        return oks_engine_version(engine, &target) != 0;
    return oks_engine_has(engine, OKS_LIST_MEMBERS, &team, target.member) == 1;
}

static int take_name(void *ctx, const char *name)
{
    char **first = ctx;

    *first = strdup(name);
    return *first ? 1 : -ENOMEM;
}

/* A link with a name of its own, to the first name of the list. */
static int lookup_named_link(struct oks_engine *engine, const struct node *dir, const char *name,
                             struct node *out)
{
    struct oks_target target = list_target(dir);
    char *first = NULL;
    int rc;

    if (strcmp(name, dir->type->each->name) != 0)
        return -ENOENT;
    rc = oks_engine_list(engine, dir->type->list, &target, take_name, &first);
    if (rc > 0)
        rc = node_make(out, dir->type->each, target, first);
    else if (rc == 0)
        rc = -ENOENT;
    free(first);
    return rc;
}

int tree_listed(struct oks_engine *engine, const struct node *dir, const char *name, struct node *out)
{
    const struct node_type *each = dir->type->each;
    struct oks_target target = node_target(dir);

    if (!each)
        return -ENOENT;
    if (each->name)
        return lookup_named_link(engine, dir, name, out);
    if (each->enters == OKS_ALL) /* the target is the parent's: the name is its own */
        return node_make(out, each, target, name);
    if (dir->type->list_of_all)
        return node_make(out, each, (struct oks_target){.kind = each->enters, .name = name}, NULL);
    return node_make(out, each, (struct oks_target){each->enters, target.name, name}, NULL);
}

int tree_lookup(struct oks_engine *engine, const struct node *dir, const char *name, int64_t now_ms,
                const atomic_bool *cancel, struct node *out)
{
    int rc;

    if (dir->type->shape != NODE_DIR)
        return -ENOTDIR;
    if (dir->type->fixed) {
        rc = lookup_fixed(dir, name, out);
        if (rc != -ENOENT || !dir->type->each)
            return rc;
    }
    if (dir->type->list == OKS_LIST_DAYS)
        return lookup_window(engine, dir, name, now_ms, out);
    rc = tree_sync_list(engine, dir, cancel);
    if (rc < 0)
        return rc;
    return dir->type->list_of_all ? lookup_entity(engine, dir, name, out)
                                  : lookup_listed(engine, dir, name, out);
}

int tree_lookup_known(struct oks_engine *engine, const struct node *dir, const char *name, int64_t now_ms,
                      struct node *out)
{
    int rc;

    if (dir->type->shape != NODE_DIR)
        return -ENOTDIR;
    rc = lookup_fixed(dir, name, out);
    if (rc != -ENOENT || !dir->type->each)
        return rc;
    return dir->type->list == OKS_LIST_DAYS ? lookup_window(engine, dir, name, now_ms, out)
                                            : tree_listed(engine, dir, name, out);
}

struct emitter {
    int (*fn)(void *ctx, const char *name, enum node_shape shape);
    void *ctx;
    enum node_shape shape;
    const char *suffix;
    const char *name; /* instead of the one in the list; NULL: none */
};

static int emit(void *ctx, const char *name)
{
    struct emitter *e = ctx;
    char with_suffix[OKS_NAME_MAX + sizeof(".json")];

    snprintf(with_suffix, sizeof(with_suffix), "%s%s", e->name ? e->name : name, e->suffix);
    return e->fn(e->ctx, with_suffix, e->shape);
}

static int list_fixed(const struct node *dir, const struct emitter *e)
{
    int rc = 0;

    for (const struct node_type *const *t = dir->type->fixed; rc == 0 && *t; t++)
        rc = e->fn(e->ctx, (*t)->name, (*t)->shape);
    return rc;
}

/* Preset windows: files, or folders of the same name without ".json". */
static int list_presets(const struct emitter *e)
{
    const char *preset;
    int rc = 0;

    for (size_t i = 0; rc == 0 && (preset = oks_window_preset(i)); i++) {
        char name[64];

        snprintf(name, sizeof(name), "%.*s%s", (int)(strlen(preset) - strlen(".json")), preset, e->suffix);
        rc = e->fn(e->ctx, name, e->shape);
    }
    return rc;
}

int tree_list(struct oks_engine *engine, const struct node *dir, const atomic_bool *cancel,
              int (*fn)(void *ctx, const char *name, enum node_shape shape), void *ctx)
{
    struct emitter e = {.fn = fn, .ctx = ctx, .suffix = ""};
    int rc;

    if (dir->type->shape != NODE_DIR)
        return -ENOTDIR;
    if (!dir->type->each)
        return list_fixed(dir, &e);
    rc = tree_sync_list(engine, dir, cancel);
    return rc < 0 ? rc : tree_list_known(engine, dir, fn, ctx);
}

uint64_t tree_list_version(struct oks_engine *engine, const struct node *dir)
{
    return dir->type->list_of_all ? oks_engine_names_version(engine) : 0;
}

int tree_list_known(struct oks_engine *engine, const struct node *dir,
                    int (*fn)(void *ctx, const char *name, enum node_shape shape), void *ctx)
{
    struct emitter e = {.fn = fn, .ctx = ctx, .suffix = ""};
    struct oks_target target = list_target(dir);
    int rc = dir->type->fixed ? list_fixed(dir, &e) : 0;

    if (!dir->type->each)
        return rc;
    e.shape = dir->type->each->shape;
    e.name = dir->type->each->name;
    if (rc == 0 && dir->type->list == OKS_LIST_DAYS) {
        e.suffix = e.shape == NODE_FILE ? ".json" : "";
        rc = list_presets(&e);
    }
    return rc ? rc : oks_engine_list(engine, dir->type->list, &target, emit, &e);
}

/* --- files --- */

bool tree_is_stream(const struct node *file)
{
    return file->type->is_stream;
}

struct oks_stream_cursor tree_stream_cursor(const struct node *file)
{
    int month = file->type->stream == OKS_STREAM_MONTH ? oks_stream_month(file->leaf) : 0;

    return (struct oks_stream_cursor){.kind = file->type->stream, .month = month < 0 ? 0 : (unsigned)month};
}

/* The window that a file shows, or none. Whether it is relative does not depend on the zone. */
static struct oks_window window_of(const struct node *file)
{
    struct oks_window window;

    if (!file->type->of_window || !file->leaf ||
        tree_window(file->type->name ? NODE_DIR : NODE_FILE, file->leaf, NULL, 0, &window) < 0)
        return (struct oks_window){.relative = false};
    return window;
}

/* The content of a window relative to now changes with time, while the data is the same. */
bool tree_follows_clock(const struct node *file)
{
    return file->type->of_clock || window_of(file).relative;
}

bool tree_follows_day(const struct node *file)
{
    return !file->type->of_clock && window_of(file).by_day;
}

int tree_version(struct oks_engine *engine, const struct node *file, const atomic_bool *cancel,
                 uint64_t *version)
{
    int rc;

    if (file->type->of_times)
        oks_engine_prepare_timeline(engine, file->type->stats);
    rc = sync_for(engine, file, tree_need(file), cancel);
    return rc < 0 ? rc : tree_version_known(engine, file, version);
}

int tree_version_known(struct oks_engine *engine, const struct node *file, uint64_t *version)
{
    struct oks_target target = node_target(file);
    uint64_t now;

    if (file->type->of_no_data) {
        *version = 1;
        return 0;
    }
    now = file->type->of_prices ? oks_engine_prices_version(engine) : oks_engine_version(engine, &target);
    if (!now)
        return -ENOENT;
    if (file->type->of_all)
        now = oks_engine_version(engine, &(struct oks_target){.kind = OKS_ALL});
    *version = file->type->is_volatile ? 0 : now;
    return 0;
}

int tree_render(struct oks_engine *engine, const struct node *file, int64_t now_ms, struct oks_document *out)
{
    return file->type->shape == NODE_FILE ? file->type->render(engine, file, now_ms, out) : -EISDIR;
}
