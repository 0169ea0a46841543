/*
 * The names in a window/ folder, read strictly: what is not of the grammar is no file.
 *
 * Every bound becomes the text of an instant in UTC, because windows are compared with transcripts' stamps as
 * strings. A bound that is a date covers its whole day: "T00:00:00.000Z" sorts before and "T23:59:59Z" behind
 * every canonical stamp of that day ('.' sorts before 'Z').
 */
#include "okstrafs/window.h"

#include <errno.h>

#include "base/decimal.h"
#include "okstrafs/names.h"
#include "time/calendar.h"

enum { SECONDS_PER_DAY = 86400, NO_MILLIS = -1, AMOUNT_DIGITS = 9, EPOCH_DIGITS = 12 };

const char *const oks_window_presets[] = {"today.json", "last-5h.json", "last-24h.json", "last-7d.json",
                                          NULL};

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

/* Floor division: instants before 1970 are negative. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The instant as text, with milliseconds unless NO_MILLIS; false outside the years 0001 to 9999. */
static bool print_instant(int64_t seconds, int millis, char buf[OKS_STAMP_TEXT])
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

static bool print_millis(int64_t ms, char buf[OKS_STAMP_TEXT])
{
    int millis = (int)(ms % 1000);

    /* Not ms - seconds * 1000: the product overflows for the smallest of all times. */
    return print_instant(floor_div(ms, 1000), millis < 0 ? millis + 1000 : millis, buf);
}

void oks_time_text(int64_t ms, char buf[OKS_STAMP_TEXT])
{
    const int64_t first = CALENDAR_FIRST_DAY * INT64_C(1000) * SECONDS_PER_DAY;
    const int64_t end = (CALENDAR_LAST_DAY + 1) * INT64_C(1000) * SECONDS_PER_DAY;

    print_millis(ms < first ? first : ms >= end ? end - 1 : ms, buf);
}

static bool print_day(struct date date, bool is_until, char buf[OKS_STAMP_TEXT])
{
    int64_t start = date_to_days(date) * SECONDS_PER_DAY;

    return is_until ? print_instant(start + SECONDS_PER_DAY - 1, NO_MILLIS, buf)
                    : print_instant(start, 0, buf);
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
    return print_instant(seconds, (int)millis, buf);
}

static bool parse_epoch(struct oks_slice s, char buf[OKS_STAMP_TEXT])
{
    int64_t seconds;

    return take(&s, '@') && take_number(&s, 1, EPOCH_DIGITS, &seconds) && s.len == 0 &&
           print_instant(seconds, NO_MILLIS, buf);
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
    int64_t now_ms;
    struct oks_window window;
};

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
    return s.len == 0 ? print_day(date, is_until, buf) : parse_time(s, date, buf);
}

static bool parse_both(struct parse *parse, struct oks_slice since, struct oks_slice until)
{
    return parse_bound(parse, since, false) && parse_bound(parse, until, true);
}

static bool parse_day(struct parse *parse, struct oks_slice s)
{
    struct oks_slice rest = s;
    struct date date;

    return take_date(&rest, &date) && rest.len == 0 && parse_both(parse, s, s);
}

static bool parse_today(struct parse *parse)
{
    char today[OKS_STAMP_TEXT];

    parse->window.relative = true;
    return print_millis(parse->now_ms, today) && parse_day(parse, (struct oks_slice){today, 10});
}

static bool parse_stem(struct parse *parse, struct oks_slice stem)
{
    const char *bar = memchr(stem.ptr, '_', stem.len);
    const struct oks_slice last = OKS_SLICE("last"), open = OKS_SLICE("");
    size_t at;

    if (oks_slice_eq(stem, OKS_SLICE("today")))
        return parse_today(parse);
    if (oks_slice_eq(stem, OKS_SLICE("last-5h")) || oks_slice_eq(stem, OKS_SLICE("last-24h")) ||
        oks_slice_eq(stem, OKS_SLICE("last-7d")))
        return parse_both(parse, (struct oks_slice){stem.ptr + last.len, stem.len - last.len}, open);
    if (!bar)
        return parse_day(parse, stem);
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

int oks_window_parse(struct oks_slice name, int64_t now_ms, struct oks_window *out)
{
    const struct oks_slice suffix = OKS_SLICE(".json");
    struct parse parse = {.now_ms = now_ms};
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
