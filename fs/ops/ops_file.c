/*
 * The handlers of open files.
 *
 * A document's content exists already and never changes: its pages are cached for ever, and closing it needs
 * no request. A stream is read without the page cache, because it grows. A read at its end appends the new
 * lines, and returns them or nothing. It never waits for more: poll(2) does.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "ops/handlers.h"
#include "ops/reply.h"
#include "watchers/write_gate.h"

enum { PREFILL_MAX = 256 << 10 };

static struct stream_handle *open_of(const struct fuse_file_info *fi)
{
    return (struct stream_handle *)(uintptr_t)fi->fh;
}

void stream_follow(fuse_req_t req, struct inode *inode)
{
    struct oks_engine *engine = mount_of(req)->engine;
    const struct node *node = &inode->dentry->node;
    struct interruptible request;
    uint64_t version;

    interruptible_begin(&request, req);
    if (tree_version(engine, node, &request.cancel, &version) == 0)
        stream_file_grow(inode->stream, engine, node, version);
    interruptible_end(req);
}

static void open_stream(fuse_req_t req, struct inode *inode, struct fuse_file_info *fi)
{
    struct stream_handle *open = stream_handle_new(inode->stream);

    if (!open) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    fi->fh = (uintptr_t)open;
    fi->direct_io = 1;
    if (fuse_reply_open(req, fi) < 0)
        stream_handle_free(open);
}

/*
 * Stores the content of a generation in the page cache before its first reader needs it. The store waits for
 * pages that are being read. A daemon that waits for its own replies could not even be killed. So no open of
 * this inode is replied before the store, and until then there is no reader.
 */
static void prefill(struct page_store *pages, fuse_ino_t nodeid, struct inode *inode)
{
    struct fuse_bufvec content = FUSE_BUFVEC_INIT(inode->len);

    if (inode->len > PREFILL_MAX || inode->prefilled)
        return;
    content.buf[0].mem = inode->bytes;
    pthread_mutex_lock(&pages->lock);
    if (!inode->prefilled && inode->len)
        fuse_lowlevel_notify_store(pages->session, nodeid, 0, &content, FUSE_BUF_NO_SPLICE);
    inode->prefilled = true; /* also on failure: then it is read by requests */
    pthread_mutex_unlock(&pages->lock);
}

void op_open(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
    bool writes = (fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC);
    struct inode *inode = inode_of(req, nodeid);

    if (writes && !write_gate_admits_open(connection_of(req)->gate, caller_of(req), inode)) {
        fuse_reply_err(req, EROFS);
        return;
    }
    fi->noflush = 1;
    if (inode->stream && !writes) {
        open_stream(req, inode, fi);
        return;
    }
    fi->keep_cache = 1;
    if (!writes)
        prefill(&connection_of(req)->pages, nodeid, inode);
    fuse_reply_open(req, fi);
}

static void read_stream(fuse_req_t req, struct inode *inode, size_t size, size_t offset,
                        struct stream_handle *open)
{
    struct inodes *inodes = mount_of(req)->inodes;
    char *buf = malloc(size);
    ssize_t n;

    if (!buf) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    inodes_hold(inodes, inode); /* as in op_readlink */
    if (offset + size > stream_file_len(inode->stream))
        stream_follow(req, inode);
    n = stream_file_read(inode->stream, offset, buf, size);
    if (n > 0)
        stream_handle_seen(open, offset + (size_t)n);
    if (n < 0)
        fuse_reply_err(req, (int)-n);
    else
        fuse_reply_buf(req, buf, (size_t)n);
    inodes_forget(inodes, inode, 1);
    free(buf);
}

void op_read(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset, struct fuse_file_info *fi)
{
    struct inodes *inodes = mount_of(req)->inodes;
    struct inode *inode = inode_of(req, nodeid);
    size_t start, len;

    if (open_of(fi)) {
        read_stream(req, inode, size, (size_t)offset, open_of(fi));
        return;
    }
    start = (uint64_t)offset < inode->len ? (size_t)offset : inode->len;
    len = inode->len - start < size ? inode->len - start : size;
    inodes_hold(inodes, inode); /* as in op_readlink */
    fuse_reply_buf(req, len ? inode->bytes + start : NULL, len);
    inodes_forget(inodes, inode, 1);
}

/* A read never blocks, so POLLIN is always set. POLLPRI: a stream has unread lines. */
void op_poll(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi, struct fuse_pollhandle *handle)
{
    unsigned events = POLLIN | POLLRDNORM;

    if (!open_of(fi)) {
        if (handle)
            fuse_pollhandle_destroy(handle);
        fuse_reply_poll(req, events | POLLOUT | POLLWRNORM); /* the kernel's default for files without poll */
        return;
    }
    if (stream_handle_poll(open_of(fi), handle))
        events |= POLLPRI;
    fuse_reply_poll(req, events);
}

void op_release(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
    stream_handle_free(open_of(fi));
    fuse_reply_err(req, 0);
}
