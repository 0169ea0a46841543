/* Five-hour blocks: where one ends and the next one starts, to the millisecond. */
#include "time/blocks.h"
#include "tap.h"

#define HOUR   INT64_C(3600000)
#define MINUTE INT64_C(60000)
#define DAY    (24 * HOUR)

/* 1970-01-11T00:00Z: any day will do. */
#define BASE (10 * DAY)

START_TEST(a_block_starts_at_the_full_hour_of_its_first_entry)
{
    struct block b = {0};

    ck_assert(block_add(&b, BASE + 9 * HOUR + 59 * MINUTE + 59999));
    ck_assert_int_eq(b.start, BASE + 9 * HOUR);
    ck_assert_int_eq(block_end(&b), BASE + 14 * HOUR);
    ck_assert_int_eq(b.first, BASE + 9 * HOUR + 59 * MINUTE + 59999);
    ck_assert_uint_eq(b.entries, 1);
    b = (struct block){0};
    ck_assert(block_add(&b, BASE + 9 * HOUR));
    ck_assert_int_eq(b.start, BASE + 9 * HOUR);
    b = (struct block){0};
    ck_assert(block_add(&b, -1));
    ck_assert_int_eq(b.start, -HOUR);
}
END_TEST

START_TEST(it_lasts_five_hours_and_no_longer)
{
    struct block b = {0};

    block_add(&b, BASE + 30 * MINUTE);
    ck_assert(!block_add(&b, BASE + 4 * HOUR));
    ck_assert(!block_add(&b, BASE + 5 * HOUR)); /* exactly: still of it */
    ck_assert_uint_eq(b.entries, 3);
    ck_assert_int_eq(b.last, BASE + 5 * HOUR);
    ck_assert(block_add(&b, BASE + 5 * HOUR + 1));
    ck_assert_int_eq(b.start, BASE + 5 * HOUR);
    ck_assert_uint_eq(b.entries, 1);
}
END_TEST

START_TEST(a_long_silence_is_a_gap)
{
    struct block b = {0};
    int64_t start, end;

    ck_assert(!block_gap(&b, BASE, &start, &end));
    block_add(&b, BASE + 10 * MINUTE);
    ck_assert(!block_gap(&b, BASE + 5 * HOUR + 10 * MINUTE, &start, &end));
    ck_assert(block_gap(&b, BASE + 9 * HOUR, &start, &end));
    ck_assert_int_eq(start, BASE + 5 * HOUR + 10 * MINUTE);
    ck_assert_int_eq(end, BASE + 9 * HOUR);
    ck_assert(block_add(&b, BASE + 9 * HOUR));
    ck_assert_int_eq(b.start, BASE + 9 * HOUR);
}
END_TEST

START_TEST(a_block_ends_by_the_clock_or_by_silence)
{
    struct block b = {0};

    ck_assert(!block_is_active(&b, BASE));
    block_add(&b, BASE + 30 * MINUTE);
    ck_assert(block_is_active(&b, BASE + 30 * MINUTE));
    ck_assert(block_is_active(&b, BASE + 5 * HOUR - 1));
    ck_assert(!block_is_active(&b, BASE + 5 * HOUR));
    block_add(&b, BASE + 4 * HOUR);
    ck_assert(!block_is_active(&b, BASE + 5 * HOUR));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("blocks");

    TEST(s, a_block_starts_at_the_full_hour_of_its_first_entry);
    TEST(s, it_lasts_five_hours_and_no_longer);
    TEST(s, a_long_silence_is_a_gap);
    TEST(s, a_block_ends_by_the_clock_or_by_silence);
    return tap_run(s);
}
