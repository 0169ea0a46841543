/*
 * Settings of glibc's malloc, for two kinds of load: a command allocates a lot and frees nothing; the daemon
 * must stay small.
 *
 * glibc gives each thread a heap of its own, which grows by one system call for a few pages. Such a call
 * stops the page faults of all threads; thousands of them took two scanning threads a third of their time. So
 * a command has one heap for all threads (each thread's cache still serves small blocks). It is reserved in
 * one piece, and backed by pages of 2 MiB if the kernel has them: five thousand page faults of 4 KiB were a
 * tenth of a scan's time.
 */
#include "common/heap.h"

#include <stdlib.h> /* defines __GLIBC__ */

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
    void *volatile first; /* volatile: or the compiler removes the pair */

    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, PIECE);
    mallopt(M_TRIM_THRESHOLD, FIRST_PIECE);
    mallopt(M_TOP_PAD, FIRST_PIECE);
    first = malloc(PIECE / 2); /* more than is left of the heap, less than malloc maps separately */
    free(first);
    mallopt(M_TOP_PAD, PIECE);
    end = (uintptr_t)sbrk(0);
    start = (start + page - 1) & ~(page - 1);
    if (end > start)
        madvise((void *)start, end - start, MADV_HUGEPAGE);
}

/*
 * libfuse starts and ends workers, each with a request buffer of 1 MiB. Those must be returned to the system,
 * and small blocks must not be spread over one arena for each worker.
 */
void heap_for_daemon(void)
{
    mallopt(M_TOP_PAD, PIECE);
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    mallopt(M_ARENA_MAX, 2);
}

void heap_trim(void)
{
    malloc_trim(0);
}

#else

void heap_trim(void)
{
}

void heap_for_command(void)
{
}

void heap_for_daemon(void)
{
}

#endif
