/* Whether this process may mount and unmount here, through fusermount3 if it is not privileged. */
#ifndef OKSTRAFS_FS_CLI_FUSERMOUNT_H
#define OKSTRAFS_FS_CLI_FUSERMOUNT_H

#include <stdbool.h>

struct mount_fault {
    const char *what; /* what is wrong, without a full stop */
    const char *fix;  /* what to do */
    bool at_end;      /* mounting works, and unmounting does not */
};

/* NULL: nothing is wrong. The result is valid until the next call. */
const struct mount_fault *fusermount_fault(void);

#endif
