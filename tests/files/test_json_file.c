/* Files that a person writes: what is wrong with them, and in which line. */
#include <errno.h>
#include <string.h>

#include "files/json_file.h"
#include "tap.h"

enum { DEPTH = 8 };

static void refused(const char *text, const char *want)
{
    char error[256] = "";
    struct json_file file;

    ck_assert_int_eq(json_file_parse(&file, text, strlen(text), DEPTH, error), -EINVAL);
    ck_assert_ptr_null(file.tree.root);
    ck_assert_msg(strncmp(error, want, strlen(want)) == 0, "%s: %s", text, error);
}

START_TEST(what_is_no_such_file)
{
    refused("", "line 1: the file ends in the middle");
    refused("\n{\n\"a\":", "line 3: the file ends in the middle");
    refused("{\n\"a\":1}\n\nx", "line 4: ");
    refused("{} {}", "line 1: ");
    refused("\n[]", "line 1: the file is no JSON object");
    refused("1 ", "line 1: the file is no JSON object");
    refused("{\n\"a\" 1}", "line 2: ");
    refused("{\"a\":1,}", "line 1: ");
    refused("{\"a\":\"\xff\"}", "line 1: ");
    refused("{\"a\":\"\x01\"}", "line 1: ");
    refused("{\"a\":\"\xea\xb2\xb0\",\n\"b\":\"\xc0\xaf\"}", "line 2: ");         /* overlong */
    refused("{\"a\":\"\xf0\x9f\x9a\x80\",\n\"b\":\"\xed\xa0\x80\"}", "line 2: "); /* a surrogate */
    refused("{\"\xea\xb2\xb0\xec\xa0\x9c\":1,\n\"b\":}", "line 2: ");
    refused("\xea\xb2\xb0{}", "line 1: ");
}
END_TEST

START_TEST(what_helps_to_find_it)
{
    refused(" \n", "line 1: the file ends in the middle: it is empty");
    refused("{\"a\":1,\n \"b\":2,\n }",
            "line 3: a key without quotes at }, column 2: the comma before it is one too many");
    refused("{\"a\": [1,]}",
            "line 1: unexpected character at ], column 10: the comma before it is one too many");
    refused("{\n  // why\n\"a\":1}", "line 2: a key without quotes at /, column 3: JSON has no comments");
    refused("{\n# why\n\"a\":1}", "line 2: a key without quotes at #, column 1: JSON has no comments");
    refused("{} // why", "line 1: more text behind the end at /, column 4: JSON has no comments");
    refused("{\"a\": \"'\",\n 'b': 1}",
            "line 2: a key without quotes at ', column 2: names and texts stand in double quotes");
    refused("{\"\xea\xb2\xb0\xec\xa0\x9c\": x}", "line 1: unexpected character at x, column 8");
    refused("{\"a\": 1 \"b\": 2}", "line 1: a comma is missing at \", column 9");
}
END_TEST

START_TEST(a_name_that_stands_twice)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{\"a\":{\"x\":1,\"y\":[{\"x\":2}]}, \"b\":{\"x\":3}}", ""},
        {"{\"a\":{}}", ""},
        {"{\"a\":{\"x\":1,\n\"y\":2,\n\"x\":3}}", "line 3: \"x\" stands twice: only one of them could count"},
        {"{\"a\":{\"x\":1, \"\\u0078\":3}}",
         "line 1: \"\\u0078\" stands twice: only one of them could count"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char error[256] = "";
        struct json_file file;
        json_object *a;

        ck_assert_int_eq(json_file_parse(&file, cases[i].text, strlen(cases[i].text), DEPTH, error), 0);
        a = json_member(file.tree.root, "a");
        ck_assert_ptr_nonnull(a);
        ck_assert_int_eq(json_file_unique(&file, (const char *[]){"a", NULL}, a),
                         *cases[i].error ? -EINVAL : 0);
        ck_assert_str_eq(error, cases[i].error);
        json_file_clear(&file);
    }
}
END_TEST

START_TEST(what_is_one)
{
    static const char *const texts[] = {"{}", " {} \n\t\r ", "{\"a\":[[[[[[1]]]]]]}"};
    char error[256] = "none";

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct json_file file;

        ck_assert_int_eq(json_file_parse(&file, texts[i], strlen(texts[i]), DEPTH, error), 0);
        ck_assert(json_object_is_type(file.tree.root, json_type_object));
        json_file_clear(&file);
        ck_assert_ptr_null(file.tree.root);
    }
    ck_assert_str_eq(error, "none");
    refused("{\"a\":[[[[[[[[1]]]]]]]]}", "line 1: ");
}
END_TEST

START_TEST(foreign_letters_are_taken)
{
    static const char letters[] =
        "{\"\xc3\xa9\":"
        "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xea\xb2\xb0\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\","
        "\"n\":[\"\xf0\x9f\x9a\x80\\u00e9\",1]}";
    char error[256];
    struct json_file file;
    json_object *value;

    ck_assert_int_eq(json_file_parse(&file, letters, sizeof(letters) - 1, DEPTH, error), 0);
    value = json_member(file.tree.root, "\xc3\xa9");
    ck_assert_str_eq(json_text(value),
                     "\xc2\x80\xdf\xbf\xe0\xa0\x80\xea\xb2\xb0\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
    value = json_member(file.tree.root, "n");
    ck_assert_str_eq(json_text(json_object_array_get_idx(value, 0)), "\xf0\x9f\x9a\x80\xc3\xa9");
    json_file_clear(&file);
}
END_TEST

static const char text[] = "\n"
                           "{ \"a\" : 1,\n"                /* 2 */
                           "  \"b\":{\"c\": [1, \"]}\",\n" /* 3 */
                           "    {\"x\":[]},\n"             /* 4 */
                           "    2 ],\n"                    /* 5 */
                           "  \"d\":\"\\\"{\"},\n"         /* 6 */
                           "  \"e\":true,\"f\":null,\n"    /* 7 */
                           "  \"e\"\n"                     /* 8 */
                           "  :\n"                         /* 9 */
                           "  -1.5e3 ,\n"                  /* 10 */
                           "  \"last\":\n"                 /* 11 */
                           "  [\n"                         /* 12 */
                           "  7\n"                         /* 13 */
                           "  ]\n"                         /* 14 */
                           "}\n";

static void stands_in(size_t line, const char *const *path)
{
    char error[256], want[32];
    struct json_file file;

    ck_assert_int_eq(json_file_parse(&file, text, sizeof(text) - 1, DEPTH, error), 0);
    ck_assert_int_eq(json_file_error(&file, path, "%d%s", 4, "2"), -EINVAL);
    snprintf(want, sizeof(want), "line %zu: 42", line);
    ck_assert_str_eq(error, want);
    json_file_clear(&file);
}

#define STANDS_IN(line, ...) stands_in(line, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

START_TEST(errors_name_the_line)
{
    STANDS_IN(2);
    STANDS_IN(2, "a");
    STANDS_IN(3, "b");
    STANDS_IN(3, "b", "c");
    STANDS_IN(3, "b", "c", "0");
    STANDS_IN(3, "b", "c", "1");
    STANDS_IN(4, "b", "c", "2");
    STANDS_IN(4, "b", "c", "2", "x");
    STANDS_IN(5, "b", "c", "3");
    STANDS_IN(6, "b", "d");
    STANDS_IN(7, "f");
    STANDS_IN(10, "e"); /* the last one counts */
    STANDS_IN(12, "last");
    STANDS_IN(13, "last", "0");
}
END_TEST

/* What is not there: the nearest container that is. */
START_TEST(errors_of_what_is_missing)
{
    STANDS_IN(2, "missing");
    STANDS_IN(2, "c");
    STANDS_IN(2, "a", "below a number");
    STANDS_IN(3, "b", "missing", "c");
    STANDS_IN(3, "b", "c", "4");
    STANDS_IN(4, "b", "c", "2", "missing");
    STANDS_IN(12, "last", "1");
}
END_TEST

START_TEST(long_errors_are_cut)
{
    char error[257], many[400];
    struct json_file file;

    memset(many, 'm', sizeof(many));
    many[sizeof(many) - 1] = '\0';
    memset(error, '~', sizeof(error));
    ck_assert_int_eq(json_file_parse(&file, "{}", 2, DEPTH, error), 0);
    json_file_error(&file, (const char *const[]){NULL}, "%s", many);
    ck_assert_uint_eq(strlen(error), 255);
    ck_assert_int_eq(error[256], '~');
    json_file_clear(&file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_file");

    TEST(suite, what_is_no_such_file);
    TEST(suite, what_helps_to_find_it);
    TEST(suite, a_name_that_stands_twice);
    TEST(suite, what_is_one);
    TEST(suite, foreign_letters_are_taken);
    TEST(suite, errors_name_the_line);
    TEST(suite, errors_of_what_is_missing);
    TEST(suite, long_errors_are_cut);
    return tap_run(suite);
}
