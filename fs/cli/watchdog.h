/*
 * The watchdog of a daemon's end: a thread that ends the process if a worker does not.
 *
 *     watchdog_start(&dog, session, toucher, path);   before the session loop, with all signals blocked
 *     watchdog_wake(&dog);                            in the signal handler
 *     watchdog_stop(&dog);                            the session loop has returned
 */
#ifndef OKSTRAFS_FS_CLI_WATCHDOG_H
#define OKSTRAFS_FS_CLI_WATCHDOG_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

struct fuse_session;
struct toucher;

struct watchdog {
    sem_t woken, served;
    struct fuse_session *session;
    struct toucher *toucher;
    const char *mountpoint;
    pthread_t thread;
    bool runs;
};

/* Without it (no thread can be started) only the second signal ends such a process. */
void watchdog_start(struct watchdog *w, struct fuse_session *session, struct toucher *toucher,
                    const char *mountpoint);
/* The time runs from now. Safe in a signal handler. */
void watchdog_wake(struct watchdog *w);
void watchdog_stop(struct watchdog *w);

#endif
