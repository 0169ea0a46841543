/*
 * Announcements: turns the changes of a directory since its watchers were last notified into touches of its
 * files and names.
 *
 * Files. Each file that the kernel knows is rendered again if its data changed, and touched if its content
 * differs from the last announced. A watch stays on the generation on which it was placed, so every
 * generation that the kernel still holds is touched, not only the current one. The watchers of a folder are
 * also notified of files that were never looked up. In a folder that was found recently these are compared
 * with their content at that time; in others the version of the data must do. A folder can be found before
 * its data was read, and a watch placed on it at once. Then a file counts as changed if its newest transcript
 * is newer than that moment.
 *
 * Names. The list of now is compared with the last announced one. A new name becomes visible in the handler
 * of the mkdir that announces it.
 *
 * Everything that is touched is referenced until that is done, because the kernel may forget it at any
 * moment. No lock is held while the toucher works, because its system calls return as requests.
 */
#include "watchers/announce.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "serve/generation.h"

enum {
    FILES_MAX = 1024, /* in one folder, those looked up last: any window can be looked up */
    OLDER_MAX = 256,  /* generations of one file */
    TRIES = 3,        /* a folder is removed at the second (op_rmdir), and a lookup may come in between */
    NAMES_MAX = 2000, /* creations in one folder and round: a watcher's queue holds 16384 events */
};

/* --- touching --- */

static int touch_path(struct announcer *a, enum touch what, enum write_gate_act act, struct inode *dir,
                      const char *name, struct inode *inode, const char *path)
{
    int rc = -EPIPE;

    for (int tries = 0; tries < TRIES && !a->dead; tries++) {
        write_gate_open(a->gate, act, dir, name, inode);
        rc = toucher_do(a->toucher, what, path);
        write_gate_shut(a->gate);
        a->dead = rc == -EPIPE;
        a->touches++;
        if (rc == 0 || rc == -ESTALE || rc == -EBUSY)
            break;
    }
    return rc;
}

static int touch(struct announcer *a, enum touch what, enum write_gate_act act, struct inode *inode)
{
    const struct dentry *dentry = inode->dentry;
    char path[PATH_MAX];
    int rc = dentry_path(dentry, path, sizeof(path));

    return rc < 0 ? rc : touch_path(a, what, act, dentry->dir, dentry->name, inode, path);
}

/* The generations that no name leads to. */
static void touch_older(struct announcer *a, enum touch what, enum write_gate_act act, struct dentry *dentry)
{
    struct inode *older[OLDER_MAX];
    size_t n = dentry_older(a->m->inodes, dentry, older, OLDER_MAX);

    for (size_t i = 0; i < n; i++) {
        a->gate_used = true;
        touch_path(a, what, act, dentry->dir, NULL, older[i], GATE_PATH);
        inodes_forget(a->m->inodes, older[i], 1);
    }
}

/* --- files --- */

static void announce_changed(struct announcer *a, struct dentry *dentry)
{
    bool unannounced;
    size_t len;
    struct inode *current = dentry_current(a->m->inodes, dentry, &len, &unannounced);

    if (unannounced) {
        touch_older(a, TOUCH_WRITE, GATE_TOUCH_OLD, dentry);
        touch(a, TOUCH_WRITE, GATE_TOUCH, current);
        dentry_set_announced(a->m->inodes, dentry, current, len);
        if (current->stream)
            mount_wake(a->m, current->stream);
    }
    inodes_forget(a->m->inodes, current, 1);
}

static void remove_file(struct announcer *a, struct dentry *dentry)
{
    bool unannounced;
    size_t len;
    struct inode *current = dentry_current(a->m->inodes, dentry, &len, &unannounced);

    touch_older(a, TOUCH_UNLINK, GATE_REMOVE_OLD, dentry);
    touch(a, TOUCH_UNLINK, GATE_REMOVE, current);
    dentry_retire(a->m->inodes, dentry);
    inodes_forget(a->m->inodes, current, 1);
}

/* Whether the file is listed: then its removal is announced with the lists. */
static bool is_of_list(struct announcer *a, const struct dentry *dentry)
{
    const struct name_list *names =
        tree_has_list(&dentry->dir->dentry->node) ? inodes_watch_names(a->m->inodes, dentry->dir) : NULL;

    return names && name_list_have(names, dentry->name);
}

static void announce_file(struct announcer *a, struct dentry *dentry)
{
    struct inode *fresh;
    int64_t oldest = tree_follows_day(&dentry->node) ? a->day_ms : INT64_MIN;
    int rc = generation_get(a->m, dentry->dir, dentry->name, &dentry->node, oldest, &fresh);

    if (rc == -ENOENT && !is_of_list(a, dentry))
        remove_file(a, dentry);
    if (rc < 0)
        return;
    announce_changed(a, dentry);
    inodes_forget(a->m->inodes, fresh, 1);
}

/* Calls fn for each dentry of a folder that the kernel knows. */
static void each_dentry(struct announcer *a, struct inode *dir, size_t max,
                        void (*fn)(struct announcer *a, struct dentry *dentry))
{
    struct dentry **dentries;
    size_t n;

    if (inodes_children(a->m->inodes, dir, max, &dentries, &n) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (!a->dead)
            fn(a, dentries[i]);
        dentry_unpin(a->m->inodes, dentries[i]);
    }
    free(dentries);
}

static void announce_if_file(struct announcer *a, struct dentry *dentry)
{
    if (node_shape(&dentry->node) == NODE_FILE)
        announce_file(a, dentry);
}

static void announce_if_of_day(struct announcer *a, struct dentry *dentry)
{
    if (node_shape(&dentry->node) == NODE_FILE && tree_follows_day(&dentry->node))
        announce_file(a, dentry);
}

/* --- files that were never looked up --- */

struct folder_files {
    struct announcer *a;
    struct inode *dir;
    bool keep;                       /* keep the files for the folder's watchers */
    const struct name_list *created; /* those that exist already; NULL: all. Others are still to be created */
};

static int make_file(void *ctx, const char *name)
{
    struct folder_files *f = ctx;
    struct mount *m = f->a->m;
    struct inode *known, *file;
    struct node node;

    if (f->created && !name_list_have(f->created, name))
        return 0;
    known = file = inodes_find(m->inodes, f->dir, name);

    if (!known && tree_lookup(m->engine, &f->dir->dentry->node, name, 0, NULL, &node) == 0) {
        if (generation_get(m, f->dir, name, &node, INT64_MIN, &file) < 0)
            file = NULL;
        node_clear(&node);
    }
    if (!file)
        return 0;
    if (f->keep)
        dentry_keep(m->inodes, file->dentry);
    if (!known)
        announce_changed(f->a, file->dentry);
    inodes_forget(m->inodes, file, 1);
    return 0;
}

/* --- names --- */

static int add_name(void *ctx, const char *name, enum node_shape shape)
{
    return name_list_add(ctx, name);
}

static struct name_list *names_now(struct mount *m, const struct inode *dir)
{
    struct name_list *names = name_list_new();

    if (!names)
        return NULL;
    names->version = tree_list_version(m->engine, &dir->dentry->node);
    if (tree_list_known(m->engine, &dir->dentry->node, add_name, names) < 0) {
        name_list_free(names);
        return NULL;
    }
    name_list_sort(names);
    return names;
}

static const enum touch making[] = {
    [NODE_DIR] = TOUCH_MKDIR, [NODE_FILE] = TOUCH_CREATE, [NODE_LINK] = TOUCH_SYMLINK};

/* The inode of a listed name, with one more reference. */
static int listed_inode(struct mount *m, struct inode *dir, const char *name, struct inode **out)
{
    struct node node;
    int rc = tree_listed(m->engine, &dir->dentry->node, name, &node);

    if (rc < 0)
        return rc;
    if (node_shape(&node) == NODE_FILE) {
        rc = generation_get(m, dir, name, &node, INT64_MIN, out);
        node_clear(&node);
        return rc < 0 ? rc : 0;
    }
    rc = inodes_get(m->inodes, dir, name, &node, out);
    if (rc == 1 && node_shape(&(*out)->dentry->node) == NODE_DIR)
        announce_found(m, *out);
    return rc < 0 ? rc : 0;
}

static void announce_created(struct announcer *a, struct inode *dir, const char *name)
{
    struct inode *inode;

    if (listed_inode(a->m, dir, name, &inode) < 0)
        return;
    touch(a, making[node_shape(&inode->dentry->node)], GATE_CREATE, inode);
    inodes_forget(a->m->inodes, inode, 1);
}

static void remove_child(struct announcer *a, struct dentry *dentry);

/* False: its target exists again (op_rmdir), so it stays. */
static bool remove_dir(struct announcer *a, struct inode *dir)
{
    bool back = tree_is_known(a->m->engine, &dir->dentry->node);

    if (!back) {
        each_dentry(a, dir, FILES_MAX, remove_child);
        back = touch(a, TOUCH_RMDIR, GATE_REMOVE, dir) == -EBUSY;
    }
    if (!back)
        dentry_retire(a->m->inodes, dir->dentry);
    return !back;
}

/* With everything known below it. Its users see it removed, as in any filesystem. */
static bool remove_dentry(struct announcer *a, struct dentry *dentry)
{
    bool unannounced, gone;
    size_t len;
    struct inode *current;

    if (node_shape(&dentry->node) != NODE_DIR) {
        remove_file(a, dentry);
        return true;
    }
    current = dentry_current(a->m->inodes, dentry, &len, &unannounced);
    gone = remove_dir(a, current);
    inodes_forget(a->m->inodes, current, 1);
    return gone;
}

static void remove_child(struct announcer *a, struct dentry *dentry)
{
    remove_dentry(a, dentry);
}

/* Creates a name that was never looked up, in order to remove it. False: it exists again. */
static bool announce_gone(struct announcer *a, struct inode *dir, const char *name)
{
    struct inode *inode = inodes_find(a->m->inodes, dir, name);
    struct node node;
    bool gone;

    if (!inode && tree_listed(a->m->engine, &dir->dentry->node, name, &node) == 0) {
        struct oks_document nothing = {0};

        if (node_shape(&node) != NODE_FILE)
            inodes_get(a->m->inodes, dir, name, &node, &inode);
        else
            inodes_publish(a->m->inodes, dir, name, &node, &nothing, 0, &inode);
    }
    if (!inode)
        return true;
    gone = remove_dentry(a, inode->dentry);
    inodes_forget(a->m->inodes, inode, 1);
    return gone;
}

/* Removes item i, keeping the order. */
static void names_drop(struct name_list *n, size_t i)
{
    free(n->items[i]);
    memmove(&n->items[i], &n->items[i + 1], (n->len - i - 1) * sizeof(*n->items));
    n->len--;
}

/* Announces the differences. What could not be announced is removed from `now`. True: all of them were. */
static bool announce_names(struct announcer *a, struct inode *dir, const struct name_list *before,
                           struct name_list *now)
{
    size_t told = 0, before_len = before->len;
    bool all = true;

    for (size_t i = 0; i < before_len && !a->dead; i++)
        if (!name_list_have(now, before->items[i]) && !announce_gone(a, dir, before->items[i]) &&
            name_list_add(now, before->items[i]) == 0)
            name_list_sort(now);
    for (size_t i = now->len; i-- > 0 && !a->dead;) {
        if (name_list_have(before, now->items[i]))
            continue;
        if (told++ < NAMES_MAX) {
            announce_created(a, dir, now->items[i]);
        } else {
            names_drop(now, i);
            all = false;
        }
    }
    if (!all)
        now->version = 0;
    a->more |= !all;
    return all;
}

/* --- folders --- */

static uint64_t data_version(struct mount *m, const struct inode *dir)
{
    struct oks_target target = node_target(&dir->dentry->node);

    return oks_engine_version(m->engine, &target);
}

/*
 * Then the names need not be listed: there may be thousands, in a folder whose sums change with every record.
 */
static bool same_names(struct mount *m, const struct node *node, const struct name_list *before)
{
    return before && before->version && before->version == tree_list_version(m->engine, node);
}

void announce_dir(struct announcer *a, struct inode *dir)
{
    struct mount *m = a->m;
    const struct node *node = &dir->dentry->node;
    uint64_t version = data_version(m, dir), told = inodes_watch_version(m->inodes, dir);
    struct folder_files files = {.a = a, .dir = dir};
    const struct name_list *before = tree_has_list(node) ? inodes_watch_names(m->inodes, dir) : NULL;
    struct name_list *names = NULL;
    bool all = true;

    if (version == 0)
        return; /* its removal is announced in the folder above */
    if (version == told && !inodes_watch_since(m->inodes, dir)) {
        if (a->new_day)
            each_dentry(a, dir, FILES_MAX, announce_if_of_day);
        return;
    }
    files.created = before;
    if (tree_announces_files(node) && told)
        tree_each_file(m->engine, node, make_file, &files);
    each_dentry(a, dir, FILES_MAX, announce_if_file);
    if (tree_has_list(node) && !same_names(m, node, before)) {
        names = names_now(m, dir);
        if (names && before)
            all = announce_names(a, dir, before, names);
    }
    inodes_watch_set(m->inodes, dir, all ? version : told, names);
    inodes_watch_set_since(m->inodes, dir, 0);
}

void announce_end(struct announcer *a)
{
    if (a->gate_used && !a->dead)
        toucher_do(a->toucher, TOUCH_STAT,
                   GATE_PATH); /* the gate is shut: the kernel drops what the path led to */
    a->gate_used = false;
}

bool announce_found(struct mount *m, struct inode *dir)
{
    const struct node *node = &dir->dentry->node;
    bool settled = tree_is_settled(m->engine, node);
    uint64_t version = settled ? data_version(m, dir) : 0;
    struct name_list *names = settled && tree_has_list(node) ? names_now(m, dir) : NULL;

    if (!settled)
        inodes_watch_set_since(m->inodes, dir, file_time_ns());
    return inodes_watch_begin(m->inodes, dir, version, names, !settled, tree_announces_files(node));
}

void announce_begin(struct announcer *a, struct inode *dir)
{
    struct mount *m = a->m;
    const struct node *node = &dir->dentry->node;
    struct folder_files files = {.a = a, .dir = dir, .keep = true};
    uint64_t version = data_version(m, dir);

    if (version == 0)
        return;
    if (inodes_watch_version(m->inodes, dir) == 0) {
        inodes_watch_set(m->inodes, dir, version, NULL);
        each_dentry(a, dir, FILES_MAX,
                    announce_if_file); /* they may have changed since they were looked up */
    }
    if (tree_has_list(node) && !inodes_watch_names(m->inodes, dir))
        inodes_watch_listed(m->inodes, dir, names_now(m, dir));
    if (tree_announces_files(node) && inodes_watch_keep(m->inodes, dir))
        tree_each_file(m->engine, node, make_file, &files);
}
