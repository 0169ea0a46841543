/* The state's life. */
#include <stdlib.h>
#include <string.h>

#include "history/state.h"
#include "tap.h"

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

    TEST(suite, a_state_begins_and_begins_again_empty);
    return tap_run(suite);
}
