/* The member "daemon" of status.json, written and read again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "documents/daemon_state.h"
#include "tap.h"

static struct oks_daemon_state read_back(const struct oks_daemon_state *daemon, int expected)
{
    struct oks_daemon_state out;
    struct json j = {0};
    char *bytes;
    size_t len;

    memset(&out, 0xff, sizeof(out));
    json_open_object(&j, NULL);
    json_put_text(&j, "version", "1");
    json_put_daemon(&j, daemon);
    json_close_object(&j);
    ck_assert_int_eq(json_finish(&j, &bytes, &len), 0);
    ck_assert_int_eq(oks_daemon_state_read(&out, (struct oks_slice){bytes, len}), expected);
    free(bytes);
    return out;
}

START_TEST(what_is_written_is_read)
{
    struct oks_daemon_state all = {.inodes = 12,
                                   .watchers_notified = true,
                                   .helper_runs = true,
                                   .helper_since_ms = INT64_C(1781053200123),
                                   .helper_restarts = 3,
                                   .helper_unmounts = true,
                                   .no_core_dumps = true,
                                   .capabilities = UINT64_C(0x8000000000000004),
                                   .no_new_privileges = true,
                                   .landlock = 7,
                                   .seccomp = true,
                                   .hardening_note = "a \"reason\""};
    struct oks_daemon_state back = read_back(&all, 0);

    ck_assert_str_eq(back.version, "1");
    ck_assert_uint_eq(back.inodes, 12);
    ck_assert(back.watchers_notified);
    ck_assert(back.helper_runs);
    ck_assert_int_eq(back.helper_since_ms, all.helper_since_ms);
    ck_assert_uint_eq(back.helper_restarts, 3);
    ck_assert(back.helper_unmounts && back.no_core_dumps && back.no_new_privileges && back.seccomp);
    ck_assert_uint_eq(back.capabilities, all.capabilities);
    ck_assert_int_eq(back.landlock, 7);
    ck_assert_str_eq(back.hardening_note, all.hardening_note);
}
END_TEST

START_TEST(nothing_is_read_as_off)
{
    struct oks_daemon_state none = {0}, back = read_back(&none, 0);

    ck_assert(!back.watchers_notified);
    ck_assert(!back.helper_runs && !back.helper_unmounts);
    ck_assert(!back.no_core_dumps && !back.no_new_privileges && !back.seccomp);
    ck_assert_str_eq(back.hardening_note, "");
    ck_assert_uint_eq(back.helper_restarts, 0);
}
END_TEST

START_TEST(without_a_daemon_there_is_nothing_to_read)
{
    read_back(NULL, -ENOENT);
}
END_TEST

static int rc_of(const char *status)
{
    struct oks_daemon_state out;

    return oks_daemon_state_read(&out, oks_slice_of(status));
}

START_TEST(other_documents_are_refused)
{
    ck_assert_int_eq(rc_of(""), -EINVAL);
    ck_assert_int_eq(rc_of("{\"daemon\": {"), -EINVAL);
    ck_assert_int_eq(rc_of("[]"), -ENOENT);
    ck_assert_int_eq(rc_of("{\"daemon\": 1}"), -ENOENT);
    ck_assert_int_eq(rc_of("{\"daemon\": {\"helper\": [], \"inodes\": \"x\"}}"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("daemon_state");

    TEST(suite, what_is_written_is_read);
    TEST(suite, nothing_is_read_as_off);
    TEST(suite, without_a_daemon_there_is_nothing_to_read);
    TEST(suite, other_documents_are_refused);
    return tap_run(suite);
}
