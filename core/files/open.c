/*
 * A safe open(2) for paths that a stranger controls: regular files only.
 *
 * A plain open() of "x.jsonl" can block for ever (a FIFO without a writer), can act (a tape rewinds, a
 * watchdog is armed, a writer's FIFO is drained), or can lead elsewhere (a symlink). An O_PATH descriptor
 * does none of that: it only names the inode. So the inode is named first, looked at, and only a regular file
 * is opened, through its name in /proc/self/fd, which cannot be exchanged in between.
 *
 * Invariant: no file but a regular one is ever opened for reading here, except in the short race that is left
 * where /proc is not mounted; there O_NONBLOCK keeps the open from blocking and the type is checked again.
 */
#include "files/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { READ_FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };

/* The type alone, from what the kernel already knows: no file system has to answer. */
static int type_of(int fd, mode_t *type)
{
    struct statx stx;

    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0)
        return -errno;
    *type = stx.stx_mode & S_IFMT;
    return 0;
}

static int reopen(int handle, const char *path)
{
    char proc[32];
    int fd;

    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", handle);
    fd = open(proc, READ_FLAGS);
    if (fd < 0 && errno == ENOENT) /* /proc is not mounted: the handle itself cannot be gone */
        fd = open(path, READ_FLAGS | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

static int open_checked(int handle, const char *path, struct stat *st)
{
    struct stat opened;
    mode_t type = 0;
    int fd, r;

    r = type_of(handle, &type);
    if (r < 0)
        return r;
    if (type != S_IFREG)
        return type == S_IFLNK ? -ELOOP : -EINVAL;
    fd = reopen(handle, path);
    if (fd < 0)
        return fd;
    r = fstat(fd, &opened) < 0 ? -errno : S_ISREG(opened.st_mode) ? 0 : -EINVAL;
    if (r < 0) {
        close(fd);
        return r;
    }
    *st = opened;
    return fd;
}

int oks_open_regular(const char *path, struct stat *st)
{
    int handle, fd;

    handle = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (handle < 0)
        return -errno;
    fd = open_checked(handle, path, st);
    close(handle);
    return fd;
}
