/* Ids of requests that are not in memory: from the cache file, and else from the transcript. */
#include "cache/cache_ids.h"

#include <errno.h>
#include <stdlib.h>

static int put_ids(void *ctx, size_t row, uint64_t key, struct oks_slice message_id,
                   struct oks_slice request_id)
{
    struct oks_requests *to = ctx;

    if (row >= requests_len(to) || requests_key(to, row) != key)
        return 0;
    return requests_put_ids(to, row, message_id, request_id);
}

static int from_transcript(struct oks_requests *to, const struct request_ids_where *where)
{
    struct request_place *places;
    size_t n;
    int rc = request_places(to, 0, requests_len(to), &places, &n);

    if (rc < 0)
        return rc;
    rc = request_ids_read(where->scanner, where->fd, oks_slice_of(where->name), places, n, put_ids, to);
    free(places);
    return rc == -ESTALE ? 0 : rc;
}

static int find_ids(struct oks_requests *to, const struct request_ids_where *where)
{
    int rc = where->cache ? oks_cache_each_id(where->cache, where->folder, where->name, 0, requests_len(to),
                                              put_ids, to)
                          : 0;

    if (rc < 0)
        return rc;
    if (where->history && !requests_all_ids(to))
        rc = history_store_each_id(where->history, where->path, 0, requests_len(to), put_ids, to);
    if (rc < 0)
        return rc;
    return where->scanner && where->fd >= 0 && !requests_all_ids(to) ? from_transcript(to, where) : 0;
}

int request_ids_restore(struct oks_requests **out, const struct oks_requests *rows,
                        const struct request_ids_where *where)
{
    struct oks_requests *copy;
    int rc;

    *out = NULL;
    if (requests_all_ids(rows))
        return 0;
    rc = requests_copy_whole(&copy, rows);
    if (rc < 0)
        return rc;
    requests_trim(copy);
    rc = find_ids(copy, where);
    if (rc < 0)
        oks_requests_free(copy);
    else
        *out = copy;
    return rc;
}
