/*
 * The names in a window/ folder, read strictly: what is not of the grammar is no file.
 *
 * Every bound becomes the text of an instant in UTC, because windows are compared with transcripts' stamps as
 * strings. A day, a week or a month is included whole: its first second ends in ".000Z", which sorts before
 * every canonical stamp of that second, and its last one in "Z", which sorts behind every such stamp.
 */
#include "okstrafs/window.h"

#include <errno.h>

#include "okstrafs/names.h"
#include "okstrafs/zone.h"
#include "time/calendar.h"
#include "time/local_day.h"
#include "time/period.h"

enum { SECONDS_PER_DAY = 86400, AMOUNT_DIGITS = 9, EPOCH_DIGITS = 12 };

const char *oks_window_preset(size_t index)
{
    static const char *const presets[] = {"today.json",      "yesterday.json", "this-week.json",
                                          "this-month.json", "last-5h.json",   "last-24h.json",
                                          "last-7d.json",    "last-30d.json"};

    return index < sizeof(presets) / sizeof(*presets) ? presets[index] : NULL;
}

/* Takes bytes off the front of a slice; all return false, and then the slice is of no more use. */
static bool take(struct oks_slice *s, char c)
{
    if (s->len == 0 || *s->ptr != c)
        return false;
    s->ptr++;
    s->len--;
    return true;
}

static bool take_number(struct oks_slice *s, size_t least, size_t most, int64_t *value)
{
    size_t n = 0;
    int64_t sum = 0;

    for (; n < s->len && n < most && s->ptr[n] >= '0' && s->ptr[n] <= '9'; n++)
        sum = sum * 10 + (s->ptr[n] - '0');
    if (n < least)
        return false;
    s->ptr += n;
    s->len -= n;
    *value = sum;
    return true;
}

static bool take_range(struct oks_slice *s, int64_t last, int64_t *value)
{
    return take_number(s, 2, 2, value) && *value <= last;
}

static bool take_date(struct oks_slice *s, struct date *date)
{
    int64_t year, month, day;

    if (!take_number(s, 4, 4, &year) || !take(s, '-') || !take_number(s, 2, 2, &month) || !take(s, '-') ||
        !take_number(s, 2, 2, &day))
        return false;
    *date = (struct date){(int)year, (int)month, (int)day};
    return date_valid(*date);
}

/* Seconds that are to be taken off the local time. */
static bool take_zone(struct oks_slice *s, int64_t *offset)
{
    int64_t sign, hours, minutes;

    *offset = 0;
    if (take(s, 'Z'))
        return true;
    sign = s->len && *s->ptr == '-' ? -1 : 1;
    if (!take(s, '+') && !take(s, '-'))
        return false;
    if (!take_range(s, 23, &hours) || !take(s, ':') || !take_range(s, 59, &minutes))
        return false;
    *offset = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool print_millis(int64_t ms, char buf[OKS_STAMP_TEXT])
{
    int millis = (int)(ms % 1000);

    /* Not ms - seconds * 1000: the product overflows for the smallest of all times. */
    return instant_text(floor_div(ms, 1000), millis < 0 ? millis + 1000 : millis, buf);
}

void oks_time_text(int64_t ms, char buf[OKS_STAMP_TEXT])
{
    const int64_t first = CALENDAR_FIRST_DAY * INT64_C(1000) * SECONDS_PER_DAY;
    const int64_t end = (CALENDAR_LAST_DAY + 1) * INT64_C(1000) * SECONDS_PER_DAY;

    print_millis(ms < first ? first : ms >= end ? end - 1 : ms, buf);
}

/* What follows the date in YYYY-MM-DDThh:mm[:ss[.mmm]]<zone>. */
static bool parse_time(struct oks_slice s, struct date date, char buf[OKS_STAMP_TEXT])
{
    int64_t hours, minutes, seconds = 0, millis = NO_MILLIS, offset;

    if (!take(&s, 'T') || !take_range(&s, 23, &hours) || !take(&s, ':') || !take_range(&s, 59, &minutes))
        return false;
    if (take(&s, ':')) {
        if (!take_range(&s, 59, &seconds))
            return false;
        if (take(&s, '.') && !take_number(&s, 3, 3, &millis))
            return false;
    }
    if (!take_zone(&s, &offset) || s.len > 0)
        return false;
    seconds += date_to_days(date) * SECONDS_PER_DAY + hours * 3600 + minutes * 60 - offset;
    return instant_text(seconds, (int)millis, buf);
}

static bool parse_epoch(struct oks_slice s, char buf[OKS_STAMP_TEXT])
{
    int64_t seconds;

    return take(&s, '@') && take_number(&s, 1, EPOCH_DIGITS, &seconds) && s.len == 0 &&
           instant_text(seconds, NO_MILLIS, buf);
}

/* -<n>m, -<n>h, -<n>d */
static bool parse_ago(struct oks_slice s, int64_t now_ms, char buf[OKS_STAMP_TEXT])
{
    int64_t amount, unit;

    if (!take(&s, '-') || !take_number(&s, 1, AMOUNT_DIGITS, &amount) || s.len != 1)
        return false;
    unit = *s.ptr == 'm' ? 60 : *s.ptr == 'h' ? 3600 : *s.ptr == 'd' ? SECONDS_PER_DAY : 0;
    if (unit == 0 || __builtin_sub_overflow(now_ms, amount * unit * 1000, &now_ms))
        return false;
    return print_millis(now_ms, buf);
}

struct parse {
    const struct oks_zone *zone;
    int64_t now_ms;
    struct oks_window window;
};

/* The zone of a date: UTC if a 'Z' follows. */
static const struct oks_zone *take_date_zone(struct parse *parse, struct oks_slice *s)
{
    return take(s, 'Z') ? NULL : parse->zone;
}

static bool parse_day(struct parse *parse, struct oks_slice s, struct date date, bool is_until)
{
    const struct oks_zone *zone = take_date_zone(parse, &s);
    int64_t day = date_to_days(date);

    if (s.len > 0)
        return false;
    if (is_until)
        day_last_text(zone, day, parse->window.until);
    else
        day_first_text(zone, day, parse->window.since);
    return true;
}

static bool parse_bound(struct parse *parse, struct oks_slice s, bool is_until)
{
    char *buf = is_until ? parse->window.until : parse->window.since;
    struct date date;

    if (s.len == 0)
        return true; /* open */
    if (*s.ptr == '@')
        return parse_epoch(s, buf);
    if (*s.ptr == '-') {
        parse->window.relative = true;
        return parse_ago(s, parse->now_ms, buf);
    }
    if (oks_slice_eq(s, OKS_SLICE("now"))) {
        parse->window.relative = true;
        return print_millis(parse->now_ms, buf);
    }
    if (!take_date(&s, &date))
        return false;
    return s.len && *s.ptr == 'T' ? parse_time(s, date, buf) : parse_day(parse, s, date, is_until);
}

static bool parse_both(struct parse *parse, struct oks_slice since, struct oks_slice until)
{
    return parse_bound(parse, since, false) && parse_bound(parse, until, true);
}

static void set_period(struct parse *parse, const struct oks_zone *zone, struct period period)
{
    day_first_text(zone, period.first, parse->window.since);
    day_last_text(zone, period.end - 1, parse->window.until);
}

/* YYYY-MM-DD, YYYY-MM, YYYY-Www */
static bool take_period(struct oks_slice *s, struct period *out)
{
    struct oks_slice rest = *s;
    int64_t year, number;
    struct date date;

    if (take_date(s, &date)) {
        *out = period_of_day(date_to_days(date));
        return true;
    }
    *s = rest;
    if (!take_number(s, 4, 4, &year) || !take(s, '-'))
        return false;
    if (take(s, 'W'))
        return take_number(s, 2, 2, &number) && period_week((int)year, (int)number, out);
    if (!take_number(s, 2, 2, &number))
        return false;
    date = (struct date){(int)year, (int)number, 1};
    if (!date_valid(date))
        return false;
    *out = period_of_month(date_to_days(date));
    return true;
}

static bool parse_period(struct parse *parse, struct oks_slice s)
{
    const struct oks_zone *zone;
    struct period period;

    if (!take_period(&s, &period))
        return false;
    zone = take_date_zone(parse, &s);
    if (s.len > 0)
        return false;
    set_period(parse, zone, period);
    return true;
}

/* The local day of now; false outside the years 0001 to 9999. */
static bool today(const struct parse *parse, int64_t *day)
{
    int64_t now = floor_div(parse->now_ms, 1000), utc = floor_div(now, SECONDS_PER_DAY);

    if (utc < CALENDAR_FIRST_DAY || utc > CALENDAR_LAST_DAY)
        return false;
    *day = oks_zone_day(parse->zone, now);
    return *day >= CALENDAR_FIRST_DAY && *day <= CALENDAR_LAST_DAY;
}

/* Not the number before: a zone may have skipped that day. */
static struct period day_before(const struct oks_zone *zone, int64_t day)
{
    return period_of_day(oks_zone_day(zone, oks_zone_day_start(zone, day) - 1));
}

/* Presets that include whole days. */
static bool parse_current(struct parse *parse, struct oks_slice s)
{
    struct period period;
    int64_t day;

    if (!today(parse, &day))
        return false;
    if (oks_slice_eq(s, OKS_SLICE("today")))
        period = period_of_day(day);
    else if (oks_slice_eq(s, OKS_SLICE("yesterday")))
        period = day_before(parse->zone, day);
    else if (oks_slice_eq(s, OKS_SLICE("this-week")))
        period = period_of_week(day);
    else if (oks_slice_eq(s, OKS_SLICE("this-month")))
        period = period_of_month(day);
    else
        return false;
    parse->window.relative = parse->window.by_day = true;
    set_period(parse, parse->zone, period);
    return true;
}

static bool is_last(struct oks_slice s)
{
    return oks_slice_eq(s, OKS_SLICE("last-5h")) || oks_slice_eq(s, OKS_SLICE("last-24h")) ||
           oks_slice_eq(s, OKS_SLICE("last-7d")) || oks_slice_eq(s, OKS_SLICE("last-30d"));
}

static bool parse_stem(struct parse *parse, struct oks_slice stem)
{
    const char *bar = memchr(stem.ptr, '_', stem.len);
    const struct oks_slice last = OKS_SLICE("last"), open = OKS_SLICE("");
    size_t at;

    if (is_last(stem))
        return parse_both(parse, (struct oks_slice){stem.ptr + last.len, stem.len - last.len}, open);
    if (!bar)
        return parse_period(parse, stem) || parse_current(parse, stem);
    at = (size_t)(bar - stem.ptr);
    return parse_both(parse, (struct oks_slice){stem.ptr, at},
                      (struct oks_slice){bar + 1, stem.len - at - 1});
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unescape(struct oks_slice name, char buf[OKS_NAME_MAX], size_t *len)
{
    size_t n = 0;

    if (name.len > OKS_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        int high, low;

        if (name.ptr[i] != '%') {
            buf[n++] = name.ptr[i];
            continue;
        }
        if (name.len - i < 3)
            return false;
        high = hex_value(name.ptr[i + 1]);
        low = hex_value(name.ptr[i + 2]);
        if (high < 0 || low < 0)
            return false;
        buf[n++] = (char)(high << 4 | low);
        i += 2;
    }
    *len = n;
    return true;
}

int oks_window_parse(struct oks_slice name, const struct oks_zone *zone, int64_t now_ms,
                     struct oks_window *out)
{
    const struct oks_slice suffix = OKS_SLICE(".json");
    struct parse parse = {.zone = zone, .now_ms = now_ms};
    char buf[OKS_NAME_MAX];
    size_t len;

    if (!unescape(name, buf, &len) || len < suffix.len)
        return -ENOENT;
    len -= suffix.len;
    if (memcmp(buf + len, suffix.ptr, suffix.len) != 0 || !parse_stem(&parse, (struct oks_slice){buf, len}))
        return -ENOENT;
    *out = parse.window;
    return 0;
}

struct oks_stamp oks_window_since(const struct oks_window *window)
{
    return oks_stamp_of(oks_slice_of(window->since));
}

struct oks_stamp oks_window_until(const struct oks_window *window)
{
    return oks_stamp_of(oks_slice_of(window->until));
}
