/* A sync asks nothing where nothing happened, and hears of everything that may change what it would find. */
#include <sched.h>
#include <sys/mount.h>

#include "engine/engine_private.h"
#include "discovery/unchanged.h"
#include "engine_home.h"

#define P PROJECTS "-p/"

static struct oks_engine *engine;

static void reopen(struct engine_options options)
{
    engine_close(engine);
    engine = engine_open(options);
}

/* Without caches what is gone is gone. */
static void setup(void)
{
    scratch_setup();
    put_file(P "a.jsonl", text_of("%s\n", record("2026-06-10T01:00:00Z", 1, 0, 0, 0)));
    make_folder("okstra");
    engine = engine_open((struct engine_options){.no_cache = true});
}

static void teardown(void)
{
    engine_close(engine);
    scratch_teardown();
}

static bool is_quiet(void)
{
    bool quiet;

    pthread_mutex_lock(&engine->model.lock);
    quiet = discovery_is_unchanged(engine->discovery);
    pthread_mutex_unlock(&engine->model.lock);
    return quiet;
}

/* One look takes up what the test itself has done; but folders above are everybody's, and others use them
 * now. */
static void settle(void)
{
    int tries = 0;

    while (!is_quiet()) {
        ck_assert_int_lt(++tries, 2000);
        sessions(engine);
    }
}

static void move(const char *from, const char *to)
{
    ck_assert_int_eq(rename(at(from), at(to)), 0);
}

START_TEST(after_a_look_all_is_quiet)
{
    ck_assert(!is_quiet());
    settle();
    append_file(P "a.jsonl", "{}\n");
    ck_assert(!is_quiet());
    settle();
    put_file(PROJECTS "-q/b.jsonl", "{}\n");
    ck_assert(!is_quiet());
    ck_assert_str_eq(sessions(engine), "a b");
    settle();
}
END_TEST

START_TEST(folders_above_a_root_are_heard)
{
    settle();
    move("claude", "elsewhere");
    ck_assert(!is_quiet());
    ck_assert_str_eq(sessions(engine), "");
    settle();
    move("elsewhere", "claude");
    ck_assert(!is_quiet());
    ck_assert_str_eq(sessions(engine), "a");
    settle();
}
END_TEST

/* Far above: the scratch folder itself, whose parent is everybody's. */
START_TEST(also_those_far_above)
{
    char away[sizeof(scratch) + 8];

    settle();
    snprintf(away, sizeof(away), "%s-away", scratch);
    ck_assert_int_eq(rename(scratch, away), 0);
    ck_assert(!is_quiet());
    ck_assert_str_eq(sessions(engine), "");
    ck_assert_int_eq(rename(away, scratch), 0);
    ck_assert(!is_quiet());
    ck_assert_str_eq(sessions(engine), "a");
    settle();
}
END_TEST

START_TEST(a_root_that_comes_is_heard)
{
    move("claude", "elsewhere");
    ck_assert_str_eq(sessions(engine), "");
    settle();
    make_folder("claude");
    ck_assert(!is_quiet());
    settle();
    move("elsewhere/projects", "claude/projects");
    ck_assert(!is_quiet());
    ck_assert_str_eq(sessions(engine), "a");
    settle();
}
END_TEST

START_TEST(the_users_files_are_heard)
{
    settle();
    put_file("okstra/okstrafs.json", "{\"version\": 1}");
    ck_assert(!is_quiet());
    settle();
    put_file("okstra/okstrafs/prices.json", "{}");
    ck_assert(!is_quiet());
    settle();
    put_file("okstra/okstrafs/prices.json", "{ }");
    ck_assert(!is_quiet());
    settle();
}
END_TEST

START_TEST(a_home_that_comes_is_heard)
{
    ck_assert_int_eq(rmdir(at("okstra")), 0);
    settle();
    make_folder("okstra");
    ck_assert(!is_quiet());
    settle();
    put_file("okstra/okstrafs.json", "{\"version\": 1}");
    ck_assert(!is_quiet());
}
END_TEST

START_TEST(what_was_forgotten_is_heard)
{
    size_t n;
    struct oks_engine *other;

    reopen((struct engine_options){0});
    settle();
    oks_engine_save(engine);
    ck_assert_int_eq(unlink(at(P "a.jsonl")), 0);
    ck_assert_str_eq(sessions(engine), "a"); /* retained */
    settle();
    other = engine_open((struct engine_options){.once = true});
    sessions(other);
    ck_assert_int_eq(oks_engine_forget(other, "a", &n), 0);
    oks_engine_free(other);
    ck_assert(!is_quiet());
    ck_assert_str_eq(sessions(engine), "");
    settle();
}
END_TEST

/* What lies above the target of a symlink is not watched. */
START_TEST(behind_a_symlink_nothing_is_quiet)
{
    move("claude", "real");
    ck_assert_int_eq(symlink("real", at("claude")), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(sessions(engine), "a");
        ck_assert(!is_quiet());
    }
    ck_assert_int_eq(unlink(at("claude")), 0);
    move("real", "claude");
    ck_assert_str_eq(sessions(engine), "a");
    settle();
}
END_TEST

START_TEST(a_mount_over_a_root_is_heard)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return;                                        /* not ours to mount */
    reopen((struct engine_options){.no_cache = true}); /* its list of mounts was that of the old namespace */
    settle();
    make_folder("other");
    put_file("other/-p/b.jsonl", "{}\n");
    settle();
    ck_assert_int_eq(mount(at("other"), at("claude/projects"), NULL, MS_BIND, NULL), 0);
    ck_assert(!is_quiet());
    ck_assert_str_eq(sessions(engine), "b");
    settle();
    ck_assert_int_eq(umount2(at("claude/projects"), MNT_DETACH), 0);
    ck_assert(!is_quiet());
    ck_assert_ptr_nonnull(strstr(sessions(engine), "a"));
}
END_TEST

START_TEST(where_stat_is_asked_for_nothing_is_quiet)
{
    reopen((struct engine_options){.no_cache = true, .revalidate = OKS_REVALIDATE_STAT});
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(sessions(engine), "a");
        ck_assert(!is_quiet());
    }
}
END_TEST

#define QUIET_TEST(suite, function)                         \
    do {                                                    \
        TCase *tcase_ = tcase_create(#function);            \
        tcase_set_timeout(tcase_, 60);                      \
        tcase_add_checked_fixture(tcase_, setup, teardown); \
        tcase_add_test(tcase_, function);                   \
        suite_add_tcase(suite, tcase_);                     \
    } while (0)

int main(void)
{
    Suite *suite = suite_create("quiet");

    QUIET_TEST(suite, after_a_look_all_is_quiet);
    QUIET_TEST(suite, folders_above_a_root_are_heard);
    QUIET_TEST(suite, also_those_far_above);
    QUIET_TEST(suite, a_root_that_comes_is_heard);
    QUIET_TEST(suite, the_users_files_are_heard);
    QUIET_TEST(suite, a_home_that_comes_is_heard);
    QUIET_TEST(suite, what_was_forgotten_is_heard);
    QUIET_TEST(suite, behind_a_symlink_nothing_is_quiet);
    QUIET_TEST(suite, a_mount_over_a_root_is_heard);
    QUIET_TEST(suite, where_stat_is_asked_for_nothing_is_quiet);
    return tap_run(suite);
}
