/*
 * Fuzzes the scanner against itself: every instruction set must deliver what the scalar path delivers, from
 * memory as from a descriptor, and a transcript scanned in two appends must give the records of one scan.
 * Whether they are the right ones is the business of diff_scanner.py.
 *
 * The first two bytes of an input steer: where the append is cut, whether lines are bounded, whether a
 * descriptor is tried too (it takes time), and whether the rest is the transcript or stands in a string of
 * one, around the border of two batches of stage 1. Everything delivered is written into a log, and logs are
 * compared.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "scan/scan_stage1.h"
#include "scan/scanner.h"
#include "sources/source.h"

enum { STEERING = 2, SHORT_LINE_MAX = 48 };
enum {
    LINES_BOUNDED = 1,
    FROM_DESCRIPTOR = 2,
    AT_BORDER = 4,
    BEFORE_BORDER = 3
}; /* bits of the second byte */

struct log {
    unsigned char *bytes;
    size_t len;
    size_t room;
    uint64_t below; /* of the first of two scans: what stands at or behind its cursor comes again */
};

static void put(struct log *log, const void *bytes, size_t len)
{
    if (log->len + len > log->room) {
        log->room = (log->len + len) * 2;
        log->bytes = realloc(log->bytes, log->room);
        REQUIRE(log->bytes);
    }
    if (len)
        memcpy(log->bytes + log->len, bytes, len);
    log->len += len;
}

static void put_number(struct log *log, uint64_t n)
{
    put(log, &n, sizeof(n));
}

static void put_slice(struct log *log, struct oks_slice s)
{
    put_number(log, s.ptr ? s.len : UINT64_MAX);
    REQUIRE(s.ptr || s.len == 0);
    put(log, s.ptr, s.len);
}

static void put_usage(struct log *log, const struct oks_usage *usage)
{
    const uint64_t counts[] = {usage->present,
                               usage->input,
                               usage->output,
                               usage->cache_creation,
                               usage->cache_creation_5m,
                               usage->cache_creation_1h,
                               usage->cache_read,
                               usage->web_search_requests};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        REQUIRE(counts[i] <= INT64_MAX);
    put(log, counts, sizeof(counts));
    put_slice(log, usage->speed);
    put_slice(log, usage->inference_geo);
    put_slice(log, usage->service_tier);
}

static void put_message(struct log *log, const struct oks_message *message)
{
    put_slice(log, message->id);
    put_number(log, message->foreign_id);
    put_slice(log, message->model);
    put_slice(log, message->stop_reason);
    put_usage(log, &message->usage);
}

static void put_envelope(struct log *log, const struct oks_record *record)
{
    const struct oks_slice slices[] = {
        record->timestamp,        record->agent_name,      record->session_id,  record->uuid,
        record->request_id,       record->agent_id,        record->cwd,         record->version,
        record->subtype,          record->compact_trigger, record->nested_uuid, record->nested_request_id,
        record->nested_timestamp, record->result_of};
    const uint64_t numbers[] = {record->offset,         record->length,       record->type,
                                record->is_sidechain,   record->is_api_error, record->is_compact_summary,
                                record->tool_uses,      record->n_steps,      record->steps_dropped,
                                record->nested_present, record->odd,          record->compact_pre_tokens,
                                record->n_searches,     record->search_count, record->is_tool_result};

    put(log, numbers, sizeof(numbers));
    for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++)
        put_slice(log, slices[i]);
}

static int on_record(void *ctx, const struct oks_record *record, bool complete)
{
    struct log *log = ctx;

    REQUIRE(record->n_steps <= OKS_STEPS_MAX && record->n_searches <= OKS_SEARCHES_MAX);
    put_envelope(log, record);
    put_message(log, &record->message);
    put_message(log, &record->nested);
    for (unsigned i = 0; i < record->n_steps; i++) {
        put_number(log, record->steps[i].type);
        put_slice(log, record->steps[i].model);
        put_usage(log, &record->steps[i].usage);
    }
    for (unsigned i = 0; i < record->n_searches; i++)
        put_slice(log, record->searches[i]);
    put_number(log, complete);
    return 0;
}

static int on_team(void *ctx, struct oks_slice name, uint64_t offset)
{
    struct log *log = ctx;

    REQUIRE(name.ptr && name.len <= OKS_TEAM_NAME_MAX);
    put_number(log, offset);
    put_slice(log, name);
    return 0;
}

static int record_below(void *ctx, const struct oks_record *record, bool complete)
{
    struct log *log = ctx;

    return record->offset < log->below ? on_record(log, record, complete) : 0;
}

static int team_below(void *ctx, struct oks_slice name, uint64_t offset)
{
    struct log *log = ctx;

    return offset < log->below ? on_team(log, name, offset) : 0;
}

/* Records and team names go to logs of their own: their order against each other is nobody's promise. */
struct heard {
    struct log records;
    struct log teams;
};

static int heard_record(void *ctx, const struct oks_record *record, bool complete)
{
    return record_below(&((struct heard *)ctx)->records, record, complete);
}

static int heard_team(void *ctx, struct oks_slice name, uint64_t offset)
{
    return team_below(&((struct heard *)ctx)->teams, name, offset);
}

static struct heard listen(uint64_t below)
{
    return (struct heard){.records.below = below, .teams.below = below};
}

static void forget(struct heard *heard)
{
    free(heard->records.bytes);
    free(heard->teams.bytes);
}

static bool same_log(const struct log *a, const struct log *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

static void require_same(const struct heard *a, const struct heard *b)
{
    REQUIRE(same_log(&a->records, &b->records));
    REQUIRE(same_log(&a->teams, &b->teams));
}

static struct oks_scan_result scan(struct oks_scanner *scanner, const char *text, size_t len, uint64_t offset,
                                   struct heard *heard)
{
    const struct oks_sink sink = {.ctx = heard, .record = heard_record, .team = heard_team};
    struct oks_scan_result result = {0};

    REQUIRE(oks_scanner_scan_bytes(scanner, text, len, offset, &sink, &result) == 0);
    REQUIRE(result.cursor >= offset && result.cursor <= result.end && result.end == offset + len);
    REQUIRE(result.cursor == offset || text[result.cursor - offset - 1] == '\n');
    REQUIRE(result.bad <= result.lines);
    return result;
}

/* From the descriptor: the same, with the scanner's own buffer in between. */
static void check_fd(struct oks_scanner *scanner, const char *text, size_t len, const struct heard *whole)
{
    static int fd = -1;
    struct heard heard = listen(UINT64_MAX);
    const struct oks_sink sink = {.ctx = &heard, .record = heard_record, .team = heard_team};
    struct oks_scan_result result;

    if (fd < 0)
        fd = memfd_create("transcript", MFD_CLOEXEC);
    REQUIRE(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, text, len, 0) == (ssize_t)len);
    REQUIRE(oks_scanner_scan_fd(scanner, fd, 0, &sink, NULL, &result) == 0);
    REQUIRE(result.end == len);
    require_same(&heard, whole);
    forget(&heard);
}

/* Two appends: the first scan sees `cut` bytes, the second starts at its cursor. */
static void check_split(struct oks_scanner *scanner, const char *text, size_t len, size_t cut,
                        const struct oks_scan_result *once, const struct heard *whole)
{
    const char *last = cut ? memrchr(text, '\n', cut) : NULL;
    struct heard heard = listen(last ? (uint64_t)(last - text) + 1 : 0);
    struct oks_scan_result first, second;

    first = scan(scanner, text, cut, 0, &heard);
    REQUIRE(first.cursor == heard.records.below);
    heard.records.below = heard.teams.below = UINT64_MAX;
    second = scan(scanner, text + first.cursor, len - first.cursor, first.cursor, &heard);
    REQUIRE(second.cursor == once->cursor && second.end == once->end);
    REQUIRE(first.lines + second.lines == once->lines);
    REQUIRE(first.bad + second.bad == once->bad);
    REQUIRE(first.odd + second.odd == once->odd);
    require_same(&heard, whole);
    forget(&heard);
}

static struct oks_scanner *scanner_of(enum oks_isa isa)
{
    static struct oks_scanner *scanners[OKS_ISA_AVX512 + 1];

    if (!scanners[isa] && source_scanner_new(&scanners[isa], isa, OKS_SOURCE_CLAUDE) < 0)
        scanners[isa] = NULL;
    return scanners[isa];
}

static void check(const char *text, size_t len, size_t cut, uint64_t line_max, bool from_fd)
{
    struct heard scalar = listen(UINT64_MAX);
    struct oks_scan_result result = {0};

    for (enum oks_isa isa = OKS_ISA_SCALAR; isa <= OKS_ISA_AVX512; isa++) {
        struct oks_scanner *scanner = scanner_of(isa);
        struct heard heard = listen(UINT64_MAX);
        struct oks_scan_result other;

        if (!scanner)
            continue;
        oks_scanner_set_line_max(scanner, line_max);
        if (isa == OKS_ISA_SCALAR)
            result = scan(scanner, text, len, 0, &scalar);
        other = scan(scanner, text, len, 0, &heard);
        REQUIRE(other.cursor == result.cursor && other.lines == result.lines);
        REQUIRE(other.bad == result.bad && other.odd == result.odd);
        require_same(&heard, &scalar);
        if (from_fd)
            check_fd(scanner, text, len, &scalar);
        check_split(scanner, text, len, cut, &result, &scalar);
        forget(&heard);
    }
    forget(&scalar);
}

/* `bytes` in the middle of a long string, so that they begin `before` bytes in front of a batch. */
static char *text_around(const uint8_t *bytes, size_t *len, size_t before)
{
    static const char head[] = "{\"uuid\":\"", tail[] = "\",\"type\":\"user\"}\n";
    const size_t start = OKS_BATCH_BYTES - before, n = *len;
    char *text = malloc(start + n + OKS_BATCH_BYTES + sizeof(tail));

    REQUIRE(text);
    memset(text, 'p', start + n + OKS_BATCH_BYTES);
    memcpy(text, head, sizeof(head) - 1);
    memcpy(text + start, bytes, n);
    memcpy(text + start + n + OKS_BATCH_BYTES, tail, sizeof(tail));
    *len = start + n + OKS_BATCH_BYTES + sizeof(tail) - 1;
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len;
    char *text;

    if (size < STEERING)
        return 0;
    len = size - STEERING;
    if (data[1] & AT_BORDER) {
        text = text_around(data + STEERING, &len, data[1] >> BEFORE_BORDER);
    } else {
        /* A copy of just the transcript, so that reads before it are seen as well as those behind it. */
        text = malloc(len ? len : 1);
        REQUIRE(text);
        memcpy(text, data + STEERING, len);
    }
    check(text, len, data[0] * (len + 1) / 256, data[1] & LINES_BOUNDED ? SHORT_LINE_MAX : OKS_LINE_MAX,
          data[1] & FROM_DESCRIPTOR);
    free(text);
    return 0;
}
