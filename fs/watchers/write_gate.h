/*
 * The one door through which anything may be "changed": for the ringer, and only what is announced just now.
 *
 * The thread that announces opens the door for one act, has the ringer perform it, and shuts it. Handlers ask
 * the door; it lets in who is the ringer (by thread id, which nobody can forge and which is not given away
 * again while the ringer is our unreaped child) and does that act. Thread safe.
 */
#ifndef OKSTRAFS_FS_WATCHERS_WRITE_GATE_H
#define OKSTRAFS_FS_WATCHERS_WRITE_GATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "inodes/inode.h"

enum door_act {
    DOOR_SHUT,
    DOOR_TOUCH,      /* open `inode` for writing, at its name in `dir`, and set its time */
    DOOR_TOUCH_OLD,  /* the same by DOOR_PATH: an older generation has no name any more */
    DOOR_CREATE,     /* make `name` in `dir`: it becomes `inode` */
    DOOR_REMOVE,     /* remove `name` from `dir` */
    DOOR_REMOVE_OLD, /* remove DOOR_PATH, which is `inode` */
};

/* A folder in the root and a name in it that nobody but the ringer finds. */
#define DOOR_FOLDER ".okstrafs-door"
#define DOOR_NAME   "inode"
#define DOOR_PATH   DOOR_FOLDER "/" DOOR_NAME

struct door;

int door_new(struct door **out, struct inodes *inodes, pid_t ringer); /* -ENOMEM */
void door_free(struct door *door);

/* The caller holds dir and inode until the door is shut. */
void door_open(struct door *door, enum door_act act, struct inode *dir, const char *name,
               struct inode *inode);
void door_shut(struct door *door);

/* For handlers. Each is false (or -ENOENT) for whom the door is not open; door may be NULL. */
bool door_is_for(const struct door *door, pid_t caller);
/* What the ringer finds under a name: what is in the table, nothing that would have to be made. One reference
 * more. -ENOENT */
int door_lookup(struct door *door, struct inode *dir, const char *name, struct inode **out);
bool door_admits_open(struct door *door, pid_t caller, const struct inode *inode);
/* The inode that the new name is to be, with one reference more; NULL: not admitted. */
struct inode *door_admits_create(struct door *door, pid_t caller, const struct inode *dir, const char *name,
                                 enum node_shape shape);
/* What loses its name, which the announcing thread holds; NULL: not admitted. */
struct inode *door_admits_remove(struct door *door, pid_t caller, const struct inode *dir, const char *name);

#endif
