/* The state's life, and its lists of names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "history/state.h"
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
    struct oks_strings list = {0};
    char name[2000];

    memset(name, 'N', sizeof(name));
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < OKS_TEAMS_MAX + 50; i++) {
            int want = i >= OKS_TEAMS_MAX ? -ENOSPC : round ? 1 : 0;

            snprintf(name + sizeof(name) - 8, 8, "%c%06u", round == 1 ? 'x' : 'X', i);
            ck_assert_int_eq(
                oks_strings_add_folded(&list, (struct oks_slice){name, sizeof(name)}, OKS_TEAMS_MAX), want);
        }
    ck_assert_uint_eq(list.len, OKS_TEAMS_MAX);
    for (unsigned i = 0; i < OKS_TEAMS_MAX; i++) {
        snprintf(name + sizeof(name) - 8, 8, "X%06u", i);
        ck_assert_mem_eq(list.items[i].ptr, name, sizeof(name));
    }
    oks_strings_clear(&list);
}
END_TEST

static void fill(struct oks_state *state)
{
    struct oks_event event = {.stamp = oks_stamp_of(OKS_SLICE("10 June"))};

    state->offset = 7;
    state->lines = 3;
    state->agent_name = strdup("worker");
    state->model = strdup("model");
    state->session_id = strdup("id");
    ck_assert_int_eq(oks_events_append(state->events, &event), 0);
    ck_assert_int_eq(oks_strings_add(&state->cwds, OKS_SLICE("/x"), OKS_CWDS_MAX), 0);
    ck_assert_int_eq(oks_strings_add_folded(&state->teams, OKS_SLICE("T"), OKS_TEAMS_MAX), 0);
}

static void check_empty(const struct oks_state *state)
{
    ck_assert_uint_eq(state->offset, 0);
    ck_assert_uint_eq(state->lines, 0);
    ck_assert_ptr_null(state->agent_name);
    ck_assert_ptr_null(state->model);
    ck_assert_ptr_null(state->session_id);
    ck_assert_uint_eq(state->teams.len, 0);
    ck_assert_uint_eq(state->cwds.len, 0);
    ck_assert_ptr_nonnull(state->events);
    ck_assert_uint_eq(oks_events_len(state->events), 0);
}

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

START_TEST(a_state_begins_and_begins_again_empty)
{
    struct oks_state state;

    memset(&state, 0xff, sizeof(state));
    ck_assert_int_eq(oks_state_init(&state), 0);
    check_empty(&state);
    fill(&state);
    ck_assert_int_eq(oks_state_reset(&state), 0);
    check_empty(&state);
    fill(&state);
    oks_state_clear(&state);
    ck_assert_ptr_null(state.events);
    oks_state_clear(&state);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("state");

    TEST(suite, plain_lists_keep_first_appearances);
    TEST(suite, folded_lists_keep_the_first_spelling);
    TEST(suite, full_lists_still_know_their_own);
    TEST(suite, many_long_names);
    TEST(suite, lists_of_every_length_know_their_own);
    TEST(suite, a_state_begins_and_begins_again_empty);
    return tap_run(suite);
}
