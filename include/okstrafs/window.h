/*
 * Windows of time, and their names in a window/ folder: <since>_<until>.json, a day, a week, a month, or a
 * preset.
 *
 *     struct oks_window window;
 *
 *     rc = oks_window_parse(OKS_SLICE("2026-06-10T01:00Z_now.json"), zone, now_ms, &window);
 *     if (rc == 0)
 *         rc = oks_document_usage(engine, &target, &window, &doc);
 *
 * A bound is empty (open), YYYY-MM-DD, YYYY-MM-DDThh:mm[:ss[.mmm]] followed by Z, +hh:mm or -hh:mm, @<epoch
 * seconds>, now, or -<n>m, -<n>h, -<n>d (relative to now). Alone, YYYY-MM-DD, YYYY-MM and YYYY-Www (the ISO
 * week, from Monday) are the window of that day, month or week. These are local, in `zone`; with a Z behind
 * them they are in UTC. Percent escapes are undone first. Every bound becomes UTC in the form of the
 * transcripts' stamps, because stamps compare as strings:
 *
 *     a date as since   2026-06-10T00:00:00.000Z   its first instant: sorts before every stamp of that day
 *     a date as until   2026-06-10T23:59:59Z       its last second: sorts behind every stamp of that day
 *     date and time     as given: seconds are :00 if missing, a fraction only if given, the offset applied
 *     @epoch            2026-06-10T01:00:00Z
 *     now, relative     2026-06-10T01:00:00.123Z   milliseconds
 *
 * A day is what lies between the first instants of two local days: 23 or 25 hours when clocks change, and
 * nothing (since is after until) if the zone skipped it. What would lie outside of the years 0001 to 9999 in
 * UTC is cut off.
 *
 * Presets: today, yesterday (the last day before that exists), this-week, this-month: local, and whole;
 * last-5h, last-24h, last-7d, last-30d: since is now minus that, until is open.
 *
 * Pure functions: thread safe.
 */
#ifndef OKSTRAFS_WINDOW_H
#define OKSTRAFS_WINDOW_H

#include <stdint.h>

#include "okstrafs/stamp.h"

#ifdef __cplusplus
extern "C" {
#endif

struct oks_zone;

struct oks_window {
    char since[OKS_STAMP_TEXT]; /* "" = open */
    char until[OKS_STAMP_TEXT];
    bool relative; /* it depends on now: the same name gives another window later */
    bool by_day;   /* relative, but the same all of a local day */
};

/*
 * `name` includes ".json"; `zone` NULL is UTC; now_ms is in ms since the epoch. 0; -ENOENT: it does not parse
 * (an impossible date such as 02-30 does not), or an instant lies outside of the years 0001 to 9999.
 */
int oks_window_parse(struct oks_slice name, const struct oks_zone *zone, int64_t now_ms,
                     struct oks_window *out);

/* The bounds as stamps, which borrow from the window; none: open. */
struct oks_stamp oks_window_since(const struct oks_window *window);
struct oks_stamp oks_window_until(const struct oks_window *window);

/* The name of a preset with ".json", a static string; NULL: there are not more than `index`. */
const char *oks_window_preset(size_t index);

/* ms since the epoch as YYYY-MM-DDThh:mm:ss.mmmZ, clamped to the years 0001 to 9999. */
void oks_time_text(int64_t ms, char buf[OKS_STAMP_TEXT]);

#ifdef __cplusplus
}
#endif

#endif
