/*
 * Fuzzes compressed transcripts. Damaged frames are a bad file or a content, and nothing else; and a whole
 * file gives the same records as its content does without compression.
 *
 * The first byte of an input chooses: the rest is a file; or it is a content, which is compressed here in
 * some frames, because a fuzzer does not guess one; or that, with a byte of the frames changed, or cut. Four
 * bytes steer this.
 */
#include <sys/mman.h>
#include <zstd.h>

#include "files/unpack.h"
#include "fuzz_source.h"
#include <unistd.h>

enum { STEERING_BYTES = 4, CONTENT_MAX = 1 << 20 };

struct text {
    char *bytes;
    size_t len;
};

/* The content of the file in pieces of at most `piece` bytes. 0 or a negative errno */
static int unpack_all(int fd, size_t piece, struct text *out)
{
    struct unpack *unpack;
    char *buf = malloc(piece);
    ssize_t n;

    REQUIRE(buf && unpack_new(&unpack, fd) == 0);
    while ((n = unpack_read(unpack, buf, piece)) > 0) {
        REQUIRE((size_t)n <= piece);
        if (out->len + (size_t)n > CONTENT_MAX) { /* a small file may hold much */
            n = -EFBIG;
            break;
        }
        out->bytes = realloc(out->bytes, out->len + (size_t)n);
        memcpy(out->bytes + out->len, buf, (size_t)n);
        out->len += (size_t)n;
    }
    REQUIRE(n == 0 || n == -EBADMSG || n == -EFBIG);
    unpack_free(unpack);
    free(buf);
    return (int)n;
}

static struct text compressed(const uint8_t *data, size_t size, size_t frame, int level)
{
    struct text out = {0};

    do {
        size_t n = size < frame ? size : frame, room = ZSTD_compressBound(n), len;

        out.bytes = realloc(out.bytes, out.len + room);
        REQUIRE(out.bytes);
        len = ZSTD_compress(out.bytes + out.len, room, data, n, level);
        REQUIRE(!ZSTD_isError(len));
        out.len += len;
        data += n;
        size -= n;
    } while (size > 0);
    return out;
}

/* The records of a packed file, against those of its content, whose last line has ended. */
static void scan_both(int fd, const char *content, size_t len)
{
    char *bytes = malloc(len + 1);
    static struct oks_scanner *scanner;
    struct sums plain = {0}, packed = {0};
    const struct oks_sink sink = {.ctx = &packed, .record = on_record};
    struct oks_scan_result result;
    char *memo = NULL;
    uint64_t cursor;
    int rc;

    if (!scanner)
        REQUIRE(source_scanner_new(&scanner, OKS_ISA_AUTO, OKS_SOURCE_CODEX) == 0);
    REQUIRE(bytes);
    memcpy(bytes, content, len);
    bytes[len] = '\n';
    len += len > 0 && bytes[len - 1] != '\n';
    rc = scan(scanner, OKS_SOURCE_CODEX, bytes, len, 0, &memo, "", &plain, &cursor);
    free(memo);
    free(bytes);
    REQUIRE(source_scanner_set(scanner, OKS_SOURCE_CODEX, "", "") == 0);
    REQUIRE(oks_scanner_scan_packed(scanner, fd, &sink, NULL, &result) == rc);
    REQUIRE(memcmp(&plain, &packed, sizeof(plain)) == 0);
}

static void check(const void *file, size_t len, size_t piece, const struct text *content)
{
    struct text got = {0};
    int fd = memfd_create("fuzz", MFD_CLOEXEC), rc;

    REQUIRE(fd >= 0 && write(fd, file, len) == (ssize_t)len);
    rc = unpack_all(fd, piece, &got);
    if (content)
        REQUIRE(rc == 0 && got.len == content->len &&
                (!got.len || memcmp(got.bytes, content->bytes, got.len) == 0));
    if (rc == 0)
        scan_both(fd, got.bytes ? got.bytes : "", got.len);
    close(fd);
    free(got.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *rest = data + STEERING_BYTES;
    size_t len, piece;
    struct text file, content;

    if (size < STEERING_BYTES)
        return 0;
    len = size - STEERING_BYTES;
    piece = (size_t)data[1] * data[1] + 1;
    if (data[0] % 4 == 0) {
        check(rest, len, piece, NULL);
        return 0;
    }
    content = (struct text){(char *)(uintptr_t)rest, len};
    file = compressed(rest, len, (size_t)data[2] * 16 + 16, data[0] % 8 < 4 ? 1 : 9);
    if (data[0] % 4 == 2)
        file.bytes[file.len * data[3] / 256] ^= 0x55;
    if (data[0] % 4 == 3)
        check(file.bytes, file.len * data[3] / 256, piece, NULL);
    else
        check(file.bytes, file.len, piece, data[0] % 4 == 1 ? &content : NULL);
    free(file.bytes);
    return 0;
}
