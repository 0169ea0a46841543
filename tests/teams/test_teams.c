/* Teams without an engine: team-state files, the runs that they describe, and who is a member under which
 * name. */
#include <errno.h>

#include "catalog/catalog.h"
#include "discovery/discovery.h"
#include "discovery/watched_dirs.h"
#include "engine_home.h"
#include "teams/members.h"
#include "teams/runs.h"

/* --- a team-state file --- */

#define TASK  "w/.okstra/tasks/one/"
#define STATE TASK "state/team-state-work-1.json"

static int load(const char *text, struct team_state *out)
{
    put_file(STATE, text);
    memset(out, 0xa5, sizeof(*out));
    return team_state_load(at(STATE), out);
}

START_TEST(a_state_names_its_run)
{
    struct team_state state;

    put_file(TASK "manifests/run-manifest-work-1.json", "{\"createdAt\": \"2026-06-10T01:00:00+00:00\"}");
    ck_assert_int_eq(
        load(
            "{\"team\": {\"teamName\": \"t\"}, \"teamName\": \"other\", \"taskKey\": \"k\", \"runEndedAt\": "
            "\"2026-06-10T02:00:00.500Z\", \"lead\": {\"sessionId\": \"s\", \"model\": \"m\"}, \"workers\": ["
            "{\"workerId\": \"a\", \"agent\": \"codex\", \"model\": \"x\"}, {\"agent\": \"none\"}, 7, "
            "{\"workerId\": \"b\"}]}",
            &state),
        0);
    ck_assert_str_eq(state.team_name, "t");
    ck_assert_str_eq(state.task_key, "k");
    ck_assert_str_eq(state.lead_session, "s");
    ck_assert_str_eq(state.lead_model, "m");
    ck_assert_str_eq(state.since, "2026-06-10T01:00:00Z");
    ck_assert_str_eq(state.until, "2026-06-10T02:00:00.500Z");
    ck_assert_uint_eq(state.n_workers, 2);
    ck_assert_str_eq(state.workers[0].worker_id, "a");
    ck_assert_str_eq(state.workers[0].agent, "codex");
    ck_assert_str_eq(state.workers[0].model, "x");
    ck_assert_str_eq(state.workers[1].worker_id, "b");
    ck_assert_ptr_null(state.workers[1].agent);
    team_state_clear(&state);
    ck_assert_ptr_null(state.team_name);
}
END_TEST

START_TEST(all_but_the_name_may_be_missing)
{
    struct team_state state;

    ck_assert_int_eq(load("{\"teamName\": \"t\"}", &state), 0);
    ck_assert_str_eq(state.since, "");
    ck_assert_str_eq(state.until, "");
    ck_assert_ptr_null(state.task_key);
    ck_assert_ptr_null(state.lead_session);
    ck_assert_uint_eq(state.n_workers, 0);
    ck_assert_int_gt(state.mtime_ns, 0);
    team_state_clear(&state);
    ck_assert_int_eq(load("{\"team\": {}}", &state), -EINVAL);
    ck_assert_int_eq(load("[]", &state), -EINVAL);
    ck_assert_int_eq(team_state_load(at("w/none"), &state), -ENOENT);
}
END_TEST

/* A run that says it is over without a time ended when its file was written. */
START_TEST(a_run_that_is_over_has_an_end)
{
    struct timespec times[2] = {{.tv_sec = 1781053200}, {.tv_sec = 1781053200, .tv_nsec = 5000000}};
    struct team_state state;

    put_file(STATE, "{\"teamName\": \"t\", \"status\": \"Completed\"}");
    ck_assert_int_eq(utimensat(AT_FDCWD, at(STATE), times, 0), 0);
    ck_assert_int_eq(team_state_load(at(STATE), &state), 0);
    ck_assert_str_eq(state.until, "2026-06-10T01:00:00.005Z");
    ck_assert_int_eq(state.mtime_ns, INT64_C(1781053200005000000));
    team_state_clear(&state);
    ck_assert_int_eq(load("{\"teamName\": \"t\", \"runStatus\": \"failed\"}", &state), 0);
    ck_assert_str_ne(state.until, "");
    team_state_clear(&state);
    ck_assert_int_eq(load("{\"teamName\": \"t\", \"status\": \"running\"}", &state), 0);
    ck_assert_str_eq(state.until, "");
    team_state_clear(&state);
}
END_TEST

START_TEST(bounds_compare_with_stamps)
{
    static const struct {
        const char *text, *want;
    } bounds[] = {{"2026-06-10T01:00:00Z", "2026-06-10T01:00:00Z"},
                  {"2026-06-10T03:00:00+02:00", "2026-06-10T01:00:00Z"},
                  {"2026-06-10T01:00:00.123456+00:00", "2026-06-10T01:00:00.123Z"},
                  {"1969-12-31T23:59:59.9995+00:00", "1969-12-31T23:59:59.999Z"},
                  {"tomorrow", ""}};

    for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
        struct team_state state;

        ck_assert_int_eq(
            load(text_of("{\"teamName\": \"t\", \"runEndedAt\": \"%s\"}", bounds[i].text), &state), 0);
        ck_assert_str_eq(state.until, bounds[i].want);
        team_state_clear(&state);
    }
}
END_TEST

/* --- runs, as they are found --- */

static struct versions versions;
static struct catalog catalog;
static struct discovery *discovery;
static struct runs *runs;

static void begin(void)
{
    static const struct file_events events;
    const struct discovery_config config = {.events = &events};

    catalog_init(&catalog, &versions);
    ck_assert_int_eq(discovery_new(&discovery, &config), 0);
    ck_assert_int_eq(runs_new(&runs, discovery, &catalog), 0);
}

static void refresh(void)
{
    discovery_begin(discovery);
    ck_assert_int_eq(discovery_refresh(discovery, false), 0);
    ck_assert_int_eq(discovery_refresh_dirs(discovery), 0);
}

static void end(void)
{
    runs_free(runs);
    ck_assert_uint_eq(catalog.n_teams, 0);
    discovery_free(discovery);
    catalog_clear(&catalog);
}

static void put_run(const char *task, const char *name, const char *created, const char *more)
{
    put_file(text_of("w/.okstra/tasks/%s/state/team-state-%s.json", task, name),
             text_of("{\"teamName\": \"crew\"%s}", more));
    put_file(text_of("w/.okstra/tasks/%s/manifests/run-manifest-%s.json", task, name),
             text_of("{\"createdAt\": \"%s\"}", created));
}

/* The names of the team's runs, newest first. */
static const char *run_names(void)
{
    struct team *team = catalog_team(&catalog, "crew");
    char name[OKS_NAME_MAX + 1], *list = "";
    const struct team_run *run;

    if (!team)
        return NULL;
    for (run = runs_current(team); run; run = LIST_NEXT(run, of_team)) {
        if (run->roster) {
            list = text_of("%s roster", list);
            continue;
        }
        runs_name(team, run, name);
        ck_assert_ptr_eq(runs_named(team, name), run);
        list = text_of("%s %s", list, name);
    }
    ck_assert_ptr_eq(runs_current(team), LIST_FIRST(&team->runs));
    return list;
}

START_TEST(runs_are_named_by_their_numbers)
{
    begin();
    ck_assert_int_eq(runs_add_project(runs, at("w")), 0);
    refresh();
    ck_assert_ptr_null(run_names());
    put_run("one", "work-1", "2026-06-10T01:00:00Z", "");
    put_run("one", "work-3", "2026-06-10T03:00:00Z", "");
    put_run("one", "work-2", "2026-06-10T02:00:00Z", "");
    refresh();
    ck_assert_str_eq(run_names(), " 3 2 1");
    put_run("one", "check-2", "2026-06-10T02:30:00Z", ""); /* another second one: both need their names */
    put_run("one", "plain", "2026-06-10T00:30:00Z", "");
    put_run("one", "x7", "2026-06-10T00:20:00Z", "");
    refresh();
    ck_assert_str_eq(run_names(), " 3 check-2 work-2 1 plain x7");
    ck_assert_ptr_null(runs_named(catalog_team(&catalog, "crew"), "2"));
    put_file("w/.okstra/tasks/one/state/other.json", "{\"teamName\": \"crew\"}");
    put_file("w/.okstra/tasks/one/team-state-9.json", "{\"teamName\": \"crew\"}"); /* not in state/ */
    refresh();
    ck_assert_str_eq(run_names(), " 3 check-2 work-2 1 plain x7");
    ck_assert_uint_eq(runs_errors(runs), 0);
    put_file("w/.okstra/tasks/one/state/team-state-bad-1.json", "{");
    refresh();
    ck_assert_uint_gt(runs_errors(runs), 0);
    ck_assert_str_eq(run_names(), " 3 check-2 work-2 1 plain x7");
    for (int i = 1; i <= 3; i++)
        ck_assert_int_eq(unlink(at(text_of("w/.okstra/tasks/one/state/team-state-work-%d.json", i))), 0);
    refresh();
    ck_assert_str_eq(run_names(), " 2 plain x7");
    end();
}
END_TEST

START_TEST(one_file_name_in_two_tasks)
{
    const char *names;

    begin();
    put_run("one", "work-1", "2026-06-10T01:00:00Z", "");
    put_run("two", "work-1", "2026-06-10T01:00:00Z", "");
    ck_assert_int_eq(runs_add_project(runs, at("w")), 0);
    refresh();
    names = run_names();
    ck_assert_uint_eq(strlen(names), 2 * strlen(" work-1~01234567"));
    ck_assert(strncmp(names, " work-1~", 8) == 0);
    ck_assert_ptr_nonnull(
        strstr(runs_current(catalog_team(&catalog, "crew"))->path, "/two/")); /* the later path */
    ck_assert_str_eq(runs_current(catalog_team(&catalog, "crew"))->dir, at("w"));
    end();
}
END_TEST

enum { TASKS = 3, KINDS = 3, NUMBERS = 12, MADE = TASKS * KINDS * NUMBERS };

/* Of the runs that exist: how many have this number, and how many of them this kind as well. */
static void count_like(const bool *exists, int i, int *numbers, int *files)
{
    *numbers = *files = 0;
    for (int k = 0; k < MADE; k++) {
        *numbers += exists[k] && k % NUMBERS == i % NUMBERS;
        *files += exists[k] && k % (KINDS * NUMBERS) == i % (KINDS * NUMBERS);
    }
}

static void check_names(const bool *exists)
{
    struct team *team = catalog_team(&catalog, "crew");
    int n = 0, found = 0;

    run_names(); /* finds each run by its name */
    for (const struct team_run *run = runs_current(team); run; run = LIST_NEXT(run, of_team), found++)
        ck_assert(!LIST_NEXT(run, of_team) || strcmp(run->path, LIST_NEXT(run, of_team)->path) > 0);
    for (int i = 0; i < MADE; i++) {
        const char *file = text_of("work%d-%d", i / NUMBERS % KINDS, i % NUMBERS);
        const char *path =
            at(text_of("w/.okstra/tasks/%d/state/team-state-%s.json", i / (KINDS * NUMBERS), file));
        const char *number = strchr(file, '-') + 1;
        int numbers, files;

        count_like(exists, i, &numbers, &files);
        n += exists[i];
        if (numbers != 1)
            ck_assert_ptr_null(runs_named(team, number));
        else if (exists[i])
            ck_assert_str_eq(runs_named(team, number)->path, path);
        if (numbers < 2 || files != 1)
            ck_assert_ptr_null(runs_named(team, file));
        else if (exists[i])
            ck_assert_str_eq(runs_named(team, file)->path, path);
    }
    ck_assert_int_eq(found, n);
}

START_TEST(many_runs_come_and_go)
{
    static bool exists[MADE];

    begin();
    put_run("0", "work0-0", "2026-06-10T01:00:00Z", ""); /* for a folder to watch */
    exists[0] = true;
    ck_assert_int_eq(runs_add_project(runs, at("w")), 0);
    srandom(5);
    for (int round = 0; round < 12; round++) {
        for (int k = 0; k < 20; k++) {
            int i = 1 + (int)(random() % (MADE - 1));
            const char *task = text_of("%d", i / (KINDS * NUMBERS));
            const char *file = text_of("work%d-%d", i / NUMBERS % KINDS, i % NUMBERS);

            if (exists[i])
                ck_assert_int_eq(
                    unlink(at(text_of("w/.okstra/tasks/%s/state/team-state-%s.json", task, file))), 0);
            else
                put_run(task, file, "2026-06-10T01:00:00Z", "");
            exists[i] = !exists[i];
        }
        refresh();
        check_names(exists);
    }
    end();
}
END_TEST

START_TEST(a_roster_gives_way_to_any_run)
{
    struct root root = {.path = text_of("%s", at("claude/projects")), .source = &oks_source_claude};

    begin();
    put_file("claude/teams/crew/config.json",
             "{\"name\":\"crew\",\"leadSessionId\":\"boss\",\"members\":[{\"name\":\"a\"}]}");
    put_file("claude/teams/crew/inner/config.json", "{\"name\":\"no\",\"members\":[{\"name\":\"a\"}]}");
    ck_assert_int_eq(runs_add_rosters(runs, &root), 0);
    refresh();
    ck_assert_str_eq(run_names(), " roster");
    ck_assert_str_eq(runs_current(catalog_team(&catalog, "crew"))->lead, "boss");
    put_run("one", "work-1", "2026-06-10T01:00:00Z", "");
    ck_assert_int_eq(runs_add_project(runs, at("w")), 0);
    refresh();
    ck_assert_str_eq(run_names(), " 1 roster");
    ck_assert_uint_eq(catalog.n_teams, 1);
    end();
}
END_TEST

/* --- members, by hand --- */

static struct root root = {.path = (char *)"/r"};
static struct team_run run = {.path = (char *)"/w/x/state/team-state-x-1.json", .dir = "/w", .lead = "boss"};
static struct run_worker workers[3];

static struct transcript *add(const struct source *source, const char *rel, const char *agent)
{
    struct session *s = catalog_session_made(&catalog, source->id_of(rel));
    struct transcript *t;
    struct project *from;

    root.source = source;
    t = catalog_transcript_made(&catalog, s, &root, text_of("/r/%s", rel), strdup("f"), strdup(s->name));
    ck_assert_ptr_nonnull(t);
    t->state.agent_name = agent ? strdup(agent) : NULL;
    catalog_assign_project(&catalog, s, &from);
    return t;
}

static struct transcript *in_crew(const char *rel, const char *agent)
{
    struct transcript *t = add(&oks_source_claude, rel, agent);

    oks_strings_add_folded(&t->state.teams, OKS_SLICE("crew"), OKS_TEAMS_MAX);
    ck_assert_int_eq(catalog_session_teams(&catalog, t->session), 0);
    return t;
}

static void member_is(const struct team_run *of, const struct transcript *t, const char *want)
{
    char name[OKS_NAME_MAX + 1];

    member_name_of(of, t->session, name);
    ck_assert_str_eq(name, want);
}

static void members_setup(void)
{
    catalog_init(&catalog, &versions);
    workers[0] = (struct run_worker){.worker_id = (char *)"a"};
    workers[1] = (struct run_worker){.worker_id = (char *)"report-writer"};
    workers[2] = (struct run_worker){.worker_id = (char *)"c", .agent = (char *)"codex"};
    run.state = (struct team_state){.workers = workers, .n_workers = 3};
}

START_TEST(a_member_is_called_by_its_agent)
{
    struct transcript *boss, *plain;

    members_setup();
    boss = in_crew("-p/boss.jsonl", "whoever");
    plain = in_crew("-p/plain.jsonl", NULL);
    member_is(&run, boss, "lead");
    member_is(NULL, boss, "whoever");
    member_is(&run, plain, "unnamed");
    member_is(NULL, plain, "lead");
    run.roster = true;
    member_is(&run, plain, "lead");
    run.roster = false;
    member_is(NULL, in_crew("-p/1.jsonl", "a-worker"), "a-worker");
    member_is(NULL, in_crew("-p/2.jsonl", "a-worker-12"), "a-worker");
    member_is(NULL, in_crew("-p/3.jsonl", "report-writer-2"), "report-writer");
    member_is(NULL, in_crew("-p/4.jsonl", "scout-2"), "scout-2"); /* not dispatched again, but called so */
    member_is(NULL, in_crew("-p/5.jsonl", "a-worker-"), "a-worker-");
    member_is(NULL, in_crew("-p/6.jsonl", "-12"), "-12");
    member_is(NULL, in_crew("-p/7.jsonl", "a-worker12"), "a-worker12");
    member_is(NULL, in_crew("-p/8.jsonl", "x/y"), "x%2Fy");
    ck_assert(member_is_lead(&run, boss->session) && !member_is_lead(&run, plain->session));
    ck_assert(!member_is_lead(NULL, boss->session));
}
END_TEST

static bool works(size_t worker, const char *agent)
{
    static unsigned n;

    return member_works_as(&run, &workers[worker], in_crew(text_of("-p/w%u.jsonl", n++), agent)->session);
}

START_TEST(a_worker_is_called_after_its_id)
{
    members_setup();
    ck_assert(works(0, "a-worker") && works(0, "a-worker-3"));
    ck_assert(!works(0, "a") && !works(0, "b-worker") && !works(0, "aa-worker") && !works(0, "a-workers"));
    ck_assert(!works(0, NULL) && !works(0, "-worker"));
    ck_assert(works(1, "report-writer") && works(1, "report-writer-2") && works(1, "report-writer-worker"));
    ck_assert(!works(1, "report-writers") && !works(1, "report"));
    run.roster = true;
    ck_assert(works(0, "a") && !works(0, "a-worker") && !works(0, "a-2") && !works(0, NULL));
    strcpy(run.lead, "led");
    ck_assert(!member_works_as(&run, &workers[0], in_crew("-p/led.jsonl", "a")->session));
    strcpy(run.lead, "boss");
    run.roster = false;
}
END_TEST

static void add_event(struct transcript *t, const char *stamp)
{
    struct oks_event event = {.stamp = oks_stamp_of(oks_slice_of(stamp)), .count = {1}};

    ck_assert_int_eq(oks_events_append(t->state.events, &event), 0);
    oks_events_window(t->state.events, OKS_STAMP_NONE, OKS_STAMP_NONE, &t->totals);
}

/* A worker's own transcripts, of another program. */
static struct transcript *own(const char *id, const char *cwd, const char *begun)
{
    struct transcript *t = add(&oks_source_codex, text_of("rollout-2026-06-10T01-00-00-%s.jsonl", id), NULL);
    struct project *from;

    oks_strings_add(&t->state.cwds, oks_slice_of(cwd), OKS_CWDS_MAX);
    catalog_assign_project(&catalog, t->session, &from);
    if (begun)
        add_event(t, begun);
    return t;
}

static const char *team_of(const struct team_run *of)
{
    struct session **sessions = team_sessions(&catalog, catalog_team_made(&catalog, OKS_SLICE("crew")), of);
    char *list = "";

    for (size_t i = 0; sessions[i]; i++)
        list = text_of("%s%s%s", list, i ? " " : "", sessions[i]->name);
    free(sessions);
    return list;
}

#define T(hour) "2026-06-10T" hour ":00:00Z"

START_TEST(who_belongs_to_a_run)
{
    struct transcript *t;

    members_setup();
    ck_assert_str_eq(team_of(NULL), "");
    in_crew("-p/w2.jsonl", "a-worker");
    in_crew("-p/w1.jsonl", NULL);
    add(&oks_source_claude, "-p/boss.jsonl", NULL); /* it does not say that it is of the team */
    add(&oks_source_claude, "-p/other.jsonl", NULL);
    ck_assert_str_eq(team_of(NULL), "w1 w2");
    ck_assert_str_eq(team_of(&run), "boss w1 w2");
    t = in_crew("-p/boss.jsonl2", NULL);
    ck_assert_ptr_nonnull(t);
    /* What workers of another kind wrote in the run's folder, and in its time. */
    own("o1", "/w", T("02"));
    own("o2", "/w", T("09"));
    own("o3", "/elsewhere", T("02"));
    own("o4", "/w", NULL);
    own("o5", "/w", T("01"));
    ck_assert_str_eq(team_of(&run), "boss boss.jsonl2 w1 w2"); /* it has no beginning */
    strcpy(run.state.since, T("02"));
    ck_assert_str_eq(team_of(&run), "boss boss.jsonl2 o1 o2 w1 w2");
    strcpy(run.state.until, T("08"));
    ck_assert_str_eq(team_of(&run), "boss boss.jsonl2 o1 w1 w2");
    oks_strings_add(&t->state.cwds, OKS_SLICE("/elsewhere"), OKS_CWDS_MAX); /* where one of them worked */
    ck_assert_str_eq(team_of(&run), "boss boss.jsonl2 o1 o3 w1 w2");
    member_is(&run, catalog_transcript(&catalog, "/r/rollout-2026-06-10T01-00-00-o1.jsonl"), "c-worker");
    ck_assert(member_works_as(&run, &workers[2], catalog_session(&catalog, "o1")));
    ck_assert(!member_works_as(&run, &workers[0], catalog_session(&catalog, "o1")));
    workers[2].agent = NULL;
    ck_assert_str_eq(team_of(&run), "boss boss.jsonl2 w1 w2");
}
END_TEST

/* Those that it names write theirs as sub-agents of the lead, without a word of the team. */
START_TEST(a_roster_has_its_leads_agents)
{
    members_setup();
    add(&oks_source_claude, "-p/boss.jsonl", NULL);
    add(&oks_source_claude, "-p/boss/subagents/agent-1.jsonl", "a");
    add(&oks_source_claude, "-p/boss/subagents/agent-2.jsonl", "nobody");
    add(&oks_source_claude, "-p/other/subagents/agent-3.jsonl", "a");
    run.roster = true;
    ck_assert_str_eq(team_of(&run), "agent-1 boss");
    strcpy(run.lead, "gone");
    ck_assert_str_eq(team_of(&run), "");
    strcpy(run.lead, "boss");
    run.roster = false;
    ck_assert_str_eq(team_of(&run), "boss");
}
END_TEST

/* A session that a run or a roster may show bumps its team. */
START_TEST(a_change_reaches_the_teams_of_runs)
{
    struct transcript *boss, *member, *other, *child;
    struct team *crew;

    begin();
    put_run(
        "one", "work-1", "2026-06-10T01:00:00Z",
        ", \"lead\": {\"sessionId\": \"boss\"}, \"workers\": [{\"workerId\": \"c\", \"agent\": \"codex\"}]");
    ck_assert_int_eq(runs_add_project(runs, at("w")), 0);
    refresh();
    crew = catalog_team(&catalog, "crew");
    boss = add(&oks_source_claude, "-p/boss.jsonl", NULL);
    other = add(&oks_source_claude, "-p/other.jsonl", NULL);
    child = add(&oks_source_claude, "-p/boss/subagents/agent-1.jsonl", "a");
    member = own("o1", "/w", T("02"));
    runs_session_changed(runs, boss->session, 1001);
    ck_assert_uint_eq(crew->version, 1001);
    runs_session_changed(runs, other->session, 1002);
    runs_session_changed(runs, child->session, 1003);
    ck_assert_uint_eq(crew->version, 1001);
    runs_session_changed(runs, member->session, 1004);
    ck_assert_uint_eq(crew->version, 1004);
    runs_session_changed(NULL, boss->session, 1005);
    ck_assert_uint_eq(crew->version, 1004);
    end();
}
END_TEST

START_TEST(a_change_reaches_the_teams_of_rosters)
{
    struct root claude = {.path = text_of("%s", at("claude/projects")), .source = &oks_source_claude};
    struct transcript *child, *stranger;

    begin();
    put_file("claude/teams/crew/config.json",
             "{\"name\":\"crew\",\"leadSessionId\":\"boss\",\"members\":[{\"name\":\"a\"}]}");
    ck_assert_int_eq(runs_add_rosters(runs, &claude), 0);
    refresh();
    child = add(&oks_source_claude, "-p/boss/subagents/agent-1.jsonl", "a");
    stranger = add(&oks_source_claude, "-p/x/subagents/agent-2.jsonl", "a");
    runs_session_changed(runs, child->session, 1001);
    ck_assert_uint_eq(catalog_team(&catalog, "crew")->version, 1001);
    runs_session_changed(runs, stranger->session, 1002);
    ck_assert_uint_eq(catalog_team(&catalog, "crew")->version, 1001);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("teams");

    SCRATCH_TEST(suite, a_state_names_its_run);
    SCRATCH_TEST(suite, all_but_the_name_may_be_missing);
    SCRATCH_TEST(suite, a_run_that_is_over_has_an_end);
    SCRATCH_TEST(suite, bounds_compare_with_stamps);
    SCRATCH_TEST(suite, runs_are_named_by_their_numbers);
    SCRATCH_TEST(suite, one_file_name_in_two_tasks);
    SCRATCH_TEST(suite, many_runs_come_and_go);
    SCRATCH_TEST(suite, a_roster_gives_way_to_any_run);
    TEST(suite, a_member_is_called_by_its_agent);
    TEST(suite, a_worker_is_called_after_its_id);
    TEST(suite, who_belongs_to_a_run);
    TEST(suite, a_roster_has_its_leads_agents);
    SCRATCH_TEST(suite, a_change_reaches_the_teams_of_runs);
    SCRATCH_TEST(suite, a_change_reaches_the_teams_of_rosters);
    return tap_run_apart(suite);
}
