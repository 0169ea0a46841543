/*
 * The state of a mount's daemon: the member "daemon" of status.json, which a daemon fills in and `doctor`
 * reads.
 */
#ifndef OKSTRAFS_INTERNAL_DAEMON_STATE_H
#define OKSTRAFS_INTERNAL_DAEMON_STATE_H

#include "okstrafs/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

struct oks_daemon_state {
    char version[32];       /* of the program; only read, from the document around the member */
    uint64_t inodes;        /* that the kernel holds, in whole thousands */
    bool watchers_notified; /* of changes that nobody reads */
    /* The child process that notifies watchers, and unmounts when the daemon dies. */
    bool helper_runs;
    int64_t helper_since_ms;  /* when it was started, or ended, last; ms since the epoch */
    uint64_t helper_restarts; /* after it was killed */
    bool helper_unmounts;     /* when the daemon dies */
    /* What the daemon has given up after it mounted. */
    bool no_core_dumps;
    uint64_t capabilities; /* effective ones that are left, as in capget(2) */
    bool no_new_privileges;
    int landlock; /* version of the kernel's interface; 0: not in force */
    bool seccomp;
    char hardening_note[128]; /* why something is not in force; "": all of it is */
};

/*
 * Sets the function that fills in the member; without one it is null. It is called without any lock of the
 * engine, from the thread that renders, until the next call of this.
 */
void oks_engine_set_daemon(struct oks_engine *engine, void (*fn)(void *ctx, struct oks_daemon_state *out),
                           void *ctx);

/* Reads the member of a status document. 0; -ENOENT: it has none; -EINVAL: no such document; -ENOMEM. */
int oks_daemon_state_read(struct oks_daemon_state *out, struct oks_slice status);

#ifdef __cplusplus
}
#endif

#endif
