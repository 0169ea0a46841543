/*
 * Asks in a child process what a filesystem may never answer.
 */
#include "common/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"

__attribute__((noreturn)) static void answer(int (*ask)(const void *ctx), const void *ctx, int to)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null >= 0)
        dup2(null, STDIN_FILENO);
    else
        close(STDIN_FILENO);
    dup2(to, STDOUT_FILENO);
    dup2(to, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    _exit(ask(ctx));
}

/* Until the child has closed its end. The length, or -ETIMEDOUT, -EFBIG */
static ssize_t read_until(int fd, char *text, size_t size, int ms)
{
    int64_t end = monotonic_ms() + ms;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t len = 0;
    char more;

    for (;;) {
        int64_t left = end - monotonic_ms();
        ssize_t n = poll(&p, 1, left > 0 ? (int)left : 0);

        if (n == 0)
            return -ETIMEDOUT;
        if (n > 0)
            n = len < size ? read(fd, text + len, size - len) : read(fd, &more, 1);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return (ssize_t)len;
        if (n > 0 && len == size)
            return -EFBIG;
        len += n > 0 ? (size_t)n : 0;
    }
}

static int status_of(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

int child_ask(int (*ask)(const void *ctx), const void *ctx, int ms, char *text, size_t size, size_t *len)
{
    int ends[2];
    ssize_t n;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    fflush(stdout); /* ThreadSanitizer writes at _exit() what is buffered, so the child would write it too */
    pid = fork();
    if (pid == 0)
        answer(ask, ctx, ends[1]);
    n = pid < 0 ? -errno : 0;
    close(ends[1]);
    if (pid > 0)
        n = read_until(ends[0], text, size, ms);
    close(ends[0]);
    if (n < 0) {
        if (pid > 0)
            kill(pid, SIGKILL);
        return (int)n;
    }
    *len = (size_t)n;
    return status_of(pid);
}
