/* What Codex says beside its counts: the limits of the plan, and the branch of git. */
#include "engine_home.h"

static struct oks_engine *engine;

static void start(void)
{
    char *home = text_of("%s/okstra", scratch);
    const char *codex[] = {text_of("%s/codex", scratch), NULL};
    struct oks_config config = {.okstra_home = home, .dirs[OKS_SOURCE_CODEX] = codex};

    if (engine)
        engine_close(engine);
    ck_assert_int_eq(oks_engine_new(&engine, &config), 0);
}

static void teardown(void)
{
    engine_close(engine);
    engine = NULL;
    scratch_teardown();
}

#define CODEX "codex/sessions/2026/06/10/rollout-2026-06-10T01-00-00-"

#define A            "019ead00-0000-7000-8000-00000000000a"
#define B            "019ead00-0000-7000-8000-00000000000b"
#define TIME(minute) "2026-06-10T01:" minute ":00.000Z"

static char *meta(const char *id, const char *more)
{
    return text_of("{\"timestamp\":\"" TIME("00") "\",\"type\":\"session_meta\",\"payload\":{\"id\":\"%s\","
                                                  "\"cwd\":\"/w/x\"%s}}\n",
                   id, more);
}

/* A count without counts. `limits` in single quotes. */
static char *limits_line(const char *stamp, const char *limits)
{
    char *line = text_of("{\"timestamp\":\"%s\",\"type\":\"event_msg\",\"payload\":{\"type\":\"token_count\","
                         "\"info\":null,\"rate_limits\":%s}}\n",
                         stamp, limits);

    for (char *p = line; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    return line;
}

static char *count_line(const char *stamp, int total, int last)
{
    return text_of(
        "{\"timestamp\":\"%s\",\"type\":\"event_msg\",\"payload\":{\"type\":\"token_count\",\"info\":"
        "{\"total_token_usage\":{\"input_tokens\":%d},\"last_token_usage\":{\"input_tokens\":%d}},"
        "\"rate_limits\":{\"primary\":{\"used_percent\":%d.75}}}}\n",
        stamp, total, last, last);
}

static json_object *limits(int64_t now_ms)
{
    struct oks_document document;

    sync_target(engine, (struct oks_target){.kind = OKS_ALL}, false);
    ck_assert_int_eq(oks_document_limits(engine, OKS_SOURCE_CODEX, now_ms, &document), 0);
    return parsed(kept(document.bytes));
}

/* The limits in one line each: "id asOf plan primary secondary;", a window as used/minutes/resetsAt. */
static const char *shown(void)
{
    json_object *all = member_at(limits(0), "limits");
    char *text = text_of("%s", "");

    for (size_t i = 0; i < json_object_array_length(all); i++) {
        json_object *row = json_object_array_get_idx(all, i);

        text = text_of("%s%s %s %s", text, string(row, "limitId"), string(row, "asOf"),
                       string(row, "planType") ? string(row, "planType") : "-");
        for (int k = 0; k < 2; k++) {
            json_object *w = member_at(row, k ? "secondary" : "primary");

            text = w ? text_of("%s %s/%s/%s", text, string(w, "usedPercent"), string(w, "windowMinutes"),
                               string(w, "resetsAt"))
                     : text_of("%s -", text);
        }
        text = text_of("%s;", text);
    }
    return text;
}

START_TEST(the_newest_line_of_all_rollouts_holds)
{
    start();
    ck_assert_str_eq(shown(), "");
    put_file(
        CODEX A ".jsonl",
        text_of("%s%s", meta(A, ""),
                limits_line(TIME("10"), "{'limit_id':'codex','plan_type':'plus','primary':{'used_percent':"
                                        "12.345,'window_minutes':300,'resets_at':1781053200},"
                                        "'secondary':null}")));
    put_file(CODEX B ".jsonl",
             text_of("%s%s%s", meta(B, ""),
                     limits_line(TIME("05"), "{'limit_id':'codex','primary':{'used_percent':3.0}}"),
                     limits_line(TIME("06"), "{'limit_id':'other','primary':{'used_percent':100},"
                                             "'secondary':{'used_percent':7,'resets_in_seconds':60}}")));
    for (int pass = 0; pass < 2; pass++) {
        ck_assert_str_eq(shown(), "codex 2026-06-10T01:10:00.000Z plus "
                                  "12.34/300/2026-06-10T01:00:00.000Z -;"
                                  "other 2026-06-10T01:06:00.000Z - 100/(null)/(null) "
                                  "7/(null)/2026-06-10T01:07:00.000Z;");
        start();
    }
    append_file(CODEX B ".jsonl", limits_line(TIME("20"), "{'primary':{'used_percent':14}}"));
    append_file(CODEX B ".jsonl", limits_line(TIME("21"), "null"));
    append_file(CODEX B ".jsonl", limits_line("nonsense", "{'primary':{'used_percent':99}}"));
    for (int pass = 0; pass < 3; pass++) { /* at once, after a start, and when the file is gone */
        ck_assert_str_eq(shown(), "codex 2026-06-10T01:20:00.000Z - 14/(null)/(null) -;"
                                  "other 2026-06-10T01:06:00.000Z - 100/(null)/(null) "
                                  "7/(null)/2026-06-10T01:07:00.000Z;");
        if (pass == 1)
            ck_assert_int_eq(unlink(at(CODEX B ".jsonl")), 0);
        start();
    }
}
END_TEST

static struct oks_engine *opened_without_caches(void)
{
    char *home = text_of("%s/okstra", scratch);
    const char *codex[] = {text_of("%s/codex", scratch), NULL};
    struct oks_config config = {.okstra_home = home, .dirs[OKS_SOURCE_CODEX] = codex, .no_cache = true};
    struct oks_engine *opened;

    ck_assert_int_eq(oks_engine_new(&opened, &config), 0);
    return opened;
}

static const char *rollout(unsigned i)
{
    return text_of(CODEX "019ead00-0000-7000-8000-%012u.jsonl", i);
}

static const char *random_limit(void)
{
    return limits_line(text_of("2026-06-10T01:%02d:00.000Z", 10 + rand() % 50),
                       text_of("{'limit_id':'l%d','primary':{'used_percent':%d}}", rand() % 3, rand() % 100));
}

/* Lines come in any order of time, are lost, and leave with their files. */
START_TEST(what_is_kept_of_limits_is_what_a_new_engine_finds)
{
    struct oks_engine *goes_on = opened_without_caches();

    srand(5);
    for (int step = 0; step < 150; step++) {
        unsigned i = 1 + (unsigned)rand() % 5;
        const char *was, *path = rollout(i);

        if (access(at(path), F_OK) != 0 || rand() % 8 == 0)
            put_file(path,
                     text_of("%s%s", meta(text_of("019ead00-0000-7000-8000-%012u", i), ""), random_limit()));
        else if (rand() % 6 == 0)
            ck_assert_int_eq(unlink(at(path)), 0);
        else
            append_file(path, random_limit());
        engine = goes_on;
        was = shown();
        engine = opened_without_caches();
        ck_assert_str_eq(was, shown());
        engine_close(engine);
    }
    engine = goes_on;
}
END_TEST

START_TEST(a_window_is_over_when_it_was_reset)
{
    json_object *o;

    put_file(CODEX A ".jsonl",
             text_of("%s%s", meta(A, ""),
                     limits_line(TIME("10"), "{'primary':{'used_percent':1,'resets_at':1781053200}}")));
    start();
    o = limits(INT64_C(1781053199999));
    ck_assert(!json_object_get_boolean(member_at(o, "limits/0/primary/over")));
    o = limits(INT64_C(1781053200000));
    ck_assert(json_object_get_boolean(member_at(o, "limits/0/primary/over")));
}
END_TEST

START_TEST(what_is_no_percentage_is_not_shown)
{
    static const char *const none[] = {"-1", "'5'", "1e2", "NaN", "99999999", "true", "null", "{}", "[3]"};

    put_file(CODEX A ".jsonl", meta(A, ""));
    start();
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        append_file(CODEX A ".jsonl",
                    limits_line(text_of("2026-06-10T01:%02zu:00.000Z", i),
                                text_of("{'limit_id':'l%zu','primary':{'used_percent':%s}}", i, none[i])));
        ck_assert_msg(!strstr(shown(), "/"), "%s: %s", none[i], shown());
    }
}
END_TEST

/* A fork repeats the lines of another rollout with the time of the copy. */
START_TEST(copied_lines_are_no_news)
{
    put_file(CODEX A ".jsonl", text_of("%s%s%s", meta(A, ""), count_line(TIME("10"), 100, 100),
                                       count_line(TIME("20"), 130, 30)));
    put_file(CODEX B ".jsonl", text_of("%s%s%s%s", meta(B, ",\"forked_from_id\":\"" A "\""), meta(A, ""),
                                       count_line(TIME("40"), 100, 100), count_line(TIME("40"), 130, 30)));
    start();
    ck_assert_str_eq(shown(), "codex 2026-06-10T01:20:00.000Z - 30.75/(null)/(null) -;");
    append_file(CODEX B ".jsonl", count_line(TIME("41"), 135, 5));
    ck_assert_str_eq(shown(), "codex 2026-06-10T01:41:00.000Z - 5.75/(null)/(null) -;");
}
END_TEST

START_TEST(a_context_names_the_branch)
{
    struct oks_document document;
    const struct oks_target a = session(A), b = session(B);

    put_file(CODEX A ".jsonl", meta(A, ",\"git\":{\"commit_hash\":\"0\",\"branch\":\"topic/x\"}"));
    put_file(CODEX B ".jsonl", meta(B, ""));
    for (int pass = 0; pass < 2; pass++) {
        start();
        sync_target(engine, a, false);
        ck_assert_int_eq(oks_document_context(engine, &a, &document), 0);
        ck_assert_str_eq(string(parsed(kept(document.bytes)), "gitBranch"), "topic/x");
        ck_assert_int_eq(oks_document_context(engine, &b, &document), 0);
        ck_assert_ptr_null(string(parsed(kept(document.bytes)), "gitBranch"));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");

    FIXTURE_TEST(suite, the_newest_line_of_all_rollouts_holds, scratch_setup, teardown, 60);
    FIXTURE_TEST(suite, a_window_is_over_when_it_was_reset, scratch_setup, teardown, 60);
    FIXTURE_TEST(suite, what_is_kept_of_limits_is_what_a_new_engine_finds, scratch_setup, teardown, 60);
    FIXTURE_TEST(suite, what_is_no_percentage_is_not_shown, scratch_setup, teardown, 60);
    FIXTURE_TEST(suite, copied_lines_are_no_news, scratch_setup, teardown, 60);
    FIXTURE_TEST(suite, a_context_names_the_branch, scratch_setup, teardown, 60);
    return tap_run(suite);
}
