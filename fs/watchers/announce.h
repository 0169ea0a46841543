/*
 * Announcements: turns the changes of a directory into touches, which notify its watchers. For the notifier's
 * thread only.
 */
#ifndef OKSTRAFS_FS_WATCHERS_ANNOUNCE_H
#define OKSTRAFS_FS_WATCHERS_ANNOUNCE_H

#include "serve/mount_state.h"
#include "watchers/toucher.h"
#include "watchers/write_gate.h"

struct announcer {
    struct mount *m;
    struct write_gate *gate;
    struct toucher *toucher;
    bool gate_used; /* the kernel may have cached GATE_PATH */
    bool more;      /* there was too much for one round */
    bool dead;      /* the toucher is gone */
    uint64_t touches;
    int64_t day_ms; /* when the local day began */
    bool new_day;   /* it has begun since the last round: windows of whole days are others */
};

/* Stores the state of a new folder as announced: of now or, if the lookup could see it, of that time. */
void announce_begin(struct announcer *a, struct inode *dir);
/*
 * For a folder that was just created: the same from the last sync. True: announce_begin() still has to be
 * called.
 */
bool announce_found(struct mount *m, struct inode *dir);

/* Announces what changed in a folder since the last call. Sync before. */
void announce_dir(struct announcer *a, struct inode *dir);
/* Call it after a round. */
void announce_end(struct announcer *a);

#endif
