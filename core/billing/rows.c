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

struct billing_rows billing_rows_of(const struct billing *b, uint64_t key)
{
    return (struct billing_rows){.key = key, .set = key_links_of(&b->links, key)};
}

bool billing_rows_next(const struct billing *b, struct billing_rows *rows, struct billing_row_ref *out)
{
    for (;; rows->k++, rows->at = 0) {
        if (rows->set && rows->k == rows->set->n_homes)
            return false;
        if (billing_map_next(&b->map, rows->set ? rows->set->homes[rows->k] : rows->key, &rows->at, out))
            return true;
        if (!rows->set)
            return false;
    }
}

/* --- links --- */

/* Keys that stood alone are homes where they have rows that are no links. */
static int join_keys(struct billing *b, uint64_t key, uint64_t to)
{
    const uint64_t keys[] = {key, to};
    bool alone[] = {!key_links_of(&b->links, key), !key_links_of(&b->links, to)};
    int joined = key_links_join(&b->links, key, to);

    for (size_t i = 0; joined > 0 && i < 2; i++) {
        struct billing_row_ref ref;

        for (size_t at = 0; alone[i] && billing_map_next(&b->map, keys[i], &at, &ref);) {
            struct request_row row;

            requests_get(b->by_id[ref.transcript]->rows, ref.row, &row);
            if (row.request.part != OKS_PART_LINK && key_links_home(&b->links, keys[i]) < 0)
                return -ENOMEM;
        }
    }
    return joined;
}

/* Whether several rows that are no links belong together with this key. */
static bool is_contested(const struct billing *b, uint64_t key)
{
    struct billing_rows rows = billing_rows_of(b, key);
    struct billing_row_ref ref;
    size_t n = 0;

    while (n < 2 && billing_rows_next(b, &rows, &ref)) {
        struct request_row row;

        requests_get(b->by_id[ref.transcript]->rows, ref.row, &row);
        n += row.request.part != OKS_PART_LINK;
    }
    return n > 1;
}

/*
 * A replay is joined with its original where both are there. All rows of such a key are of one session, and
 * mostly there are two.
 */
static int join_replays(struct billing *b, uint64_t key)
{
    bool there[REQUEST_LINK_REPLAY + 1] = {0};
    int joined = 0;

    for (int pass = 0; pass < 2; pass++) {
        struct billing_row_ref ref;

        for (size_t at = 0; billing_map_next(&b->map, key, &at, &ref);) {
            struct request_row row;
            int rc = 0;

            requests_get(b->by_id[ref.transcript]->rows, ref.row, &row);
            if (row.request.part != OKS_PART_LINK)
                continue;
            if (pass == 0)
                there[request_link_kind(&row.request)] = true;
            else
                rc = join_keys(b, key, request_link_key(&row.request));
            if (rc < 0)
                return rc;
            joined |= rc;
        }
        if (!there[REQUEST_LINK_ORIGINAL] || !there[REQUEST_LINK_REPLAY])
            break;
    }
    return joined;
}

/* 1: keys that were apart are joined. */
static int join(struct billing *b, const struct request_row *row)
{
    if (request_link_kind(&row->request) == REQUEST_LINK_SAME)
        return join_keys(b, row->request.key, request_link_key(&row->request));
    return join_replays(b, row->request.key);
}

/* All links that have this key. 1: keys that were apart are joined. */
static int join_all(struct billing *b, uint64_t key)
{
    struct billing_row_ref ref;
    int joined = 0, rc = 0;

    for (size_t at = 0; rc >= 0 && billing_map_next(&b->map, key, &at, &ref);) {
        struct request_row row;

        requests_get(b->by_id[ref.transcript]->rows, ref.row, &row);
        row.request.key = key;
        rc = row.request.part == OKS_PART_LINK ? join(b, &row) : 0;
        joined |= rc > 0;
    }
    return rc < 0 ? rc : joined;
}

/* How many rows have this key, up to `most`. */
static size_t count_rows(const struct billing *b, uint64_t key, size_t most)
{
    struct billing_row_ref ref;
    size_t n = 0;

    for (size_t at = 0; n < most && billing_map_next(&b->map, key, &at, &ref);)
        n++;
    return n;
}

int billing_link(struct billing *b, const struct request_row *row)
{
    uint64_t key = row->request.key;
    size_t n = count_rows(b, key, 3);
    int rc = 0;

    if (n == 2)
        rc = join_all(b, key);
    else if (n > 2 && row->request.part == OKS_PART_LINK)
        rc = join(b, row);
    return rc > 0 && is_contested(b, key) ? billing_pend(b, key) : rc < 0 ? rc : 0;
}

int billing_join(struct billing *b, uint64_t key)
{
    int rc = count_rows(b, key, 2) > 1 ? join_all(b, key) : 0;

    return rc < 0 ? rc : 0;
}

static int relink_key(struct billing *b, uint64_t key)
{
    int rc = billing_pend(b, key);

    return rc < 0 ? rc : billing_join(b, key);
}

void billing_unlink(struct billing *b, uint64_t key, struct linked **parted)
{
    struct linked *set = key_links_part(&b->links, key);

    if (!set)
        return;
    set->next = *parted;
    *parted = set;
}

int billing_relink(struct billing *b, struct linked *parted)
{
    struct linked *next;
    int rc = 0;

    for (; parted; parted = next) {
        next = parted->next;
        for (size_t i = 0; rc == 0 && i < parted->n; i++)
            rc = relink_key(b, parted->keys[i]);
        linked_free(parted);
    }
    return rc;
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
