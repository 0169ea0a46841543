/*
 * Documents over random changes and in random windows, against adding up the lines.
 */
#include "document_home.h"
#include "documents/picked.h"

enum { ROUNDS = 240 };

/* --- adding up --- */

struct added {
    uint64_t count[OKS_COLUMNS], requests;
    oks_money cost;
    size_t sessions, transcripts;
    bool open, unpriced;
    const char *first, *last;
};

/* Picodollars a token: input, output, written, read. */
static const oks_money prices[][4] = {{5000000, 25000000, 6250000, 500000},
                                      {3000000, 15000000, 3750000, 300000}};

static void add_line(struct added *to, const struct said *line)
{
    int model_at = strcmp(line->model, models[0]) == 0 ? 0 : strcmp(line->model, models[1]) == 0 ? 1 : -1;

    to->count[OKS_INPUT] += line->input;
    to->count[OKS_OUTPUT] += line->output;
    to->count[OKS_CACHE_CREATION] += line->created;
    to->count[OKS_CACHE_READ] += line->reads;
    to->count[OKS_TOOL_USES] += line->tools;
    to->requests++;
    to->open |= line->open;
    to->unpriced |= model_at < 0;
    if (model_at >= 0)
        to->cost += prices[model_at][0] * line->input + prices[model_at][1] * line->output +
                    prices[model_at][2] * line->created + prices[model_at][3] * line->reads;
    to->first = to->first && strcmp(to->first, line->at) < 0 ? to->first : line->at;
    to->last = to->last && strcmp(to->last, line->at) > 0 ? to->last : line->at;
}

static const char *since, *until; /* NULL: open */

static bool within(const struct said *line)
{
    return (!since || strcmp(line->at, since) >= 0) && (!until || strcmp(line->at, until) <= 0);
}

typedef bool wanted_fn(int i, size_t k, const char *of);

/* The lines in the window that are wanted; `sessions` are those with any. */
static struct added add_up(wanted_fn *wanted, const char *of)
{
    const char *met[FILES];
    struct added sum = {0};

    for (int i = 0; i < FILES; i++) {
        uint64_t before = sum.requests;
        bool known = false;

        for (size_t k = 0; made[i].t && k < n_said[i]; k++)
            if (within(&said[i][k]) && wanted(i, k, of))
                add_line(&sum, &said[i][k]);
        for (size_t m = 0; m < sum.sessions; m++)
            known |= strcmp(met[m], files[i].session) == 0;
        if (sum.requests > before && !known)
            met[sum.sessions++] = files[i].session;
        sum.transcripts += made[i].t && wanted(i, 0, of);
    }
    return sum;
}

static void check_counts(json_object *object, const struct added *want)
{
    const uint64_t *n = want->count;

    ck_assert_uint_eq(number_of(object, "totalTokens"), n[OKS_INPUT] + n[OKS_OUTPUT] + n[OKS_CACHE_CREATION]);
    ck_assert_uint_eq(number_of(object, "inputTokens"), n[OKS_INPUT]);
    ck_assert_uint_eq(number_of(object, "outputTokens"), n[OKS_OUTPUT]);
    ck_assert_uint_eq(number_of(object, "cacheCreationTokens"), n[OKS_CACHE_CREATION]);
    ck_assert_uint_eq(number_of(object, "cacheCreation5mTokens"), n[OKS_CACHE_CREATION]);
    ck_assert_uint_eq(number_of(object, "cacheCreation1hTokens"), 0);
    ck_assert_uint_eq(number_of(object, "cacheReadTokens"), n[OKS_CACHE_READ]);
    ck_assert_uint_eq(number_of(object, "toolUses"), n[OKS_TOOL_USES]);
    ck_assert_pstr_eq(text_in(object, "startedAt"), want->first);
    ck_assert_pstr_eq(text_in(object, "endedAt"), want->last);
}

static void check_billed(json_object *object, const struct added *want)
{
    const uint64_t *n = want->count;
    json_object *billed = member_of(object, "billed");

    ck_assert_uint_eq(number_of(billed, "requests"), want->requests);
    ck_assert_uint_eq(number_of(billed, "totalTokens"), n[OKS_INPUT] + n[OKS_OUTPUT] + n[OKS_CACHE_CREATION]);
    ck_assert_uint_eq(number_of(billed, "inputTokens"), n[OKS_INPUT]);
    ck_assert_uint_eq(number_of(billed, "outputTokens"), n[OKS_OUTPUT]);
    ck_assert_uint_eq(number_of(billed, "cacheCreationTokens"), n[OKS_CACHE_CREATION]);
    ck_assert_uint_eq(number_of(billed, "cacheReadTokens"), n[OKS_CACHE_READ]);
    if (want->unpriced && want->cost == 0)
        ck_assert_ptr_null(member_of(billed, "costUSD"));
    else
        ck_assert_int_eq(money_of(billed, "costUSD"), want->cost);
    ck_assert_int_eq(json_object_get_boolean(member_of(billed, "lowerBound")), want->open || want->unpriced);
    ck_assert_uint_eq(json_object_array_length(member_of(billed, "unpriced")), want->unpriced);
}

/* --- who is wanted --- */

static bool of_session(int i, size_t k, const char *of)
{
    return strcmp(files[i].session, of) == 0;
}

static const char *project_of(int i)
{
    for (int f = 0; f < FILES; f++)
        if (is_of(f, files[i].session))
            return files[f].project;
    return NULL;
}

static bool of_project(int i, size_t k, const char *of)
{
    return made[i].t && strcmp(project_of(i), of) == 0;
}

static bool of_any(int i, size_t k, const char *of)
{
    return true;
}

static bool of_model(int i, size_t k, const char *of)
{
    return strcmp(said[i][k].model, strcmp(of, "unknown") == 0 ? "" : of) == 0;
}

static const char *agent_of(int i)
{
    for (int f = 0; f < FILES; f++)
        for (size_t k = 0; is_of(f, files[i].session) && k < n_said[f]; k++)
            if (said[f][k].agent)
                return said[f][k].agent;
    return strcmp(files[i].session, "agent-x") == 0 ? "(sub-agent)" : "(main)";
}

static bool of_agent(int i, size_t k, const char *of)
{
    return made[i].t && strcmp(agent_of(i), of) == 0;
}

static const char *folder_of(int i)
{
    for (int f = 0; f < FILES; f++)
        for (size_t k = 0; is_of(f, files[i].session) && k + unfinished[f] < n_said[f]; k++)
            if (said[f][k].cwd)
                return said[f][k].cwd;
    return project_of(i);
}

static bool of_folder(int i, size_t k, const char *of)
{
    return made[i].t && strcmp(folder_of(i), of) == 0;
}

static bool of_day(int i, size_t k, const char *of)
{
    return strncmp(said[i][k].at, of, strlen("2026-06-10")) == 0;
}

static bool of_hour(int i, size_t k, const char *of)
{
    return strncmp(said[i][k].at, of, strlen("2026-06-10T01")) == 0;
}

/* --- targets --- */

static struct oks_window window;

static const struct oks_window *new_window(void)
{
    static char bounds[2][OKS_STAMP_TEXT];

    since = until = NULL;
    window = (struct oks_window){0};
    if (rnd(3) == 0)
        return NULL;
    for (int i = 0; i < 2; i++)
        make_stamp(bounds[i]);
    if (rnd(4)) {
        since = bounds[0];
        strcpy(window.since, since);
    }
    if (rnd(4)) {
        until = bounds[1];
        strcpy(window.until, until);
    }
    return &window;
}

static void check_session(const char *name, const struct oks_window *w)
{
    struct oks_target target = of_kind(OKS_SESSION, name, NULL);
    struct added want = add_up(of_session, name);
    char text[64];
    json_object *o;

    if (!catalog_session(&model.catalog, name)) {
        ck_assert_int_eq(document_usage(&model, &target, w, &document), -ENOENT);
        ck_assert_int_eq(document_total_tokens(&model, &target, NULL, &document), -ENOENT);
        ck_assert_int_eq(document_cost(&model, &target, NULL, &document), -ENOENT);
        ck_assert_uint_eq(document_version(&model, &target), 0);
        return;
    }
    o = DOCUMENT(document_usage(&model, &target, w, &document));
    check_counts(o, &want);
    check_billed(o, &want);
    ck_assert_str_eq(text_in(o, "sessionId"), name);
    ck_assert_str_eq(text_in(o, "source"), "claude");
    ck_assert_uint_eq(number_of(o, "transcripts"), want.transcripts);
    ck_assert_pstr_eq(text_in(o, "window/since"), w ? since : NULL);
    ck_assert_pstr_eq(text_in(o, "window/until"), w ? until : NULL);
    ck_assert(strncmp(document.bytes + document.window_at, "\"window\": {", 11) == 0);
    ck_assert_int_eq(document.bytes[document.window_at + document.window_len], '}');
    ck_assert_uint_eq(document.version, document_version(&model, &target));
    json_object_put(o);
    if (w)
        return;
    json_object_put(DOCUMENT(document_total_tokens(&model, &target, NULL, &document)));
    snprintf(text, sizeof(text), "%llu\n",
             (unsigned long long)(want.count[OKS_INPUT] + want.count[OKS_OUTPUT] +
                                  want.count[OKS_CACHE_CREATION]));
    ck_assert_str_eq(document.bytes, text);
    oks_document_clear(&document);
    ck_assert_int_eq(document_cost(&model, &target, NULL, &document), 0);
    if (want.unpriced && want.cost == 0)
        strcpy(text, "unknown");
    else
        oks_money_text(want.cost, text);
    strcat(text, "\n");
    ck_assert_str_eq(document.bytes, text);
}

static void check_project(const char *name, const struct oks_window *w)
{
    struct oks_target target = of_kind(OKS_PROJECT, name, NULL);
    struct added want = add_up(of_project, name);
    json_object *o;

    if (!catalog_project(&model.catalog, name)) {
        ck_assert_int_eq(document_usage(&model, &target, w, &document), -ENOENT);
        ck_assert_uint_eq(document_version(&model, &target), 0);
        return;
    }
    o = DOCUMENT(document_usage(&model, &target, w, &document));
    check_counts(o, &want);
    check_billed(o, &want);
    ck_assert_str_eq(text_in(o, "project"), name);
    ck_assert_uint_ge(number_of(o, "sessions"), want.sessions);
    ck_assert(!has_member(o, "unknownSessions"));
    json_object_put(o);
    if (w)
        return;
    json_object_put(DOCUMENT(document_total_tokens(&model, &target, NULL, &document)));
    ck_assert_uint_eq(strtoull(document.bytes, NULL, 10),
                      want.count[OKS_INPUT] + want.count[OKS_OUTPUT] + want.count[OKS_CACHE_CREATION]);
    ck_assert_uint_gt(document.mtime_ns, 0);
}

/* Of everything, in a window or not. */
static void check_all(const struct oks_window *w)
{
    struct oks_target target = {.kind = OKS_ALL};
    struct added want = add_up(of_any, NULL);
    char text[64];
    json_object *o = DOCUMENT(document_usage(&model, &target, w, &document));

    check_counts(o, &want);
    check_billed(o, &want);
    ck_assert_uint_ge(number_of(o, "sessions"), want.sessions);
    ck_assert_pstr_eq(text_in(o, "window/since"), w ? since : NULL);
    ck_assert_pstr_eq(text_in(o, "window/until"), w ? until : NULL);
    json_object_put(o);
    oks_document_clear(&document);
    ck_assert_int_eq(document_total_tokens(&model, &target, w, &document), 0);
    ck_assert_uint_eq(strtoull(document.bytes, NULL, 10),
                      want.count[OKS_INPUT] + want.count[OKS_OUTPUT] + want.count[OKS_CACHE_CREATION]);
    oks_document_clear(&document);
    ck_assert_int_eq(document_cost(&model, &target, w, &document), 0);
    if (want.unpriced && want.cost == 0)
        strcpy(text, "unknown");
    else
        oks_money_text(want.cost, text);
    strcat(text, "\n");
    ck_assert_str_eq(document.bytes, text);
    oks_document_clear(&document);
}

/* --- statistics --- */

static json_object *stats(enum oks_stats by, const struct oks_window *w)
{
    return DOCUMENT(document_stats(&model, by, w, 0, &document));
}

/* Rows ascend by key, each is what the lines say, and together they are the total. */
static void check_stats(enum oks_stats by, wanted_fn *wanted, const struct oks_window *w)
{
    struct added all = add_up(of_any, NULL);
    json_object *o = stats(by, w), *rows = member_of(o, "rows");
    uint64_t requests = 0;

    check_counts(member_of(o, "total"), &all);
    check_billed(member_of(o, "total"), &all);
    ck_assert_int_eq(has_member(o, "window"), w != NULL);
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);
        const char *key = text_in(row, "key");
        struct added want = add_up(wanted, key);

        ck_assert(i == 0 || strcmp(text_in(json_object_array_get_idx(rows, i - 1), "key"), key) < 0);
        ck_assert_uint_gt(want.requests, 0);
        check_counts(row, &want);
        check_billed(row, &want);
        requests += want.requests;
    }
    ck_assert_uint_eq(requests, all.requests);
    json_object_put(o);
}

/* Blocks are stretches of time: their requests add up to all, and gaps lie between them. */
static void check_blocks(const struct oks_window *w)
{
    struct added all = add_up(of_any, NULL);
    json_object *o = stats(OKS_STATS_BLOCKS, w), *rows = member_of(o, "rows");
    uint64_t requests = 0, tokens = 0;
    const char *end = "";

    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        json_object *row = json_object_array_get_idx(rows, i);

        if (!has_member(row, "isGap")) { /* the rest */
            ck_assert_str_eq(text_in(row, "key"), "outside");
        } else {
            ck_assert_str_ge(text_in(row, "key"), *end && strcmp(end, text_in(row, "key")) > 0 ? "" : end);
            end = text_in(row, "endTime");
        }
        requests += number_of(row, "billed/requests");
        tokens += number_of(row, "totalTokens");
    }
    ck_assert_uint_eq(requests, all.requests);
    ck_assert_uint_eq(tokens, all.count[OKS_INPUT] + all.count[OKS_OUTPUT] + all.count[OKS_CACHE_CREATION]);
    json_object_put(o);
}

static int64_t ms(const char *stamp)
{
    int64_t micros;
    bool aware;

    ck_assert_int_eq(oks_stamp_micros(oks_stamp_of(oks_slice_of(stamp)), &micros, &aware), 0);
    return micros / 1000;
}

/* What is kept of blocks that have ended is what they come to now. */
static void check_kept_blocks(void)
{
    const struct time_table *halves = &model.timeline.tables[TIMELINE_HALVES];
    const int64_t later = ms("2026-07-01T00:00:00.000Z");
    struct oks_document kept, anew;

    ck_assert_int_eq(document_stats(&model, OKS_STATS_BLOCKS, NULL, later, &kept), 0);
    for (size_t i = 0; i < halves->n; i++)
        row_text_changed(&halves->rows[i]->text);
    ck_assert_int_eq(document_stats(&model, OKS_STATS_BLOCKS, NULL, later, &anew), 0);
    ck_assert_str_eq(kept.bytes, anew.bytes);
    oks_document_clear(&kept);
    ck_assert_int_eq(document_stats(&model, OKS_STATS_BLOCKS, NULL, later, &kept), 0);
    ck_assert_str_eq(kept.bytes, anew.bytes);
    oks_document_clear(&kept);
    oks_document_clear(&anew);
}

/* The last blocks, which are kept from call to call, are those of the document. */
static void check_picked_blocks(size_t most)
{
    static struct picked picked;
    struct oks_rows_total total;
    json_object *o = stats(OKS_STATS_BLOCKS, NULL), *rows = member_of(o, "rows");
    size_t at;

    ck_assert_int_eq(document_stats_picked(&model, OKS_STATS_BLOCKS, 0, most, &picked, &total), 0);
    ck_assert_uint_le(picked.n, most);
    at = picked.n;
    for (size_t i = json_object_array_length(rows); i-- > 0;) {
        json_object *row = json_object_array_get_idx(rows, i);
        const struct oks_row *got;

        if (!has_member(row, "isGap") || json_object_get_boolean(member_of(row, "isGap")))
            continue;
        if (at == 0)
            break;
        got = &picked.rows[picked.order[--at]].row;
        ck_assert_str_eq(got->key, text_in(row, "key"));
        ck_assert_str_eq(got->end, text_in(row, "endTime"));
        ck_assert_uint_eq(got->bill.requests, number_of(row, "billed/requests"));
        ck_assert_uint_eq(got->bill.total_tokens, number_of(row, "billed/totalTokens"));
        ck_assert_uint_eq(got->bill.cache_read_tokens, number_of(row, "billed/cacheReadTokens"));
    }
    ck_assert_uint_eq(at, 0);
    picked_clear(&picked);
    json_object_put(o);
}

static void stamp_of_two_days(char out[OKS_STAMP_TEXT])
{
    snprintf(out, OKS_STAMP_TEXT, "2026-06-%02uT%02u:%02u:00.000Z", 10 + rnd(2), rnd(24), rnd(60));
}

START_TEST(documents_say_what_the_lines_say)
{
    make_stamp = stamp_of_two_days;
    seed = 1;
    for (int round = 0; round < ROUNDS; round++) {
        const struct oks_window *w;
        int i = (int)rnd(FILES);

        change(i);
        if (made[i].t)
            write_text(&made[i]);
        check_picked_blocks(1 + rnd(4));
        if (rnd(3))
            continue;
        w = new_window();
        for (int f = 0; f < FILES; f++) {
            check_session(files[f].session, w);
            check_project(files[f].project, w);
        }
        check_all(w);
        check_stats(OKS_STATS_BY_MODEL, of_model, w);
        check_stats(OKS_STATS_BY_PROJECT, of_folder, w);
        check_stats(OKS_STATS_BY_AGENT, of_agent, w);
        check_stats(OKS_STATS_BY_SOURCE, of_any, w);
        check_stats(OKS_STATS_BY_DAY, of_day, w);
        check_stats(OKS_STATS_BY_HOUR, of_hour, w);
        check_blocks(w);
        check_kept_blocks();
    }
}
END_TEST

/* --- names --- */

static char listed[512];

static int list_name(void *ctx, const char *name)
{
    snprintf(listed + strlen(listed), sizeof(listed) - strlen(listed), "%s%s", *listed ? " " : "", name);
    return 0;
}

static const char *names(enum oks_list what, struct oks_target of)
{
    int rc;

    listed[0] = '\0';
    rc = names_list(&model, what, &of, list_name, NULL);
    ck_assert(rc == 0 || rc == -ENOENT);
    return rc ? NULL : listed;
}

static const struct oks_target all = {.kind = OKS_ALL};

static void some_sessions(void)
{
    made[0] = made_at("-a/session-1.jsonl");
    made[1] = made_at("-a/session-2.jsonl");
    made[2] = made_at("-b/session-2/subagents/agent-x.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = "2026-06-10T01:00:00Z", .team = "Crew", .output = 1},
                             {.id = "m2", .at = "2026-06-12T01:00:00Z", .output = 1}));
    made_says(&made[1], SAYS({.id = "m3",
                              .at = "2026-06-11T01:00:00Z",
                              .team = "crew",
                              .agent = "scout-worker-2",
                              .output = 1}));
    made_says(&made[2], SAYS({.id = "m4", .at = "2026-06-11T01:00:00Z", .agent = "helper", .output = 1}));
}

START_TEST(names_are_listed_in_order)
{
    some_sessions();
    ck_assert_str_eq(names(OKS_LIST_SESSIONS, all), "agent-x session-1 session-2");
    ck_assert_str_eq(names(OKS_LIST_PROJECTS, all), "-a -b");
    ck_assert_str_eq(names(OKS_LIST_TEAMS, all), "Crew");
    ck_assert_str_eq(names(OKS_LIST_DAYS, all), "2026-06-10 2026-06-11 2026-06-12");
    ck_assert_ptr_null(names(OKS_LIST_MEMBERS, all));
    ck_assert_str_eq(names(OKS_LIST_SESSIONS, of_kind(OKS_PROJECT, "-a", NULL)), "session-1 session-2");
    ck_assert_str_eq(names(OKS_LIST_DAYS, of_kind(OKS_PROJECT, "-b", NULL)), "2026-06-11");
    ck_assert_ptr_null(names(OKS_LIST_SESSIONS, of_kind(OKS_PROJECT, "-c", NULL)));
    ck_assert_str_eq(names(OKS_LIST_SUBAGENTS, of_kind(OKS_SESSION, "session-2", NULL)), "agent-x");
    ck_assert_str_eq(names(OKS_LIST_SUBAGENTS, of_kind(OKS_SESSION, "session-1", NULL)), "");
    ck_assert_str_eq(names(OKS_LIST_TEAMS, of_kind(OKS_SESSION, "session-2", NULL)), "Crew");
    ck_assert_str_eq(names(OKS_LIST_PROJECTS, of_kind(OKS_SESSION, "session-2", NULL)), "-a");
    ck_assert_str_eq(names(OKS_LIST_DAYS, of_kind(OKS_SESSION, "session-1", NULL)), "2026-06-10 2026-06-12");
    ck_assert_ptr_null(names(OKS_LIST_MEMBERS, of_kind(OKS_SESSION, "session-1", NULL)));
    ck_assert_ptr_null(names(OKS_LIST_DAYS, of_kind(OKS_SESSION, "nobody", NULL)));
    ck_assert_str_eq(names(OKS_LIST_MEMBERS, of_kind(OKS_TEAM, "CREW", NULL)), "lead scout-worker");
    ck_assert_str_eq(names(OKS_LIST_SESSIONS, of_kind(OKS_TEAM, "crew", NULL)), "session-1 session-2");
    ck_assert_str_eq(names(OKS_LIST_DAYS, of_kind(OKS_MEMBER, "crew", "scout-worker")), "2026-06-11");
    ck_assert_str_eq(names(OKS_LIST_SESSIONS, of_kind(OKS_MEMBER, "crew", "lead")), "session-1");
    ck_assert_str_eq(names(OKS_LIST_RUNS, of_kind(OKS_TEAM, "crew", NULL)), "");
    ck_assert_ptr_null(names(OKS_LIST_SESSIONS, of_kind(OKS_RUN, "crew", "1")));
    ck_assert_ptr_null(names(OKS_LIST_MEMBERS, of_kind(OKS_TEAM, "nobody", NULL)));
}
END_TEST

static int has(enum oks_list what, struct oks_target of, const char *name)
{
    return names_has(&model, what, &of, name);
}

START_TEST(a_name_is_in_its_list)
{
    struct oks_target crew = of_kind(OKS_TEAM, "crew", NULL), lead = of_kind(OKS_MEMBER, "crew", "lead"),
                      scout = of_kind(OKS_MEMBER, "crew", "scout-worker"),
                      project = of_kind(OKS_PROJECT, "-a", NULL),
                      first = of_kind(OKS_SESSION, "session-1", NULL),
                      second = of_kind(OKS_SESSION, "session-2", NULL);

    some_sessions();
    ck_assert_int_eq(has(OKS_LIST_MEMBERS, crew, "lead"), 1);
    ck_assert_int_eq(has(OKS_LIST_MEMBERS, crew, "scout-worker"), 1);
    ck_assert_int_eq(has(OKS_LIST_MEMBERS, crew, "scout-worker-2"), 0);
    ck_assert_int_eq(has(OKS_LIST_MEMBERS, of_kind(OKS_TEAM, "nobody", NULL), "lead"), -ENOENT);
    ck_assert_int_eq(has(OKS_LIST_SESSIONS, crew, "session-2"), 1);
    ck_assert_int_eq(has(OKS_LIST_SESSIONS, crew, "agent-x"), 0);
    ck_assert_int_eq(has(OKS_LIST_SESSIONS, crew, "nobody"), 0);
    ck_assert_int_eq(has(OKS_LIST_SESSIONS, lead, "session-1"), 1);
    ck_assert_int_eq(has(OKS_LIST_SESSIONS, lead, "session-2"), 0);
    ck_assert_int_eq(has(OKS_LIST_SESSIONS, scout, "session-2"), 1);
    ck_assert_int_eq(has(OKS_LIST_RUNS, crew, "1"), 0);
    ck_assert_int_eq(has(OKS_LIST_SUBAGENTS, second, "agent-x"), 1);
    ck_assert_int_eq(has(OKS_LIST_SUBAGENTS, second, "session-1"), 0);
    ck_assert_int_eq(has(OKS_LIST_SUBAGENTS, first, "agent-x"), 0);
    ck_assert_int_eq(has(OKS_LIST_SESSIONS, project, "session-1"), 1);
    ck_assert_int_eq(has(OKS_LIST_SESSIONS, project, "agent-x"), 0);
    ck_assert_int_eq(has(OKS_LIST_DAYS, project, "2026-06-10"), 1);
    ck_assert_int_eq(has(OKS_LIST_DAYS, project, "2026-06-13"), 0);
}
END_TEST

START_TEST(members_follow_every_change)
{
    struct oks_target crew = of_kind(OKS_TEAM, "crew", NULL);

    some_sessions();
    ck_assert_str_eq(names(OKS_LIST_MEMBERS, crew), "lead scout-worker");
    made[3] = made_at("-a/session-3.jsonl");
    made_says(&made[3], SAYS({.id = "m5", .team = "crew", .agent = "guide", .output = 1}));
    ck_assert_str_eq(names(OKS_LIST_MEMBERS, crew), "guide lead scout-worker");
    ck_assert_int_eq(has(OKS_LIST_MEMBERS, crew, "guide"), 1);
    ck_assert_str_eq(names(OKS_LIST_SESSIONS, of_kind(OKS_MEMBER, "crew", "guide")), "session-3");
}
END_TEST

static int refuse(void *ctx, const char *name)
{
    return ++*(int *)ctx == 2 ? 7 : 0;
}

START_TEST(a_listing_may_be_ended)
{
    int n = 0;

    some_sessions();
    ck_assert_int_eq(names_list(&model, OKS_LIST_SESSIONS, &all, refuse, &n), 7);
    ck_assert_int_eq(n, 2);
}
END_TEST

static void resolves(enum oks_kind kind, const char *name, int rc, const char *want)
{
    char canonical[256] = "";

    ck_assert_int_eq(names_resolve(&model, kind, name, canonical), rc);
    ck_assert_str_eq(canonical, want);
}

START_TEST(other_spellings_are_resolved)
{
    some_sessions();
    resolves(OKS_SESSION, "session-1", 0, "session-1");
    resolves(OKS_SESSION, "session", -ENOENT, ""); /* of two */
    resolves(OKS_SESSION, "session-", -ENOENT, "");
    resolves(OKS_SESSION, "agent-", 1, "agent-x");
    resolves(OKS_SESSION, "agent", -ENOENT, ""); /* too short */
    resolves(OKS_SESSION, "nobody", -ENOENT, "");
    resolves(OKS_TEAM, "CREW", 1, "Crew");
    resolves(OKS_TEAM, "Crew", 0, "Crew");
    resolves(OKS_TEAM, "nobody", -ENOENT, "");
    resolves(OKS_PROJECT, "-a", 0, "-a");
    resolves(OKS_PROJECT, "-A", -ENOENT, "");
    resolves(OKS_ALL, "x", -ENOENT, "");
}
END_TEST

/* --- blocks, by hand --- */

#define T(hour, minute) "2026-06-10T" hour ":" minute ":00.000Z"

START_TEST(blocks_have_gaps_and_rates)
{
    json_object *o;
    oks_money cost;

    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0], SAYS({.id = "m1", .at = T("01", "10"), .input = 100},
                             {.id = "m2", .at = T("02", "10"), .input = 20, .reads = 7},
                             {.id = "m3", .at = T("09", "30"), .input = 300, .created = 30},
                             {.id = "m4", .at = T("10", "30"), .output = 300}));
    o = DOCUMENT(document_stats(&model, OKS_STATS_BLOCKS, NULL, ms(T("11", "00")), &document));
    ck_assert_uint_eq(json_object_array_length(member_of(o, "rows")), 3);
    ck_assert_str_eq(text_in(o, "rows/0/key"), T("01", "00"));
    ck_assert_str_eq(text_in(o, "rows/0/endTime"), T("06", "00"));
    ck_assert_str_eq(text_in(o, "rows/0/firstRequest"), T("01", "10"));
    ck_assert_str_eq(text_in(o, "rows/0/lastRequest"), T("02", "10"));
    ck_assert_uint_eq(number_of(o, "rows/0/totalTokens"), 120);
    ck_assert_uint_eq(number_of(o, "rows/0/durationMs"), 3600000);
    ck_assert(!json_object_get_boolean(member_of(o, "rows/0/isActive")));
    ck_assert(!has_member(member_of(o, "rows/0"), "burnRate"));
    ck_assert(json_object_get_boolean(member_of(o, "rows/1/isGap")));
    ck_assert_str_eq(text_in(o, "rows/1/key"), T("07", "10"));
    ck_assert_str_eq(text_in(o, "rows/1/endTime"), T("09", "30"));
    ck_assert_uint_eq(number_of(o, "rows/1/totalTokens"), 0);
    ck_assert_ptr_null(member_of(o, "rows/1/startedAt"));
    ck_assert(json_object_get_boolean(member_of(o, "rows/2/isActive")));
    ck_assert_uint_eq(number_of(o, "rows/2/burnRate/tokensPerMinute"), 630 / 60);
    cost = 300 * 5000000 + 30 * 6250000 + (oks_money)300 * 25000000;
    ck_assert_int_eq(money_of(o, "rows/2/billed/costUSD"), cost);
    ck_assert_int_eq(money_of(o, "rows/2/burnRate/costUSDPerHour"), cost / 3600000 * 3600000); /* cut */
    ck_assert_uint_eq(number_of(o, "rows/2/projection/remainingMinutes"), 180);
    ck_assert_uint_eq(number_of(o, "rows/2/projection/totalTokens"), 630 * 4);
    ck_assert_int_eq(money_of(o, "rows/2/projection/costUSD"), 4 * money_of(o, "rows/2/billed/costUSD"));
    json_object_put(o);
    /* A window leaves its requests; one alone has no rate. */
    strcpy(window.since, T("10", "00"));
    o = DOCUMENT(document_stats(&model, OKS_STATS_BLOCKS, &window, ms(T("11", "00")), &document));
    ck_assert_uint_eq(json_object_array_length(member_of(o, "rows")), 1);
    ck_assert_str_eq(text_in(o, "rows/0/key"), T("10", "00"));
    ck_assert_ptr_null(member_of(o, "rows/0/burnRate"));
    ck_assert_ptr_null(member_of(o, "rows/0/projection"));
    json_object_put(o);
}
END_TEST

/* What has no time is in no row, and makes up the rest. */
START_TEST(rows_and_the_rest_are_the_total)
{
    json_object *o;

    made[0] = made_at("-a/s1.jsonl");
    made_says(&made[0],
              SAYS({.id = "m1", .at = T("01", "10"), .input = 100}, {.id = "m2", .input = 7, .tools = 2}));
    o = stats(OKS_STATS_BY_DAY, NULL);
    ck_assert_uint_eq(json_object_array_length(member_of(o, "rows")), 2);
    ck_assert_str_eq(text_in(o, "rows/1/key"), "unknown");
    ck_assert_uint_eq(number_of(o, "rows/1/inputTokens"), 7);
    ck_assert_uint_eq(number_of(o, "rows/1/toolUses"), 2);
    ck_assert_uint_eq(number_of(o, "rows/1/billed/requests"), 1);
    ck_assert_uint_eq(number_of(o, "total/inputTokens"), 107);
    json_object_put(o);
    o = stats(OKS_STATS_BLOCKS, NULL);
    ck_assert_str_eq(text_in(o, "rows/1/key"), "outside");
    ck_assert_uint_eq(number_of(o, "rows/1/inputTokens"), 7);
    json_object_put(o);
    made_says_instead(&made[0], SAYS({.id = "m1", .at = T("01", "10"), .input = 100}));
    o = stats(OKS_STATS_BY_HOUR, NULL);
    ck_assert_uint_eq(json_object_array_length(member_of(o, "rows")), 1);
    ck_assert_str_eq(text_in(o, "rows/0/key"), "2026-06-10T01:00Z");
    json_object_put(o);
}
END_TEST

/* --- what is not known --- */

START_TEST(unknown_is_not_nothing)
{
    const char *rel = "2026/06/10/rollout-2026-06-10T01-00-00-one.jsonl";
    struct oks_target one = of_kind(OKS_SESSION, "one", NULL), project = of_kind(OKS_PROJECT, "-w", NULL);
    json_object *o;

    made[0] = made_of(&oks_source_codex, rel);
    made_gains(&made[0], "{\"timestamp\":\"2026-06-10T01:00:00.000Z\",\"type\":\"session_meta\",\"payload\":"
                         "{\"id\":\"one\",\"cwd\":\"/w\",\"cli_version\":\"0.146.0\"}}\n");
    o = DOCUMENT(document_usage(&model, &one, NULL, &document));
    ck_assert_str_eq(text_in(o, "usage"), "unknown");
    ck_assert_ptr_null(member_of(o, "billed"));
    ck_assert_ptr_null(member_of(o, "totalTokens"));
    ck_assert_str_eq(text_in(o, "source"), "codex");
    ck_assert(!json_object_get_boolean(member_of(o, "retained")));
    json_object_put(o);
    o = DOCUMENT(document_usage(&model, &project, NULL, &document));
    ck_assert_uint_eq(number_of(o, "unknownSessions"), 1);
    json_object_put(o);
    oks_document_clear(&document);
    ck_assert_int_eq(document_total_tokens(&model, &one, NULL, &document), 0);
    ck_assert_str_eq(document.bytes, "unknown\n");
    oks_document_clear(&document);
    ck_assert_int_eq(document_cost(&model, &one, NULL, &document), 0);
    ck_assert_str_eq(document.bytes, "unknown\n");
    ck_assert_int_eq(document.mtime_ns, made[0].t->mark.mtime_ns);
    made[0].t->retained = true;
    o = DOCUMENT(document_usage(&model, &one, NULL, &document));
    ck_assert(json_object_get_boolean(member_of(o, "retained")));
    json_object_put(o);
    made[0].t->retained = false;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("documents");
    TCase *tcase;

#define DOCUMENT_TEST(function)                                            \
    tcase = tcase_create(#function);                                       \
    tcase_set_timeout(tcase, 120);                                         \
    tcase_add_checked_fixture(tcase, documents_setup, documents_teardown); \
    tcase_add_test(tcase, function);                                       \
    suite_add_tcase(suite, tcase)

    DOCUMENT_TEST(documents_say_what_the_lines_say);
    DOCUMENT_TEST(names_are_listed_in_order);
    DOCUMENT_TEST(a_name_is_in_its_list);
    DOCUMENT_TEST(members_follow_every_change);
    DOCUMENT_TEST(a_listing_may_be_ended);
    DOCUMENT_TEST(other_spellings_are_resolved);
    DOCUMENT_TEST(blocks_have_gaps_and_rates);
    DOCUMENT_TEST(rows_and_the_rest_are_the_total);
    DOCUMENT_TEST(unknown_is_not_nothing);
    return tap_run(suite);
}
