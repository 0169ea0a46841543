/*
 * Memory that runs out: allocations that fail on demand. For one test file, whose program is linked with
 * -Wl,--wrap of malloc, calloc and realloc.
 */
#ifndef OKSTRAFS_TESTS_REFUSED_MEMORY_H
#define OKSTRAFS_TESTS_REFUSED_MEMORY_H

#include <stdbool.h>
#include <stdlib.h>

static long allowed = -1; /* allocations until one fails; < 0: all succeed */

static bool refuse(void)
{
    if (allowed < 0)
        return false;
    return allowed == 0 || allowed-- == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
    return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refuse() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return refuse() ? NULL : __real_realloc(old, size);
}

#endif
