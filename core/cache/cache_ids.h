/*
 * Ids of requests that are not in memory: from the cache file, and else from the transcript.
 *
 * The cache file holds the ids of all rows, for of a deleted transcript it is all that is left. A store that
 * has forgotten ids is saved like this, outside of the lock while the transcript is marked busy:
 *
 *     struct oks_state whole = t->state;
 *     struct oks_requests *copy = NULL;
 *     int rc = request_ids_restore(&copy, t->state.requests, &where);
 *
 *     if (copy)
 *         whole.requests = copy;
 *     if (rc == 0)
 *         rc = oks_cache_save(cache, folder, name, &whole);
 *     oks_requests_free(copy);
 */
#ifndef OKSTRAFS_CACHE_CACHE_IDS_H
#define OKSTRAFS_CACHE_CACHE_IDS_H

#include "cache/cache.h"
#include "cache/history_store.h"
#include "history/request_ids.h"

/* Where ids may be found. */
struct request_ids_where {
    struct oks_cache *cache;       /* NULL: no cache */
    const char *folder, *name;     /* of the entry; keys are made with the name, too */
    struct history_store *history; /* NULL: none */
    const char *path;              /* of the transcript */
    struct oks_scanner
        *scanner; /* of the transcript's source; NULL: its lines do not say ids by themselves */
    int fd;       /* the transcript; < 0: there is none */
};

/*
 * Makes a copy of the rows as if there were no unfinished line, with all ids that can be found: those that
 * the store has, those of the entry's rows with the same number and key, those of the transcript. What is
 * found nowhere, or stands in a transcript that has changed meanwhile, stays forgotten. The store is only
 * read. *out is NULL where it has all of its ids and no copy is needed. -ENOMEM, or what pread(2) fails with.
 */
int request_ids_restore(struct oks_requests **out, const struct oks_requests *rows,
                        const struct request_ids_where *where);

#endif
