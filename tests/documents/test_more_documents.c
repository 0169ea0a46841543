/* Teams, members, contexts, ledgers and budgets as documents, each by hand. */
#include "document_home.h"

#define T(hour, minute) "2026-06-10T" hour ":" minute ":00.000Z"

/* --- a team without a file --- */

static const struct oks_target crew = {.kind = OKS_TEAM, .name = "crew"};

static void some_crew(void)
{
    made[0] = made_at("-a/boss.jsonl");
    made[1] = made_at("-a/w1.jsonl");
    made[2] = made_at("-a/w2.jsonl");
    made[3] = made_at("-a/w3.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = T("01", "00"), .team = "crew", .input = 1}));
    made_says(&made[2],
              SAYS({.id = "m3", .at = T("03", "00"), .team = "crew", .agent = "a-worker-2", .input = 300}));
    made_says(&made[1],
              SAYS({.id = "m2", .at = T("02", "00"), .team = "crew", .agent = "a-worker", .input = 20}));
    made_says(&made[3], SAYS({.id = "m4", .at = T("01", "30"), .team = "crew", .agent = "b", .input = 4000}));
}

START_TEST(a_team_without_a_file_is_grouped_by_agent)
{
    json_object *o;

    some_crew();
    o = DOCUMENT(document_usage(&model, &crew, NULL, &document));
    ck_assert_str_eq(text_in(o, "team"), "crew");
    ck_assert_ptr_null(member_of(o, "taskKey"));
    ck_assert_ptr_null(member_of(o, "run"));
    ck_assert_uint_eq(number_of(o, "inputTokens"), 4321);
    ck_assert_uint_eq(number_of(o, "billed/requests"), 4);
    ck_assert_str_eq(text_in(o, "leadUsage/sessionId"), "boss");
    ck_assert_uint_eq(number_of(o, "leadUsage/inputTokens"), 1);
    ck_assert_uint_eq(json_object_array_length(member_of(o, "leadUsage/additionalSessionIds")), 0);
    ck_assert_uint_eq(json_object_array_length(member_of(o, "workers")), 2);
    ck_assert_str_eq(text_in(o, "workers/0/workerId"), "b"); /* who began first */
    ck_assert_str_eq(text_in(o, "workers/0/agent"), "b");
    ck_assert_str_eq(text_in(o, "workers/1/workerId"), "a");
    ck_assert_str_eq(text_in(o, "workers/1/agent"), "a-worker");
    ck_assert_uint_eq(number_of(o, "workers/1/usage/inputTokens"), 320);
    ck_assert_str_eq(text_in(o, "workers/1/usage/sessionId"), "w1");
    ck_assert_str_eq(text_in(o, "workers/1/usage/additionalSessionIds/0"), "w2");
    ck_assert_str_eq(text_in(o, "workers/1/usage/source"), "claude");
    ck_assert_uint_eq(json_object_array_length(member_of(o, "others")), 0);
    ck_assert_uint_eq(number_of(o, "usageSummary/leadTotalTokens"), 1);
    ck_assert_uint_eq(number_of(o, "usageSummary/workerTotalTokens"), 4320);
    ck_assert_uint_eq(number_of(o, "usageSummary/totalTokens"), 4321);
    ck_assert_int_eq(money_of(o, "usageSummary/costUSD"), (oks_money)4321 * 5000000);
    ck_assert_str_eq(text_in(o, "usageSummary/collectedAt"), "1970-01-01T00:00:00.000Z");
    ck_assert_int_eq(document.mtime_ns, mtime_ns);
    json_object_put(o);
    json_object_put(DOCUMENT(document_total_tokens(&model, &crew, NULL, &document)));
    ck_assert_str_eq(document.bytes, "4321\n");
    json_object_put(DOCUMENT(document_cost(&model, &crew, NULL, &document)));
    ck_assert_str_eq(document.bytes, "0.021605\n");
}
END_TEST

START_TEST(a_team_in_a_window_has_whom_it_takes)
{
    struct oks_window window = {.since = T("01", "15"), .until = T("02", "30")};
    json_object *o;

    some_crew();
    o = DOCUMENT(document_usage(&model, &crew, &window, &document));
    ck_assert_uint_eq(number_of(o, "inputTokens"), 4020);
    ck_assert_str_eq(text_in(o, "leadUsage/source"), "unavailable");
    ck_assert_uint_eq(json_object_array_length(member_of(o, "workers")), 2);
    ck_assert_uint_eq(number_of(o, "workers/1/usage/inputTokens"), 20);
    ck_assert_str_eq(text_in(o, "window/since"), T("01", "15"));
    ck_assert_str_eq(text_in(o, "window/until"), T("02", "30"));
    ck_assert_uint_eq(number_of(o, "usageSummary/leadTotalTokens"), 0);
    json_object_put(o);
}
END_TEST

START_TEST(a_member_is_its_sessions)
{
    struct oks_target a = of_kind(OKS_MEMBER, "crew", "a-worker"), lead = of_kind(OKS_MEMBER, "crew", "lead"),
                      nobody = of_kind(OKS_MEMBER, "crew", "nobody");
    json_object *o;

    some_crew();
    o = DOCUMENT(document_usage(&model, &a, NULL, &document));
    ck_assert_uint_eq(number_of(o, "inputTokens"), 320);
    ck_assert_uint_eq(number_of(o, "sessions"), 2);
    ck_assert_str_eq(text_in(o, "team"), "crew");
    ck_assert_str_eq(text_in(o, "member"), "a-worker");
    ck_assert_uint_eq(number_of(o, "billed/requests"), 2);
    ck_assert_uint_eq(document.version, catalog_team(&model.catalog, "crew")->version);
    json_object_put(o);
    json_object_put(DOCUMENT(document_total_tokens(&model, &lead, NULL, &document)));
    ck_assert_str_eq(document.bytes, "1\n");
    json_object_put(DOCUMENT(document_cost(&model, &a, NULL, &document)));
    ck_assert_str_eq(document.bytes, "0.0016\n");
    ck_assert_int_eq(document_usage(&model, &nobody, NULL, &document), -ENOENT);
    nobody.name = "none";
    ck_assert_int_eq(document_usage(&model, &nobody, NULL, &document), -ENOENT);
}
END_TEST

/* --- a run --- */

static struct run_worker workers[] = {
    {.worker_id = (char *)"a", .agent = (char *)"claude", .model = (char *)"opus"},
    {.worker_id = (char *)"z"}};
static struct team_run run = {.path = (char *)"/w/.okstra/tasks/x/state/team-state-work-7.json",
                              .dir = "/w",
                              .lead = "boss",
                              .state = {.team_name = (char *)"crew",
                                        .task_key = (char *)"x/work",
                                        .since = T("01", "30"),
                                        .workers = workers,
                                        .n_workers = 2}};

static void add_run(void)
{
    run.team = catalog_team(&model.catalog, "crew");
    LIST_INSERT_HEAD(&run.team->runs, &run, of_team);
}

static void remove_run(void)
{
    LIST_REMOVE(&run, of_team);
}

START_TEST(a_run_names_its_workers)
{
    struct oks_target of_run = of_kind(OKS_RUN, "crew", "7"), none = of_kind(OKS_RUN, "crew", "8");
    json_object *o;

    some_crew();
    add_run();
    o = DOCUMENT(document_usage(&model, &of_run, NULL, &document));
    ck_assert_uint_eq(number_of(o, "inputTokens"), 4320); /* the lead's line was before it */
    ck_assert_str_eq(text_in(o, "taskKey"), "x/work");
    ck_assert_str_eq(text_in(o, "run"), "7");
    ck_assert_str_eq(text_in(o, "window/since"), T("01", "30"));
    ck_assert_ptr_null(member_of(o, "window/until"));
    ck_assert_str_eq(text_in(o, "leadUsage/source"), "unavailable");
    ck_assert_uint_eq(json_object_array_length(member_of(o, "workers")), 2);
    ck_assert_str_eq(text_in(o, "workers/0/workerId"), "a");
    ck_assert_str_eq(text_in(o, "workers/0/agent"), "claude");
    ck_assert_str_eq(text_in(o, "workers/0/model"), "opus");
    ck_assert_uint_eq(number_of(o, "workers/0/usage/inputTokens"), 320);
    ck_assert_str_eq(text_in(o, "workers/1/usage/source"), "unavailable");
    ck_assert_uint_eq(json_object_array_length(member_of(o, "others")), 1);
    ck_assert_str_eq(text_in(o, "others/0/sessionId"), "w3");
    ck_assert_uint_eq(number_of(o, "usageSummary/workerTotalTokens"), 320);
    ck_assert_int_eq(money_of(o, "usageSummary/costUSD"), (oks_money)320 * 5000000);
    json_object_put(o);
    ck_assert_int_eq(document_usage(&model, &none, NULL, &document), -ENOENT);
    ck_assert_uint_eq(document_version(&model, &none), 0);
    run.state.mtime_ns = 123456789;
    json_object_put(DOCUMENT(document_usage(&model, &crew, NULL, &document)));
    ck_assert_int_eq(document.mtime_ns, 123456789);
    run.state.mtime_ns = 0;
    remove_run();
}
END_TEST

/* Who leads a roster is whom it names, or who calls itself so. */
START_TEST(a_roster_has_a_lead_of_its_own)
{
    json_object *o;

    some_crew();
    add_run();
    run.roster = true;
    run.state.since[0] = '\0';
    o = DOCUMENT(document_usage(&model, &crew, NULL, &document));
    ck_assert_str_eq(text_in(o, "leadUsage/sessionId"), "boss");
    ck_assert_ptr_null(member_of(o, "run"));
    ck_assert_uint_eq(json_object_array_length(member_of(o, "workers")),
                      4); /* two of the roster have no session */
    json_object_put(o);
    strcpy(run.lead, "gone");
    o = DOCUMENT(document_usage(&model, &crew, NULL, &document));
    ck_assert_str_eq(text_in(o, "leadUsage/sessionId"), "boss"); /* it has no agent's name */
    json_object_put(o);
    strcpy(run.lead, "boss");
    run.roster = false;
    strcpy(run.state.since, T("01", "30"));
    remove_run();
}
END_TEST

/* --- contexts --- */

static json_object *context_of(const char *name)
{
    struct oks_target target = of_kind(OKS_SESSION, name, NULL);

    return DOCUMENT(document_context(&model, &target, &document));
}

#define COMPACTED(subtype, time, tokens)                                     \
    "{\"type\":\"system\",\"subtype\":\"" subtype "\",\"timestamp\":\"" time \
    "\",\"compactMetadata\":{\"trigger\":\"auto\",\"preTokens\":" tokens "}}\n"

START_TEST(a_context_is_that_of_the_last_request)
{
    json_object *o;

    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0], SAYS({.at = T("00", "30"), .user = true}));
    o = context_of("s1");
    ck_assert_ptr_null(member_of(o, "occupancyTokens"));
    ck_assert(!json_object_get_boolean(member_of(o, "shouldCompact")));
    json_object_put(o);
    made_says(&made[0],
              SAYS({.id = "m1", .at = T("01", "00"), .input = 1, .created = 20, .reads = 300, .output = 9}));
    o = context_of("s1");
    ck_assert_str_eq(text_in(o, "t"), T("01", "00"));
    ck_assert_str_eq(text_in(o, "model"), "claude-opus-4-7");
    ck_assert_uint_eq(number_of(o, "occupancyTokens"), 321);
    ck_assert(json_object_get_boolean(member_of(o, "contextLimitKnown")));
    json_object_put(o);
    /* A side chain's request counts only where there is no other. */
    made_says(&made[0], SAYS({.id = "m2", .at = T("02", "00"), .input = 7, .sidechain = true}));
    o = context_of("s1");
    ck_assert_uint_eq(number_of(o, "occupancyTokens"), 321);
    json_object_put(o);
    made[1] = made_at("-a/s2.jsonl");
    made_says(&made[1], SAYS({.id = "m3", .at = T("02", "00"), .input = 7, .sidechain = true},
                             {.id = "m4", .at = T("01", "00"), .input = 8, .sidechain = true}));
    o = context_of("s2");
    ck_assert_uint_eq(number_of(o, "occupancyTokens"), 8);
    json_object_put(o);
    /* Of two files the later one. */
    made[2] = made_at("-b/s1.jsonl");
    made_says(&made[2], SAYS({.id = "m5", .at = T("00", "50"), .input = 5}));
    o = context_of("s1");
    ck_assert_uint_eq(number_of(o, "occupancyTokens"), 321);
    json_object_put(o);
    made_says(&made[2], SAYS({.id = "m6", .at = T("01", "10"), .input = 6}));
    o = context_of("s1");
    ck_assert_uint_eq(number_of(o, "occupancyTokens"), 6);
    json_object_put(o);
    ck_assert_int_eq(
        document_context(&model, &(struct oks_target){.kind = OKS_SESSION, .name = "s9"}, &document),
        -ENOENT);
}
END_TEST

START_TEST(a_full_context_should_be_compacted)
{
    uint64_t limit;
    json_object *o;

    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = T("01", "00"), .input = 1}));
    o = context_of("s1");
    limit = number_of(o, "contextLimit");
    json_object_put(o);
    ck_assert_uint_eq(limit % 10, 0);
    made_says(&made[0], SAYS({.id = "m2", .at = T("01", "10"), .input = (unsigned)(limit / 10 * 7)}));
    o = context_of("s1");
    ck_assert_str_eq(text_in(o, "ratio"), "0.7000");
    ck_assert(!json_object_get_boolean(member_of(o, "shouldCompact")));
    json_object_put(o);
    made_says(&made[0], SAYS({.id = "m3", .at = T("01", "20"), .input = (unsigned)(limit / 10 * 7) + 1}));
    o = context_of("s1");
    ck_assert(json_object_get_boolean(member_of(o, "shouldCompact")));
    json_object_put(o);
    /* Later compactions make it a thing of the past; small ones and earlier ones do not. */
    made_gains(&made[0], COMPACTED("compact_boundary", T("01", "19"), "500"));
    made_gains(&made[0], COMPACTED("microcompact_boundary", T("01", "40"), "600"));
    o = context_of("s1");
    ck_assert(json_object_get_boolean(member_of(o, "shouldCompact")));
    ck_assert(!json_object_get_boolean(member_of(o, "compactedSince")));
    json_object_put(o);
    made_gains(&made[0], COMPACTED("compact_boundary", T("01", "30"), "700"));
    o = context_of("s1");
    ck_assert(!json_object_get_boolean(member_of(o, "shouldCompact")));
    ck_assert(json_object_get_boolean(member_of(o, "compactedSince")));
    ck_assert_uint_eq(json_object_array_length(member_of(o, "compactions")), 3);
    ck_assert_str_eq(text_in(o, "compactions/0/t"), T("01", "19"));
    ck_assert_str_eq(text_in(o, "compactions/1/t"), T("01", "30"));
    ck_assert_str_eq(text_in(o, "compactions/1/kind"), "full");
    ck_assert_str_eq(text_in(o, "compactions/1/trigger"), "auto");
    ck_assert_uint_eq(number_of(o, "compactions/1/tokensBefore"), 700);
    ck_assert_str_eq(text_in(o, "compactions/2/kind"), "micro");
    json_object_put(o);
    /* A copy of the file repeats them. */
    made[1] = made_at("-b/s1.jsonl");
    made_gains(&made[1], made[0].text);
    o = context_of("s1");
    ck_assert_uint_eq(json_object_array_length(member_of(o, "compactions")), 3);
    json_object_put(o);
}
END_TEST

/* "limit known ratio shouldCompact" */
static void check_limit(const char *session, const char *want)
{
    static const char *const keys[] = {"contextLimit", "contextLimitKnown", "ratio", "shouldCompact"};
    json_object *o = context_of(session);
    char text[128] = "";

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        const char *value = text_in(o, keys[i]);

        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
                 value ? value : "null");
    }
    ck_assert_str_eq(text, want);
    json_object_put(o);
}

START_TEST(a_limit_that_was_beaten_is_none)
{
    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0],
              SAYS({.id = "m1", .at = T("01", "00"), .input = 200000, .model = "claude-sonnet-4-5"}));
    check_limit("s1", "200000 true 1.0000 true");
    /* Not by another model, nor in another session. */
    made_says(&made[0],
              SAYS({.id = "m2", .at = T("01", "10"), .input = 900000, .model = "claude-opus-5"},
                   {.id = "m3", .at = T("01", "20"), .input = 150000, .model = "claude-sonnet-4-5"}));
    made[1] = made_at("-a/s2.jsonl");
    made_says(&made[1],
              SAYS({.id = "m4", .at = T("01", "00"), .reads = 350000, .model = "claude-sonnet-4-5"}));
    check_limit("s1", "200000 true 0.7500 true");
    check_limit("s2", "1000000 false 0.3500 false");
    /* It stays beaten, in whatever order and file, and whoever did it. */
    made_says(&made[1],
              SAYS({.id = "m5", .at = T("01", "10"), .reads = 190000, .model = "claude-sonnet-4-5"}));
    check_limit("s2", "1000000 false 0.1900 false");
    made[2] = made_at("-b/s1.jsonl");
    made_says(&made[2], SAYS({.id = "m6",
                              .at = T("00", "10"),
                              .input = 200001,
                              .sidechain = true,
                              .model = "claude-sonnet-4-5"}));
    check_limit("s1", "1000000 false 0.1500 false");
    /* No guess is left. */
    made_says(&made[1],
              SAYS({.id = "m8", .at = T("01", "20"), .input = 1000001, .model = "claude-sonnet-4-5"}));
    check_limit("s2", "null false null false");
}
END_TEST

START_TEST(a_guess_that_was_beaten_suggests_nothing)
{
    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = T("01", "00"), .input = 31000, .model = "claude-quartz"}));
    check_limit("s1", "32000 false 0.9688 true");
    made_says(&made[0], SAYS({.id = "m2", .at = T("01", "10"), .input = 190000, .model = "claude-quartz"}));
    check_limit("s1", "200000 false 0.9500 false");
    made_says(&made[0], SAYS({.id = "m3", .at = T("01", "20"), .input = 31000, .model = "claude-quartz"}));
    check_limit("s1", "200000 false 0.1550 false");
    made[1] = made_at("-a/s2.jsonl");
    made_says(&made[1], SAYS({.id = "m4", .at = T("01", "00"), .input = 60000, .model = "quartz-9"}));
    check_limit("s2", "null false null false");
}
END_TEST

/* Rows are looked at from the end in steps. */
START_TEST(a_request_far_back_is_found)
{
    struct said lines[200];
    char names[200][8];
    json_object *o;

    for (unsigned i = 0; i < 200; i++) {
        snprintf(names[i], sizeof(names[i]), "m%u", i);
        lines[i] =
            (struct said){.id = names[i], .at = T("01", "00"), .input = 1 + i, .sidechain = i != 3 && i != 5};
    }
    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0], lines, 200);
    o = context_of("s1");
    ck_assert_uint_eq(number_of(o, "occupancyTokens"), 6);
    json_object_put(o);
}
END_TEST

START_TEST(the_context_of_a_member_is_its_latest)
{
    struct oks_target a = of_kind(OKS_MEMBER, "crew", "a-worker"), nobody = of_kind(OKS_MEMBER, "crew", "x");
    json_object *o;

    some_crew();
    o = DOCUMENT(document_context(&model, &a, &document));
    ck_assert_str_eq(text_in(o, "sessionId"), "w2");
    ck_assert_str_eq(text_in(o, "team"), "crew");
    ck_assert_str_eq(text_in(o, "member"), "a-worker");
    ck_assert_uint_eq(number_of(o, "occupancyTokens"), 300);
    ck_assert_uint_eq(document.version, catalog_team(&model.catalog, "crew")->version);
    json_object_put(o);
    made_says(&made[1], SAYS({.id = "m9", .at = T("04", "00"), .input = 9}));
    o = DOCUMENT(document_context(&model, &a, &document));
    ck_assert_str_eq(text_in(o, "sessionId"), "w1");
    json_object_put(o);
    ck_assert_int_eq(document_context(&model, &nobody, &document), -ENOENT);
    nobody.name = "none";
    ck_assert_int_eq(document_context(&model, &nobody, &document), -ENOENT);
}
END_TEST

/* --- the ledger --- */

/* The entries' verdicts, in order; heads are left out. */
static const char *verdicts(const char *name)
{
    static char list[512];
    struct oks_target target = of_kind(OKS_SESSION, name, NULL);

    oks_document_clear(&document);
    list[0] = '\0';
    ck_assert_int_eq(document_ledger(&model, NULL, OKS_ISA_AUTO, &target, &document), 0);
    for (char *p = document.bytes; *p; p = strchr(p, '\n') + 1) {
        char *line = strndup(p, strcspn(p, "\n"));
        json_object *o = json_tokener_parse(line);

        ck_assert_ptr_nonnull(o);
        if (has_member(o, "verdict")) {
            const char *why = text_in(o, "why");

            sprintf(list + strlen(list), "%s%s%s%s", *list ? ", " : "", text_in(o, "verdict"),
                    why ? ": " : "", why ? why : "");
        }
        json_object_put(o);
        free(line);
    }
    return list;
}

START_TEST(a_ledger_says_what_became_of_each_line)
{
    struct oks_target s1 = of_kind(OKS_SESSION, "s1", NULL), none = of_kind(OKS_SESSION, "s9", NULL);

    made[0] = made_at("-a/s1.jsonl");
    made[1] = made_at("-a/s2.jsonl");
    made_says(&made[0], SAYS({.at = T("00", "50"), .user = true},
                             {.id = "m1", .at = T("01", "00"), .output = 1, .open = true},
                             {.id = "m1", .at = T("01", "01"), .output = 7},
                             {.id = "x", .model = "<synthetic>", .at = T("01", "02")}));
    write_text(&made[0]);
    ck_assert_str_eq(verdicts("s1"),
                     "merged: another line of this response counts, counted, dropped: synthetic");
    ck_assert_ptr_nonnull(strstr(document.bytes, "\"entries\":3"));
    ck_assert_ptr_nonnull(strstr(document.bytes, "\"messageId\":\"m1\""));
    ck_assert_ptr_nonnull(strstr(document.bytes, "\"kind\":\"response\""));
    ck_assert_ptr_nonnull(strstr(document.bytes, "\"kind\":\"other\""));
    ck_assert_ptr_nonnull(strstr(document.bytes, "\"outputTokens\":7"));
    ck_assert_uint_eq(document.version, model.versions.all);
    ck_assert_int_eq(document.mtime_ns, made[0].t->mark.mtime_ns);
    /* Another file repeats it, and one more tells more of it. */
    made_says(&made[1], SAYS({.id = "m1", .at = T("01", "01"), .output = 7}));
    write_text(&made[1]);
    ck_assert_str_eq(verdicts("s2"), "dropped: duplicate");
    made_says(&made[1], SAYS({.id = "m1", .at = T("01", "03"), .output = 9}));
    write_text(&made[1]);
    ck_assert_str_eq(
        verdicts("s2"),
        "merged: another line of this response counts, counted: for the transcript that owns it");
    ck_assert_str_eq(verdicts("s1"),
                     "merged: a line elsewhere tells more, merged: a line elsewhere tells more, "
                     "dropped: synthetic");
    ck_assert_int_eq(document_ledger(&model, NULL, OKS_ISA_AUTO, &none, &document), -ENOENT);
    ck_assert_int_eq(unlink(made[0].t->path), 0);
    ck_assert_int_eq(document_ledger(&model, NULL, OKS_ISA_AUTO, &s1, &document), -EIO);
}
END_TEST

/* --- budgets --- */

START_TEST(a_budget_as_a_document)
{
    static const char config[] =
        "{\"budgets\": {\"each\": {\"scope\": \"session\", \"limitTokens\": 100, \"policy\": "
        "\"block\"}, \"all\": {\"scope\": \"total\", \"limitUSD\": 0.01, \"warnAt\": 0.5}}}";
    json_object *o;

    make_file("okstrafs.json", config, strlen(config));
    model_settings(scratch);
    made[0] = made_at("-a/s1.jsonl");
    made[1] = made_at("-a/s2.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = T("01", "00"), .input = 80}));
    made_says(&made[1], SAYS({.id = "m2", .at = T("01", "00"), .input = 250}));
    o = DOCUMENT(document_budget(&budgets, "each", false, 0, &document));
    ck_assert_str_eq(text_in(o, "name"), "each");
    ck_assert_str_eq(text_in(o, "scope"), "session");
    ck_assert_str_eq(text_in(o, "of"), "s2");
    ck_assert_str_eq(text_in(o, "policy"), "block");
    ck_assert_str_eq(text_in(o, "unit"), "tokens");
    ck_assert_uint_eq(number_of(o, "limit"), 100);
    ck_assert_uint_eq(number_of(o, "spent"), 250);
    ck_assert_uint_eq(number_of(o, "remaining"), 0);
    ck_assert_str_eq(text_in(o, "ratio"), "2.5");
    ck_assert_str_eq(text_in(o, "state"), "exceeded");
    ck_assert_uint_eq(json_object_array_length(member_of(o, "rows")), 2);
    ck_assert_str_eq(text_in(o, "rows/1/of"), "s1");
    ck_assert_str_eq(text_in(o, "rows/1/state"), "warn");
    ck_assert_uint_eq(number_of(o, "rows/1/remaining"), 20);
    json_object_put(o);
    ck_assert_int_eq(document.mtime_ns, mtime_ns);
    oks_document_clear(&document);
    ck_assert_int_eq(document_budget(&budgets, "each", true, 0, &document), 0);
    ck_assert_str_eq(document.bytes, "block\tsession\ts2\t250\t100\ttokens\n");
    ck_assert_int_eq(document_budget(&budgets, "all", true, 0, &document), -ENOENT);
    ck_assert_int_eq(document_budget(&budgets, "none", false, 0, &document), -ENOENT);
    o = DOCUMENT(document_budget(&budgets, "all", false, 0, &document));
    ck_assert_ptr_null(member_of(o, "of"));
    ck_assert_str_eq(text_in(o, "unit"), "USD");
    ck_assert_str_eq(text_in(o, "spent"), "0.00165");
    ck_assert_str_eq(text_in(o, "remaining"), "0.00835");
    ck_assert_str_eq(text_in(o, "ratio"), "0.165");
    ck_assert_str_eq(text_in(o, "warnAt"), "0.5");
    ck_assert(!has_member(o, "rows"));
    json_object_put(o);
    made_says(&made[1], SAYS({.id = "m3", .at = T("01", "00"), .input = 2000}));
    oks_document_clear(&document);
    ck_assert_int_eq(document_budget(&budgets, "all", true, 0, &document), 0);
    ck_assert_str_eq(document.bytes, "warn_continue\ttotal\t*\t0.01165\t0.01\tUSD\n");
}
END_TEST

/* --- models without a price --- */

START_TEST(a_cost_that_nobody_knows_is_null)
{
    struct oks_target s1 = of_kind(OKS_SESSION, "s1", NULL), team = of_kind(OKS_TEAM, "crew", NULL);
    json_object *o;

    made[0] = made_at("-a/s1.jsonl");
    made_says(
        &made[0],
        SAYS({.id = "m1", .at = T("01", "00"), .team = "crew", .agent = "a", .input = 7, .model = "quartz"}));
    o = DOCUMENT(document_usage(&model, &s1, NULL, &document));
    ck_assert(has_member(member_of(o, "billed"), "costUSD"));
    ck_assert_ptr_null(member_of(o, "billed/costUSD"));
    ck_assert_uint_eq(number_of(o, "billed/inputTokens"), 7);
    json_object_put(o);
    o = DOCUMENT(document_usage(&model, &team, NULL, &document));
    ck_assert(has_member(member_of(o, "usageSummary"), "costUSD"));
    ck_assert_ptr_null(member_of(o, "usageSummary/costUSD"));
    json_object_put(o);
    oks_document_clear(&document);
    ck_assert_int_eq(document_cost(&model, &s1, NULL, &document), 0);
    ck_assert_str_eq(document.bytes, "unknown\n");
    /* With something that has a price it is a lower bound. */
    made_says(&made[0], SAYS({.id = "m2", .at = T("02", "00"), .team = "crew", .agent = "a", .input = 1}));
    json_object_put(DOCUMENT(document_cost(&model, &s1, NULL, &document)));
    ck_assert_str_eq(document.bytes, "0.000005\n");
    o = DOCUMENT(document_usage(&model, &team, NULL, &document));
    ck_assert_int_eq(money_of(o, "usageSummary/costUSD"), 5000000);
    ck_assert(json_object_get_boolean(member_of(o, "billed/lowerBound")));
    json_object_put(o);
    /* Nothing was used: that is 0. */
    made[1] = made_at("-a/s2.jsonl");
    made_says(&made[1], SAYS({.at = T("01", "00"), .user = true}));
    s1.name = "s2";
    json_object_put(DOCUMENT(document_cost(&model, &s1, NULL, &document)));
    ck_assert_str_eq(document.bytes, "0\n");
}
END_TEST

START_TEST(a_budget_names_models_without_a_price)
{
    static const char config[] = "{\"budgets\": {\"each\": {\"scope\": \"session\", \"limitUSD\": 1},"
                                 " \"tokens\": {\"scope\": \"total\", \"limitTokens\": 1000000000}}}";
    char model_name[300], shown[130];
    json_object *o;

    make_file("okstrafs.json", config, strlen(config));
    model_settings(scratch);
    memset(model_name, 'q', sizeof(model_name));
    model_name[sizeof(model_name) - 1] = '\0';
    memset(shown, 'q', 128);
    shown[128] = '\0';
    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = T("01", "00"), .input = 70000000, .model = "basalt"},
                             {.id = "m2", .at = T("01", "00"), .input = 1, .model = model_name}));
    o = DOCUMENT(document_budget(&budgets, "each", false, 0, &document));
    ck_assert_str_eq(text_in(o, "state"), "unknown");
    ck_assert_str_eq(text_in(o, "spent"), "0");
    ck_assert_str_eq(text_in(o, "unpriced/0"), "basalt");
    ck_assert_str_eq(text_in(o, "unpriced/1"), shown);
    ck_assert_str_eq(text_in(o, "rows/0/of"), "s1");
    ck_assert_str_eq(text_in(o, "rows/0/state"), "unknown");
    ck_assert_str_eq(text_in(o, "rows/0/unpriced/0"), "basalt");
    json_object_put(o);
    ck_assert_int_eq(document_budget(&budgets, "each", true, 0, &document), -ENOENT);
    o = DOCUMENT(document_budget(&budgets, "tokens", false, 0, &document));
    ck_assert_str_eq(text_in(o, "state"), "ok");
    ck_assert(!has_member(o, "unpriced"));
    json_object_put(o);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("more_documents");
    TCase *tcase;

#define DOCUMENT_TEST(function)                                            \
    tcase = tcase_create(#function);                                       \
    tcase_add_checked_fixture(tcase, documents_setup, documents_teardown); \
    tcase_add_test(tcase, function);                                       \
    suite_add_tcase(suite, tcase)

    DOCUMENT_TEST(a_team_without_a_file_is_grouped_by_agent);
    DOCUMENT_TEST(a_team_in_a_window_has_whom_it_takes);
    DOCUMENT_TEST(a_member_is_its_sessions);
    DOCUMENT_TEST(a_run_names_its_workers);
    DOCUMENT_TEST(a_roster_has_a_lead_of_its_own);
    DOCUMENT_TEST(a_context_is_that_of_the_last_request);
    DOCUMENT_TEST(a_full_context_should_be_compacted);
    DOCUMENT_TEST(a_limit_that_was_beaten_is_none);
    DOCUMENT_TEST(a_guess_that_was_beaten_suggests_nothing);
    DOCUMENT_TEST(a_request_far_back_is_found);
    DOCUMENT_TEST(the_context_of_a_member_is_its_latest);
    DOCUMENT_TEST(a_ledger_says_what_became_of_each_line);
    DOCUMENT_TEST(a_budget_as_a_document);
    DOCUMENT_TEST(a_cost_that_nobody_knows_is_null);
    DOCUMENT_TEST(a_budget_names_models_without_a_price);
    return tap_run(suite);
}
