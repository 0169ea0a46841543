/*
 * Ids for the lines of a stream whose rows have forgotten theirs (private to streams/).
 *
 * Under the lock the lines that lack ids are noted by transcript; without it they are looked up: in the cache
 * entry, and else in the transcript by the offset of the row.
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
    } * wanted; /* of the files, one behind the other */
    size_t n_wanted, wanted_room;
};

typedef int stream_ids_fn(void *ctx, size_t line, struct oks_slice message_id, struct oks_slice request_id);

/* -ENOMEM */
int stream_ids_want(struct stream_ids *ids, const struct transcript *t, struct request_place place,
                    size_t line);
/*
 * Calls fn for each line that is wanted, in no order. `cache` may be NULL. 0, -ENOMEM, what fn returned first
 * or, where a transcript changed since it was scanned, -ESTALE.
 */
int stream_ids_find(struct stream_ids *ids, struct oks_cache *cache, enum oks_isa isa, stream_ids_fn *fn,
                    void *ctx);
void stream_ids_clear(struct stream_ids *ids);

#endif
