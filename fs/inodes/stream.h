/*
 * The content of an append-only file: it grows in place, under one inode, until the stream starts over; then
 * it stays as it is, and the next lookup finds another file. Thread safe.
 */
#ifndef OKSTRAFS_FS_INODES_STREAM_H
#define OKSTRAFS_FS_INODES_STREAM_H

#include <stdbool.h>

#include "inodes/spool.h"
#include "tree/tree.h"

struct stream;

struct stream *stream_new(struct spool *spool); /* NULL on ENOMEM */
void stream_free(struct stream *stream);

/*
 * Takes up what is new in a target whose data is up to date and has this version. 0; 1: the stream has
 * started over, and this one has ended; -errno.
 */
int stream_grow(struct stream *stream, struct oks_engine *engine, const struct node *node, uint64_t version);

size_t stream_len(const struct stream *stream);
int64_t stream_mtime_ns(const struct stream *stream);
/* Bytes read (0: there are none yet) or -errno. */
ssize_t stream_read(struct stream *stream, size_t offset, char *buf, size_t size);

/* --- one opening of it, for poll(2) --- */

struct fuse_pollhandle;
struct stream_open;

/* What is there now counts as seen. NULL on ENOMEM. */
struct stream_open *stream_open_new(struct stream *stream);
void stream_open_free(struct stream_open *open);
void stream_open_read(struct stream_open *open, size_t end); /* the reader has seen what lies before `end` */
/* Whether there is something unseen; `handle` (taken over; may be NULL) is woken when that changes. */
bool stream_open_poll(struct stream_open *open, struct fuse_pollhandle *handle);
/* Wakes all who poll; not from a request handler. */
void stream_wake(struct stream *stream);

#endif
