/*
 * A file descriptor that polls as readable after a change.
 *
 * A change is in an inotify queue until some sync drains it. Then the queue no longer shows it. So each sync
 * that drained something also writes to an eventfd, and the descriptor is an epoll over the queues and the
 * eventfd. The first call makes it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "discovery/discovery_private.h"

struct change_fd {
    int poll_fd;  /* epoll over the queues and event_fd */
    int event_fd; /* eventfd: a sync drained something */
};

void change_fd_free(struct change_fd *c)
{
    if (!c)
        return;
    close(c->poll_fd);
    close(c->event_fd);
    free(c);
}

/* -1: nothing to add. */
static int join(const struct change_fd *c, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    return fd >= 0 && epoll_ctl(c->poll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int change_fd_new(struct discovery *d)
{
    struct change_fd *c = calloc(1, sizeof(*c));
    int rc;

    if (!c)
        return -ENOMEM;
    c->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    c->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rc = c->poll_fd < 0 || c->event_fd < 0 ? -errno : join(c, c->event_fd);
    if (rc == 0)
        rc = join(c, d->watch ? watch_fd(d->watch) : -1);
    if (rc == 0)
        rc = join(c, watched_dirs_fd(d));
    if (rc == 0)
        rc = join(c, unchanged_fd(d->unchanged));
    if (rc < 0) {
        change_fd_free(c);
        return rc;
    }
    d->change_fd = c;
    return 0;
}

int discovery_change_fd(struct discovery *d)
{
    int rc = d->change_fd ? 0 : change_fd_new(d);

    return rc < 0 ? rc : d->change_fd->poll_fd;
}

void discovery_change_seen(struct discovery *d)
{
    eventfd_t count;

    if (d->change_fd)
        eventfd_read(d->change_fd->event_fd, &count);
}

void discovery_change_report(struct discovery *d, bool changed)
{
    if (d->change_fd && (changed || d->drained))
        eventfd_write(d->change_fd->event_fd, 1); /* if the counter is full, it is readable as well */
    d->drained = false;
}
