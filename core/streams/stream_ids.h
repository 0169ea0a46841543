/*
 * The lookup of request ids that are not in memory, for the lines of a stream (private to core/streams).
 *
 * Under the lock the lines without ids are collected by transcript. Without the lock the ids are looked up:
 * in the cache file, else in the transcript, by the offset of the row.
 *
 *     struct stream_ids ids = {0};
 *
 *     stream_ids_want(&ids, t, place, line);              under the lock, rows of a transcript ascending
 *     rc = stream_ids_find(&ids, cache, isa, put, ctx);   without it; calls put(ctx, line, ids) for each
 *     stream_ids_clear(&ids);
 */
#ifndef OKSTRAFS_STREAMS_STREAM_IDS_H
#define OKSTRAFS_STREAMS_STREAM_IDS_H

#include "cache/cache_ids.h"
#include "okstrafs/source.h"

struct transcript;

/* Zeroed: nothing is wanted. */
struct stream_ids {
    struct ids_file *files; /* transcripts */
    size_t n_files, files_room;
    struct ids_wanted {
        struct request_place place;
        size_t line;
        bool found;
    } * wanted; /* by file, one after the other */
    size_t n_wanted, wanted_room;
};

typedef int stream_ids_fn(void *ctx, size_t line, struct oks_slice message_id, struct oks_slice request_id);

/* -ENOMEM */
int stream_ids_want(struct stream_ids *ids, const struct transcript *t, struct request_place place,
                    size_t line);
/*
 * Calls fn for each wanted line, not sorted. 0; -ENOMEM; the first non-zero value of fn; -ESTALE: a
 * transcript changed since its scan.
 */
struct stream_sources;
int stream_ids_find(struct stream_ids *ids, const struct stream_sources *sources, stream_ids_fn *fn,
                    void *ctx);
void stream_ids_clear(struct stream_ids *ids);

#endif
