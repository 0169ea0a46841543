/*
 * The access check of writes against the one open act. The toucher's lookups are answered from the inode
 * table alone: the announcing thread holds everything that the toucher is sent to, and a touch must not scan.
 *
 * While a name is being created, it does not exist for the toucher, or the kernel would reply EEXIST by
 * itself. While a name is being removed, it still exists.
 */
#include "watchers/write_gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct write_gate {
    struct inodes *inodes;
    const _Atomic pid_t *toucher;
    struct dentry dentry; /* of the folder ... */
    struct inode folder;  /* ... with the older generations */

    pthread_mutex_t lock; /* protects the rest; the inode table's is taken under it */
    enum write_gate_act act;
    struct inode *dir;
    const char *name;
    struct inode *inode;
    bool passed; /* the act is done: it is admitted once */
};

int write_gate_new(struct write_gate **out, struct inodes *inodes, const _Atomic pid_t *toucher)
{
    struct write_gate *g = calloc(1, sizeof(*g));

    if (!g)
        return -ENOMEM;
    g->inodes = inodes;
    g->toucher = toucher;
    tree_root(&g->dentry.node);
    g->dentry.current = &g->folder;
    g->folder.dentry = &g->dentry;
    g->folder.ino = UINT64_MAX;
    pthread_mutex_init(&g->lock, NULL);
    *out = g;
    return 0;
}

void write_gate_free(struct write_gate *g)
{
    if (!g)
        return;
    pthread_mutex_destroy(&g->lock);
    free(g);
}

void write_gate_open(struct write_gate *g, enum write_gate_act act, struct inode *dir, const char *name,
                     struct inode *inode)
{
    pthread_mutex_lock(&g->lock);
    g->act = act;
    g->dir = dir;
    g->name = name;
    g->inode = inode;
    g->passed = false;
    pthread_mutex_unlock(&g->lock);
}

void write_gate_shut(struct write_gate *g)
{
    write_gate_open(g, GATE_SHUT, NULL, NULL, NULL);
}

bool write_gate_is_for(const struct write_gate *g, pid_t caller)
{
    return g && caller == *g->toucher;
}

/* --- what is admitted; under the lock --- */

static bool is_old(const struct write_gate *g)
{
    return g->act == GATE_TOUCH_OLD || g->act == GATE_REMOVE_OLD;
}

static bool is_meant(const struct write_gate *g, const struct inode *dir, const char *name)
{
    if (g->act == GATE_SHUT)
        return false;
    if (is_old(g))
        return dir == &g->folder && strcmp(name, GATE_NAME) == 0;
    return dir == g->dir && strcmp(name, g->name) == 0;
}

int write_gate_lookup(struct write_gate *g, struct inode *dir, const char *name, struct inode **out)
{
    struct inode *found = NULL;

    pthread_mutex_lock(&g->lock);
    if (is_meant(g, dir, name)) {
        bool is_gone = g->passed && g->act != GATE_TOUCH && g->act != GATE_TOUCH_OLD;

        found = g->act == GATE_CREATE || is_gone ? NULL : g->inode;
        if (found)
            inodes_hold(g->inodes, found);
    } else if (dir == inodes_root(g->inodes) && strcmp(name, GATE_FOLDER) == 0) {
        found = &g->folder;
    } else if (dir != &g->folder) {
        found = inodes_find(g->inodes, dir, name);
    }
    pthread_mutex_unlock(&g->lock);
    if (!found)
        return -ENOENT;
    *out = found;
    return 0;
}

bool write_gate_admits_open(struct write_gate *g, pid_t caller, const struct inode *inode)
{
    bool admitted;

    if (!write_gate_is_for(g, caller))
        return false;
    pthread_mutex_lock(&g->lock);
    admitted = (g->act == GATE_TOUCH || g->act == GATE_TOUCH_OLD) && inode == g->inode;
    pthread_mutex_unlock(&g->lock);
    return admitted;
}

struct inode *write_gate_admits_create(struct write_gate *g, pid_t caller, const struct inode *dir,
                                       const char *name, enum node_shape shape)
{
    struct inode *inode = NULL;

    if (!write_gate_is_for(g, caller))
        return NULL;
    pthread_mutex_lock(&g->lock);
    if (g->act == GATE_CREATE && !g->passed && is_meant(g, dir, name) &&
        node_shape(&g->inode->dentry->node) == shape) {
        inode = g->inode;
        inodes_hold(g->inodes, inode);
        g->passed = true;
    }
    pthread_mutex_unlock(&g->lock);
    return inode;
}

struct inode *write_gate_admits_remove(struct write_gate *g, pid_t caller, const struct inode *dir,
                                       const char *name)
{
    struct inode *inode = NULL;

    if (!write_gate_is_for(g, caller))
        return NULL;
    pthread_mutex_lock(&g->lock);
    if ((g->act == GATE_REMOVE || g->act == GATE_REMOVE_OLD) && !g->passed && is_meant(g, dir, name)) {
        inode = g->inode;
        g->passed = true;
    }
    pthread_mutex_unlock(&g->lock);
    return inode;
}
