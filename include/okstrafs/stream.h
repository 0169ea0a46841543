/*
 * Streams: sessions/<id>/requests.jsonl and events.jsonl, sequences of lines that only grow.
 *
 *     struct oks_stream_cursor cursor = {0};
 *     int64_t mtime_ns;
 *
 *     for (;;) {
 *         rc = oks_engine_sync(engine, &target, false, NULL);
 *         if (rc == 0)
 *             rc = oks_stream_next(engine, &target, &cursor, print_line, NULL, &mtime_ns);
 *         if (rc == OKS_STREAM_STARTED_OVER)
 *             ...                                      forget all lines; the cursor is fresh again
 *         ...                                          wait: see okstrafs/change_fd.h
 *     }
 *
 * A stream has one line for each request, once, when the request is closed: its response has ended, or the
 * transcript went on without it. A fresh cursor gets all lines, in order of time. Later calls get the new
 * ones, in the order in which they were closed. If a line that was returned before is no longer true (a
 * transcript was replaced, cut or forgotten), the stream starts over under a new generation.
 *
 * A line is an object with the keys t, requestId, messageId, model, historyLength (user and assistant records
 * of the transcript before the request), inputTotalTokens (all of the prompt), cacheReadTokens,
 * cacheWriteTokens, outputTokens, toolUses, costUSD (null: no price), agentId, sidechain; in the stream of
 * all also sessionId and source. A request is in the stream of the session that owns it.
 *
 * Thread safe; one cursor must not be used by two calls at once. Nothing has to be freed.
 */
#ifndef OKSTRAFS_STREAM_H
#define OKSTRAFS_STREAM_H

#include "okstrafs/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

struct oks_stream_cursor {
    uint64_t generation; /* 0: fresh */
    uint64_t sequence;   /* of the last line returned */
};

enum { OKS_STREAM_GOES_ON = 0, OKS_STREAM_STARTED_OVER = 1 };

/*
 * Calls `line` for each line behind the cursor, its newline included, then moves the cursor. The target is of
 * kind OKS_SESSION (its requests) or OKS_ALL (all counted requests). *mtime_ns: time of the newest transcript
 * with a line among them, in ns since the epoch. `line` is called without the engine's lock, and returns 0 or
 * a negative errno. Bytes of NULL mean: forget the lines of this call, all of them follow
 * again, because a transcript was rewritten meanwhile.
 *
 * OKS_STREAM_GOES_ON; OKS_STREAM_STARTED_OVER: no line was returned and the cursor is fresh, so call again.
 * On failure the cursor does not move, and the lines of this call do not count: -ENOENT; -ENOMEM; -EIO: a
 * transcript that holds the ids of a line cannot be read; or what `line` returned.
 */
int oks_stream_next(struct oks_engine *engine, const struct oks_target *target,
                    struct oks_stream_cursor *cursor, int (*line)(void *ctx, const char *bytes, size_t len),
                    void *ctx, int64_t *mtime_ns);

#ifdef __cplusplus
}
#endif

#endif
