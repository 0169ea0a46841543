/*
 * A realpath(3) that never sends a request to our own mount, nor, in its other forms, to any remote
 * filesystem.
 *
 * A working directory in a transcript can name anything, the own mount included, and even a stat() there from
 * inside the daemon waits for the daemon. So the path is walked one name at a time with O_PATH descriptors,
 * which the kernel hands out for a mountpoint without asking its filesystem, and each descriptor's mount is
 * looked up before the next name is tried.
 *
 * Invariant: the descriptor in hand never stands in a mount of okstrafs when a name is looked up below it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/passing.h"
#include "files/mounts.h"
#include "files/walk.h"

enum { LINKS_MAX = 40 };

struct resolver {
    char done[PATH_MAX]; /* where `fd` stands; "" is the root */
    char todo[PATH_MAX]; /* what is still to be walked */
    int fd;
    int links;
    long mount; /* see oks_mount_is_ours() */
    bool local; /* no remote filesystem is entered, except these two mounts: */
    long top, system;
};

/* 1: the mount is not entered; or a negative errno. */
static int is_closed(struct resolver *r, int fd)
{
    long id;

    if (!r->local)
        return oks_mount_is_ours(fd, &r->mount);
    id = oks_mount_of(fd);
    if (id < 0)
        return is_passing((int)id) ? (int)id : 1;
    return id != r->top && id != r->system ? oks_mount_is_remote(fd, &r->mount) : 0;
}

static int move_to(struct resolver *r, int fd)
{
    int closed;

    if (r->fd >= 0)
        close(r->fd);
    r->fd = fd;
    closed = is_closed(r, fd);
    return closed > 0 ? (r->local ? -EXDEV : -ELOOP) : closed;
}

static int go_to_root(struct resolver *r)
{
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    r->done[0] = '\0';
    return fd < 0 ? -errno : move_to(r, fd);
}

/* The parent is walked to from the root again: by then its name holds no symlink. */
static int go_up(struct resolver *r)
{
    char *slash = strrchr(r->done, '/');
    size_t kept = slash ? (size_t)(slash - r->done) : 0, rest = strlen(r->todo);
    char parent[PATH_MAX];

    if (kept + 1 + rest >= PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(parent, r->done, kept);
    memmove(r->todo + kept + 1, r->todo, rest + 1);
    memcpy(r->todo, parent, kept);
    r->todo[kept] = '/';
    return go_to_root(r);
}

/* A symlink's text goes before the rest. */
static int go_through_link(struct resolver *r, int link)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(link, "", text, sizeof(text) - 1);
    size_t rest = strlen(r->todo);

    if (n < 0)
        return -errno;
    if (++r->links > LINKS_MAX)
        return -ELOOP;
    if ((size_t)n + 1 + rest >= PATH_MAX)
        return -ENAMETOOLONG;
    memmove(r->todo + n + 1, r->todo, rest + 1);
    memcpy(r->todo, text, (size_t)n);
    r->todo[n] = '/';
    return text[0] == '/' ? go_to_root(r) : 0;
}

static int go_into(struct resolver *r, const char *name)
{
    size_t len = strlen(r->done);
    struct statx stx;
    int fd = openat(r->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), rc;

    if (fd < 0)
        return -errno;
    rc = statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0 ? -errno : 0;
    if (is_passing(rc) || (rc == 0 && S_ISLNK(stx.stx_mode))) {
        rc = rc < 0 ? rc : go_through_link(r, fd);
        close(fd);
        return rc;
    }
    if (len + 1 + strlen(name) >= PATH_MAX) {
        close(fd);
        return -ENAMETOOLONG;
    }
    r->done[len] = '/';
    strcpy(r->done + len + 1, name);
    return move_to(r, fd);
}

static int resolve(struct resolver *r)
{
    int rc = go_to_root(r);

    while (rc == 0 && *r->todo) {
        char name[NAME_MAX + 1];
        size_t len = strcspn(r->todo, "/");

        if (len > NAME_MAX)
            return -ENAMETOOLONG;
        memcpy(name, r->todo, len);
        name[len] = '\0';
        memmove(r->todo, r->todo + len + (r->todo[len] == '/'),
                strlen(r->todo + len) + (r->todo[len] != '/'));
        if (len == 0 || strcmp(name, ".") == 0)
            continue;
        rc = strcmp(name, "..") == 0 ? go_up(r) : go_into(r, name);
    }
    return rc;
}

static int resolve_path(struct resolver *r, const char *path, char out[PATH_MAX])
{
    int rc;

    if (path[0] != '/' || strlen(path) >= PATH_MAX)
        return path[0] == '/' ? -ENAMETOOLONG : -EINVAL;
    r->fd = -1;
    strcpy(r->todo, path);
    rc = resolve(r);
    if (rc == 0)
        strcpy(out, *r->done ? r->done : "/");
    if (r->fd >= 0)
        close(r->fd);
    return rc;
}

int oks_resolve(const char *path, char out[PATH_MAX])
{
    struct resolver *r = calloc(1, sizeof(*r));
    int rc = r ? resolve_path(r, path, out) : -ENOMEM;

    free(r);
    return rc;
}

/* A negative errno: it does not exist, or cannot be told. */
static long mount_at(const char *path)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    long id = fd < 0 ? -errno : oks_mount_of(fd);

    if (fd >= 0)
        close(fd);
    return id;
}

static int resolve_local(const char *path, long top, char out[PATH_MAX])
{
    struct resolver *r = calloc(1, sizeof(*r));
    int rc;

    if (!r)
        return -ENOMEM;
    r->local = true;
    r->top = top;
    r->system = mount_at("/");
    rc = is_passing((int)r->top) ? (int)r->top : r->system < 0 ? passing((int)r->system) : 0;
    if (rc == 0)
        rc = resolve_path(r, path, out);
    free(r);
    return rc;
}

/* --- many paths below each other --- */

void oks_trail_end(struct oks_trail *t)
{
    while (t->n > 0)
        close(t->at[--t->n].fd);
    t->text[0] = '\0';
}

/* Goes into the folder or file of that name, whose path is the first `len` bytes of t->text. */
static int trail_into(struct oks_trail *t, const char *name, size_t len)
{
    int above = t->n ? t->at[t->n - 1].fd : -1, rc;
    int fd = above < 0 ? open(name, O_PATH | O_DIRECTORY | O_CLOEXEC)
                       : openat(above, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct statx stx;

    if (fd < 0)
        return -errno;
    rc = statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MNT_ID, &stx) < 0 ? -errno : 0;
    if (rc == 0 && (!(stx.stx_mask & STATX_MNT_ID) || S_ISLNK(stx.stx_mode) || t->n == OKS_TRAIL_MAX))
        rc = -ELOOP;
    if (rc == 0 && t->n && (long)stx.stx_mnt_id != t->at[0].mount && (long)stx.stx_mnt_id != t->local) {
        rc = oks_mount_is_remote(fd, &t->local);
        rc = rc > 0 ? -EXDEV : rc;
    }
    if (rc < 0) {
        close(fd);
        return rc;
    }
    t->at[t->n++] = (struct oks_trail_step){fd, len, (long)stx.stx_mnt_id};
    return 0;
}

/* Leaves the folders that are not above the path. */
static void trail_back(struct oks_trail *t, const char *path)
{
    while (t->n > 1) {
        size_t len = t->at[t->n - 1].len;

        if (strncmp(path, t->text, len) == 0 && (path[len] == '/' || path[len] == '\0'))
            return;
        close(t->at[--t->n].fd);
    }
}

int oks_trail_go(struct oks_trail *t, const char *path)
{
    size_t len = 0;
    int rc = 0;

    if (path[0] != '/' || strlen(path) >= sizeof(t->text))
        return -ELOOP;
    trail_back(t, path);
    if (t->n == 0)
        rc = trail_into(t, "/", 0);
    if (rc == 0)
        len = t->at[t->n - 1].len;
    strcpy(t->text, path);
    while (rc == 0 && path[len] == '/' && path[len + 1]) {
        char name[NAME_MAX + 1];
        size_t n = strcspn(path + len + 1, "/");

        if (n == 0 || n > NAME_MAX)
            return -ELOOP;
        memcpy(name, path + len + 1, n);
        name[n] = '\0';
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            return -ELOOP;
        len += n + 1;
        rc = trail_into(t, name, len);
    }
    return rc;
}

int oks_resolve_local(const char *path, char out[PATH_MAX])
{
    return resolve_local(path, -1, out);
}

int oks_resolve_link(const char *top, const char *path, char out[PATH_MAX])
{
    return resolve_local(path, mount_at(top), out);
}
