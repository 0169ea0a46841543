/*
 * What a stamp means in time: the reading of Python 3.11's datetime.fromisoformat, to the letter.
 *
 * The collector computes durationMs from the first and last timestamp with fromisoformat after every "Z" was
 * replaced by "+00:00", and swallows what does not parse. Our answer has to be the same number, so the
 * oddities of that reader are kept, among them: any character may separate date and time, basic and week
 * dates, a fraction after a comma, a fraction straight behind undivided digits, minutes up to 99 in an
 * offset, an offset that has only a fraction is none. It reads NUL-terminated bytes, so a NUL inside a string
 * ends some of its checks; we read a zero-padded copy the same way.
 *
 * The copy is of fixed size without losing anything: only runs of digits can be long in a text that parses,
 * and of these all but the first few count at most by being odd or even in number; so long runs lose digits
 * in pairs. What is too long even then does not parse.
 */
#include "okstrafs/stamp.h"

#include <errno.h>

#include "time/calendar.h"
#include "time/stamp_key.h"

enum {
    ISO_TEXT = 512,
    DIGITS_KEPT = 32, /* of a run of digits, or one less: 21 can matter */
    DAY_SECONDS = 86400,
};

struct clock {
    int part[3]; /* hours, minutes, seconds: two digits each, not checked */
    int micros;
};

enum clock_end {
    CLOCK_BAD = -1,
    CLOCK_WHOLE, /* the string ended with it */
    CLOCK_MORE,  /* something stands behind it */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Exactly n digits; NULL where there are fewer. */
static const char *digits(const char *p, size_t n, int *value)
{
    int sum = 0;

    for (; n; n--, p++) {
        if (!is_digit(*p))
            return NULL;
        sum = sum * 10 + (*p - '0');
    }
    *value = sum;
    return p;
}

/* The text with every Z replaced and long runs of digits shortened by pairs; false: it is too long to parse.
 */
static bool prepare(struct oks_slice text, char buf[ISO_TEXT], size_t *len)
{
    size_t n = 0, run = 0;

    for (size_t i = 0; i < text.len; i++) {
        run = is_digit(text.ptr[i]) ? run + 1 : 0;
        if (run > DIGITS_KEPT) {
            n--; /* this digit and the one before it */
            run -= 2;
            continue;
        }
        if (n + 8 > ISO_TEXT)
            return false;
        if (text.ptr[i] == 'Z') {
            memcpy(buf + n, "+00:00", 6);
            n += 6;
            run = 2;
        } else {
            buf[n++] = text.ptr[i];
        }
    }
    memset(buf + n, 0, ISO_TEXT - n);
    *len = n;
    return true;
}

/* Where the date ends: any character may separate, so that only the shape of the date tells. 0: nowhere. */
static size_t date_length(const char *p, size_t len)
{
    size_t end = 7;

    if (len <= 7)
        return len == 7 ? 7 : 0;
    if (p[4] == '-') {
        if (p[5] != 'W')
            return 10;
        if (p[8] != '-')
            return 8;
        /* 2026-W24-3 or 2026-W24 with a time behind a '-': two digits there are taken as an hour */
        return len == 9 ? 0 : len > 10 && is_digit(p[10]) ? 8 : 10;
    }
    if (p[4] != 'W')
        return 8;
    while (end < len && is_digit(p[end]))
        end++;
    if (end < 9)
        return end;
    return end % 2 ? 8 : 7; /* times come in pairs of digits, so an odd one is the day of the week */
}

/* Day number of an ISO week date; false where there is no such week or day. */
static bool week_days(int year, int week, int day, int64_t *days)
{
    int64_t new_year, first_monday;
    int weekday;

    if (year < 1 || day < 1 || day > 7 || week < 1 || week > 53)
        return false;
    new_year = date_to_days((struct date){year, 1, 1});
    weekday = (int)((new_year - CALENDAR_FIRST_DAY) % 7); /* Monday is 0, and 0001-01-01 was one */
    if (week == 53 && weekday != 3 && !(weekday == 2 && date_valid((struct date){year, 2, 29})))
        return false;
    first_monday = new_year - weekday + (weekday > 3 ? 7 : 0);
    *days = first_monday + (week - 1) * 7 + day - 1;
    return *days <= CALENDAR_LAST_DAY && *days >= CALENDAR_FIRST_DAY;
}

static bool read_week_date(const char *p, const char *end, bool dashed, int year, int64_t *days)
{
    int week, day = 1;

    p = digits(p, 2, &week);
    if (!p)
        return false;
    if (p < end) {
        if (dashed && *p++ != '-')
            return false;
        if (!digits(p, 1, &day))
            return false;
    }
    return week_days(year, week, day, days);
}

static bool read_date(const char *text, size_t len, int64_t *days)
{
    struct date date;
    const char *p = digits(text, 4, &date.year);
    bool dashed;

    if (!p)
        return false;
    dashed = *p == '-';
    p += dashed;
    if (*p == 'W')
        return read_week_date(p + 1, text + len, dashed, date.year, days);
    p = digits(p, 2, &date.month);
    if (!p || (dashed && *p++ != '-') || !digits(p, 2, &date.day) || !date_valid(date))
        return false;
    *days = date_to_days(date);
    return true;
}

/* The digits of a fraction up to `end`, of which six count. */
static enum clock_end read_fraction(const char *p, const char *end, int *micros)
{
    size_t n = end - p > 6 ? 6 : (size_t)(end - p);
    int value;

    p = digits(p, n, &value);
    if (!p)
        return CLOCK_BAD;
    for (; n < 6; n++)
        value *= 10;
    *micros = value;
    while (is_digit(*p))
        p++;
    return *p ? CLOCK_MORE : CLOCK_WHOLE;
}

/* hh[mm[ss[f]]] or hh[:mm[:ss[.f]]]: whether colons stand in it is settled behind the hours. */
static enum clock_end read_clock(const char *p, const char *end, struct clock *out)
{
    bool colons = false;

    *out = (struct clock){0};
    for (int i = 0; i < 3; i++) {
        char c;

        p = digits(p, 2, &out->part[i]);
        if (!p)
            return CLOCK_BAD;
        c = *p++;
        if (i == 0)
            colons = c == ':';
        if (p >= end)
            return c ? CLOCK_MORE : CLOCK_WHOLE;
        if (c == '.' || c == ',')
            break;
        if (!colons)
            p--;
        else if (c != ':')
            return CLOCK_BAD;
    }
    return read_fraction(p, end, &out->micros);
}

static int64_t clock_seconds(const struct clock *clock)
{
    return clock->part[0] * 3600 + clock->part[1] * 60 + clock->part[2];
}

/* An offset of a day or more is none; one of less than a second is taken as zero. */
static bool read_offset(char sign, const char *p, const char *end, int64_t *micros)
{
    struct clock clock;
    int64_t value;

    if (read_clock(p, end, &clock) != CLOCK_WHOLE)
        return false;
    value = clock_seconds(&clock) * 1000000 + clock.micros;
    if (value >= DAY_SECONDS * INT64_C(1000000))
        return false;
    if (clock_seconds(&clock) == 0)
        value = 0;
    *micros = sign == '-' ? -value : value;
    return true;
}

/* Time of day and offset; *micros is in UTC where there is an offset. */
static bool read_time(const char *p, const char *end, int64_t *micros, bool *aware)
{
    const char *sign = p;
    struct clock clock;
    enum clock_end rest;
    int64_t offset = 0;

    while (sign < end && *sign != '+' && *sign != '-')
        sign++;
    rest = read_clock(p, sign, &clock);
    if (rest == CLOCK_BAD || (sign == end && rest == CLOCK_MORE))
        return false;
    if (clock.part[0] > 23 || clock.part[1] > 59 || clock.part[2] > 59)
        return false;
    if (sign < end && !read_offset(*sign, sign + 1, end, &offset))
        return false;
    *micros = clock_seconds(&clock) * 1000000 + clock.micros - offset;
    *aware = sign < end;
    return true;
}

static size_t char_length(const char *p)
{
    unsigned char c = (unsigned char)*p;

    return c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
}

/* The two decimal digits of a number that end there. */
static int two_digits(uint64_t number, uint64_t end)
{
    return (int)(number / end % 100);
}

/* Of a canonical stamp, without its text. False: it is none, or no instant. */
static bool read_key(uint64_t key, int64_t *micros)
{
    uint64_t digits = key >> STAMP_KEY_SHIFT, millis = key & ((1u << STAMP_KEY_SHIFT) - 1);
    struct date date = {(int)(digits / 10000000000), two_digits(digits, 100000000),
                        two_digits(digits, 1000000)};
    int hour = two_digits(digits, 10000), minute = two_digits(digits, 100), second = two_digits(digits, 1);

    if (key >= OKS_STAMP_KEY_TEXT || millis > STAMP_NO_FRACTION || !date_valid(date) || hour > 23 ||
        minute > 59 || second > 59)
        return false;
    millis = millis == STAMP_NO_FRACTION ? 0 : millis;
    *micros =
        (((date_to_days(date) * 24 + hour) * 60 + minute) * 60 + second) * 1000000 + (int64_t)millis * 1000;
    return true;
}

int oks_stamp_micros(struct oks_stamp s, int64_t *micros, bool *aware)
{
    char own[OKS_STAMP_TEXT], buf[ISO_TEXT];
    size_t len, date_len;
    int64_t days, time = 0;
    bool zoned = false;

    if (read_key(s.key, micros)) {
        *aware = true;
        return 0;
    }
    if (oks_stamp_is_none(s) || !prepare(oks_stamp_text(s, own), buf, &len))
        return -EINVAL;
    date_len = date_length(buf, len);
    if (date_len == 0 || !read_date(buf, date_len, &days))
        return -EINVAL;
    if (len > date_len) {
        size_t from = date_len + char_length(buf + date_len);

        if (from > len || !read_time(buf + from, buf + len, &time, &zoned))
            return -EINVAL;
    }
    *micros = days * DAY_SECONDS * 1000000 + time;
    *aware = zoned;
    return 0;
}

/*
 * a / 10^6 correctly rounded, for a > 0. Up to 2^53 the operand is exact and one division rounds once.
 * Beyond, the quotient is taken with 55 bits or more, its lowest made sticky, and rounded once by the
 * conversion.
 */
static double seconds_of(int64_t micros)
{
    unsigned __int128 wide = (unsigned __int128)micros << 22;
    uint64_t quotient = (uint64_t)(wide / 1000000);

    if (micros <= INT64_C(1) << 53)
        return (double)micros / 1e6;
    return (double)(quotient | (wide % 1000000 != 0)) * 0x1p-22; /* exact */
}

int64_t oks_duration_ms(struct oks_stamp first, struct oks_stamp last)
{
    int64_t from, to;
    bool from_aware, to_aware;

    if (oks_stamp_micros(first, &from, &from_aware) || oks_stamp_micros(last, &to, &to_aware))
        return 0;
    if (from_aware != to_aware || to <= from)
        return 0;
    return (int64_t)(seconds_of(to - from) * 1000.0);
}
