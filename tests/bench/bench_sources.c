/*
 * The speed of each source's reader: bytes per CPU second, beside that of the first one.
 *
 *   bench_sources ROUNDS SOURCE=CORPUS ...
 *
 * One thread, the thread's CPU time. Corpora are in memory: the kernel's copy out of the page cache, which is
 * the same for all, is half as dear where pages lie together, and would hide what differs. Every round scans
 * every corpus once, so that what disturbs the machine disturbs all alike; a ratio is the median of those of
 * the rounds. Memory that a scanner gives back is kept for the next one, so that no round counts the faults
 * of another's pages.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "scan/scanner.h"
#include "sources/source.h"

enum { CORPORA_MAX = 16, ROUNDS_MAX = 99 };

struct corpus {
    enum oks_source source;
    const char *content;
    size_t len;
    uint64_t records, requests, tokens, bytes, bad;
    double rates[ROUNDS_MAX], ratios[ROUNDS_MAX];
};

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int add_record(void *ctx, const struct oks_record *r, bool complete)
{
    struct corpus *c = ctx;

    c->records++;
    c->requests += r->message.usage.present;
    c->tokens += r->message.usage.input + r->message.usage.output;
    return 0;
}

static int hear_team(void *ctx, struct oks_slice name, uint64_t offset)
{
    return 0;
}

/* GB/s, or a negative errno. */
static double scan(struct corpus *c)
{
    const struct oks_sink sink = {.ctx = c, .record = add_record, .team = hear_team};
    struct oks_scan_result result;
    struct oks_scanner *scanner;
    int r = source_scanner_new(&scanner, OKS_ISA_AUTO, c->source);
    double start;

    if (r < 0)
        return r;
    c->records = c->requests = c->tokens = 0;
    start = cpu_seconds();
    r = oks_scanner_scan_bytes(scanner, c->content, c->len, 0, &sink, &result);
    start = cpu_seconds() - start;
    oks_scanner_free(scanner);
    c->bytes = result.bytes_read;
    c->bad = result.bad;
    return r < 0 ? r : (double)c->bytes / start / 1e9;
}

static int corpus_load(struct corpus *c, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *map;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -1;
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    close(fd);
    c->content = map;
    c->len = (size_t)st.st_size;
    return map == MAP_FAILED ? -1 : 0;
}

static int corpus_open(struct corpus *c, const char *word)
{
    const char *path = strchr(word, '=');

    for (int i = 0; path && i < OKS_SOURCES; i++) {
        const char *name = oks_source_name((enum oks_source)i);

        if (strlen(name) != (size_t)(path - word) || strncmp(name, word, strlen(name)) != 0)
            continue;
        c->source = (enum oks_source)i;
        return corpus_load(c, path + 1);
    }
    return -1;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof(*values), by_value);
    return values[n / 2];
}

int main(int argc, char **argv)
{
    struct corpus corpora[CORPORA_MAX];
    int n = argc - 2, rounds = argc > 2 ? atoi(argv[1]) : 0;

    if (n < 1 || n > CORPORA_MAX || rounds < 1 || rounds > ROUNDS_MAX) {
        fputs("usage: bench_sources ROUNDS SOURCE=CORPUS ...\n", stderr);
        return 2;
    }
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    for (int i = 0; i < n; i++)
        if (corpus_open(&corpora[i], argv[i + 2]) < 0) {
            perror(argv[i + 2]);
            return EXIT_FAILURE;
        }
    for (int round = -1; round < rounds; round++) /* the first one warms up */
        for (int i = 0; i < n; i++) {
            double rate = scan(&corpora[i]);

            if (rate < 0)
                return EXIT_FAILURE;
            corpora[i].rates[round < 0 ? 0 : round] = rate;
            corpora[i].ratios[round < 0 ? 0 : round] = rate / corpora[0].rates[round < 0 ? 0 : round];
        }
    printf("%-12s %6s %10s %10s %14s %8s\n", "source", "MB", "records", "requests", "GB/CPU second", "ratio");
    for (int i = 0; i < n; i++) {
        struct corpus *c = &corpora[i];
        double ratio = median(c->ratios, rounds);

        printf("%-12s %6" PRIu64 " %10" PRIu64 " %10" PRIu64 " %14.3f %8.3f%s\n", oks_source_name(c->source),
               c->bytes / 1000000, c->records, c->requests, median(c->rates, rounds), ratio,
               c->bad        ? " (with bad lines)"
               : ratio < 0.8 ? ", wanted 0.8"
                             : "");
    }
    return EXIT_SUCCESS;
}
