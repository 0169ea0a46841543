/*
 * The scanner's speed in one table, beside everything it is measured by.
 *
 *   bench_scanner CORPUS SHORT_CORPUS [ROUNDS] [PYTHON_SCRIPT]
 *
 * One thread, page cache warm. Every round runs every way once, so that what disturbs the machine disturbs
 * all alike; the table shows medians. Time is the thread's CPU time, kernel included: on a machine that does
 * other things too, that is what a way costs. The slow ways read only the start of the corpus. The targets
 * are the project's own; a missed one is said and is no failure, because a benchmark on a busy machine proves
 * nothing by failing.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "okstrafs/scanner.h"

enum {
    ROUNDS_MAX = 99,
    READ_BYTES = 256 << 10,
    SLICE_BYTES = 48 << 20, /* for the slow ways */
};

struct corpus {
    const char *path;
    int fd;
    size_t len;
    char *bytes; /* the first `slice` bytes: what the slow ways work on */
    size_t slice;
    const char *python;
};

struct way {
    const char *name;
    int (*run)(const struct corpus *corpus, const struct way *way, struct bench_sum *sum, double *seconds);
    enum oks_isa isa;
    const char *kernel;
    bool parses;
    double rates[ROUNDS_MAX];
    double rate; /* median, GB/s; 0: not available here */
    struct bench_sum sum;
};

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t count_newlines(const char *bytes, size_t len)
{
    const char *end = bytes + len;
    uint64_t n = 0;

    for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))); at++)
        n++;
    return n;
}

/* --- the floors --- */

static int run_mmap(const struct corpus *corpus, const struct way *way, struct bench_sum *sum,
                    double *seconds)
{
    void *map = mmap(NULL, corpus->len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, corpus->fd, 0);

    if (map == MAP_FAILED)
        return -errno;
    sum->lines = count_newlines(map, corpus->len);
    sum->bytes = corpus->len;
    munmap(map, corpus->len);
    return 0;
}

static int run_read(const struct corpus *corpus, const struct way *way, struct bench_sum *sum,
                    double *seconds)
{
    char *buffer = malloc(READ_BYTES);
    ssize_t n = -1;

    while (buffer && (n = pread(corpus->fd, buffer, READ_BYTES, (off_t)sum->bytes)) > 0) {
        sum->lines += count_newlines(buffer, (size_t)n);
        sum->bytes += (uint64_t)n;
    }
    free(buffer);
    return n < 0 ? -errno : 0;
}

/* --- the scanner --- */

static int add_record(void *ctx, const struct oks_record *record, bool complete)
{
    struct bench_sum *sum = ctx;

    sum->lines++;
    sum->tokens += record->message.usage.input + record->message.usage.output;
    return 0;
}

static int hear_team(void *ctx, struct oks_slice name, uint64_t offset)
{
    return 0;
}

static int run_scanner(const struct corpus *corpus, const struct way *way, struct bench_sum *sum,
                       double *seconds)
{
    const struct oks_sink sink = {.ctx = sum, .record = add_record, .team = hear_team};
    struct oks_scan_result result;
    struct oks_scanner *scanner;
    int r = oks_scanner_new(&scanner, way->isa);

    if (r < 0)
        return r;
    r = oks_scanner_scan_fd(scanner, corpus->fd, 0, &sink, NULL, &result);
    sum->bytes = result.bytes_read;
    oks_scanner_free(scanner);
    return r;
}

/* --- the others --- */

static uint64_t member_count(struct json_object *usage, const char *key)
{
    struct json_object *value;

    return json_object_object_get_ex(usage, key, &value) ? json_object_get_uint64(value) : 0;
}

static void add_object(struct json_object *record, struct bench_sum *sum)
{
    struct json_object *message, *usage;

    sum->lines++;
    if (json_object_object_get_ex(record, "message", &message) &&
        json_object_is_type(message, json_type_object) && json_object_object_get_ex(message, "usage", &usage))
        sum->tokens += member_count(usage, "input_tokens") + member_count(usage, "output_tokens");
}

static int run_json_c(const struct corpus *corpus, const struct way *way, struct bench_sum *sum,
                      double *seconds)
{
    struct json_tokener *tokener = json_tokener_new_ex(OKS_DEPTH_MAX);

    if (!tokener)
        return -ENOMEM;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    for (size_t at = 0; at < corpus->slice;) {
        const char *end = memchr(corpus->bytes + at, '\n', corpus->slice - at);
        size_t len = end ? (size_t)(end - corpus->bytes) - at : corpus->slice - at;
        struct json_object *record;

        json_tokener_reset(tokener);
        record = json_tokener_parse_ex(tokener, corpus->bytes + at, (int)len);
        if (record)
            add_object(record, sum);
        json_object_put(record);
        at += len + 1;
    }
    sum->bytes = corpus->slice;
    json_tokener_free(tokener);
    return 0;
}

/* The script prints bytes, lines, tokens and its own CPU seconds. */
static int run_python(const struct corpus *corpus, const struct way *way, struct bench_sum *sum,
                      double *seconds)
{
    char command[4096];
    FILE *pipe;
    int n;

    if (!corpus->python)
        return -ENOTSUP;
    snprintf(command, sizeof(command), "python3 '%s' '%s' %zu", corpus->python, corpus->path, corpus->slice);
    pipe = popen(command, "re");
    if (!pipe)
        return -errno;
    n = fscanf(pipe, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %lf", &sum->bytes, &sum->lines, &sum->tokens,
               seconds);
    return pclose(pipe) == 0 && n == 4 ? 0 : -EIO;
}

#ifdef HAVE_SIMDJSON
typedef int (*simdjson_way)(const char *kernel, const char *bytes, size_t len, struct bench_sum *sum);

/* Reads as our scanner does: reads of the same size, whole lines out of a buffer that stays in the cache (and
 * doubles for a longer line), the rest moved to its front. */
static int feed_simdjson(const struct corpus *corpus, const char *kernel, simdjson_way parse,
                         struct bench_sum *sum)
{
    size_t room = 2 * READ_BYTES, held = 0;
    char *buffer = malloc(room + simdjson_padding()), *larger;
    uint64_t at = 0;
    ssize_t n = 0;
    int r = 0;

    while (buffer && r == 0 && (n = pread(corpus->fd, buffer + held, READ_BYTES, (off_t)at)) > 0) {
        const char *last = memrchr(buffer + held, '\n', (size_t)n);
        size_t whole = last ? (size_t)(last - buffer) + 1 : 0;

        at += (uint64_t)n;
        held += (size_t)n - whole;
        if (whole)
            r = parse(kernel, buffer, whole, sum);
        memmove(buffer, buffer + whole, held);
        if (room - held < READ_BYTES) {
            room *= 2;
            larger = realloc(buffer, room + simdjson_padding());
            if (!larger)
                break;
            buffer = larger;
        }
    }
    if (buffer && r == 0 && n == 0 && held)
        r = parse(kernel, buffer, held, sum); /* a last line without its newline */
    free(buffer);
    return r < 0 ? -ENOTSUP : n != 0 || !buffer ? -EIO : 0;
}

static int run_dom(const struct corpus *corpus, const struct way *way, struct bench_sum *sum, double *seconds)
{
    return feed_simdjson(corpus, way->kernel, simdjson_dom, sum);
}

static int run_many(const struct corpus *corpus, const struct way *way, struct bench_sum *sum,
                    double *seconds)
{
    return feed_simdjson(corpus, way->kernel, simdjson_many, sum);
}
#endif

enum {
    FLOOR,
    READ_FLOOR,
    SCALAR,
    SSE2,
    AVX2,
    AVX512,
    JSON_C,
    PYTHON,
    DOM,
    DOM_MANY,
    DOM_AVX2,
    DOM_MANY_AVX2,
    WAYS
};

static struct way ways[WAYS] = {
    [FLOOR] = {.name = "mmap + memchr (the floor)", .run = run_mmap},
    [READ_FLOOR] = {.name = "read + memchr", .run = run_read},
    [SCALAR] = {.name = "okstrafs scalar", .run = run_scanner, .isa = OKS_ISA_SCALAR, .parses = true},
    [SSE2] = {.name = "okstrafs SSE2", .run = run_scanner, .isa = OKS_ISA_SSE2, .parses = true},
    [AVX2] = {.name = "okstrafs AVX2", .run = run_scanner, .isa = OKS_ISA_AVX2, .parses = true},
    [AVX512] = {.name = "okstrafs AVX-512", .run = run_scanner, .isa = OKS_ISA_AVX512, .parses = true},
    [JSON_C] = {.name = "json-c per line", .run = run_json_c, .parses = true},
    [PYTHON] = {.name = "Python json.loads per line", .run = run_python, .parses = true},
#ifdef HAVE_SIMDJSON
    [DOM] = {.name = "simdjson DOM per line, best kernel (*)", .run = run_dom, .parses = true},
    [DOM_MANY] = {.name = "simdjson DOM parse_many, best kernel (*)", .run = run_many, .parses = true},
    [DOM_AVX2] = {.name = "simdjson DOM per line, AVX2 kernel",
                  .run = run_dom,
                  .kernel = "haswell",
                  .parses = true},
    [DOM_MANY_AVX2] = {.name = "simdjson DOM parse_many, AVX2 kernel",
                       .run = run_many,
                       .kernel = "haswell",
                       .parses = true},
#endif
};

/* --- rounds --- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int run_once(struct way *way, const struct corpus *corpus, double *rate)
{
    double start = cpu_seconds(), seconds = 0;
    int r;

    way->sum = (struct bench_sum){0};
    r = way->run(corpus, way, &way->sum, &seconds);
    if (seconds == 0)
        seconds = cpu_seconds() - start;
    if (r == 0)
        *rate = (double)way->sum.bytes / seconds / 1e9;
    return r;
}

static void run_rounds(const struct corpus *corpus, int rounds)
{
    bool gone[WAYS] = {false};

    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < WAYS; i++)
            if (ways[i].run && !gone[i])
                gone[i] = run_once(&ways[i], corpus, &ways[i].rates[round]) < 0;
    for (int i = 0; i < WAYS; i++) {
        if (!ways[i].run || gone[i])
            continue;
        qsort(ways[i].rates, (size_t)rounds, sizeof(double), by_value);
        ways[i].rate = ways[i].rates[rounds / 2];
    }
}

/* --- memory --- */

/* The process's own high-water mark: what wait4 tells of a child still holds its parent's from before exec.
 */
static int say_own_peak(void)
{
    char line[256];
    long kilobytes = -1;
    FILE *status = fopen("/proc/self/status", "re");

    while (status && kilobytes < 0 && fgets(line, sizeof(line), status))
        sscanf(line, "VmHWM: %ld", &kilobytes);
    if (status)
        fclose(status);
    printf("%ld\n", kilobytes);
    return kilobytes > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int only_scan(const char *path)
{
    struct corpus corpus = {.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    struct way way = {.isa = OKS_ISA_AUTO};
    struct bench_sum sum = {0};
    double seconds;

    if (corpus.fd < 0 || run_scanner(&corpus, &way, &sum, &seconds) < 0)
        return EXIT_FAILURE;
    return say_own_peak();
}

/* Peak resident kilobytes of a process that does nothing but scan `path`; negative where it failed. */
static long scan_peak(const char *self, const char *path)
{
    char command[4096];
    long kilobytes = -1;
    FILE *pipe;

    snprintf(command, sizeof(command), "'%s' --scan '%s'", self, path);
    pipe = popen(command, "re");
    if (!pipe || fscanf(pipe, "%ld", &kilobytes) != 1)
        kilobytes = -1;
    return pipe && pclose(pipe) == 0 ? kilobytes : -1;
}

/* --- what it says --- */

static void say_table(void)
{
    printf("%-40s %8s %10s %16s\n", "way (one thread, page cache warm)", "GB/s", "objects", "tokens");
    for (int i = 0; i < WAYS; i++) {
        if (!ways[i].run)
            continue;
        if (ways[i].rate > 0)
            printf("%-40s %8.3f %10" PRIu64 " %16" PRIu64 "\n", ways[i].name, ways[i].rate, ways[i].sum.lines,
                   ways[i].sum.tokens);
        else
            printf("%-40s %8s\n", ways[i].name, "-");
    }
#ifdef HAVE_SIMDJSON
    printf("(*) %s\n", simdjson_kernel(NULL));
#endif
    printf("Time is the thread's, kernel included. okstrafs and simdjson read the file in the same way and "
           "the same\n"
           "sizes; json-c and Python work on lines in memory. A target against simdjson means its DOM per "
           "line (one\n"
           "parser, no copy), since one bad line ends a parse_many; that is shown beside it.\n");
}

static void say_target(const char *what, int way, int other, double least)
{
    double ratio;

    if (ways[way].rate <= 0 || ways[other].rate <= 0)
        return;
    ratio = ways[way].rate / ways[other].rate;
    printf("%-56s %7.3f x, wanted %6.3f x: target met: %s\n", what, ratio, least,
           ratio >= least ? "yes" : "no");
}

static void say_ratio(const char *what, int way, int other)
{
    if (ways[way].rate > 0 && ways[other].rate > 0)
        printf("%-56s %7.3f x\n", what, ways[way].rate / ways[other].rate);
}

/*
 * A transcript's lines stand for themselves: a bad one must not stop what follows. So the like of our scanner
 * is a parse for each line; parse_many, which ends at the first bad line, is shown as well.
 */
static void say_targets(void)
{
    say_target("AVX2 against the floor", AVX2, FLOOR, 0.35);
    say_target("AVX2 against simdjson DOM per line, AVX2 kernel", AVX2, DOM_AVX2, 2.5);
    say_target("AVX2 against simdjson DOM per line, best kernel", AVX2, DOM, 2.5);
    say_target("scalar against json-c", SCALAR, JSON_C, 5);
    say_target("AVX-512 against the floor", AVX512, FLOOR, 0.43);
    say_target("AVX-512 against simdjson DOM per line, best kernel", AVX512, DOM, 3);
    say_ratio("AVX2 against simdjson parse_many, AVX2 kernel", AVX2, DOM_MANY_AVX2);
    say_ratio("AVX2 against simdjson parse_many, best kernel", AVX2, DOM_MANY);
    say_ratio("AVX-512 against simdjson parse_many, best kernel", AVX512, DOM_MANY);
}

/* All that parse the whole corpus must have found the same; the slow ways see less of it. */
static bool agree(void)
{
    for (int i = 0; i < WAYS; i++)
        if (ways[i].rate > 0 && ways[i].parses && ways[i].sum.bytes == ways[SCALAR].sum.bytes &&
            (ways[i].sum.lines != ways[SCALAR].sum.lines || ways[i].sum.tokens != ways[SCALAR].sum.tokens)) {
            printf("%s and %s disagree about the corpus\n", ways[i].name, ways[SCALAR].name);
            return false;
        }
    return true;
}

static void say_memory(const char *self, const char *small, const char *large)
{
    struct stat a, b;
    long small_kb, large_kb;

    if (stat(small, &a) < 0 || stat(large, &b) < 0)
        return;
    small_kb = scan_peak(self, small);
    large_kb = scan_peak(self, large);
    printf("peak memory: %ld KiB for %lld MiB, %ld KiB for %lld MiB: independent of size: %s\n", small_kb,
           (long long)a.st_size >> 20, large_kb, (long long)b.st_size >> 20,
           small_kb > 0 && large_kb > 0 && large_kb < small_kb + 1024 ? "yes" : "no");
}

/* The slow ways work on the start of the corpus, up to the end of a line, in memory. */
static int load(struct corpus *corpus)
{
    struct stat st;
    const char *end;
    ssize_t n;

    corpus->fd = open(corpus->path, O_RDONLY | O_CLOEXEC);
    if (corpus->fd < 0 || fstat(corpus->fd, &st) < 0)
        return -errno;
    corpus->len = (size_t)st.st_size;
    corpus->slice = corpus->len < SLICE_BYTES ? corpus->len : SLICE_BYTES;
    corpus->bytes = malloc(corpus->slice + 1);
    if (!corpus->bytes)
        return -ENOMEM;
    n = pread(corpus->fd, corpus->bytes, corpus->slice, 0);
    if (n != (ssize_t)corpus->slice)
        return n < 0 ? -errno : -EIO;
    end = memrchr(corpus->bytes, '\n', corpus->slice);
    corpus->slice = end ? (size_t)(end - corpus->bytes) + 1 : corpus->slice;
    return 0;
}

int main(int argc, char **argv)
{
    struct corpus corpus = {.path = argc > 1 ? argv[1] : "", .python = argc > 4 ? argv[4] : NULL};
    int rounds = argc > 3 ? atoi(argv[3]) : 5, r;

    if (argc == 3 && strcmp(argv[1], "--scan") == 0)
        return only_scan(argv[2]);
    if (argc < 3 || rounds < 1 || rounds > ROUNDS_MAX) {
        fputs("usage: bench_scanner CORPUS SHORT_CORPUS [ROUNDS] [PYTHON_SCRIPT]\n", stderr);
        return 2;
    }
    r = load(&corpus);
    if (r < 0) {
        fprintf(stderr, "bench_scanner: %s: %s\n", corpus.path, strerror(-r));
        return EXIT_FAILURE;
    }
    run_rounds(&corpus, 1); /* warms the page cache */
    run_rounds(&corpus, rounds);
    say_table();
    say_targets();
    say_memory(argv[0], argv[2], argv[1]);
    return agree() ? EXIT_SUCCESS : EXIT_FAILURE;
}
