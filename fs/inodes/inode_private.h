/* The structs of the inode table (private to fs/inodes). */
#ifndef OKSTRAFS_FS_INODES_INODE_PRIVATE_H
#define OKSTRAFS_FS_INODES_INODE_PRIVATE_H

#include <pthread.h>

#include "inodes/inode.h"

struct inodes {
    pthread_mutex_t lock;    /* a leaf: no other lock is taken under it */
    struct dentry **buckets; /* of those listed */
    size_t n_buckets;        /* a power of two */
    size_t n_listed;
    size_t count; /* inodes, without the root */
    LIST_HEAD(, inode) dirs;
    TAILQ_HEAD(, inode) waiting;
    size_t n_keepers; /* directories whose files are kept */
    uint64_t last_generation;
    struct inodes_config config; /* fixed */
    TAILQ_HEAD(, inode) idle;    /* documents that no program has open, used least recently first */
    size_t n_idle, idle_bytes;   /* their number, and the bytes of their content */
    struct inode *root;
};

/* inode_table.c. Goes on from h with more bytes; needs no lock. */
uint64_t table_hash_bytes(uint64_t h, const void *bytes, size_t len);

/* The same file, under the lock */
uint64_t table_hash(uint64_t dir, const char *name);
struct dentry **table_slot(struct inodes *t, const struct inode *dir, const char *name);
void table_list(struct inodes *t, struct dentry *dentry);
void table_put(struct inodes *t, struct dentry *dentry,
               struct inode *generation); /* becomes the current one */
void inode_free(struct inodes *t, struct inode *inode);
/* Nobody has the document open: its content may be given up, and that of others is. */
void table_idle(struct inodes *t, struct inode *inode);
void table_not_idle(struct inodes *t, struct inode *inode);
void dentry_free(struct dentry *dentry);
/* The kernel has forgotten the directory, so it has no watchers: its files need not be kept for them. */
void table_stop_keeping(struct inodes *t, struct inode *dir);
/* Frees what is no longer referenced of a dentry, then the dentry, and its folder's ... */
void table_settle(struct inodes *t, struct dentry *dentry);
/* Whether everything of a file was announced to its watchers. */
bool table_is_announced(const struct dentry *dentry);
void table_unlist(struct inodes *t, struct dentry *dentry);

#endif
