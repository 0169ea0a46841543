/* Who waits without reading learns of every change, and of nothing else. */
#include <poll.h>

#include "engine_home.h"
#include "okstrafs/change_fd.h"

#define P PROJECTS "-p/"

static struct oks_engine *engine;
static const struct oks_target all = {.kind = OKS_ALL};

static void begin(enum oks_revalidate mode)
{
    scratch_setup();
    make_parents(P);
    make_parents("okstra/okstrafs/");
    engine = engine_open((struct engine_options){.revalidate = mode});
    ck_assert_int_ge(oks_engine_change_fd(engine), 0);
}

static void setup(void)
{
    begin(OKS_REVALIDATE_INOTIFY);
}

static void setup_stat(void)
{
    begin(OKS_REVALIDATE_STAT);
}

static void teardown(void)
{
    oks_engine_free(engine);
    scratch_teardown();
}

static char *line(int input)
{
    return text_of("%s\n", record("2026-06-10T01:00:00.000Z", input, 1, 0, 0));
}

static bool has_changes(void)
{
    struct pollfd fd = {.fd = oks_engine_change_fd(engine), .events = POLLIN};

    ck_assert_int_ge(fd.fd, 0);
    return poll(&fd, 1, 0) == 1;
}

/* As the notifier does. */
static void look(void)
{
    oks_engine_changes_seen(engine);
    sync_target(engine, all, false);
}

/* Nothing is left of what the look itself took up. */
static void settle(void)
{
    for (int i = 0; i < 3; i++)
        look();
    ck_assert(!has_changes());
}

START_TEST(a_change_is_reported_until_it_was_looked_at)
{
    put_file(P "a.jsonl", line(1));
    settle();
    append_file(P "a.jsonl", line(2));
    ck_assert(has_changes());
    settle();
    put_file(P "b.jsonl", line(1));
    ck_assert(has_changes());
    settle();
    ck_assert_int_eq(unlink(at(P "b.jsonl")), 0);
    ck_assert(has_changes());
    settle();
}
END_TEST

START_TEST(what_a_reader_took_up_is_reported_still)
{
    put_file(P "a.jsonl", line(1));
    settle();
    append_file(P "a.jsonl", line(2));
    sync_target(engine, all, false);
    ck_assert(has_changes());
    settle();
    append_file(P "a.jsonl", line(2));
    sync_target(engine, all, true); /* took the event, and did not read the file */
    ck_assert(has_changes());
    look();
    settle();
}
END_TEST

START_TEST(reading_alone_is_no_change)
{
    put_file(P "a.jsonl", line(1));
    settle();
    for (int i = 0; i < 3; i++)
        sync_target(engine, all, i == 1);
    ck_assert(!has_changes());
}
END_TEST

START_TEST(the_users_files_are_reported)
{
    settle();
    put_file("okstra/okstrafs/prices.json", "{}");
    ck_assert(has_changes());
    settle();
}
END_TEST

START_TEST(a_root_that_comes_is_reported)
{
    ck_assert_int_eq(rmdir(at(P)), 0);
    ck_assert_int_eq(rmdir(at(PROJECTS)), 0);
    ck_assert_int_eq(rmdir(at("claude")), 0);
    settle();
    make_parents("claude/");
    ck_assert(has_changes());
    settle();
    make_parents(PROJECTS);
    ck_assert(has_changes());
    look();
    put_file(P "a.jsonl", line(1));
    look();
    ck_assert_int_ne(oks_engine_version(engine, &(struct oks_target){OKS_SESSION, "a", NULL}), 0);
    settle();
    append_file(P "a.jsonl", line(1));
    ck_assert(has_changes());
}
END_TEST

START_TEST(blind_where_only_stat_sees)
{
    put_file(P "a.jsonl", line(1));
    look();
    ck_assert(!oks_engine_needs_polling(engine));
}
END_TEST

START_TEST(blind_without_watches)
{
    put_file(P "a.jsonl", line(1));
    look();
    ck_assert(oks_engine_needs_polling(engine));
    oks_engine_changes_seen(engine);
    append_file(P "a.jsonl", line(2));
    sync_target(engine, all, false);
    ck_assert(has_changes()); /* a sync found it, if not a watch */
}
END_TEST

START_TEST(settled_is_who_holds_all_that_is_known)
{
    put_file(P "a.jsonl", line(1));
    ck_assert(!oks_engine_is_settled(engine, &all, false));
    ck_assert(!oks_engine_is_settled(engine, &all, true));
    sync_target(engine, all, true);
    ck_assert(oks_engine_is_settled(engine, &all, true));
    ck_assert(!oks_engine_is_settled(engine, &all, false));
    sync_target(engine, all, false);
    ck_assert(oks_engine_is_settled(engine, &all, false));
    append_file(P "a.jsonl", line(2));
    ck_assert(oks_engine_is_settled(engine, &all, false)); /* nobody has noticed yet */
    sync_target(engine, all, true);
    ck_assert(!oks_engine_is_settled(engine, &all, false));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("change_fd");
    TCase *stat = tcase_create("stat"), *watched = tcase_create("watched");

    tcase_add_checked_fixture(watched, setup, teardown);
    tcase_add_test(watched, a_change_is_reported_until_it_was_looked_at);
    tcase_add_test(watched, what_a_reader_took_up_is_reported_still);
    tcase_add_test(watched, reading_alone_is_no_change);
    tcase_add_test(watched, the_users_files_are_reported);
    tcase_add_test(watched, a_root_that_comes_is_reported);
    tcase_add_test(watched, blind_where_only_stat_sees);
    tcase_add_test(watched, settled_is_who_holds_all_that_is_known);
    suite_add_tcase(suite, watched);
    tcase_add_checked_fixture(stat, setup_stat, teardown);
    tcase_add_test(stat, blind_without_watches);
    suite_add_tcase(suite, stat);
    return tap_run(suite);
}
