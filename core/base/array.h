/*
 * Dynamic arrays: geometric growth of memory that a pointer and a `room` describe.
 *
 *     struct item *items = NULL;
 *     size_t n = 0, room = 0;
 *
 *     if (!OKS_GROW(items, n, room))
 *         return -ENOMEM;
 *     items[n++] = item;
 *     ...
 *     free(items);
 *
 * The room doubles: 1, 2, 4, ... items. On failure nothing changes. Arrays that are kept by the ten thousand
 * may want a smaller step, or an exact fit; those call realloc themselves and say why.
 */
#ifndef OKSTRAFS_BASE_ARRAY_H
#define OKSTRAFS_BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Room for one item behind the `len` that there are. False: no memory. */
#define OKS_GROW(items, len, room) OKS_ROOM(items, (len) + 1, room)

/* Room for at least `need` items. False: no memory. `items` and `room` are lvalues, `room` a size_t. */
#define OKS_ROOM(items, need, room) \
    ((need) <= (room) || oks_array_grow(&(items), (need), &(room), sizeof(*(items))))

/* `items` points to the array's pointer, of whatever type. */
static inline bool oks_array_grow(void *items, size_t need, size_t *room, size_t size)
{
    size_t wanted = *room <= SIZE_MAX / 2 && *room * 2 > need ? *room * 2 : need, bytes;
    void *memory;

    if (__builtin_mul_overflow(wanted, size, &bytes))
        return false;
    memcpy(&memory, items, sizeof(memory));
    memory = realloc(memory, bytes);
    if (!memory)
        return false;
    memcpy(items, &memory, sizeof(memory));
    *room = wanted;
    return true;
}

/* Takes the item out of an array of `n` pointers to such items, if it is there. */
static inline void oks_array_take_out(void *items, size_t *n, const void *item)
{
    char *at = items;

    for (size_t i = 0; i < *n; i++, at += sizeof(item)) {
        if (memcmp(at, &item, sizeof(item)) != 0)
            continue;
        memmove(at, at + sizeof(item), (*n - i - 1) * sizeof(item));
        (*n)--;
        return;
    }
}

/* Where the item belongs among `n` pointers to such items that are in order: behind those that it is not
 * before. Few of them are looked at. */
static inline size_t oks_array_place(const void *items, size_t n, const void *item,
                                     bool (*is_before)(const void *a, const void *b))
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const void *other;

        memcpy(&other, (const char *)items + mid * sizeof(other), sizeof(other));
        if (is_before(item, other))
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

/* Puts the item at a place among `n` pointers; there is room for one more. */
static inline void oks_array_put_in(void *items, size_t *n, size_t at, const void *item)
{
    char *to = (char *)items + at * sizeof(item);

    memmove(to + sizeof(item), to, (*n - at) * sizeof(item));
    memcpy(to, &item, sizeof(item));
    (*n)++;
}

#endif
