/* What the files ops*.c share. */
#ifndef OKSTRAFS_FS_OPS_OPS_PRIVATE_H
#define OKSTRAFS_FS_OPS_OPS_PRIVATE_H

#include "watchers/write_gate.h"
#include "ops/ops.h"

static inline struct mount *mount_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static inline struct inode *inode_of(fuse_req_t req, fuse_ino_t nodeid)
{
    return nodeid == FUSE_ROOT_ID ? inodes_root(mount_of(req)->inodes) : (struct inode *)(uintptr_t)nodeid;
}

/* The thread that asks. */
static inline pid_t caller_of(fuse_req_t req)
{
    return fuse_req_ctx(req)->pid;
}

/* The core's error as an errno for the reader: interrupted by its own signal, or cut off by the daemon's end.
 */
int errno_of(fuse_req_t req, int rc);
struct stat attributes(const struct mount *m, const struct inode *inode);
/* What the kernel learns of a child that was found. */
struct fuse_entry_param entry_of(struct mount *m, const struct inode *inode);

extern const double for_ever;
double attr_timeout(const struct inode *inode);

/* A request that may take long: Ctrl-C of the reader ends it. */
struct patience {
    atomic_bool cancel;
    struct oks_engine *engine;
};

void patience_begin(struct patience *p, fuse_req_t req);
/* Must come before the struct goes out of scope. */
void patience_end(fuse_req_t req);

/* ops_file.c */
/* A stream takes up what has come. */
void stream_follow(fuse_req_t req, struct inode *inode);
void op_open(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset, struct fuse_file_info *fi);
void op_poll(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi, struct fuse_pollhandle *handle);
void op_release(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi);

/* ops_dir.c */
void op_opendir(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset, struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi);

/* ops_change.c */
void op_setattr(fuse_req_t req, fuse_ino_t nodeid, struct stat *attr, int to_set, struct fuse_file_info *fi);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned flags);
void op_link(fuse_req_t req, fuse_ino_t nodeid, fuse_ino_t new_parent, const char *new_name);
void op_write(fuse_req_t req, fuse_ino_t nodeid, const char *buf, size_t size, off_t offset,
              struct fuse_file_info *fi);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi);
void op_setxattr(fuse_req_t req, fuse_ino_t nodeid, const char *name, const char *value, size_t size,
                 int flags);
void op_removexattr(fuse_req_t req, fuse_ino_t nodeid, const char *name);
void op_fallocate(fuse_req_t req, fuse_ino_t nodeid, int mode, off_t offset, off_t length,
                  struct fuse_file_info *fi);
void op_copy_file_range(fuse_req_t req, fuse_ino_t in, off_t in_offset, struct fuse_file_info *in_fi,
                        fuse_ino_t out, off_t out_offset, struct fuse_file_info *out_fi, size_t len,
                        int flags);

#endif
