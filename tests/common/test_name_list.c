/* Sorted arrays of names. */
#include "common/name_list.h"
#include "tap.h"

START_TEST(an_empty_list_has_nothing)
{
    struct name_list *n = name_list_new();

    name_list_sort(n);
    ck_assert_uint_eq(n->len, 0);
    ck_assert(!name_list_have(n, ""));
    ck_assert(!name_list_have(n, "a"));
    name_list_free(n);
    name_list_free(NULL);
}
END_TEST

START_TEST(sorted_by_bytes_all_are_found)
{
    struct name_list *n = name_list_new();
    char name[16] = "";

    for (int i = 0; i < 100; i++) { /* more than the room of a new list, in no order */
        snprintf(name, sizeof(name), "%c%d", 'A' + i % 60, i * 37 % 100);
        ck_assert_int_eq(name_list_add(n, name), 0);
    }
    ck_assert_uint_eq(n->len, 100);
    ck_assert_str_eq(n->items[99], name); /* a copy, at the end */
    name_list_sort(n);
    for (size_t i = 1; i < n->len; i++)
        ck_assert_str_lt(n->items[i - 1], n->items[i]);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "%c%d", 'A' + i % 60, i * 37 % 100);
        ck_assert(name_list_have(n, name));
    }
    ck_assert(!name_list_have(n, "A"));
    ck_assert(!name_list_have(n, "~"));
    name_list_free(n);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("name_list");

    TEST(suite, an_empty_list_has_nothing);
    TEST(suite, sorted_by_bytes_all_are_found);
    return tap_run(suite);
}
