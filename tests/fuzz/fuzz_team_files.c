/*
 * Fuzzes the small files of teams and agents that other programs write: team-state files with their run
 * manifests, rosters, and the .meta.json beside an agent's transcript.
 *
 * The first byte of an input chooses the kind of file; a team-state file goes up to a line of "---", and its
 * manifest follows. Whatever the content is, it is a file of that kind or not, and what is taken from it
 * keeps its bounds. Read twice it says the same.
 */
#include "fuzz_home.h"
#include "sources/labels.h"
#include "teams/roster.h"
#include "teams/team_state.h"

static const char *const folders[] = {"state", "manifests", NULL};

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_worker(const struct run_worker *a, const struct run_worker *b)
{
    REQUIRE(a->worker_id && same(a->worker_id, b->worker_id) && same(a->agent, b->agent));
    REQUIRE(same(a->model, b->model) && same(a->cwd, b->cwd) && a->joined_ms == b->joined_ms);
}

static void check_state(struct team_state *a, struct team_state *b)
{
    REQUIRE(a->team_name && *a->team_name && same(a->team_name, b->team_name) &&
            same(a->task_key, b->task_key));
    REQUIRE(memchr(a->since, 0, RUN_BOUND) && memchr(a->until, 0, RUN_BOUND));
    REQUIRE(same(a->since, b->since) && same(a->until, b->until));
    REQUIRE(same(a->lead_session, b->lead_session) && same(a->lead_model, b->lead_model));
    REQUIRE(a->n_workers <= TEAM_STATE_WORKERS_MAX && a->n_workers == b->n_workers);
    for (size_t i = 0; i < a->n_workers; i++)
        check_worker(&a->workers[i], &b->workers[i]);
    team_state_clear(a);
    team_state_clear(b);
}

static void load_twice(const char *rel, int (*load)(const char *path, struct team_state *out))
{
    struct team_state a = {0}, b = {0};
    int rc = load(fuzz_path(rel), &a), again = load(fuzz_path(rel), &b);

    REQUIRE(rc == again);
    REQUIRE(rc == 0 || rc == -EINVAL || rc == -ENOENT || rc == -EFBIG);
    if (rc == 0)
        check_state(&a, &b);
}

static void team_state(const uint8_t *data, size_t size)
{
    const uint8_t *cut = memmem(data, size, "\n---\n", 5);

    fuzz_write("state/team-state-1.json", data, cut ? (size_t)(cut - data) : size, O_TRUNC);
    if (cut)
        fuzz_write("manifests/run-manifest-1.json", cut + 5, size - (size_t)(cut + 5 - data), O_TRUNC);
    else
        unlink(fuzz_path("manifests/run-manifest-1.json"));
    load_twice("state/team-state-1.json", team_state_load);
}

static void meta(const uint8_t *data, size_t size)
{
    struct label a = {0}, b = {0};

    fuzz_write("agent-x.meta.json", data, size, O_TRUNC);
    REQUIRE(label_load(fuzz_path("agent-x.meta.json"), &a) == 0);
    REQUIRE(label_load(fuzz_path("agent-x.meta.json"), &b) == 0);
    REQUIRE(same(a.name, b.name) && same(a.team, b.team));
    REQUIRE(!a.name || (*a.name && strlen(a.name) <= LABEL_BYTES_MAX));
    REQUIRE(!a.team || strlen(a.team) <= LABEL_BYTES_MAX);
    label_clear(&a);
    label_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    fuzz_home_begin(folders);
    switch (data[0] % 3) {
    case 0:
        team_state(data + 1, size - 1);
        break;
    case 1:
        fuzz_write("config.json", data + 1, size - 1, O_TRUNC);
        load_twice("config.json", roster_load);
        break;
    default:
        meta(data + 1, size - 1);
        break;
    }
    return 0;
}
