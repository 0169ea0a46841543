/*
 * Streams: sessions/<id>/requests.jsonl, sessions/<id>/tools.jsonl and events.jsonl, sequences of lines that
 * only grow.
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
 *     oks_stream_end(&cursor);
 *
 * A stream has one line for each request, once, when the request is closed: its response has ended, or the
 * transcript went on without it. A fresh cursor gets all lines, in order of time. Later calls get the new
 * ones, in the order in which they were closed. If a line that was returned before is no longer true (a
 * transcript was replaced, cut or forgotten), the stream starts over under a new generation.
 *
 * A line is an object with the keys t, requestId, messageId, model, historyLength (user and assistant records
 * of the transcript before the request), inputTotalTokens (all of the prompt), cacheReadTokens,
 * cacheWriteTokens, outputTokens, toolUses, costUSD (null: no price), agentId, sidechain. A request is in the
 * stream of the session that owns it.
 *
 * In the stream of all a line has more keys (docs/reference.md), among them id and revision: if a request
 * changes, its line is returned again with the same id and a revision that is not lower, and the stream does
 * not start over unless a transcript was replaced or is gone, or prices changed. A request that counts no
 * more is returned with zeros. With OKS_STREAM_MONTH it has the requests of one month only, and open ones
 * too, again whenever they have changed: its last lines come to what the documents show.
 *
 * With OKS_STREAM_TOOLS in a fresh cursor's `kind`, a stream has one line for each tool call that the
 * session's transcripts log, once, when the call has ended: its result is logged, or its conversation went on
 * without one. The keys are t, id, name, durationMs (from the call's line to the result's; null: not known),
 * failed (null: not known), messageId (of the response that calls it), agentId, sidechain. The transcripts
 * are read for it, and nothing of it is kept, so a transcript whose file is gone has no lines.
 *
 * Thread safe; one cursor must not be used by two calls at once.
 */
#ifndef OKSTRAFS_STREAM_H
#define OKSTRAFS_STREAM_H

#include "okstrafs/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

enum oks_stream_kind { OKS_STREAM_REQUESTS = 0, OKS_STREAM_TOOLS, OKS_STREAM_MONTH };

struct oks_tool_calls;

/* Zeroed but for the first two: fresh. The others are the library's. */
struct oks_stream_cursor {
    enum oks_stream_kind kind;
    unsigned month;               /* of OKS_STREAM_MONTH: oks_stream_month() */
    uint64_t generation;          /* 0: fresh */
    uint64_t sequence;            /* of the last line returned */
    uint64_t open;                /* the open requests returned last, as a hash ... */
    bool unfinished;              /* ... and whether one is of an unfinished line */
    struct oks_tool_calls *calls; /* what was read for OKS_STREAM_TOOLS */
};

enum { OKS_STREAM_GOES_ON = 0, OKS_STREAM_STARTED_OVER = 1 };

/*
 * Calls `line` for each line behind the cursor, its newline included, then moves the cursor. The target is of
 * kind OKS_SESSION, or for requests OKS_ALL (all counted ones). *mtime_ns: time of the newest transcript
 * with a line among them, in ns since the epoch. `line` is called without the engine's lock, and returns 0 or
 * a negative errno. Bytes of NULL mean: forget the lines of this call, all of them follow
 * again, because a transcript was rewritten meanwhile.
 *
 * OKS_STREAM_GOES_ON; OKS_STREAM_STARTED_OVER: no line was returned and the cursor is fresh, so call again.
 * On failure the cursor does not move, or with OKS_STREAM_TOOLS the stream starts over at the next call, and
 * the lines of this call do not count: -ENOENT; -ENOMEM; -EFBIG; -EIO: a transcript that holds the ids of a
 * line cannot be read; or what `line` returned.
 */
int oks_stream_next(struct oks_engine *engine, const struct oks_target *target,
                    struct oks_stream_cursor *cursor, int (*line)(void *ctx, const char *bytes, size_t len),
                    void *ctx, int64_t *mtime_ns);
/* The month of a file of events/, by its name: "2026-11.jsonl", or "other.jsonl" for requests without a time
 * or of other years than 2020 to 2039. -ENOENT: there is no such file. */
int oks_stream_month(const char *name);
/* Frees what the cursor holds, which is nothing for requests. It is fresh afterwards. */
void oks_stream_end(struct oks_stream_cursor *cursor);

#ifdef __cplusplus
}
#endif

#endif
