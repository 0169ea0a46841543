/*
 * Variable-length coding of up to 32 requests: each number takes as many bytes as it needs (seven bits a
 * byte, low ones first), and what grows from row to row is a distance. A block is always read from its
 * start, which takes less than a microsecond.
 *
 * What nearly every row has is left out: the model, agent and tag of the row before, one use of a tool, no
 * cache writes for an hour. A prompt is mostly read from the cache as far as the row before read and wrote
 * it, so that is what its cache reads are a distance from.
 *
 * Ids are three quarters of a row. They have a block of their own, because it is given up once they are
 * saved.
 *
 * Invariant: any bytes can be read as a block: a row of nonsense then, but nothing outside of the bytes.
 */
#include "history/requests_block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    SETTLED = 1 << 0,
    SIDECHAIN = 1 << 1,
    MODEL = 1 << 2, /* another than that of the row before */
    AGENT = 1 << 3, /* the same */
    LINE = 1 << 4,  /* another than the first */
    HOUR = 1 << 5,  /* cache writes for an hour */
    TOOLS = 1 << 6, /* other than one */
    STAMP_NONE = 1 << 7,
    STAMP_TEXT = 1 << 8,
    SEARCHES = 1 << 9,
    DOUBTFUL = 1 << 10,
    SECOND_HAND = 1 << 11,
    FAST = 1 << 12,
    US = 1 << 13,
    TIER = 1 << 14, /* two bits */
    PART = 1 << 16, /* three bits */
    FREE = 1 << 19,
    CONTEXT = 1 << 20,
    ALIAS = 1 << 21,
    RESTAMPED = 1 << 22,
    TAG = 1 << 23, /* another than that of the row before */
    REVISION = 1 << 24,

    VARINT_MAX = 10,
    NUMBERS_MAX = 17, /* of a row, the length of its stamp included */
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

/* What the numbers of a row are distances from. */
struct before {
    uint64_t stamp, first, history, prompt;
    unsigned model, agent, tag;
};

static unsigned flags_of(const struct request_row *row, const struct before *before)
{
    const struct oks_request *r = &row->request;
    const struct oks_spend *s = &r->spend;
    unsigned flags = (unsigned)s->tier * TIER;

    flags |= r->settled ? SETTLED : 0;
    flags |= r->sidechain ? SIDECHAIN : 0;
    flags |= row->model != before->model ? MODEL : 0;
    flags |= row->agent != before->agent ? AGENT : 0;
    flags |= row->tag != before->tag ? TAG : 0;
    flags |= row->line != row->first ? LINE : 0;
    flags |= s->cache_1h ? HOUR : 0;
    flags |= r->tool_uses != 1 ? TOOLS : 0;
    flags |= r->stamp.key == OKS_STAMP_KEY_NONE ? STAMP_NONE : 0;
    flags |= r->stamp.key == OKS_STAMP_KEY_TEXT ? STAMP_TEXT : 0;
    flags |= s->web_searches ? SEARCHES : 0;
    flags |= r->doubtful ? DOUBTFUL : 0;
    flags |= r->second_hand ? SECOND_HAND : 0;
    flags |= r->alias ? ALIAS : 0;
    flags |= r->restamped ? RESTAMPED : 0;
    flags |= s->speed == OKS_SPEED_FAST ? FAST : 0;
    flags |= (unsigned)r->part * PART;
    flags |= r->free ? FREE : 0;
    flags |= s->context ? CONTEXT : 0;
    flags |= row->revision ? REVISION : 0;
    return flags | (s->geo == OKS_GEO_US ? US : 0);
}

static uint64_t prompt_of(const struct oks_spend *s)
{
    return s->cache_read + s->cache_5m + s->cache_1h;
}

static uint8_t *put_row(uint8_t *p, const struct request_row *row, struct before *before)
{
    const struct oks_request *r = &row->request;
    const struct oks_spend *s = &r->spend;
    unsigned flags = flags_of(row, before);

    p = put(p, flags);
    if (flags & STAMP_TEXT)
        p = put_text(p, r->stamp.text, r->stamp.len);
    else if (!(flags & STAMP_NONE))
        p = put_distance(p, before->stamp, r->stamp.key);
    if (flags & MODEL)
        p = put(p, row->model);
    if (flags & AGENT)
        p = put(p, row->agent);
    if (flags & TAG)
        p = put(p, row->tag);
    if (flags & REVISION)
        p = put(p, row->revision);
    p = put_distance(p, before->first, row->first);
    if (flags & LINE)
        p = put_distance(p, row->first, row->line);
    p = put_distance(p, before->history, row->history);
    if (flags & TOOLS)
        p = put(p, r->tool_uses);
    if (flags & SEARCHES)
        p = put(p, s->web_searches);
    if (flags & CONTEXT)
        p = put(p, s->context);
    if (flags & HOUR)
        p = put(p, s->cache_1h);
    p = put(p, s->cache_5m);
    p = put(p, s->input);
    p = put(p, s->output);
    p = put_distance(p, before->prompt, s->cache_read);
    *before = (struct before){flags & (STAMP_TEXT | STAMP_NONE) ? before->stamp : r->stamp.key,
                              row->first,
                              row->history,
                              prompt_of(s),
                              row->model,
                              row->agent,
                              row->tag};
    return p;
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

/* --- reading: whatever the bytes are, it does not leave them --- */

struct input {
    const uint8_t *p, *end;
};

static inline uint64_t get(struct input *in)
{
    uint64_t n = 0;

    for (unsigned shift = 0; in->p < in->end; shift += 7) {
        uint8_t byte = *in->p++;

        n |= (uint64_t)(byte & 0x7f) << (shift & 63);
        if (byte < 0x80)
            break;
    }
    return n;
}

static inline uint64_t get_distance(struct input *in, uint64_t from)
{
    uint64_t n = get(in);

    return from + (n >> 1 ^ (n & 1 ? UINT64_MAX : 0));
}

static struct oks_slice get_text(struct input *in, size_t len)
{
    struct oks_slice s = {(const char *)in->p, len};

    if (len > REQUEST_ID_MAX || len > (size_t)(in->end - in->p))
        s.len = 0;
    in->p += s.len;
    return s.len ? s : (struct oks_slice){0};
}

static struct oks_stamp get_stamp(struct input *in, unsigned flags, struct before *before)
{
    struct oks_slice text;

    if (flags & STAMP_NONE)
        return OKS_STAMP_NONE;
    if (flags & STAMP_TEXT) {
        text = get_text(in, get(in));
        return text.len ? (struct oks_stamp){OKS_STAMP_KEY_TEXT, text.ptr, (uint32_t)text.len}
                        : OKS_STAMP_NONE;
    }
    before->stamp = get_distance(in, before->stamp);
    return before->stamp < OKS_STAMP_KEY_TEXT ? (struct oks_stamp){before->stamp, NULL, 0} : OKS_STAMP_NONE;
}

static void get_row(struct input *in, struct request_row *row, struct before *before)
{
    unsigned flags = (unsigned)get(in);
    struct oks_request *r = &row->request;
    struct oks_spend *s = &r->spend;

    *row = (struct request_row){0};
    r->settled = flags & SETTLED;
    r->sidechain = flags & SIDECHAIN;
    r->doubtful = flags & DOUBTFUL;
    r->free = flags & FREE;
    r->part = (enum oks_part)(flags / PART & 7);
    if (r->part >= OKS_PARTS)
        r->part = OKS_PART_RESPONSE;
    r->second_hand = flags & SECOND_HAND;
    r->alias = flags & ALIAS;
    r->restamped = flags & RESTAMPED;
    s->speed = flags & FAST ? OKS_SPEED_FAST : OKS_SPEED_STANDARD;
    s->geo = flags & US ? OKS_GEO_US : OKS_GEO_ANY;
    s->tier = (enum oks_tier)(flags / TIER & 3);
    r->stamp = get_stamp(in, flags, before);
    row->model = before->model = flags & MODEL ? (unsigned)get(in) : before->model;
    row->agent = before->agent = flags & AGENT ? (unsigned)get(in) : before->agent;
    row->tag = before->tag = flags & TAG ? (unsigned)get(in) : before->tag;
    row->revision = flags & REVISION ? (unsigned)get(in) & REVISION_MAX : 0;
    row->first = before->first = get_distance(in, before->first);
    row->line = flags & LINE ? get_distance(in, row->first) : row->first;
    row->history = before->history = get_distance(in, before->history);
    r->tool_uses = flags & TOOLS ? get(in) : 1;
    s->web_searches = flags & SEARCHES ? get(in) : 0;
    s->context = flags & CONTEXT ? get(in) : 0;
    s->cache_1h = flags & HOUR ? get(in) : 0;
    s->cache_5m = get(in);
    s->input = get(in);
    s->output = get(in);
    s->cache_read = get_distance(in, before->prompt);
    before->prompt = prompt_of(s);
}

void requests_block_unpack(const struct requests_block *block, struct request_row *rows, size_t n)
{
    struct input in = {block->bytes, block->bytes + block->len};
    struct before before = {0};

    for (size_t i = 0; i < n; i++)
        get_row(&in, &rows[i], &before);
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
    struct input in = {0};

    if (ids)
        in = (struct input){ids->bytes, ids->bytes + ids->len};
    for (size_t i = 0; i < n; i++) {
        size_t len = get(&in);

        rows[i].ids_forgotten = len == 0;
        rows[i].message_id = rows[i].request_id = (struct oks_slice){0};
        if (len == 0)
            continue;
        rows[i].message_id = get_text(&in, len - 1);
        rows[i].request_id = get_text(&in, get(&in));
    }
}
