/* Rows of parts by their key, and the queue of keys that wait for the end of a call. */
#include "billing/parts.h"

#include <errno.h>

#include "base/array.h"

/* The part's own row of that key, or SIZE_MAX. */
size_t billing_own_row(const struct billing *b, const struct billing_part *part, uint64_t key)
{
    const struct oks_requests *rows = part->rows;
    struct billing_row_ref ref;

    if (part->n_rows && requests_key(rows, part->n_rows - 1) == key)
        return part->n_rows - 1;
    for (size_t at = 0; billing_map_next(&b->map, key, &at, &ref);)
        if (ref.transcript == part->id)
            return ref.row;
    return SIZE_MAX;
}

int billing_pend_row(struct billing *b, uint64_t key, struct billing_part *part, size_t i)
{
    if (!OKS_GROW(b->pending, b->n_pending, b->pending_room))
        return -ENOMEM;
    b->pending[b->n_pending++] = (struct pending){key, part, i};
    return 0;
}

int billing_pend(struct billing *b, uint64_t key)
{
    struct pending *last = b->n_pending ? &b->pending[b->n_pending - 1] : NULL;

    if (!last || last->key != key)
        return billing_pend_row(b, key, NULL, 0);
    last->part = NULL;
    return 0;
}
