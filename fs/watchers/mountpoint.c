/*
 * The state of the mountpoint, read without system calls that may hang on it.
 *
 * A FUSE mount without a daemon replies ENOTCONN to every request, and one whose daemon is stopped never
 * replies. So what is mounted is read from the kernel's table (mountinfo). A child process, which can be
 * left behind, checks whether it responds.
 *
 * Two daemons on one folder would unmount each other. The lock is on the folder below the mount, which only
 * the first daemon can still reach.
 */
#include "watchers/mountpoint.h"
#include "common/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
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

/* The topmost mount at exactly this path. 0; -ENOENT: none; or another negative errno, of the table */
static int mounted(const char *path, struct mount_line *out)
{
    FILE *f = fopen("/proc/self/mountinfo", "re");
    struct mount_line one;
    char *line = NULL;
    size_t room = 0;
    int rc = -ENOENT;

    if (!f)
        return -errno; /* -ENOENT: no /proc, so no mount is known */
    while (errno = 0, getline(&line, &room, f) > 0)
        if (parse_line(line, &one) && strcmp(one.path, path) == 0) {
            *out = one;
            rc = 0;
        }
    if (!feof(f))
        rc = errno ? -errno : -EIO;
    free(line);
    fclose(f);
    out->path = NULL;
    return rc;
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
    int rc = mounted(path, &line);

    if (rc == 0)
        *out = line.id;
    return rc == 0 && !is_ours(&line) ? -ENOENT : rc;
}

int mountpoint_is(const char *path, const struct mount_id *id)
{
    struct mount_id there;
    int rc = mountpoint_id(path, &there);

    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    return there.number == id->number && there.dev_major == id->dev_major && there.dev_minor == id->dev_minor;
}

bool mount_id_is(const struct mount_id *id, const struct statx *stx)
{
    if ((stx->stx_mask & STATX_MNT_ID) && stx->stx_mnt_id != id->number)
        return false;
    return stx->stx_dev_major == id->dev_major && stx->stx_dev_minor == id->dev_minor;
}

/* Prints a file. An errno */
static int print_file(const void *path)
{
    int from = open(path, O_RDONLY | O_CLOEXEC);
    char buf[4096];
    ssize_t n = -1;

    while (from >= 0 && (n = read(from, buf, sizeof(buf))) > 0)
        if (write(STDOUT_FILENO, buf, (size_t)n) != n)
            return EIO;
    return n == 0 ? 0 : errno;
}

ssize_t mountpoint_read(const char *mountpoint, const char *name, char *buf, size_t size)
{
    char path[PATH_MAX];
    size_t len;
    int rc;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", mountpoint, name) >= sizeof(path))
        return -ENAMETOOLONG;
    rc = child_ask(print_file, path, PROBE_MS, buf, size, &len);
    return rc > 0 ? -rc : rc < 0 ? rc : (ssize_t)len;
}

/* statfs(2) always asks the daemon; stat(2) may be answered by the kernel. An errno */
static int ask_mount(const void *path)
{
    struct statfs st;

    return statfs(path, &st) < 0 ? errno : 0;
}

static enum mount_state probe(const char *path)
{
    char none[1];
    size_t len;
    int rc = child_ask(ask_mount, path, PROBE_MS, none, sizeof(none), &len);

    return rc == ENOTCONN || rc == ECONNABORTED ? MOUNT_STALE : rc == -ETIMEDOUT ? MOUNT_HUNG : MOUNT_ALIVE;
}

enum mount_state mountpoint_state(const char *path)
{
    char *resolved = mountpoint_resolve(path);
    enum mount_state state = MOUNT_NONE;
    struct mount_line line;
    int rc = resolved ? mounted(resolved, &line) : -ENOENT;

    if (rc == 0)
        state = is_ours(&line) ? probe(resolved) : MOUNT_OTHER;
    free(resolved);
    if (rc == 0 || rc == -ENOENT)
        return state;
    errno = -rc;
    return MOUNT_UNKNOWN;
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

/* 0: nothing is mounted there; -EBUSY; or another negative errno, of the table */
static int check_not_mounted(const char *path)
{
    char *resolved = mountpoint_resolve(path);
    struct mount_line line;
    int rc = resolved ? mounted(resolved, &line) : -ENOENT;

    free(resolved);
    return rc == 0 ? -EBUSY : rc == -ENOENT ? 0 : rc;
}

/* The mount of a daemon that was killed is removed by a child, which holds the lock until then. */
static int lock(int fd, const char *path)
{
    for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; ms += STEP_MS) {
        int rc = errno == EWOULDBLOCK ? check_not_mounted(path) : -errno;

        if (rc < 0)
            return rc;
        if (ms >= CLAIM_MS)
            return -EBUSY;
        sleep_ms(STEP_MS);
    }
    return check_not_mounted(path); /* another process may have mounted meanwhile */
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
