/*
 * Fuzzes the table of a pack: whatever is in it, entries are hits or misses, and each that is listed can be
 * looked at and removed.
 *
 * An input is a byte with the number of entries, two with the length of their bytes (little-endian), these,
 * and the table. The footer is made here, because a fuzzer does not guess a SHA-256.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "cache/cache.h"
#include "fuzz.h"

static char root[4096];

static void remove_root(void)
{
    const char *const names[] = {".okstrafs/pack-00000001", ".okstrafs", ""};
    char path[sizeof(root) + 32];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", root, names[i]);
        remove(path);
    }
}

static void make_root(void)
{
    const char *base = getenv("TMPDIR");
    char folder[sizeof(root) + 32];

    if (*root)
        return;
    snprintf(root, sizeof(root), "%s/okstrafs-fuzz-XXXXXX", base ? base : "/tmp");
    REQUIRE(mkdtemp(root));
    atexit(remove_root);
    snprintf(folder, sizeof(folder), "%s/.okstrafs", root);
    REQUIRE(mkdir(folder, 0700) == 0);
}

/* As in cache_pack.c. */
struct footer {
    uint8_t sha256[OKS_SHA256_BYTES];
    uint64_t n, at, len, endian;
    char magic[16];
};

static void place(const uint8_t *data, size_t size)
{
    struct footer f = {.endian = 0x01020304, .magic = "okstrafs pack\n\1"};
    uint8_t flags[256] = {0};
    char path[sizeof(root) + 32];
    int fd;

    f.n = data[0];
    f.at = data[1] | (uint64_t)data[2] << 8;
    data += 3;
    size -= 3;
    f.at = f.at < size ? f.at : size;
    f.len = size - f.at;
    REQUIRE(oks_sha256(data + f.at, f.len, f.sha256) == 0);
    snprintf(path, sizeof(path), "%s/.okstrafs/pack-00000001", root);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size && write(fd, flags, f.n) == (ssize_t)f.n &&
            write(fd, &f, sizeof(f)) == (ssize_t)sizeof(f));
    close(fd);
}

static int look(void *ctx, const char *folder, const char *name)
{
    struct oks_cache *cache = ctx;
    struct oks_state state;
    struct stat st;
    int rc;

    REQUIRE(oks_state_init(&state) == 0);
    rc = oks_cache_load(cache, folder, name, &state);
    REQUIRE(rc == OKS_CACHE_HIT || rc == OKS_CACHE_MISS);
    oks_state_clear(&state);
    rc = oks_cache_entry_stat(cache, folder, name, &st);
    if (rc == 0) /* a name that is no single component has no entry */
        REQUIRE(oks_cache_remove(cache, folder, name) <= 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oks_cache *cache;

    if (size < 3)
        return 0;
    make_root();
    place(data, size);
    REQUIRE(oks_cache_new(&cache, root) == 0);
    REQUIRE(oks_cache_list(cache, look, cache) == 0);
    oks_cache_free(cache);
    return 0;
}
