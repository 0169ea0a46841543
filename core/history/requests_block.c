/*
 * Variable-length coding of up to 32 requests: each number takes as many bytes as it needs (seven bits a
 * byte, low ones first), times and places as the distance from the row before. A block is always read from
 * its start, which takes less than a microsecond.
 *
 * Ids are three quarters of a row. They have a block of their own, because it is given up once they are
 * saved.
 *
 * Invariant: the last byte of a block is the end of a number.
 */
#include "history/requests_block.h"

#include <errno.h>
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
    FLAGS_END = 1 << 12,

    VARINT_MAX = 10,
    NUMBERS_MAX = 16, /* of a row, the length of its stamp included */
    ID_LENGTH = 2,    /* bytes of an id's length */
};

_Static_assert(REQUESTS_BLOCK *(NUMBERS_MAX *VARINT_MAX + REQUEST_ID_MAX) <= REQUESTS_BLOCK_MAX,
               "a block holds any rows");

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
    return put(p, r->tool_uses);
}

size_t requests_block_pack_into(const struct request_row *rows, size_t n, uint8_t out[REQUESTS_BLOCK_MAX])
{
    struct before before = {0};
    uint8_t *p = out;

    for (size_t i = 0; i < n; i++)
        p = put_row(p, &rows[i], &before);
    return (size_t)(p - out);
}

static struct requests_block *block_of(const uint8_t *bytes, size_t len)
{
    struct requests_block *block = malloc(sizeof(*block) + len);

    if (!block)
        return NULL;
    block->len = (uint32_t)len;
    memcpy(block->bytes, bytes, len);
    return block;
}

struct requests_block *requests_block_pack(const struct request_row *rows, size_t n)
{
    uint8_t bytes[REQUESTS_BLOCK_MAX];

    return block_of(bytes, requests_block_pack_into(rows, n, bytes));
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
}

void requests_block_unpack(const struct requests_block *block, struct request_row *rows, size_t n)
{
    const uint8_t *p = block->bytes;
    struct before before = {0};

    for (size_t i = 0; i < n; i++)
        get_row(&p, &rows[i], &before);
}

/* --- bytes from outside --- */

struct check {
    const uint8_t *p, *end; /* the byte before the end is the last one of a number */
    struct before before;
};

static bool number(struct check *c, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;
    uint8_t byte;

    if (c->p >= c->end)
        return false;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        byte = *c->p++;
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = n;
            return n <= max && (shift < 63 || byte < 2);
        }
    }
    return false;
}

static bool distance(struct check *c, uint64_t from, uint64_t max, uint64_t *out)
{
    uint64_t n;

    if (!number(c, UINT64_MAX, &n))
        return false;
    *out = from + (n >> 1 ^ (n & 1 ? UINT64_MAX : 0));
    return *out <= max;
}

static bool check_stamp(struct check *c, uint64_t flags)
{
    struct oks_slice text;
    uint64_t len;

    if (flags & STAMP_NONE)
        return !(flags & STAMP_TEXT);
    if (!(flags & STAMP_TEXT))
        return distance(c, c->before.stamp, OKS_STAMP_KEY_TEXT - 1, &c->before.stamp);
    if (!number(c, REQUEST_ID_MAX, &len) || len >= (size_t)(c->end - c->p))
        return false;
    text = (struct oks_slice){(const char *)c->p, len};
    c->p += len;
    return oks_stamp_of(text).key == OKS_STAMP_KEY_TEXT;
}

static bool check_row(struct check *c, size_t models, size_t agents)
{
    uint64_t flags, n, line;

    if (!number(c, FLAGS_END - 1, &flags) || !check_stamp(c, flags) || !number(c, models - 1, &n))
        return false;
    if (flags & AGENT && (!number(c, agents, &n) || n == 0))
        return false;
    if (!distance(c, c->before.first, INT64_MAX, &c->before.first) ||
        !distance(c, c->before.first, INT64_MAX, &line) || line < c->before.first ||
        !distance(c, c->before.history, INT64_MAX, &c->before.history))
        return false;
    for (int i = flags & RARE ? 7 : 5; i > 0; i--)
        if (!number(c, OKS_TOKENS_MAX, &n))
            return false;
    return true;
}

bool requests_block_valid(const uint8_t *bytes, size_t len, size_t n, size_t models, size_t agents)
{
    struct check c = {.p = bytes, .end = bytes + len};

    if (len == 0 || len > REQUESTS_BLOCK_MAX || bytes[len - 1] >= 0x80 || models == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!check_row(&c, models, agents))
            return false;
    return c.p == c.end;
}

/* --- ids --- */

/* Lengths are one more than they are: 0 stands for ids that are forgotten. */
int requests_ids_pack(const struct request_row *rows, size_t n, struct requests_block **out)
{
    uint8_t bytes[REQUESTS_BLOCK * 2 * (REQUEST_ID_MAX + ID_LENGTH)], *p = bytes;
    bool any = false;

    for (size_t i = 0; i < n; i++) {
        const struct request_row *row = &rows[i];

        any |= !row->ids_forgotten;
        p = put(p, row->ids_forgotten ? 0 : row->message_id.len + 1);
        if (row->ids_forgotten)
            continue;
        if (row->message_id.len)
            memcpy(p, row->message_id.ptr, row->message_id.len);
        p = put_text(p + row->message_id.len, row->request_id.ptr, row->request_id.len);
    }
    *out = any ? block_of(bytes, (size_t)(p - bytes)) : NULL;
    return any && !*out ? -ENOMEM : 0;
}

void requests_ids_unpack(const struct requests_block *ids, struct request_row *rows, size_t n)
{
    const uint8_t *p = ids ? ids->bytes : NULL;

    for (size_t i = 0; i < n; i++) {
        size_t len = p ? get(&p) : 0;

        rows[i].ids_forgotten = len == 0;
        rows[i].message_id = rows[i].request_id = (struct oks_slice){0};
        if (len == 0)
            continue;
        if (len > 1)
            rows[i].message_id = (struct oks_slice){(const char *)p, len - 1};
        p += len - 1;
        rows[i].request_id = get_text(&p);
    }
}
