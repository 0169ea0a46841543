/*
 * Fuzzes the bytes of a store of requests. Whatever they are, they are refused or make a store whose rows can
 * be read and changed; and what such a store packs is read again as the same rows.
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
    REQUIRE(memcmp(&a->request.spend, &b.request.spend, sizeof(b.request.spend)) == 0);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oks_requests *q, *again;
    uint8_t *bytes;
    int rc = requests_unpack(&q, data, size);

    REQUIRE(rc == 0 || rc == -EINVAL);
    if (rc < 0)
        return 0;
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
    return 0;
}
