/*
 * Codex's rollouts: which events are measurements, what of a fork is its own, and that neither depends on
 * when somebody looked. test_sources.py asks the whole program the same of real rollouts.
 */
#include "source_feed.h"

#define PARENT "019c8a4c-0000-7000-8000-000000000001"
#define CHILD  "019c8a4c-0000-7000-8000-000000000002"

/* input, cached, written to the cache, output, reasoning, total */
struct usage {
    unsigned n[6];
};

static void put_meta(struct lines *to, const char *id, const char *more)
{
    put(to,
        "{\"timestamp\":\"2026-02-23T12:00:00.000Z\",\"type\":\"session_meta\",\"payload\":"
        "{\"id\":\"%s\",\"cwd\":\"/w\",\"cli_version\":\"0.146.0\"%s}}",
        id, more);
}

static void put_model(struct lines *to, const char *model)
{
    put(to,
        "{\"timestamp\":\"2026-02-23T12:00:01.000Z\",\"type\":\"turn_context\","
        "\"payload\":{\"model\":\"%s\"}}",
        model);
}

static void put_item(struct lines *to, const char *type, int minute)
{
    put(to,
        "{\"timestamp\":\"2026-02-23T12:%02d:02.000Z\",\"type\":\"response_item\","
        "\"payload\":{\"type\":\"%s\"}}",
        minute, type);
}

static void put_info(struct lines *to, int minute, const char *info)
{
    put(to,
        "{\"timestamp\":\"2026-02-23T12:%02d:03.000Z\",\"type\":\"event_msg\","
        "\"payload\":{\"type\":\"token_count\",\"info\":%s,\"rate_limits\":{\"a\":[1]}}}",
        minute, info);
}

static int usage_text(char *to, const char *key, struct usage u)
{
    return sprintf(to,
                   "\"%s\":{\"input_tokens\":%u,\"cached_input_tokens\":%u,\"cache_write_input_tokens\":%u,"
                   "\"output_tokens\":%u,\"reasoning_output_tokens\":%u,\"total_tokens\":%u}",
                   key, u.n[0], u.n[1], u.n[2], u.n[3], u.n[4], u.n[5]);
}

/* An event whose cumulative counts are `total`; `last` NULL: it does not say what the last request used. */
static void put_count(struct lines *to, int minute, struct usage total, const struct usage *last)
{
    char info[1024], *p = info;

    *p++ = '{';
    p += usage_text(p, "total_token_usage", total);
    if (last) {
        *p++ = ',';
        p += usage_text(p, "last_token_usage", *last);
    }
    strcpy(p, "}");
    put_info(to, minute, info);
}

/* A turn as Codex logs it: a call, what it used, and that again. Adds to *total. */
static void put_turn(struct lines *to, int minute, struct usage *total)
{
    unsigned m = (unsigned)minute;
    struct usage last = {{1000 + 17 * m, 300 + m, 20 + m % 3, 50 + m, 7, 1050 + 18 * m}};

    for (int i = 0; i < 6; i++)
        total->n[i] += last.n[i];
    put_item(to, "function_call", minute);
    put_count(to, minute, *total, &last);
    put_count(to, minute, *total, &last);
}

static struct feed scanned(const struct lines *lines, const char *peers)
{
    struct feed feed = feed_new(OKS_SOURCE_CODEX, OKS_ISA_AUTO, peers);

    feed_to(&feed, lines->bytes, lines->len);
    return feed;
}

static void counts_are(const struct lines *lines, const char *peers, const char *want)
{
    EACH_ISA(scanner)
    {
        struct feed feed = {.source = OKS_SOURCE_CODEX, .scanner = scanner, .peers = peers};

        feed_to(&feed, lines->bytes, lines->len);
        ck_assert_str_eq(feed_counts(&feed), want);
        feed_forget(&feed);
    }
}

static char *memo_of(const struct lines *lines, const char *peers)
{
    return feed_memo(OKS_SOURCE_CODEX, lines->bytes, lines->len, peers);
}

/* --- measurements --- */

START_TEST(only_advancing_events_count)
{
    struct usage last = {{100, 0, 0, 5, 0, 105}};
    struct lines l = {0};

    put_meta(&l, PARENT, "");
    put_count(&l, 1, last, &last);
    put_count(&l, 2, last, &last); /* a repeat, as about half of them are */
    put_count(&l, 3, (struct usage){{200, 0, 0, 10, 0, 210}}, &last);
    put_count(&l, 4, (struct usage){{200, 0, 0, 10, 0, 210}}, &last);
    counts_are(&l, NULL, "i=200 o=10 w=0 r=0 u=0");
    put_count(&l, 5, (struct usage){{200, 0, 0, 10, 1, 210}}, &last); /* any of the counts moved */
    counts_are(&l, NULL, "i=300 o=15 w=0 r=0 u=0");
}
END_TEST

/* A call is a response_item; an event about one is none. */
START_TEST(only_items_of_responses_are_tools)
{
    struct usage one = {{100, 0, 0, 5, 0, 105}};
    struct lines l = {0};

    put_meta(&l, PARENT, "");
    put(&l, "{\"timestamp\":\"2026-02-23T12:01:02.000Z\",\"type\":\"event_msg\",\"payload\":{\"type\":"
            "\"function_call\"}}");
    put(&l, "{\"timestamp\":\"2026-02-23T12:01:02.000Z\",\"type\":\"response_item\"}");
    put_count(&l, 1, one, &one);
    counts_are(&l, NULL, "i=100 o=5 w=0 r=0 u=0");
    put_item(&l, "function_call", 2);
    counts_are(&l, NULL, "i=100 o=5 w=0 r=0 u=1");
}
END_TEST

START_TEST(cached_and_written_tokens_are_no_input)
{
    struct lines l = {0};
    struct feed feed;

    put_meta(&l, PARENT, "");
    put_model(&l, "gpt-5.2");
    put_count(&l, 1, (struct usage){{100, 60, 10, 5, 2, 105}}, &(struct usage){{100, 60, 10, 5, 2, 105}});
    /* more cached than there is input: no wrap */
    put_count(&l, 2, (struct usage){{110, 90, 10, 6, 2, 116}}, &(struct usage){{10, 30, 0, 1, 0, 11}});
    counts_are(&l, NULL, "i=30 o=6 w=10 r=90 u=0");
    feed = scanned(&l, NULL);
    ck_assert_str_eq(feed_requests(&feed), PARENT "#1 gpt-5.2 30/10/60/5\n" PARENT "#2 gpt-5.2 0/0/30/1\n");
    feed_free(&feed);
}
END_TEST

START_TEST(what_a_request_used_may_follow_from_the_sums_alone)
{
    struct lines l = {0};

    put_meta(&l, PARENT, "");
    put_count(&l, 1, (struct usage){{100, 60, 10, 5, 2, 105}}, NULL);
    put_count(&l, 2, (struct usage){{300, 60, 10, 6, 2, 306}}, NULL);
    counts_are(&l, NULL, "i=230 o=6 w=10 r=60 u=0");
    put_count(&l, 3, (struct usage){{0, 0, 0, 0, 0, 272000}}, NULL); /* a full context: says nothing */
    put_count(&l, 4, (struct usage){{50, 0, 0, 1, 0, 51}}, NULL);    /* and the sums begin anew */
    counts_are(&l, NULL, "i=280 o=7 w=10 r=60 u=0");
}
END_TEST

START_TEST(the_model_is_the_last_that_was_set)
{
    struct usage one = {{10, 0, 0, 1, 0, 11}};
    struct lines l = {0};
    struct feed feed;

    put_meta(&l, PARENT, "");
    put_count(&l, 1, one, &one); /* before any is known */
    put_model(&l, "gpt-5.2");
    put_count(&l, 2, (struct usage){{20, 0, 0, 2, 0, 22}}, &one);
    put_model(&l, "");
    put_count(&l, 3, (struct usage){{30, 0, 0, 3, 0, 33}}, &one);
    put_model(&l, "gpt-5.4-mini");
    put_count(&l, 4, (struct usage){{40, 0, 0, 4, 0, 44}}, &one);
    feed = scanned(&l, NULL);
    ck_assert_str_eq(feed_requests(&feed),
                     PARENT "#1  10/0/0/1\n" PARENT "#2 gpt-5.2 10/0/0/1\n" PARENT
                            "#3 gpt-5.2 10/0/0/1\n" PARENT "#4 gpt-5.4-mini 10/0/0/1\n");
    feed_free(&feed);
}
END_TEST

START_TEST(tool_calls_count_where_they_were_logged)
{
    struct usage one = {{10, 0, 0, 1, 0, 11}};
    struct lines l = {0};

    put_meta(&l, PARENT, "");
    put_item(&l, "function_call", 1);
    put_item(&l, "function_call_output", 1);
    put_item(&l, "custom_tool_call", 1);
    put_item(&l, "local_shell_call", 1);
    put_item(&l, "web_search_call", 1);
    put_item(&l, "message", 1);
    counts_are(&l, NULL, "i=0 o=0 w=0 r=0 u=4");
    put_count(&l, 1, one, &one); /* names them again, as those of its request */
    counts_are(&l, NULL, "i=10 o=1 w=0 r=0 u=4");
}
END_TEST

START_TEST(what_is_not_said_is_not_zero)
{
    struct usage one = {{10, 0, 0, 1, 0, 11}};
    struct lines l = {0};
    struct feed feed;

    put_meta(&l, PARENT, "");
    put_model(&l, "gpt-5.2");
    put_item(&l, "function_call", 1);
    put_info(&l, 1, "null");
    put_info(&l, 2, "{}");
    put_info(&l, 3, "{\"total_token_usage\":null,\"last_token_usage\":null}");
    put_count(&l, 4, (struct usage){{0, 0, 0, 0, 0, 0}}, &one);
    put(&l,
        "{\"type\":\"token_usage_record\",\"payload\":{\"usage\":{\"input_tokens\":5,\"output_tokens\":5}}}");
    feed = scanned(&l, NULL);
    ck_assert_uint_eq(feed.told.n_requests, 0); /* no usage in any record, not even an empty one */
    ck_assert_str_eq(feed_counts(&feed), "i=0 o=0 w=0 r=0 u=1");
    feed_free(&feed);
    put_count(&l, 5, one, &one);
    counts_are(&l, NULL, "i=10 o=1 w=0 r=0 u=1");
}
END_TEST

START_TEST(values_that_are_no_counts_are_told)
{
    struct lines l = {0};
    struct feed feed;

    put_meta(&l, PARENT, "");
    put_info(&l, 1,
             "{\"total_token_usage\":{\"input_tokens\":-5,\"output_tokens\":3,\"cached_input_tokens\":null},"
             "\"last_token_usage\":{\"input_tokens\":\"7\",\"output_tokens\":2.5,\"total_tokens\":true}}");
    feed = scanned(&l, NULL);
    ck_assert_uint_eq(feed.odd, 4);
    ck_assert_str_eq(feed_counts(&feed), "i=0 o=0 w=0 r=0 u=0");
    feed_free(&feed);
}
END_TEST

/* --- whose it is --- */

START_TEST(a_rollout_says_where_it_belongs)
{
    struct lines l = {0}, spawned = {0}, other = {0};
    struct feed feed;
    char *memo, name[64];

    put_meta(&l, PARENT, ",\"agent_role\":\"scout\"");
    put_meta(&l, "another", ""); /* comes with a replay */
    feed = scanned(&l, NULL);
    ck_assert_str_eq(feed_text(&feed),
                     "i=0 o=0 w=0 r=0 u=0 2026-02-23T12:00:00.000Z..2026-02-23T12:00:00.000Z "
                     "session <" PARENT "> agent <scout> cwd </w>\n");
    ck_assert(!oks_source_codex.origin(feed.memo, name, sizeof(name)));
    ck_assert(!oks_source_codex.parent_of(feed.memo, name, sizeof(name)));
    feed_free(&feed);
    put_meta(&spawned, CHILD,
             ",\"source\":{\"subagent\":{\"thread_spawn\":{\"parent_thread_id\":\"" PARENT
             "\",\"agent_nickname\":\"Ada\",\"agent_role\":\"scout\"}}}");
    feed = scanned(&spawned, NULL);
    ck_assert_str_eq(feed_text(&feed),
                     "i=0 o=0 w=0 r=0 u=0 2026-02-23T12:00:00.000Z..2026-02-23T12:00:00.000Z "
                     "session <" CHILD "> agent <Ada> cwd </w> side\n");
    ck_assert(oks_source_codex.origin(feed.memo, name, sizeof(name)));
    ck_assert_str_eq(name, PARENT);
    ck_assert(oks_source_codex.parent_of(feed.memo, name, sizeof(name)));
    ck_assert_str_eq(name, PARENT);
    feed_free(&feed);
    put_meta(&other, CHILD, ",\"source\":\"cli\",\"forked_from_id\":\"" PARENT "\"");
    memo = memo_of(&other, NULL);
    ck_assert(oks_source_codex.origin(memo, name, sizeof(name)));
    ck_assert(!oks_source_codex.origin(memo, name, strlen(PARENT)));
    ck_assert(!oks_source_codex.parent_of(memo, name, sizeof(name)));
    free(memo);
}
END_TEST

/* --- what is only repeated --- */

struct family {
    struct lines parent, child; /* the child: what it says itself, a replay of the parent, and its own */
    struct lines own;           /* the child without the replay */
    struct usage total;
};

static struct family family_of(const char *more)
{
    struct family f = {.total = {{0}}};
    struct usage again = {{0}};

    put_meta(&f.parent, PARENT, "");
    put_model(&f.parent, "gpt-5.2");
    for (int i = 1; i <= 3; i++)
        put_turn(&f.parent, i, &f.total);
    put_meta(&f.child, CHILD, more);
    put_meta(&f.child, PARENT, "");
    put_model(&f.child, "gpt-5.2");
    for (int i = 1; i <= 3; i++) {
        put_item(&f.child, "function_call", 30); /* told anew, with other times */
        put_turn(&f.child, i, &again);
    }
    put_meta(&f.own, CHILD, more);
    put_model(&f.own, "gpt-5.2");
    again = f.total;
    for (int i = 10; i <= 12; i++) {
        put_turn(&f.child, i, &f.total);
        put_turn(&f.own, i, &again);
    }
    return f;
}

static void leaves_the_replay_out(const struct family *f)
{
    char *peer = memo_of(&f->parent, NULL);
    struct feed child = scanned(&f->child, peer), own = scanned(&f->own, NULL);
    char want[TOLD_TEXT];

    strcpy(want, feed_counts(&own));
    counts_are(&f->child, peer, want);
    ck_assert_uint_eq(child.told.n_requests, 3);
    ck_assert_str_eq(child.told.requests[0].id, CHILD "#4"); /* counted on, whatever is left out */
    ck_assert_str_eq(child.told.requests[0].model, "gpt-5.2");
    ck_assert_str_eq(child.told.session, CHILD);
    ck_assert_str_eq(child.told.first, own.told.first);
    ck_assert_str_eq(child.told.last, own.told.last);
    feed_free(&child);
    feed_free(&own);
    free(peer);
}

START_TEST(a_fork_leaves_its_parents_part_out)
{
    struct family f = family_of(",\"forked_from_id\":\"" PARENT "\"");

    leaves_the_replay_out(&f);
}
END_TEST

START_TEST(a_spawned_rollout_leaves_its_parents_part_out)
{
    struct family f =
        family_of(",\"source\":{\"subagent\":{\"thread_spawn\":{\"parent_thread_id\":\"" PARENT "\"}}}");

    leaves_the_replay_out(&f);
}
END_TEST

/* Of a replay all lines are left out but those whose time is too long to be held back: no real one is. */
START_TEST(times_that_are_too_long_to_be_held_back)
{
    for (int len = 36; len < 45; len++) {
        struct family f = family_of("");
        struct usage again = {{0}};
        struct lines l = {0};
        char *peer = memo_of(&f.parent, NULL);

        put_meta(&l, CHILD, ",\"forked_from_id\":\"" PARENT "\"");
        put(&l,
            "{\"timestamp\":\"%0*d\",\"type\":\"response_item\",\"payload\":{\"type\":\"function_call\"}}",
            len, 7);
        put_turn(&l, 1, &again);
        counts_are(&l, peer, len < 40 ? "i=0 o=0 w=0 r=0 u=0" : "i=0 o=0 w=0 r=0 u=1");
        free(peer);
    }
}
END_TEST

START_TEST(a_spawned_rollout_without_a_replay_is_all_its_own)
{
    struct family f = family_of(",\"parent_thread_id\":\"" PARENT "\"");
    struct usage total = {{0}};
    struct lines l = {0};
    char *peer = memo_of(&f.parent, NULL);
    struct feed alone;

    put_meta(&l, CHILD, ",\"parent_thread_id\":\"" PARENT "\"");
    put_item(&l, "function_call", 20);
    put_turn(&l, 21, &total);
    put_turn(&l, 22, &total);
    alone = scanned(&l, NULL);
    counts_are(&l, peer, feed_counts(&alone));
    ck_assert_uint_eq(alone.told.count[OKS_TOOL_USES], 3);
    feed_every_cut(OKS_SOURCE_CODEX, l.bytes, l.len, peer);
    feed_free(&alone);
    free(peer);
}
END_TEST

START_TEST(a_memo_says_when_it_no_longer_holds)
{
    struct family f = family_of(",\"forked_from_id\":\"" PARENT "\"");
    char *peer = memo_of(&f.parent, NULL), *alone = memo_of(&f.child, NULL),
         *beside = memo_of(&f.child, peer);

    ck_assert(oks_source_codex.agrees(alone, ""));
    ck_assert(!oks_source_codex.agrees(alone, peer)); /* the parent turned up */
    ck_assert(oks_source_codex.agrees(beside, peer));
    ck_assert(!oks_source_codex.agrees(beside, "")); /* and went */
    ck_assert(oks_source_codex.agrees("", peer));    /* not a memo of ours */
    free(peer);
    free(alone);
    free(beside);
}
END_TEST

START_TEST(of_two_forks_of_each_other_one_is_the_original)
{
    struct lines a = {0}, b = {0};
    struct usage one = {{0}}, two = {{0}};
    char *of_a, *of_b;

    put_meta(&a, PARENT, ",\"forked_from_id\":\"" CHILD "\"");
    put_turn(&a, 1, &one);
    put_meta(&b, CHILD, ",\"forked_from_id\":\"" PARENT "\"");
    put_turn(&b, 1, &two);
    of_a = memo_of(&a, NULL);
    of_b = memo_of(&b, NULL);
    counts_are(&a, of_b, "i=695 o=51 w=21 r=301 u=1"); /* the smaller id */
    counts_are(&b, of_a, "i=0 o=0 w=0 r=0 u=0");
    free(of_a);
    free(of_b);
}
END_TEST

/* The archived copy and the live rollout of one session. */
START_TEST(a_copy_repeats_to_the_end)
{
    struct family f = family_of("");
    struct lines longer = {0};
    char *peer = memo_of(&f.parent, NULL);

    counts_are(&f.parent, peer, "i=0 o=0 w=0 r=0 u=0");
    put_all(&longer, &f.parent);
    put_turn(&longer, 10, &f.total);
    counts_are(&longer, peer, "i=839 o=60 w=21 r=310 u=1"); /* it goes on */
    free(peer);
}
END_TEST

/* --- growing --- */

START_TEST(a_growing_rollout_says_what_a_whole_one_does)
{
    struct family f = family_of("");

    put_info(&f.parent, 4, "null");
    put_item(&f.parent, "web_search_call", 5);
    feed_every_cut(OKS_SOURCE_CODEX, f.parent.bytes, f.parent.len, NULL);
}
END_TEST

START_TEST(a_growing_fork_says_what_a_whole_one_does)
{
    struct family f = family_of(",\"forked_from_id\":\"" PARENT "\"");
    char *peer = memo_of(&f.parent, NULL);

    feed_every_cut(OKS_SOURCE_CODEX, f.child.bytes, f.child.len, peer);
    free(peer);
}
END_TEST

/* --- files --- */

START_TEST(which_files_are_rollouts)
{
    struct oks_slice id = oks_source_codex.id_of("2026/02/23/rollout-2026-02-23T12-40-23-" PARENT ".jsonl");

    ck_assert(oks_slice_eq(id, OKS_SLICE(PARENT)));
    id = oks_source_codex.id_of("rollout-x.jsonl");
    ck_assert(oks_slice_eq(id, OKS_SLICE("rollout-x")));
    ck_assert(oks_source_codex.wants("2026/02/23/rollout-2026-02-23T12-40-23-" PARENT ".jsonl"));
    ck_assert(oks_source_codex.wants("rollout-2026-02-23T12-40-23-" PARENT ".jsonl"));
    ck_assert(!oks_source_codex.wants("rollout-2026-02-23T12-40-23-" PARENT ".json"));
    ck_assert(!oks_source_codex.wants("rollout-2026/session.jsonl"));
    ck_assert(!oks_source_codex.wants("history.jsonl"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("scan_codex");

    TEST(s, only_advancing_events_count);
    TEST(s, only_items_of_responses_are_tools);
    TEST(s, cached_and_written_tokens_are_no_input);
    TEST(s, what_a_request_used_may_follow_from_the_sums_alone);
    TEST(s, the_model_is_the_last_that_was_set);
    TEST(s, tool_calls_count_where_they_were_logged);
    TEST(s, what_is_not_said_is_not_zero);
    TEST(s, values_that_are_no_counts_are_told);
    TEST(s, a_rollout_says_where_it_belongs);
    TEST(s, a_fork_leaves_its_parents_part_out);
    TEST(s, a_spawned_rollout_leaves_its_parents_part_out);
    TEST(s, times_that_are_too_long_to_be_held_back);
    TEST(s, a_spawned_rollout_without_a_replay_is_all_its_own);
    TEST(s, a_memo_says_when_it_no_longer_holds);
    TEST(s, of_two_forks_of_each_other_one_is_the_original);
    TEST(s, a_copy_repeats_to_the_end);
    TEST(s, a_growing_rollout_says_what_a_whole_one_does);
    TEST(s, a_growing_fork_says_what_a_whole_one_does);
    TEST(s, which_files_are_rollouts);
    return tap_run(s);
}
