/*
 * Copies of streams.
 *
 * The first lines are all lines. They are written into a new file, which replaces the one that is there if it
 * differs. Later ones are appended. A process that is killed during that leaves a part of a line; the next
 * one replaces the file. If what is there is not what was written last, the copy begins again.
 */
#include "export/stream_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GATHER = 1 << 16, TRIES = 4 };

/* Lines on their way into a file. */
struct gathering {
    int fd;
    uint64_t before, len; /* of the file */
    char *bytes;
    size_t n;
};

static int flush(struct gathering *g)
{
    int rc = export_write(g->fd, g->bytes, g->n);

    if (rc == 0)
        g->len += g->n;
    g->n = 0;
    return rc;
}

static int add_line(void *ctx, const char *bytes, size_t len)
{
    struct gathering *g = ctx;
    int rc = 0;

    if (!bytes) {
        g->n = 0;
        g->len = g->before;
        return ftruncate(g->fd, (off_t)g->before) < 0 || lseek(g->fd, 0, SEEK_END) < 0 ? -errno : 0;
    }
    if (g->n + len > GATHER)
        rc = flush(g);
    if (rc < 0)
        return rc;
    if (len > GATHER) {
        rc = export_write(g->fd, bytes, len);
        g->len += rc == 0 ? len : 0;
        return rc;
    }
    memcpy(g->bytes + g->n, bytes, len);
    g->n += len;
    return 0;
}

/* The lines behind the cursor. OKS_STREAM_GOES_ON, OKS_STREAM_STARTED_OVER or a negative errno */
static int take(struct stream_copy *copy, struct oks_engine *engine, const struct node *node,
                struct gathering *g)
{
    struct oks_target target = node_target(node);
    int64_t mtime_ns;
    int rc;

    g->bytes = malloc(GATHER);
    if (!g->bytes)
        return -ENOMEM;
    if (!copy->there)
        copy->cursor = tree_stream_cursor(node);
    rc = oks_stream_next(engine, &target, &copy->cursor, add_line, g, &mtime_ns);
    if (rc == OKS_STREAM_GOES_ON)
        rc = flush(g);
    free(g->bytes);
    return rc;
}

static bool is_equal(int a, int b)
{
    char x[GATHER / 2], y[GATHER / 2];
    off_t at = 0;
    ssize_t n, m;

    do {
        n = pread(a, x, sizeof(x), at);
        m = pread(b, y, sizeof(y), at);
        if (n < 0 || n != m || memcmp(x, y, (size_t)n) != 0)
            return false;
        at += n;
    } while (n > 0);
    return true;
}

/* Whether the file is there with the content of the new one. */
static bool is_there(const struct export_folder *folder, const char *name, int fd)
{
    int old = openat(folder->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat a, b;
    bool same;

    if (old < 0)
        return false;
    same = fstat(old, &a) == 0 && fstat(fd, &b) == 0 && S_ISREG(a.st_mode) && a.st_size == b.st_size &&
           export_has_rights(&a, folder->rights) && is_equal(old, fd);
    close(old);
    return same;
}

static int begin(struct stream_copy *copy, struct oks_engine *engine, const struct node *node,
                 struct export_folder *folder, const char *name)
{
    struct gathering g = {.fd = export_folder_begin(folder)};
    bool same;
    int rc = g.fd < 0 ? g.fd : take(copy, engine, node, &g);

    if (g.fd < 0)
        return rc;
    same = rc == OKS_STREAM_GOES_ON && is_there(folder, name, g.fd);
    if (rc == OKS_STREAM_GOES_ON && !same)
        rc = export_folder_keep(folder, g.fd, name);
    else
        export_folder_drop(folder, g.fd);
    if (rc != 0)
        return rc < 0 ? rc : -ESTALE;
    copy->there = true;
    copy->len = g.len;
    return !same;
}

/* What was written last, to be appended to; negative: it is not there as it was. */
static int open_last(const struct stream_copy *copy, const struct export_folder *folder, const char *name)
{
    int fd = openat(folder->fd, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == copy->len)
        return fd;
    close(fd);
    return -ESTALE;
}

static int append(struct stream_copy *copy, struct oks_engine *engine, const struct node *node, int fd)
{
    struct gathering g = {.fd = fd, .before = copy->len, .len = copy->len};
    int rc = take(copy, engine, node, &g);

    if (rc == OKS_STREAM_GOES_ON) {
        copy->len = g.len;
        return g.len > g.before;
    }
    if (ftruncate(fd, (off_t)g.before) < 0 && rc >= 0)
        rc = -errno;
    return rc < 0 ? rc : -ESTALE;
}

int stream_copy_update(struct stream_copy *copy, struct oks_engine *engine, const struct node *node,
                       struct export_folder *folder, const char *name)
{
    int rc = -ESTALE;

    for (int tries = 0; rc == -ESTALE && tries < TRIES; tries++) {
        int fd = copy->there ? open_last(copy, folder, name) : -1;

        if (fd < 0)
            stream_copy_clear(copy);
        rc = fd < 0 ? begin(copy, engine, node, folder, name) : append(copy, engine, node, fd);
        if (fd >= 0)
            close(fd);
        if (rc < 0)
            stream_copy_clear(copy);
    }
    return rc == -ESTALE ? -EAGAIN : rc;
}

void stream_copy_clear(struct stream_copy *copy)
{
    oks_stream_end(&copy->cursor);
    copy->there = false;
}
