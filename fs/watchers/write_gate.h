/*
 * The write gate: an access check that lets one process, the toucher, make the one write that is announced
 * now. Any other change of the mount is EROFS.
 *
 *     write_gate_open(gate, GATE_TOUCH, dir, name, inode);          the announcing thread
 *     toucher_do(toucher, TOUCH_WRITE, path);                       its requests are checked by handlers
 *     write_gate_shut(gate);
 *
 * The caller of a request must be the toucher, by thread id. That cannot be forged, and is not used again
 * while the toucher is our unreaped child. Thread safe.
 */
#ifndef OKSTRAFS_FS_WATCHERS_WRITE_GATE_H
#define OKSTRAFS_FS_WATCHERS_WRITE_GATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "inodes/inode.h"

enum write_gate_act {
    GATE_SHUT,
    GATE_TOUCH,      /* open `inode` for writing, by its name in `dir`, and set its time */
    GATE_TOUCH_OLD,  /* the same by GATE_PATH: no name leads to an older generation */
    GATE_CREATE,     /* create `name` in `dir`, as `inode` */
    GATE_REMOVE,     /* remove `name` from `dir` */
    GATE_REMOVE_OLD, /* remove GATE_PATH, which is `inode` */
};

/* A folder in the root, and a name in it, that only the toucher can look up. */
#define GATE_FOLDER ".okstrafs-gate"
#define GATE_NAME   "inode"
#define GATE_PATH   GATE_FOLDER "/" GATE_NAME

struct write_gate;

/* *toucher is the process, now and later; -1: none. 0 or -ENOMEM */
int write_gate_new(struct write_gate **out, struct inodes *inodes, const _Atomic pid_t *toucher);
void write_gate_free(struct write_gate *gate);

/* The caller holds references to dir and inode until the gate is shut. */
void write_gate_open(struct write_gate *gate, enum write_gate_act act, struct inode *dir, const char *name,
                     struct inode *inode);
void write_gate_shut(struct write_gate *gate);

/* For handlers. Each is false (or -ENOENT) if the gate is not open for the caller; gate may be NULL. */
bool write_gate_is_for(const struct write_gate *gate, pid_t caller);
/* A lookup of the toucher: in the table, without creating anything. One more reference. 0 or -ENOENT */
int write_gate_lookup(struct write_gate *gate, struct inode *dir, const char *name, struct inode **out);
bool write_gate_admits_open(struct write_gate *gate, pid_t caller, const struct inode *inode);
/* The inode that the new name refers to, with one more reference; NULL: refused. */
struct inode *write_gate_admits_create(struct write_gate *gate, pid_t caller, const struct inode *dir,
                                       const char *name, enum node_shape shape);
/* The inode that loses its name, referenced by the announcing thread; NULL: refused. */
struct inode *write_gate_admits_remove(struct write_gate *gate, pid_t caller, const struct inode *dir,
                                       const char *name);

#endif
