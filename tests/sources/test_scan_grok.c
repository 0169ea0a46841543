/*
 * Grok Build's updates: that the last line of a prompt counts, by model, and what files and paths say.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "source_feed.h"

#include "scan/request.h"

#define ABOUT "about s1 - - grok-x main /srv/shop 0\n"
#define SUB   "about s2 s1 explorer grok-x - /srv/shop 1\n"

static void put_update(struct lines *to, unsigned second, const char *update)
{
    put(to,
        "{\"timestamp\":17846000%02u,\"method\":\"session/"
        "update\",\"params\":{\"sessionId\":\"s\",\"update\":%s}}",
        second, update);
}

/* input, output, read, written */
struct tokens {
    const char *model;
    unsigned n[4];
};

static char *usage(struct tokens t)
{
    char *text = feed_text_room();

    sprintf(text,
            "{\"inputTokens\":%u,\"outputTokens\":%u,\"cachedReadTokens\":%u,\"cacheCreationTokens\":%u,"
            "\"reasoningTokens\":1,"
            "\"costUsdTicks\":12}",
            t.n[0], t.n[1], t.n[2], t.n[3]);
    return text;
}

static void put_turn(struct lines *to, unsigned second, const char *prompt, const struct tokens *models,
                     size_t n)
{
    char text[2048], *p = text;

    p += sprintf(p, "{\"sessionUpdate\":\"turn_completed\",\"prompt_id\":\"%s\",\"usage\":", prompt);
    if (!models[0].model) {
        p += sprintf(p, "%s", usage(models[0]));
    } else {
        p += sprintf(p, "{\"modelUsage\":{");
        for (size_t i = 0; i < n; i++)
            p += sprintf(p, "%s\"%s\":%s", i ? "," : "", models[i].model, usage(models[i]));
        p += sprintf(p, "}}");
    }
    sprintf(p, "}");
    put_update(to, second, text);
}

#define TURN(to, second, prompt, ...)                            \
    put_turn(to, second, prompt, (struct tokens[]){__VA_ARGS__}, \
             sizeof((struct tokens[]){__VA_ARGS__}) / sizeof(struct tokens))

static void says(const struct lines *lines, const char *want, size_t requests)
{
    EACH_ISA(scanner)
    {
        struct feed feed = {.source = OKS_SOURCE_GROK, .scanner = scanner, .peers = ABOUT};

        feed_to(&feed, lines->bytes, lines->len);
        ck_assert_str_eq(feed_counts(&feed), want);
        ck_assert_uint_eq(feed.told.n_requests, requests);
        feed_forget(&feed);
    }
}

START_TEST(cached_tokens_are_parts_of_the_input)
{
    struct feed feed = feed_new(OKS_SOURCE_GROK, OKS_ISA_AUTO, ABOUT);
    struct lines l = {0};

    TURN(&l, 10, "p", {"grok-4.5", {100, 10, 60, 7}});
    says(&l, "i=33 o=10 w=7 r=60 u=0", 1);
    TURN(&l, 11, "q", {"grok-4.5", {10, 1, 30, 0}}); /* more cached than there is: no wrap */
    says(&l, "i=33 o=11 w=7 r=90 u=0", 2);
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed.told.requests[0].model, "grok-4.5");
    ck_assert_str_eq(feed.told.requests[0].stamp, "2026-07-21T02:13:30.000Z");
    ck_assert_uint_eq(feed.told.requests[0].context, OKS_PROMPT_UNKNOWN);
    ck_assert_str_eq(feed.told.cwd, "/srv/shop");
    feed_free(&feed);
}
END_TEST

START_TEST(each_model_of_a_turn_counts)
{
    struct lines l = {0};

    TURN(&l, 10, "p", {"a", {100, 10, 60, 0}}, {"b", {5, 1, 0, 0}});
    says(&l, "i=45 o=11 w=0 r=60 u=0", 2);
}
END_TEST

START_TEST(usage_without_models_is_the_sessions)
{
    struct feed feed = feed_new(OKS_SOURCE_GROK, OKS_ISA_AUTO, ABOUT);
    struct lines l = {0};

    TURN(&l, 10, "p", {NULL, {100, 10, 60, 0}});
    says(&l, "i=40 o=10 w=0 r=60 u=0", 1);
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed.told.requests[0].model, "grok-x");
    feed_free(&feed);
}
END_TEST

START_TEST(the_last_line_of_a_prompt_counts)
{
    static const struct {
        struct tokens tokens;
        unsigned anew;
        const char *want;
    } cases[] = {
        {{"a", {120, 10, 60, 0}}, 0, "i=60 o=10 w=0 r=60 u=0"},
        {{"a", {100, 10, 60, 0}}, 0, "i=40 o=10 w=0 r=60 u=0"},
        {{"a", {100, 5, 60, 0}}, 1, "i=40 o=5 w=0 r=60 u=0"},
        {{"a", {100, 10, 70, 0}}, 1, "i=30 o=10 w=0 r=70 u=0"}, /* more is cached, so less is input */
        {{"b", {100, 10, 60, 0}}, 1, "i=40 o=10 w=0 r=60 u=0"}, /* another model */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct feed feed = feed_new(OKS_SOURCE_GROK, OKS_ISA_AUTO, ABOUT);
        struct lines l = {0};

        TURN(&l, 10, "p", {"a", {100, 10, 60, 0}});
        feed_to(&feed, l.bytes, l.len);
        put_turn(&l, 11, "p", &cases[i].tokens, 1);
        feed_to(&feed, l.bytes, l.len);
        ck_assert_msg(feed.anew == cases[i].anew, "case %zu: read anew %u times", i, feed.anew);
        ck_assert_str_eq(feed_counts(&feed), cases[i].want);
        ck_assert_uint_eq(feed.told.n_requests, 1);
        says(&l, cases[i].want, 1);
        feed_free(&feed);
    }
}
END_TEST

START_TEST(turns_without_an_id_are_each_their_own)
{
    struct lines l = {0};

    for (int i = 0; i < 3; i++)
        put_update(&l, 10,
                   "{\"sessionUpdate\":\"turn_completed\",\"usage\":{\"inputTokens\":5,\"outputTokens\":1}}");
    put_update(&l, 10, "{\"sessionUpdate\":\"turn_completed\",\"prompt_id\":\"x\"}"); /* says nothing */
    put_update(&l, 10, "{\"sessionUpdate\":\"other\",\"usage\":{\"inputTokens\":5,\"outputTokens\":1}}");
    says(&l, "i=15 o=3 w=0 r=0 u=0", 3);
}
END_TEST

START_TEST(calls_are_counted_without_their_titles)
{
    struct lines l = {0};

    put_update(&l, 10,
               "{\"sessionUpdate\":\"tool_call\",\"toolCallId\":\"c\",\"title\":\"secret\",\"rawInput\":{"
               "\"name\":\"no\"},"
               "\"_meta\":{\"x.ai/tool\":{\"name\":\"grep\"}}}");
    put_update(&l, 11,
               "{\"sessionUpdate\":\"tool_call_update\",\"toolCallId\":\"c\",\"status\":\"completed\"}");
    put_update(&l, 11, "{\"sessionUpdate\":\"tool_call\",\"title\":\"secret\"}");
    TURN(&l, 12, "p", {"a", {100, 10, 60, 0}});
    says(&l, "i=40 o=10 w=0 r=60 u=2", 1);
    EACH_ISA(scanner)
    {
        struct oks_scan_result result;
        char *text;

        ck_assert_int_eq(source_scanner_set(scanner, OKS_SOURCE_GROK, "", ABOUT), 0);
        text = text_of(scanner, l.bytes, l.len, &result);
        ck_assert_ptr_nonnull(strstr(text, "tool=<grep>"));
        ck_assert_ptr_null(strstr(text, "secret"));
        free(text);
    }
}
END_TEST

START_TEST(calls_and_their_results)
{
    struct lines l = {0};

    put_update(&l, 1,
               "{\"sessionUpdate\":\"tool_call\",\"toolCallId\":\"c\",\"title\":\"t\",\"_meta\":{\"x.ai/"
               "tool\":{\"name\":\"grep\"}}}");
    put_update(&l, 2,
               "{\"sessionUpdate\":\"tool_call_update\",\"toolCallId\":\"c\",\"status\":\"in_progress\"}");
    put_update(&l, 3,
               "{\"sessionUpdate\":\"tool_call_update\",\"toolCallId\":\"c\",\"status\":\"completed\","
               "\"rawOutput\":{\"exit_code\":2}}");
    put_update(&l, 4,
               "{\"sessionUpdate\":\"tool_call_update\",\"toolCallId\":\"d\",\"status\":\"completed\","
               "\"rawOutput\":{\"exit_code\":0}}");
    put_update(&l, 5, "{\"sessionUpdate\":\"tool_call_update\",\"toolCallId\":\"e\",\"status\":\"failed\"}");
    TURN(&l, 6, "p", {"a", {1, 1, 0, 0}});
    ck_assert_str_eq(feed_tools(OKS_SOURCE_GROK, l.bytes, l.len),
                     "2026-07-21T02:13:21.000Z call c grep\n"
                     "2026-07-21T02:13:23.000Z result c  failed\n"
                     "2026-07-21T02:13:24.000Z result d  ok\n"
                     "2026-07-21T02:13:25.000Z result e  failed\n"
                     "2026-07-21T02:13:26.000Z over  \n");
}
END_TEST

/* A later line of a turn has its time, and the calls before it. */
START_TEST(a_turn_keeps_its_time)
{
    struct feed feed = feed_new(OKS_SOURCE_GROK, OKS_ISA_AUTO, ABOUT);
    struct lines l = {0};

    put_update(&l, 9, "{\"sessionUpdate\":\"tool_call\",\"toolCallId\":\"c\"}");
    TURN(&l, 10, "p", {"a", {100, 10, 60, 0}});
    feed_to(&feed, l.bytes, l.len);
    TURN(&l, 50, "p", {"a", {120, 10, 60, 0}});
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed.told.requests[0].stamp, "2026-07-21T02:13:30.000Z");
    ck_assert_str_eq(feed_counts(&feed), "i=60 o=10 w=0 r=60 u=1");
    feed_free(&feed);
}
END_TEST

START_TEST(values_that_are_no_counts_are_told)
{
    struct feed feed = feed_new(OKS_SOURCE_GROK, OKS_ISA_AUTO, ABOUT);
    struct lines l = {0};

    put_update(&l, 10,
               "{\"sessionUpdate\":\"turn_completed\",\"usage\":{\"inputTokens\":\"5\",\"outputTokens\":-1,"
               "\"cachedReadTokens\":null,\"modelUsage\":{\"a\":{\"inputTokens\":1.5},\"b\":3}}}");
    feed_to(&feed, l.bytes, l.len);
    ck_assert_uint_eq(feed.odd, 1); /* of models only, where there are some */
    feed_free(&feed);
}
END_TEST

START_TEST(a_sub_agent_is_its_sessions)
{
    struct feed feed = feed_new(OKS_SOURCE_GROK, OKS_ISA_AUTO, SUB);
    struct lines l = {0};
    char parent[64];

    TURN(&l, 10, "p", {"a", {100, 10, 60, 0}});
    feed_to(&feed, l.bytes, l.len);
    ck_assert(feed.told.side);
    ck_assert_str_eq(feed.told.agent, "explorer");
    ck_assert(oks_source_grok.parent_of(feed.memo, parent, sizeof(parent)));
    ck_assert_str_eq(parent, "s1");
    feed_free(&feed);
}
END_TEST

START_TEST(sessions_of_old_versions_say_nothing)
{
    struct lines l = {0};

    put_update(&l, 10,
               "{\"sessionUpdate\":\"user_message_chunk\",\"content\":{\"type\":\"text\",\"text\":\"u\"}}");
    put_update(&l, 11, "{\"sessionUpdate\":\"agent_message_chunk\"}");
    says(&l, "i=0 o=0 w=0 r=0 u=0", 0);
}
END_TEST

START_TEST(growing_updates_say_what_all_of_them_do)
{
    struct lines l = {0};

    put_update(&l, 9, "{\"sessionUpdate\":\"tool_call\",\"toolCallId\":\"c\"}");
    TURN(&l, 10, "p", {"a", {100, 10, 60, 0}});
    TURN(&l, 11, "q", {"a", {100, 10, 60, 0}}, {"b", {5, 1, 0, 0}});
    TURN(&l, 12, "p", {"a", {130, 12, 60, 0}});
    TURN(&l, 13, "q", {"b", {4, 1, 0, 0}});
    TURN(&l, 14, "r", {NULL, {7, 7, 0, 0}});
    feed_every_cut(OKS_SOURCE_GROK, l.bytes, l.len, ABOUT);
    feed_every_cut(OKS_SOURCE_GROK, l.bytes, l.len, NULL);
}
END_TEST

/* More turns than are remembered, each of them written twice. */
START_TEST(a_long_session)
{
    struct feed feed = feed_new(OKS_SOURCE_GROK, OKS_ISA_AUTO, ABOUT);
    struct lines l = {0};
    char prompt[16];

    enum { TURNS = 60, ROUNDS = 90 };

    for (int round = 0; round < ROUNDS; round++) {
        l.len = 0;
        for (int i = 0; i < TURNS; i++) {
            snprintf(prompt, sizeof(prompt), "p%d", round * TURNS + i);
            TURN(&l, 10, prompt, {"a", {1, 1, 0, 0}});
            TURN(&l, 10, prompt, {"a", {2, 1, 0, 0}});
        }
        feed.cursor = 0; /* other bytes, but the memo goes on */
        feed.told.n_requests = 0;
        feed_to(&feed, l.bytes, l.len);
    }
    ck_assert_uint_eq(feed.told.count[OKS_INPUT], 2 * TURNS * ROUNDS);
    ck_assert_uint_eq(feed.told.count[OKS_OUTPUT], TURNS * ROUNDS);
    feed_free(&feed);
}
END_TEST

/* --- files --- */

START_TEST(which_files_are_updates)
{
    const struct source *s = &oks_source_grok;

    ck_assert(s->wants("%2Fsrv/id/updates.jsonl"));
    ck_assert(!s->wants("id/updates.jsonl") && !s->wants("%2Fsrv/id/chat_history.jsonl") &&
              !s->wants("%2Fsrv/id/more/updates.jsonl"));
    ck_assert(s->enters("%2Fsrv") && s->enters("%2Fsrv/id") && !s->enters("%2Fsrv/id/more"));
    ck_assert(oks_slice_eq(s->id_of("%2Fsrv/id/updates.jsonl"), OKS_SLICE("id")));
    ck_assert(oks_slice_eq(s->project("%2Fsrv/id/updates.jsonl"), OKS_SLICE("%2Fsrv")));
}
END_TEST

static struct source_about about_of(const char *path)
{
    struct source_about about;
    char *peers;

    ck_assert_int_eq(about_peers(&oks_source_grok, path, "", "", &peers), 0);
    ck_assert_str_eq(about_read(peers, &about), "");
    free(peers);
    return about;
}

static void write_summary(const char *folder, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/summary.json", folder);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

START_TEST(what_the_path_and_the_summary_say)
{
    char root[] = "/tmp/okstrafs-grok.XXXXXX", session[128], path[256];
    struct source_about about;

    ck_assert_str_eq(about_of("/h/sessions/%2Fsrv%2fa%20shop%/id/updates.jsonl").cwd, "/srv/a shop%");
    ck_assert_str_eq(about_of("/h/sessions/srv/id/updates.jsonl").cwd, "");
    ck_assert_str_eq(about_of("/h/sessions/%2Fsrv%00x/id/updates.jsonl").cwd, "");
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(session, sizeof(session), "%s/id", root);
    ck_assert_int_eq(mkdir(session, 0700), 0);
    snprintf(path, sizeof(path), "%s/updates.jsonl", session);
    write_summary(
        session,
        "{\"info\":{\"id\":\"x\",\"cwd\":\"/srv/shop\"},\"current_model_id\":\"g\",\"head_branch\":\"b\","
        "\"parent_session_id\":\"p\",\"agent_name\":\"grok-build\",\"session_summary\":\"secret\"}");
    about = about_of(path);
    ck_assert_str_eq(about.self.text, "id");
    ck_assert_str_eq(about.cwd, "/srv/shop");
    ck_assert_str_eq(about.model.text, "g");
    ck_assert_str_eq(about.branch.text, "b");
    ck_assert(!about.sidechain && !*about.parent.text && !*about.agent.text); /* not what started it */
    write_summary(session,
                  "{\"session_kind\":\"subagent\",\"parent_session_id\":\"p\",\"agent_name\":\"explorer\"}");
    about = about_of(path);
    ck_assert(about.sidechain);
    ck_assert_str_eq(about.parent.text, "p");
    ck_assert_str_eq(about.agent.text, "explorer");
    write_summary(session, "{\"info\":");
    ck_assert_str_eq(about_of(path).model.text, "");
    snprintf(path, sizeof(path), "%s/summary.json", session);
    ck_assert_int_eq(remove(path) | rmdir(session) | rmdir(root), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("scan_grok");

    TEST(s, cached_tokens_are_parts_of_the_input);
    TEST(s, each_model_of_a_turn_counts);
    TEST(s, usage_without_models_is_the_sessions);
    TEST(s, the_last_line_of_a_prompt_counts);
    TEST(s, turns_without_an_id_are_each_their_own);
    TEST(s, calls_are_counted_without_their_titles);
    TEST(s, calls_and_their_results);
    TEST(s, a_turn_keeps_its_time);
    TEST(s, values_that_are_no_counts_are_told);
    TEST(s, a_sub_agent_is_its_sessions);
    TEST(s, sessions_of_old_versions_say_nothing);
    TEST(s, growing_updates_say_what_all_of_them_do);
    TEST(s, a_long_session);
    TEST(s, which_files_are_updates);
    TEST(s, what_the_path_and_the_summary_say);
    return tap_run(s);
}
