/*
 * Local days as spans of stamps, which compare as strings: what a window includes of a day.
 *
 *     day_first_text(zone, day, since);
 *     day_last_text(zone, day, until);
 *
 * Days are numbers as in okstrafs/zone.h; a NULL zone is UTC.
 */
#ifndef OKSTRAFS_TIME_LOCAL_DAY_H
#define OKSTRAFS_TIME_LOCAL_DAY_H

#include <stdbool.h>
#include <stdint.h>

#include "okstrafs/stamp.h"
#include "okstrafs/zone.h"

enum { NO_MILLIS = -1 };

/* The instant as text, with milliseconds unless NO_MILLIS; false outside the years 0001 to 9999. */
bool instant_text(int64_t seconds, int millis, char buf[OKS_STAMP_TEXT]);

/*
 * The first second of a day, which ends in ".000Z" and sorts before every canonical stamp of that second; and
 * its last one, which ends in "Z" and sorts behind every such stamp. A day that the zone skipped ends before
 * it begins. What lies outside the years 0001 to 9999 in UTC is cut off.
 */
void day_first_text(const struct oks_zone *zone, int64_t day, char buf[OKS_STAMP_TEXT]);
void day_last_text(const struct oks_zone *zone, int64_t day, char buf[OKS_STAMP_TEXT]);

/* The same as stamps, which have no text that they would borrow. */
struct oks_stamp day_first_stamp(const struct oks_zone *zone, int64_t day);
struct oks_stamp day_last_stamp(const struct oks_zone *zone, int64_t day);

/*
 * The first of the days [first, end) whose last stamp is not before `stamp`; `end`: none. If its first stamp
 * is not behind it either, the stamp is of that day.
 */
int64_t day_reaching(const struct oks_zone *zone, struct oks_stamp stamp, int64_t first, int64_t end);

#endif
