/* okstrafs mount and okstrafs umount. Each returns an exit code, after a message on stderr if it failed. */
#ifndef OKSTRAFS_FS_CLI_MOUNT_H
#define OKSTRAFS_FS_CLI_MOUNT_H

#include "cli/options.h"

int mount_run(const struct options *options);
int umount_run(const struct options *options);

#endif
