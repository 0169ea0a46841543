/*
 * Calls of the C library that fail on demand: the Nth of a kind, or all from the Nth on. For one test file,
 * whose program is linked with -Wl,--wrap of all names below (failing_calls in tests/meson.build).
 *
 *     calls_fail(CALL_OPEN, 3, 3, EMFILE);     the third open from now on
 *     ...
 *     n = calls_succeed();                     how many have failed
 *
 * Files are not synced to disk: that takes most of the time, and a test does not lose power.
 */
#ifndef OKSTRAFS_TESTS_FAILING_CALLS_H
#define OKSTRAFS_TESTS_FAILING_CALLS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum call {
    CALL_NONE,
    CALL_ALLOCATE,
    CALL_OPEN,
    CALL_READ,
    CALL_WRITE,
    CALL_RENAME,
    CALL_SYNC,
    CALL_LIST,
    CALL_STAT,
    CALL_WATCH,
    CALL_THREAD,
    CALLS
};

static struct {
    _Atomic int call, error;
    _Atomic long first, last; /* counted from 1 */
    _Atomic long count, failed;
} failing;

/* 0, or the errno with which this call is to fail. */
static int failure(enum call call)
{
    long n;

    if (failing.call != (int)call)
        return 0;
    n = atomic_fetch_add(&failing.count, 1) + 1;
    if (n < failing.first || n > failing.last)
        return 0;
    failing.failed++;
    return failing.error;
}

static bool fails(enum call call)
{
    int error = failure(call);

    if (error)
        errno = error;
    return error != 0;
}

static void calls_fail(enum call call, long first, long last, int error)
{
    failing.call = CALL_NONE;
    failing.count = failing.failed = 0;
    failing.first = first;
    failing.last = last;
    failing.error = error;
    failing.call = (int)call;
}

static long calls_succeed(void)
{
    failing.call = CALL_NONE;
    return failing.failed;
}

/* WRAPPED(type of result, value on failure, call, name, parameters, arguments) */
#define WRAPPED(type, failed, call, name, parameters, arguments) \
    type __real_##name parameters;                               \
    type __wrap_##name parameters;                               \
    type __wrap_##name parameters                                \
    {                                                            \
        return fails(call) ? (failed) : __real_##name arguments; \
    }

WRAPPED(void *, NULL, CALL_ALLOCATE, malloc, (size_t n), (n))
WRAPPED(void *, NULL, CALL_ALLOCATE, calloc, (size_t n, size_t size), (n, size))
WRAPPED(void *, NULL, CALL_ALLOCATE, realloc, (void *old, size_t n), (old, n))
WRAPPED(void *, NULL, CALL_ALLOCATE, reallocarray, (void *old, size_t n, size_t size), (old, n, size))
WRAPPED(char *, NULL, CALL_ALLOCATE, strdup, (const char *s), (s))
WRAPPED(char *, NULL, CALL_ALLOCATE, strndup, (const char *s, size_t n), (s, n))
WRAPPED(FILE *, NULL, CALL_OPEN, fopen, (const char *path, const char *mode), (path, mode))
WRAPPED(ssize_t, -1, CALL_READ, read, (int fd, void *to, size_t n), (fd, to, n))
WRAPPED(ssize_t, -1, CALL_READ, pread, (int fd, void *to, size_t n, off_t from), (fd, to, n, from))
WRAPPED(ssize_t, -1, CALL_WRITE, write, (int fd, const void *bytes, size_t n), (fd, bytes, n))
WRAPPED(ssize_t, -1, CALL_WRITE, pwrite, (int fd, const void *bytes, size_t n, off_t to), (fd, bytes, n, to))
WRAPPED(int, -1, CALL_WRITE, ftruncate, (int fd, off_t n), (fd, n))
WRAPPED(int, -1, CALL_RENAME, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
WRAPPED(DIR *, NULL, CALL_LIST, fdopendir, (int fd), (fd))
WRAPPED(DIR *, NULL, CALL_LIST, opendir, (const char *path), (path))
WRAPPED(struct dirent *, NULL, CALL_LIST, readdir, (DIR * dir), (dir))
WRAPPED(int, -1, CALL_STAT, stat, (const char *path, struct stat *st), (path, st))
WRAPPED(int, -1, CALL_STAT, lstat, (const char *path, struct stat *st), (path, st))
WRAPPED(int, -1, CALL_STAT, fstat, (int fd, struct stat *st), (fd, st))
WRAPPED(int, -1, CALL_STAT, fstatat, (int dir, const char *path, struct stat *st, int flags),
        (dir, path, st, flags))
WRAPPED(int, -1, CALL_STAT, statx, (int dir, const char *path, int flags, unsigned mask, struct statx *st),
        (dir, path, flags, mask, st))
WRAPPED(int, -1, CALL_STAT, access, (const char *path, int mode), (path, mode))
WRAPPED(ssize_t, -1, CALL_STAT, readlink, (const char *path, char *to, size_t n), (path, to, n))
WRAPPED(ssize_t, -1, CALL_STAT, readlinkat, (int dir, const char *path, char *to, size_t n),
        (dir, path, to, n))
WRAPPED(int, -1, CALL_WATCH, inotify_init1, (int flags), (flags))
WRAPPED(int, -1, CALL_WATCH, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask))
WRAPPED(int, -1, CALL_WATCH, epoll_create1, (int flags), (flags))
WRAPPED(int, -1, CALL_WATCH, epoll_ctl, (int poll, int what, int fd, struct epoll_event *event),
        (poll, what, fd, event))

int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_asprintf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*run)(void *), void *arg);

int __wrap_fsync(int fd)
{
    return fails(CALL_SYNC) ? -1 : 0;
}

int __wrap_fdatasync(int fd)
{
    return fails(CALL_SYNC) ? -1 : 0;
}

int __wrap_asprintf(char **out, const char *format, ...)
{
    va_list args;
    int rc;

    if (fails(CALL_ALLOCATE))
        return -1;
    va_start(args, format);
    rc = vasprintf(out, format, args);
    va_end(args);
    return rc;
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return fails(CALL_OPEN) ? -1 : __real_open(path, flags, mode);
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return fails(CALL_OPEN) ? -1 : __real_openat(dir, path, flags, mode);
}

/* By its number the engine calls openat2 alone, with four arguments. */
long __wrap_syscall(long number, ...)
{
    va_list args;
    long a[4];

    va_start(args, number);
    for (int i = 0; i < 4; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (number != SYS_openat2) {
        errno = ENOSYS;
        return -1;
    }
    return fails(CALL_OPEN) ? -1 : __real_syscall(number, a[0], a[1], a[2], a[3]);
}

int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    int error = failure(CALL_THREAD);

    return error ? error : __real_pthread_create(out, attr, run, arg);
}

#endif
