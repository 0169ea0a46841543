/* A private folder for one test, under TMPDIR; and small files in it. */
#ifndef OKSTRAFS_TESTS_SCRATCH_H
#define OKSTRAFS_TESTS_SCRATCH_H

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[64];

static inline int scratch_remove_(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    return remove(path);
}

/* Without FTW_MOUNT: the files and the folders of an overlay have different device numbers. */
static inline void scratch_remove_all_(const char *path)
{
    nftw(path, scratch_remove_, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void scratch_teardown(void)
{
    scratch_remove_all_(scratch);
}

static inline void scratch_setup(void)
{
    const char *base = getenv("TMPDIR");

    snprintf(scratch, sizeof(scratch), "%.40s/okstrafs-XXXXXX", base && *base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(scratch));
}

/* "<scratch>/<rel>"; four results may be in use at once. */
static inline const char *at(const char *rel)
{
    static char ring[4][2 * PATH_MAX];
    static unsigned turn;
    char *path = ring[turn++ % 4];

    snprintf(path, sizeof(ring[0]), "%s/%s", scratch, rel);
    return path;
}

/* A file, or a folder with all that is in it, if it is there. */
static inline void remove_tree(const char *rel)
{
    scratch_remove_all_(at(rel));
}

static inline void make_folder(const char *rel)
{
    ck_assert_int_eq(mkdir(at(rel), 0700), 0);
}

static inline void make_file(const char *rel, const void *bytes, size_t len)
{
    int fd = open(at(rel), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

/* malloc'ed, with a NUL behind it. */
static inline char *read_file(const char *path, size_t *len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *bytes;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    bytes = calloc(1, (size_t)st.st_size + 1);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_int_eq(read(fd, bytes, (size_t)st.st_size), st.st_size);
    close(fd);
    *len = (size_t)st.st_size;
    return bytes;
}

/* A test case of its own, in a folder of its own or with what else `setup` makes. */
#define FIXTURE_TEST(suite, function, setup, teardown, seconds) \
    do {                                                        \
        TCase *tcase_ = tcase_create(#function);                \
        tcase_set_timeout(tcase_, seconds);                     \
        tcase_add_checked_fixture(tcase_, setup, teardown);     \
        tcase_add_test(tcase_, function);                       \
        suite_add_tcase(suite, tcase_);                         \
    } while (0)

#define SCRATCH_TEST(suite, function) FIXTURE_TEST(suite, function, scratch_setup, scratch_teardown, 300)

#endif
