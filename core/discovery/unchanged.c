/*
 * Nearly always nothing has changed, and then a sync must not ask the disk a dozen questions to learn it.
 *
 * The folders' and the settings' queues of changes tell what happened in them, but not that a folder above a
 * root was renamed, that a root came into being, or that something was mounted over one. So all folders above
 * are watched too, each for one event only: whatever it is, the next look asks for everything by name, and
 * watches again. That a busy home queues no more than one event is why the events are not read for what they
 * say.
 *
 * Invariants: the folders above are watched before the look that relies on it; where one of them cannot be
 * watched, or a path leads through a symlink (whose target's ancestors nobody watches), nothing is quiet. Its
 * descriptors are opened by the first look, when everybody who cannot do without has theirs.
 */
#include "discovery/unchanged.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "engine/engine_private.h"
#include "files/walk.h"

#define ABOVE_EVENTS                                                                                   \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | \
     IN_ONLYDIR | IN_ONESHOT)

enum { OWN_PATHS = 2 };

struct quiet {
    int poll_fd;   /* of the queues, and of the next two */
    int above_fd;  /* inotify */
    int mounts_fd; /* mountinfo, which tells of every mount */
    bool armed;    /* nothing was heard from above since it was watched */
    bool deaf;     /* some folder above cannot be */
    bool broken;
    char *own[OWN_PATHS]; /* below the okstra home; NULL: none */
};

static int join(const struct quiet *q, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return fd < 0 || epoll_ctl(q->poll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -EBADF : 0;
}

static void close_all(struct quiet *q)
{
    int *const fds[] = {&q->poll_fd, &q->above_fd, &q->mounts_fd};

    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

static bool open_all(const struct oks_engine *e, struct quiet *q)
{
    q->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    q->above_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    q->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    return q->poll_fd >= 0 && join(q, q->above_fd, EPOLLIN) == 0 && join(q, q->mounts_fd, EPOLLPRI) == 0 &&
           join(q, watch_fd(e->watch), EPOLLIN) == 0 && join(q, settings_fd(e->settings), EPOLLIN) == 0;
}

static void quiet_clear(struct quiet *q)
{
    close_all(q);
    for (size_t i = 0; i < OWN_PATHS; i++)
        free(q->own[i]);
    free(q);
}

int quiet_new(struct oks_engine *e, const char *okstra_home)
{
    struct quiet *q;

    if (!e->watch || settings_fd(e->settings) < 0)
        return 0;
    q = calloc(1, sizeof(*q));
    if (!q)
        return -ENOMEM;
    q->poll_fd = q->above_fd = q->mounts_fd = -1;
    q->own[0] = settings_below(okstra_home);
    q->own[1] = e->cache ? retained_marker(okstra_home) : NULL;
    if (!q->own[0] || (e->cache && !q->own[1])) {
        quiet_clear(q);
        return -ENOMEM;
    }
    e->quiet = q;
    return 0;
}

void quiet_free(struct oks_engine *e)
{
    if (e->quiet)
        quiet_clear(e->quiet);
    e->quiet = NULL;
}

static bool above_is_quiet(const struct oks_engine *e)
{
    const struct quiet *q = e->quiet;

    return q && q->armed && !q->deaf && !q->broken && !e->unwatched;
}

bool quiet_is(struct oks_engine *e)
{
    struct quiet *q = e->quiet;
    struct epoll_event events[4];
    int n;

    if (!q || q->poll_fd < 0)
        return false;
    n = epoll_wait(q->poll_fd, events, sizeof(events) / sizeof(*events), 0);
    for (int i = 0; i < n; i++)
        if (events[i].data.fd == q->above_fd || events[i].data.fd == q->mounts_fd)
            q->armed = false;
    return n == 0 && above_is_quiet(e) && !settings_are_blind(e->settings);
}

void quiet_break(struct oks_engine *e)
{
    if (e->quiet)
        e->quiet->broken = true;
}

/* --- the folders above --- */

/* Cuts the path down to what exists of it, at least "/". False where a symlink is on the way, or our own
 * mount, or it cannot be told. */
static bool cut_to_existing(char path[PATH_MAX])
{
    char real[PATH_MAX], *slash;
    int rc;

    for (;;) {
        rc = oks_resolve(path, real);
        if (rc == 0)
            return strcmp(path, real) == 0;
        slash = strrchr(path, '/');
        if ((rc != -ENOENT && rc != -ENOTDIR) || !slash || !path[1])
            return false;
        slash[slash == path] = '\0';
    }
}

/* Watches a folder and those above it; false where one cannot be watched. */
static bool watch_up(const struct quiet *q, char path[PATH_MAX])
{
    for (;;) {
        char *slash = strrchr(path, '/');

        if (!watch_reports(path) || inotify_add_watch(q->above_fd, path, ABOVE_EVENTS) < 0)
            return false;
        if (!slash || !path[1])
            return true;
        slash[slash == path] = '\0';
    }
}

/* Watches all that exists above the path. */
static bool watch_above(const struct quiet *q, const char *path)
{
    char there[PATH_MAX], again[PATH_MAX], above[PATH_MAX], *slash;

    if (snprintf(there, sizeof(there), "%s", path) >= (int)sizeof(there) || !cut_to_existing(there))
        return false;
    strcpy(above, there);
    slash = strrchr(above, '/');
    if (strcmp(there, path) == 0 && slash)
        slash[slash == above] = '\0';
    if (!watch_up(q, above))
        return false;
    /* It may have become another path before it was watched. */
    strcpy(again, path);
    return cut_to_existing(again) && strcmp(there, again) == 0;
}

static void arm(const struct oks_engine *e, struct quiet *q)
{
    char events[4096];

    if (q->poll_fd < 0 && !open_all(e, q)) {
        close_all(q);
        return;
    }
    while (read(q->above_fd, events, sizeof(events)) > 0)
        ;
    q->armed = true;
    q->deaf = false;
    for (size_t i = 0; i < e->n_roots; i++)
        q->deaf |= !watch_above(q, e->roots[i].path);
    for (size_t i = 0; i < OWN_PATHS; i++)
        if (q->own[i])
            q->deaf |= !watch_above(q, q->own[i]);
}

bool quiet_begin(struct oks_engine *e)
{
    bool was_quiet = above_is_quiet(e);

    if (!e->quiet)
        return false;
    e->quiet->broken = false;
    if (!e->quiet->armed)
        arm(e, e->quiet);
    return was_quiet;
}
