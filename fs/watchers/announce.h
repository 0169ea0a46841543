/* Announcements: the changes of a directory, made known to its watchers by touches. For the notifier's thread
 * only. */
#ifndef OKSTRAFS_FS_WATCHERS_ANNOUNCE_H
#define OKSTRAFS_FS_WATCHERS_ANNOUNCE_H

#include "serve/mount_state.h"
#include "watchers/toucher.h"
#include "watchers/write_gate.h"

struct announcer {
    struct mount *m;
    struct write_gate *gate;
    struct toucher *toucher;
    bool gate_used; /* the kernel may know GATE_PATH */
    bool more;      /* there was too much for one time */
    bool dead;      /* the toucher is gone */
    uint64_t touches;
};

/* Takes down what a new folder's watchers know: its state of now or, where the lookup could see it, of then.
 */
void announce_begin(struct announcer *a, struct inode *dir);
/* A folder that was just made: the same from what is known. True: announce_begin has something left to do. */
bool announce_found(struct mount *m, struct inode *dir);

/* Tells what changed in a folder since it was last told. The data is up to date. */
void announce_dir(struct announcer *a, struct inode *dir);
/* After a round. */
void announce_end(struct announcer *a);

#endif
