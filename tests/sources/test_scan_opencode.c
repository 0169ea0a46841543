/*
 * OpenCode's lines: what a step counts, what a copy is, and which files are of which container.
 * test_opencode.py checks the whole program over databases, test_agents.py over samples.
 */
#include "source_feed.h"

#define CREATED 1785878630071 /* 2026-08-04T21:23:50.071Z */

static void put_session(struct lines *to, const char *more)
{
    put(to, "{\"session\":{\"id\":\"ses_1\",\"data\":{\"directory\":\"/work\"%s}}}", more);
}

/* input, output, reasoning, read, write, total */
static const char *tokens(char text[256], const unsigned n[6])
{
    snprintf(text, 256,
             "\"tokens\":{\"input\":%u,\"output\":%u,\"reasoning\":%u,\"cache\":{\"read\":%u,\"write\":%u},"
             "\"total\":%u}",
             n[0], n[1], n[2], n[3], n[4], n[5]);
    return text;
}

static void put_answer(struct lines *to, const char *id, int64_t created, const unsigned n[6])
{
    char text[256];

    put(to,
        "{\"message\":{\"id\":\"%s\",\"data\":{\"role\":\"assistant\",\"mode\":\"build\",\"modelID\":\"gpt-5."
        "5\",\"time\":"
        "{\"created\":%lld,\"completed\":%lld},\"path\":{\"cwd\":\"/work\"},%s}}}",
        id, (long long)created, (long long)created + 9, tokens(text, n));
}

static void put_step(struct lines *to, const unsigned n[6])
{
    char text[256];

    put(to, "{\"part\":{\"id\":\"\",\"data\":{\"type\":\"step-finish\",%s}}}", tokens(text, n));
}

static const unsigned beside[6] = {100, 10, 5, 60, 7, 182}, inside[6] = {100, 10, 5, 60, 7, 177}, none[6];

static void counts_are(const struct lines *lines, const char *peers, size_t requests, const char *want)
{
    EACH_ISA(scanner)
    {
        struct feed feed = {.source = OKS_SOURCE_OPENCODE, .scanner = scanner, .peers = peers};

        feed_to(&feed, lines->bytes, lines->len);
        ck_assert_str_eq(feed_counts(&feed), want);
        ck_assert_uint_eq(feed_now(&feed).n_requests, requests);
        feed_forget(&feed);
    }
}

START_TEST(reasoning_is_beside_the_output_unless_the_total_says_otherwise)
{
    struct lines l = {0};

    put_session(&l, "");
    put_answer(&l, "msg_1", CREATED, beside);
    counts_are(&l, "", 1, "i=100 o=15 w=7 r=60 u=0");
    put_answer(&l, "msg_2", CREATED + 1, inside);
    counts_are(&l, "", 2, "i=200 o=25 w=14 r=120 u=0");
    put_answer(&l, "msg_3", CREATED + 2, none);
    counts_are(&l, "", 2, "i=200 o=25 w=14 r=120 u=0");
}
END_TEST

START_TEST(each_step_is_a_request)
{
    struct lines l = {0};
    struct feed feed = feed_new(OKS_SOURCE_OPENCODE, OKS_ISA_AUTO, NULL);

    put_session(&l, ",\"parentID\":\"ses_0\"");
    put_answer(&l, "msg_1", CREATED, inside); /* those of the last step */
    put(&l, "{\"part\":{\"id\":\"\",\"data\":{\"type\":\"tool\",\"tool\":\"bash\"}}}");
    put_step(&l, beside);
    put_step(&l, inside);
    put(&l, "{\"part\":{\"id\":\"\",\"data\":{\"type\":\"tool\",\"tool\":\"read\"}}}");
    counts_are(&l, "", 2, "i=200 o=25 w=14 r=120 u=2");
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed.told.requests[0].id, "msg_1");
    ck_assert_str_eq(feed.told.requests[1].id, "msg_1/2");
    ck_assert_str_eq(feed.told.requests[0].stamp, "2026-08-04T21:23:50.071Z");
    ck_assert_str_eq(feed.told.agent, "build");
    ck_assert_str_eq(feed.told.cwd, "/work");
    feed_free(&feed);
}
END_TEST

START_TEST(what_is_older_than_its_session_is_a_copy)
{
    struct lines l = {0};

    put_session(&l, ",\"time\":{\"created\":1785878630072}");
    put_answer(&l, "msg_1", CREATED, beside);
    counts_are(&l, "", 0, "i=0 o=0 w=0 r=0 u=0");
    put_answer(&l, "msg_2", CREATED + 1, beside);
    counts_are(&l, "", 1, "i=100 o=15 w=7 r=60 u=0");
}
END_TEST

START_TEST(what_a_peer_has_is_left_out)
{
    struct lines l = {0}, both = {0};
    struct feed feed = feed_new(OKS_SOURCE_OPENCODE, OKS_ISA_AUTO, NULL);
    char peers[1024];

    put_session(&l, "");
    put_answer(&l, "msg_1", CREATED, beside);
    feed_to(&feed, l.bytes, l.len);
    snprintf(peers, sizeof(peers), "%s\n", feed.memo);
    put_session(&both, "");
    put_answer(&both, "msg_1", CREATED, beside);
    put_answer(&both, "msg_2", CREATED + 1, inside);
    counts_are(&both, peers, 1, "i=100 o=10 w=7 r=60 u=0");
    ck_assert(oks_source_opencode.agrees(feed.memo, ""));
    ck_assert(!oks_source_opencode.agrees(feed.memo, peers));
    feed_free(&feed);
}
END_TEST

static void container_is(const char *rel, const char *want)
{
    char out[256];

    ck_assert_msg(oks_source_opencode.members->container(rel, out, sizeof(out)), "%s", rel);
    ck_assert_str_eq(out, want);
}

START_TEST(which_files_belong_to_what)
{
    const struct source *s = &oks_source_opencode;
    char out[256];

    container_is("opencode.db", "opencode.db");
    container_is("opencode-beta.db-wal", "opencode-beta.db");
    container_is("opencode.db/ses_1", "opencode.db");
    container_is("storage/message/ses_1/msg_1.json", "storage/message/ses_1");
    ck_assert(!s->members->container("log/x.log", out, sizeof(out)));
    ck_assert(s->wants("opencode.db") && s->wants("opencode.db-wal") && s->wants("opencode.db/ses_1") &&
              s->wants("storage/message/ses_1"));
    ck_assert(!s->wants("opencode.db-shm") && !s->wants("auth.json") && !s->wants("opencode.db/../x") &&
              !s->wants("storage/part/msg_1/prt_1.json"));
    ck_assert(s->enters("storage") && s->enters("storage/message") && s->enters("storage/message/ses_1"));
    ck_assert(!s->enters("storage/part") && !s->enters("log") && !s->enters("snapshot"));
    ck_assert(oks_slice_eq(s->id_of("opencode.db/ses_1"), OKS_SLICE("ses_1")));
    ck_assert_int_lt(s->rank("/h/opencode.db/ses_1"), s->rank("/h/storage/message/ses_1"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("scan_opencode");

    TEST(s, reasoning_is_beside_the_output_unless_the_total_says_otherwise);
    TEST(s, each_step_is_a_request);
    TEST(s, what_is_older_than_its_session_is_a_copy);
    TEST(s, what_a_peer_has_is_left_out);
    TEST(s, which_files_belong_to_what);
    return tap_run(s);
}
