/* Messages on stderr: one line each, and nothing in it that a terminal would execute. */
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "tap.h"

enum { LINE_MAX_ = 4096 };

/* What one log_error("%s", text) writes. */
static const char *logged(const char *text)
{
    static char out[3 * LINE_MAX_];
    int pair[2], before = dup(STDERR_FILENO);
    ssize_t n;

    ck_assert_int_eq(pipe(pair), 0);
    dup2(pair[1], STDERR_FILENO);
    log_error("%s", text);
    dup2(before, STDERR_FILENO);
    close(before);
    close(pair[1]);
    n = read(pair[0], out, sizeof(out) - 1);
    ck_assert_int_ge(n, 0);
    out[n] = '\0';
    close(pair[0]);
    return out;
}

START_TEST(one_line_with_the_programs_name)
{
    ck_assert_str_eq(logged("it is 5 %"), "okstrafs: it is 5 %\n");
}
END_TEST

START_TEST(control_characters_become_question_marks)
{
    ck_assert_str_eq(logged("a\nb\x1b[2J\x7f\x1f \xc3\xa9"), "okstrafs: a?b?[2J?? \xc3\xa9\n");
}
END_TEST

START_TEST(a_long_message_is_cut)
{
    char text[2 * LINE_MAX_] = "";
    const char *out;

    memset(text, 'x', sizeof(text) - 1);
    out = logged(text);
    ck_assert_uint_le(strlen(out), LINE_MAX_);
    ck_assert_uint_gt(strlen(out), LINE_MAX_ - 4);
    ck_assert_int_eq(out[strlen(out) - 1], '\n');
    ck_assert_int_eq(out[strlen(out) - 2], 'x');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");

    TEST(suite, one_line_with_the_programs_name);
    TEST(suite, control_characters_become_question_marks);
    TEST(suite, a_long_message_is_cut);
    return tap_run(suite);
}
