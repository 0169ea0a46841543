/*
 * Settings of glibc's malloc, for two loads: a command allocates fast and frees nothing; the daemon must stay
 * small.
 *
 * glibc gives each thread a heap of its own, which grows by a system call per few pages; such a call stops
 * the page faults of all threads, and thousands of them cost two scanning threads a third of their time. A
 * command therefore has one heap for all of them (what is small comes from each thread's own cache even so),
 * taken from the system in one piece that is only an address until it is touched, and touched by pages of 2
 * MiB where the kernel has them: five thousand page faults of 4 KiB were a tenth of a scan's time.
 */
#include "common/heap.h"

#include <stdlib.h> /* says whose C library it is */

#ifdef __GLIBC__

#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FIRST_PIECE = 64 << 20, PIECE = 1 << 20 };

void heap_for_command(void)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)sbrk(0), end;
    void *volatile first; /* the compiler must not see that nothing is done with it */

    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, PIECE);
    mallopt(M_TRIM_THRESHOLD, FIRST_PIECE);
    mallopt(M_TOP_PAD, FIRST_PIECE);
    first = malloc(PIECE / 2); /* more than is left of the heap, less than what is mapped on its own */
    free(first);
    mallopt(M_TOP_PAD, PIECE);
    end = (uintptr_t)sbrk(0);
    start = (start + page - 1) & ~(page - 1);
    if (end > start)
        madvise((void *)start, end - start, MADV_HUGEPAGE);
}

/*
 * Workers come and go, each with a request buffer of 1 MiB: those must go back to the system, and their small
 * blocks must not be spread over an arena for each.
 */
void heap_for_daemon(void)
{
    mallopt(M_TOP_PAD, PIECE);
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_ARENA_MAX, 2);
}

void heap_give_back(void)
{
    malloc_trim(0);
}

#else

void heap_give_back(void)
{
}

void heap_for_command(void)
{
}

void heap_for_daemon(void)
{
}

#endif
