/*
 * Time zones, for local days and hours.
 *
 *     struct oks_zone *zone;
 *
 *     rc = oks_zone_new(&zone, "Asia/Seoul", OKS_ZONEINFO);
 *     day = oks_zone_day(zone, time);
 *     until = oks_zone_day_start(zone, day + 1);
 *     oks_zone_free(zone);
 *
 * The C library has one time zone for the whole process, taken from the environment, so it cannot be a
 * parameter. A zone here never changes after it is made: any number of threads may use it.
 */
#ifndef OKSTRAFS_ZONE_H
#define OKSTRAFS_ZONE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OKS_ZONEINFO "/usr/share/zoneinfo"

struct oks_zone;

/*
 * A zone by a name as TZ takes it: "Asia/Seoul" (a file in `folder`) or "/etc/localtime" (a file), each with
 * or without a colon in front, or a POSIX string such as "KST-9" or "EST5EDT,M3.2.0,M11.1.0". "", "UTC" and
 * "Z" need no file. 0; -ENOENT: none of these; -EINVAL: the file is not in TZif format; -ENOMEM.
 */
int oks_zone_new(struct oks_zone **out, const char *name, const char *folder);
/* A zone from the content of a TZif file. 0, -EINVAL, -ENOMEM. */
int oks_zone_read(struct oks_zone **out, const void *bytes, size_t len);
void oks_zone_free(struct oks_zone *zone); /* NULL is fine */

/* Below, a NULL zone is UTC, and times are in seconds since 1970-01-01T00:00Z. */

/* Seconds that local time is ahead of UTC. *until (may be NULL): when that changes; INT64_MAX: never. */
int32_t oks_zone_offset(const struct oks_zone *zone, int64_t time, int64_t *until);

/*
 * The local day of a time, as a number (0 is 1970-01-01), and the first instant of a local day. A day lasts
 * until the first instant of the next one: 23 or 25 hours when clocks change, no time at all if the zone
 * skipped it. Exact for the years 1 to 9999.
 */
int64_t oks_zone_day(const struct oks_zone *zone, int64_t time);
int64_t oks_zone_day_start(const struct oks_zone *zone, int64_t day);

#ifdef __cplusplus
}
#endif

#endif
