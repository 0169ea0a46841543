/*
 * okstrafs: the token usage of coding agents as files.
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "doctor.h"
#include "forget.h"
#include "local.h"
#include "mount.h"
#include "scan.h"

/* With 0, 1 or 2 closed, /dev/fuse would land there and every message would be written into it. */
static void open_standard_files(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

/*
 * One heap for all threads. glibc gives each thread one of its own, which grows by a system call per few
 * pages; such a call stops the page faults of all threads, and thousands of them cost two scanning threads a
 * third of their time. What is small comes from each thread's own cache even so.
 */
static void share_heap(void)
{
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, 1 << 20);
#endif
}

static int run(const struct options *options)
{
    switch (options->command) {
    case COMMAND_MOUNT:
        return mount_run(options);
    case COMMAND_UMOUNT:
        return umount_run(options);
    case COMMAND_CAT:
        return cat_run(options);
    case COMMAND_LS:
        return ls_run(options);
    case COMMAND_SCAN:
        return scan_run(options);
    case COMMAND_FORGET:
        return forget_run(options);
    case COMMAND_DOCTOR:
        return doctor_run(options);
    case COMMAND_VERSION:
        puts("okstrafs " OKSTRAFS_VERSION);
        return 0;
    case COMMAND_HELP:
        break;
    }
    fputs(usage_text, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    struct options options;
    int rc;

    share_heap();
    open_standard_files();
    rc = options_parse(argc, argv, &options);
    if (rc)
        return rc;
    rc = run(&options);
    options_clear(&options);
    return rc;
}
