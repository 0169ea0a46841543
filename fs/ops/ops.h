/* The FUSE operations: thin, each replies exactly once. */
#ifndef OKSTRAFS_FS_OPS_OPS_H
#define OKSTRAFS_FS_OPS_OPS_H

#include "ops/connection.h"

/* userdata of the session is a struct connection. */
extern const struct fuse_lowlevel_ops mount_ops;

#endif
