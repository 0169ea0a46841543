/*
 * What was spent, against budgets of every scope: over random changes held against adding up the lines; and
 * by itself the worst rows, the windows, and when an evaluation is no longer good.
 */
#include "effort.h"
#include "budgets/budgets.h"
#include "okstrafs/window.h"
#include "random_home.h"
#include "scratch.h"

static int rounds; /* of random changes */

enum { ROWS_MAX = FILES + 1, LIMIT = 400 };

#define HOUR INT64_C(3600000)

static struct budgets budgets = {.model = &model};

static void setup(void)
{
    scratch_setup();
    model_begin(NULL);
}

static void teardown(void)
{
    budgets_forget(&budgets);
    leave_all();
    model_end();
    scratch_teardown();
}

static void configure(const char *text)
{
    char *whole;

    ck_assert_int_ge(asprintf(&whole, "{\"timeZone\": \"KST-9\", \"budgets\": {%s}}", text), 0);
    make_file("okstrafs.json", whole, strlen(whole));
    free(whole);
    budgets_forget(&budgets);
    model_settings(scratch);
    ck_assert_ptr_null(settings_state(model.settings, CONFIG_FILE).error);
}

static int64_t ms(const char *stamp)
{
    int64_t micros;
    bool aware;

    ck_assert_int_eq(oks_stamp_micros(oks_stamp_of(oks_slice_of(stamp)), &micros, &aware), 0);
    return micros / 1000;
}

static const struct budget_result *result(const char *name, int64_t now_ms)
{
    const struct budget_result *r;

    ck_assert_int_eq(budgets_evaluate(&budgets, now_ms), 0);
    r = budgets_find(&budgets, name);
    ck_assert_ptr_nonnull(r);
    return r;
}

/* --- adding up the lines --- */

struct spender {
    const char *of;
    uint64_t tokens;
    bool lower_bound;
    bool any;
};

static struct spender spenders[ROWS_MAX];
static size_t n_spenders;

static void spend(const char *of, const struct said *line)
{
    struct spender *to = spenders;

    while (to < spenders + n_spenders && strcmp(to->of, of) != 0)
        to++;
    if (to == spenders + n_spenders)
        spenders[n_spenders++] = (struct spender){.of = of};
    to->tokens += line->input + line->output + line->created;
    to->lower_bound |= line->open;
}

/* The first agent that a transcript of the line's session names; NULL: none. */
static const char *agent_of(int i)
{
    for (int f = 0; f < FILES; f++)
        for (size_t k = 0; is_of(f, files[i].session) && k < n_said[f]; k++)
            if (said[f][k].agent)
                return said[f][k].agent;
    return NULL;
}

static int first_of(int i)
{
    int f = 0;

    while (!is_of(f, files[i].session))
        f++;
    return f;
}

/* s4 started agent-x; where it is not there, that is on its own. */
static const char *family_of(int i)
{
    bool has_parent = false;

    for (int f = 0; f < FILES; f++)
        has_parent |= is_of(f, "s4");
    return strcmp(files[i].session, "agent-x") == 0 && has_parent ? "s4" : files[i].session;
}

static bool names_team(int i, const char *folded)
{
    for (int f = 0; f < FILES; f++)
        for (size_t k = 0; is_of(f, files[i].session) && k < n_said[f]; k++)
            if (said[f][k].team && strcasecmp(said[f][k].team, folded) == 0)
                return true;
    return false;
}

/* As it is listed: the spelling that comes first in the session whose first file comes first. */
static const char *team_named(const char *folded)
{
    for (int i = 0; i < FILES; i++) {
        if (!made[i].t || first_of(i) != i || !names_team(i, folded))
            continue;
        for (int f = i; f < FILES; f++)
            for (size_t k = 0; is_of(f, files[i].session) && k < n_said[f]; k++)
                if (said[f][k].team && strcasecmp(said[f][k].team, folded) == 0)
                    return said[f][k].team;
    }
    return NULL;
}

static int by_tokens(const void *a, const void *b)
{
    const struct spender *x = a, *y = b;

    return x->tokens != y->tokens ? (x->tokens < y->tokens) - (x->tokens > y->tokens) : strcmp(x->of, y->of);
}

static bool in_window(const struct said *line, const char *from, const char *until)
{
    struct oks_stamp at = oks_stamp_of(oks_slice_of(line->at)), since = oks_stamp_of(oks_slice_of(from));

    return at.key >= since.key && at.key <= oks_stamp_of(oks_slice_of(until)).key;
}

/* What each spent; of a day or a block, between its bounds. */
static void add_up(enum budget_scope scope, const char *from, const char *until)
{
    n_spenders = 0;
    for (int i = 0; i < FILES; i++)
        for (size_t k = 0; made[i].t && k < n_said[i]; k++) {
            const struct said *line = &said[i][k];

            if (*from && !in_window(line, from, until))
                continue;
            if (scope == BUDGET_SESSION)
                spend(family_of(i), line);
            else if (scope == BUDGET_PROJECT)
                spend(files[first_of(i)].project, line);
            else if (scope == BUDGET_AGENT_DAY && agent_of(i))
                spend(agent_of(i), line);
            else if (scope == BUDGET_TEAM) {
                if (names_team(i, "crew"))
                    spend(team_named("crew"), line);
                if (names_team(i, "night"))
                    spend(team_named("night"), line);
            } else if (scope == BUDGET_TOTAL || scope == BUDGET_DAY || scope == BUDGET_BLOCK)
                spend("", line);
        }
    qsort(spenders, n_spenders, sizeof(*spenders), by_tokens);
}

static void check_result(const char *name, int64_t now_ms)
{
    const struct budget_result *r = result(name, now_ms);
    size_t n = 1;

    add_up(r->budget->scope, r->window.from, r->window.until);
    if (r->window.empty)
        n_spenders = 0;
    while (n < n_spenders && spenders[n].tokens * 10 >= LIMIT * 8)
        n++;
    ck_assert_uint_eq(r->n_rows, n);
    if (n_spenders == 0) {
        ck_assert_str_eq(r->rows[0].of, "");
        ck_assert_uint_eq((uint64_t)r->rows[0].spent, 0);
        ck_assert_int_eq(r->rows[0].state, BUDGET_OK);
    }
    for (size_t i = 0; i < n && i < n_spenders; i++) {
        const struct budget_row *row = &r->rows[i];

        ck_assert_str_eq(row->of, spenders[i].of);
        ck_assert_uint_eq((uint64_t)row->spent, spenders[i].tokens);
        ck_assert_int_eq(row->lower_bound, spenders[i].lower_bound);
        ck_assert_int_eq(row->state, spenders[i].tokens >= LIMIT            ? BUDGET_EXCEEDED
                                     : spenders[i].tokens * 10 >= LIMIT * 8 ? BUDGET_WARN
                                                                            : BUDGET_OK);
    }
}

static int by_ms(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* The block by all requests until now, from the first one ever on. */
static void check_block(int64_t now_ms)
{
    const struct budget_result *r = result("block", now_ms);
    int64_t times[FILES * LINES];
    struct block block = {0};
    struct budget_window want;
    size_t n = 0;

    for (int i = 0; i < FILES; i++)
        for (size_t k = 0; made[i].t && k < n_said[i]; k++)
            times[n++] = ms(said[i][k].at);
    qsort(times, n, sizeof(*times), by_ms);
    for (size_t i = 0; i < n && times[i] <= now_ms; i++)
        block_add(&block, times[i]);
    budget_window_block(&block, now_ms, &want);
    ck_assert_int_eq(r->window.empty, want.empty);
    ck_assert_str_eq(r->window.since, want.since);
    ck_assert_str_eq(r->window.from, want.from);
    ck_assert_str_eq(r->window.until, want.until);
}

static const char each_scope[] = "\"total\": {\"scope\": \"total\", \"limitTokens\": 400},"
                                 "\"day\": {\"scope\": \"day\", \"limitTokens\": 400},"
                                 "\"session\": {\"scope\": \"session\", \"limitTokens\": 400},"
                                 "\"project\": {\"scope\": \"project\", \"limitTokens\": 400},"
                                 "\"team\": {\"scope\": \"team\", \"limitTokens\": 400},"
                                 "\"agent\": {\"scope\": \"agent-day\", \"limitTokens\": 400},"
                                 "\"block\": {\"scope\": \"block\", \"limitTokens\": 400}";

static void stamp_of_three_days(char out[OKS_STAMP_TEXT])
{
    unsigned minute = rnd(60), hour = rnd(24), day = 10 + rnd(3); /* in this order under every compiler */

    snprintf(out, OKS_STAMP_TEXT, "2026-06-%02uT%02u:%02u:00.000Z", day, hour, minute);
}

START_TEST(spending_is_that_of_the_lines)
{
    static const char *const names[] = {"total", "day", "session", "project", "team", "agent", "block"};

    make_stamp = stamp_of_three_days;
    configure(each_scope);
    seed = 1;
    for (int round = 0; round < rounds; round++) {
        int64_t now_ms = ms("2026-06-10T00:00:00Z") + (int64_t)rnd(80) * HOUR;

        change((int)rnd(FILES));
        if (rnd(2))
            continue;
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
            check_result(names[i], now_ms);
        check_block(now_ms);
        ck_assert_str_eq(result("day", now_ms)->window.until + strlen("2026-06-10"), "T14:59:59Z");
    }
}
END_TEST

/* --- one of many --- */

START_TEST(a_budget_of_one_sees_no_other)
{
    configure("\"s\": {\"scope\": \"session\", \"of\": \"s2\", \"limitTokens\": 10},"
              "\"t\": {\"scope\": \"team\", \"of\": \"CREW\", \"limitTokens\": 10},"
              "\"p\": {\"scope\": \"project\", \"of\": \"-c\", \"limitTokens\": 10},"
              "\"n\": {\"scope\": \"session\", \"of\": \"nobody\", \"limitTokens\": 10}");
    made[0] = made_at("-a/s1.jsonl");
    made[1] = made_at("-a/s2.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .input = 100, .team = "Crew"}));
    made_says(&made[1], SAYS({.id = "m2", .input = 9}));
    ck_assert_str_eq(result("s", 0)->rows[0].of, "s2");
    ck_assert_uint_eq((uint64_t)result("s", 0)->rows[0].spent, 9);
    ck_assert_int_eq(result("s", 0)->rows[0].state, BUDGET_WARN);
    ck_assert_str_eq(result("t", 0)->rows[0].of, "Crew");
    ck_assert_int_eq(result("t", 0)->rows[0].state, BUDGET_EXCEEDED);
    ck_assert_str_eq(result("p", 0)->rows[0].of, "-c");
    ck_assert_uint_eq((uint64_t)result("p", 0)->rows[0].spent, 0);
    ck_assert_str_eq(result("n", 0)->rows[0].of, "nobody");
    ck_assert_uint_eq(result("n", 0)->n_rows, 1);
    ck_assert_ptr_null(budgets_find(&budgets, "other"));
}
END_TEST

/* Dollars are a lower bound where a model has no price, tokens are not. */
START_TEST(dollars_are_exact)
{
    configure("\"usd\": {\"scope\": \"total\", \"limitUSD\": 0.001},"
              "\"tokens\": {\"scope\": \"total\", \"limitTokens\": 1000}");
    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .input = 159, .output = 0}));
    ck_assert(result("usd", 0)->rows[0].spent == (budget_amount)159 * 5 * (OKS_USD / 1000000));
    ck_assert_int_eq(result("usd", 0)->rows[0].state, BUDGET_OK);
    made_says(&made[0], SAYS({.id = "m2", .input = 1, .model = "no-such-model"}));
    ck_assert(result("usd", 0)->rows[0].lower_bound);
    ck_assert(!result("tokens", 0)->rows[0].lower_bound);
    made_says(&made[0], SAYS({.id = "m3", .input = 1}));
    ck_assert_int_eq(result("usd", 0)->rows[0].state, BUDGET_WARN);
    made_says(&made[0], SAYS({.id = "m4", .input = 40}));
    ck_assert_int_eq(result("usd", 0)->rows[0].state, BUDGET_EXCEEDED);
    ck_assert_uint_eq((uint64_t)result("tokens", 0)->rows[0].spent, 201);
}
END_TEST

/* --- models without a price --- */

START_TEST(a_limit_in_dollars_may_be_unknown)
{
    const struct budget_row *row;

    configure("\"usd\": {\"scope\": \"total\", \"limitUSD\": 100},"
              "\"tokens\": {\"scope\": \"total\", \"limitTokens\": 1000000000}");
    made[0] = made_at("-a/s1.jsonl");
    /* Few tokens cannot have passed the limit at any price that is known. */
    made_says(&made[0], SAYS({.id = "m1", .input = 1000, .model = "quartz-9"}));
    ck_assert_int_eq(result("usd", 0)->rows[0].state, BUDGET_OK);
    ck_assert(result("usd", 0)->rows[0].lower_bound);
    made_says(&made[0], SAYS({.id = "m2", .output = 3000000, .model = "quartz-9"},
                             {.id = "m3", .output = 1, .model = "basalt"}, {.id = "m4", .input = 2000}));
    row = &result("usd", 0)->rows[0];
    ck_assert_int_eq(row->state, BUDGET_UNKNOWN);
    ck_assert(row->spent == (budget_amount)2000 * 5 * (OKS_USD / 1000000));
    ck_assert_uint_eq(row->unpriced.n, 2);
    ck_assert_str_eq(row->unpriced.names[0], "basalt");
    ck_assert_str_eq(row->unpriced.names[1], "quartz-9");
    ck_assert_int_eq(result("tokens", 0)->rows[0].state, BUDGET_OK);
    ck_assert_uint_eq(result("tokens", 0)->rows[0].unpriced.n, 0);
    /* What is known to be spent exceeds it, whatever else was. */
    made_says(&made[0], SAYS({.id = "m5", .output = 4000000}));
    ck_assert_int_eq(result("usd", 0)->rows[0].state, BUDGET_EXCEEDED);
    made_says_instead(&made[0], SAYS({.id = "m5", .output = 1}));
    ck_assert_int_eq(result("usd", 0)->rows[0].state, BUDGET_OK);
    ck_assert_uint_eq(result("usd", 0)->rows[0].unpriced.n, 0);
}
END_TEST

/* One that nobody can know goes before one that spent more and is known. */
START_TEST(exceeded_ones_are_first_then_unknown_ones)
{
    static const char *const names[] = {"s3", "s5", "s2", "s4"};
    static const enum budget_state states[] = {BUDGET_EXCEEDED, BUDGET_UNKNOWN, BUDGET_UNKNOWN, BUDGET_WARN};
    const struct budget_result *r;

    configure("\"s\": {\"scope\": \"session\", \"limitUSD\": 1}");
    made[0] = made_at("-a/s1.jsonl");
    made[1] = made_at("-a/s2.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .input = 100000}));
    made_says(&made[1], SAYS({.id = "m2", .input = 9000000, .model = "quartz"}));
    r = result("s", 0);
    ck_assert_uint_eq(r->n_rows, 1);
    ck_assert_str_eq(r->rows[0].of, "s2");
    made[2] = made_at("-a/s3.jsonl");
    made[3] = made_at("-a/s4.jsonl");
    made[4] = made_at("-a/s5.jsonl");
    made_says(&made[2], SAYS({.id = "m3", .input = 200000}));
    made_says(&made[3], SAYS({.id = "m4", .input = 180000}));
    made_says(&made[4], SAYS({.id = "m5", .input = 9000000, .model = "quartz"}, {.id = "m6", .input = 1}));
    r = result("s", 0);
    ck_assert_uint_eq(r->n_rows, 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_str_eq(r->rows[i].of, names[i]);
        ck_assert_int_eq(r->rows[i].state, states[i]);
    }
}
END_TEST

START_TEST(the_first_models_are_named)
{
    struct said lines[BUDGET_MODELS_MAX + 9];
    char names[BUDGET_MODELS_MAX + 9][16];
    const struct budget_models *unpriced;
    enum { N = BUDGET_MODELS_MAX + 9 };

    configure("\"usd\": {\"scope\": \"total\", \"limitUSD\": 1}");
    made[0] = made_at("-a/s1.jsonl");
    for (unsigned i = 0; i < N; i++) {
        snprintf(names[i], sizeof(names[i]), "quartz-%02u", i * 7 % N);
        lines[i] = (struct said){.id = names[i], .input = 1000000, .model = names[i]};
    }
    made_says(&made[0], lines, N);
    unpriced = &result("usd", 0)->rows[0].unpriced;
    ck_assert_uint_eq(unpriced->n, BUDGET_MODELS_MAX);
    for (unsigned i = 0; i < BUDGET_MODELS_MAX; i++) {
        snprintf(names[0], sizeof(names[0]), "quartz-%02u", i);
        ck_assert_str_eq(unpriced->names[i], names[0]);
    }
}
END_TEST

/* --- a run --- */

START_TEST(a_run_counts_what_lies_in_it)
{
    static struct team_run run = {.path = (char *)"/r/state/team-state-x-1.json", .dir = "/r"};
    struct team *team;

    configure("\"r\": {\"scope\": \"run\", \"limitTokens\": 10}, \"t\": {\"scope\": \"team\", "
              "\"limitTokens\": 10}");
    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = "2026-06-10T01:00:00Z", .input = 1, .team = "crew"},
                             {.id = "m2", .at = "2026-06-10T02:00:00Z", .input = 20},
                             {.id = "m3", .at = "2026-06-10T03:00:00Z", .input = 300}));
    ck_assert_str_eq(result("r", 0)->rows[0].of, "");
    team = catalog_team(&model.catalog, "crew");
    strcpy(run.state.since, "2026-06-10T01:30:00.000Z");
    run.team = team;
    LIST_INSERT_HEAD(&team->runs, &run, of_team);
    version_next(&model.versions);
    ck_assert_str_eq(result("r", 0)->rows[0].of, "crew");
    ck_assert_uint_eq((uint64_t)result("r", 0)->rows[0].spent, 320);
    strcpy(run.state.until, "2026-06-10T02:30:00.000Z");
    version_next(&model.versions);
    ck_assert_uint_eq((uint64_t)result("r", 0)->rows[0].spent, 20);
    ck_assert_uint_eq((uint64_t)result("t", 0)->rows[0].spent, 321);
    run.roster = true; /* it has no window */
    version_next(&model.versions);
    ck_assert_uint_eq((uint64_t)result("r", 0)->rows[0].spent, 0);
    LIST_REMOVE(&run, of_team);
}
END_TEST

/* --- many --- */

START_TEST(the_worst_rows_are_kept)
{
    enum { MANY = BUDGET_ROWS_MAX + 30 };
    static struct made many[MANY];
    const struct budget_result *r;
    char rel[32], id[16];

    configure("\"s\": {\"scope\": \"session\", \"limitTokens\": 1000}");
    for (unsigned i = 0; i < MANY; i++) {
        unsigned spent = 1000 + i * 37 % MANY / 2; /* each twice */

        snprintf(rel, sizeof(rel), "-a/w%03u.jsonl", i);
        snprintf(id, sizeof(id), "m%u", i);
        many[i] = made_at(rel);
        made_says(&many[i], SAYS({.id = id, .input = spent}));
    }
    r = result("s", 0);
    ck_assert_uint_eq(r->n_rows, BUDGET_ROWS_MAX);
    ck_assert_uint_eq((uint64_t)r->rows[0].spent, 1000 + (MANY - 1) / 2);
    for (size_t i = 1; i < r->n_rows; i++) {
        ck_assert(r->rows[i - 1].spent >= r->rows[i].spent);
        if (r->rows[i - 1].spent == r->rows[i].spent)
            ck_assert_str_lt(r->rows[i - 1].of, r->rows[i].of);
    }
    ck_assert_uint_eq((uint64_t)r->rows[BUDGET_ROWS_MAX - 1].spent, 1000 + (MANY - BUDGET_ROWS_MAX) / 2);
    for (int i = 0; i < MANY; i++)
        made_leaves(&many[i]);
}
END_TEST

/* Who is started by whom may be a circle, in files that somebody made up. */
START_TEST(a_circle_of_parents_ends)
{
    const struct budget_result *r;

    configure("\"s\": {\"scope\": \"session\", \"limitTokens\": 1}");
    made[0] = made_at("-a/s1.jsonl");
    made[1] = made_at("-a/s2.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .input = 1}));
    made_says(&made[1], SAYS({.id = "m2", .input = 2}));
    catalog_set_parent(&model.catalog, made[0].t->session, OKS_SLICE("s2"));
    catalog_set_parent(&model.catalog, made[1].t->session, OKS_SLICE("s1"));
    version_next(&model.versions);
    r = result("s", 0);
    ck_assert_uint_ge(r->n_rows, 1);
    catalog_set_parent(&model.catalog, made[0].t->session, OKS_SLICE(""));
    version_next(&model.versions);
    r = result("s", 0);
    ck_assert_uint_eq(r->n_rows, 1);
    ck_assert_str_eq(r->rows[0].of, "s1");
    ck_assert_uint_eq((uint64_t)r->rows[0].spent, 3);
}
END_TEST

/* --- when it is made anew --- */

START_TEST(an_evaluation_is_kept_until_something_changes)
{
    const struct budget_row *rows;
    int64_t now_ms = ms("2026-06-10T12:00:00Z"), midnight = ms("2026-06-10T15:00:00Z");

    configure("\"day\": {\"scope\": \"day\", \"limitTokens\": 10}");
    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = "2026-06-10T11:00:00Z", .input = 5}));
    rows = result("day", now_ms)->rows;
    ck_assert_int_eq(atomic_load(&budgets.next_change_ms), midnight);
    ck_assert_ptr_eq(result("day", now_ms)->rows, rows);
    ck_assert_ptr_eq(result("day", midnight - 1)->rows, rows);
    ck_assert_int_eq(budgets.from_ms, now_ms);
    ck_assert_uint_eq((uint64_t)result("day", midnight)->rows[0].spent, 0);
    ck_assert_int_eq(atomic_load(&budgets.next_change_ms), midnight + 24 * HOUR);
    /* The clock is set back. */
    ck_assert_uint_eq((uint64_t)result("day", now_ms)->rows[0].spent, 5);
    made_says(&made[0], SAYS({.id = "m2", .at = "2026-06-10T11:30:00Z", .input = 4}));
    ck_assert_uint_eq((uint64_t)result("day", now_ms)->rows[0].spent, 9);
    /* A later time that was set counts more than what the caller has read before. */
    atomic_store(&budgets.now_ms, midnight + 1);
    ck_assert_uint_eq((uint64_t)result("day", now_ms)->rows[0].spent, 0);
    ck_assert_int_eq(budgets.from_ms, midnight + 1);
    atomic_store(&budgets.now_ms, 0);
}
END_TEST

START_TEST(time_alone_changes_nothing_of_a_total)
{
    configure("\"total\": {\"scope\": \"total\", \"limitTokens\": 10}");
    result("total", 1000);
    ck_assert_int_eq(atomic_load(&budgets.next_change_ms), INT64_MAX);
}
END_TEST

START_TEST(a_block_ends_with_its_silence_or_its_hours)
{
    const struct budget_result *r;

    configure("\"b\": {\"scope\": \"block\", \"limitTokens\": 10}");
    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = "2026-06-10T01:20:00Z", .input = 5}));
    r = result("b", ms("2026-06-10T05:59:59Z"));
    ck_assert_uint_eq((uint64_t)r->rows[0].spent, 5);
    ck_assert_str_eq(r->window.since, "2026-06-10T01:00:00.000Z");
    ck_assert_str_eq(r->window.until, "2026-06-10T06:00:00.000Z");
    ck_assert_int_eq(budgets.change_ms, ms("2026-06-10T06:00:00Z"));
    ck_assert(result("b", ms("2026-06-10T06:30:00Z"))->window.empty);
    ck_assert_int_eq(budgets.change_ms, INT64_MAX);
    /* A request of a clock that is ahead begins a block when its time comes. */
    made_says(&made[0], SAYS({.id = "m2", .at = "2026-06-10T09:00:00Z", .input = 7}));
    ck_assert(result("b", ms("2026-06-10T07:00:00Z"))->window.empty);
    ck_assert_int_eq(budgets.change_ms, ms("2026-06-10T09:00:00Z"));
    ck_assert_uint_eq((uint64_t)result("b", ms("2026-06-10T09:00:00Z"))->rows[0].spent, 7);
}
END_TEST

/* Clocks that are ahead leave a silence behind now, which is none of the past's. */
START_TEST(a_block_does_not_begin_in_the_future)
{
    static const char *const at_hours[] = {"02T00", "02T04", "02T08", "02T12", "02T16", "02T20", "03T00",
                                           "03T04", "03T08", "03T12", "03T16", "03T20", "04T20"};
    struct said lines[13];
    char stamps_of[13][OKS_STAMP_TEXT], names[13][8];

    configure("\"b\": {\"scope\": \"block\", \"limitTokens\": 10}");
    made[0] = made_at("-a/s1.jsonl");
    for (int i = 0; i < 13; i++) {
        snprintf(stamps_of[i], sizeof(stamps_of[i]), "2026-06-%s:30:00Z", at_hours[i]);
        snprintf(names[i], sizeof(names[i]), "m%d", i);
        lines[i] = (struct said){.id = names[i], .at = stamps_of[i], .input = 1};
    }
    made_says(&made[0], lines, 13);
    ck_assert(!result("b", ms("2026-06-03T17:00:00Z"))->window.empty);
    ck_assert_int_eq(budgets.change_ms, ms("2026-06-03T20:30:00Z"));
}
END_TEST

/* Requests every four hours for a week: where the block starts depends on all of them. */
START_TEST(a_block_may_depend_on_a_long_past)
{
    struct said lines[48];
    char stamps_of[48][OKS_STAMP_TEXT], names[48][8];
    struct block block = {0};
    int64_t begin = ms("2026-06-01T00:30:00Z"), now_ms = begin + 47 * 4 * HOUR;
    struct budget_window want;

    configure("\"b\": {\"scope\": \"block\", \"limitTokens\": 10}");
    made[0] = made_at("-a/s1.jsonl");
    for (int i = 0; i < 48; i++) {
        oks_time_text(begin + i * 4 * HOUR, stamps_of[i]);
        snprintf(names[i], sizeof(names[i]), "m%d", i);
        lines[i] = (struct said){.id = names[i], .at = stamps_of[i], .input = 1};
        block_add(&block, begin + i * 4 * HOUR);
    }
    made_says(&made[0], lines, 48);
    budget_window_block(&block, now_ms, &want);
    ck_assert_str_eq(result("b", now_ms)->window.since, want.since);
    ck_assert_str_eq(result("b", now_ms)->window.from, want.from);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("budgets");
    TCase *tcase;

    rounds = (int)by_effort(75, 600, 12000);
#define BUDGETS_TEST(function)                         \
    tcase = tcase_create(#function);                   \
    tcase_set_timeout(tcase, 120);                     \
    tcase_add_checked_fixture(tcase, setup, teardown); \
    tcase_add_test(tcase, function);                   \
    suite_add_tcase(suite, tcase)

    BUDGETS_TEST(spending_is_that_of_the_lines);
    BUDGETS_TEST(a_budget_of_one_sees_no_other);
    BUDGETS_TEST(dollars_are_exact);
    BUDGETS_TEST(a_limit_in_dollars_may_be_unknown);
    BUDGETS_TEST(exceeded_ones_are_first_then_unknown_ones);
    BUDGETS_TEST(the_first_models_are_named);
    BUDGETS_TEST(a_run_counts_what_lies_in_it);
    BUDGETS_TEST(the_worst_rows_are_kept);
    BUDGETS_TEST(a_circle_of_parents_ends);
    BUDGETS_TEST(an_evaluation_is_kept_until_something_changes);
    BUDGETS_TEST(time_alone_changes_nothing_of_a_total);
    BUDGETS_TEST(a_block_ends_with_its_silence_or_its_hours);
    BUDGETS_TEST(a_block_does_not_begin_in_the_future);
    BUDGETS_TEST(a_block_may_depend_on_a_long_past);
    return tap_run(suite);
}
