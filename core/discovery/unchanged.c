/*
 * Fast path: decides with one epoll_wait that nothing changed since the last sync.
 *
 * The folders' queue has no event if a folder above a root is renamed, if a root is created, or if something
 * is mounted over one. So everything above the roots and the user's files is watched too, each folder for one
 * event only. After any such event the next sync checks all paths by name, and watches them again. So a busy
 * home folder queues one event at most, and the events need not be decoded.
 *
 * The watches are in two queues. Events that are near (in the folder of a file, or in the nearest folder
 * above a missing path) also make the change descriptor readable. Events further up only end the fast path.
 *
 * Invariants: the folders above are watched before the check that relies on it. If one of them cannot be
 * watched, or a path leads through a symlink (the folders above its target are not watched), nothing counts
 * as unchanged. The descriptors are opened late, after those that the program cannot do without.
 */
#include "discovery/unchanged.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/passing.h"
#include "files/walk.h"
#include "files/watch.h"

#define ABOVE_EVENTS                                                                                   \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | \
     IN_ONLYDIR | IN_ONESHOT | IN_MASK_ADD)

struct path {
    char *path;
    enum watched_path kind;
    bool unwatched; /* its folder cannot be watched, or has no events for its content */
    size_t there;   /* of the path, as much as exists: bytes; 0: it is too long */
    SLIST_ENTRY(path) next;
};

struct unchanged {
    int queue_fd;  /* of the folders' changes; borrowed */
    int poll_fd;   /* epoll over it and the next three */
    int near_fd;   /* inotify */
    int far_fd;    /* inotify */
    int mounts_fd; /* mountinfo: readable after each mount */
    bool armed;    /* nothing happened above since it was watched */
    bool partial;  /* some folder above cannot be watched */
    bool arrived;  /* an awaited path existed at the last check */
    bool broken;   /* the last check did not finish */
    SLIST_HEAD(, path) paths;
};

/* Else it is a folder. */
static bool is_file(const struct path *p)
{
    return p->kind == PATH_FILE || p->kind == PATH_REPLACED;
}

/* --- life --- */

static bool join(const struct unchanged *u, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return fd >= 0 && epoll_ctl(u->poll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

int unchanged_new(struct unchanged **out, int queue_fd)
{
    struct unchanged *u = calloc(1, sizeof(*u));

    if (!u)
        return -ENOMEM;
    u->queue_fd = queue_fd;
    u->poll_fd = u->near_fd = u->far_fd = u->mounts_fd = -1;
    *out = u;
    return 0;
}

static void close_all(struct unchanged *u)
{
    int *const fds[] = {&u->poll_fd, &u->near_fd, &u->far_fd, &u->mounts_fd};

    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

/* False: not available (now). */
static bool open_all(struct unchanged *u)
{
    if (u->poll_fd >= 0)
        return true;
    u->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    u->near_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    u->far_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    u->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    if (u->poll_fd >= 0 && join(u, u->queue_fd, EPOLLIN) && join(u, u->near_fd, EPOLLIN) &&
        join(u, u->far_fd, EPOLLIN) && join(u, u->mounts_fd, EPOLLPRI))
        return true;
    close_all(u);
    return false;
}

void unchanged_free(struct unchanged *u)
{
    struct path *p;

    if (!u)
        return;
    close_all(u);
    while ((p = SLIST_FIRST(&u->paths))) {
        SLIST_REMOVE_HEAD(&u->paths, next);
        free(p->path);
        free(p);
    }
    free(u);
}

int unchanged_add_path(struct unchanged *u, const char *path, enum watched_path kind)
{
    struct path *p = calloc(1, sizeof(*p));

    if (p)
        p->path = strdup(path);
    if (!p || !p->path) {
        free(p);
        return -ENOMEM;
    }
    p->kind = kind;
    SLIST_INSERT_HEAD(&u->paths, p, next);
    u->armed = false; /* the folders above it are to be watched */
    return 0;
}

/* The watches above it stay: at most they end the fast path once. */
void unchanged_remove_path(struct unchanged *u, const char *path)
{
    struct path *p;

    if (!u)
        return;
    SLIST_FOREACH(p, &u->paths, next)
    if (strcmp(p->path, path) == 0)
        break;
    if (!p)
        return;
    SLIST_REMOVE(&u->paths, p, path, next);
    free(p->path);
    free(p);
}

/* --- the fast path --- */

static bool above_is_unchanged(const struct unchanged *u)
{
    return u->armed && !u->partial && !u->broken;
}

bool unchanged_is(struct unchanged *u)
{
    struct epoll_event events[8];
    int n;

    if (!u || u->poll_fd < 0)
        return false;
    n = epoll_wait(u->poll_fd, events, sizeof(events) / sizeof(*events), 0);
    for (int i = 0; i < n; i++)
        if (events[i].data.fd == u->near_fd || events[i].data.fd == u->far_fd ||
            events[i].data.fd == u->mounts_fd)
            u->armed = false;
    return n == 0 && above_is_unchanged(u);
}

bool unchanged_has_arrived(const struct unchanged *u)
{
    return u && u->arrived;
}

void unchanged_break(struct unchanged *u)
{
    if (u)
        u->broken = true;
}

int unchanged_fd(struct unchanged *u)
{
    return u && open_all(u) ? u->near_fd : -1;
}

bool unchanged_needs_polling(const struct unchanged *u)
{
    const struct path *p;

    if (!u || u->poll_fd < 0)
        return true;
    SLIST_FOREACH(p, &u->paths, next)
    if (is_file(p) && p->unwatched)
        return true;
    return false;
}

/* --- the folders above --- */

static bool may_be_symlink(const char *path)
{
    char c;

    return readlink(path, &c, 1) >= 0 || (errno != EINVAL && !is_absent(-errno));
}

/* Removes the last name; false: there is none. */
static bool go_up(char path[PATH_MAX])
{
    char *slash = strrchr(path, '/');

    if (!slash || !path[1])
        return false;
    slash[slash == path] = '\0';
    return true;
}

/*
 * Cuts the path to the part that exists outside of remote filesystems, at least "/". False: a symlink, such a
 * filesystem or our own mount is on the way, or it is unknown.
 */
static bool cut_to_existing(struct oks_trail *trail, char path[PATH_MAX], bool *remote)
{
    char real[PATH_MAX];
    bool exact = true;
    int went = oks_trail_go(trail, path);

    *remote = false;
    if (went == 0)
        return true;
    if (trail->n && (went == -ENOENT || went == -ENOTDIR)) {
        size_t len = trail->at[trail->n - 1].len;

        path[len ? len : 1] = '\0';
        return true;
    }
    for (;;) {
        int rc = oks_resolve_local(path, real);

        if (rc == 0)
            return exact && strcmp(path, real) == 0;
        *remote |= rc == -EXDEV;
        exact &= is_absent(rc) && !may_be_symlink(path);
        if (!go_up(path))
            return false;
    }
}

static bool watch_folder(int fd, const char *path, uint32_t more_events)
{
    return watch_reports(path) && inotify_add_watch(fd, path, ABOVE_EVENTS | more_events) >= 0;
}

/* `there` is the nearest existing folder above the path; `own`: it is the path's parent. */
static void watch_near(const struct unchanged *u, struct path *p, const char *there, bool own)
{
    p->unwatched = !watch_folder(u->near_fd, there, p->kind == PATH_FILE && own ? IN_MODIFY : 0) ||
                   (p->kind == PATH_FILE && own && may_be_symlink(p->path));
}

/* What the paths of one arm() have in common. */
struct arming {
    struct oks_trail trail;
    char watched[PATH_MAX]; /* it, and all folders above it, are watched; "": none yet */
};

static bool is_watched(const struct arming *a, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(a->watched, folder, len) == 0 && (len == 1 || a->watched[len] == '/' || !a->watched[len]);
}

/* Watches the folder and those above it. */
static bool watch_chain(const struct unchanged *u, struct arming *a, const char *folder)
{
    char at[PATH_MAX];
    bool complete = true;

    strcpy(at, folder);
    do {
        if (is_watched(a, at))
            break;
        complete &= watch_folder(u->far_fd, at, 0);
    } while (go_up(at));
    if (complete)
        strcpy(a->watched, folder);
    return complete;
}

/* Watches all existing folders above the path. False: a change may be missed. */
static bool watch_above(struct unchanged *u, struct arming *a, struct path *p)
{
    char there[PATH_MAX], above[PATH_MAX], own[PATH_MAX];
    bool complete, exists, remote;

    p->there = 0;
    if (snprintf(there, sizeof(there), "%s", p->path) >= (int)sizeof(there))
        return false;
    complete = cut_to_existing(&a->trail, there, &remote);
    p->there = strlen(there);
    exists = strcmp(there, p->path) == 0;
    strcpy(own, p->path);
    go_up(own);
    strcpy(above, exists ? own : there);
    if (p->kind == PATH_AWAITED)
        u->arrived |= exists;
    if (is_file(p) || !exists)
        watch_near(u, p, above, strcmp(above, own) == 0);
    p->unwatched |= remote;
    return watch_chain(u, a, above) && complete;
}

/* It may have become another path before it was watched. */
static bool is_as_watched(struct arming *a, const struct path *p)
{
    char again[PATH_MAX];
    bool remote;

    if (!p->there)
        return false;
    strcpy(again, p->path);
    return cut_to_existing(&a->trail, again, &remote) && strlen(again) == p->there;
}

static void drain(int fd)
{
    char events[4096];

    while (read(fd, events, sizeof(events)) > 0)
        ;
}

static void arm(struct unchanged *u)
{
    struct arming *a = calloc(1, sizeof(*a));
    struct path *p;

    drain(u->near_fd);
    drain(u->far_fd);
    u->armed = a != NULL;
    u->partial = !a;
    u->arrived = false;
    if (!a)
        return;
    SLIST_FOREACH(p, &u->paths, next)
    u->partial |= !watch_above(u, a, p) && p->kind != PATH_AWAITED;
    oks_trail_end(&a->trail);
    SLIST_FOREACH(p, &u->paths, next)
    u->partial |= !is_as_watched(a, p) && p->kind != PATH_AWAITED;
    oks_trail_end(&a->trail);
    free(a);
}

bool unchanged_begin(struct unchanged *u)
{
    bool same;

    if (!u)
        return false;
    same = above_is_unchanged(u);
    u->broken = false;
    if (!u->armed && open_all(u))
        arm(u);
    return same;
}
