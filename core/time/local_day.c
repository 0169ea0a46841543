/*
 * Local days as spans of stamps.
 *
 * Invariant: the spans of two days have no stamp in common, and ascend with the days. Strings that are no
 * time, such as those of February 30, may lie between two of them.
 */
#include "time/local_day.h"

#include <string.h>

#include "base/decimal.h"
#include "time/calendar.h"

enum {
    SECONDS_PER_DAY = 86400,
    DATE_LENGTH = 10, /* YYYY-MM-DD */
    ZONE_DAYS = 2,    /* no local time is that many days away from UTC */
};

bool instant_text(int64_t seconds, int millis, char buf[OKS_STAMP_TEXT])
{
    int64_t days = floor_div(seconds, SECONDS_PER_DAY);
    int time = (int)(seconds - days * SECONDS_PER_DAY);
    char *end = buf;

    if (days < CALENDAR_FIRST_DAY || days > CALENDAR_LAST_DAY)
        return false;
    end = date_put(end, date_of_days(days));
    *end++ = 'T';
    end = clock_put(end, time);
    *end++ = ':';
    end = decimal_put(end, (uint64_t)time % 60, 2);
    if (millis != NO_MILLIS) {
        *end++ = '.';
        end = decimal_put(end, (uint64_t)millis, 3);
    }
    memcpy(end, "Z", 2);
    return true;
}

/* Local days at the ends of the calendar may reach beyond it in UTC. */
static int64_t clamped(int64_t seconds)
{
    const int64_t first = CALENDAR_FIRST_DAY * INT64_C(86400);
    const int64_t last = (CALENDAR_LAST_DAY + 1) * INT64_C(86400) - 1;

    return seconds < first ? first : seconds > last ? last : seconds;
}

void day_first_text(const struct oks_zone *zone, int64_t day, char buf[OKS_STAMP_TEXT])
{
    instant_text(clamped(oks_zone_day_start(zone, day)), 0, buf);
}

void day_last_text(const struct oks_zone *zone, int64_t day, char buf[OKS_STAMP_TEXT])
{
    instant_text(clamped(oks_zone_day_start(zone, day + 1) - 1), NO_MILLIS, buf);
}

struct oks_stamp day_first_stamp(const struct oks_zone *zone, int64_t day)
{
    char buf[OKS_STAMP_TEXT];

    day_first_text(zone, day, buf);
    return oks_stamp_of(oks_slice_of(buf));
}

struct oks_stamp day_last_stamp(const struct oks_zone *zone, int64_t day)
{
    char buf[OKS_STAMP_TEXT];

    day_last_text(zone, day, buf);
    return oks_stamp_of(oks_slice_of(buf));
}

static bool read_digits(const char *p, int n, int *value)
{
    for (*value = 0; n > 0; n--, p++) {
        if (*p < '0' || *p > '9')
            return false;
        *value = *value * 10 + (*p - '0');
    }
    return true;
}

/* The day that a stamp begins with, in UTC; false: it begins with none. */
static bool utc_day_of(struct oks_stamp stamp, int64_t *day)
{
    char buf[OKS_STAMP_TEXT];
    struct oks_slice text = oks_stamp_text(stamp, buf);
    struct date date;

    if (text.len < DATE_LENGTH || text.ptr[4] != '-' || text.ptr[7] != '-' ||
        !read_digits(text.ptr, 4, &date.year) || !read_digits(text.ptr + 5, 2, &date.month) ||
        !read_digits(text.ptr + 8, 2, &date.day) || !date_valid(date))
        return false;
    *day = date_to_days(date);
    return true;
}

/* A binary search: of all days, or of those around the stamp's date. */
int64_t day_reaching(const struct oks_zone *zone, struct oks_stamp stamp, int64_t first, int64_t end)
{
    int64_t low = first, high = end, utc;

    if (utc_day_of(stamp, &utc)) {
        low = utc - ZONE_DAYS > low ? utc - ZONE_DAYS : low;
        high = utc + ZONE_DAYS < high ? utc + ZONE_DAYS : high;
        if (low > end)
            return end;
        high = high < low ? low : high; /* the stamp is before all days */
    }
    while (low < high) {
        int64_t mid = low + (high - low) / 2;

        if (oks_stamp_cmp(stamp, day_last_stamp(zone, mid)) <= 0)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}
