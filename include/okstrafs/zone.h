/*
 * Local days and hours.
 *
 * The C library's time zone is one for the whole process and follows the environment, so it is no parameter.
 * A zone here is an immutable value: read once, then asked by any number of threads.
 */
#ifndef OKSTRAFS_ZONE_H
#define OKSTRAFS_ZONE_H

#include <stddef.h>
#include <stdint.h>

#define OKS_ZONEINFO "/usr/share/zoneinfo"

struct oks_zone;

/*
 * A zone by its name as TZ takes it: "Asia/Seoul" (a file in `folder`), "/etc/localtime" (a file), each with
 * or without a colon in front, or a POSIX string such as "KST-9" or "EST5EDT,M3.2.0,M11.1.0". "", "UTC" and
 * "Z" need no file. -ENOENT: it is none of these; -EINVAL: the file is no TZif file; -ENOMEM.
 */
int oks_zone_new(struct oks_zone **out, const char *name, const char *folder);
/* A zone from the content of a TZif file. -EINVAL, -ENOMEM. */
int oks_zone_read(struct oks_zone **out, const void *bytes, size_t len);
void oks_zone_free(struct oks_zone *zone);

/* In all that follows NULL is UTC, and times are seconds since 1970-01-01T00:00Z. */

/* Seconds that local time is ahead of UTC. *until (may be NULL): when that ends, INT64_MAX: never. */
int32_t oks_zone_offset(const struct oks_zone *zone, int64_t time, int64_t *until);

/*
 * The local day of a time, as a number (0 = 1970-01-01), and the first instant of a local day. Days partition
 * time: a day lasts until the first instant of the next one, 23 or 25 hours where clocks change, and none at
 * all where a zone skipped it. Exact for the years 1 to 9999.
 */
int64_t oks_zone_day(const struct oks_zone *zone, int64_t time);
int64_t oks_zone_day_start(const struct oks_zone *zone, int64_t day);

#endif
