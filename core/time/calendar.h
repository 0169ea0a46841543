/* The proleptic Gregorian calendar, years 1 to 9999, as day numbers (0 = 1970-01-01). */
#ifndef OKSTRAFS_TIME_CALENDAR_H
#define OKSTRAFS_TIME_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CALENDAR_FIRST_DAY = -719162, /* 0001-01-01 */
    CALENDAR_LAST_DAY = 2932896,  /* 9999-12-31 */
};

/* Instants before 1970 are negative: division that rounds down. */
static inline int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct date {
    int year;
    int month;
    int day;
};

bool date_valid(struct date date);
int64_t date_to_days(struct date date); /* of a valid date; also of months and days that are in range only */
struct date date_of_days(int64_t days); /* CALENDAR_FIRST_DAY ... CALENDAR_LAST_DAY */

/* These return the end of what they write, where no NUL is. */
char *date_put(char *to, struct date date); /* 2026-06-10 */
char *clock_put(char *to, int32_t seconds); /* 23:59, of a second of a day */

#endif
