/*
 * Fuzzes the bytes of a store of requests. Whatever they are, they are refused or make a store whose rows can
 * be read and changed; and what such a store packs is read again as the same rows.
 *
 * A fuzzer does not guess the layout. So the first byte of an input chooses: the rest are the bytes, or rows
 * are made of it and packed, and one byte of that may be changed. Four bytes steer this.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "history/requests.h"

static int look(void *ctx, size_t i, const struct request_row *row)
{
    const struct oks_requests *q = ctx;
    char buf[OKS_STAMP_TEXT];

    (void)i;
    REQUIRE(row->model < requests_models(q));
    REQUIRE(row->agent <= requests_agent_names(q)->len);
    REQUIRE(row->ids_forgotten && row->message_id.len == 0 && row->request_id.len == 0);
    if (row->request.stamp.key == OKS_STAMP_KEY_TEXT)
        REQUIRE(row->request.stamp.text && row->request.stamp.len);
    oks_stamp_text(row->request.stamp, buf);
    return 0;
}

/* Not with memcmp(): it has padding. */
static bool same_spend(const struct oks_spend *a, const struct oks_spend *b)
{
    return a->input == b->input && a->output == b->output && a->cache_5m == b->cache_5m &&
           a->cache_1h == b->cache_1h && a->cache_read == b->cache_read &&
           a->web_searches == b->web_searches && a->context == b->context && a->speed == b->speed &&
           a->geo == b->geo && a->tier == b->tier;
}

static int same(void *ctx, size_t i, const struct request_row *a)
{
    struct request_row b;
    char buf[2][OKS_STAMP_TEXT];
    struct oks_slice x, y;

    requests_get(ctx, i, &b);
    x = oks_stamp_text(a->request.stamp, buf[0]);
    y = oks_stamp_text(b.request.stamp, buf[1]);
    REQUIRE(x.len == y.len && (x.len == 0 || memcmp(x.ptr, y.ptr, x.len) == 0));
    REQUIRE(a->request.key == b.request.key && a->model == b.model && a->agent == b.agent);
    REQUIRE(a->first == b.first && a->line == b.line && a->history == b.history);
    REQUIRE(same_spend(&a->request.spend, &b.request.spend));
    REQUIRE(a->request.tool_uses == b.request.tool_uses && a->request.settled == b.request.settled);
    return 0;
}

static void change(struct oks_requests *q)
{
    size_t n = requests_len(q), some[] = {0, n / 2, n - 1};
    struct request_row row, more = {.request = {.key = 1, .stamp = oks_stamp_of(OKS_SLICE("later"))}};

    for (size_t i = 0; i < 3; i++) {
        requests_get(q, some[i], &row);
        row.request.spend.output = 77;
        REQUIRE(requests_set(q, some[i], &row, requests_model(q, row.model)) == 0);
        REQUIRE(requests_put_ids(q, some[i], OKS_SLICE("msg"), (struct oks_slice){0}) == 0);
    }
    REQUIRE(requests_append(q, &more, OKS_SLICE("m"), (struct oks_slice){0}) == 0);
    requests_trim(q);
    requests_forget_ids(q);
    REQUIRE(requests_each(q, 0, requests_len(q), look, q) == 0);
}

enum { STEERING = 4, OF_ROW = 14, MADE = 1, DAMAGED = 2 };

static uint64_t number(const uint8_t p[2])
{
    return (uint64_t)p[0] << p[1] % 56;
}

static struct oks_stamp stamp(uint8_t byte, char text[32])
{
    if (byte % 8 == 0)
        return OKS_STAMP_NONE;
    snprintf(text, 32, byte % 8 == 1 ? "at %u" : "2026-06-10T01:00:%02u.000Z", byte / 8u);
    return oks_stamp_of(oks_slice_of(text));
}

static void add_row(struct oks_requests *q, const uint8_t *p)
{
    char at[32], model[8], agent[8];
    struct request_row row = {
        .request = {.key = number(p) + p[2],
                    .stamp = stamp(p[3], at),
                    .spend = {.input = number(p + 4), .output = number(p + 6), .cache_read = number(p + 8)},
                    .tool_uses = p[10] % 3,
                    .sidechain = p[10] & 4,
                    .settled = p[10] & 8,
                    .part = p[10] / 16 % OKS_PARTS},
        .first = number(p + 11),
        .line = number(p + 11) + p[13],
    };

    snprintf(model, sizeof(model), "m%u", p[13] % 7u);
    snprintf(agent, sizeof(agent), "a%u", p[13] % 5u);
    REQUIRE(requests_append(q, &row, oks_slice_of(model),
                            p[13] & 1 ? oks_slice_of(agent) : (struct oks_slice){0}) == 0);
}

/* Packed rows; without damage they are read as they were made. */
static uint8_t *packed(const uint8_t *data, size_t size, const uint8_t *damage, size_t *len)
{
    struct oks_requests *q, *again;
    uint8_t *bytes;

    REQUIRE(oks_requests_new(&q) == 0);
    for (; size >= OF_ROW; size -= OF_ROW, data += OF_ROW)
        add_row(q, data);
    requests_set_history(q, size, size / 2);
    bytes = malloc(requests_pack_max(q));
    REQUIRE(bytes);
    *len = requests_pack(q, bytes);
    if (damage) {
        bytes[((size_t)damage[0] << 8 | damage[1]) % *len] ^= damage[2];
    } else {
        REQUIRE(requests_unpack(&again, bytes, *len) == 0);
        REQUIRE(requests_len(again) == requests_len(q) && requests_history(again) == requests_history(q));
        REQUIRE(requests_each(q, 0, requests_len(q), same, again) == 0);
        oks_requests_free(again);
    }
    oks_requests_free(q);
    return bytes;
}

static void check(const uint8_t *data, size_t size)
{
    struct oks_requests *q, *again;
    uint8_t *bytes;
    int rc = requests_unpack(&q, data, size);

    REQUIRE(rc == 0 || rc == -EINVAL);
    if (rc < 0)
        return;
    REQUIRE(requests_each(q, 0, requests_len(q), look, q) == 0);
    if (requests_len(q))
        change(q);
    bytes = malloc(requests_pack_max(q));
    REQUIRE(bytes);
    size = requests_pack(q, bytes);
    REQUIRE(requests_unpack(&again, bytes, size) == 0);
    REQUIRE(requests_len(again) == requests_len(q));
    REQUIRE(requests_each(q, 0, requests_len(q), same, again) == 0);
    free(bytes);
    oks_requests_free(again);
    oks_requests_free(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes;
    size_t len;

    if (size < STEERING)
        return 0;
    if (!(data[0] & MADE)) {
        check(data + STEERING, size - STEERING);
        return 0;
    }
    bytes = packed(data + STEERING, size - STEERING, data[0] & DAMAGED ? data + 1 : NULL, &len);
    check(bytes, len);
    free(bytes);
    return 0;
}
