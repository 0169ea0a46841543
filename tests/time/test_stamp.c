/* Stamps: order, spelling, and the reading of time that must be Python's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "okstrafs/stamp.h"
#include "tap.h"

static struct oks_stamp stamp(const char *text)
{
    return oks_stamp_of(oks_slice_of(text));
}

/* Strings in byte order, each canonical or close to it. */
static const char *const ascending[] = {
    "\x01",
    " 2026-06-10T01:00:00Z",
    "0000-00-00T00:00:00.000Z",
    "0000-00-00T00:00:00.001Z",
    "0000-00-00T00:00:00Z",
    "2026-06-10",
    "2026-06-10 01:00:00Z",
    "2026-06-10T00:59:59.999Z",
    "2026-06-10T00:59:59Z",
    "2026-06-10T01:00:00",
    "2026-06-10T01:00:00+00:00",
    "2026-06-10T01:00:00,123Z",
    "2026-06-10T01:00:00.",
    "2026-06-10T01:00:00.000Z",
    "2026-06-10T01:00:00.001",
    "2026-06-10T01:00:00.0010Z",
    "2026-06-10T01:00:00.001Z",
    "2026-06-10T01:00:00.001z",
    "2026-06-10T01:00:00.01Z",
    "2026-06-10T01:00:00.0:0Z",
    "2026-06-10T01:00:00.999Z",
    "2026-06-10T01:00:00Z",
    "2026-06-10T01:00:00Z ",
    "2026-06-10T01:00:00z",
    "2026-06-10T01:00:01.000Z",
    "2026-06-10t01:00:00Z",
    "2026-06-10~",
    "2026-99-99T99:99:99.999Z",
    "2026-99-99T99:99:99Z",
    "9999-99-99T99:99:99.999Z",
    "9999-99-99T99:99:99Z",
    "9999-99-99T99:99:99[",
    "\xc3\xa9",
    "\xff",
};

enum { N_ASCENDING = sizeof(ascending) / sizeof(ascending[0]) };

START_TEST(order_is_that_of_the_bytes)
{
    for (int a = 0; a < N_ASCENDING; a++)
        for (int b = 0; b < N_ASCENDING; b++) {
            int got = oks_stamp_cmp(stamp(ascending[a]), stamp(ascending[b]));

            ck_assert_int_eq((got > 0) - (got < 0), (a > b) - (a < b));
        }
}
END_TEST

START_TEST(text_comes_back)
{
    for (int i = 0; i < N_ASCENDING; i++) {
        char buf[OKS_STAMP_TEXT];

        ck_assert(oks_slice_eq(oks_stamp_text(stamp(ascending[i]), buf), oks_slice_of(ascending[i])));
    }
}
END_TEST

START_TEST(only_canonical_strings_are_numbers)
{
    static const char *const numbers[] = {"2026-06-10T01:00:00.123Z", "2026-06-10T01:00:00Z",
                                          "9999-99-99T99:99:99Z", "0000-00-00T00:00:00.000Z"};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct oks_stamp s = stamp(numbers[i]);

        ck_assert_uint_lt(s.key, OKS_STAMP_KEY_TEXT);
        ck_assert_ptr_null(s.text);
        for (size_t at = 0; at < strlen(numbers[i]) * 256; at++) { /* every other byte at every place */
            bool digit = numbers[i][at / 256] >= '0' && numbers[i][at / 256] <= '9';
            char other[32], buf[OKS_STAMP_TEXT];
            bool fits;

            strcpy(other, numbers[i]);
            other[at / 256] = (char)(at % 256);
            fits = digit ? at % 256 >= '0' && at % 256 <= '9' : other[at / 256] == numbers[i][at / 256];
            s = oks_stamp_of((struct oks_slice){other, strlen(numbers[i])});
            ck_assert((s.key != OKS_STAMP_KEY_TEXT) == fits);
            ck_assert(!fits || strcmp(oks_stamp_text(s, buf).ptr, other) == 0);
        }
    }
    ck_assert_uint_eq(stamp("2026-06-10T01:00:00.12Z").key, OKS_STAMP_KEY_TEXT);
    ck_assert_uint_eq(stamp("2026-06-10T01:00:00.1234Z").key, OKS_STAMP_KEY_TEXT);
    ck_assert_ptr_nonnull(stamp("x").text);
}
END_TEST

START_TEST(absent_and_empty_are_none)
{
    char buf[OKS_STAMP_TEXT];

    ck_assert(oks_stamp_is_none(oks_stamp_of((struct oks_slice){NULL, 0})));
    ck_assert(oks_stamp_is_none(stamp("")));
    ck_assert(!oks_stamp_is_none(oks_stamp_of(OKS_SLICE("\0"))));
    ck_assert_ptr_null(oks_stamp_text(OKS_STAMP_NONE, buf).ptr);
}
END_TEST

/* What Python 3.11 makes of each after .replace("Z", "+00:00"): parses, microseconds, has an offset. */
static const struct {
    const char *text;
    bool parses;
    int64_t micros;
    bool aware;
} instants[] = {
    {"2026-06-10T01:00:00.123Z", true, INT64_C(1781053200123000), true},
    {"2026-06-10T01:00:00Z", true, INT64_C(1781053200000000), true},
    {"1970-01-01T00:00:00Z", true, INT64_C(0), true},
    {"0001-01-01T00:00:00Z", true, INT64_C(-62135596800000000), true},
    {"9999-12-31T23:59:59.999Z", true, INT64_C(253402300799999000), true},
    {"2026-06-10", true, INT64_C(1781049600000000), false},
    {"20260610", true, INT64_C(1781049600000000), false},
    {"20260610T010203", true, INT64_C(1781053323000000), false},
    {"2026-06-10T010203.5", true, INT64_C(1781053323500000), false},
    {"2026-06-10 01:02:03", true, INT64_C(1781053323000000), false},
    {"2026-06-10x01:02", true, INT64_C(1781053320000000), false},
    {"2026-06-10\xc3\xa9"
     "01:02",
     true, INT64_C(1781053320000000), false},
    {"2026-06-10\xe2\x82\xac"
     "01:02",
     true, INT64_C(1781053320000000), false},
    {"2026-06-10\xf0\x9f\x98\x80"
     "01:02",
     true, INT64_C(1781053320000000), false},
    {"2026-06-10\xc3\xa9"
     "",
     false, 0, false},
    {"2026-06-10T", false, 0, false},
    {"2026-06-10T01", true, INT64_C(1781053200000000), false},
    {"2026-06-10T01:", false, 0, false},
    {"2026-06-10T0102", true, INT64_C(1781053320000000), false},
    {"2026-06-10T01:02:", false, 0, false},
    {"2026-06-10T01:02:03.", false, 0, false},
    {"2026-06-10T01:02:03.1", true, INT64_C(1781053323100000), false},
    {"2026-06-10T01:02:03,25", true, INT64_C(1781053323250000), false},
    {"2026-06-10T01:02:03.123456789", true, INT64_C(1781053323123456), false},
    {"2026-06-10T01:02:03.1234567890123456789012345678901234567890123456789012345678901234567890", true,
     INT64_C(1781053323123456), false},
    {"2026-06-10T01:02:03:456", true, INT64_C(1781053323456000), false},
    {"2026-06-10T01020304", true, INT64_C(1781053323040000), false},
    {"2026-06-10T01:02.5", true, INT64_C(1781053320500000), false},
    {"2026-06-10T01.5", true, INT64_C(1781053200500000), false},
    {"2026-06-10T01:02:03.12a", false, 0, false},
    {"2026-06-10T01:02:03a", false, 0, false},
    {"2026-06-10T1:02:03", false, 0, false},
    {"2026-06-10T24:00:00Z", false, 0, false},
    {"2026-06-10T23:60:00Z", false, 0, false},
    {"2026-06-10T23:59:60Z", false, 0, false},
    {"2026-13-01", false, 0, false},
    {"2026-00-01", false, 0, false},
    {"2026-02-29", false, 0, false},
    {"2024-02-29", true, INT64_C(1709164800000000), false},
    {"1900-02-29", false, 0, false},
    {"2000-02-29", true, INT64_C(951782400000000), false},
    {"2026-06-31", false, 0, false},
    {"2026-06-00", false, 0, false},
    {"0000-06-10", false, 0, false},
    {"2026-W24-3", true, INT64_C(1781049600000000), false},
    {"2026-W24", true, INT64_C(1780876800000000), false},
    {"2026W24", true, INT64_C(1780876800000000), false},
    {"2026W243", true, INT64_C(1781049600000000), false},
    {"2026W24T01", true, INT64_C(1780880400000000), false},
    {"2026W243T01:00", true, INT64_C(1781053200000000), false},
    {"2026W2410203", true, INT64_C(1780884180000000), false},
    {"2026W24110203", true, INT64_C(1780884180000000), false},
    {"2026-W24-3T01:00Z", true, INT64_C(1781053200000000), true},
    {"2026-W24-01:00", true, INT64_C(1780880400000000), false},
    {"2026-W24-0100", true, INT64_C(1780880400000000), false},
    {"2026-W24-3101:00", false, 0, false},
    {"2026-W00-1", false, 0, false},
    {"2026-W53-1", true, INT64_C(1798416000000000), false},
    {"2026-W53-7", true, INT64_C(1798934400000000), false},
    {"2025-W53-1", false, 0, false},
    {"2020-W53-5", true, INT64_C(1609459200000000), false},
    {"2026-W24-0", false, 0, false},
    {"2026-W24-8", false, 0, false},
    {"0001-W01-1", true, INT64_C(-62135596800000000), false},
    {"9999-W52-5", true, INT64_C(253402214400000000), false},
    {"9999-W52-6", false, 0, false},
    {"0000-W10-1", false, 0, false},
    {"2026-W24-", false, 0, false},
    {"2026-W2", false, 0, false},
    {"2026-161", false, 0, false},
    {"2026161", false, 0, false},
    {"2026-6-10", false, 0, false},
    {"2026-06-1", false, 0, false},
    {"2026-0610", false, 0, false},
    {"202606-10", false, 0, false},
    {"2026-06-10T01:00:00+02:00", true, INT64_C(1781046000000000), true},
    {"2026-06-10T01:00:00-05:30", true, INT64_C(1781073000000000), true},
    {"2026-06-10T01:00:00+0530", true, INT64_C(1781033400000000), true},
    {"2026-06-10T01:00:00+05", true, INT64_C(1781035200000000), true},
    {"2026-06-10T01:00:00+05:30:15", true, INT64_C(1781033385000000), true},
    {"2026-06-10T01:00:00+05:30:15.25", true, INT64_C(1781033384750000), true},
    {"2026-06-10T01:00:00-05:30:15.25", true, INT64_C(1781073015250000), true},
    {"2026-06-10T01:00:00+053015", true, INT64_C(1781033385000000), true},
    {"2026-06-10T01:00:00+00:99", true, INT64_C(1781047260000000), true},
    {"2026-06-10T01:00:00+00:00:00.5", true, INT64_C(1781053200000000), true},
    {"2026-06-10T01:00:00+23:59:59.999999", true, INT64_C(1780966800000001), true},
    {"2026-06-10T01:00:00-23:59:59.999999", true, INT64_C(1781139599999999), true},
    {"2026-06-10T01:00:00+24:00", false, 0, false},
    {"2026-06-10T01:00:00-24:00", false, 0, false},
    {"2026-06-10T01:00:00+23:60", false, 0, false},
    {"2026-06-10T01:00:00+", false, 0, false},
    {"2026-06-10T01:00:00+5", false, 0, false},
    {"2026-06-10T01:00:00+05:", false, 0, false},
    {"2026-06-10T01:00:00+05:30Z", false, 0, false},
    {"2026-06-10T01:00:00ZZ", false, 0, false},
    {"2026-06-10T01:00:00z", false, 0, false},
    {"2026-06-10T01:00:00Z ", false, 0, false},
    {"2026-06-10T01Z", true, INT64_C(1781053200000000), true},
    {"2026-06-10T01:Z", true, INT64_C(1781053200000000), true},
    {"2026-06-10T01:00:Z", true, INT64_C(1781053200000000), true},
    {"2026-06-10T01:00:00.Z", true, INT64_C(1781053200000000), true},
    {"2026-06-10Z", true, INT64_C(1781049600000000), false},
    {"2026-06-10Z01:00", false, 0, false},
    {"2026W24Z", true, INT64_C(1780876800000000), false},
    {"2026-W24Z", true, INT64_C(1780876800000000), false},
    {"2026-W24-Z", false, 0, false},
    {"ZZ", false, 0, false},
    {"Z", false, 0, false},
    {"T", false, 0, false},
    {"2026", false, 0, false},
    {"2026-06", false, 0, false},
    {"hello, world", false, 0, false},
    {"2026-06-10T01:00:00 +02:00", true, INT64_C(1781046000000000), true},
    {"2026-06-10+01:00", true, INT64_C(1781053200000000), false},
    {"2026-06-10-01:00", true, INT64_C(1781053200000000), false},
    {"2026-06-10T-01:00", false, 0, false},
    {"+2026-06-10", false, 0, false},
    {"2026-06-10T01:00:00.123456+02:00", true, INT64_C(1781046000123456), true},
    {"2026-06-10T01:00:00.12+02:00", true, INT64_C(1781046000120000), true},
    {"2026-06-10T010000+0200", true, INT64_C(1781046000000000), true},
    {"2026-06-10t01:00:00Z", true, INT64_C(1781053200000000), true},
    {"2026/06/10", false, 0, false},
    {" 2026-06-10", false, 0, false},
    {"2026-06-10T01:00:00\xd9\xa0"
     "",
     false, 0, false},
};

START_TEST(instants_are_pythons)
{
    for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++) {
        int64_t micros = -7;
        bool aware = true;
        int rc = oks_stamp_micros(stamp(instants[i].text), &micros, &aware);

        ck_assert_msg((rc == 0) == instants[i].parses, "%s: %d", instants[i].text, rc);
        if (rc != 0) {
            ck_assert_msg(micros == -7 && aware, "%s: written on failure", instants[i].text);
            continue;
        }
        ck_assert_msg(micros == instants[i].micros, "%s: %lld", instants[i].text, (long long)micros);
        ck_assert_msg(aware == instants[i].aware, "%s: aware", instants[i].text);
    }
}
END_TEST

START_TEST(a_nul_ends_what_python_reads_as_c_string)
{
    int64_t micros;
    bool aware;

    ck_assert_int_eq(oks_stamp_micros(oks_stamp_of(OKS_SLICE("2026-06-10\0")), &micros, &aware), -EINVAL);
    ck_assert_int_eq(oks_stamp_micros(oks_stamp_of(OKS_SLICE("2026-06-10\0"
                                                             "01:00")),
                                      &micros, &aware),
                     0);
    ck_assert_int_eq(
        oks_stamp_micros(oks_stamp_of(OKS_SLICE("2026-06-10T01:00:00.123456\0junk")), &micros, &aware), 0);
    ck_assert(!aware);
    ck_assert_int_eq(oks_stamp_micros(oks_stamp_of(OKS_SLICE("2026-06-10T01:00:00\0junk")), &micros, &aware),
                     -EINVAL);
}
END_TEST

/* Any character may stand between date and time, but only with a T the stamp is a number. */
START_TEST(numbers_are_read_as_their_texts)
{
    size_t parsed = 0;

    srand(1);
    for (int i = 0; i < 20000; i++) {
        unsigned year = (unsigned)rand() % (i % 3 ? 2100 : 10000), month = (unsigned)rand() % 14,
                 day = (unsigned)rand() % 33, hour = (unsigned)rand() % 26, minute = (unsigned)rand() % 62,
                 second = (unsigned)rand() % 62, millis = (unsigned)rand() % 1000;
        int64_t micros[2] = {-7, -7};
        bool aware[2] = {false, false};
        int rc[2];

        for (int spaced = 0; spaced < 2; spaced++) {
            char text[64];
            int n = snprintf(text, sizeof(text), "%04u-%02u-%02u%c%02u:%02u:%02u", year, month, day,
                             spaced ? ' ' : 'T', hour, minute, second);

            if (i % 2)
                n += snprintf(text + n, sizeof(text) - (size_t)n, ".%03u", millis);
            snprintf(text + n, sizeof(text) - (size_t)n, "Z");
            rc[spaced] = oks_stamp_micros(stamp(text), &micros[spaced], &aware[spaced]);
            ck_assert_msg(rc[spaced] == rc[0] && micros[spaced] == micros[0] && aware[spaced] == aware[0],
                          "%s: %lld, %lld", text, (long long)micros[0], (long long)micros[spaced]);
        }
        parsed += rc[0] == 0;
    }
    ck_assert_uint_gt(parsed, 5000);
}
END_TEST

START_TEST(very_long_texts)
{
    enum { LONG = 100000 };
    char *text = malloc(LONG + 1);
    int64_t micros;
    bool aware;

    memset(text, '7', LONG);
    text[LONG] = '\0';
    memcpy(text, "2026-06-10T01:02:03.", 20);
    ck_assert_int_eq(oks_stamp_micros(stamp(text), &micros, &aware), 0);
    ck_assert_int_eq(micros, INT64_C(1781053323777777));
    text[LONG - 1] = 'Z';
    ck_assert_int_eq(oks_stamp_micros(stamp(text), &micros, &aware), 0);
    ck_assert(aware);
    text[LONG - 1] = 'x';
    ck_assert_int_eq(oks_stamp_micros(stamp(text), &micros, &aware), -EINVAL);
    memset(text, 'Z', LONG);
    ck_assert_int_eq(oks_stamp_micros(stamp(text), &micros, &aware), -EINVAL);
    free(text);
}
END_TEST

/* Expected values by Python: int((b - a).total_seconds() * 1000), at least 0. */
static const struct {
    const char *first;
    const char *last;
    int64_t ms;
} durations[] = {
    {"2026-06-10T01:00:00.000Z", "2026-06-10T01:00:01.001Z", 1000},
    {"2026-06-10T01:00:00Z", "2026-06-10T01:00:04.035Z", 4035},
    {"2026-06-10T01:00:00.000001Z", "2026-06-10T01:00:00.001Z", 0},
    {"2026-06-10T01:00:00Z", "2026-06-10T01:00:00Z", 0},
    {"2026-06-10T01:00:01Z", "2026-06-10T01:00:00Z", 0},
    {"2026-06-10", "2026-06-11", 86400000},
    {"2026-06-10", "2026-06-11T00:00:00Z", 0},
    {"2026-06-10T01:00:00Z", "2026-06-11", 0},
    {"2026-06-10T01:00:00Z", "tomorrow", 0},
    {"yesterday", "2026-06-10T01:00:00Z", 0},
    {"2026-06-10T01:00:00+02:00", "2026-06-10T01:00:00Z", 7200000},
    {"0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", 315537897599999},
    {"0001-01-01T00:00:00.000001", "9999-12-31T23:59:59.999999", 315537897600000},
    {"0001-01-01T00:00:00.000001", "0286-06-07T23:47:34.740994", 9007372054740},
    /* more than 2^53 microseconds: two roundings would be one off here */
    {"0001-01-01", "6089-04-10T11:57:53.892981", 192127377473892},
    {"0001-01-01", "4206-08-14T22:31:30.949991", 132716442690950},
    {"0001-01-01", "7830-05-10T17:04:21.972976", 247070538261972},
    {"0001-01-01", "2470-09-01T18:06:32.093989", 77935197992094},
    /* and here the remainder of the division decides a tie */
    {"0001-01-01", "0504-10-01T15:54:57.468999", 15896793297469},
    {"0001-01-01", "0519-08-23T04:42:00.870000", 16366682520870},
};

START_TEST(durations_are_pythons)
{
    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++)
        ck_assert_msg(oks_duration_ms(stamp(durations[i].first), stamp(durations[i].last)) == durations[i].ms,
                      "%s to %s", durations[i].first, durations[i].last);
    ck_assert_int_eq(oks_duration_ms(OKS_STAMP_NONE, stamp("2026-06-10")), 0);
    ck_assert_int_eq(oks_duration_ms(stamp("2026-06-10"), OKS_STAMP_NONE), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stamp");

    TEST(suite, order_is_that_of_the_bytes);
    TEST(suite, text_comes_back);
    TEST(suite, only_canonical_strings_are_numbers);
    TEST(suite, absent_and_empty_are_none);
    TEST(suite, instants_are_pythons);
    TEST(suite, a_nul_ends_what_python_reads_as_c_string);
    TEST(suite, numbers_are_read_as_their_texts);
    TEST(suite, very_long_texts);
    TEST(suite, durations_are_pythons);
    return tap_run(suite);
}
