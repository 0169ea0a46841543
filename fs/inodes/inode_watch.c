/*
 * The inode table's data for the notifier: the directories in use, their dentries and generations, and what
 * was last announced of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inodes/inode_private.h"

enum { KEEPERS_MAX = 64 };

/* --- what was last announced of a directory --- */

bool inodes_watch_begin(struct inodes *t, struct inode *dir, uint64_t version, struct name_list *names,
                        bool waits, bool has_files)
{
    struct dir_watch *w = &dir->watch;

    pthread_mutex_lock(&t->lock);
    w->begun = true;
    w->version = version;
    if (!w->names) {
        w->names = names;
        names = NULL;
    }
    waits |= has_files && t->n_keepers < KEEPERS_MAX;
    if (waits && !w->waiting) {
        w->waiting = true;
        TAILQ_INSERT_TAIL(&t->waiting, dir, of_waiting);
    }
    pthread_mutex_unlock(&t->lock);
    name_list_free(names);
    return waits;
}

int64_t inodes_watch_since(struct inodes *t, const struct inode *dir)
{
    int64_t since_ns;

    pthread_mutex_lock(&t->lock);
    since_ns = dir->watch.since_ns;
    pthread_mutex_unlock(&t->lock);
    return since_ns;
}

void inodes_watch_set_since(struct inodes *t, struct inode *dir, int64_t since_ns)
{
    pthread_mutex_lock(&t->lock);
    dir->watch.since_ns = since_ns;
    pthread_mutex_unlock(&t->lock);
}

struct inode *inodes_next_waiting(struct inodes *t)
{
    struct inode *dir;

    pthread_mutex_lock(&t->lock);
    dir = TAILQ_FIRST(&t->waiting);
    if (dir) {
        TAILQ_REMOVE(&t->waiting, dir, of_waiting);
        dir->watch.waiting = false;
        dir->nlookup++;
    }
    pthread_mutex_unlock(&t->lock);
    return dir;
}

void inodes_watch_set(struct inodes *t, struct inode *dir, uint64_t version, struct name_list *names)
{
    struct name_list *before = NULL;

    pthread_mutex_lock(&t->lock);
    dir->watch.version = version;
    if (names) {
        before = dir->watch.names;
        dir->watch.names = names;
    }
    pthread_mutex_unlock(&t->lock);
    name_list_free(before);
}

void inodes_watch_listed(struct inodes *t, struct inode *dir, struct name_list *names)
{
    pthread_mutex_lock(&t->lock);
    if (dir->watch.begun && !dir->watch.names) {
        dir->watch.names = names;
        names = NULL;
    }
    pthread_mutex_unlock(&t->lock);
    name_list_free(names);
}

bool inodes_is_announced(struct inodes *t, const struct inode *dir, const char *name)
{
    bool told;

    pthread_mutex_lock(&t->lock);
    told = !dir->watch.names || name_list_have(dir->watch.names, name);
    pthread_mutex_unlock(&t->lock);
    return told;
}

uint64_t inodes_watch_version(struct inodes *t, const struct inode *dir)
{
    uint64_t version;

    pthread_mutex_lock(&t->lock);
    version = dir->watch.version;
    pthread_mutex_unlock(&t->lock);
    return version;
}

const struct name_list *inodes_watch_names(struct inodes *t, const struct inode *dir)
{
    const struct name_list *names;

    pthread_mutex_lock(&t->lock);
    names = dir->watch.names;
    pthread_mutex_unlock(&t->lock);
    return names;
}

bool inodes_watch_keep(struct inodes *t, struct inode *dir)
{
    bool keep;

    pthread_mutex_lock(&t->lock);
    keep = !dir->watch.keeps_files && t->n_keepers < KEEPERS_MAX;
    if (keep) {
        dir->watch.keeps_files = true;
        t->n_keepers++;
    }
    pthread_mutex_unlock(&t->lock);
    return keep;
}

void inodes_stop_announcing(struct inodes *t)
{
    pthread_mutex_lock(&t->lock);
    t->config.announces = false;
    pthread_mutex_unlock(&t->lock);
}

/* --- walking the table --- */

int inodes_dirs(struct inodes *t, struct inode ***out, size_t *n)
{
    struct inode *dir, **list;
    size_t len = 0;

    pthread_mutex_lock(&t->lock);
    LIST_FOREACH(dir, &t->dirs, of_dirs)
        len++;
    list = calloc(len ? len : 1, sizeof(struct inode *));
    len = 0;
    if (list)
        LIST_FOREACH(dir, &t->dirs, of_dirs)
            if (!dir->watch.waiting && (dir == t->root || dir->dentry->listed)) {
                dir->nlookup++;
                list[len++] = dir;
            }
    pthread_mutex_unlock(&t->lock);
    if (!list)
        return -ENOMEM;
    *out = list;
    *n = len;
    return 0;
}

int inodes_children(struct inodes *t, struct inode *dir, size_t max, struct dentry ***out, size_t *n)
{
    struct dentry *child, **list;
    size_t len = 0;

    pthread_mutex_lock(&t->lock);
    LIST_FOREACH(child, &dir->children, of_dir)
        if (++len == max)
            break;
    list = calloc(len ? len : 1, sizeof(struct dentry *));
    len = 0;
    if (list)
        LIST_FOREACH(child, &dir->children, of_dir) {
            if (len == max)
                break;
            if (child->listed) {
                child->pins++;
                list[len++] = child;
            }
        }
    pthread_mutex_unlock(&t->lock);
    if (!list)
        return -ENOMEM;
    *out = list;
    *n = len;
    return 0;
}

void dentry_unpin(struct inodes *t, struct dentry *dentry)
{
    pthread_mutex_lock(&t->lock);
    dentry->pins--;
    table_settle(t, dentry);
    pthread_mutex_unlock(&t->lock);
}

/* --- generations --- */

struct inode *dentry_current(struct inodes *t, struct dentry *dentry, size_t *len, bool *unannounced)
{
    struct inode *current;

    pthread_mutex_lock(&t->lock);
    current = dentry->current;
    current->nlookup++;
    *unannounced = !table_is_announced(dentry);
    *len = current->stream ? stream_file_len(current->stream) : current->content.len;
    pthread_mutex_unlock(&t->lock);
    return current;
}

size_t dentry_older(struct inodes *t, struct dentry *dentry, struct inode **out, size_t max)
{
    struct inode *inode;
    size_t n = 0;

    pthread_mutex_lock(&t->lock);
    LIST_FOREACH(inode, &dentry->gens, of_dentry)
        if (inode != dentry->current && n < max) {
            inode->nlookup++;
            out[n++] = inode;
        }
    pthread_mutex_unlock(&t->lock);
    return n;
}

void dentry_set_announced(struct inodes *t, struct dentry *dentry, const struct inode *generation, size_t len)
{
    pthread_mutex_lock(&t->lock);
    dentry->announced = generation->ino;
    dentry->announced_len = len;
    dentry->announced_digest = generation->digest;
    table_settle(t, dentry);
    pthread_mutex_unlock(&t->lock);
}

bool dentry_leave(struct inodes *t, struct dentry *dentry)
{
    bool is_first;

    pthread_mutex_lock(&t->lock);
    is_first = !dentry->leaves;
    dentry->leaves = true;
    pthread_mutex_unlock(&t->lock);
    return is_first;
}

bool dentry_leaves(struct inodes *t, const struct dentry *dentry)
{
    bool leaves;

    pthread_mutex_lock(&t->lock);
    leaves = dentry->leaves;
    pthread_mutex_unlock(&t->lock);
    return leaves;
}

void dentry_retire(struct inodes *t, struct dentry *dentry)
{
    pthread_mutex_lock(&t->lock);
    table_unlist(t, dentry);
    table_settle(t, dentry);
    pthread_mutex_unlock(&t->lock);
}

void dentry_relist(struct inodes *t, struct dentry *dentry)
{
    pthread_mutex_lock(&t->lock);
    dentry->leaves = false;
    if (!dentry->listed && !*table_slot(t, dentry->dir, dentry->name)) {
        LIST_REMOVE(dentry, of_dir);
        table_list(t, dentry);
    }
    pthread_mutex_unlock(&t->lock);
}

void dentry_keep(struct inodes *t, struct dentry *dentry)
{
    pthread_mutex_lock(&t->lock);
    if (!dentry->kept && dentry->dir->watch.keeps_files) {
        dentry->kept = true;
        dentry->pins++;
    }
    pthread_mutex_unlock(&t->lock);
}

int dentry_path(const struct dentry *dentry, char *out, size_t size)
{
    size_t n;
    int rc;

    if (!dentry->dir) {
        *out = '\0';
        return 0;
    }
    rc = dentry_path(dentry->dir->dentry, out, size);
    n = rc < 0 ? 0 : strlen(out);
    if (rc == 0 && (size_t)snprintf(out + n, size - n, "%s%s", n ? "/" : "", dentry->name) >= size - n)
        rc = -ENAMETOOLONG;
    return rc;
}
