/* Compressed files: what is in them, and that a torn, wrong or hostile one is bad and nothing more. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zstd.h>

#include "files/unpack.h"
#include "tap.h"

enum { CONTENT = 300000, ROOM = 1 << 20 };

static char content[CONTENT], packed[ROOM], got[ROOM];

/* Text that neither repeats at once nor is random. */
static void setup(void)
{
    unsigned seed = 1;

    for (size_t i = 0; i < CONTENT; i++)
        content[i] = (char)("abcdefgh\n"[rand_r(&seed) % 9]);
}

static int file_of(const char *bytes, size_t len)
{
    int fd = memfd_create("packed", MFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    return fd;
}

/* All of it in pieces of that size: how many bytes, or the error. */
static ssize_t read_all(const char *bytes, size_t len, size_t piece)
{
    int fd = file_of(bytes, len);
    struct unpack *unpack;
    size_t total = 0;
    ssize_t n;

    ck_assert_int_eq(unpack_new(&unpack, fd), 0);
    while ((n = unpack_read(unpack, got + total % (ROOM - piece), piece)) > 0)
        total += (size_t)n;
    unpack_free(unpack);
    close(fd);
    return n < 0 ? n : (ssize_t)total;
}

static size_t pack(char *to, const char *from, size_t len)
{
    size_t n = ZSTD_compress(to, ROOM / 2, from, len, 3);

    ck_assert(!ZSTD_isError(n));
    return n;
}

START_TEST(any_piece_gives_the_same)
{
    static const size_t pieces[] = {1, 7, 4096, 131072, 500000};
    size_t n = pack(packed, content, CONTENT);

    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        ck_assert_int_eq(read_all(packed, n, pieces[i]), CONTENT);
        ck_assert(memcmp(got, content, CONTENT) == 0);
    }
}
END_TEST

START_TEST(frames_in_a_row_are_one_content)
{
    size_t n = pack(packed, content, 1000);

    n += pack(packed + n, content + 1000, 0); /* an empty one */
    n += pack(packed + n, content + 1000, CONTENT - 1000);
    ck_assert_int_eq(read_all(packed, n, 5000), CONTENT);
    ck_assert(memcmp(got, content, CONTENT) == 0);
    ck_assert_int_eq(read_all(packed, pack(packed, content, 0), 10), 0);
}
END_TEST

START_TEST(a_torn_file_is_bad)
{
    size_t n = pack(packed, content, 2000);

    for (size_t len = 0; len < n; len++)
        ck_assert_int_eq(read_all(packed, len, 4096), -EBADMSG);
}
END_TEST

START_TEST(what_follows_a_frame_must_be_one)
{
    size_t n = pack(packed, content, 2000);

    memcpy(packed + n, "{}\n", 3);
    ck_assert_int_eq(read_all(packed, n + 3, 4096), -EBADMSG);
    ck_assert_int_eq(read_all(content, CONTENT, 4096), -EBADMSG); /* not packed at all */
}
END_TEST

/* No flipped bit is a crash, and with a checksum none is another content. */
START_TEST(a_wrong_file_is_bad)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    size_t n;

    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    n = ZSTD_compress2(context, packed, ROOM, content, 2000);
    ZSTD_freeCCtx(context);
    for (size_t bit = 0; bit < n * 8; bit += 3) {
        ssize_t rc;

        packed[bit / 8] ^= (char)(1 << bit % 8);
        rc = read_all(packed, n, 4096);
        packed[bit / 8] ^= (char)(1 << bit % 8);
        ck_assert(rc == -EBADMSG || (rc == 2000 && memcmp(got, content, 2000) == 0) || rc == 0);
    }
}
END_TEST

/* It would need memory that nobody bounds. */
START_TEST(a_window_has_a_bound)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    static char zeros[1000];
    ZSTD_outBuffer out = {packed, ROOM, 0};
    ZSTD_inBuffer in = {zeros, sizeof(zeros), 0};

    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    ck_assert(!ZSTD_isError(ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue)));
    in.pos = 0;
    while (ZSTD_compressStream2(context, &out, &in, ZSTD_e_end) != 0)
        ;
    ZSTD_freeCCtx(context);
    ck_assert_int_eq(read_all(packed, out.pos, 4096), -EBADMSG);
}
END_TEST

/* 256 MB of nothing in a few kilobytes. */
START_TEST(a_bomb_is_bad)
{
    size_t size = 256 << 20, n;
    char *zeros = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    ck_assert(zeros != MAP_FAILED);
    n = ZSTD_compress(packed, ROOM, zeros, size, 3);
    ck_assert(!ZSTD_isError(n) && n < 100000);
    munmap(zeros, size);
    ck_assert_int_eq(read_all(packed, n, 500000), -EBADMSG);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("unpack");

    setup();
    TEST(s, any_piece_gives_the_same);
    TEST(s, frames_in_a_row_are_one_content);
    TEST(s, a_torn_file_is_bad);
    TEST(s, what_follows_a_frame_must_be_one);
    TEST(s, a_wrong_file_is_bad);
    TEST(s, a_window_has_a_bound);
    TEST(s, a_bomb_is_bad);
    return tap_run(s);
}
