/*
 * The write gate: an access check that lets one process, the toucher, perform the one write that is announced
 * just now. All else that would change the mount is EROFS.
 *
 * The announcing thread opens the gate for one act, has the toucher perform it, and shuts it. Handlers check
 * each write against it: the caller must be the toucher (by thread id, which nobody can forge and which is
 * not given away again while the toucher is our unreaped child) and do that act. Thread safe.
 */
#ifndef OKSTRAFS_FS_WATCHERS_WRITE_GATE_H
#define OKSTRAFS_FS_WATCHERS_WRITE_GATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "inodes/inode.h"

enum write_gate_act {
    GATE_SHUT,
    GATE_TOUCH,      /* open `inode` for writing, at its name in `dir`, and set its time */
    GATE_TOUCH_OLD,  /* the same by GATE_PATH: an older generation has no name any more */
    GATE_CREATE,     /* make `name` in `dir`: it becomes `inode` */
    GATE_REMOVE,     /* remove `name` from `dir` */
    GATE_REMOVE_OLD, /* remove GATE_PATH, which is `inode` */
};

/* A folder in the root and a name in it that nobody but the toucher finds. */
#define GATE_FOLDER ".okstrafs-gate"
#define GATE_NAME   "inode"
#define GATE_PATH   GATE_FOLDER "/" GATE_NAME

struct write_gate;

int write_gate_new(struct write_gate **out, struct inodes *inodes, pid_t toucher); /* -ENOMEM */
void write_gate_free(struct write_gate *gate);

/* The caller holds dir and inode until the gate is shut. */
void write_gate_open(struct write_gate *gate, enum write_gate_act act, struct inode *dir, const char *name,
                     struct inode *inode);
void write_gate_shut(struct write_gate *gate);

/* For handlers. Each is false (or -ENOENT) for whom the gate is not open; gate may be NULL. */
bool write_gate_is_for(const struct write_gate *gate, pid_t caller);
/* What the toucher finds under a name: what is in the table, nothing that would have to be made. One
 * reference more. -ENOENT */
int write_gate_lookup(struct write_gate *gate, struct inode *dir, const char *name, struct inode **out);
bool write_gate_admits_open(struct write_gate *gate, pid_t caller, const struct inode *inode);
/* The inode that the new name is to be, with one reference more; NULL: not admitted. */
struct inode *write_gate_admits_create(struct write_gate *gate, pid_t caller, const struct inode *dir,
                                       const char *name, enum node_shape shape);
/* What loses its name, which the announcing thread holds; NULL: not admitted. */
struct inode *write_gate_admits_remove(struct write_gate *gate, pid_t caller, const struct inode *dir,
                                       const char *name);

#endif
