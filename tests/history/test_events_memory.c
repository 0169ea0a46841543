/* The events and the lists when memory runs out at any point: the linker hands their allocations to us. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "history/state.h"
#include "refused_memory.h"
#include "tap.h"

static void check_totals(const struct oks_events *events, uint64_t want)
{
    struct oks_totals totals;

    oks_events_window(events, OKS_STAMP_NONE, OKS_STAMP_NONE, &totals);
    ck_assert_uint_eq(totals.count[OKS_OUTPUT], want);
}

/* Stamps fall, so that runs are started and merged all the time; every seventh is a text, every ninth none.
 */
static struct oks_stamp falling_stamp(unsigned i, char buf[64])
{
    unsigned left = 5000 - i;

    if (i % 9 == 0)
        return OKS_STAMP_NONE;
    snprintf(buf, 64, "2026-06-10T%02u:%02u:%02u%s", left / 3600, left / 60 % 60, left % 60,
             i % 7 ? "Z" : "+00:00");
    return oks_stamp_of(oks_slice_of(buf));
}

START_TEST(a_failed_append_changes_nothing)
{
    struct oks_events *events;
    unsigned failures = 0;
    uint64_t sum = 0;

    ck_assert_int_eq(oks_events_new(&events), 0);
    for (unsigned i = 0; i < 4000; i++) {
        char buf[64];
        struct oks_event event = {.stamp = falling_stamp(i, buf)};
        int rc;

        event.count[OKS_OUTPUT] = i + 1;
        for (long allow = 0;; allow++) {
            allowed = allow;
            rc = oks_events_append(events, &event);
            allowed = -1;
            if (rc == 0)
                break;
            failures++;
            ck_assert_int_eq(rc, -ENOMEM);
            ck_assert_uint_eq(oks_events_len(events), i);
            check_totals(events, sum);
        }
        sum += i + 1;
        ck_assert_uint_eq(oks_events_len(events), i + 1);
        check_totals(events, sum);
    }
    ck_assert_uint_gt(failures, 100);
    oks_events_free(events);
}
END_TEST

/* Equal stamps in the order of arrival: output counts rise. */
static int in_order(void *ctx, const struct oks_event *event)
{
    struct oks_event *last = ctx;

    if (!oks_stamp_is_none(last->stamp)) {
        int order = oks_stamp_cmp(last->stamp, event->stamp);

        ck_assert_int_le(order, 0);
        if (order == 0)
            ck_assert_uint_le(last->count[OKS_OUTPUT], event->count[OKS_OUTPUT]);
    }
    *last = *event;
    return 0;
}

/* Whether it has all the memory it needs or none of it: a trim takes no event away and spoils no place. */
START_TEST(a_failed_trim_changes_nothing)
{
    struct oks_events *events;
    uint64_t sum = 0;
    struct oks_event last = {.stamp = OKS_STAMP_NONE};

    ck_assert_int_eq(oks_events_new(&events), 0);
    for (unsigned i = 0; i < 1500; i++) {
        char buf[64];
        struct oks_event event = {.stamp = falling_stamp(i * 7 % 50, buf)};
        int rc = -1;

        for (long allow = 0; allow < 4; allow++) {
            allowed = allow;
            oks_events_trim(events);
            allowed = -1;
            ck_assert_uint_eq(oks_events_len(events), i);
            check_totals(events, sum);
        }
        event.count[OKS_OUTPUT] = i + 1;
        for (long allow = 0; rc != 0; allow++) {
            allowed = allow;
            rc = oks_events_append(events, &event);
            allowed = -1;
            ck_assert_uint_eq(oks_events_len(events), i + (rc == 0));
            check_totals(events, sum + (rc == 0 ? i + 1 : 0));
        }
        sum += i + 1;
    }
    oks_events_trim(events);
    ck_assert_uint_lt(oks_events_bytes(events), 1500 * 12);
    ck_assert_int_eq(oks_events_each(events, in_order, &last), 0);
    oks_events_free(events);
}
END_TEST

struct packed {
    uint8_t bytes[20000];
    size_t len;
};

static int put(void *ctx, const void *bytes, size_t n)
{
    struct packed *packed = ctx;

    if (n > sizeof(packed->bytes) - packed->len) /* and no assertion: Check allocates */
        return -ENOSPC;
    memcpy(packed->bytes + packed->len, bytes, n);
    packed->len += n;
    return 0;
}

START_TEST(packing_needs_no_memory_and_unpacking_fails_cleanly)
{
    static struct packed packed;
    struct oks_events *events, *out = NULL;
    uint64_t sum = 0;
    long allow = 0;
    int rc;

    ck_assert_int_eq(oks_events_new(&events), 0);
    for (unsigned i = 0; i < 500; i++) {
        char buf[64];
        struct oks_event event = {.stamp = falling_stamp(i, buf), .count = {[OKS_OUTPUT] = i}};

        ck_assert_int_eq(oks_events_append(events, &event), 0);
        sum += i;
    }
    allowed = 0;
    rc = oks_events_pack(events, put, &packed);
    allowed = -1;
    ck_assert_int_eq(rc, 0);
    do {
        allowed = allow++;
        rc = oks_events_unpack(&out, packed.bytes, packed.len);
        allowed = -1;
        ck_assert(rc == 0 || (rc == -ENOMEM && !out));
    } while (rc != 0);
    ck_assert_int_gt(allow, 6);
    ck_assert_uint_eq(oks_events_len(out), 500);
    check_totals(out, sum);
    oks_events_free(out);
    oks_events_free(events);
}
END_TEST

/* Enough for an append but never for a merge: the runs pile up to their limit, and then an append fails. */
START_TEST(runs_have_a_limit_even_without_memory)
{
    struct oks_event last = {.stamp = OKS_STAMP_NONE};
    struct oks_events *events;
    unsigned refused = 0, kept = 0;

    ck_assert_int_eq(oks_events_new(&events), 0);
    for (unsigned i = 0; i < 12000; i++) {
        char buf[64];
        struct oks_event event = {0};
        int rc = -ENOMEM;

        snprintf(buf, sizeof(buf), "2026-06-10T%02u:%02u:%02uZ", (12000 - i) / 3600, (12000 - i) / 60 % 60,
                 (12000 - i) % 60);
        event.stamp = oks_stamp_of(oks_slice_of(buf));
        event.count[OKS_OUTPUT] = 1;
        for (long allow = 0; rc < 0 && allow < 3; allow++) {
            allowed = allow;
            rc = oks_events_append(events, &event);
            allowed = -1;
        }
        refused += rc < 0;
        kept += rc == 0;
        check_totals(events, kept);
    }
    ck_assert_uint_eq(oks_events_len(events), kept);
    ck_assert_uint_gt(kept, 1000);
    ck_assert_uint_gt(refused, 0);
    ck_assert_int_eq(oks_events_each(events, in_order, &last), 0);
    oks_events_free(events);
}
END_TEST

START_TEST(nothing_is_created_without_memory)
{
    struct oks_events *events = NULL;
    struct oks_state state;
    int new_rc, init_rc;

    allowed = 0; /* and no assertion meanwhile: Check allocates too */
    new_rc = oks_events_new(&events);
    init_rc = oks_state_init(&state);
    allowed = -1;
    ck_assert_int_eq(new_rc, -ENOMEM);
    ck_assert_int_eq(init_rc, -ENOMEM);
    ck_assert_ptr_null(events);
    ck_assert_int_eq(oks_state_init(&state), 0);
    state.offset = 5;
    allowed = 0;
    init_rc = oks_state_reset(&state);
    allowed = -1;
    ck_assert_int_eq(init_rc, -ENOMEM);
    ck_assert_uint_eq(state.offset, 5);
    oks_state_clear(&state);
}
END_TEST

static int add_failing(struct oks_strings *list, const char *text, bool folded, long allow)
{
    int rc;

    allowed = allow;
    rc = (folded ? oks_strings_add_folded : oks_strings_add)(list, oks_slice_of(text), 100);
    allowed = -1;
    return rc;
}

START_TEST(a_failed_string_is_not_there)
{
    for (int folded = 0; folded < 2; folded++) {
        struct oks_strings list = {0};

        for (unsigned i = 0; i < 40; i++) {
            char name[16];
            int rc = -1;

            snprintf(name, sizeof(name), "Name%u", i);
            for (long allow = 0; rc != 0; allow++) {
                rc = add_failing(&list, name, folded, allow);
                ck_assert(rc == 0 || rc == -ENOMEM);
                ck_assert_uint_eq(list.len, i + (rc == 0));
            }
            ck_assert_int_eq(add_failing(&list, name, folded, -1), 1);
        }
        ck_assert_int_eq(add_failing(&list, "Name0", folded, -1), 1);
        oks_strings_clear(&list);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("events_memory");

    TEST(suite, a_failed_append_changes_nothing);
    TEST(suite, a_failed_trim_changes_nothing);
    TEST(suite, packing_needs_no_memory_and_unpacking_fails_cleanly);
    TEST(suite, runs_have_a_limit_even_without_memory);
    TEST(suite, nothing_is_created_without_memory);
    TEST(suite, a_failed_string_is_not_there);
    return tap_run(suite);
}
