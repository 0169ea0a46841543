/*
 * Who may pass, and with what. See door.h.
 *
 * The ringer's lookups are answered from the inode table alone: whatever it is sent to, the announcing thread
 * holds already, and a ring must not scan. While a name is being created, it does not exist for the ringer,
 * or the kernel would answer EEXIST by itself; while it is being removed, it still does.
 */
#include "watchers/write_gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct door {
    struct inodes *inodes;
    pid_t ringer;
    struct place place;  /* of the folder ... */
    struct inode folder; /* ... that leads to older generations */

    pthread_mutex_t lock; /* protects the rest; the inode table's comes after it */
    enum door_act act;
    struct inode *dir;
    const char *name;
    struct inode *inode;
    bool passed; /* the act has been done: it is done once */
};

int door_new(struct door **out, struct inodes *inodes, pid_t ringer)
{
    struct door *d = calloc(1, sizeof(*d));

    if (!d)
        return -ENOMEM;
    d->inodes = inodes;
    d->ringer = ringer;
    tree_root(&d->place.node);
    d->place.current = &d->folder;
    d->folder.place = &d->place;
    d->folder.ino = UINT64_MAX;
    pthread_mutex_init(&d->lock, NULL);
    *out = d;
    return 0;
}

void door_free(struct door *d)
{
    if (!d)
        return;
    pthread_mutex_destroy(&d->lock);
    free(d);
}

void door_open(struct door *d, enum door_act act, struct inode *dir, const char *name, struct inode *inode)
{
    pthread_mutex_lock(&d->lock);
    d->act = act;
    d->dir = dir;
    d->name = name;
    d->inode = inode;
    d->passed = false;
    pthread_mutex_unlock(&d->lock);
}

void door_shut(struct door *d)
{
    door_open(d, DOOR_SHUT, NULL, NULL, NULL);
}

bool door_is_for(const struct door *d, pid_t caller)
{
    return d && caller == d->ringer;
}

/* --- what it lets through; under the lock --- */

static bool is_old(const struct door *d)
{
    return d->act == DOOR_TOUCH_OLD || d->act == DOOR_REMOVE_OLD;
}

static bool is_meant(const struct door *d, const struct inode *dir, const char *name)
{
    if (d->act == DOOR_SHUT)
        return false;
    if (is_old(d))
        return dir == &d->folder && strcmp(name, DOOR_NAME) == 0;
    return dir == d->dir && strcmp(name, d->name) == 0;
}

int door_lookup(struct door *d, struct inode *dir, const char *name, struct inode **out)
{
    struct inode *found = NULL;

    pthread_mutex_lock(&d->lock);
    if (is_meant(d, dir, name)) {
        bool is_gone = d->passed && d->act != DOOR_TOUCH && d->act != DOOR_TOUCH_OLD;

        found = d->act == DOOR_CREATE || is_gone ? NULL : d->inode;
        if (found)
            inodes_hold(d->inodes, found);
    } else if (dir == inodes_root(d->inodes) && strcmp(name, DOOR_FOLDER) == 0) {
        found = &d->folder;
    } else if (dir != &d->folder) {
        found = inodes_find(d->inodes, dir, name);
    }
    pthread_mutex_unlock(&d->lock);
    if (!found)
        return -ENOENT;
    *out = found;
    return 0;
}

bool door_admits_open(struct door *d, pid_t caller, const struct inode *inode)
{
    bool admitted;

    if (!door_is_for(d, caller))
        return false;
    pthread_mutex_lock(&d->lock);
    admitted = (d->act == DOOR_TOUCH || d->act == DOOR_TOUCH_OLD) && inode == d->inode;
    pthread_mutex_unlock(&d->lock);
    return admitted;
}

struct inode *door_admits_create(struct door *d, pid_t caller, const struct inode *dir, const char *name,
                                 enum node_shape shape)
{
    struct inode *inode = NULL;

    if (!door_is_for(d, caller))
        return NULL;
    pthread_mutex_lock(&d->lock);
    if (d->act == DOOR_CREATE && !d->passed && is_meant(d, dir, name) &&
        node_shape(&d->inode->place->node) == shape) {
        inode = d->inode;
        inodes_hold(d->inodes, inode);
        d->passed = true;
    }
    pthread_mutex_unlock(&d->lock);
    return inode;
}

struct inode *door_admits_remove(struct door *d, pid_t caller, const struct inode *dir, const char *name)
{
    struct inode *inode = NULL;

    if (!door_is_for(d, caller))
        return NULL;
    pthread_mutex_lock(&d->lock);
    if ((d->act == DOOR_REMOVE || d->act == DOOR_REMOVE_OLD) && !d->passed && is_meant(d, dir, name)) {
        inode = d->inode;
        d->passed = true;
    }
    pthread_mutex_unlock(&d->lock);
    return inode;
}
