/*
 * The names in a window/ folder: <since>_<until>.json, a day, or a preset.
 *
 * A bound is empty (open), YYYY-MM-DD, YYYY-MM-DDThh:mm[:ss[.mmm]] followed by Z or +hh:mm or -hh:mm, @<epoch
 * seconds>, now, or -<n>m / -<n>h / -<n>d (relative to `now`). Percent escapes are undone first. Everything
 * becomes UTC in the collector's form, because stamps compare as strings: date as since
 * 2026-06-10T00:00:00.000Z (sorts before every stamp of that day) date as until   2026-06-10T23:59:59Z (sorts
 * behind every stamp of that day) date and time   as given, seconds added as :00 where missing, fraction only
 * where given, offset applied
 *   @epoch          2026-06-10T01:00:00Z
 *   now, relative   2026-06-10T01:00:00.123Z (milliseconds)
 * Presets: today (UTC: the date of now on both sides), last-5h, last-24h, last-7d (since = now - that, until
 * open). A single date is the window of that day.
 */
#ifndef OKSTRAFS_WINDOW_H
#define OKSTRAFS_WINDOW_H

#include <stdint.h>

#include "okstrafs/stamp.h"

struct oks_window {
    char since[OKS_STAMP_TEXT]; /* "" = open */
    char until[OKS_STAMP_TEXT];
    bool relative; /* depends on now: the same name means another window later */
};

/*
 * `name` with its ".json". `now_ms` is the time of the open, ms since the epoch. 0; -ENOENT where it does not
 * parse, or a bound falls outside the years 0001 to 9999 (an impossible date such as 02-30 does not parse).
 */
int oks_window_parse(struct oks_slice name, int64_t now_ms, struct oks_window *out);

struct oks_stamp oks_window_since(const struct oks_window *window); /* borrows; none where open */
struct oks_stamp oks_window_until(const struct oks_window *window);

/* The names of the presets with ".json", NULL-terminated. */
extern const char *const oks_window_presets[];

/* ms since the epoch as YYYY-MM-DDThh:mm:ss.mmmZ; out of range is clamped to the years 0001 to 9999. */
void oks_time_text(int64_t ms, char buf[OKS_STAMP_TEXT]);

#endif
