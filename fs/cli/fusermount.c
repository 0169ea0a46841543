/*
 * Checks of what an ordinary user needs to mount and unmount: fusermount3(1), which is setuid root.
 *
 * Its own messages do not help: without the setuid bit it says "Operation not permitted", and without
 * /etc/mtab it fails to unmount only, which looks as if the mount were busy.
 */
#include "cli/fusermount.h"

#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PROGRAM "fusermount3"

static bool may_mount(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

    return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & (1U << CAP_SYS_ADMIN));
}

/* As posix_spawnp() looks for it. */
static bool find(char path[4096])
{
    const char *folders = getenv("PATH");
    char *copy = strdup(folders ? folders : "/usr/bin:/bin"), *save, *folder;
    bool found = false;

    for (folder = copy ? strtok_r(copy, ":", &save) : NULL; folder && !found;
         folder = strtok_r(NULL, ":", &save)) {
        snprintf(path, 4096, "%s/" PROGRAM, folder);
        found = access(path, X_OK) == 0;
    }
    free(copy);
    return found;
}

static bool is_privileged(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return false;
    return ((st.st_mode & S_ISUID) && st.st_uid == 0) || getxattr(path, "security.capability", NULL, 0) > 0;
}

/* The kernel ignores the setuid bit there. */
static bool is_on_nosuid(const char *path)
{
    struct statvfs fs;

    return statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID);
}

const struct mount_fault *fusermount_fault(void)
{
    static struct mount_fault fault;
    static char fix[2 * 4096 + 64];
    char path[4096];

    if (may_mount())
        return NULL;
    fault = (struct mount_fault){0};
    if (geteuid() == 0)
        fault =
            (struct mount_fault){.what = "root may not mount here (no CAP_SYS_ADMIN)",
                                 .fix = "start the container with --device /dev/fuse --cap-add SYS_ADMIN, "
                                        "or use 'okstrafs cat'"};
    else if (!find(path))
        fault = (struct mount_fault){.what = PROGRAM " is not installed",
                                     .fix = "as root: apt-get install fuse3, or use 'okstrafs cat'"};
    else if (!is_privileged(path)) {
        snprintf(fix, sizeof(fix), "as root: chown root %s && chmod u+s %s", path, path);
        fault = (struct mount_fault){.what = PROGRAM " is not setuid root", .fix = fix};
    } else if (is_on_nosuid(path))
        fault = (struct mount_fault){.what = PROGRAM " is on a filesystem that is mounted nosuid",
                                     .fix = "mount that without nosuid, or use 'okstrafs cat'"};
    else if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        fault = (struct mount_fault){.what = "the program that started this one forbids setuid programs "
                                             "(no_new_privs)",
                                     .fix = "start okstrafs from outside of it, or use 'okstrafs cat'"};
    else if (access("/etc/mtab", R_OK) < 0)
        fault = (struct mount_fault){.what = "/etc/mtab is missing: " PROGRAM " cannot unmount",
                                     .fix = "as root: ln -s ../proc/self/mounts /etc/mtab",
                                     .at_end = true};
    return fault.what ? &fault : NULL;
}
