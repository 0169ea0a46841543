/*
 * Fuzzes the names of windows, in zones of several kinds. Whatever comes in, a window that parses has bounds
 * in the collector's form, and the name made of those bounds is the same window again, at any time and in any
 * zone. A name that ends in 'Z' means the same in all zones.
 *
 * The first eight bytes of an input are the time; the rest is the name.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "okstrafs/window.h"
#include "okstrafs/zone.h"

/* Open, or a stamp of the common form, which is what makes comparing it with transcripts exact. */
static void check_bound(const char *text, struct oks_stamp stamp)
{
    char again[OKS_STAMP_TEXT];
    struct oks_slice slice;

    REQUIRE(memchr(text, 0, OKS_STAMP_TEXT));
    REQUIRE(oks_stamp_is_none(stamp) == !*text);
    if (!*text)
        return;
    REQUIRE(stamp.key != OKS_STAMP_KEY_TEXT);
    slice = oks_stamp_text(stamp, again);
    REQUIRE(oks_slice_eq(slice, oks_slice_of(text)));
}

static void check_round(const struct oks_window *window, int64_t now_ms)
{
    char name[2 * OKS_STAMP_TEXT + 8];
    struct oks_window again;

    snprintf(name, sizeof(name), "%s_%s.json", window->since, window->until);
    REQUIRE(oks_window_parse(oks_slice_of(name), NULL, now_ms, &again) == 0);
    REQUIRE(strcmp(window->since, again.since) == 0 && strcmp(window->until, again.until) == 0);
    REQUIRE(!again.relative);
}

/* Without a change of clocks, with one, with one of a whole day, and with an offset of odd minutes. */
static const char *const zone_names[] = {"UTC", "EST5EDT,M3.2.0,M11.1.0", "AAA10BBB-14,M6.2.0/0,M10.1.0/0",
                                         "<+0545>-5:45"};

enum { ZONES = sizeof(zone_names) / sizeof(zone_names[0]) };

static const struct oks_zone *zone_at(size_t i)
{
    static struct oks_zone *zones[ZONES];

    if (!zones[i])
        REQUIRE(oks_zone_new(&zones[i], zone_names[i], NULL) == 0);
    return zones[i];
}

static bool check_in(const struct oks_zone *zone, struct oks_slice name, int64_t now_ms,
                     struct oks_window *window)
{
    int r = oks_window_parse(name, zone, now_ms, window);

    REQUIRE(r == 0 || r == -ENOENT);
    if (r < 0)
        return false;
    check_bound(window->since, oks_window_since(window));
    check_bound(window->until, oks_window_until(window));
    check_round(window, 0);
    return true;
}

static bool ends_in_z(struct oks_slice name)
{
    static const char end[] = "Z.json";

    return name.len >= strlen(end) && memcmp(name.ptr + name.len - strlen(end), end, strlen(end)) == 0 &&
           !memchr(name.ptr, '_', name.len) && !memchr(name.ptr, '%', name.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oks_window utc, window;
    struct oks_slice name;
    int64_t now_ms;
    char text[OKS_STAMP_TEXT];
    bool is_utc;

    if (size < sizeof(now_ms))
        return 0;
    memcpy(&now_ms, data, sizeof(now_ms));
    oks_time_text(now_ms, text);
    REQUIRE(strlen(text) == 24);
    name = (struct oks_slice){(const char *)data + sizeof(now_ms), size - sizeof(now_ms)};
    is_utc = check_in(NULL, name, now_ms, &utc);
    for (size_t i = 0; i < ZONES; i++) {
        bool parses = check_in(zone_at(i), name, now_ms, &window);

        REQUIRE(!ends_in_z(name) || (parses == is_utc && (!parses || strcmp(window.until, utc.until) == 0)));
    }
    return 0;
}
