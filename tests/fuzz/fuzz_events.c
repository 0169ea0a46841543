/*
 * Fuzzes what makes events of packed bytes. Whatever the bytes are, it is -EINVAL or events of which
 * everything can be read, in order; which are the same after they were packed and unpacked again; and which
 * take more events.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "history/events.h"

struct buffer {
    uint8_t *bytes;
    size_t len;
};

static int put(void *ctx, const void *bytes, size_t n)
{
    struct buffer *buffer = ctx;

    buffer->bytes = realloc(buffer->bytes, buffer->len + n);
    REQUIRE(buffer->bytes);
    memcpy(buffer->bytes + buffer->len, bytes, n);
    buffer->len += n;
    return 0;
}

struct walk {
    struct oks_stamp last;
    size_t n, counted;
    uint64_t hash;
};

static int see(void *ctx, const struct oks_event *event)
{
    struct walk *walk = ctx;
    char buf[OKS_STAMP_TEXT];
    struct oks_slice text = oks_stamp_text(event->stamp, buf);

    if (!oks_stamp_is_none(walk->last))
        REQUIRE(!oks_stamp_is_none(event->stamp) && oks_stamp_cmp(walk->last, event->stamp) <= 0);
    walk->last = event->stamp;
    walk->n++;
    walk->counted += oks_event_has_count(event);
    for (size_t i = 0; i < text.len; i++)
        walk->hash = (walk->hash ^ (uint8_t)text.ptr[i]) * 0x100000001b3;
    for (size_t c = 0; c < OKS_COLUMNS; c++)
        walk->hash = (walk->hash ^ event->count[c]) * 0x100000001b3;
    for (size_t l = 0; l < OKS_LABELS; l++)
        walk->hash = (walk->hash ^ event->place[l]) * 0x100000001b3;
    return 0;
}

enum { FIRST_DAY = 18262, END_DAY = 25567 }; /* of the years 2020 to 2039 */

static int see_day(void *ctx, int64_t day)
{
    struct walk *walk = ctx;

    REQUIRE(day >= FIRST_DAY && day < END_DAY);
    walk->hash = (walk->hash ^ (uint64_t)day) * 0x100000001b3;
    return 0;
}

/* Everything that can be read, as a number. */
static uint64_t read_all(const struct oks_events *events)
{
    struct walk walk = {.last = OKS_STAMP_NONE};
    struct oks_totals totals, by[OKS_PLACES_MAX + 1];
    uint64_t key = 0;

    REQUIRE(oks_events_each(events, see, &walk) == 0);
    REQUIRE(walk.n == oks_events_len(events));
    oks_events_window(events, OKS_STAMP_NONE, OKS_STAMP_NONE, &totals);
    REQUIRE(totals.events == walk.n && totals.stamped <= walk.n);
    for (int l = 0; l < OKS_LABELS; l++) {
        uint64_t counted = 0;

        oks_events_by(events, (enum oks_label)l, OKS_STAMP_NONE, OKS_STAMP_NONE, by);
        for (size_t i = 0; i <= OKS_PLACES_MAX; i++)
            counted += by[i].events;
        REQUIRE(counted >= walk.counted &&
                counted <= walk.n); /* a damaged block may say of an event without counts that it has one */
    }
    for (unsigned i = 0; i < 100 && oks_events_next(events, key, &key); i++) {
        oks_events_span(events, key / 2, key, &totals);
        REQUIRE(totals.stamped > 0);
        walk.hash = (walk.hash ^ totals.stamped ^ totals.count[OKS_OUTPUT]) * 0x100000001b3;
        key++;
    }
    REQUIRE(oks_events_days(events, NULL, FIRST_DAY, END_DAY, see_day, &walk) == 0);
    return walk.hash;
}

static void append(struct oks_events *events, struct oks_stamp stamp)
{
    struct oks_event event = {.stamp = stamp};
    size_t len = oks_events_len(events);

    REQUIRE(oks_events_append(events, &event) == 0);
    REQUIRE(oks_events_len(events) == len + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer packed = {0};
    struct oks_events *events, *again;
    int rc = oks_events_unpack(&events, data, size);

    REQUIRE(rc == 0 || rc == -EINVAL);
    if (rc < 0)
        return 0;
    REQUIRE(oks_events_pack(events, put, &packed) == 0);
    REQUIRE(oks_events_unpack(&again, packed.bytes, packed.len) == 0);
    REQUIRE(read_all(events) == read_all(again));
    for (size_t i = 0; i < 70; i++) {
        uint64_t key = size > i ? data[i] * (UINT64_MAX >> 16) : i;

        append(again, (struct oks_stamp){.key = key});
        append(again, oks_stamp_of(OKS_SLICE("tomorrow")));
        append(again, OKS_STAMP_NONE);
    }
    oks_events_trim(again);
    read_all(again);
    oks_events_free(events);
    oks_events_free(again);
    free(packed.bytes);
    return 0;
}
