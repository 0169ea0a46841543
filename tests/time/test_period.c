/* Days, weeks and months against counting: every day of 9999 years. */
#include <string.h>

#include "time/calendar.h"
#include "time/period.h"
#include "effort.h"
#include "tap.h"

START_TEST(weeks_follow_each_other)
{
    char name[16], last[16] = "";
    int64_t day = CALENDAR_FIRST_DAY; /* a Monday */

    for (; day + 7 <= CALENDAR_LAST_DAY; day += 7 * by_effort(97, 1, 1)) {
        struct period week = period_of_week(day + 6), by_number;
        int year, number;

        *week_put(name, day) = '\0';
        if (week.first != day || week.end != day + 7 || strcmp(name, last) <= 0 ||
            sscanf(name, "%4d-W%2d", &year, &number) != 2 || !period_week(year, number, &by_number) ||
            by_number.first != day || by_number.end != day + 7)
            ck_abort_msg("%s after %s", name, last);
        memcpy(last, name, sizeof(last));
    }
}
END_TEST

/* Long years begin on a Thursday, or on a Wednesday and have a leap day. */
START_TEST(years_of_53_weeks)
{
    static const int long_years[] = {2004, 2009, 2015, 2020, 2026, 2032, 2037, 2043, 2048};
    size_t n = 0;

    for (int year = 2000; year <= 2050; year++) {
        struct period week;
        bool is_long = n < sizeof(long_years) / sizeof(*long_years) && long_years[n] == year;

        ck_assert(period_week(year, 52, &week));
        ck_assert_msg(period_week(year, 53, &week) == is_long, "%d", year);
        n += is_long;
        ck_assert(!period_week(year, 0, &week));
        ck_assert(!period_week(year, 54, &week));
    }
    ck_assert(!period_week(0, 1, &(struct period){0}));
    ck_assert(!period_week(10000, 1, &(struct period){0}));
}
END_TEST

START_TEST(months_follow_each_other)
{
    int64_t day = CALENDAR_FIRST_DAY;

    for (int year = 1; year <= 9999; year++)
        for (int month = 1; month <= 12; month++) {
            struct period first = period_of_month(day), last;
            char name[16], want[16];

            last = period_of_month(first.end - 1);
            *month_put(name, first.end - 1) = '\0';
            snprintf(want, sizeof(want), "%04d-%02d", year, month);
            if (first.first != day || last.first != day || last.end != first.end || strcmp(name, want) != 0)
                ck_abort_msg("%s is %s", want, name);
            day = first.end;
        }
    ck_assert_int_eq(day - 1, CALENDAR_LAST_DAY);
}
END_TEST

START_TEST(a_day_is_itself)
{
    struct period day = period_of_day(-5);

    ck_assert_int_eq(day.first, -5);
    ck_assert_int_eq(day.end, -4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("period");

    TEST(suite, weeks_follow_each_other);
    TEST(suite, years_of_53_weeks);
    TEST(suite, months_follow_each_other);
    TEST(suite, a_day_is_itself);
    return tap_run(suite);
}
