/*
 * Reading: bytes of a file into a buffer in which lines stand whole. Memory goes the same way where it must.
 *
 * A read goes behind the unfinished line that the one before left; all lines up to the last '\n' are
 * delivered, and what is left moves to the front. The buffer doubles when less than one read has room, so a
 * long line costs a few moves altogether, and it is given back after the scan when it has become large.
 *
 * A line that outgrows line_max is skipped: from then on no more of it is kept than a team's name may need
 * that is cut off by the end of a read. It counts as bad when its '\n' comes; until then the cursor stays
 * before it. A line with a hole of a sparse file in it is skipped in the same way, and the hole is not read.
 *
 * Invariants between two reads: buf[0 .. len) are the file's bytes at `base`, without a '\n' among them; they
 * begin the line at `line` (or lie in it, while `skipping`). OKS_PAD bytes stand readable on both sides.
 */
#include "scan/scanner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scan/json_lex.h"
#include "files/unpack.h"
#include "scan/scan_lines.h"

enum {
    READ_SIZE = 256 << 10,
    READ_ON = 1 << 20, /* once a read was full: a longer copy costs less a byte */
    BUFFER_MIN = 2 * READ_SIZE,
    BUFFER_KEPT = 4 << 20, /* a larger one is given back after a scan */
    READERS_MAX = 64,      /* of all sources, those of tool calls included */
    ENTRIES = (256 << 10) + OKS_ENTRIES_PER_BATCH,
};

struct oks_scanner {
    enum oks_isa isa;
    oks_stage1 *stage1;
    uint64_t line_max;
    const struct oks_reader_ops *ops; /* of the reader that is set ... */
    void *reader;
    struct {
        const struct oks_reader_ops *ops;
        void *reader;
    } readers[READERS_MAX]; /* ... and all that were set before */
    struct oks_index index;
    char *memory; /* OKS_PAD, buf[0 .. cap), OKS_PAD */
    char *buf;
    size_t cap;
    char last[OKS_LAST_BYTES]; /* the last bytes that were dropped from the buffer ... */
    size_t last_len;
    uint64_t last_end; /* ... and the offset behind them */
};

/* One call. */
struct scan {
    struct oks_scanner *scanner;
    struct oks_lines lines;
    const atomic_bool *cancel;

    int fd;
    const char *bytes; /* instead of fd, where not NULL */
    size_t bytes_left;
    const struct oks_input *input; /* the same */

    uint64_t base;
    uint64_t line;
    size_t len;
    bool skipping;
    bool long_file;             /* a read was full */
    bool zeros;                 /* the last read ended with a NUL, as before a hole */
    uint64_t limit, most_lines; /* bytes and lines to be read; 0: all */
    uint64_t size;              /* of the file, at least; 0: not known */
};

static const struct {
    const char *name;
    enum oks_isa isa;
} isa_names[] = {
    {"auto", OKS_ISA_AUTO}, {"scalar", OKS_ISA_SCALAR}, {"sse2", OKS_ISA_SSE2},
    {"avx2", OKS_ISA_AVX2}, {"avx512", OKS_ISA_AVX512},
};

const char *oks_isa_name(enum oks_isa isa)
{
    for (size_t i = 0; i < sizeof(isa_names) / sizeof(isa_names[0]); i++)
        if (isa_names[i].isa == isa)
            return isa_names[i].name;
    return "unknown";
}

int oks_isa_parse(const char *name, enum oks_isa *out)
{
    for (size_t i = 0; i < sizeof(isa_names) / sizeof(isa_names[0]); i++) {
        if (strcmp(isa_names[i].name, name) == 0) {
            *out = isa_names[i].isa;
            return 0;
        }
    }
    return -EINVAL;
}

#ifdef __x86_64__
static bool have_common(void)
{
    return __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("pclmul");
}

/* What the CPU and the system both allow. */
static int find_stage1(enum oks_isa *isa, oks_stage1 **stage1)
{
    bool avx2 = have_common() && __builtin_cpu_supports("avx2");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vbmi2");

    if (*isa == OKS_ISA_AUTO)
        *isa = avx512 ? OKS_ISA_AVX512 : avx2 ? OKS_ISA_AVX2 : OKS_ISA_SSE2;
    switch (*isa) {
    case OKS_ISA_SCALAR:
        *stage1 = NULL;
        return 0;
    case OKS_ISA_SSE2:
        *stage1 = oks_stage1_sse2;
        return 0;
    case OKS_ISA_AVX2:
        *stage1 = oks_stage1_avx2;
        return avx2 ? 0 : -ENOTSUP;
    case OKS_ISA_AVX512:
        *stage1 = oks_stage1_avx512;
        return avx512 ? 0 : -ENOTSUP;
    default:
        return -ENOTSUP;
    }
}
#else
static int find_stage1(enum oks_isa *isa, oks_stage1 **stage1)
{
    if (*isa == OKS_ISA_AUTO)
        *isa = OKS_ISA_SCALAR;
    *stage1 = NULL;
    return *isa == OKS_ISA_SCALAR ? 0 : -ENOTSUP;
}
#endif

/* Gives the buffer this many bytes; what it holds stays. */
static int set_buffer(struct oks_scanner *s, size_t cap)
{
    char *memory = realloc(s->memory, cap + 2 * OKS_PAD); /* moves the pages of a large one, not its bytes */

    if (!memory)
        return -ENOMEM;
    memset(memory, 0, OKS_PAD);
    s->memory = memory;
    s->buf = memory + OKS_PAD;
    s->cap = cap;
    return 0;
}

/* Room for one more read. No line is held beyond line_max, so that and two reads are always enough. */
static int make_room(struct oks_scanner *s, size_t len, size_t size)
{
    size_t most = (size_t)s->line_max + 2 * READ_ON, cap = s->cap;

    while (cap - len < size)
        cap = cap * 2 < most ? cap * 2 : most;
    return cap == s->cap ? 0 : set_buffer(s, cap);
}

int oks_isa_resolve(enum oks_isa *isa)
{
    oks_stage1 *stage1;

    return find_stage1(isa, &stage1);
}

int oks_scanner_new(struct oks_scanner **out, enum oks_isa isa)
{
    oks_stage1 *stage1;
    struct oks_scanner *s;
    int r = find_stage1(&isa, &stage1);

    if (r)
        return r;
    s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->isa = isa;
    s->stage1 = stage1;
    s->line_max = OKS_LINE_MAX;
    s->index.cap = ENTRIES;
    s->index.entries = malloc(ENTRIES * sizeof(*s->index.entries));
    if (!s->index.entries || set_buffer(s, BUFFER_MIN)) {
        oks_scanner_free(s);
        return -ENOMEM;
    }
    *out = s;
    return 0;
}

void oks_scanner_free(struct oks_scanner *scanner)
{
    if (!scanner)
        return;
    free(scanner->index.entries);
    for (int i = 0; i < READERS_MAX && scanner->readers[i].ops; i++)
        scanner->readers[i].ops->free(scanner->readers[i].reader);
    free(scanner->memory);
    free(scanner);
}

enum oks_isa oks_scanner_isa(const struct oks_scanner *scanner)
{
    return scanner->isa;
}

int oks_scanner_set_reader(struct oks_scanner *s, const struct oks_reader_ops *ops, const char *memo,
                           const char *peers)
{
    int i = 0, r;

    while (i < READERS_MAX && s->readers[i].ops && s->readers[i].ops != ops)
        i++;
    if (i == READERS_MAX)
        return -ENOMEM;
    if (!s->readers[i].ops) {
        r = ops->make(&s->readers[i].reader);
        if (r)
            return r;
        s->readers[i].ops = ops;
    }
    s->ops = ops;
    s->reader = s->readers[i].reader;
    return ops->begin ? ops->begin(s->reader, memo, peers) : 0;
}

int oks_scanner_memo(const struct oks_scanner *s, char **out)
{
    char *memo = s->ops->memo ? s->ops->memo(s->reader) : NULL;

    if (s->ops->memo && !memo)
        return -ENOMEM;
    *out = memo;
    return 0;
}

void oks_scanner_set_line_max(struct oks_scanner *scanner, uint64_t bytes)
{
    scanner->line_max = bytes < OKS_LINE_MAX ? bytes : OKS_LINE_MAX;
}

/* Returns how many bytes came, 0 at the end, or a negative errno. */
static ssize_t read_some(struct scan *scan, char *to, size_t size)
{
    ssize_t n;

    if (scan->bytes) {
        n = (ssize_t)(size < scan->bytes_left ? size : scan->bytes_left);
        if (n == 0)
            return 0;
        memcpy(to, scan->bytes, (size_t)n);
        scan->bytes += n;
        scan->bytes_left -= (size_t)n;
        return n;
    }
    if (scan->input)
        return scan->input->read(scan->input->ctx, to, size);
    do
        n = pread(scan->fd, to, size, (off_t)(scan->base + scan->len));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if ((size_t)n == size && !scan->long_file) {
        /* Only now is it worth a system call. The advice may fail; it is one. */
        posix_fadvise(scan->fd, (off_t)(scan->base + scan->len), 0, POSIX_FADV_SEQUENTIAL);
        scan->long_file = true;
    }
    return n;
}

/* One read behind what is held. */
static ssize_t fill(struct scan *scan)
{
    struct oks_scanner *s = scan->scanner;
    size_t size = scan->long_file ? READ_ON : READ_SIZE;
    ssize_t n;

    if (make_room(s, scan->len, size))
        return -ENOMEM;
    n = read_some(scan, s->buf + scan->len, size);
    if (n > 0) {
        scan->len += (size_t)n;
        scan->zeros = s->buf[scan->len - 1] == '\0';
        memset(s->buf + scan->len, 0, OKS_PAD); /* may be looked at, so let it be something */
        scan->lines.result->bytes_read += (uint64_t)n;
    }
    return n;
}

/* The first bytes are done with. */
static void drop(struct scan *scan, size_t n)
{
    struct oks_scanner *s = scan->scanner;

    s->last_len = n < sizeof(s->last) ? n : sizeof(s->last);
    s->last_end = scan->base + n;
    memcpy(s->last, s->buf + n - s->last_len, s->last_len);
    memmove(s->buf, s->buf + n, scan->len - n);
    scan->base += n;
    scan->len -= n;
}

/* More of a line that is too long, of which the last `n` bytes held are new. */
static int skip_on(struct scan *scan, size_t n)
{
    struct oks_scan_result *result = scan->lines.result;
    const char *buf = scan->scanner->buf;
    const char *end = memchr(buf + scan->len - n, '\n', n);
    size_t rest;
    int r;

    r = oks_lines_teams(&scan->lines, buf, end ? (size_t)(end - buf) : scan->len, scan->line, &rest);
    if (end) {
        rest = (size_t)(end - buf) + 1;
        scan->skipping = false;
        scan->line = result->cursor = scan->base + rest;
        result->lines++;
        result->bad++;
    }
    if (r == 0)
        drop(scan, rest);
    return r;
}

/* All lines that have become whole by the last `n` bytes held. */
static int deliver(struct scan *scan, size_t n)
{
    const char *buf = scan->scanner->buf;
    const char *last = memrchr(buf + scan->len - n, '\n', n);
    size_t whole;
    int r;

    if (!last)
        return 0;
    whole = (size_t)(last - buf) + 1;
    r = oks_lines_deliver(&scan->lines, buf, 0, whole, scan->base, true);
    if (r)
        return r;
    drop(scan, whole);
    scan->line = scan->base;
    return 0;
}

static int begin_skipping(struct scan *scan)
{
    scan->skipping = true;
    return skip_on(scan, 0);
}

/* What the last `n` bytes held have completed. */
static int take(struct scan *scan, size_t n)
{
    int r;

    if (scan->skipping) {
        r = skip_on(scan, n);
        if (r || scan->skipping)
            return r;
        n = scan->len;
    }
    r = deliver(scan, n);
    return r == 0 && scan->len > scan->scanner->line_max ? begin_skipping(scan) : r;
}

/* The unfinished last line counts now, and will come again. That of an input never goes on. */
static int deliver_tail(struct scan *scan)
{
    if (scan->skipping || scan->len == 0)
        return 0;
    scan->scanner->buf[scan->len] = '\n'; /* in the padding at most */
    return oks_lines_deliver(&scan->lines, scan->scanner->buf, 0, scan->len + 1, scan->base,
                             scan->input != NULL);
}

/* The offset of the first data at `pos` or behind it. If that cannot be found out, the position itself. */
static uint64_t next_data(int fd, uint64_t pos)
{
    off_t data = lseek(fd, (off_t)pos, SEEK_DATA);
    struct stat st;

    if (data < 0 && errno == ENXIO && fstat(fd, &st) == 0) /* there is none up to the end */
        data = st.st_size;
    return data > (off_t)pos ? (uint64_t)data : pos;
}

/* If a hole follows, its line is bad, and the next read begins behind it. */
static int pass_hole(struct scan *scan)
{
    uint64_t pos = scan->base + scan->len, data = next_data(scan->fd, pos);
    int r = 0;

    if (data == pos)
        return 0;
    if (!scan->skipping)
        r = begin_skipping(scan);
    scan->base = data;
    scan->len = 0;
    return r;
}

/* Whether a scan from here on, in a further call, reads something else than this one did. */
static bool has_advanced(const struct scan *scan)
{
    return scan->skipping || scan->lines.result->cursor > scan->lines.start;
}

static bool is_at_limit(const struct scan *scan)
{
    const struct oks_scan_result *result = scan->lines.result;

    return ((scan->limit && result->bytes_read >= scan->limit) ||
            (scan->most_lines && result->lines >= scan->most_lines)) &&
           has_advanced(scan);
}

/* Whether a read that returned `n` bytes was the last one: it was short, and the file is known to end there.
 */
static bool is_at_end(const struct scan *scan, size_t n)
{
    return scan->size && n < READ_SIZE && scan->base + scan->len >= scan->size;
}

static int run(struct scan *scan)
{
    ssize_t n;
    int r = 0;

    while (r == 0) {
        if (scan->cancel && atomic_load_explicit(scan->cancel, memory_order_relaxed))
            return -ECANCELED;
        n = fill(scan);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return deliver_tail(scan);
        r = take(scan, (size_t)n);
        if (r == 0 && scan->zeros && !scan->bytes && !scan->input)
            r = pass_hole(scan);
        if (r == 0 && is_at_limit(scan)) {
            scan->lines.result->more = true;
            return 0;
        }
        if (r == 0 && is_at_end(scan, (size_t)n))
            return deliver_tail(scan);
    }
    return r;
}

/* The end of the last line that ends in s[0 .. window), or else of the first one in s[0 .. len); 0: there is
 * none. */
static size_t whole_lines(const char *s, size_t window, size_t len)
{
    const char *last = memrchr(s, '\n', window < len ? window : len);

    if (!last && window < len)
        last = memchr(s + window, '\n', len - window);
    return last ? (size_t)(last - s) + 1 : 0;
}

/*
 * Large memory is scanned where it is, but for what lies too near to its ends to be surrounded by readable
 * bytes: that goes through the buffer.
 */
static int run_in_place(struct scan *scan)
{
    const char *bytes = scan->bytes;
    size_t left = scan->bytes_left, inner = left - 2 * OKS_PAD, head, n;
    int r;

    head = whole_lines(bytes + OKS_PAD, 1, inner);
    if (head == 0)
        return run(scan);
    head += OKS_PAD;
    scan->bytes_left = head;
    r = run(scan);
    scan->bytes_left = left - head;
    inner = left - head - OKS_PAD;
    while (r == 0 && (n = whole_lines(scan->bytes, READ_SIZE, inner)) != 0 && n <= UINT32_MAX) {
        r = oks_lines_deliver(&scan->lines, scan->bytes, 0, n, scan->base, true);
        scan->lines.result->bytes_read += n;
        scan->base += n;
        scan->bytes += n;
        scan->bytes_left -= n;
        inner -= n;
    }
    scan->line = scan->base;
    return r ? r : run(scan);
}

static int start(struct scan *scan, uint64_t offset, uint64_t passed, const struct oks_sink *sink,
                 struct oks_scan_result *result)
{
    struct oks_scanner *s = scan->scanner;
    int r;

    *result = (struct oks_scan_result){.cursor = offset};
    s->last_len = 0;
    scan->skipping = passed > offset;
    scan->base = scan->skipping ? passed : offset;
    scan->line = offset;
    scan->lines = (struct oks_lines){
        .ops = s->ops,
        .reader = s->reader,
        .stage1 = s->stage1,
        .index = &s->index,
        .line_max = s->line_max,
        .start = offset,
        .sink = sink,
        .result = result,
    };
    r = scan->bytes_left > 4 * READ_SIZE ? run_in_place(scan) : run(scan);
    if (s->ops->end && sink->record &&
        (r == 0 || (r != -ENOMEM && r != -ECANCELED && r != -ESTALE && r < 0))) {
        int ended = s->ops->end(s->reader, sink);

        r = ended ? ended : r;
    }
    result->end = scan->base + scan->len;
    result->passed = scan->skipping ? scan->base : 0; /* a name may begin in what is held */
    if (s->cap > BUFFER_KEPT)
        set_buffer(s, BUFFER_MIN); /* where that fails, the large one stays */
    s->ops->trim(s->reader);
    return r;
}

int oks_scanner_scan_part(struct oks_scanner *scanner, int fd, const struct oks_scan_part *part,
                          const struct oks_sink *sink, const atomic_bool *cancel,
                          struct oks_scan_result *result)
{
    struct scan scan = {
        .scanner = scanner,
        .fd = fd,
        .cancel = cancel,
        .limit = part->limit,
        .most_lines = part->lines,
        .size = part->size,
    };

    return start(&scan, part->offset, part->passed, sink, result);
}

int oks_scanner_scan_fd(struct oks_scanner *scanner, int fd, uint64_t offset, const struct oks_sink *sink,
                        const atomic_bool *cancel, struct oks_scan_result *result)
{
    const struct oks_scan_part all = {.offset = offset};

    return oks_scanner_scan_part(scanner, fd, &all, sink, cancel, result);
}

size_t oks_scanner_last_bytes(const struct oks_scanner *scanner, uint64_t cursor, const char **bytes)
{
    *bytes = scanner->last;
    return scanner->last_end == cursor ? scanner->last_len : 0;
}

int oks_scanner_scan_input(struct oks_scanner *scanner, const struct oks_input *input,
                           const struct oks_sink *sink, const atomic_bool *cancel,
                           struct oks_scan_result *result)
{
    struct scan scan = {.scanner = scanner, .input = input, .cancel = cancel};

    return start(&scan, 0, 0, sink, result);
}

static ssize_t read_unpacked(void *ctx, void *to, size_t size)
{
    return unpack_read(ctx, to, size);
}

int oks_scanner_scan_packed(struct oks_scanner *scanner, int fd, const struct oks_sink *sink,
                            const atomic_bool *cancel, struct oks_scan_result *result)
{
    struct oks_input input = {.read = read_unpacked};
    struct unpack *unpack = NULL;
    int r = unpack_new(&unpack, fd);

    *result = (struct oks_scan_result){0};
    input.ctx = unpack;
    if (r == 0)
        r = oks_scanner_scan_input(scanner, &input, sink, cancel, result);
    unpack_free(unpack);
    return r;
}

int oks_scanner_scan_bytes(struct oks_scanner *scanner, const char *bytes, size_t len, uint64_t offset,
                           const struct oks_sink *sink, struct oks_scan_result *result)
{
    struct scan scan = {.scanner = scanner, .bytes = bytes ? bytes : "", .bytes_left = len};

    return start(&scan, offset, 0, sink, result);
}
