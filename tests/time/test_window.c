/* Window names: what they mean, and all that is no name. */
#include <errno.h>
#include <string.h>

#include "effort.h"
#include "okstrafs/window.h"
#include "okstrafs/zone.h"
#include "tap.h"

#define NOW INT64_C(1781053323456) /* 2026-06-10T01:02:03.456Z */

static const struct {
    const char *name;
    const char *since;
    const char *until;
    bool relative;
} good[] = {
    {"_.json", "", "", false},
    {"2026-06-10_.json", "2026-06-10T00:00:00.000Z", "", false},
    {"_2026-06-10.json", "", "2026-06-10T23:59:59Z", false},
    {"2026-06-10.json", "2026-06-10T00:00:00.000Z", "2026-06-10T23:59:59Z", false},
    {"2026-06-10_2026-06-09.json", "2026-06-10T00:00:00.000Z", "2026-06-09T23:59:59Z", false},
    {"2024-02-29.json", "2024-02-29T00:00:00.000Z", "2024-02-29T23:59:59Z", false},
    {"0001-01-01_9999-12-31.json", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59Z", false},
    {"2026-06-10T01:02Z_.json", "2026-06-10T01:02:00Z", "", false},
    {"2026-06-10T01:02:03Z_.json", "2026-06-10T01:02:03Z", "", false},
    {"_2026-06-10T01:02:03.004Z.json", "", "2026-06-10T01:02:03.004Z", false},
    {"2026-06-10T01:02:03.000Z_.json", "2026-06-10T01:02:03.000Z", "", false},
    {"2026-06-10T01:02+00:00_.json", "2026-06-10T01:02:00Z", "", false},
    {"2026-06-10T01:02-00:00_.json", "2026-06-10T01:02:00Z", "", false},
    {"2026-06-10T01:00+02:00_.json", "2026-06-09T23:00:00Z", "", false},
    {"2026-06-10T23:30:15.250-05:30_.json", "2026-06-11T05:00:15.250Z", "", false},
    {"2026-01-01T00:00+00:01_.json", "2025-12-31T23:59:00Z", "", false},
    {"2025-12-31T23:59-00:01_.json", "2026-01-01T00:00:00Z", "", false},
    {"2024-03-01T00:00+23:59_.json", "2024-02-29T00:01:00Z", "", false},
    {"2026-03-01T00:00+00:01_.json", "2026-02-28T23:59:00Z", "", false},
    {"2026-06-10T01%3A02%3a03Z_.json", "2026-06-10T01:02:03Z", "", false},
    {"2026-06-10T01:02%2B01:00_.json", "2026-06-10T00:02:00Z", "", false},
    {"%32026-06-10%5F%2Ejson", "2026-06-10T00:00:00.000Z", "", false},
    {"@0_.json", "1970-01-01T00:00:00Z", "", false},
    {"@1781053323_@1781053324.json", "2026-06-10T01:02:03Z", "2026-06-10T01:02:04Z", false},
    {"@253402300799_.json", "9999-12-31T23:59:59Z", "", false},
    {"now_now.json", "2026-06-10T01:02:03.456Z", "2026-06-10T01:02:03.456Z", true},
    {"-5h_now.json", "2026-06-09T20:02:03.456Z", "2026-06-10T01:02:03.456Z", true},
    {"-5h_-30m.json", "2026-06-09T20:02:03.456Z", "2026-06-10T00:32:03.456Z", true},
    {"_-7d.json", "", "2026-06-03T01:02:03.456Z", true},
    {"-0m_.json", "2026-06-10T01:02:03.456Z", "", true},
    {"-739000d_.json", "0003-02-16T01:02:03.456Z", "", true},
    {"today.json", "2026-06-10T00:00:00.000Z", "2026-06-10T23:59:59Z", true},
    {"last-5h.json", "2026-06-09T20:02:03.456Z", "", true},
    {"last-24h.json", "2026-06-09T01:02:03.456Z", "", true},
    {"last-7d.json", "2026-06-03T01:02:03.456Z", "", true},
    {"last-30d.json", "2026-05-11T01:02:03.456Z", "", true},
    {"yesterday.json", "2026-06-09T00:00:00.000Z", "2026-06-09T23:59:59Z", true},
    {"this-week.json", "2026-06-08T00:00:00.000Z", "2026-06-14T23:59:59Z", true},
    {"this-month.json", "2026-06-01T00:00:00.000Z", "2026-06-30T23:59:59Z", true},
    {"2026-06.json", "2026-06-01T00:00:00.000Z", "2026-06-30T23:59:59Z", false},
    {"2024-02.json", "2024-02-01T00:00:00.000Z", "2024-02-29T23:59:59Z", false},
    {"2026-12.json", "2026-12-01T00:00:00.000Z", "2026-12-31T23:59:59Z", false},
    {"9999-12.json", "9999-12-01T00:00:00.000Z", "9999-12-31T23:59:59Z", false},
    {"2026-W24.json", "2026-06-08T00:00:00.000Z", "2026-06-14T23:59:59Z", false},
    {"2026-W01.json", "2025-12-29T00:00:00.000Z", "2026-01-04T23:59:59Z", false},
    {"2026-W53.json", "2026-12-28T00:00:00.000Z", "2027-01-03T23:59:59Z", false},
    {"2021-W01.json", "2021-01-04T00:00:00.000Z", "2021-01-10T23:59:59Z", false},
    {"2024-W52.json", "2024-12-23T00:00:00.000Z", "2024-12-29T23:59:59Z", false},
    {"0001-W01.json", "0001-01-01T00:00:00.000Z", "0001-01-07T23:59:59Z", false},
    {"9999-W52.json", "9999-12-27T00:00:00.000Z", "9999-12-31T23:59:59Z", false},
    {"2026-06-10Z.json", "2026-06-10T00:00:00.000Z", "2026-06-10T23:59:59Z", false},
    {"2026%2DW24%5A.json", "2026-06-08T00:00:00.000Z", "2026-06-14T23:59:59Z", false},
};

START_TEST(names_that_parse)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct oks_window window;

        ck_assert_msg(oks_window_parse(oks_slice_of(good[i].name), NULL, NOW, &window) == 0, "%s",
                      good[i].name);
        ck_assert_msg(strcmp(window.since, good[i].since) == 0, "%s: since %s", good[i].name, window.since);
        ck_assert_msg(strcmp(window.until, good[i].until) == 0, "%s: until %s", good[i].name, window.until);
        ck_assert_msg(window.relative == good[i].relative, "%s: relative", good[i].name);
    }
}
END_TEST

#define SEOUL    "KST-9"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"
#define NEPAL    "<+0545>-5:45"
#define SKIPS    "AAA10BBB-14,M6.2.0/0,M10.1.0/0" /* 2026-06-14 is skipped, and 2026-10-04 lasts 48 hours */

static const struct {
    const char *zone;
    const char *now; /* NULL: as above */
    const char *name;
    const char *since;
    const char *until;
} local[] = {
    {SEOUL, NULL, "2026-06-10", "2026-06-09T15:00:00.000Z", "2026-06-10T14:59:59Z"},
    {SEOUL, NULL, "2026-06-10Z", "2026-06-10T00:00:00.000Z", "2026-06-10T23:59:59Z"},
    {SEOUL, NULL, "2026-06-10_2026-06-11", "2026-06-09T15:00:00.000Z", "2026-06-11T14:59:59Z"},
    {SEOUL, NULL, "2026-06-10Z_2026-06-11", "2026-06-10T00:00:00.000Z", "2026-06-11T14:59:59Z"},
    {SEOUL, NULL, "_2026-06-11Z", "", "2026-06-11T23:59:59Z"},
    {SEOUL, NULL, "2026-06-10T01:00Z_", "2026-06-10T01:00:00Z", ""},
    {SEOUL, NULL, "2026-06", "2026-05-31T15:00:00.000Z", "2026-06-30T14:59:59Z"},
    {SEOUL, NULL, "2026-06Z", "2026-06-01T00:00:00.000Z", "2026-06-30T23:59:59Z"},
    {SEOUL, NULL, "2026-W24", "2026-06-07T15:00:00.000Z", "2026-06-14T14:59:59Z"},
    {SEOUL, NULL, "2026-W24Z", "2026-06-08T00:00:00.000Z", "2026-06-14T23:59:59Z"},
    {SEOUL, "2026-06-10T14:59:59.999Z", "today", "2026-06-09T15:00:00.000Z", "2026-06-10T14:59:59Z"},
    {SEOUL, "2026-06-10T15:00:00.000Z", "today", "2026-06-10T15:00:00.000Z", "2026-06-11T14:59:59Z"},
    {SEOUL, "2026-06-10T15:00:00.000Z", "yesterday", "2026-06-09T15:00:00.000Z", "2026-06-10T14:59:59Z"},
    {SEOUL, "2026-06-14T15:00:00.000Z", "this-week", "2026-06-14T15:00:00.000Z", "2026-06-21T14:59:59Z"},
    {SEOUL, "2026-06-14T14:59:59.000Z", "this-week", "2026-06-07T15:00:00.000Z", "2026-06-14T14:59:59Z"},
    {SEOUL, "2026-06-30T14:59:59.000Z", "this-month", "2026-05-31T15:00:00.000Z", "2026-06-30T14:59:59Z"},
    {SEOUL, "2026-12-31T15:00:00.000Z", "this-month", "2026-12-31T15:00:00.000Z", "2027-01-31T14:59:59Z"},
    {SEOUL, NULL, "last-30d", "2026-05-11T01:02:03.456Z", ""},
    {NEW_YORK, NULL, "2026-03-08", "2026-03-08T05:00:00.000Z", "2026-03-09T03:59:59Z"},
    {NEW_YORK, NULL, "2026-11-01", "2026-11-01T04:00:00.000Z", "2026-11-02T04:59:59Z"},
    {NEW_YORK, NULL, "2026-W10", "2026-03-02T05:00:00.000Z", "2026-03-09T03:59:59Z"},
    {NEW_YORK, NULL, "2026-11", "2026-11-01T04:00:00.000Z", "2026-12-01T04:59:59Z"},
    {NEW_YORK, "2026-11-02T04:59:59.999Z", "today", "2026-11-01T04:00:00.000Z", "2026-11-02T04:59:59Z"},
    {SEOUL, NULL, "0001-01-01_9999-12-31", "0001-01-01T00:00:00.000Z", "9999-12-31T14:59:59Z"},
    {NEW_YORK, NULL, "0001-01-01_9999-12-31", "0001-01-01T05:00:00.000Z", "9999-12-31T23:59:59Z"},
    {NEPAL, NULL, "2026-06-10", "2026-06-09T18:15:00.000Z", "2026-06-10T18:14:59Z"},
    {SKIPS, NULL, "2026-06-13", "2026-06-13T10:00:00.000Z", "2026-06-14T09:59:59Z"},
    {SKIPS, NULL, "2026-06-14", "2026-06-14T10:00:00.000Z", "2026-06-14T09:59:59Z"},
    {SKIPS, NULL, "2026-06-15", "2026-06-14T10:00:00.000Z", "2026-06-15T09:59:59Z"},
    {SKIPS, "2026-06-14T10:00:00.000Z", "today", "2026-06-14T10:00:00.000Z", "2026-06-15T09:59:59Z"},
    {SKIPS, "2026-06-14T10:00:00.000Z", "yesterday", "2026-06-13T10:00:00.000Z", "2026-06-14T09:59:59Z"},
    {SKIPS, NULL, "2026-W24", "2026-06-08T10:00:00.000Z", "2026-06-14T09:59:59Z"},
    {SKIPS, NULL, "2026-10-03", "2026-10-02T10:00:00.000Z", "2026-10-04T09:59:59Z"},
};

/* In the zones of POSIX strings, which need no file. */
START_TEST(local_days_weeks_and_months)
{
    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
        char name[64];
        struct oks_window window;
        struct oks_zone *zone;
        int64_t now = NOW * 1000;
        bool aware;

        ck_assert_int_eq(oks_zone_new(&zone, local[i].zone, NULL), 0);
        if (local[i].now)
            ck_assert_int_eq(oks_stamp_micros(oks_stamp_of(oks_slice_of(local[i].now)), &now, &aware), 0);
        snprintf(name, sizeof(name), "%s.json", local[i].name);
        ck_assert_msg(oks_window_parse(oks_slice_of(name), zone, now / 1000, &window) == 0, "%s", name);
        ck_assert_msg(strcmp(window.since, local[i].since) == 0, "%s in %s: since %s", name, local[i].zone,
                      window.since);
        ck_assert_msg(strcmp(window.until, local[i].until) == 0, "%s in %s: until %s", name, local[i].zone,
                      window.until);
        oks_zone_free(zone);
    }
}
END_TEST

static const char *const bad[] = {
    "",
    ".json",
    "_",
    "_.JSON",
    "_.jso",
    "_json",
    "_.json ",
    " _.json",
    "_.json.json",
    "__.json",
    "2026-06-10__.json",
    "2026-06-10_2026-06-11_.json",
    "2026-06-10",
    "2026-06-10_2026-06-11",
    "2026-6-10.json",
    "26-06-10.json",
    "2026-06-10 .json",
    "2026-06-100.json",
    "2026/06/10.json",
    "20260610.json",
    "2026-W24-3.json",
    "2026-W00.json",
    "2026-W54.json",
    "2025-W53.json",
    "2026-W1.json",
    "2026-w24.json",
    "2026W24.json",
    "2026-W24_.json",
    "0000-W01.json",
    "9999-W53.json",
    "2026-W24ZZ.json",
    "2026-W24z.json",
    "2026-00.json",
    "2026-13.json",
    "2026-6.json",
    "2026-060.json",
    "0000-12.json",
    "2026-06_.json",
    "_2026-06.json",
    "2026-06-.json",
    "2026.json",
    "2026-06-10ZZ.json",
    "2026-06-10z.json",
    "2026-06-10+09:00.json",
    "2026-06-10Z_2026-06-11ZZ.json",
    "todayZ.json",
    "yesterday_.json",
    "tomorrow.json",
    "this-year.json",
    "This-week.json",
    "last-week.json",
    "last-31d.json",
    "2026-02-29.json",
    "2026-02-30_.json",
    "2026-00-10.json",
    "2026-13-10.json",
    "2026-06-00.json",
    "2026-06-31.json",
    "1900-02-29.json",
    "0000-01-01.json",
    "10000-01-01_.json",
    "2026-06-10T01:00_.json",
    "2026-06-10T01:00:00_.json",
    "2026-06-10T01Z_.json",
    "2026-06-10TZ_.json",
    "2026-06-10T_.json",
    "2026-06-10T24:00Z_.json",
    "2026-06-10T23:60Z_.json",
    "2026-06-10T23:59:60Z_.json",
    "2026-06-10t01:00Z_.json",
    "2026-06-10T01:00z_.json",
    "2026-06-10 01:00Z_.json",
    "2026-06-10T01:00ZZ_.json",
    "2026-06-10T1:00Z_.json",
    "2026-06-10T01:00:00.Z_.json",
    "2026-06-10T01:00:00.1Z_.json",
    "2026-06-10T01:00:00.12Z_.json",
    "2026-06-10T01:00:00.1234Z_.json",
    "2026-06-10T01:00:00,123Z_.json",
    "2026-06-10T01:00.123Z_.json",
    "2026-06-10T01:00+24:00_.json",
    "2026-06-10T01:00+00:60_.json",
    "2026-06-10T01:00+0000_.json",
    "2026-06-10T01:00+00_.json",
    "2026-06-10T01:00+0:00_.json",
    "2026-06-10T01:00+00:00:00_.json",
    "2026-06-10T01:00+01:00Z_.json",
    "2026-06-10T01:00Z.json",
    "0001-01-01T00:00+00:01_.json",
    "_9999-12-31T23:59-00:01.json",
    "@_.json",
    "@-1_.json",
    "@1.5_.json",
    "@0x10_.json",
    "@253402300800_.json",
    "@9999999999999_.json",
    "@1_.json@",
    "@1.json",
    "Now_.json",
    "now.json",
    "now+1h_.json",
    "-_.json",
    "-h_.json",
    "-5_.json",
    "-5s_.json",
    "-5H_.json",
    "-5hh_.json",
    "--5h_.json",
    "+5h_.json",
    "-1234567890m_.json",
    "-999999999d_.json",
    "-750000d_.json",
    "-5h.json",
    "5h_.json",
    "- 5h_.json",
    "Today.json",
    "today",
    "today_.json",
    "last-6h.json",
    "last-5h_.json",
    "last-.json",
    "last.json",
    "last-5h.json.json",
    "2026-06-10T01%3_.json",
    "2026-06-10T01%_.json",
    "2026-06-10T01%GG00Z_.json",
    "%",
    "%5",
    "_.json%",
    "2026-06-10%00.json",
    "_.jso%6",
    "%25_.json",
    "2026-06-10T01%253A00Z_.json",
};

START_TEST(names_that_do_not)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct oks_window window, before;

        memset(&window, 'x', sizeof(window));
        before = window;
        ck_assert_msg(oks_window_parse(oks_slice_of(bad[i]), NULL, NOW, &window) == -ENOENT, "%s", bad[i]);
        ck_assert_msg(memcmp(&window, &before, sizeof(window)) == 0, "%s: written on failure", bad[i]);
    }
}
END_TEST

START_TEST(long_names_do_not_parse)
{
    char name[400];
    struct oks_window window;

    for (size_t i = 0; i < sizeof(name); i += 3)
        memcpy(name + i, "%5F%5F", sizeof(name) - i < 3 ? sizeof(name) - i : 3);
    ck_assert_int_eq(oks_window_parse((struct oks_slice){name, sizeof(name)}, NULL, NOW, &window), -ENOENT);
    ck_assert_int_eq(oks_window_parse((struct oks_slice){NULL, 0}, NULL, NOW, &window), -ENOENT);
    ck_assert_int_eq(oks_window_parse((struct oks_slice){"_.json", 5}, NULL, NOW, &window), -ENOENT);
}
END_TEST

START_TEST(a_clock_outside_the_calendar)
{
    const int64_t last_ms = INT64_C(253402300799999); /* a Friday */
    struct oks_window window;

    ck_assert_int_eq(oks_window_parse(OKS_SLICE("now_.json"), NULL, INT64_MAX, &window), -ENOENT);
    ck_assert_int_eq(oks_window_parse(OKS_SLICE("-1d_.json"), NULL, INT64_MIN, &window), -ENOENT);
    ck_assert_int_eq(oks_window_parse(OKS_SLICE("today.json"), NULL, INT64_MAX, &window), -ENOENT);
    ck_assert_int_eq(oks_window_parse(OKS_SLICE("this-month.json"), NULL, INT64_MIN, &window), -ENOENT);
    ck_assert_int_eq(oks_window_parse(OKS_SLICE("this-week.json"), NULL, last_ms, &window), 0);
    ck_assert_str_eq(window.until, "9999-12-31T23:59:59Z");
    ck_assert_int_eq(oks_window_parse(OKS_SLICE("this-month.json"), NULL, last_ms, &window), 0);
    ck_assert_int_eq(oks_window_parse(OKS_SLICE("-1d_.json"), NULL, -1, &window), 0);
    ck_assert_str_eq(window.since, "1969-12-30T23:59:59.999Z");
}
END_TEST

START_TEST(bounds_as_stamps)
{
    struct oks_window window;

    ck_assert_int_eq(oks_window_parse(OKS_SLICE("_.json"), NULL, NOW, &window), 0);
    ck_assert(oks_stamp_is_none(oks_window_since(&window)));
    ck_assert(oks_stamp_is_none(oks_window_until(&window)));
    ck_assert_int_eq(oks_window_parse(OKS_SLICE("2026-06-10.json"), NULL, NOW, &window), 0);
    ck_assert_uint_eq(oks_window_since(&window).key, oks_stamp_of(OKS_SLICE("2026-06-10T00:00:00.000Z")).key);
    ck_assert_uint_eq(oks_window_until(&window).key, oks_stamp_of(OKS_SLICE("2026-06-10T23:59:59Z")).key);
}
END_TEST

START_TEST(every_preset_parses)
{
    size_t n = 0;

    for (; oks_window_preset(n); n++) {
        struct oks_window window;

        ck_assert_int_eq(oks_window_parse(oks_slice_of(oks_window_preset(n)), NULL, NOW, &window), 0);
        ck_assert(window.relative);
    }
    ck_assert_uint_eq(n, 8);
}
END_TEST

START_TEST(times_as_text)
{
    static const struct {
        int64_t ms;
        const char *text;
    } times[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {NOW, "2026-06-10T01:02:03.456Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(-2203891200001), "1900-02-28T23:59:59.999Z"},
        {INT64_C(-62135596800000), "0001-01-01T00:00:00.000Z"},
        {INT64_C(-62135596800001), "0001-01-01T00:00:00.000Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {INT64_C(253402300800000), "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0001-01-01T00:00:00.000Z"},
    };

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        char buf[OKS_STAMP_TEXT];

        oks_time_text(times[i].ms, buf);
        ck_assert_str_eq(buf, times[i].text);
    }
}
END_TEST

/* Every third day of 10,000 years: the text of an instant reads back as that instant. */
START_TEST(the_calendar_closes)
{
    char last[OKS_STAMP_TEXT] = "";

    for (int64_t day = -719162; day <= 2932896; day += by_effort(97, 7, 1)) {
        char buf[OKS_STAMP_TEXT];
        int64_t micros;
        bool aware;

        oks_time_text(day * 86400000 + 43200001, buf);
        if (strcmp(buf, last) <= 0 ||
            oks_stamp_micros(oks_stamp_of(oks_slice_of(buf)), &micros, &aware) != 0 ||
            micros != (day * 86400000 + 43200001) * 1000)
            ck_abort_msg("%s after %s", buf, last); /* only then: an assertion per day would take a minute */
        memcpy(last, buf, sizeof(last));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("window");

    TEST(suite, names_that_parse);
    TEST(suite, local_days_weeks_and_months);
    TEST(suite, names_that_do_not);
    TEST(suite, long_names_do_not_parse);
    TEST(suite, a_clock_outside_the_calendar);
    TEST(suite, bounds_as_stamps);
    TEST(suite, every_preset_parses);
    TEST(suite, times_as_text);
    TEST(suite, the_calendar_closes);
    return tap_run(suite);
}
