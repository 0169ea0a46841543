/*
 * Gemini's chats: that a message counts once, in its last form, whatever rewrote it and whenever somebody
 * looked. test_sources.py asks the whole program the same of real chats.
 */
#include "source_feed.h"

#define SESSION "4f8e0000-0000-4000-8000-000000000001"
#define PRO     "gemini-2.5-pro"

/* input, output, cached, thoughts, tool */
struct tokens {
    unsigned n[5];
};

static void put_session(struct lines *to)
{
    put(to, "{\"sessionId\":\"%s\",\"projectHash\":\"ab12\",\"startTime\":\"2026-04-23T12:00:00.000Z\"}",
        SESSION);
}

/* A message of the model, as it stands alone or in a list. */
static char *message(const char *id, struct tokens t, unsigned calls, const char *model)
{
    char list[128] = "", *text = feed_text_room(), *p = list;

    for (unsigned i = 0; i < calls; i++)
        p += sprintf(p, "%s{\"name\":\"ls\"}", i ? "," : "");
    sprintf(
        text,
        "{\"id\":\"%s\",\"timestamp\":\"2026-04-23T12:00:01.000Z\",\"type\":\"gemini\",\"content\":\"a "
        "\\\"b\\\"\",\"model\":\"%s\",\"tokens\":{\"input\":%u,\"output\":%u,\"cached\":%u,\"thoughts\":%u,"
        "\"tool\":%u,\"total\":1},\"toolCalls\":[%s]}",
        id, model, t.n[0], t.n[1], t.n[2], t.n[3], t.n[4], list);
    return text;
}

static void put_message(struct lines *to, const char *id, struct tokens t)
{
    put(to, "%s", message(id, t, 0, PRO));
}

static void put_user(struct lines *to, const char *id)
{
    put(to, "{\"id\":\"%s\",\"timestamp\":\"2026-04-23T12:00:00.500Z\",\"type\":\"user\",\"content\":\"hm\"}",
        id);
}

static void counts_are(const struct lines *lines, const char *peers, const char *want)
{
    EACH_ISA(scanner)
    {
        struct feed feed = {.source = OKS_SOURCE_GEMINI, .scanner = scanner, .peers = peers};

        feed_to(&feed, lines->bytes, lines->len);
        ck_assert_str_eq(feed_counts(&feed), want);
        feed_forget(&feed);
    }
}

/* --- what counts --- */

START_TEST(cached_tokens_are_no_input_and_thoughts_are_output)
{
    struct lines l = {0};
    struct feed feed = feed_new(OKS_SOURCE_GEMINI, OKS_ISA_AUTO, NULL);

    put_session(&l);
    put_message(&l, "a", (struct tokens){{100, 10, 60, 7, 5}});
    counts_are(&l, NULL, "i=45 o=17 w=0 r=60 u=0");
    put_message(&l, "b", (struct tokens){{10, 1, 30, 0, 0}}); /* more cached than there is: no wrap */
    counts_are(&l, NULL, "i=45 o=18 w=0 r=90 u=0");
    feed_to(&feed, l.bytes, l.len);
    ck_assert_uint_eq(feed.told.n_requests, 2);
    ck_assert_str_eq(feed.told.requests[0].model, PRO);
    ck_assert_str_eq(feed.told.session, SESSION);
    feed_free(&feed);
}
END_TEST

START_TEST(tool_calls_count_once_however_often_they_are_written)
{
    struct lines l = {0};

    put_session(&l);
    put(&l, "%s", message("a", (struct tokens){{10, 1, 0, 0, 0}}, 2, PRO));
    put(&l, "%s", message("a", (struct tokens){{10, 1, 0, 0, 0}}, 3, PRO));
    put(&l, "%s", message("a", (struct tokens){{10, 1, 0, 0, 0}}, 3, PRO));
    counts_are(&l, NULL, "i=10 o=1 w=0 r=0 u=3");
}
END_TEST

START_TEST(the_last_form_of_a_message_counts)
{
    struct lines l = {0};

    put_session(&l);
    put_user(&l, "u");
    put_message(&l, "a", (struct tokens){{100, 10, 0, 0, 0}});
    put_message(&l, "a", (struct tokens){{100, 30, 0, 5, 0}});
    put_message(&l, "a", (struct tokens){{100, 30, 0, 5, 0}});
    counts_are(&l, NULL, "i=100 o=35 w=0 r=0 u=0");
    put_message(&l, "a", (struct tokens){{90, 2, 0, 0, 0}}); /* also where it became less */
    counts_are(&l, NULL, "i=90 o=2 w=0 r=0 u=0");
}
END_TEST

START_TEST(a_list_that_is_rebuilt_counts_nothing_twice)
{
    struct lines l = {0};

    put_session(&l);
    put_message(&l, "a", (struct tokens){{100, 10, 0, 0, 0}});
    put(&l, "{\"$set\":{\"messages\":[%s,%s],\"summary\":\"s\"}}",
        message("a", (struct tokens){{100, 10, 0, 0, 0}}, 0, PRO),
        message("b", (struct tokens){{7, 3, 0, 0, 0}}, 1, PRO));
    counts_are(&l, NULL, "i=107 o=13 w=0 r=0 u=1");
    /* A key that comes again: its last value is the list. */
    put(&l, "{\"$set\":{\"messages\":[%s],\"messages\":[%s]}}",
        message("c", (struct tokens){{1000, 1, 0, 0, 0}}, 0, PRO),
        message("d", (struct tokens){{2, 2, 0, 0, 0}}, 0, PRO));
    counts_are(&l, NULL, "i=109 o=15 w=0 r=0 u=1");
}
END_TEST

START_TEST(what_was_rewound_was_spent)
{
    struct lines l = {0};

    put_session(&l);
    put_message(&l, "a", (struct tokens){{100, 10, 0, 0, 0}});
    put(&l, "{\"$rewindTo\":\"u\"}");
    put(&l, "{\"$set\":{\"messages\":[]}}");
    put_message(&l, "b", (struct tokens){{5, 1, 0, 0, 0}});
    counts_are(&l, NULL, "i=105 o=11 w=0 r=0 u=0");
}
END_TEST

START_TEST(messages_without_an_id_are_each_their_own)
{
    struct lines l = {0};

    put_session(&l);
    for (int i = 0; i < 3; i++)
        put(&l, "{\"type\":\"gemini\",\"model\":\"m\",\"tokens\":{\"input\":5,\"output\":1}}");
    counts_are(&l, NULL, "i=15 o=3 w=0 r=0 u=0");
}
END_TEST

START_TEST(values_that_are_no_counts_are_told)
{
    struct lines l = {0};
    struct feed feed = feed_new(OKS_SOURCE_GEMINI, OKS_ISA_AUTO, NULL);

    put_session(&l);
    put(&l, "{\"id\":\"a\",\"type\":\"gemini\",\"tokens\":{\"input\":\"5\",\"output\":-1,\"cached\":1.5,"
            "\"tool\":null}}");
    put(&l, "{\"id\":\"b\",\"type\":\"gemini\",\"tokens\":[1]}");
    put_message(&l, "c", (struct tokens){{5, 1, 0, 0, 0}});
    feed_to(&feed, l.bytes, l.len);
    ck_assert_uint_eq(feed.odd, 3);
    ck_assert_str_eq(feed_counts(&feed), "i=5 o=1 w=0 r=0 u=0");
    feed_free(&feed);
}
END_TEST

/* --- growing --- */

/* A gain is told on top of what was; what cannot be a gain is read anew. */
START_TEST(what_is_no_gain_is_read_anew)
{
    static const struct {
        const char *what;
        struct tokens tokens;
        const char *model;
        unsigned anew;
        const char *want;
    } cases[] = {
        {"more", {{120, 10, 10, 0, 0}}, PRO, 0, "i=110 o=10 w=0 r=10 u=0"},
        {"the same", {{100, 10, 0, 0, 0}}, PRO, 0, "i=100 o=10 w=0 r=0 u=0"},
        {"less output", {{120, 9, 0, 0, 0}}, PRO, 1, "i=120 o=9 w=0 r=0 u=0"},
        {"less input, for more is cached", {{100, 10, 30, 0, 0}}, PRO, 1, "i=70 o=10 w=0 r=30 u=0"},
        {"another model", {{100, 10, 0, 0, 0}}, "gemini-2.5-flash", 1, "i=100 o=10 w=0 r=0 u=0"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct feed feed = feed_new(OKS_SOURCE_GEMINI, OKS_ISA_AUTO, NULL);
        struct lines l = {0};

        put_session(&l);
        put_message(&l, "a", (struct tokens){{100, 10, 0, 0, 0}});
        feed_to(&feed, l.bytes, l.len);
        put(&l, "%s", message("a", cases[i].tokens, 0, cases[i].model));
        feed_to(&feed, l.bytes, l.len);
        ck_assert_msg(feed.anew == cases[i].anew, "%s: read anew %u times", cases[i].what, feed.anew);
        ck_assert_str_eq(feed_counts(&feed), cases[i].want);
        feed_free(&feed);
    }
}
END_TEST

START_TEST(an_unfinished_line_leaves_no_trace)
{
    struct feed feed = feed_new(OKS_SOURCE_GEMINI, OKS_ISA_AUTO, NULL);
    struct lines l = {0};
    size_t whole;

    put_session(&l);
    put_message(&l, "a", (struct tokens){{100, 10, 0, 0, 0}});
    whole = l.len;
    put_message(&l, "a", (struct tokens){{100, 25, 0, 0, 0}});
    feed_to(&feed, l.bytes, l.len - 1); /* all but its newline */
    ck_assert_str_eq(feed_counts(&feed), "i=100 o=25 w=0 r=0 u=0");
    ck_assert_uint_eq(feed.cursor, whole);
    feed_to(&feed, l.bytes, l.len);
    ck_assert_str_eq(feed_counts(&feed), "i=100 o=25 w=0 r=0 u=0");
    ck_assert_uint_eq(feed.anew, 0);
    feed_free(&feed);
}
END_TEST

START_TEST(a_growing_chat_says_what_a_whole_one_does)
{
    struct lines l = {0};

    put_session(&l);
    put_user(&l, "u");
    put_message(&l, "a", (struct tokens){{100, 10, 60, 0, 0}});
    put(&l, "%s", message("a", (struct tokens){{130, 20, 60, 5, 1}}, 2, PRO));
    put(&l, "{\"$set\":{\"messages\":[%s,%s]}}", message("a", (struct tokens){{130, 20, 60, 5, 1}}, 2, PRO),
        message("b", (struct tokens){{9, 8, 7, 6, 5}}, 1, PRO));
    put(&l, "{\"$rewindTo\":\"a\"}");
    put_message(&l, "c", (struct tokens){{1, 1, 0, 0, 0}});
    put_message(&l, "c", (struct tokens){{1, 0, 0, 0, 0}});
    feed_every_cut(OKS_SOURCE_GEMINI, l.bytes, l.len, NULL);
}
END_TEST

/* --- two files of one session --- */

START_TEST(what_a_peer_has_is_its)
{
    struct lines fresh = {0}, old = {0};
    char *peer, *memo;

    put_session(&fresh);
    put_message(&fresh, "a", (struct tokens){{100, 10, 0, 0, 0}});
    put_session(&old);
    put_message(&old, "a", (struct tokens){{100, 10, 0, 0, 0}});
    put_message(&old, "b", (struct tokens){{5, 1, 0, 0, 0}});
    peer = feed_memo(OKS_SOURCE_GEMINI, fresh.bytes, fresh.len, NULL);
    counts_are(&old, peer, "i=5 o=1 w=0 r=0 u=0");
    memo = feed_memo(OKS_SOURCE_GEMINI, old.bytes, old.len, peer);
    ck_assert(oks_source_gemini.agrees(memo, peer));
    ck_assert(!oks_source_gemini.agrees(memo, ""));
    put_message(&fresh, "b", (struct tokens){{5, 1, 0, 0, 0}});
    free(peer);
    peer = feed_memo(OKS_SOURCE_GEMINI, fresh.bytes, fresh.len, NULL);
    ck_assert(!oks_source_gemini.agrees(memo, peer));
    free(peer);
    free(memo);
}
END_TEST

/* --- files --- */

START_TEST(which_files_are_chats)
{
    const struct source *s = &oks_source_gemini;

    ck_assert(s->wants("slug/chats/session-2026-04-23T12-00-4f8e.jsonl"));
    ck_assert(s->wants("slug/chats/session-2026-04-23T12-00-4f8e.json"));
    ck_assert(s->wants("slug/chats/" SESSION "/agent.jsonl"));
    ck_assert(!s->wants("slug/chats/" SESSION "/agent.json"));
    ck_assert(!s->wants("slug/chats/other.jsonl"));
    ck_assert(!s->wants("slug/logs.json"));
    ck_assert(!s->wants("slug/chatsession-1.jsonl"));
    ck_assert(s->whole("slug/chats/session-1.json"));
    ck_assert(!s->whole("slug/chats/session-1.jsonl"));
    ck_assert(s->enters("slug") && s->enters("slug/chats") && s->enters("slug/chats/" SESSION));
    ck_assert(!s->enters("slug/checkpoints"));
    ck_assert(oks_slice_eq(s->project("slug/chats/session-1.jsonl"), OKS_SLICE("slug")));
    ck_assert(oks_slice_eq(s->parent("slug/chats/" SESSION "/agent.jsonl"), OKS_SLICE(SESSION)));
    ck_assert_ptr_null(s->parent("slug/chats/session-1.jsonl").ptr);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("scan_gemini");

    TEST(s, cached_tokens_are_no_input_and_thoughts_are_output);
    TEST(s, tool_calls_count_once_however_often_they_are_written);
    TEST(s, the_last_form_of_a_message_counts);
    TEST(s, a_list_that_is_rebuilt_counts_nothing_twice);
    TEST(s, what_was_rewound_was_spent);
    TEST(s, messages_without_an_id_are_each_their_own);
    TEST(s, values_that_are_no_counts_are_told);
    TEST(s, what_is_no_gain_is_read_anew);
    TEST(s, an_unfinished_line_leaves_no_trace);
    TEST(s, a_growing_chat_says_what_a_whole_one_does);
    TEST(s, what_a_peer_has_is_its);
    TEST(s, which_files_are_chats);
    return tap_run(s);
}
