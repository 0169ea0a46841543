/*
 * The watchdog of a daemon's end.
 *
 * At SIGTERM libfuse waits for each of its workers. One that reads a transcript for a ledger may be in a call
 * to a filesystem that has just stopped to answer, and nobody can end that. After some seconds the watchdog
 * closes the connection, so that whoever waits for this mount gets an error, has it unmounted, and ends the
 * process. Nothing is lost by that: what is not in a cache is read again, and the history store is written a
 * second after each change.
 */
#include "cli/watchdog.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "common/log.h"
#include "watchers/toucher.h"

enum { END_S = 10 };

static void end_process(struct watchdog *w)
{
    log_error("after %d s a file is still being read, so its filesystem does not answer: ending without it",
              END_S);
    /* All that read it have ended, or are waiting elsewhere. ThreadSanitizer, which sees close(), does not
     * know that. */
    syscall(SYS_close, fuse_session_fd(w->session));
    if (w->toucher)
        toucher_unmount(w->toucher);
    else
        umount2(w->mountpoint, MNT_DETACH);
    _exit(EX_SOFTWARE);
}

static void *watch(void *arg)
{
    struct watchdog *w = arg;
    struct timespec until;
    int rc;

    while (sem_wait(&w->woken) < 0)
        ;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += END_S;
    while ((rc = sem_clockwait(&w->served, CLOCK_MONOTONIC, &until)) < 0 && errno == EINTR)
        ;
    if (rc < 0)
        end_process(w);
    return NULL;
}

void watchdog_start(struct watchdog *w, struct fuse_session *session, struct toucher *toucher,
                    const char *mountpoint)
{
    sem_init(&w->woken, 0, 0);
    sem_init(&w->served, 0, 0);
    w->session = session;
    w->toucher = toucher;
    w->mountpoint = mountpoint;
    w->runs = pthread_create(&w->thread, NULL, watch, w) == 0;
}

void watchdog_wake(struct watchdog *w)
{
    sem_post(&w->woken);
}

void watchdog_stop(struct watchdog *w)
{
    sem_post(&w->served);
    sem_post(&w->woken);
    if (w->runs)
        pthread_join(w->thread, NULL);
    w->runs = false;
}
