/* Growing arrays; the linker hands their realloc to us. */
#include <stdlib.h>

#include "base/array.h"
#include "tap.h"

static bool refuses;
static size_t n_calls, last_size;

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_realloc(void *old, size_t size)
{
    n_calls++;
    last_size = size;
    return refuses ? NULL : __real_realloc(old, size);
}

/* An empty array, which the compiler does not know to be one: else it calls malloc. */
static void *volatile none;

START_TEST(it_doubles)
{
    static const size_t rooms[] = {1, 2, 4, 4, 8, 8, 8, 8, 16};
    uint32_t *items = none;
    size_t room = 0;

    n_calls = 0;
    for (size_t n = 0; n < 1000; n++) {
        ck_assert(OKS_GROW(items, n, room));
        ck_assert_uint_gt(room, n);
        if (n < sizeof(rooms) / sizeof(*rooms))
            ck_assert_uint_eq(room, rooms[n]);
        items[n] = (uint32_t)n;
    }
    ck_assert_uint_eq(room, 1024);
    ck_assert_uint_eq(n_calls, 11);
    for (size_t n = 0; n < 1000; n++)
        ck_assert_uint_eq(items[n], n);
    free(items);
}
END_TEST

START_TEST(room_for_many_at_once)
{
    struct item {
        char bytes[24];
    } *items = none;
    size_t room = 0;

    n_calls = 0;
    ck_assert(OKS_ROOM(items, 5, room));
    ck_assert_uint_eq(room, 5);
    ck_assert(OKS_ROOM(items, 5, room));
    ck_assert_uint_eq(n_calls, 1);
    ck_assert(OKS_ROOM(items, 6, room));
    ck_assert_uint_eq(room, 10);
    ck_assert(OKS_ROOM(items, 100, room));
    ck_assert_uint_eq(room, 100);
    memset(items, 1, room * sizeof(*items)); /* a sanitizer counts the bytes */
    ck_assert_uint_eq(n_calls, 3);
    free(items);
}
END_TEST

START_TEST(nothing_changes_on_failure)
{
    uint64_t *items = none, *before;
    size_t room = 0;

    ck_assert(OKS_ROOM(items, 2, room));
    items[0] = 1;
    items[1] = 2;
    before = items;
    n_calls = 0;
    ck_assert(!OKS_ROOM(items, SIZE_MAX / 8 + 1, room));
    ck_assert(!OKS_ROOM(items, SIZE_MAX, room));
    ck_assert_uint_eq(n_calls, 0);
    refuses = true;
    ck_assert(!OKS_GROW(items, 2, room));
    refuses = false;
    ck_assert_uint_eq(n_calls, 1);
    ck_assert_uint_eq(room, 2);
    ck_assert_ptr_eq(items, before);
    ck_assert_uint_eq(items[0] + items[1], 3);
    free(items);
}
END_TEST

/* Where twice the room cannot be said, what is needed is as much as there can be. */
START_TEST(rooms_that_cannot_double)
{
    char *bytes = none;
    const volatile size_t half = SIZE_MAX / 2 + 1;
    size_t room = half;

    refuses = true;
    n_calls = 0;
    ck_assert(!OKS_GROW(bytes, half, room));
    refuses = false;
    ck_assert_uint_eq(n_calls, 1);
    ck_assert_uint_eq(last_size, half + 1);
    ck_assert_uint_eq(room, half);
    ck_assert_ptr_null(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("array");

    TEST(suite, it_doubles);
    TEST(suite, room_for_many_at_once);
    TEST(suite, nothing_changes_on_failure);
    TEST(suite, rooms_that_cannot_double);
    return tap_run(suite);
}
