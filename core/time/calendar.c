/*
 * Dates without the C library: timegm() and friends differ in range, and a time zone must never slip in.
 *
 * Both directions count in years that begin in March, so that the leap day is the last day of a year and the
 * days before a month follow one linear formula.
 */
#include "time/calendar.h"

#include "base/decimal.h"

enum {
    DAYS_PER_400_YEARS = 146097,
    DAYS_FROM_MARCH_0000 = 719468, /* from 0000-03-01 to 1970-01-01 */
};

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool date_valid(struct date date)
{
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (date.year < 1 || date.year > 9999 || date.month < 1 || date.month > 12 || date.day < 1)
        return false;
    return date.day <= length[date.month - 1] + (date.month == 2 && is_leap(date.year));
}

int64_t date_to_days(struct date date)
{
    int64_t year = date.year - (date.month <= 2);
    int month = (date.month + 9) % 12; /* March is 0 */

    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + date.day - 1 -
           DAYS_FROM_MARCH_0000;
}

struct date date_of_days(int64_t days)
{
    int64_t shifted = days + DAYS_FROM_MARCH_0000;
    int64_t era = shifted / DAYS_PER_400_YEARS;
    int64_t in_era = shifted % DAYS_PER_400_YEARS;
    /* The three corrections take out the leap days, the missing ones of centuries, and the last day of 400.
     */
    int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    int month = (int)((5 * in_year + 2) / 153);
    struct date date = {.day = (int)(in_year - (153 * month + 2) / 5 + 1)};

    date.month = month < 10 ? month + 3 : month - 9;
    date.year = (int)(era * 400 + year + (date.month <= 2));
    return date;
}

char *date_put(char *to, struct date date)
{
    to = decimal_put(to, (uint64_t)date.year, 4);
    *to++ = '-';
    to = decimal_put(to, (uint64_t)date.month, 2);
    *to++ = '-';
    return decimal_put(to, (uint64_t)date.day, 2);
}

char *clock_put(char *to, int32_t seconds)
{
    to = decimal_put(to, (uint64_t)seconds / 3600, 2);
    *to++ = ':';
    return decimal_put(to, (uint64_t)seconds / 60 % 60, 2);
}
