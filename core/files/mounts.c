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
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

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
    if (r < 0 && !feof(file))
        r = errno == ENOMEM ? -ENOMEM : -EIO;
    free(line);
    fclose(file);
    return r;
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

int oks_mount_crossing(int parent, int handle)
{
    char type[TYPE_MAX];
    long from, to;
    int r = mount_id(parent, &from);

    if (r == 0)
        r = mount_id(handle, &to);
    if (r == 0 && from == to)
        return 0;
    if (r == 0)
        r = mount_type(to, type);
    if (r < 0)
        return is_passing(r) ? r : -EXDEV;
    return is_remote(type) ? -EXDEV : 0;
}

static bool is_ours(const char *type)
{
    return strcmp(type, OUR_TYPE) == 0;
}

static int mount_is(int handle, bool (*kind)(const char *type), long *other)
{
    char type[TYPE_MAX];
    long id;
    int r = mount_id(handle, &id);

    if (r == 0 && *other && id == *other)
        return 0;
    if (r == 0)
        r = mount_type(id, type);
    if (r < 0)
        return passing(r);
    if (kind(type))
        return 1;
    *other = id;
    return 0;
}

int oks_mount_is_ours(int handle, long *other)
{
    return mount_is(handle, is_ours, other);
}

int oks_mount_is_remote(int handle, long *other)
{
    return mount_is(handle, is_remote, other);
}

long oks_mount_of(int handle)
{
    long id;
    int r = mount_id(handle, &id);

    return r < 0 ? r : id;
}
