/*
 * Fuzzes the start snapshot. Whatever is in it, a start finds all sessions, each document is written, and
 * what is appended later is added.
 *
 * An input is a flag, and entries of transcripts, each after its length (two bytes, little-endian). The table
 * of contents and the digests are made here. With an odd flag the size, the times and the head in an entry
 * are those of its file, so that the file counts as unchanged; else they are the input's. With flag 2 the
 * rest is the table of contents.
 */
#include "base/hash.h"
#include "base/text.h"
#include "fuzz_home.h"
#include "okstrafs/engine.h"
#include "okstrafs/stream.h"

enum { SESSIONS = 3 };

#define PROJECT "claude/projects/-p/"
#define INDEX   "okstra/cache/token-usage/.okstrafs/index"

static const char *const folders[] = {"claude",
                                      "claude/projects",
                                      PROJECT,
                                      "okstra",
                                      "okstra/cache",
                                      "okstra/cache/token-usage",
                                      "okstra/cache/token-usage/.okstrafs",
                                      NULL};
static const char line[] =
    "{\"type\":\"assistant\",\"sessionId\":\"s\",\"timestamp\":\"2026-06-10T01:00:00.000Z\",\"uuid\":"
    "\"u1\",\"message\":{\"id\":\"msg_01aaaaaaaaaaaaaaaaaaaaaa\",\"model\":\"claude-opus-4-7\","
    "\"usage\":{\"input_tokens\":5,\"output_tokens\":3}}}\n";

/* As in snapshot.c. */
struct footer {
    uint8_t sha256[OKS_SHA256_BYTES];
    uint64_t n, at, len, endian;
    char magic[16];
};

/* The beginning of an entry. */
struct __attribute__((packed)) start {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
    uint64_t offset, state_dev, state_ino, lines, bad, odd;
    uint32_t identity_len;
    uint8_t identity[OKS_SHA256_BYTES];
};

static const char *rel_of(unsigned i)
{
    static char rel[64];

    snprintf(rel, sizeof(rel), PROJECT "s%u.jsonl", i % SESSIONS);
    return rel;
}

static int64_t nanoseconds(struct timespec ts)
{
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void make_current(char *entry, unsigned i)
{
    char head[2 * sizeof(line)]; /* of a file of two lines or more */
    struct start s;
    struct stat st;

    snprintf(head, sizeof(head), "%s%s", line, line);
    memcpy(&s, entry, sizeof(s));
    REQUIRE(stat(fuzz_path(rel_of(i)), &st) == 0);
    s.dev = s.state_dev = st.st_dev;
    s.ino = s.state_ino = st.st_ino;
    s.size = s.offset = (uint64_t)st.st_size;
    s.mtime_ns = nanoseconds(st.st_mtim);
    s.ctime_ns = nanoseconds(st.st_ctim);
    s.identity_len = 256;
    REQUIRE(oks_sha256(head, 256, s.identity) == 0);
    memcpy(entry, &s, sizeof(s));
}

static void put_u32(struct oks_bytes *w, uint32_t n)
{
    oks_bytes_put(w, &n, sizeof(n));
}

static void put_u64(struct oks_bytes *w, uint64_t n)
{
    oks_bytes_put(w, &n, sizeof(n));
}

static void put_content(struct oks_bytes *contents, const struct oks_bytes *entries, size_t at, unsigned i)
{
    uint8_t sha256[OKS_SHA256_BYTES];
    const char *path = fuzz_path(rel_of(i));

    put_u32(contents, (uint32_t)strlen(path));
    oks_bytes_text(contents, path);
    put_u64(contents, at);
    put_u64(contents, entries->len - at);
    put_u64(contents, 1);
    REQUIRE(oks_sha256(entries->ptr + at, entries->len - at, sha256) == 0);
    oks_bytes_put(contents, sha256, sizeof(sha256));
}

static void place(const uint8_t *data, size_t size)
{
    struct footer f = {.endian = 0x01020304, .magic = "okstrafs index\n\13"};
    struct oks_bytes file = {0}, contents = {0};
    unsigned flag = *data++;

    size--;
    oks_bytes_reserve(&file, size + 1);
    for (; !(flag & 2) && size > 2; f.n++) {
        size_t n = data[0] | (size_t)data[1] << 8, at = file.len;

        n = n < size - 2 ? n : size - 2;
        oks_bytes_put(&file, data + 2, n);
        if (flag & 1 && n >= sizeof(struct start))
            make_current(file.ptr + at, (unsigned)f.n);
        put_content(&contents, &file, at, (unsigned)f.n);
        data += 2 + n;
        size -= 2 + n;
    }
    if (flag & 2) {
        oks_bytes_put(&contents, data, size);
        f.n = size / 60;
    }
    f.at = file.len;
    f.len = contents.len;
    REQUIRE(oks_sha256(contents.ptr ? contents.ptr : "", contents.len, f.sha256) == 0);
    oks_bytes_put(&file, contents.ptr ? contents.ptr : "", contents.len);
    oks_bytes_put(&file, &f, sizeof(f));
    REQUIRE(!file.error && !contents.error);
    fuzz_write(INDEX, file.ptr, file.len, O_TRUNC);
    free(file.ptr);
    free(contents.ptr);
}

static int ignore_line(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    REQUIRE(!bytes || (len > 0 && bytes[len - 1] == '\n'));
    return 0;
}

static void take(int rc, struct oks_document *document)
{
    REQUIRE(rc == 0 || rc == -ENOENT);
    if (rc < 0)
        return;
    REQUIRE(document->len > 0 && document->bytes[document->len - 1] == '\n');
    oks_document_clear(document);
}

static void read_session(struct oks_engine *e, const char *name)
{
    struct oks_target target = {.kind = OKS_SESSION, .name = name};
    struct oks_stream_cursor cursor = {0};
    struct oks_document document;
    int64_t mtime_ns;

    take(oks_document_usage(e, &target, NULL, &document), &document);
    take(oks_document_context(e, &target, &document), &document);
    take(oks_document_ledger(e, &target, &document), &document);
    REQUIRE(oks_stream_next(e, &target, &cursor, ignore_line, NULL, &mtime_ns) <= OKS_STREAM_STARTED_OVER);
}

static void read_all(struct oks_engine *e)
{
    static const struct oks_target all = {.kind = OKS_ALL};
    struct oks_document document;
    struct oks_window window;

    REQUIRE(oks_engine_sync(e, &all, false, NULL) == 0);
    REQUIRE(oks_window_parse(oks_slice_of("2026-06-10T01:00Z_2026-06-10T02:00Z.json"), NULL, 0, &window) ==
            0);
    take(oks_document_usage(e, &all, &window, &document), &document);
    for (int by = OKS_STATS_BY_MODEL; by <= OKS_STATS_BLOCKS; by++) {
        take(oks_document_stats(e, by, NULL, 0, &document), &document);
        take(oks_document_stats(e, by, &window, 0, &document), &document);
    }
    for (unsigned i = 0; i < SESSIONS; i++) {
        char name[16];

        snprintf(name, sizeof(name), "s%u", i);
        read_session(e, name);
    }
    take(oks_document_status(e, &document), &document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char claude[PATH_MAX + 16], okstra[PATH_MAX + 16], none[PATH_MAX + 16];
    const char *dirs[] = {claude, NULL}, *empty[] = {none, NULL};
    struct oks_config config = {.okstra_home = okstra,
                                .dirs[OKS_SOURCE_CLAUDE] = dirs,
                                .dirs[OKS_SOURCE_CODEX] = empty,
                                .dirs[OKS_SOURCE_GEMINI] = empty,
                                .revalidate = OKS_REVALIDATE_STAT};
    struct oks_engine *e;

    if (size == 0)
        return 0;
    if (fuzz_home_begin(folders)) {
        snprintf(claude, sizeof(claude), "%s/claude", fuzz_home);
        snprintf(okstra, sizeof(okstra), "%s/okstra", fuzz_home);
        snprintf(none, sizeof(none), "%s/none", fuzz_home);
    }
    for (unsigned i = 0; i < SESSIONS; i++) {
        fuzz_write(rel_of(i), line, sizeof(line) - 1, O_TRUNC);
        fuzz_write(rel_of(i), line, sizeof(line) - 1, O_APPEND);
    }
    place(data, size);
    REQUIRE(oks_engine_new(&e, &config) == 0);
    read_all(e);
    for (unsigned i = 0; i < SESSIONS; i++)
        fuzz_write(rel_of(i), line, sizeof(line) - 1, O_APPEND);
    read_all(e);
    oks_engine_free(e);
    return 0;
}
