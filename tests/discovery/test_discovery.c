/* Discovery alone, over a table of events: no engine, no catalog. */
#include "failing_calls.h"

#include "discovery/discovery.h"
#include "discovery/watched_dirs.h"
#include "scratch.h"
#include "tap.h"

#define ROOT "claude/projects"

enum { FILES_MAX = 8 };

/* An owner of files, as the catalog is one. */
static struct owned {
    struct found_file file;
    char path[PATH_MAX];
    bool used;
} owned[FILES_MAX];

static struct discovery *discovery;
static char seen[4096]; /* the events since they were last looked at */

static void note(const char *event, const char *path)
{
    size_t len = strlen(seen);

    snprintf(seen + len, sizeof(seen) - len, "%s%s %s", len ? ", " : "", event, strrchr(path, '/') + 1);
}

static struct owned *owned_at(const char *path)
{
    for (int i = 0; i < FILES_MAX; i++)
        if (owned[i].used && strcmp(owned[i].path, path) == 0)
            return &owned[i];
    return NULL;
}

static int found(void *ctx, struct folder *folder, const char *path, const char *rel)
{
    struct owned *o = owned_at(path);

    (void)ctx;
    /* Check allocates, so nothing is asserted here: allocations may fail. */
    note(strcmp(rel, path + strlen(folder->root->path) + 1) == 0 ? "found" : "wrong", path);
    for (int i = 0; !o && i < FILES_MAX; i++)
        if (!owned[i].used)
            o = &owned[i];
    if (!o)
        abort();
    folder_remove(&o->file);
    o->used = true;
    snprintf(o->path, sizeof(o->path), "%s", path);
    o->file.path = o->path;
    folder_add(folder, &o->file);
    return 0;
}

static struct found_file *changed(void *ctx, const struct folder *folder, const char *path)
{
    struct owned *o = owned_at(path);

    (void)ctx;
    if (!o || o->file.folder != folder)
        return NULL;
    note("changed", path);
    return &o->file;
}

static struct found_file *lost(void *ctx, const char *path)
{
    struct owned *o = owned_at(path);

    (void)ctx;
    if (!o)
        return NULL;
    note("lost", path);
    return &o->file;
}

static void recheck(void *ctx, struct found_file *file, bool all)
{
    (void)ctx;
    note(all ? "recheck all of" : "recheck", file->path);
}

static void label_changed(void *ctx, const char *path)
{
    (void)ctx;
    note("label of", path);
}

static const struct file_events events = {found, changed, lost, recheck, label_changed};

static void begin(bool watched)
{
    const struct discovery_config config = {.watched = watched, .events = &events};

    scratch_setup();
    memset(owned, 0, sizeof(owned));
    *seen = '\0';
    make_folder("claude");
    ck_assert_int_eq(discovery_new(&discovery, &config), 0);
    ck_assert_int_eq(discovery_add_root(discovery, &oks_source_claude, strdup(at(ROOT)), NULL), 0);
    ck_assert_int_eq(discovery_add_root(discovery, &oks_source_claude, strdup(at(ROOT)), NULL), 0); /* once */
}

static void setup(void)
{
    begin(true);
}

static void setup_stat(void)
{
    begin(false);
}

static void drop(const char *rel)
{
    struct owned *o = owned_at(at(rel));

    folder_remove(&o->file);
    o->used = false;
}

static void teardown(void)
{
    for (int i = 0; i < FILES_MAX; i++)
        folder_remove(&owned[i].file);
    discovery_free(discovery);
    scratch_teardown();
}

/* The events of one sync. */
static const char *sync_events(void)
{
    static char events_seen[sizeof(seen)];

    if (!discovery_is_unchanged(discovery))
        ck_assert_int_eq(discovery_refresh(discovery, discovery_begin(discovery)), 0);
    strcpy(events_seen, seen);
    *seen = '\0';
    return events_seen;
}

static void put(const char *rel, const char *text)
{
    make_file(rel, text, strlen(text));
}

START_TEST(files_come_change_and_go)
{
    ck_assert_str_eq(sync_events(), "");
    make_folder(ROOT);
    make_folder(ROOT "/-p");
    put(ROOT "/-p/a.jsonl", "{}\n");
    ck_assert_str_eq(sync_events(), "found a.jsonl");
    ck_assert_str_eq(sync_events(), "");
    put(ROOT "/-p/notes.txt", "none of ours");
    ck_assert_str_eq(sync_events(), "");
    ck_assert_int_eq(truncate(at(ROOT "/-p/a.jsonl"), 1), 0);
    ck_assert_str_eq(sync_events(), "changed a.jsonl");
    ck_assert_int_eq(unlink(at(ROOT "/-p/a.jsonl")), 0);
    ck_assert_str_eq(sync_events(), "lost a.jsonl");
    drop(ROOT "/-p/a.jsonl");
    ck_assert_uint_eq(discovery_state(discovery).unwatched, 0);
}
END_TEST

START_TEST(a_folder_goes_with_its_last_file)
{
    make_folder(ROOT);
    make_folder(ROOT "/-p");
    put(ROOT "/-p/a.jsonl", "{}\n");
    put(ROOT "/-p/b.jsonl", "{}\n");
    ck_assert_str_eq(sync_events(), "found a.jsonl, found b.jsonl");
    ck_assert_int_eq(rename(at(ROOT "/-p"), at("away")), 0);
    ck_assert_ptr_nonnull(strstr(sync_events(), "lost a.jsonl"));
    drop(ROOT "/-p/a.jsonl");
    ck_assert(owned_at(at(ROOT "/-p/b.jsonl"))->file.folder->dead);
    drop(ROOT "/-p/b.jsonl"); /* the folder is freed now, which valgrind sees */
    ck_assert_int_eq(rename(at("away"), at(ROOT "/-q")), 0);
    ck_assert_str_eq(sync_events(), "found a.jsonl, found b.jsonl");
}
END_TEST

/* Whoever writes a file by a name that is gone before anybody looks has written it all the same. */
START_TEST(all_are_compared_after_a_name_that_nobody_saw)
{
    make_folder(ROOT);
    make_folder(ROOT "/-p");
    put(ROOT "/-p/a.jsonl", "{}\n");
    ck_assert_str_eq(sync_events(), "found a.jsonl");
    ck_assert_int_eq(link(at(ROOT "/-p/a.jsonl"), at(ROOT "/-p/b.jsonl")), 0);
    put(ROOT "/-p/b.jsonl", "{}\n{}\n");
    ck_assert_int_eq(unlink(at(ROOT "/-p/b.jsonl")), 0);
    ck_assert_str_eq(sync_events(), "recheck a.jsonl");
    ck_assert_str_eq(sync_events(), "");

    /* with its folder */
    make_folder(ROOT "/-r");
    ck_assert_int_eq(link(at(ROOT "/-p/a.jsonl"), at(ROOT "/-r/b.jsonl")), 0);
    ck_assert_int_eq(unlink(at(ROOT "/-r/b.jsonl")), 0);
    ck_assert_int_eq(rmdir(at(ROOT "/-r")), 0);
    ck_assert_str_eq(sync_events(), "recheck a.jsonl");

    /* by a name that another file had */
    put(ROOT "/-p/c.jsonl", "{}\n");
    ck_assert_ptr_nonnull(strstr(sync_events(), "found c.jsonl"));
    ck_assert_int_eq(unlink(at(ROOT "/-p/c.jsonl")), 0);
    ck_assert_int_eq(link(at(ROOT "/-p/a.jsonl"), at(ROOT "/-p/c.jsonl")), 0);
    ck_assert_int_eq(unlink(at(ROOT "/-p/c.jsonl")), 0);
    ck_assert_ptr_nonnull(strstr(sync_events(), "recheck a.jsonl"));
    drop(ROOT "/-p/c.jsonl");

    /* by a name that another file has now */
    ck_assert_int_eq(link(at(ROOT "/-p/a.jsonl"), at(ROOT "/-p/d.jsonl")), 0);
    put(ROOT "/-p/d.tmp", "{}\n");
    ck_assert_int_eq(rename(at(ROOT "/-p/d.tmp"), at(ROOT "/-p/d.jsonl")), 0);
    ck_assert_ptr_nonnull(strstr(sync_events(), "recheck a.jsonl"));
}
END_TEST

START_TEST(nothing_is_compared_after_what_is_common)
{
    make_folder(ROOT);
    make_folder(ROOT "/-p");
    put(ROOT "/-p/a.jsonl", "{}\n");
    ck_assert_str_eq(sync_events(), "found a.jsonl");
    make_folder(ROOT "/-q");
    ck_assert_str_eq(sync_events(), "");
    make_folder(ROOT "/-q/s");
    make_folder(ROOT "/-q/s/subagents");
    put(ROOT "/-q/s/subagents/agent-b.jsonl", "{}\n");
    ck_assert_str_eq(sync_events(), "found agent-b.jsonl");
    put(ROOT "/-p/b.tmp", "{}\n");
    ck_assert_int_eq(rename(at(ROOT "/-p/b.tmp"), at(ROOT "/-p/b.jsonl")), 0);
    ck_assert_str_eq(sync_events(), "found b.jsonl");
    put(ROOT "/-p/b.tmp", "{}\n{}\n");
    ck_assert_int_eq(rename(at(ROOT "/-p/b.tmp"), at(ROOT "/-p/b.jsonl")), 0);
    ck_assert_str_eq(sync_events(), "changed b.jsonl");
    put(ROOT "/-p/b.jsonl", "{}\n{}\n");
    ck_assert_int_eq(unlink(at(ROOT "/-p/b.jsonl")), 0);
    ck_assert_ptr_null(strstr(sync_events(), "recheck"));
    drop(ROOT "/-p/b.jsonl");
}
END_TEST

START_TEST(with_stat_every_file_is_to_be_rechecked)
{
    make_folder(ROOT);
    make_folder(ROOT "/-p");
    put(ROOT "/-p/a.jsonl", "{}\n");
    ck_assert_ptr_nonnull(strstr(sync_events(), "found a.jsonl"));
    ck_assert_ptr_nonnull(strstr(sync_events(), "recheck a.jsonl"));
    ck_assert_uint_eq(discovery_state(discovery).unwatched, 2);
    ck_assert_int_eq(unlink(at(ROOT "/-p/a.jsonl")), 0);
    ck_assert_ptr_nonnull(strstr(sync_events(), "lost a.jsonl"));
    ck_assert(discovery_needs_polling(discovery));
}
END_TEST

START_TEST(what_was_drained_is_told_at_the_end_of_the_sync)
{
    struct epoll_event event;
    int fd;

    make_folder(ROOT);
    sync_events();
    fd = discovery_change_fd(discovery);
    ck_assert_int_ge(fd, 0);
    discovery_change_report(discovery, false);
    ck_assert_int_eq(epoll_wait(fd, &event, 1, 0), 0);
    put(ROOT "/-a.jsonl", "{}\n");
    ck_assert_int_eq(epoll_wait(fd, &event, 1, 0), 1);
    sync_events();
    ck_assert_int_eq(epoll_wait(fd, &event, 1, 0), 0); /* the queue is empty */
    discovery_change_report(discovery, false);
    ck_assert_int_eq(epoll_wait(fd, &event, 1, 0), 1);
    discovery_change_seen(discovery);
    discovery_change_report(discovery, false);
    ck_assert_int_eq(epoll_wait(fd, &event, 1, 0), 0);
    discovery_change_report(discovery, true);
    ck_assert_int_eq(epoll_wait(fd, &event, 1, 0), 1);
}
END_TEST

/* --- watched directories --- */

static bool any_name(const char *name)
{
    return *name != '\0';
}

static int dir_found(void *ctx, struct watched_dir *dir, const char *path, void *loaded)
{
    ck_assert_ptr_null(loaded);
    dir->found = ctx;
    note("state", path);
    return 0;
}

static int emptied;

static void dir_emptied(void *ctx, struct watched_dir *dir)
{
    (void)ctx;
    emptied++;
    dir->found = NULL;
}

static const struct watched_dir_kind tasks = {
    .below = {".okstra", "tasks"},
    .wants = any_name,
    .found = dir_found,
    .empty = dir_emptied,
};

static const char *dir_events(void)
{
    sync_events();
    ck_assert_int_eq(discovery_refresh_dirs(discovery), 0);
    return sync_events();
}

static void make_project(const char *name)
{
    static const char *const below[] = {"", "/.okstra", "/.okstra/tasks"};
    char path[64];

    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s%s", name, below[i]);
        make_folder(path);
    }
    snprintf(path, sizeof(path), "%s/.okstra/tasks/%s.json", name, name);
    put(path, "{}\n");
}

/* The one that comes takes its interest away from where all of them wait, and the others go on waiting. */
START_TEST(several_wait_for_names_in_one_folder)
{
    static const char *const names[] = {"one", "two", "three"};
    int found_by_all = 0;

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(discovery_watch_dir(discovery, &tasks, &found_by_all, at(names[i])), 0);
    ck_assert_str_eq(dir_events(), "");
    make_project("two");
    ck_assert_str_eq(dir_events(), "state two.json");
    make_project("one");
    ck_assert_str_eq(dir_events(), "state one.json");
    put("two/.okstra/tasks/more.json", "{}\n");
    ck_assert_ptr_nonnull(strstr(dir_events(), "more.json"));
    make_project("three");
    ck_assert_str_eq(dir_events(), "state three.json");
    ck_assert_str_eq(dir_events(), "");
}
END_TEST

START_TEST(a_directory_ends_with_its_last_user)
{
    int found = 0;

    make_project("one");
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(discovery_watch_dir(discovery, &tasks, &found, at("one")), 0);
    ck_assert_str_eq(dir_events(), "state one.json");
    discovery_unwatch_dir(discovery, &tasks, at("one"));
    put("one/.okstra/tasks/more.json", "{}\n");
    ck_assert_ptr_nonnull(strstr(dir_events(), "more.json"));
    emptied = 0;
    discovery_unwatch_dir(discovery, &tasks, at("one"));
    ck_assert_str_eq(dir_events(), "");
    ck_assert_int_eq(emptied, 1);
    put("one/.okstra/tasks/last.json", "{}\n");
    ck_assert_str_eq(dir_events(), "");
    discovery_unwatch_dir(discovery, &tasks, at("one")); /* nobody has it */

    ck_assert_int_eq(discovery_watch_dir(discovery, &tasks, &found, at("one")), 0);
    discovery_unwatch_dir(discovery, &tasks, at("one"));
    ck_assert_int_eq(discovery_watch_dir(discovery, &tasks, &found, at("one")), 0);
    ck_assert_ptr_nonnull(strstr(dir_events(), "last.json")); /* it is wanted again before it went */
}
END_TEST

/* --- failing calls --- */

static const struct failure {
    enum call call;
    int error;
} failures[] = {{CALL_ALLOCATE, ENOMEM}, {CALL_OPEN, EMFILE}, {CALL_OPEN, EIO},
                {CALL_LIST, EIO},        {CALL_STAT, EIO},    {CALL_STAT, ENOMEM}};

enum { FAILURES = sizeof(failures) / sizeof(*failures) };

static void put_tree(void)
{
    make_folder(ROOT);
    make_folder(ROOT "/-p");
    put(ROOT "/-p/a.jsonl", "{}\n");
    make_folder(ROOT "/-p/s");
    make_folder(ROOT "/-p/s/subagents");
    put(ROOT "/-p/s/subagents/agent-b.jsonl", "{}\n");
    make_folder("elsewhere");
    put("elsewhere/c.jsonl", "{}\n");
    ck_assert_int_eq(symlink(at("elsewhere"), at(ROOT "/-l")), 0);
}

static int sync_all(struct root *root)
{
    (void)root;
    return discovery_refresh(discovery, false);
}

/* What the thread of a root in a remote filesystem does. */
static int sync_remote(struct root *root)
{
    struct root_paths *paths = discovery_root_paths(discovery);
    struct remote_listing *listing = NULL;
    _Atomic int64_t progress;
    int rc = discovery_remote_list(root, paths, &progress, &listing);

    if (rc == 0)
        rc = discovery_remote_apply(discovery, root, listing);
    discovery_remote_free(listing);
    return rc;
}

/*
 * A file that is there is never lost, and one that appears while calls fail is found by the next sync at the
 * latest.
 */
static void fail_each(const struct failure *f, int (*sync)(struct root *root))
{
    size_t n_roots;
    struct root *root = discovery_roots(discovery, &n_roots)[0];
    long n = 0, failed;

    put_tree();
    root->remote = sync == sync_remote;
    ck_assert_int_eq(sync(root), 0);
    ck_assert(strstr(seen, "found a.jsonl") && strstr(seen, "found agent-b.jsonl") &&
              strstr(seen, "found c.jsonl"));
    do {
        n++;
        *seen = '\0';
        make_folder(ROOT "/-n");
        put(ROOT "/-n/n.jsonl", "{}\n");
        calls_fail(f->call, n, n, f->error);
        sync(root);
        failed = calls_succeed();
        ck_assert_msg(!strstr(seen, "lost"), "call %ld of kind %d: %s", n, f->call, seen);
        ck_assert_int_eq(sync(root), 0);
        ck_assert_int_eq(root->error, 0);
        ck_assert_msg(!strstr(seen, "lost") && strstr(seen, "found n.jsonl"), "call %ld of kind %d: %s", n,
                      f->call, seen);
        ck_assert_int_eq(unlink(at(ROOT "/-n/n.jsonl")), 0);
        ck_assert_int_eq(rmdir(at(ROOT "/-n")), 0);
        *seen = '\0';
        ck_assert_int_eq(sync(root), 0);
        ck_assert_msg(strstr(seen, "lost n.jsonl"), "%s", seen);
        drop(ROOT "/-n/n.jsonl");
    } while (failed);
    ck_assert_int_gt(n, 1);
}

START_TEST(what_is_there_stays_whatever_fails)
{
    fail_each(&failures[_i], sync_all);
}
END_TEST

START_TEST(in_a_remote_filesystem_too)
{
    fail_each(&failures[_i], sync_remote);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("discovery");
    TCase *stat = tcase_create("stat"), *watched = tcase_create("watched");

    tcase_add_checked_fixture(watched, setup, teardown);
    tcase_add_test(watched, files_come_change_and_go);
    tcase_add_test(watched, a_folder_goes_with_its_last_file);
    tcase_add_test(watched, all_are_compared_after_a_name_that_nobody_saw);
    tcase_add_test(watched, nothing_is_compared_after_what_is_common);
    tcase_add_test(watched, a_directory_ends_with_its_last_user);
    tcase_add_test(watched, several_wait_for_names_in_one_folder);
    tcase_add_test(watched, what_was_drained_is_told_at_the_end_of_the_sync);
    tcase_set_timeout(watched, 60);
    tcase_set_timeout(stat, 60);
    tcase_add_loop_test(watched, what_is_there_stays_whatever_fails, 0, FAILURES);
    tcase_add_loop_test(watched, in_a_remote_filesystem_too, 0, FAILURES);
    tcase_add_loop_test(stat, what_is_there_stays_whatever_fails, 0, FAILURES);
    suite_add_tcase(suite, watched);
    tcase_add_checked_fixture(stat, setup_stat, teardown);
    tcase_add_test(stat, with_stat_every_file_is_to_be_rechecked);
    suite_add_tcase(suite, stat);
    return tap_run(suite);
}
