/*
 * The lines of sessions/<id>/tools.jsonl, as a stream. Without any lock, but for tool_calls_next(), which
 * takes the model's.
 */
#ifndef OKSTRAFS_STREAMS_TOOL_CALLS_H
#define OKSTRAFS_STREAMS_TOOL_CALLS_H

#include "okstrafs/source.h"
#include "okstrafs/stream.h"

struct model;

/*
 * As oks_stream_next() (okstrafs/stream.h) with a cursor of OKS_STREAM_TOOLS, from the state of the last
 * sync. -ESTALE: a transcript changed since then; call again after another sync.
 */
int tool_calls_next(struct model *model, enum oks_isa isa, const struct oks_target *target,
                    struct oks_stream_cursor *cursor, int (*line)(void *ctx, const char *bytes, size_t len),
                    void *ctx, int64_t *mtime_ns);
void tool_calls_free(struct oks_tool_calls *calls); /* NULL is fine */

#endif
