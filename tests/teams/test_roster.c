/* What a team's config.json may hold, and what is taken from it. */
#include <errno.h>

#include "teams/roster.h"
#include "engine_home.h"

#define FILE_OF_TEAM "teams/folder-name/config.json"

static int load(const char *text, struct team_state *out)
{
    put_file(FILE_OF_TEAM, text);
    memset(out, 0xa5, sizeof(*out));
    return roster_load(at(FILE_OF_TEAM), out);
}

static void check_worker(const struct run_worker *worker, const char *id, const char *agent,
                         const char *model)
{
    ck_assert_str_eq(worker->worker_id, id);
    ck_assert_pstr_eq(worker->agent, agent);
    ck_assert_pstr_eq(worker->model, model);
}

START_TEST(members_are_workers_but_the_lead)
{
    struct team_state state;

    ck_assert_int_eq(
        load(
            "{\"name\":\"t\",\"description\":\"d\",\"createdAt\":1781053200000,\"leadAgentId\":\"boss@t\","
            "\"leadSessionId\":\"lead-sid\",\"members\":["
            "{\"agentId\":\"boss@t\",\"name\":\"boss\",\"agentType\":\"lead\",\"model\":\"claude-opus-4-7\"},"
            "{\"agentId\":\"scout@t\",\"name\":\"scout\",\"agentType\":\"Explore\",\"model\":\"haiku\","
            "\"prompt\":\"what it was told\"},"
            "{\"name\":\"writer\"}]}",
            &state),
        0);
    ck_assert_str_eq(state.team_name, "t");
    ck_assert_str_eq(state.lead_session, "lead-sid");
    ck_assert_str_eq(state.lead_model, "claude-opus-4-7");
    ck_assert_uint_eq(state.n_workers, 2);
    check_worker(&state.workers[0], "scout", "Explore", "haiku");
    check_worker(&state.workers[1], "writer", NULL, NULL);
    ck_assert_str_eq(state.since, "");
    ck_assert_str_eq(state.until, "");
    ck_assert_ptr_null(state.task_key);
    ck_assert_int_gt(state.mtime_ns, 0);
    team_state_clear(&state);
}
END_TEST

START_TEST(what_is_missing_is_made_up_for)
{
    struct team_state state;

    ck_assert_int_eq(
        load("{\"members\":[{\"name\":\"team-lead\",\"model\":7},7,{\"name\":\"\"},{\"name\":\"a\"}]}",
             &state),
        0);
    ck_assert_str_eq(state.team_name, "folder-name");
    ck_assert_ptr_null(state.lead_session);
    ck_assert_ptr_null(state.lead_model);
    ck_assert_uint_eq(state.n_workers, 1);
    check_worker(&state.workers[0], "a", NULL, NULL);
    team_state_clear(&state);
}
END_TEST

/* Claude Code makes a team for every session. */
START_TEST(a_lead_alone_is_no_team)
{
    static const char *const texts[] = {"{}", "{\"name\":\"t\",\"members\":[]}",
                                        "{\"name\":\"t\",\"members\":{\"name\":\"a\"}}",
                                        "{\"name\":\"t\",\"members\":[{\"name\":\"team-lead\"}]}"};
    struct team_state state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        ck_assert_int_eq(load(texts[i], &state), -ENOENT);
    ck_assert_int_eq(roster_load(at("missing/config.json"), &state), -ENOENT);
}
END_TEST

START_TEST(what_is_none)
{
    struct team_state state;

    ck_assert_int_eq(load("", &state), -EINVAL);
    ck_assert_int_eq(load("[]", &state), -EINVAL);
    ck_assert_int_eq(load("{\"members\":[{\"name\":\"a\"}]", &state), -EINVAL);
    ck_assert_int_eq(unlink(at(FILE_OF_TEAM)), 0);
    ck_assert_int_eq(mkfifo(at(FILE_OF_TEAM), 0600), 0);
    ck_assert_int_eq(roster_load(at(FILE_OF_TEAM), &state), -EINVAL);
}
END_TEST

START_TEST(a_team_has_a_bound)
{
    struct team_state state;
    char *text = kept(malloc(200000)), *end = text + sprintf(text, "{\"members\":[{\"name\":\"m\"}");

    for (int i = 0; i < TEAM_STATE_WORKERS_MAX + 10; i++)
        end += sprintf(end, ",{\"name\":\"m%d\"}", i);
    strcpy(end, "]}");
    ck_assert_int_eq(load(text, &state), 0);
    ck_assert_uint_eq(state.n_workers, TEAM_STATE_WORKERS_MAX);
    team_state_clear(&state);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("roster");

    SCRATCH_TEST(suite, members_are_workers_but_the_lead);
    SCRATCH_TEST(suite, what_is_missing_is_made_up_for);
    SCRATCH_TEST(suite, a_lead_alone_is_no_team);
    SCRATCH_TEST(suite, what_is_none);
    SCRATCH_TEST(suite, a_team_has_a_bound);
    return tap_run(suite);
}
