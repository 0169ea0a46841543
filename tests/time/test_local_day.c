/* Local days as spans of stamps: they part all canonical stamps, whatever the zone does. */
#include <string.h>

#include "time/calendar.h"
#include "time/local_day.h"
#include "effort.h"
#include "tap.h"

/* None; one that changes its clocks; one that skips a day a year, and has one of 48 hours. */
static const char *const zone_names[] = {"UTC", "EST5EDT,M3.2.0,M11.1.0", "AAA10BBB-14,M6.2.0/0,M10.1.0/0",
                                         "<-0330>3:30"};

enum { FIRST = 20454, END = 20820 }; /* 2026-01-01 ... 2027-01-01 */

static void each_zone(void (*fn)(const struct oks_zone *zone))
{
    for (size_t i = 0; i < sizeof(zone_names) / sizeof(zone_names[0]); i++) {
        struct oks_zone *zone;

        ck_assert_int_eq(oks_zone_new(&zone, zone_names[i], NULL), 0);
        fn(zone);
        oks_zone_free(zone);
    }
}

static struct oks_stamp stamp(const char *text)
{
    return oks_stamp_of(oks_slice_of(text));
}

static void check_spans(const struct oks_zone *zone)
{
    for (int64_t day = FIRST; day < END; day++) {
        struct oks_stamp first = day_first_stamp(zone, day), last = day_last_stamp(zone, day);
        struct oks_stamp next = day_first_stamp(zone, day + 1);
        bool skipped = oks_zone_day_start(zone, day) == oks_zone_day_start(zone, day + 1);

        ck_assert_int_eq(oks_stamp_cmp(first, last) < 0, !skipped);
        ck_assert_int_lt(oks_stamp_cmp(last, next), 0);
    }
}

START_TEST(spans_ascend)
{
    each_zone(check_spans);
}
END_TEST

/* Every 50 minutes of a year (a sample of these under valgrind), with the last millisecond and the form
 * without a fraction. */
static void check_reaching(const struct oks_zone *zone)
{
    for (int64_t t = oks_zone_day_start(zone, FIRST); t < oks_zone_day_start(zone, END);
         t += 3000 * by_effort(29, 1, 1)) {
        for (int millis = NO_MILLIS; millis <= 999; millis += 500) {
            char text[OKS_STAMP_TEXT];
            int64_t day = oks_zone_day(zone, t);

            if (!instant_text(t, millis, text) || day_reaching(zone, stamp(text), FIRST, END) != day ||
                day_reaching(zone, stamp(text), day, day) != day ||
                day_reaching(zone, stamp(text), day, day + 1) != day ||
                day_reaching(zone, stamp(text), day + 1, END) != day + 1 ||
                day_reaching(zone, stamp(text), FIRST, day) != day)
                ck_abort_msg("%s", text);
        }
    }
}

START_TEST(a_stamp_is_of_its_day)
{
    each_zone(check_reaching);
}
END_TEST

static void check_odd(const struct oks_zone *zone)
{
    static const char *const texts[] = {
        "",           "2",          "2026-02-30T00:00:00Z", "2026-02-28T99:00:00Z",
        "2026-06-1:", "2026-06-10", "2026-06-10T01+02:00",  "2026-13-01T00:00:00Z",
        "2026-00-00", "1999",       "3000-01-01T00:00:00Z", "zebra"};

    for (size_t i = 1; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t day = FIRST;

        while (day < END && oks_stamp_cmp(stamp(texts[i]), day_last_stamp(zone, day)) > 0)
            day++;
        ck_assert_msg(day_reaching(zone, stamp(texts[i]), FIRST, END) == day, "%s", texts[i]);
    }
}

/* Strings that are no time, against a search from the first day on. */
START_TEST(any_string_has_its_place)
{
    each_zone(check_odd);
}
END_TEST

START_TEST(outside_the_calendar)
{
    char text[OKS_STAMP_TEXT];

    day_first_text(NULL, CALENDAR_FIRST_DAY, text);
    ck_assert_str_eq(text, "0001-01-01T00:00:00.000Z");
    day_last_text(NULL, CALENDAR_LAST_DAY, text);
    ck_assert_str_eq(text, "9999-12-31T23:59:59Z");
    day_first_text(NULL, CALENDAR_FIRST_DAY - 1, text);
    ck_assert_str_eq(text, "0001-01-01T00:00:00.000Z");
    day_last_text(NULL, CALENDAR_LAST_DAY + 1, text);
    ck_assert_str_eq(text, "9999-12-31T23:59:59Z");
    ck_assert(!instant_text((CALENDAR_LAST_DAY + 1) * INT64_C(86400), 0, text));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("local_day");

    TEST(suite, spans_ascend);
    TEST(suite, a_stamp_is_of_its_day);
    TEST(suite, any_string_has_its_place);
    TEST(suite, outside_the_calendar);
    return tap_run(suite);
}
