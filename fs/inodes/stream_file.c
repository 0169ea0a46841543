/*
 * An append-only file, stored in the spool. The core returns each line once. Here the lines are kept while
 * the kernel knows the inode, because a reader may start over, and each offset must keep its byte.
 *
 * Length and time are read without the lock, because attributes are read with the inode table locked. They
 * change after the bytes are in place, so the bytes before a length can always be read.
 */
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "inodes/stream_file.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "okstrafs/stream.h"

struct stream_handle {
    struct stream_file *stream;
    size_t seen;
    struct fuse_pollhandle *handle;
    LIST_ENTRY(stream_handle) of_stream;
};

struct stream_file {
    struct spool *spool;
    _Atomic size_t len;
    _Atomic int64_t mtime_ns;

    pthread_mutex_t lock; /* protects the rest; the engine's may be taken under it */
    struct spooled file;
    struct oks_stream_cursor cursor;
    uint64_t version; /* of the data in it */
    bool ended;
    LIST_HEAD(, stream_handle) opens;
};

struct stream_file *stream_file_new(struct spool *spool)
{
    struct stream_file *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->spool = spool;
    LIST_INIT(&s->opens);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void stream_file_free(struct stream_file *s)
{
    if (!s)
        return;
    while (!LIST_EMPTY(&s->opens)) /* of a mount that has ended */
        stream_handle_free(LIST_FIRST(&s->opens));
    spool_drop(s->spool, &s->file);
    oks_stream_end(&s->cursor);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* --- growing --- */

enum { GATHER = 256 << 10 };

/* Collects lines, so that not each is a write of its own. */
struct append_buffer {
    struct stream_file *stream;
    size_t before; /* length of the file */
    char *bytes;
    size_t len;
    int rc;
};

static int flush(struct append_buffer *g)
{
    if (g->rc == 0 && g->len)
        g->rc = spool_append(g->stream->spool, &g->stream->file, g->bytes, g->len);
    g->len = 0;
    return g->rc;
}

static int append(void *ctx, const char *bytes, size_t len)
{
    struct append_buffer *g = ctx;

    if (!bytes) {
        g->stream->file.len = g->before;
        g->len = 0;
        return 0;
    }
    if (g->len + len > GATHER && flush(g) < 0)
        return g->rc;
    if (len > GATHER)
        return g->rc = spool_append(g->stream->spool, &g->stream->file, bytes, len);
    memcpy(g->bytes + g->len, bytes, len);
    g->len += len;
    return 0;
}

/* On failure the cursor stays: what was written after the old length is written again. */
static int take_up(struct stream_file *s, struct oks_engine *engine, const struct node *node)
{
    struct append_buffer g = {.stream = s, .before = s->file.len, .bytes = malloc(GATHER)};
    struct oks_target target = node_target(node);
    struct oks_stream_cursor cursor = s->cursor.generation ? s->cursor : tree_stream_cursor(node);
    int64_t mtime_ns = 0, last = atomic_load(&s->mtime_ns);
    int rc;

    if (!g.bytes)
        return -ENOMEM;
    cursor.calls = s->cursor.calls;
    rc = oks_stream_next(engine, &target, &cursor, append, &g, &mtime_ns);
    if (rc == OKS_STREAM_GOES_ON)
        rc = flush(&g);
    free(g.bytes);
    if (rc != OKS_STREAM_GOES_ON) {
        s->file.len = g.before;
        s->cursor.kind = cursor.kind;
        s->cursor.calls = cursor.calls;
        /* Tool calls are returned once: lines that could not be written are lost for this file. */
        s->ended = rc == OKS_STREAM_STARTED_OVER || cursor.kind == OKS_STREAM_TOOLS;
        return rc;
    }
    s->cursor = cursor;
    if (s->file.len > g.before || last == 0) {
        atomic_store(&s->mtime_ns, mtime_ns > last ? mtime_ns : last + 1);
        atomic_store(&s->len, s->file.len);
    }
    return 0;
}

int stream_file_grow(struct stream_file *s, struct oks_engine *engine, const struct node *node,
                     uint64_t version)
{
    int rc = 1;

    pthread_mutex_lock(&s->lock);
    if (!s->ended)
        rc = version && s->version == version ? 0 : take_up(s, engine, node);
    if (rc == 0 && version > s->version)
        s->version = version;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

size_t stream_file_len(const struct stream_file *s)
{
    return atomic_load(&s->len);
}

int64_t stream_file_mtime_ns(const struct stream_file *s)
{
    return atomic_load(&s->mtime_ns);
}

ssize_t stream_file_read(struct stream_file *s, size_t offset, char *buf, size_t size)
{
    size_t len = stream_file_len(s), left = offset < len ? len - offset : 0;
    ssize_t n;

    pthread_mutex_lock(&s->lock); /* the array of extents may move */
    n = left ? spool_read(s->spool, &s->file, offset, buf, left < size ? left : size) : 0;
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* --- openings --- */

struct stream_handle *stream_handle_new(struct stream_file *s)
{
    struct stream_handle *open = calloc(1, sizeof(*open));

    if (!open)
        return NULL;
    open->stream = s;
    open->seen = stream_file_len(s);
    pthread_mutex_lock(&s->lock);
    LIST_INSERT_HEAD(&s->opens, open, of_stream);
    pthread_mutex_unlock(&s->lock);
    return open;
}

void stream_handle_free(struct stream_handle *open)
{
    struct stream_file *s;

    if (!open)
        return;
    s = open->stream;
    pthread_mutex_lock(&s->lock);
    LIST_REMOVE(open, of_stream);
    pthread_mutex_unlock(&s->lock);
    if (open->handle)
        fuse_pollhandle_destroy(open->handle);
    free(open);
}

void stream_handle_seen(struct stream_handle *open, size_t end)
{
    pthread_mutex_lock(&open->stream->lock);
    if (open->seen < end)
        open->seen = end;
    pthread_mutex_unlock(&open->stream->lock);
}

bool stream_handle_poll(struct stream_handle *open, struct fuse_pollhandle *handle)
{
    struct fuse_pollhandle *before = NULL;
    bool unseen;

    pthread_mutex_lock(&open->stream->lock);
    unseen = open->seen < open->stream->len;
    if (handle) {
        before = open->handle;
        open->handle = handle;
    }
    pthread_mutex_unlock(&open->stream->lock);
    if (before)
        fuse_pollhandle_destroy(before);
    return unseen;
}

void stream_file_wake(struct stream_file *s)
{
    struct stream_handle *open;

    pthread_mutex_lock(&s->lock);
    LIST_FOREACH(open, &s->opens, of_stream)
        if (open->handle && open->seen < s->len)
            fuse_lowlevel_notify_poll(open->handle);
    pthread_mutex_unlock(&s->lock);
}
