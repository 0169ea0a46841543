/*
 * The toucher: a child process that makes system calls on the own mount.
 *
 * If a daemon is killed while one of its own threads waits for a reply of its own mount, it never ends: the
 * thread waits for the daemon, and keeps the descriptor open whose closing would end the wait. So a child
 * makes these calls. It has no descriptor of /dev/fuse. When the daemon dies, the kernel aborts the
 * connection, and with it the child's call. The child finds its socket closed, and unmounts, so that no
 * process is left with "Transport endpoint is not connected".
 *
 * A child that is killed alone is replaced. The daemon cannot start one that unmounts, because it has given
 * up what that needs (common/hardening.h). So the toucher has a child of its own, the spare, which waits. If
 * the toucher is killed, the spare becomes the toucher, and starts a new spare; if the spare is killed, the
 * toucher starts a new one. The daemon adopts the orphan (PR_SET_CHILD_SUBREAPER). If both are gone at once,
 * the daemon starts what it can: a toucher that notifies watchers, and perhaps cannot unmount.
 *
 * The child never acts outside of the mount: each time it compares the id of what is mounted with that of its
 * own mount. It holds the lock on the folder below until it ends, so no newer okstrafs can be mounted
 * meanwhile. Between two acts it has nothing of the mount open, which would be busy.
 *
 * A mount that was detached lives on while a shell stands in it, or a container has a copy of it. Its daemon
 * must not keep the folder from a newer one. So the child watches the kernel's table of mounts, and gives up
 * the lock if the mount is gone from its place and is still in use. When the last user has left, the daemon
 * ends, and keeps the lock until then: whoever waits for the lock waits for the caches. That there is no user
 * is known from inotify, which reports the end of a filesystem; a watch does not keep a mount busy.
 */
#include "watchers/toucher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hardening.h"
#include "common/log.h"

enum {
    UNMOUNT_TRIES = 50,
    UNMOUNT_STEP_MS = 20,
    EXIT_WAIT_MS = 2000,
    RESTART_S = 3,
    RETRY_MS = 1000,
    DETACHED_MS = 300, /* the kernel has ended a filesystem without users by then */
    MESSAGE_MAX = 4096,
};

struct toucher {
    char *mountpoint;
    int lock_fd;
    int socket; /* the number stays the same: a new child's takes its place */
    int spare;  /* its socket, or -1; for the keeper alone */
    _Atomic pid_t pid;
    struct mount_id id;
    atomic_bool hardened; /* the daemon has given up what unmounting needs */
    atomic_bool weak;     /* and has started the toucher since */

    pthread_mutex_t lock; /* one conversation at a time */
    pthread_cond_t started;
    unsigned starts; /* protected by lock */
    _Atomic uint64_t restarts;
    _Atomic int64_t since_ms; /* the time of the last start or end */
    pthread_t keeper;
    bool kept;          /* the keeper runs */
    atomic_bool ending; /* no new child is wanted */
};

enum {
    TOUCH_MOUNTED = 100,
    TOUCH_ENDING,
    TOUCH_UNMOUNT,
    TOUCH_SPARE,
    TOUCH_BECOME
}; /* in addition to enum touch */

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
    bool spare; /* waits until it becomes the toucher */
    struct mount_id id;
    bool mounted;
    int socket, lock_fd;
    int mounts_fd;       /* readable after a change of the table of mounts; -1: no longer of interest */
    int64_t detached_ms; /* since when the mount is not at its place; 0: it is there */
    int end_fd;          /* inotify: readable after the end of the filesystem; -1: that is not watched */
    bool end_in_doubt;   /* because there is no inotify to be had */
    bool ending;         /* the daemon has left its loop */
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
        int is = mountpoint_is(c->mountpoint, &c->id);

        if (is == 0)
            return;
        if (is > 0)
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

/* Receives a request, and the socket that may come with it (else -1). */
static ssize_t receive(int from, struct touch_request *m, int *socket)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {m, sizeof(*m)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    *socket = -1;
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
        memcpy(socket, CMSG_DATA(head), sizeof(*socket));
    return n;
}

/*
 * Only after the reply: this may send a request, and the daemon does not serve its mount yet. If the mount is
 * gone before it is watched, it is taken for one that has ended; if there is no inotify to be had, for one in
 * use.
 */
static void watch_end(struct child *c)
{
    int root = open_root(c);
    char path[32];

    if (root < 0)
        return;
    if (c->end_fd >= 0)
        close(c->end_fd);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", root);
    c->end_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    c->end_in_doubt = c->end_fd < 0;
    if (c->end_fd >= 0 &&
        inotify_add_watch(c->end_fd, path, IN_DELETE_SELF) < 0) { /* IN_UNMOUNT needs no flag */
        c->end_in_doubt = errno == ENOSPC || errno == ENOMEM;
        close(c->end_fd);
        c->end_fd = -1;
    }
    close(root);
}

static bool has_ended(const struct child *c)
{
    struct pollfd fd = {.fd = c->end_fd, .events = POLLIN};

    return c->end_fd < 0 ? !c->end_in_doubt : poll(&fd, 1, 0) > 0;
}

/* As the spare it does not watch mounts. */
static void become_toucher(struct child *c)
{
    c->spare = false;
    c->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
}

/* In the new process everything goes on as the spare, with the other socket. A process number, or a negative
 * errno; 0: this is the spare. */
static int start_spare(struct child *c, int socket)
{
    pid_t pid;

    while (waitpid(-1, NULL, WNOHANG) > 0)
        ; /* the one before */
    pid = fork();
    if (pid)
        return pid < 0 ? -errno : pid;
    setsid();
    close(c->socket);
    if (c->mounts_fd >= 0)
        close(c->mounts_fd);
    if (c->end_fd >= 0)
        close(c->end_fd);
    c->socket = socket;
    c->mounts_fd = c->end_fd = -1;
    c->spare = true;
    c->detached_ms = 0;
    return 0;
}

static int answer_to(struct child *c, const struct touch_request *m, int socket)
{
    switch (m->what) {
    case TOUCH_SPARE:
        return start_spare(c, socket);
    case TOUCH_BECOME:
        become_toucher(c);
        return getpid();
    default:
        return perform(c, m);
    }
}

/* Serves one request. False: the daemon has ended. */
static bool serve(struct child *c)
{
    static struct touch_request m;
    int socket, rc;
    ssize_t n = receive(c->socket, &m, &socket);

    if (n <= 0)
        return n < 0 && errno == EINTR;
    if (m.what == TOUCH_ENDING) {
        c->ending = true;
        return true;
    }
    if (m.what == TOUCH_UNMOUNT) {
        clean_up(c);
        return true;
    }
    rc = answer_to(c, &m, socket);
    if (m.what == TOUCH_SPARE && rc == 0)
        return true;
    if (socket >= 0)
        close(socket);
    send(c->socket, &rc, sizeof(rc), MSG_NOSIGNAL);
    if (m.what == TOUCH_MOUNTED)
        watch_end(c);
    return true;
}

static void release_if_detached(struct child *c)
{
    bool gone = c->mounted && mountpoint_is(c->mountpoint, &c->id) == 0;

    if (!gone || !c->detached_ms) {
        c->detached_ms = gone ? monotonic_ms() : 0;
        return;
    }
    /* Other mounts come and go, so this is called at any time. */
    if (monotonic_ms() - c->detached_ms >= DETACHED_MS && !c->ending && !has_ended(c)) {
        flock(c->lock_fd, LOCK_UN); /* also for the daemon, whose descriptor is the same */
        close(c->mounts_fd);
        c->mounts_fd = -1;
    }
}

/* False: the daemon has ended. */
static bool wait_and_serve(struct child *c)
{
    struct pollfd fds[] = {{.fd = c->socket, .events = POLLIN}, {.fd = c->mounts_fd, .events = POLLPRI}};
    int rc = poll(fds, 2, c->detached_ms && c->mounts_fd >= 0 ? DETACHED_MS : -1);

    if (rc < 0)
        return errno == EINTR;
    if (rc == 0 || fds[1].revents)
        release_if_detached(c);
    return !fds[0].revents || serve(c);
}

__attribute__((noreturn)) static void child_main(const char *mountpoint, int socket, int lock_fd)
{
    struct child child = {.mountpoint = mountpoint, .socket = socket, .lock_fd = lock_fd, .end_fd = -1};

    ignore_signals();
    setsid();
    quiet(socket, lock_fd);
    if (chdir("/") < 0)
        _exit(1);
    prctl(PR_SET_NAME, "okstrafs-touch"); /* the daemon's descriptors are closed by now */
    hardening_no_core_dumps();
    hardening_keep_unmounting();
    become_toucher(&child);
    while (wait_and_serve(&child))
        ;
    if (!child.spare)
        clean_up(&child);
    _exit(0);
}

/* --- the daemon --- */

static void toucher_free(struct toucher *t)
{
    if (t->socket >= 0)
        close(t->socket);
    if (t->spare >= 0)
        close(t->spare);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->started);
    free(t->mountpoint);
    free(t);
}

/* Sends a request, with a descriptor unless that is -1. The answer, or -EPIPE. */
static int ask_with(int socket, const struct touch_request *m, size_t len, int fd)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {
        .head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {(void *)m, len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    int answer;
    ssize_t n;

    if (fd >= 0) {
        memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
    }
    if (sendmsg(socket, &message, MSG_NOSIGNAL) < 0)
        return -EPIPE;
    while ((n = recv(socket, &answer, sizeof(answer), 0)) < 0 && errno == EINTR)
        ;
    return n == sizeof(answer) ? answer : -EPIPE;
}

/* Under the lock. */
static int ask(const struct toucher *t, const struct touch_request *m, size_t len)
{
    return ask_with(t->socket, m, len, -1);
}

static int ask_word(int socket, int what, int fd)
{
    struct touch_request m = {.what = what};

    return ask_with(socket, &m, offsetof(struct touch_request, path), fd);
}

/* Under the lock, if there are threads. */
static int start_child(struct toucher *t)
{
    int pair[2], rc = 0;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    pid = fork();
    if (pid == 0)
        child_main(t->mountpoint, pair[1], t->lock_fd);
    if (pid < 0)
        rc = -errno;
    close(pair[1]);
    if (rc == 0 && t->socket < 0)
        t->socket = fcntl(pair[0], F_DUPFD_CLOEXEC, 3);
    else if (rc == 0)
        dup3(pair[0], t->socket, O_CLOEXEC);
    close(pair[0]);
    if (rc < 0)
        return rc;
    t->pid = pid;
    t->weak = t->hardened;
    return 0;
}

/* The toucher starts it. Under the lock, if there are threads. 0 or a negative errno */
static int start_spare_child(struct toucher *t)
{
    int pair[2], rc;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    rc = ask_word(t->socket, TOUCH_SPARE, pair[1]);
    close(pair[1]);
    if (rc < 0)
        close(pair[0]);
    else
        t->spare = pair[0];
    return rc < 0 ? rc : 0;
}

/* The spare takes the toucher's place. Under the lock. 0 or -EPIPE */
static int promote_spare(struct toucher *t)
{
    int pid = t->spare >= 0 ? ask_word(t->spare, TOUCH_BECOME, -1) : -EPIPE;

    if (pid > 0) {
        dup3(t->spare, t->socket, O_CLOEXEC);
        t->pid = pid;
    }
    if (t->spare >= 0)
        close(t->spare);
    t->spare = -1;
    return pid > 0 ? 0 : -EPIPE;
}

int toucher_start(struct toucher **out, const char *mountpoint, int lock_fd)
{
    struct toucher *t = calloc(1, sizeof(*t));
    int rc;

    if (!t)
        return -ENOMEM;
    t->lock_fd = lock_fd;
    t->socket = t->spare = -1;
    t->since_ms = now_ms();
    pthread_mutex_init(&t->lock, NULL);
    t->mountpoint = strdup(mountpoint);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    rc = t->mountpoint ? start_child(t) : -ENOMEM;
    if (rc < 0) {
        toucher_free(t);
        return rc;
    }
    start_spare_child(t); /* on failure the keeper tries again */
    *out = t;
    return 0;
}

const _Atomic pid_t *toucher_pid(const struct toucher *t)
{
    return &t->pid;
}

void toucher_state(const struct toucher *t, struct oks_daemon_state *out)
{
    if (!t)
        return;
    out->helper_runs = t->pid > 0;
    out->helper_since_ms = t->since_ms;
    out->helper_restarts = t->restarts;
    out->helper_unmounts = out->helper_runs && !t->weak;
}

static int tell_mounted(struct toucher *t)
{
    struct touch_request m = {.what = TOUCH_MOUNTED, .id = t->id};

    return ask(t, &m, sizeof(m));
}

/* A child that was killed is replaced within RESTART_S, and asked again. */
static int converse(struct toucher *t, const struct touch_request *m, size_t len)
{
    struct timespec until;
    unsigned starts;
    int rc;

    pthread_mutex_lock(&t->lock);
    starts = t->starts;
    rc = ask(t, m, len);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RESTART_S;
    while (rc == -EPIPE && t->kept && !t->ending && t->starts == starts)
        if (pthread_cond_timedwait(&t->started, &t->lock, &until) == ETIMEDOUT)
            break;
    if (rc == -EPIPE && t->starts != starts)
        rc = ask(t, m, len);
    pthread_mutex_unlock(&t->lock);
    return rc;
}

/* The toucher's number is forgotten before the kernel may use it again: what it admits is the child alone. */
static void bury(struct toucher *t)
{
    pid_t pid = t->pid;

    if (pid <= 0)
        return;
    t->pid = -1;
    t->since_ms = now_ms();
    kill(pid, SIGKILL); /* its socket is closed, and so it ends */
    waitpid(pid, NULL, 0);
}

static void report(const struct toucher *t, int rc)
{
    if (rc < 0)
        log_error("cannot start the helper process again (%s): file watchers are not notified of changes",
                  strerror(-rc));
    else if (t->weak)
        log_error("both helper processes were killed: a new one is running, but it cannot unmount if this "
                  "daemon is killed; run 'okstrafs umount', and mount again");
    else
        log_error("the helper process was killed: a new one is running");
}

/* Under the lock. */
static void replace_toucher(struct toucher *t)
{
    int rc;

    bury(t);
    rc = promote_spare(t);
    if (rc < 0)
        rc = start_child(t);
    if (rc == 0) {
        tell_mounted(t);
        t->since_ms = now_ms();
        t->starts++;
        t->restarts++;
        pthread_cond_broadcast(&t->started);
    }
    report(t, rc);
}

/* Under the lock. */
static void replace_spare(struct toucher *t)
{
    close(t->spare);
    t->spare = -1;
    if (start_spare_child(t) == 0)
        t->restarts++;
}

/* Waits for the end of a child. */
static void keep(struct toucher *t)
{
    struct pollfd fds[] = {{.fd = t->socket}, {.fd = t->spare}};

    if (poll(fds, 2, t->spare < 0 ? RETRY_MS : -1) < 0)
        return;
    pthread_mutex_lock(&t->lock);
    if (fds[0].revents && !t->ending)
        replace_toucher(t);
    else if (fds[1].revents && !t->ending)
        replace_spare(t);
    if (t->spare < 0 && !t->ending)
        start_spare_child(t);
    pthread_mutex_unlock(&t->lock);
}

/* Replaces a child that ends before its time. One that ends at once is no use: once a second. */
static void *keeper_main(void *arg)
{
    struct toucher *t = arg;

    while (!t->ending) {
        int64_t begin = now_ms();

        keep(t);
        if (!t->ending && now_ms() - begin < RETRY_MS)
            sleep_ms(RETRY_MS);
    }
    return NULL;
}

void toucher_mounted(struct toucher *t, const struct mount_id *id)
{
    t->id = *id;
    tell_mounted(t);
    t->kept = pthread_create(&t->keeper, NULL, keeper_main, t) == 0;
}

void toucher_set_hardened(struct toucher *t)
{
    t->hardened = true;
}

/* There is no answer: the child may be in a call that waits for this daemon. */
static void tell(struct toucher *t, int what)
{
    struct touch_request m = {.what = what};

    if (t)
        send(t->socket, &m, offsetof(struct touch_request, path), MSG_NOSIGNAL);
}

void toucher_ending(struct toucher *t)
{
    tell(t, TOUCH_ENDING);
}

void toucher_unmount(struct toucher *t)
{
    tell(t, TOUCH_UNMOUNT);
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
    t->ending = true;
    shutdown(t->socket, SHUT_RDWR);
}

void toucher_stop(struct toucher *t)
{
    if (!t)
        return;
    toucher_interrupt(t);
    if (t->kept)
        pthread_join(t->keeper, NULL);
    for (int ms = 0; t->pid > 0 && waitpid(t->pid, NULL, WNOHANG) == 0; ms++) {
        if (ms == EXIT_WAIT_MS)
            kill(t->pid, SIGKILL);
        sleep_ms(1);
    }
    toucher_free(t);
}
