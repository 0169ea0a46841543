/*
 * A read-only FUSE filesystem that shows a folder, and stops to answer while a file exists: if that file is
 * empty to everything, else to the opening of files only. A number in it lets so many of them pass.
 *
 *     hanging_fs SOURCE HANG MOUNTPOINT
 *
 * Nothing is cached by the kernel, so every call of a program becomes a request. It ends with its parent; its
 * end aborts the connection, so no process stays in the kernel's wait for an answer.
 */
#define FUSE_USE_VERSION 35
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *source, *hang;

static const char *real(const char *path, char out[PATH_MAX])
{
    struct stat st;

    while (stat(hang, &st) == 0 && st.st_size == 0)
        usleep(20000);
    snprintf(out, PATH_MAX, "%s%s", source, path);
    return out;
}

static int get_attr(const char *path, struct stat *st, struct fuse_file_info *info)
{
    char at[PATH_MAX];

    (void)info;
    return lstat(real(path, at), st) < 0 ? -errno : 0;
}

static int read_dir(const char *path, void *buf, fuse_fill_dir_t fill, off_t offset,
                    struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
    char at[PATH_MAX];
    DIR *dir = opendir(real(path, at));
    struct dirent *entry;

    (void)offset;
    (void)info;
    (void)flags;
    if (!dir)
        return -errno;
    while ((entry = readdir(dir))) {
        struct stat st = {.st_ino = entry->d_ino, .st_mode = (mode_t)entry->d_type << 12};

        fill(buf, entry->d_name, &st, 0, 0);
    }
    closedir(dir);
    return 0;
}

static int read_link(const char *path, char *buf, size_t size)
{
    char at[PATH_MAX];
    ssize_t n = readlink(real(path, at), buf, size - 1);

    buf[n < 0 ? 0 : n] = '\0';
    return n < 0 ? -errno : 0;
}

/* Whether it is one of those that may be opened although others may not. */
static bool passes(void)
{
    static atomic_int opened;
    FILE *file = fopen(hang, "r");
    int most = 0;

    if (!file) {
        opened = 0;
        return true;
    }
    if (fscanf(file, "%d", &most) != 1)
        most = 0;
    fclose(file);
    return opened++ < most;
}

/* While one waits there is another file, of that name with "-waits". */
static void wait_for_end(void)
{
    char waits[PATH_MAX];

    snprintf(waits, sizeof(waits), "%s-waits", hang);
    close(open(waits, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    while (access(hang, F_OK) == 0)
        usleep(20000);
    unlink(waits);
}

static int open_file(const char *path, struct fuse_file_info *info)
{
    char at[PATH_MAX];
    int fd;

    if (!passes())
        wait_for_end();
    fd = open(real(path, at), O_RDONLY | O_CLOEXEC);
    info->fh = (uint64_t)fd;
    info->direct_io = 1;
    return fd < 0 ? -errno : 0;
}

static int read_file(const char *path, char *buf, size_t size, off_t offset, struct fuse_file_info *info)
{
    char at[PATH_MAX];
    ssize_t n;

    real(path, at);
    n = pread((int)info->fh, buf, size, offset);
    return n < 0 ? -errno : (int)n;
}

static int release(const char *path, struct fuse_file_info *info)
{
    (void)path;
    close((int)info->fh);
    return 0;
}

static void *begin(struct fuse_conn_info *connection, struct fuse_config *config)
{
    (void)connection;
    config->use_ino = 1;
    config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
    return NULL;
}

int main(int argc, char **argv)
{
    static const struct fuse_operations operations = {.init = begin,
                                                      .getattr = get_attr,
                                                      .readdir = read_dir,
                                                      .readlink = read_link,
                                                      .open = open_file,
                                                      .read = read_file,
                                                      .release = release};
    char *arguments[] = {argv[0], "-f", argc == 4 ? argv[3] : NULL, NULL};

    if (argc != 4)
        return 2;
    source = argv[1];
    hang = argv[2];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return fuse_main(3, arguments, &operations, NULL);
}
