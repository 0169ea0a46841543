/*
 * The store as bytes, for a file that restores ten thousand stores at once (engine/snapshot.c).
 *
 * A head, the names of models, agents and tags, all keys, the blocks as they lie in memory, each behind its
 * length, and the runs. Reading them copies block by block and looks into none: a row that is nonsense does
 * no harm (requests_block.c), and the file has a checksum.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "history/requests_private.h"

struct head {
    uint64_t history, after;
    uint32_t rows;
    uint16_t models, agents, tags;
    uint8_t zero[6];
};

/* --- writing --- */

static size_t names_max(const struct oks_strings *names)
{
    size_t n = 0;

    for (size_t i = 0; i < names->len; i++)
        n += 1 + names->items[i].len;
    return n;
}

size_t requests_pack_max(const struct oks_requests *q)
{
    size_t open = (q->len - q->packed + REQUESTS_BLOCK - 1) / REQUESTS_BLOCK;
    size_t n = sizeof(struct head) + sizeof(q->runs) + names_max(&q->models) + names_max(&q->agents) +
               names_max(&q->tags) + q->len * sizeof(*q->keys) +
               open * (sizeof(uint16_t) + REQUESTS_BLOCK_MAX);

    for (size_t b = 0; b < q->n_blocks; b++)
        n += sizeof(uint16_t) + q->blocks[b].rows->len;
    return n;
}

static uint8_t *put(uint8_t *p, const void *bytes, size_t n)
{
    if (n)
        memcpy(p, bytes, n);
    return p + n;
}

static uint8_t *put_names(uint8_t *p, const struct oks_strings *names)
{
    for (size_t i = 0; i < names->len; i++) {
        *p++ = (uint8_t)names->items[i].len;
        p = put(p, names->items[i].ptr, names->items[i].len);
    }
    return p;
}

static uint8_t *put_block(uint8_t *p, const uint8_t *bytes, size_t len)
{
    uint16_t n = (uint16_t)len;

    return put(put(p, &n, sizeof(n)), bytes, len);
}

size_t requests_pack(const struct oks_requests *q, void *out)
{
    struct head head = {.history = q->history,
                        .after = q->after,
                        .rows = (uint32_t)q->len,
                        .models = (uint16_t)q->models.len,
                        .agents = (uint16_t)q->agents.len,
                        .tags = (uint16_t)q->tags.len};
    uint8_t *p = put(out, &head, sizeof(head)), bytes[REQUESTS_BLOCK_MAX];
    struct request_row rows[REQUESTS_BLOCK];

    p = put_names(p, &q->models);
    p = put_names(p, &q->agents);
    p = put_names(p, &q->tags);
    p = put(p, q->keys, q->len * sizeof(*q->keys));
    for (size_t b = 0; b < q->n_blocks; b++)
        p = put_block(p, q->blocks[b].rows->bytes, q->blocks[b].rows->len);
    for (size_t b = q->n_blocks; b * REQUESTS_BLOCK < q->len; b++) {
        size_t n = requests_block_rows(q, b, rows);

        p = put_block(p, bytes, requests_block_pack_into(rows, n, bytes));
    }
    p = put(p, &q->runs, sizeof(q->runs));
    return (size_t)(p - (uint8_t *)out);
}

/* --- reading --- */

struct input {
    const uint8_t *p, *end;
};

static const uint8_t *get(struct input *in, size_t n)
{
    const uint8_t *p = in->p;

    if ((size_t)(in->end - p) < n)
        return NULL;
    in->p += n;
    return p;
}

static int get_names(struct input *in, struct oks_strings *out, size_t n)
{
    int rc = n <= REQUEST_NAMES_MAX ? 0 : -EINVAL;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        const uint8_t *len = get(in, 1), *name = len ? get(in, *len) : NULL;

        if (!name || memchr(name, '\0', *len))
            return -EINVAL;
        rc = oks_strings_add(out, (struct oks_slice){(const char *)name, *len}, REQUEST_NAMES_MAX);
        rc = rc > 0 ? -EINVAL : rc;
    }
    return rc;
}

static int get_block(struct oks_requests *q, struct input *in, size_t n)
{
    const uint8_t *at = get(in, sizeof(uint16_t)), *bytes;
    struct requests_block *block;
    uint16_t len = 0;

    if (at)
        memcpy(&len, at, sizeof(len));
    bytes = at ? get(in, len) : NULL;
    if (!bytes || len > REQUESTS_BLOCK_MAX || len < n * REQUESTS_ROW_MIN)
        return -EINVAL;
    block = malloc(sizeof(*block) + len);
    if (!block)
        return -ENOMEM;
    block->len = len;
    memcpy(block->bytes, bytes, len);
    q->blocks[q->n_blocks++] = (struct packed){.rows = block};
    q->rows_bytes += sizeof(*block) + len;
    q->packed += n;
    return 0;
}

static int get_rows(struct oks_requests *q, struct input *in, size_t len)
{
    const uint8_t *keys = get(in, len * sizeof(*q->keys));
    int rc = 0;

    if (!keys || (len && q->models.len == 0))
        return -EINVAL;
    if (len == 0)
        return 0;
    q->blocks_room = (len + REQUESTS_BLOCK - 1) / REQUESTS_BLOCK;
    q->blocks = calloc(q->blocks_room, sizeof(*q->blocks));
    q->keys = calloc(len, sizeof(*q->keys));
    if (!q->blocks || !q->keys)
        return -ENOMEM;
    memcpy(q->keys, keys, len * sizeof(*q->keys));
    q->len = q->keys_room = len;
    for (size_t i = 0; rc == 0 && i < len; i += REQUESTS_BLOCK)
        rc = get_block(q, in, len - i < REQUESTS_BLOCK ? len - i : REQUESTS_BLOCK);
    return rc;
}

static int get_runs(struct oks_requests *q, struct input *in)
{
    const uint8_t *runs = get(in, sizeof(q->runs));

    if (!runs)
        return -EINVAL;
    memcpy(&q->runs, runs, sizeof(q->runs));
    return 0;
}

int requests_unpack(struct oks_requests **out, const void *bytes, size_t len)
{
    struct input in = {bytes, (const uint8_t *)bytes + len};
    const uint8_t *at = get(&in, sizeof(struct head));
    struct oks_requests *q;
    struct head head;
    int rc;

    if (!at)
        return -EINVAL;
    memcpy(&head, at, sizeof(head));
    if (head.rows > REQUESTS_MAX || head.history > INT64_MAX || head.after > INT64_MAX)
        return -EINVAL;
    rc = oks_requests_new(&q);
    if (rc == 0)
        rc = get_names(&in, &q->models, head.models);
    else
        return rc;
    if (rc == 0)
        rc = get_names(&in, &q->agents, head.agents);
    if (rc == 0)
        rc = get_names(&in, &q->tags, head.tags);
    if (rc == 0)
        rc = get_rows(q, &in, head.rows);
    if (rc == 0)
        rc = get_runs(q, &in);
    if (rc == 0 && in.p != in.end)
        rc = -EINVAL;
    if (rc < 0) {
        oks_requests_free(q);
        return rc;
    }
    requests_set_history(q, head.history, head.after);
    *out = q;
    return 0;
}
