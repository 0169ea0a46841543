/* What the parts of the scanner's benchmark share. */
#ifndef OKSTRAFS_BENCH_H
#define OKSTRAFS_BENCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a way of reading a transcript found in it: proof that nothing was optimised away, and that all agree.
 */
struct bench_sum {
    uint64_t bytes;
    uint64_t lines;  /* newlines, or objects where the way parses */
    uint64_t tokens; /* input and output tokens of message.usage; 0 where the way does not look */
    uint64_t fields; /* a sum over all fields of all records, where it is asked for */
    int wants_fields;
};

struct oks_record;

/* Takes note of a record: called once per line by all ways that extract one. */
void bench_record(struct bench_sum *sum, const struct oks_record *record);

/*
 * simdjson's DOM, per line, over whole lines with simdjson_padding() readable bytes behind them; adds to
 * *sum. `kernel` is one of simdjson's implementations by name, or NULL for the best that the CPU has. 0, or
 * -1 where it is not there.
 */
int simdjson_dom(const char *kernel, const char *bytes, size_t len, struct bench_sum *sum);

/* The same, but all fields of struct oks_record are filled: what our scanner does, team names left out. */
int simdjson_record(const char *kernel, const char *bytes, size_t len, struct bench_sum *sum);

/* The same through parse_many, which indexes all of the lines in one go, and has nothing more to say from the
 * first bad one on. */
int simdjson_many(const char *kernel, const char *bytes, size_t len, struct bench_sum *sum);

/* What it calls that kernel, or the best one for NULL. */
const char *simdjson_kernel(const char *kernel);

size_t simdjson_padding(void);

#ifdef __cplusplus
}
#endif

#endif
