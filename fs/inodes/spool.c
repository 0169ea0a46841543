/*
 * Files of the spool, as lists of extents in one unnamed file. Each extent is twice as large as the one
 * before, up to a limit, so that appending a line is usually one write after the last. Freed extents become
 * holes: offsets in the spool only grow, its size on disk does not.
 */
#include "inodes/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { EXTENT_MIN = 4096, EXTENT_MAX = 4 << 20 };

struct extent {
    off_t at;     /* in the spool */
    size_t start; /* in the file */
    size_t size;
};

struct spool {
    char *folder;
    pthread_mutex_t lock; /* protects: */
    int fd;               /* -1: not yet opened */
    off_t end;
};

struct spool *spool_new(const char *folder)
{
    struct spool *s = calloc(1, sizeof(*s));

    if (s && folder)
        s->folder = strdup(folder);
    if (!s || (folder && !s->folder)) {
        free(s);
        return NULL;
    }
    s->fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void spool_free(struct spool *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    pthread_mutex_destroy(&s->lock);
    free(s->folder);
    free(s);
}

static int spool_open(struct spool *s)
{
    if (s->fd < 0 && s->folder)
        s->fd = open(s->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0)
        s->fd = memfd_create("okstrafs-streams", MFD_CLOEXEC);
    return s->fd < 0 ? -errno : 0;
}

static int reserve(struct spool *s, size_t size, off_t *at)
{
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = spool_open(s);
    if (rc == 0) {
        *at = s->end;
        s->end += (off_t)size;
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

static int extend(struct spool *s, struct spooled *f, size_t wanted)
{
    size_t size = f->n_extents ? f->extents[f->n_extents - 1].size * 2 : EXTENT_MIN;
    struct extent *extents;
    off_t at = 0;
    int rc;

    if (size > EXTENT_MAX)
        size = EXTENT_MAX;
    if (size < wanted)
        size = (wanted + EXTENT_MIN - 1) / EXTENT_MIN * EXTENT_MIN;
    /* An exact fit: each is twice as large as the one before, so there are few. */
    extents = reallocarray(f->extents, f->n_extents + 1, sizeof(*extents));
    if (!extents)
        return -ENOMEM;
    f->extents = extents;
    rc = reserve(s, size, &at);
    if (rc < 0)
        return rc;
    extents[f->n_extents++] = (struct extent){at, f->room, size};
    f->room += size;
    return 0;
}

static int write_all(int fd, const char *bytes, size_t len, off_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, bytes, len, at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        bytes += n;
        len -= (size_t)n;
        at += n;
    }
    return 0;
}

/* The extent that contains an offset below f->room. */
static const struct extent *extent_at(const struct spooled *f, size_t offset)
{
    size_t low = 0, high = f->n_extents;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (f->extents[middle].start <= offset)
            low = middle;
        else
            high = middle;
    }
    return &f->extents[low];
}

int spool_append(struct spool *s, struct spooled *f, const char *bytes, size_t len)
{
    size_t done = 0;

    while (done < len) {
        const struct extent *extent;
        size_t inside, n;
        int rc = f->len + done < f->room ? 0 : extend(s, f, len - done);

        if (rc < 0)
            return rc;
        extent = extent_at(f, f->len + done);
        inside = f->len + done - extent->start;
        n = extent->size - inside < len - done ? extent->size - inside : len - done;
        rc = write_all(s->fd, bytes + done, n, extent->at + (off_t)inside);
        if (rc < 0)
            return rc;
        done += n;
    }
    f->len += len;
    return 0;
}

ssize_t spool_read(struct spool *s, const struct spooled *f, size_t offset, char *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        const struct extent *extent = extent_at(f, offset + done);
        size_t inside = offset + done - extent->start, left = extent->size - inside;
        ssize_t n =
            pread(s->fd, buf + done, left < len - done ? left : len - done, extent->at + (off_t)inside);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

void spool_drop(struct spool *s, struct spooled *f)
{
    for (size_t i = 0; i < f->n_extents; i++)
        fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, f->extents[i].at,
                  (off_t)f->extents[i].size);
    free(f->extents);
    *f = (struct spooled){0};
}
