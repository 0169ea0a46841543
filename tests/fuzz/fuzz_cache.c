/*
 * Fuzzes the cache loader. Whatever stands in a cache file, loading it is a hit or a miss and nothing else; a
 * miss leaves the caller's state alone; and what was a hit is the same after it was saved and loaded again.
 *
 * An input is the content of a cache file. If it ends in a seal, the digest is made here, because a fuzzer
 * does not guess a SHA-256. Files live in a folder of this process under TMPDIR.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "base/hash.h"
#include "cache/cache.h"

static char root[4096];

static void remove_root(void)
{
    const char *const names[] = {"folder/in.json", "folder/out.json", "folder", ""};
    char path[sizeof(root) + 32];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", root, names[i]);
        remove(path);
    }
}

static struct oks_cache *cache_of(void)
{
    static struct oks_cache *cache;
    const char *base = getenv("TMPDIR");
    char folder[sizeof(root) + 32];

    if (cache)
        return cache;
    snprintf(root, sizeof(root), "%s/okstrafs-fuzz-XXXXXX", base ? base : "/tmp");
    REQUIRE(mkdtemp(root));
    atexit(remove_root);
    snprintf(folder, sizeof(folder), "%s/folder", root);
    REQUIRE(mkdir(folder, 0700) == 0);
    REQUIRE(oks_cache_new(&cache, root) == 0);
    return cache;
}

/* Puts the right digest into the seal of a file of ours. */
static void seal(uint8_t *bytes, size_t len)
{
    static const char before[] = ",\"sha256\":\"", behind[] = "\"}}\n";
    const size_t hex = OKS_SHA256_HEX - 1, end = sizeof(behind) - 1, start = sizeof(before) - 1;
    char digits[OKS_SHA256_HEX];
    uint8_t sha256[OKS_SHA256_BYTES];

    if (len < start + hex + end || memcmp(bytes + len - end, behind, end) != 0 ||
        memcmp(bytes + len - end - hex - start, before, start) != 0)
        return;
    REQUIRE(oks_sha256(bytes, len - end - hex, sha256) == 0);
    oks_hex(sha256, sizeof(sha256), digits);
    memcpy(bytes + len - end - hex, digits, hex);
}

static void place(const uint8_t *data, size_t size)
{
    char path[sizeof(root) + 32];
    uint8_t *bytes = malloc(size + 1);
    int fd;

    REQUIRE(bytes);
    memcpy(bytes, data, size);
    seal(bytes, size);

    snprintf(path, sizeof(path), "%s/folder/in.json", root);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
    free(bytes);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_strings(const struct oks_strings *a, const struct oks_strings *b)
{
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++)
        if (a->items[i].len != b->items[i].len ||
            memcmp(a->items[i].ptr, b->items[i].ptr, a->items[i].len) != 0)
            return false;
    return true;
}

struct pairing {
    const struct oks_events *other;
    size_t index;
};

struct pick {
    size_t index;
    struct oks_event event; /* a copy: the one shown lives only during the call */
};

static int pick_event(void *ctx, const struct oks_event *event)
{
    struct pick *pick = ctx;

    pick->event = *event;
    return pick->index-- == 0;
}

/* Quadratic, and so only for the small lists that a fuzzer makes. */
static int same_event(void *ctx, const struct oks_event *event)
{
    struct pairing *pairing = ctx;
    struct pick pick = {.index = pairing->index++};

    REQUIRE(oks_events_each(pairing->other, pick_event, &pick) == 1);
    REQUIRE(memcmp(event->count, pick.event.count, sizeof(event->count)) == 0);
    REQUIRE(memcmp(event->place, pick.event.place, sizeof(event->place)) == 0);
    REQUIRE(oks_stamp_is_none(event->stamp) == oks_stamp_is_none(pick.event.stamp));
    if (!oks_stamp_is_none(event->stamp))
        REQUIRE(oks_stamp_cmp(event->stamp, pick.event.stamp) == 0);
    return 0;
}

static void require_same(const struct oks_state *a, const struct oks_state *b)
{
    struct pairing pairing = {.other = b->events};

    REQUIRE(a->offset == b->offset && a->extra_offset == b->extra_offset);
    REQUIRE(a->identity.len == b->identity.len);
    REQUIRE(memcmp(a->identity.sha256, b->identity.sha256, sizeof(a->identity.sha256)) == 0);
    REQUIRE(same_text(a->agent_name, b->agent_name) && same_text(a->model, b->model));
    REQUIRE(a->dev == b->dev && a->ino == b->ino && a->tail_len == b->tail_len);
    REQUIRE(a->lines == b->lines && a->bad == b->bad && a->odd == b->odd);
    REQUIRE(same_text(a->session_id, b->session_id));
    REQUIRE(same_strings(&a->teams, &b->teams) && same_strings(&a->cwds, &b->cwds));
    REQUIRE(oks_events_len(a->events) == oks_events_len(b->events));
    if (oks_events_len(a->events) <= 1000)
        REQUIRE(oks_events_each(a->events, same_event, &pairing) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oks_cache *cache = cache_of();
    struct oks_state state, again;
    int r;

    place(data, size);
    REQUIRE(oks_state_init(&state) == 0 && oks_state_init(&again) == 0);
    state.lines = 4711;
    r = oks_cache_load(cache, "folder", "in", &state);
    REQUIRE(r == OKS_CACHE_HIT || r == OKS_CACHE_MISS);
    if (r == OKS_CACHE_MISS) {
        REQUIRE(state.lines == 4711 && state.offset == 0 && oks_events_len(state.events) == 0);
    } else {
        REQUIRE(oks_cache_save(cache, "folder", "out", &state) == 0);
        REQUIRE(oks_cache_load(cache, "folder", "out", &again) == OKS_CACHE_HIT);
        require_same(&state, &again);
    }
    oks_state_clear(&state);
    oks_state_clear(&again);
    return 0;
}
