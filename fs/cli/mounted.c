/*
 * Files of a mount, read as any program would read them.
 */
#include "cli/mounted.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 65536, BYTES_MAX = 1 << 30 };

static int read_all(int fd, struct oks_document *out)
{
    char *bytes = NULL;
    size_t len = 0, room = 0;

    for (;;) {
        ssize_t n;

        if (room - len < STEP) {
            size_t wanted = room ? room * 2 : 2 * STEP;
            char *more = wanted <= BYTES_MAX ? realloc(bytes, wanted) : NULL;

            if (!more) {
                free(bytes);
                return wanted <= BYTES_MAX ? -ENOMEM : -EFBIG;
            }
            bytes = more;
            room = wanted;
        }
        n = read(fd, bytes + len, room - len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            n = -errno;
            free(bytes);
            return (int)n;
        }
        len += (size_t)n;
        if (n == 0)
            break;
    }
    bytes[len] = '\0';
    *out = (struct oks_document){.bytes = bytes, .len = len};
    return 0;
}

static int read_file(void *ctx, const char *path, struct oks_document *out)
{
    const int *folder = ctx;
    int fd = openat(*folder, path, O_RDONLY | O_CLOEXEC), rc;

    if (fd < 0)
        return -errno;
    rc = read_all(fd, out);
    close(fd);
    return rc;
}

static int list_folder(void *ctx, const char *path, int (*fn)(void *ctx, const char *name), void *fn_ctx)
{
    const int *folder = ctx;
    int fd = openat(*folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!dir) {
        rc = -errno;
        if (fd >= 0)
            close(fd);
        return rc;
    }
    for (errno = 0; rc == 0 && (entry = readdir(dir)); errno = 0)
        if (entry->d_name[0] != '.') /* no name in a mount begins so */
            rc = fn(fn_ctx, entry->d_name);
    if (rc == 0 && errno)
        rc = -errno;
    closedir(dir);
    return rc;
}

struct report_source mounted_source(int *folder)
{
    return (struct report_source){.read = read_file, .list = list_folder, .ctx = folder};
}
