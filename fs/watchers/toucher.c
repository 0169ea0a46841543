/*
 * The toucher: a child process that makes system calls on the own mount.
 *
 * If a daemon is killed while one of its own threads waits for a reply of its own mount, it never ends: the
 * thread waits for the daemon, and keeps the descriptor open whose closing would end the wait. So a child
 * makes these calls. It has no descriptor of /dev/fuse. When the daemon dies, the kernel aborts the
 * connection, and with it the child's call. The child finds its socket closed, and unmounts, so that no
 * process is left with "Transport endpoint is not connected".
 *
 * The child never acts outside of the mount: each time it compares the id of what is mounted with that of its
 * own mount. It holds the lock on the folder below until it ends, so no newer okstrafs can be mounted
 * meanwhile. Between two acts it has nothing of the mount open, which would be busy.
 *
 * A mount that was detached lives on while a shell stands in it, or a container has a copy of it. Its daemon
 * must not keep the folder from a newer one. So the child watches the kernel's table of mounts, and gives up
 * the lock if the mount is gone from its place and the daemon goes on.
 */
#include "watchers/toucher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    UNMOUNT_TRIES = 50,
    UNMOUNT_STEP_MS = 20,
    EXIT_WAIT_MS = 2000,
    DETACHED_MS = 300, /* a daemon without users has heard of its unmount by then */
    MESSAGE_MAX = 4096,
};

struct toucher {
    int socket;
    pid_t pid;
};

enum { TOUCH_MOUNTED = 100, TOUCH_ENDING }; /* in addition to enum touch */

struct touch_request {
    int what;
    union {
        struct mount_id id;
        char path[MESSAGE_MAX - sizeof(int)];
    };
};

static void sleep_ms(int ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&ts, NULL);
}

/* --- the child --- */

struct child {
    const char *mountpoint;
    struct mount_id id;
    bool mounted;
    int socket, lock_fd;
    int mounts_fd; /* readable after a change of the table of mounts; -1: no longer of interest */
    bool detached; /* the mount was not at its place when last seen */
    bool ending;   /* the daemon has left its loop */
};

/* Neither O_PATH nor this statx sends a request to the filesystem. */
static int open_root(const struct child *c)
{
    struct statx stx;
    int fd = open(c->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return -errno;
    if (!c->mounted || statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx) < 0 ||
        !mount_id_is(&c->id, &stx)) {
        close(fd);
        return -ESTALE;
    }
    return fd;
}

static int touch(int root, const char *path)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
    int fd = openat(root, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc;

    if (fd < 0)
        return -errno;
    rc = futimens(fd, times) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

static int create(int root, const char *path)
{
    int fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);

    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

static int act(int root, int what, const char *path)
{
    struct stat st;

    switch (what) {
    case TOUCH_WRITE:
        return touch(root, path);
    case TOUCH_CREATE:
        return create(root, path);
    case TOUCH_MKDIR:
        return mkdirat(root, path, 0555) < 0 ? -errno : 0;
    case TOUCH_SYMLINK: /* any target: the daemon decides where the link leads */
        return symlinkat(".", root, path) < 0 ? -errno : 0;
    case TOUCH_UNLINK:
        return unlinkat(root, path, 0) < 0 ? -errno : 0;
    case TOUCH_RMDIR:
        return unlinkat(root, path, AT_REMOVEDIR) < 0 ? -errno : 0;
    case TOUCH_STAT:
        return fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
    default:
        return -EINVAL;
    }
}

static int perform(struct child *c, const struct touch_request *m)
{
    int root, rc;

    if (m->what == TOUCH_MOUNTED) {
        c->id = m->id;
        c->mounted = true;
        return 0;
    }
    root = open_root(c);
    if (root < 0)
        return root;
    rc = act(root, m->what, m->path);
    close(root);
    return rc;
}

/* The daemon has ended. If it ended regularly, its mount is gone too. */
static void clean_up(const struct child *c)
{
    for (int i = 0; c->mounted && i < UNMOUNT_TRIES; i++) {
        if (!mountpoint_is(c->mountpoint, &c->id))
            return;
        mountpoint_detach(c->mountpoint);
        sleep_ms(i ? UNMOUNT_STEP_MS : 0);
    }
}

static void quiet(int socket, int lock_fd)
{
    int null = open("/dev/null", O_RDWR);
    int low = socket < lock_fd ? socket : lock_fd, high = socket < lock_fd ? lock_fd : socket;

    for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    close_range(STDERR_FILENO + 1, (unsigned)low - 1, 0);
    if (high > low + 1)
        close_range((unsigned)low + 1, (unsigned)high - 1, 0);
    close_range((unsigned)high + 1, UINT_MAX, 0);
}

/*
 * The child ends when its socket closes. A signal to all (Ctrl-C, systemd's SIGTERM) must not end it before
 * it has cleaned up.
 */
static void ignore_signals(void)
{
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP};
    sigset_t none;

    for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Serves one request. False: the daemon has ended. */
static bool serve(struct child *c)
{
    static struct touch_request m;
    ssize_t n = recv(c->socket, &m, sizeof(m), 0);
    int rc;

    if (n <= 0)
        return n < 0 && errno == EINTR;
    if (m.what == TOUCH_ENDING) {
        c->ending = true;
        return true;
    }
    rc = perform(c, &m);
    send(c->socket, &rc, sizeof(rc), MSG_NOSIGNAL);
    return true;
}

static void release_if_detached(struct child *c)
{
    bool gone = c->mounted && !mountpoint_is(c->mountpoint, &c->id);

    if (gone && c->detached && !c->ending) {
        flock(c->lock_fd, LOCK_UN); /* also for the daemon, whose descriptor is the same */
        close(c->mounts_fd);
        c->mounts_fd = -1;
    }
    c->detached = gone;
}

/* False: the daemon has ended. */
static bool wait_and_serve(struct child *c)
{
    struct pollfd fds[] = {{.fd = c->socket, .events = POLLIN}, {.fd = c->mounts_fd, .events = POLLPRI}};
    int rc = poll(fds, 2, c->detached && c->mounts_fd >= 0 ? DETACHED_MS : -1);

    if (rc < 0)
        return errno == EINTR;
    if (rc == 0 || fds[1].revents)
        release_if_detached(c);
    return !fds[0].revents || serve(c);
}

__attribute__((noreturn)) static void child_main(const char *mountpoint, int socket, int lock_fd)
{
    struct child child = {.mountpoint = mountpoint, .socket = socket, .lock_fd = lock_fd};

    ignore_signals();
    setsid();
    quiet(socket, lock_fd);
    if (chdir("/") < 0)
        _exit(1);
    prctl(PR_SET_NAME, "okstrafs-touch"); /* the daemon's descriptors are closed by now */
    child.mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    while (wait_and_serve(&child))
        ;
    clean_up(&child);
    _exit(0);
}

/* --- the daemon --- */

int toucher_start(struct toucher **out, const char *mountpoint, int lock_fd)
{
    struct toucher *t = calloc(1, sizeof(*t));
    int pair[2], rc;

    if (!t)
        return -ENOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        rc = -errno;
        free(t);
        return rc;
    }
    t->pid = fork();
    if (t->pid == 0)
        child_main(mountpoint, pair[1], lock_fd);
    rc = t->pid < 0 ? -errno : 0;
    close(pair[1]);
    t->socket = pair[0];
    if (rc < 0) {
        close(t->socket);
        free(t);
        return rc;
    }
    *out = t;
    return 0;
}

pid_t toucher_pid(const struct toucher *t)
{
    return t->pid;
}

static int converse(const struct toucher *t, const struct touch_request *m, size_t len)
{
    ssize_t n;
    int answer;

    if (send(t->socket, m, len, MSG_NOSIGNAL) < 0)
        return -EPIPE;
    while ((n = recv(t->socket, &answer, sizeof(answer), 0)) < 0 && errno == EINTR)
        ;
    return n == sizeof(answer) ? answer : -EPIPE;
}

void toucher_mounted(struct toucher *t, const struct mount_id *id)
{
    struct touch_request m = {.what = TOUCH_MOUNTED, .id = *id};

    converse(t, &m, sizeof(m));
}

/* There is no answer: the child may be in a call that waits for this daemon. */
void toucher_ending(struct toucher *t)
{
    struct touch_request m = {.what = TOUCH_ENDING};

    if (t)
        send(t->socket, &m, offsetof(struct touch_request, path), MSG_NOSIGNAL);
}

int toucher_do(struct toucher *t, enum touch what, const char *path)
{
    struct touch_request m = {.what = what};
    size_t n = strlen(path) + 1;

    if (n > sizeof(m.path))
        return -ENAMETOOLONG;
    memcpy(m.path, path, n);
    return converse(t, &m, offsetof(struct touch_request, path) + n);
}

void toucher_interrupt(struct toucher *t)
{
    shutdown(t->socket, SHUT_RDWR);
}

void toucher_stop(struct toucher *t)
{
    if (!t)
        return;
    close(t->socket);
    for (int ms = 0; waitpid(t->pid, NULL, WNOHANG) == 0; ms++) {
        if (ms == EXIT_WAIT_MS)
            kill(t->pid, SIGKILL);
        sleep_ms(1);
    }
    free(t);
}
