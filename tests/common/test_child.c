/* Questions to a child process that may never answer. */
#include "common/child.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { LONG_MS = 30000, SHORT_MS = 50 };

static char text[64];
static size_t len;

static int say(const void *ctx)
{
    printf("out ");
    fflush(stdout);
    fprintf(stderr, "%s", (const char *)ctx);
    return 7;
}

START_TEST(the_text_and_the_status_come_back)
{
    ck_assert_int_eq(child_ask(say, "err", LONG_MS, text, sizeof(text), &len), 7);
    ck_assert_uint_eq(len, 7);
    ck_assert_mem_eq(text, "out err", 7);
}
END_TEST

START_TEST(a_text_may_fill_its_room_and_no_more)
{
    ck_assert_int_eq(child_ask(say, "err", LONG_MS, text, 7, &len), 7);
    ck_assert_uint_eq(len, 7);
    ck_assert_int_eq(child_ask(say, "err", LONG_MS, text, 6, &len), -EFBIG);
}
END_TEST

static int end_by_signal(const void *ctx)
{
    (void)ctx;
    raise(SIGKILL);
    return 0;
}

START_TEST(an_end_by_a_signal_is_no_answer)
{
    ck_assert_int_eq(child_ask(end_by_signal, NULL, LONG_MS, text, sizeof(text), &len), -EIO);
}
END_TEST

__attribute__((noreturn)) static int wait_for_ever(const void *ctx)
{
    (void)ctx;
    for (;;)
        pause();
}

/* As a child that waits in a filesystem: SIGKILL does not end it. */
static int outlive(const void *ctx)
{
    if (fork() > 0)
        wait_for_ever(ctx);
    alarm(20);
    wait_for_ever(ctx);
}

START_TEST(a_child_that_is_left_behind_has_no_descriptor_of_ours)
{
    struct pollfd ended = {.events = POLLIN};
    int ends[2], output = dup(STDOUT_FILENO);

    ck_assert_int_eq(pipe(ends), 0);
    fflush(stdout);
    ck_assert_int_eq(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    ck_assert_int_eq(child_ask(outlive, NULL, SHORT_MS, text, sizeof(text), &len), -ETIMEDOUT);
    dup2(output, STDOUT_FILENO);
    close(output);
    close(ends[1]);
    ended.fd = ends[0];
    ck_assert_int_eq(poll(&ended, 1, 10000), 1);
    ck_assert_int_eq(read(ends[0], text, sizeof(text)), 0);
    close(ends[0]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("child");

    TEST(suite, the_text_and_the_status_come_back);
    TEST(suite, a_text_may_fill_its_room_and_no_more);
    TEST(suite, an_end_by_a_signal_is_no_answer);
    TEST(suite, a_child_that_is_left_behind_has_no_descriptor_of_ours);
    return tap_run(suite);
}
