/* Walks in order, each item once, and where they stop. */
#include <search.h>
#include <stdlib.h>

#include "base/tree.h"
#include "tap.h"

static int by_int(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

struct seen {
    int items[100];
    size_t n;
    int stop_at;
};

static void note(void *ctx, void *item)
{
    struct seen *seen = ctx;

    seen->items[seen->n++] = *(int *)item;
}

static int note_until(void *ctx, void *item)
{
    struct seen *seen = ctx;

    note(seen, item);
    return *(int *)item == seen->stop_at ? -7 : 0;
}

/* A tree of 0 ... n - 1, put in out of order; n is no multiple of 37. */
static void *tree_of(int *items, int n)
{
    void *root = NULL;

    for (int i = 0; i < n; i++) {
        items[i] = i * 37 % n;
        ck_assert_ptr_nonnull(tsearch(&items[i], &root, by_int));
    }
    return root;
}

START_TEST(each_in_order_and_once)
{
    int items[100];

    for (int n = 1; n <= 100; n++) {
        struct seen seen = {.n = 0};
        void *root;

        if (n % 37 == 0) /* see tree_of() */
            continue;
        root = tree_of(items, n);
        oks_tree_each(root, note, &seen);
        ck_assert_uint_eq(seen.n, (size_t)n);
        for (int i = 0; i < n; i++)
            ck_assert_int_eq(seen.items[i], i);
        tdestroy(root, oks_tree_keep);
    }
}
END_TEST

START_TEST(an_empty_tree_has_none)
{
    struct seen seen = {.n = 0};

    oks_tree_each(NULL, note, &seen);
    ck_assert_int_eq(oks_tree_until(NULL, note_until, &seen), 0);
    ck_assert_uint_eq(seen.n, 0);
}
END_TEST

START_TEST(stops_at_the_first_non_zero)
{
    int items[50];
    void *root = tree_of(items, 50);
    struct seen all = {.stop_at = -1};

    for (int stop = 0; stop < 50; stop++) {
        struct seen seen = {.stop_at = stop};

        ck_assert_int_eq(oks_tree_until(root, note_until, &seen), -7);
        ck_assert_uint_eq(seen.n, (size_t)stop + 1);
        ck_assert_int_eq(seen.items[stop], stop);
    }
    ck_assert_int_eq(oks_tree_until(root, note_until, &all), 0);
    ck_assert_uint_eq(all.n, 50);
    tdestroy(root, oks_tree_keep);
}
END_TEST

START_TEST(a_list_has_all_in_order)
{
    int items[50];
    void *root = tree_of(items, 50), **list;
    size_t n;

    ck_assert_int_eq(oks_tree_list(root, &list, &n), 0);
    ck_assert_uint_eq(n, 50);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(*(int *)list[i], (int)i);
    free(list);
    tdestroy(root, oks_tree_keep);
    ck_assert_int_eq(oks_tree_list(NULL, &list, &n), 0);
    ck_assert_uint_eq(n, 0);
    free(list);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base_tree");

    TEST(suite, each_in_order_and_once);
    TEST(suite, an_empty_tree_has_none);
    TEST(suite, stops_at_the_first_non_zero);
    TEST(suite, a_list_has_all_in_order);
    return tap_run(suite);
}
