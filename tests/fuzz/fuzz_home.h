/* A folder of the fuzzing process under TMPDIR, removed at its end, and files in it. */
#ifndef OKSTRAFS_TESTS_FUZZ_HOME_H
#define OKSTRAFS_TESTS_FUZZ_HOME_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

static char fuzz_home[PATH_MAX];

static inline int fuzz_remove_one_(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline void fuzz_remove_home_(void)
{
    nftw(fuzz_home, fuzz_remove_one_, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of a file in the folder; two results may be in use at once. */
static inline const char *fuzz_path(const char *rel)
{
    static char ring[2][PATH_MAX + 256];
    static unsigned turn;
    char *path = ring[turn++ % 2];

    snprintf(path, sizeof(ring[0]), "%s/%s", fuzz_home, rel);
    return path;
}

static inline void fuzz_folder(const char *rel)
{
    REQUIRE(mkdir(fuzz_path(rel), 0700) == 0 || errno == EEXIST);
}

/* Makes the folder, and in it the folders of a list that ends in NULL, once. */
static inline bool fuzz_home_begin(const char *const folders[])
{
    const char *base = getenv("TMPDIR");

    if (*fuzz_home)
        return false;
    snprintf(fuzz_home, sizeof(fuzz_home), "%s/okstrafs-fuzz-XXXXXX", base && *base ? base : "/tmp");
    REQUIRE(mkdtemp(fuzz_home));
    atexit(fuzz_remove_home_);
    for (; *folders; folders++)
        fuzz_folder(*folders);
    return true;
}

static inline void fuzz_write(const char *rel, const void *bytes, size_t len, int flags)
{
    int fd = open(fuzz_path(rel), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);

    REQUIRE(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}

#endif
