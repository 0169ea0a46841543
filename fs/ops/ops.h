/* The FUSE operations: a thin layer in which each handler replies exactly once. */
#ifndef OKSTRAFS_FS_OPS_OPS_H
#define OKSTRAFS_FS_OPS_OPS_H

#include "ops/connection.h"

/* The session's userdata is a struct connection. */
extern const struct fuse_lowlevel_ops mount_ops;

#endif
