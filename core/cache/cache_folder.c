/*
 * Where cache files lie, and how one takes the place of another.
 *
 * $OKSTRA_HOME may stand in a place that others write to, so below it every folder is opened from its
 * parent's descriptor, never through a symlink, and must belong to us. A file that is being written has a
 * random name that did not exist before (O_EXCL), is complete and on the disk before it gets its real name,
 * and carries only the rights of its owner. Whatever was planted under the final name, a link or a FIFO, is
 * replaced, not followed.
 *
 * A saver that was killed leaves its temporary file. "Older than an hour" is judged against the file that was
 * just written, so that no clock is needed and a skewed file server does no harm.
 */
#include "cache/cache_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP_PREFIX ".okstrafs-"
#define TEMP_SUFFIX ".tmp"

enum {
    FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
    TEMP_RANDOM = 8,
    TEMP_TRIES = 8,
    STRAY_SECONDS = 3600,
};

_Static_assert(OKS_CACHE_TEMP_NAME >= sizeof(TEMP_PREFIX) + 2 * TEMP_RANDOM + sizeof(TEMP_SUFFIX),
               "a temporary name fits");

/* --- folders --- */

/* Takes over fd, and gives it back where the folder is ours. */
static int must_be_ours(int fd)
{
    struct stat st;
    int r;

    if (fd < 0)
        return -errno;
    r = fstat(fd, &st) < 0 ? -errno : st.st_uid != geteuid() ? -EPERM : fd;
    if (r < 0)
        close(fd);
    return r;
}

/* mkdir -p. */
static int make_home(const char *home)
{
    char *path = strdup(home), *p;
    int r = 0;

    if (!path)
        return -ENOMEM;
    for (p = path + strspn(path, "/"); r == 0 && *p;) {
        char *slash = strchr(p, '/');

        if (slash)
            *slash = '\0';
        r = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
        if (!slash)
            break;
        *slash = '/';
        p = slash + strspn(slash, "/");
    }
    free(path);
    return r;
}

static int open_home(const char *home, bool create)
{
    int fd = open(home, FOLDER_FLAGS);

    if (fd < 0 && errno == ENOENT && create) {
        int r = make_home(home);

        if (r < 0)
            return r;
        fd = open(home, FOLDER_FLAGS);
    }
    return must_be_ours(fd);
}

/* Closes the parent. */
static int descend(int parent, const char *name, bool create)
{
    int fd, r;

    fd = openat(parent, name, FOLDER_FLAGS | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT && create) {
        if (mkdirat(parent, name, 0700) == 0 || errno == EEXIST)
            fd = openat(parent, name, FOLDER_FLAGS | O_NOFOLLOW);
    }
    r = must_be_ours(fd);
    close(parent);
    return r;
}

int oks_cache_folder_open(const char *home, char *const sub[2], const char *folder, bool create)
{
    int fd = open_home(home, create);

    for (int i = 0; fd >= 0 && i < 2; i++)
        if (sub[i])
            fd = descend(fd, sub[i], create);
    return fd < 0 ? fd : descend(fd, folder, create);
}

/* --- files --- */

static int random_name(char name[OKS_CACHE_TEMP_NAME])
{
    uint8_t random[TEMP_RANDOM];
    char hex[2 * TEMP_RANDOM + 1];
    ssize_t n;

    do
        n = getrandom(random, sizeof(random), 0);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(random))
        return n < 0 ? -errno : -EIO;
    oks_hex(random, sizeof(random), hex);
    snprintf(name, OKS_CACHE_TEMP_NAME, "%s%s%s", TEMP_PREFIX, hex, TEMP_SUFFIX);
    return 0;
}

int oks_cache_temp(int folder, char name[OKS_CACHE_TEMP_NAME])
{
    for (int i = 0; i < TEMP_TRIES; i++) {
        int fd, r = random_name(name);

        if (r < 0)
            return r;
        fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0)
            return fd;
        if (errno != EEXIST && errno != EINTR)
            return -errno;
    }
    return -EEXIST;
}

int oks_cache_write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Closes fd. */
static int fill(int fd, const char *bytes, size_t len, int64_t *now)
{
    struct stat st;
    int r = oks_cache_write_all(fd, bytes, len);

    if (r == 0 && fstat(fd, &st) < 0)
        r = -errno;
    if (close(fd) < 0 && r == 0 && errno != EINTR)
        r = -errno;
    if (r == 0)
        *now = st.st_mtime;
    return r;
}

int oks_cache_replace(int folder, const char *name, const char *bytes, size_t len, int64_t *now)
{
    char temp[OKS_CACHE_TEMP_NAME];
    int fd, r;

    fd = oks_cache_temp(folder, temp);
    if (fd < 0)
        return fd;
    r = fill(fd, bytes, len, now);
    if (r == 0 && renameat(folder, temp, folder, name) < 0)
        r = -errno;
    if (r < 0)
        unlinkat(folder, temp, 0);
    /* Nothing is synced: an entry that a loss of power tore fails its seal, and its transcript is read again.
     */
    return r;
}

static bool is_temp(const char *name)
{
    const size_t prefix = sizeof(TEMP_PREFIX) - 1, suffix = sizeof(TEMP_SUFFIX) - 1;
    const size_t hex = 2 * (size_t)TEMP_RANDOM;

    return strlen(name) == prefix + hex + suffix && memcmp(name, TEMP_PREFIX, prefix) == 0 &&
           strspn(name + prefix, "0123456789abcdef") == hex &&
           memcmp(name + prefix + hex, TEMP_SUFFIX, suffix) == 0;
}

void oks_cache_sweep(int folder, int64_t now)
{
    int fd = openat(folder, ".", FOLDER_FLAGS | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *dirent;
    struct stat st;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((dirent = readdir(dir)))
        if (is_temp(dirent->d_name) && fstatat(folder, dirent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_mtime < now - STRAY_SECONDS)
            unlinkat(folder, dirent->d_name, 0);
    closedir(dir);
}
