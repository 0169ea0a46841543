/*
 * POSIX TZ strings, such as EST5EDT,M3.2.0/2,M11.1.0: what TZ may say, and how a TZif file tells of the time
 * behind its last transition.
 *
 * Offsets are written the other way round than everywhere else: hours that are added to local time.
 */
#include "time/zone_rule.h"

#include <ctype.h>
#include <stddef.h>

#include "time/calendar.h"

enum { SECONDS_PER_DAY = 86400, HOURS_OF_OFFSET = 24, HOURS_OF_TIME = 167, YEARS_LOOKED_AT = 5 };

/* --- reading --- */

static bool take_number(const char **s, int least, int most, int *out)
{
    int value = 0, digits = 0;

    for (; isdigit((unsigned char)**s) && digits < 4; digits++)
        value = value * 10 + (*(*s)++ - '0');
    if (digits == 0 || value < least || value > most)
        return false;
    *out = value;
    return true;
}

static bool take(const char **s, char c)
{
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

/* Three letters or more, or anything tame in angle brackets. */
static bool take_name(const char **s)
{
    const char *start = *s;

    if (take(s, '<')) {
        while (isalnum((unsigned char)**s) || **s == '+' || **s == '-')
            (*s)++;
        return *s - start >= 4 && take(s, '>');
    }
    while (isalpha((unsigned char)**s))
        (*s)++;
    return *s - start >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool take_clock(const char **s, int most_hours, int32_t *seconds)
{
    int hours, minutes = 0, rest = 0;
    bool negative = take(s, '-');

    if (!negative)
        take(s, '+');
    if (!take_number(s, 0, most_hours, &hours))
        return false;
    if (take(s, ':') && (!take_number(s, 0, 59, &minutes) || (take(s, ':') && !take_number(s, 0, 59, &rest))))
        return false;
    *seconds = (hours * 60 + minutes) * 60 + rest;
    *seconds = negative ? -*seconds : *seconds;
    return true;
}

static bool take_day(const char **s, struct zone_day *out)
{
    struct zone_day day = {.kind = 'n', .seconds = 2 * 3600};
    bool ok;

    if (take(s, 'M')) {
        day.kind = 'M';
        ok = take_number(s, 1, 12, &day.month) && take(s, '.') && take_number(s, 1, 5, &day.week) &&
             take(s, '.') && take_number(s, 0, 6, &day.day);
    } else if (take(s, 'J')) {
        day.kind = 'J';
        ok = take_number(s, 1, 365, &day.day);
    } else {
        ok = take_number(s, 0, 365, &day.day);
    }
    if (!ok || (take(s, '/') && !take_clock(s, HOURS_OF_TIME, &day.seconds)))
        return false;
    *out = day;
    return true;
}

bool zone_rule_parse(const char *text, struct zone_rule *out)
{
    /* What the C library takes where the days are not given: those of the United States. */
    struct zone_rule rule = {.start = {'M', 3, 2, 0, 2 * 3600}, .end = {'M', 11, 1, 0, 2 * 3600}};
    const char *s = text;

    if (!take_name(&s) || !take_clock(&s, HOURS_OF_OFFSET, &rule.standard))
        return false;
    rule.standard = -rule.standard;
    rule.summer = rule.standard + 3600;
    if (*s) {
        rule.changes = true;
        if (!take_name(&s))
            return false;
        if (*s && *s != ',') {
            if (!take_clock(&s, HOURS_OF_OFFSET, &rule.summer))
                return false;
            rule.summer = -rule.summer;
        }
        if (*s &&
            (!take(&s, ',') || !take_day(&s, &rule.start) || !take(&s, ',') || !take_day(&s, &rule.end)))
            return false;
    }
    if (*s)
        return false;
    *out = rule;
    return true;
}

/* --- asking --- */

/* The day number of a month's n-th day of the week, 5: the last one. */
static int64_t nth_weekday(int year, const struct zone_day *d)
{
    int64_t first = date_to_days((struct date){year, d->month, 1});
    struct date next = d->month == 12 ? (struct date){year + 1, 1, 1} : (struct date){year, d->month + 1, 1};
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday; Sunday is 0 */
    int64_t day = first + (d->day - weekday + 7) % 7 + (d->week - 1) * 7;

    return day < date_to_days(next) ? day : day - 7;
}

/* Seconds of local time, as if it were UTC, at which the change happens. */
static int64_t change_of(int year, const struct zone_day *d)
{
    int64_t first = date_to_days((struct date){year, 1, 1}), day = first + d->day;

    if (d->kind == 'M')
        day = nth_weekday(year, d);
    else if (d->kind == 'J')
        day = first + d->day - 1 + (d->day >= 60 && date_valid((struct date){year, 2, 29}));
    return day * SECONDS_PER_DAY + d->seconds;
}

static int year_of(int64_t time)
{
    int64_t days = time / SECONDS_PER_DAY - (time % SECONDS_PER_DAY < 0);

    days = days < CALENDAR_FIRST_DAY  ? CALENDAR_FIRST_DAY
           : days > CALENDAR_LAST_DAY ? CALENDAR_LAST_DAY
                                      : days;
    return date_of_days(days).year;
}

/*
 * The last change at or before the time decides. It may be of the year before the last: a rule's day 365 and
 * its hours may reach into the next year, behind that year's own first change.
 */
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t time, int64_t *until)
{
    int year = year_of(time);
    int64_t last = INT64_MIN, next = INT64_MAX;
    int32_t offset = rule->standard;

    for (int i = 0; rule->changes && i < 2 * YEARS_LOOKED_AT; i++) {
        bool starts = i % 2 == 0;
        int64_t at = change_of(year - YEARS_LOOKED_AT / 2 + i / 2, starts ? &rule->start : &rule->end) -
                     (starts ? rule->standard : rule->summer);

        if (at <= time && at >= last) {
            last = at;
            offset = starts ? rule->summer : rule->standard;
        }
        if (at > time && at < next)
            next = at;
    }
    if (until)
        *until = next;
    return offset;
}
