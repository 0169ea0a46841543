/*
 * The requests of a transcript as a list of rows, and a row as a request again.
 *
 * A row is a list, not an object: there are as many as events, and the names of eighteen members would be
 * most of the file. docs/format.md says what stands where.
 *
 * Invariant: what is taken equals what was put; a flag that is not known is a miss.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "cache/cache_parts.h"
#include "history/requests.h"

enum {
    SIDECHAIN = 1 << 0,
    SETTLED = 1 << 1,
    DOUBTFUL = 1 << 2,
    SECOND_HAND = 1 << 3,
    FAST = 1 << 4,
    US = 1 << 5,
    TIER = 1 << 6, /* two bits */
    PART = 1 << 8, /* three bits */
    FREE = 1 << 11,
    ALIAS = 1 << 12,
    RESTAMPED = 1 << 13,
    REVISION = 1 << 14, /* 16 bits */
    FLAGS_END = 1 << 30,
    KEY_DIGITS = 16,
};

static void put_text(struct oks_bytes *bytes, struct oks_slice s)
{
    if (s.len == 0) {
        oks_bytes_text(bytes, "null");
        return;
    }
    oks_bytes_put(bytes, "\"", 1);
    oks_bytes_raw(bytes, s);
    oks_bytes_put(bytes, "\"", 1);
}

static void put_key(struct oks_bytes *bytes, uint64_t key)
{
    uint64_t big = htobe64(key);
    char hex[KEY_DIGITS + 1];

    oks_hex((const uint8_t *)&big, sizeof(big), hex);
    oks_bytes_put(bytes, "\"", 1);
    oks_bytes_put(bytes, hex, KEY_DIGITS);
    oks_bytes_put(bytes, "\"", 1);
}

static uint64_t flags_of(const struct request_row *row)
{
    const struct oks_request *r = &row->request;
    uint64_t flags = (uint64_t)r->spend.tier * TIER + (uint64_t)row->revision * REVISION;

    flags |= r->sidechain ? SIDECHAIN : 0;
    flags |= r->settled ? SETTLED : 0;
    flags |= r->doubtful ? DOUBTFUL : 0;
    flags |= (uint64_t)r->part * PART;
    flags |= r->free ? FREE : 0;
    flags |= r->second_hand ? SECOND_HAND : 0;
    flags |= r->alias ? ALIAS : 0;
    flags |= r->restamped ? RESTAMPED : 0;
    flags |= r->spend.speed == OKS_SPEED_FAST ? FAST : 0;
    return flags | (r->spend.geo == OKS_GEO_US ? US : 0);
}

static int put_row(void *ctx, size_t i, const struct request_row *row)
{
    const struct oks_request *r = &row->request;
    const struct oks_spend *s = &r->spend;
    uint64_t number[REQUEST_NUMBERS] = {
        [REQUEST_MODEL] = row->model,
        [REQUEST_AGENT] = row->agent,
        [REQUEST_FLAGS] = flags_of(row),
        [REQUEST_FIRST] = row->first,
        [REQUEST_LINE] = row->line,
        [REQUEST_HISTORY] = row->history,
        [REQUEST_INPUT] = s->input,
        [REQUEST_OUTPUT] = s->output,
        [REQUEST_CACHE_5M] = s->cache_5m,
        [REQUEST_CACHE_1H] = s->cache_1h,
        [REQUEST_CACHE_READ] = s->cache_read,
        [REQUEST_WEB_SEARCHES] = s->web_searches,
        [REQUEST_TOOL_USES] = r->tool_uses,
        [REQUEST_CONTEXT] = s->context,
        [REQUEST_TAG] = row->tag,
    };
    struct oks_bytes *bytes = ctx;
    char buf[OKS_STAMP_TEXT];

    oks_bytes_text(bytes, i ? ",[" : "[");
    put_text(bytes, row->message_id);
    oks_bytes_put(bytes, ",", 1);
    put_text(bytes, row->request_id);
    oks_bytes_put(bytes, ",", 1);
    put_text(bytes, oks_stamp_text(r->stamp, buf));
    oks_bytes_put(bytes, ",", 1);
    put_key(bytes, r->key);
    for (unsigned k = 0; k < REQUEST_NUMBERS; k++) {
        oks_bytes_put(bytes, ",", 1);
        oks_bytes_number(bytes, number[k]);
    }
    oks_bytes_put(bytes, "]", 1);
    return bytes->error;
}

static void put_names(struct oks_bytes *bytes, const char *key, const struct oks_strings *names)
{
    oks_bytes_text(bytes, key);
    for (size_t i = 0; i < names->len; i++) {
        oks_bytes_text(bytes, i ? ",\"" : "\"");
        oks_bytes_raw(bytes, (struct oks_slice){names->items[i].ptr, names->items[i].len});
        oks_bytes_put(bytes, "\"", 1);
    }
    oks_bytes_put(bytes, "]", 1);
}

/* Responses that may still be going on: null, or a line of words. */
static void put_runs(struct oks_bytes *bytes, const struct request_runs *runs)
{
    char *text;

    oks_bytes_text(bytes, ",\"runs\":");
    if (request_runs_none(runs)) {
        oks_bytes_text(bytes, "null");
        return;
    }
    text = request_runs_text(runs);
    if (!text) {
        bytes->error = bytes->error ? bytes->error : -ENOMEM;
        return;
    }
    put_text(bytes, oks_slice_of(text));
    free(text);
}

void oks_cache_put_requests(struct oks_bytes *bytes, const struct oks_requests *requests)
{
    oks_bytes_text(bytes, ",\"requests\":{\"history\":");
    oks_bytes_number(bytes, requests_history(requests));
    oks_bytes_text(bytes, ",\"after\":");
    oks_bytes_number(bytes, requests_after(requests));
    put_runs(bytes, requests_runs(requests));
    put_names(bytes, ",\"models\":[", requests_model_names(requests));
    put_names(bytes, ",\"agents\":[", requests_agent_names(requests));
    put_names(bytes, ",\"tags\":[", requests_tag_names(requests));
    oks_bytes_text(bytes, ",\"rows\":[");
    requests_each_whole(requests, put_row, bytes);
    oks_bytes_text(bytes, "]}");
}

void oks_cache_row_of_version_4(struct oks_cache_row *row)
{
    enum { ADVISOR_4 = 1 << 2 };
    uint64_t *flags = &row->number[REQUEST_FLAGS];

    if (*flags & ADVISOR_4)
        *flags = (*flags & ~(uint64_t)ADVISOR_4) | OKS_PART_ADVISOR * PART;
    row->number[REQUEST_CONTEXT] = 0;
}

static struct oks_slice name_at(const struct oks_strings *names, uint64_t i)
{
    return (struct oks_slice){names->items[i].ptr, names->items[i].len};
}

int oks_cache_take_request(struct oks_requests *to, const struct oks_cache_row *from,
                           const struct oks_cache_names *names)
{
    const uint64_t *n = from->number;
    uint64_t flags = n[REQUEST_FLAGS];
    struct oks_slice agent = {0}, tag = {0};
    struct request_row row;
    int rc;

    if (flags >= FLAGS_END || (flags / PART & 7) >= OKS_PARTS || n[REQUEST_MODEL] >= names->models.len ||
        n[REQUEST_AGENT] > names->agents.len || n[REQUEST_TAG] >= names->tags.len + !names->tags.len ||
        n[REQUEST_LINE] > INT64_MAX || n[REQUEST_FIRST] > n[REQUEST_LINE])
        return OKS_CACHE_MISS;
    if (n[REQUEST_AGENT])
        agent = name_at(&names->agents, n[REQUEST_AGENT] - 1);
    if (names->tags.len)
        tag = name_at(&names->tags, n[REQUEST_TAG]);
    row = (struct request_row){
        .request =
            {
                .key = from->key,
                .stamp = oks_stamp_of(from->stamp),
                .tag = tag,
                .spend =
                    {
                        .input = n[REQUEST_INPUT],
                        .output = n[REQUEST_OUTPUT],
                        .cache_5m = n[REQUEST_CACHE_5M],
                        .cache_1h = n[REQUEST_CACHE_1H],
                        .cache_read = n[REQUEST_CACHE_READ],
                        .web_searches = n[REQUEST_WEB_SEARCHES],
                        .context = n[REQUEST_CONTEXT],
                        .speed = flags & FAST ? OKS_SPEED_FAST : OKS_SPEED_STANDARD,
                        .geo = flags & US ? OKS_GEO_US : OKS_GEO_ANY,
                        .tier = (enum oks_tier)(flags / TIER & 3),
                    },
                .tool_uses = n[REQUEST_TOOL_USES],
                .sidechain = flags & SIDECHAIN,
                .settled = flags & SETTLED,
                .doubtful = flags & DOUBTFUL,
                .free = flags & FREE,
                .part = (enum oks_part)(flags / PART & 7),
                .second_hand = flags & SECOND_HAND,
                .alias = flags & ALIAS,
                .restamped = flags & RESTAMPED,
            },
        .revision = (unsigned)(flags / REVISION),
        .history = n[REQUEST_HISTORY],
        .first = n[REQUEST_FIRST],
        .line = n[REQUEST_LINE],
        .message_id = from->message_id,
        .request_id = from->request_id,
    };
    rc = requests_append(to, &row, name_at(&names->models, n[REQUEST_MODEL]), agent);
    return rc == -EFBIG ? OKS_CACHE_MISS : rc;
}
