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
#include "serve/generation.h"
#include "watchers/write_gate.h"

enum { PREFILL_MAX = 256 << 10 };

_Static_assert((int)PREFILL_MAX <= (int)CONTENT_MEMORY_MAX, "what is stored there is in memory");

enum { IS_OPEN = 1 }; /* fh of a document that is open for reading */

/* NULL: it is no stream, or open for the gate's write. */
static struct stream_handle *open_of(const struct inode *inode, const struct fuse_file_info *fi)
{
    return inode->stream ? (struct stream_handle *)(uintptr_t)fi->fh : NULL;
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
    struct fuse_bufvec content = FUSE_BUFVEC_INIT(inode->content.len);

    if (inode->content.len > PREFILL_MAX || inode->prefilled)
        return;
    content.buf[0].mem = inode->content.bytes;
    pthread_mutex_lock(&pages->lock);
    if (!inode->prefilled && inode->content.len)
        fuse_lowlevel_notify_store(pages->session, nodeid, 0, &content, FUSE_BUF_NO_SPLICE);
    inode->prefilled = true; /* also on failure: then it is read by requests */
    pthread_mutex_unlock(&pages->lock);
}

/* The kernel replies to ESTALE with another lookup, and opens what that returns. */
static void open_document(fuse_req_t req, fuse_ino_t nodeid, struct inode *inode, struct fuse_file_info *fi)
{
    struct mount *m = mount_of(req);
    int rc = generation_open(m, inode);

    if (rc < 0) {
        fuse_reply_err(req, -rc);
        return;
    }
    fi->fh = IS_OPEN;
    prefill(&connection_of(req)->pages, nodeid, inode);
    if (fuse_reply_open(req, fi) < 0)
        inodes_close(m->inodes, inode);
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
    if (writes)
        fuse_reply_open(req, fi);
    else
        open_document(req, nodeid, inode, fi);
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

static void read_document(fuse_req_t req, struct inode *inode, size_t size, size_t offset)
{
    const struct content *content = &inode->content;
    struct inodes *inodes = mount_of(req)->inodes;
    size_t start = offset < content->len ? offset : content->len;
    size_t len = content->len - start < size ? content->len - start : size;
    char *buf = content->bytes ? NULL : malloc(size);
    ssize_t n = (ssize_t)len;

    inodes_hold(inodes, inode); /* as in op_readlink */
    if (!content->bytes)
        n = buf ? inodes_read(inodes, inode, start, buf, len) : -ENOMEM;
    if (n < 0)
        fuse_reply_err(req, (int)-n);
    else
        fuse_reply_buf(req, buf ? buf : len ? content->bytes + start : NULL, (size_t)n);
    inodes_forget(inodes, inode, 1);
    free(buf);
}

void op_read(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset, struct fuse_file_info *fi)
{
    struct inode *inode = inode_of(req, nodeid);

    if (open_of(inode, fi))
        read_stream(req, inode, size, (size_t)offset, open_of(inode, fi));
    else
        read_document(req, inode, size, (size_t)offset);
}

/* A read never blocks, so POLLIN is always set. POLLPRI: a stream has unread lines. */
void op_poll(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi, struct fuse_pollhandle *handle)
{
    struct stream_handle *open = open_of(inode_of(req, nodeid), fi);
    unsigned events = POLLIN | POLLRDNORM;

    if (!open) {
        if (handle)
            fuse_pollhandle_destroy(handle);
        fuse_reply_poll(req, events | POLLOUT | POLLWRNORM); /* the kernel's default for files without poll */
        return;
    }
    if (stream_handle_poll(open, handle))
        events |= POLLPRI;
    fuse_reply_poll(req, events);
}

void op_release(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
    struct inode *inode = inode_of(req, nodeid);

    if (inode->stream)
        stream_handle_free(open_of(inode, fi));
    else if (fi->fh == IS_OPEN)
        inodes_close(mount_of(req)->inodes, inode);
    fuse_reply_err(req, 0);
}
