/*
 * A file that was written here, read back.
 *
 * A program that starts over ten thousand caches must not build ten thousand trees. Once the seal holds, the
 * bytes are known to be what cache_write.c wrote, so this reader follows that one layout literally, key by
 * key, and takes strings where they lie. It is strict all the same: bounds are checked, and the smallest
 * surprise (another version wrote the file, say) ends in a miss.
 *
 * Invariants: the first failure sticks in `error` and every later step does nothing; p never passes end, and
 * *end is 0, so that one byte may always be looked at.
 */
#include "cache/cache_parts.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "history/requests.h"

#define REQUESTS ",\"requests\":{\"history\":"

struct reader {
    char *p;
    char *end;
    int error;        /* 0, OKS_CACHE_MISS or -ENOMEM */
    uint64_t oldest;  /* version of the key `okstrafs` that is read */
    uint64_t version; /* of the one that is being read */
};

/*
 * What version 4 lacks: the team of a label, the parts of responses, and their runs. What version 5 lacks:
 * the models of events. What version 6 lacks: tags and tools.
 */
enum { LABEL_TEAM_SINCE = 5, PARTS_SINCE = 5, EVENT_MODELS_SINCE = 6, TAGS_SINCE = 7 };

bool oks_cache_sealed(const char *bytes, size_t len)
{
    const size_t seal = sizeof(OKS_CACHE_SEAL) - 1, last = sizeof(OKS_CACHE_SEAL_END) - 1;
    const size_t hex = OKS_SHA256_HEX - 1;
    uint8_t sha256[OKS_SHA256_BYTES];
    char digits[OKS_SHA256_HEX];
    size_t covered;

    if (len < seal + hex + last)
        return false;
    covered = len - hex - last;
    if (memcmp(bytes + len - last, OKS_CACHE_SEAL_END, last) != 0 ||
        memcmp(bytes + covered - seal, OKS_CACHE_SEAL, seal) != 0 || oks_sha256(bytes, covered, sha256) < 0)
        return false;
    oks_hex(sha256, sizeof(sha256), digits);
    return memcmp(bytes + covered, digits, hex) == 0;
}

static void fail(struct reader *r, int error)
{
    if (!r->error)
        r->error = error;
}

static bool take(struct reader *r, const char *text, size_t len)
{
    if (r->error || (size_t)(r->end - r->p) < len || memcmp(r->p, text, len) != 0)
        return false;
    r->p += len;
    return true;
}

static void want(struct reader *r, const char *text)
{
    if (!take(r, text, strlen(text)))
        fail(r, OKS_CACHE_MISS);
}

static uint64_t number(struct reader *r, uint64_t max)
{
    uint64_t value = 0;
    size_t n = r->error ? 0 : oks_digits(r->p, (size_t)(r->end - r->p), max, &value);

    if (n == 0)
        fail(r, OKS_CACHE_MISS);
    r->p += n;
    return value;
}

static uint64_t member(struct reader *r, const char *key, uint64_t max)
{
    want(r, key);
    return number(r, max);
}

static void digest(struct reader *r, uint8_t out[OKS_SHA256_BYTES])
{
    const size_t hex = OKS_SHA256_HEX - 1;

    want(r, "\"");
    if (r->error)
        return;
    if ((size_t)(r->end - r->p) < hex || !oks_unhex(r->p, out, OKS_SHA256_BYTES))
        fail(r, OKS_CACHE_MISS);
    else
        r->p += hex;
    want(r, "\"");
}

/* The character of an escape at p[0] = '\\' as the writer spells it; the bytes it takes, 0 where it is none.
 */
static size_t unescape(const char *p, size_t n, char *out)
{
    static const char from[] = "\"\\btnfr", to[] = "\"\\\b\t\n\f\r";
    const char *at = n >= 2 && p[1] ? strchr(from, p[1]) : NULL;
    uint8_t code;

    if (at) {
        *out = to[at - from];
        return 2;
    }
    if (n < 6 || memcmp(p, "\\u00", 4) != 0 || !oks_unhex(p + 4, &code, 1) || code >= 0x20)
        return 0;
    *out = (char)code;
    return 6;
}

/* The rest of a string from its first escape on, moved down in place over the escapes. */
static char *decode_rest(struct reader *r)
{
    char *to = r->p;

    while (*r->p != '"') {
        size_t n = 1;

        if (*r->p == '\\')
            n = unescape(r->p, (size_t)(r->end - r->p), to);
        else if ((unsigned char)*r->p < 0x20)
            n = 0; /* the end, too */
        else
            *to = *r->p;
        if (n == 0) {
            fail(r, OKS_CACHE_MISS);
            break;
        }
        to++;
        r->p += n;
    }
    return to;
}

/* A string with its quotes. The slice lies in the buffer and is valid UTF-8. */
static struct oks_slice string(struct reader *r)
{
    struct oks_slice s = {"", 0};
    unsigned char all = 0;
    char *start, *stop;

    want(r, "\"");
    if (r->error)
        return s;
    for (start = r->p; *r->p != '"' && *r->p != '\\' && (unsigned char)*r->p >= 0x20; r->p++)
        all |= (unsigned char)*r->p;
    stop = r->p;
    if (*r->p != '"') {
        stop = decode_rest(r);
        all = 0x80;
    }
    want(r, "\"");
    s = (struct oks_slice){start, (size_t)(stop - start)};
    if (all >= 0x80 && !r->error && !oks_utf8_valid(s))
        fail(r, OKS_CACHE_MISS);
    return s;
}

/* A string of arbitrary bytes. */
static struct oks_slice raw(struct reader *r)
{
    struct oks_slice s = string(r);

    if (!r->error && s.len > 0 && oks_unraw((char *)s.ptr, &s.len) < 0)
        fail(r, OKS_CACHE_MISS);
    return s;
}

static void nullable(struct reader *r, const char *key, struct oks_slice (*value)(struct reader *r),
                     char **out)
{
    struct oks_slice s;

    want(r, key);
    if (take(r, "null", 4))
        return;
    s = value(r);
    if (r->error)
        return;
    *out = oks_slice_copy(s);
    if (!*out)
        fail(r, -ENOMEM);
}

static void event(struct reader *r, struct oks_events *events)
{
    struct oks_event event = {.stamp = OKS_STAMP_NONE};
    bool more;

    want(r, "{");
    more = !r->error && *r->p != '}';
    for (unsigned i = 0; more && i < OKS_COLUMNS; i++) {
        const struct oks_cache_key *key = &oks_cache_keys[i];

        if (!take(r, key->text, key->len))
            continue;
        event.count[key->column] = number(r, OKS_TOKENS_MAX);
        more = take(r, ",", 1);
    }
    if (more) {
        want(r, "\"t\":");
        event.stamp = oks_stamp_of(string(r));
    }
    want(r, "}");
    if (!r->error && oks_events_append(events, &event) < 0)
        fail(r, -ENOMEM);
}

static void usage(struct reader *r, struct oks_state *state)
{
    state->offset = member(r, ",\"usage\":{\"offset\":", INT64_MAX);
    nullable(r, ",\"agentName\":", string, &state->agent_name);
    nullable(r, ",\"model\":", string, &state->model);
    want(r, ",\"events\":[");
    if (!r->error && *r->p != ']')
        do
            event(r, state->events);
        while (take(r, ",", 1));
    want(r, "]}");
}

/* They say again what `teams` says; only their form matters here. */
static void needles(struct reader *r)
{
    want(r, ",\"needles\":{");
    if (!r->error && *r->p != '}')
        do {
            string(r);
            want(r, ":{\"offset\":0,\"found\":true}");
        } while (take(r, ",", 1));
    want(r, "}");
}

typedef int add_fn(struct oks_strings *strings, struct oks_slice s, size_t max);

static void list(struct reader *r, const char *key, add_fn *add, struct oks_strings *out, size_t max)
{
    want(r, key);
    if (!r->error && *r->p != ']')
        do {
            struct oks_slice s = raw(r);
            int added = r->error ? 0 : add(out, s, max);

            if (added != 0)
                fail(r, added == -ENOMEM ? -ENOMEM : OKS_CACHE_MISS);
        } while (take(r, ",", 1));
    want(r, "]");
}

static void covered_tail(struct reader *r, struct oks_state *state)
{
    want(r, ",\"tail\":");
    if (take(r, "null", 4))
        return;
    state->tail_len = (uint32_t)member(r, "{\"len\":", UINT32_MAX);
    want(r, ",\"sha256\":");
    digest(r, state->tail_sha256);
    want(r, "}");
}

/* null, or a canonical stamp. */
static struct oks_stamp span_end(struct reader *r, const char *key)
{
    struct oks_stamp stamp = OKS_STAMP_NONE;

    want(r, key);
    if (take(r, "null", 4))
        return stamp;
    stamp = oks_stamp_of(string(r));
    if (!r->error && stamp.key >= OKS_STAMP_KEY_TEXT)
        fail(r, OKS_CACHE_MISS);
    return stamp;
}

static void model(struct reader *r, struct oks_models *models)
{
    struct oks_totals totals = OKS_TOTALS_NONE;
    struct oks_slice name;
    size_t before = models->len;

    want(r, "{\"name\":");
    name = raw(r);
    totals.events = member(r, ",\"n\":", OKS_TOKENS_MAX);
    totals.stamped = member(r, ",\"stamped\":", OKS_TOKENS_MAX);
    for (unsigned k = 0; k < OKS_COLUMNS; k++) {
        want(r, ",");
        totals.count[oks_cache_keys[k].column] = member(r, oks_cache_keys[k].text, OKS_TOKENS_MAX);
    }
    totals.first = span_end(r, ",\"first\":");
    totals.last = span_end(r, ",\"last\":");
    want(r, "}");
    if (!r->error && oks_models_add(models, name, &totals, NULL) < 0)
        fail(r, -ENOMEM);
    else if (!r->error && models->len != before + 1)
        fail(r, OKS_CACHE_MISS);
}

static void models(struct reader *r, const char *key, struct oks_models *out)
{
    want(r, key);
    if (!r->error && *r->p != ']')
        do
            model(r, out);
        while (take(r, ",", 1));
    want(r, "]");
}

static void tool_set(struct reader *r, struct oks_tool_sets *out)
{
    size_t before = out->len;
    struct oks_slice text;
    uint64_t events, calls;

    want(r, "{\"names\":");
    text = raw(r);
    events = member(r, ",\"n\":", OKS_TOKENS_MAX);
    calls = member(r, ",\"calls\":", OKS_TOKENS_MAX);
    want(r, "}");
    if (!r->error && oks_tool_sets_add(out, text, events, calls, NULL) < 0)
        fail(r, -ENOMEM);
    else if (!r->error && out->len != before + 1)
        fail(r, OKS_CACHE_MISS);
}

static void tools(struct reader *r, struct oks_tool_sets *out)
{
    want(r, ",\"tools\":[");
    if (!r->error && *r->p != ']')
        do
            tool_set(r, out);
        while (take(r, ",", 1));
    want(r, "]");
}

static void event_places(struct reader *r, struct oks_state *state, enum oks_label label)
{
    struct oks_event_places m = {0};
    int rc;

    want(r, oks_cache_event_keys[label]);
    if (!r->error && *r->p != ']')
        do {
            rc = oks_cache_take_event_place(&m, false, number(r, INT64_MAX));
            want(r, ",");
            rc = rc == 0 ? oks_cache_take_event_place(&m, true, number(r, OKS_PLACE_UNKNOWN)) : rc;
            if (rc != 0)
                fail(r, rc);
        } while (take(r, ",", 1));
    want(r, "]");
    rc = r->error ? 0 : oks_cache_assign_event_places(&m, state, label);
    free(m.runs);
    if (rc != 0)
        fail(r, rc);
}

static uint8_t unknown(void *ctx)
{
    (void)ctx;
    return OKS_PLACE_UNKNOWN;
}

/* Before version 6: with one model they are of that one. */
static void models_not_known(struct reader *r, struct oks_state *state)
{
    if (!r->error && state->models.len > 1 &&
        oks_events_set_places(&state->events, OKS_LABEL_MODEL, unknown, NULL) < 0)
        fail(r, -ENOMEM);
}

/* Before version 7: all is of one tag and of one set of tools, those that are not known. */
static void tags_not_known(struct reader *r, struct oks_state *state)
{
    for (size_t i = 0; !r->error && i < state->models.len; i++) {
        const struct oks_totals *totals = &state->models.items[i].totals;

        if (oks_models_add(&state->tags, OKS_SLICE(""), totals, NULL) < 0 ||
            oks_tool_sets_add(&state->tools, OKS_SLICE(""), totals->events, totals->count[OKS_TOOL_USES],
                              NULL) < 0)
            fail(r, -ENOMEM);
    }
}

static void labels(struct reader *r, struct oks_state *state)
{
    models(r, ",\"models\":[", &state->models);
    if (r->version >= TAGS_SINCE) {
        models(r, ",\"tags\":[", &state->tags);
        tools(r, &state->tools);
    } else {
        tags_not_known(r, state);
    }
    if (r->version >= EVENT_MODELS_SINCE)
        event_places(r, state, OKS_LABEL_MODEL);
    else
        models_not_known(r, state);
    if (r->version >= TAGS_SINCE) {
        event_places(r, state, OKS_LABEL_TAG);
        event_places(r, state, OKS_LABEL_TOOLS);
    }
}

static struct oks_slice text_or_null(struct reader *r)
{
    return take(r, "null", 4) ? (struct oks_slice){0} : raw(r);
}

static uint64_t request_key(struct reader *r)
{
    uint64_t key = 0;
    uint8_t big[8];

    want(r, "\"");
    if (r->error || (size_t)(r->end - r->p) < 16 || !oks_unhex(r->p, big, sizeof(big))) {
        fail(r, OKS_CACHE_MISS);
        return 0;
    }
    r->p += 16;
    want(r, "\"");
    for (size_t i = 0; i < sizeof(big); i++)
        key = key << 8 | big[i];
    return key;
}

/* What fn returns is the reader's error. */
typedef int row_fn(void *ctx, const struct oks_cache_row *row);

static void request(struct reader *r, row_fn *fn, void *ctx)
{
    unsigned n = r->version < PARTS_SINCE  ? REQUEST_CONTEXT
                 : r->version < TAGS_SINCE ? REQUEST_TAG
                                           : REQUEST_NUMBERS;
    struct oks_cache_row row = {0};
    int rc;

    want(r, "[");
    row.message_id = text_or_null(r);
    want(r, ",");
    row.request_id = text_or_null(r);
    want(r, ",");
    row.stamp = text_or_null(r);
    want(r, ",");
    row.key = request_key(r);
    for (unsigned i = 0; i < n; i++) {
        want(r, ",");
        row.number[i] = number(r, OKS_TOKENS_MAX);
    }
    want(r, "]");
    if (r->version < PARTS_SINCE)
        oks_cache_row_of_version_4(&row);
    rc = r->error ? 0 : fn(ctx, &row);
    if (rc != 0)
        fail(r, rc);
}

struct taking {
    struct oks_requests *to; /* NULL: rows are only looked at */
    struct oks_cache_names names;
};

static void runs(struct reader *r, struct oks_requests *to)
{
    char *text = NULL;

    nullable(r, ",\"runs\":", raw, &text);
    if (to && text)
        request_runs_read(requests_edit_runs(to), text);
    free(text);
}

static void requests(struct reader *r, struct taking *taking, row_fn *fn, void *ctx)
{
    uint64_t history = member(r, REQUESTS, INT64_MAX), after = member(r, ",\"after\":", INT64_MAX);

    if (r->version >= PARTS_SINCE)
        runs(r, taking->to);
    if (taking->to)
        requests_set_history(taking->to, history, after);
    list(r, ",\"models\":[", oks_strings_add, &taking->names.models, REQUEST_NAMES_MAX);
    list(r, ",\"agents\":[", oks_strings_add, &taking->names.agents, REQUEST_NAMES_MAX);
    if (r->version >= TAGS_SINCE)
        list(r, ",\"tags\":[", oks_strings_add, &taking->names.tags, REQUEST_NAMES_MAX);
    want(r, ",\"rows\":[");
    if (!r->error && *r->p != ']')
        do
            request(r, fn, ctx);
        while (take(r, ",", 1));
    want(r, "]}");
    oks_strings_clear(&taking->names.models);
    oks_strings_clear(&taking->names.agents);
    oks_strings_clear(&taking->names.tags);
}

static int take_row(void *ctx, const struct oks_cache_row *row)
{
    const struct taking *taking = ctx;

    return oks_cache_take_request(taking->to, row, &taking->names);
}

static void addition(struct reader *r, struct oks_state *state)
{
    struct taking taking = {.to = state->requests};

    r->version = member(r, ",\"okstrafs\":{\"version\":", INT64_MAX);
    if (r->version < r->oldest || r->version > OKS_CACHE_ADDITION)
        fail(r, OKS_CACHE_MISS);
    state->extra_offset = member(r, ",\"offset\":", INT64_MAX);
    state->dev = member(r, ",\"dev\":", UINT64_MAX);
    state->ino = member(r, ",\"ino\":", UINT64_MAX);
    covered_tail(r, state);
    state->lines = member(r, ",\"lines\":", INT64_MAX);
    state->bad = member(r, ",\"bad\":", INT64_MAX);
    state->odd = member(r, ",\"odd\":", INT64_MAX);
    nullable(r, ",\"sessionId\":", raw, &state->session_id);
    list(r, ",\"teams\":[", oks_strings_add_folded, &state->teams, OKS_TEAMS_MAX);
    list(r, ",\"cwds\":[", oks_strings_add, &state->cwds, OKS_CWDS_MAX);
    list(r, ",\"compactions\":[", oks_strings_add, &state->compactions, OKS_COMPACTIONS_MAX);
    labels(r, state);
    requests(r, &taking, take_row, &taking);
    nullable(r, ",\"label\":", raw, &state->label);
    if (r->version >= LABEL_TEAM_SINCE)
        nullable(r, ",\"labelTeam\":", raw, &state->label_team);
    nullable(r, ",\"memo\":", raw, &state->reader_state);
    if (member(r, ",\"events\":", INT64_MAX) != oks_events_len(state->events))
        fail(r, OKS_CACHE_MISS);
}

static int parse(char *bytes, size_t len, uint64_t oldest, struct oks_state *state)
{
    struct reader r = {bytes, bytes + len, 0, oldest, 0};

    if (member(&r, "{\"schemaVersion\":", INT64_MAX) != OKS_CACHE_SCHEMA)
        fail(&r, OKS_CACHE_MISS);
    state->identity.len = (uint32_t)member(&r, ",\"identity\":{\"prefixLen\":", OKS_IDENTITY_PREFIX);
    want(&r, ",\"sha256\":");
    digest(&r, state->identity.sha256);
    want(&r, "}");
    usage(&r, state);
    needles(&r);
    addition(&r, state);
    want(&r, OKS_CACHE_SEAL);
    if (!r.error && (size_t)(r.end - r.p) != OKS_SHA256_HEX - 1 + sizeof(OKS_CACHE_SEAL_END) - 1)
        fail(&r, OKS_CACHE_MISS);
    return r.error;
}

int oks_cache_parse_ours(char *bytes, size_t len, struct oks_state *state)
{
    return parse(bytes, len, OKS_CACHE_ADDITION, state);
}

int oks_cache_parse_kept(char *bytes, size_t len, struct oks_state *state)
{
    return oks_cache_sealed(bytes, len) ? parse(bytes, len, OKS_CACHE_OLDEST, state) : OKS_CACHE_MISS;
}

struct looking {
    size_t next, from, to;
    request_id_fn *fn;
    void *ctx;
    int rc; /* of fn */
};

enum { ENOUGH = 2 }; /* an error of the reader that is none */

static int look_at_row(void *ctx, const struct oks_cache_row *row)
{
    struct looking *l = ctx;
    size_t i = l->next++;

    if (i >= l->to)
        return ENOUGH;
    l->rc = i < l->from ? 0 : l->fn(l->ctx, i, row->key, row->message_id, row->request_id);
    return l->rc ? ENOUGH : 0;
}

int oks_cache_parse_ids(char *bytes, size_t len, size_t from, size_t to, request_id_fn *fn, void *ctx)
{
    /* In a string of a JSON text its quotes would be escaped. */
    char *at = memmem(bytes, len, REQUESTS, sizeof(REQUESTS) - 1);
    struct looking looking = {.from = from, .to = to, .fn = fn, .ctx = ctx};
    struct reader r = {at, bytes + len, 0, 0, OKS_CACHE_ADDITION};
    struct taking none = {0};

    if (!at)
        return OKS_CACHE_MISS;
    requests(&r, &none, look_at_row, &looking);
    return r.error == ENOUGH ? looking.rc : r.error;
}
