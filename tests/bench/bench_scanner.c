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
#include "scan/scanner.h"
#include "sources/source.h"

enum {
    ROUNDS_MAX = 99,
    READ_BYTES = 1 << 20,   /* as the scanner does */
    SLICE_BYTES = 48 << 20, /* for the slow ways */
    PADDING = 256,          /* more than simdjson wants behind it */
};

struct corpus {
    const char *path;
    int fd;
    size_t len;
    char *bytes;  /* all of them ... */
    size_t slice; /* ... and how many the slow ways work on */
    const char *python;
};

struct way {
    const char *name;
    int (*run)(const struct corpus *corpus, const struct way *way, struct bench_sum *sum, double *seconds);
    enum oks_isa isa;
    const char *kernel;
    bool parses;
    bool in_memory;           /* without the kernel's copy */
    double rates[ROUNDS_MAX]; /* by round */
    double rate;              /* median, GB/s; 0: not available here */
    double best;
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

static uint64_t sum_usage(const struct oks_usage *u)
{
    return u->present + u->input * 3 + u->output * 5 + u->cache_creation * 7 + u->cache_creation_5m * 11 +
           u->cache_creation_1h * 13 + u->cache_read * 17 + u->web_search_requests * 19 + u->speed.len * 23 +
           u->inference_geo.len * 29 + u->service_tier.len * 31;
}

static uint64_t sum_message(const struct oks_message *m)
{
    return sum_usage(&m->usage) + m->id.len * 37 + m->model.len * 41 + m->stop_reason.len * 43;
}

/* What differs in a field differs here, but for two mistakes that make up for each other. */
static uint64_t sum_fields(const struct oks_record *r)
{
    uint64_t sum = sum_message(&r->message) + sum_message(&r->nested) * 47;

    sum += (uint64_t)r->type * 53 + r->timestamp.len * 59 + r->agent_name.len * 61 + r->session_id.len * 67;
    sum += r->uuid.len * 71 + r->request_id.len * 73 + r->agent_id.len * 79 + r->cwd.len * 83;
    sum += r->version.len * 89 + r->subtype.len * 97 + r->is_sidechain * 101U + r->is_api_error * 103U;
    sum += r->is_compact_summary * 107U + r->tool_uses * 109 + r->compact_trigger.len * 113;
    sum += r->compact_pre_tokens * 127 + r->nested_present * 131U + r->nested_uuid.len * 137;
    sum += r->nested_request_id.len * 139 + r->nested_timestamp.len * 149 + r->odd * 151;
    for (unsigned i = 0; i < r->n_steps; i++)
        sum += sum_usage(&r->steps[i].usage) * 157 + r->steps[i].model.len * 163 + r->steps[i].type * 173U;
    return sum + r->steps_dropped * 167U;
}

void bench_record(struct bench_sum *sum, const struct oks_record *record)
{
    sum->lines++;
    sum->tokens += record->message.usage.input + record->message.usage.output;
    if (sum->wants_fields)
        sum->fields += sum_fields(record);
}

static int add_record(void *ctx, const struct oks_record *record, bool complete)
{
    bench_record(ctx, record);
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
    int r = source_scanner_new(&scanner, way->isa, OKS_SOURCE_CLAUDE);

    if (r < 0)
        return r;
    if (way->in_memory)
        r = oks_scanner_scan_bytes(scanner, corpus->bytes, corpus->len, 0, &sink, &result);
    else
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
    if (!way->in_memory)
        return feed_simdjson(corpus, way->kernel, simdjson_dom, sum);
    return simdjson_dom(way->kernel, corpus->bytes, corpus->len, sum) < 0 ? -ENOTSUP : 0;
}

static int run_record(const struct corpus *corpus, const struct way *way, struct bench_sum *sum,
                      double *seconds)
{
    if (!way->in_memory)
        return feed_simdjson(corpus, way->kernel, simdjson_record, sum);
    return simdjson_record(way->kernel, corpus->bytes, corpus->len, sum) < 0 ? -ENOTSUP : 0;
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
    AVX2_MEMORY,
    AVX512_MEMORY,
    JSON_C,
    PYTHON,
    FIELDS_AVX2,
    FIELDS_AVX2_MEMORY,
    DOM_AVX2_MEMORY,
    FIELDS_MEMORY,
    DOM_AVX2,
    DOM_MANY_AVX2,
    FIELDS,
    DOM,
    DOM_MANY,
    WAYS
};

#ifdef HAVE_SIMDJSON
static const char avx2_kernel[] = "haswell"; /* as simdjson calls it */
#endif

static struct way ways[WAYS] = {
    [FLOOR] = {.name = "mmap + memchr (the floor)", .run = run_mmap},
    [READ_FLOOR] = {.name = "read + memchr", .run = run_read},
    [SCALAR] = {.name = "okstrafs scalar", .run = run_scanner, .isa = OKS_ISA_SCALAR, .parses = true},
    [SSE2] = {.name = "okstrafs SSE2", .run = run_scanner, .isa = OKS_ISA_SSE2, .parses = true},
    [AVX2] = {.name = "okstrafs AVX2", .run = run_scanner, .isa = OKS_ISA_AVX2, .parses = true},
    [AVX512] = {.name = "okstrafs AVX-512", .run = run_scanner, .isa = OKS_ISA_AVX512, .parses = true},
    [AVX2_MEMORY] = {.name = "okstrafs AVX2, in memory",
                     .run = run_scanner,
                     .isa = OKS_ISA_AVX2,
                     .parses = true,
                     .in_memory = true},
    [AVX512_MEMORY] = {.name = "okstrafs AVX-512, in memory",
                       .run = run_scanner,
                       .isa = OKS_ISA_AVX512,
                       .parses = true,
                       .in_memory = true},
    [JSON_C] = {.name = "json-c per line", .run = run_json_c, .parses = true},
    [PYTHON] = {.name = "Python json.loads per line", .run = run_python, .parses = true},
#ifdef HAVE_SIMDJSON
    [FIELDS_AVX2] = {.name = "simdjson DOM, same fields, AVX2 kernel",
                     .run = run_record,
                     .kernel = avx2_kernel,
                     .parses = true},
    [FIELDS_AVX2_MEMORY] = {.name = "simdjson DOM, same fields, AVX2 k., in memory",
                            .run = run_record,
                            .kernel = avx2_kernel,
                            .parses = true,
                            .in_memory = true},
    [DOM_AVX2_MEMORY] = {.name = "simdjson DOM, parse only, AVX2 k., in memory",
                         .run = run_dom,
                         .kernel = avx2_kernel,
                         .parses = true,
                         .in_memory = true},
    [FIELDS_MEMORY] = {.name = "simdjson DOM, same fields, best (*), in memory",
                       .run = run_record,
                       .parses = true,
                       .in_memory = true},
    [DOM_AVX2] = {.name = "simdjson DOM, parse only, AVX2 kernel",
                  .run = run_dom,
                  .kernel = avx2_kernel,
                  .parses = true},
    [DOM_MANY_AVX2] = {.name = "simdjson parse_many, parse only, AVX2 k.",
                       .run = run_many,
                       .kernel = avx2_kernel,
                       .parses = true},
    [FIELDS] = {.name = "simdjson DOM, same fields, best kernel (*)", .run = run_record, .parses = true},
    [DOM] = {.name = "simdjson DOM, parse only, best kernel (*)", .run = run_dom, .parses = true},
    [DOM_MANY] = {.name = "simdjson parse_many, parse only, best (*)", .run = run_many, .parses = true},
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

static double median(const double *values, int n, double *greatest)
{
    double sorted[ROUNDS_MAX];

    memcpy(sorted, values, (size_t)n * sizeof(*values));
    qsort(sorted, (size_t)n, sizeof(*sorted), by_value);
    *greatest = sorted[n - 1];
    return sorted[n / 2];
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
        ways[i].rate = median(ways[i].rates, rounds, &ways[i].best);
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
    printf("%-46s %8s %8s %10s %16s\n", "way (one thread, page cache warm)", "GB/s", "best", "objects",
           "tokens");
    for (int i = 0; i < WAYS; i++) {
        if (!ways[i].run)
            continue;
        if (ways[i].rate > 0)
            printf("%-46s %8.3f %8.3f %10" PRIu64 " %16" PRIu64 "\n", ways[i].name, ways[i].rate,
                   ways[i].best, ways[i].sum.lines, ways[i].sum.tokens);
        else
            printf("%-46s %8s\n", ways[i].name, "-");
    }
#ifdef HAVE_SIMDJSON
    if (ways[DOM].run)
        printf("(*) %s\n", simdjson_kernel(NULL));
#endif
    printf(
        "GB/s: the median of all rounds. Time is the thread's, kernel included. Unless \"in memory\", "
        "okstrafs "
        "and\nsimdjson read the file, in the same way and the same sizes; json-c and Python work on lines in "
        "memory.\n\"Same fields\" is a DOM per line and out of it all that our scanner extracts (without "
        "team "
        "names);\n\"parse only\" takes two numbers out of it. parse_many ends at the first bad line.\n");
}

static bool both(int way, int other)
{
    return ways[way].rate > 0 && ways[other].rate > 0;
}

/* The median of what the ratio was in each round: what disturbs a round disturbs both. */
static double say_ratio(const char *what, int way, int other, int rounds)
{
    double ratios[ROUNDS_MAX], ratio, greatest;

    for (int i = 0; i < rounds; i++)
        ratios[i] = ways[way].rates[i] / ways[other].rates[i];
    ratio = median(ratios, rounds, &greatest);
    printf("%-54s %6.3f x (best rounds %6.3f x)", what, ratio, ways[way].best / ways[other].best);
    return ratio;
}

static void say_target(const char *what, int way, int other, int rounds, double least)
{
    if (both(way, other))
        printf(", wanted %5.2f x: target met: %s\n", least,
               say_ratio(what, way, other, rounds) >= least ? "yes" : "no");
}

static void say_also(const char *what, int way, int other, int rounds)
{
    if (both(way, other)) {
        say_ratio(what, way, other, rounds);
        putchar('\n');
    }
}

/*
 * A transcript's lines stand for themselves: a bad one must not stop what follows. So the like of our scanner
 * is a parse for each line and all fields out of it. Parser is held against parser on bytes in memory, as
 * json-c and Python are; what is left of it where both pay for the kernel's copy, and what simdjson needs to
 * do less, is shown as well.
 */
static void say_targets(int rounds)
{
    say_target("AVX2 against the floor", AVX2, FLOOR, rounds, 0.35);
    say_target("AVX2 against simdjson, same fields, AVX2 k., in memory", AVX2_MEMORY, FIELDS_AVX2_MEMORY,
               rounds, 2.5);
    say_target("AVX2 against simdjson, same fields, best, in memory", AVX2_MEMORY, FIELDS_MEMORY, rounds,
               2.5);
    say_target("scalar against json-c", SCALAR, JSON_C, rounds, 5);
    say_target("AVX-512 against the floor", AVX512, FLOOR, rounds, 0.43);
    say_target("AVX-512 against simdjson, same fields, best, in memory", AVX512_MEMORY, FIELDS_MEMORY, rounds,
               3);
    say_also("AVX2 against simdjson, same fields, AVX2 k., files", AVX2, FIELDS_AVX2, rounds);
    say_also("AVX2 against simdjson, same fields, best, files", AVX2, FIELDS, rounds);
    say_also("AVX-512 against simdjson, same fields, best, files", AVX512, FIELDS, rounds);
    say_also("AVX2 against read + memchr", AVX2, READ_FLOOR, rounds);
    say_also("AVX2 against simdjson, parse only, AVX2 k., in memory", AVX2_MEMORY, DOM_AVX2_MEMORY, rounds);
    say_also("AVX2 against simdjson, parse only, AVX2 k., files", AVX2, DOM_AVX2, rounds);
    say_also("AVX2 against simdjson, parse only, best, files", AVX2, DOM, rounds);
    say_also("AVX2 against simdjson parse_many, AVX2 k., files", AVX2, DOM_MANY_AVX2, rounds);
    say_also("AVX2 against simdjson parse_many, best, files", AVX2, DOM_MANY, rounds);
    say_also("AVX-512 against simdjson, parse only, best, files", AVX512, DOM, rounds);
    say_also("AVX-512 against simdjson parse_many, best, files", AVX512, DOM_MANY, rounds);
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

/* Whether the DOM's fields are ours: one more pass by each, which counts for no time. */
static bool agree_about_fields(const struct corpus *corpus)
{
#ifdef HAVE_SIMDJSON
    struct bench_sum ours = {.wants_fields = 1}, theirs = {.wants_fields = 1};
    struct way way = {.isa = OKS_ISA_AUTO};
    double seconds;

    if (run_scanner(corpus, &way, &ours, &seconds) < 0 || run_record(corpus, &way, &theirs, &seconds) < 0)
        return true;
    if (ours.fields == theirs.fields && ours.lines == theirs.lines)
        return true;
    printf("okstrafs and simdjson disagree about the fields of the corpus\n");
    return false;
#else
    return true;
#endif
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

/* The slow ways work on the start of the corpus, up to the end of a line. */
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
    corpus->bytes = malloc(corpus->len + PADDING);
    if (!corpus->bytes)
        return -ENOMEM;
    n = pread(corpus->fd, corpus->bytes, corpus->len, 0);
    if (n != (ssize_t)corpus->len)
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
#ifdef HAVE_SIMDJSON
    if (strcmp(simdjson_kernel(NULL), avx2_kernel) == 0)
        ways[FIELDS].run = ways[DOM].run = ways[DOM_MANY].run = NULL; /* the same once more */
#endif
    run_rounds(&corpus, 1); /* warms the page cache */
    run_rounds(&corpus, rounds);
    say_table();
    say_targets(rounds);
    say_memory(argv[0], argv[2], argv[1]);
    return agree() && agree_about_fields(&corpus) ? EXIT_SUCCESS : EXIT_FAILURE;
}
