/* Folders of an export: what is replaced, what is removed, and what is left alone. */
#include "failing_calls.h"

#include "export/folder.h"
#include "scratch.h"
#include "tap.h"

static struct export_rights rights = {.mode = 0640};
static struct export_folder top;
static char refused[1024];

static void open_top(void)
{
    ck_assert_int_eq(export_folder_open_top(&top, at("out"), &rights), 0);
}

static void setup(void)
{
    scratch_setup();
    rights = (struct export_rights){.mode = 0640};
    refused[0] = '\0';
    open_top();
}

static void teardown(void)
{
    if (top.fd >= 0)
        export_folder_close(&top);
    scratch_teardown();
}

static void note_refused(void *ctx, const char *name)
{
    (void)ctx;
    strcat(refused, name);
    strcat(refused, " ");
}

static struct name_list *names_of(const char *words)
{
    struct name_list *names = name_list_new();
    char text[1024], *rest = NULL;

    snprintf(text, sizeof(text), "%s", words);
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        ck_assert_int_eq(name_list_add(names, word), 0);
    name_list_sort(names);
    return names;
}

static void claim(struct export_folder *f, const char *words)
{
    struct name_list *names = names_of(words);

    ck_assert_int_eq(export_folder_claim(f, names, note_refused, NULL), 0);
    name_list_free(names);
}

static void settle(struct export_folder *f, const char *words)
{
    struct name_list *names = names_of(words);

    ck_assert_int_eq(export_folder_settle(f, names), 0);
    name_list_free(names);
}

static void write_file(const char *rel, const char *text)
{
    make_file(rel, text, strlen(text));
}

static bool is_there(const char *rel)
{
    struct stat st;

    return lstat(at(rel), &st) == 0;
}

static const char *content(const char *rel)
{
    static char text[4096];
    FILE *f = fopen(at(rel), "r");
    size_t n;

    ck_assert_ptr_nonnull(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    return text;
}

static struct stat stat_of(const char *rel)
{
    struct stat st;

    ck_assert_int_eq(lstat(at(rel), &st), 0);
    return st;
}

START_TEST(files_are_replaced_only_if_they_differ)
{
    ino_t inode;

    claim(&top, "a");
    ck_assert_int_eq(export_folder_file(&top, "a", "one", 3), 1);
    ck_assert_str_eq(content("out/a"), "one");
    inode = stat_of("out/a").st_ino;
    ck_assert_int_eq(export_folder_file(&top, "a", "one", 3), 0);
    ck_assert_uint_eq(stat_of("out/a").st_ino, inode);
    ck_assert_int_eq(export_folder_file(&top, "a", "two", 3), 1);
    ck_assert_str_eq(content("out/a"), "two");
    ck_assert_int_eq(export_folder_file(&top, "a", "", 0), 1);
    ck_assert_str_eq(content("out/a"), "");
    ck_assert(!is_there("out/" EXPORT_TEMPORARY));
}
END_TEST

START_TEST(links_too)
{
    claim(&top, "l");
    ck_assert_int_eq(export_folder_link(&top, "l", "../x"), 1);
    ck_assert_int_eq(export_folder_link(&top, "l", "../x"), 0);
    ck_assert_int_eq(export_folder_link(&top, "l", "../xy"), 1);
    ck_assert_int_eq(export_folder_link(&top, "l", "../x"), 1);
    ck_assert_int_eq(stat_of("out/l").st_size, 4);
}
END_TEST

START_TEST(rights_are_set_and_changed)
{
    struct export_folder sub;

    claim(&top, "a d");
    ck_assert_int_eq(export_folder_open(&sub, &top, "d"), 0);
    ck_assert_int_eq(export_folder_file(&top, "a", "x", 1), 1);
    ck_assert_uint_eq(stat_of("out/a").st_mode & 0777, 0640);
    ck_assert_uint_eq(stat_of("out/d").st_mode & 0777, 0750);
    ck_assert_uint_eq(stat_of("out").st_mode & 0777, 0750);
    export_folder_close(&sub);
    rights.mode = 0604;
    ck_assert_int_eq(export_folder_file(&top, "a", "x", 1), 0); /* the content is the same */
    ck_assert_uint_eq(stat_of("out/a").st_mode & 0777, 0604);
    ck_assert_int_eq(export_folder_open(&sub, &top, "d"), 0);
    ck_assert_uint_eq(stat_of("out/d").st_mode & 0777, 0705);
    export_folder_close(&sub);
}
END_TEST

START_TEST(what_is_no_more_is_removed_with_all_in_it)
{
    struct export_folder sub, inner;

    claim(&top, "a b d");
    export_folder_file(&top, "a", "x", 1);
    export_folder_link(&top, "b", "y");
    ck_assert_int_eq(export_folder_open(&sub, &top, "d"), 0);
    claim(&sub, "e f");
    export_folder_file(&sub, "e", "x", 1);
    ck_assert_int_eq(export_folder_open(&inner, &sub, "f"), 0);
    claim(&inner, "g");
    export_folder_file(&inner, "g", "x", 1);
    export_folder_close(&inner);
    export_folder_close(&sub);
    settle(&top, "a");
    ck_assert(is_there("out/a") && !is_there("out/b") && !is_there("out/d"));
    settle(&top, "");
    ck_assert(!is_there("out/a"));
    ck_assert_str_eq(content("out/" EXPORT_MANIFEST), "okstrafs export 1\n");
}
END_TEST

START_TEST(what_others_wrote_stays)
{
    struct export_folder sub;

    claim(&top, "a d");
    export_folder_file(&top, "a", "x", 1);
    ck_assert_int_eq(export_folder_open(&sub, &top, "d"), 0);
    claim(&sub, "e");
    export_folder_file(&sub, "e", "x", 1);
    export_folder_close(&sub);
    write_file("out/mine", "m");
    write_file("out/d/note", "n");
    claim(&top, "a d mine");
    ck_assert_str_eq(refused, "mine ");
    settle(&top, "");
    ck_assert(!is_there("out/a") && !is_there("out/d/e"));
    ck_assert_str_eq(content("out/mine"), "m");
    ck_assert_str_eq(content("out/d/note"), "n");
    claim(&top, "d"); /* it is not the export's any more */
    ck_assert_str_eq(refused, "mine d ");
}
END_TEST

START_TEST(a_folder_of_others_is_refused)
{
    struct export_folder other;

    make_folder("theirs");
    write_file("theirs/file", "f");
    ck_assert_int_eq(export_folder_open_top(&other, at("theirs"), &rights), -ENOTEMPTY);
    write_file("theirs/" EXPORT_MANIFEST, "something else\nfile\n");
    ck_assert_int_eq(export_folder_open_top(&other, at("theirs"), &rights), -ENOTEMPTY);
    ck_assert_str_eq(content("theirs/file"), "f");
    ck_assert_int_eq(export_folder_open_top(&other, at("out"), &rights), -EWOULDBLOCK);
    make_folder("empty");
    chmod(at("empty"), 0711);
    ck_assert_int_eq(export_folder_open_top(&other, at("empty"), &rights), 0);
    ck_assert_uint_eq(stat_of("empty").st_mode & 0777, 0711); /* it was there: it keeps its rights */
    export_folder_close(&other);
    ck_assert_int_eq(export_folder_open_top(&other, at("no/such"), &rights), -ENOENT);
}
END_TEST

START_TEST(a_process_that_was_killed_leaves_nothing)
{
    struct export_folder sub;
    int fd;

    claim(&top, "a d");
    ck_assert_int_eq(export_folder_open(&sub, &top, "d"), 0);
    claim(&sub, "e");
    fd = export_folder_begin(&sub); /* and no more: its end */
    ck_assert_int_ge(fd, 0);
    ck_assert(is_there("out/d/" EXPORT_TEMPORARY));
    close(fd);
    export_folder_close(&sub);
    export_folder_close(&top);
    open_top();
    ck_assert_int_eq(export_folder_open(&sub, &top, "d"), 0);
    ck_assert(!is_there("out/d/" EXPORT_TEMPORARY));
    claim(&sub, "e"); /* it was listed, and never made */
    ck_assert_int_eq(export_folder_file(&sub, "e", "x", 1), 1);
    ck_assert_str_eq(refused, "");
    export_folder_close(&sub);
    settle(&top, "");
    ck_assert(!is_there("out/d"));
}
END_TEST

START_TEST(a_manifest_leads_nowhere_else)
{
    write_file("outside", "o");
    write_file("out/" EXPORT_MANIFEST, "okstrafs export 1\n../outside\n..\n.\n\n/etc/passwd\na\n");
    export_folder_close(&top);
    open_top();
    ck_assert_int_eq(export_folder_load(&top), 0);
    ck_assert_uint_eq(top.written->len, 1);
    settle(&top, "");
    ck_assert(is_there("outside"));
}
END_TEST

START_TEST(links_in_the_way_are_not_followed)
{
    struct export_folder sub;

    make_folder("elsewhere");
    write_file("elsewhere/e", "kept");
    claim(&top, "d l");
    ck_assert_int_eq(symlink("../elsewhere", at("out/d")), 0);
    ck_assert_int_eq(export_folder_open(&sub, &top, "d"), -ENOTDIR);
    ck_assert_int_eq(symlink("../elsewhere/e", at("out/l")), 0);
    ck_assert_int_eq(export_folder_file(&top, "l", "new", 3), 1);
    ck_assert_str_eq(content("elsewhere/e"), "kept");
    settle(&top, "");
    ck_assert_str_eq(content("elsewhere/e"), "kept");
    ck_assert(!is_there("out/d") && !is_there("out/l"));
}
END_TEST

/* Puts and removes something of everything. Check allocates, so nothing is asserted. */
static int put_into(struct name_list *names, struct name_list *inner)
{
    struct export_folder out = {.fd = -1}, sub = {.fd = -1};
    int rc = export_folder_open_top(&out, at("new"), &rights);

    rc = rc < 0 ? rc : export_folder_claim(&out, names, note_refused, NULL);
    rc = rc < 0 ? rc : export_folder_file(&out, "a", "content", 7);
    rc = rc < 0 ? rc : export_folder_link(&out, "l", "a");
    rc = rc < 0 ? rc : export_folder_open(&sub, &out, "d");
    rc = rc < 0 ? rc : export_folder_claim(&sub, inner, note_refused, NULL);
    rc = rc < 0 ? rc : export_folder_file(&sub, "e", "inside", 6);
    rc = rc < 0 ? rc : export_folder_settle(&sub, inner);
    rc = rc < 0 ? rc : export_folder_settle(&out, names);
    if (sub.fd >= 0)
        export_folder_close(&sub);
    if (out.fd >= 0)
        export_folder_close(&out);
    return rc < 0 ? rc : 0;
}

/* *failed: how many calls did, of those that are armed by then. */
static int put_all(long *failed)
{
    int call = atomic_exchange(&failing.call, CALL_NONE), rc;
    struct name_list *names = names_of("a d l mine"), *inner = names_of("e f");

    failing.call = call;
    rc = put_into(names, inner);
    *failed += calls_succeed();
    name_list_free(inner);
    name_list_free(names);
    return rc;
}

static int remove_all(void)
{
    struct name_list *names = name_list_new();
    struct export_folder out = {.fd = -1};
    int rc = names ? export_folder_open_top(&out, at("new"), &rights) : -ENOMEM;

    rc = rc < 0 ? rc : export_folder_settle(&out, names);
    if (out.fd >= 0)
        export_folder_close(&out);
    name_list_free(names);
    return rc;
}

static void check_all(const char *note)
{
    struct stat st;

    ck_assert_msg(is_there("new/a") && is_there("new/l") && is_there("new/d/e"), "%s", note);
    ck_assert_str_eq(content("new/a"), "content");
    ck_assert_str_eq(content("new/d/e"), "inside");
    ck_assert_int_eq(stat(at("new/l"), &st), 0);
    ck_assert_str_eq(content("new/mine"), "m");
}

START_TEST(whatever_fails_the_next_try_mends_it)
{
    static const struct {
        enum call call;
        int error;
    } kinds[] = {{CALL_ALLOCATE, ENOMEM}, {CALL_OPEN, EMFILE}, {CALL_READ, EIO},
                 {CALL_WRITE, ENOSPC},    {CALL_RENAME, EIO},  {CALL_STAT, EIO}};
    long all = 0, last = 0;

    for (long n = 1; n - last <= 2; n++) { /* until neither over something nor anew one fails */
        struct export_folder out;
        long failed = 0;
        int rc;

        remove_tree("new");
        ck_assert_int_eq(export_folder_open_top(&out, at("new"), &rights), 0);
        export_folder_close(&out);
        write_file("new/mine", "m"); /* which the export would like to have */
        if (n % 2)                   /* over something, or anew */
            ck_assert_int_eq(put_all(&all), 0);
        calls_fail(kinds[_i].call, (n + 1) / 2, (n + 1) / 2, kinds[_i].error);
        rc = put_all(&failed);
        ck_assert(rc == 0 || rc == -kinds[_i].error);
        if (rc == 0)
            check_all("it did not fail");
        ck_assert_int_eq(put_all(&all), 0);
        check_all("afterwards");
        calls_fail(kinds[_i].call, (n + 1) / 2, (n + 1) / 2, kinds[_i].error);
        rc = remove_all();
        failed += calls_succeed();
        ck_assert(rc == 0 || rc == -kinds[_i].error || rc == -ENOTEMPTY);
        ck_assert_int_eq(remove_all(), 0);
        ck_assert(!is_there("new/a") && !is_there("new/d"));
        ck_assert_str_eq(content("new/mine"), "m");
        all += failed;
        last = failed ? n : last;
    }
    ck_assert_int_gt(all, 0);
}
END_TEST

/* A folder that cannot be listed is not an empty one. */
START_TEST(a_folder_that_cannot_be_looked_into_is_refused)
{
    struct export_folder other;

    make_folder("theirs");
    write_file("theirs/file", "f");
    for (long n = 1; n <= 2; n++) {
        calls_fail(CALL_LIST, n, LONG_MAX, EIO);
        ck_assert_int_eq(export_folder_open_top(&other, at("theirs"), &rights), -EIO);
        ck_assert_int_gt(calls_succeed(), 0);
        ck_assert(!is_there("theirs/" EXPORT_MANIFEST));
    }
}
END_TEST

int main(void)
{
    TCase *failing_case = tcase_create("failing calls");
    Suite *s = suite_create("export_folder");

    FIXTURE_TEST(s, files_are_replaced_only_if_they_differ, setup, teardown, 60);
    FIXTURE_TEST(s, links_too, setup, teardown, 60);
    FIXTURE_TEST(s, rights_are_set_and_changed, setup, teardown, 60);
    FIXTURE_TEST(s, what_is_no_more_is_removed_with_all_in_it, setup, teardown, 60);
    FIXTURE_TEST(s, what_others_wrote_stays, setup, teardown, 60);
    FIXTURE_TEST(s, a_folder_of_others_is_refused, setup, teardown, 60);
    FIXTURE_TEST(s, a_process_that_was_killed_leaves_nothing, setup, teardown, 60);
    FIXTURE_TEST(s, a_manifest_leads_nowhere_else, setup, teardown, 60);
    FIXTURE_TEST(s, links_in_the_way_are_not_followed, setup, teardown, 60);
    FIXTURE_TEST(s, a_folder_that_cannot_be_looked_into_is_refused, setup, teardown, 60);
    tcase_set_timeout(failing_case, 60);
    tcase_add_checked_fixture(failing_case, setup, teardown);
    tcase_add_loop_test(failing_case, whatever_fails_the_next_try_mends_it, 0, 6);
    suite_add_tcase(s, failing_case);
    return tap_run(s);
}
