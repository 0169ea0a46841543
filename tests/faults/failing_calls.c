/*
 * For LD_PRELOAD: makes the Nth call of one kind fail, once or from then on, or kills the process there.
 *
 * The file $OKSTRAFS_FAULTS is mapped by the program and by the test, so that a running daemon can be told
 * what to fail, and the test sees how many calls there were and whether any failed (`struct faults`; the
 * driver in faults.py has the same layout). With $OKSTRAFS_FAULTS_TRACE each failure writes a backtrace.
 *
 * Calls on /dev/fuse and on sockets never fail: without them there is no daemon to test. Nor do allocations
 * of the dynamic linker, which aborts the process by itself. Reads and writes go to the C library's own
 * functions, because libfuse ends its threads at cancellation points.
 */
#undef _FILE_OFFSET_BITS /* the names below are those that the program links */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
    NOTHING,
    ALLOCATE, /* malloc, calloc, realloc, reallocarray */
    OPEN,     /* open, openat, openat2, fopen, duplicates */
    READ,     /* read, pread */
    WRITE,    /* write, pwrite, fwrite of a file */
    RENAME,
    SYNC,   /* fsync, fdatasync */
    LIST,   /* opendir, readdir */
    WATCH,  /* inotify_init1, inotify_add_watch, epoll_create1, epoll_ctl */
    THREAD, /* pthread_create */
    STAT,   /* stat, fstat, fstatat, statx, access, readlink */
    KINDS
};

enum { KILL = -1, SHORT = -2 }; /* instead of an errno; SHORT: a write of one byte */

struct faults {
    _Atomic int32_t kind;
    _Atomic int32_t error;
    _Atomic int64_t first, last; /* the calls to fail, counted from 1 */
    _Atomic int64_t count;       /* calls of that kind so far */
    _Atomic int64_t failed;
};

static struct faults *faults;
static bool traced;
static uintptr_t linker, linker_end;
static __thread bool inside;

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t n);

static int find_linker(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    if (info->dlpi_addr != getauxval(AT_BASE))
        return 0;
    linker = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD)
            linker_end = linker + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
    return 1;
}

__attribute__((constructor)) static void map_faults(void)
{
    const char *path = getenv("OKSTRAFS_FAULTS");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    void *map = fd >= 0 ? mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    void *frames[1];

    if (fd >= 0)
        close(fd);
    traced = getenv("OKSTRAFS_FAULTS_TRACE");
    if (traced)
        backtrace(frames, 1); /* which loads a library, and allocates */
    dl_iterate_phdr(find_linker, NULL);
    if (map != MAP_FAILED)
        faults = map;
}

static void trace(void)
{
    void *frames[24];

    inside = true;
    backtrace_symbols_fd(frames, backtrace(frames, 24), STDERR_FILENO);
    inside = false;
}

/* 0: the call is to be made; else an errno or SHORT. Ends the process where that is wanted. */
static int fault(enum kind kind)
{
    int64_t n;

    if (!faults || inside || atomic_load(&faults->kind) != (int32_t)kind)
        return 0;
    n = atomic_fetch_add(&faults->count, 1) + 1;
    if (n < atomic_load(&faults->first) || n > atomic_load(&faults->last))
        return 0;
    atomic_fetch_add(&faults->failed, 1);
    if (traced)
        trace();
    if (atomic_load(&faults->error) == KILL)
        kill(getpid(), SIGKILL);
    return atomic_load(&faults->error);
}

static bool fails(enum kind kind)
{
    int error = fault(kind);

    if (error)
        errno = error;
    return error != 0;
}

static bool is_spared(int fd)
{
    struct stat st;

    return syscall(SYS_fstat, fd, &st) < 0 || S_ISCHR(st.st_mode) || S_ISSOCK(st.st_mode);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* --- memory --- */

static bool no_memory(void *caller)
{
    uintptr_t at = (uintptr_t)caller;

    return (at < linker || at >= linker_end) && fails(ALLOCATE);
}

void *malloc(size_t n)
{
    return no_memory(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return no_memory(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t n)
{
    return no_memory(__builtin_return_address(0)) ? NULL : __libc_realloc(old, n);
}

void *reallocarray(void *old, size_t n, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return no_memory(__builtin_return_address(0)) ? NULL : __libc_realloc(old, bytes);
}

/* --- opening --- */

#define MODE_OF(flags)                   \
    ({                                   \
        mode_t mode = 0;                 \
        if (__OPEN_NEEDS_MODE(flags)) {  \
            va_list args;                \
            va_start(args, flags);       \
            mode = va_arg(args, mode_t); \
            va_end(args);                \
        }                                \
        mode;                            \
    })

int open(const char *path, int flags, ...)
{
    return fails(OPEN) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, MODE_OF(flags));
}

int openat(int dir, const char *path, int flags, ...)
{
    return fails(OPEN) ? -1 : (int)syscall(SYS_openat, dir, path, flags, MODE_OF(flags));
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int dir, const char *path, int flags, ...) __attribute__((alias("openat")));

FILE *fopen64(const char *path, const char *mode)
{
    return fails(OPEN) ? NULL : NEXT(fopen64)(path, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    return fails(OPEN) ? NULL : NEXT(fopen)(path, mode);
}

int fcntl64(int fd, int what, ...)
{
    va_list args;
    long value;

    va_start(args, what);
    value = va_arg(args, long);
    va_end(args);
    if ((what == F_DUPFD || what == F_DUPFD_CLOEXEC) && fails(OPEN))
        return -1;
    return (int)syscall(SYS_fcntl, fd, what, value);
}

/* --- files --- */

ssize_t read(int fd, void *to, size_t n)
{
    return !is_spared(fd) && fails(READ) ? -1 : NEXT(read)(fd, to, n);
}

ssize_t pread64(int fd, void *to, size_t n, off_t at)
{
    return fails(READ) ? -1 : NEXT(pread64)(fd, to, n, at);
}

ssize_t write(int fd, const void *from, size_t n)
{
    /* Where no message can be written, none can be asked for. */
    int error = fd == STDERR_FILENO || is_spared(fd) ? 0 : fault(WRITE);

    if (error > 0)
        errno = error;
    return error > 0 ? -1 : NEXT(write)(fd, from, error == SHORT && n ? 1 : n);
}

ssize_t pwrite64(int fd, const void *from, size_t n, off_t at)
{
    return fails(WRITE) ? -1 : syscall(SYS_pwrite64, fd, from, n, at);
}

int ftruncate64(int fd, off_t size)
{
    return fails(WRITE) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

/* What goes to standard output does not pass through write(). */
int fflush(FILE *file)
{
    if (fails(WRITE))
        return EOF;
    return NEXT(fflush)(file);
}

int renameat(int from, const char *old, int to, const char *new)
{
    return fails(RENAME) ? -1 : (int)syscall(SYS_renameat, from, old, to, new);
}

int fsync(int fd)
{
    return fails(SYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return fails(SYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/* --- folders --- */

DIR *fdopendir(int fd)
{
    return fails(LIST) ? NULL : NEXT(fdopendir)(fd);
}

DIR *opendir(const char *path)
{
    return fails(LIST) ? NULL : NEXT(opendir)(path);
}

struct dirent64 *readdir64(DIR *dir)
{
    return fails(LIST) ? NULL : NEXT(readdir64)(dir);
}

int stat64(const char *path, struct stat64 *st)
{
    return fails(STAT) ? -1 : NEXT(stat64)(path, st);
}

int lstat64(const char *path, struct stat64 *st)
{
    return fails(STAT) ? -1 : NEXT(lstat64)(path, st);
}

int fstat64(int fd, struct stat64 *st)
{
    return fails(STAT) ? -1 : NEXT(fstat64)(fd, st);
}

int fstatat64(int dir, const char *path, struct stat64 *st, int flags)
{
    return fails(STAT) ? -1 : NEXT(fstatat64)(dir, path, st, flags);
}

int statx(int dir, const char *path, int flags, unsigned mask, struct statx *st)
{
    return fails(STAT) ? -1 : (int)syscall(SYS_statx, dir, path, flags, mask, st);
}

int access(const char *path, int mode)
{
    return fails(STAT) ? -1 : (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

ssize_t readlink(const char *path, char *to, size_t n)
{
    return fails(STAT) ? -1 : syscall(SYS_readlinkat, AT_FDCWD, path, to, n);
}

ssize_t readlinkat(int dir, const char *path, char *to, size_t n)
{
    return fails(STAT) ? -1 : syscall(SYS_readlinkat, dir, path, to, n);
}

/* --- watching, threads --- */

int inotify_init1(int flags)
{
    return fails(WATCH) ? -1 : (int)syscall(SYS_inotify_init1, flags);
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    return fails(WATCH) ? -1 : (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

int epoll_create1(int flags)
{
    return fails(WATCH) ? -1 : (int)syscall(SYS_epoll_create1, flags);
}

int epoll_ctl(int poll, int what, int fd, struct epoll_event *event)
{
    return fails(WATCH) ? -1 : (int)syscall(SYS_epoll_ctl, poll, what, fd, event);
}

int pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    int error = fault(THREAD);

    return error ? error : NEXT(pthread_create)(out, attr, run, arg);
}

/* The engine calls openat2 by its number. */
long syscall(long number, ...)
{
    va_list args;
    long a[6];

    va_start(args, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_openat2 && fails(OPEN))
        return -1;
    return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
