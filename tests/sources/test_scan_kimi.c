/*
 * Kimi's wire files: that each request counts once, in whichever of its lines, and what files and paths say.
 */
#include <sys/stat.h>

#include "source_feed.h"

#define ABOUT_MAIN "about s1/agents/main - - - - /srv/shop 0\n"
#define ABOUT_SUB  "about s1/agents/agent-0 - agent-0 - - /srv/shop 1\n"
#define ABOUT_OLD  "about s2 - - kimi-x - /srv/shop 0\n"
#define ALIAS      "vendor/kimi-k2"
#define MODEL      "kimi-k2"
#define SHOP_MD5   "35fcd764641fb949dcf7e649a93ed9ad" /* of /srv/shop */

/* other input, output, read, written */
struct tokens {
    unsigned n[4];
};

static void put_start(struct lines *to)
{
    put(to, "{\"type\":\"metadata\",\"protocol_version\":\"1.4\",\"created_at\":1785600000000}");
    put(to,
        "{\"type\":\"config.update\",\"modelAlias\":\"%s\",\"thinkingEffort\":\"on\",\"profileName\":"
        "\"explore\",\"systemPrompt\":\"a \\\"b\\\"\",\"time\":1785600000001}",
        ALIAS);
    put(to,
        "{\"type\":\"llm.request\",\"kind\":\"loop\",\"model\":\"%s\",\"modelAlias\":\"%s\",\"time\":"
        "1785600000002}",
        MODEL, ALIAS);
}

static void put_step_begin(struct lines *to)
{
    put(to,
        "{\"type\":\"context.append_loop_event\",\"event\":{\"type\":\"step.begin\",\"uuid\":\"u\"},\"time\":"
        "1785600000003}");
}

static void put_step(struct lines *to, unsigned ms, struct tokens t)
{
    put(to,
        "{\"type\":\"context.append_loop_event\",\"event\":{\"type\":\"step.end\",\"uuid\":\"u\",\"usage\":{"
        "\"inputOther\":%u,\"output\":%u,\"inputCacheRead\":%u,\"inputCacheCreation\":%u}},\"time\":"
        "17856000010%02u}",
        t.n[0], t.n[1], t.n[2], t.n[3], ms);
}

static void put_record(struct lines *to, unsigned ms, struct tokens t, const char *scope)
{
    put(to,
        "{\"type\":\"usage.record\",\"model\":\"%s\",\"usage\":{\"inputOther\":%u,\"output\":%u,"
        "\"inputCacheRead\":"
        "%u,\"inputCacheCreation\":%u},\"usageScope\":\"%s\",\"time\":17856000010%02u}",
        ALIAS, t.n[0], t.n[1], t.n[2], t.n[3], scope, ms);
}

static void put_call(struct lines *to, const char *name)
{
    put(to,
        "{\"type\":\"context.append_loop_event\",\"event\":{\"type\":\"tool.call\",\"toolCallId\":\"c\","
        "\"name\":\"%s\","
        "\"args\":{\"name\":\"no\"}},\"time\":1785600000004}",
        name);
}

static void put_status(struct lines *to, const char *id, struct tokens t)
{
    put(to,
        "{\"timestamp\":1776200054.5,\"message\":{\"type\":\"StatusUpdate\",\"payload\":{\"context_usage\":0."
        "1,"
        "\"token_usage\":{\"input_other\":%u,\"output\":%u,\"input_cache_read\":%u,\"input_cache_creation\":%"
        "u}%s%s%s}}}",
        t.n[0], t.n[1], t.n[2], t.n[3], id ? ",\"message_id\":\"" : "", id ? id : "", id ? "\"" : "");
}

static void says(const struct lines *lines, const char *about, const char *want, size_t requests)
{
    EACH_ISA(scanner)
    {
        struct feed feed = {.source = OKS_SOURCE_KIMI, .scanner = scanner, .peers = about};

        feed_to(&feed, lines->bytes, lines->len);
        ck_assert_str_eq(feed_counts(&feed), want);
        ck_assert_uint_eq(feed.told.n_requests, requests);
        feed_forget(&feed);
    }
}

/* --- Kimi Code --- */

START_TEST(a_step_and_its_record_are_one_request)
{
    struct lines l = {0};
    struct feed feed = feed_new(OKS_SOURCE_KIMI, OKS_ISA_AUTO, ABOUT_MAIN);

    put_start(&l);
    put_step(&l, 10, (struct tokens){{100, 10, 60, 7}});
    put_record(&l, 12, (struct tokens){{100, 10, 60, 7}}, "turn");
    says(&l, ABOUT_MAIN, "i=100 o=10 w=7 r=60 u=0", 1);
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed.told.requests[0].model, MODEL);
    ck_assert_str_eq(feed.told.requests[0].stamp, "2026-08-01T16:00:01.012Z"); /* the record's */
    ck_assert_str_eq(feed.told.cwd, "/srv/shop");
    ck_assert_str_eq(feed.told.agent, ""); /* the conversation itself has no name */
    feed_free(&feed);
}
END_TEST

START_TEST(a_step_without_a_record_counts_itself)
{
    struct lines l = {0};

    put_start(&l);
    put_step(&l, 10, (struct tokens){{100, 10, 60, 0}});
    put_step_begin(&l);
    put_step(&l, 20, (struct tokens){{5, 1, 0, 0}});
    put_record(&l, 20, (struct tokens){{5, 1, 0, 0}}, "turn");
    says(&l, ABOUT_MAIN, "i=105 o=11 w=0 r=60 u=0", 2);
}
END_TEST

START_TEST(equal_numbers_of_two_steps_are_two_requests)
{
    struct lines l = {0};

    put_start(&l);
    for (unsigned i = 0; i < 2; i++) {
        put_step_begin(&l);
        put_step(&l, 10 + i, (struct tokens){{100, 10, 60, 0}});
        put_record(&l, 10 + i, (struct tokens){{100, 10, 60, 0}}, "turn");
    }
    put_step_begin(&l);
    put_step(&l, 12, (struct tokens){{100, 10, 60, 0}}); /* no record */
    says(&l, ABOUT_MAIN, "i=300 o=30 w=0 r=180 u=0", 3);
}
END_TEST

START_TEST(the_record_may_come_first)
{
    struct lines l = {0};

    put_start(&l);
    put_record(&l, 10, (struct tokens){{100, 10, 60, 0}}, "turn");
    put_step(&l, 11, (struct tokens){{100, 10, 60, 0}});
    says(&l, ABOUT_MAIN, "i=100 o=10 w=0 r=60 u=0", 1);
    put_record(&l, 12, (struct tokens){{5, 1, 0, 0}}, "turn"); /* of a step whose end is missing */
    put_step_begin(&l);
    put_step(&l, 13, (struct tokens){{5, 1, 0, 0}});
    says(&l, ABOUT_MAIN, "i=110 o=12 w=0 r=60 u=0", 3);
}
END_TEST

START_TEST(a_compaction_is_billed)
{
    struct lines l = {0};

    put_start(&l);
    put(&l, "{\"type\":\"full_compaction.begin\",\"source\":\"manual\",\"time\":1785600000500}");
    put_record(&l, 10, (struct tokens){{1411, 937, 40960, 0}}, "session");
    put(&l, "{\"type\":\"context.apply_compaction\",\"summary\":\"s\",\"tokensBefore\":15912,\"time\":"
            "1785600001100}");
    says(&l, ABOUT_MAIN, "i=1411 o=937 w=0 r=40960 u=0", 1);
    EACH_ISA(scanner)
    {
        struct oks_scan_result result;
        char *text;

        ck_assert_int_eq(source_scanner_set(scanner, OKS_SOURCE_KIMI, "", ""), 0);
        text = text_of(scanner, l.bytes, l.len, &result);
        ck_assert_ptr_nonnull(strstr(text, "trigger=<manual> pre=15912"));
        free(text);
    }
}
END_TEST

START_TEST(failed_requests_cost_nothing)
{
    struct lines l = {0};

    put_start(&l);
    put_step_begin(&l);
    put_start(&l);
    put(&l, "{\"type\":\"turn.cancel\",\"time\":1785600000500}");
    put(&l,
        "{\"type\":\"context.append_loop_event\",\"event\":{\"type\":\"step.end\"},\"time\":1785600000600}");
    says(&l, ABOUT_MAIN, "i=0 o=0 w=0 r=0 u=0", 0);
}
END_TEST

START_TEST(an_alias_without_a_request_is_the_model)
{
    struct feed feed = feed_new(OKS_SOURCE_KIMI, OKS_ISA_AUTO, ABOUT_MAIN);
    struct lines l = {0};

    put_record(&l, 10, (struct tokens){{1, 1, 1, 1}}, "turn");
    put_step(&l, 11, (struct tokens){{2, 2, 2, 2}});
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed.told.requests[0].model, ALIAS);
    ck_assert_str_eq(feed.told.requests[1].model, "");
    feed_free(&feed);
}
END_TEST

START_TEST(calls_count_once_and_belong_to_their_request)
{
    struct lines l = {0};

    put_start(&l);
    put_call(&l, "Glob");
    put_call(&l, "Bash");
    put_step(&l, 10, (struct tokens){{100, 10, 60, 0}});
    put_record(&l, 10, (struct tokens){{100, 10, 60, 0}}, "turn");
    says(&l, ABOUT_MAIN, "i=100 o=10 w=0 r=60 u=2", 1);
}
END_TEST

/* Two agents of one session may use the same at the same time; a copy of the home has the same paths. */
START_TEST(keys_are_made_of_the_path)
{
    struct feed main = feed_new(OKS_SOURCE_KIMI, OKS_ISA_AUTO, ABOUT_MAIN);
    struct feed copy = feed_new(OKS_SOURCE_KIMI, OKS_ISA_AUTO, ABOUT_MAIN);
    struct feed sub = feed_new(OKS_SOURCE_KIMI, OKS_ISA_AUTO, ABOUT_SUB);
    struct lines l = {0};

    put_start(&l);
    put_record(&l, 10, (struct tokens){{100, 10, 60, 7}}, "turn");
    feed_to(&main, l.bytes, l.len);
    feed_to(&copy, l.bytes, l.len);
    feed_to(&sub, l.bytes, l.len);
    ck_assert_str_eq(main.told.requests[0].id, copy.told.requests[0].id);
    ck_assert_str_ne(main.told.requests[0].id, sub.told.requests[0].id);
    ck_assert(sub.told.side && !main.told.side);
    ck_assert_str_eq(sub.told.agent, "explore");
    feed_free(&main);
    feed_free(&copy);
    feed_free(&sub);
}
END_TEST

START_TEST(values_that_are_no_counts_are_told)
{
    struct feed feed = feed_new(OKS_SOURCE_KIMI, OKS_ISA_AUTO, ABOUT_MAIN);
    struct lines l = {0};

    put(&l, "{\"type\":\"usage.record\",\"usage\":{\"inputOther\":\"5\",\"output\":-1,\"inputCacheRead\":"
            "null},\"time\":"
            "1785600001010}");
    put(&l, "{\"type\":\"usage.record\",\"usage\":[1],\"time\":1785600001011}");
    feed_to(&feed, l.bytes, l.len);
    ck_assert_uint_eq(feed.odd, 2);
    ck_assert_str_eq(feed_counts(&feed), "i=0 o=0 w=0 r=0 u=0");
    feed_free(&feed);
}
END_TEST

/* --- Kimi CLI --- */

START_TEST(the_greatest_of_repeated_updates_counts)
{
    struct feed feed = feed_new(OKS_SOURCE_KIMI, OKS_ISA_AUTO, ABOUT_OLD);
    struct lines l = {0};

    put(&l, "{\"timestamp\":1776200052.25,\"message\":{\"type\":\"TurnBegin\",\"payload\":{\"user_input\":"
            "\"u\"}}}");
    put_status(&l, "m1", (struct tokens){{100, 10, 60, 7}});
    put_status(&l, "m1", (struct tokens){{100, 10, 60, 7}});
    put_status(&l, "m1", (struct tokens){{100, 30, 60, 7}});
    put_status(&l, "m1", (struct tokens){{100, 20, 60, 7}});
    put_status(&l, "m2", (struct tokens){{1, 1, 1, 1}});
    put(&l, "{\"timestamp\":1776200055.5,\"message\":{\"type\":\"StatusUpdate\",\"payload\":{\"context_"
            "usage\":0.1}}}");
    says(&l, ABOUT_OLD, "i=101 o=31 w=8 r=61 u=0", 2);
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed.told.requests[1].model, "kimi-x"); /* the configured one */
    ck_assert_str_eq(feed.told.first, "2026-04-14T20:54:12.250Z");
    feed_free(&feed);
}
END_TEST

START_TEST(updates_without_an_id_are_each_their_own)
{
    struct lines l = {0};

    for (int i = 0; i < 3; i++)
        put_status(&l, NULL, (struct tokens){{5, 1, 0, 0}});
    says(&l, ABOUT_OLD, "i=15 o=3 w=0 r=0 u=0", 3);
}
END_TEST

START_TEST(calls_of_the_old_form)
{
    struct lines l = {0};

    put(&l, "{\"timestamp\":1776200052.25,\"message\":{\"type\":\"ToolCall\",\"payload\":{\"type\":"
            "\"function\",\"id\":"
            "\"c\",\"function\":{\"name\":\"Shell\",\"arguments\":\"{}\"}}}}");
    put_status(&l, "m1", (struct tokens){{5, 1, 0, 0}});
    says(&l, ABOUT_OLD, "i=5 o=1 w=0 r=0 u=1", 1);
}
END_TEST

START_TEST(calls_and_their_results)
{
    struct lines l = {0};

    put_call(&l, "Glob");
    put(&l, "{\"type\":\"x\",\"event\":{\"type\":\"tool.result\",\"toolCallId\":\"c\",\"result\":{\"output\":"
            "\"o\"}},\"time\":1785600000005}");
    put(&l, "{\"type\":\"x\",\"event\":{\"type\":\"tool.result\",\"toolCallId\":\"d\",\"result\":{"
            "\"isError\":true}},\"time\":1785600000006}");
    put(&l, "{\"type\":\"turn.prompt\",\"time\":1785600000007}");
    put(&l, "{\"timestamp\":1776200052.25,\"message\":{\"type\":\"ToolCall\",\"payload\":{\"id\":\"e\","
            "\"function\":{\"name\":\"Shell\"}}}}");
    put(&l, "{\"timestamp\":1776200053,\"message\":{\"type\":\"ToolResult\",\"payload\":{\"tool_call_id\":"
            "\"e\",\"return_value\":{\"is_error\":false}}}}");
    put(&l, "{\"message\":{\"type\":\"ToolResult\",\"payload\":{\"tool_call_id\":\"f\"}}}");
    ck_assert_str_eq(feed_tools(OKS_SOURCE_KIMI, l.bytes, l.len),
                     "2026-08-01T16:00:00.004Z call c Glob\n"
                     "2026-08-01T16:00:00.005Z result c  ok\n"
                     "2026-08-01T16:00:00.006Z result d  failed\n"
                     "2026-08-01T16:00:00.007Z over  \n"
                     "2026-04-14T20:54:12.250Z call e Shell\n"
                     "2026-04-14T20:54:13.000Z result e  ok\n"
                     " result f \n");
}
END_TEST

START_TEST(times_that_are_none)
{
    static const char *const times[] = {"1e9", "-5", "\"1776200054\"", "99999999999999", "null"};
    struct lines l = {0};
    struct feed feed = feed_new(OKS_SOURCE_KIMI, OKS_ISA_AUTO, ABOUT_OLD);

    for (size_t i = 0; i < 5; i++)
        put(&l, "{\"timestamp\":%s,\"message\":{\"type\":\"TurnBegin\"}}", times[i]);
    put(&l, "{\"time\":18446744073709551615,\"type\":\"turn.prompt\"}");
    put(&l, "{\"time\":1.5,\"type\":\"turn.prompt\"}");
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed.told.first, "");
    feed_free(&feed);
}
END_TEST

/* --- growing --- */

START_TEST(a_growing_wire_says_what_a_whole_one_does)
{
    struct lines l = {0};

    put_start(&l);
    put_step_begin(&l);
    put_call(&l, "Glob");
    put_step(&l, 10, (struct tokens){{100, 10, 60, 7}});
    put_record(&l, 11, (struct tokens){{100, 10, 60, 7}}, "turn");
    put_record(&l, 12, (struct tokens){{4, 3, 2, 1}}, "session");
    put_step(&l, 20, (struct tokens){{8, 8, 8, 8}});
    put_status(&l, "m1", (struct tokens){{100, 10, 60, 7}});
    put_status(&l, "m1", (struct tokens){{100, 30, 60, 7}});
    put_status(&l, NULL, (struct tokens){{1, 3, 6, 7}});
    feed_every_cut(OKS_SOURCE_KIMI, l.bytes, l.len, ABOUT_MAIN);
    feed_every_cut(OKS_SOURCE_KIMI, l.bytes, l.len, NULL);
}
END_TEST

/* --- files --- */

START_TEST(which_files_are_wires)
{
    const struct source *s = &oks_source_kimi;

    ck_assert(s->wants("wd_p/session_1/agents/main/wire.jsonl") && s->wants("hash/id/wire.jsonl") &&
              s->wants("hash/id/subagents/a/wire.jsonl"));
    ck_assert(!s->wants("wire.jsonl") && !s->wants("p/wire.jsonl") && !s->wants("p/s/context.jsonl") &&
              !s->wants("p/s/agents/main/more/wire.jsonl") && !s->wants("p/s/agents/main/wire.jsonl.bak"));
    ck_assert(oks_slice_eq(s->id_of("wd_p/session_1/agents/main/wire.jsonl"), OKS_SLICE("session_1")));
    ck_assert(oks_slice_eq(s->id_of("wd_p/session_1/agents/a/wire.jsonl"), OKS_SLICE("session_1/agents/a")));
    ck_assert(oks_slice_eq(s->id_of("h/id/subagents/main/wire.jsonl"), OKS_SLICE("id/subagents/main")));
    ck_assert(oks_slice_eq(s->parent("wd_p/session_1/agents/a/wire.jsonl"), OKS_SLICE("session_1")));
    ck_assert_ptr_null(s->parent("wd_p/session_1/agents/main/wire.jsonl").ptr);
    ck_assert_ptr_null(s->parent("h/id/wire.jsonl").ptr);
    ck_assert(oks_slice_eq(s->project("wd_p/session_1/agents/main/wire.jsonl"), OKS_SLICE("wd_p")));
}
END_TEST

static char folder[] = "/tmp/okstrafs-kimi.XXXXXX";

static const char *write_file(const char *name, const char *text)
{
    static char path[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    for (char *p = path + strlen(folder) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(path, 0700);
        *p = '/';
    }
    if (text) {
        f = fopen(path, "w");
        ck_assert_ptr_nonnull(f);
        fputs(text, f);
        fclose(f);
    }
    return path;
}

static void remove_files(void)
{
    char command[600];

    snprintf(command, sizeof(command), "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static struct source_about about_of(const char *path)
{
    struct source_about about;
    char *peers;

    ck_assert_int_eq(about_peers(&oks_source_kimi, path, "", "peer\n", &peers), 0);
    ck_assert_str_eq(about_read(peers, &about), "peer\n");
    free(peers);
    return about;
}

START_TEST(what_files_beside_it_say)
{
    struct source_about about;
    const char *path;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    path = write_file("sessions/wd_p/session_1/agents/sub 1/wire.jsonl", NULL);
    about = about_of(path);
    ck_assert_str_eq(about.self.text, "session_1/agents/sub 1");
    ck_assert_str_eq(about.agent.text, "sub 1");
    ck_assert_str_eq(about.cwd, "");
    ck_assert(about.sidechain);
    write_file("sessions/wd_p/session_1/state.json", "{\"workDir\":\"/srv/a shop\",\"title\":\"secret\"}");
    about = about_of(write_file("sessions/wd_p/session_1/agents/main/wire.jsonl", NULL));
    ck_assert_str_eq(about.cwd, "/srv/a shop");
    ck_assert(!about.sidechain);
    path = "sessions/e0de5ad00fcd95be371ea744afd9689f/id/wire.jsonl"; /* of another folder */
    about = about_of(write_file(path, NULL));
    ck_assert_str_eq(about.self.text, "id");
    ck_assert_str_eq(about.model.text, "");
    write_file("kimi.json", "{\"work_dirs\":[{\"path\":\"/srv/other\"},7,{\"path\":\"/srv/shop\"}]}");
    write_file("config.toml",
               "theme = \"x\"\n  default_model = 'k \"1\"'\n[models.x]\ndefault_model = \"no\"\n");
    about = about_of(write_file(path, NULL));
    ck_assert_str_eq(about.model.text, "k \"1\"");
    ck_assert_str_eq(about.cwd, "");
    about = about_of(write_file("sessions/docker_" SHOP_MD5 "/id/wire.jsonl", NULL));
    ck_assert_str_eq(about.cwd, "/srv/shop");
    write_file("kimi.json", "{\"work_dirs\":");
    write_file("config.toml", "default_model = \"open\nmodels");
    about = about_of(write_file("sessions/" SHOP_MD5 "/id/wire.jsonl", NULL));
    ck_assert_str_eq(about.cwd, "");
    ck_assert_str_eq(about.model.text, "");
    remove_files();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("scan_kimi");

    TEST(s, a_step_and_its_record_are_one_request);
    TEST(s, a_step_without_a_record_counts_itself);
    TEST(s, equal_numbers_of_two_steps_are_two_requests);
    TEST(s, the_record_may_come_first);
    TEST(s, a_compaction_is_billed);
    TEST(s, failed_requests_cost_nothing);
    TEST(s, an_alias_without_a_request_is_the_model);
    TEST(s, calls_count_once_and_belong_to_their_request);
    TEST(s, keys_are_made_of_the_path);
    TEST(s, values_that_are_no_counts_are_told);
    TEST(s, the_greatest_of_repeated_updates_counts);
    TEST(s, updates_without_an_id_are_each_their_own);
    TEST(s, calls_of_the_old_form);
    TEST(s, calls_and_their_results);
    TEST(s, times_that_are_none);
    TEST(s, a_growing_wire_says_what_a_whole_one_does);
    TEST(s, which_files_are_wires);
    TEST(s, what_files_beside_it_say);
    return tap_run(s);
}
