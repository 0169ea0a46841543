/*
 * The table of FUSE operations.
 *
 * Rules for handlers. None touches its own mount or notifies the kernel (both can hang and cannot be killed),
 * except as op_open describes. There is no flush, because every close() would wait for a worker. Everything
 * that would change something is EROFS, each with a handler of its own, because the kernel's replies for
 * missing ones are odd (symlink ENOSYS, link EPERM, access(W_OK) succeeds).
 */
#include "ops/ops.h"

#include "ops/handlers.h"

const struct fuse_lowlevel_ops mount_ops = {
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .readlink = op_readlink,
    .access = op_access,
    .open = op_open,
    .read = op_read,
    .poll = op_poll,
    .release = op_release,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .releasedir = op_releasedir,
    .statfs = op_statfs,
    .setattr = op_setattr,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .symlink = op_symlink,
    .rename = op_rename,
    .link = op_link,
    .write = op_write,
    .create = op_create,
    .setxattr = op_setxattr,
    .removexattr = op_removexattr,
    .fallocate = op_fallocate,
    .copy_file_range = op_copy_file_range,
};
