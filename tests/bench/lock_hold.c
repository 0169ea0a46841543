/*
 * For LD_PRELOAD: the longest time for which a thread held a mutex without a break, and where, in the file
 * that OKSTRAFS_LOCK_HOLD names (struct hold). Whoever writes zeros there begins anew. A wait for a condition
 * is a break.
 *
 * The CPU time of the holding thread decides which hold is the longest: on a busy machine wall time includes
 * the wait for a core. The wall time of the same hold is given as well, because it includes waits for a disk.
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { HELD_MAX = 8, DEPTH = 12 };

static __thread struct {
    pthread_mutex_t *mutex;
    int64_t cpu, wall;
} held[HELD_MAX];
static __thread int n_held;

static struct hold {
    _Atomic int64_t cpu; /* nanoseconds */
    int64_t wall;
    void *where[DEPTH]; /* the calls that ended it */
} * longest;

static int (*real_lock)(pthread_mutex_t *mutex);
static int (*real_unlock)(pthread_mutex_t *mutex);
static int (*real_wait)(pthread_cond_t *cond, pthread_mutex_t *mutex);
static int (*real_timedwait)(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until);

static void *found(const char *name, const char *version)
{
    void *f = version ? dlvsym(RTLD_NEXT, name, version) : NULL;

    return f ? f : dlsym(RTLD_NEXT, name);
}

static void find_all(void)
{
    const char *version = NULL;

#if defined(__x86_64__) && defined(__GLIBC__)
    version = "GLIBC_2.3.2"; /* the older condition variables have the same names */
#endif
    *(void **)&real_unlock = found("pthread_mutex_unlock", NULL);
    *(void **)&real_wait = found("pthread_cond_wait", version);
    *(void **)&real_timedwait = found("pthread_cond_timedwait", version);
    *(void **)&real_lock = found("pthread_mutex_lock", NULL);
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("OKSTRAFS_LOCK_HOLD");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *page =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*longest), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (fd >= 0)
        close(fd);
    if (page != MAP_FAILED)
        longest = page;
    find_all();
}

static int64_t now(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void taken(pthread_mutex_t *mutex)
{
    if (longest && n_held < HELD_MAX) {
        held[n_held].mutex = mutex;
        held[n_held].wall = now(CLOCK_MONOTONIC);
        held[n_held++].cpu = now(CLOCK_THREAD_CPUTIME_ID);
    }
}

static void given(pthread_mutex_t *mutex)
{
    for (int i = n_held; i-- > 0;)
        if (held[i].mutex == mutex) {
            int64_t cpu = now(CLOCK_THREAD_CPUTIME_ID) - held[i].cpu, before = atomic_load(&longest->cpu);

            while (cpu > before && !atomic_compare_exchange_weak(&longest->cpu, &before, cpu))
                ;
            if (cpu > before) {
                longest->wall = now(CLOCK_MONOTONIC) - held[i].wall;
                backtrace(longest->where, DEPTH);
            }
            held[i] = held[--n_held];
            return;
        }
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    int rc;

    if (!real_lock)
        find_all();
    rc = real_lock(mutex);
    if (rc == 0)
        taken(mutex);
    return rc;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    given(mutex);
    return real_unlock(mutex);
}

int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    int rc;

    given(mutex);
    rc = real_wait(cond, mutex);
    taken(mutex);
    return rc;
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
    int rc;

    given(mutex);
    rc = real_timedwait(cond, mutex, until);
    taken(mutex);
    return rc;
}
