/*
 * The type of the mount behind a descriptor, learnt without asking that mount.
 *
 * /proc/self/fdinfo/<fd> names the mount's id, and /proc/self/mountinfo names the type of each id; both are
 * answered by the kernel from its own tables, so a hung FUSE server cannot hold us up. The id is used rather
 * than the path, because paths in mountinfo are escaped, may be hidden below later mounts, and may be reached
 * through a symlinked root.
 */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define OUR_TYPE "fuse.okstrafs"

enum { TYPE_MAX = 64 };

/* For where /proc is not mounted. */
static int mount_id_statx(int fd, long *id)
{
    struct statx stx;

    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx) < 0)
        return -errno;
    if (!(stx.stx_mask & STATX_MNT_ID))
        return -ENOTSUP;
    *id = (long)stx.stx_mnt_id;
    return 0;
}

static int mount_id(int fd, long *id)
{
    char line[128], path[48];
    int r = -ENOENT;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    file = fopen(path, "re");
    if (!file)
        return mount_id_statx(fd, id);
    while (r < 0 && fgets(line, sizeof(line), file))
        if (sscanf(line, "mnt_id: %ld", id) == 1)
            r = 0;
    fclose(file);
    return r;
}

/* "36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/root rw": the type follows " - ". */
static int parse_line(const char *line, long id, char type[TYPE_MAX])
{
    const char *dash;
    char *end;

    if (strtol(line, &end, 10) != id || *end != ' ')
        return -ENOENT;
    dash = strstr(line, " - "); /* blanks inside a path are written as \040 */
    return dash && sscanf(dash + 3, "%63s", type) == 1 ? 0 : -ENOENT;
}

static int mount_type(long id, char type[TYPE_MAX])
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t room = 0;
    int r = -ENOENT;

    if (!file)
        return -errno;
    while (r < 0 && getline(&line, &room, file) >= 0)
        r = parse_line(line, id, type);
    free(line);
    fclose(file);
    return r;
}

int oks_mount_crossing(int parent, int handle)
{
    char type[TYPE_MAX];
    long from, to;

    if (mount_id(parent, &from) < 0 || mount_id(handle, &to) < 0)
        return -EXDEV;
    if (from == to)
        return 0;
    if (mount_type(to, type) < 0)
        return -EXDEV;
    return strncmp(type, "fuse", 4) == 0 ? -EXDEV : 0;
}

/* --- following a path
 * --------------------------------------------------------------------------------------------- */

enum { LINKS_MAX = 40 };

struct way {
    int at; /* O_PATH: how far we are */
    unsigned links;
    char rest[PATH_MAX]; /* what is left to walk */
};

static bool is_link(int handle)
{
    struct statx stx;

    return statx(handle, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) == 0 &&
           S_ISLNK(stx.stx_mode);
}

static int go_to_root(struct way *way)
{
    int root = open("/", O_PATH | O_CLOEXEC);

    if (root < 0)
        return -errno;
    if (way->at >= 0)
        close(way->at);
    way->at = root;
    return 0;
}

/* Puts a link's target before what is left. */
static int follow(struct way *way, int link)
{
    char target[PATH_MAX], rest[PATH_MAX];
    ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);

    if (n < 0 || ++way->links > LINKS_MAX)
        return n < 0 ? -errno : -ELOOP;
    target[n] = '\0';
    if (snprintf(rest, sizeof(rest), "%s/%s", target, way->rest) >= (int)sizeof(rest))
        return -ENAMETOOLONG;
    strcpy(way->rest, rest);
    return target[0] == '/' ? go_to_root(way) : 0;
}

/* One component further; its mount is judged before anything is asked of it. */
static int go_on(struct way *way, const char *name)
{
    int next = openat(way->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), r;

    if (next < 0)
        return -errno;
    r = oks_mount_crossing(way->at, next);
    if (r == 0 && is_link(next)) {
        r = follow(way, next);
        close(next);
        return r;
    }
    close(way->at);
    way->at = next;
    return r;
}

/* Cuts the next component off `rest`; false at the end. */
static bool next_name(struct way *way, char name[PATH_MAX])
{
    char *start = way->rest + strspn(way->rest, "/");
    size_t n = strcspn(start, "/");

    memcpy(name, start, n);
    name[n] = '\0';
    memmove(way->rest, start + n, strlen(start + n) + 1);
    return n > 0;
}

static bool ends_any_lookup(int error)
{
    return error == -ENOENT || error == -ENOTDIR || error == -EACCES || error == -ELOOP ||
           error == -ENAMETOOLONG;
}

int oks_mount_reach(const char *path)
{
    struct way way = {.at = -1};
    char name[PATH_MAX];
    int r = go_to_root(&way);

    if (r == 0 && snprintf(way.rest, sizeof(way.rest), "%s", path) >= (int)sizeof(way.rest))
        r = -ENAMETOOLONG;
    while (r == 0 && next_name(&way, name))
        r = go_on(&way, name);
    if (way.at >= 0)
        close(way.at);
    return r == 0 || ends_any_lookup(r) ? 0 : -EXDEV;
}

int oks_mount_is_ours(int handle)
{
    char type[TYPE_MAX];
    long id;

    return mount_id(handle, &id) == 0 && mount_type(id, type) == 0 && strcmp(type, OUR_TYPE) == 0;
}
