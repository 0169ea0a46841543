/*
 * A state as the bytes of a cache file.
 *
 * The layout is okstra's own (schemaVersion 1) with one more key at its end, `okstrafs`, whose last member is
 * the SHA-256 of everything before it. The newline behind the last brace says that the file is as okstrafs
 * wrote it: Python's json.dumps writes none, so a file without one has passed through okstra's collector, and
 * its digest is void.
 *
 * Invariant: the same state always gives the same bytes, and cache_read.c takes exactly these.
 */
#include "base/fold.h"
#include "cache/cache_parts.h"

#include <errno.h>
#include <stdlib.h>

const struct oks_cache_key oks_cache_keys[OKS_COLUMNS] = {
    {"\"i\":", 4, OKS_INPUT},
    {"\"o\":", 4, OKS_OUTPUT},
    {"\"r\":", 4, OKS_CACHE_READ},
    {"\"c\":", 4, OKS_CACHE_CREATION},
    {"\"c5\":", 5, OKS_CACHE_CREATION_5M},
    {"\"c1\":", 5, OKS_CACHE_CREATION_1H},
    {"\"u\":", 4, OKS_TOOL_USES},
};

static void put_member(struct oks_bytes *bytes, const char *key, uint64_t value)
{
    oks_bytes_text(bytes, key);
    oks_bytes_number(bytes, value);
}

static void put_digest(struct oks_bytes *bytes, const uint8_t sha256[OKS_SHA256_BYTES])
{
    char hex[OKS_SHA256_HEX];

    oks_hex(sha256, OKS_SHA256_BYTES, hex);
    oks_bytes_put(bytes, "\"", 1);
    oks_bytes_put(bytes, hex, OKS_SHA256_HEX - 1);
    oks_bytes_put(bytes, "\"", 1);
}

static void put_nullable(struct oks_bytes *bytes, const char *text,
                         void (*put)(struct oks_bytes *bytes, struct oks_slice s))
{
    if (!text) {
        oks_bytes_text(bytes, "null");
        return;
    }
    oks_bytes_put(bytes, "\"", 1);
    put(bytes, oks_slice_of(text));
    oks_bytes_put(bytes, "\"", 1);
}

static void put_stamp(struct oks_bytes *bytes, struct oks_stamp stamp, bool first)
{
    char buf[OKS_STAMP_TEXT];

    if (oks_stamp_is_none(stamp))
        return;
    oks_bytes_text(bytes, first ? "\"t\":\"" : ",\"t\":\"");
    oks_bytes_json(bytes, oks_stamp_text(stamp, buf));
    oks_bytes_put(bytes, "\"", 1);
}

static int put_event(void *ctx, const struct oks_event *event)
{
    struct oks_bytes *bytes = ctx;
    bool first = true;

    oks_bytes_text(bytes, bytes->ptr && bytes->ptr[bytes->len - 1] == '[' ? "{" : ",{");
    for (unsigned i = 0; i < OKS_COLUMNS; i++) {
        const struct oks_cache_key *key = &oks_cache_keys[i];

        if (event->count[key->column] == 0)
            continue;
        if (!first)
            oks_bytes_put(bytes, ",", 1);
        oks_bytes_put(bytes, key->text, key->len);
        oks_bytes_number(bytes, event->count[key->column]);
        first = false;
    }
    put_stamp(bytes, event->stamp, first);
    oks_bytes_put(bytes, "}", 1);
    return bytes->error;
}

static void put_usage(struct oks_bytes *bytes, const struct oks_state *state)
{
    put_member(bytes, ",\"usage\":{\"offset\":", state->offset);
    oks_bytes_text(bytes, ",\"agentName\":");
    put_nullable(bytes, state->agent_name, oks_bytes_json);
    oks_bytes_text(bytes, ",\"model\":");
    put_nullable(bytes, state->model, oks_bytes_json);
    oks_bytes_text(bytes, ",\"events\":[");
    oks_events_each(state->events, put_event, bytes);
    oks_bytes_text(bytes, "]}");
}

/* The newest teams, oldest first: the collector drops from the front when it adds one of its own. */
static void put_needles(struct oks_bytes *bytes, const struct oks_strings *teams)
{
    size_t i = teams->len > OKS_CACHE_NEEDLES ? teams->len - OKS_CACHE_NEEDLES : 0;
    const char *before = "";

    oks_bytes_text(bytes, ",\"needles\":{");
    for (; i < teams->len; i++) {
        size_t len;
        char *folded = oks_name_fold((struct oks_slice){teams->items[i].ptr, teams->items[i].len}, &len);

        if (!folded) {
            bytes->error = bytes->error ? bytes->error : -ENOMEM;
            return;
        }
        oks_bytes_text(bytes, before);
        oks_bytes_text(bytes, "\"\\\"teamname\\\":\\\"");
        oks_bytes_json(bytes, (struct oks_slice){folded, len});
        oks_bytes_text(bytes, "\\\"\":{\"offset\":0,\"found\":true}");
        free(folded);
        before = ",";
    }
    oks_bytes_text(bytes, "}");
}

static void put_list(struct oks_bytes *bytes, const char *key, const struct oks_strings *list)
{
    oks_bytes_text(bytes, key);
    for (size_t i = 0; i < list->len; i++) {
        oks_bytes_text(bytes, i ? ",\"" : "\"");
        oks_bytes_raw(bytes, (struct oks_slice){list->items[i].ptr, list->items[i].len});
        oks_bytes_put(bytes, "\"", 1);
    }
    oks_bytes_put(bytes, "]", 1);
}

static void put_tail(struct oks_bytes *bytes, const struct oks_state *state)
{
    if (state->tail_len == 0) {
        oks_bytes_text(bytes, ",\"tail\":null");
        return;
    }
    put_member(bytes, ",\"tail\":{\"len\":", state->tail_len);
    oks_bytes_text(bytes, ",\"sha256\":");
    put_digest(bytes, state->tail_sha256);
    oks_bytes_put(bytes, "}", 1);
}

static void put_nullable_stamp(struct oks_bytes *bytes, const char *key, struct oks_stamp stamp)
{
    char buf[OKS_STAMP_TEXT];

    oks_bytes_text(bytes, key);
    if (oks_stamp_is_none(stamp)) {
        oks_bytes_text(bytes, "null");
        return;
    }
    oks_bytes_put(bytes, "\"", 1);
    oks_bytes_json(bytes, oks_stamp_text(stamp, buf));
    oks_bytes_put(bytes, "\"", 1);
}

static void put_models(struct oks_bytes *bytes, const char *key, const struct oks_models *models)
{
    oks_bytes_text(bytes, key);
    for (size_t i = 0; i < models->len; i++) {
        const struct oks_model *model = &models->items[i];

        oks_bytes_text(bytes, i ? ",{\"name\":\"" : "{\"name\":\"");
        oks_bytes_raw(bytes, oks_slice_of(model->name));
        put_member(bytes, "\",\"n\":", model->totals.events);
        put_member(bytes, ",\"stamped\":", model->totals.stamped);
        for (unsigned k = 0; k < OKS_COLUMNS; k++) {
            oks_bytes_put(bytes, ",", 1);
            oks_bytes_put(bytes, oks_cache_keys[k].text, oks_cache_keys[k].len);
            oks_bytes_number(bytes, model->totals.count[oks_cache_keys[k].column]);
        }
        put_nullable_stamp(bytes, ",\"first\":", model->totals.first);
        put_nullable_stamp(bytes, ",\"last\":", model->totals.last);
        oks_bytes_put(bytes, "}", 1);
    }
    oks_bytes_put(bytes, "]", 1);
}

static void put_tools(struct oks_bytes *bytes, const struct oks_tool_sets *tools)
{
    oks_bytes_text(bytes, ",\"tools\":[");
    for (size_t i = 0; i < tools->len; i++) {
        oks_bytes_text(bytes, i ? ",{\"names\":\"" : "{\"names\":\"");
        oks_bytes_raw(bytes, oks_slice_of(tools->items[i].text));
        put_member(bytes, "\",\"n\":", tools->items[i].events);
        put_member(bytes, ",\"calls\":", tools->items[i].calls);
        oks_bytes_put(bytes, "}", 1);
    }
    oks_bytes_put(bytes, "]", 1);
}

static void put_addition(struct oks_bytes *bytes, const struct oks_state *state)
{
    put_member(bytes, ",\"okstrafs\":{\"version\":", OKS_CACHE_ADDITION);
    put_member(bytes, ",\"offset\":", state->extra_offset);
    put_member(bytes, ",\"dev\":", state->dev);
    put_member(bytes, ",\"ino\":", state->ino);
    put_tail(bytes, state);
    put_member(bytes, ",\"lines\":", state->lines);
    put_member(bytes, ",\"bad\":", state->bad);
    put_member(bytes, ",\"odd\":", state->odd);
    oks_bytes_text(bytes, ",\"sessionId\":");
    put_nullable(bytes, state->session_id, oks_bytes_raw);
    put_list(bytes, ",\"teams\":[", &state->teams);
    put_list(bytes, ",\"cwds\":[", &state->cwds);
    put_list(bytes, ",\"compactions\":[", &state->compactions);
    put_models(bytes, ",\"models\":[", &state->models);
    put_models(bytes, ",\"tags\":[", &state->tags);
    put_tools(bytes, &state->tools);
    for (int l = 0; l < OKS_LABELS; l++)
        oks_cache_put_event_places(bytes, state, (enum oks_label)l);
    oks_cache_put_requests(bytes, state->requests);
    oks_bytes_text(bytes, ",\"label\":");
    put_nullable(bytes, state->label, oks_bytes_raw);
    oks_bytes_text(bytes, ",\"labelTeam\":");
    put_nullable(bytes, state->label_team, oks_bytes_raw);
    oks_bytes_text(bytes, ",\"memo\":");
    put_nullable(bytes, state->reader_state, oks_bytes_raw);
    put_member(bytes, ",\"events\":", oks_events_len(state->events));
}

static void put_seal(struct oks_bytes *bytes)
{
    uint8_t sha256[OKS_SHA256_BYTES];
    char hex[OKS_SHA256_HEX];

    oks_bytes_text(bytes, OKS_CACHE_SEAL);
    if (bytes->error)
        return;
    bytes->error = oks_sha256(bytes->ptr, bytes->len, sha256);
    if (bytes->error)
        return;
    oks_hex(sha256, OKS_SHA256_BYTES, hex);
    oks_bytes_text(bytes, hex);
    oks_bytes_text(bytes, OKS_CACHE_SEAL_END);
}

int oks_cache_render(const struct oks_state *state, char **out, size_t *len)
{
    struct oks_bytes bytes = {0};

    put_member(&bytes, "{\"schemaVersion\":", OKS_CACHE_SCHEMA);
    put_member(&bytes, ",\"identity\":{\"prefixLen\":", state->identity.len);
    oks_bytes_text(&bytes, ",\"sha256\":");
    put_digest(&bytes, state->identity.sha256);
    oks_bytes_put(&bytes, "}", 1);
    put_usage(&bytes, state);
    put_needles(&bytes, &state->teams);
    put_addition(&bytes, state);
    put_seal(&bytes);
    if (bytes.error) {
        free(bytes.ptr);
        return bytes.error;
    }
    *out = bytes.ptr;
    *len = bytes.len;
    return 0;
}
