/*
 * What was counted of a file that cannot be read any more: it stays, in the engine that has counted it and in
 * one that begins now, until the file is readable again or is seen to be gone.
 */
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "engine_home.h"

#define ONE       PROJECTS "-p/one.jsonl"
#define ONE_AGAIN PROJECTS "-q/one.jsonl"
#define TWO       PROJECTS "-p/two.jsonl"

static const struct oks_target all = {.kind = OKS_ALL};
static struct oks_engine *engine;

/* Root reads everything; without these two capabilities it is a user like any other. The threads of an engine
 * have those of the thread that made them. */
static void set_rights(bool all_rights)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    const uint32_t reading = 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH;

    ck_assert_int_eq(syscall(SYS_capget, &head, data), 0);
    if (all_rights)
        data[0].effective |= data[0].permitted & reading;
    else
        data[0].effective &= ~reading;
    ck_assert_int_eq(syscall(SYS_capset, &head, data), 0);
}

static char *line(int n)
{
    return text_of(
        "{\"type\":\"assistant\",\"timestamp\":\"2026-06-0%dT10:00:00.000Z\",\"uuid\":\"u%d\",\"cwd\":\"/w\","
        "\"message\":{\"id\":\"msg_%d\",\"model\":\"claude-opus-4-7\",\"stop_reason\":\"end_turn\","
        "\"usage\":{\"input_tokens\":%d,\"output_tokens\":5}}}\n",
        n, n, n, n * 100);
}

static void setup(void)
{
    scratch_setup();
    set_rights(false);
    put_file(ONE, text_of("%s%s%s", padding_line(), line(1), line(2)));
    put_file(ONE_AGAIN, text_of("%s%s", padding_line(), line(3)));
    put_file(TWO, text_of("%s%s", padding_line(), line(4)));
    engine = engine_open((struct engine_options){0});
}

static void may(const char *rel, mode_t mode)
{
    ck_assert_int_eq(chmod(at(rel), mode), 0);
}

static void teardown(void)
{
    engine_close(engine);
    set_rights(true);
    may("claude", 0700);
    scratch_teardown();
}

/* What an engine says of all that was spent, of the sessions, and of their requests. */
static char *answers(struct oks_engine *e)
{
    struct oks_document document;
    const char *one = usage_text(e, session("one"), NULL), *two = usage_text(e, session("two"), NULL);

    sync_target(e, all, false);
    ck_assert_int_eq(oks_document_stats(e, OKS_STATS_BY_MODEL, NULL, 0, &document), 0);
    return text_of("%s\n%s\n%s", one ? one : "-", two ? two : "-", (char *)kept(document.bytes));
}

static void says(struct oks_engine *e, const char *wanted, int errors, int retained)
{
    const char *said = answers(e);
    size_t same = 0;

    while (said[same] && said[same] == wanted[same])
        same++;
    ck_assert_msg(strcmp(said, wanted) == 0, "...%.200s\nand not %.200s", said + same,
                  wanted + same); /* Check's own text is bounded */
    ck_assert_int_eq(number(status_of(e), "fileErrors"), errors);
    ck_assert_int_eq(number(status_of(e), "history/retainedTranscripts"), retained);
    if (errors) {
        ck_assert_str_eq(string(status_of(e), "errors/0/error"), strerror(EACCES));
        ck_assert(json_object_get_boolean(member_at(status_of(e), "errors/0/counted")));
    }
}

static struct oks_engine *another(bool no_cache)
{
    return engine_open((struct engine_options){.no_cache = no_cache});
}

/* The running engine, one that begins with all that is stored, one that writes nothing, one without caches.
 */
static void everybody_says(const char *wanted, int errors, int retained)
{
    struct oks_engine *e;

    says(engine, wanted, errors, retained);
    for (int i = 0; i < 3; i++) {
        if (i == 2)
            remove_tree("okstra/cache");
        e = another(i == 1);
        says(e, wanted, errors, retained);
        says(e, wanted, errors, retained);
        engine_close(e);
    }
}

static const char *counted(void)
{
    const char *text = answers(engine);

    ck_assert_int_eq(oks_engine_save(engine), 0);
    return text;
}

START_TEST(a_file)
{
    const char *before = counted();

    may(ONE, 0);
    everybody_says(before, 1, 0);
    may(TWO, 0);
    everybody_says(before, 2, 0);
}
END_TEST

START_TEST(a_file_that_is_readable_again_and_has_grown)
{
    const char *before = counted();
    struct oks_engine *e;

    may(ONE, 0200);
    e = another(false);
    says(e, before, 1, 0);
    append_file(ONE, line(5));
    says(e, before, 1, 0);
    may(ONE, 0600);
    ck_assert_int_eq(input_tokens(e, session("one"), NULL), 100 + 200 + 300 + 500);
    ck_assert_int_eq(number(status_of(e), "fileErrors"), 0);
    engine_close(e);
    everybody_says(answers(engine), 0, 0);
}
END_TEST

/* What it had when it could be read counts until it can be read, and what it has lost after that. */
START_TEST(a_file_that_was_rewritten_meanwhile)
{
    struct oks_engine *e;
    const char *before = counted();

    may(ONE, 0);
    e = another(false);
    says(e, before, 1, 0);
    may(ONE, 0600);
    put_file(ONE, text_of("{}\n%s%s", padding_line(), line(6)));
    ck_assert_int_eq(input_tokens(e, session("one"), NULL), 300 + 600);
    ck_assert_int_eq(number(usage(e, session("one"), NULL), "billed/requests"), 4);
    engine_close(e);
}
END_TEST

/* `hidden`: so many transcripts are below it. `once_read`: the same, of those that were read before, which
 * are not looked at again below a root that is still there. */
static void folder(const char *rel, int hidden, int once_read)
{
    const char *before = counted();
    struct oks_engine *e;

    may(rel, 0);
    for (int i = 0; i < 3; i++) {
        if (i == 2)
            remove_tree("okstra/cache");
        e = another(i == 1);
        says(e, before, hidden, 0);
        may(rel, 0700);
        says(e, before, 0, 0);
        may(rel, 0);
        says(e, before, once_read, 0);
        engine_close(e);
    }
    says(engine, before, once_read, 0);
    may(rel, 0700);
    says(engine, before, 0, 0);
}

START_TEST(a_folder)
{
    folder(PROJECTS "-p", 2, 0);
}
END_TEST

START_TEST(a_root)
{
    folder("claude/projects", 3, 0);
}
END_TEST

START_TEST(what_is_above_a_root)
{
    folder("claude", 3, 3);
}
END_TEST

START_TEST(what_went_with_its_folder_is_seen_when_that_can_be_entered)
{
    const char *before = counted();
    struct oks_engine *e;

    may(PROJECTS "-p", 0);
    e = another(false);
    says(e, before, 2, 0);
    may(PROJECTS "-p", 0700);
    ck_assert_int_eq(unlink(at(TWO)), 0);
    ck_assert_int_eq(input_tokens(e, session("two"), NULL), 400);
    says(e, answers(e), 0, 1);
    may(PROJECTS "-p", 0200);
    engine_close(e);

    e = another(false);
    says(e, before, 2, 0); /* nobody sees that it is gone */
    ck_assert_int_eq(rename(at(PROJECTS "-p"), at("away")), 0);
    ck_assert_int_eq(input_tokens(e, session("two"), NULL), 400);
    ck_assert_int_eq(number(status_of(e), "fileErrors"), 0);
    ck_assert_int_eq(number(usage(e, session("one"), NULL), "billed/requests"), 3);
    engine_close(e);
    ck_assert_int_eq(rename(at("away"), at(PROJECTS "-p")), 0);
    may(PROJECTS "-p", 0700);
}
END_TEST

/* Something else than a file has its name: then it is gone, and counts as deleted. */
static void replaced_by(void (*make)(const char *path))
{
    counted();
    ck_assert_int_eq(unlink(at(TWO)), 0);
    make(at(TWO));
    ck_assert_int_eq(input_tokens(engine, session("two"), NULL), 400);
    everybody_says(answers(engine), 0, 1);
}

static void make_a_folder(const char *path)
{
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void make_a_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
}

static void make_a_fifo(const char *path)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void make_a_link(const char *path)
{
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
}

START_TEST(replaced_by_a_folder)
{
    replaced_by(make_a_folder);
}
END_TEST

START_TEST(replaced_by_a_socket)
{
    replaced_by(make_a_socket);
}
END_TEST

START_TEST(replaced_by_a_fifo)
{
    replaced_by(make_a_fifo);
}
END_TEST

START_TEST(replaced_by_a_link)
{
    replaced_by(make_a_link);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_file,
        a_file_that_is_readable_again_and_has_grown,
        a_file_that_was_rewritten_meanwhile,
        a_folder,
        a_root,
        what_is_above_a_root,
        what_went_with_its_folder_is_seen_when_that_can_be_entered,
        replaced_by_a_folder,
        replaced_by_a_socket,
        replaced_by_a_fifo,
        replaced_by_a_link,
    };
    Suite *suite = suite_create("unreadable");

    for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
        TCase *tcase = tcase_create(tests[i]->name);

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    return tap_run(suite);
}
