/* Sets of strings in order of appearance, plain and folded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "tap.h"

static bool holds(const struct oks_strings *strings, size_t i, const char *want)
{
    return i < strings->len && strings->items[i].len == strlen(want) &&
           strcmp(strings->items[i].ptr, want) == 0;
}

START_TEST(plain_lists_keep_first_appearances)
{
    struct oks_strings list = {0};

    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE("/b"), 9), 0);
    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE("/b"), 9), 1);
    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE("/a"), 9), 0);
    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE("/b"), 9), 1);
    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE("/B"), 9), 0);
    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE(""), 9), 0);
    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE(""), 9), 1);
    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE("/a\0x"), 9), 0);
    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE("/a"), 9), 1);
    ck_assert_uint_eq(list.len, 5);
    ck_assert(holds(&list, 0, "/b") && holds(&list, 1, "/a") && holds(&list, 2, "/B") && holds(&list, 3, ""));
    ck_assert_uint_eq(list.items[4].len, 4);
    ck_assert_mem_eq(list.items[4].ptr, "/a\0x", 5);
    oks_strings_clear(&list);
    ck_assert_uint_eq(list.len, 0);
    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE("/b"), 9), 0);
    oks_strings_clear(&list);
    oks_strings_clear(&list);
}
END_TEST

START_TEST(folded_lists_keep_the_first_spelling)
{
    struct oks_strings list = {0};

    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("Alpha"), 9), 0);
    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("ALPHA"), 9), 1);
    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("\xc3\x89T\xc3\x89"), 9), 0);
    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("\xc3\xa9t\xc3\xa9"), 9), 1);
    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("alpha"), 9), 1);
    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("bad\xff"), 9), 0);
    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("BAD\xfe"), 9), 1);
    ck_assert_uint_eq(list.len, 3);
    ck_assert(holds(&list, 0, "Alpha") && holds(&list, 1, "\xc3\x89T\xc3\x89") && holds(&list, 2, "bad\xff"));
    oks_strings_clear(&list);
}
END_TEST

START_TEST(full_lists_still_know_their_own)
{
    struct oks_strings list = {0};

    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE("a"), 0), -ENOSPC);
    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE("a"), 2), 0);
    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE("b"), 2), 0);
    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE("c"), 2), -ENOSPC);
    ck_assert_int_eq(oks_strings_add(&list, OKS_SLICE("a"), 2), 1);
    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("B"), 2), 1);
    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("C"), 2), -ENOSPC);
    ck_assert_uint_eq(list.len, 2);
    oks_strings_clear(&list);
}
END_TEST

START_TEST(many_long_names)
{
    enum { NAMES_MAX = 4096 };
    struct oks_strings list = {0};
    char name[2000];

    memset(name, 'N', sizeof(name));
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < NAMES_MAX + 50; i++) {
            int want = i >= NAMES_MAX ? -ENOSPC : round ? 1 : 0;

            snprintf(name + sizeof(name) - 8, 8, "%c%06u", round == 1 ? 'x' : 'X', i);
            ck_assert_int_eq(oks_strings_add_folded(&list, (struct oks_slice){name, sizeof(name)}, NAMES_MAX),
                             want);
        }
    ck_assert_uint_eq(list.len, NAMES_MAX);
    for (unsigned i = 0; i < NAMES_MAX; i++) {
        snprintf(name + sizeof(name) - 8, 8, "X%06u", i);
        ck_assert_mem_eq(list.items[i].ptr, name, sizeof(name));
    }
    oks_strings_clear(&list);
}
END_TEST

/* A few are gone through, more have a table: around that border as elsewhere. */
START_TEST(lists_of_every_length_know_their_own)
{
    for (int n = 1; n <= 70; n++) {
        struct oks_strings plain = {0}, folded = {0};
        char name[16];

        for (int i = 0; i < 2 * n; i++) {
            snprintf(name, sizeof(name), "%s-%d", i < n ? "Name" : "NAME", i % n);
            ck_assert_int_eq(oks_strings_add(&plain, oks_slice_of(name), 1000), 0);
            ck_assert_int_eq(oks_strings_add_folded(&folded, oks_slice_of(name), 1000), i >= n);
        }
        for (int i = 2 * n - 1; i >= 0; i--) {
            snprintf(name, sizeof(name), "%s-%d", i < n ? "Name" : "NAME", i % n);
            ck_assert_int_eq(oks_strings_add(&plain, oks_slice_of(name), 1000), 1);
            ck_assert_str_eq(plain.items[i].ptr, name);
            ck_assert_int_eq(oks_strings_add_folded(&folded, oks_slice_of(name), 1000), 1);
        }
        ck_assert_uint_eq(plain.len, (size_t)(2 * n));
        ck_assert_uint_eq(folded.len, (size_t)n);
        oks_strings_clear(&plain);
        oks_strings_clear(&folded);
    }
}
END_TEST

/* The last one found is looked at first; that must not hide any other. */
START_TEST(repeats_in_any_order)
{
    enum { N = 40 };

    for (size_t n = 1; n <= N; n++) {
        struct oks_strings plain = {0}, folded = {0};
        char name[2] = {0};

        for (size_t i = 0; i < n; i++) {
            name[0] = (char)('A' + i % 26);
            ck_assert_int_eq(oks_strings_add(&plain, (struct oks_slice){name, 1 + i / 26}, N), 0);
            ck_assert_int_eq(oks_strings_add_folded(&folded, (struct oks_slice){name, 1 + i / 26}, N), 0);
        }
        for (size_t k = 0; k < 4 * n; k++) {
            size_t i = k * 17 % n;

            name[0] = (char)('A' + i % 26);
            ck_assert_int_eq(oks_strings_add(&plain, (struct oks_slice){name, 1 + i / 26}, 0), 1);
            name[0] |= 0x20;
            ck_assert_int_eq(oks_strings_add_folded(&folded, (struct oks_slice){name, 1 + i / 26}, 0), 1);
            ck_assert_int_eq(oks_strings_add(&plain, (struct oks_slice){name, 1 + i / 26}, n), -ENOSPC);
        }
        ck_assert_uint_eq(plain.len, n);
        ck_assert_uint_eq(folded.len, n);
        oks_strings_clear(&plain);
        oks_strings_clear(&folded);
    }
}
END_TEST

/* Their hashes differ in no bit that a small table looks at, or their lengths differ alone. */
START_TEST(names_that_are_nearly_equal)
{
    struct oks_strings list = {0};
    char name[200];

    memset(name, 'x', sizeof(name));
    for (size_t len = 0; len <= sizeof(name); len++)
        ck_assert_int_eq(oks_strings_add(&list, (struct oks_slice){name, len}, SIZE_MAX), 0);
    for (size_t i = 0; i < sizeof(name); i++) {
        name[i] = 'y';
        ck_assert_int_eq(oks_strings_add(&list, (struct oks_slice){name, sizeof(name)}, SIZE_MAX), 0);
        name[i] = 'x';
    }
    ck_assert_uint_eq(list.len, 2 * sizeof(name) + 1);
    for (size_t i = 0; i < list.len; i++)
        ck_assert_int_eq(list.items[i].ptr[list.items[i].len], 0);
    oks_strings_clear(&list);
}
END_TEST

START_TEST(a_first_one_that_folds)
{
    struct oks_strings list = {0};

    /* Lower case is longer here: the first one's key is its own memory. */
    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("\xc4\xb0X"), 3), 0);
    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("b"), 3), 0);
    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("i\xcc\x87x"), 3), 1);
    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("B"), 3), 1);
    ck_assert_int_eq(oks_strings_add_folded(&list, OKS_SLICE("\xc4\xb0x"), 3), 1);
    ck_assert_uint_eq(list.len, 2);
    oks_strings_clear(&list);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("strings");

    TEST(suite, plain_lists_keep_first_appearances);
    TEST(suite, folded_lists_keep_the_first_spelling);
    TEST(suite, full_lists_still_know_their_own);
    TEST(suite, many_long_names);
    TEST(suite, lists_of_every_length_know_their_own);
    TEST(suite, repeats_in_any_order);
    TEST(suite, names_that_are_nearly_equal);
    TEST(suite, a_first_one_that_folds);
    return tap_run(suite);
}
