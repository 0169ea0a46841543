/*
 * Fuzzes the log of the history store. Whatever is in it, each file of it can be loaded; the store takes
 * more; and after it was written anew and read by another process it says the same.
 *
 * An input is a flag, and records: a byte for the kind, one for the path, one for the cursor that it
 * continues, two for the length of the state (little-endian), and the state up to its seal. Heads and seals
 * are made here, because a fuzzer does not guess a SHA-256. With an odd flag the rest of the input is the log
 * itself.
 */
#include "base/hash.h"
#include "base/text.h"
#include "cache/history_store.h"
#include "fuzz_home.h"
#include "history/requests.h"

static const char *const folders[] = {"okstrafs", "okstrafs/history", NULL};
static const char *const paths[] = {"/a/s.jsonl", "/a/t.jsonl", "/b", ""};

#define LOG      "okstrafs/history/log"
#define SEAL     ",\"sha256\":\""
#define SEAL_END "\"}}\n"

/* As in history_store.c. */
struct head {
    char mark[8];
    uint32_t order, kind, path_len, identity_len;
    uint64_t payload_len, from, offset, dev, ino;
    uint8_t identity[OKS_SHA256_BYTES], sha256[OKS_SHA256_BYTES];
};

static char log_bytes[1 << 20];
static size_t log_len;

static void put(const void *bytes, size_t n)
{
    if (n <= sizeof(log_bytes) - log_len) {
        memcpy(log_bytes + log_len, bytes, n);
        log_len += n;
    }
}

static void put_sealed(const uint8_t *bytes, size_t n)
{
    uint8_t sha256[OKS_SHA256_BYTES];
    char hex[OKS_SHA256_HEX];
    size_t at = log_len;

    put(bytes, n);
    put(SEAL, sizeof(SEAL) - 1);
    REQUIRE(oks_sha256(log_bytes + at, log_len - at, sha256) == 0);
    oks_hex(sha256, sizeof(sha256), hex);
    put(hex, sizeof(hex) - 1);
    put(SEAL_END, sizeof(SEAL_END) - 1);
}

/* The cursor that the state names, as a writer of the log would put it into the head. */
static uint64_t offset_in(const uint8_t *state, size_t n, uint64_t otherwise)
{
    static const char key[] = "\"usage\":{\"offset\":";
    const uint8_t *at = n ? memmem(state, n, key, sizeof(key) - 1) : NULL;
    uint64_t value = 0;

    if (!at)
        return otherwise;
    at += sizeof(key) - 1;
    return oks_digits((const char *)at, n - (size_t)(at - state), INT64_MAX, &value) ? value : otherwise;
}

/* Takes one record of the input; returns what is left of it. */
static size_t put_record(const uint8_t *data, size_t size, uint64_t *cursor)
{
    static const size_t around = sizeof(SEAL) - 1 + OKS_SHA256_HEX - 1 + sizeof(SEAL_END) - 1;
    const char *path = paths[data[1] % 4];
    size_t n = data[3] | (size_t)data[4] << 8, rest = size - 5;
    struct head h = {.mark = "\xffokshist", .order = 0x01020304, .kind = data[0] % 9};
    char covered[sizeof(h) + 64];

    n = n < rest ? n : rest;
    h.path_len = (uint32_t)strlen(path);
    h.payload_len = n ? n + around : 0;
    h.from = data[2] % 2 ? *cursor : data[2];
    h.offset = *cursor = offset_in(data + 5, n, data[2]);
    h.ino = data[1] / 4;
    memcpy(covered, &h, offsetof(struct head, sha256));
    memcpy(covered + offsetof(struct head, sha256), path, h.path_len);
    REQUIRE(oks_sha256(covered, offsetof(struct head, sha256) + h.path_len, h.sha256) == 0);
    put(&h, sizeof(h));
    put(path, h.path_len);
    if (n)
        put_sealed(data + 5, n);
    return rest - n;
}

/* What the store says of all files, as a number. */
struct sum {
    uint64_t hash;
};

static int add_event(void *ctx, const struct oks_event *event)
{
    struct sum *sum = ctx;

    for (int c = 0; c < OKS_COLUMNS; c++)
        sum->hash = (sum->hash ^ event->count[c]) * UINT64_C(0x100000001b3);
    for (int l = 0; l < OKS_LABELS; l++)
        sum->hash = (sum->hash ^ event->place[l]) * UINT64_C(0x100000001b3);
    return 0;
}

static int add_id(void *ctx, size_t i, uint64_t key, struct oks_slice message_id, struct oks_slice request_id)
{
    struct sum *sum = ctx;

    sum->hash = (sum->hash ^ key ^ i ^ message_id.len ^ request_id.len) * UINT64_C(0x100000001b3);
    return 0;
}

/* Under the store's lock. */
static int count_one(void *ctx, const char *path, const struct history_facts *facts)
{
    size_t *n = ctx;

    REQUIRE(path && (facts->live || facts->lost));
    ++*n;
    return 0;
}

static uint64_t sum_of(struct history_store *store)
{
    struct sum sum = {0};

    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        struct oks_state live, lost;
        struct history_facts facts;

        REQUIRE(oks_state_init(&live) == 0 && oks_state_init(&lost) == 0);
        history_store_facts(store, paths[i], &facts);
        sum.hash = (sum.hash ^ facts.live ^ facts.lost ^ facts.offset) * UINT64_C(0x100000001b3);
        REQUIRE(history_store_load(store, paths[i], &live, &lost) == 0);
        REQUIRE(oks_events_len(lost.events) == 0);
        oks_events_each(live.events, add_event, &sum);
        sum.hash = (sum.hash ^ requests_len(live.requests) ^ live.models.len) * UINT64_C(0x100000001b3);
        sum.hash = (sum.hash ^ requests_len(lost.requests)) * UINT64_C(0x100000001b3);
        REQUIRE(history_store_each_id(store, paths[i], 1, 9, add_id, &sum) == 0);
        oks_state_clear(&live);
        oks_state_clear(&lost);
    }
    return sum.hash;
}

static void add_more(struct history_store *store)
{
    struct oks_event event = {.stamp = OKS_STAMP_NONE, .count = {1}};
    struct oks_state state;

    REQUIRE(oks_state_init(&state) == 0);
    REQUIRE(oks_events_append(state.events, &event) == 0);
    state.offset = state.extra_offset = 7;
    REQUIRE(history_store_put(store, HISTORY_MORE, paths[0], &state) == 0);
    REQUIRE(history_store_put(store, HISTORY_WHOLE, paths[1], &state) == 0);
    REQUIRE(history_store_put(store, HISTORY_SHED, paths[2], NULL) == 0);
    oks_state_clear(&state);
}

static struct history_store *store_new(void)
{
    struct history_store *store;

    REQUIRE(history_store_new(&store, fuzz_home, true) == 0);
    REQUIRE(history_store_read(store) == 0);
    return store;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct history_store *store, *other;
    size_t n = 0;
    uint64_t cursor = 0, sum;

    if (size == 0)
        return 0;
    fuzz_home_begin(folders);
    log_len = 0;
    if (data[0] % 2)
        put(data + 1, size - 1);
    else
        for (size_t left = size - 1; left > 5;)
            left = put_record(data + size - left, left, &cursor);
    unlink(fuzz_path(LOG));
    fuzz_write(LOG, log_bytes, log_len, O_TRUNC);
    store = store_new();
    REQUIRE(history_store_each(store, count_one, &n) == 0);
    sum_of(store);
    add_more(store);
    sum = sum_of(store);
    REQUIRE(history_store_flush(store) == 0);
    REQUIRE(sum_of(store) == sum);
    other = store_new();
    REQUIRE(sum_of(other) == sum);
    REQUIRE(history_store_sync(store, true) == 0);
    REQUIRE(sum_of(store) == sum);
    REQUIRE(history_store_read(other) == 0);
    REQUIRE(sum_of(other) == sum);
    history_store_free(store);
    history_store_free(other);
    return 0;
}
