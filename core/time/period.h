/*
 * Days, ISO weeks (Monday to Sunday) and months, as ranges of day numbers (0 is 1970-01-01). Which instants
 * these are depends on a time zone: oks_zone_day_start().
 */
#ifndef OKSTRAFS_TIME_PERIOD_H
#define OKSTRAFS_TIME_PERIOD_H

#include <stdbool.h>
#include <stdint.h>

struct period {
    int64_t first, end; /* the first day, and the first one behind the period */
};

/* The period that a day of the years 1 to 9999 is in; it may end in the year 10000. */
struct period period_of_day(int64_t day);
struct period period_of_week(int64_t day);
struct period period_of_month(int64_t day);

/* A week by its number; false: the year has no such week. */
bool period_week(int year, int week, struct period *out);

/* Write the name of the week or month that a day is in, such as 2026-W24 or 2026-06, and return its end,
 * where no NUL is. */
char *week_put(char *to, int64_t day);
char *month_put(char *to, int64_t day);

#endif
