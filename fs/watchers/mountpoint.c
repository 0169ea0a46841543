/*
 * The state of the mountpoint, read without system calls that may hang on it.
 *
 * A FUSE mount without a daemon replies ENOTCONN to every request, and one whose daemon is stopped never
 * replies. So what is mounted is read from the kernel's table (mountinfo). A child process, which can be
 * abandoned, checks whether it responds.
 *
 * Two daemons on one folder would unmount each other. The lock is on the folder below the mount, which only
 * the first daemon can still reach.
 */
#include "watchers/mountpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROBE_MS = 5000, STEP_MS = 20, LINKS_MAX = 40, CLAIM_MS = 3000, BUSY_MS = 500 };

extern char **environ;

static void sleep_ms(int ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&ts, NULL);
}

/* Resolves all but the last component, which is not accessed. */
static char *resolve_parent(const char *path)
{
    char *copy = strdup(path), *copy2 = strdup(path), *parent = NULL, *out = NULL;
    const char *name = copy2 ? basename(copy2) : "";

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "/") == 0)
        out = realpath(path, NULL);
    else if (copy && copy2 && (parent = realpath(dirname(copy), NULL)) &&
             asprintf(&out, "%s/%s", strcmp(parent, "/") ? parent : "", name) < 0)
        out = NULL;
    free(parent);
    free(copy);
    free(copy2);
    return out;
}

/* The target of a symlink, relative to its own folder; NULL: not a symlink. */
static char *link_target(const char *path)
{
    char target[PATH_MAX], *out;
    ssize_t n = readlink(path, target, sizeof(target) - 1);
    int folder = (int)(strrchr(path, '/') - path);

    if (n < 0)
        return NULL;
    target[n] = '\0';
    n = target[0] == '/' ? asprintf(&out, "%s", target) : asprintf(&out, "%.*s/%s", folder, path, target);
    return n < 0 ? NULL : out;
}

char *mountpoint_resolve(const char *path)
{
    char *out = resolve_parent(path), *target;

    for (int i = 0; out && i < LINKS_MAX && (target = link_target(out)); i++) {
        free(out);
        out = resolve_parent(target);
        free(target);
    }
    return out;
}

/* Undoes the octal escapes of mountinfo, in place. */
static void unescape(char *s)
{
    char *to = s;

    for (; *s; s++) {
        if (s[0] == '\\' && s[1] && s[2] && s[3]) {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

struct mount_line {
    char type[64];
    const char *path; /* in the line */
    uid_t owner;      /* of a FUSE filesystem: who mounted it */
    struct mount_id id;
};

/* "user_id=" in the options of the filesystem, of which it is one. */
static uid_t owner_in(const char *options)
{
    const char *at = strstr(options, "user_id=");

    return at ? (uid_t)strtoul(at + strlen("user_id="), NULL, 10) : 0;
}

/* Parses a line of mountinfo, and changes it. False: it is none. */
static bool parse_line(char *line, struct mount_line *out)
{
    struct mount_line found = {0};
    char *save, *field = strtok_r(line, " \n", &save);

    for (int i = 0; field; field = strtok_r(NULL, " \n", &save), i++) {
        if (i == 0)
            found.id.number = strtoull(field, NULL, 10);
        if (i == 2)
            sscanf(field, "%u:%u", &found.id.dev_major, &found.id.dev_minor);
        if (i == 4) {
            unescape(field);
            found.path = field;
        }
        if (i > 5 && strcmp(field, "-") == 0) {
            field = strtok_r(NULL, " \n", &save);
            if (!field)
                return false;
            snprintf(found.type, sizeof(found.type), "%s", field);
            strtok_r(NULL, " \n", &save); /* the source */
            field = strtok_r(NULL, " \n", &save);
            found.owner = field ? owner_in(field) : 0;
            *out = found;
            return true;
        }
    }
    return false;
}

/* The topmost mount at exactly this path. */
static bool mounted(const char *path, struct mount_line *out)
{
    FILE *f = fopen("/proc/self/mountinfo", "re");
    struct mount_line one;
    char *line = NULL;
    size_t room = 0;
    bool found = false;

    while (f && getline(&line, &room, f) > 0)
        if (parse_line(line, &one) && strcmp(one.path, path) == 0) {
            *out = one;
            found = true;
        }
    free(line);
    if (f)
        fclose(f);
    out->path = NULL;
    return found;
}

static bool is_ours(const struct mount_line *line)
{
    return strcmp(line->type, "fuse.okstrafs") == 0;
}

int mountpoint_each(void (*fn)(void *ctx, const char *path, uid_t owner), void *ctx)
{
    FILE *f = fopen("/proc/self/mountinfo", "re");
    struct mount_line one;
    char *line = NULL;
    size_t room = 0;

    if (!f)
        return -errno;
    while (getline(&line, &room, f) > 0)
        if (parse_line(line, &one) && is_ours(&one))
            fn(ctx, one.path, one.owner);
    free(line);
    fclose(f);
    return 0;
}

int mountpoint_id(const char *path, struct mount_id *out)
{
    struct mount_line line;

    if (!mounted(path, &line) || !is_ours(&line))
        return -ENOENT;
    *out = line.id;
    return 0;
}

bool mountpoint_is(const char *path, const struct mount_id *id)
{
    struct mount_id there;

    return mountpoint_id(path, &there) == 0 && there.number == id->number &&
           there.dev_major == id->dev_major && there.dev_minor == id->dev_minor;
}

bool mount_id_is(const struct mount_id *id, const struct statx *stx)
{
    if ((stx->stx_mask & STATX_MNT_ID) && stx->stx_mnt_id != id->number)
        return false;
    return stx->stx_dev_major == id->dev_major && stx->stx_dev_minor == id->dev_minor;
}

/* In a child: copies what a file of the mount contains. */
__attribute__((noreturn)) static void copy_file(const char *path, int to)
{
    int from = open(path, O_RDONLY | O_CLOEXEC);
    char buf[4096];
    ssize_t n = -1;

    while (from >= 0 && (n = read(from, buf, sizeof(buf))) > 0)
        if (write(to, buf, (size_t)n) != n)
            _exit(EIO);
    _exit(n == 0 ? 0 : errno);
}

/* Until the other end is closed. -ETIMEDOUT; -EFBIG */
static ssize_t read_until(int fd, char *buf, size_t size, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t len = 0;
    ssize_t n = 1;

    while (n > 0 && len < size) {
        if (poll(&p, 1, ms) <= 0)
            return -ETIMEDOUT;
        n = read(fd, buf + len, size - len);
        len += n > 0 ? (size_t)n : 0;
    }
    return n < 0 ? -errno : n > 0 ? -EFBIG : (ssize_t)len;
}

ssize_t mountpoint_read(const char *mountpoint, const char *name, char *buf, size_t size)
{
    char path[PATH_MAX];
    int ends[2], status = 0;
    ssize_t len;
    pid_t pid;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", mountpoint, name) >= sizeof(path))
        return -ENAMETOOLONG;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid = fork();
    if (pid == 0)
        copy_file(path, ends[1]);
    close(ends[1]);
    len = pid < 0 ? -EAGAIN : read_until(ends[0], buf, size, PROBE_MS);
    close(ends[0]);
    if (pid > 0 && len < 0)
        kill(pid, SIGKILL);
    if (pid > 0 && len >= 0) {
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
            len = -EIO;
        else if (WEXITSTATUS(status))
            len = -WEXITSTATUS(status);
    }
    return len;
}

static enum mount_state probe(const char *path)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct stat st;

        _exit(stat(path, &st) == 0 || errno == EACCES      ? 0
              : errno == ENOTCONN || errno == ECONNABORTED ? 1
                                                           : 2);
    }
    for (int ms = 0; pid > 0 && ms < PROBE_MS; ms += STEP_MS) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) && WEXITSTATUS(status) == 1 ? MOUNT_STALE : MOUNT_ALIVE;
        sleep_ms(ms ? STEP_MS : 1);
    }
    if (pid > 0)
        kill(pid, SIGKILL);
    return MOUNT_HUNG;
}

enum mount_state mountpoint_state(const char *path)
{
    char *resolved = mountpoint_resolve(path);
    enum mount_state state = MOUNT_NONE;
    struct mount_line line;

    if (resolved && mounted(resolved, &line))
        state = is_ours(&line) ? probe(resolved) : MOUNT_OTHER;
    free(resolved);
    return state;
}

/*
 * fusermount3's exit code does not say what went wrong. Its own message is shown at the last, lazy, try only.
 */
static int run_fusermount(const char *path, bool lazy)
{
    char *argv[] = {"fusermount3", "-u", lazy ? "-z" : "-q", "--", (char *)path, NULL};
    pid_t pid;
    int status, rc = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);

    if (rc)
        return -rc;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EBUSY;
}

static int unmount_resolved(const char *path, bool lazy)
{
    int rc = umount2(path, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) < 0 ? -errno : 0;

    return rc == -EPERM ? run_fusermount(path, lazy) : rc;
}

int mountpoint_unmount(const char *path, bool lazy)
{
    char *resolved = mountpoint_resolve(path);
    int rc;

    if (!resolved)
        return -errno;
    rc = unmount_resolved(resolved, lazy);
    /* A short read, or a touch, ends before it is worth an error. */
    for (int ms = 0; rc == -EBUSY && !lazy && ms < BUSY_MS; ms += STEP_MS) {
        sleep_ms(STEP_MS);
        rc = unmount_resolved(resolved, lazy);
    }
    free(resolved);
    return rc;
}

int mountpoint_detach(const char *path)
{
    return unmount_resolved(path, true);
}

int mountpoint_create(const char *path)
{
    char *copy = strdup(path);
    int rc = copy ? 0 : -ENOMEM, denied = 0;

    for (char *p = copy ? copy + 1 : NULL; rc == 0 && p; p++) {
        p = strchr(p, '/');
        if (p)
            *p = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST) {
            if (errno == EROFS || errno == EACCES)
                denied = -errno; /* it may exist even so */
            else
                rc = denied ? denied : -errno;
        }
        if (!p)
            break;
        *p = '/';
    }
    free(copy);
    if (rc == 0 && denied && access(path, F_OK) < 0 && errno == ENOENT)
        rc = denied;
    return rc;
}

static int check_empty(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;
    int rc = 0;

    if (!dir) {
        rc = -errno;
        if (copy >= 0)
            close(copy);
        return rc;
    }
    while (errno = 0, rc == 0 && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = -ENOTEMPTY;
    rc = rc == 0 ? -errno : rc;
    closedir(dir);
    return rc;
}

static bool is_mounted(const char *path)
{
    char *resolved = mountpoint_resolve(path);
    struct mount_line line;
    bool is = resolved && mounted(resolved, &line);

    free(resolved);
    return is;
}

/* The mount of a daemon that was killed is removed by a child, which holds the lock until then. */
static int lock(int fd, const char *path)
{
    for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; ms += STEP_MS) {
        if (errno != EWOULDBLOCK)
            return -errno;
        if (ms >= CLAIM_MS || is_mounted(path))
            return -EBUSY;
        sleep_ms(STEP_MS);
    }
    return is_mounted(path) ? -EBUSY : 0; /* another process mounted meanwhile */
}

int mountpoint_claim(const char *path, bool nonempty)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

    if (fd < 0)
        return -errno;
    rc = lock(fd, path);
    if (rc == 0 && !nonempty)
        rc = check_empty(fd);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}

bool mountpoint_wait_released(const char *path, int seconds)
{
    for (int ms = 0; ms <= seconds * 1000; ms += STEP_MS) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool free_now = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

        if (fd >= 0)
            close(fd);
        if (free_now || fd < 0)
            return free_now;
        sleep_ms(STEP_MS);
    }
    return false;
}
