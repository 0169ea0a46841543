/*
 * The packing of 32 requests: each number takes as many bytes as it needs (seven bits a byte, low ones
 * first), times and places as the distance from the row before. A block is always read from its start, which
 * takes less than a microsecond.
 */
#include "history/requests_block.h"

#include <stdlib.h>
#include <string.h>

enum {
    SIDECHAIN = 1 << 0,
    SETTLED = 1 << 1,
    ADVISOR = 1 << 2,
    SECOND_HAND = 1 << 3,
    FAST = 1 << 4,
    US = 1 << 5,
    TIER = 1 << 6, /* two bits */
    RARE = 1 << 8, /* an hour's cache writes or web searches */
    STAMP_NONE = 1 << 9,
    STAMP_TEXT = 1 << 10,
    AGENT = 1 << 11,

    VARINT_MAX = 10,
    NUMBERS_MAX = 18, /* of a row, lengths of its strings included */
};

static uint8_t *put(uint8_t *p, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        *p++ = (uint8_t)(n | 0x80);
    *p++ = (uint8_t)n;
    return p;
}

static uint8_t *put_distance(uint8_t *p, uint64_t from, uint64_t to)
{
    uint64_t d = to - from;

    return put(p, d << 1 ^ (d >> 63 ? UINT64_MAX : 0));
}

static uint8_t *put_text(uint8_t *p, const char *text, size_t len)
{
    p = put(p, len);
    if (len)
        memcpy(p, text, len);
    return p + len;
}

static unsigned flags_of(const struct request_row *row)
{
    const struct oks_request *r = &row->request;
    const struct oks_spend *s = &r->spend;
    unsigned flags = (unsigned)s->tier * TIER;

    flags |= r->sidechain ? SIDECHAIN : 0;
    flags |= r->settled ? SETTLED : 0;
    flags |= r->advisor ? ADVISOR : 0;
    flags |= r->second_hand ? SECOND_HAND : 0;
    flags |= s->speed == OKS_SPEED_FAST ? FAST : 0;
    flags |= s->geo == OKS_GEO_US ? US : 0;
    flags |= s->cache_1h || s->web_searches ? RARE : 0;
    flags |= r->stamp.key == OKS_STAMP_KEY_NONE ? STAMP_NONE : 0;
    flags |= r->stamp.key == OKS_STAMP_KEY_TEXT ? STAMP_TEXT : 0;
    flags |= row->agent ? AGENT : 0;
    return flags;
}

/* What rows are told as distances from. */
struct before {
    uint64_t stamp, first, history;
};

static uint8_t *put_row(uint8_t *p, const struct request_row *row, struct before *before)
{
    const struct oks_request *r = &row->request;
    const struct oks_spend *s = &r->spend;
    unsigned flags = flags_of(row);

    p = put(p, flags);
    if (flags & STAMP_TEXT) {
        p = put_text(p, r->stamp.text, r->stamp.len);
    } else if (!(flags & STAMP_NONE)) {
        p = put_distance(p, before->stamp, r->stamp.key);
        before->stamp = r->stamp.key;
    }
    p = put(p, row->model);
    if (flags & AGENT)
        p = put(p, row->agent);
    p = put_distance(p, before->first, row->first);
    p = put_distance(p, row->first, row->line);
    p = put_distance(p, before->history, row->history);
    before->first = row->first;
    before->history = row->history;
    p = put(p, s->input);
    p = put(p, s->output);
    p = put(p, s->cache_5m);
    p = put(p, s->cache_read);
    if (flags & RARE) {
        p = put(p, s->cache_1h);
        p = put(p, s->web_searches);
    }
    p = put(p, r->tool_uses);
    p = put_text(p, row->message_id.ptr, row->message_id.len);
    return put_text(p, row->request_id.ptr, row->request_id.len);
}

struct requests_block *requests_block_pack(const struct request_row rows[REQUESTS_BLOCK])
{
    size_t room = sizeof(struct requests_block);
    struct before before = {0};
    struct requests_block *block, *fitting;
    uint8_t *p;

    for (size_t i = 0; i < REQUESTS_BLOCK; i++)
        room += NUMBERS_MAX * VARINT_MAX + rows[i].message_id.len + rows[i].request_id.len +
                rows[i].request.stamp.len;
    block = malloc(room);
    if (!block)
        return NULL;
    p = block->bytes;
    for (size_t i = 0; i < REQUESTS_BLOCK; i++)
        p = put_row(p, &rows[i], &before);
    block->len = (uint32_t)(p - block->bytes);
    fitting = realloc(block, sizeof(*block) + block->len);
    return fitting ? fitting : block;
}

static uint64_t get(const uint8_t **p)
{
    uint64_t n = 0;

    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *(*p)++;

        n |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return n;
    }
}

static uint64_t get_distance(const uint8_t **p, uint64_t from)
{
    uint64_t n = get(p);

    return from + (n >> 1 ^ (n & 1 ? UINT64_MAX : 0));
}

static struct oks_slice get_text(const uint8_t **p)
{
    size_t len = get(p);
    struct oks_slice s = {len ? (const char *)*p : NULL, len};

    *p += len;
    return s;
}

static struct oks_stamp get_stamp(const uint8_t **p, unsigned flags, struct before *before)
{
    struct oks_slice text;

    if (flags & STAMP_NONE)
        return OKS_STAMP_NONE;
    if (flags & STAMP_TEXT) {
        text = get_text(p);
        return (struct oks_stamp){OKS_STAMP_KEY_TEXT, text.ptr, (uint32_t)text.len};
    }
    before->stamp = get_distance(p, before->stamp);
    return (struct oks_stamp){before->stamp, NULL, 0};
}

static void get_row(const uint8_t **p, struct request_row *row, struct before *before)
{
    unsigned flags = (unsigned)get(p);
    struct oks_request *r = &row->request;
    struct oks_spend *s = &r->spend;

    *row = (struct request_row){0};
    r->sidechain = flags & SIDECHAIN;
    r->settled = flags & SETTLED;
    r->advisor = flags & ADVISOR;
    r->second_hand = flags & SECOND_HAND;
    s->speed = flags & FAST ? OKS_SPEED_FAST : OKS_SPEED_STANDARD;
    s->geo = flags & US ? OKS_GEO_US : OKS_GEO_ANY;
    s->tier = (enum oks_tier)(flags / TIER & 3);
    r->stamp = get_stamp(p, flags, before);
    row->model = (unsigned)get(p);
    if (flags & AGENT)
        row->agent = (unsigned)get(p);
    row->first = before->first = get_distance(p, before->first);
    row->line = get_distance(p, row->first);
    row->history = before->history = get_distance(p, before->history);
    s->input = get(p);
    s->output = get(p);
    s->cache_5m = get(p);
    s->cache_read = get(p);
    if (flags & RARE) {
        s->cache_1h = get(p);
        s->web_searches = get(p);
    }
    r->tool_uses = get(p);
    row->message_id = get_text(p);
    row->request_id = get_text(p);
}

void requests_block_unpack(const struct requests_block *block, struct request_row rows[REQUESTS_BLOCK])
{
    const uint8_t *p = block->bytes;
    struct before before = {0};

    for (size_t i = 0; i < REQUESTS_BLOCK; i++)
        get_row(&p, &rows[i], &before);
}
