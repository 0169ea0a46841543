/*
 * Fuzzes the names of windows. Whatever comes in, a window that parses has bounds in the collector's form,
 * and the name made of those bounds is the same window again, at any time.
 *
 * The first eight bytes of an input are the time; the rest is the name.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "okstrafs/window.h"

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
    REQUIRE(oks_window_parse(oks_slice_of(name), now_ms, &again) == 0);
    REQUIRE(strcmp(window->since, again.since) == 0 && strcmp(window->until, again.until) == 0);
    REQUIRE(!again.relative);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oks_window window;
    int64_t now_ms;
    char text[OKS_STAMP_TEXT];
    int r;

    if (size < sizeof(now_ms))
        return 0;
    memcpy(&now_ms, data, sizeof(now_ms));
    oks_time_text(now_ms, text);
    REQUIRE(strlen(text) == 24);
    r = oks_window_parse((struct oks_slice){(const char *)data + sizeof(now_ms), size - sizeof(now_ms)},
                         now_ms, &window);
    REQUIRE(r == 0 || r == -ENOENT);
    if (r < 0)
        return 0;
    check_bound(window.since, oks_window_since(&window));
    check_bound(window.until, oks_window_until(&window));
    check_round(&window, 0);
    return 0;
}
