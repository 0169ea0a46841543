/* Small JSON texts as trees: what is one, what the values are, and when memory runs out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "files/json_memory.h"
#include "files/json_tree.h"
#include "refused_memory.h"
#include "tap.h"

static int parse(struct json_tree *tree, const char *text, size_t len, bool any_bytes,
                 struct json_fault *fault)
{
    const struct json_rules rules = {.depth = 8, .any_bytes = any_bytes};

    return json_tree_parse(tree, (struct oks_slice){text, len}, &rules, fault);
}

static void refused(const char *text, size_t at, const char *what)
{
    struct json_tree tree;
    struct json_fault fault;

    ck_assert_int_eq(parse(&tree, text, strlen(text), false, &fault), -EINVAL);
    ck_assert_msg(fault.at == at && strcmp(fault.what, what) == 0, "%s: %zu, %s", text, fault.at, fault.what);
}

START_TEST(what_is_none)
{
    static const char middle[] = "the file ends in the middle", character[] = "unexpected character";

    refused("", 0, middle);
    refused(" [1", 3, middle);
    refused("{\"a", 3, middle);
    refused("{\"a\":tru", 8, middle);
    refused("[-", 2, middle);
    refused("[1,]", 3, character);
    refused("[1]]", 3, "more text behind the end");
    refused("[01]", 2, "a comma is missing");
    refused("[1.]", 3, "a number that is none");
    refused("[.5]", 1, character);
    refused("[NaN]", 1, character);
    refused("['a']", 1, character);
    refused("{a:1}", 1, "a key without quotes");
    refused("{\"a\" 1}", 5, "a key without a value");
    refused("[\"\\x\"]", 3, "an escape that is none");
    refused("[\"\\u12g4\"]", 6, "an escape that is none");
    refused("{\"a\\u0000b\":1}", 9, "a name with a NUL");
    refused("[-Infinity]", 2, character);
    refused("[1.5.2]", 4, "a comma is missing");
    refused("[1e+]", 4, "a number that is none");
    refused("[TRUE]", 1, character);
    refused("[1,/**/2]", 3, character);
    refused("[\v1]", 1, character);
    refused("[\"\t\"]", 2, "a control character in a string");
    refused("[\"\xc0\xaf\"]", 2, "bytes that are no UTF-8");
    refused("[[[[[[[[1]]]]]]]]", 8, "nested too deeply");
}
END_TEST

START_TEST(values)
{
    static const char text[] =
        " {\"i\":-7,\"d\":1.5e3,\"s\":\"a\\n\\u00e9\\ud83d\\ude80\\ud800x\",\"t\":true,\"n\":null,"
        "\"big\":99999999999999999999,\"l\":[1,[2,3],{\"x\":[]}],\"s\":\"last\",\"z\":\"a\\u0000b\","
        "\"e\":1E+2} ";
    struct json_tree tree;
    struct json_fault fault;
    json_object *list;
    char room[24];

    ck_assert_int_eq(parse(&tree, text, sizeof(text) - 1, false, &fault), 0);
    ck_assert_int_eq(json_object_object_length(tree.root), 9); /* each key once, and of "s" the last */
    ck_assert(json_int64(json_member(tree.root, "i")) == -7);
    ck_assert(json_uint64(json_member(tree.root, "i")) == 0);
    ck_assert_str_eq(json_number(json_member(tree.root, "i"), room), "-7");
    ck_assert_str_eq(json_number(json_member(tree.root, "d"), room), "1.5e3");
    ck_assert_str_eq(json_number(json_member(tree.root, "e"), room), "1E+2");
    ck_assert(json_int64(json_member(tree.root, "d")) == 1500);
    ck_assert(json_uint64(json_member(tree.root, "d")) == 0);
    ck_assert(json_int64(json_member(tree.root, "big")) == INT64_MAX);
    ck_assert(json_uint64(json_member(tree.root, "big")) == UINT64_MAX);
    ck_assert_str_eq(json_number(json_member(tree.root, "big"), room), "18446744073709551615");
    ck_assert_ptr_null(json_number(json_member(tree.root, "s"), room));
    ck_assert_str_eq(json_text(json_member(tree.root, "s")), "last");
    ck_assert_ptr_null(json_text(json_member(tree.root, "z")));
    ck_assert_int_eq(json_object_get_string_len(json_member(tree.root, "z")), 3);
    ck_assert(json_true(json_member(tree.root, "t")));
    ck_assert(!json_true(json_member(tree.root, "i")));
    ck_assert_ptr_null(json_member(tree.root, "n"));
    ck_assert_ptr_null(json_member(tree.root, "missing"));
    ck_assert_ptr_null(json_member(json_member(tree.root, "i"), "x"));
    ck_assert_ptr_null(json_member(NULL, "x"));
    list = json_member(tree.root, "l");
    ck_assert_uint_eq(json_object_array_length(list), 3);
    ck_assert(json_object_is_type(json_member(json_object_array_get_idx(list, 2), "x"), json_type_array));
    json_tree_clear(&tree);
    ck_assert_ptr_null(tree.root);
}
END_TEST

START_TEST(strings_with_escapes)
{
    static const char text[] =
        "[\"a\\n\\u00e9\\ud83d\\ude80\\ud800x\",\"\\udc00\",\"\\ud800\\u0041\",\"\\ud800\"]";
    static const char *const want[] = {"a\n\xc3\xa9\xf0\x9f\x9a\x80\xef\xbf\xbdx", "\xef\xbf\xbd",
                                       "\xef\xbf\xbd\x41", "\xef\xbf\xbd"};
    struct json_tree tree;
    struct json_fault fault;

    ck_assert_int_eq(parse(&tree, text, sizeof(text) - 1, false, &fault), 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_str_eq(json_text(json_object_array_get_idx(tree.root, i)), want[i]);
    json_tree_clear(&tree);
}
END_TEST

/* What ends with the text, which has no NUL behind it. */
START_TEST(values_alone)
{
    static const struct {
        const char *text;
        json_type type;
    } cases[] = {{"7", json_type_int},     {"-0", json_type_int},       {"1e1", json_type_double},
                 {"null", json_type_null}, {"true", json_type_boolean}, {"\"\"", json_type_string},
                 {"[]", json_type_array},  {" {} ", json_type_object},  {" false\n", json_type_boolean}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct json_tree tree;
        struct json_fault fault;
        size_t n = strlen(cases[i].text);
        char *text = malloc(n);

        memcpy(text, cases[i].text, n);
        ck_assert_msg(parse(&tree, text, n, false, &fault) == 0, "%s", cases[i].text);
        ck_assert_msg(json_object_is_type(tree.root, cases[i].type), "%s", cases[i].text);
        json_tree_clear(&tree);
        free(text);
    }
}
END_TEST

START_TEST(not_too_many_objects)
{
    static char text[4 * JSON_CONTAINERS_MAX + 16];
    struct json_tree tree;
    struct json_fault fault;
    size_t n = 0;

    text[n++] = '[';
    for (int i = 0; i < JSON_CONTAINERS_MAX - 1; i++)
        n += (size_t)sprintf(text + n, "%s", i ? ",{}" : "{}");
    n += (size_t)sprintf(text + n, "]");
    ck_assert_int_eq(parse(&tree, text, n, false, &fault), 0);
    ck_assert_uint_eq(json_object_array_length(tree.root), JSON_CONTAINERS_MAX - 1);
    json_tree_clear(&tree);
    n += (size_t)sprintf(text + n - 1, ",{}]") - 1;
    ck_assert_int_eq(parse(&tree, text, n, false, &fault), -EINVAL);
    ck_assert_str_eq(fault.what, "too many objects and lists");
}
END_TEST

START_TEST(bytes_of_any_kind)
{
    static const char text[] = "[\"\xff\t\xc0\"]", nul[] = "[\"a\0b\"]";
    struct json_tree tree;
    struct json_fault fault;

    ck_assert_int_eq(parse(&tree, text, sizeof(text) - 1, false, &fault), -EINVAL);
    ck_assert_int_eq(parse(&tree, text, sizeof(text) - 1, true, &fault), 0);
    ck_assert_str_eq(json_text(json_object_array_get_idx(tree.root, 0)), "\xff\t\xc0");
    json_tree_clear(&tree);
    ck_assert_int_eq(parse(&tree, nul, sizeof(nul) - 1, true, &fault), -EINVAL);
}
END_TEST

/* A value of at most `depth` levels, from a small alphabet of words. */
static size_t made(char *out, unsigned *seed, unsigned depth)
{
    static const char *const scalars[] = {"1",    "-20",  "0",          "3.25",           "true",
                                          "null", "\"\"", "\"a\\\"b\"", "\"\\u20ac\\t\"", "\"plain\""};
    unsigned pick = *seed = *seed * 1103515245 + 12345;
    size_t n = 0, items = (pick >> 8) % 4;
    bool object = (pick >> 16) & 1;

    if (depth <= 1 || (pick >> 20) % 3 == 0)
        return (size_t)sprintf(out, "%s", scalars[(pick >> 12) % (sizeof(scalars) / sizeof(*scalars))]);
    out[n++] = object ? '{' : '[';
    for (size_t i = 0; i < items; i++) {
        n += (size_t)sprintf(out + n, "%s", i ? ", " : " ");
        if (object)
            n += (size_t)sprintf(out + n, "\"k%u\" :", (*seed >> 10) % 3);
        n += made(out + n, seed, depth - 1);
    }
    out[n++] = object ? '}' : ']';
    out[n] = '\0';
    return n;
}

/* Whatever the checker lets pass, json-c takes: a refusal would be reported as a lack of memory. */
START_TEST(what_passes_is_parsed)
{
    static const char letters[] = "{}[]\",:\\ \n\t0123456789eE+-.truefalsn/'#\x01\xc3\xa9u";
    static char text[1 << 16];

    for (unsigned seed = 1, i = 0; i < 20000; i++) {
        size_t len = made(text, &seed, 6), at;
        struct json_tree tree;
        struct json_fault fault;
        int rc;

        ck_assert_msg(parse(&tree, text, len, false, &fault) == 0, "%s: %s", text, fault.what);
        json_tree_clear(&tree);
        for (unsigned k = 0; k < 2; k++) { /* some of them are JSON even so */
            seed = seed * 1103515245 + 12345;
            at = (seed >> 8) % len;
            text[at] = letters[(seed >> 20) % (sizeof(letters) - 1)];
            rc = parse(&tree, text, len, k, &fault);
            ck_assert_msg(rc == 0 || rc == -EINVAL, "%s", text);
            if (rc == 0)
                json_tree_clear(&tree);
        }
    }
}
END_TEST

START_TEST(without_memory)
{
    static const char text[] =
        "{\"a\":[1,2,3,{\"b\":null,\"c\":\"text\",\"b\":1}],\"d\":{\"e\":{},\"f\":[]}}";
    struct json_tree tree;
    struct json_fault fault;
    long n = 0;
    int rc;

    do {
        allowed = n++;
        rc = parse(&tree, text, sizeof(text) - 1, false, &fault);
        allowed = -1;
        ck_assert(rc == 0 || rc == -ENOMEM);
    } while (rc < 0);
    ck_assert_int_gt(n, JSON_CHECKS_MEMORY ? 0 : 20);
    json_tree_clear(&tree);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_tree");

    TEST(suite, what_is_none);
    TEST(suite, values);
    TEST(suite, strings_with_escapes);
    TEST(suite, values_alone);
    TEST(suite, not_too_many_objects);
    TEST(suite, bytes_of_any_kind);
    TEST(suite, what_passes_is_parsed);
    TEST(suite, without_memory);
    return tap_run(suite);
}
