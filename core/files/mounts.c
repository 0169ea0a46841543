/*
 * The filesystem type of the mount behind a descriptor, from the kernel's own tables.
 *
 * statx() names the mount's id, on old kernels /proc/self/fdinfo/<fd> does, and /proc/self/mountinfo names
 * the type of each id. All are answered by the kernel from its own tables (statx because nothing is asked for
 * that only the file system knows, and DONT_SYNC), so a server that hangs cannot hold us up. The id is used
 * rather than the path, because paths in mountinfo are escaped, may be hidden below later mounts, and may be
 * reached through a symlinked root.
 */
#include "files/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/array.h"
#include "base/passing.h"

#define OUR_TYPE "fuse.okstrafs"

enum { TYPE_MAX = 64 };

static int mount_id_of_statx(int fd, long *id)
{
    struct statx stx;

    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx) < 0)
        return -errno;
    if (!(stx.stx_mask & STATX_MNT_ID))
        return -ENOTSUP;
    *id = (long)stx.stx_mnt_id;
    return 0;
}

/* Before Linux 5.8. */
static int mount_id_of_proc(int fd, long *id)
{
    char line[128], path[48];
    int r = -ENOENT;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    file = fopen(path, "re");
    if (!file)
        return -errno;
    while (r < 0 && fgets(line, sizeof(line), file))
        if (sscanf(line, "mnt_id: %ld", id) == 1)
            r = 0;
    fclose(file);
    return r;
}

static int mount_id(int fd, long *id)
{
    int r = mount_id_of_statx(fd, id);

    return r < 0 && !is_passing(r) ? mount_id_of_proc(fd, id) : r;
}

/*
 * Filesystems that are served by another process or another machine. Any call may wait for ever there, and
 * a process that waits may not even be killed.
 */
static bool is_remote(const char *type)
{
    static const char *const types[] = {"9p",    "afs",    "autofs",   "beegfs", "ceph",  "cifs",
                                        "coda",  "drvfs",  "gpfs",     "lustre", "ncpfs", "nfs",
                                        "nfs4",  "ocfs2",  "orangefs", "prl_fs", "pvfs2", "smb3",
                                        "smbfs", "vboxsf", "virtiofs", "vmhgfs"};

    if (strncmp(type, "fuse", strlen("fuse")) == 0)
        return true;
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

/* --- the table of mounts --- */

/*
 * What is in mountinfo, read again when the kernel says that it changed. Ids of mounts are given out again,
 * so before each use the descriptor is polled: that is one call, and reading the table takes a hundred times
 * as long. Of the process: a path is resolved far below whoever could own it.
 */
static struct mounts {
    pthread_mutex_t lock;
    int fd;    /* mountinfo; -1: not open */
    pid_t pid; /* that opened it: a child shares what has been reported */
    bool stale;
    struct mount_entry *entries; /* ascending by id */
    size_t n, room;
} mounts = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

struct mount_entry {
    long id;
    bool ours, remote;
};

static int by_id(const void *a, const void *b)
{
    const struct mount_entry *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

/* "36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/root rw": the type follows " - ". */
static bool parse_line(const char *line, struct mount_entry *out)
{
    const char *dash = strstr(line, " - "); /* blanks inside a path are written as \040 */
    char type[TYPE_MAX], *end;

    out->id = strtol(line, &end, 10);
    if (end == line || *end != ' ' || !dash || sscanf(dash + 3, "%63s", type) != 1)
        return false;
    out->ours = strcmp(type, OUR_TYPE) == 0;
    out->remote = is_remote(type);
    return true;
}

static int read_lines(struct mounts *m, FILE *file)
{
    struct mount_entry entry;
    char *line = NULL;
    size_t room = 0;
    int rc = 0;

    m->n = 0;
    while (rc == 0 && getline(&line, &room, file) >= 0) {
        if (!parse_line(line, &entry))
            continue;
        if (OKS_GROW(m->entries, m->n, m->room))
            m->entries[m->n++] = entry;
        else
            rc = -ENOMEM;
    }
    if (rc == 0 && !feof(file))
        rc = errno == ENOMEM ? -ENOMEM : -EIO;
    free(line);
    if (rc == 0 && m->n)
        qsort(m->entries, m->n, sizeof(*m->entries), by_id);
    return rc;
}

static int read_table(struct mounts *m)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    int rc;

    if (!file)
        return -errno;
    rc = read_lines(m, file);
    fclose(file);
    return rc;
}

static void close_table(struct mounts *m)
{
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
}

/* A descriptor that tells of changes from now on. Without one the table is read each time. */
static void open_table(struct mounts *m)
{
    if (m->fd >= 0 && m->pid == getpid())
        return;
    close_table(m);
    m->fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    m->pid = getpid();
    m->stale = true;
}

static bool has_changed(struct mounts *m)
{
    struct pollfd poll_fd = {.fd = m->fd, .events = POLLPRI};

    return m->fd < 0 || m->stale || poll(&poll_fd, 1, 0) != 0;
}

/* 0; -ENOENT; or why the table cannot be read */
static int look_up(struct mounts *m, long id, struct mount_entry *out)
{
    const struct mount_entry wanted = {.id = id}, *found = NULL;
    int rc = 0;

    open_table(m);
    if (has_changed(m)) {
        rc = read_table(m);
        m->stale = rc < 0;
    }
    if (rc == 0 && m->n)
        found = bsearch(&wanted, m->entries, m->n, sizeof(wanted), by_id);
    if (found)
        *out = *found;
    return rc < 0 ? rc : found ? 0 : -ENOENT;
}

/* An unknown mount is one of another namespace, which the process has entered since the table was opened. */
static int find_mount(long id, struct mount_entry *out)
{
    struct mounts *m = &mounts;
    int rc;

    pthread_mutex_lock(&m->lock);
    rc = look_up(m, id, out);
    if (rc == -ENOENT) {
        close_table(m);
        rc = look_up(m, id, out);
    }
    pthread_mutex_unlock(&m->lock);
    return rc;
}

int oks_mount_crossing(int parent, int handle)
{
    struct mount_entry mount;
    long from, to;
    int r = mount_id(parent, &from);

    if (r == 0)
        r = mount_id(handle, &to);
    if (r == 0 && from == to)
        return 0;
    if (r == 0)
        r = find_mount(to, &mount);
    if (r < 0)
        return is_passing(r) ? r : -EXDEV;
    return mount.remote ? -EXDEV : 0;
}

/* 0: the entry of its mount; 1: it is `other`, or not known; a negative errno: it cannot be told now */
static int entry_of(int handle, long other, struct mount_entry *out)
{
    long id;
    int r = mount_id(handle, &id);

    if (r == 0 && other && id == other)
        return 1;
    if (r == 0)
        r = find_mount(id, out);
    return r < 0 && !is_passing(r) ? 1 : r;
}

int oks_mount_is_ours(int handle, long *other)
{
    struct mount_entry mount;
    int r = entry_of(handle, *other, &mount);

    if (r == 0 && !mount.ours)
        *other = mount.id;
    return r < 0 ? r : r == 0 && mount.ours;
}

int oks_mount_is_remote(int handle, long *other)
{
    struct mount_entry mount;
    int r = entry_of(handle, *other, &mount);

    if (r == 0 && !mount.remote)
        *other = mount.id;
    return r < 0 ? r : r == 0 && mount.remote;
}

long oks_mount_of(int handle)
{
    long id;
    int r = mount_id(handle, &id);

    return r < 0 ? r : id;
}
