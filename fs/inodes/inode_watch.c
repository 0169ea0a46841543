/*
 * The inode table as those see it who tell watchers: which directories somebody knows, what is in them, which
 * generations there are, and what of all that has been told.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inodes/inode_private.h"

enum { KEEPERS_MAX = 64 };

/* --- what a folder's watchers know --- */

bool inodes_folder_begin(struct inodes *t, struct inode *dir, uint64_t version, struct names *names,
                         bool waits, bool has_files)
{
    struct folder *f = &dir->folder;

    pthread_mutex_lock(&t->lock);
    f->begun = true;
    f->version = version;
    if (!f->names) {
        f->names = names;
        names = NULL;
    }
    waits |= has_files && t->n_keepers < KEEPERS_MAX;
    if (waits && !f->waiting) {
        f->waiting = true;
        TAILQ_INSERT_TAIL(&t->waiting, dir, of_waiting);
    }
    pthread_mutex_unlock(&t->lock);
    names_free(names);
    return waits;
}

struct inode *inodes_next_waiting(struct inodes *t)
{
    struct inode *dir;

    pthread_mutex_lock(&t->lock);
    dir = TAILQ_FIRST(&t->waiting);
    if (dir) {
        TAILQ_REMOVE(&t->waiting, dir, of_waiting);
        dir->folder.waiting = false;
        dir->nlookup++;
    }
    pthread_mutex_unlock(&t->lock);
    return dir;
}

void inodes_folder_told(struct inodes *t, struct inode *dir, uint64_t version, struct names *names)
{
    struct names *before = NULL;

    pthread_mutex_lock(&t->lock);
    dir->folder.version = version;
    if (names) {
        before = dir->folder.names;
        dir->folder.names = names;
    }
    pthread_mutex_unlock(&t->lock);
    names_free(before);
}

void inodes_folder_listed(struct inodes *t, struct inode *dir, struct names *names)
{
    pthread_mutex_lock(&t->lock);
    if (dir->folder.begun && !dir->folder.names) {
        dir->folder.names = names;
        names = NULL;
    }
    pthread_mutex_unlock(&t->lock);
    names_free(names);
}

bool inodes_is_told(struct inodes *t, const struct inode *dir, const char *name)
{
    bool told;

    pthread_mutex_lock(&t->lock);
    told = !dir->folder.names || names_have(dir->folder.names, name);
    pthread_mutex_unlock(&t->lock);
    return told;
}

uint64_t inodes_folder_version(struct inodes *t, const struct inode *dir)
{
    uint64_t version;

    pthread_mutex_lock(&t->lock);
    version = dir->folder.version;
    pthread_mutex_unlock(&t->lock);
    return version;
}

const struct names *inodes_folder_names(struct inodes *t, const struct inode *dir)
{
    const struct names *names;

    pthread_mutex_lock(&t->lock);
    names = dir->folder.names;
    pthread_mutex_unlock(&t->lock);
    return names;
}

bool inodes_folder_keep(struct inodes *t, struct inode *dir)
{
    bool keep;

    pthread_mutex_lock(&t->lock);
    keep = !dir->folder.keeps_files && t->n_keepers < KEEPERS_MAX;
    if (keep) {
        dir->folder.keeps_files = true;
        t->n_keepers++;
    }
    pthread_mutex_unlock(&t->lock);
    return keep;
}

void inodes_stop_telling(struct inodes *t)
{
    pthread_mutex_lock(&t->lock);
    t->tells = false;
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
            if (dir == t->root || dir->place->listed) {
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

int inodes_children(struct inodes *t, struct inode *dir, size_t max, struct place ***out, size_t *n)
{
    struct place *child, **list;
    size_t len = 0;

    pthread_mutex_lock(&t->lock);
    LIST_FOREACH(child, &dir->children, of_dir)
        if (++len == max)
            break;
    list = calloc(len ? len : 1, sizeof(struct place *));
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

void place_unpin(struct inodes *t, struct place *place)
{
    pthread_mutex_lock(&t->lock);
    place->pins--;
    table_settle(t, place);
    pthread_mutex_unlock(&t->lock);
}

/* --- generations --- */

struct inode *place_current(struct inodes *t, struct place *place, size_t *len, bool *untold)
{
    struct inode *current;

    pthread_mutex_lock(&t->lock);
    current = place->current;
    current->nlookup++;
    *untold = !table_is_told(place);
    *len = current->stream ? stream_len(current->stream) : current->len;
    pthread_mutex_unlock(&t->lock);
    return current;
}

size_t place_older(struct inodes *t, struct place *place, struct inode **out, size_t max)
{
    struct inode *inode;
    size_t n = 0;

    pthread_mutex_lock(&t->lock);
    LIST_FOREACH(inode, &place->gens, of_place)
        if (inode != place->current && n < max) {
            inode->nlookup++;
            out[n++] = inode;
        }
    pthread_mutex_unlock(&t->lock);
    return n;
}

void place_told(struct inodes *t, struct place *place, const struct inode *generation, size_t len)
{
    pthread_mutex_lock(&t->lock);
    place->told = generation->ino;
    place->told_len = len;
    place->told_essence = generation->essence;
    table_settle(t, place);
    pthread_mutex_unlock(&t->lock);
}

void place_retire(struct inodes *t, struct place *place)
{
    pthread_mutex_lock(&t->lock);
    table_unlist(t, place);
    table_settle(t, place);
    pthread_mutex_unlock(&t->lock);
}

void place_relist(struct inodes *t, struct place *place)
{
    pthread_mutex_lock(&t->lock);
    if (!place->listed && !*table_slot(t, place->dir, place->name)) {
        LIST_REMOVE(place, of_dir);
        table_list(t, place);
    }
    pthread_mutex_unlock(&t->lock);
}

void place_keep(struct inodes *t, struct place *place)
{
    pthread_mutex_lock(&t->lock);
    if (!place->kept && place->dir->folder.keeps_files) {
        place->kept = true;
        place->pins++;
    }
    pthread_mutex_unlock(&t->lock);
}

int place_path(const struct place *place, char *out, size_t size)
{
    size_t n;
    int rc;

    if (!place->dir) {
        *out = '\0';
        return 0;
    }
    rc = place_path(place->dir->place, out, size);
    n = rc < 0 ? 0 : strlen(out);
    if (rc == 0 && (size_t)snprintf(out + n, size - n, "%s%s", n ? "/" : "", place->name) >= size - n)
        rc = -ENAMETOOLONG;
    return rc;
}
