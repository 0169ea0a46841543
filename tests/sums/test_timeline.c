/* Rows of time: bounds as strings have them, and the order of what is in a row. */
#include <stdlib.h>
#include <string.h>

#include "time/calendar.h"
#include "okstrafs/window.h"
#include "sums/time_rows.h"
#include "tap.h"

static struct timeline timeline; /* in UTC */

static uint64_t key_of(const char *stamp)
{
    return oks_stamp_of(oks_slice_of(stamp)).key;
}

static uint64_t key_by_text(int64_t second)
{
    char text[OKS_STAMP_TEXT];

    oks_time_text(second * 1000, text);
    return key_of(text);
}

START_TEST(a_second_has_the_key_of_its_string)
{
    static const char *const stamps[] = {"0001-01-01T00:00:00.000Z", "1969-12-31T23:59:59.000Z",
                                         "1970-01-01T00:00:00.000Z", "2000-02-29T12:34:56.000Z",
                                         "2026-06-10T01:00:00.000Z", "9999-12-31T23:59:59.000Z"};
    int64_t second, first = CALENDAR_FIRST_DAY * (int64_t)SECONDS_PER_DAY,
                    last = (CALENDAR_LAST_DAY + 1) * (int64_t)SECONDS_PER_DAY;

    for (size_t i = 0; i < sizeof(stamps) / sizeof(*stamps); i++) {
        ck_assert(timeline_second(key_of(stamps[i]), &second));
        ck_assert_uint_eq(timeline_key(second), key_of(stamps[i]));
    }
    srandom(7);
    for (int i = 0; i < 200000; i++) {
        second =
            first + (int64_t)(((uint64_t)random() << 31 | (uint64_t)random()) % (uint64_t)(last - first));
        ck_assert_uint_eq(timeline_key(second), key_by_text(second));
    }
    ck_assert_uint_eq(timeline_key(first), key_by_text(first));
    ck_assert_uint_eq(timeline_key(last - 1), key_by_text(last - 1));
    ck_assert_uint_eq(timeline_key(last), key_by_text(last));
}
END_TEST

START_TEST(a_string_belongs_to_the_second_that_it_sorts_behind)
{
    int64_t second, want;

    ck_assert(timeline_second(key_of("2026-02-30T01:00:00Z"), &second));
    ck_assert(timeline_second(key_of("2026-02-28T23:59:59Z"), &want));
    ck_assert_int_eq(second, want);
    ck_assert(timeline_second(key_of("2026-02-10T24:00:00Z"), &second));
    ck_assert(timeline_second(key_of("2026-02-10T23:59:59Z"), &want));
    ck_assert_int_eq(second, want);
    ck_assert(timeline_second(key_of("2026-00-10T00:00:00Z"), &second));
    ck_assert(timeline_second(key_of("2025-12-31T23:59:59Z"), &want));
    ck_assert_int_eq(second, want);
    ck_assert(!timeline_second(key_of("0000-06-10T00:00:00Z"), &second));
}
END_TEST

/* The row that was asked for last must be no other's. */
START_TEST(each_key_has_one_row)
{
    static const char *const stamps[] = {"2026-06-10T01:00:00.000Z", "2026-06-10T01:00:00.001Z",
                                         "2026-06-10T01:59:59.999Z", "2026-06-10T02:00:00.000Z",
                                         "2026-06-09T23:59:59.999Z", "2026-06-10T00:00:00.000Z"};
    static const int rows[TIME_KINDS] = {[TIMELINE_DAYS] = 2,
                                         [TIMELINE_HOURS] = 4,
                                         [TIMELINE_HALVES] = 5,
                                         [TIMELINE_WEEKS] = 1,
                                         [TIMELINE_MONTHS] = 1};

    for (int kind = 0; kind < TIME_KINDS; kind++) {
        struct time_row *found[6];

        for (int round = 0; round < 50; round++)
            for (int i = 0; i < 6; i++) {
                int k = round ? rand() % 6 : i;
                struct time_row *row = time_row_made(&timeline, (enum time_kind)kind, key_of(stamps[k]));

                ck_assert_ptr_nonnull(row);
                ck_assert(row->lo <= key_of(stamps[k]) && key_of(stamps[k]) <= row->hi);
                if (round == 0)
                    found[i] = row;
                ck_assert_ptr_eq(row, found[k]);
            }
        ck_assert_uint_eq(timeline.tables[kind].n, (size_t)rows[kind]);
        for (size_t i = 1; i < timeline.tables[kind].n; i++)
            ck_assert(timeline.tables[kind].rows[i - 1]->hi < timeline.tables[kind].rows[i]->lo);
    }
    time_rows_free(&timeline);
    ck_assert_ptr_null(timeline.tables[TIMELINE_DAYS].last);
}
END_TEST

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void check_stamps(struct time_row *row, uint32_t *model, size_t n)
{
    const uint32_t *stamps = time_row_stamps(row);

    ck_assert_uint_eq(row->n_stamps, n);
    qsort(model, n, sizeof(*model), by_value);
    for (size_t i = 0; i < n; i++)
        ck_assert_uint_eq(stamps[i], model[i]);
}

/* Against a list that is sorted each time: far from order (sessions one after the other), and nearly in it.
 */
START_TEST(stamps_are_in_order_when_asked_for)
{
    enum { MOST = 3000 };

    for (int span = 10; span <= 10000000; span *= 100) {
        struct time_row *row = time_row_made(&timeline, TIMELINE_HALVES, key_of("2026-06-10T01:30:00.000Z"));
        uint32_t model[MOST];
        size_t n = 0;

        srandom((unsigned)span);
        for (int step = 0; step < 20000; step++) {
            bool come = n < MOST && (n == 0 || random() % 5 < 3);
            uint32_t ms = (uint32_t)(random() % span) + (uint32_t)step * (uint32_t)(random() % 2);

            if (come) {
                ck_assert_int_eq(time_row_stamp_comes(row, ms), 0);
                model[n++] = ms;
            } else {
                size_t at = (size_t)random() % n;

                time_row_stamp_leaves(row, model[at]);
                model[at] = model[--n];
            }
            if (step % 997 == 0)
                check_stamps(row, model, n);
            if (step % 5000 == 0)
                time_rows_trim(&timeline);
        }
        check_stamps(row, model, n);
        time_row_stamp_leaves(row, UINT32_MAX); /* never came */
        check_stamps(row, model, n);
        time_rows_free(&timeline);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("times");

    TEST(suite, a_second_has_the_key_of_its_string);
    TEST(suite, a_string_belongs_to_the_second_that_it_sorts_behind);
    TEST(suite, each_key_has_one_row);
    TEST(suite, stamps_are_in_order_when_asked_for);
    return tap_run(suite);
}
