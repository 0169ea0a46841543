/*
 * How far a file's times can be trusted.
 *
 * They move in ticks: 10 ms in many kernels, seconds in old filesystems. A second change within one tick
 * leaves the times as they were. So a file has to be read once more when one tick has surely passed since its
 * times were first seen. How long that was is measured with the monotonic clock, not read off the times: the
 * clock of a file server is not ours.
 */
#ifndef OKSTRAFS_FILES_FILE_TIME_H
#define OKSTRAFS_FILES_FILE_TIME_H

#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* Not mtime: this one also moves with the mode, when what could not be read may be tried again. */
static inline int64_t file_ctime_ns(const struct stat *st)
{
    return st->st_ctim.tv_sec * INT64_C(1000000000) + st->st_ctim.tv_nsec;
}

/* More than one tick of the clock that gave this time. */
static inline int64_t file_tick_ns(int64_t ctime_ns)
{
    return ctime_ns % 1000000000 ? INT64_C(25000000) : INT64_C(2100000000);
}

static inline int64_t monotonic_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

#endif
