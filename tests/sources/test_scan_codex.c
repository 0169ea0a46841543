/*
 * Codex's rollouts: which lines are requests, which of them are the same in other rollouts, and that neither
 * depends on when somebody looked. tests/mount/test_codex.py compares homes of several rollouts.
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

/* "<model> <input>/<write>/<read>/<output>", one a line, in the order in which they were told. */
static const char *requests_of(const struct feed *feed)
{
    struct told now = feed_now(feed);
    char *text = feed_text_room(), *p = text;

    *p = '\0';
    for (size_t i = 0; i < now.n_requests; i++)
        p += sprintf(p, "%s %" PRIu64 "/%" PRIu64 "/%" PRIu64 "/%" PRIu64 "\n", now.requests[i].model,
                     now.requests[i].usage.input, now.requests[i].usage.cache_creation,
                     now.requests[i].usage.cache_read, now.requests[i].usage.output);
    return text;
}

static void requests_are(const struct lines *lines, const char *peers, const char *want)
{
    struct feed feed = scanned(lines, peers);

    ck_assert_str_eq(requests_of(&feed), want);
    feed_free(&feed);
}

/* What catalog gives a rollout whose requests are all of another owner, if it has those of `lines`. */
static char *foreign_of(const struct lines *lines)
{
    struct feed feed = scanned(lines, NULL);
    char *text = malloc(32 + feed.told.n_requests * TOLD_NAME), *p = text;

    p += sprintf(p, "self rollout-x -");
    for (size_t i = 0; i < feed.told.n_requests; i++)
        p += sprintf(p, " %s", feed.told.requests[i].id);
    feed_free(&feed);
    return text;
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

    put_meta(&l, PARENT, "");
    put_model(&l, "gpt-5.2");
    put_count(&l, 1, (struct usage){{100, 60, 10, 5, 2, 105}}, &(struct usage){{100, 60, 10, 5, 2, 105}});
    /* more cached than there is input: no wrap */
    put_count(&l, 2, (struct usage){{110, 90, 10, 6, 2, 116}}, &(struct usage){{10, 30, 0, 1, 0, 11}});
    counts_are(&l, NULL, "i=30 o=6 w=10 r=90 u=0");
    requests_are(&l, NULL, "gpt-5.2 30/10/60/5\ngpt-5.2 0/0/30/1\n");
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

START_TEST(the_model_is_the_last_that_was_set_else_the_first)
{
    struct usage one = {{10, 0, 0, 1, 0, 11}};
    struct lines l = {0};

    put_meta(&l, PARENT, "");
    put_item(&l, "function_call", 1);
    put_count(&l, 1, one, &one); /* before any is known */
    requests_are(&l, NULL, " 10/0/0/1\n");
    put_model(&l, "gpt-5.2");
    put_count(&l, 2, (struct usage){{20, 0, 0, 2, 0, 22}}, &one);
    put_model(&l, "");
    put_count(&l, 3, (struct usage){{30, 0, 0, 3, 0, 33}}, &one);
    put_model(&l, "gpt-5.4-mini");
    put_count(&l, 4, (struct usage){{40, 0, 0, 4, 0, 44}}, &one);
    requests_are(&l, NULL, "gpt-5.2 10/0/0/1\ngpt-5.2 10/0/0/1\ngpt-5.2 10/0/0/1\ngpt-5.4-mini 10/0/0/1\n");
    counts_are(&l, NULL, "i=40 o=4 w=0 r=0 u=1");
    feed_every_cut(OKS_SOURCE_CODEX, l.bytes, l.len, NULL);
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
    put(&l, "{\"type\":\"token_usage_record\",\"payload\":{\"usage\":null}}");
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
    ck_assert(oks_source_codex.alone(feed.memo));
    ck_assert(oks_source_codex.parent_of(feed.memo, name, sizeof(name)));
    ck_assert_str_eq(name, PARENT);
    feed_free(&feed);
    put_meta(&other, CHILD,
             ",\"source\":\"cli\",\"forked_from_id\":\"" PARENT
             "\",\"history_base\":{\"thread_id\":\"page\"}");
    memo = memo_of(&other, NULL);
    ck_assert(oks_source_codex.origin(memo, name, sizeof(name)));
    ck_assert_str_eq(name, PARENT);
    ck_assert(!oks_source_codex.origin(memo, name, strlen(PARENT)));
    ck_assert(!oks_source_codex.parent_of(memo, name, sizeof(name)));
    ck_assert(!oks_source_codex.alone(memo));
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
    char *peer = foreign_of(&f->parent);
    struct feed child = scanned(&f->child, peer), own = scanned(&f->own, NULL);
    char want[TOLD_TEXT];

    strcpy(want, feed_counts(&own));
    counts_are(&f->child, peer, want);
    ck_assert_uint_eq(child.told.n_requests, 3);
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
        char *peer = foreign_of(&f.parent);

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
    char *peer = foreign_of(&f.parent);
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

START_TEST(a_memo_says_what_it_was_made_with)
{
    struct family f = family_of(",\"forked_from_id\":\"" PARENT "\"");
    char *peer = foreign_of(&f.parent), *alone = memo_of(&f.child, NULL), *beside = memo_of(&f.child, peer);
    struct feed parent = scanned(&f.parent, NULL);
    uint64_t sum = 0;

    for (size_t i = 0; i < parent.told.n_requests; i++)
        sum += strtoull(parent.told.requests[i].id, NULL, 16);
    ck_assert_uint_eq(oks_source_codex.assumed(alone), 0);
    ck_assert_uint_eq(oks_source_codex.assumed(beside), sum);
    ck_assert_uint_eq(oks_source_codex.assumed("codex1 not a memo of ours"), 0);
    feed_free(&parent);
    free(peer);
    free(alone);
    free(beside);
}
END_TEST

/* The archived copy and the live rollout of one session. */
START_TEST(a_copy_repeats_to_the_end)
{
    struct family f = family_of("");
    struct lines longer = {0};
    char *peer = foreign_of(&f.parent);

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
    char *peer = foreign_of(&f.parent);

    feed_every_cut(OKS_SOURCE_CODEX, f.child.bytes, f.child.len, peer);
    free(peer);
}
END_TEST

/* --- records --- */

#define TURN(n) "019c8a4c-0000-7000-8000-0000000000" n

static void put_turn_id(struct lines *to, const char *turn, const char *model)
{
    put(to,
        "{\"timestamp\":\"2026-02-23T12:00:01.000Z\",\"type\":\"turn_context\","
        "\"payload\":{\"turn_id\":\"%s\",\"model\":\"%s\"}}",
        turn, model);
}

/* `response` NULL: the record has none. */
static void put_record(struct lines *to, int minute, const char *turn, const char *response,
                       struct usage used)
{
    char id[128] = "", usage[512], sum[512];

    if (response)
        sprintf(id, "\"response_id\":\"%s\",", response);
    usage_text(usage, "usage", used);
    usage_text(sum, "thread_token_usage", used);
    put(to,
        "{\"timestamp\":\"2026-02-23T12:%02d:02.500Z\",\"type\":\"token_usage_record\",\"payload\":{"
        "\"thread_id\":\"" PARENT "\",\"turn_id\":\"%s\",%s%s,%s}}",
        minute, turn, id, usage, sum);
}

static struct usage sum_of(struct usage a, struct usage b)
{
    for (int i = 0; i < 6; i++)
        a.n[i] += b.n[i];
    return a;
}

static const struct usage first = {{100, 60, 10, 5, 2, 105}}, second = {{200, 150, 0, 7, 0, 207}},
                          third = {{300, 250, 0, 9, 0, 309}};

/* Told once, whether a line of each kind is there, in whichever order, or only one. */
START_TEST(a_record_and_its_count_are_one_request)
{
    for (int kinds = 0; kinds < 4; kinds++) {
        struct lines l = {0};

        put_meta(&l, PARENT, "");
        put_turn_id(&l, TURN("0a"), "gpt-5.5");
        for (int i = 0; i < 2; i++) {
            struct usage total = i ? sum_of(first, second) : first;

            put_item(&l, "function_call", i);
            if (kinds == 0 || kinds == 1)
                put_record(&l, i, TURN("0a"), i ? "resp_2" : "resp_1", i ? second : first);
            if (kinds != 1) {
                put_count(&l, i, total, i ? &second : &first);
                put_count(&l, i, total, i ? &second : &first);
            }
            if (kinds == 2)
                put_record(&l, i, TURN("0a"), i ? "resp_2" : "resp_1", i ? second : first);
        }
        requests_are(&l, NULL, "gpt-5.5 30/10/60/5\ngpt-5.5 50/0/150/7\n");
        counts_are(&l, NULL, "i=80 o=12 w=10 r=210 u=2");
        feed_every_cut(OKS_SOURCE_CODEX, l.bytes, l.len, NULL);
    }
}
END_TEST

START_TEST(what_is_covered_is_decided_count_by_count)
{
    struct usage total = first;
    struct lines l = {0};

    put_meta(&l, PARENT, "");
    put_turn_id(&l, TURN("0a"), "gpt-5.5");
    put_count(&l, 1, total, &first); /* of a version without records */
    put_record(&l, 2, TURN("0a"), "resp_2", second);
    put_count(&l, 2, total = sum_of(total, second), &second);
    put_record(&l, 3, TURN("0a"), "resp_3", third); /* a compaction's: no count follows */
    put_count(&l, 3, total, &second);
    put_record(&l, 4, TURN("0a"), "resp_4", first);
    put_record(&l, 4, TURN("0a"), "resp_4", first); /* the same line again */
    put_count(&l, 4, total = sum_of(total, first), &first);
    put_count(&l, 5, total = sum_of(total, first), &first); /* and one that nobody covers */
    put_record(&l, 6, TURN("0a"), "resp_6", second);        /* not the same: another request */
    requests_are(&l, NULL,
                 "gpt-5.5 30/10/60/5\ngpt-5.5 50/0/150/7\ngpt-5.5 50/0/250/9\ngpt-5.5 30/10/60/5\n"
                 "gpt-5.5 30/10/60/5\ngpt-5.5 50/0/150/7\n");
    counts_are(&l, NULL, "i=240 o=38 w=30 r=730 u=0");
    feed_every_cut(OKS_SOURCE_CODEX, l.bytes, l.len, NULL);
}
END_TEST

static void put_record_of(struct lines *to, const char *thread, const char *more)
{
    put(to,
        "{\"timestamp\":\"2026-02-23T12:01:03.000Z\",\"type\":\"token_usage_record\",\"payload\":{"
        "\"thread_id\":\"%s\",\"response_id\":\"resp_1\",\"usage\":{\"input_tokens\":100,\"output_tokens\":5}"
        "}%s}",
        thread, more);
}

/* The key of one is not taken for that of another whose name goes on behind a NUL. */
START_TEST(threads_are_told_apart_as_a_whole)
{
    const char *const threads[] = {"a\\u0000b", "a", "a\\u0000b", "a\\u0000c"};
    struct lines l = {0};

    put_meta(&l, PARENT, "");
    put_model(&l, "gpt-5.5");
    for (size_t i = 0; i < sizeof(threads) / sizeof(*threads); i++) {
        put_record_of(&l, threads[i], "");
        put_record_of(&l, threads[i], ""); /* the same line again */
    }
    requests_are(&l, NULL, "gpt-5.5 100/0/0/5\ngpt-5.5 100/0/0/5\ngpt-5.5 100/0/0/5\n");
    feed_every_cut(OKS_SOURCE_CODEX, l.bytes, l.len, NULL);
}
END_TEST

/* Whatever stood in the payload before, in the line before or earlier in the line. */
START_TEST(a_payload_holds_nothing_of_another)
{
    struct lines l = {0};

    put_meta(&l, PARENT, "");
    put_model(&l, "gpt-5.5");
    put_record_of(&l, "a", "");
    put_item(&l, "message", 2);
    put_record_of(&l, "b", ",\"payload\":{\"response_id\":\"resp_2\"}");
    put_record_of(&l, "c", ",\"payload\":1");
    put(&l, "{\"timestamp\":\"2026-02-23T12:03:03.000Z\",\"type\":\"token_usage_record\",\"payload\":{"
            "\"usage\":{\"input_tokens\":9},\"usage\":{\"output_tokens\":7},\"response_id\":\"resp_3\"}}");
    requests_are(&l, NULL, "gpt-5.5 100/0/0/5\ngpt-5.5 0/0/0/7\n");
    counts_are(&l, NULL, "i=100 o=12 w=0 r=0 u=0");
}
END_TEST

START_TEST(a_record_may_lack_its_response)
{
    struct lines l = {0};

    put_meta(&l, PARENT, "");
    put_turn_id(&l, TURN("0a"), "gpt-5.5");
    put_record(&l, 1, TURN("0a"), NULL, first);
    put_record(&l, 1, TURN("0a"), NULL, first); /* the thread's sum did not move */
    put_record(&l, 1, TURN("0b"), NULL, first);
    requests_are(&l, NULL, "gpt-5.5 30/10/60/5\ngpt-5.5 30/10/60/5\n");
}
END_TEST

START_TEST(a_records_model_is_that_of_its_turn)
{
    struct lines l = {0};

    put_meta(&l, PARENT, "");
    put_turn_id(&l, TURN("0a"), "gpt-5.5");
    put_turn_id(&l, TURN("0b"), "gpt-5.4-mini");
    put_record(&l, 1, TURN("0a"), "resp_1", first);
    put_record(&l, 2, TURN("0b"), "resp_2", first);
    put_record(&l, 3, TURN("0c"), "resp_3", first);
    requests_are(&l, NULL, "gpt-5.5 30/10/60/5\ngpt-5.4-mini 30/10/60/5\ngpt-5.4-mini 30/10/60/5\n");
    feed_every_cut(OKS_SOURCE_CODEX, l.bytes, l.len, NULL);
}
END_TEST

START_TEST(imported_conversations_are_no_usage)
{
    struct lines l = {0};

    put_meta(&l, PARENT, "");
    put_turn_id(&l, "external-import-1", "gpt-5.5");
    put_count(&l, 1, first, &first);
    put_record(&l, 1, "external-import-1", "resp_1", first);
    put_turn_id(&l, TURN("0a"), "gpt-5.5");
    put_count(&l, 2, sum_of(first, second), &second);
    requests_are(&l, NULL, "gpt-5.5 50/0/150/7\n");
}
END_TEST

/* The keys of all requests, sorted by what they are told from. */
static const char *keys_of(const struct lines *lines)
{
    struct feed feed = scanned(lines, NULL);
    char *text = feed_text_room(), *p = text;

    *p = '\0';
    for (size_t i = 0; i < feed.told.n_requests; i++)
        p += sprintf(p, "%s\n", feed.told.requests[i].id);
    feed_free(&feed);
    return text;
}

static const char *key_of_count(const char *id, const char *more, const char *copied, const char *turn)
{
    struct lines l = {0};

    put_meta(&l, id, more);
    if (copied)
        put_meta(&l, copied, "");
    put_turn_id(&l, turn, "gpt-5.5");
    put_count(&l, 1, first, &first);
    return keys_of(&l);
}

START_TEST(copies_of_a_count_have_one_key)
{
    const char *old = key_of_count(PARENT, "", NULL, "1"), *now = key_of_count(PARENT, "", NULL, TURN("0a"));

    ck_assert_str_ne(old, now);
    /* The id of a turn, if it is a UUID, is enough. */
    ck_assert_str_eq(now, key_of_count(CHILD, "", NULL, TURN("0a")));
    ck_assert_str_ne(now, key_of_count(PARENT, "", NULL, TURN("0b")));
    /* Else it is one in a family, which is named in several ways. */
    ck_assert_str_ne(old, key_of_count(CHILD, "", NULL, "1"));
    ck_assert_str_eq(old, key_of_count(CHILD, "", PARENT, "1"));
    ck_assert_str_eq(old, key_of_count(CHILD, ",\"forked_from_id\":\"" PARENT "\"", NULL, "1"));
    ck_assert_str_eq(old, key_of_count(CHILD, ",\"parent_thread_id\":\"" PARENT "\"", NULL, "1"));
    ck_assert_str_eq(
        old, key_of_count(CHILD, ",\"forked_from_id\":\"middle\",\"session_id\":\"" PARENT "\"", NULL, "1"));
}
END_TEST

/* The alias of a covered count is the key that a copy without the record has. */
START_TEST(a_covered_counts_key_is_an_alias)
{
    struct lines both = {0}, turned = {0}, counts = {0};
    const char *key;

    put_meta(&both, PARENT, "");
    put_turn_id(&both, TURN("0a"), "gpt-5.5");
    put_all(&counts, &both);
    put_all(&turned, &both);
    put_record(&both, 1, TURN("0a"), "resp_1", first);
    put_count(&both, 1, first, &first);
    put_count(&turned, 1, first, &first);
    put_record(&turned, 1, TURN("0a"), "resp_1", first);
    put_count(&counts, 1, first, &first);
    key = keys_of(&counts);
    ck_assert_str_eq(keys_of(&both), keys_of(&turned));
    ck_assert_str_ne(keys_of(&both), key);
    for (int i = 0; i < 2; i++) {
        struct lines *l = i ? &both : &turned;
        struct feed feed = feed_new(OKS_SOURCE_CODEX, OKS_ISA_AUTO, NULL);

        /* Without the '\n', the line is the unfinished one, and is what was told last. */
        feed_to(&feed, l->bytes, l->len - 1);
        ck_assert_int_eq(strncmp(feed.tail.alias, key, 16), 0);
        feed_free(&feed);
    }
}
END_TEST

/* --- pages --- */

START_TEST(a_page_may_open_with_the_last_count_of_another)
{
    struct lines one = {0}, page = {0}, other = {0};
    char *peer, *beside, *alone;

    put_meta(&one, PARENT, "");
    put_turn_id(&one, TURN("0a"), "gpt-5.5");
    put_count(&one, 1, first, &first);
    put_count(&one, 2, sum_of(first, second), &second);
    peer = memo_of(&one, NULL);
    put_meta(&page, PARENT, ",\"history_base\":{\"thread_id\":\"" PARENT "\"}");
    put_turn_id(&page, TURN("0b"), "gpt-5.5");
    put_all(&other, &page);
    put_count(&page, 3, sum_of(first, second), &second);
    put_count(&page, 4, sum_of(sum_of(first, second), third), &third);
    requests_are(&page, NULL, "gpt-5.5 50/0/150/7\ngpt-5.5 50/0/250/9\n");
    requests_are(&page, peer, "gpt-5.5 50/0/250/9\n");
    counts_are(&page, peer, "i=50 o=9 w=0 r=250 u=0");
    feed_every_cut(OKS_SOURCE_CODEX, page.bytes, page.len, peer);
    put_count(&other, 3, sum_of(sum_of(first, second), third), &third); /* or not */
    requests_are(&other, peer, "gpt-5.5 50/0/250/9\n");
    alone = memo_of(&page, NULL);
    beside = memo_of(&page, peer);
    ck_assert(oks_source_codex.agrees(alone, ""));
    ck_assert(!oks_source_codex.agrees(alone, peer));
    ck_assert(oks_source_codex.agrees(beside, peer));
    ck_assert(!oks_source_codex.agrees(beside, ""));
    ck_assert(oks_source_codex.agrees(peer, beside)); /* the first page depends on nobody */
    free(peer);
    free(alone);
    free(beside);
}
END_TEST

/* The key of the request that a page beside these peers would not have; its memo agrees from then on. */
static uint64_t amended(const char *memo, const char *peers, char **now)
{
    uint64_t repeated = 1;

    ck_assert(!oks_source_codex.agrees(memo, peers));
    ck_assert_int_eq(oks_source_codex.amend(memo, peers, now, &repeated), 0);
    ck_assert(oks_source_codex.agrees(*now, peers));
    return repeated;
}

/*
 * Without the words that came with "codex4": the key of the first request, and the efforts, of now and of the
 * one turn. There are no limits in it, and no count is pending.
 */
static char *memo_of_former_version(const char *memo)
{
    enum { OPENED = 9, EFFORT = 18, PENDING = 25, EFFORT_OF_TURN = 35, COUNTS = 5 };
    char *former = strdup(memo), *to = former;
    int at = 0, turn = EFFORT_OF_TURN;

    ck_assert_int_eq(strncmp(memo, "codex4 ", 7), 0);
    for (const char *p = memo; *p; p += *p == ' ', at++) {
        size_t n = strcspn(p, " ");

        if (at == PENDING && strncmp(p, "0", n) != 0)
            turn += COUNTS;
        if (at != OPENED && at != EFFORT && at != turn)
            to += sprintf(to, "%s%.*s", at ? " " : "", (int)n, p);
        p += n;
    }
    former[strlen("codex")] = '3';
    return former;
}

/* Its file is gone before the page that it goes on from is there. */
START_TEST(a_page_without_a_file_is_amended)
{
    struct lines one = {0}, page = {0};
    char *peer, *alone, *now, *back, *peers, *former;
    uint64_t repeated;

    put_meta(&one, PARENT, "");
    put_turn_id(&one, TURN("0a"), "gpt-5.5");
    put_count(&one, 1, first, &first);
    peer = memo_of(&one, NULL);
    put_meta(&page, PARENT, ",\"history_base\":{\"thread_id\":\"" PARENT "\"}");
    put_turn_id(&page, TURN("0b"), "gpt-5.5");
    put_count(&page, 3, first, &first);
    put_count(&page, 4, sum_of(first, second), &second);
    alone = memo_of(&page, NULL);
    repeated = amended(alone, peer, &now);
    ck_assert_uint_ne(repeated, 0);
    ck_assert_uint_eq(amended(now, "", &back), 0); /* the other one is forgotten */
    ck_assert_str_eq(back, alone);
    free(now);
    free(back);
    /* In the turn of the page before it is the request itself, which another transcript owns. */
    ck_assert_int_gt(asprintf(&peers, "self - - %" PRIx64 "\n%s", repeated, peer), 0);
    ck_assert_uint_eq(amended(alone, peers, &now), 0);
    free(now);
    free(peers);
    /* The version before did not say which request it is. */
    former = memo_of_former_version(alone);
    ck_assert_uint_eq(amended(former, peer, &now), 0);
    free(now);
    free(former);
    free(alone);
    free(peer);
}
END_TEST

START_TEST(a_pages_first_count_may_say_too_little)
{
    struct lines l = {0};

    put_meta(&l, PARENT, ",\"history_base\":{\"thread_id\":\"" PARENT "\"}");
    put_turn_id(&l, TURN("0b"), "gpt-5.5");
    put_count(&l, 1, first, NULL);
    put_count(&l, 2, sum_of(first, second), NULL);
    requests_are(&l, NULL, "gpt-5.5 50/0/150/7\n");
}
END_TEST

/* --- compactions --- */

static char compactions[256];

static int note_compaction(void *ctx, const struct oks_record *r, bool complete)
{
    (void)ctx;
    (void)complete;
    if (r->type == OKS_RECORD_SYSTEM && r->compact_trigger.ptr)
        sprintf(compactions + strlen(compactions), "%d %.*s\n", (int)r->compact_pre_tokens,
                (int)r->compact_trigger.len, r->compact_trigger.ptr);
    return 0;
}

START_TEST(compactions_are_told_once_each)
{
    struct oks_scanner *scanner = text_scanner(OKS_ISA_AUTO);
    struct oks_sink sink = {.ctx = NULL, .record = note_compaction, .team = NULL};
    struct oks_scan_result result;
    struct lines l = {0};

    put_meta(&l, PARENT, "");
    put_turn_id(&l, TURN("0a"), "gpt-5.5");
    put_record(&l, 1, TURN("0a"), "resp_1", third);
    put(&l,
        "{\"timestamp\":\"2026-02-23T12:02:00.000Z\",\"type\":\"compacted\",\"payload\":{\"message\":\"\"}}");
    put(&l, "{\"timestamp\":\"2026-02-23T12:02:00.000Z\",\"type\":\"event_msg\",\"payload\":{\"type\":"
            "\"context_compacted\"}}");
    put_count(&l, 3, first, &first);
    put(&l, "{\"timestamp\":\"2026-02-23T12:04:00.000Z\",\"type\":\"event_msg\",\"payload\":{\"type\":"
            "\"context_compacted\"}}");
    put(&l,
        "{\"timestamp\":\"2026-02-23T12:04:00.000Z\",\"type\":\"compacted\",\"payload\":{\"message\":\"\"}}");
    ck_assert_int_eq(source_scanner_set(scanner, OKS_SOURCE_CODEX, "", ""), 0);
    ck_assert_int_eq(oks_scanner_scan_bytes(scanner, l.bytes, l.len, 0, &sink, &result), 0);
    ck_assert_str_eq(compactions, "300 other\n300 other\n");
    oks_scanner_free(scanner);
}
END_TEST

/* --- files --- */

START_TEST(which_files_are_rollouts)
{
    struct oks_slice id = oks_source_codex.id_of("2026/02/23/rollout-2026-02-23T12-40-23-" PARENT ".jsonl");

    ck_assert(oks_slice_eq(id, OKS_SLICE(PARENT)));
    id = oks_source_codex.id_of("rollout-x.jsonl");
    ck_assert(oks_slice_eq(id, OKS_SLICE("rollout-x")));
    id = oks_source_codex.id_of("2026/02/23/rollout-2026-02-23T12-40-23-" PARENT "_" CHILD ".jsonl");
    ck_assert(oks_slice_eq(id, OKS_SLICE(PARENT)));
    id = oks_source_codex.id_of("rollout-2026-02-23T12-40-23-" PARENT ".jsonl.zst");
    ck_assert(oks_slice_eq(id, OKS_SLICE(PARENT)));
    id = oks_source_codex.name_of("a/rollout-2026-02-23T12-40-23-" PARENT "_" CHILD ".jsonl");
    ck_assert(oks_slice_eq(id, OKS_SLICE("rollout-2026-02-23T12-40-23-" PARENT "_" CHILD)));
    ck_assert(oks_source_codex.wants("2026/02/23/rollout-2026-02-23T12-40-23-" PARENT ".jsonl.zst"));
    ck_assert(!oks_source_codex.wants("2026/02/23/rollout-compress-x.jsonl.zst.tmp"));
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
    TEST(s, the_model_is_the_last_that_was_set_else_the_first);
    TEST(s, tool_calls_count_where_they_were_logged);
    TEST(s, what_is_not_said_is_not_zero);
    TEST(s, values_that_are_no_counts_are_told);
    TEST(s, a_rollout_says_where_it_belongs);
    TEST(s, a_fork_leaves_its_parents_part_out);
    TEST(s, a_spawned_rollout_leaves_its_parents_part_out);
    TEST(s, times_that_are_too_long_to_be_held_back);
    TEST(s, a_spawned_rollout_without_a_replay_is_all_its_own);
    TEST(s, a_memo_says_what_it_was_made_with);
    TEST(s, a_copy_repeats_to_the_end);
    TEST(s, a_growing_rollout_says_what_a_whole_one_does);
    TEST(s, a_growing_fork_says_what_a_whole_one_does);
    TEST(s, a_record_and_its_count_are_one_request);
    TEST(s, what_is_covered_is_decided_count_by_count);
    TEST(s, threads_are_told_apart_as_a_whole);
    TEST(s, a_payload_holds_nothing_of_another);
    TEST(s, a_record_may_lack_its_response);
    TEST(s, a_records_model_is_that_of_its_turn);
    TEST(s, imported_conversations_are_no_usage);
    TEST(s, copies_of_a_count_have_one_key);
    TEST(s, a_covered_counts_key_is_an_alias);
    TEST(s, a_page_may_open_with_the_last_count_of_another);
    TEST(s, a_page_without_a_file_is_amended);
    TEST(s, a_pages_first_count_may_say_too_little);
    TEST(s, compactions_are_told_once_each);
    TEST(s, which_files_are_rollouts);
    return tap_run(s);
}
