/*
 * The store of one transcript's requests, in the order of their first lines.
 *
 * At rest all rows lie packed in blocks of 32 (requests_block.c). While the store grows, the newest rows are
 * open: nearly all lines of a response follow each other, so a line almost always merges into the last row.
 * Changing a packed row packs its block anew. Ids are packed apart, and may be forgotten (requests_ids.c).
 *
 * Invariants: rows [0, packed) are packed, the others open; where a row is open, all blocks are full; while
 * there is an unfinished line, at least OPEN_MIN of the newest rows are open or as many as came since it
 * began, so that they can be taken back; strings of open rows lie in `text`.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "history/requests_private.h"
#include "scan/counts.h"

enum {
    OPEN_MIN = REQUESTS_OF_RECORD + 2,
    OPEN_MAX = OPEN_MIN + REQUESTS_BLOCK,
    FEW = 24, /* keys that are quicker looked through than hashed */
};

int oks_requests_new(struct oks_requests **out)
{
    struct oks_requests *q = calloc(1, sizeof(*q));

    if (!q)
        return -ENOMEM;
    *out = q;
    return 0;
}

static void free_rows(struct oks_requests *q)
{
    for (size_t i = 0; i < q->n_blocks; i++) {
        free(q->blocks[i].rows);
        free(q->blocks[i].ids);
    }
    free(q->blocks);
    free(q->open);
    free(q->text);
    free(q->slots);
    q->blocks = NULL;
    q->open = NULL;
    q->text = NULL;
    q->slots = NULL;
    q->n_blocks = q->blocks_room = q->rows_bytes = q->ids_bytes = q->packed = q->open_room = 0;
    q->text_len = q->text_room = q->n_slots = q->indexed = 0;
}

void oks_requests_free(struct oks_requests *q)
{
    if (!q)
        return;
    requests_unfinished_free(q);
    free_rows(q);
    free(q->keys);
    oks_strings_clear(&q->models);
    oks_strings_clear(&q->agents);
    oks_strings_clear(&q->tags);
    free(q);
}

size_t requests_len(const struct oks_requests *q)
{
    return q->len;
}

size_t requests_bytes(const struct oks_requests *q)
{
    return q->rows_bytes + q->ids_bytes + q->blocks_room * sizeof(*q->blocks) +
           q->open_room * sizeof(*q->open) + q->text_room + q->n_slots * sizeof(*q->slots);
}

size_t requests_ids_bytes(const struct oks_requests *q)
{
    return q->ids_bytes;
}

uint64_t requests_key(const struct oks_requests *q, size_t i)
{
    return q->keys[i];
}

static struct oks_slice name_at(const struct oks_strings *names, unsigned i)
{
    return i < names->len ? (struct oks_slice){names->items[i].ptr, names->items[i].len} : OKS_SLICE("");
}

struct oks_slice requests_model(const struct oks_requests *q, unsigned i)
{
    return name_at(&q->models, i);
}

const struct oks_strings *requests_model_names(const struct oks_requests *q)
{
    return &q->models;
}

const struct oks_strings *requests_agent_names(const struct oks_requests *q)
{
    return &q->agents;
}

const struct oks_strings *requests_tag_names(const struct oks_requests *q)
{
    return &q->tags;
}

size_t requests_models(const struct oks_requests *q)
{
    return q->models.len;
}

struct oks_slice requests_agent(const struct oks_requests *q, unsigned i)
{
    return i ? name_at(&q->agents, i - 1) : (struct oks_slice){0};
}

struct oks_slice requests_tag(const struct oks_requests *q, unsigned i)
{
    return name_at(&q->tags, i);
}

const struct request_runs *requests_runs(const struct oks_requests *q)
{
    return &q->runs;
}

struct request_runs *requests_edit_runs(struct oks_requests *q)
{
    return &q->runs;
}

uint64_t requests_history(const struct oks_requests *q)
{
    return q->history;
}

uint64_t requests_after(const struct oks_requests *q)
{
    return q->after;
}

void requests_set_history(struct oks_requests *q, uint64_t history, uint64_t after)
{
    q->history = history;
    q->after = after;
}

/* --- names --- */

/* The name's place in the list, where it is put; -ENOMEM. */
static int name_of(struct oks_strings *names, struct oks_slice name, unsigned *out)
{
    int rc;

    if (!name.ptr)
        name = OKS_SLICE("");
    name.len = strnlen(name.ptr, name.len < REQUEST_ID_MAX ? name.len : REQUEST_ID_MAX);
    rc = oks_strings_add(names, name, REQUEST_NAMES_MAX - 1);
    if (rc == -ENOSPC)
        rc = oks_strings_add(names, OKS_SLICE("(others)"), REQUEST_NAMES_MAX);
    if (rc < 0)
        return rc;
    *out = (unsigned)oks_strings_last(names);
    return 0;
}

/* --- strings of open rows --- */

static size_t strings_of(const struct request_row *row)
{
    bool text = row->request.stamp.key == OKS_STAMP_KEY_TEXT;

    return row->message_id.len + row->request_id.len + (text ? row->request.stamp.len : 0);
}

static void rebase(struct oks_slice *s, const char *from, const char *to)
{
    if (s->len)
        s->ptr = to + (s->ptr - from);
}

/* The text gets another size, not less than it holds; the rows' strings move along. */
static int text_move(struct oks_requests *q, size_t room)
{
    char *text = malloc(room + !room);

    if (!text)
        return -ENOMEM;
    if (q->text_len)
        memcpy(text, q->text, q->text_len);
    for (size_t i = 0; i < q->len - q->packed; i++) {
        struct request_row *row = &q->open[i];

        rebase(&row->message_id, q->text, text);
        rebase(&row->request_id, q->text, text);
        if (row->request.stamp.key == OKS_STAMP_KEY_TEXT)
            row->request.stamp.text = text + (row->request.stamp.text - q->text);
    }
    free(q->text);
    q->text = text;
    q->text_room = room;
    return 0;
}

/* Room for n more bytes. */
static int text_reserve(struct oks_requests *q, size_t n)
{
    return q->text_room - q->text_len >= n ? 0 : text_move(q, (q->text_len + n) * 2 + 1024);
}

static const char *text_put(struct oks_requests *q, const char *s, size_t n)
{
    char *at = q->text + q->text_len;

    memcpy(at, s, n);
    q->text_len += n;
    return at;
}

static bool in_text(const struct oks_requests *q, const char *s)
{
    return q->text && s >= q->text && s < q->text + q->text_room;
}

static void own_slice(struct oks_requests *q, struct oks_slice *s)
{
    if (s->len == 0)
        *s = (struct oks_slice){0};
    else if (!in_text(q, s->ptr))
        s->ptr = text_put(q, s->ptr, s->len);
}

/* The row's strings become the store's, for which there is room. */
static void own_strings(struct oks_requests *q, struct request_row *row)
{
    struct oks_stamp *stamp = &row->request.stamp;

    own_slice(q, &row->message_id);
    own_slice(q, &row->request_id);
    if (stamp->key != OKS_STAMP_KEY_TEXT)
        *stamp = (struct oks_stamp){stamp->key, NULL, 0};
    else if (!in_text(q, stamp->text))
        stamp->text = text_put(q, stamp->text, stamp->len);
}

/* --- blocks --- */

static struct request_row *open_row(const struct oks_requests *q, size_t i)
{
    return &q->open[i - q->packed];
}

static size_t block_bytes(const struct requests_block *block)
{
    return block ? sizeof(*block) + block->len : 0;
}

/* The oldest n open rows also as a new block. -ENOMEM */
static int block_add(struct oks_requests *q, const struct request_row *rows, size_t n)
{
    struct packed block = {0};

    if (!OKS_GROW(q->blocks, q->n_blocks, q->blocks_room) || requests_ids_pack(rows, n, &block.ids) < 0)
        return -ENOMEM;
    block.rows = requests_block_pack(rows, n);
    if (!block.rows) {
        free(block.ids);
        return -ENOMEM;
    }
    q->blocks[q->n_blocks++] = block;
    q->rows_bytes += block_bytes(block.rows);
    q->ids_bytes += block_bytes(block.ids);
    q->packed += n;
    return 0;
}

/* Packs the oldest open rows; the others and their strings move to the front. */
static int seal(struct oks_requests *q)
{
    size_t left = q->len - q->packed - REQUESTS_BLOCK, bytes = 0;
    char *text, *old = q->text;

    for (size_t i = 0; i < left; i++)
        bytes += strings_of(&q->open[REQUESTS_BLOCK + i]);
    bytes = bytes * 2 + 1024;
    text = malloc(bytes);
    if (!text || block_add(q, q->open, REQUESTS_BLOCK) < 0) {
        free(text);
        return -ENOMEM;
    }
    memmove(q->open, q->open + REQUESTS_BLOCK, left * sizeof(*q->open));
    q->text = text;
    q->text_len = 0;
    q->text_room = bytes;
    for (size_t i = 0; i < left; i++)
        own_strings(q, &q->open[i]);
    free(old);
    return 0;
}

/* A block may have come from a file: whatever it says, the names of its rows are in the lists. */
static void unpack(const struct oks_requests *q, size_t b, struct request_row *rows, size_t n)
{
    requests_block_unpack(q->blocks[b].rows, rows, n);
    requests_ids_unpack(q->blocks[b].ids, rows, n);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].model >= q->models.len)
            rows[i].model = 0;
        if (rows[i].agent > q->agents.len)
            rows[i].agent = 0;
        if (rows[i].tag >= q->tags.len)
            rows[i].tag = 0;
    }
}

static void close_rows(struct oks_requests *q)
{
    free(q->open);
    free(q->text);
    q->open = NULL;
    q->text = NULL;
    q->open_room = q->text_len = q->text_room = 0;
}

/* Packs all open rows, or those for which there is memory. */
static void pack_open(struct oks_requests *q)
{
    struct request_row *open = q->open;
    size_t n = q->len - q->packed;

    while (n >= REQUESTS_BLOCK && seal(q) == 0)
        n -= REQUESTS_BLOCK;
    if (n < REQUESTS_BLOCK && (n == 0 || block_add(q, open, n) == 0))
        close_rows(q);
}

/* Opens the rows of a last block that is not full: new ones follow them. -ENOMEM */
static int reopen(struct oks_requests *q)
{
    struct packed *last = q->n_blocks ? &q->blocks[q->n_blocks - 1] : NULL;
    size_t n = q->packed % REQUESTS_BLOCK, bytes = 0, room = n + n / 4 + 2;
    struct request_row *open;
    char *text;

    if (n == 0)
        return 0;
    open = calloc(room, sizeof(*open));
    if (!open)
        return -ENOMEM;
    unpack(q, q->n_blocks - 1, open, n);
    for (size_t i = 0; i < n; i++)
        bytes += strings_of(&open[i]);
    bytes = bytes * 2 + 1024;
    text = malloc(bytes);
    if (!text) {
        free(open);
        return -ENOMEM;
    }
    close_rows(q);
    q->open = open;
    q->open_room = room;
    q->text = text;
    q->text_room = bytes;
    q->packed -= n;
    for (size_t i = 0; i < n; i++) {
        open[i].request.key = q->keys[q->packed + i];
        own_strings(q, &open[i]);
    }
    q->rows_bytes -= block_bytes(last->rows);
    q->ids_bytes -= block_bytes(last->ids);
    free(last->rows);
    free(last->ids);
    q->n_blocks--;
    return 0;
}

/* Keys stay in memory for good: a quarter more, not twice as many. */
static int keys_reserve(struct oks_requests *q)
{
    size_t room = q->keys_room + q->keys_room / 4 + 4;
    uint64_t *keys;

    if (q->len < q->keys_room)
        return 0;
    keys = reallocarray(q->keys, room, sizeof(*keys));
    if (!keys)
        return -ENOMEM;
    q->keys = keys;
    q->keys_room = room;
    return 0;
}

/* Room for one more row. */
static int reserve(struct oks_requests *q)
{
    size_t n_open;

    if (q->len >= REQUESTS_MAX)
        return -EFBIG;
    if (keys_reserve(q) < 0 || reopen(q) < 0)
        return -ENOMEM;
    n_open = q->len - q->packed;
    if (n_open == OPEN_MAX)
        return seal(q);
    return OKS_GROW(q->open, n_open, q->open_room) ? 0 : -ENOMEM;
}

/* Of a stranger's time no more than of his ids. */
static void cut_strings(struct request_row *row)
{
    if (row->request.stamp.len > REQUEST_ID_MAX)
        row->request.stamp.len = REQUEST_ID_MAX;
    if (row->message_id.len > REQUEST_ID_MAX)
        row->message_id.len = REQUEST_ID_MAX;
    if (row->request_id.len > REQUEST_ID_MAX)
        row->request_id.len = REQUEST_ID_MAX;
    if (row->ids_forgotten)
        row->message_id = row->request_id = (struct oks_slice){0};
}

int requests_open_ids(struct oks_requests *q, size_t i, struct oks_slice message_id,
                      struct oks_slice request_id)
{
    struct request_row *row = open_row(q, i), with = {.message_id = message_id, .request_id = request_id};

    cut_strings(&with);
    if (text_reserve(q, with.message_id.len + with.request_id.len) < 0)
        return -ENOMEM;
    own_slice(q, &with.message_id);
    own_slice(q, &with.request_id);
    row->message_id = with.message_id;
    row->request_id = with.request_id;
    row->ids_forgotten = false;
    return 0;
}

int requests_append(struct oks_requests *q, const struct request_row *from, struct oks_slice model,
                    struct oks_slice agent)
{
    struct request_row row = *from;
    int rc = reserve(q);

    cut_strings(&row);
    row.request.model = row.request.tag = (struct oks_slice){0};
    row.agent = 0;
    if (rc == 0)
        rc = text_reserve(q, strings_of(&row));
    if (rc == 0)
        rc = name_of(&q->models, model, &row.model);
    if (rc == 0)
        rc = name_of(&q->tags, from->request.tag, &row.tag);
    if (rc == 0 && agent.ptr && agent.len) {
        rc = name_of(&q->agents, agent, &row.agent);
        row.agent++;
    }
    if (rc < 0)
        return rc;
    own_strings(q, &row);
    q->keys[q->len++] = row.request.key;
    *open_row(q, q->len - 1) = row;
    return 0;
}

size_t requests_block_rows(const struct oks_requests *q, size_t b, struct request_row rows[REQUESTS_BLOCK])
{
    size_t from = b * REQUESTS_BLOCK, end = from < q->packed ? q->packed : q->len, n;

    n = from < end ? end - from : 0;
    if (n > REQUESTS_BLOCK)
        n = REQUESTS_BLOCK;
    if (n && from < q->packed)
        unpack(q, b, rows, n);
    else if (n)
        memcpy(rows, open_row(q, from), n * sizeof(*rows));
    return n;
}

void requests_get(const struct oks_requests *q, size_t i, struct request_row *out)
{
    struct request_row rows[REQUESTS_BLOCK];

    if (i >= q->packed) {
        *out = *open_row(q, i);
        return;
    }
    unpack(q, i / REQUESTS_BLOCK, rows, i % REQUESTS_BLOCK + 1);
    *out = rows[i % REQUESTS_BLOCK];
    out->request.key = q->keys[i];
}

int requests_each(const struct oks_requests *q, size_t from, size_t to,
                  int (*fn)(void *ctx, size_t i, const struct request_row *row), void *ctx)
{
    struct request_row rows[REQUESTS_BLOCK];
    size_t unpacked = SIZE_MAX;
    int rc = 0;

    for (size_t i = from; rc == 0 && i < to; i++) {
        size_t block = i / REQUESTS_BLOCK;
        struct request_row *row = &rows[i % REQUESTS_BLOCK];

        /* An open row has its key; the store may be read by others at the same time, so it is left alone. */
        if (i >= q->packed) {
            row = open_row(q, i);
        } else {
            if (block != unpacked)
                requests_block_rows(q, block, rows);
            unpacked = block;
            row->request.key = q->keys[i];
        }
        rc = fn(ctx, i, row);
    }
    return rc;
}

/* --- the highest occupancy --- */

uint64_t request_occupancy(const struct oks_request *r)
{
    const struct oks_spend *s = &r->spend;

    if (s->context)
        return s->context;
    return oks_tokens_add(oks_tokens_add(s->input, s->cache_read), oks_tokens_add(s->cache_5m, s->cache_1h));
}

static void raise_highest(struct oks_requests *q, const struct oks_request *r)
{
    uint64_t occupancy = request_occupancy(r);

    q->highest = occupancy > q->highest ? occupancy : q->highest;
}

static int measure_row(void *ctx, size_t i, const struct request_row *row)
{
    (void)i;
    raise_highest(ctx, &row->request);
    return 0;
}

uint64_t requests_highest(struct oks_requests *q)
{
    if (q->n_measured < q->len)
        requests_each(q, q->n_measured, q->len, measure_row, q);
    q->n_measured = q->len;
    return q->highest;
}

enum { PEAK_LAST = 64 }; /* rows at the end, which still change */

struct peaking {
    struct peak peak;
    bool (*counts)(const struct oks_request *request);
};

static int raise_peak(void *ctx, size_t i, const struct request_row *row)
{
    struct peaking *p = ctx;
    uint64_t occupancy = request_occupancy(&row->request);

    (void)i;
    if (row->model == p->peak.model && occupancy > p->peak.occupancy && p->counts(&row->request))
        p->peak.occupancy = occupancy;
    return 0;
}

uint64_t requests_peak(struct oks_requests *q, struct oks_slice model,
                       bool (*counts)(const struct oks_request *request))
{
    size_t first = q->len > PEAK_LAST ? q->len - PEAK_LAST : 0;
    struct peaking p = {q->peak, counts};
    unsigned at = 0;

    while (at < q->models.len && !oks_slice_eq(requests_model(q, at), model))
        at++;
    if (p.peak.model != at || p.peak.n > first)
        p.peak = (struct peak){.model = at};
    requests_each(q, p.peak.n, first, raise_peak, &p);
    p.peak.n = first;
    q->peak = p.peak;
    requests_each(q, first, q->len, raise_peak, &p);
    return p.peak.occupancy;
}

/* --- changing a row --- */

/* Its ids lie elsewhere. */
static int set_packed(struct oks_requests *q, size_t i, const struct request_row *row)
{
    struct packed *at = &q->blocks[i / REQUESTS_BLOCK];
    struct requests_block *block;
    struct request_row rows[REQUESTS_BLOCK];
    size_t n = requests_block_rows(q, i / REQUESTS_BLOCK, rows);

    rows[i % REQUESTS_BLOCK] = *row;
    block = requests_block_pack(rows, n);
    if (!block)
        return -ENOMEM;
    q->rows_bytes += block->len;
    q->rows_bytes -= at->rows->len;
    free(at->rows);
    at->rows = block;
    return 0;
}

/* Its ids are what they were; of its strings only an uncommon time may be new. */
static int set_open(struct oks_requests *q, struct request_row *at, struct request_row *row)
{
    struct oks_stamp *stamp = &row->request.stamp, old = at->request.stamp;

    if (stamp->key == OKS_STAMP_KEY_TEXT && !in_text(q, stamp->text)) {
        if (old.key != OKS_STAMP_KEY_TEXT || old.len < stamp->len) {
            int rc = text_reserve(q, stamp->len);

            if (rc < 0)
                return rc;
            stamp->text = text_put(q, stamp->text, stamp->len);
        } else {
            stamp->text = memcpy(q->text + (old.text - q->text), stamp->text, stamp->len);
        }
    }
    row->message_id = at->message_id;
    row->request_id = at->request_id;
    row->ids_forgotten = at->ids_forgotten;
    *at = *row;
    return 0;
}

int requests_set(struct oks_requests *q, size_t i, const struct request_row *from, struct oks_slice model)
{
    struct request_row row = *from, before;
    int rc = name_of(&q->models, model, &row.model);

    if (rc == 0)
        rc = name_of(&q->tags, from->request.tag, &row.tag);
    if (rc == 0 && q->tail) {
        requests_get(q, i, &before);
        rc = requests_unfinished_keep(q, i, &before);
    }
    if (rc < 0)
        return rc;
    raise_highest(q, &row.request);
    if (i < q->peak.n)
        q->peak = (struct peak){0};
    cut_strings(&row);
    row.request.key = q->keys[i];
    row.request.model = row.request.tag = (struct oks_slice){0};
    if (row.request.stamp.key != OKS_STAMP_KEY_TEXT)
        row.request.stamp = (struct oks_stamp){row.request.stamp.key, NULL, 0};
    /*
     * A response that is being written changes with each line: its rows stay open until they are trimmed.
     * (The text of a time may be in the block that would be freed.)
     */
    if (i < q->packed && i >= q->packed - q->packed % REQUESTS_BLOCK &&
        row.request.stamp.key != OKS_STAMP_KEY_TEXT && reopen(q) < 0)
        return -ENOMEM;
    if (i < q->packed)
        return set_packed(q, i, &row);
    return set_open(q, open_row(q, i), &row);
}

/* --- the index --- */

void requests_forget_index(struct oks_requests *q)
{
    free(q->slots);
    q->slots = NULL;
    q->n_slots = q->indexed = 0;
}

/* What cannot be had smaller stays as it is. */
static void *shrink(void *p, size_t n, size_t size, size_t *room)
{
    void *fitting = n ? reallocarray(p, n, size) : NULL;

    if (!fitting)
        return p;
    *room = n;
    return fitting;
}

void requests_trim(struct oks_requests *q)
{
    if (!q->tail)
        pack_open(q);
    q->open = shrink(q->open, q->len - q->packed, sizeof(*q->open), &q->open_room);
    q->blocks = shrink(q->blocks, q->n_blocks, sizeof(*q->blocks), &q->blocks_room);
    q->keys = shrink(q->keys, q->len, sizeof(*q->keys), &q->keys_room);
    if (q->text_room > q->text_len)
        text_move(q, q->text_len);
    requests_forget_index(q);
}

static uint32_t *slot_of(const struct oks_requests *q, uint64_t key)
{
    size_t i = key & (q->n_slots - 1);

    while (q->slots[i] && q->keys[q->slots[i] - 1] != key)
        i = (i + 1) & (q->n_slots - 1);
    return &q->slots[i];
}

static bool index_reserve(struct oks_requests *q)
{
    size_t n = q->n_slots ? q->n_slots : 64;
    uint32_t *slots;

    while (n < q->len * 2)
        n *= 2;
    if (n == q->n_slots)
        return true;
    slots = calloc(n, sizeof(*slots));
    if (!slots)
        return false;
    free(q->slots);
    q->slots = slots;
    q->n_slots = n;
    q->indexed = 0;
    return true;
}

static size_t find_slowly(const struct oks_requests *q, uint64_t key)
{
    for (size_t i = q->len; i-- > 0;)
        if (q->keys[i] == key)
            return i;
    return SIZE_MAX;
}

size_t requests_find(struct oks_requests *q, uint64_t key)
{
    if (q->len && q->keys[q->len - 1] == key)
        return q->len - 1;
    if (q->len <= FEW || !index_reserve(q))
        return find_slowly(q, key);
    for (; q->indexed < q->len; q->indexed++)
        *slot_of(q, q->keys[q->indexed]) = (uint32_t)q->indexed + 1;
    return (size_t)*slot_of(q, key) - 1;
}
