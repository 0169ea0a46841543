/*
 * Handling the mountpoint without ever hanging on it.
 *
 * A FUSE mount whose daemon is gone answers ENOTCONN to everything, and one whose daemon is stopped answers
 * nothing at all, to nobody. So what is mounted is read from the kernel's table, and whether it is alive is
 * asked by a child that can be left behind.
 *
 * Two daemons on one folder would unmount each other; the lock is on the folder below the mount, which only
 * the first can still reach.
 */
#include "mountpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
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

enum { PROBE_MS = 5000, STEP_MS = 20, LINKS_MAX = 40 };

extern char **environ;

static void sleep_ms(int ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&ts, NULL);
}

/* The path with its last component as it is; what that is, nobody asks. */
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

/* Where a symlink leads, seen from its own folder; NULL where it is none. */
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

/* One line of mountinfo: does it mount `path`, and with what type? */
static bool parse_line(char *line, const char *path, char type[64])
{
    char *save, *field = strtok_r(line, " ", &save);
    bool same = false;

    for (int i = 0; field; field = strtok_r(NULL, " ", &save), i++) {
        if (i == 4) {
            unescape(field);
            same = strcmp(field, path) == 0;
        }
        if (i > 5 && strcmp(field, "-") == 0) {
            field = strtok_r(NULL, " ", &save);
            if (same && field)
                snprintf(type, 64, "%s", field);
            return same && field;
        }
    }
    return false;
}

/* The type of the topmost mount at exactly this path. */
static bool mounted_type(const char *path, char type[64])
{
    FILE *f = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t room = 0;
    bool found = false;

    while (f && getline(&line, &room, f) > 0)
        found |= parse_line(line, path, type);
    free(line);
    if (f)
        fclose(f);
    return found;
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
    char type[64], *resolved = mountpoint_resolve(path);
    enum mount_state state = MOUNT_NONE;

    if (resolved && mounted_type(resolved, type))
        state = strcmp(type, "fuse.okstrafs") == 0 ? probe(resolved) : MOUNT_OTHER;
    free(resolved);
    return state;
}

/* Its exit code does not tell what went wrong: it may say so itself, but only at the last, lazy, try. */
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

int mountpoint_unmount(const char *path, bool lazy)
{
    char *resolved = mountpoint_resolve(path);
    int rc;

    if (!resolved)
        return -errno;
    rc = umount2(resolved, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) < 0 ? -errno : 0;
    if (rc == -EPERM)
        rc = run_fusermount(resolved, lazy);
    free(resolved);
    return rc;
}

int mountpoint_create(const char *path)
{
    char *copy = strdup(path);
    int rc = copy ? 0 : -ENOMEM;

    for (char *p = copy ? copy + 1 : NULL; rc == 0 && p; p++) {
        p = strchr(p, '/');
        if (p)
            *p = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST && (errno != EROFS && errno != EACCES))
            rc = -errno;
        if (!p)
            break;
        *p = '/';
    }
    free(copy);
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
    while (rc == 0 && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = -ENOTEMPTY;
    closedir(dir);
    return rc;
}

int mountpoint_claim(const char *path, bool nonempty)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
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
