/*
 * Days, ISO weeks and months, by day numbers.
 *
 * A week belongs to the year of its Thursday, so the first week of a year is the one with January 4.
 */
#include "time/period.h"

#include "base/decimal.h"
#include "time/calendar.h"

enum { DAYS_PER_WEEK = 7, TO_THURSDAY = 3 };

struct period period_of_day(int64_t day)
{
    return (struct period){day, day + 1};
}

struct period period_of_week(int64_t day)
{
    int64_t weekday = (day + TO_THURSDAY) % DAYS_PER_WEEK; /* Monday is 0; day 0 is a Thursday */
    int64_t monday = day - (weekday < 0 ? weekday + DAYS_PER_WEEK : weekday);

    return (struct period){monday, monday + DAYS_PER_WEEK};
}

struct period period_of_month(int64_t day)
{
    struct date date = date_of_days(day), next;

    date.day = 1;
    next =
        date.month == 12 ? (struct date){date.year + 1, 1, 1} : (struct date){date.year, date.month + 1, 1};
    return (struct period){date_to_days(date), date_to_days(next)};
}

bool period_week(int year, int week, struct period *out)
{
    int64_t monday;

    if (year < 1 || year > 9999 || week < 1 || week > 53)
        return false;
    monday =
        period_of_week(date_to_days((struct date){year, 1, 4})).first + (int64_t)(week - 1) * DAYS_PER_WEEK;
    if (monday + TO_THURSDAY >= date_to_days((struct date){year + 1, 1, 1}))
        return false;
    *out = (struct period){monday, monday + DAYS_PER_WEEK};
    return true;
}

char *week_put(char *to, int64_t day)
{
    int64_t thursday = period_of_week(day).first + TO_THURSDAY;
    int year = date_of_days(thursday).year;
    int64_t in_year = thursday - date_to_days((struct date){year, 1, 1});

    to = decimal_put(to, (uint64_t)year, 4);
    *to++ = '-';
    *to++ = 'W';
    return decimal_put(to, (uint64_t)(in_year / DAYS_PER_WEEK + 1), 2);
}

char *month_put(char *to, int64_t day)
{
    struct date date = date_of_days(day);

    to = decimal_put(to, (uint64_t)date.year, 4);
    *to++ = '-';
    return decimal_put(to, (uint64_t)date.month, 2);
}
