/* POSIX TZ strings: a standard time, and perhaps a summer time with the days on which it starts and ends. */
#ifndef OKSTRAFS_TIME_ZONE_RULE_H
#define OKSTRAFS_TIME_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

struct zone_day {
    char kind; /* 'J': 1 ... 365 without leap days; 'n': 0 ... 365; 'M': month, week and day of the week */
    int month, week, day;
    int32_t seconds; /* of local time, from midnight; may be negative or beyond the day */
};

struct zone_rule {
    int32_t standard, summer; /* seconds ahead of UTC */
    bool changes;             /* there is a summer time */
    struct zone_day start, end;
};

/* Whether the whole of `text` is one; *out is written only then. */
bool zone_rule_parse(const char *text, struct zone_rule *out);

/* As oks_zone_offset. */
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t time, int64_t *until);

#endif
