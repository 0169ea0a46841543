/* Readers of small files (what a person or the system wrote, never a transcript), and of parts of ours. */
#include "files/read_file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "files/walk.h"

static int read_all(int fd, char *bytes, size_t room, size_t *len)
{
    size_t got = 0;

    while (got < room) {
        ssize_t n = read(fd, bytes + got, room - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *len = got;
    return 0;
}

int read_file_opened(int fd, const struct stat *st, size_t max, char **bytes, size_t *len)
{
    size_t got = 0;
    char *buf;
    int rc;

    if (st->st_size < 0 || (uint64_t)st->st_size > max) {
        close(fd);
        return -EFBIG;
    }
    buf = malloc((size_t)st->st_size + 1);
    rc = buf ? read_all(fd, buf, (size_t)st->st_size, &got) : -ENOMEM;
    close(fd);
    if (rc < 0) {
        free(buf);
        return rc;
    }
    buf[got] = '\0';
    *bytes = buf;
    *len = got;
    return 0;
}

int read_file_whole(const char *path, size_t max, char **bytes, size_t *len)
{
    char real[PATH_MAX];
    struct stat st;
    int fd, rc = oks_resolve(path, real);

    if (rc < 0)
        return rc;
    fd = oks_open_regular(real, &st);
    return fd < 0 ? fd : read_file_opened(fd, &st, max, bytes, len);
}

int read_file_at(int fd, void *to, size_t n, uint64_t at)
{
    for (size_t got = 0; got < n;) {
        ssize_t r = pread(fd, (char *)to + got, n - got, (off_t)(at + got));

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return r < 0 ? -errno : -ENODATA;
        got += (size_t)r;
    }
    return 0;
}
