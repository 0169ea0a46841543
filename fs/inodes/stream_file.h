/*
 * The content of an append-only file: it grows under one inode until the stream starts over. Then it stays as
 * it is, and the next lookup returns another file. Thread safe.
 */
#ifndef OKSTRAFS_FS_INODES_STREAM_FILE_H
#define OKSTRAFS_FS_INODES_STREAM_FILE_H

#include <stdbool.h>

#include "inodes/spool.h"
#include "tree/tree.h"

struct stream_file;

struct stream_file *stream_file_new(struct spool *spool); /* NULL on ENOMEM */
void stream_file_free(struct stream_file *stream);

/*
 * Appends what is new of a target; sync it before, and pass its version. 0; 1: the stream has started over,
 * so this file has ended; a negative errno.
 */
int stream_file_grow(struct stream_file *stream, struct oks_engine *engine, const struct node *node,
                     uint64_t version);

size_t stream_file_len(const struct stream_file *stream);
int64_t stream_file_mtime_ns(const struct stream_file *stream);
/* Bytes read (0: the end) or a negative errno. */
ssize_t stream_file_read(struct stream_file *stream, size_t offset, char *buf, size_t size);

/* --- one open of it, for poll(2) --- */

struct fuse_pollhandle;
struct stream_handle;

/* The lines of now count as read. NULL on ENOMEM. */
struct stream_handle *stream_handle_new(struct stream_file *stream);
void stream_handle_free(struct stream_handle *open);
void stream_handle_seen(struct stream_handle *open,
                        size_t end); /* the reader has seen what lies before `end` */
/* Whether there are unread lines. `handle` (taken over; may be NULL) is woken when that changes. */
bool stream_handle_poll(struct stream_handle *open, struct fuse_pollhandle *handle);
/* Wakes all polls; not for request handlers. */
void stream_file_wake(struct stream_file *stream);

#endif
