/* The clocks. Only fs/ reads the time of day; core/ gets it as a parameter. */
#ifndef OKSTRAFS_FS_COMMON_CLOCK_H
#define OKSTRAFS_FS_COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

/* The time of day, in ms since the epoch */
static inline int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* For deadlines, in ms; nobody sets it. */
static inline int64_t monotonic_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* The clock of file times, in ns: what is written from now on is not older, by its mtime. */
static inline int64_t file_time_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME_COARSE, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

#endif
