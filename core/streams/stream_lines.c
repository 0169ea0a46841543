/*
 * The lines of streams: requests.jsonl of a session, events.jsonl of all.
 *
 * A line is made from the row that owns its request, from what the request is billed as, and from what the
 * catalog has of its session. Nothing of it is kept. Lines of events.jsonl have the keys that a table needs
 * in which sums are to be those of stats/.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/money.h"
#include "cache/cache_parts.h"
#include "catalog/hosts.h"
#include "history/tags.h"
#include "streams/stream_private.h"
#include "sums/groups.h"

static void put_text(struct oks_bytes *b, const char *key, struct oks_slice text)
{
    oks_bytes_text(b, key);
    if (text.len == 0) {
        oks_bytes_text(b, "null");
        return;
    }
    oks_bytes_put(b, "\"", 1);
    oks_bytes_json(b, text);
    oks_bytes_put(b, "\"", 1);
}

static void put_number(struct oks_bytes *b, const char *key, uint64_t n)
{
    oks_bytes_text(b, key);
    oks_bytes_number(b, n);
}

/* A part of a response has an id of its own, which no transcript contains. */
static void put_ids(struct oks_bytes *b, struct oks_slice message_id, struct oks_slice request_id,
                    enum oks_part part)
{
    static const char *const suffix[OKS_PARTS] = {[OKS_PART_ADVISOR] = ":advisor\"",
                                                  [OKS_PART_COMPACTION] = ":compaction\"",
                                                  [OKS_PART_ATTEMPT] = ":attempt\""};

    put_text(b, ",\"requestId\":", request_id);
    put_text(b, ",\"messageId\":", message_id);
    if (!suffix[part] || message_id.len == 0)
        return;
    b->len -= b->error ? 0 : 1;
    oks_bytes_text(b, suffix[part]);
}

/* The sum has what could be priced: where that is not all, costUSD is null. */
static void put_cost(struct oks_bytes *b, const struct billed_sum *sum)
{
    char text[OKS_MONEY_TEXT];

    oks_bytes_text(b, ",\"costUSD\":");
    if (sum->unpriced) {
        oks_bytes_text(b, "null");
        return;
    }
    oks_money_text((oks_money)sum->cost, text);
    oks_bytes_text(b, text);
}

static uint64_t saturated(unsigned __int128 n)
{
    return n < OKS_TOKENS_MAX ? (uint64_t)n : OKS_TOKENS_MAX;
}

static void put_flag(struct oks_bytes *b, const char *key, bool flag)
{
    oks_bytes_text(b, key);
    oks_bytes_text(b, flag ? "true" : "false");
}

/* --- events.jsonl alone --- */

static const char *const kind_names[OKS_PARTS] = {"response", "advisor", "compaction", "attempt",
                                                  "search",   "link",    "rest"};
static const char *const tier_names[] = {
    [OKS_TIER_STANDARD] = "standard",
    [OKS_TIER_PRIORITY] = "priority",
    [OKS_TIER_FLEX] = "flex",
    [OKS_TIER_BATCH] = "batch",
};

static void put_id(struct oks_bytes *b, uint64_t key, uint64_t revision)
{
    uint64_t big = htobe64(key);
    char hex[2 * sizeof(big) + 1];

    oks_hex((const uint8_t *)&big, sizeof(big), hex);
    put_text(b, ",\"id\":", oks_slice_of(hex));
    put_number(b, ",\"revision\":", revision);
}

static void put_spend(struct oks_bytes *b, const struct billed_sum *sum)
{
    put_number(b, ",\"requests\":", sum->requests);
    put_number(b, ",\"inputTokens\":", saturated(sum->input));
    put_number(b, ",\"cacheCreation5mTokens\":", saturated(sum->cache_5m));
    put_number(b, ",\"cacheCreation1hTokens\":", saturated(sum->cache_1h));
    put_number(b, ",\"webSearches\":", sum->web_searches);
    put_number(b, ",\"costPicoUSD\":", saturated(sum->cost));
    put_flag(b, ",\"priced\":", sum->unpriced == 0);
}

static struct oks_slice text_of(const char *s)
{
    return s ? oks_slice_of(s) : (struct oks_slice){0};
}

/* `s` NULL: it is not known any more. */
static void put_session(struct oks_bytes *b, const struct session *s)
{
    put_text(b, ",\"sessionId\":", text_of(s ? s->id : NULL));
    put_text(b, ",\"source\":", text_of(s ? session_source(s)->name : NULL));
    put_text(b, ",\"parentSessionId\":", text_of(s ? s->parent : NULL));
    put_text(b, ",\"project\":", text_of(s && s->project ? s->project->name : NULL));
    put_text(b, ",\"cwd\":", text_of(s ? groups_cwd_of(s) : NULL));
    put_text(b, ",\"team\":", text_of(s ? s->stream->team : NULL));
    put_text(b, ",\"agent\":", text_of(s ? groups_agent_of(s) : NULL));
}

static uint64_t hash_text(uint64_t seed, const char *s)
{
    return request_hash(seed, s ? s : "", s ? strlen(s) + 1 : 0);
}

static const char *host_of(const struct streams *streams, const struct session *s)
{
    return s ? session_host(&streams->model->catalog, s)->name : streams->model->catalog.own.name;
}

uint64_t stream_session_hash(const struct streams *streams, const struct session *s)
{
    uint64_t h = hash_text(0, s->parent);

    h = hash_text(h, s->project ? s->project->name : NULL);
    h = hash_text(h, groups_cwd_of(s));
    h = hash_text(h, s->stream->team);
    h = hash_text(h, host_of(streams, s));
    return hash_text(h, groups_agent_of(s));
}

static void put_event(struct stream_batch *batch, const struct billing_visit *visit)
{
    const struct request_row *row = visit->row;
    const struct transcript *t = batch->t;
    const struct tag tag = tag_of(requests_tag(t->state.requests, row->tag));
    struct oks_bytes *b = &batch->bytes;

    put_session(b, t->session);
    put_text(b, ",\"branch\":", tag.branch);
    put_text(b, ",\"effort\":", tag.effort);
    put_text(b, ",\"host\":", text_of(host_of(batch->streams, t->session)));
    put_id(b, row->request.key, stream_revision(batch->streams, t, visit->i, row));
    put_flag(b, ",\"open\":", visit->i >= t->marks->closed);
    put_text(b, ",\"kind\":", oks_slice_of(kind_names[row->request.part]));
    put_spend(b, visit->sum);
    put_text(b, ",\"serviceTier\":", oks_slice_of(tier_names[row->request.spend.tier]));
}

/* --- lines --- */

/* Returns false without memory. */
static bool line_begin(struct stream_batch *batch, struct oks_stamp stamp)
{
    struct stream_line *line;

    if (!OKS_GROW(batch->lines, batch->n, batch->room))
        return false;
    line = &batch->lines[batch->n];
    *line = (struct stream_line){.stamp = stamp, .order = batch->n, .at = batch->bytes.len};
    if (line->stamp.key == OKS_STAMP_KEY_TEXT)
        line->stamp = OKS_STAMP_NONE;
    return true;
}

static void line_end(struct stream_batch *batch)
{
    struct stream_line *line = &batch->lines[batch->n++];

    oks_bytes_text(&batch->bytes, "}\n");
    line->len = batch->bytes.len - line->at;
}

static void put_counts(struct oks_bytes *b, const struct billed_sum *sum)
{
    put_number(
        b, ",\"inputTotalTokens\":", saturated(sum->input + sum->cache_read + sum->cache_5m + sum->cache_1h));
    put_number(b, ",\"cacheReadTokens\":", saturated(sum->cache_read));
    put_number(b, ",\"cacheWriteTokens\":", saturated(sum->cache_5m + sum->cache_1h));
    put_number(b, ",\"outputTokens\":", saturated(sum->output));
    put_number(b, ",\"toolUses\":", sum->tool_uses);
    put_cost(b, sum);
}

static int put_line(struct stream_batch *batch, const struct billing_visit *visit)
{
    const struct request_row *row = visit->row;
    struct oks_bytes *b = &batch->bytes;
    char buf[OKS_STAMP_TEXT];
    struct stream_line *line;

    if (!line_begin(batch, visit->stamp))
        return -ENOMEM;
    line = &batch->lines[batch->n];
    put_text(b, "{\"t\":", oks_stamp_text(visit->stamp, buf));
    line->ids = b->len - line->at;
    line->part = row->request.part;
    if (!row->ids_forgotten)
        put_ids(b, row->message_id, row->request_id, line->part);
    put_text(b, ",\"model\":", oks_slice_of(visit->model));
    put_number(b, ",\"historyLength\":", row->history);
    put_counts(b, visit->sum);
    put_text(b, ",\"agentId\":", requests_agent(batch->t->state.requests, row->agent));
    put_flag(b, ",\"sidechain\":", row->request.sidechain);
    if (batch->which == STREAM_OF_ALL)
        put_event(batch, visit);
    line_end(batch);
    if (row->ids_forgotten &&
        stream_ids_want(&batch->ids, batch->t,
                        (struct request_place){visit->i, row->request.key, row->first, row->request.part},
                        line->order) < 0)
        return -ENOMEM;
    return b->error;
}

/* Searches of the client are no request, and cost something; so do tokens that were logged apart. */
bool stream_has_line(int which, const struct billing_visit *visit)
{
    return billed_is_used(visit->sum) || (which == STREAM_OF_ALL && visit->sum->web_searches);
}

int stream_put_request(void *ctx, const struct billing_visit *visit)
{
    struct stream_batch *batch = ctx;

    return stream_has_line(batch->which, visit) ? put_line(batch, visit) : 0;
}

static int put_visit(void *ctx, const struct billing_visit *visit)
{
    return put_line(ctx, visit);
}

/* The request counts under the same id in another transcript. If it has not ended there, it has no line yet,
 * and what was sent would stay. A month has the lines of open requests in any case. */
static int put_if_open(struct stream_batch *batch, uint64_t key)
{
    struct billing *billing = batch->streams->model->billing;
    struct transcript *t = batch->t, *owner;
    struct billing_ruling ruling;
    int rc = batch->month < 0 ? billing_ruling(billing, key, &ruling) : -ENOENT;

    if (rc < 0)
        return 0;
    owner = (struct transcript *)ruling.owner;
    if (ruling.row < owner->marks->closed)
        return 0;
    batch->t = owner;
    rc = billing_row(billing, owner->billed, ruling.row, put_visit, batch);
    batch->t = t;
    return rc;
}

int stream_put_again(void *ctx, const struct billing_visit *visit)
{
    struct stream_batch *batch = ctx;
    uint64_t key = visit->row->request.key;

    if (!stream_has_line(batch->which, visit) && billing_counts(batch->streams->model->billing, key))
        return put_if_open(batch, key);
    return put_line(batch, visit);
}

int stream_put_gone(struct stream_batch *batch, const struct stream_gone *gone)
{
    static const struct billed_sum nothing;
    struct oks_bytes *b = &batch->bytes;
    char buf[OKS_STAMP_TEXT];

    if (!line_begin(batch, gone->stamp))
        return -ENOMEM;
    put_text(b, "{\"t\":", oks_stamp_text(gone->stamp, buf));
    put_ids(b, (struct oks_slice){0}, (struct oks_slice){0}, OKS_PART_RESPONSE);
    oks_bytes_text(b, ",\"model\":null,\"historyLength\":0");
    put_counts(b, &nothing);
    oks_bytes_text(b, ",\"agentId\":null,\"sidechain\":false");
    put_session(b, NULL);
    oks_bytes_text(b, ",\"branch\":null,\"effort\":null");
    put_text(b, ",\"host\":", text_of(host_of(batch->streams, NULL)));
    put_id(b, gone->key, gone->revision);
    put_flag(b, ",\"open\":", false);
    put_text(b, ",\"kind\":", oks_slice_of(kind_names[OKS_PART_RESPONSE]));
    put_spend(b, &nothing);
    put_text(b, ",\"serviceTier\":", oks_slice_of(tier_names[OKS_TIER_STANDARD]));
    line_end(batch);
    return b->error;
}

/* The ids of a line that was written without them. */
static int take_ids(void *ctx, size_t i, struct oks_slice message_id, struct oks_slice request_id)
{
    struct stream_batch *batch = ctx;
    struct stream_line *line = &batch->lines[i];

    line->ids_at = batch->bytes.len;
    put_ids(&batch->bytes, message_id, request_id, line->part);
    line->ids_len = batch->bytes.len - line->ids_at;
    return batch->bytes.error;
}

static int deliver(struct stream_batch *batch, int (*fn)(void *ctx, const char *bytes, size_t len), void *ctx)
{
    struct oks_bytes whole = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < batch->n; i++) {
        const struct stream_line *line = &batch->lines[i];
        const char *bytes = batch->bytes.ptr + line->at;

        if (line->ids_len == 0) {
            rc = fn(ctx, bytes, line->len);
            continue;
        }
        whole.len = 0;
        oks_bytes_put(&whole, bytes, line->ids);
        oks_bytes_put(&whole, batch->bytes.ptr + line->ids_at, line->ids_len);
        oks_bytes_put(&whole, bytes + line->ids, line->len - line->ids);
        rc = whole.error ? whole.error : fn(ctx, whole.ptr, whole.len);
    }
    free(whole.ptr);
    return rc;
}

static int by_time(const void *a, const void *b)
{
    const struct stream_line *x = a, *y = b;

    if (x->stamp.key != y->stamp.key) {
        bool none_x = oks_stamp_is_none(x->stamp), none_y = oks_stamp_is_none(y->stamp);

        return none_x || none_y ? none_y - none_x : oks_stamp_cmp(x->stamp, y->stamp);
    }
    return (x->order > y->order) - (x->order < y->order);
}

int stream_deliver(struct stream_batch *batch, const struct stream_sources *sources,
                   int (*fn)(void *ctx, const char *bytes, size_t len), void *ctx)
{
    /* before lines are sorted: ids refer to them by index */
    int rc = stream_ids_find(&batch->ids, sources, take_ids, batch);

    if (rc == 0 && batch->n)
        qsort(batch->lines, batch->n, sizeof(*batch->lines), by_time);
    return rc == 0 ? deliver(batch, fn, ctx) : rc;
}

void stream_batch_clear(struct stream_batch *batch)
{
    stream_ids_clear(&batch->ids);
    free(batch->lines);
    free(batch->bytes.ptr);
}
