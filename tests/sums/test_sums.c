/*
 * Sums of sessions, projects, models and groups over random changes, against adding up what the lines say.
 *
 * The reference keeps the lines of each transcript and looks at nothing else.
 */
#include <inttypes.h>

#include "base/tree.h"
#include "effort.h"
#include "random_home.h"
#include "sums/shares.h"

static int rounds; /* of random changes */

/* --- the reference --- */

struct added {
    uint64_t count[OKS_COLUMNS];
    uint64_t events;
    uint64_t first, last; /* keys */
    size_t parts;
    unsigned __int128 output, cost; /* billed */
    uint64_t requests;
};

static void add_line(struct added *to, const struct said *line)
{
    uint64_t key = oks_stamp_of(oks_slice_of(line->at)).key;

    to->count[OKS_INPUT] += line->input;
    to->count[OKS_OUTPUT] += line->output;
    to->count[OKS_CACHE_CREATION] += line->created;
    to->count[OKS_CACHE_CREATION_5M] += line->created;
    to->count[OKS_CACHE_READ] += line->reads;
    to->count[OKS_TOOL_USES] += line->tools;
    to->events++;
    to->first = to->first && to->first < key ? to->first : key;
    to->last = to->last > key ? to->last : key;
}

static void same_totals(const struct measure *m, const struct added *want)
{
    for (int i = 0; i < OKS_COLUMNS; i++)
        ck_assert_uint_eq(m->totals.count[i], want->count[i]);
    ck_assert_uint_eq(m->totals.events, want->events);
    ck_assert_uint_eq(m->sessions, want->parts);
    if (want->events == 0)
        return;
    ck_assert_uint_eq(m->totals.first.key, want->first);
    ck_assert_uint_eq(m->totals.last.key, want->last);
}

static bool is_first(int i)
{
    for (int k = 0; k < i; k++)
        if (is_of(k, files[i].session))
            return false;
    return made[i].t != NULL;
}

static void add_session(struct added *to, const char *session)
{
    for (int i = 0; i < FILES; i++)
        for (size_t k = 0; is_of(i, session) && k < n_said[i]; k++)
            add_line(to, &said[i][k]);
}

/* The first text that one of a session's transcripts has. */
static const char *first_text(const char *session, const char *const *(*of)(const struct said *line))
{
    for (int i = 0; i < FILES; i++)
        for (size_t k = 0; is_of(i, session) && k < n_said[i]; k++)
            if (*of(&said[i][k]))
                return *of(&said[i][k]);
    return NULL;
}

static const char *const *agent_of(const struct said *line)
{
    return &line->agent;
}

static const char *const *model_of(const struct said *line)
{
    return &line->model;
}

/* Folders are taken from whole lines alone. */
static const char *cwd_of(const char *session)
{
    for (int i = 0; i < FILES; i++)
        for (size_t k = 0; is_of(i, session) && k + unfinished[i] < n_said[i]; k++)
            if (said[i][k].cwd)
                return said[i][k].cwd;
    return NULL;
}

/* The one name that all of them have. */
static void agree(const char **all, const char *name, size_t before)
{
    if (before == 0)
        *all = name;
    else if (!*all || !name || strcmp(*all, name) != 0)
        *all = NULL;
}

static int64_t span_ms(const struct added *added)
{
    struct oks_stamp first = {.key = added->first}, last = {.key = added->last};

    return added->events ? oks_duration_ms(first, last) : 0;
}

/* All sessions for which `wanted` holds. */
static void add_sessions(struct added *to, bool (*wanted)(int i, const char *key), const char *key,
                         struct measure *names)
{
    *to = (struct added){0};
    measure_start(names);
    for (int i = 0; i < FILES; i++) {
        struct added one = {0};

        if (!is_first(i) || !wanted(i, key))
            continue;
        add_session(&one, files[i].session);
        add_session(to, files[i].session);
        agree(&names->agent_name, first_text(files[i].session, agent_of), to->parts);
        agree(&names->model, first_text(files[i].session, model_of), to->parts);
        names->duration_ms += span_ms(&one);
        to->parts++;
    }
}

static void same_sum(const struct measure *m, const struct added *want, const struct measure *names)
{
    same_totals(m, want);
    ck_assert_int_eq(m->duration_ms, names->duration_ms);
    ck_assert_pstr_eq(m->agent_name, names->agent_name);
    ck_assert_pstr_eq(m->model, names->model);
}

/* --- what is compared --- */

static bool any(int i, const char *key)
{
    return true;
}

static bool in_project(int i, const char *key)
{
    return strcmp(files[i].project, key) == 0;
}

static const char *group_key(int i, enum group_kind kind)
{
    const char *name = NULL;

    if (kind == GROUP_SOURCE)
        return "claude";
    name = kind == GROUP_AGENT ? first_text(files[i].session, agent_of) : cwd_of(files[i].session);
    if (name)
        return name;
    return kind == GROUP_PROJECT                      ? files[i].project
           : strcmp(files[i].session, "agent-x") == 0 ? "(sub-agent)"
                                                      : "(main)";
}

static enum group_kind group_kind;

static bool in_group(int i, const char *key)
{
    return strcmp(group_key(i, group_kind), key) == 0;
}

/* Every id is in one line alone, so that a bill is the sum over lines. */
static void check_bill(const struct billed_bag *bag, const struct added *want)
{
    struct billed_sum sum;

    billed_bag_total(bag, &sum);
    ck_assert_uint_eq((uint64_t)sum.input, want->count[OKS_INPUT]);
    ck_assert_uint_eq((uint64_t)sum.output, want->count[OKS_OUTPUT]);
    ck_assert_uint_eq((uint64_t)sum.cache_read, want->count[OKS_CACHE_READ]);
    ck_assert_uint_eq((uint64_t)(sum.cache_5m + sum.cache_1h), want->count[OKS_CACHE_CREATION]);
    ck_assert_uint_eq(sum.tool_uses, want->count[OKS_TOOL_USES]);
    ck_assert_uint_eq(sum.requests, want->events);
}

/* A group that still has its text, and so its sum, says what it said when the text was kept. */
static void check_text(struct group *group, const struct measure *m)
{
    struct billed_sum sum;
    char *now;
    int len;

    billed_bag_total(&group->billed, &sum);
    len = asprintf(&now,
                   "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %s %s %" PRIx64 " %" PRIx64
                   " %" PRIu64,
                   m->totals.count[OKS_INPUT], m->totals.count[OKS_OUTPUT], m->totals.count[OKS_CACHE_READ],
                   m->totals.count[OKS_TOOL_USES], m->duration_ms, m->agent_name ? m->agent_name : "-",
                   m->model ? m->model : "-", m->totals.first.key, m->totals.last.key, sum.requests);
    ck_assert_int_gt(len, 0);
    if (group->shown.text.len)
        ck_assert_str_eq(group->shown.text.ptr, now);
    ck_assert(!group->shown.text.has_sum || group->shown.text.len);
    row_text_clear(&group->shown.text);
    group->shown.text = (struct row_text){.ptr = now, .len = (size_t)len, .has_sum = true};
}

static void check_group(void *ctx, void *item)
{
    struct group *group = item;
    struct measure m, names;
    struct added want;
    size_t *n = ctx;

    add_sessions(&want, in_group, group->key, &names);
    ck_assert_uint_gt(want.parts, 0);
    groups_measure(group, &m);
    same_sum(&m, &want, &names);
    check_bill(&group->billed, &want);
    check_text(group, &m);
    *n += want.parts;
}

static void check_model(void *ctx, const char *name, const struct measure *m)
{
    struct added want = {0};
    size_t *n = ctx;

    for (int i = 0; i < FILES; i++) {
        uint64_t before = want.events;

        for (size_t k = 0; made[i].t && k < n_said[i]; k++)
            if (strcmp(said[i][k].model, name) == 0)
                add_line(&want, &said[i][k]);
        want.parts += want.events > before;
    }
    ck_assert_uint_gt(want.parts, 0);
    same_totals(m, &want);
    *n += want.events;
}

static void check_project(const char *name)
{
    struct project *p = catalog_project(&model.catalog, name);
    struct measure m, names;
    struct added want;

    add_sessions(&want, in_project, name, &names);
    ck_assert_int_eq(p != NULL, want.parts > 0);
    if (!p)
        return;
    sums_project(&model.sums, p, &m);
    same_sum(&m, &want, &names);
    check_bill(sums_project_billed(p), &want);
}

static void check_all(void)
{
    struct measure m, names;
    struct added want;
    size_t n = 0, sessions = 0;

    add_sessions(&want, any, NULL, &names);
    sums_all(&model.sums, &m);
    same_sum(&m, &want, &names);
    check_bill(billing_all(model.billing), &want);
    check_project("-a");
    check_project("-b");
    check_project("-c");
    sums_models(&model.sums, check_model, &n);
    ck_assert_uint_eq(n, want.events);
    ck_assert_ptr_null(groups_tree(&model.sums, GROUP_HOST)); /* without other hosts there are none */
    for (int kind = 0; kind < GROUP_HOST; kind++) {
        group_kind = (enum group_kind)kind;
        sessions = 0;
        oks_tree_each(groups_tree(&model.sums, group_kind), check_group, &sessions);
        ck_assert_uint_eq(sessions, want.parts);
    }
}

START_TEST(sums_are_those_of_the_lines)
{
    for (uint64_t start = 1; start <= 3; start++) {
        seed = start;
        model_begin(NULL);
        for (int round = 0; round < rounds; round++) {
            change((int)rnd(FILES));
            if (rnd(3) == 0) /* what is stale may become so again before somebody looks */
                check_all();
        }
        for (int i = 0; i < FILES; i++) {
            if (made[i].t)
                leave(i);
            check_all();
        }
        model_end();
    }
}
END_TEST

/* --- spans --- */

/* Of three days; at times none. */
static void stamp_of_a_few_days(char out[OKS_STAMP_TEXT])
{
    unsigned day = 10 + rnd(3), hour = rnd(24);

    if (rnd(20))
        snprintf(out, OKS_STAMP_TEXT, "2026-06-%02uT%02u:00:00.000Z", day, hour);
    else
        strcpy(out, rnd(2) ? "some day" : "");
}

static struct measure_window span_window;
static size_t n_passed_over;

static void check_span(void *ctx, void *item)
{
    const struct session *s = item;
    const struct session_span *span = &model.sums.spans.items[s->sums->span];
    struct billed_bag bag = {0};

    ck_assert_ptr_eq(span->session, s);
    if (span_reaches(span, &span_window))
        return;
    ck_assert_int_eq(measure_overlap(s, &span_window), OVERLAP_OUTSIDE);
    ck_assert_int_eq(billed_session_window(model.billing, s, &span_window, &bag), 0);
    ck_assert(billed_bag_is_zero(&bag));
    billed_bag_clear(&bag);
    n_passed_over++;
}

static void check_spans(void)
{
    char since[OKS_STAMP_TEXT], until[OKS_STAMP_TEXT];

    stamp_of_a_few_days(since);
    stamp_of_a_few_days(until);
    span_window.since = rnd(8) ? oks_stamp_of(oks_slice_of(since)) : OKS_STAMP_NONE;
    span_window.until = rnd(8) ? oks_stamp_of(oks_slice_of(until)) : OKS_STAMP_NONE;
    ck_assert_int_eq(spans_complete(&model.sums, model.billing), 0);
    ck_assert(spans_are_of_all(&model.sums));
    oks_tree_each(model.catalog.sessions, check_span, NULL);
}

START_TEST(what_a_window_passes_over_is_outside)
{
    make_stamp = stamp_of_a_few_days;
    n_passed_over = 0;
    seed = 1;
    model_begin(NULL);
    for (int round = 0; round < rounds; round++) {
        change((int)rnd(FILES));
        if (rnd(3) == 0)
            check_spans();
    }
    ck_assert_uint_gt(n_passed_over, (size_t)rounds / 4);
    leave_all();
    check_spans();
    model_end();
    make_stamp = stamp_of_a_day;
}
END_TEST

/* --- bills --- */

static unsigned __int128 cost_of_bag(const struct billed_bag *bag)
{
    struct billed_sum sum;

    billed_bag_total(bag, &sum);
    return sum.cost;
}

static void take_group_cost(void *ctx, void *item)
{
    const struct group *group = item;

    *(unsigned __int128 *)ctx += cost_of_bag(&group->billed);
}

static void check_costs(unsigned __int128 want)
{
    struct project *p = catalog_project(&model.catalog, "-a");

    ck_assert(cost_of_bag(billing_all(model.billing)) == want);
    ck_assert(cost_of_bag(sums_project_billed(p)) == want);
    ck_assert_ptr_null(groups_tree(&model.sums, GROUP_HOST)); /* without other hosts there are none */
    for (int kind = 0; kind < GROUP_HOST; kind++) {
        unsigned __int128 sum = 0;

        oks_tree_each(groups_tree(&model.sums, (enum group_kind)kind), take_group_cost, &sum);
        ck_assert(sum == want);
    }
}

/* Input 5, output 25 dollars a million: in picodollars a token. */
#define PER_INPUT  (OKS_USD / 1000000 * 5)
#define PER_OUTPUT (OKS_USD / 1000000 * 25)

static struct row_text *project_text(const struct made *m)
{
    return &m->t->session->sums->groups[GROUP_PROJECT].group->shown.text;
}

START_TEST(costs_are_forgotten_and_posted_anew)
{
    struct made a;
    struct billed_sum sum;

    model_begin(NULL);
    a = made_at("-a/s1.jsonl");
    made_says(&a, SAYS({.id = "m1", .at = "2026-06-10T01:00:00Z", .input = 3, .output = 2, .cwd = "/w"}));
    check_costs(3 * PER_INPUT + 2 * PER_OUTPUT);
    project_text(&a)->len = 1;
    sums_forget_costs(&model.sums);
    ck_assert_uint_eq(project_text(&a)->len, 0);
    ck_assert(cost_of_bag(sums_project_billed(a.t->session->project)) == 0);
    billed_bag_total(sums_project_billed(a.t->session->project), &sum);
    ck_assert_uint_eq(sum.requests, 1);
    ck_assert_uint_eq(sum.unpriced, 0);
    model_settings(NULL);
    check_costs(3 * PER_INPUT + 2 * PER_OUTPUT);
    made_leaves(&a);
    model_end();
}
END_TEST

START_TEST(who_was_touched_is_returned_once)
{
    static const struct billed_sum some = {.requests = 1};
    struct made a, b;
    const char *name;

    model_begin(NULL);
    a = made_at("-a/s1.jsonl");
    b = made_at("-a/s2.jsonl");
    made_says(&a, SAYS({.id = "m1", .output = 1}));
    made_says(&b, SAYS({.id = "m2", .output = 1}));
    ck_assert_ptr_null(sums_next_touched(&model.sums));
    name = oks_intern(&model.names, "claude-opus-4-7");
    for (int i = 0; i < 2; i++) {
        project_text(&a)->len = 1;
        ck_assert_int_eq(sums_posted(&model.sums, a.t->session, name, &some, i == 0), 0);
        ck_assert_uint_eq(project_text(&a)->len, 0);
        ck_assert_int_eq(sums_posted(&model.sums, b.t->session, name, &some, i == 0), 0);
    }
    ck_assert_ptr_eq(sums_next_touched(&model.sums), b.t->session);
    ck_assert_ptr_eq(sums_next_touched(&model.sums), a.t->session);
    ck_assert_ptr_null(sums_next_touched(&model.sums));
    /* One that goes while it is touched is no longer returned. */
    ck_assert_int_eq(sums_posted(&model.sums, a.t->session, name, &some, true), 0);
    ck_assert_int_eq(sums_posted(&model.sums, a.t->session, name, &some, false), 0);
    made_leaves(&a);
    ck_assert_ptr_null(sums_next_touched(&model.sums));
    made_leaves(&b);
    model_end();
}
END_TEST

/* A request that two sessions log is the first one's, and changes hands when that leaves. */
START_TEST(a_bill_moves_with_its_owner)
{
    struct made a, b;
    struct billed_bag *of_b;

    model_begin(NULL);
    a = made_at("-a/s1.jsonl");
    b = made_at("-b/s2.jsonl");
    made_says(&a, SAYS({.id = "m1", .input = 7, .output = 1}));
    made_says(&b, SAYS({.id = "m1", .input = 7, .output = 1}));
    of_b = (struct billed_bag *)sums_project_billed(b.t->session->project);
    ck_assert(cost_of_bag(of_b) == 0);
    ck_assert(cost_of_bag(sums_project_billed(a.t->session->project)) == 7 * PER_INPUT + PER_OUTPUT);
    made_leaves(&a);
    ck_assert(cost_of_bag(sums_project_billed(b.t->session->project)) == 7 * PER_INPUT + PER_OUTPUT);
    made_leaves(&b);
    model_end();
}
END_TEST

/* --- windows --- */

static struct measure_window window(const char *since, const char *until)
{
    return (struct measure_window){since ? oks_stamp_of(oks_slice_of(since)) : OKS_STAMP_NONE,
                                   until ? oks_stamp_of(oks_slice_of(until)) : OKS_STAMP_NONE};
}

static void check_window(const struct session *s, const char *since, const char *until,
                         enum window_overlap overlap, uint64_t tokens, uint64_t requests)
{
    struct measure_window w = window(since, until);
    struct billed_bag bag = {0};
    struct billed_sum sum;
    struct measure m;

    ck_assert_int_eq(measure_overlap(s, &w), overlap);
    measure_session(s, &w, &m);
    ck_assert_uint_eq(m.totals.count[OKS_OUTPUT], tokens);
    ck_assert_uint_eq(m.sessions, 1);
    ck_assert_int_eq(billed_session_window(model.billing, s, &w, &bag), 0);
    billed_bag_total(&bag, &sum);
    ck_assert_uint_eq((uint64_t)sum.output, tokens);
    ck_assert_uint_eq(sum.requests, requests);
    billed_bag_clear(&bag);
}

#define T(minute) "2026-06-10T01:" minute ":00.000Z"

START_TEST(a_window_takes_what_lies_in_it)
{
    struct made a;
    struct session *s;

    model_begin(NULL);
    a = made_at("-a/s1.jsonl");
    s = a.t->session;
    check_window(s, T("10"), NULL, OVERLAP_INSIDE, 0, 0);
    made_says(&a, SAYS({.id = "m1", .at = T("10"), .output = 1}, {.id = "m2", .at = T("20"), .output = 20},
                       {.id = "m3", .at = T("30"), .output = 300}));
    check_window(s, NULL, NULL, OVERLAP_OPEN, 321, 3);
    check_window(s, T("10"), T("30"), OVERLAP_INSIDE, 321, 3);
    check_window(s, T("10"), NULL, OVERLAP_INSIDE, 321, 3);
    check_window(s, NULL, T("30"), OVERLAP_INSIDE, 321, 3);
    check_window(s, T("11"), NULL, OVERLAP_CUT, 320, 2);
    check_window(s, NULL, T("29"), OVERLAP_CUT, 21, 2);
    check_window(s, T("11"), T("29"), OVERLAP_CUT, 20, 1);
    check_window(s, T("30"), NULL, OVERLAP_CUT, 300, 1);
    check_window(s, NULL, T("10"), OVERLAP_CUT, 1, 1);
    check_window(s, T("31"), NULL, OVERLAP_OUTSIDE, 0, 0);
    check_window(s, NULL, T("09"), OVERLAP_OUTSIDE, 0, 0);
    check_window(s, T("31"), T("40"), OVERLAP_OUTSIDE, 0, 0);
    /* What has no time is in every window. */
    made_says(&a, SAYS({.id = "m4", .output = 4000}));
    check_window(s, T("31"), NULL, OVERLAP_CUT, 4000, 1);
    check_window(s, T("11"), T("29"), OVERLAP_CUT, 4020, 2);
    made_leaves(&a);
    a = made_at("-a/s2.jsonl");
    made_says(&a, SAYS({.id = "m5", .output = 5}));
    check_window(a.t->session, T("31"), NULL, OVERLAP_INSIDE, 5, 1);
    made_leaves(&a);
    model_end();
}
END_TEST

/* The row that says what a request cost may stand elsewhere, and at another time. */
START_TEST(a_substitute_has_a_time_of_its_own)
{
    struct made a, b;

    model_begin(NULL);
    a = made_at("-a/s1.jsonl");
    b = made_at("-a/s2.jsonl");
    made_says(&a, SAYS({.id = "m1", .at = T("10"), .output = 1, .open = true}));
    made_says(&b, SAYS({.id = "m1", .at = T("20"), .output = 50}));
    for (int i = 0; i < 2; i++) {
        const struct session *s = i ? b.t->session : a.t->session;
        bool owns = cost_of_bag(billing_share((i ? b : a).t->billed)) > 0;
        struct measure_window late = window(T("15"), NULL);
        struct billed_bag bag = {0};
        struct billed_sum sum;

        ck_assert_int_eq(billed_session_window(model.billing, s, &late, &bag), 0);
        billed_bag_total(&bag, &sum);
        ck_assert_uint_eq((uint64_t)sum.output, owns ? 50 : 0);
        billed_bag_clear(&bag);
        ck_assert_int_eq(spans_complete(&model.sums, model.billing), 0);
        if (owns)
            ck_assert(span_reaches(&model.sums.spans.items[s->sums->span], &late));
    }
    made_leaves(&a);
    made_leaves(&b);
    model_end();
}
END_TEST

/* --- one file under two names --- */

START_TEST(a_twin_counts_once)
{
    struct made a, b;
    struct measure m;

    model_begin(NULL);
    a = made_at("-a/s1.jsonl");
    b = made_at("-b/s1.jsonl");
    b.t->mark.ino = a.t->mark.ino;
    made_says(&a, SAYS({.id = "m1", .at = T("10"), .output = 5}));
    made_says(&b, SAYS({.id = "m1", .at = T("10"), .output = 5}));
    sums_all(&model.sums, &m);
    ck_assert_uint_eq(m.totals.count[OKS_OUTPUT], 5);
    ck_assert_uint_eq(m.totals.events, 1);
    ck_assert_uint_eq(session_transcripts(a.t->session), 1);
    made_leaves(&a);
    sums_all(&model.sums, &m);
    ck_assert_uint_eq(m.totals.count[OKS_OUTPUT], 5);
    made_leaves(&b);
    model_end();
}
END_TEST

/* --- uncommon times --- */

/* No running sum can keep a time that is a text: it is added up each time. */
START_TEST(an_uncommon_time_is_added_up_each_time)
{
    struct made a, b;
    struct measure m;

    model_begin(NULL);
    a = made_at("-a/s1.jsonl");
    b = made_at("-a/s2.jsonl");
    made_says(&a, SAYS({.id = "m1", .at = "yesterday", .output = 5}));
    made_says(&b, SAYS({.id = "m2", .at = T("10"), .output = 7}));
    for (int i = 0; i < 2; i++) {
        sums_project(&model.sums, a.t->session->project, &m);
        ck_assert_uint_eq(m.totals.count[OKS_OUTPUT], 12);
        ck_assert_uint_eq(m.totals.events, 2);
        sums_all(&model.sums, &m);
        ck_assert_uint_eq(m.totals.count[OKS_OUTPUT], 12);
        ck_assert_uint_eq(m.sessions, 2);
        ck_assert_uint_eq(m.totals.last.key, OKS_STAMP_KEY_TEXT);
        ck_assert_uint_eq(m.totals.first.key, oks_stamp_of(OKS_SLICE(T("10"))).key);
    }
    made_leaves(&a);
    sums_all(&model.sums, &m);
    ck_assert_uint_eq(m.totals.last.key, oks_stamp_of(OKS_SLICE(T("10"))).key);
    made_leaves(&b);
    model_end();
}
END_TEST

/* --- what is not known --- */

/* A source that does not always say what was used: nothing is not zero. */
START_TEST(what_says_nothing_is_unknown)
{
    struct made a, b;
    struct measure m;

    model_begin(NULL);
    a = made_of(&oks_source_codex, "2026/06/10/rollout-2026-06-10T01-00-00-one.jsonl");
    made_gains(&a, "{\"timestamp\":\"2026-06-10T01:00:00.000Z\",\"type\":\"session_meta\",\"payload\":"
                   "{\"id\":\"one\",\"cwd\":\"/w\",\"cli_version\":\"0.146.0\"}}\n");
    sums_all(&model.sums, &m);
    ck_assert_uint_eq(m.sessions, 1);
    ck_assert_uint_eq(m.unknown, 1);
    b = made_at("-a/s1.jsonl");
    made_says(&b, SAYS({.at = T("10"), .user = true}));
    sums_all(&model.sums, &m);
    ck_assert_uint_eq(m.sessions, 2);
    ck_assert_uint_eq(m.unknown, 1);
    made_leaves(&a);
    sums_all(&model.sums, &m);
    ck_assert_uint_eq(m.unknown, 0);
    made_leaves(&b);
    model_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sums");

    rounds = (int)by_effort(187, 1500, 30000);
    TEST(suite, sums_are_those_of_the_lines);
    TEST(suite, what_a_window_passes_over_is_outside);
    TEST(suite, costs_are_forgotten_and_posted_anew);
    TEST(suite, who_was_touched_is_returned_once);
    TEST(suite, a_bill_moves_with_its_owner);
    TEST(suite, a_window_takes_what_lies_in_it);
    TEST(suite, a_substitute_has_a_time_of_its_own);
    TEST(suite, a_twin_counts_once);
    TEST(suite, an_uncommon_time_is_added_up_each_time);
    TEST(suite, what_says_nothing_is_unknown);
    return tap_run(suite);
}
