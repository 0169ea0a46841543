/* Memos: words there and back, and sets of numbers. */
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "tap.h"

START_TEST(words_are_spelt_so)
{
    struct memo_writer w = {0};
    char *memo;

    memo_put(&w, 0);
    memo_put(&w, 15);
    memo_put(&w, 16);
    memo_put(&w, 0xabc0);
    memo_put(&w, UINT64_MAX);
    memo_put_text(&w, (struct oks_slice){0});
    memo_put_text(&w, OKS_SLICE(""));
    memo_put_text(&w, OKS_SLICE("-"));
    memo_put_text(&w, OKS_SLICE("--"));
    memo_put_text(&w, OKS_SLICE("azAZ09._/:@+-"));
    memo_put_text(&w, OKS_SLICE("`{@[/:\0 %\xff\n"));
    memo = memo_take(&w);
    ck_assert_str_eq(memo,
                     "0 f 10 abc0 ffffffffffffffff - - %2D -- azAZ09._/:@+- %60%7B@%5B/:%00%20%25%FF%0A");
    free(memo);
}
END_TEST

START_TEST(an_empty_memo)
{
    struct memo_writer w = {0}, failed = {.failed = true};
    char *memo = memo_take(&w);

    ck_assert_str_eq(memo, "");
    free(memo);
    memo_put(&failed, 1);
    memo_put_text(&failed, OKS_SLICE("x"));
    ck_assert_ptr_null(memo_take(&failed));
}
END_TEST

START_TEST(words_come_back)
{
    static const uint64_t numbers[] = {0,         1, 9, 10, 15, 16, 255, 256, UINT32_MAX, UINT64_MAX >> 1,
                                       UINT64_MAX};
    struct memo_writer w = {0};
    struct memo_reader r;
    char all[255], *memo, out[MEMO_TEXT_MAX + 1];

    for (unsigned i = 0; i < sizeof(all); i++)
        all[i] = (char)(i + 1);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        memo_put(&w, numbers[i]);
        memo_put_text(&w, (struct oks_slice){all, i * 23 + 1});
        memo_put_text(&w, (struct oks_slice){0});
        memo_put_text(&w, OKS_SLICE("-"));
    }
    memo = memo_take(&w);
    r.p = memo;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        ck_assert(!memo_is_over(&r));
        ck_assert_uint_eq(memo_get(&r), numbers[i]);
        ck_assert(memo_get_text(&r, out));
        ck_assert_uint_eq(strlen(out), i * 23 + 1);
        ck_assert_mem_eq(out, all, i * 23 + 1);
        ck_assert(!memo_get_text(&r, out));
        ck_assert_str_eq(out, "");
        ck_assert(memo_get_text(&r, out));
        ck_assert_str_eq(out, "-");
    }
    ck_assert(memo_is_over(&r));
    free(memo);
}
END_TEST

START_TEST(long_texts_are_cut)
{
    struct memo_writer w = {0};
    struct memo_reader r;
    char text[MEMO_TEXT_MAX + 2], long_memo[2 * MEMO_TEXT_MAX], out[MEMO_TEXT_MAX + 1], *memo;

    memset(text, ' ', sizeof(text));
    memo_put_text(&w, (struct oks_slice){text, sizeof(text)});
    memo_put_text(&w, OKS_SLICE("next"));
    memo = memo_take(&w);
    r.p = memo;
    ck_assert(memo_get_text(&r, out));
    ck_assert_uint_eq(strlen(out), MEMO_TEXT_MAX);
    ck_assert_mem_eq(out, text, MEMO_TEXT_MAX);
    ck_assert(memo_get_text(&r, out));
    ck_assert_str_eq(out, "next");
    free(memo);
    memset(long_memo, 'x', sizeof(long_memo));
    memcpy(long_memo + sizeof(long_memo) - 3, " y", 3);
    r.p = long_memo;
    ck_assert(memo_get_text(&r, out));
    ck_assert_uint_eq(strlen(out), MEMO_TEXT_MAX);
    ck_assert(memo_get_text(&r, out));
    ck_assert_str_eq(out, "y");
}
END_TEST

START_TEST(what_does_not_parse_reads_as_nothing)
{
    char out[MEMO_TEXT_MAX + 1];
    struct memo_reader r = {"12x4 G  fF %4 %zz -x\nnext"};

    ck_assert_uint_eq(memo_get(&r), 0x12);
    ck_assert_uint_eq(memo_get(&r), 0);
    ck_assert_uint_eq(memo_get(&r), 0xff);
    ck_assert(memo_get_text(&r, out));
    ck_assert_str_eq(out, "%4");
    ck_assert(memo_get_text(&r, out));
    ck_assert_str_eq(out, "%zz");
    ck_assert(memo_get_text(&r, out));
    ck_assert_str_eq(out, "-x");
    ck_assert(memo_is_over(&r));
    ck_assert_uint_eq(memo_get(&r), 0);
    ck_assert(!memo_get_text(&r, out));
    ck_assert_int_eq(*r.p, '\n');
    r.p = "-\nx";
    ck_assert(!memo_get_text(&r, out));
    ck_assert(memo_is_over(&r));
    r.p = "%4a%4B%4g";
    ck_assert(memo_get_text(&r, out));
    ck_assert_str_eq(out, "JK%4g");
    r.p = "   \n";
    ck_assert(memo_is_over(&r));
    r.p = "   x";
    ck_assert(!memo_is_over(&r));
}
END_TEST

START_TEST(memos_one_a_line)
{
    const char *memos = "a\nb\n", *next = memo_next(memos);

    ck_assert_ptr_eq(next, memos + 2);
    ck_assert_ptr_null(memo_next(next));
    ck_assert_ptr_null(memo_next("a"));
    ck_assert_ptr_null(memo_next(""));
}
END_TEST

START_TEST(sets_of_numbers)
{
    struct memo_numbers numbers = {0};

    memo_numbers_sort(&numbers);
    ck_assert(!memo_numbers_has(&numbers, 0));
    for (uint64_t i = 0; i < 500; i++)
        ck_assert_int_eq(memo_numbers_add(&numbers, i * 171 % 500 << 40), 0);
    memo_numbers_sort(&numbers);
    ck_assert_uint_eq(numbers.n, 500);
    for (uint64_t i = 0; i < 500; i++) {
        ck_assert(memo_numbers_has(&numbers, i << 40));
        ck_assert(!memo_numbers_has(&numbers, (i << 40) + 1));
        ck_assert_uint_eq(numbers.items[i], i << 40);
    }
    ck_assert(!memo_numbers_has(&numbers, UINT64_MAX));
    memo_numbers_clear(&numbers);
    ck_assert_uint_eq(numbers.n, 0);
    ck_assert_int_eq(memo_numbers_add(&numbers, 5), 0);
    ck_assert(memo_numbers_has(&numbers, 5));
    memo_numbers_clear(&numbers);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("words");

    TEST(suite, words_are_spelt_so);
    TEST(suite, an_empty_memo);
    TEST(suite, words_come_back);
    TEST(suite, long_texts_are_cut);
    TEST(suite, what_does_not_parse_reads_as_nothing);
    TEST(suite, memos_one_a_line);
    TEST(suite, sets_of_numbers);
    return tap_run(suite);
}
