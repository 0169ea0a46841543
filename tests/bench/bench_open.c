/*
 * What one look at a document costs: open, read, close.
 *
 *   bench_open ROUNDS RECORD STEP...
 *
 *   keep PATH                  a look at PATH
 *   grow FILE PATH             appends the bytes of the file RECORD to FILE, then a look at PATH
 *   fresh FOLDER SINCE UNTIL   a look at a window of FOLDER, seconds since 1970, that nobody looked at before
 *
 * Every round takes every step once, in order, so that what disturbs the machine disturbs all alike; only the
 * look is timed. For each step one line: median, minimum and 99th percentile in nanoseconds, and how many
 * looks showed the same bytes as the one before. A look after growth that does so was stale: that fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STEPS_MAX = 64, ROUNDS_MAX = 1000000, DOCUMENT_MAX = 1 << 20, WARM_UP_MAX = 100 };

enum kind { KEEP, GROW, FRESH };

struct step {
    enum kind kind;
    const char *path; /* of FRESH: the folder */
    int grows;        /* descriptor, or -1 */
    int64_t since, until;
    uint64_t *times;
    size_t same;
    char *last;
    size_t last_len;
};

static struct step steps[STEPS_MAX];
static size_t n_steps;
static char record[1 << 16], buffer[DOCUMENT_MAX];
static size_t record_len;

static void die(const char *what)
{
    fprintf(stderr, "bench_open: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* --- the steps
 * --------------------------------------------------------------------------------------------------- */

static uint64_t look(const char *path, size_t *len)
{
    uint64_t start = now_ns(), end;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer));

    if (n < 0)
        die(path);
    close(fd);
    end = now_ns();
    *len = (size_t)n;
    return end - start;
}

static void remember(struct step *step, size_t len, bool counts)
{
    if (counts && step->last && len == step->last_len && memcmp(step->last, buffer, len) == 0)
        step->same++;
    if (!step->last || step->last_len < len) {
        free(step->last);
        step->last = malloc(len ? len : 1);
        if (!step->last)
            die("memory");
    }
    memcpy(step->last, buffer, len);
    step->last_len = len;
}

static void take(struct step *step, int round, bool counts)
{
    char window[4096];
    const char *path = step->path;
    uint64_t took;
    size_t len;

    if (step->kind == GROW && write(step->grows, record, record_len) != (ssize_t)record_len)
        die("append");
    if (step->kind == FRESH) {
        snprintf(window, sizeof(window), "%s/@%" PRId64 "_@%" PRId64 ".json", step->path, step->since + round,
                 step->until);
        path = window;
    }
    took = look(path, &len);
    if (step->kind != FRESH)
        remember(step, len, counts);
    if (counts)
        step->times[round] = took;
}

/* --- what is to be done
 * ------------------------------------------------------------------------------------------ */

static const char *next(char ***args)
{
    if (!**args) {
        fputs("usage: bench_open ROUNDS RECORD (keep PATH | grow FILE PATH | fresh FOLDER SINCE UNTIL)...\n",
              stderr);
        exit(2);
    }
    return *(*args)++;
}

static void add_step(char ***args, int rounds)
{
    struct step *step = &steps[n_steps++];
    const char *kind = next(args);

    *step = (struct step){.kind = strcmp(kind, "grow") == 0    ? GROW
                                  : strcmp(kind, "fresh") == 0 ? FRESH
                                                               : KEEP,
                          .grows = -1};
    if (step->kind == GROW) {
        const char *file = next(args);

        step->grows = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
        if (step->grows < 0)
            die(file);
    }
    step->path = next(args);
    if (step->kind == FRESH) {
        step->since = atoll(next(args));
        step->until = atoll(next(args));
    }
    step->times = calloc((size_t)rounds, sizeof(*step->times));
    if (!step->times)
        die("memory");
}

static void load_record(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, record, sizeof(record));

    if (n <= 0)
        die(path);
    record_len = (size_t)n;
    close(fd);
}

/* --- what it says
 * ------------------------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void say(struct step *step, int rounds)
{
    qsort(step->times, (size_t)rounds, sizeof(*step->times), by_value);
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %zu\n", step->times[rounds / 2], step->times[0],
           step->times[(size_t)rounds * 99 / 100], step->same);
}

/*
 * Where nothing changes, every round takes the steps in an order of its own: in a fixed one, the step that
 * follows another daemon's always finds the caches without its own, and the next one never does.
 */
static void shuffle(size_t order[STEPS_MAX])
{
    static uint64_t seed = 1;

    for (size_t i = n_steps; i > 1; i--) {
        size_t other, kept = order[i - 1];

        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        other = (size_t)(seed >> 33) % i;
        order[i - 1] = order[other];
        order[other] = kept;
    }
}

int main(int argc, char **argv)
{
    size_t order[STEPS_MAX];
    bool changes = false;
    char **args = argv + 1;
    int rounds = atoi(next(&args)), warm_up;
    bool stale = false;

    if (rounds < 1 || rounds > ROUNDS_MAX)
        return 2;
    load_record(next(&args));
    while (*args && n_steps < STEPS_MAX)
        add_step(&args, rounds);
    warm_up = rounds / 10 < WARM_UP_MAX ? rounds / 10 + 1 : WARM_UP_MAX;
    for (size_t i = 0; i < n_steps; i++) {
        order[i] = i;
        changes |= steps[i].kind == GROW;
    }
    for (int round = -warm_up; round < rounds; round++) {
        if (!changes)
            shuffle(order);
        for (size_t i = 0; i < n_steps; i++)
            take(&steps[order[i]], round, round >= 0);
    }
    for (size_t i = 0; i < n_steps; i++) {
        say(&steps[i], rounds);
        stale |= steps[i].kind == GROW && steps[i].same > 0;
        free(steps[i].times);
        free(steps[i].last);
        if (steps[i].grows >= 0)
            close(steps[i].grows);
    }
    if (stale)
        fputs("bench_open: stale: a look after growth showed what was there before\n", stderr);
    return stale ? EXIT_FAILURE : EXIT_SUCCESS;
}
