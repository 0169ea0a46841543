/* Money as text, there and back, and its saturating sum. */
#include <errno.h>
#include <string.h>

#include "base/money.h"
#include "tap.h"

static void money(const char *text, int rc, oks_money amount)
{
    oks_money found = -7;

    ck_assert_msg(oks_money_parse(oks_slice_of(text), &found) == rc, "%s", text);
    ck_assert_msg(found == (rc < 0 ? -7 : amount), "%s is %lld", text, (long long)found);
}

START_TEST(text_is_read_exactly)
{
    money("0", 0, 0);
    money("1", 0, OKS_USD);
    money("1.5", 0, OKS_USD * 3 / 2);
    money("5e-06", 0, 5000000);
    money("5E-6", 0, 5000000);
    money("1.25e-05", 0, 12500000);
    money("0.000000000001", 0, 1);
    money("1e-12", 0, 1);
    money("10e-13", 0, 1);
    money("0.1", 0, OKS_USD / 10);
    money("1e+2", 0, 100 * OKS_USD);
    money("0e9999", 0, 0);
    money("0.0e99999999999999999999", 0, 0);
    money("9223372.036854775807", 0, OKS_MONEY_MAX);
    money("9223372.036854775808", -ERANGE, 0);
    money("1e7", -ERANGE, 0);
    money("1e99999999999", -ERANGE, 0);
    money("4.9e-13", 1, 0);
    money("5e-13", 1, 1);
    money("1.0000000000005", 1, OKS_USD + 1);
    money("1.00000000000049", 1, OKS_USD);
    money("1e-99999999999", 1, 0);
    money("9223372.0368547758075", -ERANGE, 0);
    money("3.0000000000000000000000000000000000000000001", 1, 3 * OKS_USD);
}
END_TEST

START_TEST(what_is_no_number_is_refused)
{
    static const char *const texts[] = {"",    "-1",       "-0",   "+1",    ".5",   "1.",  "01",
                                        "1e",  "1e+",      "e5",   "1 ",    " 1",   "0x1", "1,5",
                                        "NaN", "Infinity", "1e5.", "1.2.3", "\"1\""};
    char digits[OKS_MONEY_PARSE_MAX + 2];

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        money(texts[i], -EINVAL, 0);
    memset(digits, '0', sizeof(digits));
    digits[1] = '.';
    digits[sizeof(digits) - 1] = '\0';
    money(digits, -EINVAL, 0);
    digits[OKS_MONEY_PARSE_MAX] = '\0';
    money(digits, 0, 0);
    ck_assert_int_eq(oks_money_parse((struct oks_slice){0}, &(oks_money){0}), -EINVAL);
}
END_TEST

START_TEST(text_and_back)
{
    static const struct {
        oks_money amount;
        const char *text;
    } pairs[] = {
        {0, "0"},
        {1, "0.000000000001"},
        {3000000, "0.000003"},
        {OKS_USD * 3 / 2, "1.5"},
        {10 * OKS_USD, "10"},
        {OKS_MONEY_MAX, "9223372.036854775807"},
    };
    char text[OKS_MONEY_TEXT];

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        ck_assert_uint_eq(oks_money_text(pairs[i].amount, text), strlen(pairs[i].text));
        ck_assert_str_eq(text, pairs[i].text);
        money(text, 0, pairs[i].amount);
    }
    oks_money_text(-OKS_USD / 4, text);
    ck_assert_str_eq(text, "-0.25");
    for (uint64_t x = 1, i = 0; i < 10000; i++) {
        oks_money amount;

        x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
        amount = (oks_money)(x >> (1 + i % 60));
        oks_money_text(amount, text);
        money(text, 0, amount);
    }
}
END_TEST

START_TEST(exponents_shift_the_point)
{
    char text[64];

    for (int e = 1; e <= 18; e++) {
        snprintf(text, sizeof(text), "1%0*de-%d", e, 0, e);
        money(text, 0, OKS_USD);
        snprintf(text, sizeof(text), "1%0*de-0%dE", e, 0, e);
        money(text, -EINVAL, 0);
        snprintf(text, sizeof(text), "0.%0*d3e%d", e, 0, e + 1);
        money(text, 0, 3 * OKS_USD);
    }
    money("1e009", -ERANGE, 0);
    money("1e006", 0, 1000000 * OKS_USD);
    money("9e-0012", 0, 9);
    money("0e19", 0, 0);
    money("0.00e-19", 0, 0);
    money("1e-13", 1, 0);
    money("1e", -EINVAL, 0);
    money("1e-", -EINVAL, 0);
    money("1-", -EINVAL, 0);
    money("1.5x", -EINVAL, 0);
    /* The first digit that does not fit decides, wherever it stands. */
    money("15e-13", 1, 2);
    money("14e-13", 1, 1);
    money("149e-14", 1, 1);
    money("0.5e-12", 1, 1);
    money("0.05e-12", 1, 0);
    money("50e-14", 1, 1);
}
END_TEST

START_TEST(only_digits_that_count_make_it_inexact)
{
    money("1.0000000000000", 0, OKS_USD);
    money("1.0000000000001", 1, OKS_USD);
    money("10e-14", 1, 0);
    money("100e-14", 0, 1);
    money("0.0000000000000e-5", 0, 0);
}
END_TEST

START_TEST(sums_saturate)
{
    ck_assert_int_eq(oks_money_add(0, 0), 0);
    ck_assert_int_eq(oks_money_add(1, 2), 3);
    ck_assert_int_eq(oks_money_add(OKS_MONEY_MAX - 1, 1), OKS_MONEY_MAX);
    ck_assert_int_eq(oks_money_add(OKS_MONEY_MAX, 1), OKS_MONEY_MAX);
    ck_assert_int_eq(oks_money_add(OKS_MONEY_MAX, OKS_MONEY_MAX), OKS_MONEY_MAX);
}
END_TEST

START_TEST(amounts_below_zero)
{
    char text[OKS_MONEY_TEXT];

    ck_assert_uint_eq(oks_money_text(-1, text), strlen("-0.000000000001"));
    ck_assert_str_eq(text, "-0.000000000001");
    oks_money_text(-3 * OKS_USD, text);
    ck_assert_str_eq(text, "-3");
    oks_money_text(INT64_MIN, text);
    ck_assert_str_eq(text, "-9223372.036854775808");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("money");

    TEST(suite, text_is_read_exactly);
    TEST(suite, what_is_no_number_is_refused);
    TEST(suite, text_and_back);
    TEST(suite, exponents_shift_the_point);
    TEST(suite, only_digits_that_count_make_it_inexact);
    TEST(suite, sums_saturate);
    TEST(suite, amounts_below_zero);
    return tap_run(suite);
}
