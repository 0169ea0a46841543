/* Datagrams to a service manager. The manager is a socket of this process. */
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/service.h"
#include "scratch.h"
#include "tap.h"

/* What would go to stderr while `fn` runs. */
static const char *said_by(void (*fn)(void))
{
    static char said[4096];
    int pair[2], before = dup(STDERR_FILENO);
    ssize_t n;

    ck_assert_int_eq(pipe(pair), 0);
    dup2(pair[1], STDERR_FILENO);
    fn();
    dup2(before, STDERR_FILENO);
    close(before);
    ck_assert_int_eq(write(pair[1], "", 1), 1);
    close(pair[1]);
    n = read(pair[0], said, sizeof(said) - 1);
    ck_assert_int_gt(n, 0);
    said[n] = '\0';
    close(pair[0]);
    return said;
}

/* A socket at a path, or at a name in no folder ("@..."); sets NOTIFY_SOCKET. */
static int manager(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_uint_lt(n, sizeof(at.sun_path));
    memcpy(at.sun_path, name, n);
    if (*name == '@')
        at.sun_path[0] = '\0';
    ck_assert_int_eq(
        bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static void receives(int fd, const char *wanted)
{
    char got[1024];
    ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

    ck_assert_int_ge(n, 0);
    got[n] = '\0';
    ck_assert_str_eq(got, wanted);
}

static void receives_nothing(int fd)
{
    char got[16];

    ck_assert_int_lt(recv(fd, got, sizeof(got), MSG_DONTWAIT), 0);
}

static void ready(void)
{
    service_ready("Mounted on /m");
}

START_TEST(a_datagram_for_each_state)
{
    int fd = manager(at("notify"));

    ck_assert_str_eq(said_by(ready), "");
    receives(fd, "READY=1\nSTATUS=Mounted on /m");
    ck_assert_str_eq(said_by(service_stopping), "");
    receives(fd, "STOPPING=1\nSTATUS=Saving caches");
    receives_nothing(fd);
    close(fd);
}
END_TEST

START_TEST(an_abstract_name)
{
    char name[64];
    int fd;

    snprintf(name, sizeof(name), "@okstrafs-test-service-%d", (int)getpid());
    fd = manager(name);
    ck_assert_str_eq(said_by(ready), "");
    receives(fd, "READY=1\nSTATUS=Mounted on /m");
    close(fd);
}
END_TEST

static void ready_on_two_lines(void)
{
    service_ready("Mounted on /a\nMAINPID=1\x1b[31m");
}

START_TEST(a_path_is_one_line)
{
    int fd = manager(at("notify"));

    said_by(ready_on_two_lines);
    receives(fd, "READY=1\nSTATUS=Mounted on /a?MAINPID=1?[31m");
    close(fd);
}
END_TEST

START_TEST(without_a_manager_nothing_is_said)
{
    unsetenv("NOTIFY_SOCKET");
    ck_assert_str_eq(said_by(ready), "");
    setenv("NOTIFY_SOCKET", "", 1);
    ck_assert_str_eq(said_by(ready), "");
}
END_TEST

START_TEST(what_is_no_socket_is_said)
{
    static const char *const names[] = {"relative", "vsock:2:1234", "/", "@", "/no/such/folder/notify"};
    char longest[200];

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        ck_assert_msg(strstr(said_by(ready), "set Type=exec"), "%s", names[i]);
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    setenv("NOTIFY_SOCKET", longest, 1);
    ck_assert_ptr_nonnull(strstr(said_by(ready), "set Type=exec"));
}
END_TEST

#define SERVICE_TEST(suite, function)                                       \
    do {                                                                    \
        TCase *tcase_ = tcase_create(#function);                            \
        tcase_set_timeout(tcase_, 120);                                     \
        tcase_add_checked_fixture(tcase_, scratch_setup, scratch_teardown); \
        tcase_add_test(tcase_, function);                                   \
        suite_add_tcase(suite, tcase_);                                     \
    } while (0)

int main(void)
{
    Suite *suite = suite_create("service");

    SERVICE_TEST(suite, a_datagram_for_each_state);
    SERVICE_TEST(suite, an_abstract_name);
    SERVICE_TEST(suite, a_path_is_one_line);
    SERVICE_TEST(suite, without_a_manager_nothing_is_said);
    SERVICE_TEST(suite, what_is_no_socket_is_said);
    return tap_run(suite);
}
