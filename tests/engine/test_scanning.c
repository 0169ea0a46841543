/*
 * Tests of the scan loop: who waits for the rest of a large file.
 *
 * The other thread, which reads that file in slices, is played by the test.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "engine/engine_private.h"
#include "engine_home.h"

#define OWN   PROJECTS "-p/a.jsonl"
#define LARGE PROJECTS "-other/large.jsonl"

static struct oks_engine *engine;

static void setup(void)
{
    scratch_setup();
    engine = engine_open((struct engine_options){.revalidate = OKS_REVALIDATE_AUTO});
}

static void teardown(void)
{
    oks_engine_free(engine);
    scratch_teardown();
}

static char *line_of(int input)
{
    return text_of("%s\n", record("2026-06-10T01:00:00Z", input, 0, 0, 0));
}

static struct transcript *begin_slice(void)
{
    struct transcript *t = catalog_transcript(&engine->model.catalog, at(LARGE));

    ck_assert_ptr_nonnull(t);
    pthread_mutex_lock(&engine->model.lock);
    t->behind = t->busy = t->scanning = true;
    LIST_INSERT_HEAD(&engine->scanning.current, t, of_current);
    engine->scanning.n_scanning++;
    catalog_mark_dirty(&engine->model.catalog, t, true);
    pthread_mutex_unlock(&engine->model.lock);
    return t;
}

static void end_slice(struct transcript *t)
{
    pthread_mutex_lock(&engine->model.lock);
    LIST_REMOVE(t, of_current);
    engine->scanning.n_scanning--;
    t->busy = t->scanning = false;
    pthread_cond_broadcast(&engine->scanning.idle);
    pthread_mutex_unlock(&engine->model.lock);
}

static void *sync_all(void *arg)
{
    sync_target(engine, (struct oks_target){.kind = OKS_ALL}, false);
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

static void *take_lock(void *arg)
{
    pthread_mutex_lock(&engine->model.lock);
    atomic_store((atomic_bool *)arg, true);
    pthread_mutex_unlock(&engine->model.lock);
    return NULL;
}

/* Who finds files lets others have the lock in between. */
START_TEST(a_walk_gives_up_the_lock)
{
    atomic_bool had = false;
    pthread_t thread;

    for (int i = 0; i < 3; i++)
        put_file(text_of(PROJECTS "-p/s%d.jsonl", i), "");
    ck_assert_uint_eq(input_tokens(engine, session("s1"), NULL), 0);
    ck_assert_uint_eq(engine->walked, 3);
    ck_assert(engine->started && !engine->walking);
    put_file(PROJECTS "-p/later.jsonl", "");
    ck_assert_uint_eq(input_tokens(engine, session("later"), NULL), 0);
    ck_assert_uint_eq(engine->walked, 4);
    pthread_mutex_lock(&engine->model.lock);
    engine->walking = true;
    ck_assert_int_eq(pthread_create(&thread, NULL, take_lock, &had), 0);
    while (!atomic_load(&had))
        engine_walk_on(engine);
    engine->walking = false;
    pthread_mutex_unlock(&engine->model.lock);
    pthread_join(thread, NULL);
}
END_TEST

/* Who needs its result waits for its end. */
START_TEST(a_sync_waits_for_a_walk)
{
    atomic_bool done = false;
    pthread_t thread;

    engine->walking = true;
    ck_assert_int_eq(pthread_create(&thread, NULL, sync_all, &done), 0);
    usleep(50000);
    ck_assert(!atomic_load(&done));
    pthread_mutex_lock(&engine->model.lock);
    engine->walking = false;
    pthread_cond_broadcast(&engine->scanning.idle);
    pthread_mutex_unlock(&engine->model.lock);
    pthread_join(thread, NULL);
    ck_assert(atomic_load(&done));
}
END_TEST

/* With many files they are read from the largest down to the smallest, and lost ones before all others. */
START_TEST(the_largest_file_is_read_first)
{
    static const int lines[] = {1, 40, 3, 900, 2, 5, 200, 1, 4, 7};
    const struct oks_target of_s0 = session("s0");
    struct transcript *t, *before = NULL;

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        put_file(text_of(PROJECTS "-p/s%zu.jsonl", i), "");
        ck_assert_int_eq(truncate(at(text_of(PROJECTS "-p/s%zu.jsonl", i)), lines[i] * 100), 0);
    }
    ck_assert_int_eq(oks_engine_sync(engine, &of_s0, true, NULL), 0);
    pthread_mutex_lock(&engine->model.lock);
    catalog_mark_lost(&engine->model.catalog,
                      catalog_transcript(&engine->model.catalog, at(PROJECTS "-p/s0.jsonl")));
    engine_sort_backlog(engine);
    TAILQ_FOREACH(t, &engine->model.catalog.dirty, queued) {
        ck_assert(!before || before->lost || before->size_seen * 2 > t->size_seen);
        ck_assert(t->lost == !before);
        before = t;
    }
    ck_assert_ptr_nonnull(before);
    ck_assert_uint_eq(before->size_seen, 100);
    pthread_mutex_unlock(&engine->model.lock);
}
END_TEST

static void put_rewritten(int input)
{
    put_file(LARGE, line_of(input));
    ck_assert_int_eq(truncate(at(LARGE), 80 << 20), 0); /* a hole, which is not read */
}

/* Such a file is read as a whole, because what it lacks counts as lost. */
START_TEST(a_large_file_that_was_rewritten_has_a_thread)
{
    put_file(OWN, line_of(1));
    put_file(LARGE, text_of("%s%s", line_of(20), line_of(21)));
    ck_assert_int_eq(input_tokens(engine, session("large"), NULL), 41);
    put_rewritten(5);
    ck_assert_int_eq(input_tokens(engine, session("a"), NULL), 1);
    ck_assert(engine->scanning.large_made);
    ck_assert_int_eq(input_tokens(engine, session("large"), NULL), 5);
    put_rewritten(6);
    ck_assert_int_eq(input_tokens(engine, session("a"), NULL), 1); /* by another thread */
    ck_assert_int_eq(input_tokens(engine, session("large"), NULL), 6);
    engine_scan_end(engine);
    put_rewritten(7);
    ck_assert_int_eq(input_tokens(engine, session("large"), NULL), 7); /* it reads its own itself */
    ck_assert(!engine->scanning.large_made);
}
END_TEST

START_TEST(a_session_is_not_held_up_by_a_scan_that_lasts)
{
    struct transcript *large;

    put_file(OWN, line_of(1));
    put_file(LARGE, line_of(20));
    ck_assert_int_eq(input_tokens(engine, session("large"), NULL), 20);
    append_file(LARGE, line_of(2));
    large = begin_slice();
    large->behind = false;
    large->scan_ns = 0; /* long ago */
    append_file(OWN, line_of(10));
    ck_assert_int_eq(input_tokens(engine, session("a"), NULL), 11);
    ck_assert(large->dirty);
    end_slice(large);
    ck_assert_int_eq(input_tokens(engine, session("large"), NULL), 22);
}
END_TEST

START_TEST(a_session_is_not_held_up_by_the_rest_of_a_large_file)
{
    struct transcript *large;
    atomic_bool done = false;
    pthread_t thread;

    put_file(OWN, line_of(1));
    put_file(LARGE, line_of(2));
    ck_assert_int_eq(input_tokens(engine, session("a"), NULL), 1);
    large = begin_slice();
    append_file(LARGE, line_of(20));
    append_file(OWN, line_of(10));
    ck_assert_int_eq(input_tokens(engine, session("a"), NULL), 11);
    ck_assert_int_eq(input_tokens(engine, project("-p"), NULL), 11);
    ck_assert(large->dirty);
    /* What depends on it waits. */
    ck_assert_int_eq(pthread_create(&thread, NULL, sync_all, &done), 0);
    usleep(50000);
    ck_assert(!atomic_load(&done));
    end_slice(large);
    pthread_join(thread, NULL);
    ck_assert(!large->dirty && !large->behind);
    ck_assert_int_eq(input_tokens(engine, session("large"), NULL), 22);
}
END_TEST

/* --- while a deleted transcript is being saved --- */

static void wait_until_loaded(const char *path)
{
    const struct transcript *t;
    bool loaded = false;

    while (!loaded) {
        usleep(1000);
        pthread_mutex_lock(&engine->model.lock);
        t = catalog_transcript(&engine->model.catalog, path);
        loaded = t && t->loaded;
        pthread_mutex_unlock(&engine->model.lock);
    }
}

/* The sync that finds `path` meets the saver, which has OWN. */
static void find_while_own_is_saved(const char *path)
{
    struct transcript *t = catalog_transcript(&engine->model.catalog, at(OWN));
    atomic_bool done = false;
    pthread_t thread;

    ck_assert(t && t->retained);
    pthread_mutex_lock(&engine->model.lock);
    t->busy = true;
    pthread_mutex_unlock(&engine->model.lock);
    ck_assert_int_eq(pthread_create(&thread, NULL, sync_all, &done), 0);
    wait_until_loaded(at(path));
    pthread_mutex_lock(&engine->model.lock);
    t->busy = false;
    pthread_cond_broadcast(&engine->scanning.idle);
    pthread_mutex_unlock(&engine->model.lock);
    pthread_join(thread, NULL);
}

START_TEST(a_deleted_file_gives_way_after_it_was_saved)
{
    put_file(OWN, line_of(1));
    ck_assert_int_eq(input_tokens(engine, session("a"), NULL), 1);
    ck_assert_int_eq(unlink(at(OWN)), 0);
    ck_assert_int_eq(input_tokens(engine, session("a"), NULL), 1);
    put_file(PROJECTS "-q/a.jsonl", line_of(20));
    find_while_own_is_saved(PROJECTS "-q/a.jsonl");
    ck_assert_int_eq(input_tokens(engine, session("a"), NULL), 20); /* the session has a file */
}
END_TEST

START_TEST(a_file_that_comes_back_is_found_after_it_was_saved)
{
    put_file(OWN, line_of(1));
    ck_assert_int_eq(input_tokens(engine, session("a"), NULL), 1);
    ck_assert_int_eq(rename(at(OWN), at("away.jsonl")), 0);
    ck_assert_int_eq(input_tokens(engine, session("a"), NULL), 1);
    ck_assert_int_eq(rename(at("away.jsonl"), at(PROJECTS "-p/b.jsonl")), 0);
    find_while_own_is_saved(PROJECTS "-p/b.jsonl");
    ck_assert_int_eq(input_tokens(engine, (struct oks_target){.kind = OKS_ALL}, NULL), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scanning");
    TCase *c = tcase_create("scanning");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_walk_gives_up_the_lock);
    tcase_add_test(c, the_largest_file_is_read_first);
    tcase_add_test(c, a_sync_waits_for_a_walk);
    tcase_add_test(c, a_session_is_not_held_up_by_the_rest_of_a_large_file);
    tcase_add_test(c, a_large_file_that_was_rewritten_has_a_thread);
    tcase_add_test(c, a_session_is_not_held_up_by_a_scan_that_lasts);
    tcase_add_test(c, a_deleted_file_gives_way_after_it_was_saved);
    tcase_add_test(c, a_file_that_comes_back_is_found_after_it_was_saved);
    suite_add_tcase(suite, c);
    return tap_run(suite);
}
