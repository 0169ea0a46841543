/* The calendar: every day of 9999 years against counting, and what is no date. */
#include <string.h>

#include "time/calendar.h"
#include "tap.h"

static int length_of(int year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);

    return month == 2 && leap ? 29 : lengths[month - 1];
}

START_TEST(every_day_counts_one)
{
    int64_t days = CALENDAR_FIRST_DAY;

    for (int year = 1; year <= 9999; year++)
        for (int month = 1; month <= 12; month++)
            for (int day = 1; day <= length_of(year, month); day++, days++) {
                struct date date = {year, month, day}, back = date_of_days(days);

                if (date_to_days(date) != days || back.year != year || back.month != month ||
                    back.day != day || !date_valid(date))
                    ck_abort_msg("%d-%d-%d is day %lld", year, month, day, (long long)days);
            }
    ck_assert_int_eq(days - 1, CALENDAR_LAST_DAY);
    ck_assert_int_eq(date_to_days((struct date){1970, 1, 1}), 0);
}
END_TEST

START_TEST(what_is_no_date)
{
    for (int year = 1896; year <= 2004; year++)
        for (int month = 1; month <= 12; month++) {
            ck_assert(!date_valid((struct date){year, month, 0}));
            ck_assert(!date_valid((struct date){year, month, length_of(year, month) + 1}));
        }
    ck_assert(!date_valid((struct date){0, 1, 1}));
    ck_assert(!date_valid((struct date){10000, 1, 1}));
    ck_assert(!date_valid((struct date){2000, 0, 1}));
    ck_assert(!date_valid((struct date){2000, 13, 1}));
    ck_assert(!date_valid((struct date){-4, 1, 1}));
}
END_TEST

/* Rules of time zones count from days that no month has. */
START_TEST(days_in_range_only)
{
    ck_assert_int_eq(date_to_days((struct date){2023, 2, 31}), date_to_days((struct date){2023, 3, 3}));
    ck_assert_int_eq(date_to_days((struct date){2024, 3, 0}), date_to_days((struct date){2024, 2, 29}));
}
END_TEST

START_TEST(text)
{
    char out[16];

    *date_put(out, (struct date){2026, 6, 10}) = '\0';
    ck_assert_str_eq(out, "2026-06-10");
    *date_put(out, (struct date){1, 12, 1}) = '\0';
    ck_assert_str_eq(out, "0001-12-01");
    for (int32_t s = 0; s < 86400; s += 59) {
        char want[16];

        snprintf(want, sizeof(want), "%02d:%02d", s / 3600, s / 60 % 60);
        *clock_put(out, s) = '\0';
        ck_assert_str_eq(out, want);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("calendar");

    TEST(suite, every_day_counts_one);
    TEST(suite, what_is_no_date);
    TEST(suite, days_in_range_only);
    TEST(suite, text);
    return tap_run(suite);
}
