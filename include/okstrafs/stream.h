/*
 * Append-only documents: sessions/<id>/requests.jsonl and events.jsonl.
 *
 * A stream is a sequence of lines that only grows: one line for each request, once, when the request is
 * closed (its response has ended, or the transcript went on without it). Who remembers a cursor gets what is
 * new; who starts with a fresh one gets everything, in order of time. Where what was told is no longer true
 * (a transcript was replaced, cut or forgotten) the stream starts over under another generation.
 *
 * A line is an object with the keys t, requestId, messageId, model, historyLength (user and assistant records
 * of the transcript before the request), inputTotalTokens (all of the prompt), cacheReadTokens,
 * cacheWriteTokens, outputTokens, toolUses, costUSD (null: it has no price), agentId, sidechain; in the
 * stream of all also sessionId and source. A request is told where it is counted: in the session that owns
 * it.
 *
 * Call oks_engine_sync() for the target first. Thread safe; a cursor belongs to its owner.
 */
#ifndef OKSTRAFS_STREAM_H
#define OKSTRAFS_STREAM_H

#include "okstrafs/engine.h"

struct oks_stream_cursor {
    uint64_t generation; /* 0: fresh */
    uint64_t sequence;   /* of the last line that was told */
};

enum { OKS_STREAM_GOES_ON = 0, OKS_STREAM_STARTED_OVER = 1 };

/*
 * Calls `line` for each line behind the cursor (its newline included), then moves the cursor. With
 * OKS_STREAM_STARTED_OVER nothing was told and the cursor is fresh: begin again. OKS_SESSION: its requests;
 * OKS_ALL: every counted request of the machine. -ENOENT, -ENOMEM, -EIO (what was dropped from
 * memory can no longer be read), or the first non-zero value of `line`
 * (negative), and then the cursor stands where it stood. *mtime_ns: time of the newest transcript told of.
 */
int oks_stream_next(struct oks_engine *engine, const struct oks_target *target,
                    struct oks_stream_cursor *cursor, int (*line)(void *ctx, const char *bytes, size_t len),
                    void *ctx, int64_t *mtime_ns);

#endif
