/* Transcripts of several roots: whose cache entries are whose when their files are gone. */
#include "engine_home.h"

static struct oks_engine *open_two(void)
{
    char *home = text_of("%s/okstra", scratch), *one = text_of("%s/claude", scratch),
         *two = text_of("%s/second", scratch);
    const char *dirs[] = {one, two, NULL};
    struct oks_config config = {.okstra_home = home, .dirs[OKS_SOURCE_CLAUDE] = dirs};
    struct oks_engine *engine;

    ck_assert_int_eq(oks_engine_new(&engine, &config), 0);
    return engine;
}

static char *line_of(const char *id, int input)
{
    return text_of(
        "%s{\"type\":\"assistant\",\"timestamp\":\"2026-06-10T01:00:00Z\",\"message\":{\"id\":\"%s\","
        "\"model\":\"claude-opus-4-7\",\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":%d,"
        "\"output_tokens\":0}}}\n",
        padding_line(), id, input);
}

static bool is_retained(struct oks_engine *engine, const char *id)
{
    return json_object_get_boolean(member_at(usage(engine, session(id), NULL), "retained"));
}

#define SECOND "second/projects/"

START_TEST(what_is_left_belongs_to_its_root)
{
    struct oks_engine *engine;

    put_file(PROJECTS "-p/first.jsonl", line_of("m1", 1));
    put_file(SECOND "-p/other.jsonl", line_of("m2", 20));
    put_file(SECOND "-p/other/subagents/agent-x.jsonl", line_of("m3", 300));
    put_file(SECOND "-p/a%b c.jsonl", line_of("m4", 4000));
    engine = open_two();
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 4321);
    engine_close(engine);
    for (int pass = 0; pass < 2; pass++) { /* from the files, and from the caches alone */
        engine = open_two();
        ck_assert_str_eq(sessions(engine), "a%25b c agent-x first other");
        ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 4321);
        ck_assert_int_eq(is_retained(engine, "other"), pass);
        ck_assert_int_eq(is_retained(engine, "agent-x"), pass);
        ck_assert_int_eq(is_retained(engine, "a%25b c"), pass);
        ck_assert(!is_retained(engine, "first"));
        ck_assert_str_eq(names(engine, OKS_LIST_SUBAGENTS, session("other")), "agent-x");
        engine_close(engine);
        if (pass == 0)
            for (int i = 0; i < 3; i++)
                ck_assert_int_eq(
                    unlink(at(text_of(SECOND "-p/%s.jsonl", i == 0   ? "other"
                                                            : i == 1 ? "a%b c"
                                                                     : "other/subagents/agent-x"))),
                    0);
    }
    /* Back in its own folder it is the same transcript. */
    engine = open_two();
    ck_assert(is_retained(engine, "other"));
    put_file(SECOND "-p/other.jsonl", line_of("m2", 20));
    ck_assert(!is_retained(engine, "other"));
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 4321);
    engine_close(engine);
    /* Without the second root its entries are nobody's. */
    engine = engine_open((struct engine_options){0});
    ck_assert_str_eq(sessions(engine), "first");
    engine_close(engine);
}
END_TEST

#define DESKTOP "Claude/local-agent-mode-sessions"

START_TEST(claude_desktop_has_a_configuration_for_each_session)
{
    char *home = text_of("%s/okstra", scratch), *one = text_of("%s/claude", scratch),
         *desktop = text_of("%s/" DESKTOP "/", scratch);
    const char *dirs[] = {one, desktop, NULL};
    struct oks_config config = {.okstra_home = home, .dirs[OKS_SOURCE_CLAUDE] = dirs};
    struct oks_engine *engine;

    put_file(PROJECTS "-p/s.jsonl", line_of("m1", 1));
    put_file(DESKTOP "/a/w/local_1/.claude/projects/-p/d.jsonl", line_of("m2", 20));
    put_file(DESKTOP "/a/w/local_1/.claude/projects/-p/d/subagents/agent-x.jsonl", line_of("m3", 300));
    put_file(DESKTOP "/a/w/local_1/audit.jsonl", line_of("m2", 20));
    put_file(DESKTOP "/a/w/local_1/outputs/.claude/projects/-p/o.jsonl", line_of("m4", 4000));
    ck_assert_int_eq(oks_engine_new(&engine, &config), 0);
    ck_assert_str_eq(sessions(engine), "agent-x d s");
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 321);
    ck_assert_str_eq(names(engine, OKS_LIST_SUBAGENTS, session("d")), "agent-x");
    put_file(DESKTOP "/a/w/local_2/.claude/projects/-q/e.jsonl", line_of("m5", 50000));
    ck_assert_str_eq(sessions(engine), "agent-x d e s");
    engine_close(engine);
    ck_assert_int_eq(oks_engine_new(&engine, &config), 0);
    ck_assert_int_eq(input_tokens(engine, project("-q"), NULL), 50000);
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 321);
    ck_assert_int_eq(bytes_scanned(engine), 0);
    engine_close(engine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("roots");

    SCRATCH_TEST(suite, what_is_left_belongs_to_its_root);
    SCRATCH_TEST(suite, claude_desktop_has_a_configuration_for_each_session);
    return tap_run(suite);
}
