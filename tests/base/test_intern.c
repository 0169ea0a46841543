/* Equal texts have one address, until the table is cleared. */
#include <string.h>

#include "base/intern.h"
#include "tap.h"

START_TEST(one_address_for_equal_texts)
{
    struct oks_intern names = {0};
    const char *kept[300];
    char text[16] = "";

    ck_assert_ptr_null(oks_intern(&names, NULL));
    ck_assert_ptr_null(names.tree);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 300; i++) {
            const char *found;

            snprintf(text, sizeof(text), "%d", i * 7 % 300);
            found = oks_intern(&names, text);
            ck_assert_ptr_nonnull(found);
            ck_assert_ptr_ne(found, text);
            ck_assert_str_eq(found, text);
            if (round)
                ck_assert_ptr_eq(found, kept[i]);
            kept[i] = found;
        }
    ck_assert_str_eq(oks_intern(&names, ""), "");
    ck_assert_ptr_eq(oks_intern(&names, ""), oks_intern(&names, ""));
    ck_assert_ptr_ne(oks_intern(&names, "A"), oks_intern(&names, "a"));
    oks_intern_clear(&names);
}
END_TEST

START_TEST(tables_are_apart_and_begin_again)
{
    struct oks_intern one = {0}, other = {0};
    const char *a = oks_intern(&one, "a");

    ck_assert_ptr_ne(a, oks_intern(&other, "a"));
    oks_intern_clear(&one);
    ck_assert_ptr_null(one.tree);
    ck_assert_str_eq(oks_intern(&one, "b"), "b");
    ck_assert_str_eq(oks_intern(&other, "a"), "a");
    oks_intern_clear(&one);
    oks_intern_clear(&one);
    oks_intern_clear(&other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("intern");

    TEST(suite, one_address_for_equal_texts);
    TEST(suite, tables_are_apart_and_begin_again);
    return tap_run(suite);
}
