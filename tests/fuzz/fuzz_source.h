/*
 * Fuzzes a source that remembers: every instruction set must deliver what the scalar path does, and a
 * transcript that is scanned in two pieces, with only the memo in between, must come to what it comes to in
 * one. Whether that is right is the business of test_sources.py.
 *
 * The first two bytes of an input steer: where the transcript is cut, and whether what stands before the cut
 * is a peer's as well (a fork then repeats it). The rest is the transcript.
 */
#ifndef OKSTRAFS_TESTS_FUZZ_SOURCE_H
#define OKSTRAFS_TESTS_FUZZ_SOURCE_H

#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "scan/scanner.h"
#include "sources/source.h"
#include "history/totals.h"

enum { STEERING = 2 };

struct sums {
    uint64_t count[OKS_COLUMNS];
    uint64_t requests;
    uint64_t records; /* a hash of all that was delivered */
};

static void mix(struct sums *sums, struct oks_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        sums->records = (sums->records ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3);
    sums->records = (sums->records ^ (s.ptr ? 256 : 257)) * UINT64_C(0x100000001b3);
}

static int on_record(void *ctx, const struct oks_record *r, bool complete)
{
    const struct oks_usage *u = &r->message.usage;
    const uint64_t all[OKS_COLUMNS] = {
        u->input,      u->output,   u->cache_creation, u->cache_creation_5m, u->cache_creation_1h,
        u->cache_read, r->tool_uses};
    struct sums *sums = ctx;
    char stamp[OKS_STAMP_TEXT];

    mix(sums, oks_stamp_text(oks_record_stamp(r), stamp));
    mix(sums, r->session_id);
    mix(sums, r->message.model);
    mix(sums, r->message.id);
    for (int i = 0; i < OKS_COLUMNS; i++) {
        uint64_t counted = r->counted ? r->counted[i] : 0;

        REQUIRE(all[i] <= OKS_TOKENS_MAX);
        sums->records = (sums->records ^ all[i]) * UINT64_C(0x100000001b3);
        if (complete)
            sums->count[i] = oks_tokens_add(sums->count[i], all[i] > counted ? all[i] - counted : 0);
    }
    return 0;
}

/* One scan; *memo (malloc'ed or NULL) is what it goes on from, and then what it leaves. */
static int scan(struct oks_scanner *scanner, enum oks_source source, const char *bytes, size_t len,
                uint64_t offset, char **memo, const char *peers, struct sums *sums, uint64_t *cursor)
{
    const struct oks_sink sink = {.ctx = sums, .record = on_record};
    struct oks_scan_result result;
    int r = source_scanner_set(scanner, source, *memo ? *memo : "", peers);

    REQUIRE(r == 0);
    r = oks_scanner_scan_bytes(scanner, bytes, len, offset, &sink, &result);
    REQUIRE(r == 0 || r == -ESTALE);
    *cursor = result.cursor;
    free(*memo);
    REQUIRE(oks_scanner_memo(scanner, memo) == 0 && *memo);
    for (const char *p = *memo; *p; p++)
        REQUIRE(*p >= ' ' && *p < 0x7f);
    return r;
}

static void in_two_pieces(struct oks_scanner *scanner, enum oks_source source, const char *bytes, size_t len,
                          size_t cut, const char *peers, const struct sums *whole)
{
    struct sums sums = {0};
    char *memo = NULL;
    uint64_t cursor;
    int r = scan(scanner, source, bytes, cut, 0, &memo, peers, &sums, &cursor);

    REQUIRE(r == 0);
    r = scan(scanner, source, bytes + cursor, len - (size_t)cursor, cursor, &memo, peers, &sums, &cursor);
    free(memo);
    /* A twin forgets the calls that it held back; everything else must be the same. */
    if (r == 0)
        for (int i = 0; i < OKS_TOOL_USES; i++)
            REQUIRE(sums.count[i] == whole->count[i] || whole->count[i] == OKS_TOKENS_MAX);
}

static inline void fuzz_source(enum oks_source source, const uint8_t *data, size_t size)
{
    static struct oks_scanner *scalar, *best;
    struct sums whole = {0}, again = {0}, first = {0};
    char *memo = NULL, *peers = NULL;
    const char *bytes;
    uint64_t cursor;
    size_t len, cut;

    if (size < STEERING)
        return;
    if (!scalar)
        REQUIRE(source_scanner_new(&scalar, OKS_ISA_SCALAR, OKS_SOURCE_CLAUDE) == 0 &&
                source_scanner_new(&best, OKS_ISA_AUTO, OKS_SOURCE_CLAUDE) == 0);
    bytes = (const char *)data + STEERING;
    len = size - STEERING;
    cut = len * data[0] / 255;
    if (data[1] & 1)
        scan(scalar, source, bytes, cut, 0, &peers, "", &first, &cursor);
    scan(scalar, source, bytes, len, 0, &memo, peers ? peers : "", &whole, &cursor);
    free(memo);
    memo = NULL;
    scan(best, source, bytes, len, 0, &memo, peers ? peers : "", &again, &cursor);
    free(memo);
    REQUIRE(memcmp(&whole, &again, sizeof(whole)) == 0);
    if (!oks_sources[source]->members) /* which are read as a whole */
        in_two_pieces(best, source, bytes, len, cut, peers ? peers : "", &whole);
    free(peers);
}

#endif
