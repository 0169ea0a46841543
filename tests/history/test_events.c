/* The events against a naive model: a plain array that is sorted stably and summed by hand. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "history/events_run.h"
#include "effort.h"
#include "history/events.h"
#include "time/local_day.h"
#include "tap.h"

/* ck_assert() writes to a pipe even when all is well; this one costs nothing then. */
#define CHECK(condition)                            \
    do {                                            \
        if (!(condition))                           \
            ck_abort_msg("not so: %s", #condition); \
    } while (0)

struct model {
    struct oks_event *events; /* in the order of arrival */
    size_t n, room;
    struct oks_events *real;
};

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static struct oks_stamp stamp(const char *text)
{
    return oks_stamp_of(oks_slice_of(text));
}

/* A canonical stamp, `tick` quarter seconds after midnight of 2026-06-01; every other one without fraction.
 */
static struct oks_stamp tick_stamp(uint64_t tick)
{
    static char text[4][64];
    static unsigned turn;
    char *buf = text[turn++ % 4];
    unsigned s = (unsigned)(tick / 4);

    if (tick % 4 == 3)
        snprintf(buf, sizeof(text[0]), "2026-06-%02uT%02u:%02u:%02uZ", 1 + s / 86400, s / 3600 % 24,
                 s / 60 % 60, s % 60);
    else
        snprintf(buf, sizeof(text[0]), "2026-06-%02uT%02u:%02u:%02u.%03uZ", 1 + s / 86400, s / 3600 % 24,
                 s / 60 % 60, s % 60, (unsigned)(tick % 4) * 250);
    return stamp(buf);
}

static void model_open(struct model *model)
{
    memset(model, 0, sizeof(*model));
    ck_assert_int_eq(oks_events_new(&model->real), 0);
}

static void model_close(struct model *model)
{
    for (size_t i = 0; i < model->n; i++)
        free((char *)(uintptr_t)model->events[i].stamp.text);
    free(model->events);
    oks_events_free(model->real);
}

/* Whole blocks of one place, blocks of two of which one is not known, and blocks of many. */
static uint8_t draw_place(size_t n)
{
    switch (n / 150 % 3) {
    case 0:
        return (uint8_t)(n / 450 % OKS_PLACES_MAX);
    case 1:
        return draw(3) ? 2 : OKS_PLACE_UNKNOWN;
    default:
        return (uint8_t)draw(OKS_PLACES_MAX);
    }
}

/* counts[OKS_INPUT] is the number of the event, so that its place can be told apart from its twins'. */
static void model_add(struct model *model, struct oks_stamp at)
{
    struct oks_event event = {.stamp = at};
    uint64_t creation = draw(100000);
    uint64_t kind = draw(8);

    event.count[OKS_INPUT] = model->n;
    event.count[OKS_OUTPUT] = draw(3000);
    event.count[OKS_CACHE_CREATION] = creation;
    event.count[OKS_CACHE_CREATION_5M] = kind == 0 ? creation / 2 : kind == 1 ? 0 : creation;
    event.count[OKS_CACHE_CREATION_1H] = creation - event.count[OKS_CACHE_CREATION_5M];
    event.count[OKS_CACHE_READ] = draw(UINT64_C(1) << (1 + draw(50)));
    event.count[OKS_TOOL_USES] = draw(4);
    for (size_t l = 0; l < OKS_LABELS; l++)
        event.place[l] = draw_place(model->n + 150 * l);
    CHECK(oks_events_append(model->real, &event) == 0);
    if (model->n == model->room) {
        model->room = model->room * 2 + 16;
        model->events = realloc(model->events, model->room * sizeof(event));
    }
    if (at.key == OKS_STAMP_KEY_TEXT)
        event.stamp.text = memcpy(malloc(at.len + 1u), at.text, at.len);
    model->events[model->n++] = event;
}

static bool model_inside(struct oks_stamp s, struct oks_stamp since, struct oks_stamp until)
{
    return (oks_stamp_is_none(since) || oks_stamp_cmp(s, since) >= 0) &&
           (oks_stamp_is_none(until) || oks_stamp_cmp(s, until) <= 0);
}

static void model_window(const struct model *model, struct oks_stamp since, struct oks_stamp until,
                         struct oks_totals *out)
{
    *out = OKS_TOTALS_NONE;
    for (size_t i = 0; i < model->n; i++) {
        const struct oks_event *event = &model->events[i];
        bool stamped = !oks_stamp_is_none(event->stamp);

        if (stamped && !model_inside(event->stamp, since, until))
            continue;
        out->events++;
        out->stamped += stamped;
        for (int c = 0; c < OKS_COLUMNS; c++)
            out->count[c] = oks_tokens_add(out->count[c], event->count[c]);
        if (stamped && (oks_stamp_is_none(out->first) || oks_stamp_cmp(event->stamp, out->first) < 0))
            out->first = event->stamp;
        if (stamped && (oks_stamp_is_none(out->last) || oks_stamp_cmp(event->stamp, out->last) > 0))
            out->last = event->stamp;
    }
}

static void same_stamp(struct oks_stamp a, struct oks_stamp b)
{
    CHECK(oks_stamp_is_none(a) == oks_stamp_is_none(b));
    if (!oks_stamp_is_none(a))
        CHECK(oks_stamp_cmp(a, b) == 0);
}

static void model_by(const struct model *model, enum oks_label label, struct oks_stamp since,
                     struct oks_stamp until, struct oks_totals out[OKS_PLACES_MAX + 1])
{
    for (size_t m = 0; m <= OKS_PLACES_MAX; m++)
        out[m] = OKS_TOTALS_NONE;
    for (size_t i = 0; i < model->n; i++) {
        const struct oks_event *event = &model->events[i];
        bool stamped = !oks_stamp_is_none(event->stamp), any = false;
        struct oks_totals one = {
            .events = 1, .stamped = stamped, .first = OKS_STAMP_NONE, .last = OKS_STAMP_NONE};

        for (int c = 0; c < OKS_COLUMNS; c++)
            any |= (one.count[c] = event->count[c]) != 0;
        if (!any || (stamped && !model_inside(event->stamp, since, until)))
            continue;
        if (event->stamp.key < OKS_STAMP_KEY_TEXT)
            one.first = one.last = event->stamp;
        oks_totals_add(&out[event->place[label] < OKS_PLACES_MAX ? event->place[label] : OKS_PLACES_MAX],
                       &one);
    }
}

static void check_by(const struct model *model, enum oks_label label, struct oks_stamp since,
                     struct oks_stamp until)
{
    struct oks_totals want[OKS_PLACES_MAX + 1], got[OKS_PLACES_MAX + 1];

    model_by(model, label, since, until, want);
    oks_events_by(model->real, label, since, until, got);
    for (size_t m = 0; m <= OKS_PLACES_MAX; m++) {
        CHECK(got[m].events == want[m].events && got[m].stamped == want[m].stamped);
        CHECK(memcmp(got[m].count, want[m].count, sizeof(want[m].count)) == 0);
        same_stamp(got[m].first, want[m].first);
        same_stamp(got[m].last, want[m].last);
    }
}

static void check_window(const struct model *model, struct oks_stamp since, struct oks_stamp until)
{
    struct oks_totals want, got;

    model_window(model, since, until, &want);
    oks_events_window(model->real, since, until, &got);
    CHECK(got.events == want.events);
    CHECK(got.stamped == want.stamped);
    for (int c = 0; c < OKS_COLUMNS; c++)
        CHECK(got.count[c] == want.count[c]);
    same_stamp(got.first, want.first);
    same_stamp(got.last, want.last);
    for (int l = 0; l < OKS_LABELS; l++)
        check_by(model, (enum oks_label)l, since, until);
}

struct walk {
    const struct model *model;
    struct oks_event last;
    size_t seen;
    size_t stop_at;
    bool *met;
};

static int walk_one(void *ctx, const struct oks_event *event)
{
    struct walk *walk = ctx;
    size_t number = event->count[OKS_INPUT];
    const struct oks_event *want;

    CHECK(number < walk->model->n);
    CHECK(!walk->met[number]);
    walk->met[number] = true;
    want = &walk->model->events[number];
    same_stamp(event->stamp, want->stamp);
    CHECK(memcmp(event->count, want->count, sizeof(event->count)) == 0 &&
          memcmp(event->place, want->place, sizeof(event->place)) == 0);
    if (walk->seen > 0 && !oks_stamp_is_none(walk->last.stamp)) {
        int order = oks_stamp_is_none(event->stamp) ? -1 : oks_stamp_cmp(event->stamp, walk->last.stamp);

        CHECK(order >= 0);
        CHECK(order > 0 || number > walk->last.count[OKS_INPUT]);
    } else if (walk->seen > 0 && oks_stamp_is_none(event->stamp)) {
        CHECK(number > walk->last.count[OKS_INPUT]);
    }
    walk->last = *event;
    return ++walk->seen == walk->stop_at ? 77 : 0;
}

static void check_each(const struct model *model)
{
    struct walk walk = {.model = model, .met = calloc(model->n + 1, sizeof(bool))};

    ck_assert_int_eq(oks_events_each(model->real, walk_one, &walk), 0);
    ck_assert_uint_eq(walk.seen, model->n);
    ck_assert_uint_eq(oks_events_len(model->real), model->n);
    free(walk.met);
    if (model->n == 0)
        return;
    walk =
        (struct walk){.model = model, .stop_at = (model->n + 1) / 2, .met = calloc(model->n, sizeof(bool))};
    ck_assert_int_eq(oks_events_each(model->real, walk_one, &walk), 77);
    ck_assert_uint_eq(walk.seen, walk.stop_at);
    free(walk.met);
}

static void check_windows(const struct model *model, unsigned times, uint64_t ticks)
{
    check_window(model, OKS_STAMP_NONE, OKS_STAMP_NONE);
    for (unsigned i = 0; i < times; i++) {
        struct oks_stamp a = tick_stamp(draw(ticks)), b = tick_stamp(draw(ticks));

        if (i % 5 == 0 && model->n)
            a = model->events[draw(model->n)].stamp;
        if (i % 7 == 0 && model->n)
            b = model->events[draw(model->n)].stamp;
        check_window(model, a, b);
        check_window(model, b, a);
        check_window(model, a, a);
        check_window(model, a, OKS_STAMP_NONE);
        check_window(model, OKS_STAMP_NONE, b);
    }
}

START_TEST(empty)
{
    struct model model;

    model_open(&model);
    check_each(&model);
    check_window(&model, OKS_STAMP_NONE, OKS_STAMP_NONE);
    check_window(&model, tick_stamp(1), tick_stamp(2));
    check_window(&model, tick_stamp(2), tick_stamp(1));
    model_close(&model);
    oks_events_free(NULL);
}
END_TEST

START_TEST(every_border_of_a_small_set)
{
    struct model model;

    model_open(&model);
    for (unsigned n = 0; n < 200; n++) {
        model_add(&model, n % 9 == 0 ? OKS_STAMP_NONE : tick_stamp(n * 2 / 3 * 2));
        if (n % 40 != 39)
            continue;
        for (unsigned a = 0; a < 290; a += (1 + n / 80) * by_effort(3, 1, 1))
            for (unsigned b = 0; b < 290; b += by_effort(31, 7, 1))
                check_window(&model, tick_stamp(a), tick_stamp(b));
    }
    check_each(&model);
    model_close(&model);
}
END_TEST

enum order { RISING, JITTER, FAR_JITTER, SHUFFLED, FALLING, TWO_STREAMS, ORDERS };

static uint64_t tick_of(enum order order, uint64_t i, uint64_t n)
{
    switch (order) {
    case RISING:
        return i / 2;
    case JITTER:
        return i / 2 + draw(12);
    case FAR_JITTER:
        return i / 2 + (draw(100) ? 0 : draw(n));
    case SHUFFLED:
        return draw(n);
    case FALLING:
        return (n - i) / 2;
    default:
        return i % 2 ? i / 2 : n / 2 + i / 2;
    }
}

START_TEST(streams_in_any_order)
{
    static const uint64_t sizes[] = {1, 63, 64, 65, 96, 97, 160, 161, 1000, 6000};

    for (enum order order = 0; order < ORDERS; order++) {
        for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            struct model model;

            model_open(&model);
            for (uint64_t i = 0; i < sizes[s]; i++)
                model_add(&model, draw(50) ? tick_stamp(tick_of(order, i, sizes[s])) : OKS_STAMP_NONE);
            check_each(&model);
            check_windows(&model, by_effort(8, sizes[s] > 1000 ? 25 : 60, 200), sizes[s] + 10);
            model_close(&model);
        }
    }
}
END_TEST

START_TEST(questions_between_appends)
{
    struct model model;

    model_open(&model);
    for (unsigned i = 0; i < 3000; i++) {
        model_add(&model, tick_stamp(draw(10) ? i : draw(i + 1)));
        if (i % by_effort(33, 11, 11) == 0)
            check_windows(&model, 1, 3100);
        if (i % 300 == 0)
            check_each(&model);
        if (i % 70 == 0)
            oks_events_trim(model.real);
    }
    check_each(&model);
    model_close(&model);
}
END_TEST

struct packed {
    uint8_t *bytes;
    size_t len;
    size_t stop_at;
};

static int put_packed(void *ctx, const void *bytes, size_t n)
{
    struct packed *packed = ctx;

    if (packed->stop_at && packed->len >= packed->stop_at)
        return 66;
    packed->bytes = realloc(packed->bytes, packed->len + n);
    memcpy(packed->bytes + packed->len, bytes, n);
    packed->len += n;
    return 0;
}

/* The model goes on with events that were packed and unpacked. */
static void model_repack(struct model *model)
{
    struct packed packed = {0};

    CHECK(oks_events_pack(model->real, put_packed, &packed) == 0);
    oks_events_free(model->real);
    CHECK(oks_events_unpack(&model->real, packed.bytes, packed.len) == 0);
    free(packed.bytes);
}

/* Texts that sort among, before and behind the canonical stamps. */
static struct oks_stamp odd_stamp(unsigned days)
{
    static const char *const shape[] = {"2026-06-%02uT00:00:01+00:00",
                                        "2026-06-%02u",
                                        "2026-06-%02uT00:00:01.0000Z",
                                        "2026-06-%02u~",
                                        "!%u",
                                        "june %u",
                                        "2026-06-%02uT00:00:02.250z",
                                        "2026-06-0%u",
                                        "2026-06-%02uT00:00:02.25Z",
                                        "2026-06-%02uT00:00:02Y",
                                        "%u"};
    static char text[4][64];
    static unsigned turn;
    char *buf = text[turn++ % 4];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(buf, sizeof(text[0]), shape[draw(sizeof(shape) / sizeof(shape[0]))], 1 + (unsigned)draw(days));
#pragma GCC diagnostic pop
    return stamp(buf);
}

/* Closed and opened again at any length, with latecomers, twins, texts and what has no stamp. */
START_TEST(no_answer_depends_on_a_trim)
{
    for (enum order order = 0; order < ORDERS; order++) {
        for (unsigned often = 1; often < 400; often = often * 3 + 1) {
            unsigned n = by_effort(400, 1500, 3000);
            struct model model;

            model_open(&model);
            for (unsigned i = 0; i < n; i++) {
                uint64_t kind = draw(60);

                model_add(&model, kind == 0   ? OKS_STAMP_NONE
                                  : kind == 1 ? odd_stamp(4)
                                              : tick_stamp(tick_of(order, i, n) / 4));
                if (draw(often) == 0)
                    oks_events_trim(model.real);
                if (draw(200) == 0)
                    check_windows(&model, 1, n / 4 + 2);
                if (draw(400) == 0)
                    check_each(&model);
            }
            check_each(&model);
            check_windows(&model, 10, n / 4 + 2);
            oks_events_trim(model.real);
            check_each(&model);
            check_windows(&model, 10, n / 4 + 2);
            model_close(&model);
        }
    }
}
END_TEST

START_TEST(no_answer_depends_on_being_packed_and_unpacked)
{
    for (enum order order = 0; order < ORDERS; order++) {
        unsigned n = by_effort(400, 1500, 3000);
        struct model model;

        model_open(&model);
        for (unsigned i = 0; i < n; i++) {
            uint64_t kind = draw(20);

            model_add(&model, kind == 0   ? OKS_STAMP_NONE
                              : kind == 1 ? odd_stamp(4)
                                          : tick_stamp(tick_of(order, i, n) / 4));
            if (draw(20) == 0)
                model_repack(&model);
            if (draw(100) == 0)
                oks_events_trim(model.real);
            if (draw(100) == 0)
                check_each(&model);
        }
        model_repack(&model);
        check_each(&model);
        check_windows(&model, 10, n / 4 + 2);
        model_close(&model);
    }
}
END_TEST

/* As oks_events_pack() writes it: one canonical run of two blocks, with an open tail. */
static struct packed packed_of(unsigned n, struct oks_events **events)
{
    struct packed packed = {0};

    ck_assert_int_eq(oks_events_new(events), 0);
    for (unsigned i = 0; i < n; i++) {
        struct oks_event event = {.stamp = i % 7 == 6 ? odd_stamp(9) : tick_stamp(i)};

        event.count[OKS_OUTPUT] = i % 5;
        event.place[OKS_LABEL_MODEL] = i % 9 && i % 5 ? 3 : 0;
        event.place[OKS_LABEL_TAG] = i % 4 ? 1 : 0;
        ck_assert_int_eq(oks_events_append(*events, &event), 0);
    }
    ck_assert_int_eq(oks_events_pack(*events, put_packed, &packed), 0);
    return packed;
}

/* In memory of their own, so that a sanitizer sees what is read behind them. */
static int unpack_exactly(const uint8_t *bytes, size_t len, struct oks_events **out)
{
    uint8_t *copy = malloc(len + !len);
    int rc;

    memcpy(copy, bytes, len);
    rc = oks_events_unpack(out, copy, len);
    free(copy);
    return rc;
}

START_TEST(what_is_cut_or_longer_is_refused)
{
    struct oks_events *events, *out = NULL;
    struct packed packed = packed_of(150, &events);

    for (size_t len = 0; len < packed.len; len++)
        CHECK(unpack_exactly(packed.bytes, len, &out) == -EINVAL);
    put_packed(&packed, "", 1);
    CHECK(unpack_exactly(packed.bytes, packed.len, &out) == -EINVAL);
    ck_assert_ptr_null(out);
    CHECK(unpack_exactly(packed.bytes, packed.len - 1, &out) == 0);
    ck_assert_uint_eq(oks_events_len(out), 150);
    oks_events_free(out);
    oks_events_free(events);
    free(packed.bytes);
}
END_TEST

static int in_order(void *ctx, const struct oks_event *event)
{
    struct oks_stamp *last = ctx;

    CHECK(oks_stamp_is_none(*last) || oks_stamp_cmp(*last, event->stamp) <= 0);
    *last = event->stamp;
    return 0;
}

/* Refused, or something in order of which everything can be read. */
START_TEST(damaged_bytes_do_no_harm)
{
    struct oks_events *events, *out;
    struct packed packed = packed_of(150, &events);
    unsigned taken = 0, refused = 0;

    for (unsigned i = 0; i < by_effort(3000, 20000, 200000); i++) {
        struct oks_stamp last = OKS_STAMP_NONE;
        struct oks_totals totals;
        size_t at = draw(packed.len);
        uint8_t was = packed.bytes[at];
        int rc;

        packed.bytes[at] = draw(2) ? was ^ (uint8_t)(1 << draw(8)) : (uint8_t)draw(256);
        rc = unpack_exactly(packed.bytes, packed.len, &out);
        packed.bytes[at] = was;
        CHECK(rc == 0 || rc == -EINVAL);
        refused += rc < 0;
        taken += rc == 0;
        if (rc < 0)
            continue;
        CHECK(oks_events_each(out, in_order, &last) == 0);
        oks_events_window(out, tick_stamp(10), tick_stamp(100), &totals);
        CHECK(oks_events_append(out, &(struct oks_event){.stamp = tick_stamp(draw(200))}) == 0);
        oks_events_free(out);
    }
    ck_assert_uint_gt(taken, 100);
    ck_assert_uint_gt(refused, 100);
    oks_events_free(events);
    free(packed.bytes);
}
END_TEST

START_TEST(packing_stops_when_told)
{
    struct oks_events *events;
    struct packed packed = packed_of(150, &events), some = {.stop_at = 20};

    ck_assert_int_eq(oks_events_pack(events, put_packed, &some), 66);
    ck_assert_uint_lt(some.len, packed.len);
    oks_events_free(events);
    free(packed.bytes);
    free(some.bytes);
}
END_TEST

START_TEST(equal_stamps_keep_their_order)
{
    struct model model;

    model_open(&model);
    for (unsigned i = 0; i < by_effort(4000, 20000, 20000); i++)
        model_add(&model, tick_stamp(draw(40)));
    check_each(&model);
    check_windows(&model, 10, 45);
    model_close(&model);
}
END_TEST

START_TEST(texts_among_numbers)
{
    for (unsigned share = 1; share <= 10; share += 3) {
        struct model model;

        model_open(&model);
        for (unsigned i = 0; i < 3000; i++)
            model_add(&model, draw(10) < share ? odd_stamp(4) : tick_stamp(draw(3 * 86400 * 4)));
        check_each(&model);
        for (unsigned i = 0; i < by_effort(10, 60, 200); i++) {
            check_window(&model, odd_stamp(4), odd_stamp(4));
            check_window(&model, odd_stamp(4), tick_stamp(draw(3 * 86400 * 4)));
            check_window(&model, tick_stamp(draw(3 * 86400 * 4)), odd_stamp(4));
        }
        model_close(&model);
    }
}
END_TEST

START_TEST(a_text_stamp_is_copied)
{
    char text[] = "10 June 2026";
    struct oks_event event = {.stamp = stamp(text)};
    struct oks_events *events;
    struct oks_totals totals;
    char buf[OKS_STAMP_TEXT];

    ck_assert_int_eq(oks_events_new(&events), 0);
    ck_assert_int_eq(oks_events_append(events, &event), 0);
    memset(text, 'x', sizeof(text) - 1);
    oks_events_window(events, OKS_STAMP_NONE, OKS_STAMP_NONE, &totals);
    ck_assert(oks_slice_eq(oks_stamp_text(totals.first, buf), OKS_SLICE("10 June 2026")));
    oks_events_free(events);
}
END_TEST

/* Sums beyond 64 bits must not spoil a window behind them. */
START_TEST(huge_counts_saturate_and_differences_stay_exact)
{
    struct oks_events *events;
    struct oks_totals totals;

    ck_assert_int_eq(oks_events_new(&events), 0);
    for (unsigned i = 0; i < 1000; i++) {
        struct oks_event event = {.stamp = tick_stamp(i)};

        for (int c = 0; c < OKS_COLUMNS; c++)
            event.count[c] = i < 500 ? OKS_TOKENS_MAX : i;
        ck_assert_int_eq(oks_events_append(events, &event), 0);
    }
    oks_events_window(events, OKS_STAMP_NONE, OKS_STAMP_NONE, &totals);
    for (int c = 0; c < OKS_COLUMNS; c++)
        ck_assert_uint_eq(totals.count[c], OKS_TOKENS_MAX);
    oks_events_window(events, tick_stamp(499), tick_stamp(499), &totals);
    ck_assert_uint_eq(totals.count[OKS_OUTPUT], OKS_TOKENS_MAX);
    oks_events_window(events, tick_stamp(600), tick_stamp(699), &totals);
    for (int c = 0; c < OKS_COLUMNS; c++)
        ck_assert_uint_eq(totals.count[c], (600 + 699) * 50);
    ck_assert_uint_eq(totals.events, 100);
    oks_events_free(events);
}
END_TEST

START_TEST(since_after_until_leaves_the_unstamped)
{
    struct model model;
    struct oks_totals totals;

    model_open(&model);
    for (unsigned i = 0; i < 300; i++)
        model_add(&model, i % 3 ? tick_stamp(i) : OKS_STAMP_NONE);
    oks_events_window(model.real, tick_stamp(200), tick_stamp(100), &totals);
    ck_assert_uint_eq(totals.events, 100);
    ck_assert_uint_eq(totals.stamped, 0);
    ck_assert(oks_stamp_is_none(totals.first) && oks_stamp_is_none(totals.last));
    check_window(&model, tick_stamp(200), tick_stamp(100));
    model_close(&model);
}
END_TEST

/* What a transcript brings: a request every few seconds, one after the other. */
static struct oks_events *typical(size_t n, enum order order)
{
    struct oks_events *events;

    CHECK(oks_events_new(&events) == 0);
    for (size_t i = 0; i < n; i++) {
        uint64_t at = order == SHUFFLED ? draw(n) : order == FALLING ? n - i : i;
        uint64_t hours = at / 514, ms = at % 514 * 7000 + draw(1000);
        struct oks_event event = {0};
        char text[64];

        snprintf(text, sizeof(text), "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
                 (unsigned)(2026 + hours / 24 / 28 / 12), (unsigned)(1 + hours / 24 / 28 % 12),
                 (unsigned)(1 + hours / 24 % 28), (unsigned)(hours % 24), (unsigned)(ms / 60000),
                 (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
        event.stamp = stamp(text);
        event.count[OKS_INPUT] = draw(20);
        event.count[OKS_OUTPUT] = draw(5000);
        event.count[OKS_CACHE_CREATION] = draw(60000);
        event.count[OKS_CACHE_CREATION_5M] = event.count[OKS_CACHE_CREATION];
        event.count[OKS_CACHE_READ] = draw(180000);
        event.count[OKS_TOOL_USES] = draw(3);
        CHECK(oks_events_append(events, &event) == 0);
    }
    return events;
}

START_TEST(memory_per_event)
{
    struct oks_events *events = typical(100000, RISING);

    ck_assert_uint_le(oks_events_bytes(events), 18 * 100000);
    oks_events_trim(events);
    ck_assert_uint_le(oks_events_bytes(events), 12 * 100000);
    oks_events_free(events);
    events = typical(100000, SHUFFLED);
    ck_assert_uint_le(oks_events_bytes(events), 24 * 100000);
    oks_events_free(events);
    ck_assert_int_eq(oks_events_new(&events), 0);
    ck_assert_uint_le(oks_events_bytes(events), 1024);
    oks_events_free(events);
    events = typical(10, RISING);
    ck_assert_uint_ge(oks_events_bytes(events), 10 * sizeof(struct row));
    oks_events_trim(events);
    ck_assert_uint_le(oks_events_bytes(events), 500);
    oks_events_free(events);
}
END_TEST

/* Up to 3 bits, up to `bits`, or all that there are: in some rows, in some columns. */
static void draw_rows(struct row rows[BLOCK_EVENTS], unsigned bits)
{
    uint64_t columns = draw(1 << OKS_COLUMNS), every = 1 + draw(4), splits = draw(4), models = 1 + draw(256);

    memset(rows, 0, BLOCK_EVENTS * sizeof(*rows));
    for (size_t i = 0; i < BLOCK_EVENTS; i++) {
        uint64_t *count = rows[i].count;

        rows[i].key = UINT64_MAX - draw(UINT64_MAX >> (64 - bits));
        for (unsigned c = 0; c < OKS_COLUMNS && draw(every) == 0; c++)
            if (columns >> c & 1)
                count[c] = draw(UINT64_MAX >> (64 - bits)) + (bits == 64);
        if (splits > 0) {
            count[OKS_CACHE_CREATION_5M] = splits == 1   ? count[OKS_CACHE_CREATION]
                                           : splits == 2 ? 0
                                                         : count[OKS_CACHE_CREATION] / 3;
            count[OKS_CACHE_CREATION_1H] = count[OKS_CACHE_CREATION] - count[OKS_CACHE_CREATION_5M];
        }
        if (row_has_count(&rows[i]))
            for (size_t l = 0; l < OKS_LABELS; l++)
                rows[i].place[l] = (uint8_t)(UINT8_MAX - draw(l == 1 ? 1 : models));
    }
}

static void check_counted(const struct block *block, const struct row *rows, size_t from, size_t to)
{
    size_t n = 0, low = 0, high = 0, first = 0, last = 0;

    for (size_t i = from; i < to; i++) {
        if (!row_has_count(&rows[i]))
            continue;
        low = n ? low : i;
        high = i;
        n++;
    }
    CHECK(block_counted(block, from, to, &first, &last) == n && first == low && last == high);
}

static void check_range(const struct block *block, const struct row *rows, size_t from, size_t to)
{
    struct sums want = {{0}}, got;

    for (size_t i = from; i < to; i++)
        sums_add_row(&want, &rows[i]);
    if (from > to)
        return;
    if (from < to)
        check_counted(block, rows, from, to);
    block_range(block, from, to, &got);
    CHECK(memcmp(&got, &want, sizeof(got)) == 0);
}

static void check_block(const struct row *rows, size_t n, const struct sums *before)
{
    uint8_t bytes[BLOCK_BYTES_MAX + BLOCK_SPARE];
    struct block *block = (struct block *)bytes;
    size_t len = block_pack(rows, n, before, block);
    struct sums sums = *before, got;
    struct row row;

    CHECK(len <= BLOCK_BYTES_MAX);
    CHECK(block_check(bytes, len) == len);
    for (size_t i = 0; i < len; i++)
        CHECK(block_check(bytes, i) == 0);
    for (size_t i = 0; i < n; i++) {
        block_sums(block, i, &got);
        CHECK(memcmp(&got, &sums, sizeof(sums)) == 0);
        block_row(block, i, &row);
        CHECK(memcmp(&row, &rows[i], sizeof(row)) == 0);
        CHECK(block_key(block, i) == row.key);
        sums_add_row(&sums, &row);
    }
    block_sums(block, n, &got);
    CHECK(memcmp(&got, &sums, sizeof(sums)) == 0);
    check_range(block, rows, draw(n + 1), n);
    check_range(block, rows, draw(n + 1), draw(n + 1));
}

START_TEST(blocks_give_back_what_was_packed)
{
    for (unsigned i = 0; i < by_effort(600, 3000, 30000); i++) {
        unsigned bits = 1 + i % 64;
        struct row rows[BLOCK_EVENTS];
        struct sums before = {{0}};

        draw_rows(rows, bits);
        for (unsigned c = 0; c < OKS_COLUMNS; c++)
            before.count[c] = i % 3 ? draw(UINT64_MAX >> draw(64)) : (unsigned __int128)draw(9) << (i % 120);
        check_block(rows, 1 + draw(BLOCK_EVENTS), &before);
        check_block(rows, BLOCK_EVENTS, &before);
    }
}
END_TEST

/* The work of a window, counted in blocks: about log2 of their number per bound and run. */
static uint64_t most_blocks_touched(const struct oks_events *events)
{
    uint64_t most = 0;

    for (unsigned i = 0; i < 2000; i++) {
        char since[64], until[64];
        struct oks_totals totals;

        snprintf(since, sizeof(since), "20%02u-%02u-%02uT%02u:00:00Z", 26 + (unsigned)draw(6),
                 1 + (unsigned)draw(12), 1 + (unsigned)draw(28), (unsigned)draw(24));
        snprintf(until, sizeof(until), "20%02u-%02u-%02uT%02u:00:00.500Z", 26 + (unsigned)draw(6),
                 1 + (unsigned)draw(12), 1 + (unsigned)draw(28), (unsigned)draw(24));
        run_blocks_touched = 0;
        oks_events_window(events, stamp(since), stamp(until), &totals);
        most = run_blocks_touched > most ? run_blocks_touched : most;
    }
    return most;
}

START_TEST(the_work_of_a_window_is_logarithmic)
{
    struct oks_events *events = typical(by_effort(100000, 1000000, 1000000), RISING);

    /* 15,625 blocks of a million: 14 steps and the block itself per bound, two prefix sums, the unstamped */
    ck_assert_uint_le(most_blocks_touched(events), 34);
    oks_events_free(events);
}
END_TEST

START_TEST(disorder_costs_a_logarithm_more)
{
    unsigned n = by_effort(20000, 100000, 200000);
    struct oks_events *events = typical(n, SHUFFLED);

    ck_assert_uint_le(most_blocks_touched(events), 34 * 11);
    oks_events_free(events);
    events = typical(n, FALLING);
    ck_assert_uint_le(most_blocks_touched(events), 34 * 11);
    oks_events_free(events);
}
END_TEST

struct days {
    int64_t day[64];
    size_t n, stop_at;
};

static int day_one(void *ctx, int64_t day)
{
    struct days *days = ctx;

    ck_assert_uint_lt(days->n, 64);
    days->day[days->n++] = day;
    return days->n == days->stop_at ? -5 : 0;
}

/* 2026-06-01, on which the ticks begin, and days around all of them. */
enum { DAY_ZERO = 20605, DAYS_FIRST = DAY_ZERO - 10, DAYS_END = DAY_ZERO + 40 };

/* A rule with a day that is skipped (2026-06-14) among the ticks; half past a full hour; far from UTC. */
static const char *const zone_names[] = {"UTC", "AAA10BBB-14,M6.2.0/0,M10.1.0/0", "<+0530>-5:30", "XXX11"};

static void check_days_in(const struct model *model, const struct oks_zone *zone)
{
    struct days got = {.n = 0}, want = {.n = 0};

    for (int64_t day = DAYS_FIRST; day < DAYS_END; day++) {
        struct oks_stamp since = day_first_stamp(zone, day), until = day_last_stamp(zone, day);

        for (size_t i = 0; i < model->n; i++) {
            struct oks_stamp stamp = model->events[i].stamp;

            if (oks_stamp_is_none(stamp) || !oks_stamp_within(stamp, since, until))
                continue;
            want.day[want.n++] = day;
            break;
        }
    }
    ck_assert_int_eq(oks_events_days(model->real, zone, DAYS_FIRST, DAYS_END, day_one, &got), 0);
    ck_assert_uint_eq(got.n, want.n);
    ck_assert_mem_eq(got.day, want.day, want.n * sizeof(*want.day));
}

static void check_days(const struct model *model)
{
    for (size_t i = 0; i < sizeof(zone_names) / sizeof(zone_names[0]); i++) {
        struct oks_zone *zone;

        ck_assert_int_eq(oks_zone_new(&zone, zone_names[i], NULL), 0);
        check_days_in(model, zone);
        oks_zone_free(zone);
    }
}

START_TEST(days_are_distinct_and_ascend)
{
    static const char *const odd[] = {"2026-06-09Z",
                                      "2026-06-10",
                                      "2026-06-0x",
                                      "2026-06-9",
                                      "9999-99-99 late",
                                      "2026-06-1:",
                                      "9999-99-99T01",
                                      "99999",
                                      "2026-06-19~~~",
                                      "\x01",
                                      "2026_06-10",
                                      "2026-06",
                                      "2026-0",
                                      "2026-06-10T01+02:00",
                                      "0000-00-00",
                                      "zebra",
                                      "1999-12-3",
                                      "1999-12-31",
                                      "19",
                                      "~",
                                      "9x",
                                      "2026-99-9a"};
    struct model model;

    model_open(&model);
    check_days(&model);
    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        model_add(&model, stamp(odd[i]));
        model_add(&model, i % 2 ? OKS_STAMP_NONE : tick_stamp(draw(25 * 86400 * 4)));
        check_days(&model);
    }
    for (unsigned i = 0; i < 5000; i++)
        model_add(&model, draw(3) ? tick_stamp(draw(25 * 86400 * 4)) : odd_stamp(30));
    check_days(&model);
    model_close(&model);
}
END_TEST

START_TEST(days_stop_when_told)
{
    struct days days = {.stop_at = 2};
    struct model model;

    model_open(&model);
    for (unsigned i = 0; i < 5; i++)
        model_add(&model, tick_stamp(i * 86400 * 4));
    ck_assert_int_eq(oks_events_days(model.real, NULL, DAYS_FIRST, DAYS_END, day_one, &days), -5);
    ck_assert_uint_eq(days.n, 2);
    ck_assert_int_eq(days.day[1], DAY_ZERO + 1);
    model_close(&model);
}
END_TEST

START_TEST(days_jump)
{
    struct oks_events *events = typical(300000, RISING); /* 25 days of 28 are many events, 64 days at most */
    struct days days = {.n = 0};

    run_blocks_touched = 0;
    ck_assert_int_eq(oks_events_days(events, NULL, 0, DAYS_END, day_one, &days), 0);
    ck_assert_uint_eq(days.n, 25);
    ck_assert_uint_le(run_blocks_touched, 26 * 16);
    oks_events_free(events);
}
END_TEST

/* A hostile transcript: a long row of texts that are no days is passed over in one step. */
START_TEST(days_jump_over_what_is_no_day)
{
    struct days days = {.n = 0};
    struct model model;

    model_open(&model);
    for (unsigned i = 0; i < 50000; i++) {
        char text[32];

        snprintf(text, sizeof(text), "2026-06-1x%u", i);
        model_add(&model, stamp(text));
    }
    model_add(&model, stamp("2026-06-20T00:00:00Z"));
    run_blocks_touched = 0;
    ck_assert_int_eq(oks_events_days(model.real, NULL, DAYS_FIRST, DAYS_END, day_one, &days), 0);
    ck_assert_uint_eq(days.n, 1);
    ck_assert_uint_le(run_blocks_touched, 1000);
    model_close(&model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("events");

    seed = UINT64_C(0x9e3779b97f4a7c15);
    TEST(suite, empty);
    TEST(suite, every_border_of_a_small_set);
    TEST(suite, streams_in_any_order);
    TEST(suite, questions_between_appends);
    TEST(suite, no_answer_depends_on_a_trim);
    TEST(suite, no_answer_depends_on_being_packed_and_unpacked);
    TEST(suite, what_is_cut_or_longer_is_refused);
    TEST(suite, damaged_bytes_do_no_harm);
    TEST(suite, packing_stops_when_told);
    TEST(suite, blocks_give_back_what_was_packed);
    TEST(suite, equal_stamps_keep_their_order);
    TEST(suite, texts_among_numbers);
    TEST(suite, a_text_stamp_is_copied);
    TEST(suite, huge_counts_saturate_and_differences_stay_exact);
    TEST(suite, since_after_until_leaves_the_unstamped);
    TEST(suite, memory_per_event);
    TEST(suite, the_work_of_a_window_is_logarithmic);
    TEST(suite, disorder_costs_a_logarithm_more);
    TEST(suite, days_are_distinct_and_ascend);
    TEST(suite, days_stop_when_told);
    TEST(suite, days_jump);
    TEST(suite, days_jump_over_what_is_no_day);
    return tap_run(suite);
}
