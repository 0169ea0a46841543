/*
 * For LD_PRELOAD: the longest time for which a thread held a mutex without a break, in nanoseconds, in the
 * first 8 bytes of the file that OKSTRAFS_LOCK_HOLD names. Whoever writes 0 there begins anew. A wait for a
 * condition is a break.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { HELD_MAX = 8 };

static __thread struct {
    pthread_mutex_t *mutex;
    int64_t since;
} held[HELD_MAX];
static __thread int n_held;
static _Atomic int64_t *longest;

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
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (fd >= 0)
        close(fd);
    if (page != MAP_FAILED)
        longest = page;
    find_all();
}

static int64_t now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void taken(pthread_mutex_t *mutex)
{
    if (longest && n_held < HELD_MAX) {
        held[n_held].mutex = mutex;
        held[n_held++].since = now();
    }
}

static void given(pthread_mutex_t *mutex)
{
    for (int i = n_held; i-- > 0;)
        if (held[i].mutex == mutex) {
            int64_t time = now() - held[i].since, before = atomic_load(longest);

            while (time > before && !atomic_compare_exchange_weak(longest, &before, time))
                ;
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
