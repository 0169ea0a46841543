/*
 * The entry point: runs the command that the options name.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/export.h"
#include "cli/forget.h"
#include "common/heap.h"
#include "cli/local.h"
#include "cli/mount.h"
#include "cli/report.h"
#include "cli/scan.h"
#include "cli/statusline.h"
#include "cli/top.h"

/* If 0, 1 or 2 were closed, /dev/fuse would get that number, and every message would be written into it. */
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
 * A parent may ignore SIGCHLD, or block signals, and both are inherited. Then the end of a child could not be
 * waited for, and no signal would end the daemon.
 */
static void reset_signals(void)
{
    sigset_t none;

    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
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
    case COMMAND_REPORT:
        return report_run(options);
    case COMMAND_TOP:
        return top_run(options);
    case COMMAND_STATUSLINE:
        return statusline_run(options);
    case COMMAND_EXPORT:
        return export_run(options);
    case COMMAND_SCAN:
        return scan_run(options);
    case COMMAND_FORGET:
        return forget_run(options);
    case COMMAND_DOCTOR:
        return doctor_run(options);
    case COMMAND_VERSION:
        puts("okstrafs " OKSTRAFS_VERSION);
        return !local_flush(0);
    case COMMAND_HELP:
        break;
    }
    command_help(command_find(options->n_paths ? options->paths[0] : NULL), stdout);
    return !local_flush(0);
}

int main(int argc, char **argv)
{
    struct options options;
    int rc;

    open_standard_files();
    reset_signals();
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is an error of a write (EFBIG), and ends no answer */
    rc = options_parse(argc, argv, &options);
    if (rc)
        return rc;
    if (options.command != COMMAND_MOUNT)
        heap_for_command();
    rc = run(&options);
    options_clear(&options);
    return rc;
}
