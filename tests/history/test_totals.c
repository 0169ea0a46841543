/* How totals add up. */
#include "history/totals.h"
#include "tap.h"

static struct oks_stamp stamp(const char *text)
{
    return oks_stamp_of(oks_slice_of(text));
}

static struct oks_totals part(uint64_t count, const char *first, const char *last)
{
    struct oks_totals totals = {.events = 3, .stamped = 2, .first = stamp(first), .last = stamp(last)};

    for (int c = 0; c < OKS_COLUMNS; c++)
        totals.count[c] = count + (uint64_t)c;
    return totals;
}

START_TEST(columns_add)
{
    struct oks_totals sum = OKS_TOTALS_NONE, a = part(100, "b", "c"), b = part(7, "a", "d");

    oks_totals_add(&sum, &a);
    oks_totals_add(&sum, &b);
    for (int c = 0; c < OKS_COLUMNS; c++)
        ck_assert_uint_eq(sum.count[c], 107 + 2 * (uint64_t)c);
    ck_assert_uint_eq(sum.events, 6);
    ck_assert_uint_eq(sum.stamped, 4);
}
END_TEST

START_TEST(the_wider_span_wins)
{
    struct oks_totals sum = OKS_TOTALS_NONE, none = OKS_TOTALS_NONE;
    struct oks_totals a = part(1, "2026-06-10T01:00:00Z", "2026-06-10T02:00:00Z");
    struct oks_totals b = part(1, "2026-06-10T01:00:00.500Z", "2026-06-10T02:00:00+00:00");
    struct oks_totals c = part(1, "2026-06-09", "2026-06-10T02:00:00z");

    oks_totals_add(&sum, &none);
    ck_assert(oks_stamp_is_none(sum.first) && oks_stamp_is_none(sum.last));
    oks_totals_add(&sum, &a);
    oks_totals_add(&sum, &none);
    ck_assert_uint_eq(sum.first.key, a.first.key);
    ck_assert_uint_eq(sum.last.key, a.last.key);
    oks_totals_add(&sum, &b);
    ck_assert_uint_eq(sum.first.key, b.first.key);
    ck_assert_uint_eq(sum.last.key, a.last.key);
    oks_totals_add(&sum, &c);
    ck_assert_ptr_eq(sum.first.text, c.first.text);
    ck_assert_ptr_eq(sum.last.text, c.last.text);
}
END_TEST

START_TEST(sums_saturate)
{
    struct oks_totals sum = part(OKS_TOKENS_MAX - 10, "a", "a"), more = part(4, "a", "a");

    oks_totals_add(&sum, &more); /* MAX - 10 + c + 4 + c */
    for (uint64_t c = 0; c < OKS_COLUMNS; c++)
        ck_assert_uint_eq(sum.count[c], c < 3 ? OKS_TOKENS_MAX - 6 + 2 * c : OKS_TOKENS_MAX);
    ck_assert_uint_eq(oks_tokens_add(OKS_TOKENS_MAX, OKS_TOKENS_MAX), OKS_TOKENS_MAX);
    ck_assert_uint_eq(oks_tokens_add(OKS_TOKENS_MAX - 1, 1), OKS_TOKENS_MAX);
}
END_TEST

START_TEST(cache_reads_are_no_tokens)
{
    struct oks_totals totals = OKS_TOTALS_NONE;

    totals.count[OKS_INPUT] = 1;
    totals.count[OKS_OUTPUT] = 20;
    totals.count[OKS_CACHE_CREATION] = 300;
    totals.count[OKS_CACHE_CREATION_5M] = 4000;
    totals.count[OKS_CACHE_CREATION_1H] = 50000;
    totals.count[OKS_CACHE_READ] = 600000;
    totals.count[OKS_TOOL_USES] = 7000000;
    ck_assert_uint_eq(oks_totals_tokens(&totals), 321);
    totals.count[OKS_INPUT] = OKS_TOKENS_MAX;
    ck_assert_uint_eq(oks_totals_tokens(&totals), OKS_TOKENS_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("totals");

    TEST(suite, columns_add);
    TEST(suite, the_wider_span_wins);
    TEST(suite, sums_saturate);
    TEST(suite, cache_reads_are_no_tokens);
    return tap_run(suite);
}
