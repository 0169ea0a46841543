/*
 * Time zones: known changes of the clock, strange files, and a second opinion: the C library's own
 * localtime().
 */
#include <errno.h>
#include <time.h>

#include "okstrafs/zone.h"
#include "scratch.h"
#include "effort.h"
#include "tap.h"

enum { HOUR = 3600, DAY = 86400 };

static struct oks_zone *zone(const char *name)
{
    struct oks_zone *z;
    int rc = oks_zone_new(&z, name, OKS_ZONEINFO);

    ck_assert_msg(rc == 0, "%s: %s", name, strerror(-rc));
    return z;
}

/* A time in UTC. */
static int64_t utc(int year, int month, int day, int hour, int minute)
{
    struct tm tm = {
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};

    return timegm(&tm);
}

static int64_t day_of(int year, int month, int day)
{
    return utc(year, month, day, 0, 0) / DAY;
}

static bool have_files(void)
{
    return access(OKS_ZONEINFO "/America/New_York", R_OK) == 0;
}

START_TEST(utc_needs_no_file)
{
    struct oks_zone *z;

    ck_assert_int_eq(oks_zone_offset(NULL, 0, NULL), 0);
    ck_assert_int_eq(oks_zone_day(NULL, -1), -1);
    ck_assert_int_eq(oks_zone_day(NULL, DAY), 1);
    ck_assert_int_eq(oks_zone_day_start(NULL, 7), 7 * DAY);
    ck_assert_int_eq(oks_zone_new(&z, "UTC", NULL), 0);
    ck_assert_int_eq(oks_zone_offset(z, 1234567890, NULL), 0);
    oks_zone_free(z);
    ck_assert_int_eq(oks_zone_new(&z, "", NULL), 0);
    oks_zone_free(z);
    oks_zone_free(NULL);
}
END_TEST

static void check_new_york(const struct oks_zone *z)
{
    int64_t until;

    /* 2026-03-08: 02:00 EST becomes 03:00 EDT, at 07:00Z */
    ck_assert_int_eq(oks_zone_offset(z, utc(2026, 3, 8, 6, 59), &until), -5 * HOUR);
    ck_assert_int_eq(until, utc(2026, 3, 8, 7, 0));
    ck_assert_int_eq(oks_zone_offset(z, utc(2026, 3, 8, 7, 0), &until), -4 * HOUR);
    ck_assert_int_eq(until, utc(2026, 11, 1, 6, 0));
    ck_assert_int_eq(oks_zone_day_start(z, day_of(2026, 3, 8)), utc(2026, 3, 8, 5, 0));
    ck_assert_int_eq(oks_zone_day_start(z, day_of(2026, 3, 9)), utc(2026, 3, 9, 4, 0)); /* 23 hours */
    ck_assert_int_eq(oks_zone_day_start(z, day_of(2026, 11, 1)), utc(2026, 11, 1, 4, 0));
    ck_assert_int_eq(oks_zone_day_start(z, day_of(2026, 11, 2)), utc(2026, 11, 2, 5, 0)); /* 25 hours */
    ck_assert_int_eq(oks_zone_day(z, utc(2026, 3, 9, 3, 59)), day_of(2026, 3, 8));
    ck_assert_int_eq(oks_zone_day(z, utc(2026, 3, 9, 4, 0)), day_of(2026, 3, 9));
    ck_assert_int_eq(oks_zone_day(z, utc(2026, 11, 2, 4, 59)), day_of(2026, 11, 1));
    ck_assert_int_eq(oks_zone_day(z, utc(2026, 11, 2, 5, 0)), day_of(2026, 11, 2));
    /* behind the last transition of any file */
    ck_assert_int_eq(oks_zone_offset(z, utc(2126, 7, 1, 0, 0), NULL), -4 * HOUR);
    ck_assert_int_eq(oks_zone_offset(z, utc(2126, 1, 1, 0, 0), NULL), -5 * HOUR);
}

START_TEST(new_york_across_its_changes)
{
    struct oks_zone *z = zone("EST5EDT,M3.2.0,M11.1.0");

    check_new_york(z);
    oks_zone_free(z);
    z = zone("EST5EDT4,M3.2.0/2,M11.1.0/2:00:00");
    check_new_york(z);
    oks_zone_free(z);
    if (!have_files())
        return;
    z = zone("America/New_York");
    check_new_york(z);
    oks_zone_free(z);
    z = zone(":America/New_York");
    check_new_york(z);
    oks_zone_free(z);
    z = zone(OKS_ZONEINFO "/America/New_York");
    check_new_york(z);
    oks_zone_free(z);
}
END_TEST

START_TEST(seoul)
{
    static const char *const names[] = {"KST-9", "<+09>-9", "UTC-09:00", "Asia/Seoul"};

    for (size_t i = 0; i < 3u + have_files(); i++) {
        struct oks_zone *z = zone(names[i]);

        ck_assert_int_eq(oks_zone_offset(z, utc(2026, 6, 10, 0, 0), NULL), 9 * HOUR);
        ck_assert_int_eq(oks_zone_day_start(z, day_of(2026, 6, 10)), utc(2026, 6, 9, 15, 0));
        ck_assert_int_eq(oks_zone_day(z, utc(2026, 6, 9, 14, 59)), day_of(2026, 6, 9));
        ck_assert_int_eq(oks_zone_day(z, utc(2026, 6, 9, 15, 0)), day_of(2026, 6, 10));
        oks_zone_free(z);
    }
    if (have_files()) {
        struct oks_zone *z = zone("Asia/Seoul");

        /* summer time in 1988: from May 8, 02:00 to October 9, 03:00 */
        ck_assert_int_eq(oks_zone_offset(z, utc(1988, 5, 7, 16, 59), NULL), 9 * HOUR);
        ck_assert_int_eq(oks_zone_offset(z, utc(1988, 5, 7, 17, 0), NULL), 10 * HOUR);
        ck_assert_int_eq(oks_zone_day_start(z, day_of(1988, 7, 1)), utc(1988, 6, 30, 14, 0));
        oks_zone_free(z);
    }
}
END_TEST

START_TEST(rules_of_all_kinds)
{
    static const struct {
        const char *name;
        int month, hour; /* of 2025, the first day of the month */
        int32_t offset;
    } cases[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", 7, 0, 2 * HOUR},
        {"CET-1CEST,M3.5.0,M10.5.0/3", 12, 0, HOUR},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", 1, 0, 11 * HOUR}, /* summer over the year's end */
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", 6, 0, 10 * HOUR},
        {"NST3:30NDT,M3.2.0,M11.1.0", 7, 0, -9000},
        {"AAA0BBB,J60,J61", 3, 1, 0},
        {"AAA0BBB,J60,J61", 3, 2, HOUR}, /* J60 is March 1 in every year */
        {"AAA0BBB,59,60", 3, 2, HOUR},   /* 59 is March 1 but for leap years */
        {"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", 7, 0, -2 * HOUR},
        {"EST5EDT", 7, 0, -4 * HOUR},
        {"XXX3EDT4,0/0,J365/23", 7, 0, -4 * HOUR}, /* all the year */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct oks_zone *z;

        ck_assert_int_eq(oks_zone_new(&z, cases[i].name, NULL), 0);
        ck_assert_msg(oks_zone_offset(z, utc(2025, cases[i].month, 1, cases[i].hour, 0), NULL) ==
                          cases[i].offset,
                      "%s", cases[i].name);
        oks_zone_free(z);
    }
}
END_TEST

START_TEST(what_is_no_zone)
{
    static const char *const names[] = {"Nowhere/Atall",
                                        "EST",
                                        "E5",
                                        "EST5EDT,M3",
                                        "EST25",
                                        "EST5EDT,M3.2.0,M13.1.0",
                                        "KST-9x",
                                        "<+09-9",
                                        "../etc/passwd",
                                        "EST5EDT,M3.2.0,M11.1.0,",
                                        ":KST-9",
                                        "EST5EDT,J0,J1",
                                        "EST5EDT,M3.6.0,J1",
                                        "/no/such/file",
                                        "/",
                                        "EST5EDT,366,J1",
                                        "EST5:60",
                                        "EST5EDT,M3.2.0/168,J1"};
    struct oks_zone *z;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        ck_assert_msg(oks_zone_new(&z, names[i], scratch) == -ENOENT, "%s", names[i]);
}
END_TEST

/* --- files --- */

/* One transition, from UTC to an hour ahead, and KST-9 from then on. */
static size_t tzif(unsigned char out[256])
{
    static const char header[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                 "\0\0\0\1\0\0\0\1";
    static const char second[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
                                 "\0\0\0\2\0\0\0\4";
    size_t n = 0;

    memcpy(out, header, 36);
    memcpy(out + 32, "\0\0\0\0\0\0\0\1\0\0\0\1", 12);
    n = 44;
    memcpy(out + n, "\0\0\0\0\0\0\0", 7); /* one type, one character */
    n += 7;
    memcpy(out + n, second, 44);
    memcpy(out + n + 32, "\0\0\0\1\0\0\0\2\0\0\0\4", 12);
    n += 44;
    memcpy(out + n, "\0\0\0\0\0\1\x51\x80\1", 9);
    n += 9;
    memcpy(out + n, "\0\0\0\0\0\0\0\0\x0e\x10\1\0", 12);
    n += 12;
    memcpy(out + n, "A\0B\0\nKST-9\n", 11);
    return n + 11;
}

START_TEST(a_file_by_hand)
{
    unsigned char bytes[256];
    size_t len = tzif(bytes);
    struct oks_zone *z;
    int64_t until;

    ck_assert_int_eq(oks_zone_read(&z, bytes, len), 0);
    ck_assert_int_eq(oks_zone_offset(z, DAY - 1, &until), 0);
    ck_assert_int_eq(until, DAY);
    ck_assert_int_eq(oks_zone_offset(z, DAY, &until), 9 * HOUR);
    ck_assert_int_eq(until, INT64_MAX);
    oks_zone_free(z);
    make_file("Zone", bytes, len);
    ck_assert_int_eq(oks_zone_new(&z, "Zone", scratch), 0);
    ck_assert_int_eq(oks_zone_offset(z, DAY, NULL), 9 * HOUR);
    oks_zone_free(z);
    make_file("Bad", "TZif", 4);
    ck_assert_int_eq(oks_zone_new(&z, "Bad", scratch), -EINVAL);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_refused)
{
    unsigned char bytes[256];
    size_t len = tzif(bytes);
    struct oks_zone *z;

    for (size_t n = 0; n < len; n++) {
        void *copy = malloc(n ? n : 1); /* so that reading beyond it is noticed */

        memcpy(copy, bytes, n);
        ck_assert_msg(oks_zone_read(&z, copy, n) == -EINVAL, "cut at %zu", n);
        free(copy);
    }
}
END_TEST

START_TEST(a_file_with_any_byte_changed_does_no_harm)
{
    unsigned char bytes[256];
    size_t len = tzif(bytes);

    for (size_t i = 0; i < len; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct oks_zone *z;

            bytes[i] ^= (unsigned char)(1 << bit);
            if (oks_zone_read(&z, bytes, len) == 0) {
                int64_t day = oks_zone_day(z, 20000 * (int64_t)DAY);

                ck_assert_int_ge(day, 19998);
                ck_assert_int_le(day, 20002);
                oks_zone_free(z);
            }
            bytes[i] ^= (unsigned char)(1 << bit);
        }
}
END_TEST

/* --- the C library's opinion --- */

/* Before 1971 the C library does not follow the rules of a string. */
static void compare_with_libc(const char *name, int64_t first)
{
    struct oks_zone *z = zone(name);
    uint64_t x = 1;

    setenv("TZ", name, 1);
    tzset();
    for (unsigned i = 0; i < by_effort(1000, 20000, 200000); i++) {
        time_t t;
        struct tm tm;
        int64_t until, day, start;
        int32_t offset;

        x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
        t = (time_t)(first + (int64_t)(x >> 31)); /* 272 years */
        offset = oks_zone_offset(z, t, &until);
        localtime_r(&t, &tm);
        ck_assert_msg(offset == tm.tm_gmtoff, "%s at %lld: %d, libc %ld", name, (long long)t, (int)offset,
                      tm.tm_gmtoff);
        ck_assert_int_gt(until, t);
        if (until != INT64_MAX) { /* at the border too */
            time_t before = until - 1, at = until;

            ck_assert_int_eq(oks_zone_offset(z, before, NULL), localtime_r(&before, &tm)->tm_gmtoff);
            ck_assert_int_eq(oks_zone_offset(z, at, NULL), localtime_r(&at, &tm)->tm_gmtoff);
        }
        day = oks_zone_day(z, t);
        start = oks_zone_day_start(z, day);
        ck_assert_int_le(start, t);
        ck_assert_int_gt(oks_zone_day_start(z, day + 1), t);
    }
    oks_zone_free(z);
    unsetenv("TZ");
    tzset();
}

START_TEST(as_the_c_library)
{
    static const char *const rules[] = {"KST-9", "EST5EDT,M3.2.0,M11.1.0", "AEST-10AEDT,M10.1.0,M4.1.0/3",
                                        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"};
    static const char *const files[] = {"Asia/Seoul",          "America/New_York", "Europe/Dublin",
                                        "America/St_Johns",    "Pacific/Apia",     "Africa/Casablanca",
                                        "Australia/Lord_Howe", "Asia/Kathmandu",   "America/Sao_Paulo"};

    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
        compare_with_libc(rules[i], 400 * DAY);
    for (size_t i = 0; have_files() && i < sizeof(files) / sizeof(*files); i++)
        compare_with_libc(files[i], -2000000000);
}
END_TEST

START_TEST(a_skipped_day_is_empty)
{
    struct oks_zone *z;

    if (!have_files())
        return;
    z = zone("Pacific/Apia"); /* 2011-12-29 was followed by 2011-12-31 */
    ck_assert_int_eq(oks_zone_day_start(z, day_of(2011, 12, 30)),
                     oks_zone_day_start(z, day_of(2011, 12, 31)));
    ck_assert_int_eq(oks_zone_day(z, utc(2011, 12, 30, 9, 59)), day_of(2011, 12, 29));
    ck_assert_int_eq(oks_zone_day(z, utc(2011, 12, 30, 10, 0)), day_of(2011, 12, 31));
    oks_zone_free(z);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("zone");

    TEST(s, utc_needs_no_file);
    TEST(s, new_york_across_its_changes);
    TEST(s, seoul);
    TEST(s, rules_of_all_kinds);
    SCRATCH_TEST(s, what_is_no_zone);
    SCRATCH_TEST(s, a_file_by_hand);
    TEST(s, a_file_cut_anywhere_is_refused);
    TEST(s, a_file_with_any_byte_changed_does_no_harm);
    TEST(s, as_the_c_library);
    TEST(s, a_skipped_day_is_empty);
    return tap_run(s);
}
