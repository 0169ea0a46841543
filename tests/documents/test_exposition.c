/* Prometheus' text format: heads, labels with any text, values. */
#include <stdlib.h>

#include "documents/exposition.h"
#include "tap.h"

static void labelled(const char *value, const char *want)
{
    struct oks_bytes text = {0};

    metric_labels(&text, &(struct metric_label){"l", value}, 1);
    oks_bytes_put(&text, "", 1);
    ck_assert_int_eq(text.error, 0);
    ck_assert_str_eq(text.ptr, want);
    free(text.ptr);
}

START_TEST(labels_are_escaped)
{
    labelled("", "l=\"\"");
    labelled("plain /path", "l=\"plain /path\"");
    labelled("a\"b\\c\nd", "l=\"a\\\"b\\\\c\\nd\"");
    labelled("\\\"", "l=\"\\\\\\\"\"");
    labelled("결제", "l=\"결제\"");
    labelled("tab\there", "l=\"tab\there\"");
}
END_TEST

START_TEST(what_is_no_text_is_replaced)
{
    labelled("\xff", "l=\"\xef\xbf\xbd\"");
    labelled("a\xc3", "l=\"a\xef\xbf\xbd\"");
    labelled("\xe2\x82\"", "l=\"\xef\xbf\xbd\\\"\"");
}
END_TEST

START_TEST(metrics_have_heads_and_samples)
{
    static const struct metric_label labels[] = {{"a", "1"}, {"b", "2"}};
    struct oks_bytes text = {0}, names = {0};

    metric_labels(&names, labels, 2);
    metric_begin(&text, "x_total", METRIC_COUNTER, "What it is.");
    metric_put(&text, "x_total", (struct oks_slice){names.ptr, names.len}, UINT64_MAX);
    metric_put_money(&text, "x_total", OKS_SLICE("c=\"d\""), 1500000000000);
    metric_put_money(&text, "x_total", (struct oks_slice){0}, 3);
    metric_single(&text, "y", METRIC_GAUGE, "Another.", 0);
    metric_put_money(&text, "y", (struct oks_slice){0}, (unsigned __int128)1 << 100);
    oks_bytes_put(&text, "", 1);
    ck_assert_str_eq(text.ptr, "# HELP x_total What it is.\n# TYPE x_total counter\n"
                               "x_total{a=\"1\",b=\"2\"} 18446744073709551615\n"
                               "x_total{c=\"d\"} 1.5\n"
                               "x_total 0.000000000003\n"
                               "# HELP y Another.\n# TYPE y gauge\ny 0\n"
                               "y 9223372.036854775807\n");
    free(text.ptr);
    free(names.ptr);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("exposition");

    TEST(s, labels_are_escaped);
    TEST(s, what_is_no_text_is_replaced);
    TEST(s, metrics_have_heads_and_samples);
    return tap_run(s);
}
