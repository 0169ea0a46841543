/*
 * A descriptor to poll for changes, for who does not read.
 *
 * The queues of changes are drained by whoever reads first, and what was drained no longer shows in them. So
 * every sync that took something up raises an event beside the queues, and the descriptor that is handed out
 * is an epoll over all of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/engine_private.h"
#include "okstrafs/news.h"
#include "discovery/places.h"
#include "discovery/unchanged.h"

struct news {
    int poll_fd;  /* of all that follow */
    int event_fd; /* a sync took something up */
    bool fresh;   /* something was taken up and has not been told */
};

void news_free(struct oks_engine *e)
{
    if (!e->news)
        return;
    close(e->news->poll_fd);
    close(e->news->event_fd);
    free(e->news);
    e->news = NULL;
}

static int join(const struct news *n, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    return fd < 0 || epoll_ctl(n->poll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int news_new(struct oks_engine *e)
{
    struct news *n = calloc(1, sizeof(*n));
    int rc;

    if (!n)
        return -ENOMEM;
    n->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    n->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rc = n->poll_fd < 0 || n->event_fd < 0 ? -errno : 0;
    if (rc == 0)
        rc = join(n, n->event_fd);
    if (rc == 0 && e->watch)
        rc = join(n, watch_fd(e->watch));
    if (rc == 0 && places_fd(e) >= 0)
        rc = join(n, places_fd(e));
    if (rc == 0 && unchanged_fd(e->unchanged) >= 0)
        rc = join(n, unchanged_fd(e->unchanged));
    e->news = n;
    if (rc < 0)
        news_free(e);
    return rc;
}

int oks_engine_news_fd(struct oks_engine *e)
{
    int rc;

    pthread_mutex_lock(&e->lock);
    rc = e->news ? 0 : news_new(e);
    if (rc == 0)
        rc = e->news->poll_fd;
    pthread_mutex_unlock(&e->lock);
    return rc;
}

void news_came(struct oks_engine *e)
{
    if (e->news)
        e->news->fresh = true;
}

void news_tell(struct oks_engine *e)
{
    if (!e->news || !e->news->fresh)
        return;
    e->news->fresh = false;
    eventfd_write(e->news->event_fd, 1); /* a counter that is full is readable as well */
}

void oks_engine_news_seen(struct oks_engine *e)
{
    eventfd_t count;

    pthread_mutex_lock(&e->lock);
    if (e->news)
        eventfd_read(e->news->event_fd, &count);
    pthread_mutex_unlock(&e->lock);
}

bool oks_engine_is_blind(struct oks_engine *e)
{
    bool blind;

    pthread_mutex_lock(&e->lock);
    blind = !e->watch || e->unwatched > 0 || places_are_blind(e) || unchanged_is_blind(e->unchanged);
    pthread_mutex_unlock(&e->lock);
    return blind;
}
