/*
 * Streaming decompression over libzstd.
 *
 * Several frames in a row are one content. The last frame must be complete: a file that is still being
 * written, or was cut, has no content yet. A small file can hold terabytes, so the ratio is bounded.
 */
#include "files/unpack.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <zstd.h>
#include <zstd_errors.h>

enum {
    WINDOW_LOG_MAX = 23,
    RATIO_MAX = 1000,        /* bytes of content for a byte of the file ... */
    CONTENT_FREE = 64 << 20, /* ... beyond so many */
    INPUT_SIZE = 128 << 10,
};

struct unpack {
    int fd;
    ZSTD_DCtx *context;
    ZSTD_inBuffer in;
    uint64_t read, content; /* bytes so far */
    bool complete;          /* at the end of a frame */
    char bytes[INPUT_SIZE];
};

int unpack_new(struct unpack **out, int fd)
{
    struct unpack *u = calloc(1, sizeof(*u));

    if (!u)
        return -ENOMEM;
    u->fd = fd;
    u->in.src = u->bytes;
    u->context = ZSTD_createDCtx();
    if (!u->context ||
        ZSTD_isError(ZSTD_DCtx_setParameter(u->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        unpack_free(u);
        return -ENOMEM;
    }
    *out = u;
    return 0;
}

void unpack_free(struct unpack *u)
{
    if (!u)
        return;
    ZSTD_freeDCtx(u->context);
    free(u);
}

/* 0: the file is over. */
static ssize_t fill(struct unpack *u)
{
    ssize_t n;

    do
        n = pread(u->fd, u->bytes, sizeof(u->bytes), (off_t)u->read);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    u->read += (uint64_t)n;
    u->in.size = (size_t)n;
    u->in.pos = 0;
    return n;
}

ssize_t unpack_read(struct unpack *u, void *buf, size_t size)
{
    ZSTD_outBuffer out = {buf, size, 0};

    while (out.pos == 0) {
        size_t before = u->in.pos, rest;

        rest = ZSTD_decompressStream(u->context, &out, &u->in);
        if (ZSTD_isError(rest))
            return ZSTD_getErrorCode(rest) == ZSTD_error_memory_allocation ? -ENOMEM : -EBADMSG;
        if (out.pos || u->in.pos > before)
            u->complete = rest == 0;
        if (out.pos == 0 && u->in.pos == u->in.size) {
            ssize_t n = fill(u);

            if (n < 0)
                return n;
            if (n == 0)
                return u->complete ? 0 : -EBADMSG;
        }
    }
    u->content += out.pos;
    if (u->content > CONTENT_FREE && (u->content - CONTENT_FREE) / RATIO_MAX > u->read)
        return -EBADMSG;
    return (ssize_t)out.pos;
}
