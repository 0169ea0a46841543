/* The public calls of streams (okstrafs/stream.h). */
#include "engine/engine_private.h"

#include <errno.h>

#include "okstrafs/stream.h"
#include "streams/tool_calls.h"

enum { TRIES = 8 }; /* for a transcript that is rewritten again and again */

/* One attempt, from the state of the last sync. */
static int next(struct oks_engine *e, const struct oks_target *target, struct oks_stream_cursor *cursor,
                int (*line)(void *ctx, const char *bytes, size_t len), void *ctx, int64_t *mtime_ns)
{
    const struct stream_sources sources = {e->cache, e->history, e->isa};

    return cursor->kind == OKS_STREAM_TOOLS
               ? tool_calls_next(&e->model, e->isa, target, cursor, line, ctx, mtime_ns)
               : streams_next(&e->streams, &sources, target, cursor, line, ctx, mtime_ns);
}

int oks_stream_next(struct oks_engine *e, const struct oks_target *target, struct oks_stream_cursor *cursor,
                    int (*line)(void *ctx, const char *bytes, size_t len), void *ctx, int64_t *mtime_ns)
{
    int rc = next(e, target, cursor, line, ctx, mtime_ns);

    for (int i = 0; rc == -ESTALE && i < TRIES; i++) {
        rc = line(ctx, NULL, 0);
        if (rc == 0)
            rc = oks_engine_sync(e, target, false, NULL);
        if (rc == 0)
            rc = next(e, target, cursor, line, ctx, mtime_ns);
    }
    return rc == -ESTALE ? -EIO : rc;
}

void oks_stream_end(struct oks_stream_cursor *cursor)
{
    tool_calls_free(cursor->calls);
    *cursor = (struct oks_stream_cursor){.kind = cursor->kind, .month = cursor->month};
}
