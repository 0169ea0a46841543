/* Tables of text: columns of a terminal, what is left out and cut, numbers as cells, pieces of a document. */
#include <check.h>

#include "okstrafs/zone.h"
#include "report/cells.h"
#include "report/pieces.h"
#include "report/table.h"
#include "report/width.h"
#include "tap.h"

static char printed[65536];

static void keep_line(void *ctx, enum emphasis emphasis, const char *line)
{
    size_t n = strlen(printed);

    snprintf(printed + n, sizeof(printed) - n, "%s\n", line);
}

static const char *print(const struct table *t, size_t width, bool unicode)
{
    struct report_style style = {.width = width, .unicode = unicode, .line = keep_line};

    printed[0] = '\0';
    ck_assert_int_eq(table_print(t, &style), 0);
    return printed;
}

START_TEST(columns_of_characters)
{
    static const struct {
        const char *text;
        size_t width;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {"caf\u00e9", 4},
        {"cafe\u0301", 4},         /* a combining mark */
        {"\ud55c\uad6d\uc5b4", 6}, /* Hangul syllables */
        {"\u1112\u1161\u11ab", 2}, /* the same kind of syllable of three letters */
        {"\u65e5\u672c", 4},
        {"\uff21", 2}, /* full width */
        {"\uff71", 1}, /* half width */
        {"\U0001f680", 2},
        {"\u2026", 1},
        {"\U0001d160x", 2},
        {"\xff\xfe", 2}, /* no UTF-8 */
    };
    size_t width;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        ck_assert_msg(text_width(cases[i].text) == cases[i].width, "%s: %zu", cases[i].text,
                      text_width(cases[i].text));
    ck_assert_uint_eq(text_fit("\ud55c\uad6d\uc5b4", 5, &width), 6);
    ck_assert_uint_eq(width, 4);
    ck_assert_uint_eq(text_fit("ae\u0301x", 2, &width), 4); /* the mark belongs to its letter */
}
END_TEST

/* Two rows with names of any width, and a total. */
static struct table *sample(const char *one, const char *other)
{
    static const struct table_title titles[] = {{"Name", TABLE_LEFT, 0},     {"Input", TABLE_RIGHT, 1},
                                                {"Nothing", TABLE_RIGHT, 9}, {"Tokens", TABLE_RIGHT, 3},
                                                {"Share", TABLE_RIGHT, 2},   {0}};
    struct table *t = table_new(titles);

    for (int i = 0; i < 2; i++) {
        table_cell(t, i ? other : one);
        table_cell(t, i ? "7" : "1,234");
        table_cell(t, NULL);
        table_cell(t, "12");
        table_bar(t, i ? "50%" : "100%", i ? 500 : 1000);
    }
    table_emphasis(t, EMPHASIS_TOTAL);
    table_cell(t, "Total");
    table_cell(t, "1,241");
    table_cell(t, "");
    table_cell(t, "24");
    table_cell(t, "");
    return t;
}

START_TEST(columns_are_aligned)
{
    struct table *t = sample("ab", "\ud55c\uad6d");

    ck_assert_str_eq(print(t, 80, false), "Name   Input  Tokens  Share\n"
                                          "ab     1,234      12   100% ##########\n"
                                          "\ud55c\uad6d       7      12    50% #####\n"
                                          "--------------------------------------\n"
                                          "Total  1,241      24\n");
    ck_assert_ptr_nonnull(strstr(print(t, 80, true), " 50% \u2588\u2588\u2588\u2588\u2588\n"));
    table_free(t);
}
END_TEST

START_TEST(a_narrow_terminal_gets_fewer_columns)
{
    struct table *t = sample("ab", "cd");
    static const struct {
        size_t width;
        const char *titles;
    } cases[] = {
        {38, "Name   Input  Tokens  Share\n"},
        {37, "Name   Tokens  Share\n"},
        {31, "Name   Tokens  Share\n"},
        {30, "Name   Tokens\n"},
        {13, "Name   Tokens\n"},
        {9, "Name\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *lines = print(t, cases[i].width, false);

        ck_assert_msg(strncmp(lines, cases[i].titles, strlen(cases[i].titles)) == 0, "%zu: %s",
                      cases[i].width, lines);
        for (const char *line = lines; *line; line += strcspn(line, "\n") + 1)
            ck_assert_uint_le(strcspn(line, "\n"), cases[i].width);
    }
    table_free(t);
}
END_TEST

START_TEST(a_long_name_loses_its_middle)
{
    struct table *t = sample("/home/somebody/work/of/many/years/shop",
                             "\ud55c\uad6d\uc5b4\ud55c\uad6d\uc5b4\ud55c\uad6d\uc5b4\ud55c\uad6d\uc5b4!");

    print(t, 60, false);
    ck_assert_ptr_nonnull(strstr(printed, "/home/somebo..ny/years/shop"));
    for (size_t width = 20; width < 100; width++) {
        print(t, width, true);
        for (char *line = strtok(printed, "\n"); line; line = strtok(NULL, "\n"))
            ck_assert_uint_le(text_width(line), width);
    }
    table_free(t);
}
END_TEST

START_TEST(hidden_characters_are_replaced)
{
    struct table *t = sample("a\033[31m\xc2\x9b\u202e"
                             "b\tc\nd",
                             "\u200b");

    print(t, 80, false);
    ck_assert_ptr_nonnull(strstr(printed, "a?[31m??b?c?d  1,234"));
    ck_assert_ptr_nonnull(strstr(printed, "\n?            "));
    table_free(t);
}
END_TEST

/* A member of the object `text`. */
static struct value member(struct values *tree, const char *text, const char *name)
{
    ck_assert_int_eq(values_parse(tree, oks_slice_of(text)), 0);
    ck_assert_ptr_nonnull(value_member(tree->root, name));
    return *value_member(tree->root, name);
}

START_TEST(numbers_as_cells)
{
    static const struct {
        const char *text, *count, *usd;
    } cases[] = {
        {"0", "0", "0.00"},
        {"7", "7", "7.00"},
        {"999", "999", "999.00"},
        {"1000", "1,000", "1,000.00"},
        {"9223372036854775807", "9,223,372,036,854,775,807", "9,223,372,036,854,775,807.00"},
        {"0.004999", "0.004999", "<0.01"},
        {"0.005", "0.005", "0.01"},
        {"0.994999999999", "0.994999999999", "0.99"},
        {"9.995", "9.995", "10.00"},
        {"1234567.5", "1,234,567.5", "1,234,567.50"},
        {"999999.995", "999,999.995", "1,000,000.00"},
        {"1e400", "1e400", "1e400"},
        {"null", "", "?"},
        {"true", "", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct cell_marks marks = {0};
        char text[64], out[CELL_BYTES];
        struct values tree;
        struct value v;

        snprintf(text, sizeof(text), "{\"lowerBound\":false,\"n\":%s}", cases[i].text);
        v = member(&tree, text, "n");
        ck_assert_str_eq(cell_count(&v, out), cases[i].count);
        ck_assert_str_eq(cell_usd(&v, tree.root, &marks, out), cases[i].usd);
        ck_assert_int_eq(marks.unknown, strcmp(cases[i].usd, "?") == 0);
        ck_assert(!marks.at_least);
        values_clear(&tree);
    }
}
END_TEST

START_TEST(a_lower_bound_is_marked)
{
    struct cell_marks marks = {0};
    char out[CELL_BYTES];
    struct values tree;
    struct value v = member(&tree, "{\"n\":0.001,\"lowerBound\":true}", "n");

    ck_assert_str_eq(cell_usd(&v, tree.root, &marks, out), ">0.00");
    ck_assert(marks.at_least);
    values_clear(&tree);
}
END_TEST

START_TEST(times_and_ratios_as_cells)
{
    struct oks_zone *zone;
    char out[CELL_BYTES];
    struct values tree;
    struct value v;

    ck_assert_int_eq(oks_zone_new(&zone, "KST-9", OKS_ZONEINFO), 0);
    v = member(&tree, "{\"t\":\"2026-06-10T20:59:59.999Z\"}", "t");
    ck_assert_str_eq(cell_time(&v, zone, out), "2026-06-11 05:59");
    ck_assert_str_eq(cell_time(&v, NULL, out), "2026-06-10 20:59");
    values_clear(&tree);
    v = member(&tree, "{\"t\":\"some time ago\"}", "t");
    ck_assert_str_eq(cell_time(&v, zone, out), "some time ago");
    values_clear(&tree);
    v = member(&tree, "{\"r\":0.9999}", "r");
    ck_assert_str_eq(cell_percent(&v, out), "99%"); /* not 100 before the limit is reached */
    values_clear(&tree);
    v = member(&tree, "{\"r\":0.29}", "r");
    ck_assert_str_eq(cell_percent(&v, out), "29%");
    values_clear(&tree);
    oks_zone_free(zone);
}
END_TEST

START_TEST(pieces_of_a_text)
{
    static const char text[] =
        "{ \"a\": [1, {\"x\": \"]}\\\"\"}, \"z\" ] , \"b,\":{\"c\":[]},\"d\":\"e:\", \"f\":-1.5e3 }";
    static const struct {
        const char *key, *value;
    } want[] = {
        {"a", "[1, {\"x\": \"]}\\\"\"}, \"z\" ]"}, {"b,", "{\"c\":[]}"}, {"d", "\"e:\""}, {"f", "-1.5e3"}};
    static const char *const elements[] = {"1", "{\"x\": \"]}\\\"\"}", "\"z\""};
    struct oks_slice key, value;
    struct pieces pieces;

    pieces_begin(&pieces, oks_slice_of(text));
    for (size_t i = 0; i < 4; i++) {
        ck_assert(pieces_next(&pieces, &key, &value));
        ck_assert(oks_slice_eq(key, oks_slice_of(want[i].key)));
        ck_assert(oks_slice_eq(value, oks_slice_of(want[i].value)));
    }
    ck_assert(!pieces_next(&pieces, &key, &value));
    pieces_begin(&pieces, pieces_member(oks_slice_of(text), "a"));
    for (size_t i = 0; i < 3; i++) {
        ck_assert(pieces_next(&pieces, &key, &value));
        ck_assert_uint_eq(key.len, 0);
        ck_assert(oks_slice_eq(value, oks_slice_of(elements[i])));
    }
    ck_assert(!pieces_next(&pieces, &key, &value));
    ck_assert_uint_eq(pieces_member(oks_slice_of(text), "c").len, 0);
}
END_TEST

/* Whatever the text is, its pieces lie in it and come to an end. */
START_TEST(pieces_of_any_text)
{
    static const char alphabet[] = "{}[]\",:\\ 1a";
    unsigned state = 1;

    for (int i = 0; i < 20000; i++) {
        size_t n = (state = state * 1103515245 + 12345) >> 16 & 15, count = 0;
        char *text = malloc(n + 1);
        struct oks_slice key, value;
        struct pieces pieces;

        for (size_t k = 0; k < n; k++)
            text[k] = alphabet[((state = state * 1103515245 + 12345) >> 16) % (sizeof(alphabet) - 1)];
        pieces_begin(&pieces, (struct oks_slice){text, n});
        while (pieces_next(&pieces, &key, &value)) {
            ck_assert(value.len > 0 && value.ptr >= text && value.ptr + value.len <= text + n);
            ck_assert(key.ptr >= text && key.ptr + key.len <= text + n);
            ck_assert_uint_le(++count, n);
        }
        free(text);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("table");

    TEST(s, columns_of_characters);
    TEST(s, columns_are_aligned);
    TEST(s, a_narrow_terminal_gets_fewer_columns);
    TEST(s, a_long_name_loses_its_middle);
    TEST(s, hidden_characters_are_replaced);
    TEST(s, numbers_as_cells);
    TEST(s, a_lower_bound_is_marked);
    TEST(s, times_and_ratios_as_cells);
    TEST(s, pieces_of_a_text);
    TEST(s, pieces_of_any_text);
    return tap_run(s);
}
